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
use keys::{Direction, sort, sorted_rows};

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
    Function::vector("partition_nth_indices")
        .summary("Gives indices that put the value that sorting would put at a place there, no greater ones before it.")
        .notes("The order on either side is open. Nulls go to the end, or to the start, with NaNs beside them.")
        .args(&["values"])
        .options(&[
            OptionSpec::new("pivot", OptionKind::Integer, OptionDefault::Required, "The place, from zero."),
            NULL_PLACEMENT,
        ])
        .examples(&[Example::new(&["int64 [5, 1, 3]"], "uint64 [1, 2, 0]").with(&[("pivot", "1")])])
        .nullability(|_| false)
        .overloads(&[Overload::vector(&[Kind::Any], Kind::UInt64, partition)]),
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

/// The rows of an array in ascending order, nulls at the end, and whether each differs from the one before it.
///
/// # Errors
/// `NotImplemented` for types without an order.
pub(crate) fn sorted_with_ties(array: &ArrayRef) -> Result<(Vec<u32>, Vec<bool>)> {
    sort(array, Direction { descending: false, nulls_first: false })
}

/// As [`sorted_with_ties`], in the order that options ask for.
///
/// # Errors
/// As [`sorted_with_ties`].
pub(crate) fn sorted_as_asked(array: &ArrayRef, descending: bool, nulls_first: bool) -> Result<(Vec<u32>, Vec<bool>)> {
    sort(array, Direction { descending, nulls_first })
}

fn sort_indices(args: &Args<'_>) -> Result<ArrayRef> {
    Ok(Arc::new(rows(args)?.into_iter().map(u64::from).collect::<UInt64Array>()))
}

fn select_k(args: &Args<'_>) -> Result<ArrayRef> {
    let k = usize::try_from(args.options().integer("k")?)
        .map_err(|_| Error::invalid_argument("it is negative").for_argument("k"))?;
    Ok(Arc::new(rows(args)?.into_iter().take(k).map(u64::from).collect::<UInt64Array>()))
}

/// What is sorted is partitioned at every place.
fn partition(args: &Args<'_>) -> Result<ArrayRef> {
    let values = args.array(0)?;
    let pivot = usize::try_from(args.options().integer("pivot")?).ok().filter(|pivot| *pivot <= values.len());
    let outside = || Error::out_of_bounds(format!("it is no place of {} values", values.len())).for_argument("pivot");
    pivot.ok_or_else(outside)?;
    let nulls_first = args.options().utf8("null_placement")? == "at_start";
    let rows = sorted_rows(&values, Direction { descending: false, nulls_first })?;
    Ok(Arc::new(rows.into_iter().map(u64::from).collect::<UInt64Array>()))
}
