// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Sorting by index.
//!
//! Equal values keep their order. Nulls come last in both orders, NaNs just before them; `at_start` mirrors that. 0.0
//! and −0.0 are equal, strings go by their bytes, dictionaries by their values, nested values by their parts.

mod keys;

use std::sync::Arc;

use arrow_array::{ArrayRef, UInt64Array};
use bowyer_core::{Error, Result};

use crate::{Args, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Overload};
use keys::{Direction, sorted_rows};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::vector("sort_indices")
        .aliases(&["array_sort_indices"])
        .summary("Gives the indices that put the values in order.")
        .notes("Stable. Nulls come last in both orders, NaNs before them; `at_start` mirrors that.")
        .args(&["values"])
        .options(&[ORDER, NULL_PLACEMENT])
        .examples(&[Example::new(&["double [3, null, nan, 1]"], "uint64 [3, 0, 2, 1]")])
        .nullability(|_| false)
        .overloads(&[Overload::vector(&[Kind::Any], Kind::UInt64, sort_indices)]),
    Function::vector("select_k_unstable")
        .summary("Gives the indices of the first k values in order.")
        .args(&["values"])
        .options(&[
            OptionSpec::new("k", OptionKind::Integer, OptionDefault::Required, "How many indices to give at most."),
            ORDER,
            NULL_PLACEMENT,
        ])
        .examples(&[Example::new(&["int64 [5, 1, 3]"], "uint64 [1, 2]").with(&[("k", "2")])])
        .nullability(|_| false)
        .overloads(&[Overload::vector(&[Kind::Any], Kind::UInt64, select_k)]),
];

const ORDER: OptionSpec = OptionSpec::new(
    "order",
    OptionKind::Choice(&["ascending", "descending"]),
    OptionDefault::Utf8("ascending"),
    "Which values come first.",
);

const NULL_PLACEMENT: OptionSpec = OptionSpec::new(
    "null_placement",
    OptionKind::Choice(&["at_end", "at_start"]),
    OptionDefault::Utf8("at_end"),
    "Where nulls and NaNs go.",
);

fn rows(args: &Args<'_>) -> Result<Vec<u32>> {
    let direction = Direction {
        descending: args.options().utf8("order")? == "descending",
        nulls_first: args.options().utf8("null_placement")? == "at_start",
    };
    sorted_rows(&args.array(0)?, direction)
}

fn sort_indices(args: &Args<'_>) -> Result<ArrayRef> {
    Ok(Arc::new(rows(args)?.into_iter().map(u64::from).collect::<UInt64Array>()))
}

fn select_k(args: &Args<'_>) -> Result<ArrayRef> {
    let k = usize::try_from(args.options().integer("k")?)
        .map_err(|_| Error::invalid_argument("it is negative").for_argument("k"))?;
    Ok(Arc::new(rows(args)?.into_iter().take(k).map(u64::from).collect::<UInt64Array>()))
}
