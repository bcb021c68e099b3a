// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Which rows of a frame count for an aggregate: those that its filter chooses, and of equal arguments one.
//!
//! Where frames begin with their partition, a value's first row of the partition is its first row of every frame that has
//! it: then distinct is a choice of rows too. In other frames values are told apart frame by frame.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use arrow_schema::DataType;
use bowyer_core::Result;
use bowyer_core::group::GroupTable;
use bowyer_core::keys::KeyOptions;

use super::arrangement::Arrangement;
use super::frame::{Exclusion, Frame};
use crate::operators::TaskContext;

/// Rows that are numbered before anybody asks whether to go on.
const STRIP_ROWS: usize = 1 << 16;

/// The rows that count, by their numbers in the input.
#[derive(Default)]
pub(super) struct Counted {
    /// The chosen ones; all without it.
    chosen: Option<BooleanBuffer>,
    /// The number of each row's values, if those of a frame count once.
    values: Option<Vec<u32>>,
}

/// The values that were met in a frame.
#[derive(Default)]
pub(super) struct Met {
    frame: u32,
    /// For each value, the frame that it was last met in.
    last: Vec<u32>,
}

impl Met {
    /// Goes on to another frame.
    pub(super) fn forget(&mut self) {
        self.frame = self.frame.wrapping_add(1);
        if self.frame == 0 {
            self.last.clear();
            self.frame = 1;
        }
    }

    /// Whether a value is new in this frame.
    fn is_new(&mut self, value: u32) -> bool {
        let value = value as usize;
        if value >= self.last.len() {
            self.last.resize(value + 1, 0);
        }
        std::mem::replace(&mut self.last[value], self.frame) != self.frame
    }
}

impl Counted {
    /// Rows for which a filter is true.
    pub(super) fn new(filter: Option<&ArrayRef>) -> Self {
        let chosen = filter.map(|filter| match filter.as_boolean_opt() {
            Some(filter) => match filter.nulls() {
                Some(nulls) => filter.values() & nulls.inner(),
                None => filter.values().clone(),
            },
            // Of type null.
            None => BooleanBuffer::new_unset(filter.len()),
        });
        Self { chosen, values: None }
    }

    /// Of these rows, those that are the first with their arguments in a frame.
    pub(super) fn distinct(
        self,
        arguments: &[ArrayRef],
        frame: &Frame,
        arranged: &Arrangement,
        context: &TaskContext,
    ) -> Result<Self> {
        let values = numbered(arguments, context)?;
        if frame.start.is_some() || frame.exclusion != Exclusion::Nothing {
            return Ok(Self { values: Some(values), ..self });
        }
        let mut chosen = BooleanBufferBuilder::new(values.len());
        chosen.append_n(values.len(), false);
        let mut met = Met::default();
        for chunk in &arranged.chunks {
            chunk.each(context, |partition| {
                met.forget();
                for &row in partition.rows {
                    let row = row as usize;
                    if self.chosen.as_ref().is_none_or(|chosen| chosen.value(row)) && met.is_new(values[row]) {
                        chosen.set_bit(row, true);
                    }
                }
                Ok(())
            })?;
        }
        Ok(Self { chosen: Some(chosen.finish()), values: None })
    }

    /// Whether values have to be told apart frame by frame.
    pub(super) fn is_distinct(&self) -> bool {
        self.values.is_some()
    }

    /// The rows that count in every frame; all without.
    pub(super) fn chosen(&self) -> Option<&BooleanBuffer> {
        self.chosen.as_ref()
    }

    /// Adds to `out` those of a frame's `rows` that count.
    pub(super) fn extend(&self, out: &mut Vec<u32>, rows: &[u32], met: &mut Met) {
        match (&self.chosen, &self.values) {
            (None, None) => out.extend_from_slice(rows),
            (chosen, values) => out.extend(rows.iter().copied().filter(|&row| {
                chosen.as_ref().is_none_or(|chosen| chosen.value(row as usize))
                    && values.as_ref().is_none_or(|values| met.is_new(values[row as usize]))
            })),
        }
    }
}

/// A number for each row, the same for rows with equal values.
fn numbered(columns: &[ArrayRef], context: &TaskContext) -> Result<Vec<u32>> {
    let types: Vec<DataType> = columns.iter().map(|column| column.data_type().clone()).collect();
    let mut table = GroupTable::new(&types, KeyOptions::default(), &context.memory)?;
    let row_count = columns.first().map_or(0, |column| column.len());
    let (mut numbers, mut strip_numbers) = (Vec::with_capacity(row_count), Vec::new());
    for first in (0..row_count).step_by(STRIP_ROWS) {
        context.check()?;
        let count = STRIP_ROWS.min(row_count - first);
        let strip: Vec<ArrayRef> = columns.iter().map(|column| column.slice(first, count)).collect();
        table.insert(&strip, count, &mut strip_numbers)?;
        numbers.extend_from_slice(&strip_numbers);
    }
    Ok(numbers)
}
