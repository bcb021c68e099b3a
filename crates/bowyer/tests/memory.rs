// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A query's memory limit holds in every operator that gathers rows, and nothing stays charged after it.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails stops there")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::compute::{concat_batches, take_record_batch};
use bowyer::arrow_array::cast::AsArray;
use bowyer::arrow_array::types::Int64Type;
use bowyer::arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchIterator, StringArray, UInt32Array};
use bowyer::{
    Config, Engine, ErrorCode, Input, JoinKind, Keep, Plan, QueryOptions, Result, Statistics, asc, col, count_all,
    first, last, median,
};

const ROWS: i64 = 200_000;

fn batches() -> Vec<RecordBatch> {
    let batch = |first: i64| {
        let ids = first..first + 10_000;
        let id = Int64Array::from_iter_values(ids.clone().map(|id| id * 7919 % ROWS));
        let same = Int64Array::from_iter_values(ids.clone().map(|_| 1));
        let name = StringArray::from_iter_values(ids.map(|id| format!("name {id}")));
        RecordBatch::try_from_iter([
            ("id", Arc::new(id) as _),
            ("same", Arc::new(same) as _),
            ("s", Arc::new(name) as _),
        ])
    };
    (0..ROWS / 10_000).map(|at| batch(at * 10_000).unwrap()).collect()
}

fn run(engine: &Engine, plan: &Plan, memory_limit_bytes: Option<u64>) -> Result<usize> {
    let options = QueryOptions { memory_limit_bytes, ..QueryOptions::default() };
    let rows = engine.run_with(plan, [("t", Input::batches(batches()))], options)?;
    rows.map(|batch| Ok(batch?.num_rows())).sum()
}

/// Waits for tasks that end after their query has failed.
fn settles_at(engine: &Engine, bytes: u64) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while engine.used_bytes() != bytes && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    engine.used_bytes() == bytes
}

/// Runs a plan under a limit that is too small, and without one.
fn check(what: &str, plan: &Plan, too_small: u64, rows: Option<usize>) {
    let engine = Engine::open(&Config { threads: 2, ..Config::default() }).unwrap();
    let before = engine.used_bytes();
    let error = run(&engine, plan, Some(too_small)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::MemoryLimit, "{what}: {error}");
    assert!(settles_at(&engine, before), "{what}: {} bytes stay charged", engine.used_bytes());
    if let Some(rows) = rows {
        assert_eq!(run(&engine, plan, None).unwrap(), rows, "{what}");
        assert!(settles_at(&engine, before), "{what}: {} bytes stay charged", engine.used_bytes());
    }
}

fn table() -> Plan {
    Plan::input("t", &batches()[0].schema())
}

#[test]
fn groups_are_charged() {
    check("aggregate", &table().group_by(["s"], [count_all()]), 1 << 20, Some(ROWS as usize));
}

#[test]
fn what_a_sort_takes_is_charged() {
    // Its elements alone are 1.6 million bytes.
    check("sort", &table().sort([asc(col("id"))]), 3 << 19, Some(ROWS as usize));
}

#[test]
fn results_stay_charged_until_they_are_dropped() {
    let engine = Engine::open(&Config { threads: 2, ..Config::default() }).unwrap();
    let before = engine.used_bytes();
    for plan in [table().sort([asc(col("s"))]), table().group_by(["s"], [count_all()]), table().distinct(["s"])] {
        let rows = engine.run(&plan, [("t", Input::batches(batches()))]).unwrap();
        let kept: Vec<RecordBatch> = rows.map(Result::unwrap).collect();
        // The text alone is ten bytes a row.
        assert!(engine.used_bytes() - before > 10 * ROWS as u64, "{plan:?}");
        drop(kept);
        assert!(settles_at(&engine, before));
    }
}

/// The same rows in memory that the engine knows nothing of.
fn deep_copy(batch: &RecordBatch) -> RecordBatch {
    take_record_batch(batch, &UInt32Array::from_iter_values(0..batch.num_rows() as u32)).unwrap()
}

/// Runs a plan over batches that are read one by one, with memory enough and under a limit where it has to spill, and
/// gives the rows of both; as text in an order of its own unless the plan gives one.
fn spilled(operator: &str, plan: &Plan, limit: u64) -> (Vec<RecordBatch>, Vec<RecordBatch>) {
    let directory = tempfile::tempdir().unwrap();
    let config = Config {
        threads: 2,
        spill_directory: Some(directory.path().to_owned()),
        spill_limit_bytes: 1 << 30,
        ..Config::default()
    };
    let engine = Engine::open(&config).unwrap();
    let run = |limit: u64| -> (Vec<RecordBatch>, Statistics) {
        let options = QueryOptions { memory_limit_bytes: Some(limit), ..QueryOptions::default() };
        let reader = RecordBatchIterator::new(batches().into_iter().map(Ok), batches()[0].schema());
        let mut rows = engine.run_with(plan, [("t", Input::reader(reader))], options).unwrap();
        let batches = rows.by_ref().map(Result::unwrap).map(|batch| deep_copy(&batch)).collect();
        (batches, rows.statistics())
    };
    let (in_memory, statistics) = run(1 << 30);
    assert_eq!(statistics.spilled_bytes, 0, "{operator}");
    let (in_files, statistics) = run(limit);
    assert!(statistics.spilled_bytes > 1 << 20 && statistics.spilled_files > 1, "{operator}: {statistics:?}");
    assert!(statistics.peak_memory_bytes <= limit, "{operator}");
    let counted = statistics.operators.iter().find(|counted| counted.path.starts_with(operator)).unwrap();
    assert_eq!(counted.spilled_bytes, statistics.spilled_bytes, "{operator}");
    assert!(statistics.analysis.contains(" spilled to "), "{}", statistics.analysis);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    assert!(settles_at(&engine, 0), "{operator}: {} bytes stay charged", engine.used_bytes());
    (in_memory, in_files)
}

