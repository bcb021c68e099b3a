// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Rows of several arrays at once, by places: what sorts and merges of runs make their results with.
//!
//! A place is the number of an array above the number of a row in it, in 32 bits. Nothing is put together first, so rows
//! are copied once. Types whose rows are not plain bytes go through arrow's own kernel.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, OffsetSizeTrait};
use arrow_buffer::{ArrowNativeType, NullBuffer, i256};
use arrow_data::ArrayData;
use arrow_schema::DataType;
use arrow_select::interleave::interleave;

use super::bytes::WIDE;
use super::finish;
use crate::arch::prefetch;
use crate::lanes::Lanes;
use crate::memory::charged;
use crate::{Error, Memory, Result, bits};

/// Rows further on whose bytes are asked for while a row is copied.
const AHEAD: usize = 16;

/// Places of rows, checked once for many columns.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    places: &'a [u32],
    row_bits: u32,
}

impl<'a> Places<'a> {
    /// `places` whose lowest `row_bits` bits are the row, in arrays of these lengths.
    ///
    /// # Errors
    /// `OutOfBounds` if a place is in none of the arrays.
    pub fn new(places: &'a [u32], row_bits: u32, lens: &[usize]) -> Result<Self> {
        let checked = Self { places, row_bits };
        let inside = |&place: &u32| {
            let (array, row) = checked.split(place);
            lens.get(array).is_some_and(|&len| row < len)
        };
        if row_bits > 31 || !places.iter().all(inside) {
            return Err(Error::out_of_bounds("a place in none of the arrays"));
        }
        Ok(checked)
    }

    /// How many rows are meant.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether no row is meant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    #[inline]
    fn split(&self, place: u32) -> (usize, usize) {
        ((place >> self.row_bits) as usize, (place & ((1 << self.row_bits) - 1)) as usize)
    }

    fn iter(&self) -> impl Iterator<Item = (usize, usize)> {
        self.places.iter().map(|&place| self.split(place))
    }
}

/// The rows of `arrays`, which are of one type, at `places`, in that order.
///
/// # Errors
/// `MemoryLimit`; `LimitExceeded` past 32-bit offsets; those of arrow for types that are not plain bytes.
pub fn take_pieces(arrays: &[ArrayRef], places: Places<'_>, memory: &Memory) -> Result<ArrayRef> {
    use DataType as D;
    let Some(first) = arrays.first() else {
        return Err(Error::internal("no array to take rows of"));
    };
    match first.data_type() {
        D::Utf8 | D::Binary => take_bytes::<i32>(arrays, places, memory),
        D::LargeUtf8 | D::LargeBinary => take_bytes::<i64>(arrays, places, memory),
        D::Boolean => take_bits(arrays, places, memory),
        data_type => match data_type.primitive_width() {
            Some(1) => take_fixed::<u8>(arrays, places, memory),
            Some(2) => take_fixed::<u16>(arrays, places, memory),
            Some(4) => take_fixed::<u32>(arrays, places, memory),
            Some(8) if !matches!(data_type, D::Interval(_)) => take_fixed::<u64>(arrays, places, memory),
            Some(16) if !matches!(data_type, D::Interval(_)) => take_fixed::<i128>(arrays, places, memory),
            Some(32) => take_fixed::<i256>(arrays, places, memory),
            _ => fallback(arrays, places, memory),
        },
    }
}

fn fallback(arrays: &[ArrayRef], places: Places<'_>, memory: &Memory) -> Result<ArrayRef> {
    let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    let indices: Vec<(usize, usize)> = places.iter().collect();
    charged(&interleave(&arrays, &indices)?, memory)
}

/// The validity of the rows taken.
fn take_nulls(arrays: &[ArrayRef], places: Places<'_>, memory: &Memory) -> Result<Option<NullBuffer>> {
    let nulls: Vec<Option<&NullBuffer>> =
        arrays.iter().map(|array| array.nulls().filter(|nulls| nulls.null_count() > 0)).collect();
    if nulls.iter().all(Option::is_none) {
        return Ok(None);
    }
    let valid = |place: u32| {
        let (array, row) = places.split(place);
        nulls[array].is_none_or(|nulls| nulls.is_valid(row))
    };
    let validity = collect(places, memory, valid)?;
    let validity = NullBuffer::new(validity);
    Ok((validity.null_count() > 0).then_some(validity))
}

fn collect(places: Places<'_>, memory: &Memory, bit_of: impl Fn(u32) -> bool) -> Result<arrow_buffer::BooleanBuffer> {
    bits::build(places.len(), memory, |words| {
        for (word, places) in words.iter_mut().zip(places.places.chunks(64)) {
            *word = places.iter().enumerate().fold(0, |word, (bit, &place)| word | u64::from(bit_of(place)) << bit);
        }
    })
}

fn take_bits(arrays: &[ArrayRef], places: Places<'_>, memory: &Memory) -> Result<ArrayRef> {
    let values: Vec<_> = arrays.iter().map(|array| array.as_boolean().values()).collect();
    let taken = collect(places, memory, |place| {
        let (array, row) = places.split(place);
        values[array].value(row)
    })?;
    Ok(Arc::new(BooleanArray::new(taken, take_nulls(arrays, places, memory)?)))
}

