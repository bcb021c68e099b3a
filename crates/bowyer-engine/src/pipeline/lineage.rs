// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Where rows came from: kept cheaply while all goes well, followed only after an error.

use std::sync::Arc;

use arrow_array::RecordBatch;

use crate::operators::{Origin, Stage, TaskContext};

/// Where the rows of a batch came from.
#[derive(Clone)]
pub(crate) enum Lineage {
    /// Not known: behind an operator that gathers rows.
    Unknown,
    /// Consecutive rows of an input's batch.
    Rows { input: u32, batch: u64, row: u64 },
    /// Rows that stages made of earlier ones.
    Through(Arc<Step>),
}

/// What stages were given for some rows.
pub(crate) struct Step {
    pub(crate) stages: Arc<[Arc<dyn Stage>]>,
    pub(crate) input: RecordBatch,
    /// The first row of their result that is meant.
    pub(crate) first_row: usize,
    pub(crate) before: Lineage,
}

impl Lineage {
    /// The lineage of the rows from `offset` on.
    pub(crate) fn skip(&self, offset: usize) -> Self {
        match self {
            Self::Unknown => Self::Unknown,
            Self::Rows { input, batch, row } => Self::Rows { input: *input, batch: *batch, row: row + offset as u64 },
            Self::Through(_) if offset == 0 => self.clone(),
            Self::Through(step) => Self::Through(Arc::new(Step {
                stages: step.stages.clone(),
                input: step.input.clone(),
                first_row: step.first_row + offset,
                before: step.before.clone(),
            })),
        }
    }

    /// Where row `row` came from.
    pub(crate) fn origin(&self, row: usize, context: &TaskContext) -> Origin {
        match self {
            Self::Unknown => Origin::UNKNOWN,
            Self::Rows { input, batch, row: first } => {
                Origin { input: Some(*input), batch: *batch, row: first + row as u64 }
            }
            Self::Through(step) => match trace_back(&step.stages, &step.input, step.first_row + row, context) {
                Some(row) => step.before.origin(row, context),
                None => Origin::UNKNOWN,
            },
        }
    }

    /// Where the first row came from, if that is known without work.
    pub(crate) fn first(&self) -> Origin {
        match self {
            Self::Rows { input, batch, row } => Origin { input: Some(*input), batch: *batch, row: *row },
            _ => Origin::UNKNOWN,
        }
    }
}

/// The row of `input` that row `row` of the stages' result came from. Stages are run again: they gave the same before.
pub(crate) fn trace_back(
    stages: &[Arc<dyn Stage>],
    input: &RecordBatch,
    mut row: usize,
    context: &TaskContext,
) -> Option<usize> {
    let mut inputs = vec![input.clone()];
    for stage in stages.split_last().map(|(_, before)| before).unwrap_or_default() {
        let next = stage.apply(inputs.last()?.clone(), context).ok()??;
        inputs.push(next);
    }
    for (stage, input) in stages.iter().zip(&inputs).rev() {
        row = stage.trace(input, row, context).ok()?;
    }
    Some(row)
}
