// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What goes wrong, said in the right place; and the engine goes on working.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails stops there")]

use std::sync::Arc;
use std::time::Duration;

use bowyer::arrow_array::{Int64Array, RecordBatch, RecordBatchIterator, StringArray};
use bowyer::arrow_schema::{ArrowError, DataType};
use bowyer::{
    Config, Engine, Error, ErrorCode, Input, JoinKind, Literal, Plan, QueryOptions, Result, asc, col, count_all, lit,
    parameter, sum,
};

fn batch(values: impl IntoIterator<Item = i64>) -> RecordBatch {
    let values = Int64Array::from_iter_values(values);
    let names = StringArray::from_iter_values(values.values().iter().map(ToString::to_string));
    RecordBatch::try_from_iter([("x", Arc::new(values) as _), ("name", Arc::new(names) as _)]).unwrap()
}

fn table() -> Plan {
    Plan::input("t", &batch([]).schema())
}

fn engine() -> Engine {
    Engine::open(&Config { threads: 2, ..Config::default() }).unwrap()
}

fn run(engine: &Engine, plan: &Plan, batches: Vec<RecordBatch>) -> Result<Vec<RecordBatch>> {
    engine.run(plan, [("t", Input::batches(batches))])?.collect()
}

fn refused(plan: &Plan) -> Error {
    run(&engine(), plan, vec![batch([1])]).unwrap_err()
}

#[test]
fn names_and_types_are_checked_before_anything_runs() {
    let error = refused(&table().filter(col("y").gt(0)));
    assert_eq!((error.code(), error.place().column.as_deref()), (ErrorCode::NotFound, Some("y")));
    assert_eq!(error.place().path.as_deref(), Some("filter[1].predicate"));
    assert_eq!(refused(&table().filter(col("x"))).code(), ErrorCode::TypeMismatch);
    let error = refused(&table().select([(col("x") + col("name")).named("z")]));
    assert_eq!((error.code(), error.place().function.as_deref()), (ErrorCode::TypeMismatch, Some("add_checked")));
    assert_eq!(error.place().path.as_deref(), Some("project[1].columns[0]"));
    let unknown = bowyer::function("frobnicate", [col("x")], []);
    assert_eq!(refused(&table().filter(unknown)).code(), ErrorCode::NotFound);
    assert_eq!(
        refused(&table().select([col("x").named("a"), col("name").named("a")])).code(),
        ErrorCode::InvalidArgument
    );
    assert_eq!(refused(&table().select([col("x") + 1])).code(), ErrorCode::InvalidArgument);
    let two = table().join(&table().with([lit(1).named("one")]), JoinKind::Inner, [("x", "x")]);
    assert_eq!(refused(&two).place().column.as_deref(), Some("name"));
    assert_eq!(refused(&table().filter(col("x").equal(Literal::null()))).code(), ErrorCode::InvalidArgument);
    assert_eq!(refused(&table().filter(col("x").gt(1.5))).code(), ErrorCode::InvalidArgument);
    let fits = table().filter(col("x").gt(0.0));
    assert_eq!(run(&engine(), &fits, vec![batch([1])]).unwrap().len(), 1);
}

#[test]
fn unbounded_inputs_are_refused_where_all_rows_are_needed() {
    let endless = Plan::unbounded_input("t", &batch([]).schema());
    assert_eq!(refused(&endless.sort([asc(col("x"))])).code(), ErrorCode::InvalidArgument);
    assert_eq!(refused(&endless.aggregate([sum("x")])).code(), ErrorCode::InvalidArgument);
    assert_eq!(refused(&endless.distinct([])).code(), ErrorCode::InvalidArgument);
    assert!(engine().explain(&endless.group_by_sorted(["x"], [sum("x").named("s")])).is_ok());
    let other = Plan::unbounded_input("u", &batch([]).schema());
    let error = refused(&table().join(&other, JoinKind::LeftSemi, [("x", "x")]));
    assert_eq!(error.place().path.as_deref(), Some("join[2]"));
    assert!(run(&engine(), &endless.limit(1).sort([asc(col("x"))]), vec![batch([1])]).is_ok());
}

#[test]
fn an_endless_reader_ends_with_its_limit() {
    let schema = batch([]).schema();
    let endless = RecordBatchIterator::new((0..).map(|i| Ok(batch(i..i + 10))), schema.clone());
    let plan = Plan::unbounded_input("t", &schema).filter(col("x").gt(100)).limit(25);
    let rows = engine().run(&plan, [("t", Input::reader(endless))]).unwrap();
    assert_eq!(rows.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 25);
}

