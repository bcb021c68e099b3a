// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Joins and windows whose rows do not fit the memory of their query, against the same ones in memory.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails stops there")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::util::display::array_value_to_string;
use bowyer::arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchIterator, StringArray};
use bowyer::{
    Config, Engine, ErrorCode, Exclusion, Expr, Input, JoinKind, Plan, QueryOptions, Result, Statistics, col,
    count_all, dense_rank, desc, first_value, lag, over, row_number, sum,
};

/// Keys of which some repeat, some are null and some are on one side alone.
fn batches(rows: i64, step: i64, name: &str, nulls: bool) -> Vec<RecordBatch> {
    let batch = |first: i64| {
        let ids = first..first + 5_000;
        let key = |id: i64| Some(id * 7919 % rows / 2 * step).filter(|_| !nulls || id % 13 != 0);
        let keys: Int64Array = ids.clone().map(key).collect();
        let text: StringArray = ids.clone().map(|id| Some(format!("{name} {id}"))).collect();
        let number = Int64Array::from_iter_values(ids.map(|id| id % 100));
        let columns: [(String, ArrayRef); 3] = [
            ("k".to_owned(), Arc::new(keys)),
            (format!("{name}_text"), Arc::new(text)),
            (format!("{name}_number"), Arc::new(number)),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
    };
    (0..rows / 5_000).map(|at| batch(at * 5_000)).collect()
}

fn engine(directory: &Path) -> Engine {
    let spill_directory = Some(directory.to_owned());
    Engine::open(&Config { threads: 2, batch_rows: 2048, spill_directory, ..Config::default() }).unwrap()
}

/// The rows of a plan over two tables as text, in an order of their own.
fn run(engine: &Engine, plan: &Plan, tables: [&[RecordBatch]; 2], limit: u64) -> Result<(Vec<String>, Statistics)> {
    let (mut rows, statistics) = answer(engine, plan, &[("t", tables[0]), ("u", tables[1])], limit)?;
    rows.sort();
    Ok((rows, statistics))
}

/// The rows of a plan as text.
fn answer(
    engine: &Engine,
    plan: &Plan,
    tables: &[(&str, &[RecordBatch])],
    limit: u64,
) -> Result<(Vec<String>, Statistics)> {
    let input = |batches: &[RecordBatch]| {
        let schema = batches[0].schema();
        Input::reader(RecordBatchIterator::new(Vec::from(batches).into_iter().map(Ok), schema))
    };
    let options = QueryOptions { memory_limit_bytes: Some(limit), ..QueryOptions::default() };
    let inputs: Vec<_> = tables.iter().map(|(name, batches)| (*name, input(batches))).collect();
    let mut result = engine.run_with(plan, inputs, options)?;
    let mut rows = Vec::new();
    for batch in result.by_ref() {
        let batch = batch?;
        let text = |row: usize| {
            let value = |column: &ArrayRef| array_value_to_string(column, row).unwrap();
            batch.columns().iter().map(value).collect::<Vec<_>>().join("|")
        };
        rows.extend((0..batch.num_rows()).map(text));
    }
    Ok((rows, result.statistics()))
}

fn settles(engine: &Engine) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while engine.used_bytes() > 0 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    engine.used_bytes() == 0
}

/// How many files the process has open in a directory.
fn open_files(directory: &Path) -> usize {
    let Ok(links) = std::fs::read_dir("/proc/self/fd") else { return 0 };
    links
        .flatten()
        .filter_map(|link| std::fs::read_link(link.path()).ok())
        .filter(|to| to.starts_with(directory))
        .count()
}

