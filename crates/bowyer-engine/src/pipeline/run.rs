// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The stages of a pipeline over one batch, result by result.
//!
//! A [`Run`] goes through the results of each stage depth first: what a stage has given passes all later stages before
//! the stage is asked for more. So it holds one batch for each stage that gives several, however many rows come out, and
//! can be laid aside after each result. After a failure it still gives what stands before the row that failed.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use arrow_array::RecordBatch;
use bowyer_core::Error;

use crate::operators::reject::Rejected;
use crate::operators::{Output, Rest, Stage, TaskContext};

/// Told what each stage did: its index, the batch it was given unless it goes on with one, what it gave, and since when.
pub(super) type Watch<'a> = &'a mut dyn FnMut(usize, Option<&RecordBatch>, Option<&RecordBatch>, Instant);

/// What stages may use: memory that one takes is charged to it too, if it is counted.
#[derive(Clone, Copy)]
pub(super) struct Contexts<'a> {
    pub(super) shared: &'a TaskContext,
    /// The counters of the stages, and for each counter its context.
    pub(super) counters: &'a [Option<usize>],
    pub(super) operators: &'a [TaskContext],
}

impl<'a> Contexts<'a> {
    fn of(&self, stage: usize) -> &'a TaskContext {
        let counter = self.counters.get(stage).copied().flatten();
        counter.and_then(|counter| self.operators.get(counter)).unwrap_or(self.shared)
    }
}

impl<'a> From<&'a TaskContext> for Contexts<'a> {
    fn from(shared: &'a TaskContext) -> Self {
        Self { shared, counters: &[], operators: &[] }
    }
}

/// What a stage set aside: its number, its input, and the rows of that.
pub(super) type SetAside = (usize, RecordBatch, Vec<Rejected>);

/// Stages over one batch.
pub(super) struct Run {
    stages: Arc<[Arc<dyn Stage>]>,
    source: RecordBatch,
    begun: bool,
    /// The stages that give several batches, in order.
    levels: Vec<Level>,
    failure: Option<Failure>,
    set_aside: Vec<SetAside>,
}

/// Why a run ended early.
pub(super) struct Failure {
    pub(super) error: Error,
    /// The row of the run's batch that it is about, if that is known.
    pub(super) row: Option<usize>,
}

/// A stage that gives several batches.
struct Level {
    stage: usize,
    input: RecordBatch,
    /// The rows that it gave before `output`.
    given: usize,
    /// What later stages work on.
    output: RecordBatch,
    /// How many of its next rows are known already, since it began anew after a failure.
    known: usize,
    rest: Option<Box<dyn Rest>>,
}

impl Level {
    /// What is new in an output.
    fn take(&mut self, output: Output) -> Option<RecordBatch> {
        self.rest = output.rest;
        let batch = output.batch?;
        self.given += self.output.num_rows();
        let known = self.known.min(batch.num_rows());
        self.known -= known;
        self.given += known;
        self.output = batch.slice(known, batch.num_rows() - known);
        (self.output.num_rows() > 0).then(|| self.output.clone())
    }
}

impl Run {
    pub(super) fn new(stages: Arc<[Arc<dyn Stage>]>, source: RecordBatch) -> Self {
        Self { stages, source, begun: false, levels: Vec::new(), failure: None, set_aside: Vec::new() }
    }

    /// The batch that it is about.
    pub(super) fn source(&self) -> &RecordBatch {
        &self.source
    }

