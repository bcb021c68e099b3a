// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A query from outside: bound, fed, read, stopped. No call here waits.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bowyer_core::{Error, Result};

use crate::analysis;
use crate::engine::Inner;
use crate::pipeline::state::QueryState;
use crate::proto;
use crate::reading::conform;
use crate::statistics::nanoseconds;

/// What a query tells its owner. Called from any thread, which it must not hold up; at most once until the owner has
/// asked again.
pub trait Notify: Send + Sync {
    /// An output that had nothing has something: a batch, its end or an error.
    fn output_ready(&self, output: u32);
    /// An input may be pushed `credits` more batches.
    fn input_wanted(&self, input: u32, credits: u32);
}

/// Batches of one schema that many queries can read: a table.
#[derive(Debug)]
pub struct Source {
    schema: SchemaRef,
    batches: RwLock<Vec<RecordBatch>>,
}

impl Source {
    /// An empty table.
    #[must_use]
    pub fn new(schema: SchemaRef) -> Self {
        Self { schema, batches: RwLock::default() }
    }

    /// Its schema.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Adds a batch. Queries that have started do not see it.
    ///
    /// # Errors
    /// `TypeMismatch` when the batch has another schema.
    pub fn push(&self, batch: RecordBatch) -> Result<()> {
        let batch = conform(batch, &self.schema)?;
        self.batches.write().unwrap_or_else(PoisonError::into_inner).push(batch);
        Ok(())
    }

    /// What it holds now.
    #[must_use]
    pub fn batches(&self) -> Vec<RecordBatch> {
        self.batches.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What an input is bound to.
#[derive(Clone, Debug)]
pub enum InputBinding {
    /// A table.
    Source(Arc<Source>),
    /// Batches that are pushed while the query runs.
    Pushed,
}

/// What a query reads and how it runs.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    /// Inputs by name.
    pub inputs: Vec<(String, InputBinding)>,
    /// Parameters by name.
    pub parameters: Vec<(String, proto::Literal)>,
    /// The most rows of a result batch; the engine's when absent.
    pub batch_rows: Option<usize>,
    /// The query's own memory limit in bytes.
    pub memory_limit: Option<u64>,
    /// How long it may run.
    pub timeout: Option<Duration>,
    /// How much its outputs may have together; where it says nothing, the engine's.
    pub output_limit: OutputLimit,
    /// Its name in errors and statistics.
    pub query_id: String,
}

/// How much the outputs of a query may have together: a batch that goes past it is not handed out, and the query fails
/// with `LimitExceeded`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Rows.
    pub rows: Option<u64>,
    /// Bytes that the rows take.
    pub bytes: Option<u64>,
}

impl OutputLimit {
    /// What this one says, and where it says nothing what the other one does.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { rows: self.rows.or(other.rows), bytes: self.bytes.or(other.bytes) }
    }
}

/// What an output has.
#[derive(Debug)]
pub enum Next {
    /// Rows.
    Batch(RecordBatch),
    /// Nothing yet; [`Notify::output_ready`] follows.
    Pending,
    /// Nothing any more.
    End,
}

/// A query that runs until it is dropped.
pub struct Query {
    state: Arc<QueryState>,
    /// Keeps the threads running while the query is held.
    _engine: Arc<Inner>,
}

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Query").field("query_id", &self.state.query_id).finish_non_exhaustive()
    }
}

impl Query {
    pub(crate) fn new(state: Arc<QueryState>, engine: Arc<Inner>) -> Self {
        state.start();
        Self { state, _engine: engine }
    }

    /// Gives a batch to an input that asked for one.
    ///
    /// # Errors
    /// `TypeMismatch` for another schema, `InvalidState` without a credit or after the input's end, and the query's own
    /// error once it has failed.
    pub fn push(&self, input: u32, batch: RecordBatch) -> Result<()> {
        self.state.push(input, batch)
    }

    /// Ends an input; with an error, the query fails with it when it comes to that place.
    ///
    /// # Errors
    /// `NotFound` when the plan has no such input.
    pub fn finish(&self, input: u32, why: Option<Error>) -> Result<()> {
        self.state.end_input(input, why)
    }

    /// The next batch of an output, if it is there.
    ///
    /// # Errors
    /// The error that the query failed with, each time.
    pub fn next(&self, output: u32) -> Result<Next> {
        self.state.next(output)
    }

    /// Looks at the clock: a query that nobody feeds or reads fails here once its deadline has passed.
    ///
    /// # Errors
    /// The error that the query failed with.
    pub fn check(&self) -> Result<()> {
        self.state.refuse_when_over()
    }

    /// Stops the query: what reads it gets `Cancelled`.
    pub fn cancel(&self) {
        self.state.fail(Error::cancelled("the caller cancelled"));
    }

    /// What it did so far.
    #[must_use]
    pub fn statistics(&self) -> proto::QueryStatistics {
        let state = &self.state;
        let elapsed = state.elapsed.get().copied().unwrap_or_else(|| state.started.elapsed());
        let mut counted = state.counters.snapshot();
        for pipeline in &state.pipelines {
            for (counter, (bytes, files)) in pipeline.spilled() {
                counted.spilled_bytes += bytes;
                counted.spilled_files += files;
                if let Some(operator) = counter.and_then(|index| counted.operators.get_mut(index)) {
                    operator.spilled_bytes += bytes;
                    operator.spilled_files += files;
                }
            }
        }
        for (operator, context) in counted.operators.iter_mut().zip(&state.operator_contexts) {
            operator.memory_bytes = context.memory.peak_bytes();
        }
        let mut statistics = proto::QueryStatistics {
            query_id: state.query_id.clone(),
            peak_memory_bytes: state.context.memory.peak_bytes(),
            memory_bytes: state.context.memory.used_bytes(),
            elapsed_ns: nanoseconds(elapsed),
            ..counted
        };
        statistics.analysis = analysis::text(&state.plan_lines, &statistics);
        statistics
    }
}

impl Drop for Query {
    fn drop(&mut self) {
        self.cancel();
    }
}
