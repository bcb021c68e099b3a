// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Inner joins that only choose rows: which of them are marked for it, and that nobody can tell.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails stops there")]

use std::cell::Cell;
use std::sync::Arc;

use bowyer::arrow_array::cast::AsArray;
use bowyer::arrow_array::types::Int64Type;
use bowyer::arrow_array::{Array, ArrayRef, Int64Array, RecordBatch};
use bowyer::arrow_schema::DataType;
use bowyer::{Config, Engine, Input, JoinKind, Keep, Plan, REWRITES, asc, col, count_all, lit, max, measure, min, sum};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

type Row = (Option<i64>, Option<i64>);

fn batch(rows: &[Row], names: [&str; 2]) -> RecordBatch {
    let keys: ArrayRef = Arc::new(rows.iter().map(|(key, _)| *key).collect::<Int64Array>());
    let values: ArrayRef = Arc::new(rows.iter().map(|(_, value)| *value).collect::<Int64Array>());
    RecordBatch::try_from_iter_with_nullable([(names[0], keys, true), (names[1], values, true)]).unwrap()
}

/// `t(k, v)` and `u(l, w)`.
fn plans() -> [Plan; 2] {
    [("t", ["k", "v"]), ("u", ["l", "w"])].map(|(name, names)| Plan::input(name, &batch(&[], names).schema()))
}

fn engine(threads: u32, disabled: &'static [&'static str]) -> Engine {
    Engine::open(&Config { threads, disabled_rewrites: disabled, ..Config::default() }).unwrap()
}

/// The side that the last join of a plan chooses rows of.
fn chosen(plan: &Plan) -> &'static str {
    let chosen = |disabled| {
        let text = engine(1, disabled).explain(plan).unwrap();
        let (_, optimised) = text.split_once("\noptimised\n").unwrap();
        let line = optimised.lines().rfind(|line| line.starts_with("join")).unwrap();
        let chosen = line.split_once("chooses rows of ").map_or("none", |(_, side)| side);
        ["the left", "the right", "either side"].into_iter().find(|side| chosen.starts_with(side)).unwrap_or("none")
    };
    assert_eq!(chosen(&["semi_joins"]), "none");
    chosen(&[])
}

fn on_keys(left: &Plan, right: &Plan) -> Plan {
    left.join(right, JoinKind::Inner, [("k", "l")])
}

#[test]
fn a_side_that_has_each_key_once_only_chooses() {
    let [t, u] = plans();
    let left_with = |right: &Plan| on_keys(&t, right).select(["v", "k"]);
    assert_eq!(chosen(&left_with(&u.group_by(["l"], [sum("w")]))), "the left");
    assert_eq!(chosen(&left_with(&u.select(["l"]).distinct(["l"]))), "the left");
    assert_eq!(chosen(&left_with(&u.distinct(["l"]).filter(col("w").gt(lit(3_i64))))), "the left");
    let renamed = u.distinct(["l"]).select([col("w").named("x"), col("l").named("l")]).sort([asc(col("x"))]);
    assert_eq!(chosen(&left_with(&renamed.limit(4))), "the left");
    let compared = t.join_where(&u.distinct(["l"]), JoinKind::Inner, [("k", "l")], "", col("v").lt(col("w")));
    assert_eq!(chosen(&compared.select(["v"])), "the left");
    // A column of it, or more rows of a key.
    assert_eq!(chosen(&on_keys(&t, &u.distinct(["l"])).select(["v", "w"])), "none");
    assert_eq!(chosen(&left_with(&u)), "none");
    assert_eq!(chosen(&left_with(&u.distinct(["l", "w"]))), "none");
    assert_eq!(chosen(&left_with(&u.group_by_sorted(["l"], [sum("w")]))), "none");
    assert_eq!(chosen(&left_with(&u.group_by_sets(["l"], [vec![0], vec![]], [sum("w")]))), "none");
    let computed = u.distinct(["l"]).select([(col("l") / lit(2_i64)).named("l")]);
    assert_eq!(chosen(&left_with(&computed)), "none");
    let cast = u.select([col("l").cast(DataType::Float64).named("l")]).distinct(["l"]);
    assert_eq!(chosen(&left_with(&cast)), "the left", "the left side is cast");
    let cast = t.select([col("k").cast(DataType::Float64).named("k")]);
    assert_eq!(chosen(&on_keys(&cast, &u.distinct(["l"])).select(["k"])), "none", "two integers may be one float");
}

