// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Where rows came from: kept cheaply while all goes well, followed only after an error.

use std::sync::Arc;

use arrow_array::RecordBatch;

use super::run::trace_back;
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
    /// The first row of their results that is meant.
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

    /// The input that the rows came from, if that is known.
    pub(crate) fn first_input(&self) -> Option<u32> {
        match self {
            Self::Unknown => None,
            Self::Rows { input, .. } => Some(*input),
            Self::Through(step) => step.before.first_input(),
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
