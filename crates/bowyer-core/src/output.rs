// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Where a kernel writes: one value for each row, in memory that the caller provides.
//!
//! The caller makes an [`Output`] for a type, a number of rows and the validity that the arguments imply; the kernel
//! asks for the lanes of its layout ([`Output::fixed`], [`Output::bits`], [`Output::bytes`]) or sets a whole array
//! ([`Output::set`]); [`Output::finish`] gives the array. Lanes under nulls may hold anything.

mod bytes;

use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, NullArray, PrimitiveArray, downcast_primitive, make_array, new_empty_array,
};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use arrow_data::ArrayDataBuilder;
use arrow_schema::DataType;
use std::sync::Arc;

use bytes::Bytes;
pub use bytes::BytesWriter;

use crate::{Allocation, Error, Memory, Result, bits};

/// The values that a kernel writes.
#[derive(Debug)]
pub struct Output {
    data_type: DataType,
    row_count: usize,
    memory: Memory,
    validity: Option<NullBuffer>,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Unwritten,
    Fixed(Allocation),
    Bits(Allocation),
    Bytes(Bytes),
    Array(ArrayRef),
}

impl Output {
    /// An output of `row_count` values of `data_type`. Rows that `validity` leaves out will be null.
    #[must_use]
    pub fn new(data_type: DataType, row_count: usize, validity: Option<NullBuffer>, memory: &Memory) -> Self {
        debug_assert!(validity.as_ref().is_none_or(|validity| validity.len() == row_count));
        let validity = validity.filter(|validity| validity.null_count() > 0);
        Self { data_type, row_count, memory: memory.clone(), validity, values: Values::Unwritten }
    }

    /// The type of the values.
    #[must_use]
    pub fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// How many values are to be written.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.row_count
    }

    /// Where its memory comes from.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The rows that will be null, if any.
    #[must_use]
    pub fn validity(&self) -> Option<&NullBuffer> {
        self.validity.as_ref()
    }

    /// Says which rows are null, in place of what the caller said.
    ///
    /// # Errors
    /// `Internal` when it is of another length.
    pub fn set_validity(&mut self, validity: Option<NullBuffer>) -> Result<()> {
        if let Some(validity) = &validity
            && validity.len() != self.row_count
        {
            return Err(Error::internal(format!("{} validity bits for {} rows", validity.len(), self.row_count)));
        }
        self.validity = validity.filter(|validity| validity.null_count() > 0);
        Ok(())
    }

    /// The lanes of a fixed-width type, to be written from first to last. Their content is arbitrary.
    ///
    /// # Errors
    /// `Internal` when `T` is not as wide as the type; `MemoryLimit`.
    pub fn fixed<T: ArrowNativeType>(&mut self) -> Result<&mut [T]> {
        Ok(self.fixed_and_validity()?.0)
    }

    /// As [`Self::fixed`], with the validity to read meanwhile.
    ///
    /// # Errors
    /// As [`Self::fixed`].
    pub fn fixed_and_validity<T: ArrowNativeType>(&mut self) -> Result<(&mut [T], Option<&NullBuffer>)> {
        if self.data_type.primitive_width() != Some(size_of::<T>()) {
            return Err(self.wrong_layout(std::any::type_name::<T>()));
        }
        let allocation = self.memory.allocate(byte_len::<T>(self.row_count)?)?;
        self.values = Values::Fixed(allocation);
        match &mut self.values {
            Values::Fixed(allocation) => Ok((allocation.as_mut_slice_of(), self.validity.as_ref())),
            _ => Ok((&mut [], None)),
        }
    }

    /// The words of a boolean output: row `i` is bit `i % 64` of word `i / 64`. Bits after the last row may hold
    /// anything.
    ///
    /// # Errors
    /// `Internal` when the type is not boolean; `MemoryLimit`.
    pub fn bits(&mut self) -> Result<&mut [u64]> {
        if self.data_type != DataType::Boolean {
            return Err(self.wrong_layout("bits"));
        }
        self.values = Values::Bits(self.memory.allocate(byte_len::<u64>(self.row_count.div_ceil(64))?)?);
        match &mut self.values {
            Values::Bits(allocation) => Ok(allocation.as_mut_slice_of()),
            _ => Ok(&mut []),
        }
    }

    /// A writer of strings or binary values in any of their layouts. It must be given a value for each row.
    ///
    /// # Errors
    /// `Internal` when the type is not one of those; `MemoryLimit`.
    pub fn bytes(&mut self, byte_len_hint: usize) -> Result<BytesWriter<'_>> {
        let Some(bytes) = Bytes::new(&self.data_type, self.row_count, byte_len_hint, &self.memory)? else {
            return Err(self.wrong_layout("bytes"));
        };
        self.values = Values::Bytes(bytes);
        match &mut self.values {
            Values::Bytes(bytes) => Ok(BytesWriter::new(bytes)),
            _ => Err(Error::internal("the output was just made of bytes")),
        }
    }

    /// Writes the values of a column of strings or binary values with each ASCII byte mapped, all of them at once; whether
    /// its layout has them beneath each other, and is the output's. Null rows are mapped as well.
    ///
    /// # Errors
    /// `MemoryLimit`.
    pub fn map_ascii(&mut self, array: &dyn Array, map: impl Fn(u8) -> u8) -> Result<bool> {
        if array.data_type() != &self.data_type || array.len() != self.row_count {
            return Ok(false);
        }
        let Some(bytes) = Bytes::map_ascii(array, map, &self.memory)? else { return Ok(false) };
        self.values = Values::Bytes(bytes);
        Ok(true)
    }

    /// Takes `array` as the whole result, its nulls included; what was written before is dropped.
    ///
    /// # Errors
    /// `Internal` when its type or length is another.
    pub fn set(&mut self, array: ArrayRef) -> Result<()> {
        if array.data_type() != &self.data_type || array.len() != self.row_count {
            return Err(Error::internal(format!(
                "an array of {} rows of {} for an output of {} rows of {}",
                array.len(),
                array.data_type(),
                self.row_count,
                self.data_type
            )));
        }
        self.values = Values::Array(array);
        Ok(())
    }

    /// The array.
    ///
    /// # Errors
    /// `Internal` when nothing was written; `InvalidUtf8` when bytes written as a string are not UTF-8.
    pub fn finish(self) -> Result<ArrayRef> {
        let Self { data_type, row_count, memory, validity, values } = self;
        let buffers = match values {
            Values::Array(array) => return Ok(array),
            Values::Unwritten if data_type == DataType::Null => return Ok(Arc::new(NullArray::new(row_count))),
            Values::Unwritten if row_count == 0 => return Ok(new_empty_array(&data_type)),
            Values::Unwritten => return Err(Error::internal("the kernel wrote nothing")),
            Values::Fixed(allocation) => {
                let nulls = validity.map(|validity| bits::copy_nulls(&validity, &memory)).transpose()?;
                return Ok(lanes(data_type, row_count, allocation.into_buffer(), nulls));
            }
            Values::Bits(allocation) => vec![allocation.into_buffer()],
            Values::Bytes(bytes) => bytes.finish(&data_type, row_count)?,
        };
        let nulls = validity.map(|validity| bits::copy_nulls(&validity, &memory)).transpose()?;
        Ok(build(data_type, row_count, buffers, nulls))
    }

    #[cold]
    fn wrong_layout(&self, layout: &str) -> Error {
        Error::internal(format!("an output of {} is not written as {layout}", self.data_type))
    }
}

