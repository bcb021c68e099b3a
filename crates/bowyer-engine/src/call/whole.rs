// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The result of a call that is computed in strips.
//!
//! Each strip is copied to its place as soon as it is made, while it is still in the cache of the thread that made it;
//! then its own memory goes back to the pool for the next strip. So a long result costs little more than writing it
//! once, on all threads, and not a second pass over all strips at the end.

use std::sync::{Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, make_array};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_data::ArrayData;
use arrow_schema::DataType;
use bowyer_core::{Allocation, Error, Memory, Result};

/// Bytes of a fixed number of bits for each row.
pub(super) struct Whole {
    bytes: Allocation,
    row_bits: usize,
    row_count: usize,
    data_type: DataType,
}

/// The place of one strip.
pub(super) struct Place<'a>(Mutex<&'a mut [u8]>);

impl Whole {
    /// Room for `row_count` rows; none when the type is not one of a fixed width.
    ///
    /// # Errors
    /// `MemoryLimit`.
    pub(super) fn new(data_type: &DataType, row_count: usize, memory: &Memory) -> Result<Option<Self>> {
        let row_bits = match data_type {
            DataType::Boolean => 1,
            other => match other.primitive_width() {
                Some(width) => width * 8,
                None => return Ok(None),
            },
        };
        let bytes = memory.allocate((row_count * row_bits).div_ceil(8))?;
        Ok(Some(Self { bytes, row_bits, row_count, data_type: data_type.clone() }))
    }

    /// The places of strips of `step` rows, a multiple of eight.
    pub(super) fn places(&mut self, step: usize) -> Vec<Place<'_>> {
        self.bytes.chunks_mut(step * self.row_bits / 8).map(|place| Place(Mutex::new(place))).collect()
    }

    /// The array, with the nulls of each strip of `step` rows.
    ///
    /// # Errors
    /// `MemoryLimit`.
    pub(super) fn finish(self, step: usize, nulls: Vec<Option<NullBuffer>>, memory: &Memory) -> Result<ArrayRef> {
        let validity = if nulls.iter().any(Option::is_some) {
            let mut bits = memory.allocate(self.row_count.div_ceil(8))?;
            for (place, nulls) in bits.chunks_mut(step / 8).zip(nulls) {
                match nulls {
                    None => place.fill(u8::MAX),
                    Some(nulls) => copy(&nulls.inner().sliced(), place)?,
                }
            }
            Some(NullBuffer::new(BooleanBuffer::new(bits.into_buffer(), 0, self.row_count)))
        } else {
            None
        };
        let data = ArrayData::builder(self.data_type)
            .len(self.row_count)
            .nulls(validity)
            .add_buffer(self.bytes.into_buffer())
            .build()?;
        Ok(make_array(data))
    }
}

impl Place<'_> {
    /// Copies a strip to its place and gives its nulls.
    ///
    /// # Errors
    /// `Internal` when it has not as many rows as the place.
    pub(super) fn write(&self, strip: &dyn Array) -> Result<Option<NullBuffer>> {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(booleans) = strip.as_boolean_opt() {
            copy(&booleans.values().sliced(), &mut place)?;
        } else {
            let data = strip.to_data();
            let width = data.data_type().primitive_width().unwrap_or(0);
            let bytes = data.buffers().first().map_or(&[][..], |buffer| buffer.as_slice());
            let from = (data.offset() * width).min(bytes.len());
            copy(&bytes[from..], &mut place)?;
        }
        Ok(strip.nulls().filter(|nulls| nulls.null_count() > 0).cloned())
    }
}

fn copy(from: &[u8], to: &mut [u8]) -> Result<()> {
    let from = from.get(..to.len()).ok_or_else(|| Error::internal("a strip is shorter than its place"))?;
    to.copy_from_slice(from);
    Ok(())
}
