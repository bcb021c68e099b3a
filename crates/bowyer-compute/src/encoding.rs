// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Encoded arguments: dictionaries and runs, decoded at the edge or handled through their values.
//!
//! A kernel sees plain arrays. A function of one dictionary, whose other arguments are the same for each row, runs on
//! the dictionary's values instead, which are usually few.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, new_null_array};
use arrow_buffer::BooleanBufferBuilder;
use arrow_schema::DataType;
use bowyer_core::{Column, Memory, Result};

use crate::coercion::{decimal_parts, decoded};
use crate::scalar::cast::{CastMode, cast};

/// `column` as `to`: decoded, then cast.
pub(crate) fn convert(column: &Column, to: &DataType, memory: &Memory) -> Result<Column> {
    if column.data_type() == to {
        return Ok(column.clone());
    }
    if column.data_type().is_null() {
        return rewrap(column, new_null_array(to, column.values().len()));
    }
    let plain = decode(column)?;
    if holds_all(plain.data_type(), to) {
        let relabelled = plain.values().to_data().into_builder().data_type(to.clone()).build()?;
        return rewrap(column, arrow_array::make_array(relabelled));
    }
    if plain.data_type() == to { Ok(plain) } else { cast(&plain, to, CastMode::Checked, memory) }
}

/// Whether one decimal type holds the values of another as they are stored.
fn holds_all(from: &DataType, to: &DataType) -> bool {
    match (decimal_parts(from), decimal_parts(to)) {
        (Some((p1, s1)), Some((p2, s2))) => s1 == s2 && p1 <= p2 && from.primitive_width() == to.primitive_width(),
        _ => false,
    }
}

/// `column` without dictionary and runs.
pub(crate) fn decode(column: &Column) -> Result<Column> {
    let mut values = column.values().clone();
    loop {
        values = match values.data_type() {
            DataType::Dictionary(..) => {
                let dictionary = values.as_any_dictionary();
                arrow_select::take::take(dictionary.values(), dictionary.keys(), None)?
            }
            DataType::RunEndEncoded(..) => arrow_cast::cast(&values, &decoded(values.data_type()))?,
            _ => return rewrap(column, values),
        };
    }
}

/// The values of a dictionary column as a column of their own, when that has fewer rows than the keys. For a function
/// that can fail, values that no valid key uses are null, so that they cannot.
pub(crate) fn dictionary_values(column: &Column, fallible: bool) -> Result<Option<Column>> {
    let Column::Array(array) = column else { return Ok(None) };
    let Some(dictionary) = array.as_any_dictionary_opt() else { return Ok(None) };
    let values = dictionary.values();
    // Without values there is nothing to run on: all keys are null.
    if values.is_empty() || values.len() >= array.len() || values.data_type() != &decoded(values.data_type()) {
        return Ok(None);
    }
    if !fallible {
        return Ok(Some(Column::Array(values.clone())));
    }
    let mut unused = BooleanBufferBuilder::new(values.len());
    unused.append_n(values.len(), true);
    for (row, key) in dictionary.normalized_keys().into_iter().enumerate() {
        if array.is_valid(row) {
            unused.set_bit(key, false);
        }
    }
    let unused = BooleanArray::new(unused.finish(), None);
    Ok(Some(Column::Array(arrow_select::nullif::nullif(values, &unused)?)))
}

/// The rows of a dictionary column, given a result for each of its values: as a dictionary when `encoded`, else plain.
pub(crate) fn through_keys(column: &Column, results: ArrayRef, encoded: bool) -> Result<ArrayRef> {
    let dictionary = column.values().as_any_dictionary();
    if encoded {
        return Ok(dictionary.with_values(results));
    }
    Ok(arrow_select::take::take(&results, dictionary.keys(), None)?)
}

/// A column of the same shape with other values.
pub(crate) fn rewrap(column: &Column, values: ArrayRef) -> Result<Column> {
    match column {
        Column::Array(_) => Ok(Column::Array(values)),
        Column::Scalar { row_count, .. } => Column::scalar(values, *row_count),
    }
}

/// A plain array as a dictionary type, one dictionary value for each distinct value.
pub(crate) fn encode(values: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if values.is_empty() {
        return Ok(arrow_array::new_empty_array(to));
    }
    Ok(arrow_cast::cast(values, to)?)
}

/// An array of nulls.
pub(crate) fn nulls(data_type: &DataType, row_count: usize) -> ArrayRef {
    if data_type.is_null() {
        Arc::new(arrow_array::NullArray::new(row_count))
    } else {
        new_null_array(data_type, row_count)
    }
}
