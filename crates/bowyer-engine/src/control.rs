// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Stopping: cancellation and deadlines, asked about at every morsel.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bowyer_core::{Error, Memory, Result};

/// Something that can say that its caller has given up.
pub trait Cancellation: Send + Sync {
    /// Whether the caller has given up.
    fn is_cancelled(&self) -> bool;
}

impl Cancellation for AtomicBool {
    fn is_cancelled(&self) -> bool {
        self.load(Ordering::Relaxed)
    }
}

/// What a call may use and when it must stop.
#[derive(Clone)]
pub struct Control {
    memory: Memory,
    deadline: Option<Instant>,
    cancelled: Option<Arc<dyn Cancellation>>,
}

impl Control {
    /// A call that may use `memory` and runs to its end.
    #[must_use]
    pub fn new(memory: Memory) -> Self {
        Self { memory, deadline: None, cancelled: None }
    }

    /// The same with a deadline.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Option<Instant>) -> Self {
        self.deadline = deadline;
        self
    }

    /// The same with someone who may cancel it.
    #[must_use]
    pub fn with_cancellation(mut self, cancelled: Arc<dyn Cancellation>) -> Self {
        self.cancelled = Some(cancelled);
        self
    }

    /// The memory that the call is charged for.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Whether the call should go on.
    ///
    /// # Errors
    /// `Cancelled` or `DeadlineExceeded`.
    pub fn check(&self) -> Result<()> {
        if self.cancelled.as_ref().is_some_and(|cancelled| cancelled.is_cancelled()) {
            return Err(Error::cancelled("the caller cancelled"));
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Error::deadline_exceeded("the deadline has passed"));
        }
        Ok(())
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
