// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Queries at the level of pushes, credits and notifications; and a stage that panics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use arrow_array::{Int64Array, RecordBatch};
use arrow_schema::SchemaRef;
use bowyer_core::{ErrorCode, Result};

use crate::operators::{Output, Stage, TaskContext};
use crate::query::{Bindings, InputBinding, Next, Notify, Query, Source};
use crate::{Engine, Prepared, plan_from_json, proto};

const PASS: &str = r#"{"version":1,
    "inputs":[{"name":"t","schema":{"fields":[{"name":"x","format":"l"}]}}],
    "relations":[{"scan":{}},{"expressions":[{"column":"x"},{"literal":{"int64":"0"}},
        {"call":{"function":"greater_equal","arguments":[0,1]}}],"filter":{"relation":0,"predicate":2}}],
    "outputs":[{"name":"out","relation":1}]}"#;

#[derive(Default)]
struct Credits(AtomicU32);

impl Notify for Credits {
    fn output_ready(&self, _output: u32) {}
    fn input_wanted(&self, _input: u32, credits: u32) {
        self.0.fetch_add(credits, Ordering::SeqCst);
    }
}

impl Credits {
    fn take(&self) -> bool {
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |credits| credits.checked_sub(1)).is_ok()
    }
}

fn engine(threads: u32) -> Engine {
    Engine::open(&proto::EngineConfig { threads, ..Default::default() }).unwrap()
}

fn prepared(engine: &Engine) -> Prepared {
    engine.prepare(&plan_from_json(PASS).unwrap()).unwrap()
}

fn batch(values: Vec<i64>) -> RecordBatch {
    RecordBatch::try_from_iter([("x", Arc::new(Int64Array::from(values)) as _)]).unwrap()
}

fn pushed() -> Bindings {
    Bindings { inputs: vec![("t".to_owned(), InputBinding::Pushed)], ..Bindings::default() }
}

/// Reads until there is something other than `Pending`.
fn wait(query: &Query) -> Result<Option<RecordBatch>> {
    let started = Instant::now();
    loop {
        match query.next(0)? {
            Next::Batch(batch) => return Ok(Some(batch)),
            Next::End => return Ok(None),
            Next::Pending => std::thread::yield_now(),
        }
        assert!(started.elapsed() < Duration::from_secs(30), "no progress");
    }
}

#[test]
fn pushes_need_credits_and_stop_when_nobody_reads() {
    let engine = engine(1);
    let credits = Arc::new(Credits::default());
    let query = prepared(&engine).start(pushed(), credits.clone()).unwrap();
    let mut count = 0;
    let mut quiet = Instant::now();
    while quiet.elapsed() < Duration::from_millis(100) {
        if credits.take() {
            query.push(0, batch(vec![count])).unwrap();
            count += 1;
            quiet = Instant::now();
        } else {
            std::thread::yield_now();
        }
    }
    // The window of the input and the window of the output are full.
    assert!((4..=12).contains(&count), "{count}");
    assert_eq!(query.push(0, batch(vec![0])).unwrap_err().code(), ErrorCode::InvalidState);
    query.finish(0, None).unwrap();
    for expected in 0..count {
        assert_eq!(wait(&query).unwrap().unwrap(), batch(vec![expected]));
    }
    assert!(wait(&query).unwrap().is_none());
    let statistics = query.statistics();
    assert_eq!((statistics.rows_in, statistics.rows_out), (count as u64, count as u64));
    assert_eq!(
        statistics.operators.iter().map(|operator| operator.path.as_str()).collect::<Vec<_>>(),
        ["scan[0]", "filter[1]"]
    );
}

#[test]
fn ten_chained_queries_progress_on_one_thread() {
    let engine = engine(1);
    let prepared = prepared(&engine);
    let credits: Vec<Arc<Credits>> = (0..10).map(|_| Arc::default()).collect();
    let queries: Vec<Query> =
        credits.iter().map(|credits| prepared.start(pushed(), credits.clone()).unwrap()).collect();
    let mut sent = 0_i64;
    let mut received = 0_i64;
    let mut ended = [false; 10];
    let started = Instant::now();
    while received < 200 {
        assert!(started.elapsed() < Duration::from_secs(60), "{received} of 200");
        if sent < 200 && credits[0].take() {
            queries[0].push(0, batch(vec![sent; 10])).unwrap();
            sent += 1;
        }
        for index in 0..10 {
            if index < 9 && credits[index + 1].0.load(Ordering::SeqCst) == 0 {
                continue;
            }
            match queries[index].next(0).unwrap() {
                Next::Batch(batch) if index < 9 => {
                    assert!(credits[index + 1].take());
                    queries[index + 1].push(0, batch).unwrap();
                }
                Next::Batch(result) => {
                    assert_eq!(result, batch(vec![received; 10]));
                    received += 1;
                }
                Next::End => ended[index] = true,
                Next::Pending => std::thread::yield_now(),
            }
        }
    }
    assert_eq!(ended, [false; 10]);
}

struct Panics(SchemaRef);

impl Stage for Panics {
    fn schema(&self) -> SchemaRef {
        self.0.clone()
    }

    fn apply(&self, _batch: RecordBatch, _context: &TaskContext) -> Result<Output> {
        panic!("injected")
    }

    fn trace(&self, _input: &RecordBatch, output_row: usize, _context: &TaskContext) -> Result<usize> {
        Ok(output_row)
    }
}

#[test]
fn a_panic_ends_its_query_and_no_other() {
    let engine = engine(2);
    let prepared = prepared(&engine);
    let rows = batch(vec![1, 2, 3]);
    let source = Arc::new(Source::new(rows.schema()));
    source.push(rows.clone()).unwrap();
    let bindings = || Bindings {
        inputs: vec![("t".to_owned(), InputBinding::Source(source.clone()))],
        query_id: "q".to_owned(),
        ..Bindings::default()
    };
    let mut state = prepared.state(bindings(), Arc::new(Credits::default())).unwrap();
    state.pipelines[0].stages = Arc::new([Arc::new(Panics(rows.schema()))]);
    let query = Query::new(Arc::new(state), engine.inner);
    let error = wait(&query).unwrap_err();
    assert_eq!((error.code(), error.place().query_id.as_deref()), (ErrorCode::Internal, Some("q")));
    assert!(error.message().contains("injected"), "{error}");
    assert_eq!(query.next(0).unwrap_err().code(), ErrorCode::Internal);
    let query = prepared.start(bindings(), Arc::new(Credits::default())).unwrap();
    assert_eq!(wait(&query).unwrap().unwrap(), rows);
}

#[test]
fn large_results_come_in_parts() {
    let engine = engine(2);
    let rows = batch((0..1000).collect());
    let source = Arc::new(Source::new(rows.schema()));
    source.push(rows).unwrap();
    let inputs = vec![("t".to_owned(), InputBinding::Source(source))];
    let bindings = Bindings { inputs, batch_rows: Some(300), ..Bindings::default() };
    let query = prepared(&engine).start(bindings, Arc::new(Credits::default())).unwrap();
    let mut sizes = Vec::new();
    while let Some(batch) = wait(&query).unwrap() {
        sizes.push(batch.num_rows());
    }
    assert_eq!(sizes, [300, 300, 300, 100]);
}
