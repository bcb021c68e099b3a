// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What a kernel is given.

use std::any::Any;

use arrow_array::ArrayRef;
use arrow_schema::DataType;
use bowyer_core::{Column, Error, Memory, Output, Result};

use crate::Options;

/// Writes a value for each row.
pub type Kernel = fn(&Args<'_>, &mut Output) -> Result<()>;

/// Makes an array of whole columns.
pub type VectorKernel = fn(&Args<'_>) -> Result<ArrayRef>;

/// The columns, options and compiled state of one call.
#[derive(Debug)]
pub struct Args<'a> {
    pub(crate) columns: &'a [Column],
    pub(crate) row_count: usize,
    pub(crate) options: &'a Options,
    pub(crate) state: Option<&'a (dyn Any + Send + Sync)>,
    pub(crate) output_type: &'a DataType,
    pub(crate) memory: &'a Memory,
}

impl<'a> Args<'a> {
    /// All columns. In an element-wise function each stands for [`Self::row_count`] rows.
    #[must_use]
    pub fn columns(&self) -> &'a [Column] {
        self.columns
    }

    /// Column `index`. The binding has checked that there are as many as the overload says.
    ///
    /// # Panics
    /// When there is none of that index.
    #[must_use]
    pub fn column(&self, index: usize) -> &'a Column {
        &self.columns[index]
    }

    /// Column `index` as an array of all its rows.
    ///
    /// # Errors
    /// Those of repeating a scalar.
    pub fn array(&self, index: usize) -> Result<ArrayRef> {
        self.columns[index].to_array()
    }

    /// How many rows each column of an element-wise function stands for.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.row_count
    }

    /// The options.
    #[must_use]
    pub fn options(&self) -> &'a Options {
        self.options
    }

    /// What the function's `prepare` compiled.
    ///
    /// # Errors
    /// `Internal` when it compiled nothing, or another type.
    pub fn state<T: Any>(&self) -> Result<&'a T> {
        self.state
            .and_then(|state| state.downcast_ref())
            .ok_or_else(|| Error::internal(format!("no state of type {} was prepared", std::any::type_name::<T>())))
    }

    /// The type of the result.
    #[must_use]
    pub fn output_type(&self) -> &'a DataType {
        self.output_type
    }

    /// Where the result's memory comes from.
    #[must_use]
    pub fn memory(&self) -> &'a Memory {
        self.memory
    }
}
