// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Rows by index, into pool memory: what joins and sorts make their results with.
//!
//! Values move by width, strings by offsets; a row of [`NO_ROW`] becomes a null. Types whose rows are not plain bytes go
//! through arrow's own kernel. [`Places`] does the same for rows of several arrays.

mod bytes;
mod pieces;

pub use pieces::{Places, take_pieces};

use arrow_array::{Array, ArrayRef, OffsetSizeTrait, UInt32Array, make_array};
use arrow_buffer::{ArrowNativeType, Buffer, NullBuffer, i256};
use arrow_data::ArrayData;
use arrow_schema::DataType;

use crate::arch::vectorised;
use crate::lanes::Lanes;
use crate::{Error, Memory, Result, bits, charged};
use bytes::take_bytes;

/// The index of a row that is not there: it is taken as a null.
pub const NO_ROW: u32 = u32::MAX;

/// Rows to take, checked once for many columns.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    rows: &'a [u32],
    /// How many rows the columns have.
    row_count: usize,
    /// Whether some are [`NO_ROW`].
    partial: bool,
    /// Which are not, where that is known already.
    presence: Option<&'a NullBuffer>,
}

impl<'a> Rows<'a> {
    /// `rows` of columns that are `row_count` long; [`NO_ROW`] is none of them.
    ///
    /// # Errors
    /// `OutOfBounds` if a row is not in the columns.
    pub fn new(rows: &'a [u32], row_count: usize) -> Result<Self> {
        let mut partial = false;
        let mut outside = false;
        for &row in rows {
            partial |= row == NO_ROW;
            outside |= row as usize >= row_count && row != NO_ROW;
        }
        if outside {
            return Err(Error::out_of_bounds(format!("a row past the end of {row_count}")));
        }
        Ok(Self { rows, row_count, partial, presence: None })
    }

    /// Which of the rows are there, if some are not: the validity of what is taken of a column without nulls.
    ///
    /// # Errors
    /// `MemoryLimit`.
    pub fn presence(&self, memory: &Memory) -> Result<Option<NullBuffer>> {
        if !self.partial {
            return Ok(None);
        }
        let present = bits::build(self.rows.len(), memory, |words| {
            vectorised(
                #[inline(always)]
                || {
                    for (word, rows) in words.iter_mut().zip(self.rows.chunks(64)) {
                        let bit = |word, (bit, &row): (usize, &u32)| word | u64::from(row != NO_ROW) << bit;
                        *word = rows.iter().enumerate().fold(0, bit);
                    }
                },
            );
        })?;
        Ok(Some(NullBuffer::new(present)))
    }

    /// The same rows, whose [`Rows::presence`] is shared by all columns that they are taken of.
    #[must_use]
    pub fn sharing(self, presence: Option<&'a NullBuffer>) -> Self {
        Self { presence, ..self }
    }