/// Rows as text, in an order of their own.
fn sorted_rows(batches: &[RecordBatch]) -> Vec<String> {
    let text = |batch: &RecordBatch, row: usize| {
        let value = |column: &ArrayRef| arrow::util::display::array_value_to_string(column, row).unwrap();
        batch.columns().iter().map(value).collect::<Vec<_>>().join(" ")
    };
    let mut rows: Vec<String> =
        batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|row| text(batch, row))).collect();
    rows.sort();
    rows
}

#[test]
fn a_sort_past_its_limit_goes_on_in_files() {
    let (in_memory, in_files) = spilled("sort", &table().sort([asc(col("id"))]), 4 << 20);
    let whole = |batches: &[RecordBatch]| concat_batches(&batches[0].schema(), batches).unwrap();
    assert_eq!(whole(&in_files), whole(&in_memory));
}

#[test]
fn distinct_rows_past_their_limit_go_on_in_files() {
    for keep in [Keep::Any, Keep::First, Keep::Last] {
        let plan = table().distinct_keep(keep, ["id", "same", "s"]);
        let (in_memory, in_files) = spilled("distinct", &plan, 6 << 20);
        assert_eq!(sorted_rows(&in_files), sorted_rows(&in_memory));
        assert_eq!(sorted_rows(&in_files).len(), ROWS as usize);
    }
}

#[test]
fn groups_past_their_limit_go_on_in_files() {
    let plans = [
        table().group_by(["s"], [count_all(), first("id"), last("id")]),
        table().group_by(["id"], [median("same"), first("s")]),
    ];
    for plan in plans {
        let (in_memory, in_files) = spilled("aggregate", &plan, 12 << 20);
        assert_eq!(sorted_rows(&in_files), sorted_rows(&in_memory));
    }
}

#[test]
fn a_spill_directory_that_is_not_there_is_an_error_of_the_operator() {
    let config = Config { threads: 1, spill_directory: Some("/nonexistent/bowyer".into()), ..Config::default() };
    let engine = Engine::open(&config).unwrap();
    let error = run(&engine, &table().sort([asc(col("id"))]), Some(4 << 20)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Io, "{error}");
    assert!(error.place().path.as_deref().is_some_and(|path| path.starts_with("sort")), "{error}");
}

#[test]
fn distinct_rows_are_charged() {
    check("distinct", &table().distinct(["s"]), 1 << 20, Some(ROWS as usize));
}

#[test]
fn the_build_side_of_a_join_is_charged() {
    let right = table().select(["id"]);
    check("join", &table().join(&right, JoinKind::LeftSemi, [("id", "id")]), 1 << 20, Some(ROWS as usize));
}

/// A hundred thousand rows of one key, each of them with every other.
fn all_pairs() -> Plan {
    let left = table().limit(100_000);
    let right = left.select([col("same").named("same"), col("id").named("other")]);
    left.join(&right, JoinKind::Inner, [("same", "same")])
}

#[test]
fn pairs_that_nobody_has_asked_for_are_not_there() {
    let engine = Engine::open(&Config { threads: 2, ..Config::default() }).unwrap();
    let before = engine.used_bytes();
    let limit = Some(64 << 20);
    // The first of ten billion pairs, and a few million of them read one batch after another.
    assert_eq!(run(&engine, &all_pairs().limit(1_000_000), limit).unwrap(), 1_000_000);
    assert!(settles_at(&engine, before), "{} bytes stay charged", engine.used_bytes());
    let options = QueryOptions { memory_limit_bytes: limit, ..QueryOptions::default() };
    let rows = engine.run_with(&all_pairs(), [("t", Input::batches(batches()))], options).unwrap();
    let read: usize = rows.take(40).map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(read, 40 * 65_536);
    // What was not read ends with its reader.
    assert!(settles_at(&engine, before), "{} bytes stay charged", engine.used_bytes());
}

#[test]
fn pairs_go_through_groups_in_bounded_memory_and_keep_their_order() {
    let engine = Engine::open(&Config { threads: 3, batch_rows: 500, ..Config::default() }).unwrap();
    let left = table().limit(1500);
    let right = left.select([col("same").named("same"), col("id").named("other")]);
    let pairs = left.join(&right, JoinKind::Inner, [("same", "same")]);
    let measures = [count_all().named("pairs"), first("other").named("first"), last("other").named("last")];
    let options = QueryOptions { memory_limit_bytes: Some(8 << 20), ..QueryOptions::default() };
    let rows = engine.run_with(&pairs.aggregate(measures), [("t", Input::batches(batches()))], options).unwrap();
    let result = rows.collect::<Result<Vec<_>>>().unwrap();
    let column = |at: usize| result[0].column(at).as_primitive::<Int64Type>().value(0);
    assert_eq!((column(0), column(1), column(2)), (1500 * 1500, 0, 1499 * 7919 % ROWS));
}

#[test]
fn a_join_of_all_with_all_is_cancelled() {
    let engine = Engine::open(&Config { threads: 2, ..Config::default() }).unwrap();
    let options = QueryOptions { timeout: Some(Duration::from_millis(300)), ..QueryOptions::default() };
    let plan = all_pairs().aggregate([count_all()]);
    let rows = engine.run_with(&plan, [("t", Input::batches(batches()))], options).unwrap();
    let error = rows.collect::<Result<Vec<_>>>().unwrap_err();
    assert_eq!(error.code(), ErrorCode::DeadlineExceeded, "{error}");
    assert!(settles_at(&engine, 0), "{} bytes stay charged", engine.used_bytes());
}
