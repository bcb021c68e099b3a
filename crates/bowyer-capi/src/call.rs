// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! `bowyer_call` to a [`Control`]: memory limit, deadline, and the word that the caller sets to cancel. Its trace context.

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
    pub(crate) trace: Trace,
}

/// A W3C trace context: the value of a `traceparent` header, zero bytes behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trace([u8; 56]);

impl Default for Trace {
    fn default() -> Self {
        Self([0; 56])
    }
}

impl Trace {
    /// That of a call. Null, and what does not look like a trace context, is none: a trace decides about no answer.
    ///
    /// # Safety
    /// 1. `call` is null, misaligned, or leads to a struct.
    pub(crate) unsafe fn of(call: *const Call) -> Self {
        // SAFETY: the caller's promise.
        unsafe { sized_input(call) }.map_or_else(|_| Self::default(), Self::read)
    }

    fn read(call: &Call) -> Self {
        Self(call.traceparent.map(|byte| byte as u8))
    }

    /// The text; empty for none.
    pub(crate) fn text(&self) -> &str {
        let len = self.0.iter().position(|&byte| byte == 0).unwrap_or(0);
        let shape = |(at, &byte): (usize, &u8)| match at {
            2 | 35 | 52 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        };
        let text = &self.0[..len];
        if len != 55 || !text.iter().enumerate().all(shape) {
            return "";
        }
        std::str::from_utf8(text).unwrap_or_default()
    }
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
            trace: Trace::read(call),
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
