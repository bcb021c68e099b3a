// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Rows to places: the inverse of taking rows, and finding the place where a value belongs.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, UInt64Array};
use arrow_schema::DataType;
use arrow_select::concat::concat;
use bowyer_core::{Column, Error, Result};

use super::rows::take_rows64;
use super::sort::sorted_with_ties;
use crate::{Args, CastMode, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Options, Overload, cast};

const MAX_INDEX: OptionSpec = OptionSpec::new(
    "max_index",
    OptionKind::Integer,
    OptionDefault::Integer(-1),
    "The last place; -1 for as many places as there are indices.",
);

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::vector("inverse_permutation")
        .summary("Gives for each place the row whose index names it.")
        .notes("Null for a place that no index names. Null indices are left out; of equal ones the last counts.")
        .args(&["indices"])
        .options(&[
            MAX_INDEX,
            OptionSpec::new(
                "output_type",
                OptionKind::Type,
                OptionDefault::Null,
                "The type of the rows; that of the indices without it.",
            ),
        ])
        .examples(&[Example::new(&["int64 [2, 0, null]"], "int64 [1, null, 0]")])
        .fallible()
        .overloads(&[Overload::vector(&[Kind::AnyInteger], Kind::Computed(rows_type), inverse_permutation)]),
    Function::vector("scatter")
        .summary("Puts each value at the place that its index names.")
        .notes("Null for a place that no index names. Null indices are left out; of equal ones the last counts.")
        .args(&["values", "indices"])
        .options(&[MAX_INDEX])
        .examples(&[Example::new(&["string [\"a\", \"b\"]", "int64 [1, 0]"], "string [\"b\", \"a\"]")])
        .fallible()
        .overloads(&[Overload::vector(&[Kind::Any, Kind::AnyInteger], Kind::SameAs(0), scatter)]),
    Function::vector("search_sorted")
        .summary("Finds where each value belongs among values in ascending order.")
        .notes("The values may have nulls at one end. A null gives null; NaN comes after all numbers.")
        .args(&["values", "needles"])
        .options(&[OptionSpec::new(
            "side",
            OptionKind::Choice(&["left", "right"]),
            OptionDefault::Utf8("left"),
            "Whether a value belongs before or after its equals.",
        )])
        .examples(&[Example::new(&["int64 [10, 20, 20, 30]", "int64 [20, 5, null]"], "uint64 [1, 0, null]")])
        .fallible()
        .overloads(&[Overload::vector(&[Kind::Any, Kind::SameAs(0)], Kind::UInt64, search_sorted)]),
];

fn rows_type(types: &[DataType], options: &Options) -> Result<DataType> {
    if options.is_null("output_type")? {
        return Ok(types[0].clone());
    }
    let asked = options.data_type("output_type")?;
    if asked.is_integer() {
        return Ok(asked.clone());
    }
    Err(Error::type_mismatch(format!("{asked} is no integer type")).for_argument("output_type"))
}

/// The row that each place gets.
fn inverse(args: &Args<'_>, indices: &ArrayRef) -> Result<UInt64Array> {
    let last = args.options().integer("max_index")?;
    let places = match last {
        -1 => indices.len(),
        last => usize::try_from(last)
            .ok()
            .and_then(|last| last.checked_add(1))
            .ok_or_else(|| Error::invalid_argument("it is less than -1").for_argument("max_index"))?,
    };
    let _charge = args.memory().charge(places.saturating_mul(size_of::<Option<u64>>()))?;
    let wide =
        cast(&Column::Array(indices.clone()), &DataType::Int64, CastMode::Wrapping, args.memory())?.to_array()?;
    let mut rows: Vec<Option<u64>> = vec![None; places];
    for (row, index) in wide.as_primitive::<Int64Type>().iter().enumerate() {
        let Some(index) = index else { continue };
        let place = usize::try_from(index).ok().and_then(|index| rows.get_mut(index));
        let outside = || Error::out_of_bounds(format!("the index is none of {places} places")).at_row(row);
        *place.ok_or_else(|| outside().for_argument("indices"))? = Some(row as u64);
    }
    Ok(UInt64Array::from(rows))
}

fn inverse_permutation(args: &Args<'_>) -> Result<ArrayRef> {
    let rows: ArrayRef = Arc::new(inverse(args, &args.array(0)?)?);
    let rows = cast(&Column::Array(rows), args.output_type(), CastMode::Checked, args.memory());
    let too_many = |mut error: Error| {
        // The row is a place of the result.
        error.place_mut().row = None;
        error.for_argument("output_type")
    };
    rows.map_err(too_many)?.to_array()
}

fn scatter(args: &Args<'_>) -> Result<ArrayRef> {
    let (values, indices) = (args.array(0)?, args.array(1)?);
    if values.len() != indices.len() {
        let message = format!("{} values and {} indices", values.len(), indices.len());
        return Err(Error::invalid_argument(message));
    }
    take_rows64(&values, &inverse(args, &indices)?, args.memory())
}

fn search_sorted(args: &Args<'_>) -> Result<ArrayRef> {
    let (values, needles) = (super::encodings::plain(args.column(0))?, super::encodings::plain(args.column(1))?);
    let nulls = values.logical_nulls();
    let is_null = |row: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
    let first = (0..values.len()).find(|row| !is_null(*row)).unwrap_or(0);
    let end = (first..values.len()).find(|row| is_null(*row)).unwrap_or_else(|| values.len());
    if (end..values.len()).any(|row| !is_null(row)) || (first > 0 && end < values.len()) {
        return Err(Error::invalid_argument("the nulls are not all at one end").for_argument("values"));
    }
    // Values and needles are ranked together, so that any type that can be sorted can be searched.
    let (rows, differs) = sorted_with_ties(&concat(&[&values.slice(first, end - first), &needles])?)?;
    let count = end - first;
    let mut below = vec![0u64; needles.len()];
    let (mut seen, mut equal_from) = (0u64, 0);
    let right = args.options().utf8("side")? == "right";
    let mut waiting: Vec<usize> = Vec::new();
    for (row, differs) in rows.into_iter().zip(differs) {
        if differs {
            waiting.drain(..).for_each(|needle| below[needle] = if right { seen } else { equal_from });
            equal_from = seen;
        }
        match (row as usize).checked_sub(count) {
            Some(needle) => waiting.push(needle),
            None => seen += 1,
        }
    }
    waiting.into_iter().for_each(|needle| below[needle] = if right { seen } else { equal_from });
    let places = below.into_iter().map(|place| place + first as u64).collect::<Vec<_>>();
    Ok(Arc::new(UInt64Array::new(places.into(), needles.logical_nulls())))
}
