// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Queries through the façade: every operator, whatever the batches and the threads.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails stops there")]

use std::sync::Arc;

use arrow::util::display::array_value_to_string;
use bowyer::arrow_array::cast::AsArray;
use bowyer::arrow_array::types::Int64Type;
use bowyer::arrow_array::{Int64Array, RecordBatch, RecordBatchIterator, StringArray};
use bowyer::{
    Config, Engine, Input, JoinKind, Plan, Result, asc, col, count_all, desc, function, if_else, last, lit, max, mean,
    min, sum,
};

fn engine(threads: u32) -> Engine {
    Engine::open(&Config { threads, ..Config::default() }).unwrap()
}

/// Rows `0..count`: an id, a group of seven with nulls, a value and a name.
fn rows(count: i64) -> RecordBatch {
    let ids = 0..count;
    let group = ids.clone().map(|id| (id % 11 != 5).then_some(id % 7));
    let value = ids.clone().map(|id| (id * 7919) % 1000 - 500);
    let name = ids.clone().map(|id| format!("n{}", id % 13));
    RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(Int64Array::from_iter_values(ids)) as _, false),
        ("group", Arc::new(Int64Array::from_iter(group)) as _, true),
        ("value", Arc::new(Int64Array::from_iter_values(value)) as _, false),
        ("name", Arc::new(StringArray::from_iter_values(name)) as _, false),
    ])
    .unwrap()
}

/// The same rows in batches of `step`.
fn split(batch: &RecordBatch, step: usize) -> Vec<RecordBatch> {
    let starts = (0..batch.num_rows()).step_by(step);
    starts.map(|first| batch.slice(first, step.min(batch.num_rows() - first))).collect()
}

/// All rows as text, in order.
fn text(result: impl Iterator<Item = Result<RecordBatch>>) -> Vec<String> {
    let mut lines = Vec::new();
    for batch in result {
        let batch = batch.unwrap();
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().map(|column| array_value_to_string(column, row).unwrap());
            lines.push(cells.collect::<Vec<_>>().join(" "));
        }
    }
    lines
}

fn table() -> Plan {
    Plan::input("t", &rows(0).schema())
}

/// Runs a plan over the same rows, split and threaded in many ways; the answers must agree.
fn answers(plan: &Plan, count: i64, ordered: bool) -> Vec<String> {
    let batch = rows(count);
    let mut expected: Option<Vec<String>> = None;
    for threads in [1, 2, 4] {
        let engine = engine(threads);
        for step in [1, 7, 100, 100_000] {
            if step == 1 && count > 500 {
                continue;
            }
            for pushed in [false, true] {
                let batches = split(&batch, step);
                let input = if pushed {
                    Input::reader(RecordBatchIterator::new(batches.into_iter().map(Ok), batch.schema()))
                } else {
                    Input::batches(batches)
                };
                let mut answer = text(engine.run(plan, [("t", input)]).unwrap());
                if !ordered {
                    answer.sort();
                }
                let expected = expected.get_or_insert_with(|| answer.clone());
                assert_eq!(&answer, expected, "{threads} threads, batches of {step}, pushed {pushed}");
            }
        }
    }
    expected.unwrap()
}

#[test]
fn filter_and_project_keep_the_order() {
    let plan =
        table().filter(col("value").gt(0)).select([(String::new(), col("id")), (col("value") * 2).named("double")]);
    let answer = answers(&plan, 300, true);
    let expected: Vec<String> = (0..300_i64)
        .map(|id| (id, (id * 7919) % 1000 - 500))
        .filter(|(_, value)| *value > 0)
        .map(|(id, value)| format!("{id} {}", value * 2))
        .collect();
    assert_eq!(answer, expected);
}

#[test]
fn with_replaces_in_place_and_appends() {
    let plan = table().with([(col("id") + 1).named("id"), lit(5).named("five")]).limit(2);
    assert_eq!(answers(&plan, 50, true), ["1 0 -500 n0 5", "2 1 419 n1 5"]);
}

#[test]
fn groups_agree_with_a_loop() {
    let plan = table()
        .group_by([col("group")], [sum("value"), count_all(), min("value"), max("value"), mean("value"), last("id")])
        .sort([asc(col("group")).nulls_first()]);
    let answer = answers(&plan, 2000, true);
    assert_eq!(answer.len(), 8);
    for line in answer {
        let cells: Vec<&str> = line.split(' ').collect();
        let of_group = |id: &i64| (id % 11 != 5).then_some(id % 7).map_or(String::new(), |group| group.to_string());
        let values: Vec<i64> =
            (0..2000_i64).filter(|id| of_group(id) == cells[0]).map(|id| (id * 7919) % 1000 - 500).collect();
        assert_eq!(cells[1], values.iter().sum::<i64>().to_string());
        assert_eq!(cells[2], values.len().to_string());
        assert_eq!(cells[3], values.iter().min().unwrap().to_string());
        assert_eq!(cells[4], values.iter().max().unwrap().to_string());
        let ids = (0..2000_i64).filter(|id| of_group(id) == cells[0]);
        assert_eq!(cells[6], ids.max().unwrap().to_string());
    }
}

