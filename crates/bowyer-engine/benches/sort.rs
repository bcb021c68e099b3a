// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Sorts in memory and past it, in seconds, groups and joins past it; and how long a cancelled query takes to return.
//!
//! `ROWS=1e7 RUNS=3 ONLY=spill cargo bench -p bowyer-engine --bench sort`. The tables have one key and three columns of
//! payload. `spill` reads batches one by one, under a limit of a quarter of what they take, and says by how much the
//! process grew; `OF=group` or `OF=join` leaves the others out. `cancel` stops 1,000 queries at random moments.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints and may stop at the first surprise")]

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use bowyer_engine::{Bindings, Engine, InputBinding, Next, Notify, Prepared, Source, plan_from_json, proto};

/// Numbers that look random and are the same on every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

enum Heard {
    Ready,
    Wanted(u32, u32),
}

struct Listener(Mutex<Sender<Heard>>);

impl Notify for Listener {
    fn output_ready(&self, _: u32) {
        let _ = self.0.lock().unwrap().send(Heard::Ready);
    }

    fn input_wanted(&self, input: u32, credits: u32) {
        let _ = self.0.lock().unwrap().send(Heard::Wanted(input, credits));
    }
}

/// Rows `first..first + rows` of the table.
fn batch(rows: usize, seed: u64) -> RecordBatch {
    let mut numbers = Numbers(seed);
    let key: Vec<u64> = (0..rows).map(|_| numbers.next()).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("i", Arc::new(Int64Array::from_iter_values(key.iter().map(|&key| key as i64)))),
        ("f", Arc::new(Float64Array::from_iter_values(key.iter().map(|&key| (key >> 11) as f64 / 9.0e15)))),
        ("s", Arc::new(StringArray::from_iter_values(key.iter().map(|key| format!("id{:010}", key % 100_000_000))))),
        ("n", Arc::new(Int32Array::from_iter_values(key.iter().map(|&key| (key % 1000) as i32)))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn prepare(engine: &Engine, relations: &str, output: usize) -> Prepared {
    let schema = r#"{"fields":[{"name":"i","format":"l"},{"name":"f","format":"g"},{"name":"s","format":"u"},{"name":"n","format":"i"}]}"#;
    let plan = format!(
        r#"{{"version":1,"inputs":[{{"name":"t","schema":{schema}}},{{"name":"u","schema":{schema}}}],
        "relations":[{{"scan":{{}}}},{relations}],"outputs":[{{"name":"out","relation":{output}}}]}}"#
    );
    engine.prepare(&plan_from_json(&plan).unwrap()).unwrap()
}

fn sort(key: &str) -> String {
    format!(r#"{{"expressions":[{{"column":"{key}"}}],"sort":{{"relation":0,"keys":[{{"expression":0}}]}}}}"#)
}

/// Runs a query whose input is pushed or bound; gives the seconds, the rows and what it spilled.
fn run(prepared: &Prepared, batches: &[RecordBatch], limit: Option<u64>, pushed: bool) -> (f64, usize, u64) {
    let start = Instant::now();
    let (sender, heard): (_, Receiver<Heard>) = channel();
    let binding = if pushed {
        InputBinding::Pushed
    } else {
        let source = Source::new(batches[0].schema());
        batches.iter().for_each(|batch| source.push(batch.clone()).unwrap());
        InputBinding::Source(Arc::new(source))
    };
    let inputs = ["t", "u"].map(|name| (name.to_owned(), binding.clone())).to_vec();
    let bindings = Bindings { inputs, memory_limit: limit, ..Default::default() };
    let query = prepared.start(bindings, Arc::new(Listener(Mutex::new(sender)))).unwrap();
    let mut rest = [batches.iter(), batches.iter()];
    let mut rows = 0;
    loop {
        match query.next(0).unwrap() {
            Next::Batch(batch) => rows += batch.num_rows(),
            Next::End => break,
            Next::Pending => {
                if let Heard::Wanted(input, credits) = heard.recv().unwrap() {
                    for _ in 0..credits {
                        match rest[input as usize].next() {
                            // A copy, as a reader would make: the table itself is not what is measured.
                            Some(batch) if pushed => query.push(input, fresh(batch)).unwrap(),
                            _ => query.finish(input, None).unwrap(),
                        }
                    }
                }
            }
        }
    }
    (start.elapsed().as_secs_f64(), rows, query.statistics().spilled_bytes)
}

fn fresh(batch: &RecordBatch) -> RecordBatch {
    let indices = arrow_array::UInt32Array::from_iter_values(0..batch.num_rows() as u32);
    arrow_select::take::take_record_batch(batch, &indices).unwrap()
}

fn setting(name: &str, default: f64) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse::<f64>().ok()).unwrap_or(default) as usize
}

