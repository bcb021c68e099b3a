// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What a column costs at the boundary: import with its guard, and export. One line for each number of columns.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a bench prints its figures and stops at a surprise")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_ffi::c::{ArrowArray, OwnedArray};
use arrow_ffi::export::{Aliasing, Exported, export_array, export_batch};
use arrow_ffi::guard::{Alone, Level};
use arrow_ffi::import::{Block, Customs, Hold, import_block};
use arrow_ffi::ownership::{Owners, Released};
use arrow_ffi::{Rejections, Shape};
use bowyer_core::Memory;

struct Silence;

impl Released for Silence {
    fn owner_released(&self, _owner: u64) {}
    fn foreign_released(&self, _array: OwnedArray) {}
}

fn measure(name: &str, column: &ArrayRef, columns: usize) {
    let batch = RecordBatch::try_from_iter((0..columns).map(|at| (format!("c{at}"), column.clone()))).expect("columns");
    let exported: Vec<Exported> =
        batch.columns().iter().map(|column| export_array(column, Aliasing::Never, &Arc::default())).collect();
    let sizes: Vec<i64> = exported.iter().flat_map(|one| one.sizes().to_vec()).collect();
    let owned: Vec<OwnedArray> = exported.into_iter().map(Exported::into_array).collect();
    // SAFETY: plain copies for the block; `owned` releases.
    let arrays: Vec<ArrowArray> = owned.iter().map(|array| unsafe { std::ptr::read(array.as_raw()) }).collect();
    let shapes = Shape::of_fields(batch.schema().fields());
    let shapes: Vec<&Shape> = shapes.iter().collect();
    let owners = Owners::new(Arc::new(Silence));
    let (memory, rejections) = (Memory::unlimited(), Rejections::default());
    let customs = Customs { owners: &owners, memory: &memory, rejections: &rejections, crew: &Alone };
    let block = Block { arrays: arrays.as_ptr(), array_count: columns, sizes: sizes.as_ptr(), owner: 1 };
    let live = Arc::default();
    let rounds = 200_000 / columns;
    let (mut import_ns, mut export_ns) = (u128::MAX, u128::MAX);
    for _ in 0..5 {
        let (mut importing, mut exporting) = (0, 0);
        for _ in 0..rounds {
            let start = Instant::now();
            // SAFETY: our own export, alive.
            let imported =
                unsafe { import_block(&block, &shapes, Level::Bounds, Hold::Call, customs) }.expect("a good block");
            importing += start.elapsed().as_nanos();
            let arrays = RecordBatch::try_new(batch.schema(), imported.arrays).expect("columns");
            let start = Instant::now();
            let out = export_batch(&arrays, Aliasing::Call(&imported.borrow), &live).into_array();
            drop(black_box(out));
            exporting += start.elapsed().as_nanos();
            drop(arrays);
            assert!(!imported.borrow.end_call(), "nothing is kept");
        }
        import_ns = import_ns.min(importing / rounds as u128);
        export_ns = export_ns.min(exporting / rounds as u128);
    }
    let columns_wide = columns as u128;
    println!(
        "crossing/{name}/cols={columns} import_ns_a_column={} export_ns_a_column={}",
        import_ns / columns_wide,
        export_ns / columns_wide
    );
}

fn main() {
    let numbers: ArrayRef = Arc::new((0..1000).collect::<Int64Array>());
    let nullable: ArrayRef = Arc::new((0..1000).map(|row| (row % 7 != 0).then_some(row)).collect::<Int64Array>());
    let text: ArrayRef = Arc::new((0..1000).map(|row| Some(format!("row number {row}"))).collect::<StringArray>());
    for (name, column) in [("int64", numbers), ("int64_nulls", nullable), ("utf8", text)] {
        for columns in [1, 10, 100] {
            measure(name, &column, columns);
        }
    }
}
