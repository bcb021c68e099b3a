// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Joins whose condition or keys fail for some rows: those of the side that passes by are set aside, as if they had not been
//! there.

use std::slice::from_ref;
use std::sync::Arc;

use bowyer::arrow_array::cast::AsArray;
use bowyer::arrow_array::types::Int64Type;
use bowyer::arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray, UInt64Array};
use bowyer::{Config, Engine, ErrorCode, Input, JoinKind, Plan, REWRITES, Rejects, col, count_all, lit};

type Row = Vec<Option<i64>>;

/// Rows of two columns: keys up to `keys`, values up to 11.
fn table(names: [&str; 2], rows: i64, keys: i64) -> RecordBatch {
    let column =
        |value: &dyn Fn(i64) -> Option<i64>| -> ArrayRef { Arc::new((0..rows).map(value).collect::<Int64Array>()) };
    let keys = column(&|row| (row % 13 > 0).then_some(row * 7 % keys));
    let values = column(&|row| (row % 17 > 0).then_some(row * 5 % 11));
    RecordBatch::try_from_iter_with_nullable([(names[0], keys, true), (names[1], values, true)]).unwrap()
}

fn rows(batches: &[RecordBatch], width: usize) -> Vec<Row> {
    let cell = |column: &ArrayRef, row: usize| {
        let column = column.as_primitive::<Int64Type>();
        column.is_valid(row).then(|| column.value(row))
    };
    let of = |batch: &RecordBatch| -> Vec<Row> {
        (0..batch.num_rows()).map(|row| batch.columns()[..width].iter().map(|one| cell(one, row)).collect()).collect()
    };
    batches.iter().flat_map(of).collect()
}

/// Whether `100 / (x - y) > 0`; `Err` where that fails.
fn holds(x: Option<i64>, y: Option<i64>) -> Result<bool, ()> {
    match x.zip(y).map(|(x, y)| x - y) {
        Some(0) => Err(()),
        difference => Ok(difference.is_some_and(|difference| difference > 0)),
    }
}

/// The rows of a join and those that it sets aside, pair by pair.
fn expected(kind: JoinKind, left: &[Row], right: &[Row]) -> (Vec<Row>, Vec<Row>) {
    let of_right = matches!(kind, JoinKind::Right | JoinKind::RightSemi | JoinKind::RightAnti);
    let (passing, other) = if of_right { (right, left) } else { (left, right) };
    let (mut found, mut failed, mut met) = (Vec::new(), Vec::new(), vec![false; other.len()]);
    for row in passing {
        let equal: Vec<usize> = (0..other.len()).filter(|&at| row[0].is_some() && other[at][0] == row[0]).collect();
        let holds = |at: &usize| if of_right { holds(other[*at][1], row[1]) } else { holds(row[1], other[*at][1]) };
        let Ok(holding) = equal.iter().map(holds).collect::<Result<Vec<bool>, ()>>() else {
            failed.push(row.clone());
            continue;
        };
        let partners: Vec<usize> = equal.into_iter().zip(holding).filter(|pair| pair.1).map(|pair| pair.0).collect();
        partners.iter().for_each(|&at| met[at] = true);
        let pair = |at: usize| if of_right { [&other[at][..], row].concat() } else { [&row[..], &other[at]].concat() };
        match kind {
            JoinKind::LeftSemi | JoinKind::RightSemi => found.extend((!partners.is_empty()).then(|| row.clone())),
            JoinKind::LeftAnti | JoinKind::RightAnti => found.extend(partners.is_empty().then(|| row.clone())),
            JoinKind::Left | JoinKind::Full if partners.is_empty() => found.push([&row[..], &[None, None]].concat()),
            JoinKind::Right if partners.is_empty() => found.push([&[None, None], &row[..]].concat()),
            _ => found.extend(partners.into_iter().map(pair)),
        }
    }
    if kind == JoinKind::Full {
        let alone = other.iter().zip(met).filter(|(_, met)| !met);
        found.extend(alone.map(|(row, _)| [&[None, None], &row[..]].concat()));
    }
    (found, failed)
}

const KINDS: [JoinKind; 8] = [
    JoinKind::Inner,
    JoinKind::Left,
    JoinKind::Right,
    JoinKind::Full,
    JoinKind::LeftSemi,
    JoinKind::LeftAnti,
    JoinKind::RightSemi,
    JoinKind::RightAnti,
];

/// The batches of a table in steps.
fn cut(batch: &RecordBatch, step: usize) -> Input {
    let starts = (0..batch.num_rows()).step_by(step);
    Input::batches(starts.map(|first| batch.slice(first, step.min(batch.num_rows() - first))).collect())
}

