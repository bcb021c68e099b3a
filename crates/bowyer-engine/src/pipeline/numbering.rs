// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The numbers of rows, for operators that choose by them: morsels are cut one after another, so whoever cuts one knows
//! how many rows were before it.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use bowyer_core::Result;

use super::{Pipeline, Progress};

impl Pipeline {
    /// The morsel with the number of each row as its last column, if the pipeline numbers its rows.
    pub(super) fn numbered(&self, progress: &mut Progress, morsel: RecordBatch) -> Result<RecordBatch> {
        if !self.numbers_rows {
            return Ok(morsel);
        }
        let (first, row_count) = (progress.row, morsel.num_rows());
        progress.row += row_count as u64;
        let numbers: ArrayRef = Arc::new(UInt64Array::from_iter_values(first..progress.row));
        let mut fields = morsel.schema().fields().to_vec();
        fields.push(Arc::new(Field::new("", DataType::UInt64, false)));
        let columns = morsel.columns().iter().cloned().chain([numbers]).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(row_count));
        Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
    }
}
