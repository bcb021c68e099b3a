// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Counting what a query does, for each operator: relaxed atomics, added to once a morsel.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arrow_array::{Array, RecordBatch};
use bowyer_core::{Error, Result};

use crate::proto;
use crate::query::OutputLimit;

/// The counters of a query.
#[derive(Default)]
pub(crate) struct Counters {
    operators: Vec<Operator>,
    input: Flow,
    output: Flow,
    cpu_ns: AtomicU64,
    panics: AtomicU64,
}

#[derive(Default)]
struct Operator {
    path: String,
    input: Flow,
    output: Flow,
    cpu_ns: AtomicU64,
}

#[derive(Default)]
struct Flow {
    rows: AtomicU64,
    batches: AtomicU64,
    bytes: AtomicU64,
}

impl Flow {
    fn add(&self, rows: u64, batches: u64, bytes: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.batches.fetch_add(batches, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Counters {
    /// Counters for operators of these paths.
    pub(crate) fn new(paths: Vec<String>) -> Self {
        let operators = paths.into_iter().map(|path| Operator { path, ..Operator::default() }).collect();
        Self { operators, ..Self::default() }
    }

    /// An operator took a batch or gave one, or both.
    pub(crate) fn record(
        &self,
        index: usize,
        input: Option<&RecordBatch>,
        output: Option<&RecordBatch>,
        started: Instant,
    ) {
        let Some(operator) = self.operators.get(index) else { return };
        if let Some(input) = input {
            operator.input.add(input.num_rows() as u64, 1, 0);
        }
        if let Some(output) = output {
            operator.output.add(output.num_rows() as u64, 1, 0);
        }
        operator.cpu_ns.fetch_add(nanoseconds(started.elapsed()), Ordering::Relaxed);
    }

    /// An operator gave rows.
    pub(crate) fn emitted(&self, index: usize, rows: u64, batches: u64, started: Instant) {
        if let Some(operator) = self.operators.get(index) {
            operator.output.add(rows, batches, 0);
            operator.cpu_ns.fetch_add(nanoseconds(started.elapsed()), Ordering::Relaxed);
        }
    }

    /// An operator worked since `started`.
    pub(crate) fn spend(&self, index: usize, started: Instant) {
        if let Some(operator) = self.operators.get(index) {
            operator.cpu_ns.fetch_add(nanoseconds(started.elapsed()), Ordering::Relaxed);
        }
    }

    /// The path of an operator.
    pub(crate) fn path(&self, index: usize) -> Option<&str> {
        self.operators.get(index).map(|operator| operator.path.as_str())
    }

    /// A task ran.
    pub(crate) fn add_cpu(&self, elapsed: Duration) {
        self.cpu_ns.fetch_add(nanoseconds(elapsed), Ordering::Relaxed);
    }

    /// A task panicked.
    pub(crate) fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    /// How many tasks panicked.
    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// The query read rows of an input.
    pub(crate) fn read(&self, batch: &RecordBatch) {
        self.input.add(batch.num_rows() as u64, 1, byte_len(batch));
    }

    /// The query hands rows out.
    ///
    /// # Errors
    /// `LimitExceeded` when all that it handed out would then be more than the limit; they do not count.
    pub(crate) fn hand_out(&self, batch: &RecordBatch, limit: OutputLimit) -> Result<()> {
        let (rows, bytes) = (batch.num_rows() as u64, byte_len(batch));
        // Added before it is compared: of two outputs that are read at once, one sees the sum.
        let all_rows = self.output.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        let all_bytes = self.output.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        for (given, limit, what) in [(all_rows, limit.rows, "rows"), (all_bytes, limit.bytes, "bytes")] {
            if let Some(limit) = limit.filter(|&limit| given > limit) {
                self.output.rows.fetch_sub(rows, Ordering::Relaxed);
                self.output.bytes.fetch_sub(bytes, Ordering::Relaxed);
                let message = format!("the output has {given} {what} so far, more than its limit of {limit}");
                return Err(Error::limit_exceeded(message));
            }
        }
        self.output.batches.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// What was counted so far; the caller adds names, memory and time.
    pub(crate) fn snapshot(&self) -> proto::QueryStatistics {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        proto::QueryStatistics {
            rows_in: get(&self.input.rows),
            batches_in: get(&self.input.batches),
            bytes_in: get(&self.input.bytes),
            rows_out: get(&self.output.rows),
            batches_out: get(&self.output.batches),
            bytes_out: get(&self.output.bytes),
            cpu_ns: get(&self.cpu_ns),
            operators: self
                .operators
                .iter()
                .map(|operator| proto::OperatorStatistics {
                    path: operator.path.clone(),
                    rows_in: get(&operator.input.rows),
                    rows_out: get(&operator.output.rows),
                    batches_in: get(&operator.input.batches),
                    batches_out: get(&operator.output.batches),
                    cpu_ns: get(&operator.cpu_ns),
                    ..proto::OperatorStatistics::default()
                })
                .collect(),
            ..proto::QueryStatistics::default()
        }
    }
}

/// The bytes that the rows of a batch take, not those of the buffers that they lie in.
fn byte_len(batch: &RecordBatch) -> u64 {
    let sizes = batch.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or(0) as u64);
    sizes.sum()
}

pub(crate) fn nanoseconds(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}
