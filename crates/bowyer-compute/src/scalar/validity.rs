// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What kind of value stands in a row: null, valid, NaN, infinite.
//!
//! A row is null when it has no value, whatever the encoding: a dictionary's key may point at a null value, a union or a
//! run has nulls without a bitmap.

use arrow_array::Array;
use arrow_buffer::{ArrowNativeType, BooleanBuffer, NullBuffer};
use bowyer_core::arity::{Lanes, fill_bits, unary_bits};
use bowyer_core::bits::{build, map_words, zip_words};
use bowyer_core::{Column, Memory, Output, Result, with_floats};

use crate::{Args, Example, Function, Kind, Nulls, OptionDefault, OptionKind, OptionSpec, Overload};

/// `is_null`, `is_valid`, `is_nan`, `is_finite`, `is_inf`, `true_unless_null`.
pub const FAMILY: &[Function] = &[
    Function::scalar("is_null")
        .summary("Tells whether a row has no value.")
        .args(&["value"])
        .options(&[OptionSpec::new(
            "nan_is_null",
            OptionKind::Boolean,
            OptionDefault::Boolean(false),
            "Whether NaN counts as no value.",
        )])
        .examples(&[
            Example::new(&["int64 [1, null]"], "bool [false, true]"),
            Example::new(&["double [nan, null]"], "bool [true, true]").with(&[("nan_is_null", "true")]),
        ])
        .nulls(Nulls::Never)
        .overloads(&[Overload::new(&[Kind::Any], Kind::Boolean, is_null)]),
    Function::scalar("is_valid")
        .aliases(&["is_not_null"])
        .summary("Tells whether a row has a value; NaN is one.")
        .args(&["value"])
        .examples(&[Example::new(&["double [1, nan, null]"], "bool [true, true, false]")])
        .nulls(Nulls::Never)
        .overloads(&[Overload::new(&[Kind::Any], Kind::Boolean, is_valid)]),
    Function::scalar("true_unless_null")
        .summary("Gives true where there is a value and null where there is none.")
        .args(&["value"])
        .examples(&[Example::new(&["string [\"a\", null]"], "bool [true, null]")])
        .overloads(&[Overload::new(&[Kind::Any], Kind::Boolean, always)]),
    Function::scalar("is_nan")
        .summary("Tells whether a value is NaN; integers, decimals and durations never are.")
        .args(&["value"])
        .examples(&[Example::new(&["double [1, nan, null]"], "bool [false, true, null]")])
        .overloads(IS_NAN),
    Function::scalar("is_finite")
        .summary("Tells whether a value is neither infinite nor NaN; integers, decimals and durations always are.")
        .args(&["value"])
        .examples(&[Example::new(&["double [1, nan, -inf, null]"], "bool [true, false, false, null]")])
        .overloads(IS_FINITE),
    Function::scalar("is_inf")
        .summary("Tells whether a value is infinite; integers, decimals and durations never are.")
        .args(&["value"])
        .examples(&[Example::new(&["double [1, nan, -inf, null]"], "bool [false, false, true, null]")])
        .overloads(IS_INF),
];

const IS_NAN: &[Overload] = &[
    Overload::new(&[Kind::AnyFloat], Kind::Boolean, is_nan),
    Overload::new(&[Kind::Null], Kind::Boolean, never),
    Overload::new(&[Kind::AnyInteger], Kind::Boolean, never),
    Overload::new(&[Kind::AnyDecimal], Kind::Boolean, never),
    Overload::new(&[Kind::AnyDuration], Kind::Boolean, never),
];
const IS_FINITE: &[Overload] = &[
    Overload::new(&[Kind::AnyFloat], Kind::Boolean, is_finite),
    Overload::new(&[Kind::Null], Kind::Boolean, always),
    Overload::new(&[Kind::AnyInteger], Kind::Boolean, always),
    Overload::new(&[Kind::AnyDecimal], Kind::Boolean, always),
    Overload::new(&[Kind::AnyDuration], Kind::Boolean, always),
];
const IS_INF: &[Overload] = &[
    Overload::new(&[Kind::AnyFloat], Kind::Boolean, is_inf),
    Overload::new(&[Kind::Null], Kind::Boolean, never),
    Overload::new(&[Kind::AnyInteger], Kind::Boolean, never),
    Overload::new(&[Kind::AnyDecimal], Kind::Boolean, never),
    Overload::new(&[Kind::AnyDuration], Kind::Boolean, never),
];

/// The rows of a column that have a value; all of them without a bitmap.
pub(crate) fn valid_rows(column: &Column, row_count: usize) -> Option<BooleanBuffer> {
    match column {
        Column::Array(array) => array.logical_nulls().map(NullBuffer::into_inner),
        Column::Scalar { value, .. } => (value.logical_null_count() > 0).then(|| BooleanBuffer::new_unset(row_count)),
    }
}

fn is_valid(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let valid = valid_rows(args.column(0), args.row_count());
    let out = output.bits()?;
    match valid {
        None => out.fill(u64::MAX),
        Some(valid) => map_words(&valid, out, |word| word),
    }
    Ok(())
}

fn is_null(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let column = args.column(0);
    let row_count = args.row_count();
    let valid = valid_rows(column, row_count);
    let number = if args.options().boolean("nan_is_null")? && column.data_type().is_floating() {
        Some(numbers(column, row_count, args.memory())?)
    } else {
        None
    };
    let out = output.bits()?;
    match (valid, number) {
        (None, None) => out.fill(0),
        (Some(rows), None) | (None, Some(rows)) => map_words(&rows, out, |word| !word),
        (Some(valid), Some(number)) => zip_words(&valid, &number, out, |valid, number| !(valid & number)),
    }
    Ok(())
}

/// The rows of a float column that are not NaN.
fn numbers(column: &Column, row_count: usize, memory: &Memory) -> Result<BooleanBuffer> {
    with_floats!(column.data_type(), T => number_rows(&Lanes::<T>::of(column)?, row_count, memory))
}

fn number_rows<T>(values: &Lanes<T>, row_count: usize, memory: &Memory) -> Result<BooleanBuffer>
where
    T: ArrowNativeType + PartialOrd,
{
    // Only NaN differs from itself.
    let is_number = |row| {
        let value = values.value(row);
        value.partial_cmp(&value).is_some()
    };
    build(row_count, memory, |words| fill_bits(words, row_count, is_number))
}

fn is_nan(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let value = args.column(0);
    with_floats!(value.data_type(), T => unary_bits(&Lanes::<T>::of(value)?, output, T::is_nan))
}

fn is_finite(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let value = args.column(0);
    with_floats!(value.data_type(), T => unary_bits(&Lanes::<T>::of(value)?, output, T::is_finite))
}

fn is_inf(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let value = args.column(0);
    with_floats!(value.data_type(), T => unary_bits(&Lanes::<T>::of(value)?, output, T::is_infinite))
}

fn always(_: &Args<'_>, output: &mut Output) -> Result<()> {
    output.bits()?.fill(u64::MAX);
    Ok(())
}

fn never(_: &Args<'_>, output: &mut Output) -> Result<()> {
    output.bits()?.fill(0);
    Ok(())
}
