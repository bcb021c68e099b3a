// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Unpivot: a row for each of some columns of a row, with the column's name and its value.
//!
//! The rows of one row of the input stay together, in the order of the columns, whatever the batches are.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use arrow_schema::SchemaRef;
use bowyer_core::take::{NO_ROW, Rows, concat, take};
use bowyer_core::{Error, Result};

use super::{Output, Stage, TaskContext};

/// Where a column of the result comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnpivotColumn {
    /// A column of the input, repeated.
    Plain(usize),
    /// The names of the columns.
    Variable,
    /// Their values.
    Value,
}

/// Gives a row for each of `values`.
pub(crate) struct Unpivot {
    columns: Vec<UnpivotColumn>,
    /// The columns whose values are given, and their names.
    values: Vec<usize>,
    names: ArrayRef,
    schema: SchemaRef,
}

impl Unpivot {
    pub(crate) fn new(columns: Vec<UnpivotColumn>, values: Vec<usize>, names: &[String], schema: SchemaRef) -> Self {
        let names = Arc::new(StringArray::from_iter_values(names));
        Self { columns, values, names, schema }
    }
}

impl Stage for Unpivot {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn apply(&self, batch: RecordBatch, context: &TaskContext) -> Result<Output> {
        let (row_count, width) = (batch.num_rows(), self.values.len());
        let total = row_count * width;
        if total >= NO_ROW as usize {
            return Err(Error::limit_exceeded("more than 2^32 - 2 rows from one batch"));
        }
        let memory = &context.memory;
        let chosen = |pick: &dyn Fn(u32, u32) -> u32| -> Vec<u32> {
            let rows = 0..row_count as u32;
            rows.flat_map(|row| (0..width as u32).map(move |at| (row, at))).map(|(row, at)| pick(row, at)).collect()
        };
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            columns.push(match *column {
                UnpivotColumn::Plain(column) => {
                    take(batch.column(column), Rows::new(&chosen(&|row, _| row), row_count)?, memory)?
                }
                UnpivotColumn::Variable => take(&self.names, Rows::new(&chosen(&|_, at| at), width)?, memory)?,
                UnpivotColumn::Value => {
                    let values: Vec<ArrayRef> =
                        self.values.iter().map(|&column| batch.column(column).clone()).collect();
                    let rows = chosen(&|row, at| at * row_count as u32 + row);
                    take(&concat(&values, memory)?, Rows::new(&rows, total)?, memory)?
                }
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(total));
        Ok(Output::all(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?))
    }

    fn trace(&self, _input: &RecordBatch, output_row: usize, _context: &TaskContext) -> Result<usize> {
        Ok(output_row / self.values.len().max(1))
    }
}
