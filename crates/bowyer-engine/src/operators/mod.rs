// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Operators: what a pipeline does to its morsels.
//!
//! A [`Stage`] turns one batch into any number of batches, the later ones only when they are asked for, and keeps nothing
//! from one batch to the next, so stages fuse and run on any thread; a serial one does, and is alone at the end of its
//! pipeline. A [`Breaker`] needs all rows: it gathers morsels
//! into one [`LocalState`] for each concurrent task and finishes once.
//! Operators know columns by index; names, types and literals are the binder's business, threads the scheduler's.

pub(crate) mod aggregate;
pub(crate) mod distinct;
pub(crate) mod filter;
pub(crate) mod join;
pub(crate) mod pivot;
pub(crate) mod project;
pub(crate) mod reject;
pub(crate) mod results;
pub(crate) mod sample;
pub(crate) mod set_operation;
pub(crate) mod sort;
mod strips;
pub(crate) mod unnest;
pub(crate) mod unpivot;
pub(crate) mod window;

use std::any::Any;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bowyer_compute::Bound;
use bowyer_core::{Charge, Memory, Result};

use crate::control::Control;
use crate::spill::{SHORT_PERCENT, SpillSpace, Spilled};
use reject::{RejectSink, Rejected};

/// Where the first row of a morsel came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The input, by its index in the plan; `None` behind an operator that rows cannot be traced through.
    pub(crate) input: Option<u32>,
    /// The batch of that input.
    pub(crate) batch: u64,
    /// The row of that batch.
    pub(crate) row: u64,
}

impl Origin {
    /// Rows that come from no input directly.
    pub(crate) const UNKNOWN: Self = Self { input: None, batch: 0, row: 0 };
}

/// A part of a batch: the unit of work.
#[derive(Clone, Debug)]
pub(crate) struct Morsel {
    /// Its rows.
    pub(crate) batch: RecordBatch,
    /// The position in the pipeline's input of what it was made from: from zero, in input order.
    pub(crate) sequence: u64,
    /// How many rows of the same sequence came before it.
    pub(crate) first_row: u64,
    /// Where its first row came from.
    #[expect(dead_code, reason = "for operators that name a row in their errors; none does yet")]
    pub(crate) origin: Origin,
    /// The bytes of its columns that nobody is charged for and that only the query keeps alive: those of pushed batches.
    pub(crate) unpaid_bytes: usize,
}

/// What a task may use and must heed.
#[derive(Clone, Debug)]
pub(crate) struct TaskContext {
    /// Memory of the query.
    pub(crate) memory: Memory,
    /// The most rows that a result batch should have.
    pub(crate) batch_rows: usize,
    /// How many tasks of the query may run at a time.
    pub(crate) threads: usize,
    /// Cancellation and deadline.
    pub(crate) control: Control,
    /// Where operators may put what does not fit.
    pub(crate) spill: Option<Arc<SpillSpace>>,
}

impl TaskContext {
    /// Fails when the query is cancelled or its deadline has passed. To be asked at least once a morsel, and about every
    /// 64 Ki rows in longer loops.
    pub(crate) fn check(&self) -> Result<()> {
        self.control.check()
    }

    /// Whether so much of the memory is used that an operator should put what it holds elsewhere, if it can.
    pub(crate) fn is_short(&self) -> bool {
        self.spill.is_some() && self.memory.is_above(SHORT_PERCENT)
    }

    /// What a task may hold, however short memory is, before it is worth to spill it.
    pub(crate) fn share_bytes(&self) -> usize {
        let limit = self.memory.tightest_limit_bytes().unwrap_or(u64::MAX);
        usize::try_from(limit / (8 * self.threads.max(1) as u64)).unwrap_or(usize::MAX)
    }
}

/// An operator that turns a batch into batches: filter, project, the probe side of a join.
pub(crate) trait Stage: Send + Sync {
    /// The schema of what it returns.
    fn schema(&self) -> SchemaRef;

    /// Its first rows for `batch`, and how to get the others. Rows come in the order of the rows of `batch` that they
    /// are made from: those for the first rows of `batch` are the first ones for all of it. A stage that makes many rows
    /// of one gives them in batches of at most [`TaskContext::batch_rows`]. An error names its row of `batch`, where
    /// it knows one.
    fn apply(&self, batch: RecordBatch, context: &TaskContext) -> Result<Output>;

    /// The row of `input` that row `output_row` of all its results for `input` came from. Asked only after an error.
    fn trace(&self, input: &RecordBatch, output_row: usize, context: &TaskContext) -> Result<usize>;

    /// As [`Stage::apply`]; a stage that sets failing rows aside says which.
    fn apply_rejecting(
        &self,
        batch: RecordBatch,
        _rejected: &mut Vec<Rejected>,
        context: &TaskContext,
    ) -> Result<Output> {
        self.apply(batch, context)
    }

    /// Whether it keeps something from one batch to the next: it is then the last stage of its pipeline, is given the
    /// batches in order and one at a time, and names no row in its errors.
    fn is_serial(&self) -> bool {
        false
    }

    /// What a serial stage gives after its last batch.
    fn flush(&self, _context: &TaskContext) -> Result<Option<RecordBatch>> {
        Ok(None)
    }