    /// The next batch of the last stage; `None` when there is none, whether that is known to be the end or not.
    pub(super) fn next<'a>(&mut self, contexts: impl Into<Contexts<'a>>, watch: Watch<'_>) -> Option<RecordBatch> {
        let contexts = contexts.into();
        if !self.begun {
            self.begun = true;
            return self.push(0, self.source.clone(), 0, contexts, watch);
        }
        let level = self.levels.last_mut()?;
        let Some(rest) = level.rest.take() else {
            self.levels.pop();
            return None;
        };
        let started = Instant::now();
        match rest.next(contexts.of(level.stage)) {
            Ok(output) => {
                watch(level.stage, None, output.batch.as_ref(), started);
                let (stage, batch) = (level.stage, level.take(output)?);
                self.push(stage + 1, batch, 0, contexts, watch)
            }
            Err(error) => {
                let level = self.levels.pop()?;
                let known = level.given + level.output.num_rows() + level.known;
                let before = self.fail(level.stage, error, &level.input, contexts.shared)?;
                self.push(level.stage, before, known, contexts, watch)
            }
        }
    }

    /// Whether nothing follows.
    pub(super) fn is_done(&self) -> bool {
        self.begun && self.levels.iter().all(|level| level.rest.is_none())
    }

    /// What it failed with, once it is done.
    pub(super) fn take_failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }

    /// What stages set aside since this was last asked: each row once, whatever is run again after a failure.
    pub(super) fn take_set_aside(&mut self) -> Vec<SetAside> {
        std::mem::take(&mut self.set_aside)
    }

    /// The row of its batch that a row of its last result came from. Stages are run again: they gave the same before.
    pub(super) fn trace(&self, row: usize, context: &TaskContext) -> Option<usize> {
        self.trace_from(self.stages.len(), row, context)
    }

    /// Gives a batch to a stage and what comes out to those after it, but for the first `known` rows of that stage.
    fn push(
        &mut self,
        first: usize,
        mut batch: RecordBatch,
        mut known: usize,
        contexts: Contexts<'_>,
        watch: Watch<'_>,
    ) -> Option<RecordBatch> {
        let stages = self.stages.clone();
        for (index, stage) in stages.iter().enumerate().skip(first) {
            // A stage that was given less after a failure would fail again over all that the one before it gave.
            let mut shortened = known > 0;
            let output = loop {
                let started = Instant::now();
                let mut rejected = Vec::new();
                match stage.apply_rejecting(batch.clone(), &mut rejected, contexts.of(index)) {
                    Ok(output) => {
                        if stage.rejects().is_some() {
                            for rejected in &mut rejected {
                                rejected.source = self.trace_from(index, rejected.row, contexts.shared);
                            }
                            self.set_aside.push((index, batch.clone(), rejected));
                        }
                        watch(index, Some(&batch), output.batch.as_ref(), started);
                        break output;
                    }
                    Err(error) => {
                        batch = self.fail(index, error, &batch, contexts.shared)?;
                        shortened = true;
                    }
                }
            };
            let known = std::mem::take(&mut known);
            batch = if shortened || output.rest.is_some() {
                let nothing = batch.slice(0, 0);
                let mut level = Level { stage: index, input: batch, given: 0, output: nothing, known, rest: None };
                let next = level.take(output);
                self.levels.push(level);
                next?
            } else {
                output.batch?
            };
        }
        Some(batch)
    }

    /// Notes a failure of a stage over `input`, after which no row comes. Gives the rows of `input` before the one that
    /// failed: a row among them may fail in another place, and a run row by row would have met it first.
    fn fail(&mut self, stage: usize, error: Error, input: &RecordBatch, context: &TaskContext) -> Option<RecordBatch> {
        let row = error.place().row.and_then(|row| usize::try_from(row).ok());
        let traced = row.and_then(|row| self.trace_from(stage, row, context));
        self.failure = Some(Failure { error, row: traced });
        for level in &mut self.levels {
            level.rest = None;
        }
        let row = row.filter(|&row| row > 0 && row < input.num_rows())?;
        Some(input.slice(0, row))
    }

    /// The row of the source that a row of what stage `end` is given came from.
    fn trace_from(&self, end: usize, row: usize, context: &TaskContext) -> Option<usize> {
        let (mut row, mut end) = (row, end);
        let before = self.levels.partition_point(|level| level.stage < end);
        for level in self.levels[..before].iter().rev() {
            row = trace_through(self.stages.get(level.stage + 1..end)?, &level.output, row, context)?;
            row = self.stages[level.stage].trace(&level.input, level.given + row, context).ok()?;
            end = level.stage;
        }
        trace_through(self.stages.get(..end)?, &self.source, row, context)
    }
}

/// The row of `input` that row `row` of the only result of some stages came from.
fn trace_through(
    stages: &[Arc<dyn Stage>],
    input: &RecordBatch,
    mut row: usize,
    context: &TaskContext,
) -> Option<usize> {
    let mut inputs = vec![input.clone()];
    for stage in stages.split_last().map(|(_, before)| before).unwrap_or_default() {
        let next = stage.apply(inputs.last()?.clone(), context).ok()?.batch?;
        inputs.push(next);
    }
    for (stage, input) in stages.iter().zip(&inputs).rev() {
        row = stage.trace(input, row, context).ok()?;
    }
    Some(row)
}

/// The row of `input` that row `row` of all results of the stages came from.
pub(super) fn trace_back(
    stages: &Arc<[Arc<dyn Stage>]>,
    input: &RecordBatch,
    mut row: usize,
    context: &TaskContext,
) -> Option<usize> {
    let mut run = Run::new(stages.clone(), input.clone());
    while !run.is_done() {
        context.check().ok()?;
        let Some(batch) = run.next(context, &mut |_, _, _, _| {}) else { continue };
        match row.checked_sub(batch.num_rows()) {
            Some(later) => row = later,
            None => return run.trace(row, context),
        }
    }
    None
}
