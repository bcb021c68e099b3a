// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Pipelines: a source of batches, stages that are fused over each morsel, and a sink.
//!
//! A pipeline is driven by tasks, at most one for each thread. A task takes one morsel, runs the stages until they give
//! something, feeds the sink and spawns its successor; when there is nothing to take or no room for results, it ends, and
//! whoever changes that (a push, a read) schedules the pipeline again. So no thread ever waits. A pipeline that ends in a
//! breaker goes on with the breaker's results as its source, as far as there is room for them. [`task`] drives, [`run`]
//! goes through the stages, [`emission`] orders results, [`channel`] joins pipelines.

pub(crate) mod channel;
mod emission;
pub(crate) mod lineage;
mod numbering;
mod run;
pub(crate) mod state;
mod task;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::RecordBatch;
use bowyer_core::Error;

use crate::operators::reject::RejectSink;
use crate::operators::{Breaker, LocalState, Results, Stage};
use crate::spill::Spilled;
use channel::{Channel, Popped};
use emission::Waiting;
use lineage::Lineage;
use run::Run;

/// Where a pipeline's batches come from.
pub(crate) enum Source {
    /// Batches that are there when the query starts.
    Table { input: Option<u32>, batches: Vec<RecordBatch> },
    /// Channels, one after the other.
    Channels(Vec<usize>),
}

/// Where a pipeline's results go.
pub(crate) enum Sink {
    /// To channels, in the order of the source; a range of the rows.
    Ordered { channels: Vec<usize>, offset: u64, count: Option<u64> },
    /// Into an operator that needs all rows, and from there to channels.
    Breaker { breaker: Arc<dyn Breaker>, channels: Vec<usize> },
}

impl Sink {
    pub(crate) fn channels(&self) -> &[usize] {
        match self {
            Self::Ordered { channels, .. } | Self::Breaker { channels, .. } => channels,
        }
    }
}

/// A pipeline of one query.
pub(crate) struct Pipeline {
    pub(crate) source: Source,
    /// The columns of the source's batches that are read.
    pub(crate) columns: Option<Vec<usize>>,
    /// Whether morsels carry the number of each row as their last column.
    pub(crate) numbers_rows: bool,
    pub(crate) stages: Arc<[Arc<dyn Stage>]>,
    /// Whether every stage gives row `i` for row `i`.
    pub(crate) preserves_rows: bool,
    /// Whether its last stage keeps something between batches: one task at a time then.
    pub(crate) serial: bool,
    /// Where rows go that stages set aside, and the channels that they leave by when the pipeline ends.
    pub(crate) rejects: Vec<(Arc<RejectSink>, usize)>,
    pub(crate) sink: Sink,
    /// Pipelines that wait for this one, and those that this one waits for.
    pub(crate) dependents: Vec<usize>,
    pub(crate) dependencies: Vec<usize>,
    /// The counters of the source, of each stage and of the sink, if they are counted.
    pub(crate) source_counter: Option<usize>,
    pub(crate) stage_counters: Vec<Option<usize>>,
    pub(crate) sink_counter: Option<usize>,
    pub(crate) state: Mutex<Progress>,
}

/// How far a pipeline is.
#[derive(Default)]
pub(crate) struct Progress {
    /// Pipelines that have to finish first.
    pub(crate) waiting_for: usize,
    /// Tasks that run or are queued.
    active: usize,
    next_sequence: u64,
    /// The rows that were cut off so far, if they are numbered.
    row: u64,
    /// The batch that morsels are cut from, and how many of its rows are gone.
    current: Option<(RecordBatch, Lineage, usize)>,
    /// The next batch of a table, or the channel that is read.
    position: usize,
    source_ended: bool,
    finished: bool,
    /// States of a breaker that no task holds.
    locals: Vec<Box<dyn LocalState>>,
    /// What a breaker left: the source from then on.
    results: Option<Arc<dyn Results>>,
    /// The first failure of a pipeline that ends in a breaker.
    failure: Option<(u64, Error)>,
    /// Results that wait for those before them.
    reorder: BTreeMap<u64, Waiting>,
    /// Work that has given results and may give more.
    aside: BTreeMap<u64, Box<Work>>,
    emitted: u64,
    skipped: u64,
    taken: u64,
    /// Nobody wants more of it.
    stopped: bool,
}