    /// What it and what it asks have written to files, if they can.
    fn spilled(&self) -> Option<&Spilled> {
        None
    }

    /// Where rows go that it sets aside.
    fn rejects(&self) -> Option<&Arc<RejectSink>> {
        None
    }
}

/// What a stage gives for a batch: some rows, and those that follow them.
#[derive(Default)]
pub(crate) struct Output {
    /// Rows, if there are any yet.
    pub(crate) batch: Option<RecordBatch>,
    /// What gives the rows after them; `None` when these are the last.
    pub(crate) rest: Option<Box<dyn Rest>>,
}

impl Output {
    /// These rows and no others.
    pub(crate) fn all(batch: RecordBatch) -> Self {
        Self { batch: Some(batch), rest: None }
    }
}

/// Rows of a stage that have not been asked for. It may be kept for a long time and asked on any thread.
pub(crate) trait Rest: Send {
    /// The next rows. An error names its row of the batch that the stage was given, where it knows one.
    fn next(self: Box<Self>, context: &TaskContext) -> Result<Output>;
}

/// An operator that needs all rows before its first result: aggregate, distinct, the build side of a join, sort.
pub(crate) trait Breaker: Send + Sync {
    /// A state for one more concurrent task.
    fn local(&self, context: &TaskContext) -> Result<Box<dyn LocalState>>;

    /// Takes a morsel in. One thread at a time uses a `local`; morsels come to it in rising sequence, with gaps, and all of
    /// one sequence come to the same `local`, one after another.
    fn consume(&self, local: &mut dyn LocalState, morsel: Morsel, context: &TaskContext) -> Result<()>;

    /// Ends the input. Called once, on a thread of the pool, with every state that [`Breaker::local`] returned (none
    /// when there was no morsel). May split work with `rayon::scope`.
    fn finish(&self, locals: Vec<Box<dyn LocalState>>, context: &TaskContext) -> Result<Finished>;

    /// What it has written to files, if it can.
    fn spilled(&self) -> Option<&Spilled> {
        None
    }
}

/// What one task has gathered for a [`Breaker`]. The operator downcasts it: `let any: &mut dyn Any = local;`.
pub(crate) trait LocalState: Send + Any {}

/// What a [`Breaker`] leaves behind.
pub(crate) enum Finished {
    /// Result batches in order: the input of the next pipeline. With each, what it is charged until its last reference
    /// goes, as far as its memory is not charged by itself.
    Batches(Vec<(RecordBatch, Option<Charge>)>),
    /// Result batches that are made when there is room for them.
    Results(Arc<dyn Results>),
    /// A table that the operator keeps, for a stage of another pipeline to probe.
    Table,
}

/// Result batches of a [`Breaker`] that are made as they are asked for, by tasks of its pipeline.
pub(crate) trait Results: Send + Sync {
    /// The batch that comes as number `sequence`, counted from zero; `None` when there are no more. Each number is asked
    /// for once and none is left out; tasks ask for different ones at the same time.
    fn next(&self, sequence: u64, context: &TaskContext) -> Result<Option<RecordBatch>>;

    /// How many tasks may ask at a time.
    fn tasks(&self) -> usize {
        usize::MAX
    }
}

/// One aggregate of a group.
#[derive(Clone)]
pub(crate) struct Measure {
    /// The function, resolved.
    pub(crate) bound: Bound,
    /// Its arguments, as columns of the breaker's input.
    pub(crate) arguments: Vec<usize>,
    /// The column that says which rows count; all without one.
    pub(crate) filter: Option<usize>,
    /// Whether rows with equal arguments count once in a group.
    pub(crate) distinct: bool,
    /// The order in which it takes the rows of a group; that of the input without keys.
    pub(crate) order: Vec<SortKey>,
    /// The plan node, as `aggregate[3].measures[0]`, for errors.
    pub(crate) path: String,
}

impl Measure {
    /// The columns that it reads.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &usize> {
        self.arguments.iter().chain(&self.filter).chain(self.order.iter().map(|key| &key.column))
    }

    /// The same, to be changed.
    pub(crate) fn columns_mut(&mut self) -> impl Iterator<Item = &mut usize> {
        self.arguments.iter_mut().chain(&mut self.filter).chain(self.order.iter_mut().map(|key| &mut key.column))
    }
}

/// One key of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SortKey {
    /// The column of the breaker's input.
    pub(crate) column: usize,
    /// Largest first.
    pub(crate) descending: bool,
    /// Nulls before all values, whatever the direction.
    pub(crate) nulls_first: bool,
}

/// Where a column of a join's result comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinColumn {
    /// A column of the probe side: in a plan, the left one.
    Probe(usize),
    /// A column of the build side: in a plan, the right one.
    Build(usize),
    /// A key: that of one side, or of the other where the first has no row.
    Either {
        /// The column of the probe side.
        probe: usize,
        /// The column of the build side.
        build: usize,
        /// Whether the build side goes first.
        build_first: bool,
    },
}

impl JoinColumn {
    /// The same column when the sides change their parts.
    pub(crate) fn swapped(self) -> Self {
        match self {
            Self::Probe(column) => Self::Build(column),
            Self::Build(column) => Self::Probe(column),
            Self::Either { probe, build, build_first } => {
                Self::Either { probe: build, build: probe, build_first: !build_first }
            }
        }
    }
}
