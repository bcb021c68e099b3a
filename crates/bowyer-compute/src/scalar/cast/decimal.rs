// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Casts into, out of and between decimals.
//!
//! All go through integers of 128 bits, or of 256 when a side is that wide. Digits that the scale cannot hold are an
//! error unless truncation is allowed; digits that the precision cannot hold always are. An integer is cast by its
//! value, whatever precision its type might need.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float16Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, ArrowNativeTypeOp};
use arrow_buffer::{ArrowNativeType, i256};
use arrow_schema::DataType;
use bowyer_core::{Error, Output, Result};
use half::f16;

use super::lanes::{lanes, try_lanes, without};
use super::whole_decimal::cast_integers;
use super::{Cast, parse_digits, unsupported};
use crate::coercion::decimal_parts;
use crate::scalar::string_values::Bytes;

/// An integer wide enough to compute in.
trait Wide: ArrowNativeTypeOp {
    fn of_i128(value: i128) -> Self;
    fn to_f64(self) -> f64;
    fn of_f64(value: f64) -> Option<Self>;
    fn to_i256(self) -> i256;
    /// The value as a lane that may be narrower.
    fn store<O: Lane>(self) -> Option<O>;
}

impl Wide for i128 {
    fn of_i128(value: i128) -> Self {
        value
    }

    fn to_f64(self) -> f64 {
        self as f64
    }

    fn of_f64(value: f64) -> Option<Self> {
        (value.abs() < 1.7e38).then_some(value as Self)
    }

    fn to_i256(self) -> i256 {
        i256::from_i128(self)
    }

    #[inline]
    fn store<O: Lane>(self) -> Option<O> {
        O::of_i128(self)
    }
}

impl Wide for i256 {
    fn of_i128(value: i128) -> Self {
        Self::from_i128(value)
    }

    fn to_f64(self) -> f64 {
        let negative = self < Self::ZERO;
        let (low, high) = if negative { self.wrapping_neg() } else { self }.to_parts();
        let size = (high as f64) * 2f64.powi(128) + (low as f64);
        if negative { -size } else { size }
    }

    fn of_f64(value: f64) -> Option<Self> {
        Self::from_f64(value)
    }

    fn to_i256(self) -> i256 {
        self
    }

    #[inline]
    fn store<O: Lane>(self) -> Option<O> {
        O::of_i256(self)
    }
}

/// A lane that a wide integer is put into.
trait Lane: ArrowNativeType {
    fn of_i128(value: i128) -> Option<Self>;
    fn of_i256(value: i256) -> Option<Self>;
    fn wrap(value: i256) -> Self;
}

macro_rules! lane {
    ($($native:ty)+) => { $(
        impl Lane for $native {
            #[inline]
            fn of_i128(value: i128) -> Option<Self> { Self::try_from(value).ok() }
            #[inline]
            fn of_i256(value: i256) -> Option<Self> { value.to_i128().and_then(<Self as Lane>::of_i128) }
            #[inline]
            fn wrap(value: i256) -> Self { value.as_i128() as Self }
        }
    )+ };
}

lane!(i8 i16 i32 i64 i128 u8 u16 u32 u64);

impl Lane for i256 {
    fn of_i128(value: i128) -> Option<Self> {
        Some(Self::from_i128(value))
    }

    fn of_i256(value: i256) -> Option<Self> {
        Some(value)
    }

    fn wrap(value: i256) -> Self {
        value
    }
}

pub(super) fn cast_decimal(array: &ArrayRef, cast: &Cast<'_>) -> Result<ArrayRef> {
    if let Some(result) = cast_integers(array, cast) {
        return result;
    }
    let wide = |data_type: &DataType| matches!(data_type, DataType::Decimal256(..));
    if wide(array.data_type()) || wide(cast.to) { through::<i256>(array, cast) } else { through::<i128>(array, cast) }
}

fn through<W: Wide>(array: &ArrayRef, cast: &Cast<'_>) -> Result<ArrayRef> {
    if array.data_type().is_floating() {
        return from_floats::<W>(array, cast);
    }
    let values = load::<W>(array, cast)?;
    let scale = decimal_parts(array.data_type()).map_or(0, |(_, scale)| scale);
    match cast.to {
        DataType::Float16 => to_floats(&values, array, cast, scale, f16::from_f64),
        DataType::Float32 => to_floats(&values, array, cast, scale, |value| value as f32),
        DataType::Float64 => to_floats(&values, array, cast, scale, |value| value),
        DataType::Int8 => store::<W, i8>(&values, array, cast, scale),
        DataType::Int16 => store::<W, i16>(&values, array, cast, scale),
        DataType::Int32 | DataType::Decimal32(..) => store::<W, i32>(&values, array, cast, scale),
        DataType::Int64 | DataType::Decimal64(..) => store::<W, i64>(&values, array, cast, scale),
        DataType::UInt8 => store::<W, u8>(&values, array, cast, scale),
        DataType::UInt16 => store::<W, u16>(&values, array, cast, scale),
        DataType::UInt32 => store::<W, u32>(&values, array, cast, scale),
        DataType::UInt64 => store::<W, u64>(&values, array, cast, scale),
        DataType::Decimal128(..) => store::<W, i128>(&values, array, cast, scale),
        DataType::Decimal256(..) => store::<W, i256>(&values, array, cast, scale),
        other => Err(unsupported(array.data_type(), other)),
    }
}