/// A morsel on its way through a pipeline.
struct Work {
    sequence: u64,
    lineage: Lineage,
    run: Run,
    begun: bool,
    /// How many rows came out so far.
    given: usize,
    /// The state of a breaker that they go to.
    local: Option<Box<dyn LocalState>>,
}

/// What a task got to do.
enum Taken {
    Work(Box<Work>),
    /// The right to ask for the result of that number.
    Result {
        results: Arc<dyn Results>,
        sequence: u64,
    },
    Failed {
        sequence: u64,
        error: Error,
    },
    Nothing,
}

impl Pipeline {
    pub(crate) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes and files that its operators have spilled, each with its counter.
    pub(crate) fn spilled(&self) -> impl Iterator<Item = (Option<usize>, (u64, u64))> {
        let breaker = match &self.sink {
            Sink::Breaker { breaker, .. } => breaker.spilled(),
            Sink::Ordered { .. } => None,
        };
        let stages = self.stages.iter().zip(&self.stage_counters);
        let stages = stages.filter_map(|(stage, counter)| Some((*counter, stage.spilled()?.totals())));
        breaker.map(|spilled| (self.sink_counter, Spilled::totals(spilled))).into_iter().chain(stages)
    }

    /// Whether a task would find something to do.
    fn is_ready(&self, progress: &Progress, channels: &[Channel], window: u64) -> bool {
        if progress.finished || progress.waiting_for > 0 {
            return false;
        }
        if self.resumable(progress, channels, window).is_some() {
            return true;
        }
        if progress.source_ended {
            return progress.active == 0 && progress.aside.is_empty();
        }
        if !self.has_room(progress, channels, window) {
            return false;
        }
        if let Some(results) = &progress.results {
            return progress.active < results.tasks();
        }
        progress.current.is_some()
            || match &self.source {
                Source::Table { .. } => true,
                Source::Channels(sources) => {
                    sources.get(progress.position).is_none_or(|&channel| channels[channel].is_ready())
                }
            }
    }

    /// Whether results of one more morsel would find room.
    fn has_room(&self, progress: &Progress, channels: &[Channel], window: u64) -> bool {
        if matches!(self.sink, Sink::Breaker { .. }) && progress.results.is_none() {
            return true;
        }
        progress.next_sequence - progress.emitted + progress.held_back() + self.unread(channels) < window
    }

    /// How many batches wait to be read.
    fn unread(&self, channels: &[Channel]) -> u64 {
        let targets = self.sink.channels().iter().map(|&target| &channels[target]);
        let bounded = targets.filter(|channel| !channel.unbounded && !channel.is_closed());
        bounded.map(|channel| channel.len() as u64).max().unwrap_or(0)
    }

    /// The first work laid aside for whose next result there is room. What is first in order needs room with the reader
    /// alone, so that it never waits for what comes after it.
    fn resumable(&self, progress: &Progress, channels: &[Channel], window: u64) -> Option<u64> {
        let &sequence = progress.aside.keys().next()?;
        let room = if matches!(self.sink, Sink::Ordered { .. }) && sequence == progress.emitted {
            self.unread(channels) < window
        } else {
            self.has_room(progress, channels, window)
        };
        room.then_some(sequence)
    }

