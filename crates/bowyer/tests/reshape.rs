// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Set operations, unnest, unpivot, pivot and samples over random rows, against loops over one row at a time, whatever the
//! batches and threads are.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails stops there")]

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bowyer::arrow_array::builder::{Int64Builder, ListBuilder};
use bowyer::arrow_array::cast::AsArray;
use bowyer::arrow_array::types::Int64Type;
use bowyer::arrow_array::{Array, ArrayRef, Int64Array, RecordBatch};
use bowyer::{Config, Engine, Input, Plan, asc, col, count_all, pivot, sum, unnest};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

/// A key and a value.
type Row = (Option<i64>, Option<i64>);

/// A row of a result.
type Line = Vec<Option<i64>>;

fn rows() -> impl Strategy<Value = Vec<Row>> {
    vec((weighted(0.8, 0..3_i64), weighted(0.8, 0..3_i64)), 0..30)
}

fn engines() -> &'static [Engine] {
    static ENGINES: OnceLock<Vec<Engine>> = OnceLock::new();
    let open = |threads| Engine::open(&Config { threads, ..Config::default() }).unwrap();
    ENGINES.get_or_init(|| (1..=4).map(open).collect())
}

fn batch(rows: &[Row]) -> RecordBatch {
    let keys: ArrayRef = Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>());
    let values: ArrayRef = Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>());
    RecordBatch::try_from_iter_with_nullable([("k", keys, true), ("v", values, true)]).unwrap()
}

fn split(batch: &RecordBatch, step: usize) -> Input {
    let starts = (0..batch.num_rows()).step_by(step);
    Input::batches(starts.map(|first| batch.slice(first, step.min(batch.num_rows() - first))).collect())
}

/// The rows of a plan over `t` and `u`.
fn run(plan: &Plan, inputs: &[(&str, &RecordBatch)], way: (usize, usize)) -> Vec<Line> {
    let inputs: Vec<(&str, Input)> = inputs.iter().map(|(name, batch)| (*name, split(batch, way.0))).collect();
    let mut lines = Vec::new();
    for batch in engines()[way.1].run(plan, inputs).unwrap() {
        let batch = batch.unwrap();
        let cell = |column: &ArrayRef, row: usize| {
            let column = column.as_primitive::<Int64Type>();
            column.is_valid(row).then(|| column.value(row))
        };
        lines.extend((0..batch.num_rows()).map(|row| batch.columns().iter().map(|c| cell(c, row)).collect::<Line>()));
    }
    lines
}

fn line(row: &Row) -> Line {
    vec![row.0, row.1]
}

