// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Differences of a row and one a fixed number of rows away.

use arrow_array::{Array, ArrayRef, new_null_array};
use arrow_schema::DataType;
use arrow_select::concat::concat;
use bowyer_core::{Column, Error, Result};

use crate::{
    Args, Argument, Bound, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Options, Overload, bind,
};

const PERIOD: OptionSpec = OptionSpec::new(
    "period",
    OptionKind::Integer,
    OptionDefault::Integer(1),
    "How many rows back the other row is; a negative number looks ahead.",
);

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::vector("pairwise_diff")
        .summary("Subtracts from each value the one some rows before it.")
        .notes("Rows without a partner are null. The type is that of the difference; integers wrap around.")
        .args(&["values"])
        .options(&[PERIOD])
        .examples(&[Example::new(&["int64 [1, 4, null]"], "int64 [null, 3, null]")])
        .fallible_for(|types, _| types[0].is_decimal() || types[0].is_temporal())
        .overloads(&[Overload::vector(
            &[Kind::Any],
            Kind::Computed(|types, _: &Options| {
                difference("subtract", &types[0]).map(|bound| bound.output_type().clone())
            }),
            |args| diff(args, "subtract"),
        )]),
    Function::vector("pairwise_diff_checked")
        .summary("Subtracts from each value the one some rows before it.")
        .notes("Rows without a partner are null. Fails when a difference does not fit the type.")
        .args(&["values"])
        .options(&[PERIOD])
        .examples(&[Example::new(&["int64 [1, 4, null]"], "int64 [null, 3, null]")])
        .fallible_for(|types, _| !types[0].is_floating())
        .overloads(&[Overload::vector(
            &[Kind::Any],
            Kind::Computed(|types, _: &Options| {
                difference("subtract_checked", &types[0]).map(|bound| bound.output_type().clone())
            }),
            |args| diff(args, "subtract_checked"),
        )]),
];

fn difference(subtract: &str, data_type: &DataType) -> Result<Bound> {
    bind(subtract, &[Argument::new(data_type.clone()), Argument::new(data_type.clone())], vec![])
}

fn diff(args: &Args<'_>, subtract: &str) -> Result<ArrayRef> {
    let values = args.array(0)?;
    let period = args.options().integer("period")?;
    let distance = usize::try_from(period.unsigned_abs()).unwrap_or(usize::MAX).min(values.len());
    let count = values.len() - distance;
    let (early, late) = (values.slice(0, count), values.slice(distance, count));
    let (minuend, subtrahend) = if period >= 0 { (late, early) } else { (early, late) };
    let bound = difference(subtract, values.data_type())?;
    let first = if period >= 0 { distance } else { 0 };
    let differences = bound.call(&[Column::Array(minuend), Column::Array(subtrahend)], count, args.memory());
    let differences = differences.map_err(|error| shifted(error, first))?.to_array()?;
    let without = new_null_array(args.output_type(), distance);
    let parts: [&dyn Array; 2] = if period >= 0 { [&without, &differences] } else { [&differences, &without] };
    Ok(concat(&parts)?)
}

/// The error of a row of the differences, as one of a row of the values.
fn shifted(mut error: Error, first: usize) -> Error {
    if let Some(row) = &mut error.place_mut().row {
        *row += first as u64;
    }
    error
}
