// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! `bowyer_call` to a [`Control`]: memory limit, deadline, and the word that the caller sets to cancel.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bowyer_core::{Memory, Result};
use bowyer_engine::{Cancellation, Control};

use crate::abi::{Call, sized_input};

/// What a call may use and when it stops.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) timeout: Option<Duration>,
    pub(crate) memory_limit: Option<u64>,
    pub(crate) cancel: Option<Arc<CancelWord>>,
}

/// A word of the caller's: not zero once it cancelled.
#[derive(Debug)]
pub(crate) struct CancelWord(*const AtomicU32);

// SAFETY: the caller keeps the word readable for as long as the call runs; it is only read, atomically.
unsafe impl Send for CancelWord {}
// SAFETY: as above.
unsafe impl Sync for CancelWord {}

impl Cancellation for CancelWord {
    fn is_cancelled(&self) -> bool {
        // SAFETY: as above.
        unsafe { &*self.0 }.load(Ordering::Relaxed) != 0
    }
}

impl Limits {
    /// Reads a `bowyer_call`; null has no limits.
    ///
    /// # Errors
    /// `InvalidArgument` for a struct of an unknown size.
    ///
    /// # Safety
    /// 1. `call` is null or leads to a struct whose `cancel` is null or stays readable while the call runs.
    pub(crate) unsafe fn read(call: *const Call) -> Result<Self> {
        if call.is_null() {
            return Ok(Self::default());
        }
        // SAFETY: the caller's promise.
        let call = unsafe { sized_input(call) }?;
        let cancel = (!call.cancel.is_null()).then(|| Arc::new(CancelWord(call.cancel.cast())));
        Ok(Self {
            timeout: (call.timeout_ns > 0).then(|| Duration::from_nanos(call.timeout_ns)),
            memory_limit: (call.memory_limit > 0).then_some(call.memory_limit),
            cancel,
        })
    }

    /// The control of a call that runs now.
    pub(crate) fn control(&self, memory: &Memory) -> Control {
        let memory = match self.memory_limit {
            Some(limit) => memory.with_limit(Some(limit), "call"),
            None => memory.clone(),
        };
        let mut control = Control::new(memory);
        if let Some(timeout) = self.timeout {
            control = control.with_deadline(Instant::now().checked_add(timeout));
        }
        if let Some(cancel) = &self.cancel {
            control = control.with_cancellation(cancel.clone());
        }
        control
    }
}