    /// Takes up what was laid aside, or cuts the next morsel. `emptied` collects the channels that a batch was taken from.
    fn take(
        &self,
        progress: &mut Progress,
        channels: &[Channel],
        limits: (usize, u64),
        emptied: &mut Vec<usize>,
    ) -> Taken {
        let (morsel_rows, window) = limits;
        progress.forget_after_failure();
        if let Some(sequence) = self.resumable(progress, channels, window)
            && let Some(work) = progress.aside.remove(&sequence)
        {
            return Taken::Work(work);
        }
        loop {
            if progress.source_ended || !self.has_room(progress, channels, window) {
                return Taken::Nothing;
            }
            if let Some(results) = &progress.results {
                let (results, sequence) = (results.clone(), progress.next_sequence);
                progress.next_sequence += 1;
                return Taken::Result { results, sequence };
            }
            if let Some((batch, lineage, first)) = progress.current.take() {
                let row_count = (batch.num_rows() - first).min(morsel_rows);
                let sequence = progress.next_sequence;
                progress.next_sequence += 1;
                let morsel = match self.numbered(progress, batch.slice(first, row_count)) {
                    Ok(morsel) => morsel,
                    Err(error) => {
                        progress.source_ended = true;
                        return Taken::Failed { sequence, error };
                    }
                };
                let origin = lineage.skip(first);
                if first + row_count < batch.num_rows() {
                    progress.current = Some((batch, lineage, first + row_count));
                }
                let local = progress.locals.pop();
                let run = Run::new(self.stages.clone(), morsel);
                return Taken::Work(Box::new(Work { sequence, lineage: origin, run, begun: false, given: 0, local }));
            }
            match self.next_batch(progress, channels, emptied) {
                Some(Ok((batch, _))) if batch.num_rows() == 0 => {}
                Some(Ok((batch, lineage))) => progress.current = Some((batch, lineage, 0)),
                Some(Err(error)) => {
                    progress.source_ended = true;
                    let sequence = progress.next_sequence;
                    progress.next_sequence += 1;
                    return Taken::Failed { sequence, error };
                }
                None => return Taken::Nothing,
            }
        }
    }

    /// The next batch of the source; `None` when it has ended or has none yet.
    fn next_batch(
        &self,
        progress: &mut Progress,
        channels: &[Channel],
        emptied: &mut Vec<usize>,
    ) -> Option<Result<(RecordBatch, Lineage), Error>> {
        let (batch, lineage) = match &self.source {
            Source::Table { input, batches } => {
                let Some(batch) = batches.get(progress.position) else {
                    progress.source_ended = true;
                    return None;
                };
                let batch_number = progress.position as u64;
                let lineage =
                    input.map_or(Lineage::Unknown, |input| Lineage::Rows { input, batch: batch_number, row: 0 });
                progress.position += 1;
                (batch.clone(), lineage)
            }
            Source::Channels(sources) => loop {
                let Some(&source) = sources.get(progress.position) else {
                    progress.source_ended = true;
                    return None;
                };
                match channels[source].pop() {
                    Popped::Item(channel::Item::Batch(batch, lineage, _charge)) => {
                        emptied.push(source);
                        break (batch, lineage);
                    }
                    Popped::Item(channel::Item::Failed(error)) => return Some(Err(error)),
                    Popped::Empty => return None,
                    Popped::End => progress.position += 1,
                }
            },
        };
        let batch = match &self.columns {
            Some(columns) => batch.project(columns).map_err(Error::from),
            None => Ok(batch),
        };
        Some(batch.map(|batch| (batch, lineage)))
    }
}

impl Progress {
    /// Of a pipeline that waits for others.
    pub(crate) fn after(dependencies: usize) -> Self {
        Self { waiting_for: dependencies, ..Self::default() }
    }

    /// Goes on with what the breaker left.
    fn turn_to(&mut self, results: Arc<dyn Results>) {
        self.results = Some(results);
        self.next_sequence = 0;
        self.source_ended = false;
        self.finished = false;
    }

    /// Keeps work until there is room for its next result.
    fn lay_aside(&mut self, work: Box<Work>) {
        if !self.stopped {
            self.aside.insert(work.sequence, work);
        }
    }

    /// Forgets what comes after a failure.
    fn forget_after_failure(&mut self) {
        if let Some((failed, _)) = &self.failure {
            let failed = *failed;
            self.aside.retain(|&sequence, _| sequence < failed);
        }
    }

    /// Whether nothing is left to be taken.
    fn has_ended(&self) -> bool {
        self.source_ended && self.aside.is_empty()
    }

    /// Lets go of everything that a query which is over still holds.
    pub(crate) fn discard(&mut self) {
        self.stop();
        self.locals.clear();
    }
}
