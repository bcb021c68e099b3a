// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Reading a file batch by batch: only the columns that are needed, and no further than the limit.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_ipc::reader::FileReader;
use arrow_schema::{ArrowError, SchemaRef};
use bowyer_core::{Error, Result};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::contain::contain;
use crate::fit::Fit;
use crate::footer;
use crate::format::InputFormat;
use crate::prune::{self, Bound};
use crate::stream::Stream;

/// The rows of a batch that is decoded from Parquet.
const BATCH_ROWS: usize = 65_536;

/// What a query needs of a file.
#[derive(Clone, Debug)]
pub struct Request {
    /// The columns that the batches shall have: those of the plan's input. Others of the file are left out.
    pub schema: SchemaRef,
    /// The names of those that are needed. The others need not be in the file, and hold nothing of meaning.
    pub columns: Vec<String>,
    /// How many rows are needed; all of them when absent.
    pub limit: Option<u64>,
    /// Rows outside of these bounds are not needed; a format that knows where they are leaves them out.
    pub bounds: Vec<Bound>,
}

type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// A file that is being read: an iterator of batches under the schema of its request. Its errors are
/// [`Error`]s inside [`ArrowError::ExternalError`]; after one it ends.
pub struct Scan {
    batches: Batches,
    fit: Fit,
    row_count: Option<u64>,
    left: u64,
}

impl Scan {
    /// Opens a file: Arrow IPC, file or stream, or Parquet. What it is, its first bytes tell.
    ///
    /// # Errors
    /// `Io` when the file cannot be opened or breaks off, `InvalidData` when it is of no such format or malformed; for its
    /// columns `NotFound`, `InvalidArgument` and `TypeMismatch`.
    pub fn open(path: &Path, request: &Request) -> Result<Self> {
        contain(|| Self::open_file(path, request)).map_err(|error| in_file(path, error))
    }

    fn open_file(path: &Path, request: &Request) -> Result<Self> {
        let mut file = File::open(path)?;
        match InputFormat::of(&mut file)? {
            InputFormat::IpcFile => Self::ipc_file(file, request),
            InputFormat::IpcStream => Self::ipc_stream(file, request),
            InputFormat::Parquet => Self::parquet(file, request),
        }
    }

    /// Reads an Arrow IPC stream.
    ///
    /// # Errors
    /// As [`Scan::open`].
    pub fn stream(input: impl Read + Send + 'static, request: &Request) -> Result<Self> {
        contain(|| Self::ipc_stream(input, request))
    }

    fn ipc_stream(input: impl Read + Send + 'static, request: &Request) -> Result<Self> {
        let stream = Stream::open(input)?;
        let (fit, read) = Fit::new(&stream.schema(), request)?;
        // A stream decodes all its columns: what its batches are made of cannot be skipped, only left aside.
        let batches = stream.map(move |batch| batch?.project(&read).map_err(unreadable));
        Ok(Self::new(Box::new(batches), fit, None, request))
    }

    fn ipc_file(mut file: File, request: &Request) -> Result<Self> {
        footer::check(&mut file)?;
        let probe = FileReader::try_new_buffered(file.try_clone()?, None).map_err(unreadable)?;
        let (fit, read) = Fit::new(&probe.schema(), request)?;
        let batches = FileReader::try_new_buffered(file, Some(read)).map_err(unreadable)?;
        Ok(Self::new(Box::new(batches.map(|batch| batch.map_err(unreadable))), fit, None, request))
    }

    fn parquet(file: File, request: &Request) -> Result<Self> {
        let malformed = |error: parquet::errors::ParquetError| unreadable(error.into());
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(malformed)?;
        let (fit, read) = Fit::new(builder.schema(), request)?;
        // A limit counts rows from the start of the file.
        let groups = if request.limit.is_none() { prune::row_groups(&builder, &request.bounds) } else { None };
        let all = builder.metadata().row_groups();
        let rows = |group: usize| all.get(group).map_or(0, |group| group.num_rows());
        let row_count = match &groups {
            Some(groups) => groups.iter().map(|&group| rows(group)).sum(),
            None => builder.metadata().file_metadata().num_rows(),
        };
        let row_count = u64::try_from(row_count).ok();
        let mask = ProjectionMask::roots(builder.parquet_schema(), read);
        let mut builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS);
        if let Some(groups) = groups {
            builder = builder.with_row_groups(groups);
        }
        if let Some(limit) = request.limit.and_then(|limit| usize::try_from(limit).ok()) {
            builder = builder.with_limit(limit);
        }
        let batches = builder.build().map_err(malformed)?;
        Ok(Self::new(Box::new(batches.map(|batch| batch.map_err(unreadable))), fit, row_count, request))
    }

    fn new(batches: Batches, fit: Fit, row_count: Option<u64>, request: &Request) -> Self {
        let left = request.limit.unwrap_or(u64::MAX);
        Self { batches, fit, row_count: row_count.map(|rows| rows.min(left)), left }
    }

    /// The rows that it will give, where the file says so beforehand.
    #[must_use]
    pub fn row_count(&self) -> Option<u64> {
        self.row_count
    }

    fn next_batch(&mut self) -> Option<Result<RecordBatch>> {
        if self.left == 0 {
            return None;
        }
        let batch = contain(|| self.batches.next().transpose()).transpose()?;
        let fitted = batch.and_then(|batch| {
            let rows = usize::try_from(self.left).unwrap_or(usize::MAX).min(batch.num_rows());
            self.left -= rows as u64;
            self.fit.apply(&batch.slice(0, rows))
        });
        if fitted.is_err() {
            self.left = 0;
        }
        Some(fitted)
    }
}

impl Iterator for Scan {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.next_batch()?.map_err(|error| ArrowError::ExternalError(Box::new(error))))
    }
}

impl RecordBatchReader for Scan {
    fn schema(&self) -> SchemaRef {
        self.fit.schema().clone()
    }
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan").field("fit", &self.fit).field("left", &self.left).finish_non_exhaustive()
    }
}

fn in_file(path: &Path, error: Error) -> Error {
    let mut located = Error::new(error.code(), format!("{}: {}", path.display(), error.message()));
    *located.place_mut() = error.place().clone();
    located.caused_by(error)
}

pub(crate) fn unreadable(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(message, source) => Error::io(message).caused_by(source),
        error => Error::invalid_data(format!("the file cannot be read: {error}")).caused_by(error),
    }
}

#[cfg(test)]
mod tests;