#[test]
fn a_row_with_a_pair_that_fails_is_set_aside_whole() {
    let (t, u) = (table(["k", "x"], 400, 60), table(["l", "y"], 90, 50));
    let (left, right) = (Plan::input("t", &t.schema()), Plan::input("u", &u.schema()));
    let condition = (lit(100_i64) / (col("x") - col("y"))).gt(lit(0_i64));
    for kind in KINDS {
        let plan = left.join_where(&right, kind, [("k", "l")], "", condition.clone()).rejects(Rejects::to("bad"));
        let (mut found, failed) = expected(kind, &rows(from_ref(&t), 2), &rows(from_ref(&u), 2));
        assert!(failed.len() > 10 && found.len() > 10, "{kind:?}: {} and {}", failed.len(), found.len());
        found.sort();
        for disabled in [&[] as &[&str], REWRITES] {
            for (threads, step, batch_rows) in [(1, 1000, 65_536), (3, 7, 5), (2, 64, 3)] {
                let config = Config {
                    threads,
                    batch_rows,
                    disabled_rewrites: disabled,
                    spill_directory: Some(std::env::temp_dir()),
                    ..Config::default()
                };
                let engine = Engine::open(&config).unwrap();
                let mut result = engine.run(&plan, [("t", cut(&t, step)), ("u", cut(&u, step))]).unwrap();
                let answer = result.by_ref().collect::<bowyer::Result<Vec<_>>>().unwrap();
                let width = answer.first().map_or(0, RecordBatch::num_columns);
                let mut seen = rows(&answer, width);
                seen.sort();
                assert_eq!(seen, found, "{kind:?}, {threads} threads, batches of {step}");
                let rejected = result.output("bad").unwrap();
                assert_eq!(rows(&rejected, 2), failed, "{kind:?}, in the order of the rows");
                let said = rejected[0].column_by_name("error_code").unwrap().as_string::<i32>();
                assert_eq!((said.value(0), said.null_count()), ("DivideByZero", 0));
                let input = rejected[0].column_by_name("error_input").unwrap().as_string::<i32>().value(0);
                let passes = matches!(kind, JoinKind::Right | JoinKind::RightSemi | JoinKind::RightAnti);
                assert_eq!(input, if passes { "u" } else { "t" });
            }
        }
    }
}

#[test]
fn a_key_that_cannot_be_compared_is_set_aside() {
    let words: ArrayRef = Arc::new(StringArray::from(vec![Some("1"), Some("one"), None, Some("2")]));
    let texts = RecordBatch::try_from_iter_with_nullable([("k", words, true)]).unwrap();
    let large: ArrayRef = Arc::new(UInt64Array::from(vec![1, u64::MAX, 2]));
    let large = RecordBatch::try_from_iter_with_nullable([("k", large, true)]).unwrap();
    let small: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let small = RecordBatch::try_from_iter_with_nullable([("l", small, true)]).unwrap();
    let engine = Engine::open(&Config { threads: 1, ..Config::default() }).unwrap();
    let right = Plan::input("u", &small.schema());
    let plan = Plan::input("t", &large.schema()).join(&right, JoinKind::Inner, [("k", "l")]);
    let run = |plan: &Plan| engine.run(plan, [("t", Input::batches(vec![large.clone()])), ("u", cut(&small, 9))]);
    let error = run(&plan).unwrap().find_map(Result::err).unwrap();
    let mut result = run(&plan.rejects(Rejects::to("bad"))).unwrap();
    let found: usize = result.by_ref().map(|batch| batch.unwrap().num_rows()).sum();
    let bad: usize = result.output("bad").unwrap().iter().map(RecordBatch::num_rows).sum();
    assert_eq!((found, bad), (2, 1), "{error}");
    // Types that have none in common are refused before anything runs.
    let plan =
        Plan::input("t", &texts.schema()).join(&right, JoinKind::Inner, [("k", "l")]).rejects(Rejects::to("bad"));
    assert_eq!(engine.explain(&plan).unwrap_err().code(), ErrorCode::TypeMismatch);
}

#[test]
fn outputs_of_rejects_keep_their_names_when_joins_change_their_order() {
    let rows = |names: [&str; 2], rows: i64, bad: i64| {
        let key: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
        let value: ArrayRef = Arc::new(Int64Array::from_iter_values((0..rows).map(|row| (row - bad).max(0))));
        RecordBatch::try_from_iter([(names[0], key), (names[1], value)]).unwrap()
    };
    // One row fails of one side, and two of the other.
    let (small, large) = (rows(["k", "x"], 100, 0), rows(["l", "y"], 70_000, 1));
    let side = |name: &str, batch: &RecordBatch, value: &str, bad: &str| {
        let computed = (lit(1_i64) / col(value)).named(format!("q{value}"));
        Plan::input(name, &batch.schema()).with([computed]).rejects(Rejects::to(bad))
    };
    let (t, u) = (side("t", &small, "x", "one"), side("u", &large, "y", "two"));
    let plan = t.join(&u, JoinKind::Inner, [("k", "l")]).aggregate([count_all()]);
    for disabled in [&[] as &[&str], REWRITES] {
        let engine = Engine::open(&Config { threads: 2, disabled_rewrites: disabled, ..Config::default() }).unwrap();
        let mut result = engine.run(&plan, [("t", cut(&small, 1000)), ("u", cut(&large, 70_000))]).unwrap();
        let answer = result.by_ref().collect::<bowyer::Result<Vec<_>>>().unwrap();
        assert_eq!(answer[0].column(0).as_primitive::<Int64Type>().value(0), 98);
        let swapped = result.statistics().analysis.contains(": with[3] Inner with[1]");
        assert_eq!(swapped, disabled.is_empty(), "{}", result.statistics().analysis);
        for (name, column, count) in [("one", "x", 1), ("two", "y", 2)] {
            let rejected = result.output(name).unwrap();
            assert_eq!(rejected.iter().map(RecordBatch::num_rows).sum::<usize>(), count, "{name}");
            assert!(rejected[0].column_by_name(column).is_some(), "{name}");
        }
    }
}
