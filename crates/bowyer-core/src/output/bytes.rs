// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Writing strings and binary values: offsets of 32 or 64 bits, or views.
//!
//! A [`BytesWriter`] appends values in row order. What enters as `&str` is UTF-8 by its type; what enters as bytes is
//! checked once, at the end, when the type is a string.

use arrow_array::cast::AsArray;
use arrow_array::types::{BinaryType, ByteArrayType, LargeBinaryType, LargeUtf8Type, Utf8Type};
use arrow_array::{Array, GenericByteArray, OffsetSizeTrait};
use arrow_buffer::{ArrowNativeType, Buffer};
use arrow_schema::DataType;

use crate::arch::vectorised;
use crate::{Allocation, Error, Memory, Result};

/// The longest value that a view holds itself.
const INLINE: usize = 12;
/// Bytes of views are cut into buffers of about this size, so that growing copies little.
const VIEW_BUFFER: usize = 1 << 20;

/// The rows written so far.
#[derive(Debug)]
pub(super) struct Bytes {
    layout: Layout,
    row_count: usize,
    rows: usize,
    text: bool,
    /// Whether bytes came in that the type system does not know to be UTF-8.
    unproven: bool,
    bytes: Allocation,
    used: usize,
}

#[derive(Debug)]
enum Layout {
    Offsets32(Allocation),
    Offsets64(Allocation),
    Views { views: Allocation, full: Vec<Buffer> },
}

impl Bytes {
    pub(super) fn new(
        data_type: &DataType,
        row_count: usize,
        byte_len_hint: usize,
        memory: &Memory,
    ) -> Result<Option<Self>> {
        let lanes = |width: usize, count: usize| memory.allocate(count.saturating_mul(width));
        let (layout, text) = match data_type {
            DataType::Utf8 => (Layout::Offsets32(lanes(4, row_count + 1)?), true),
            DataType::Binary => (Layout::Offsets32(lanes(4, row_count + 1)?), false),
            DataType::LargeUtf8 => (Layout::Offsets64(lanes(8, row_count + 1)?), true),
            DataType::LargeBinary => (Layout::Offsets64(lanes(8, row_count + 1)?), false),
            DataType::Utf8View => (Layout::Views { views: lanes(16, row_count)?, full: vec![] }, true),
            DataType::BinaryView => (Layout::Views { views: lanes(16, row_count)?, full: vec![] }, false),
            _ => return Ok(None),
        };
        let bytes = memory.allocate(byte_len_hint)?;
        let mut written = Self { layout, row_count, rows: 0, text, unproven: false, bytes, used: 0 };
        match &mut written.layout {
            Layout::Offsets32(offsets) => offsets.as_mut_slice_of::<i32>()[0] = 0,
            Layout::Offsets64(offsets) => offsets.as_mut_slice_of::<i64>()[0] = 0,
            Layout::Views { .. } => {}
        }
        Ok(Some(written))
    }

    /// The values of `array` with each ASCII byte mapped to an ASCII byte, which keeps UTF-8 what it is; `None` for views
    /// and values of a fixed size.
    pub(super) fn map_ascii(array: &dyn Array, map: impl Fn(u8) -> u8, memory: &Memory) -> Result<Option<Self>> {
        let data_type = array.data_type();
        Ok(match data_type {
            DataType::Utf8 => Some(Self::mapped(array.as_bytes::<Utf8Type>(), map, memory)?),
            DataType::LargeUtf8 => Some(Self::mapped(array.as_bytes::<LargeUtf8Type>(), map, memory)?),
            DataType::Binary => Some(Self::mapped(array.as_bytes::<BinaryType>(), map, memory)?),
            DataType::LargeBinary => Some(Self::mapped(array.as_bytes::<LargeBinaryType>(), map, memory)?),
            _ => None,
        })
    }

    fn mapped<T: ByteArrayType>(array: &GenericByteArray<T>, map: impl Fn(u8) -> u8, memory: &Memory) -> Result<Self> {
        let (first, last) = match array.value_offsets() {
            [first, .., last] => (*first, *last),
            _ => (T::Offset::default(), T::Offset::default()),
        };
        let values = &array.value_data()[first.as_usize()..last.as_usize()];
        let mut bytes = memory.allocate(values.len())?;
        vectorised(
            #[inline(always)]
            || {
                for (out, &byte) in bytes.iter_mut().zip(values) {
                    *out = if byte < 0x80 { map(byte) & 0x7f } else { byte };
                }
            },
        );
        let mut offsets = memory.allocate((array.len() + 1) * size_of::<T::Offset>())?;
        let out = offsets.as_mut_slice_of::<T::Offset>();
        out.iter_mut().zip(array.value_offsets()).for_each(|(out, &offset)| *out = offset - first);
        let layout = if T::Offset::IS_LARGE { Layout::Offsets64(offsets) } else { Layout::Offsets32(offsets) };
        Ok(Self {
            layout,
            row_count: array.len(),
            rows: array.len(),
            text: matches!(array.data_type(), DataType::Utf8 | DataType::LargeUtf8),
            unproven: false,
            used: values.len(),
            bytes,
        })
    }

