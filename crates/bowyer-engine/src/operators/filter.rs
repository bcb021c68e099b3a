// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Filter: the rows whose predicate is true.
//!
//! Columns that only the predicate reads end here. A batch of which every row stays is passed on as it is.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_buffer::BooleanBuffer;
use arrow_schema::SchemaRef;
use bowyer_core::selection::Selection;
use bowyer_core::{Column, Error, Result};

use super::{Output, Stage, TaskContext};
use crate::program::Program;

/// The rows of `columns` whose predicate is true.
pub(crate) struct Filter {
    program: Arc<Program>,
    predicate: usize,
    columns: Vec<usize>,
    schema: SchemaRef,
}

/// The rows that a predicate keeps.
enum Mask {
    All,
    None,
    Some(BooleanBuffer),
}

impl Filter {
    pub(crate) fn new(program: Arc<Program>, predicate: usize, columns: Vec<usize>, schema: SchemaRef) -> Self {
        Self { program, predicate, columns, schema }
    }

    fn mask(&self, batch: &RecordBatch, context: &TaskContext) -> Result<Mask> {
        let values = self.program.evaluate(&[self.predicate], batch, context)?;
        let column = values.into_iter().next().ok_or_else(|| Error::internal("a predicate without a value"))?;
        Ok(match column {
            Column::Scalar { value, .. } => {
                let kept = value.as_boolean_opt().is_some_and(|value| value.is_valid(0) && value.value(0));
                if kept { Mask::All } else { Mask::None }
            }
            Column::Array(array) => match array.as_boolean_opt() {
                None => Mask::None, // a predicate of type null
                Some(array) => match array.nulls() {
                    Some(nulls) => Mask::Some(array.values() & nulls.inner()),
                    None => Mask::Some(array.values().clone()),
                },
            },
        })
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