/// The unscaled values of integers or decimals.
fn load<W: Wide>(array: &ArrayRef, cast: &Cast<'_>) -> Result<Vec<W>> {
    fn each<W: Wide, T: ArrowPrimitiveType>(array: &ArrayRef) -> Vec<W>
    where
        T::Native: Into<i128>,
    {
        array.as_primitive::<T>().values().iter().map(|&value| W::of_i128(value.into())).collect()
    }
    Ok(match array.data_type() {
        DataType::Int8 => each::<W, Int8Type>(array),
        DataType::Int16 => each::<W, Int16Type>(array),
        DataType::Int32 => each::<W, Int32Type>(array),
        DataType::Int64 => each::<W, Int64Type>(array),
        DataType::UInt8 => each::<W, UInt8Type>(array),
        DataType::UInt16 => each::<W, UInt16Type>(array),
        DataType::UInt32 => each::<W, UInt32Type>(array),
        DataType::UInt64 => each::<W, UInt64Type>(array),
        DataType::Decimal32(..) => each::<W, Decimal32Type>(array),
        DataType::Decimal64(..) => each::<W, Decimal64Type>(array),
        DataType::Decimal128(..) => each::<W, Decimal128Type>(array),
        DataType::Decimal256(..) => {
            // Only a wide cast comes here, where `W` is 256 bits; the low half of another would be of no use.
            let values = array.as_primitive::<Decimal256Type>().values().iter();
            values.map(|&value| wide_of::<W>(value)).collect()
        }
        other => return Err(unsupported(other, cast.to)),
    })
}

fn wide_of<W: Wide>(value: i256) -> W {
    let (low, high) = value.to_parts();
    let half = |part: u128| W::of_i128((part >> 64) as i128).mul_wrapping(W::of_i128(1 << 64));
    let low = half(low).add_wrapping(W::of_i128((low as u64).into()));
    let shift = W::of_i128(1 << 64).mul_wrapping(W::of_i128(1 << 64));
    W::of_i128(high).mul_wrapping(shift).add_wrapping(low)
}

/// Ten to the power of `exponent`.
fn power<W: Wide>(exponent: u32) -> Option<W> {
    W::of_i128(10).pow_checked(exponent).ok()
}

/// A change of the count of digits after the point.
struct Rescale<W> {
    /// The power of ten that is the difference; `None` when nothing but zero has so many digits.
    factor: Option<W>,
    more: bool,
    truncate: bool,
}

impl<W: Wide> Rescale<W> {
    /// `by` more digits; fewer when negative, which fails where digits are lost unless it may `truncate`.
    fn new(by: i32, truncate: bool) -> Self {
        Self { factor: power(by.unsigned_abs()), more: by >= 0, truncate }
    }

    #[inline]
    fn apply(&self, value: W) -> Option<W> {
        let Some(factor) = self.factor else {
            return (value.is_zero() || (!self.more && self.truncate)).then_some(W::ZERO);
        };
        if self.more {
            return value.mul_checked(factor).ok();
        }
        (self.truncate || value.mod_wrapping(factor).is_zero()).then(|| value.div_wrapping(factor))
    }
}

fn fits<W: Wide>(value: W, limit: Option<W>) -> bool {
    limit.is_none_or(|limit| value.is_lt(limit) && value.is_gt(limit.neg_wrapping()))
}

fn store<W: Wide, O: Lane>(values: &[W], array: &ArrayRef, cast: &Cast<'_>, scale: i8) -> Result<ArrayRef> {
    let (precision, to_scale) = decimal_parts(cast.to).map_or((None, 0), |(p, s)| (Some(p), s));
    let by = i32::from(to_scale) - i32::from(scale);
    let truncate = cast.policy.decimal_truncate;
    let limit = precision.and_then(|precision| power::<W>(u32::from(precision)));
    let wraps = precision.is_none() && cast.policy.int_overflow;
    let rescale = Rescale::new(by, truncate);
    let convert = |value: W| {
        let there = rescale.apply(value).filter(|there| fits(*there, limit))?;
        if wraps { Some(O::wrap(there.to_i256())) } else { there.store() }
    };
    let explain = || match truncate {
        true => Error::overflow(format!("the value does not fit {}", cast.to)),
        false => Error::invalid_data(format!("the value is not exactly one of {}", cast.to)),
    };
    try_lanes(values, array.nulls(), cast.to, cast.policy.null_on_failure, cast.memory, convert, explain)
}

