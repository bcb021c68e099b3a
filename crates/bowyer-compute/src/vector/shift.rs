// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The value of a row some rows away, and the change since then.

use arrow_array::{Array, ArrayRef, UInt64Array, new_null_array};
use arrow_select::concat::concat;
use bowyer_core::{Column, Memory, Result};

use super::rows::take_rows64;
use crate::coercion::literal_as;
use crate::scalar::cast::{CastMode, cast};
use crate::{Args, Argument, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Overload, bind};

const PERIODS: OptionSpec = OptionSpec::new(
    "periods",
    OptionKind::Integer,
    OptionDefault::Integer(1),
    "How many rows back the value comes from; a negative number looks ahead.",
);

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::vector("shift")
        .summary("Gives each row the value of the row so many before it.")
        .notes("Rows without such a row have the fill value, or null.")
        .args(&["values"])
        .options(&[
            PERIODS,
            OptionSpec::new("fill_value", OptionKind::Scalar, OptionDefault::Null, "What stands where no row is."),
        ])
        .examples(&[Example::new(&["int64 [1, 2, 3]"], "int64 [null, 1, 2]")])
        .overloads(&[Overload::vector(&[Kind::Any], Kind::SameAs(0), shift)]),
    Function::vector("pct_change")
        .summary("Gives the change of each value since the row so many before it, as a share of that one.")
        .args(&["values"])
        .options(&[PERIODS])
        .examples(&[Example::new(&["int64 [2, 3, null]"], "double [null, 0.5, null]")])
        .overloads(&[
            Overload::vector(&[Kind::Numeric], Kind::Float64, change),
            Overload::vector(&[Kind::AnyDecimal], Kind::Float64, change),
        ]),
];

fn shifted(values: &ArrayRef, periods: i64, fill: &ArrayRef, memory: &Memory) -> Result<ArrayRef> {
    let distance = usize::try_from(periods.unsigned_abs()).unwrap_or(usize::MAX).min(values.len());
    let kept = values.len() - distance;
    let fill = take_rows64(fill, &UInt64Array::from_value(0, distance), memory)?;
    let parts: [&dyn Array; 2] =
        if periods >= 0 { [&fill, &values.slice(0, kept)] } else { [&values.slice(distance, kept), &fill] };
    Ok(concat(&parts)?)
}

fn shift(args: &Args<'_>) -> Result<ArrayRef> {
    let values = args.array(0)?;
    let fill = match args.options().is_null("fill_value")? {
        true => new_null_array(values.data_type(), 1),
        false => literal_as(args.options().array("fill_value")?, values.data_type(), args.memory())
            .map_err(|error| error.for_argument("fill_value"))?,
    };
    shifted(&values, args.options().integer("periods")?, &fill, args.memory())
}

fn change(args: &Args<'_>) -> Result<ArrayRef> {
    let float = arrow_schema::DataType::Float64;
    let values = cast(&Column::Array(args.array(0)?), &float, CastMode::Wrapping, args.memory())?.to_array()?;
    let null = new_null_array(&float, 1);
    let before = shifted(&values, args.options().integer("periods")?, &null, args.memory())?;
    let row_count = values.len();
    let of = [Argument::new(float.clone()), Argument::new(float)];
    let call = |name: &str, a: ArrayRef, b: ArrayRef| {
        bind(name, &of, vec![])?.call(&[Column::Array(a), Column::Array(b)], row_count, args.memory())?.to_array()
    };
    let difference = call("subtract", values, before.clone())?;
    call("divide", difference, before)
}
