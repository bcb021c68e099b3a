// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Bowyer's C ABI. `include/bowyer.h` is its contract, `docs/abi.md` the long form.
//!
//! This crate translates and contains: pointers become checked structs, panics become errors, objects become handles.
//! What a function computes or how a query runs is decided below. Every exported function stands in [`exports`] and goes
//! through `entry`.

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
mod schema;
mod source;

pub use abi::{Argument, Block, Buffer, Bytes, CError, CResult, Call, Event};
pub use arrow_ffi::export::Alias;
