// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Group-by, join and sort over rows in memory, in seconds: the best of several runs.
//!
//! The data follow the published definitions of db-benchmark: keys drawn evenly with replacement, strings as `id%03d`
//! and `id%010d`. `ROWS=1e6 THREADS=1 RUNS=3 ONLY=g5 cargo bench -p bowyer-engine --bench operators` changes the
//! defaults of ten million rows, all processors and five runs.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints and may stop at the first surprise")]

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use arrow_array::{ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use bowyer_engine::proto::{self, expression, relation};
use bowyer_engine::{Bindings, Engine, InputBinding, Next, Notify, Source, schema_to_proto};
use prost::Message;

/// Numbers that look random and are the same on every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }
}

struct Ready(Mutex<Sender<()>>);

impl Notify for Ready {
    fn output_ready(&self, _: u32) {
        let _ = self.0.lock().unwrap().send(());
    }
    fn input_wanted(&self, _: u32, _: u32) {}
}

fn table(columns: Vec<(&str, ArrayRef)>) -> Arc<Source> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), false)).collect();
    let schema = Arc::new(Schema::new(fields));
    let source = Source::new(schema.clone());
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    source.push(RecordBatch::try_new(schema, columns).unwrap()).unwrap();
    Arc::new(source)
}

fn grouped_table(rows: usize, per_group: usize) -> Arc<Source> {
    let mut numbers = Numbers(108);
    let many = (rows / per_group).max(1);
    let mut text = |distinct: usize, width: usize| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..rows).map(|_| format!("id{:0width$}", 1 + numbers.below(distinct)))))
    };
    let (id1, id2, id3) = (text(per_group, 3), text(per_group, 3), text(many, 10));
    let mut number = |distinct: usize| -> ArrayRef {
        Arc::new(Int32Array::from_iter_values((0..rows).map(|_| 1 + numbers.below(distinct) as i32)))
    };
    let (id4, id5, id6) = (number(per_group), number(per_group), number(many));
    let (v1, v2) = (number(5), number(15));
    let v3: ArrayRef =
        Arc::new(Float64Array::from_iter_values((0..rows).map(|_| (numbers.next() % 100_000_001) as f64 / 1e6)));
    table(vec![
        ("id1", id1),
        ("id2", id2),
        ("id3", id3),
        ("id4", id4),
        ("id5", id5),
        ("id6", id6),
        ("v1", v1),
        ("v2", v2),
        ("v3", v3),
    ])
}

/// Keys of which nine tenths are on both sides: those of the left and of the right side.
fn split_keys(numbers: &mut Numbers, count: usize) -> (Vec<i32>, Vec<i32>) {
    let mut keys: Vec<i32> = (1..=(count + count / 10).max(2) as i32).collect();
    for at in (1..keys.len()).rev() {
        keys.swap(at, numbers.below(at + 1));
    }
    let common = count - count / 10;
    let left: Vec<i32> = keys[..count].to_vec();
    let mut right: Vec<i32> = keys[..common].to_vec();
    right.extend_from_slice(&keys[count..]);
    right.truncate(count);
    (left, right)
}

fn drawn(numbers: &mut Numbers, keys: &[i32], rows: usize) -> Vec<i32> {
    let mut drawn: Vec<i32> =
        (0..rows).map(|row| if row < keys.len() { keys[row] } else { keys[numbers.below(keys.len())] }).collect();
    for at in (1..rows).rev() {
        drawn.swap(at, numbers.below(at + 1));
    }
    drawn
}

fn ids(keys: &[i32]) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(keys.iter().map(|key| format!("id{key}"))))
}

