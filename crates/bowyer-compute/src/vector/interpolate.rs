// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Values between known ones.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, Float64Array};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use bowyer_core::{Column, Result};

use crate::scalar::cast::{CastMode, cast};
use crate::{Args, Example, Function, Kind, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[Function::vector("interpolate")
    .summary("Fills nulls between two values by the straight line from one to the other.")
    .notes("The rows are taken to be equally far apart. Nulls before the first and after the last value stay.")
    .args(&["values"])
    .examples(&[Example::new(&["int64 [null, 1, null, null, 4, null]"], "double [null, 1, 2, 3, 4, null]")])
    .overloads(&[
        Overload::vector(&[Kind::Numeric], Kind::Float64, interpolate),
        Overload::vector(&[Kind::AnyDecimal], Kind::Float64, interpolate),
    ])];

fn interpolate(args: &Args<'_>) -> Result<ArrayRef> {
    let array =
        cast(&Column::Array(args.array(0)?), &DataType::Float64, CastMode::Wrapping, args.memory())?.to_array()?;
    let values = array.as_primitive::<Float64Type>();
    let Some(nulls) = values.nulls().filter(|nulls| nulls.null_count() > 0) else { return Ok(array) };
    let mut filled = values.values().to_vec();
    let (mut first, mut last) = (filled.len(), None);
    for after in nulls.valid_indices() {
        if let Some(before) = last {
            let (start, end, distance) = (filled[before], filled[after], (after - before) as f64);
            for (step, value) in (1u32..).zip(&mut filled[before + 1..after]) {
                *value = start + (end - start) * (f64::from(step) / distance);
            }
        }
        (first, last) = (first.min(after), Some(after));
    }
    let valid = (0..filled.len()).map(|row| row >= first && Some(row) <= last);
    Ok(Arc::new(Float64Array::new(filled.into(), Some(NullBuffer::from_iter(valid)))))
}
