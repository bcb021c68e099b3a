// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What the guard costs: the headers of twenty columns, and every value of a million rows beside the query that reads them once,
//! a filter and a sum by group. The least of many rounds of both, in one process, the guard on one thread.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a bench prints its figures and stops at a surprise")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_ffi::Shape;
use arrow_ffi::c::{ArrowArray, OwnedArray};
use arrow_ffi::export::{Aliasing, Exported, export_array};
use arrow_ffi::guard::{self, Alone, Level};
use arrow_ffi::raw::Walk;
use bowyer::{Config, Engine, Input, Plan, col, sum};

const ROWS: i64 = 1_000_000;

/// A batch as a producer lends it.
struct Lent {
    arrays: Vec<ArrowArray>,
    sizes: Vec<i64>,
    shapes: Vec<Shape>,
    _owned: Vec<OwnedArray>,
}

impl Lent {
    fn of(batch: &RecordBatch) -> Self {
        let exported: Vec<Exported> =
            batch.columns().iter().map(|column| export_array(column, Aliasing::Never, &Arc::default())).collect();
        let sizes = exported.iter().flat_map(|one| one.sizes().to_vec()).collect();
        let owned: Vec<OwnedArray> = exported.into_iter().map(Exported::into_array).collect();
        // SAFETY: plain copies for the walk; `owned` releases.
        let arrays = owned.iter().map(|array| unsafe { std::ptr::read(array.as_raw()) }).collect();
        Self { arrays, sizes, shapes: Shape::of_fields(batch.schema().fields()), _owned: owned }
    }

    fn check(&self, level: Level) {
        let shapes: Vec<&Shape> = self.shapes.iter().collect();
        // SAFETY: our own export, alive, with its sizes.
        let mut walk = unsafe { Walk::new(self.sizes.as_ptr()) };
        for (array, shape) in self.arrays.iter().zip(&shapes) {
            // SAFETY: as above.
            unsafe { walk.array(array, shape) }.expect("a good array");
        }
        black_box(guard::check(walk.finish(), &shapes, level, &Alone).expect("a good batch"));
    }
}

fn least(rounds: usize, mut body: impl FnMut()) -> Duration {
    (0..rounds)
        .map(|_| {
            let start = Instant::now();
            body();
            start.elapsed()
        })
        .min()
        .unwrap_or_default()
}

fn headers() {
    let column: ArrayRef = Arc::new((0..1000).map(|row| (row % 7 != 0).then_some(row)).collect::<Int64Array>());
    let batch = RecordBatch::try_from_iter((0..20).map(|at| (format!("c{at}"), column.clone()))).expect("columns");
    let lent = Lent::of(&batch);
    let took = least(10_000, || lent.check(Level::Headers));
    println!("guard: the headers of 20 columns: {} ns", took.as_nanos());
}

/// The guard at its highest level beside a query that filters and sums by group.
fn beside(name: &str, batch: &RecordBatch, plan: &Plan, engine: &Engine) {
    let lent = Lent::of(batch);
    let guard = least(30, || lent.check(Level::Full));
    let bounds = least(30, || lent.check(Level::Bounds));
    let query = least(30, || {
        for batch in engine.run(plan, [("t", Input::from(batch.clone()))]).expect("a plan") {
            black_box(batch.expect("an answer"));
        }
    });
    let share = |part: Duration| 100.0 * part.as_secs_f64() / query.as_secs_f64();
    println!(
        "guard: {name}, 1,000,000 rows: every value {:.0} us, {:.1} % of a filter and a sum by group ({:.0} us); bounds {:.0} us, {:.1} %",
        guard.as_secs_f64() * 1e6,
        share(guard),
        query.as_secs_f64() * 1e6,
        bounds.as_secs_f64() * 1e6,
        share(bounds)
    );
}

fn main() {
    let engine = Engine::open(&Config::default()).expect("an engine");
    headers();
    let key: ArrayRef = Arc::new((0..ROWS).map(|row| row * 7919 % 100).collect::<Int64Array>());
    let value: ArrayRef =
        Arc::new((0..ROWS).map(|row| (row % 10 != 0).then_some(row as f64 * 0.5)).collect::<Float64Array>());
    let day: ArrayRef = Arc::new(Date32Array::from_iter_values((0..ROWS).map(|row| (row % 3650) as i32)));
    let fixed = RecordBatch::try_from_iter([("key", key), ("value", value.clone()), ("day", day)]).expect("columns");
    let plan = Plan::input("t", &fixed.schema()).filter(col("value").gt(100.0)).group_by(["key"], [sum("value")]);
    beside("numbers", &fixed, &plan, &engine);
    let name: ArrayRef =
        Arc::new((0..ROWS).map(|row| Some(format!("customer {}", row * 7919 % 100))).collect::<StringArray>());
    let text = RecordBatch::try_from_iter([("name", name), ("value", value)]).expect("columns");
    let plan = Plan::input("t", &text.schema()).filter(col("value").gt(100.0)).group_by(["name"], [sum("value")]);
    beside("text", &text, &plan, &engine);
}
