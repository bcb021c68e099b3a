// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The values of a fixed-width column, whatever its logical type.

use arrow_array::{Array, downcast_primitive_array};
use arrow_buffer::{ArrowNativeType, Buffer, ScalarBuffer};

use crate::{Column, Error, Output, Result};

/// Native values of a column: one for each row, or one for all. Timestamps, decimals and the like are read as the
/// numbers that they are stored as.
#[derive(Clone, Debug)]
pub struct Lanes<T: ArrowNativeType> {
    values: ScalarBuffer<T>,
    repeated: bool,
}

impl<T: ArrowNativeType> Lanes<T> {
    /// The values of `column`.
    ///
    /// # Errors
    /// `Internal` when its type is not as wide as `T`.
    pub fn of(column: &Column) -> Result<Self> {
        let data_type = column.data_type();
        if data_type.primitive_width() != Some(size_of::<T>()) {
            let wanted = std::any::type_name::<T>();
            return Err(Error::internal(format!("a column of {data_type} has no lanes of {wanted}")));
        }
        let array: &dyn Array = column.values();
        // Not by way of `ArrayData`, which takes an allocation or two: short calls feel them.
        let buffer = downcast_primitive_array!(
            array => array.values().inner().clone(),
            _ => return Err(Error::internal(format!("an array of {data_type} without values"))),
        );
        let aligned = buffer.as_ptr().align_offset(align_of::<T>()) == 0;
        // Lanes of another type of the same width may be aligned to less: intervals are, beside decimals.
        let buffer = if aligned { buffer } else { Buffer::from(buffer.as_slice()) };
        let values = ScalarBuffer::new(buffer, 0, array.len());
        Ok(Self { values, repeated: column.is_scalar() })
    }

    /// The value that stands for all rows, if one does.
    #[inline]
    #[must_use]
    pub fn repeated(&self) -> Option<T> {
        if self.repeated { self.values.first().copied() } else { None }
    }

    /// The values.
    #[inline]
    #[must_use]
    pub fn slice(&self) -> &[T] {
        &self.values
    }

    /// The value of a row.
    ///
    /// # Panics
    /// When there is no such row.
    #[inline]
    #[must_use]
    pub fn value(&self, row: usize) -> T {
        self.values[if self.repeated { 0 } else { row }]
    }

    pub(super) fn check(&self, output: &Output) -> Result<()> {
        if self.repeated || self.values.len() == output.row_count() {
            return Ok(());
        }
        Err(Error::internal(format!("{} values for an output of {} rows", self.values.len(), output.row_count())))
    }
}
