// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The keys of one side of a join, as the types that both sides are compared in.

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::DataType;
use bowyer_compute::{CastMode, cast};
use bowyer_core::{Column, Error, Memory, Result};

/// Key columns of a side, cast where the other side has another type.
#[derive(Clone)]
pub(crate) struct JoinKeys {
    columns: Vec<usize>,
    types: Vec<DataType>,
    /// The plan node, for errors.
    path: String,
}

impl JoinKeys {
    /// `columns` as `types`: one for each.
    pub(crate) fn new(columns: Vec<usize>, types: Vec<DataType>, path: &str) -> Self {
        Self { columns, types, path: path.to_owned() }
    }

    pub(super) fn types(&self) -> &[DataType] {
        &self.types
    }

    /// The keys of a batch. A value that its type cannot hold is an error with its row.
    pub(super) fn of(&self, batch: &RecordBatch, memory: &Memory) -> Result<Vec<ArrayRef>> {
        let key = |(&column, data_type): (&usize, &DataType)| {
            let values = batch.column(column);
            if values.data_type() == data_type {
                return Ok(values.clone());
            }
            let values = cast(&Column::Array(values.clone()), data_type, CastMode::Checked, memory);
            values.and_then(|values| values.to_array()).map_err(|error| self.located(error, batch, column))
        };
        self.columns.iter().zip(&self.types).map(key).collect()
    }

    fn located(&self, error: Error, batch: &RecordBatch, column: usize) -> Error {
        let name = batch.schema_ref().field(column).name().clone();
        error.in_function("cast").in_column(name).at_path(self.path.clone())
    }
}
