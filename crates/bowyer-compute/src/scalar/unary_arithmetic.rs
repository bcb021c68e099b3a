// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Arithmetic on one value: negation, absolute value, sign, square root.
//!
//! The forms called `_checked` fail where the plain ones wrap around or give NaN. Decimals and durations never leave
//! their type but for the smallest number, whose negation does not exist.

use arrow_array::ArrowNativeTypeOp;
use arrow_buffer::ArrowNativeType;
use arrow_schema::DataType;
use bowyer_core::arity::{Lanes, try_unary, unary};
use bowyer_core::dispatch::unsupported;
use bowyer_core::{Error, Output, Result, with_floats, with_native};

use crate::{Args, Coercion, Example, Function, Kind, Overload};

/// `negate`, `abs`, `sign`, `sqrt` and the checked forms.
pub const FAMILY: &[Function] = &[
    Function::scalar("negate")
        .summary("Changes the sign of each value.")
        .notes("Integers wrap around; the smallest stays itself.")
        .args(&["value"])
        .examples(&[Example::new(&["int8 [1, -128, null]"], "int8 [-1, -128, null]")])
        .overloads(NEGATE),
    Function::scalar("negate_checked")
        .summary("Changes the sign of each value.")
        .notes("Fails for the smallest integer. Unsigned integers are not taken.")
        .args(&["value"])
        .examples(&[Example::new(&["int8 [1, -127, null]"], "int8 [-1, 127, null]")])
        .fallible_for(|types, _| !types[0].is_floating())
        .overloads(NEGATE_CHECKED),
    Function::scalar("abs")
        .summary("Gives the distance of each value from zero.")
        .notes("The smallest integer stays itself.")
        .args(&["value"])
        .examples(&[Example::new(&["double [-1.5, -0.0, null]"], "double [1.5, 0, null]")])
        .overloads(ABS),
    Function::scalar("abs_checked")
        .summary("Gives the distance of each value from zero.")
        .notes("Fails for the smallest integer.")
        .args(&["value"])
        .examples(&[Example::new(&["int8 [-127, 5, null]"], "int8 [127, 5, null]")])
        .fallible_for(|types, _| !(types[0].is_floating() || types[0].is_unsigned_integer()))
        .overloads(ABS_CHECKED),
    Function::scalar("sign")
        .summary("Gives -1, 0 or 1 as each value is negative, zero or positive.")
        .notes("Integers and durations give int8, decimals int64, floats their own type; NaN stays NaN.")
        .args(&["value"])
        .examples(&[Example::new(&["int64 [-7, 0, 7, null]"], "int8 [-1, 0, 1, null]")])
        .overloads(SIGN),
    Function::scalar("sqrt")
        .summary("Gives the square root of each value.")
        .notes("A negative value gives NaN. Integers and decimals are taken as doubles.")
        .args(&["value"])
        .examples(&[Example::new(&["int64 [4, 2, null]"], "double [2, 1.4142135623730951, null]")])
        .coercion(Coercion::Custom(as_double))
        .overloads(SQRT),
    Function::scalar("sqrt_checked")
        .summary("Gives the square root of each value.")
        .notes("Fails for a negative value. Integers and decimals are taken as doubles.")
        .args(&["value"])
        .examples(&[Example::new(&["double [4, 2.25, null]"], "double [2, 1.5, null]")])
        .fallible()
        .coercion(Coercion::Custom(as_double))
        .overloads(SQRT_CHECKED),
];

const NEGATE: &[Overload] = &[
    Overload::new(&[Kind::Null], Kind::Null, nothing),
    Overload::new(&[Kind::AnyInteger], Kind::SameAs(0), negate),
    Overload::new(&[Kind::AnyFloat], Kind::SameAs(0), negate),
    Overload::new(&[Kind::AnyDecimal], Kind::SameAs(0), negate),
    Overload::new(&[Kind::AnyDuration], Kind::SameAs(0), negate),
];
const NEGATE_CHECKED: &[Overload] = &[
    Overload::new(&[Kind::Null], Kind::Null, nothing),
    Overload::new(&[Kind::AnySigned], Kind::SameAs(0), negate_checked),
    Overload::new(&[Kind::AnyFloat], Kind::SameAs(0), negate),
    Overload::new(&[Kind::AnyDecimal], Kind::SameAs(0), negate),
    Overload::new(&[Kind::AnyDuration], Kind::SameAs(0), negate_checked),
];
const ABS: &[Overload] = &[
    Overload::new(&[Kind::Null], Kind::Null, nothing),
    Overload::new(&[Kind::AnyInteger], Kind::SameAs(0), abs),
    Overload::new(&[Kind::AnyFloat], Kind::SameAs(0), abs_of_float),
    Overload::new(&[Kind::AnyDecimal], Kind::SameAs(0), abs),
    Overload::new(&[Kind::AnyDuration], Kind::SameAs(0), abs),
];
const ABS_CHECKED: &[Overload] = &[
    Overload::new(&[Kind::Null], Kind::Null, nothing),
    Overload::new(&[Kind::AnyInteger], Kind::SameAs(0), abs_checked),
    Overload::new(&[Kind::AnyFloat], Kind::SameAs(0), abs_of_float),
    Overload::new(&[Kind::AnyDecimal], Kind::SameAs(0), abs),
    Overload::new(&[Kind::AnyDuration], Kind::SameAs(0), abs_checked),
];
const SIGN: &[Overload] = &[
    Overload::new(&[Kind::Null], Kind::Null, nothing),
    Overload::new(&[Kind::AnyInteger], Kind::Int8, sign),
    Overload::new(&[Kind::AnyFloat], Kind::SameAs(0), sign_of_float),
    Overload::new(&[Kind::AnyDecimal], Kind::Int64, sign),
    Overload::new(&[Kind::AnyDuration], Kind::Int8, sign),
];
const SQRT: &[Overload] = &[
    Overload::new(&[Kind::Null], Kind::Null, nothing),
    Overload::new(&[Kind::Float32], Kind::Float32, sqrt),
    Overload::new(&[Kind::Float64], Kind::Float64, sqrt),
];
const SQRT_CHECKED: &[Overload] = &[
    Overload::new(&[Kind::Null], Kind::Null, nothing),
    Overload::new(&[Kind::Float32], Kind::Float32, sqrt_checked),
    Overload::new(&[Kind::Float64], Kind::Float64, sqrt_checked),
];

