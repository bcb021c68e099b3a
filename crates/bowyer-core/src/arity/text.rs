// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Loops over strings. Unlike numbers, a string under a null is not computed on: it may be long, or poison.

use arrow_array::StringArrayType;
use arrow_buffer::ArrowNativeType;

use super::fill_bits;
use crate::{BytesWriter, Error, Output, Result};

fn check(len: usize, output: &Output) -> Result<()> {
    if len == output.row_count() {
        return Ok(());
    }
    Err(Error::internal(format!("{len} strings for an output of {} rows", output.row_count())))
}

/// Writes `f` of each string; zero under nulls.
///
/// # Errors
/// `Internal` when lengths or widths disagree; `MemoryLimit`.
pub fn text_to_lanes<'a, S, O>(text: S, output: &mut Output, f: impl Fn(&str) -> O) -> Result<()>
where
    S: StringArrayType<'a>,
    O: ArrowNativeType,
{
    check(text.len(), output)?;
    let (out, validity) = output.fixed_and_validity::<O>()?;
    match validity {
        None => out.iter_mut().enumerate().for_each(|(row, out)| *out = f(text.value(row))),
        Some(validity) => {
            for (row, out) in out.iter_mut().enumerate() {
                *out = if validity.is_valid(row) { f(text.value(row)) } else { O::default() };
            }
        }
    }
    Ok(())
}

/// Writes whether `f` holds for each string.
///
/// # Errors
/// As [`text_to_lanes`].
pub fn text_to_bits<'a, S>(text: S, output: &mut Output, f: impl Fn(&str) -> bool) -> Result<()>
where
    S: StringArrayType<'a>,
{
    check(text.len(), output)?;
    let (row_count, validity) = (output.row_count(), output.validity().cloned());
    let words = output.bits()?;
    match validity {
        None => fill_bits(words, row_count, |row| f(text.value(row))),
        Some(validity) => fill_bits(words, row_count, |row| validity.is_valid(row) && f(text.value(row))),
    }
    Ok(())
}

/// Writes what `f` gives to the writer for each string: exactly one value.
///
/// # Errors
/// Those of `f`, with the row; as [`text_to_lanes`].
pub fn text_to_text<'a, S>(
    text: S,
    output: &mut Output,
    f: impl Fn(&str, &mut BytesWriter<'_>) -> Result<()>,
) -> Result<()>
where
    S: StringArrayType<'a>,
{
    check(text.len(), output)?;
    let validity = output.validity().cloned();
    let mut writer = output.bytes(0)?;
    for row in 0..text.len() {
        if validity.as_ref().is_none_or(|validity| validity.is_valid(row)) {
            f(text.value(row), &mut writer).map_err(|error| error.at_row(row))?;
        } else {
            writer.push_empty()?;
        }
    }
    Ok(())
}