    /// Room for `byte_len` bytes after what is used.
    #[inline(always)]
    fn reserve(&mut self, byte_len: usize) -> Result<&mut [u8]> {
        if byte_len > self.bytes.len() - self.used {
            self.reserve_more(byte_len)?;
        }
        Ok(&mut self.bytes[self.used..])
    }

    #[cold]
    fn reserve_more(&mut self, byte_len: usize) -> Result<()> {
        if let Layout::Views { full, .. } = &mut self.layout
            && self.used > 0
            && self.used + byte_len > VIEW_BUFFER
        {
            let mut next = self.bytes.memory().allocate(byte_len.max(VIEW_BUFFER))?;
            std::mem::swap(&mut self.bytes, &mut next);
            next.truncate(self.used);
            full.push(next.into_buffer());
            self.used = 0;
        }
        self.bytes.grow(self.used + byte_len)?;
        let capacity = self.bytes.capacity();
        self.bytes.grow(capacity)
    }

    /// Ends a row whose `byte_len` bytes stand after what is used.
    #[inline(always)]
    fn end_row(&mut self, byte_len: usize) -> Result<()> {
        let row = self.rows;
        if row == self.row_count {
            return Err(too_many_rows(row));
        }
        let start = self.used;
        self.used += byte_len;
        match &mut self.layout {
            Layout::Offsets32(offsets) => {
                let Ok(end) = i32::try_from(self.used) else { return Err(past_offsets(row)) };
                offsets.as_mut_slice_of::<i32>()[row + 1] = end;
            }
            Layout::Offsets64(offsets) => offsets.as_mut_slice_of::<i64>()[row + 1] = self.used as i64,
            Layout::Views { views, full } => {
                let value = &self.bytes[start..start + byte_len];
                let view = view_of(value, full.len(), start).ok_or_else(|| past_offsets(row))?;
                views.as_mut_slice_of::<u128>()[row] = view;
                if byte_len <= INLINE {
                    self.used = start;
                }
            }
        }
        self.rows += 1;
        Ok(())
    }

    pub(super) fn finish(mut self, data_type: &DataType, row_count: usize) -> Result<Vec<Buffer>> {
        if self.rows != row_count {
            return Err(Error::internal(format!("{} values for {row_count} rows of {data_type}", self.rows)));
        }
        self.bytes.truncate(self.used);
        self.bytes.shrink_to_fit();
        if self.text && self.unproven {
            self.check_text()?;
        }
        Ok(match self.layout {
            Layout::Offsets32(offsets) | Layout::Offsets64(offsets) => {
                vec![offsets.into_buffer(), self.bytes.into_buffer()]
            }
            Layout::Views { views, mut full } => {
                if self.used > 0 {
                    full.push(self.bytes.into_buffer());
                }
                full.insert(0, views.into_buffer());
                full
            }
        })
    }

    fn check_text(&self) -> Result<()> {
        match &self.layout {
            Layout::Offsets32(offsets) => {
                let offsets = offsets.as_slice_of::<i32>().iter().map(|&offset| offset as usize);
                check_rows(&self.bytes, offsets.take(self.rows + 1))
            }
            Layout::Offsets64(offsets) => {
                let offsets = offsets.as_slice_of::<i64>().iter().map(|&offset| offset as usize);
                check_rows(&self.bytes, offsets.take(self.rows + 1))
            }
            // Views were checked one by one, in `push`.
            Layout::Views { .. } => Ok(()),
        }
    }
}

/// Whether all bytes are UTF-8 and each row begins at a character.
fn check_rows(bytes: &[u8], offsets: impl Iterator<Item = usize>) -> Result<()> {
    if bytes.is_ascii() {
        return Ok(());
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return Err(not_text()) };
    for (row, offset) in offsets.enumerate() {
        if !text.is_char_boundary(offset) {
            return Err(not_text().at_row(row.saturating_sub(1)));
        }
    }
    Ok(())
}

fn view_of(value: &[u8], buffer: usize, offset: usize) -> Option<u128> {
    let mut view = [0; 16];
    view[..4].copy_from_slice(&u32::try_from(value.len()).ok()?.to_le_bytes());
    if value.len() <= INLINE {
        view[4..4 + value.len()].copy_from_slice(value);
    } else {
        i32::try_from(value.len()).ok()?;
        view[4..8].copy_from_slice(&value[..4]);
        view[8..12].copy_from_slice(&i32::try_from(buffer).ok()?.to_le_bytes());
        view[12..].copy_from_slice(&i32::try_from(offset).ok()?.to_le_bytes());
    }
    Some(u128::from_le_bytes(view))
}