fn as_double(types: &[DataType]) -> Option<Vec<DataType>> {
    types.iter().all(|data_type| data_type.is_integer() || data_type.is_decimal()).then(|| vec![DataType::Float64])
}

/// For the null type: every row is null, which the binding has said already.
fn nothing(_: &Args<'_>, _: &mut Output) -> Result<()> {
    Ok(())
}

fn negate(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let value = args.column(0);
    with_native!(value.data_type(), T => unary(&Lanes::<T>::of(value)?, output, T::neg_wrapping))
}

fn negate_checked(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let value = args.column(0);
    with_native!(value.data_type(), T => negate_lanes::<T>(&Lanes::of(value)?, output))
}

fn negate_lanes<T: ArrowNativeType + ArrowNativeTypeOp>(values: &Lanes<T>, output: &mut Output) -> Result<()> {
    try_unary(values, output, |value| (value.neg_wrapping(), is_smallest(value)), overflow)
}

/// The smallest signed number is the one, beside zero, that is its own negation.
#[inline(always)]
fn is_smallest<T: ArrowNativeTypeOp>(value: T) -> bool {
    value < T::ZERO && value.neg_wrapping() == value
}

#[cold]
fn overflow<T>(_: T) -> Error {
    Error::overflow("the result does not fit its type")
}

#[inline(always)]
fn distance<T: ArrowNativeTypeOp>(value: T) -> T {
    if value < T::ZERO { value.neg_wrapping() } else { value }
}

fn abs(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let value = args.column(0);
    with_native!(value.data_type(), T => unary(&Lanes::<T>::of(value)?, output, distance))
}

fn abs_checked(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let value = args.column(0);
    with_native!(value.data_type(), T => abs_lanes::<T>(&Lanes::of(value)?, output))
}

fn abs_lanes<T: ArrowNativeType + ArrowNativeTypeOp>(values: &Lanes<T>, output: &mut Output) -> Result<()> {
    try_unary(values, output, |value| (distance(value), is_smallest(value)), overflow)
}

fn abs_of_float(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let value = args.column(0);
    match value.data_type() {
        DataType::Float32 => unary(&Lanes::of(value)?, output, f32::abs),
        DataType::Float64 => unary(&Lanes::of(value)?, output, f64::abs),
        DataType::Float16 => {
            unary(&Lanes::of(value)?, output, |value: half::f16| half::f16::from_bits(value.to_bits() & 0x7fff))
        }
        other => unsupported(other),
    }
}

fn sign(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let value = args.column(0);
    if output.data_type() == &DataType::Int64 {
        return with_native!(value.data_type(), T => unary(&Lanes::<T>::of(value)?, output, |value| i64::from(side(value))));
    }
    with_native!(value.data_type(), T => unary(&Lanes::<T>::of(value)?, output, side))
}

#[inline(always)]
fn side<T: ArrowNativeTypeOp>(value: T) -> i8 {
    i8::from(value > T::ZERO) - i8::from(value < T::ZERO)
}

fn sign_of_float(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let value = args.column(0);
    with_floats!(value.data_type(), T => unary(&Lanes::<T>::of(value)?, output, float_side))
}

/// NaN is on neither side: it stays.
#[inline(always)]
fn float_side<T: ArrowNativeTypeOp>(value: T) -> T {
    if value > T::ZERO {
        T::ONE
    } else if value < T::ZERO {
        T::ONE.neg_wrapping()
    } else if value == T::ZERO {
        T::ZERO
    } else {
        value
    }
}

fn sqrt(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let value = args.column(0);
    match value.data_type() {
        DataType::Float32 => unary(&Lanes::of(value)?, output, f32::sqrt),
        DataType::Float64 => unary(&Lanes::of(value)?, output, f64::sqrt),
        other => unsupported(other),
    }
}

fn sqrt_checked(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let value = args.column(0);
    let negative = || Error::invalid_data("the square root of a negative number");
    match value.data_type() {
        DataType::Float32 => {
            try_unary(&Lanes::of(value)?, output, |value: f32| (value.sqrt(), value < 0.0), |_| negative())
        }
        DataType::Float64 => {
            try_unary(&Lanes::of(value)?, output, |value: f64| (value.sqrt(), value < 0.0), |_| negative())
        }
        other => unsupported(other),
    }
}
