// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Filter: the rows whose predicates are true.
//!
//! Predicates are asked one after the other, and one that can fail is given only the rows that those before it keep.
//! Columns that only predicates read end here, and the others are moved once, when all predicates have spoken. A batch
//! of which every row stays is passed on as it is.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_buffer::{BooleanBuffer, Buffer};
use arrow_schema::SchemaRef;
use bowyer_core::selection::Selection;
use bowyer_core::{Column, Error, Result, bits};

use super::join::DynamicFilter;
use super::{Output, Stage, TaskContext};
use crate::program::Program;

/// The rows of `columns` whose predicates are true.
pub(crate) struct Filter {
    program: Arc<Program>,
    predicates: Vec<usize>,
    columns: Vec<usize>,
    /// The columns that predicates read.
    asked: Vec<usize>,
    /// The predicates that are better asked of few rows, though they cannot fail.
    costly: Vec<usize>,
    /// What joins ask of columns of the input, when all predicates have spoken.
    dynamic: Vec<(Arc<DynamicFilter>, usize)>,
    schema: SchemaRef,
}

/// A costly predicate is asked of the rows that are left, if these are one of so many or fewer: those are taken out and
/// the answers put back. (TPC-H's question 12, which asks dates and then one of two strings, on 2 cores: 132 ms to 50.)
const COSTLY_ONE_OF: usize = 4;

/// Predicates are asked of so many rows at a time: what is computed on the way stays in the cache.
const CHUNK_ROWS: usize = 8192;

/// The rows that predicates keep.
enum Mask {
    All,
    None,
    Some(BooleanBuffer),
}

impl Mask {
    /// The rows whose value is true.
    fn of(column: &Column) -> Self {
        match column {
            Column::Scalar { value, .. } => {
                let kept = value.as_boolean_opt().is_some_and(|value| value.is_valid(0) && value.value(0));
                if kept { Self::All } else { Self::None }
            }
            Column::Array(array) => match array.as_boolean_opt() {
                None => Self::None, // a predicate of type null
                Some(array) => match array.nulls() {
                    Some(nulls) => Self::Some(array.values() & nulls.inner()),
                    None => Self::Some(array.values().clone()),
                },
            },
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, _) | (_, Self::None) => Self::None,
            (Self::All, mask) | (mask, Self::All) => mask,
            (Self::Some(one), Self::Some(other)) => Self::Some(&one & &other),
        }
    }

    fn keeps_none(&self) -> bool {
        match self {
            Self::All => false,
            Self::None => true,
            Self::Some(mask) => mask.bit_chunks().iter_padded().all(|word| word == 0),
        }
    }
}

impl Filter {
    pub(crate) fn new(program: Arc<Program>, predicates: Vec<usize>, columns: Vec<usize>, schema: SchemaRef) -> Self {
        let asked = program.columns_of(&predicates);
        let costly = predicates.iter().copied().filter(|&predicate| program.reads_text(predicate)).collect();
        Self { program, predicates, columns, asked, costly, dynamic: Vec::new(), schema }
    }

    /// A filter that lets all rows through but those that joins turn away.
    pub(crate) fn dynamic_only(schema: &SchemaRef, dynamic: Vec<(Arc<DynamicFilter>, usize)>) -> Self {
        let columns = (0..schema.fields().len()).collect();
        Self::new(Arc::default(), Vec::new(), columns, schema.clone()).with_dynamic(dynamic)
    }

    /// The same with filters from joins, by columns of its result.
    pub(crate) fn with_dynamic(self, dynamic: Vec<(Arc<DynamicFilter>, usize)>) -> Self {
        let dynamic = dynamic.into_iter().map(|(filter, column)| (filter, self.columns[column])).collect();
        Self { dynamic, ..self }
    }

    /// The rows that predicates and joins keep.
    fn mask(&self, batch: &RecordBatch, context: &TaskContext) -> Result<Mask> {
        let mut mask = self.predicates_mask(batch, context)?;
        for (filter, column) in &self.dynamic {
            let kept = match &mask {
                Mask::None => return Ok(mask),
                Mask::All => filter.apply(batch.column(*column), None),
                Mask::Some(kept) => filter.apply(batch.column(*column), Some(kept)),
            };
            if let Some(kept) = kept {
                mask = Mask::Some(kept);
            }
        }
        Ok(mask)
    }

