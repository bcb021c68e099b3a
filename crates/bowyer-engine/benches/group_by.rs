// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Whole queries over ten million rows from memory: db-benchmark's group-by questions, a filter before one, and both
//! alone, on two threads.
//!
//! `cargo bench -p bowyer-engine --bench group_by -- g1 g10` prints one line for each query whose name begins with one
//! of the words (all without words): the best of nine runs, from binding to the last batch. `THREADS` and `ROWS` change
//! what their names say.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and stops at the first surprise")]

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use arrow_array::{Float64Array, Int32Array, RecordBatch, StringArray};
use bowyer_engine::{Bindings, Engine, InputBinding, Next, Notify, Prepared, Source, plan_from_json, proto};

fn main() {
    let number = |name: &str, usual| std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(usual);
    let (threads, rows) = (number("THREADS", 2), number("ROWS", 10_000_000));
    let engine = Engine::open(&proto::EngineConfig { threads: threads as u32, ..Default::default() }).unwrap();
    let source = Arc::new(table(rows));
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.split('/').next() == Some(word));
    for (name, relations) in queries().into_iter().filter(|(name, _)| wanted(name)) {
        let schema = r#"{"fields":[{"name":"id1","format":"u"},{"name":"id2","format":"u"},{"name":"id3","format":"u"},
            {"name":"id4","format":"i"},{"name":"id5","format":"i"},{"name":"id6","format":"i"},
            {"name":"v1","format":"i"},{"name":"v2","format":"i"},{"name":"v3","format":"g"}]}"#;
        let last = relations.matches("\"relation\":").count();
        let plan = format!(
            r#"{{"version":1,"inputs":[{{"name":"t","schema":{schema}}}],"relations":[{{"scan":{{}}}},{relations}],
            "outputs":[{{"name":"out","relation":{last}}}]}}"#
        );
        let prepared = engine.prepare(&plan_from_json(&plan).unwrap()).unwrap();
        let runs = (0..number("RUNS", 9)).map(|_| run(&prepared, &source)).collect::<Vec<_>>();
        let best = runs.iter().map(|(elapsed, _)| *elapsed).min().unwrap();
        let first = runs[0].0.as_secs_f64() * 1e3;
        println!(
            "{name} threads={threads} best_ms={:.1} first_ms={first:.1} rows_out={}",
            best.as_secs_f64() * 1e3,
            runs[0].1
        );
    }
    engine.close();
}

/// Names and relations over the scan.
fn queries() -> Vec<(&'static str, String)> {
    let grouped = |name, keys: &[&str], measures: &[(&str, &str)]| (name, aggregate(0, keys, measures));
    vec![
        grouped("g1/sum_v1_by_id1", &["id1"], &[("sum_checked", "v1")]),
        grouped("g2/sum_v1_by_id1_id2", &["id1", "id2"], &[("sum_checked", "v1")]),
        grouped("g3/sum_v1_mean_v3_by_id3", &["id3"], &[("sum_checked", "v1"), ("mean", "v3")]),
        grouped("g4/means_by_id4", &["id4"], &[("mean", "v1"), ("mean", "v2"), ("mean", "v3")]),
        grouped("g5/sums_by_id6", &["id6"], &[("sum_checked", "v1"), ("sum_checked", "v2"), ("sum_checked", "v3")]),
        grouped("g6/median_stddev_v3_by_id4_id5", &["id4", "id5"], &[("median", "v3"), ("stddev", "v3")]),
        grouped("g7/max_v1_min_v2_by_id3", &["id3"], &[("max", "v1"), ("min", "v2")]),
        grouped(
            "g10/sum_v3_count_by_all",
            &["id1", "id2", "id3", "id4", "id5", "id6"],
            &[("sum_checked", "v3"), ("count_all", "")],
        ),
        (
            "filter_group/sum_v1_by_id4_where_v3_gt_50",
            format!("{LARGE},{}", aggregate(1, &["id4"], &[("sum_checked", "v1")])),
        ),
        ("filter/v3_gt_50", LARGE.to_owned()),
        (
            "project/v1_plus_v2_times_v3",
            r#"{"expressions":[{"column":"v1"},{"column":"v2"},{"column":"v3"},
            {"call":{"function":"add_checked","arguments":[0,1]}},{"call":{"function":"multiply","arguments":[3,2]}}],
            "project":{"relation":0,"columns":[{"expression":4,"name":"x"}]}}"#
                .to_owned(),
        ),
    ]
}

const LARGE: &str = r#"{"expressions":[{"column":"v3"},{"literal":{"float64":50}},
    {"call":{"function":"greater","arguments":[0,1]}}],"filter":{"relation":0,"predicate":2}}"#;

/// An aggregate of `relation`; a measure without a column has no argument.
fn aggregate(relation: usize, keys: &[&str], measures: &[(&str, &str)]) -> String {
    let columns = keys.iter().chain(measures.iter().map(|(_, column)| column).filter(|column| !column.is_empty()));
    let columns: Vec<_> = columns.map(|column| format!(r#"{{"column":"{column}"}}"#)).collect();
    let key_list: Vec<_> = (0..keys.len()).map(|key| format!(r#"{{"expression":{key}}}"#)).collect();
    let mut next = keys.len();
    let measure = |(at, (function, column)): (usize, &(&str, &str))| {
        let arguments = if column.is_empty() { String::new() } else { next.to_string() };
        next += usize::from(!column.is_empty());
        format!(r#"{{"function":"{function}","arguments":[{arguments}],"name":"m{at}"}}"#)
    };
    let measures: Vec<_> = measures.iter().enumerate().map(measure).collect();
    format!(
        r#"{{"expressions":[{}],"aggregate":{{"relation":{relation},"keys":[{}],"measures":[{}]}}}}"#,
        columns.join(","),
        key_list.join(","),
        measures.join(",")
    )
}

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

/// db-benchmark's group-by data: uniform keys, 100 and a hundredth of the rows of them.
fn table(rows: usize) -> Source {
    let mut state = 108_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let many = (rows / 100).max(1);
    let id1: StringArray = (0..rows).map(|_| Some(format!("id{:03}", random(100) + 1))).collect();
    let id2: StringArray = (0..rows).map(|_| Some(format!("id{:03}", random(100) + 1))).collect();
    let id3: StringArray = (0..rows).map(|_| Some(format!("id{:010}", random(many) + 1))).collect();
    let mut integers = |below| Arc::new((0..rows).map(|_| random(below) as i32 + 1).collect::<Int32Array>());
    let (id4, id5, id6, v1, v2) = (integers(100), integers(100), integers(many), integers(5), integers(15));
    let v3 = Float64Array::from_iter_values((0..rows).map(|_| random(100_000_000) as f64 / 1e6));
    let batch = RecordBatch::try_from_iter([
        ("id1", Arc::new(id1) as _),
        ("id2", Arc::new(id2) as _),
        ("id3", Arc::new(id3) as _),
        ("id4", id4 as _),
        ("id5", id5 as _),
        ("id6", id6 as _),
        ("v1", v1 as _),
        ("v2", v2 as _),
        ("v3", Arc::new(v3) as _),
    ])
    .unwrap();
    let source = Source::new(batch.schema());
    source.push(batch).unwrap();
    source
}
