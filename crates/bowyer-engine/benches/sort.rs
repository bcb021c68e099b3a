// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Sorts in memory, in seconds; and how long a cancelled query takes to return.
//!
//! `ROWS=1e7 RUNS=3 ONLY=cancel cargo bench -p bowyer-engine --bench sort`. The tables have one key and three columns of
//! payload. `cancel` stops 1,000 queries at random moments.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints and may stop at the first surprise")]

mod pushed;

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use bowyer_engine::{Bindings, Engine, InputBinding, Next, Prepared, Source, proto};
use pushed::{Heard, Listener, Numbers, batch, prepare, setting};

fn sort(key: &str) -> String {
    format!(r#"{{"expressions":[{{"column":"{key}"}}],"sort":{{"relation":0,"keys":[{{"expression":0}}]}}}}"#)
}

/// Runs a query over batches that are there; gives the seconds.
fn run(prepared: &Prepared, batches: &[RecordBatch]) -> f64 {
    let start = Instant::now();
    let (sender, heard) = channel();
    let source = Source::new(batches[0].schema());
    batches.iter().for_each(|batch| source.push(batch.clone()).unwrap());
    let source = Arc::new(source);
    let inputs = ["t", "u"].map(|name| (name.to_owned(), InputBinding::Source(source.clone()))).to_vec();
    let query = prepared.start(Bindings { inputs, ..Default::default() }, Listener::new(sender)).unwrap();
    loop {
        match query.next(0).unwrap() {
            Next::Batch(batch) => drop(batch),
            Next::End => return start.elapsed().as_secs_f64(),
            Next::Pending => match heard.recv().unwrap() {
                Heard::Ready => {}
                Heard::Wanted(input, credits) => assert_eq!(credits, 0, "input {input} is bound"),
            },
        }
    }
}

fn main() {
    let (rows, runs) = (setting("ROWS", 1e7), setting("RUNS", 3.0).max(1));
    let only = std::env::var("ONLY").unwrap_or_default();
    let engine = Engine::open(&proto::EngineConfig::default()).unwrap();
    if only != "cancel" {
        let batches: Vec<RecordBatch> =
            (0..rows.div_ceil(65_536)).map(|at| batch(65_536.min(rows - at * 65_536), at as u64 + 1)).collect();
        for key in ["i", "f", "s", "n"] {
            let prepared = prepare(&engine, &sort(key), 1);
            let seconds = (0..runs).map(|_| run(&prepared, &batches)).fold(f64::INFINITY, f64::min);
            println!("sort by {key:<2} in memory   {seconds:8.3} s");
        }
    }
    if only.is_empty() || only == "cancel" {
        cancel(&engine, rows.min(2_000_000), setting("CANCELS", 1000.0));
    }
}

/// Cancels queries of every operator at random moments, and prints how long it takes until nothing is held any more.
fn cancel(engine: &Engine, rows: usize, count: usize) {
    let table = Source::new(batch(1, 1).schema());
    table.push(batch(rows, 7)).unwrap();
    let table = Arc::new(table);
    let group = r#"{"expressions":[{"column":"s"},{"column":"f"}],
        "aggregate":{"relation":0,"keys":[{"expression":0}],"measures":[{"function":"sum","arguments":[1]}]}}"#;
    let join = r#"{"join":{"left":0,"right":0,"kind":"JOIN_KIND_INNER","keys":[{"left":"i","right":"i"}],"rightSuffix":"_r"}}"#;
    let filter = r#"{"expressions":[{"column":"f"},{"column":"n"},{"call":{"function":"greater","arguments":[0,1]}}],
        "filter":{"relation":0,"predicate":2}}"#;
    let distinct = r#"{"distinct":{"relation":0,"columns":["s"]}}"#;
    let plans = [sort("i"), sort("s"), group.to_owned(), join.to_owned(), filter.to_owned(), distinct.to_owned()];
    let plans = plans.map(|relation| prepare(engine, &relation, 1));
    let before = engine.memory().used_bytes();
    let mut numbers = Numbers(1);
    let mut times = Vec::with_capacity(count);
    for index in 0..count {
        let (sender, heard) = channel();
        let inputs = ["t", "u"].map(|name| (name.to_owned(), InputBinding::Source(table.clone()))).to_vec();
        let bindings = Bindings { inputs, ..Default::default() };
        let plan = &plans[index % plans.len()];
        let query = plan.start(bindings, Listener::new(sender)).unwrap();
        let until = Instant::now() + Duration::from_micros(numbers.next() % 300_000);
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            match query.next(0).unwrap() {
                Next::End => break,
                Next::Batch(_) => {}
                Next::Pending => drop(heard.recv_timeout(left)),
            }
        }
        let cancelled = Instant::now();
        query.cancel();
        let returned = query.next(0);
        drop((returned, query));
        let returned = cancelled.elapsed();
        while engine.memory().used_bytes() > before && cancelled.elapsed() < Duration::from_secs(10) {
            std::thread::yield_now();
        }
        times.push((returned, cancelled.elapsed()));
    }
    let print = |what: &str, mut times: Vec<Duration>| {
        times.sort();
        let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
        println!("{what:<28} p50 {:7.3} ms  p99 {:7.3} ms  most {:7.3} ms", at(50), at(99), at(100));
    };
    let (returned, free): (Vec<_>, Vec<_>) = times.into_iter().unzip();
    print("cancel to return", returned);
    print("cancel to all memory free", free);
}
