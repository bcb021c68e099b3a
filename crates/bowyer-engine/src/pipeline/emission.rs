// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Results in the order of the source: held back until those before them are there, cut to a range of rows.
//!
//! An error takes its place in that order. What a limit has already satisfied never sees it.

use arrow_array::RecordBatch;
use bowyer_core::{Error, Memory, Result};

use super::channel::{Channel, Item};
use super::lineage::Lineage;
use super::{Pipeline, Progress, Sink};
use crate::failure::copy_error;

/// What came of a morsel: a result, and the error that ended it.
pub(super) struct Outcome {
    pub(super) batch: Option<(RecordBatch, Lineage)>,
    pub(super) error: Option<Error>,
    /// Nothing more comes of it.
    pub(super) last: bool,
}

/// What came of a morsel whose turn it is not.
#[derive(Default)]
pub(super) struct Waiting {
    batches: Vec<(RecordBatch, Lineage)>,
    error: Option<Error>,
    last: bool,
}

/// What an emission did.
#[derive(Default)]
pub(super) struct Emitted {
    pub(super) rows: u64,
    pub(super) batches: u64,
    /// The sink wants no more.
    pub(super) stopped: bool,
}

impl Pipeline {
    /// Puts a result in its place and passes on all that is in order.
    pub(super) fn emit(
        &self,
        progress: &mut Progress,
        channels: &[Channel],
        sequence: u64,
        outcome: Outcome,
        memory: &Memory,
    ) -> Result<Emitted> {
        let (targets, offset, count) = match &self.sink {
            Sink::Ordered { channels, offset, count } => (channels, *offset, *count),
            Sink::Breaker { channels, .. } => (channels, 0, None),
        };
        let mut emitted = Emitted::default();
        if progress.stopped {
            emitted.stopped = true;
            return Ok(emitted);
        }
        let waiting = progress.reorder.entry(sequence).or_default();
        waiting.batches.extend(outcome.batch);
        waiting.error = outcome.error;
        waiting.last = outcome.last;
        while let Some(waiting) = progress.reorder.remove(&progress.emitted) {
            if waiting.last {
                progress.emitted += 1;
            }
            for (batch, lineage) in waiting.batches {
                if let Some((batch, lineage)) = progress.cut(batch, lineage, offset, count) {
                    emitted.rows += batch.num_rows() as u64;
                    emitted.batches += 1;
                    send(&batch, &lineage, targets, channels, memory)?;
                }
            }
            let satisfied = count.is_some_and(|count| progress.taken >= count);
            if let Some(error) = waiting.error.filter(|_| !satisfied) {
                for &target in targets {
                    channels[target].push(Item::Failed(copy_error(&error)));
                }
                progress.stop();
            }
            if satisfied || targets.iter().all(|&target| channels[target].is_closed()) {
                progress.stop();
            }
            if progress.stopped {
                emitted.stopped = true;
                break;
            }
            if !waiting.last {
                break;
            }
        }
        Ok(emitted)
    }
}

impl Progress {
    /// The rows of a batch that lie in the range.
    fn cut(
        &mut self,
        batch: RecordBatch,
        lineage: Lineage,
        offset: u64,
        count: Option<u64>,
    ) -> Option<(RecordBatch, Lineage)> {
        let rows = batch.num_rows() as u64;
        let skip = (offset - self.skipped).min(rows);
        self.skipped += skip;
        let keep = count.map_or(rows - skip, |count| (count - self.taken).min(rows - skip));
        self.taken += keep;
        if keep == 0 {
            return None;
        }
        if keep == rows {
            return Some((batch, lineage));
        }
        // Both are at most the rows of one batch.
        let (skip, keep) = (skip as usize, keep as usize);
        Some((batch.slice(skip, keep), lineage.skip(skip)))
    }

    /// Takes no more from the source and forgets what has not been passed on.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
        self.source_ended = true;
        self.current = None;
        self.results = None;
        self.reorder.clear();
        self.aside.clear();
    }

    /// How many results wait for their turn beyond one for each morsel.
    pub(super) fn held_back(&self) -> u64 {
        self.reorder.values().map(|waiting| (waiting.batches.len() as u64).saturating_sub(1)).sum()
    }
}

fn send(
    batch: &RecordBatch,
    lineage: &Lineage,
    targets: &[usize],
    channels: &[Channel],
    memory: &Memory,
) -> Result<()> {
    for &target in targets {
        let channel = &channels[target];
        if channel.is_closed() {
            continue;
        }
        let charge = if channel.unbounded { Some(memory.charge(batch.get_array_memory_size())?) } else { None };
        channel.push(Item::Batch(batch.clone(), lineage.clone(), charge));
    }
    Ok(())
}
