// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The plan of a query beside what was measured of it: two lines for each operator, one for the query.
//!
//! Time is that of all threads together, memory the most that an operator held at a time, its results included.

use std::fmt::Write;

use crate::proto;

/// The text for a plan of these lines (path and text) and the statistics of one of its queries.
pub(crate) fn text(lines: &[(String, String)], statistics: &proto::QueryStatistics) -> String {
    let mut text = String::new();
    for (path, line) in lines {
        let _infallible = writeln!(text, "{path}: {line}");
        // A part of an operator, as the build side of a join, has a path that goes on after a space.
        let own = statistics.operators.iter().filter(|operator| {
            operator.path.strip_prefix(path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        });
        for operator in own {
            let part = operator.path.strip_prefix(path.as_str()).unwrap_or_default().trim_start();
            let part = if part.is_empty() { String::new() } else { format!("{part}: ") };
            let _infallible = writeln!(text, "    {part}{}", measured(operator));
        }
    }
    let _infallible = writeln!(
        text,
        "query: {} in, {} out, {}, {} on all threads, peak memory {}",
        counted(statistics.rows_in, "row"),
        counted(statistics.rows_out, "row"),
        time(statistics.elapsed_ns),
        time(statistics.cpu_ns),
        bytes(statistics.peak_memory_bytes)
    );
    text
}

fn measured(operator: &proto::OperatorStatistics) -> String {
    let source = operator.path.starts_with("scan");
    let rows = if source || operator.batches_in == 0 {
        format!("{}, {}", counted(operator.rows_out, "row"), counted_as(operator.batches_out, "batch", "batches"))
    } else if operator.batches_out == 0 && operator.rows_out == 0 {
        format!("{} → 0, {}", counted(operator.rows_in, "row"), counted_as(operator.batches_in, "batch", "batches"))
    } else {
        format!(
            "{} → {} rows, {} → {} batches",
            operator.rows_in, operator.rows_out, operator.batches_in, operator.batches_out
        )
    };
    if source {
        return format!("{rows}, {}", time(operator.cpu_ns));
    }
    let spilled = match operator.spilled_files {
        0 => String::new(),
        files => format!(", {} spilled to {}", bytes(operator.spilled_bytes), counted(files, "file")),
    };
    format!("{rows}, {}, peak memory {}{spilled}", time(operator.cpu_ns), bytes(operator.memory_bytes))
}

fn counted(count: u64, noun: &str) -> String {
    counted_as(count, noun, &format!("{noun}s"))
}

fn counted_as(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Nanoseconds in the unit that shows three digits or so.
fn time(ns: u64) -> String {
    let value = ns as f64;
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{:.1} µs", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", value / 1e6),
        _ => format!("{:.2} s", value / 1e9),
    }
}

fn bytes(count: u64) -> String {
    let value = count as f64;
    match count {
        0..1_024 => format!("{count} B"),
        1_024..1_048_576 => format!("{:.1} KiB", value / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", value / 1_048_576.0),
        _ => format!("{:.2} GiB", value / 1_073_741_824.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_has_its_figures_below_it() {
        let lines = [("scan[0]", "t (x)"), ("join[2]", "scan[0] Inner scan[1]")];
        let lines: Vec<_> = lines.iter().map(|(path, line)| ((*path).to_owned(), (*line).to_owned())).collect();
        let operator = |path: &str, rows_in, rows_out| proto::OperatorStatistics {
            path: path.to_owned(),
            rows_in,
            rows_out,
            batches_in: 1,
            batches_out: u64::from(rows_out > 0),
            cpu_ns: 1_500,
            memory_bytes: 2048,
            spilled_bytes: 3 << 10,
            spilled_files: u64::from(rows_in == 3),
        };
        let operators = vec![operator("scan[0]", 5, 5), operator("join[2]", 5, 7), operator("join[2] build", 3, 0)];
        let statistics = proto::QueryStatistics {
            rows_in: 5,
            rows_out: 1,
            elapsed_ns: 2_000_000,
            cpu_ns: 999,
            peak_memory_bytes: 3 << 20,
            operators,
            ..Default::default()
        };
        let expected = [
            "scan[0]: t (x)",
            "    5 rows, 1 batch, 1.5 µs",
            "join[2]: scan[0] Inner scan[1]",
            "    5 → 7 rows, 1 → 1 batches, 1.5 µs, peak memory 2.0 KiB",
            "    build: 3 rows → 0, 1 batch, 1.5 µs, peak memory 2.0 KiB, 3.0 KiB spilled to 1 file",
            "query: 5 rows in, 1 row out, 2.0 ms, 999 ns on all threads, peak memory 3.0 MiB",
        ];
        assert_eq!(text(&lines, &statistics).lines().collect::<Vec<_>>(), expected);
    }
}