#[test]
fn a_failing_row_is_named_by_input_batch_and_row() {
    let batches = vec![batch(1..100), batch([5, 6, 0, 7, 0]), batch([0])];
    let plan = table().filter(col("x").not_equal(6)).select([(lit(10) / col("x")).named("q")]);
    for threads in 1..4 {
        let engine = Engine::open(&Config { threads, ..Config::default() }).unwrap();
        let error = run(&engine, &plan, batches.clone()).unwrap_err();
        let place = error.place().clone();
        assert_eq!(error.code(), ErrorCode::DivideByZero);
        assert_eq!((place.input.as_deref(), place.batch, place.row), (Some("t"), Some(1), Some(2)), "{error}");
        assert_eq!(place.function.as_deref(), Some("divide_checked"));
        assert_eq!(place.path.as_deref(), Some("project[2].columns[0]"));
    }
}

#[test]
fn the_first_failing_row_wins_over_the_first_failing_column() {
    let columns = [(lit(1) / (col("x") - 7)).named("a"), (lit(1) / (col("x") - 3)).named("b")];
    let error = run(&engine(), &table().with(columns), vec![batch(0..10)]).unwrap_err();
    assert_eq!(error.place().row, Some(3));
    let then = table().with([(lit(1) / (col("x") - 7)).named("a")]).filter((lit(1) / (col("x") - 3)).gt(0));
    assert_eq!(run(&engine(), &then, vec![batch(0..10)]).unwrap_err().place().row, Some(3));
    // Nobody reads the column, but its error counts.
    let unread = table().with([(lit(1) / (col("x") - 7)).named("a")]).select([col("x")]);
    assert_eq!(run(&engine(), &unread, vec![batch(0..10)]).unwrap_err().code(), ErrorCode::DivideByZero);
}

#[test]
fn a_reader_that_fails_fails_the_query_and_only_that() {
    let engine = engine();
    let schema = batch([]).schema();
    let bad = [Ok(batch([1])), Err(ArrowError::ComputeError("disk on fire".to_owned())), Ok(batch([2]))];
    let reader = RecordBatchIterator::new(bad, schema.clone());
    let plan = table().aggregate([sum("x")]);
    let result: Result<Vec<_>> = engine.run(&plan, [("t", Input::reader(reader))]).unwrap().collect();
    let error = result.unwrap_err();
    assert_eq!((error.code(), error.place().input.as_deref()), (ErrorCode::UserFunction, Some("t")));
    let other = RecordBatch::try_from_iter([("x", Arc::new(StringArray::from(vec!["a"])) as _)]).unwrap();
    let reader = RecordBatchIterator::new([Ok(batch([1])), Ok(other)], schema);
    let result: Result<Vec<_>> = engine.run(&plan, [("t", Input::reader(reader))]).unwrap().collect();
    assert_eq!(result.unwrap_err().code(), ErrorCode::TypeMismatch);
    assert!(run(&engine, &plan, vec![batch([1])]).is_ok());
}

#[test]
fn a_memory_limit_is_an_error_and_nothing_stays_charged() {
    let engine = engine();
    let plan = table().group_by([col("x"), col("name")], [count_all()]).sort([asc(col("x"))]);
    let options =
        QueryOptions { memory_limit_bytes: Some(1 << 16), query_id: "small".to_owned(), ..Default::default() };
    let batches: Vec<RecordBatch> = (0..20).map(|i| batch(i * 10_000..(i + 1) * 10_000)).collect();
    let rows = engine.run_with(&plan, [("t", Input::batches(batches.clone()))], options).unwrap();
    let error = rows.collect::<Result<Vec<_>>>().unwrap_err();
    assert_eq!((error.code(), error.place().query_id.as_deref()), (ErrorCode::MemoryLimit, Some("small")));
    assert_eq!(run(&engine, &plan, batches).unwrap().iter().map(RecordBatch::num_rows).sum::<usize>(), 200_000);
}

