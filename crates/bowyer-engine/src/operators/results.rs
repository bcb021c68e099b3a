// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Results that are there already: each batch is let go of when it is asked for, so that what its reader has released
//! is free while the rest still waits.

use std::sync::{Mutex, PoisonError};

use arrow_array::RecordBatch;
use bowyer_core::{Charge, Result, hold_batch};

use super::{Results, TaskContext};

/// Batches in order.
pub(crate) struct Ready(Vec<Mutex<Option<RecordBatch>>>);

impl Ready {
    /// The batches, each with what it is charged until its last reference goes.
    pub(crate) fn new(batches: Vec<(RecordBatch, Option<Charge>)>) -> Self {
        let hold = |(batch, charge)| match charge {
            Some(charge) => hold_batch(&batch, charge),
            None => batch,
        };
        Self(batches.into_iter().map(|batch| Mutex::new(Some(hold(batch)))).collect())
    }
}

impl Results for Ready {
    fn next(&self, sequence: u64, _: &TaskContext) -> Result<Option<RecordBatch>> {
        let slot = usize::try_from(sequence).ok().and_then(|index| self.0.get(index));
        Ok(slot.and_then(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner).take()))
    }
}
