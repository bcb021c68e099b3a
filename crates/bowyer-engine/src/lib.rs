// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Bowyer's query engine: it binds plans to names and types, optimises them, and runs them on threads of its own.
//!
//! A plan is a message of `proto/bowyer/v1`. The binder resolves it once; every query then builds pipelines of its own
//! and runs them morsel by morsel. Single functions go through the same engine for its threads, memory and limits.
//! Nothing here touches a raw pointer or blocks a thread of the pool.

#![forbid(unsafe_code)]

mod control;
mod operators;
pub mod proto;

pub use control::{Cancellation, Control};
