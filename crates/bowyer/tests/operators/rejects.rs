// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Rows that fail go to an output of their own, whatever the batches, the threads and the rewrites.

use std::sync::Arc;

use arrow::compute::concat_batches;
use bowyer::arrow_array::cast::AsArray;
use bowyer::arrow_array::types::Int64Type;
use bowyer::arrow_array::{Int64Array, RecordBatch, StringArray};
use bowyer::arrow_schema::Schema;
use bowyer::{Config, Engine, ErrorCode, Input, Plan, QueryOptions, REWRITES, Rejects, col, lit, sum};

fn rows(count: i64) -> RecordBatch {
    let names = (0..count).map(|row| format!("row {row}"));
    RecordBatch::try_from_iter([
        ("x", Arc::new(Int64Array::from_iter_values((0..count).map(|row| row % 10))) as _),
        ("name", Arc::new(StringArray::from_iter_values(names)) as _),
    ])
    .unwrap()
}

fn plan(schema: &Schema, rejects: Rejects) -> Plan {
    let quotient = lit(100) / col("x");
    Plan::input("t", schema).with([quotient.named("q")]).rejects(rejects).filter(col("q").gt(20)).select(["x", "q"])
}

fn run(engine: &Engine, plan: &Plan, batch: &RecordBatch, step: usize) -> bowyer::Result<[Vec<RecordBatch>; 2]> {
    let starts = (0..batch.num_rows()).step_by(step);
    let batches = starts.map(|first| batch.slice(first, step.min(batch.num_rows() - first))).collect();
    let mut result = engine.run(plan, [("t", Input::batches(batches))])?;
    assert_eq!(result.output("bad").unwrap_err().code(), ErrorCode::InvalidState);
    let answer = result.by_ref().collect::<bowyer::Result<Vec<_>>>()?;
    assert_eq!(result.output("other").unwrap_err().code(), ErrorCode::NotFound);
    Ok([answer, result.output("bad")?])
}

#[test]
fn rejected_rows_are_whole_and_say_what_is_wrong() {
    let batch = rows(1000);
    for disabled in [&[] as &[&str], REWRITES] {
        for threads in [1, 4] {
            let engine = Engine::open(&Config { threads, disabled_rewrites: disabled, ..Config::default() }).unwrap();
            for step in [7, 100, 1000] {
                let [answer, rejected] =
                    run(&engine, &plan(&batch.schema(), Rejects::to("bad")), &batch, step).unwrap();
                assert_eq!(answer.iter().map(RecordBatch::num_rows).sum::<usize>(), 400, "1 to 4 of every ten");
                let rejected = concat_batches(&rejected[0].schema(), &rejected).unwrap();
                assert_eq!(rejected.num_rows(), 100);
                let text = |name: &str, row| rejected.column_by_name(name).unwrap().as_string::<i32>().value(row);
                let number =
                    |name: &str, row| rejected.column_by_name(name).unwrap().as_primitive::<Int64Type>().value(row);
                for row in 0..100 {
                    assert_eq!((number("x", row), text("name", row)), (0, format!("row {}", row * 10).as_str()));
                    assert_eq!(text("error_code", row), "DivideByZero");
                    assert_eq!(text("error_path", row), "with[1].columns[0]");
                    assert_eq!(text("error_input", row), "t");
                    let place = number("error_batch", row) * step as i64 + number("error_row", row);
                    assert_eq!(place, row as i64 * 10);
                }
            }
        }
    }
}

#[test]
fn too_many_rejects_fail_the_query() {
    let engine = Engine::open(&Config { threads: 2, ..Config::default() }).unwrap();
    let batch = rows(1000);
    for (rejects, fits) in [
        (Rejects::to("bad").max_share(0.1), true),
        (Rejects::to("bad").max_share(0.09), false),
        (Rejects::to("bad").max_rows(100), true),
        (Rejects::to("bad").max_rows(99), false),
    ] {
        match run(&engine, &plan(&batch.schema(), rejects.clone()), &batch, 64) {
            Ok(_) => assert!(fits, "{rejects:?}"),
            Err(error) => {
                assert!(!fits, "{rejects:?}: {error}");
                assert_eq!((error.code(), error.place().path.as_deref()), (ErrorCode::LimitExceeded, Some("with[1]")));
            }
        }
    }
}

#[test]
fn rejects_before_a_breaker_and_of_a_filter() {
    let engine = Engine::open(&Config { threads: 2, ..Config::default() }).unwrap();
    let batch = rows(100);
    let plan = Plan::input("t", &batch.schema())
        .filter((lit(100) / col("x")).gt(20))
        .rejects(Rejects::to("bad"))
        .aggregate([sum("x")]);
    let [answer, rejected] = run(&engine, &plan, &batch, 9).unwrap();
    assert_eq!(answer[0].column(0).as_primitive::<Int64Type>().value(0), 10 * (1 + 2 + 3 + 4));
    assert_eq!(rejected.iter().map(RecordBatch::num_rows).sum::<usize>(), 10);
}

