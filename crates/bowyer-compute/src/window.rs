// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The functions that only a window has: they ask where a row stands among others.
//!
//! Their loops are operators of the engine, which arranges the rows; here is what they are called and take, for the engine's
//! binder, the manual and the program's list. Every aggregate is a function of windows too.

use arrow_schema::DataType;
use bowyer_core::Result;

use crate::{Kind, OptionDefault, OptionKind, OptionSpec, Options};

/// A function of a row's place in a window.
#[derive(Debug)]
pub struct WindowFunction {
    /// Its name.
    pub name: &'static str,
    /// What it does, in one sentence that begins with a verb.
    pub summary: &'static str,
    /// The names of its arguments, of any type.
    pub args: &'static [&'static str],
    /// Its options.
    pub options: &'static [OptionSpec],
    /// The type of its result.
    pub output: Kind,
    /// Whether its result can be null.
    pub nullable: bool,
}

impl WindowFunction {
    /// The type of its result for arguments of these types.
    ///
    /// # Errors
    /// `Internal` when there are fewer arguments than it has.
    pub fn output_type(&self, types: &[DataType]) -> Result<DataType> {
        self.output.output_type(types, &Options::default())
    }
}

const N: OptionSpec =
    OptionSpec::new("n", OptionKind::Integer, OptionDefault::Required, "How many parts, or which row, from 1.");
const OFFSET: OptionSpec =
    OptionSpec::new("offset", OptionKind::Integer, OptionDefault::Integer(1), "How many rows away.");
const DEFAULT: OptionSpec =
    OptionSpec::new("default", OptionKind::Scalar, OptionDefault::Null, "What stands where there is no such row.");
const IGNORE_NULLS: OptionSpec =
    OptionSpec::new("ignore_nulls", OptionKind::Boolean, OptionDefault::Boolean(false), "Whether to pass over nulls.");

const fn place(
    name: &'static str,
    summary: &'static str,
    options: &'static [OptionSpec],
    output: Kind,
) -> WindowFunction {
    WindowFunction { name, summary, args: &[], options, output, nullable: false }
}

const fn value(name: &'static str, summary: &'static str, options: &'static [OptionSpec]) -> WindowFunction {
    WindowFunction { name, summary, args: &["values"], options, output: Kind::SameAs(0), nullable: true }
}

const ALL: &[WindowFunction] = &[
    place("cume_dist", "Gives the share of the partition's rows up to the row's last peer.", &[], Kind::Float64),
    place("dense_rank", "Numbers the row's group of peers, from 1.", &[], Kind::Int64),
    value("first_value", "Takes the value of the first row of the frame.", &[IGNORE_NULLS]),
    value("lag", "Takes the value of a row before.", &[OFFSET, DEFAULT, IGNORE_NULLS]),
    value("last_value", "Takes the value of the last row of the frame.", &[IGNORE_NULLS]),
    value("lead", "Takes the value of a row after.", &[OFFSET, DEFAULT, IGNORE_NULLS]),
    value("nth_value", "Takes the value of the n-th row of the frame.", &[N, IGNORE_NULLS]),
    place(
        "ntile",
        "Tells which of n parts of the partition, as equal as can be, the row falls into.",
        &[N],
        Kind::Int64,
    ),
    place(
        "percent_rank",
        "Gives the rank as a share: 0 for the first row, 1 for a last one alone.",
        &[],
        Kind::Float64,
    ),
    place("rank", "Gives the number of the row's first peer, from 1; peers share it.", &[], Kind::Int64),
    place("row_number", "Numbers the row in its partition, from 1.", &[], Kind::Int64),
];

/// All of them, sorted by name.
#[must_use]
pub fn window_functions() -> &'static [WindowFunction] {
    ALL
}

/// The one of a name.
#[must_use]
pub fn find_window(name: &str) -> Option<&'static WindowFunction> {
    ALL.binary_search_by_key(&name, |function| function.name).ok().map(|index| &ALL[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_name() {
        for function in ALL {
            assert_eq!(find_window(function.name).map(|found| found.name), Some(function.name));
        }
        assert!(find_window("sum").is_none());
    }
}
