// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Bowyer's named functions: a list of constant values, and how a call of one is bound and run.
//!
//! Start at [`bind`]: it looks a function up, settles overload, implicit casts and options once, and gives a
//! [`Bound`] to call on any number of batches. A family file under [`scalar`], [`vector`] or [`aggregate`] holds the
//! descriptors and loops of related functions; [`registry`] lists the families. Plans, threads and pointers do not
//! exist here.

#![forbid(unsafe_code)]

pub mod aggregate;
mod args;
mod bind;
pub mod coercion;
mod descriptor;
mod encoding;
mod kind;
mod options;
pub mod registry;
pub mod scalar;
mod type_name;
pub mod vector;
mod window;

pub use aggregate::{Accumulator, AggregateContext, Groups, PartialEvaluation};
pub use args::{Args, Kernel, VectorKernel};
pub use bind::{Argument, Bound, bind};
pub use descriptor::{
    BindContext, Coercion, Example, FallibleFor, Function, FunctionKind, Implementation, Nulls, Overload, Prepare,
};
pub use kind::Kind;
pub use options::{OptionDefault, OptionKind, OptionSpec, OptionValue, Options};
pub use registry::{find, functions};
pub use scalar::cast::{CastMode, cast};
pub use scalar::list_values;
pub use type_name::{data_type, data_type_prefix};
pub use window::{WindowFunction, find_window, window_functions};