fn join_tables(rows: usize) -> [Arc<Source>; 4] {
    let mut numbers = Numbers(108);
    let sizes = [(rows / 1_000_000).max(10), (rows / 1000).max(10), rows];
    let keys: Vec<_> = sizes.iter().map(|&size| split_keys(&mut numbers, size)).collect();
    let floats = |numbers: &mut Numbers, rows: usize| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values((0..rows).map(|_| (numbers.next() % 100_000_001) as f64 / 1e6)))
    };
    let mut side = |right: bool, rows: usize, last: usize, value: &'static str| {
        let mut columns: Vec<(&'static str, ArrayRef)> = Vec::new();
        let mut texts = Vec::new();
        for level in 0..=last {
            let (left_keys, right_keys) = &keys[level];
            let drawn = drawn(&mut numbers, if right { right_keys } else { left_keys }, rows);
            texts.push((["id4", "id5", "id6"][level], ids(&drawn)));
            columns.push((["id1", "id2", "id3"][level], Arc::new(Int32Array::from(drawn)) as ArrayRef));
        }
        columns.extend(texts);
        columns.push((value, floats(&mut numbers, rows)));
        table(columns)
    };
    [
        side(false, rows, 2, "v1"),
        side(true, sizes[0], 0, "v2"),
        side(true, sizes[1], 1, "v2"),
        side(true, sizes[2], 2, "v2"),
    ]
}

fn column(name: &str) -> proto::Expression {
    proto::Expression { kind: Some(expression::Kind::Column(name.to_owned())), ..Default::default() }
}

fn plan(sources: &[(&str, &Arc<Source>)], last: relation::Kind, expressions: Vec<proto::Expression>) -> Vec<u8> {
    let mut plan = proto::Plan { version: 1, ..Default::default() };
    for (index, (name, source)) in sources.iter().enumerate() {
        plan.inputs.push(proto::Input {
            name: (*name).to_owned(),
            schema: Some(schema_to_proto(source.schema()).unwrap()),
            unbounded: false,
        });
        let scan = relation::Kind::Scan(proto::Scan { input: index as u32 });
        plan.relations.push(proto::Relation { kind: Some(scan), ..Default::default() });
    }
    plan.relations.push(proto::Relation { expressions, kind: Some(last), ..Default::default() });
    plan.outputs.push(proto::Output { name: "out".to_owned(), relation: sources.len() as u32 });
    plan.encode_to_vec()
}

fn group_by(source: &Arc<Source>, keys: &[&str], measures: &[(&str, &str)]) -> Vec<u8> {
    let mut expressions = Vec::new();
    let mut push = |name: &str| {
        expressions.push(column(name));
        expressions.len() as u32 - 1
    };
    let keys = keys.iter().map(|key| proto::NamedExpression { expression: push(key), name: String::new() }).collect();
    let measures = measures
        .iter()
        .map(|(function, argument)| proto::Measure {
            function: (*function).to_owned(),
            arguments: vec![push(argument)],
            ..Default::default()
        })
        .collect();
    let kind = relation::Kind::Aggregate(proto::Aggregate { keys, measures, ..Default::default() });
    plan(&[("x", source)], kind, expressions)
}

fn join(left: &Arc<Source>, right: &Arc<Source>, kind: proto::JoinKind, key: &str) -> Vec<u8> {
    let join = proto::Join {
        left: 0,
        right: 1,
        kind: kind as i32,
        keys: vec![proto::JoinKey { left: key.to_owned(), right: key.to_owned() }],
        nulls_equal: false,
        right_suffix: "_right".to_owned(),
        residual: None,
    };
    plan(&[("x", left), ("y", right)], relation::Kind::Join(join), Vec::new())
}

fn sort(source: &Arc<Source>, keys: &[&str], limit: Option<u64>) -> Vec<u8> {
    let expressions = keys.iter().map(|key| column(key)).collect();
    let keys = (0..keys.len() as u32).map(|expression| proto::SortKey { expression, ..Default::default() }).collect();
    let kind = relation::Kind::Sort(proto::Sort { relation: 0, keys });
    let bytes = plan(&[("x", source)], kind, expressions);
    let Some(count) = limit else { return bytes };
    let mut plan = proto::Plan::decode(&bytes[..]).unwrap();
    let limit = proto::Limit { relation: 1, offset: 0, count: Some(count) };
    plan.relations.push(proto::Relation { kind: Some(relation::Kind::Limit(limit)), ..Default::default() });
    plan.outputs[0].relation = 2;
    plan.encode_to_vec()
}

