// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Bowyer's C ABI. `include/bowyer.h` is its contract, `docs/abi.md` the long form.
//!
//! This crate translates and contains: pointers become checked structs, panics become errors, objects become handles.
//! What a function computes or how a query runs is decided below. Every exported function stands in [`exports`] and goes
//! through `entry`.

#![cfg_attr(test, expect(clippy::duplicate_mod, reason = "what is scheduled is compiled twice"))]

pub mod abi;
mod call;
mod engine;
mod entry;
mod error;
mod event;
pub mod exports;
#[cfg(feature = "fault-injection")]
pub mod fault;
mod function;
mod handle;
mod import;
mod logs;
mod plan;
mod query;
#[cfg(test)]
mod schedules;
mod schema;
mod source;

/// What the queue of events waits and counts with: its tests have another, whose order a scheduler decides.
mod sync {
    /// What is of the whole process, whoever orders its threads.
    pub(crate) use std::sync::Mutex as ProcessMutex;
    pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, Weak};
}

pub use abi::{Argument, Block, Buffer, Bytes, CError, CResult, Call, Event};
pub use arrow_ffi::export::Alias;
