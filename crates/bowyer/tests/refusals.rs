// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Whichever charge of memory is refused, the query ends with `MemoryLimit`, nothing stays charged, and the next query is
//! answered. Needs `--features fault-injection`; alone in its program, since refusals hold for the whole process.

#![cfg(feature = "fault-injection")]
#![expect(clippy::unwrap_used, reason = "a test whose set-up fails stops there")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bowyer::arrow_array::{Float64Array, Int64Array, RecordBatch, StringArray};
use bowyer::{Config, Engine, ErrorCode, Input, JoinKind, Plan, Result, asc, col, count_all, desc, lit, sum};
use bowyer_core::fault;

const ROWS: i64 = 6_000;

fn batches() -> Vec<RecordBatch> {
    let batch = |first: i64| {
        let ids = first..first + 2_000;
        let id = Int64Array::from_iter(ids.clone().map(|id| (id % 13 != 0).then_some(id * 7919 % 500)));
        let value = Float64Array::from_iter_values(ids.clone().map(|id| id as f64 / 3.0));
        let name = StringArray::from_iter_values(ids.map(|id| format!("name {}", id % 700)));
        RecordBatch::try_from_iter([("id", Arc::new(id) as _), ("v", Arc::new(value) as _), ("s", Arc::new(name) as _)])
    };
    (0..ROWS / 2_000).map(|at| batch(at * 2_000).unwrap()).collect()
}

fn run(engine: &Engine, plan: &Plan) -> Result<usize> {
    let rows = engine.run(plan, [("t", Input::batches(batches()))])?;
    rows.map(|batch| Ok(batch?.num_rows())).sum()
}

/// Waits for tasks that end after their query has failed.
fn settles_at(engine: &Engine, bytes: u64) -> bool {
    let deadline = Instant::now() + Duration::from_secs(20);
    while engine.used_bytes() != bytes && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    engine.used_bytes() == bytes
}

fn plans() -> Vec<(&'static str, Plan)> {
    let table = || Plan::input("t", &batches()[0].schema());
    let few = || table().filter(col("id").lt(lit(3_i64)));
    vec![
        ("filter", table().filter(col("id").gt(lit(100_i64)))),
        ("project", table().with([(col("v") + lit(1.0)).named("w")])),
        ("aggregate", table().group_by(["s"], [count_all(), sum("v")])),
        ("distinct", table().distinct(["id", "s"])),
        ("sort", table().sort([asc(col("s")), desc(col("v"))])),
        ("top", table().sort([desc(col("v"))]).limit(10)),
        ("join", few().join(&table().select(["id"]), JoinKind::Left, [("id", "id")])),
        ("semi join", table().join(&few().select(["id"]), JoinKind::LeftSemi, [("id", "id")])),
        ("union", table().union([&table()]).distinct(["s"])),
    ]
}

#[test]
fn any_refused_charge_ends_the_query_cleanly() {
    for threads in [1, 2] {
        let engine = Engine::open(&Config { threads, batch_rows: 512, ..Config::default() }).unwrap();
        let before = engine.used_bytes();
        for (what, plan) in plans() {
            let rows = run(&engine, &plan).unwrap();
            assert!(settles_at(&engine, before), "{what}");
            let (mut refusals, mut at) = (0, 0);
            loop {
                fault::refuse_at(at);
                let outcome = run(&engine, &plan);
                let was_to_come = fault::withdraw();
                match outcome {
                    Ok(seen) => assert_eq!(seen, rows, "{what}: an answer that was given is whole"),
                    Err(error) => assert_eq!(error.code(), ErrorCode::MemoryLimit, "{what}, charge {at}: {error}"),
                }
                let used = engine.used_bytes();
                assert!(settles_at(&engine, before), "{what}, charge {at}: {used} bytes stay charged");
                if was_to_come {
                    break;
                }
                refusals += 1;
                // Each of the first charges, then fewer: late ones repeat those of earlier morsels.
                at += 1 + at / 32;
            }
            assert!(refusals > 1, "{what}: only {refusals} charges were refused");
            assert_eq!(run(&engine, &plan).unwrap(), rows, "{what}: the engine goes on working");
        }
    }
}
