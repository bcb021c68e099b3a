// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Our kernels beside those of arrow-rs, on the same arrays in the same run.
//!
//! A line for each case: `case ours_us=… arrow_us=… ratio=…`, where the ratio is arrow's time over ours. The best of many
//! rounds is taken on both sides. Ours pays for binding's checks and for its budget; arrow-rs for fresh memory.

#![expect(clippy::print_stdout, reason = "a measurement is what this program prints")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use arrow::compute::kernels::{boolean, cmp, numeric};
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray};
use bowyer_compute::{Argument, Bound, bind};
use bowyer_core::{Column, Memory, Result};

type Theirs = fn(&[ArrayRef]) -> Result<ArrayRef>;

fn main() -> Result<()> {
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    for rows in [1_000, 1_000_000] {
        for (name, args, theirs) in cases(rows).into_iter().filter(|(name, ..)| name.contains(&filter)) {
            let arguments: Vec<_> = args.iter().map(|arg| Argument::new(arg.data_type().clone())).collect();
            let bound = bind(name, &arguments, vec![])?;
            let memory = Memory::unlimited();
            let columns: Vec<_> = args.iter().cloned().map(Column::Array).collect();
            let ours_us = best(rows, || call(&bound, &columns, rows, &memory))?;
            let arrow_us = best(rows, || theirs(&args))?;
            let data_type = args[0].data_type();
            println!(
                "{name}/{data_type}/rows={rows} ours_us={ours_us:.2} arrow_us={arrow_us:.2} ratio={:.2}",
                arrow_us / ours_us
            );
        }
    }
    Ok(())
}

fn call(bound: &Bound, columns: &[Column], rows: usize, memory: &Memory) -> Result<ArrayRef> {
    Ok(bound.call(columns, rows, memory)?.values().clone())
}

fn best(rows: usize, mut run: impl FnMut() -> Result<ArrayRef>) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..(20_000_000 / rows).clamp(30, 5_000) {
        let begin = Instant::now();
        black_box(run()?);
        best = best.min(begin.elapsed().as_secs_f64() * 1e6);
    }
    Ok(best)
}

fn cases(rows: usize) -> Vec<(&'static str, Vec<ArrayRef>, Theirs)> {
    let number = |row: usize, seed: usize| (row.wrapping_mul(0x9e37_79b9).wrapping_add(seed) >> 7) % 1000;
    let int64 = |seed: usize| -> ArrayRef {
        Arc::new(
            (0..rows).map(|row| (!row.is_multiple_of(10)).then(|| number(row, seed) as i64)).collect::<Int64Array>(),
        )
    };
    let int32 = |seed: usize| -> ArrayRef {
        Arc::new(Int32Array::from_iter_values((0..rows).map(|row| number(row, seed) as i32)))
    };
    let double = |seed: usize| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values((0..rows).map(|row| number(row, seed) as f64 + 0.5)))
    };
    let mask = |seed: usize| -> ArrayRef {
        Arc::new(
            (0..rows).map(|row| (!row.is_multiple_of(7)).then(|| number(row, seed) < 500)).collect::<BooleanArray>(),
        )
    };
    let text = |seed: usize| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("value {}", number(row, seed) % 4))))
    };
    vec![
        ("add", vec![int64(1), int64(2)], |args| Ok(numeric::add_wrapping(&args[0], &args[1])?)),
        ("add", vec![int32(1), int32(2)], |args| Ok(numeric::add_wrapping(&args[0], &args[1])?)),
        ("add_checked", vec![int64(1), int64(2)], |args| Ok(numeric::add(&args[0], &args[1])?)),
        ("multiply_checked", vec![int64(1), int64(2)], |args| Ok(numeric::mul(&args[0], &args[1])?)),
        ("multiply", vec![double(1), double(2)], |args| Ok(numeric::mul_wrapping(&args[0], &args[1])?)),
        ("less", vec![int64(1), int64(2)], |args| Ok(Arc::new(cmp::lt(&args[0], &args[1])?))),
        ("less", vec![double(1), double(2)], |args| Ok(Arc::new(cmp::lt(&args[0], &args[1])?))),
        ("equal", vec![text(1), text(2)], |args| Ok(Arc::new(cmp::eq(&args[0], &args[1])?))),
        ("and", vec![mask(1), mask(2)], |args| Ok(Arc::new(boolean::and(booleans(args, 0), booleans(args, 1))?))),
        ("and_kleene", vec![mask(1), mask(2)], |args| {
            Ok(Arc::new(boolean::and_kleene(booleans(args, 0), booleans(args, 1))?))
        }),
        ("filter", vec![int64(1), mask(2)], |args| Ok(arrow::compute::filter(&args[0], booleans(args, 1))?)),
        ("if_else", vec![mask(1), int64(1), int64(2)], |args| {
            Ok(arrow::compute::kernels::zip::zip(booleans(args, 0), &args[1], &args[2])?)
        }),
    ]
}

fn booleans(args: &[ArrayRef], index: usize) -> &BooleanArray {
    arrow_array::cast::AsArray::as_boolean(&args[index])
}