#[test]
fn joins_past_their_limit_give_the_same_rows_for_every_kind() {
    let directory = tempfile::tempdir().unwrap();
    let engine = engine(directory.path());
    let (t, u) = (batches(60_000, 2, "t", true), batches(80_000, 3, "u", true));
    let whole = batches(80_000, 3, "u", false);
    let inputs = || (Plan::input("t", &t[0].schema()), Plan::input("u", &u[0].schema()));
    let kinds = [
        JoinKind::Inner,
        JoinKind::Left,
        JoinKind::Right,
        JoinKind::Full,
        JoinKind::LeftSemi,
        JoinKind::LeftAnti,
        JoinKind::RightSemi,
        JoinKind::RightAnti,
        JoinKind::LeftAntiNullAware,
    ];
    for kind in kinds {
        let (left, right) = inputs();
        let plain = left.join(&right, kind, [("k", "k")]);
        let above = col("t_number").gt(col("u_number"));
        let residual = left.join_where(&right, kind, [("k", "k")], "", above);
        let nulls = left.join_with_equal_nulls(&right, kind, [("k", "k")], "");
        for (at, plan) in [plain, residual, nulls].iter().enumerate() {
            if at > 0 && kind == JoinKind::LeftAntiNullAware || at == 2 && kind != JoinKind::LeftSemi {
                continue;
            }
            for u in [&u, &whole] {
                let (due, statistics) = run(&engine, plan, [&t, u], 1 << 30).unwrap();
                assert_eq!(statistics.spilled_bytes, 0);
                // Of rows that only have to be there, keys are all that is read.
                let pairs = [JoinKind::Inner, JoinKind::Left, JoinKind::Right, JoinKind::Full].contains(&kind);
                let limit = if pairs || at == 1 { 4 << 20 } else { 1_400_000 };
                let (found, statistics) =
                    run(&engine, plan, [&t, u], limit).unwrap_or_else(|error| panic!("{kind:?} {at}: {error}"));
                assert!(found == due, "{kind:?} {at}: {} rows instead of {}", found.len(), due.len());
                assert!(statistics.spilled_bytes > 1 << 17, "{kind:?} {at}: {statistics:?}");
                assert!(statistics.peak_memory_bytes <= limit);
                let joins = statistics.operators.iter().filter(|operator| operator.path.starts_with("join"));
                let spilled: u64 = joins.map(|operator| operator.spilled_bytes).sum();
                assert_eq!(spilled, statistics.spilled_bytes);
                assert!(settles(&engine), "{kind:?}: {} bytes stay charged", engine.used_bytes());
                assert_eq!(open_files(directory.path()), 0);
            }
        }
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn build_rows_of_one_key_end_with_their_limit() {
    let directory = tempfile::tempdir().unwrap();
    let engine = engine(directory.path());
    let (t, u) = (batches(20_000, 2, "t", false), batches(150_000, 0, "u", false));
    let (left, right) = (Plan::input("t", &t[0].schema()), Plan::input("u", &u[0].schema()));
    let plan = left.join(&right, JoinKind::Inner, [("k", "k")]).aggregate([count_all()]);
    let (due, _) = run(&engine, &plan, [&t, &u], 1 << 30).unwrap();
    assert_eq!(due, ["300000"]);
    let error = run(&engine, &plan, [&t, &u], 3 << 20).unwrap_err();
    assert_eq!(error.code(), ErrorCode::MemoryLimit, "{error}");
    assert!(settles(&engine));
    assert_eq!(open_files(directory.path()), 0);
}

#[test]
fn a_dropped_join_and_a_full_disk_leave_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (t, u) = (batches(60_000, 2, "t", false), batches(80_000, 3, "u", false));
    let plan = Plan::input("t", &t[0].schema()).join(&Plan::input("u", &u[0].schema()), JoinKind::Full, [("k", "k")]);
    let config = Config {
        threads: 2,
        spill_directory: Some(directory.path().to_owned()),
        spill_limit_bytes: 100_000,
        ..Config::default()
    };
    let small = Engine::open(&config).unwrap();
    let error = run(&small, &plan, [&t, &u], 6 << 20).unwrap_err();
    assert_eq!(error.code(), ErrorCode::LimitExceeded, "{error}");
    assert!(settles(&small));
    let engine = engine(directory.path());
    let reader = |batches: &[RecordBatch]| {
        Input::reader(RecordBatchIterator::new(Vec::from(batches).into_iter().map(Ok), batches[0].schema()))
    };
    let options = QueryOptions { memory_limit_bytes: Some(6 << 20), ..QueryOptions::default() };
    let mut result = engine.run_with(&plan, [("t", reader(&t)), ("u", reader(&u))], options).unwrap();
    assert!(result.next().unwrap().unwrap().num_rows() > 0);
    drop(result);
    assert!(settles(&engine));
    let deadline = Instant::now() + Duration::from_secs(10);
    while open_files(directory.path()) > 0 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(open_files(directory.path()), 0);
}

#[test]
fn a_directory_that_is_not_there_is_an_error_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let engine = engine(&directory.path().join("none"));
    let (t, u) = (batches(60_000, 2, "t", false), batches(80_000, 3, "u", false));
    let plan = Plan::input("t", &t[0].schema()).join(&Plan::input("u", &u[0].schema()), JoinKind::Full, [("k", "k")]);
    let error = run(&engine, &plan, [&t, &u], 6 << 20).map(drop).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Io, "{error}");
    assert!(error.to_string().contains("none"), "{error}");
    assert!(settles(&engine));
}

