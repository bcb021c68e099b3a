// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Whole queries over ten million rows from memory: filter, group-by sums, and both, on two threads.
//!
//! `cargo bench -p bowyer-engine` prints one line a query: the best of nine runs, from binding to the last batch.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and stops at the first surprise")]

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use arrow_array::{Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use bowyer_engine::{Bindings, Engine, InputBinding, Next, Notify, Prepared, Source, plan_from_json, proto};

const ROWS: usize = 10_000_000;

fn main() {
    let threads = std::env::var("THREADS").ok().and_then(|threads| threads.parse().ok()).unwrap_or(2);
    let engine = Engine::open(&proto::EngineConfig { threads, ..Default::default() }).unwrap();
    let source = Arc::new(table());
    for (name, relations) in QUERIES {
        let schema = r#"{"fields":[{"name":"id1","format":"u"},{"name":"id4","format":"i"},{"name":"id6","format":"i"},
            {"name":"v1","format":"l"},{"name":"v2","format":"l"},{"name":"v3","format":"g"}]}"#;
        let last = relations.matches("\"relation\":").count();
        let plan = format!(
            r#"{{"version":1,"inputs":[{{"name":"t","schema":{schema}}}],"relations":[{{"scan":{{}}}},{relations}],
            "outputs":[{{"name":"out","relation":{last}}}]}}"#
        );
        let prepared = engine.prepare(&plan_from_json(&plan).unwrap()).unwrap();
        let runs = (0..9).map(|_| run(&prepared, &source)).collect::<Vec<_>>();
        let best = runs.iter().map(|(elapsed, _)| *elapsed).min().unwrap();
        println!("{name} threads={threads} best_ms={:.1} rows_out={}", best.as_secs_f64() * 1e3, runs[0].1);
    }
    engine.close();
}

const QUERIES: &[(&str, &str)] = &[
    (
        "g1/sum_v1_by_id1",
        r#"{"expressions":[{"column":"id1"},{"column":"v1"}],"aggregate":{"relation":0,"keys":[{"expression":0}],
        "measures":[{"function":"sum","arguments":[1]}]}}"#,
    ),
    (
        "g4/means_by_id4",
        r#"{"expressions":[{"column":"id4"},{"column":"v1"},{"column":"v2"},{"column":"v3"}],"aggregate":{"relation":0,
        "keys":[{"expression":0}],"measures":[{"function":"mean","arguments":[1]},{"function":"mean","arguments":[2]},
        {"function":"mean","arguments":[3]}]}}"#,
    ),
    (
        "g5/sums_by_id6",
        r#"{"expressions":[{"column":"id6"},{"column":"v1"},{"column":"v2"},{"column":"v3"}],"aggregate":{"relation":0,
        "keys":[{"expression":0}],"measures":[{"function":"sum","arguments":[1]},{"function":"sum","arguments":[2]},
        {"function":"sum","arguments":[3]}]}}"#,
    ),
    (
        "filter_group/sum_v1_by_id4_where_v3_gt_50",
        r#"{"expressions":[{"column":"v3"},{"literal":{"float64":50}},{"call":{"function":"greater","arguments":[0,1]}}],
        "filter":{"relation":0,"predicate":2}},
        {"expressions":[{"column":"id4"},{"column":"v1"}],"aggregate":{"relation":1,"keys":[{"expression":0}],
        "measures":[{"function":"sum_checked","arguments":[1]}]}}"#,
    ),
    (
        "filter/v3_gt_50",
        r#"{"expressions":[{"column":"v3"},{"literal":{"float64":50}},{"call":{"function":"greater","arguments":[0,1]}}],
        "filter":{"relation":0,"predicate":2}}"#,
    ),
    (
        "project/v1_plus_v2_times_v3",
        r#"{"expressions":[{"column":"v1"},{"column":"v2"},{"column":"v3"},{"call":{"function":"add_checked","arguments":[0,1]}},
        {"call":{"function":"multiply","arguments":[3,2]}}],"project":{"relation":0,"columns":[{"expression":4,"name":"x"}]}}"#,
    ),
];

#[derive(Default)]
struct Signal(Mutex<bool>, Condvar);

impl Notify for Signal {
    fn output_ready(&self, _output: u32) {
        *self.0.lock().unwrap() = true;
        self.1.notify_one();
    }

    fn input_wanted(&self, _input: u32, _credits: u32) {}
}

/// Runs a query to its end: the time it took and the rows it gave.
fn run(prepared: &Prepared, source: &Arc<Source>) -> (Duration, usize) {
    let started = Instant::now();
    let signal = Arc::new(Signal::default());
    let inputs = vec![("t".to_owned(), InputBinding::Source(source.clone()))];
    let query = prepared.start(Bindings { inputs, ..Bindings::default() }, signal.clone()).unwrap();
    let mut rows = 0;
    loop {
        match query.next(0).unwrap() {
            Next::Batch(batch) => rows += batch.num_rows(),
            Next::End => break,
            Next::Pending => {
                let mut ready = signal.0.lock().unwrap();
                while !*ready {
                    ready = signal.1.wait(ready).unwrap();
                }
                *ready = false;
            }
        }
    }
    (started.elapsed(), rows)
}

/// The columns of db-benchmark's group-by data that the queries read: uniform keys, 100 and 100,000 of them.
fn table() -> Source {
    let mut state = 108_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let id1: StringArray = (0..ROWS).map(|_| Some(format!("id{:03}", random(100) + 1))).collect();
    let id4 = Int32Array::from_iter_values((0..ROWS).map(|_| random(100) as i32 + 1));
    let id6 = Int32Array::from_iter_values((0..ROWS).map(|_| random(100_000) as i32 + 1));
    let v1 = Int64Array::from_iter_values((0..ROWS).map(|_| random(5) as i64 + 1));
    let v2 = Int64Array::from_iter_values((0..ROWS).map(|_| random(15) as i64 + 1));
    let v3 = Float64Array::from_iter_values((0..ROWS).map(|_| random(100_000_000) as f64 / 1e6));
    let batch = RecordBatch::try_from_iter([
        ("id1", Arc::new(id1) as _),
        ("id4", Arc::new(id4) as _),
        ("id6", Arc::new(id6) as _),
        ("v1", Arc::new(v1) as _),
        ("v2", Arc::new(v2) as _),
        ("v3", Arc::new(v3) as _),
    ])
    .unwrap();
    let source = Source::new(batch.schema());
    source.push(batch).unwrap();
    source
}
