// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Measures calls that `bench.py` asks for: a line on standard input is a call, a line on standard output its time.
//!
//! A call is `function<TAB>options<TAB>file<TAB>threads<TAB>rounds`: options as a TOML table of that name, or nothing; arguments as the columns of an
//! Arrow IPC file. The answer is the least time of all rounds in microseconds, or why there is none. On several threads
//! each thread calls the function on its share of the rows.

#![expect(clippy::print_stdout, reason = "a measurement is what this program prints")]

#[path = "../../crates/bowyer-compute/tests/support/mod.rs"]
#[expect(dead_code, reason = "the options of examples are for tests")]
mod support;

use std::fs::File;
use std::hint::black_box;
use std::io::BufRead;
use std::time::Instant;

use arrow_array::RecordBatch;
use arrow_ipc::reader::FileReader;
use bowyer_compute::Bound;
use bowyer_core::{Column, Error, Memory, Result};
use bowyer_testkit::toml::{Table, Value};

fn main() -> Result<()> {
    for line in std::io::stdin().lock().lines() {
        match answer(&line?) {
            Ok(micros) => println!("{micros:.1}"),
            Err(error) => println!("error {}", error.to_string().replace('\n', " ")),
        }
    }
    Ok(())
}

fn answer(line: &str) -> Result<f64> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [function, options, file, threads, rounds] = fields.as_slice() else {
        return Err(Error::parse("a call has five fields"));
    };
    let number = |text: &str| text.parse::<usize>().map_err(|error| Error::parse(error.to_string()));
    let (threads, rounds) = (number(threads)?, number(rounds)?);
    let options: Table = options.parse().map_err(|_| Error::parse("the options are no TOML"))?;
    let options = options.get("options").and_then(Value::as_table).cloned().unwrap_or_default();
    let batch = FileReader::try_new(File::open(file)?, None)?.next();
    let batch = batch.ok_or_else(|| Error::parse("the file has no batch"))??;
    let whole: Vec<Column> = batch.columns().iter().cloned().map(Column::Array).collect();
    let bound = support::bind_columns(function, &whole, &options)?;
    let memory = Memory::unlimited();
    let share = batch.num_rows().div_ceil(threads.max(1));
    let parts: Vec<RecordBatch> =
        (0..threads).map(|part| batch.slice(part * share, share.min(batch.num_rows() - part * share))).collect();
    let mut best = f64::INFINITY;
    for _ in 0..rounds {
        let begin = Instant::now();
        if let [part] = parts.as_slice() {
            call(&bound, part, &memory)?;
        } else {
            std::thread::scope(|scope| {
                let running: Vec<_> = parts.iter().map(|part| scope.spawn(|| call(&bound, part, &memory))).collect();
                running
                    .into_iter()
                    .try_for_each(|thread| thread.join().map_err(|_| Error::internal("a call panicked"))?)
            })?;
        }
        best = best.min(begin.elapsed().as_secs_f64() * 1e6);
    }
    Ok(best)
}

fn call(bound: &Bound, batch: &RecordBatch, memory: &Memory) -> Result<()> {
    let columns: Vec<Column> = batch.columns().iter().cloned().map(Column::Array).collect();
    black_box(support::run(bound, &columns, batch.num_rows(), memory)?);
    Ok(())
}
