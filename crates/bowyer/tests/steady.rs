// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! An engine that works for long holds no more than one that has just begun: every allocation of the process is counted, and after a
//! warm-up the bytes that are alive between queries stay what they were. Alone in its program, since it counts for all of it.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails stops there, and prints its figure")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use bowyer::arrow_array::{Array, Float64Array, Int64Array, RecordBatch, StringArray};
use bowyer::arrow_schema::Schema;
use bowyer::{
    Config, Engine, ErrorCode, Input, JoinKind, Plan, asc, col, count_all, desc, lag, lit, over, row_number, sum,
};

/// The system's allocator, with a count.
struct Counting;

static LIVE: AtomicI64 = AtomicI64::new(0);

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(start, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn batches() -> Vec<RecordBatch> {
    let batch = |first: i64| {
        let ids = first..first + 2_000;
        let columns: [(&str, Arc<dyn Array>); 3] = [
            ("id", Arc::new(Int64Array::from_iter(ids.clone().map(|id| (id % 13 != 0).then_some(id * 7919 % 500))))),
            ("v", Arc::new(Float64Array::from_iter_values(ids.clone().map(|id| id as f64 / 3.0)))),
            ("s", Arc::new(StringArray::from_iter_values(ids.map(|id| format!("name {}", id % 700))))),
        ];
        RecordBatch::try_from_iter(columns)
    };
    (0..3).map(|at| batch(at * 2_000).unwrap()).collect()
}

fn plans(schema: &Schema) -> Vec<Plan> {
    let table = || Plan::input("t", schema);
    let few = || table().filter(col("id").lt(lit(30_i64)));
    vec![
        table().filter(col("id").gt(lit(100_i64))).with([(col("v") + lit(1.0)).named("w")]),
        table().group_by(["s"], [count_all(), sum("v")]),
        table().distinct(["id", "s"]),
        table().sort([asc(col("s")), desc(col("v"))]),
        table().sort([desc(col("v"))]).limit(10),
        few().join(&table().select(["id"]), JoinKind::Left, [("id", "id")]),
        table().union([&table()]).limit(3_000),
        table().window(over(["id"]).order_by([asc(col("v"))]), [row_number(), lag("s", 1)]),
        // It fails in the middle.
        table().with([(lit(1_i64) / (col("id") - lit(7_i64))).named("d")]),
    ]
}

/// Runs every plan once; the result of every third is dropped after its first batch.
fn round(engine: &Engine, plans: &[Plan], batches: &[RecordBatch], at: usize) {
    for (number, plan) in plans.iter().enumerate() {
        let rows = engine.run(plan, [("t", Input::batches(batches.to_vec()))]).unwrap();
        let most = if (at + number).is_multiple_of(3) { 1 } else { usize::MAX };
        for batch in rows.take(most) {
            match batch {
                Ok(batch) => assert!(batch.num_columns() > 0),
                Err(error) => assert_eq!(error.code(), ErrorCode::DivideByZero),
            }
        }
    }
}

/// The bytes that are alive once tasks of cancelled queries have ended.
fn settled() -> i64 {
    let (mut least, began) = (i64::MAX, Instant::now());
    while began.elapsed() < Duration::from_millis(300) {
        least = least.min(LIVE.load(Ordering::Relaxed));
        std::thread::sleep(Duration::from_millis(5));
    }
    least
}

#[test]
fn what_is_alive_between_queries_does_not_grow() {
    let rounds = std::env::var("BOWYER_TRUST_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(150);
    let batches = batches();
    let plans = plans(&batches[0].schema());
    let engine = Engine::open(&Config { threads: 2, ..Config::default() }).unwrap();
    let mut at = 0;
    let mut seen = Vec::new();
    for _ in 0..3 {
        for _ in 0..rounds {
            round(&engine, &plans, &batches, at);
            at += 1;
        }
        seen.push(settled());
    }
    let queries = rounds * plans.len();
    println!("live bytes after {queries}, {} and {} queries: {seen:?}", 2 * queries, 3 * queries);
    // What varies is what the pool keeps and how full its lists are. A leak of a dozen bytes a query would be more.
    let grown = seen[2] - seen[1];
    assert!(grown < 16 << 10, "{grown} bytes more are alive after {queries} queries more: {seen:?}");
}