fn to_floats<W: Wide, O: ArrowNativeType>(
    values: &[W],
    array: &ArrayRef,
    cast: &Cast<'_>,
    scale: i8,
    convert: impl Fn(f64) -> O,
) -> Result<ArrayRef> {
    let factor = 10f64.powi(i32::from(scale).abs());
    let value = |value: W| if scale >= 0 { value.to_f64() / factor } else { value.to_f64() * factor };
    lanes(values, array.nulls(), cast.to, cast.memory, |wide| convert(value(wide)))
}

fn from_floats<W: Wide>(array: &ArrayRef, cast: &Cast<'_>) -> Result<ArrayRef> {
    let values: Vec<f64> = match array.data_type() {
        DataType::Float16 => array.as_primitive::<Float16Type>().values().iter().map(|value| value.to_f64()).collect(),
        DataType::Float32 => array.as_primitive::<Float32Type>().values().iter().map(|&value| value.into()).collect(),
        _ => array.as_primitive::<Float64Type>().values().to_vec(),
    };
    match cast.to {
        DataType::Decimal32(..) => floats::<W, i32>(&values, array, cast),
        DataType::Decimal64(..) => floats::<W, i64>(&values, array, cast),
        DataType::Decimal128(..) => floats::<W, i128>(&values, array, cast),
        DataType::Decimal256(..) => floats::<W, i256>(&values, array, cast),
        other => Err(unsupported(array.data_type(), other)),
    }
}

/// The nearest decimal of each float, scaled in binary: 1.255 has no such exact value and is 1.25 with two digits.
fn floats<W: Wide, O: Lane>(values: &[f64], array: &ArrayRef, cast: &Cast<'_>) -> Result<ArrayRef> {
    let (precision, scale) = decimal_parts(cast.to).unwrap_or((1, 0));
    let factor = 10f64.powi(i32::from(scale).abs());
    let limit = power::<W>(u32::from(precision));
    let convert = |value: f64| {
        let scaled = if scale >= 0 { value * factor } else { value / factor };
        let rounded = W::of_f64(scaled.round_ties_even()).filter(|_| scaled.is_finite())?;
        if fits(rounded, limit) { rounded.store::<O>() } else { None }
    };
    let explain = || Error::overflow(format!("the float does not fit {}", cast.to));
    try_lanes(values, array.nulls(), cast.to, cast.policy.null_on_failure, cast.memory, convert, explain)
}

pub(super) fn from_text(array: &ArrayRef, cast: &Cast<'_>) -> Result<ArrayRef> {
    match cast.to {
        DataType::Decimal32(..) => parsed::<i32>(array, cast),
        DataType::Decimal64(..) => parsed::<i64>(array, cast),
        DataType::Decimal128(..) => parsed::<i128>(array, cast),
        DataType::Decimal256(..) => parsed::<i256>(array, cast),
        other => Err(unsupported(array.data_type(), other)),
    }
}

fn parsed<O: Lane>(array: &ArrayRef, cast: &Cast<'_>) -> Result<ArrayRef> {
    let (precision, scale) = decimal_parts(cast.to).unwrap_or((1, 0));
    let limit = power::<i256>(u32::from(precision));
    let values = Bytes::of(array)?;
    let mut output = Output::new(cast.to.clone(), array.len(), array.nulls().cloned(), cast.memory);
    let mut failed = vec![];
    for (row, lane) in output.fixed::<O>()?.iter_mut().enumerate() {
        *lane = O::default();
        if array.is_null(row) {
            continue;
        }
        let value = parse(values.get(row)).ok_or_else(|| Error::parse(format!("the text is no {}", cast.to)));
        let value = value.and_then(|(value, digits)| {
            Rescale::new(i32::from(scale) - digits, cast.policy.decimal_truncate)
                .apply(value)
                .filter(|value| fits(*value, limit))
                .and_then(O::of_i256)
                .ok_or_else(|| Error::invalid_data(format!("the value is not exactly one of {}", cast.to)))
        });
        match value {
            Ok(value) => *lane = value,
            Err(_) if cast.policy.null_on_failure => failed.push(row),
            Err(error) => return Err(error.at_row(row)),
        }
    }
    if !failed.is_empty() {
        output.set_validity(Some(without(array.len(), array.nulls(), &failed)))?;
    }
    output.finish()
}

/// The unscaled value and the digits after the point of a number as `-12.50` or `1.2e1`.
fn parse(text: &[u8]) -> Option<(i256, i32)> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let (mantissa, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        None => (text, 0),
        Some(at) => (&text[..at], parse_exponent(&text[at + 1..])?),
    };
    let (whole, fraction) = match mantissa.iter().position(|&byte| byte == b'.') {
        None => (mantissa, &[][..]),
        Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let ten = i256::from_i128(10);
    let value = whole.iter().chain(fraction).try_fold(i256::ZERO, |value, &digit| {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 { None } else { value.checked_mul(ten)?.checked_add(i256::from_i128(digit.into())) }
    })?;
    let digits = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    Some((if negative { value.wrapping_neg() } else { value }, digits))
}

fn parse_exponent(text: &[u8]) -> Option<i32> {
    let (sign, digits) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        _ => (1, text),
    };
    let value = parse_digits(digits).filter(|value| *value < 1000)?;
    Some(sign * value as i32)
}
