// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Joins whose order nobody sees: in which order they are done, and that the answer is that of the order as written.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails stops there")]

use std::sync::Arc;

use bowyer::arrow_array::cast::AsArray;
use bowyer::arrow_array::types::Int64Type;
use bowyer::arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, RecordBatchIterator};
use bowyer::arrow_schema::DataType;
use bowyer::{
    Config, Engine, Input, JoinKind, Keep, Plan, QueryOptions, REWRITES, asc, col, count_all, lit, max, measure, min,
    sum,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Rows of the large table, enough for an order of joins to matter.
const ROWS: i64 = 66_000;

/// The value of each row.
type Values<'a> = &'a dyn Fn(i64) -> Option<i64>;

/// Columns of a table, by name.
fn table(columns: &[(&str, Values<'_>)], rows: i64) -> RecordBatch {
    let columns = columns.iter().map(|(name, value)| {
        let values: ArrayRef = Arc::new((0..rows).map(value).collect::<Int64Array>());
        (*name, values, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// `lines(part, shop, price)`, `parts(p, size)` and `shops(s, town)`.
fn tables() -> [(&'static str, RecordBatch); 3] {
    let lines = table(
        &[
            ("part", &|row| Some(row * 7919 % 20_000)),
            ("shop", &|row| (row % 11 > 0).then_some(row * 31 % 400)),
            ("price", &|row| Some(row % 97)),
        ],
        ROWS,
    );
    let parts = table(&[("p", &Some), ("size", &|row| Some(row % 50))], 20_000);
    let shops = table(&[("s", &Some), ("town", &|row| Some(row % 20))], 400);
    [("lines", lines), ("parts", parts), ("shops", shops)]
}

fn plans() -> [Plan; 3] {
    tables().map(|(name, batch)| Plan::input(name, &batch.schema()))
}

fn engine(disabled: &'static [&'static str]) -> Engine {
    Engine::open(&Config { threads: 2, disabled_rewrites: disabled, ..Config::default() }).unwrap()
}

/// The lines of the joins of a plan as it ran, without what was measured.
fn joins(plan: &Plan, disabled: &'static [&'static str]) -> Vec<String> {
    let inputs = tables().map(|(name, batch)| (name, Input::batches(vec![batch])));
    let inputs =
        inputs.into_iter().filter(|(name, _)| engine(&[]).explain(plan).unwrap().contains(&format!(": {name} (")));
    let text = engine(disabled).explain_analyze(plan, inputs, QueryOptions::default()).unwrap();
    let joins = text.lines().filter(|line| line.starts_with("join"));
    joins.map(|line| line.split(" on ").next().unwrap().to_owned()).collect()
}

/// The large table built, and its largest partner joined before the one that keeps a part of it.
fn written_badly() -> Plan {
    let [lines, parts, shops] = plans();
    let towns = shops.filter(col("town").equal(lit(3_i64)));
    parts.join(&lines, JoinKind::Inner, [("p", "part")]).join(&towns, JoinKind::Inner, [("shop", "s")])
}

#[test]
fn what_keeps_few_rows_comes_first_and_the_smaller_side_is_built() {
    let plan = written_badly().group_by(["size"], [sum("price")]);
    let text = engine(&[]).explain(&plan).unwrap();
    assert_eq!(text.matches(", in any order").count(), 2, "{text}");
    assert_eq!(joins(&plan, &[]), ["join[2]: scan[1] Inner filter[4]", "join[5]: scan[0] Inner join[2]"]);
    let written = ["join[2]: scan[0] Inner scan[1]", "join[5]: join[2] Inner filter[4]"];
    assert_eq!(joins(&plan, &["join_order"]), written);
    let text = engine(&["join_order"]).explain(&plan).unwrap();
    assert!(!text.contains("in any order"), "{text}");
}

#[test]
fn projections_that_pass_columns_on_are_looked_through() {
    let [lines, parts, shops] = plans();
    let towns = shops.filter(col("town").equal(lit(3_i64)));
    let first = parts.join(&lines, JoinKind::Inner, [("p", "part")]);
    let renamed = first.select([col("price").named("much"), col("shop").named("where"), col("size").named("size")]);
    let plan = renamed.join(&towns, JoinKind::Inner, [("where", "s")]).group_by(["size"], [sum("much")]);
    assert_eq!(joins(&plan, &[]).len(), 2);
    assert!(joins(&plan, &[])[0].ends_with(": scan[1] Inner filter[5]"), "{:?}", joins(&plan, &[]));
    let computed = first.with([(col("price") + lit(1_i64)).named("more")]);
    let plan = computed.join(&towns, JoinKind::Inner, [("shop", "s")]).group_by(["size"], [sum("more")]);
    assert!(joins(&plan, &[]).iter().any(|join| join.starts_with("join[2]: scan[1] Inner scan[0]")), "its part is one");
}

#[test]
fn an_order_that_is_well_or_unknown_stays() {
    let [lines, parts, shops] = plans();
    let towns = shops.filter(col("town").equal(lit(3_i64)));
    let first = lines.join(&towns, JoinKind::Inner, [("shop", "s")]);
    let plan = first.join(&parts, JoinKind::Inner, [("part", "p")]).group_by(["size"], [sum("price")]);
    assert_eq!(joins(&plan, &[]), joins(&plan, &["join_order"]));
    // An input that comes batch by batch has no size.
    let plan = written_badly().group_by(["size"], [sum("price")]);
    let inputs = tables()
        .map(|(name, batch)| (name, Input::reader(RecordBatchIterator::new([Ok(batch.clone())], batch.schema()))));
    let text = engine(&[]).explain_analyze(&plan, inputs, QueryOptions::default()).unwrap();
    assert!(text.contains("join[2]: scan[0] Inner scan[1]"), "{text}");
}

/// Whether all joins of a plan may be done in another order.
fn free(plan: &Plan) -> bool {
    let text = engine(&[]).explain(plan).unwrap();
    let (_, optimised) = text.split_once("\noptimised\n").unwrap();
    optimised.matches(" Inner ").count() == optimised.matches(", in any order").count()
}

#[test]
fn an_order_that_somebody_sees_stays() {
    let joined = written_badly();
    let [lines, parts, _] = plans();
    assert!(!free(&joined), "an output");
    assert!(!free(&joined.sort([asc(col("price"))])), "equal rows of a sort");
    assert!(!free(&joined.sort([asc(col("price"))]).limit(3).aggregate([count_all()])));
    assert!(!free(&joined.limit(3).aggregate([count_all()])), "a limit");
    assert!(!free(&joined.distinct(["size"]).aggregate([count_all(), sum("price")])), "the first of equal rows");
    assert!(!free(&joined.group_by(["size"], [measure("first", [col("price")])])));
    assert!(!free(&joined.group_by(["size"], [measure("list", [col("price")])])));
    assert!(!free(&joined.group_by_sorted(["size"], [count_all()])));
    assert!(free(&joined.group_by(["size"], [count_all(), sum("price"), min("town"), max("town")])));
    assert!(free(&joined.filter(col("size").lt(col("town"))).sort([asc(col("price"))]).aggregate([sum("price")])));
    assert!(free(&joined.select(["size"]).distinct_keep(Keep::First, ["size"])), "whole rows");
    // Whose rows are only asked for.
    let other = lines.select([col("part").named("other"), col("price").named("paid")]);
    assert!(free(&other.join(&joined, JoinKind::LeftSemi, [("other", "p")])));
    assert!(!free(&joined.join(&other, JoinKind::LeftSemi, [("p", "other")])));
    assert!(!free(&joined.join(&other, JoinKind::Left, [("p", "other")])));
    // A key that has to be cast, and a condition on pairs.
    let cast = parts.select([col("p").cast(DataType::Int32).named("p")]);
    assert!(!free(&lines.join(&cast, JoinKind::Inner, [("part", "p")]).aggregate([count_all()])));
    let smaller = lines.join_where(&parts, JoinKind::Inner, [("part", "p")], "", col("price").lt(col("size")));
    assert!(!free(&smaller.aggregate([count_all()])));
}

/// One small table: how many rows, how many different keys, whether few of its rows are kept, and what it is joined to.
#[derive(Clone, Debug)]
struct Small {
    rows: i64,
    distinct: i64,
    filtered: bool,
    /// A column of the large table, or of the small one before it.
    to: usize,
    /// Whether what it is joined to stands on the right.
    first: bool,
    renames: bool,
}

#[derive(Clone, Debug)]
struct Job {
    smalls: Vec<Small>,
    nulls_equal: bool,
    group: usize,
    threads: u32,
}

fn jobs() -> impl Strategy<Value = Job> {
    let distinct = prop_oneof![Just(6_i64), Just(150), Just(9_000)];
    let small = (distinct, 1..4_i64, any::<[bool; 3]>(), 0..5_usize).prop_map(|(distinct, times, flags, to)| Small {
        // Keys that come several times are few, so that pairs stay so.
        rows: if distinct > 6 { distinct } else { distinct * times },
        distinct,
        filtered: flags[0],
        to,
        first: flags[1],
        renames: flags[2],
    });
    (vec(small, 1..4), any::<bool>(), 0..3_usize, 1..4_u32).prop_map(|(smalls, nulls_equal, group, threads)| Job {
        smalls,
        nulls_equal,
        group,
        threads,
    })
}

/// The plan of a job, and its tables.
fn plan_of(job: &Job) -> (Plan, Vec<(String, RecordBatch)>) {
    let large = table(
        &[
            ("a", &|row| (row % 53 > 0).then_some(row * 17 % 9_001)),
            ("b", &|row| (row % 7919 > 0).then_some(row * 5 % 149)),
            ("c", &|row| Some(row % 7)),
            ("d", &|row| Some(row % 1_009)),
        ],
        ROWS,
    );
    let mut plan = Plan::input("t", &large.schema());
    let mut tables = vec![("t".to_owned(), large)];
    let mut keys: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
    for (at, small) in job.smalls.iter().enumerate() {
        let (name, key, value) = (format!("u{at}"), format!("k{at}"), format!("v{at}"));
        let wanted = [8_000, 149, 7][small.to % 3].max(small.distinct);
        let batch = table(
            &[
                (&key, &|row| (row != 3).then_some(row % small.distinct * wanted / small.distinct)),
                (&value, &|row| Some(row % 13)),
            ],
            small.rows,
        );
        let part = Plan::input(&name, &batch.schema());
        let part = if small.filtered { part.filter(col(&value).lt(lit(2_i64))) } else { part };
        let to = keys[small.to % keys.len()].clone();
        let join = |left: &Plan, right: &Plan, keys: (&str, &str)| match job.nulls_equal {
            true => left.join_with_equal_nulls(right, JoinKind::Inner, [keys], ""),
            false => left.join(right, JoinKind::Inner, [keys]),
        };
        plan = if small.first { join(&part, &plan, (&key, &to)) } else { join(&plan, &part, (&to, &key)) };
        keys.push(key);
        if small.renames {
            let last = format!("w{at}");
            let kept = keys.iter().map(|key| col(key).named(key.as_str()));
            plan = plan.select(kept.chain([col("d").named("d"), col(&value).named(&last), col(&value).named("again")]));
            let named = keys.iter().map(|key| col(key).named(key.as_str()));
            plan = plan.select(named.chain([col("d").named("d"), col(&last).named(&value)]));
        }
        tables.push((name, batch));
    }
    let group = keys[job.group % keys.len()].clone();
    (plan.group_by([group.as_str()], [count_all(), sum("d"), min("d"), max("k0")]), tables)
}

/// The rows in order, and the joins as they ran.
fn answer(job: &Job, disabled: &'static [&'static str]) -> (Vec<Vec<Option<i64>>>, Vec<String>) {
    let (plan, tables) = plan_of(job);
    let engine =
        Engine::open(&Config { threads: job.threads, disabled_rewrites: disabled, ..Config::default() }).unwrap();
    let inputs = tables.iter().map(|(name, batch)| (name.as_str(), Input::batches(vec![batch.clone()])));
    let mut result = engine.run(&plan, inputs).unwrap();
    let mut rows = Vec::new();
    for batch in result.by_ref() {
        let batch = batch.unwrap();
        let cell = |column: &ArrayRef, row: usize| {
            let column = column.as_primitive::<Int64Type>();
            column.is_valid(row).then(|| column.value(row))
        };
        rows.extend((0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| cell(column, row)).collect()));
    }
    rows.sort();
    let text = result.statistics().analysis;
    (rows, text.lines().filter(|line| line.starts_with("join")).map(str::to_owned).collect())
}

#[test]
fn the_order_of_joins_changes_no_answer() {
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let changed = std::cell::Cell::new(0);
    let ran = runner.run(&jobs(), |job| {
        let (rows, joins) = answer(&job, &[]);
        let (written, as_written) = answer(&job, &["join_order"]);
        prop_assert_eq!(&rows, &written);
        prop_assert_eq!(&rows, &answer(&job, REWRITES).0);
        let reads = |joins: &[String]| -> Vec<String> {
            joins.iter().map(|join| join.split(" on ").next().unwrap().to_owned()).collect()
        };
        changed.set(changed.get() + usize::from(reads(&joins) != reads(&as_written)));
        Ok(())
    });
    ran.unwrap();
    assert!(changed.get() >= 15, "only {} plans were done in another order", changed.get());
}