    /// How many rows are taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether none is taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// The `rows` of `array`, in that order.
///
/// # Errors
/// `MemoryLimit`; `LimitExceeded` past 32-bit offsets; `OutOfBounds` if the array has fewer rows than the rows were
/// checked against.
pub fn take(array: &ArrayRef, rows: Rows<'_>, memory: &Memory) -> Result<ArrayRef> {
    use DataType as D;
    if array.len() < rows.row_count {
        return Err(Error::out_of_bounds(format!("rows of {} in a column of {}", rows.row_count, array.len())));
    }
    if array.is_empty() || rows.is_empty() {
        return fallback(array, rows, memory);
    }
    match array.data_type() {
        D::Utf8 | D::Binary => take_bytes::<i32>(array, rows, memory),
        D::LargeUtf8 | D::LargeBinary => take_bytes::<i64>(array, rows, memory),
        data_type => match data_type.primitive_width() {
            Some(1) => take_fixed::<u8>(array, rows, memory),
            Some(2) => take_fixed::<u16>(array, rows, memory),
            Some(4) => take_fixed::<u32>(array, rows, memory),
            Some(8) if !matches!(data_type, D::Interval(_)) => take_fixed::<u64>(array, rows, memory),
            Some(16) if !matches!(data_type, D::Interval(_)) => take_fixed::<i128>(array, rows, memory),
            Some(32) => take_fixed::<i256>(array, rows, memory),
            _ => fallback(array, rows, memory),
        },
    }
}

fn fallback(array: &ArrayRef, rows: Rows<'_>, memory: &Memory) -> Result<ArrayRef> {
    let indices = if rows.partial {
        UInt32Array::from_iter(rows.rows.iter().map(|&row| (row != NO_ROW).then_some(row)))
    } else {
        UInt32Array::from(rows.rows.to_vec())
    };
    charged(&arrow_select::take::take(array.as_ref(), &indices, None)?, memory)
}

/// Whether rows of this type are put into pool memory, and so charged, by this module.
#[must_use]
pub fn is_pooled(data_type: &DataType) -> bool {
    use DataType as D;
    match data_type {
        D::Utf8 | D::Binary | D::LargeUtf8 | D::LargeBinary => true,
        D::Interval(_) => false,
        other => other.primitive_width().is_some(),
    }
}

/// The rows of `arrays`, which are of one type, one after another.
///
/// # Errors
/// `MemoryLimit`; `LimitExceeded` past 32-bit offsets; those of arrow for types that are not pooled.
pub fn concat(arrays: &[ArrayRef], memory: &Memory) -> Result<ArrayRef> {
    use DataType as D;
    let plain = |array: &ArrayRef| is_pooled(array.data_type()) && array.null_count() == 0;
    match arrays {
        [array] => Ok(array.clone()),
        [first, ..] if arrays.iter().all(plain) => match first.data_type() {
            D::Utf8 | D::Binary => concat_bytes::<i32>(arrays, memory),
            D::LargeUtf8 | D::LargeBinary => concat_bytes::<i64>(arrays, memory),
            data_type => concat_fixed(arrays, data_type.primitive_width().unwrap_or(0), memory),
        },
        _ => {
            let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
            charged(&arrow_select::concat::concat(&arrays)?, memory)
        }
    }
}

fn concat_fixed(arrays: &[ArrayRef], width: usize, memory: &Memory) -> Result<ArrayRef> {
    let len = arrays.iter().map(|array| array.len()).sum();
    let mut bytes = Lanes::<u8>::for_overwrite(memory, len * width)?;
    let mut rest = &mut bytes[..];
    for array in arrays {
        let data = array.to_data();
        let values = &data.buffers()[0].as_slice()[data.offset() * width..(data.offset() + data.len()) * width];
        let (out, after) = std::mem::take(&mut rest).split_at_mut(values.len());
        out.copy_from_slice(values);
        rest = after;
    }
    finish(arrays[0].data_type(), len, vec![bytes.into_buffer().into_inner()], None)
}

fn concat_bytes<O: OffsetSizeTrait>(arrays: &[ArrayRef], memory: &Memory) -> Result<ArrayRef> {
    let len: usize = arrays.iter().map(|array| array.len()).sum();
    let data: Vec<ArrayData> = arrays.iter().map(|array| array.to_data()).collect();
    let parts = data.iter().map(|data| {
        let offsets: &[O] = data.buffers()[0].typed_data();
        (offsets.get(data.offset()..=data.offset() + data.len()).unwrap_or(&[]), data.buffers()[1].as_slice())
    });
    let mut offsets = Lanes::<O>::for_overwrite(memory, len + 1)?;
    offsets[0] = O::default();
    let (mut at, mut end) = (1, 0_usize);
    for (part, _) in parts.clone() {
        let Some((&first, rest)) = part.split_first() else { continue };
        for (out, &offset) in offsets[at..].iter_mut().zip(rest) {
            *out = O::usize_as(end + offset.as_usize() - first.as_usize());
        }
        at += rest.len();
        end += rest.last().map_or(0, |last| last.as_usize() - first.as_usize());
    }
    if O::from_usize(end).is_none() {
        return Err(Error::limit_exceeded(format!("{end} bytes of text in one column of {}", arrays[0].data_type())));
    }
    let mut bytes = Lanes::<u8>::for_overwrite(memory, end)?;
    let mut at = 0;
    for (part, values) in parts {
        let (Some(first), Some(last)) = (part.first(), part.last()) else { continue };
        let values = &values[first.as_usize()..last.as_usize()];
        bytes[at..at + values.len()].copy_from_slice(values);
        at += values.len();
    }
    finish(arrays[0].data_type(), len, vec![offsets.into_buffer().into_inner(), bytes.into_buffer().into_inner()], None)
}

/// The validity of the rows taken.
fn take_nulls(array: &dyn Array, rows: Rows<'_>, memory: &Memory) -> Result<Option<NullBuffer>> {
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
    let Some(nulls) = nulls else {
        return if rows.presence.is_some() { Ok(rows.presence.cloned()) } else { rows.presence(memory) };
    };
    let valid = |row: u32| row != NO_ROW && nulls.is_valid(row as usize);
    let validity = bits::build(rows.len(), memory, |words| {
        for (word, rows) in words.iter_mut().zip(rows.rows.chunks(64)) {
            *word = rows.iter().enumerate().fold(0, |word, (bit, &row)| word | u64::from(valid(row)) << bit);
        }
    })?;
    let validity = NullBuffer::new(validity);
    Ok((validity.null_count() > 0).then_some(validity))
}

fn take_fixed<T: ArrowNativeType>(array: &ArrayRef, rows: Rows<'_>, memory: &Memory) -> Result<ArrayRef> {
    let data = array.to_data();
    let values = &data.buffers()[0].typed_data::<T>()[data.offset()..data.offset() + data.len()];
    let mut taken = Lanes::for_overwrite(memory, rows.len())?;
    take_values(values, rows, &mut taken);
    let nulls = take_nulls(array, rows, memory)?;
    finish(array.data_type(), rows.len(), vec![taken.into_buffer().into_inner()], nulls)
}

/// Writes the value of each row, or a default where there is none.
#[inline(never)]
fn take_values<T: ArrowNativeType>(values: &[T], rows: Rows<'_>, taken: &mut [T]) {
    let values = &values[..rows.row_count];
    if rows.partial {
        let Some(&any) = values.first() else { return taken.fill(T::default()) };
        for (out, &row) in taken.iter_mut().zip(rows.rows) {
            let value = values.get(row as usize).copied();
            // Without a branch: which rows are there is not to be foreseen.
            *out = if row == NO_ROW { T::default() } else { value.unwrap_or(any) };
        }
        return;
    }
    for (out, &row) in taken.iter_mut().zip(rows.rows) {
        // SAFETY: without a row that is not there, all were found to be below `row_count`, the length of `values`.
        *out = unsafe { *values.get_unchecked(row as usize) };
    }
}

fn finish(data_type: &DataType, len: usize, buffers: Vec<Buffer>, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    let data = ArrayData::builder(data_type.clone()).len(len).buffers(buffers).nulls(nulls);
    // SAFETY: each buffer holds `len` values of the type's width, or offsets that rise from zero within the bytes, and
    // the bytes of each row are those of a row of an array of the same type, so that text is valid UTF-8.
    Ok(make_array(unsafe { data.build_unchecked() }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::Int32Type;
    use arrow_array::{BooleanArray, DictionaryArray, Float64Array, Int8Array, LargeBinaryArray, StringArray};

    use super::*;

    fn check(array: ArrayRef) {
        let memory = Memory::unlimited();
        for rows in [vec![0, 2, 1, 2], vec![3, NO_ROW, 0], vec![], vec![NO_ROW; 70]] {
            let indices: UInt32Array = rows.iter().map(|&row| (row != NO_ROW).then_some(row)).collect();
            for array in [array.clone(), array.slice(1, 4)] {
                let taken = take(&array, Rows::new(&rows, array.len()).unwrap(), &memory).unwrap();
                taken.to_data().validate_full().unwrap();
                assert_eq!(&taken, &arrow_select::take::take(&array, &indices, None).unwrap());
            }
        }
        for valid in [array.slice(0, 1), array.slice(0, 0)] {
            let parts = [valid.slice(0, 0), valid.clone(), array.slice(3, 1), valid, array.slice(4, 0)];
            let joined = concat(&parts, &memory).unwrap();
            joined.to_data().validate_full().unwrap();
            let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
            assert_eq!(&joined, &arrow_select::concat::concat(&parts).unwrap());
        }
        assert_eq!(memory.used_bytes(), 0);
    }

    #[test]
    fn rows_of_every_layout_are_those_of_arrow() {
        check(Arc::new(Int8Array::from(vec![Some(1), None, Some(3), Some(4), Some(5)])));
        check(Arc::new(Float64Array::from(vec![1.0, -0.0, f64::NAN, 4.0, 5.0])));
        check(Arc::new(StringArray::from(vec![
            Some("a"),
            Some(""),
            None,
            Some("a string of more than sixteen"),
            Some("z"),
        ])));
        check(Arc::new(LargeBinaryArray::from(vec![&b"xyz"[..], b"", b"0123456789abcdefg", b"q", b"r"])));
        check(Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true), None])));
        let dictionary: DictionaryArray<Int32Type> =
            vec![Some("a"), None, Some("b"), Some("a"), Some("c")].into_iter().collect();
        check(Arc::new(dictionary));
    }

    #[test]
    fn strings_that_fit_no_cache_are_those_of_arrow() {
        let text = |row: usize| (row % 11 != 3).then(|| "x".repeat(row % 19) + &row.to_string());
        let array: ArrayRef = Arc::new((0..100_000).map(text).collect::<StringArray>());
        assert!(array.get_buffer_memory_size() > bytes::NEAR_BYTES);
        let rows: Vec<u32> = (0..5000_u32).map(|at| if at % 17 == 5 { NO_ROW } else { at * 7919 % 100_000 }).collect();
        let indices: UInt32Array = rows.iter().map(|&row| (row != NO_ROW).then_some(row)).collect();
        let taken = take(&array, Rows::new(&rows, array.len()).unwrap(), &Memory::unlimited()).unwrap();
        taken.to_data().validate_full().unwrap();
        assert_eq!(&taken, &arrow_select::take::take(&array, &indices, None).unwrap());
    }

    #[test]
    fn a_row_past_the_end_is_refused() {
        assert_eq!(Rows::new(&[5], 5).unwrap_err().code(), crate::ErrorCode::OutOfBounds);
    }
}
