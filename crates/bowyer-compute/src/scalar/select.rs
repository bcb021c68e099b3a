// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Choosing between two columns row by row: the loop below every conditional function.
//!
//! Fixed-width values move by width, booleans by word, text and binary through the writer; other layouts are interleaved.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, new_null_array};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, NullBuffer};
use arrow_schema::DataType;
use bowyer_core::arity::Lanes;
use bowyer_core::bits::{build, words};
use bowyer_core::dispatch::ByteValues;
use bowyer_core::{Column, Error, Memory, Output, Result, with_bytes, with_strings, with_width};

use super::comparison::booleans;
use super::validity::valid_rows;

/// Which of two columns a row is taken from.
pub(crate) struct Choice<'a> {
    /// Set for the first column.
    pub(crate) mask: &'a BooleanBuffer,
    /// The rows that have a choice; the others are null.
    pub(crate) known: Option<&'a BooleanBuffer>,
}

/// Writes for each row the value of `a` or `b`, its null included. Both have the output's type.
pub(crate) fn select(choice: &Choice<'_>, a: &Column, b: &Column, output: &mut Output) -> Result<()> {
    let data_type = output.data_type().clone();
    match &data_type {
        DataType::Null => return Ok(()),
        DataType::Boolean => {
            let (a, b) = (booleans(a, output.row_count()), booleans(b, output.row_count()));
            for (out, (mask, (a, b))) in output.bits()?.iter_mut().zip(words(choice.mask).zip(words(&a).zip(words(&b))))
            {
                *out = (mask & a) | (!mask & b);
            }
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            set_validity(choice, a, b, output)?;
            return with_strings!(a.values(), |values| select_text(values, choice, a, b, output));
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            set_validity(choice, a, b, output)?;
            return with_bytes!(a.values(), |values| select_bytes(values, choice, a, b, output));
        }
        fixed if fixed.primitive_width().is_some() => {
            with_width!(fixed, T => select_lanes(choice, &Lanes::<T>::of(a)?, &Lanes::of(b)?, output))?;
        }
        _ => return interleave(choice, a, b, output),
    }
    set_validity(choice, a, b, output)
}

/// As [`select`], into a column of its own.
pub(crate) fn select_column(
    choice: &Choice<'_>,
    a: &Column,
    b: &Column,
    row_count: usize,
    memory: &Memory,
) -> Result<Column> {
    let mut output = Output::new(a.data_type().clone(), row_count, None, memory);
    select(choice, a, b, &mut output)?;
    output.finish().map(Column::Array)
}

fn set_validity(choice: &Choice<'_>, a: &Column, b: &Column, output: &mut Output) -> Result<()> {
    let row_count = output.row_count();
    let (a_valid, b_valid) = (valid_rows(a, row_count), valid_rows(b, row_count));
    if a_valid.is_none() && b_valid.is_none() && choice.known.is_none() {
        return Ok(());
    }
    let all = BooleanBuffer::new_set(row_count);
    let valid = words(a_valid.as_ref().unwrap_or(&all)).zip(words(b_valid.as_ref().unwrap_or(&all)));
    let chosen = words(choice.mask).zip(words(choice.known.unwrap_or(&all)));
    let validity = build(row_count, output.memory(), |out| {
        for (out, ((mask, known), (a, b))) in out.iter_mut().zip(chosen.zip(valid)) {
            *out = known & ((mask & a) | (!mask & b));
        }
    })?;
    output.set_validity(Some(NullBuffer::new(validity)))
}

fn select_lanes<T: ArrowNativeType>(
    choice: &Choice<'_>,
    a: &Lanes<T>,
    b: &Lanes<T>,
    output: &mut Output,
) -> Result<()> {
    let out = output.fixed::<T>()?;
    let (a_first, b_first) = (a.repeated(), b.repeated());
    for ((first, out), word) in (0..).step_by(64).zip(out.chunks_mut(64)).zip(words(choice.mask)) {
        let rows = first..first + out.len();
        let of = |lanes: &Lanes<T>, repeated: Option<T>| -> [T; 64] {
            let mut strip = [repeated.unwrap_or_default(); 64];
            if repeated.is_none() {
                strip[..rows.len()].copy_from_slice(&lanes.slice()[rows.clone()]);
            }
            strip
        };
        let (a, b) = (of(a, a_first), of(b, b_first));
        for (index, out) in out.iter_mut().enumerate() {
            *out = if word >> index & 1 == 1 { a[index] } else { b[index] };
        }
    }
    Ok(())
}