    fn predicates_mask(&self, batch: &RecordBatch, context: &TaskContext) -> Result<Mask> {
        let row_count = batch.num_rows();
        if row_count < 2 * CHUNK_ROWS || self.asked.is_empty() {
            return self.mask_of(batch.columns(), row_count, context);
        }
        let mut words = Vec::with_capacity(row_count.div_ceil(64));
        let mut columns = batch.columns().to_vec();
        let (mut keeps_all, mut keeps_none) = (true, true);
        for first in (0..row_count).step_by(CHUNK_ROWS) {
            let rows = CHUNK_ROWS.min(row_count - first);
            for &column in &self.asked {
                columns[column] = batch.column(column).slice(first, rows);
            }
            let mask = self.mask_of(&columns, rows, context).map_err(|mut error| {
                let place = error.place_mut();
                place.row = place.row.map(|row| row + first as u64);
                error
            })?;
            keeps_all &= matches!(mask, Mask::All);
            keeps_none &= matches!(mask, Mask::None);
            match mask {
                Mask::All => words.extend((0..rows.div_ceil(64)).map(|word| bits::rows_of_word(word, rows))),
                Mask::None => words.extend(std::iter::repeat_n(0, rows.div_ceil(64))),
                Mask::Some(mask) => words.extend(bits::words(&mask)),
            }
        }
        Ok(match (keeps_all, keeps_none) {
            (true, _) => Mask::All,
            (_, true) => Mask::None,
            _ => Mask::Some(BooleanBuffer::new(Buffer::from_vec(words), 0, row_count)),
        })
    }

    fn mask_of(&self, columns: &[ArrayRef], row_count: usize, context: &TaskContext) -> Result<Mask> {
        let mut mask = Mask::All;
        for &predicate in &self.predicates {
            let value = match &mask {
                Mask::Some(kept)
                    if self.program.nodes[predicate].fallible
                        || self.costly.contains(&predicate) && kept.count_set_bits() <= row_count / COSTLY_ONE_OF =>
                {
                    self.program.evaluate_rows(predicate, columns, kept, context)?
                }
                _ => self.program.evaluate_columns(&[predicate], columns.to_vec(), row_count, context)?.pop(),
            };
            let value = value.ok_or_else(|| Error::internal("a predicate without a value"))?;
            mask = mask.and(Mask::of(&value));
            if mask.keeps_none() {
                return Ok(Mask::None);
            }
        }
        Ok(mask)
    }

    fn batch_of(&self, columns: Vec<ArrayRef>, row_count: usize) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(row_count));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?)
    }
}

impl Stage for Filter {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn apply(&self, batch: RecordBatch, context: &TaskContext) -> Result<Output> {
        let kept = self.columns.iter().map(|&column| batch.column(column));
        match self.mask(&batch, context)? {
            Mask::None => Ok(Output::default()),
            Mask::All => self.batch_of(kept.cloned().collect(), batch.num_rows()).map(Output::all),
            Mask::Some(mask) => {
                let selection = Selection::new(mask);
                if selection.is_empty() {
                    return Ok(Output::default());
                }
                if selection.is_whole() {
                    return self.batch_of(kept.cloned().collect(), batch.num_rows()).map(Output::all);
                }
                let columns = kept.map(|column| selection.apply(column, &context.memory)).collect::<Result<_>>()?;
                self.batch_of(columns, selection.row_count()).map(Output::all)
            }
        }
    }

    fn trace(&self, input: &RecordBatch, output_row: usize, context: &TaskContext) -> Result<usize> {
        match self.mask(input, context)? {
            Mask::All => Ok(output_row),
            Mask::Some(mask) if output_row < mask.count_set_bits() => {
                let row = mask.set_indices().nth(output_row);
                row.ok_or_else(|| Error::internal("a row that the filter does not keep"))
            }
            _ => Err(Error::internal("a row that the filter does not keep")),
        }
    }
}
