// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Rejects: a stage that sets rows aside whose expressions fail, and where they are kept until its pipeline ends.
//!
//! The stage inside is tried on as many rows as it takes; the row that it names is left out, and the next try begins
//! small, so that many failing rows cost a try each and not a batch each. What was set aside is recorded by the pipeline,
//! which knows where rows came from, and only once the rows beside it are on their way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, UInt32Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use bowyer_core::{Error, ErrorCode, Result};

use super::{Output, Stage, TaskContext};

/// Rows of a try after a row was left out; each success doubles it.
const FIRST_TRY: usize = 64;

/// What is said of a rejected row, after its columns.
const SAID: [(&str, DataType, bool); 8] = [
    ("error_code", DataType::Utf8, false),
    ("error_message", DataType::Utf8, false),
    ("error_function", DataType::Utf8, true),
    ("error_path", DataType::Utf8, true),
    ("error_column", DataType::Utf8, true),
    ("error_input", DataType::Utf8, true),
    ("error_batch", DataType::Int64, true),
    ("error_row", DataType::Int64, true),
];

/// The schema of the rejects of rows of `rows`.
pub(crate) fn reject_schema(rows: &Schema) -> SchemaRef {
    let mut fields: Vec<_> = rows.fields().iter().cloned().collect();
    fields.extend(
        SAID.iter().map(|(name, data_type, nullable)| Arc::new(Field::new(*name, data_type.clone(), *nullable))),
    );
    Arc::new(Schema::new(fields))
}

/// How many rows may be rejected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RejectLimit {
    pub(crate) share: Option<f64>,
    pub(crate) rows: Option<u64>,
}

/// A row that was left out, and why.
pub(crate) struct Rejected {
    pub(crate) row: usize,
    pub(crate) error: Error,
    /// The row that it came from of the batch that its pipeline took up, where that is known.
    pub(crate) source: Option<usize>,
}

/// Rejected rows of one relation.
pub(crate) struct RejectSink {
    name: String,
    path: String,
    schema: SchemaRef,
    limit: RejectLimit,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// With the position of their morsel.
    batches: Vec<(u64, RecordBatch)>,
    seen: u64,
    rejected: u64,
}