/// Copies a value of the same length: a short one by its first and last words, which overlap, without a call.
#[inline(always)]
fn copy(out: &mut [u8], value: &[u8]) {
    match value.len() {
        8..=16 => copy_ends::<8>(out, value),
        17..=32 => copy_ends::<16>(out, value),
        4..=7 => copy_ends::<4>(out, value),
        _ => out.copy_from_slice(value),
    }
}

#[inline(always)]
fn copy_ends<const WORD: usize>(out: &mut [u8], value: &[u8]) {
    if let (Some(first), Some(last)) = (value.first_chunk::<WORD>(), value.last_chunk::<WORD>()) {
        let (first, last) = (*first, *last);
        if let Some(start) = out.first_chunk_mut::<WORD>() {
            *start = first;
        }
        if let Some(end) = out.last_chunk_mut::<WORD>() {
            *end = last;
        }
    }
}

#[cold]
fn past_offsets(row: usize) -> Error {
    Error::limit_exceeded("the values of one array go past 2^31 - 1 bytes").at_row(row)
}

#[cold]
fn too_many_rows(row_count: usize) -> Error {
    Error::internal(format!("more values than the {row_count} rows of the output"))
}

#[cold]
fn not_text() -> Error {
    Error::invalid_utf8("the bytes written as a string are not UTF-8")
}

/// Appends values to an output, one for each row, in order.
#[derive(Debug)]
pub struct BytesWriter<'a> {
    bytes: &'a mut Bytes,
}

impl<'a> BytesWriter<'a> {
    pub(super) fn new(bytes: &'a mut Bytes) -> Self {
        Self { bytes }
    }

    /// Appends text.
    ///
    /// # Errors
    /// `LimitExceeded` with the row when the offsets cannot hold it; `MemoryLimit`.
    #[inline]
    pub fn push_str(&mut self, value: &str) -> Result<()> {
        copy(&mut self.bytes.reserve(value.len())?[..value.len()], value.as_bytes());
        self.bytes.end_row(value.len())
    }

    /// Appends bytes. When the type is a string they are checked to be UTF-8 at the end.
    ///
    /// # Errors
    /// As [`Self::push_str`].
    #[inline]
    pub fn push(&mut self, value: &[u8]) -> Result<()> {
        self.write(value.len(), |room| {
            copy(&mut room[..value.len()], value);
            value.len()
        })
    }

    /// Appends a text that is the parts one after another.
    ///
    /// # Errors
    /// As [`Self::push_str`].
    #[inline]
    pub fn concat_str(&mut self, parts: &[&str]) -> Result<()> {
        let byte_len = parts.iter().map(|part| part.len()).sum();
        let mut room = self.bytes.reserve(byte_len)?;
        for part in parts {
            let (here, rest) = room.split_at_mut(part.len());
            copy(here, part.as_bytes());
            room = rest;
        }
        self.bytes.end_row(byte_len)
    }

    /// Appends bytes that are the parts one after another. When the type is a string they are checked to be UTF-8 at the
    /// end.
    ///
    /// # Errors
    /// As [`Self::push_str`].
    #[inline]
    pub fn concat(&mut self, parts: &[&[u8]]) -> Result<()> {
        let byte_len = parts.iter().map(|part| part.len()).sum();
        self.write(byte_len, |mut room| {
            for part in parts {
                let (here, rest) = room.split_at_mut(part.len());
                copy(here, part);
                room = rest;
            }
            byte_len
        })
    }

    /// Appends a value of at most `byte_len_limit` bytes that `write` puts at the start of its argument, returning how
    /// many. When the type is a string they are checked to be UTF-8 at the end.
    ///
    /// # Errors
    /// As [`Self::push_str`].
    #[inline]
    pub fn write(&mut self, byte_len_limit: usize, write: impl FnOnce(&mut [u8]) -> usize) -> Result<()> {
        let room = &mut self.bytes.reserve(byte_len_limit)?[..byte_len_limit];
        let byte_len = write(room).min(byte_len_limit);
        if self.bytes.text {
            if matches!(self.bytes.layout, Layout::Views { .. }) {
                let start = self.bytes.used;
                if std::str::from_utf8(&self.bytes.bytes[start..start + byte_len]).is_err() {
                    return Err(not_text().at_row(self.bytes.rows));
                }
            }
            self.bytes.unproven = true;
        }
        self.bytes.end_row(byte_len)
    }

    /// Appends the empty value: what stands under a null.
    ///
    /// # Errors
    /// `Internal` when all rows are written.
    #[inline]
    pub fn push_empty(&mut self) -> Result<()> {
        self.bytes.end_row(0)
    }
}