/// Runs a plan to its end; gives the seconds and the rows.
fn run(engine: &Engine, plan: &[u8], sources: &[Arc<Source>]) -> (f64, usize) {
    let start = Instant::now();
    let prepared = engine.prepare(plan).unwrap();
    let (sender, ready): (_, Receiver<()>) = channel();
    let inputs = ["x", "y"].iter().zip(sources);
    let inputs = inputs.map(|(name, source)| ((*name).to_owned(), InputBinding::Source(source.clone()))).collect();
    let query = prepared.start(Bindings { inputs, ..Default::default() }, Arc::new(Ready(Mutex::new(sender)))).unwrap();
    let mut kept = Vec::new();
    loop {
        match query.next(0).unwrap() {
            Next::Batch(batch) => kept.push(batch),
            Next::Pending => ready.recv().unwrap(),
            Next::End => break,
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    (seconds, kept.iter().map(RecordBatch::num_rows).sum())
}

fn setting(name: &str, default: f64) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse::<f64>().ok()).unwrap_or(default) as usize
}

fn main() {
    let (rows, runs, threads) = (setting("ROWS", 1e7), setting("RUNS", 5.0), setting("THREADS", 0.0));
    let only = std::env::var("ONLY").unwrap_or_default();
    let config = proto::EngineConfig { threads: threads as u32, ..Default::default() };
    let engine = Engine::open(&config).unwrap();
    let measure = |name: &str, plan: &[u8], sources: &[Arc<Source>]| {
        if !name.starts_with(&only) {
            return;
        }
        let results: Vec<_> = (0..runs.max(1)).map(|_| run(&engine, plan, sources)).collect();
        let best = results.iter().map(|(seconds, _)| *seconds).fold(f64::INFINITY, f64::min);
        println!("{name:<34} {best:8.3} s  {:>9} rows", results[0].1);
    };
    if only.is_empty() || only.starts_with('g') || only.starts_with('s') {
        let x = grouped_table(rows, 100);
        let xs = std::slice::from_ref(&x);
        measure("g1 sum v1 by id1", &group_by(&x, &["id1"], &[("sum", "v1")]), xs);
        measure("g2 sum v1 by id1 id2", &group_by(&x, &["id1", "id2"], &[("sum", "v1")]), xs);
        measure("g3 sum v1 mean v3 by id3", &group_by(&x, &["id3"], &[("sum", "v1"), ("mean", "v3")]), xs);
        let means = [("mean", "v1"), ("mean", "v2"), ("mean", "v3")];
        measure("g4 mean v1:v3 by id4", &group_by(&x, &["id4"], &means), xs);
        measure("g5 sum v1:v3 by id6", &group_by(&x, &["id6"], &means.map(|(_, column)| ("sum", column))), xs);
        let spread = [("median", "v3"), ("stddev", "v3")];
        measure("g6 median v3 sd v3 by id4 id5", &group_by(&x, &["id4", "id5"], &spread), xs);
        measure("g7 max v1 min v2 by id3", &group_by(&x, &["id3"], &[("max", "v1"), ("min", "v2")]), xs);
        let six = ["id1", "id2", "id3", "id4", "id5", "id6"];
        measure("g10 sum v3 count by id1:id6", &group_by(&x, &six, &[("sum", "v3"), ("count", "v1")]), xs);
        measure("s1 sort by v3", &sort(&x, &["v3"], None), xs);
        measure("s2 first 100 by v3", &sort(&x, &["v3"], Some(100)), xs);
    }
    if only.is_empty() || only.starts_with('j') {
        let [x, small, medium, big] = join_tables(rows);
        let one = |name: &str, right: &Arc<Source>, kind, key: &str| {
            measure(name, &join(&x, right, kind, key), &[x.clone(), right.clone()]);
        };
        one("j1 small inner on int", &small, proto::JoinKind::Inner, "id1");
        one("j2 medium inner on int", &medium, proto::JoinKind::Inner, "id2");
        one("j3 medium left on int", &medium, proto::JoinKind::Left, "id2");
        one("j4 medium inner on string", &medium, proto::JoinKind::Inner, "id5");
        one("j5 big inner on int", &big, proto::JoinKind::Inner, "id3");
    }
}