impl RejectSink {
    pub(crate) fn new(name: &str, path: &str, rows: &Schema, limit: RejectLimit) -> Self {
        let schema = reject_schema(rows);
        Self { name: name.to_owned(), path: path.to_owned(), schema, limit, kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what was left out of a batch, in the place of the morsel that it came from.
    pub(crate) fn add(&self, sequence: u64, batch: &RecordBatch, rejected: &[Rejected]) -> Result<()> {
        let rows = if rejected.is_empty() { None } else { Some(self.batch_of(batch, rejected)?) };
        let mut kept = self.kept();
        kept.seen += batch.num_rows() as u64;
        kept.rejected += rejected.len() as u64;
        kept.batches.extend(rows.map(|rows| (sequence, rows)));
        match self.limit.rows {
            Some(most) if kept.rejected > most => Err(self.too_many(kept.rejected, kept.seen, &format!("{most} rows"))),
            _ => Ok(()),
        }
    }

    /// All that was kept, in the order of the rows.
    pub(crate) fn take(&self) -> Result<Vec<RecordBatch>> {
        let mut kept = std::mem::take(&mut *self.kept());
        let too_large = |share: f64| kept.rejected as f64 > share * kept.seen as f64;
        if let Some(share) = self.limit.share.filter(|&share| too_large(share)) {
            return Err(self.too_many(kept.rejected, kept.seen, &format!("a share of {share}")));
        }
        kept.batches.sort_by_key(|(sequence, _)| *sequence);
        Ok(kept.batches.into_iter().map(|(_, batch)| batch).collect())
    }

    fn too_many(&self, rejected: u64, seen: u64, most: &str) -> Error {
        let name = &self.name;
        Error::limit_exceeded(format!("{rejected} of {seen} rows went to {name:?}, which takes at most {most}"))
            .at_path(self.path.clone())
    }

    fn batch_of(&self, batch: &RecordBatch, rejected: &[Rejected]) -> Result<RecordBatch> {
        let rows: UInt32Array = rejected.iter().map(|rejected| rejected.row as u32).collect();
        let taken = batch.columns().iter().map(|column| arrow_select::take::take(column.as_ref(), &rows, None));
        let mut columns = taken.collect::<Result<Vec<ArrayRef>, _>>()?;
        let errors = || rejected.iter().map(|rejected| &rejected.error);
        let text = |said: &dyn Fn(&Error) -> Option<String>| -> ArrayRef {
            Arc::new(errors().map(said).collect::<StringArray>())
        };
        let number = |said: &dyn Fn(&Error) -> Option<u64>| -> ArrayRef {
            Arc::new(errors().map(|error| said(error).and_then(|n| i64::try_from(n).ok())).collect::<Int64Array>())
        };
        columns.push(text(&|error| Some(error.code().name().to_owned())));
        columns.push(text(&|error| Some(error.message().to_owned())));
        columns.push(text(&|error| error.place().function.as_ref().map(ToString::to_string)));
        columns.push(text(&|error| error.place().path.clone()));
        columns.push(text(&|error| error.place().column.clone()));
        columns.push(text(&|error| error.place().input.clone()));
        columns.push(number(&|error| error.place().batch));
        columns.push(number(&|error| error.place().row));
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }
}

/// A stage whose failing rows are set aside.
pub(crate) struct Rejecting {
    inner: Arc<dyn Stage>,
    sink: Arc<RejectSink>,
}

/// A run of rows that went through.
struct Piece {
    first: usize,
    count: usize,
    result: Option<RecordBatch>,
}

impl Rejecting {
    pub(crate) fn new(inner: Arc<dyn Stage>, sink: Arc<RejectSink>) -> Self {
        Self { inner, sink }
    }

    fn pieces(&self, batch: &RecordBatch, context: &TaskContext) -> Result<(Vec<Piece>, Vec<Rejected>)> {
        let (mut pieces, mut rejected) = (Vec::new(), Vec::new());
        let (mut first, mut try_rows) = (0, batch.num_rows());
        while first < batch.num_rows() {
            let count = try_rows.min(batch.num_rows() - first);
            match self.inner.apply(batch.slice(first, count), context) {
                Ok(output) if output.rest.is_some() => {
                    return Err(Error::internal("a stage with rejects gives one batch"));
                }
                Ok(output) => {
                    pieces.push(Piece { first, count, result: output.batch });
                    first += count;
                    try_rows = try_rows.saturating_mul(2);
                }
                Err(error) => match failing_row(&error).filter(|&row| row < count) {
                    Some(0) => {
                        rejected.push(Rejected { row: first, error, source: None });
                        first += 1;
                        try_rows = FIRST_TRY;
                    }
                    // Those before it may fail in another place.
                    Some(row) => try_rows = row,
                    None => return Err(error),
                },
            }
            context.check()?;
        }
        Ok((pieces, rejected))
    }

    fn joined(&self, pieces: Vec<Piece>) -> Result<Output> {
        let mut results: Vec<RecordBatch> = pieces.into_iter().filter_map(|piece| piece.result).collect();
        let batch = match results.len() {
            0 | 1 => results.pop(),
            _ => Some(arrow_select::concat::concat_batches(&self.inner.schema(), &results)?),
        };
        Ok(Output { batch, rest: None })
    }
}

/// The row to blame, when it is the data's fault.
fn failing_row(error: &Error) -> Option<usize> {
    let of_the_query = matches!(
        error.code(),
        ErrorCode::MemoryLimit | ErrorCode::Cancelled | ErrorCode::DeadlineExceeded | ErrorCode::Internal
    );
    error.place().row.filter(|_| !of_the_query).and_then(|row| usize::try_from(row).ok())
}

impl Stage for Rejecting {
    fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }

    fn apply(&self, batch: RecordBatch, context: &TaskContext) -> Result<Output> {
        let (pieces, _) = self.pieces(&batch, context)?;
        self.joined(pieces)
    }

    fn trace(&self, input: &RecordBatch, output_row: usize, context: &TaskContext) -> Result<usize> {
        let (pieces, _) = self.pieces(input, context)?;
        let mut before = 0;
        for piece in pieces {
            let rows = piece.result.as_ref().map_or(0, RecordBatch::num_rows);
            if output_row < before + rows {
                let part = input.slice(piece.first, piece.count);
                return Ok(piece.first + self.inner.trace(&part, output_row - before, context)?);
            }
            before += rows;
        }
        Err(Error::internal("a row that was rejected"))
    }

    fn apply_rejecting(
        &self,
        batch: RecordBatch,
        rejected: &mut Vec<Rejected>,
        context: &TaskContext,
    ) -> Result<Output> {
        let (pieces, left_out) = self.pieces(&batch, context)?;
        rejected.extend(left_out);
        self.joined(pieces)
    }

    fn rejects(&self) -> Option<&Arc<RejectSink>> {
        Some(&self.sink)
    }
}
