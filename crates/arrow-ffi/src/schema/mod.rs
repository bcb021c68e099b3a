// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Schemas across the boundary: `ArrowSchema` to fields and back.
//!
//! Names, nullability, metadata (with those of extension types), ordered dictionaries and sorted map keys are kept. Every
//! string has a limit and every tree a depth, since nothing in the struct says where it ends.

mod export;
mod format;
mod import;
mod metadata;

pub use export::{export_field, export_schema};
pub use import::{import_field, import_schema};

/// The deepest nesting of a schema.
pub const DEPTH_LIMIT: usize = 64;
/// The most nodes of a schema.
pub const NODE_LIMIT: usize = 1 << 16;
/// The longest format string, in bytes.
const FORMAT_LIMIT: usize = 1 << 12;
/// The longest name, in bytes.
const NAME_LIMIT: usize = 1 << 16;
/// The most metadata of a field, in bytes.
const METADATA_LIMIT: usize = 1 << 24;

#[cfg(test)]
mod tests;
