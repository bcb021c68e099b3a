// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Arrays in memory of their own: every buffer is copied into the pool, whatever holds the original.
//!
//! The copy holds nothing of what it was made from. Of a slice only its rows are copied, as far as its own buffers say
//! where they are; children of lists and unions, values of views, dictionaries and runs are copied whole.

use arrow_array::{Array, ArrayRef, make_array};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow_data::ArrayData;
use bowyer_core::{Memory, Result};

use crate::shape::Layout;

/// Copies an array; gives the copy and how many bytes it took.
///
/// # Errors
/// `MemoryLimit` when there is no room for it.
pub fn deep_copy(array: &dyn Array, memory: &Memory) -> Result<(ArrayRef, u64)> {
    let mut copier = Copier { memory, bytes_copied: 0 };
    let data = copier.data(&array.to_data())?;
    Ok((make_array(data), copier.bytes_copied))
}

struct Copier<'m> {
    memory: &'m Memory,
    bytes_copied: u64,
}

impl Copier<'_> {
    fn bytes(&mut self, bytes: &[u8]) -> Result<Buffer> {
        if bytes.is_empty() {
            return Ok(Buffer::default());
        }
        let mut allocation = self.memory.allocate(bytes.len())?;
        allocation[..bytes.len()].copy_from_slice(bytes);
        self.bytes_copied += bytes.len() as u64;
        Ok(allocation.into_buffer())
    }

    /// Entries `first` to `first + count`.
    fn entries(&mut self, buffer: &Buffer, first: usize, count: usize, width: usize) -> Result<Buffer> {
        if count == 0 {
            return Ok(Buffer::default());
        }
        self.bytes(&buffer.as_slice()[first * width..(first + count) * width])
    }

    fn bits(&mut self, buffer: &Buffer, first: usize, count: usize) -> Result<BooleanBuffer> {
        let skip = first / 8;
        let bits = self.entries(buffer, skip, (first % 8 + count).div_ceil(8), 1)?;
        Ok(BooleanBuffer::new(bits, first % 8, count))
    }

    fn nulls(&mut self, nulls: &NullBuffer) -> Result<NullBuffer> {
        let bits = self.bits(nulls.buffer(), nulls.offset(), nulls.len())?;
        // SAFETY: the same bits have the same count.
        Ok(unsafe { NullBuffer::new_unchecked(bits, nulls.null_count()) })
    }

    /// Array data and all below it. Recursion goes as deep as its type.
    fn data(&mut self, data: &ArrayData) -> Result<ArrayData> {
        let layout = Layout::of(data.data_type());
        let (buffers, offset) = self.buffers(data, &layout)?;
        let nulls = data.nulls().map(|nulls| self.nulls(nulls)).transpose()?;
        let children = data.child_data().iter().map(|child| self.data(child)).collect::<Result<Vec<_>>>()?;
        let builder = ArrayData::builder(data.data_type().clone())
            .len(data.len())
            .offset(offset)
            .nulls(nulls)
            .buffers(buffers)
            .child_data(children);
        // SAFETY: the same entries as those of the original, at the offset that goes with them.
        Ok(unsafe { builder.build_unchecked() })
    }

    /// The buffers after the validity, and the offset of the first row in them.
    fn buffers(&mut self, data: &ArrayData, layout: &Layout) -> Result<(Vec<Buffer>, usize)> {
        let (first, count) = (data.offset(), data.len());
        let buffers = data.buffers();
        Ok(match layout {
            // Their children begin where they begin.
            Layout::Null | Layout::RunEnds | Layout::Struct | Layout::FixedList { .. } => (Vec::new(), first),
            Layout::Bits => (vec![self.bits(&buffers[0], first, count)?.into_inner()], first % 8),
            Layout::Fixed { width, .. } | Layout::Dictionary { width, .. } => {
                (vec![self.entries(&buffers[0], first, count, *width)?], 0)
            }
            Layout::Bytes { wide, .. } => {
                let ends = usize::from(count > 0);
                let width = if *wide { 8 } else { 4 };
                let offsets = self.entries(&buffers[0], first, count + ends, width)?;
                (vec![offsets, self.bytes(&buffers[1])?], 0)
            }
            Layout::List { wide } => {
                let ends = usize::from(count > 0);
                (vec![self.entries(&buffers[0], first, count + ends, if *wide { 8 } else { 4 })?], 0)
            }
            Layout::ListView { wide } => {
                let width = if *wide { 8 } else { 4 };
                let offsets = self.entries(&buffers[0], first, count, width)?;
                (vec![offsets, self.entries(&buffers[1], first, count, width)?], 0)
            }
            Layout::Views { .. } => {
                let mut copies = vec![self.entries(&buffers[0], first, count, 16)?];
                for values in &buffers[1..] {
                    copies.push(self.bytes(values)?);
                }
                (copies, 0)
            }
            Layout::Union { dense, .. } => {
                // Children of a sparse union begin where it begins, so its offset stays.
                let mut copies = vec![self.bytes(&buffers[0])?];
                if *dense {
                    copies.push(self.bytes(&buffers[1])?);
                }
                (copies, first)
            }
        })
    }
}
