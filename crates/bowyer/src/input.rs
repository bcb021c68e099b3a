// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What a plan's inputs are bound to.

use arrow_array::{RecordBatch, RecordBatchReader};

/// The rows of an input.
pub struct Input(pub(crate) Rows);

pub(crate) enum Rows {
    Batches(Vec<RecordBatch>),
    Reader(Box<dyn RecordBatchReader + Send>),
}

impl Input {
    /// A table.
    #[must_use]
    pub fn batches(batches: Vec<RecordBatch>) -> Self {
        Self(Rows::Batches(batches))
    }

    /// A reader: pulled on the thread that reads the result, only as far as the query needs.
    pub fn reader(reader: impl RecordBatchReader + Send + 'static) -> Self {
        Self(Rows::Reader(Box::new(reader)))
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Rows::Batches(batches) => f.debug_struct("Input").field("batches", &batches.len()).finish(),
            Rows::Reader(_) => f.debug_struct("Input").finish_non_exhaustive(),
        }
    }
}

impl From<Vec<RecordBatch>> for Input {
    fn from(batches: Vec<RecordBatch>) -> Self {
        Self::batches(batches)
    }
}

impl From<RecordBatch> for Input {
    fn from(batch: RecordBatch) -> Self {
        Self::batches(vec![batch])
    }
}