#[test]
fn rejects_that_cannot_be_are_refused() {
    let engine = Engine::open(&Config { threads: 1, ..Config::default() }).unwrap();
    let schema = rows(0).schema();
    let table = Plan::input("t", &schema);
    let projected = table.select(["x"]);
    for (plan, path) in [
        (table.limit(3).rejects(Rejects::to("bad")), "limit[1]"),
        (table.union([&table.filter(col("x").gt(3))]).rejects(Rejects::to("bad")), "union[2]"),
        (projected.rejects(Rejects::to("")), "project[1]"),
        (projected.rejects(Rejects::to("result")), "project[1]"),
        (projected.rejects(Rejects::to("bad").max_share(1.5)), "project[1]"),
        (projected.rejects(Rejects::to("bad").max_share(f64::NAN)), "project[1]"),
    ] {
        let error = engine.explain(&plan).unwrap_err();
        assert_eq!((error.code(), error.place().path.as_deref()), (ErrorCode::InvalidArgument, Some(path)), "{error}");
    }
    let clashing = table.with([col("x").named("error_row")]).select(["error_row"]).rejects(Rejects::to("bad"));
    assert_eq!(engine.explain(&clashing).unwrap_err().place().column.as_deref(), Some("error_row"));
    let fits = engine.run_with(&projected.rejects(Rejects::to("bad")), [("t", rows(0))], QueryOptions::default());
    let mut result = fits.unwrap();
    assert_eq!(result.by_ref().count(), 0);
    assert!(result.output("bad").unwrap().is_empty());
}

/// Rows of either output, in the order of their `id`.
fn ids(batches: &[RecordBatch]) -> Vec<i64> {
    let mut ids: Vec<i64> = Vec::new();
    for batch in batches {
        ids.extend(batch.column_by_name("id").unwrap().as_primitive::<Int64Type>().values());
    }
    ids.sort_unstable();
    ids
}

fn numbered(count: i64) -> RecordBatch {
    let column = |value: fn(i64) -> i64| Arc::new(Int64Array::from_iter_values((0..count).map(value))) as _;
    RecordBatch::try_from_iter([("id", column(|row| row)), ("x", column(|row| row % 10))]).unwrap()
}

#[test]
fn aggregates_sorts_and_windows_set_rows_aside() {
    let batch = numbered(300);
    let table = Plan::input("t", &batch.schema());
    let quotient = || lit(100) / col("x");
    let failing: Vec<i64> = (0..300).filter(|id| id % 10 == 0).collect();
    let grouped = table.group_by([quotient().named("q")], [bowyer::count_all()]);
    let summed = table.aggregate([bowyer::measure("sum", [quotient()]).named("s"), bowyer::count_all()]);
    let sorted = table.sort([bowyer::desc(quotient())]);
    let ranked = table.window(bowyer::over([quotient()]), [bowyer::measure("row_number", []).named("n")]);
    let stood = table.sort([bowyer::asc(col("x"))]).group_by_sorted([quotient().named("q")], [bowyer::count_all()]);
    for (plan, rows) in [(grouped, 9), (summed, 1), (sorted, 270), (ranked, 270), (stood, 9)] {
        let plan = plan.rejects(Rejects::to("bad"));
        for disabled in [&[] as &[&str], REWRITES] {
            for (threads, step) in [(1, 300), (4, 7)] {
                let config = Config { threads, disabled_rewrites: disabled, batch_rows: 16, ..Config::default() };
                let engine = Engine::open(&config).unwrap();
                let [answer, rejected] = run(&engine, &plan, &batch, step).unwrap();
                assert_eq!(answer.iter().map(RecordBatch::num_rows).sum::<usize>(), rows, "{plan:?}");
                assert_eq!(ids(&rejected), failing, "{plan:?}");
            }
        }
    }
}

#[test]
fn rows_are_set_aside_once_behind_stages_that_give_several_batches() {
    // Every row of the left has as many partners as it takes for several batches, and every third of those fails.
    let batch = numbered(40);
    let partners = RecordBatch::try_from_iter([
        ("x", Arc::new(Int64Array::from_iter_values((0..400).map(|row| row % 10))) as _),
        ("y", Arc::new(Int64Array::from_iter_values((0..400).map(|row| row % 3))) as _),
    ]);
    let partners = partners.unwrap();
    let joined = Plan::input("t", &batch.schema()).join(
        &Plan::input("u", &partners.schema()),
        bowyer::JoinKind::Inner,
        [("x", "x")],
    );
    let divided = joined.with([(lit(6) / col("y")).named("q")]).rejects(Rejects::to("bad"));
    // A step behind it that fails as well starts stages anew, with what is known of them.
    let strict = divided.with([(lit(1) / (col("id") - 39)).named("fails")]);
    for threads in [1, 4] {
        let engine = Engine::open(&Config { threads, batch_rows: 16, ..Config::default() }).unwrap();
        let run = |plan: &Plan| -> bowyer::Result<[Vec<RecordBatch>; 2]> {
            let mut result = engine.run(plan, [("t", batch.clone()), ("u", partners.clone())])?;
            let answer = result.by_ref().collect::<bowyer::Result<Vec<_>>>()?;
            Ok([answer, result.output("bad")?])
        };
        let [answer, rejected] = run(&divided).unwrap();
        let pairs = |zero: bool| {
            let mut ids: Vec<i64> = Vec::new();
            for id in 0..40_i64 {
                let count = (0..400).filter(|row| row % 10 == id % 10 && (row % 3 == 0) == zero).count();
                ids.extend(std::iter::repeat_n(id, count));
            }
            ids
        };
        assert_eq!(ids(&answer), pairs(false));
        assert_eq!(ids(&rejected), pairs(true));
        let error = run(&strict).unwrap_err();
        let place = error.place();
        assert_eq!((error.code(), place.input.as_deref(), place.row), (ErrorCode::DivideByZero, Some("t"), Some(39)));
    }
}