#[test]
fn an_aggregate_of_no_rows_is_one_row() {
    let plan = table().filter(col("id").lt(0)).aggregate([count_all(), sum("value")]);
    assert_eq!(answers(&plan, 20, true), ["0 "]);
}

#[test]
fn joins_agree_with_loops() {
    let few = table().filter(col("id").lt(20)).select([col("id").named("key"), col("name").named("right_name")]);
    for (kind, expected) in
        [(JoinKind::Inner, 20), (JoinKind::Left, 300), (JoinKind::LeftSemi, 20), (JoinKind::LeftAnti, 280)]
    {
        let plan = table().join(&few, kind, [("id", "key")]).sort([asc(col("id"))]);
        let answer = answers(&plan, 300, true);
        assert_eq!(answer.len(), expected, "{kind:?}");
        if kind == JoinKind::Left {
            assert_eq!(answer[3], "3 3 257 n3 3 n3");
            assert_eq!(answer[25], "25 4 475 n12  ");
        }
    }
}

#[test]
fn sorts_are_stable_and_top_n_agrees() {
    let plan = table().sort([desc(col("group")), asc(col("name"))]).select([col("id")]);
    let all = answers(&plan, 400, true);
    let mut ids: Vec<i64> = (0..400).collect();
    ids.sort_by_key(|id| {
        let group = (id % 11 != 5).then_some(id % 7);
        (group.is_none(), group.map(|group| -group), format!("n{}", id % 13))
    });
    assert_eq!(all, ids.iter().map(ToString::to_string).collect::<Vec<_>>());
    let top = table().sort([desc(col("group")), asc(col("name"))]).range(5, Some(10)).select([col("id")]);
    assert_eq!(answers(&top, 400, true), all[5..15]);
}

#[test]
fn limits_unions_and_distincts_keep_the_input_order() {
    let first = table().limit(3).select([col("id")]);
    let rest = table().range(395, None).select([col("id")]);
    assert_eq!(answers(&first.union([&rest]), 400, true), ["0", "1", "2", "395", "396", "397", "398", "399"]);
    let plan = table().distinct(["name"]).select([col("id")]).sort([asc(col("id"))]);
    assert_eq!(answers(&plan, 400, true), (0..13).map(|id| id.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_relation_that_is_read_twice_meets_itself() {
    let positive = table().filter(col("value").gt(0));
    let counts = positive.group_by([col("name")], [count_all().named("n")]);
    let plan = positive.join(&counts, JoinKind::Inner, [("name", "name")]).select([col("id"), col("n")]);
    let answer = answers(&plan, 300, false);
    let positive = |id: &i64| (id * 7919) % 1000 > 500;
    assert_eq!(answer.len(), (0..300_i64).filter(positive).count());
    let zero = (0..300_i64).filter(positive).filter(|id| id % 13 == 1).count();
    assert!(answer.contains(&format!("1 {zero}")), "{answer:?}");
}

#[test]
fn what_is_not_needed_is_not_computed() {
    let quotient = lit(100) / col("value_or_zero");
    let zeroed = table().with([if_else(col("id").gt(9), lit(0), lit(1)).named("value_or_zero")]);
    // A filter, an AND, a choice and a limit each keep the division from rows that would fail.
    let kept = zeroed.filter(col("value_or_zero").gt(0)).with([quotient.clone().named("q")]);
    assert_eq!(answers(&kept.select([col("q")]), 60, true).len(), 10);
    let both = zeroed.filter(col("value_or_zero").gt(0).and(quotient.clone().gt(5)));
    assert_eq!(answers(&both.select([col("id")]), 60, true).len(), 10);
    let choice = zeroed.with([if_else(col("value_or_zero").gt(0), quotient.clone(), lit(-1)).named("q")]);
    assert_eq!(answers(&choice.select([col("q")]), 60, true)[10], "-1");
    let limited = zeroed.with([quotient.named("q")]).limit(10).select([col("q")]);
    assert_eq!(answers(&limited, 60, true).len(), 10);
}

#[test]
fn functions_are_split_over_long_columns() {
    let engine = engine(2);
    let long = Arc::new(Int64Array::from_iter_values(0..1_000_000));
    let column = bowyer::Column::Array(long);
    let total = engine.call("sum", std::slice::from_ref(&column), []).unwrap();
    assert_eq!(total.values().as_primitive::<Int64Type>().value(0), 499_999_500_000);
    let doubled = engine.call("add", &[column.clone(), column], []).unwrap();
    assert_eq!(doubled.values().as_primitive::<Int64Type>().value(999_999), 1_999_998);
    let named = engine.call("utf8_upper", &[bowyer::Column::Array(Arc::new(StringArray::from(vec!["a"])))], []);
    assert!(named.is_ok());
    assert!(function("add", [col("a")], []).named("x").0 == "x");
}
