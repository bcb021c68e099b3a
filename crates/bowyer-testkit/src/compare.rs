// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Whether two arrays are the same to a user: type, length, nulls, and values where there are values.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float16Type, Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

/// Says how `actual` differs from `expected`. Any NaN is as good as any other; -0.0 is not 0.0.
///
/// # Errors
/// A sentence with the first difference.
pub fn same(actual: &ArrayRef, expected: &ArrayRef) -> Result<(), String> {
    if actual.data_type() != expected.data_type() {
        return Err(format!("the type is {}, not {}", actual.data_type(), expected.data_type()));
    }
    if actual.len() != expected.len() {
        return Err(format!("{} rows, not {}", actual.len(), expected.len()));
    }
    let (actual, expected) = (one_nan(actual), one_nan(expected));
    if actual.to_data() == expected.to_data() {
        return Ok(());
    }
    let row = (0..actual.len())
        .find(|&row| actual.slice(row, 1).to_data() != expected.slice(row, 1).to_data())
        .unwrap_or_default();
    Err(format!("row {row} is {:?}, not {:?}", actual.slice(row, 1), expected.slice(row, 1)))
}

/// The same array with every NaN the same.
fn one_nan(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Float64 => Arc::new(
            array
                .as_primitive::<Float64Type>()
                .unary::<_, Float64Type>(|value| if value.is_nan() { f64::NAN } else { value }),
        ),
        DataType::Float32 => Arc::new(
            array
                .as_primitive::<Float32Type>()
                .unary::<_, Float32Type>(|value| if value.is_nan() { f32::NAN } else { value }),
        ),
        DataType::Float16 => Arc::new(
            array
                .as_primitive::<Float16Type>()
                .unary::<_, Float16Type>(|value| if value.is_nan() { half::f16::NAN } else { value }),
        ),
        _ => array.clone(),
    }
}
