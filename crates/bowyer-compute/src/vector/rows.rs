// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Moving rows: by index and by mask, for all types.
//!
//! Flat types move by the width of their lanes, in memory of the pool; nested and encoded ones by arrow-select, whose
//! answers are right where indices are in bounds, which callers have checked.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, UInt32Array, UInt64Array};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, NullBuffer};
use arrow_schema::DataType;
use arrow_select::take::TakeOptions;
use bowyer_core::arity::Lanes;
use bowyer_core::selection::Selection;
use bowyer_core::{Column, Memory, Output, Result, bits, with_width};

/// The rows of `values` at `indices`, which are in bounds where valid.
///
/// # Errors
/// `LimitExceeded` past 32-bit offsets; `MemoryLimit`.
pub(crate) fn take_rows(values: &ArrayRef, indices: &UInt32Array, memory: &Memory) -> Result<ArrayRef> {
    let rows = indices.values().iter().map(|&row| row as usize);
    match take_flat(values, rows, indices.nulls(), memory)? {
        Some(taken) => Ok(taken),
        None => Ok(arrow_select::take::take(values.as_ref(), indices, Some(TakeOptions::default()))?),
    }
}

/// As [`take_rows`], with indices of 64 bits.
///
/// # Errors
/// As [`take_rows`].
pub(crate) fn take_rows64(values: &ArrayRef, indices: &UInt64Array, memory: &Memory) -> Result<ArrayRef> {
    let rows = indices.values().iter().map(|&row| row as usize);
    match take_flat(values, rows, indices.nulls(), memory)? {
        Some(taken) => Ok(taken),
        None => Ok(arrow_select::take::take(values.as_ref(), indices, Some(TakeOptions::default()))?),
    }
}

/// The validity of the rows taken: that of the indices, and of the values there.
fn taken_nulls(
    values: &ArrayRef,
    rows: impl Iterator<Item = usize>,
    nulls: Option<&NullBuffer>,
    memory: &Memory,
    row_count: usize,
) -> Result<Option<NullBuffer>> {
    let Some(value_nulls) = values.nulls().filter(|nulls| nulls.null_count() > 0) else {
        return Ok(nulls.filter(|nulls| nulls.null_count() > 0).cloned());
    };
    let bits = gather_bits(value_nulls.inner(), rows, memory, row_count)?;
    bits::intersect_nulls([Some(NullBuffer::new(bits)), nulls.cloned()], memory)
}

fn gather_bits(
    values: &BooleanBuffer,
    mut rows: impl Iterator<Item = usize>,
    memory: &Memory,
    row_count: usize,
) -> Result<BooleanBuffer> {
    let len = values.len();
    bits::build(row_count, memory, |words| {
        for word in words {
            *word = 0;
            for (bit, row) in rows.by_ref().take(64).enumerate() {
                *word |= u64::from(row < len && values.value(row)) << bit;
            }
        }
    })
}

/// The rows of a type whose values are lanes, bits or bytes; `None` for other types. A row out of bounds, which only
/// a null index may name, gives any value.
fn take_flat(
    values: &ArrayRef,
    rows: impl ExactSizeIterator<Item = usize> + Clone,
    nulls: Option<&NullBuffer>,
    memory: &Memory,
) -> Result<Option<ArrayRef>> {
    let row_count = rows.len();
    let data_type = values.data_type();
    if data_type == &DataType::Boolean {
        let nulls = taken_nulls(values, rows.clone(), nulls, memory, row_count)?;
        let bits = gather_bits(values.as_boolean().values(), rows, memory, row_count)?;
        return Ok(Some(Arc::new(BooleanArray::new(bits, nulls))));
    }
    let flat = data_type.is_primitive()
        || matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary);
    if !flat {
        return Ok(None);
    }
    let validity = taken_nulls(values, rows.clone(), nulls, memory, row_count)?;
    let mut output = Output::new(data_type.clone(), row_count, validity, memory);
    if data_type.is_primitive() {
        // Lanes move by width, and those of an interval may be aligned to less than those of a decimal as wide.
        let column = Column::Array(values.clone());
        with_width!(data_type, T => take_lanes::<T>(Lanes::of(&column)?.slice(), rows, &mut output))?;
    } else {
        take_bytes(values, rows, &mut output)?;
    }
    output.finish().map(Some)
}

fn take_lanes<T: ArrowNativeType>(values: &[T], rows: impl Iterator<Item = usize>, output: &mut Output) -> Result<()> {
    for (lane, row) in output.fixed::<T>()?.iter_mut().zip(rows) {
        *lane = values.get(row).copied().unwrap_or_default();
    }
    Ok(())
}

fn take_bytes(values: &ArrayRef, rows: impl Iterator<Item = usize> + Clone, output: &mut Output) -> Result<()> {
    use crate::scalar::string_values::{Bytes, total_len};
    let len = values.len();
    let average = total_len(values).checked_div(len).unwrap_or(0);
    let bytes = Bytes::of(values)?;
    let validity = output.validity().cloned();
    let mut writer = output.bytes(average.saturating_mul(rows.clone().count()))?;
    for (at, row) in rows.enumerate() {
        if row >= len || validity.as_ref().is_some_and(|validity| validity.is_null(at)) {
            writer.push_empty()?;
        } else if let Bytes::Text(text) = bytes {
            writer.push_str(text.get(row))?;
        } else {
            writer.push(bytes.get(row))?;
        }
    }
    Ok(())
}

/// The rows of `values` where `mask` is set.
///
/// # Errors
/// As [`take_rows`].
pub(crate) fn filter_rows(values: &ArrayRef, mask: &BooleanBuffer, memory: &Memory) -> Result<ArrayRef> {
    if values.data_type().is_primitive() || values.data_type() == &DataType::Boolean {
        let selection = Selection::new(mask.clone());
        return if selection.is_whole() { Ok(values.clone()) } else { selection.apply(values, memory) };
    }
    let kept = mask.count_set_bits();
    if kept == values.len() {
        return Ok(values.clone());
    }
    // Few rows are cheaper to name, and only indices go through the pool.
    if u32::try_from(values.len()).is_ok() {
        let mut indices = bowyer_core::lanes::Lanes::<u32>::new(memory)?;
        indices.reserve(kept)?;
        for row in mask.set_indices() {
            indices.push(row as u32)?;
        }
        let rows = indices.iter().map(|&row| row as usize);
        if let Some(taken) = take_flat(values, rows, None, memory)? {
            return Ok(taken);
        }
    }
    Ok(arrow_select::filter::filter(values, &BooleanArray::new(mask.clone(), None))?)
}
