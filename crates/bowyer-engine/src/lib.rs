// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Bowyer's query engine: it binds plans to names and types, optimises them, and runs them on threads of its own.
//!
//! A plan is a message of `proto/bowyer/v1`. [`Engine::prepare`] resolves it once; every query then builds pipelines of
//! its own and runs them morsel by morsel. Single functions go through the same engine for its threads, memory and
//! limits ([`Engine::call_function`]). Nothing here touches a raw pointer or blocks a thread of the pool.

#![forbid(unsafe_code)]

mod analysis;
mod binder;
mod call;
mod control;
mod engine;
mod explain;
mod failure;
mod join_order;
mod json;
mod literal;
mod machine;
mod message;
mod operators;
mod optimiser;
mod physical;
mod pipeline;
mod plan;
mod prepared;
mod program;
pub mod proto;
mod query;
mod reading;
mod spill;
mod statistics;
mod threads;
mod types;

pub use control::{Cancellation, Control};
pub use engine::Engine;
pub use json::{plan_from_json, plan_to_json};
pub use machine::fill_in;
pub use message::decode;
pub use optimiser::{REWRITES, ScanBound};
pub use plan::Input;
pub use prepared::Prepared;
pub use query::{Bindings, InputBinding, Next, Notify, OutputLimit, Query, Source};
pub use reading::Reading;
pub use types::{field_to_proto, schema_from_proto, schema_to_proto};
