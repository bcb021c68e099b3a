// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Test tools: arrays written as text, the corpus of cases, comparison of results, sample data for the laws, bytes that
//! nobody wrote.
//!
//! Nothing here knows a function: runners bring the call. Errors are sentences, because a test prints them and stops.

pub mod compare;
pub mod corpus;
mod literal;
mod samples;
mod unwritten;
mod value;

pub use literal::{Literal, array, literal, scalar};
pub use samples::{sample, sliced, with_poison};
pub use toml;
pub use unwritten::unwritten;

/// The type of a name such as `int32`, `timestamp[us, tz=UTC]` or `list<item: string>`.
///
/// # Errors
/// A sentence that says what is not understood.
pub fn data_type(name: &str) -> Result<arrow_schema::DataType, String> {
    bowyer_compute::data_type(name).map_err(|error| error.to_string())
}