fn select_text<S>(values: &S, choice: &Choice<'_>, a: &Column, b: &Column, output: &mut Output) -> Result<()>
where
    S: ByteValues + Text + 'static,
{
    let others = same_layout::<S>(b.values())?;
    let (a_step, b_step) = (usize::from(!a.is_scalar()), usize::from(!b.is_scalar()));
    let (row_count, validity) = (output.row_count(), output.validity().cloned());
    let mut writer = output.bytes(0)?;
    for row in 0..row_count {
        if validity.as_ref().is_some_and(|validity| validity.is_null(row)) {
            writer.push_empty()?;
        } else if choice.mask.value(row) {
            writer.push_str(values.text_at(row * a_step))?;
        } else {
            writer.push_str(others.text_at(row * b_step))?;
        }
    }
    Ok(())
}

fn select_bytes<B>(values: &B, choice: &Choice<'_>, a: &Column, b: &Column, output: &mut Output) -> Result<()>
where
    B: ByteValues + 'static,
{
    let others = same_layout::<B>(b.values())?;
    let (a_step, b_step) = (usize::from(!a.is_scalar()), usize::from(!b.is_scalar()));
    let (row_count, validity) = (output.row_count(), output.validity().cloned());
    let mut writer = output.bytes(0)?;
    for row in 0..row_count {
        if validity.as_ref().is_some_and(|validity| validity.is_null(row)) {
            writer.push_empty()?;
        } else if choice.mask.value(row) {
            writer.push(values.bytes_at(row * a_step))?;
        } else {
            writer.push(others.bytes_at(row * b_step))?;
        }
    }
    Ok(())
}

/// The array as the layout that the caller reads.
pub(crate) fn same_layout<A: 'static>(array: &ArrayRef) -> Result<&A> {
    let found = array.as_any().downcast_ref();
    found.ok_or_else(|| Error::internal(format!("a choice between {} and another layout", array.data_type())))
}

/// String arrays, by row.
pub(crate) trait Text {
    fn text_at(&self, row: usize) -> &str;
}

impl<O: arrow_array::OffsetSizeTrait> Text for arrow_array::GenericStringArray<O> {
    fn text_at(&self, row: usize) -> &str {
        self.value(row)
    }
}

impl Text for arrow_array::StringViewArray {
    fn text_at(&self, row: usize) -> &str {
        self.value(row)
    }
}

/// Any layout: rows of `a`, of `b`, or of a null.
fn interleave(choice: &Choice<'_>, a: &Column, b: &Column, output: &mut Output) -> Result<()> {
    let null = new_null_array(output.data_type(), 1);
    let (a_step, b_step) = (usize::from(!a.is_scalar()), usize::from(!b.is_scalar()));
    let source = |row: usize| {
        if choice.known.is_some_and(|known| !known.value(row)) {
            (2, 0)
        } else if choice.mask.value(row) {
            (0, row * a_step)
        } else {
            (1, row * b_step)
        }
    };
    let indices: Vec<_> = (0..output.row_count()).map(source).collect();
    let sources: [&dyn Array; 3] = [a.values().as_ref(), b.values().as_ref(), null.as_ref()];
    // Without rows that have no choice the null is left out: a type whose fields are not nullable has none.
    let sources = if choice.known.is_some() { &sources[..] } else { &sources[..2] };
    output.set(arrow_select::interleave::interleave(sources, &indices)?)
}

/// The true rows of a boolean column; null counts as false.
pub(crate) fn true_rows(condition: &Column, row_count: usize, memory: &Memory) -> Result<BooleanBuffer> {
    let values = booleans(condition, row_count);
    match valid_rows(condition, row_count) {
        None => Ok(values),
        Some(valid) => build(row_count, memory, |out| {
            bowyer_core::bits::zip_words(&values, &valid, out, |value, valid| value & valid)
        }),
    }
}

/// The boolean fields of a struct, as columns of their own.
pub(crate) fn struct_fields(column: &Column) -> Vec<Column> {
    let fields = column.values().as_struct().columns().iter();
    match column {
        Column::Array(_) => fields.cloned().map(Column::Array).collect(),
        Column::Scalar { row_count, .. } => {
            fields.map(|value| Column::Scalar { value: value.clone(), row_count: *row_count }).collect()
        }
    }
}
