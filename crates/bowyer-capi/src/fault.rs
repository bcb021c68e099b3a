// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Panics on demand, for tests: compiled only with the feature `fault-injection`.
//!
//! [`arm`] names an exported function whose next call, on the same thread, panics inside its entry. The payload's own
//! drop panics too, which is the worst that a panic can do.

#![expect(clippy::panic, reason = "panics are what this module is for; it is compiled for tests alone")]

use std::cell::Cell;
use std::panic::panic_any;

/// Found in a library that was built with the feature: packaging refuses it.
const MARKER: &str = "BOWYER_FAULT_INJECTION: a test asked for a panic";

thread_local! {
    static ARMED: Cell<Option<(&'static str, Payload)>> = const { Cell::new(None) };
}

/// What is thrown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A text, as `panic!` throws.
    Text,
    /// A value whose drop panics.
    Hostile,
}

/// Makes the next call of the function `name` on this thread panic.
pub fn arm(name: &'static str, payload: Payload) {
    ARMED.set(Some((name, payload)));
}

struct Hostile;

impl Drop for Hostile {
    fn drop(&mut self) {
        panic_any(MARKER);
    }
}

/// Panics if `name` is armed.
pub(crate) fn strike(name: &'static str) {
    match ARMED.take() {
        Some((armed, Payload::Text)) if armed == name => panic_any(MARKER),
        Some((armed, Payload::Hostile)) if armed == name => panic_any(Hostile),
        other => ARMED.set(other),
    }
}
