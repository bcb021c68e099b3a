// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! No byte leaves a query that nobody wrote: fresh memory is marked, and no batch of a result holds a mark, under nulls neither. Needs
//! `--features fault-injection`; alone in its program, since marks are of the whole process.

#![cfg(feature = "fault-injection")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test whose set-up fails stops there, and prints its figure"
)]

use std::sync::Arc;

use bowyer::arrow_array::{
    Array, BooleanArray, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, StringViewArray,
    types,
};
use bowyer::arrow_schema::DataType;
use bowyer::{
    AsOf, Config, Engine, Input, JoinKind, Plan, asc, col, count_all, desc, first_value, lag, lit, max, mean, measure,
    min, over, pivot, row_number, sum, unnest,
};
use bowyer_core::fault;
use bowyer_testkit::unwritten;

const ROWS: i64 = 9_000;

fn batches() -> Vec<RecordBatch> {
    let batch = |first: i64| {
        let ids = first..first + 3_000;
        let some = |id: i64, every: i64| id % every != 0;
        let list = ids
            .clone()
            .map(|id| some(id, 5).then(|| (0..id % 3).map(|at| some(at + id, 4).then_some(at)).collect::<Vec<_>>()));
        let columns: Vec<(&str, Arc<dyn Array>)> = vec![
            ("id", Arc::new(Int64Array::from_iter(ids.clone().map(|id| some(id, 13).then_some(id * 7919 % 500))))),
            ("n", Arc::new(Int32Array::from_iter(ids.clone().map(|id| some(id, 7).then_some(id as i32 % 40))))),
            ("v", Arc::new(Float64Array::from_iter(ids.clone().map(|id| some(id, 3).then_some(id as f64 / 3.0))))),
            ("b", Arc::new(BooleanArray::from_iter(ids.clone().map(|id| some(id, 4).then_some(id % 2 == 0))))),
            (
                "s",
                Arc::new(StringArray::from_iter(
                    ids.clone().map(|id| some(id, 6).then(|| format!("name {}", id % 700))),
                )),
            ),
            (
                "w",
                Arc::new(StringViewArray::from_iter(
                    ids.map(|id| some(id, 9).then(|| format!("a longer name {}", id % 70))),
                )),
            ),
            ("l", Arc::new(ListArray::from_iter_primitive::<types::Int64Type, _, _>(list))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
    };
    (0..ROWS / 3_000).map(|at| batch(at * 3_000).unwrap()).collect()
}

fn plans() -> Vec<(String, Plan)> {
    let table = || Plan::input("t", &batches()[0].schema());
    let few = || table().filter(col("id").lt(lit(60_i64)));
    let other = || few().select(["id", "v", "s", "w", "l"]);
    let values = || {
        [
            count_all(),
            sum("v"),
            mean("v"),
            min("s"),
            max("w"),
            measure("list", [col("n")]),
            measure("stddev", [col("v")]),
        ]
    };
    let mut plans: Vec<(String, Plan)> = [
        ("filter", table().filter(col("id").gt(lit(100_i64)))),
        ("project", table().with([(col("v") + lit(1.0)).named("x"), col("n").cast(DataType::Utf8).named("y")])),
        ("group by text", table().group_by(["s"], values())),
        ("group by numbers", table().group_by(["n", "b"], values())),
        ("group by a list", table().group_by(["l"], [count_all()])),
        ("aggregate", table().aggregate(values())),
        ("grouping sets", table().cube(["n", "b"], [sum("v")])),
        ("distinct", table().distinct(["id", "s"])),
        ("sort", table().sort([asc(col("s")), desc(col("v"))])),
        ("top", table().sort([desc(col("v")), asc(col("w"))]).limit(50)),
        ("union", table().union([&table()])),
        ("intersect", table().select(["n", "s"]).intersect([&few().select(["n", "s"])])),
        ("except", table().select(["n", "s"]).except([&few().select(["n", "s"])])),
        (
            "as of",
            few()
                .filter(col("v").gt(0.0))
                .sort([asc(col("v"))])
                .as_of_join(&other().filter(col("v").gt(0.0)).sort([asc(col("v"))]), AsOf::on("v", "v").suffix("_r")),
        ),
        (
            "window",
            table().window(
                over(["n"]).order_by([asc(col("v"))]),
                [row_number(), lag("s", 2), first_value("w"), lag("v", 1)],
            ),
        ),
        (
            "frame",
            table().window(
                over(["b"]).order_by([asc(col("id"))]).rows(-3..=3),
                [sum("v").named("a"), min("v").named("b2")],
            ),
        ),
        ("unnest", table().unnest(unnest(["l"]).keep_empty())),
        ("pivot", table().pivot(["n"], pivot("b").value(true).value(false), [sum("v")])),
        (
            "unpivot",
            table()
                .select(["id", "n"])
                .with([col("n").cast(DataType::Int64).named("m")])
                .select(["id", "m"])
                .unpivot(["id", "m"]),
        ),
        ("sample", table().sample_rows(700, 3)),
    ]
    .map(|(name, plan)| (name.to_owned(), plan))
    .into();
    for kind in
        [JoinKind::Inner, JoinKind::Left, JoinKind::Right, JoinKind::Full, JoinKind::LeftSemi, JoinKind::LeftAnti]
    {
        plans.push((format!("{kind:?} join"), table().join_with_suffix(&other(), kind, [("id", "id")], "_r")));
        plans.push((
            format!("{kind:?} join of text"),
            few().join_with_suffix(&table().limit(2_000), kind, [("s", "s")], "_r"),
        ));
    }
    plans
}

#[test]
fn results_hold_only_what_was_written() {
    fault::mark_fresh(true);
    let (mut looked, mut found) = (0, Vec::new());
    for threads in [1, 2] {
        let engine = Engine::open(&Config { threads, batch_rows: 1_000, ..Config::default() }).unwrap();
        for (what, plan) in plans() {
            let rows = engine
                .run(&plan, [("t", Input::batches(batches()))])
                .unwrap_or_else(|error| unreachable!("{what}: {error}"));
            for batch in rows {
                let batch = batch.unwrap();
                for (at, column) in batch.columns().iter().enumerate() {
                    looked += 1;
                    if let Some(place) = unwritten(column.as_ref(), fault::MARK) {
                        found.push(format!("{what}: column {}: {place}", batch.schema_ref().field(at).name()));
                    }
                }
            }
        }
    }
    fault::mark_fresh(false);
    found.dedup();
    println!("{looked} columns of results of queries without a byte that was not written");
    assert!(looked > 500, "only {looked} columns were looked at");
    assert!(found.is_empty(), "{} columns:\n{}", found.len(), found.join("\n"));
}
