// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Expressions over elements of random lists, against loops over one list at a time.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails stops there")]

use std::sync::Arc;

use arrow::buffer::OffsetBuffer;
use bowyer::arrow_array::builder::{Int64Builder, ListBuilder};
use bowyer::arrow_array::cast::AsArray;
use bowyer::arrow_array::types::Int64Type;
use bowyer::arrow_array::{Array, ArrayRef, Int64Array, ListArray, RecordBatch};
use bowyer::arrow_schema::{DataType, Field, Schema};
use bowyer::{Config, Engine, Input, Plan, col, function, if_else, lit};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

type List = Option<Vec<Option<i64>>>;

fn lists() -> impl Strategy<Value = Vec<(List, Option<i64>)>> {
    let list = weighted(0.8, vec(weighted(0.8, -9..9_i64), 0..6));
    vec((list, weighted(0.8, -9..9_i64)), 0..40)
}

fn batch(rows: &[(List, Option<i64>)]) -> RecordBatch {
    let mut xs = ListBuilder::new(Int64Builder::new());
    for (list, _) in rows {
        match list {
            Some(list) => xs.append_value(list.iter().copied()),
            None => xs.append_null(),
        }
    }
    let k: Int64Array = rows.iter().map(|(_, k)| *k).collect();
    let columns: [(&str, ArrayRef); 2] = [("xs", Arc::new(xs.finish())), ("k", Arc::new(k))];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
}

/// The columns `a`, `b` and `c` of the result, row by row.
fn run(plan: &Plan, batch: &RecordBatch, step: usize, threads: u32) -> Vec<RecordBatch> {
    let engine = Engine::open(&Config { threads, ..Config::default() }).unwrap();
    let starts = (0..batch.num_rows()).step_by(step);
    let batches = starts.map(|first| batch.slice(first, step.min(batch.num_rows() - first))).collect();
    engine.run(plan, [("t", Input::batches(batches))]).unwrap().collect::<Result<_, _>>().unwrap()
}

fn list_of(column: &ArrayRef, row: usize) -> List {
    let lists = column.as_list::<i32>();
    lists.is_valid(row).then(|| lists.value(row).as_primitive::<Int64Type>().iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn elements_are_those_of_a_loop(rows in lists(), step in 1..9_usize, threads in 1..4_u32) {
        let data = batch(&rows);
        let call = |name: &'static str, a, b| function(name, [a, b], []);
        let a = col("xs").list_transform(|x| if_else(x.clone().gt(col("k")), call("multiply", x, col("k")), lit(-1)));
        let b = col("xs").list_filter(|x| x.clone().is_null().or(x.lt(col("k"))));
        let c = col("xs").list_reduce(col("k"), |so_far, x| call("subtract", call("multiply", so_far, lit(3)), x.or_else(lit(1))));
        let nested = col("xs").list_transform(|x| {
            col("xs").list_filter(|y| y.lt(x.clone())).list_reduce(lit(0), |so_far, y| call("add", so_far, call("multiply", y, x)))
        });
        let plan = Plan::input("t", &data.schema()).select([a.named("a"), b.named("b"), c.named("c"), nested.named("d")]);
        let mut at = 0;
        for batch in run(&plan, &data, step, threads) {
            for row in 0..batch.num_rows() {
                let (list, k) = &rows[at];
                at += 1;
                let greater = |x: &Option<i64>| match (x, k) {
                    (Some(x), Some(k)) if x > k => Some(x * k),
                    (Some(_), Some(_)) => Some(-1),
                    _ => None,
                };
                prop_assert_eq!(list_of(batch.column(0), row), list.as_ref().map(|list| list.iter().map(greater).collect()));
                let kept = |x: &Option<i64>| x.is_none_or(|x| k.is_some_and(|k| x < k));
                let kept = list.as_ref().map(|list| list.iter().filter(|x| kept(x)).copied().collect::<Vec<_>>());
                prop_assert_eq!(list_of(batch.column(1), row), kept);
                let folded = list.as_ref().and_then(|list| list.iter().fold(*k, |so_far, x| Some(so_far? * 3 - x.unwrap_or(1))));
                let seen = batch.column(2).as_primitive::<Int64Type>();
                prop_assert_eq!(seen.is_valid(row).then(|| seen.value(row)), folded);
                let below = |list: &[Option<i64>], x: Option<i64>| {
                    let Some(x) = x else { return Some(0) };
                    Some(list.iter().flatten().filter(|y| **y < x).map(|y| y * x).sum::<i64>())
                };
                let sums = list.as_ref().map(|list| list.iter().map(|x| below(list, *x)).collect());
                prop_assert_eq!(list_of(batch.column(3), row), sums);
            }
        }
        prop_assert_eq!(at, rows.len());
    }
}

#[test]
fn what_lies_beneath_a_null_list_or_outside_the_window_is_never_computed() {
    let values: ArrayRef = Arc::new(Int64Array::from(vec![0, 2, 0, 5, 0]));
    let field = Arc::new(Field::new_list_field(DataType::Int64, true));
    let offsets = OffsetBuffer::<i32>::from_lengths([1; 5]);
    let nulls = vec![true, true, false, true, true].into();
    let lists = ListArray::try_new(field.clone(), offsets, values, Some(nulls)).unwrap().slice(1, 3);
    let schema = Schema::new(vec![Field::new("xs", DataType::List(field), true)]);
    let data = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(lists)]).unwrap();
    let plan = Plan::input("t", &data.schema()).select([
        col("xs").list_transform(|x| lit(10) / x).named("a"),
        col("xs").list_filter(|x| (lit(10) / x).gt(2)).named("b"),
        col("xs").list_reduce(100, |so_far, x| so_far / x).named("c"),
    ]);
    let out = run(&plan, &data, 100, 1);
    let seen: Vec<List> = (0..3).map(|row| list_of(out[0].column(0), row)).collect();
    assert_eq!(seen, [Some(vec![Some(5)]), None, Some(vec![Some(2)])]);
    let kept: Vec<List> = (0..3).map(|row| list_of(out[0].column(1), row)).collect();
    assert_eq!(kept, [Some(vec![Some(2)]), None, Some(vec![])]);
    assert_eq!(out[0].column(2).as_primitive::<Int64Type>(), &Int64Array::from(vec![Some(50), None, Some(20)]));
}

#[test]
fn a_plan_with_bodies_has_a_form_in_json_and_an_explanation() {
    let data = batch(&[(Some(vec![Some(1)]), Some(2))]);
    let body = col("xs")
        .list_reduce(lit(0), |so_far, x| function("add", [so_far, function("multiply", [x, col("k")], [])], []));
    let plan = Plan::input("t", &data.schema()).select([body.named("a")]);
    let bytes = plan.to_bytes().unwrap();
    let json = bowyer::plan_to_json(&bytes).unwrap();
    assert!(json.contains(r#""listCall":{"kind":"LIST_CALL_KIND_REDUCE""#), "{json}");
    assert_eq!(bowyer::plan_from_json(&json).unwrap(), bytes);
    let engine = Engine::open(&Config::default()).unwrap();
    let text = engine.explain(&plan).unwrap();
    let body = "list_reduce(xs, 0, (element, accumulator) -> add(accumulator, multiply(element, k)))";
    assert!(text.contains(body), "{text}");
}
