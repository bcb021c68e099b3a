// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Chains of joins over random rows, with and without filters from their build sides; and that these are asked.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails stops there")]

use std::sync::Arc;

use bowyer::arrow_array::cast::AsArray;
use bowyer::arrow_array::types::Int64Type;
use bowyer::arrow_array::{Array, ArrayRef, Int64Array, RecordBatch};
use bowyer::{Config, Engine, Input, JoinKind, Plan, REWRITES, col, lit};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

type Row = (Option<i64>, Option<i64>);

const KINDS: [JoinKind; 6] =
    [JoinKind::Inner, JoinKind::Left, JoinKind::Right, JoinKind::LeftSemi, JoinKind::LeftAnti, JoinKind::RightSemi];

#[derive(Clone, Debug)]
struct Job {
    tables: [Vec<Row>; 3],
    kinds: [JoinKind; 2],
    nulls_equal: bool,
    filtered: bool,
    by_value: bool,
    step: usize,
    threads: u32,
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    // Ranges that have bits, and ranges of which the ends are known.
    let keys = prop_oneof![Just(6_i64), Just(900), Just(1 << 40)];
    keys.prop_flat_map(|spread| {
        let key = (0..7_i64).prop_map(move |key| (key - 2) * spread / 6);
        vec((weighted(0.85, key.clone()), weighted(0.85, key)), 0..50)
    })
}

fn jobs() -> impl Strategy<Value = Job> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    ([rows(), rows(), rows()], (0..KINDS.len(), 0..KINDS.len()), flags, (1..20_usize, 1..4_u32)).prop_map(
        |(tables, (one, other), (nulls_equal, filtered, by_value), (step, threads))| Job {
            tables,
            kinds: [KINDS[one], KINDS[other]],
            nulls_equal,
            filtered,
            by_value,
            step,
            threads,
        },
    )
}

fn batch(rows: &[Row], names: [&str; 2]) -> RecordBatch {
    let keys: ArrayRef = Arc::new(rows.iter().map(|(key, _)| *key).collect::<Int64Array>());
    let values: ArrayRef = Arc::new(rows.iter().map(|(_, value)| *value).collect::<Int64Array>());
    RecordBatch::try_from_iter_with_nullable([(names[0], keys, true), (names[1], values, true)]).unwrap()
}

fn lines(job: &Job, disabled: &'static [&'static str]) -> Vec<Vec<Option<i64>>> {
    let names = [["k", "v"], ["l", "w"], ["m", "x"]];
    let batches: Vec<RecordBatch> = job.tables.iter().zip(names).map(|(rows, names)| batch(rows, names)).collect();
    let [t, u, s] = [("t", 0), ("u", 1), ("s", 2)].map(|(name, at)| Plan::input(name, &batches[at].schema()));
    let join = |left: &Plan, right: &Plan, kind, keys: (&str, &str)| match job.nulls_equal {
        true => left.join_with_equal_nulls(right, kind, [keys], ""),
        false => left.join(right, kind, [keys]),
    };
    let t = if job.filtered { t.filter(col("v").not_equal(lit(0_i64))) } else { t };
    let first = join(&t, &u, job.kinds[0], ("k", "l"));
    // The columns that are left depend on the kind.
    let key = match (job.kinds[0], job.by_value) {
        (JoinKind::RightSemi, by_value) => {
            if by_value {
                "w"
            } else {
                "l"
            }
        }
        (_, by_value) => {
            if by_value {
                "v"
            } else {
                "k"
            }
        }
    };
    let plan = join(&first, &s, job.kinds[1], (key, "m"));
    let config = Config { threads: job.threads, disabled_rewrites: disabled, ..Config::default() };
    let inputs = ["t", "u", "s"].into_iter().zip(&batches).map(|(name, batch)| {
        let starts = (0..batch.num_rows()).step_by(job.step);
        let parts = starts.map(|first| batch.slice(first, job.step.min(batch.num_rows() - first)));
        (name, Input::batches(parts.collect()))
    });
    let mut lines = Vec::new();
    for batch in Engine::open(&config).unwrap().run(&plan, inputs).unwrap() {
        let batch = batch.unwrap();
        let cell = |column: &ArrayRef, row: usize| {
            let column = column.as_primitive::<Int64Type>();
            column.is_valid(row).then(|| column.value(row))
        };
        lines.extend((0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| cell(column, row)).collect()));
    }
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn filters_from_build_sides_change_no_answer(job in jobs()) {
        let answer = lines(&job, &[]);
        prop_assert_eq!(&answer, &lines(&job, &["dynamic_filters"]), "nor its order");
        let (mut answer, mut plain) = (answer, lines(&job, REWRITES));
        answer.sort();
        plain.sort();
        prop_assert_eq!(answer, plain);
    }
}

/// The rows that come to the first of two joins.
fn probed(disabled: &'static [&'static str], explained: &str) -> u64 {
    let many: Vec<Row> = (0..20_000).map(|row| (Some(row % 100), Some(row))).collect();
    let hundred: Vec<Row> = (0..100).map(|row| (Some(row), Some(row))).collect();
    let few: Vec<Row> = (0..5).map(|row| (Some(row * 1000), Some(row))).collect();
    let batches = [batch(&many, ["k", "v"]), batch(&hundred, ["l", "w"]), batch(&few, ["m", "x"])];
    let [t, u, s] = [("t", 0), ("u", 1), ("s", 2)].map(|(name, at)| Plan::input(name, &batches[at].schema()));
    let plan = t.filter(col("v").ge(lit(0_i64))).join(&u, JoinKind::Inner, [("k", "l")]);
    let plan = plan.join(&s, JoinKind::Inner, [("v", "m")]);
    let engine = Engine::open(&Config { threads: 2, disabled_rewrites: disabled, ..Config::default() }).unwrap();
    assert_eq!(engine.explain(&plan).unwrap().contains(", filters v of filter"), !explained.is_empty());
    let inputs = ["t", "u", "s"].into_iter().zip(&batches);
    let mut result =
        engine.run(&plan, inputs.map(|(name, batch)| (name, Input::batches(vec![batch.clone()])))).unwrap();
    let rows: usize = result.by_ref().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 5);
    let statistics = result.statistics();
    statistics.operators.iter().find(|operator| operator.path.starts_with("filter")).unwrap().rows_out
}

#[test]
fn rows_are_turned_away_before_the_first_join() {
    assert_eq!(probed(&[], "filtered"), 5);
    assert_eq!(probed(&["dynamic_filters"], ""), 20_000);
}

/// A row that a later join would turn away has to fail all the same.
#[test]
fn no_error_is_hidden() {
    let left = batch(&[(Some(1), Some(1)), (Some(2), Some(0))], ["k", "v"]);
    let right = batch(&[(Some(1), Some(1))], ["l", "w"]);
    let (t, u) = (Plan::input("t", &left.schema()), Plan::input("u", &right.schema()));
    let quotient = (lit(1_i64) / col("v")).named("q");
    let plan = t.filter(col("k").gt(lit(0_i64))).select([col("k").named("k"), quotient]).join(
        &u,
        JoinKind::Inner,
        [("k", "l")],
    );
    for disabled in [&[] as &[&str], REWRITES] {
        let engine = Engine::open(&Config { threads: 1, disabled_rewrites: disabled, ..Config::default() }).unwrap();
        let inputs = [("t", Input::batches(vec![left.clone()])), ("u", Input::batches(vec![right.clone()]))];
        let error = engine.run(&plan, inputs).unwrap().find_map(Result::err).unwrap();
        assert_eq!(error.code(), bowyer::ErrorCode::DivideByZero, "{error}");
    }
}