fn counted(rows: &[Row]) -> BTreeMap<Row, usize> {
    let mut counts = BTreeMap::new();
    rows.iter().for_each(|row| *counts.entry(*row).or_insert(0) += 1);
    counts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn set_operations_count_rows(
        left in rows(), right in rows(), except in any::<bool>(), all in any::<bool>(), way in (1..9_usize, 0..4_usize)
    ) {
        let (t, u) = (batch(&left), batch(&right));
        let (first, second) = (Plan::input("t", &t.schema()), Plan::input("u", &u.schema()));
        let plan = match (except, all) {
            (false, false) => first.intersect([&second]),
            (false, true) => first.intersect_all([&second]),
            (true, false) => first.except([&second]),
            (true, true) => first.except_all([&second]),
        };
        let there = counted(&right);
        let mut due = Vec::new();
        for (row, count) in counted(&left) {
            let other = there.get(&row).copied().unwrap_or(0);
            let copies = match (except, all) {
                (false, false) => usize::from(other > 0),
                (false, true) => count.min(other),
                (true, false) => usize::from(other == 0),
                (true, true) => count.saturating_sub(other),
            };
            due.extend(std::iter::repeat_n(line(&row), copies));
        }
        let mut seen = run(&plan, &[("t", &t), ("u", &u)], way);
        seen.sort();
        due.sort();
        prop_assert_eq!(seen, due);
    }

    #[test]
    fn lists_unfold_in_order(
        lists in vec(weighted(0.8, vec(weighted(0.8, 0..9_i64), 0..4)), 0..20), keep in any::<bool>(),
        way in (1..9_usize, 0..4_usize)
    ) {
        let mut builder = ListBuilder::new(Int64Builder::new());
        lists.iter().for_each(|list| builder.append_option(list.clone()));
        let keys: ArrayRef = Arc::new((0..lists.len() as i64).collect::<Int64Array>());
        let column: ArrayRef = Arc::new(builder.finish());
        let t = RecordBatch::try_from_iter_with_nullable([("k", keys, true), ("xs", column, true)]).unwrap();
        let how = unnest(["xs"]).ordinality("n");
        let how = if keep { how.keep_empty() } else { how };
        let plan = Plan::input("t", &t.schema()).unnest(how);
        let mut due: Vec<Line> = Vec::new();
        for (key, list) in (0..).zip(&lists) {
            let list = list.clone().unwrap_or_default();
            if list.is_empty() && keep {
                due.push(vec![Some(key), None, None]);
            }
            due.extend((1..).zip(list).map(|(n, x)| vec![Some(key), x, Some(n)]));
        }
        prop_assert_eq!(run(&plan, &[("t", &t)], way), due);
    }

    #[test]
    fn pivots_group_by_value(rows in rows(), way in (1..9_usize, 0..4_usize)) {
        let t = batch(&rows);
        let spread = pivot("v").value_as(0, "zero").value_as(2, "two");
        let plan = Plan::input("t", &t.schema()).pivot(["k"], spread, [sum("k").named("s"), count_all()]);
        let plan = plan.sort([asc(col("k"))]);
        let mut groups: BTreeMap<(bool, Option<i64>), [i64; 2]> = BTreeMap::new();
        for (key, value) in &rows {
            let counts = groups.entry((key.is_none(), *key)).or_default();
            counts[0] += i64::from(*value == Some(0));
            counts[1] += i64::from(*value == Some(2));
        }
        let due: Vec<Line> = groups.into_iter().map(|((_, key), counts)| {
            let cells = counts.into_iter().flat_map(|count| {
                [key.filter(|_| count > 0).map(|key| key * count), Some(count)]
            });
            [key].into_iter().chain(cells).collect()
        }).collect();
        prop_assert_eq!(run(&plan, &[("t", &t)], way), due);
    }

    #[test]
    fn samples_are_the_same_in_every_way(
        rows in vec((weighted(0.8, 0..9_i64), weighted(0.8, 0..9_i64)), 0..300), seed in any::<u64>(),
        percent in 0..101_u32, count in 0..50_u64, way in (1..90_usize, 0..4_usize)
    ) {
        let t = batch(&rows);
        let input = Plan::input("t", &t.schema());
        let one_way = (1 << 20, 0);
        let share = input.sample_fraction(f64::from(percent) / 100.0, seed);
        prop_assert_eq!(run(&share, &[("t", &t)], way), run(&share, &[("t", &t)], one_way));
        let many = input.filter(col("v").gt(2)).sample_rows(count, seed);
        let seen = run(&many, &[("t", &t)], way);
        let passing = rows.iter().filter(|row| row.1.is_some_and(|value| value > 2)).count();
        prop_assert_eq!(seen.len(), passing.min(count as usize));
        prop_assert_eq!(seen, run(&many, &[("t", &t)], one_way));
    }
}

#[test]
fn a_batch_of_many_times_what_a_result_may_hold_comes_in_parts() {
    let t = batch(&(0..50).map(|row| (Some(row), Some(-row))).collect::<Vec<_>>());
    let engine = Engine::open(&Config { threads: 2, batch_rows: 1, ..Config::default() }).unwrap();
    let plan = Plan::input("t", &t.schema()).pivot([] as [bowyer::Expr; 0], pivot("k").value(1), [count_all()]);
    let plan = plan.select([col("1").named("a"), col("1").named("b"), col("1").named("c")]).unpivot(["a", "b", "c"]);
    let batches = engine.run(&plan, [("t", Input::batches(vec![t]))]).unwrap();
    let rows: Vec<usize> = batches.map(|batch| batch.unwrap().num_rows()).collect();
    assert_eq!(rows, [1, 1, 1]);
}
