// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What a query did, as lines of `name=value`: for people, and for programs that look for a name.

use std::io::Write;

use bowyer::{Result, Statistics};

/// Writes a line for the query and one for each operator.
pub(crate) fn write(statistics: &Statistics, output: &mut impl Write) -> Result<()> {
    let s = statistics;
    writeln!(
        output,
        "query rows_in={} rows_out={} bytes_in={} bytes_out={} peak_memory_bytes={} spilled_bytes={} elapsed_ms={:.1} cpu_ms={:.1}",
        s.rows_in,
        s.rows_out,
        s.bytes_in,
        s.bytes_out,
        s.peak_memory_bytes,
        s.spilled_bytes,
        milliseconds(s.elapsed_ns),
        milliseconds(s.cpu_ns)
    )?;
    for operator in &s.operators {
        let (path, rows_in, rows_out) = (&operator.path, operator.rows_in, operator.rows_out);
        let (memory, spilled) = (operator.memory_bytes, operator.spilled_bytes);
        write!(output, "{path} rows_in={rows_in} rows_out={rows_out} memory_bytes={memory} spilled_bytes={spilled} ")?;
        writeln!(output, "cpu_ms={:.1}", milliseconds(operator.cpu_ns))?;
    }
    Ok(())
}

fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}