#[test]
fn rows_that_count_once_may_come_once() {
    let [t, u] = plans();
    let joined = on_keys(&t, &u);
    assert_eq!(chosen(&joined.select(["k", "v"]).distinct(["k", "v"])), "the left");
    assert_eq!(chosen(&joined.select(["k", "v"]).distinct_keep(Keep::Last, ["k"])), "the left");
    let ends = [min("v"), max("v"), measure("count", [col("v")]).distinct().named("count")];
    assert_eq!(chosen(&joined.filter(col("v").gt(lit(1_i64))).group_by(["k"], ends)), "the left");
    assert_eq!(chosen(&joined.select(["v", "k"]).intersect([&t.select(["v", "k"])])), "the left");
    assert_eq!(chosen(&joined.select(["k"])), "none");
    assert_eq!(chosen(&joined.aggregate([count_all(), min("v")])), "none");
    assert_eq!(chosen(&joined.select(["k"]).limit(3).distinct(["k"])), "none");
    assert_eq!(chosen(&joined.select(["k"]).intersect_all([&t.select(["k"])])), "none");
    // What is computed anew for each row may differ between equal ones.
    let random = bowyer::function("random", [], []);
    assert_eq!(chosen(&joined.with([random.named("r")]).select(["k", "r"]).distinct(["k", "r"])), "none");
    // A condition that fails on some pairs fails on all that are asked.
    let fails = (lit(1_i64) / (col("v") - col("w"))).gt(lit(0_i64));
    let asked = t.join_where(&u, JoinKind::Inner, [("k", "l")], "", fails);
    assert_eq!(chosen(&asked.select(["k", "v"]).distinct(["k", "v"])), "none");
    let right = joined.select(["l", "w"]).distinct(["l", "w"]);
    assert_eq!(chosen(&right.aggregate([min("w")])), "the right");
    assert_eq!(chosen(&joined.select(["l", "w"]).distinct(["l"])), "the right");
}

/// What stands on the right, what is above the join, and the rows.
#[derive(Clone, Debug)]
struct Job {
    tables: [Vec<Row>; 2],
    right: usize,
    above: usize,
    nulls_equal: bool,
    threads: u32,
    step: usize,
}

fn jobs() -> impl Strategy<Value = Job> {
    let row = || (weighted(0.85, 0..9_i64), weighted(0.85, 0..4_i64));
    let tables = [vec(row(), 0..60), vec(row(), 0..60)];
    (tables, (0..4_usize, 0..5_usize), any::<bool>(), 1..4_u32, 1..30_usize).prop_map(
        |(tables, (right, above), nulls_equal, threads, step)| Job { tables, right, above, nulls_equal, threads, step },
    )
}

/// The rows, and whether a join that only chooses gave them.
fn rows(job: &Job, disabled: &'static [&'static str]) -> (Vec<Vec<Option<i64>>>, bool) {
    let [t, u] = plans();
    let right = match job.right {
        0 => u,
        1 => u.distinct(["l"]),
        2 => u.group_by(["l"], [max("w")]),
        _ => u.filter(col("w").gt(lit(0_i64))).select(["l"]),
    };
    let joined = match job.nulls_equal {
        true => t.join_with_equal_nulls(&right, JoinKind::Inner, [("k", "l")], ""),
        false => on_keys(&t, &right),
    };
    let plan = match job.above {
        0 => joined.select(["v", "k"]),
        1 => joined.select(["k", "v"]).distinct(["v"]),
        2 => joined.group_by(["k"], [min("v"), max("v")]),
        3 => joined.select(["l"]).distinct(["l"]).aggregate([count_all()]),
        _ => joined.group_by(["v"], [count_all()]),
    };
    let engine = engine(job.threads, disabled);
    let inputs = [("t", ["k", "v"]), ("u", ["l", "w"])].into_iter().zip(&job.tables).map(|((name, names), rows)| {
        let batch = batch(rows, names);
        let starts = (0..batch.num_rows()).step_by(job.step);
        let parts = starts.map(|first| batch.slice(first, job.step.min(batch.num_rows() - first)));
        (name, Input::batches(parts.collect()))
    });
    let mut rows: Vec<Vec<Option<i64>>> = Vec::new();
    for batch in engine.run(&plan, inputs).unwrap() {
        let batch = batch.unwrap();
        let cell = |column: &ArrayRef, row: usize| {
            let column = column.as_primitive::<Int64Type>();
            column.is_valid(row).then(|| column.value(row))
        };
        rows.extend((0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| cell(column, row)).collect()));
    }
    let (_, optimised) =
        engine.explain(&plan).unwrap().split_once("\noptimised\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    (rows, optimised.contains("chooses rows"))
}

#[test]
fn semi_joins_change_no_answer() {
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let semi = Cell::new(0);
    let ran = runner.run(&jobs(), |job| {
        let ((mut found, is_semi), (mut written, _)) = (rows(&job, &[]), rows(&job, &["semi_joins"]));
        semi.set(semi.get() + usize::from(is_semi));
        if job.above < 2 {
            prop_assert_eq!(&found, &written, "nor its order");
        }
        let mut plain = rows(&job, REWRITES).0;
        found.sort();
        written.sort();
        plain.sort();
        prop_assert_eq!(&found, &written);
        prop_assert_eq!(&found, &plain);
        Ok(())
    });
    ran.unwrap();
    assert!(semi.get() > 100, "only {} semi joins", semi.get());
}

#[test]
fn rows_of_the_larger_side_are_chosen_by_the_smaller_one() {
    let few: Vec<Row> = (0..40).map(|row| (Some(row % 7), Some(row))).collect();
    let many: Vec<Row> = (0..100_000).map(|row| (Some(row * 31 % 1_000), Some(row))).collect();
    for (tables, above, count) in [([few.clone(), many.clone()], 3, 7), ([many, few], 2, 7)] {
        let job = Job { tables, right: 0, above, nulls_equal: false, threads: 2, step: 30_000 };
        let ((mut found, chooses), (mut written, _)) = (rows(&job, &[]), rows(&job, &["semi_joins"]));
        found.sort();
        written.sort();
        assert!(chooses);
        assert_eq!(found, written);
        let keys = if above == 3 { found[0][0] } else { Some(found.len() as i64) };
        assert_eq!(keys, Some(count));
    }
}