fn main() {
    let (rows, runs) = (setting("ROWS", 1e7), setting("RUNS", 3.0).max(1));
    let only = std::env::var("ONLY").unwrap_or_default();
    let directory = std::env::temp_dir().to_string_lossy().into_owned();
    let engine = Engine::open(&proto::EngineConfig { spill_directory: directory, ..Default::default() }).unwrap();
    if only != "cancel" {
        let batches: Vec<RecordBatch> =
            (0..rows.div_ceil(65_536)).map(|at| batch(65_536.min(rows - at * 65_536), at as u64 + 1)).collect();
        let best = |key: &str, limit, pushed| {
            let prepared = prepare(&engine, &sort(key), 1);
            let results: Vec<_> = (0..runs).map(|_| run(&prepared, &batches, limit, pushed)).collect();
            let seconds = results.iter().map(|(seconds, ..)| *seconds).fold(f64::INFINITY, f64::min);
            (seconds, results[0].2)
        };
        let of = std::env::var("OF").unwrap_or_default();
        if only == "spill" && of != "sort" {
            past_memory(&engine, &batches, runs, &of);
        }
        for key in ["i", "f", "s", "n"].into_iter().filter(|_| of.is_empty() || of == "sort") {
            let (memory, _) = best(key, None, false);
            println!("sort by {key:<2} in memory   {memory:8.3} s");
            if only == "spill" {
                let bytes: usize = batches.iter().map(RecordBatch::get_array_memory_size).sum();
                let (files, spilled) = best(key, Some(bytes as u64 / 4), true);
                let (ratio, limit) = (files / memory, bytes >> 22);
                println!(
                    "sort by {key:<2} in {limit} MiB  {files:8.3} s  {ratio:.1} times, {} MiB spilled",
                    spilled >> 20
                );
            }
        }
    }
    if only.is_empty() || only == "cancel" {
        cancel(&engine, rows.min(2_000_000), setting("CANCELS", 1000.0));
    }
}

/// Groups and joins in memory, and in files under a limit of a quarter of their input.
fn past_memory(engine: &Engine, batches: &[RecordBatch], runs: usize, of: &str) {
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
    let plans = [
        ("group by i", prepare(engine, &group("i"), 1)),
        ("group by s", prepare(engine, &group("s"), 1)),
        ("join on i", prepare(engine, join, 3)),
    ];
    let bytes: usize = batches.iter().map(RecordBatch::get_array_memory_size).sum();
    let limit = bytes as u64 / 4;
    for (name, plan) in plans.iter().filter(|(name, _)| name.starts_with(of)) {
        let best = |limit, pushed| {
            let before = resident();
            reset_peak();
            let results: Vec<_> = (0..runs).map(|_| run(plan, batches, limit, pushed)).collect();
            let grown = peak_resident().saturating_sub(before) >> 20;
            (results.iter().map(|(seconds, ..)| *seconds).fold(f64::INFINITY, f64::min), results[0].2 >> 20, grown)
        };
        // First, while the process holds nothing that it could use again.
        let (files, spilled, grown) = best(Some(limit), true);
        let (memory, ..) = best(None, false);
        let (limit, ratio) = (limit >> 20, files / memory);
        println!(
            "{name:<11} in memory {memory:7.3} s, in {limit} MiB {files:7.3} s: {ratio:.1} times, {spilled} MiB spilled, {grown} MiB more resident"
        );
    }
}

/// A size of this process in bytes, by its name in Linux's list; 0 elsewhere.
fn size(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kibibytes| kibibytes.parse::<u64>().ok()).unwrap_or(0) << 10
}

fn resident() -> u64 {
    size("VmRSS:")
}

fn peak_resident() -> u64 {
    size("VmHWM:")
}

fn reset_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
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
        let query = plan.start(bindings, Arc::new(Listener(Mutex::new(sender)))).unwrap();
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
