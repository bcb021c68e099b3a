// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Which rows a lazy call needs an argument for, and the argument's values put back to their rows.
//!
//! What is known of the arguments before decides: the right side of AND is asked where the left is not false, a branch
//! where its condition holds.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, UInt32Array};
use arrow_buffer::BooleanBuffer;
use bowyer_core::{Column, Error, Result};

use super::Laziness;

/// The rows for which argument `position` decides.
pub(super) fn undecided(
    laziness: Laziness,
    position: usize,
    before: &[Column],
    row_count: usize,
) -> Result<BooleanBuffer> {
    let first = before.first().ok_or_else(|| Error::internal("a lazy argument stands first"))?;
    match (laziness, position) {
        (Laziness::Choice, 1) => is(first, true),
        (Laziness::Choice, _) => is(first, false),
        (Laziness::And, _) => Ok(!&is(first, false)?),
        (Laziness::Or, _) => Ok(!&is(first, true)?),
        _ => before.iter().try_fold(BooleanBuffer::new_set(row_count), |rows, column| {
            let array = column.to_array()?;
            let null = match array.logical_nulls() {
                Some(nulls) => !nulls.inner(),
                None => BooleanBuffer::new_unset(row_count),
            };
            Ok(&rows & &null)
        }),
    }
}

/// The rows whose value is `wanted`: known, and that one.
fn is(column: &Column, wanted: bool) -> Result<BooleanBuffer> {
    let array = column.to_array()?;
    let array =
        array.as_boolean_opt().ok_or_else(|| Error::internal(format!("a condition of type {}", array.data_type())))?;
    let values = if wanted { array.values().clone() } else { !array.values() };
    Ok(match array.nulls() {
        Some(nulls) => &values & nulls.inner(),
        None => values,
    })
}

/// An array whose row `indices[i]` is row `i` of `values`; other rows are null.
pub(super) fn spread(values: &ArrayRef, indices: &[u32], row_count: usize) -> Result<Column> {
    let mut places: Vec<Option<u32>> = vec![None; row_count];
    for (place, &row) in (0_u32..).zip(indices) {
        places[row as usize] = Some(place);
    }
    Ok(Column::Array(arrow_select::take::take(values.as_ref(), &UInt32Array::from(places), None)?))
}
