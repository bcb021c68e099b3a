// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! How functions of real numbers are typed: integers and decimals are taken as doubles, floats as they are.
//!
//! A family brings a closure for each width; floats of 16 bits are computed with 32.

use arrow_schema::DataType;
use bowyer_core::arity::{Lanes, binary, try_binary, try_unary, unary};
use bowyer_core::dispatch::unsupported;
use bowyer_core::{Error, Output, Result};

use crate::coercion::common_number;
use crate::{Args, Coercion, Kernel, Kind, Overload};

/// The overloads of a function of one number.
pub(crate) const fn one(kernel: Kernel) -> [Overload; 3] {
    [
        Overload::new(&[Kind::Null], Kind::Null, kernel),
        Overload::new(&[Kind::Float32], Kind::Float32, kernel),
        Overload::new(&[Kind::Float64], Kind::Float64, kernel),
    ]
}

/// The overloads of a function of two numbers.
pub(crate) const fn two(kernel: Kernel) -> [Overload; 3] {
    [
        Overload::new(&[Kind::Null, Kind::Null], Kind::Null, kernel),
        Overload::new(&[Kind::Float32, Kind::Float32], Kind::Float32, kernel),
        Overload::new(&[Kind::Float64, Kind::Float64], Kind::Float64, kernel),
    ]
}

/// How one argument is cast.
pub(crate) const ONE: Coercion = Coercion::Custom(one_type);

/// How two arguments are cast.
pub(crate) const TWO: Coercion = Coercion::Custom(two_types);

fn plain(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Float16 => Some(DataType::Float32),
        DataType::Float32 | DataType::Float64 | DataType::Null => Some(data_type.clone()),
        other if other.is_integer() || other.is_decimal() => Some(DataType::Float64),
        _ => None,
    }
}

fn one_type(types: &[DataType]) -> Option<Vec<DataType>> {
    types.iter().map(plain).collect()
}

fn two_types(types: &[DataType]) -> Option<Vec<DataType>> {
    let [a, b] = types else { return None };
    let (a, b) = (plain(a)?, plain(b)?);
    let common = match (&a, &b) {
        (DataType::Null, other) | (other, DataType::Null) => other.clone(),
        (a, b) => common_number(a, b)?,
    };
    Some(vec![common.clone(), common])
}

/// Writes the function of each number.
pub(crate) fn map(
    args: &Args<'_>,
    output: &mut Output,
    narrow: impl Fn(f32) -> f32,
    wide: impl Fn(f64) -> f64,
) -> Result<()> {
    let value = args.column(0);
    match value.data_type() {
        DataType::Null => Ok(()),
        DataType::Float32 => unary(&Lanes::of(value)?, output, narrow),
        DataType::Float64 => unary(&Lanes::of(value)?, output, wide),
        other => unsupported(other),
    }
}

/// Writes the function of each number, which fails where `refusal` says why.
pub(crate) fn try_map(
    args: &Args<'_>,
    output: &mut Output,
    narrow: impl Fn(f32) -> f32,
    wide: impl Fn(f64) -> f64,
    refusal: impl Fn(f64) -> Option<&'static str>,
) -> Result<()> {
    let value = args.column(0);
    let error = |value: f64| Error::invalid_data(refusal(value).unwrap_or("it has no answer"));
    match value.data_type() {
        DataType::Null => Ok(()),
        DataType::Float32 => {
            let f = |value: f32| (narrow(value), refusal(f64::from(value)).is_some());
            try_unary(&Lanes::of(value)?, output, f, |value| error(f64::from(value)))
        }
        DataType::Float64 => {
            try_unary(&Lanes::of(value)?, output, |value: f64| (wide(value), refusal(value).is_some()), error)
        }
        other => unsupported(other),
    }
}

/// Writes the function of each pair of numbers.
pub(crate) fn map_pairs(
    args: &Args<'_>,
    output: &mut Output,
    narrow: impl Fn(f32, f32) -> f32,
    wide: impl Fn(f64, f64) -> f64,
) -> Result<()> {
    let (a, b) = (args.column(0), args.column(1));
    match a.data_type() {
        DataType::Null => Ok(()),
        DataType::Float32 => binary(&Lanes::of(a)?, &Lanes::of(b)?, output, narrow),
        DataType::Float64 => binary(&Lanes::of(a)?, &Lanes::of(b)?, output, wide),
        other => unsupported(other),
    }
}

/// Writes the function of each pair of numbers, which fails where `refusal` says why.
pub(crate) fn try_map_pairs(
    args: &Args<'_>,
    output: &mut Output,
    narrow: impl Fn(f32, f32) -> f32,
    wide: impl Fn(f64, f64) -> f64,
    refusal: impl Fn(f64, f64) -> Option<&'static str>,
) -> Result<()> {
    let (a, b) = (args.column(0), args.column(1));
    let error = |a: f64, b: f64| Error::invalid_data(refusal(a, b).unwrap_or("it has no answer"));
    match a.data_type() {
        DataType::Null => Ok(()),
        DataType::Float32 => {
            let f = |a: f32, b: f32| (narrow(a, b), refusal(f64::from(a), f64::from(b)).is_some());
            try_binary(&Lanes::of(a)?, &Lanes::of(b)?, output, f, |a, b| error(f64::from(a), f64::from(b)))
        }
        DataType::Float64 => {
            let f = |a: f64, b: f64| (wide(a, b), refusal(a, b).is_some());
            try_binary(&Lanes::of(a)?, &Lanes::of(b)?, output, f, error)
        }
        other => unsupported(other),
    }
}
