// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Casts between types.

use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::DataType;
use bowyer_core::{Column, Memory, Result};

/// What a cast does with a value that the type cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CastMode {
    /// Fails.
    Checked,
    /// Gives null.
    Try,
    /// Wraps integers and truncates fractions.
    Wrapping,
}

/// Casts `column` to `to`.
///
/// # Errors
/// `NotImplemented` for types without a cast between them; in checked mode those of a value that does not fit.
pub fn cast(column: &Column, to: &DataType, mode: CastMode, _memory: &Memory) -> Result<Column> {
    let options = CastOptions { safe: mode == CastMode::Try, ..CastOptions::default() };
    let values = cast_with_options(column.values(), to, &options)?;
    Ok(match column {
        Column::Array(_) => Column::Array(values),
        Column::Scalar { row_count, .. } => Column::Scalar { value: values, row_count: *row_count },
    })
}