/// An array of booleans from the words that [`Output::bits`] describes.
#[must_use]
pub fn boolean_array(words: Allocation, row_count: usize, nulls: Option<NullBuffer>) -> ArrayRef {
    let values = BooleanBuffer::new(words.into_buffer(), 0, row_count);
    Arc::new(arrow_array::BooleanArray::new(values, nulls))
}

fn byte_len<T>(row_count: usize) -> Result<usize> {
    row_count
        .checked_mul(size_of::<T>())
        .ok_or_else(|| Error::memory_limit(format!("{row_count} rows do not fit into memory")))
}

/// An array of lanes: numbers without the way through array data, which costs a call of few rows more than its lanes.
fn lanes(data_type: DataType, row_count: usize, values: Buffer, nulls: Option<NullBuffer>) -> ArrayRef {
    macro_rules! of {
        ($primitive:ty) => {
            numbers::<$primitive>(data_type, row_count, values, nulls)
        };
    }
    downcast_primitive! {
        data_type => (of),
        _ => build(data_type, row_count, vec![values], nulls),
    }
}

fn numbers<T: ArrowPrimitiveType>(
    data_type: DataType,
    row_count: usize,
    values: Buffer,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let values = ScalarBuffer::new(values, 0, row_count);
    Arc::new(PrimitiveArray::<T>::new(values, nulls).with_data_type(data_type))
}

fn build(data_type: DataType, row_count: usize, buffers: Vec<Buffer>, nulls: Option<NullBuffer>) -> ArrayRef {
    let builder = ArrayDataBuilder::new(data_type).len(row_count).buffers(buffers).nulls(nulls);
    // SAFETY: `fixed` and `bits` allocate a lane or bit for each row at the width of the type, and any content is a
    // valid lane; `Bytes::finish` has checked that offsets or views of each row lie inside the bytes and that strings
    // are UTF-8; the validity is as long as the rows (`new`, `set_validity`).
    make_array(unsafe { builder.build_unchecked() })
}

#[cfg(test)]
mod tests;
