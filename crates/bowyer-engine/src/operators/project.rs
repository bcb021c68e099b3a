// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Project: computed columns, and the renaming of columns that a union needs.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;
use bowyer_core::{Column, Result};

use super::{Output, Stage, TaskContext};
use crate::program::Program;

/// A column for each of some expressions.
pub(crate) struct Project {
    program: Arc<Program>,
    /// The expressions, those evaluated for their errors alone at the end.
    roots: Vec<usize>,
    schema: SchemaRef,
}

impl Project {
    pub(crate) fn new(program: Arc<Program>, columns: &[usize], checked: &[usize], schema: SchemaRef) -> Self {
        Self { program, roots: [columns, checked].concat(), schema }
    }
}

impl Stage for Project {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn apply(&self, batch: RecordBatch, context: &TaskContext) -> Result<Output> {
        let mut values = self.program.evaluate(&self.roots, &batch, context)?;
        values.truncate(self.schema.fields().len());
        let columns = values.iter().map(Column::to_array).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(Output::all(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?))
    }

    fn trace(&self, _input: &RecordBatch, output_row: usize, _context: &TaskContext) -> Result<usize> {
        Ok(output_row)
    }
}

/// The same columns, or some of them, under other names.
pub(crate) struct Relabel {
    columns: Vec<usize>,
    schema: SchemaRef,
}

impl Relabel {
    pub(crate) fn new(columns: Vec<usize>, schema: SchemaRef) -> Self {
        Self { columns, schema }
    }
}

impl Stage for Relabel {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn apply(&self, batch: RecordBatch, _context: &TaskContext) -> Result<Output> {
        let columns = self.columns.iter().map(|&column| batch.column(column).clone()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(Output::all(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?))
    }

    fn trace(&self, _input: &RecordBatch, output_row: usize, _context: &TaskContext) -> Result<usize> {
        Ok(output_row)
    }
}