#[test]
fn a_join_of_an_endless_input_has_no_files() {
    let directory = tempfile::tempdir().unwrap();
    let engine = engine(directory.path());
    let (t, u) = (batches(20_000, 2, "t", false), batches(80_000, 3, "u", false));
    let endless = Plan::unbounded_input("t", &t[0].schema());
    let plan = endless.join(&Plan::input("u", &u[0].schema()), JoinKind::Inner, [("k", "k")]);
    let (_, statistics) = run(&engine, &plan, [&t, &u], 1 << 30).unwrap();
    assert_eq!(statistics.spilled_bytes, 0);
    let error = run(&engine, &plan, [&t, &u], 2 << 20).map(drop).unwrap_err();
    assert_eq!(error.code(), ErrorCode::MemoryLimit, "{error}");
    assert!(settles(&engine));
}

#[test]
fn windows_past_their_limit_give_the_same_rows_in_the_same_order() {
    let directory = tempfile::tempdir().unwrap();
    let engine = engine(directory.path());
    // One row in thirteen has no key: a partition that is larger than all others.
    let t = batches(100_000, 2, "t", true);
    let table = Plan::input("t", &t[0].schema());
    let functions = || {
        let (number, rank, before) = (row_number().named("n"), dense_rank().named("r"), lag("t_text", 1).named("b"));
        [number, rank, before, first_value("t_text").named("f"), sum("t_number").named("s")]
    };
    for keys in [vec!["t_number"], vec!["k"], vec!["k", "t_number"]] {
        let ordered = over(keys.iter().map(|key| col(*key))).order_by([desc(col("t_text"))]);
        let windows = [
            over(keys.iter().map(|key| col(*key))),
            over(keys.iter().map(|key| col(*key))).rows(-2..=1),
            ordered.clone(),
            ordered.clone().rows(-3..=0),
            ordered.rows(..).exclude(Exclusion::CurrentRow),
        ];
        for (at, window) in windows.into_iter().enumerate() {
            let plan = table.window(window, functions());
            let inputs = [("t", &t[..])];
            let (due, statistics) = answer(&engine, &plan, &inputs, 1 << 30).unwrap();
            assert_eq!(statistics.spilled_bytes, 0);
            let (found, statistics) =
                answer(&engine, &plan, &inputs, 8 << 20).unwrap_or_else(|error| panic!("{keys:?} {at}: {error}"));
            assert!(found == due, "{keys:?} {at}: other rows, or in another order");
            assert!(statistics.spilled_bytes > 1 << 20, "{keys:?} {at}: {statistics:?}");
            assert!(statistics.peak_memory_bytes <= 8 << 20, "{keys:?} {at}");
            let window = statistics.operators.iter().find(|operator| operator.path.starts_with("window")).unwrap();
            assert_eq!(window.spilled_bytes, statistics.spilled_bytes);
            assert!(settles(&engine), "{keys:?} {at}: {} bytes stay charged", engine.used_bytes());
            assert_eq!(open_files(directory.path()), 0);
        }
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_partition_that_does_not_fit_ends_with_its_limit() {
    let directory = tempfile::tempdir().unwrap();
    let engine = engine(directory.path());
    let t = batches(150_000, 0, "t", false);
    let table = Plan::input("t", &t[0].schema());
    for window in [over(["k"].map(col)), over::<Expr>([])] {
        let plan = table.window(window, [row_number().named("n")]);
        let error = answer(&engine, &plan, &[("t", &t)], 3 << 20).map(drop).unwrap_err();
        assert_eq!(error.code(), ErrorCode::MemoryLimit, "{error}");
        assert!(settles(&engine));
        assert_eq!(open_files(directory.path()), 0);
    }
}

#[test]
fn a_window_without_a_directory_to_write_to_is_an_error_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let engine = engine(&directory.path().join("none"));
    let t = batches(100_000, 2, "t", true);
    let plan = Plan::input("t", &t[0].schema()).window(over(["k"].map(col)), [row_number().named("n")]);
    let error = answer(&engine, &plan, &[("t", &t)], 4 << 20).map(drop).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Io, "{error}");
    assert!(settles(&engine));
}
