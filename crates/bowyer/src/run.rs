// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A running query as an iterator: the caller's thread waits and pulls readers, the engine's threads never do.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use bowyer_core::{Error, Result};
use bowyer_engine::{Bindings, Next, Notify, Prepared, Query};

use crate::expression::Literal;

/// What a query did: rows, bytes, memory and time, of each operator too.
pub type Statistics = bowyer_engine::proto::QueryStatistics;

/// How a query runs.
#[derive(Clone, Debug, Default)]
pub struct QueryOptions {
    /// Values of the plan's parameters.
    pub parameters: Vec<(String, Literal)>,
    /// The most rows of a result batch.
    pub batch_rows: Option<usize>,
    /// The query's own memory limit.
    pub memory_limit_bytes: Option<u64>,
    /// The most rows that its outputs may have together; the engine's when absent.
    pub max_output_rows: Option<u64>,
    /// The most bytes that those rows may take.
    pub max_output_bytes: Option<u64>,
    /// How long it may run.
    pub timeout: Option<Duration>,
    /// Its name in errors and statistics.
    pub query_id: String,
}

type Reader = Box<dyn RecordBatchReader + Send>;

/// The result of a query, batch by batch. Dropping it cancels the query.
pub struct Rows {
    query: Query,
    schema: SchemaRef,
    outputs: Vec<String>,
    signal: Arc<Signal>,
    readers: Vec<Option<Reader>>,
    ended: bool,
}

/// What the engine has said and the reader has not yet heard.
#[derive(Default)]
struct Signal {
    heard: Mutex<Heard>,
    changed: Condvar,
}

#[derive(Default)]
struct Heard {
    ready: bool,
    credits: Vec<(u32, u32)>,
}

impl Signal {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notify for Signal {
    fn output_ready(&self, _output: u32) {
        self.heard().ready = true;
        self.changed.notify_one();
    }

    fn input_wanted(&self, input: u32, credits: u32) {
        self.heard().credits.push((input, credits));
        self.changed.notify_one();
    }
}

impl Rows {
    pub(crate) fn start(prepared: &Prepared, bindings: Bindings, readers: Vec<Option<Reader>>) -> Result<Self> {
        let signal = Arc::new(Signal::default());
        let schema = prepared.outputs().first().map(|(_, schema)| schema.clone());
        let schema = schema.ok_or_else(|| Error::internal("a plan without an output"))?;
        let outputs = prepared.outputs().iter().map(|(name, _)| name.clone()).collect();
        let query = prepared.start(bindings, signal.clone())?;
        Ok(Self { query, schema, outputs, signal, readers, ended: false })
    }

    /// The schema of its batches.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What the query did so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.query.statistics()
    }

    /// Stops the query; the iterator then ends with `Cancelled`.
    pub fn cancel(&self) {
        self.query.cancel();
    }

    /// All rows of another output, as those of [`Plan::rejects`](crate::Plan::rejects). To be asked when the iterator has
    /// ended: the query runs only as far as its result is read.
    ///
    /// # Errors
    /// `NotFound` for a name that the plan does not have, `InvalidState` before the end, and the query's own error.
    pub fn output(&mut self, name: &str) -> Result<Vec<RecordBatch>> {
        let index = self.outputs.iter().skip(1).position(|known| known == name);
        let index = index.ok_or_else(|| Error::not_found(format!("there is no other output {name:?}")))?;
        if !self.ended {
            return Err(Error::invalid_state("another output is read when the result has ended"));
        }
        let mut batches = Vec::new();
        while let Some(batch) = self.next_of(index as u32 + 1)? {
            batches.push(batch);
        }
        Ok(batches)
    }

    fn next_of(&mut self, output: u32) -> Result<Option<RecordBatch>> {
        loop {
            match self.query.next(output)? {
                Next::Batch(batch) => return Ok(Some(batch)),
                Next::End => return Ok(None),
                Next::Pending => self.attend()?,
            }
        }
    }

    /// Waits for word of the engine, and pushes the batches that it asks for.
    fn attend(&mut self) -> Result<()> {
        let signal = self.signal.clone();
        let credits = {
            let mut heard = signal.heard();
            while !heard.ready && heard.credits.is_empty() {
                heard = signal.changed.wait(heard).unwrap_or_else(PoisonError::into_inner);
            }
            heard.ready = false;
            std::mem::take(&mut heard.credits)
        };
        for (input, count) in credits {
            for _ in 0..count {
                if !self.pull(input)? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Pushes one batch of a reader, or its end; says whether there may be more.
    fn pull(&mut self, input: u32) -> Result<bool> {
        let slot = self.readers.get_mut(input as usize);
        let Some(slot) = slot else { return Ok(false) };
        match slot.as_mut().and_then(Iterator::next) {
            Some(Ok(batch)) => self.query.push(input, batch).map(|()| true),
            Some(Err(error)) => {
                *slot = None;
                self.query.finish(input, Some(of_reader(error))).map(|()| false)
            }
            None => {
                *slot = None;
                self.query.finish(input, None).map(|()| false)
            }
        }
    }
}

/// The error of a reader: its own where it is one of ours.
fn of_reader(error: ArrowError) -> Error {
    match error {
        ArrowError::ExternalError(error) => match error.downcast::<Error>() {
            Ok(error) => *error,
            Err(error) => failed_reader(ArrowError::ExternalError(error)),
        },
        error => failed_reader(error),
    }
}

fn failed_reader(error: ArrowError) -> Error {
    Error::user_function(format!("the reader failed: {error}")).caused_by(error)
}

impl Iterator for Rows {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let batch = self.next_of(0).transpose();
        self.ended = !matches!(batch, Some(Ok(_)));
        batch
    }
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("schema", &self.schema).field("query", &self.query).finish_non_exhaustive()
    }
}