fn take_fixed<T: ArrowNativeType>(arrays: &[ArrayRef], places: Places<'_>, memory: &Memory) -> Result<ArrayRef> {
    let data: Vec<ArrayData> = arrays.iter().map(|array| array.to_data()).collect();
    let values: Vec<&[T]> = data
        .iter()
        .map(|data| &data.buffers()[0].typed_data::<T>()[data.offset()..data.offset() + data.len()])
        .collect();
    let mut taken = Lanes::for_overwrite(memory, places.len())?;
    if let [values] = values[..] {
        for (out, (_, row)) in taken.iter_mut().zip(places.iter()) {
            *out = values[row];
        }
    } else {
        for (out, (array, row)) in taken.iter_mut().zip(places.iter()) {
            *out = values[array][row];
        }
    }
    let nulls = take_nulls(arrays, places, memory)?;
    finish(arrays[0].data_type(), places.len(), vec![taken.into_buffer().into_inner()], nulls)
}

fn take_bytes<O: OffsetSizeTrait>(arrays: &[ArrayRef], places: Places<'_>, memory: &Memory) -> Result<ArrayRef> {
    let data: Vec<ArrayData> = arrays.iter().map(|array| array.to_data()).collect();
    let pieces: Vec<(&[O], &[u8])> = data
        .iter()
        .map(|data| {
            let offsets = data.buffers()[0].typed_data::<O>().get(data.offset()..=data.offset() + data.len());
            (offsets.unwrap_or(&[]), data.buffers()[1].as_slice())
        })
        .collect();
    let mut taken = Lanes::<O>::for_overwrite(memory, places.len() + 1)?;
    let mut end = 0_usize;
    taken[0] = O::default();
    for (out, (array, row)) in taken[1..].iter_mut().zip(places.iter()) {
        let offsets = pieces[array].0;
        end += offsets[row + 1].as_usize() - offsets[row].as_usize();
        *out = O::usize_as(end);
    }
    let data_type = arrays[0].data_type();
    if O::from_usize(end).is_none() {
        return Err(Error::limit_exceeded(format!("{end} bytes of text in one column of {data_type}")));
    }
    let mut bytes = Lanes::<u8>::for_overwrite(memory, end + WIDE)?;
    let out = &mut bytes[..];
    let mut at = 0;
    for (index, (array, row)) in places.iter().enumerate() {
        if let Some(&later) = places.places.get(index + AHEAD) {
            let (array, row) = places.split(later);
            let (offsets, values) = pieces[array];
            prefetch(values, offsets[row].as_usize());
        }
        let (offsets, values) = pieces[array];
        let (first, last) = (offsets[row].as_usize(), offsets[row + 1].as_usize());
        let len = last - first;
        match values.get(first..first + WIDE) {
            Some(window) if len <= WIDE => out[at..at + WIDE].copy_from_slice(window),
            _ => out[at..at + len].copy_from_slice(&values[first..last]),
        }
        at += len;
    }
    bytes.truncate(end);
    let nulls = take_nulls(arrays, places, memory)?;
    finish(data_type, places.len(), vec![taken.into_buffer().into_inner(), bytes.into_buffer().into_inner()], nulls)
}

#[cfg(test)]
mod tests {
    use arrow_array::types::Int32Type;
    use arrow_array::{Decimal256Array, DictionaryArray, Int16Array, LargeStringArray, StringArray, StringViewArray};

    use super::*;

    fn check(array: ArrayRef) {
        let memory = Memory::unlimited();
        let pieces = [array.slice(1, 3), array.slice(0, 0), array.clone()];
        let places: Vec<u32> = [(0, 2), (2, 0), (0, 0), (2, 4), (0, 2)].map(|(array, row)| array << 3 | row).to_vec();
        let lens: Vec<usize> = pieces.iter().map(|piece| piece.len()).collect();
        for places in [places.repeat(30), vec![]] {
            let taken = take_pieces(&pieces, Places::new(&places, 3, &lens).unwrap(), &memory).unwrap();
            taken.to_data().validate_full().unwrap();
            let indices: Vec<_> = places.iter().map(|place| ((place >> 3) as usize, (place & 7) as usize)).collect();
            let pieces: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
            assert_eq!(&taken, &interleave(&pieces, &indices).unwrap());
            assert!(places.is_empty() || memory.used_bytes() > 0);
        }
        assert_eq!(memory.used_bytes(), 0);
    }

    #[test]
    fn rows_of_every_layout_are_those_of_arrow() {
        let text = vec![Some("a"), None, Some("a text of more than sixteen bytes"), Some(""), Some("0123456789abcdef")];
        check(Arc::new(StringArray::from(text.clone())));
        check(Arc::new(LargeStringArray::from(text.clone())));
        check(Arc::new(StringViewArray::from(text.clone())));
        check(Arc::new(text.into_iter().collect::<DictionaryArray<Int32Type>>()));
        check(Arc::new(Int16Array::from(vec![1, 2, 3, 4, 5])));
        check(Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true), Some(true)])));
        check(Arc::new((0..5).map(|n| (n != 3).then(|| i256::from_i128(n))).collect::<Decimal256Array>()));
    }

    #[test]
    fn a_place_outside_is_refused() {
        for place in [5, 1 << 3] {
            let error = Places::new(&[place], 3, &[5]).unwrap_err();
            assert_eq!(error.code(), crate::ErrorCode::OutOfBounds);
        }
    }
}
