// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The first rows of an order, while input goes on coming: a threshold that later rows must not be past. Its codes are
//! the same in every batch, whatever values that has.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, UInt64Array};
use bowyer_core::take::{Rows, take};
use bowyer_core::{Error, Result};

use super::Order;
use super::layout::Element;
use super::runs::positioned;
use crate::operators::TaskContext;

/// A task with a limit gathers at least so many rows before it drops those past the limit.
const GATHERED_ROWS: usize = 1 << 16;
/// The bits of a row's number below codes that are the same in every batch.
pub(super) const ID_BITS: u32 = 32;

/// Whether a task holds so many rows that it should drop those past the limit.
pub(super) fn is_full(row_count: usize, limit: usize) -> bool {
    row_count > limit.saturating_mul(2).max(GATHERED_ROWS)
}

impl Order {
    /// The codes of a batch's only row.
    pub(super) fn codes_of(&self, row: &RecordBatch) -> Result<i128> {
        let mut elements = [i128::of(0)];
        if row.num_rows() != elements.len() {
            return Err(Error::internal("one row is one row"));
        }
        self.layout.write(row, &mut elements, ID_BITS);
        Ok(elements[0].codes(ID_BITS))
    }

    /// The rows of `batch` that are not past the threshold, with their positions: its first row stands at `first`.
    pub(super) fn promising(
        &self,
        batch: &RecordBatch,
        first: u64,
        worst: Option<i128>,
        context: &TaskContext,
    ) -> Result<RecordBatch> {
        let Some(worst) = worst else { return positioned(batch, first, &self.positioned, &context.memory) };
        let mut elements: Vec<i128> = (0..batch.num_rows() as u32).map(i128::of).collect();
        self.layout.write(batch, &mut elements, ID_BITS);
        let good = elements.iter().filter(|element| element.codes(ID_BITS) <= worst);
        let rows: Vec<u32> = good.map(|element| element.id(ID_BITS)).collect();
        let places = Rows::new(&rows, batch.num_rows())?;
        let columns = batch.columns().iter().map(|column| take(column, places, &context.memory));
        let mut columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
        columns.push(Arc::new(UInt64Array::from_iter_values(rows.iter().map(|&row| first + u64::from(row)))));
        Ok(RecordBatch::try_new(self.positioned.clone(), columns)?)
    }
}
