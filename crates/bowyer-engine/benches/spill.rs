// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What inputs of four times the memory limit cost: sorts, groups, joins, windows and distinct rows,
//! streamed from Arrow IPC files.
//!
//! `ROWS=1e7 RUNS=3 CASE=join cargo bench -p bowyer-engine --bench spill`. Each case has a process of its own, which runs it
//! under the limit, says by how much it grew above what it held before, and then runs it without a limit from the same
//! file. `CASE` is the beginning of a case's name.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints and may stop at the first surprise")]

mod pushed;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Instant;

use arrow_ipc::reader::FileReader;
use arrow_ipc::writer::FileWriter;
use bowyer_engine::{Bindings, Engine, InputBinding, Next, Prepared, proto};
use pushed::{Heard, Listener, batch, prepare, setting};

/// How many times larger than the limit an input is.
const TIMES: usize = 4;

/// What tells a process the case that it is to run.
const ONE: &str = "BOWYER_SPILL_BENCH";

/// The names of the cases, the relations of their plans, and which of these is the result.
fn cases() -> Vec<(&'static str, String, usize)> {
    let sort = |key: &str| {
        format!(r#"{{"expressions":[{{"column":"{key}"}}],"sort":{{"relation":0,"keys":[{{"expression":0}}]}}}}"#)
    };
    let group = |key: &str| {
        format!(
            r#"{{"expressions":[{{"column":"{key}"}},{{"column":"f"}}],
            "aggregate":{{"relation":0,"keys":[{{"expression":0}}],"measures":[{{"function":"sum","arguments":[1]}}]}}}}"#
        )
    };
    // Each row finds itself; sums need every row of the join, and no room for them.
    let join = r#"{"scan":{"input":1}},
        {"join":{"left":0,"right":1,"kind":"JOIN_KIND_INNER","keys":[{"left":"i","right":"i"}],"rightSuffix":"_r"}},
        {"expressions":[{"column":"n_r"},{"column":"f"}],
        "aggregate":{"relation":2,"measures":[{"function":"sum","arguments":[0]},{"function":"sum","arguments":[1]}]}}"#;
    let distinct = r#"{"expressions":[{"column":"i"},{"column":"n"}],
        "project":{"relation":0,"columns":[{"expression":0},{"expression":1}]}},
        {"distinct":{"relation":1,"columns":["i","n"]}}"#;
    // A thousand partitions, each of which is sorted.
    let window = r#"{"expressions":[{"column":"n"},{"column":"i"},{"column":"f"}],
        "window":{"relation":0,"partition":[0],"order":[{"expression":1}],
        "functions":[{"function":"row_number","name":"place"},{"function":"sum","arguments":[2],"name":"so_far"}]}}"#;
    vec![
        ("sort by i", sort("i"), 1),
        ("sort by s", sort("s"), 1),
        ("group by i", group("i"), 1),
        ("group by s", group("s"), 1),
        ("join on i", join.to_owned(), 3),
        ("window by n", window.to_owned(), 1),
        ("distinct i, n", distinct.to_owned(), 2),
    ]
}

fn reader(file: &Path) -> FileReader<BufReader<File>> {
    FileReader::try_new_buffered(File::open(file).unwrap(), None).unwrap()
}

/// Runs a query over the file as both inputs; gives the seconds, the rows and the bytes that it spilled.
fn run(prepared: &Prepared, file: &Path, limit: Option<u64>) -> (f64, usize, u64) {
    let start = Instant::now();
    let (sender, heard) = channel();
    let inputs = ["t", "u"].map(|name| (name.to_owned(), InputBinding::Pushed)).to_vec();
    let bindings = Bindings { inputs, memory_limit: limit, ..Default::default() };
    let query = prepared.start(bindings, Listener::new(sender)).unwrap();
    let mut readers = [reader(file), reader(file)];
    let mut rows = 0;
    loop {
        match query.next(0).unwrap() {
            Next::Batch(batch) => rows += batch.num_rows(),
            Next::End => break,
            Next::Pending => {
                let Heard::Wanted(input, credits) = heard.recv().unwrap() else { continue };
                for _ in 0..credits {
                    match readers[input as usize].next() {
                        Some(batch) => query.push(input, batch.unwrap()).unwrap(),
                        None => query.finish(input, None).unwrap(),
                    }
                }
            }
        }
    }
    (start.elapsed().as_secs_f64(), rows, query.statistics().spilled_bytes)
}

/// Writes a table to a file, batch by batch; gives the bytes that its batches take.
fn write(rows: usize, file: &Path) -> usize {
    let mut writer = FileWriter::try_new_buffered(File::create(file).unwrap(), &batch(1, 1).schema()).unwrap();
    let mut bytes = 0;
    for at in 0..rows.div_ceil(65_536) {
        let batch = batch(65_536.min(rows - at * 65_536), at as u64 + 1);
        bytes += batch.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap()).sum::<usize>();
        writer.write(&batch).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

/// Runs a case in this process, under a limit and without.
fn one(name: &str, file: &Path) {
    let (limit, runs) = (setting("LIMIT", 0.0) as u64, setting("RUNS", 3.0).max(1));
    let spill_directory = std::env::temp_dir().to_string_lossy().into_owned();
    let engine = Engine::open(&proto::EngineConfig { spill_directory, ..Default::default() }).unwrap();
    let (_, relations, output) = cases().into_iter().find(|case| case.0 == name).unwrap();
    let prepared = prepare(&engine, &relations, output);
    let idle = size("VmRSS:");
    let best = |limit| {
        let results: Vec<_> = (0..runs).map(|_| run(&prepared, file, limit)).collect();
        let seconds = results.iter().map(|(seconds, ..)| *seconds).fold(f64::INFINITY, f64::min);
        (seconds, results[0].1, results[0].2)
    };
    let (files, rows, spilled) = best(Some(limit));
    let grown = size("VmHWM:").saturating_sub(idle);
    let (memory, due, _) = best(None);
    assert_eq!(rows, due);
    println!(
        "{name:<14} memory_s={memory:.3} spill_s={files:.3} ratio={:.2} limit_mib={} peak_mib={} of_limit={:.2} spilled_mib={}",
        files / memory,
        limit >> 20,
        grown >> 20,
        grown as f64 / limit as f64,
        spilled >> 20
    );
}

/// A size of this process in bytes, by its name in Linux's list; 0 elsewhere.
fn size(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kibibytes| kibibytes.parse::<u64>().ok()).unwrap_or(0) << 10
}

fn main() {
    let file = std::env::var_os("FILE").unwrap_or_default();
    if let Ok(name) = std::env::var(ONE) {
        return one(&name, Path::new(&file));
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("t.arrow");
    let limit = write(setting("ROWS", 1e7), &file) / TIMES;
    let wanted = std::env::var("CASE").unwrap_or_default();
    for (name, ..) in cases().iter().filter(|(name, ..)| name.starts_with(&wanted)) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let command = command.env(ONE, name).env("FILE", &file).env("LIMIT", limit.to_string());
        assert!(command.status().unwrap().success(), "{name} failed");
    }
}
