// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Rows by mask: one selection, applied to many columns.

use arrow_array::{ArrayRef, BooleanArray};
use arrow_buffer::BooleanBuffer;
use arrow_select::filter::{FilterBuilder, FilterPredicate};
use bowyer_core::{Memory, Result};

/// The rows that a mask keeps.
pub(crate) struct Selection {
    predicate: FilterPredicate,
    row_count: usize,
    length: usize,
}

impl Selection {
    /// The rows whose bit is set.
    pub(crate) fn new(mask: BooleanBuffer) -> Self {
        let length = mask.len();
        let mask = BooleanArray::new(mask, None);
        // Positions are found once and used for every column.
        let predicate = FilterBuilder::new(&mask).optimize().build();
        let row_count = predicate.count();
        Self { predicate, row_count, length }
    }

    /// How many rows it keeps.
    pub(crate) fn row_count(&self) -> usize {
        self.row_count
    }

    /// Whether it keeps none.
    pub(crate) fn is_empty(&self) -> bool {
        self.row_count == 0
    }

    /// Whether it keeps all.
    pub(crate) fn is_whole(&self) -> bool {
        self.row_count == self.length
    }

    /// The kept rows of a column.
    pub(crate) fn apply(&self, column: &ArrayRef, _memory: &Memory) -> Result<ArrayRef> {
        Ok(self.predicate.filter(column.as_ref())?)
    }
}