#[test]
fn a_result_that_is_larger_than_it_may_be_is_an_error_before_it_is_handed_out() {
    let engine = engine();
    let batches = || Input::batches((0..5).map(|i| batch(i * 100..(i + 1) * 100)).collect::<Vec<_>>());
    let plan = table().select([col("x")]);
    let rows = |limit: u64| QueryOptions { max_output_rows: Some(limit), ..Default::default() };
    let bytes = |limit: u64| QueryOptions { max_output_bytes: Some(limit), ..Default::default() };
    for (options, given) in [(rows(499), 400), (rows(99), 0), (bytes(3999), 400)] {
        let options = QueryOptions { batch_rows: Some(100), query_id: "large".to_owned(), ..options };
        let mut result = engine.run_with(&plan, [("t", batches())], options).unwrap();
        let mut before = 0;
        let error = loop {
            match result.next().unwrap() {
                Ok(batch) => before += batch.num_rows(),
                Err(error) => break error,
            }
        };
        assert_eq!((error.code(), error.place().path.as_deref()), (ErrorCode::LimitExceeded, Some("outputs[0]")));
        assert_eq!((error.place().query_id.as_deref(), before), (Some("large"), given), "{error}");
        assert_eq!(result.statistics().rows_out, given as u64, "what was refused does not count");
        assert!(result.next().is_none());
    }
    for options in [rows(500), bytes(4000), rows(u64::MAX)] {
        let all: Vec<_> = engine.run_with(&plan, [("t", batches())], options).unwrap().collect::<Result<_>>().unwrap();
        assert_eq!(all.iter().map(RecordBatch::num_rows).sum::<usize>(), 500);
    }
    let limited = Engine::open(&Config { threads: 2, max_output_rows: 100, ..Config::default() }).unwrap();
    let outcome: Result<Vec<_>> = limited.run(&plan, [("t", batches())]).unwrap().collect();
    assert_eq!(outcome.unwrap_err().code(), ErrorCode::LimitExceeded);
    assert!(limited.run_with(&plan, [("t", batches())], rows(500)).unwrap().all(|batch| batch.is_ok()));
}

#[test]
fn cancelled_late_and_abandoned_queries_leave_the_engine_usable() {
    let engine = engine();
    let batches: Vec<RecordBatch> = (0..50).map(|i| batch(i * 1000..(i + 1) * 1000)).collect();
    let mut rows = engine.run(&table(), [("t", Input::batches(batches.clone()))]).unwrap();
    rows.next().unwrap().unwrap();
    rows.cancel();
    assert_eq!(rows.next().unwrap().unwrap_err().code(), ErrorCode::Cancelled);
    assert!(rows.next().is_none());
    let options = QueryOptions { timeout: Some(Duration::ZERO), ..Default::default() };
    let late = engine.run_with(&table(), [("t", Input::batches(batches.clone()))], options).unwrap();
    assert_eq!(late.collect::<Result<Vec<_>>>().unwrap_err().code(), ErrorCode::DeadlineExceeded);
    let abandoned = engine.run(&table(), [("t", Input::batches(batches.clone()))]).unwrap();
    assert_eq!(run(&engine, &table().aggregate([count_all()]), batches.clone()).unwrap().len(), 1);
    drop(abandoned);
    let open = engine.run(&table(), [("t", Input::batches(batches.clone()))]).unwrap();
    engine.close();
    assert_eq!(open.collect::<Result<Vec<_>>>().unwrap_err().code(), ErrorCode::Cancelled);
    assert_eq!(run(&engine, &table(), batches).unwrap_err().code(), ErrorCode::InvalidState);
}

#[test]
fn parameters_are_typed_and_required() {
    let plan = table().filter(col("x").ge(parameter("least", DataType::Int64)));
    let run = |parameters: Vec<(String, Literal)>| -> Result<usize> {
        let options = QueryOptions { parameters, ..Default::default() };
        let rows = engine().run_with(&plan, [("t", Input::batches(vec![batch(0..10)]))], options)?;
        rows.map(|batch| batch.map(|batch| batch.num_rows())).sum()
    };
    assert_eq!(run(vec![("least".to_owned(), 7.into())]).unwrap(), 3);
    assert_eq!(run(vec![]).unwrap_err().code(), ErrorCode::InvalidArgument);
    assert_eq!(run(vec![("least".to_owned(), "7".into())]).unwrap_err().code(), ErrorCode::TypeMismatch);
    assert_eq!(run(vec![("most".to_owned(), 7.into())]).unwrap_err().code(), ErrorCode::NotFound);
}

#[test]
fn plans_survive_json() {
    let plan = table().filter(col("x").gt(3)).aggregate([count_all()]);
    let json = bowyer::plan_to_json(&plan.to_bytes().unwrap()).unwrap();
    let bytes = bowyer::plan_from_json(&json).unwrap();
    let rows = engine().run_bytes(&bytes, [("t", batch(0..10))], QueryOptions::default()).unwrap();
    assert_eq!(rows.collect::<Result<Vec<_>>>().unwrap().len(), 1);
}
