// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Powers: a value multiplied by itself.
//!
//! Integers give their common type and wrap around unless checked; a negative exponent has no integer answer and fails.
//! Decimals are taken as doubles.

use arrow_array::ArrowNativeTypeOp;
use arrow_buffer::ArrowNativeType;
use arrow_schema::DataType;
use bowyer_core::arity::{Lanes, binary, try_binary};
use bowyer_core::{Error, Output, Result, with_integers};

use super::real::{ONE, map, one};
use crate::coercion::common_number;
use crate::{Args, Coercion, Example, Function, Kind, Overload};

/// `power`, its checked form, and `cbrt`.
pub const FAMILY: &[Function] = &[
    Function::scalar("cbrt")
        .summary("Gives the cube root of each value.")
        .notes("Integers and decimals are taken as doubles.")
        .args(&["value"])
        .examples(&[Example::new(&["double [27, -8, null]"], "double [3, -2, null]")])
        .coercion(ONE)
        .overloads(&const { one(|args, output| map(args, output, f32::cbrt, f64::cbrt)) }),
    Function::scalar("power")
        .summary("Raises the first value to the power of the second.")
        .notes("Integers wrap around; a negative exponent of an integer fails. Zero to the power of zero is one.")
        .args(&["base", "exponent"])
        .examples(&[Example::new(&["int64 [2, -3, null]", "int64 [10, 3, 1]"], "int64 [1024, -27, null]")])
        .fallible_for(|types, _| types.iter().any(DataType::is_integer))
        .coercion(Coercion::Always(types))
        .overloads(&[
            Overload::new(&[Kind::Null, Kind::Null], Kind::Null, power),
            Overload::new(&[Kind::Numeric, Kind::SameAs(0)], Kind::SameAs(0), power),
        ]),
    Function::scalar("power_checked")
        .summary("Raises the first value to the power of the second.")
        .notes("Fails when an integer does not fit its type or its exponent is negative.")
        .args(&["base", "exponent"])
        .examples(&[Example::new(&["int64 [2, -3, null]", "int64 [10, 3, 1]"], "int64 [1024, -27, null]")])
        .fallible_for(|types, _| types.iter().any(DataType::is_integer))
        .coercion(Coercion::Always(types))
        .overloads(&[
            Overload::new(&[Kind::Null, Kind::Null], Kind::Null, power_checked),
            Overload::new(&[Kind::Numeric, Kind::SameAs(0)], Kind::SameAs(0), power_checked),
        ]),
];

fn types(types: &[DataType]) -> Result<Option<Vec<DataType>>> {
    let plain = |data_type: &DataType| if data_type.is_decimal() { DataType::Float64 } else { data_type.clone() };
    let (a, b) = match types {
        [DataType::Null, DataType::Null] => return Ok(Some(types.to_vec())),
        [DataType::Null, other] | [other, DataType::Null] => (plain(other), plain(other)),
        [a, b] => (plain(a), plain(b)),
        _ => return Ok(None),
    };
    Ok(common_number(&a, &b).map(|common| vec![common.clone(), common]))
}

fn power(args: &Args<'_>, output: &mut Output) -> Result<()> {
    run(args, output, false)
}

fn power_checked(args: &Args<'_>, output: &mut Output) -> Result<()> {
    run(args, output, true)
}

fn run(args: &Args<'_>, output: &mut Output, checked: bool) -> Result<()> {
    let (base, exponent) = (args.column(0), args.column(1));
    match base.data_type() {
        DataType::Null => Ok(()),
        DataType::Float32 => binary(&Lanes::of(base)?, &Lanes::of(exponent)?, output, f32::powf),
        DataType::Float64 => binary(&Lanes::of(base)?, &Lanes::of(exponent)?, output, f64::powf),
        data_type => {
            with_integers!(data_type, T => integers::<T>(&Lanes::of(base)?, &Lanes::of(exponent)?, output, checked))
        }
    }
}

fn integers<T>(base: &Lanes<T>, exponent: &Lanes<T>, output: &mut Output, checked: bool) -> Result<()>
where
    T: ArrowNativeType + ArrowNativeTypeOp,
{
    let raise = |base: T, exponent: T| {
        if exponent < T::ZERO {
            return (T::ZERO, true);
        }
        let (power, wrapped) = raised(base, exponent);
        (power, wrapped && checked)
    };
    let error = |_: T, exponent: T| {
        if exponent < T::ZERO {
            Error::invalid_data("an integer to a negative power is no integer")
        } else {
            Error::overflow("the result does not fit its type")
        }
    };
    try_binary(base, exponent, output, raise, error)
}

/// Squares and multiplies: the power modulo the width of the type, and whether it wrapped on the way.
fn raised<T: ArrowNativeTypeOp>(mut base: T, mut exponent: T) -> (T, bool) {
    let two = T::ONE.add_wrapping(T::ONE);
    let (mut power, mut wrapped) = (T::ONE, false);
    let mut multiply = |a: T, b: T| {
        wrapped |= a.mul_checked(b).is_err();
        a.mul_wrapping(b)
    };
    while !exponent.is_zero() {
        if !exponent.mod_wrapping(two).is_zero() {
            power = multiply(power, base);
        }
        exponent = exponent.div_wrapping(two);
        // The last square is not used, so its overflow is none.
        if !exponent.is_zero() {
            base = multiply(base, base);
        }
    }
    (power, wrapped)
}
