// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A column: an array, or one value repeated.

use arrow_array::{Array, ArrayRef, UInt64Array};
use arrow_schema::DataType;

use crate::{Error, Result};

/// An array, or one value that stands for every row.
#[derive(Clone, Debug)]
pub enum Column {
    /// A value for each row.
    Array(ArrayRef),
    /// One value, held as an array of one row, repeated.
    Scalar {
        /// The value: an array of exactly one row.
        value: ArrayRef,
        /// How many rows it stands for.
        row_count: usize,
    },
}

impl Column {
    /// A repeated value.
    ///
    /// # Errors
    /// `InvalidArgument` unless `value` has exactly one row.
    pub fn scalar(value: ArrayRef, row_count: usize) -> Result<Self> {
        if value.len() != 1 {
            return Err(Error::invalid_argument(format!("a scalar has one row, not {}", value.len())));
        }
        Ok(Self::Scalar { value, row_count })
    }

    /// The rows that it stands for.
    #[must_use]
    pub fn row_count(&self) -> usize {
        match self {
            Self::Array(array) => array.len(),
            Self::Scalar { row_count, .. } => *row_count,
        }
    }

    /// The type of its values.
    #[must_use]
    pub fn data_type(&self) -> &DataType {
        self.values().data_type()
    }

    /// The array of its values: of one row for a repeated value.
    #[must_use]
    pub fn values(&self) -> &ArrayRef {
        match self {
            Self::Array(array) => array,
            Self::Scalar { value, .. } => value,
        }
    }

    /// Whether one value stands for every row.
    #[must_use]
    pub fn is_scalar(&self) -> bool {
        matches!(self, Self::Scalar { .. })
    }

    /// The same rows as an array; repeats a scalar.
    ///
    /// # Errors
    /// Those of the repetition: offsets of more than 31 bits.
    pub fn to_array(&self) -> Result<ArrayRef> {
        match self {
            Self::Array(array) => Ok(array.clone()),
            Self::Scalar { value, row_count } => {
                let indices = UInt64Array::from_value(0, *row_count);
                Ok(arrow_select::take::take(value.as_ref(), &indices, None)?)
            }
        }
    }

    /// Rows `first .. first + row_count`.
    #[must_use]
    pub fn slice(&self, first: usize, row_count: usize) -> Self {
        match self {
            Self::Array(array) => Self::Array(array.slice(first, row_count)),
            Self::Scalar { value, .. } => Self::Scalar { value: value.clone(), row_count },
        }
    }
}

impl From<ArrayRef> for Column {
    fn from(array: ArrayRef) -> Self {
        Self::Array(array)
    }
}
