// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Values as text: the shortest digits of a float, ISO 8601 for times, all digits of a decimal.

use std::io::Write as _;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float16Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_schema::{DataType, TimeUnit};
use bowyer_core::{Output, Result};

use super::{Cast, unsupported};
use crate::coercion::ticks_per_second;
use crate::scalar::temporal_civil::Civil;
use crate::scalar::temporal_zone::{Zone, format_offset};

/// More than the longest text of a number or time.
const ROOM: usize = 160;

pub(super) fn to_text(array: &ArrayRef, cast: &Cast<'_>) -> Result<ArrayRef> {
    use DataType as T;
    let array = array.as_ref();
    match array.data_type() {
        T::Boolean => {
            let array = array.as_boolean();
            write_rows(array, cast, |row, out| out.write_all(if array.value(row) { b"true" } else { b"false" }))
        }
        T::Int8 => integers::<Int8Type>(array, cast),
        T::Int16 => integers::<Int16Type>(array, cast),
        T::Int32 => integers::<Int32Type>(array, cast),
        T::Int64 => integers::<Int64Type>(array, cast),
        T::UInt8 => integers::<UInt8Type>(array, cast),
        T::UInt16 => integers::<UInt16Type>(array, cast),
        T::UInt32 => integers::<UInt32Type>(array, cast),
        T::UInt64 => integers::<UInt64Type>(array, cast),
        T::Duration(_) => integers::<Int64Type>(&lanes_of::<Int64Type>(array)?, cast),
        T::Float16 => each::<Float16Type>(array, cast, |value, out| float_text(value.to_f64(), out)),
        T::Float32 => each::<Float32Type>(array, cast, float_text),
        T::Float64 => each::<Float64Type>(array, cast, float_text),
        T::Decimal32(_, scale) => decimals::<Decimal32Type>(array, *scale, cast),
        T::Decimal64(_, scale) => decimals::<Decimal64Type>(array, *scale, cast),
        T::Decimal128(_, scale) => decimals::<Decimal128Type>(array, *scale, cast),
        T::Decimal256(_, scale) => decimals::<Decimal256Type>(array, *scale, cast),
        T::Date32 => {
            each::<Int32Type>(&lanes_of::<Int32Type>(array)?, cast, |day, out| write_date(i64::from(day), out))
        }
        T::Date64 => each::<Int64Type>(&lanes_of::<Int64Type>(array)?, cast, |millis, out| {
            write_date(millis.div_euclid(86_400_000), out)
        }),
        T::Time32(unit) => {
            each::<Int32Type>(&lanes_of::<Int32Type>(array)?, cast, |tick, out| write_time(i64::from(tick), *unit, out))
        }
        T::Time64(unit) => {
            each::<Int64Type>(&lanes_of::<Int64Type>(array)?, cast, |tick, out| write_time(tick, *unit, out))
        }
        T::Timestamp(unit, zone) => timestamps(array, *unit, zone.as_deref(), cast),
        from => Err(unsupported(from, cast.to)),
    }
}

fn lanes_of<T: ArrowPrimitiveType>(array: &dyn Array) -> Result<PrimitiveArray<T>> {
    Ok(array.to_data().into_builder().data_type(T::DATA_TYPE).build()?.into())
}

/// Writes the text of each valid row into a buffer on the stack, and from there to the output.
fn write_rows(
    array: &dyn Array,
    cast: &Cast<'_>,
    mut write: impl FnMut(usize, &mut &mut [u8]) -> std::io::Result<()>,
) -> Result<ArrayRef> {
    let mut output = Output::new(cast.to.clone(), array.len(), array.nulls().cloned(), cast.memory);
    let mut writer = output.bytes(array.len() * 8)?;
    let mut room = [0u8; ROOM];
    for row in 0..array.len() {
        if array.is_null(row) {
            writer.push_empty()?;
            continue;
        }
        let mut rest = &mut room[..];
        write(row, &mut rest)?;
        let written = ROOM - rest.len();
        writer.push(&room[..written])?;
    }
    output.finish()
}

fn each<T: ArrowPrimitiveType>(
    array: &dyn Array,
    cast: &Cast<'_>,
    write: impl Fn(T::Native, &mut &mut [u8]) -> std::io::Result<()>,
) -> Result<ArrayRef> {
    let array = array.as_primitive::<T>();
    write_rows(array, cast, |row, out| write(array.value(row), out))
}

fn integers<T: ArrowPrimitiveType>(array: &dyn Array, cast: &Cast<'_>) -> Result<ArrayRef>
where
    T::Native: std::fmt::Display,
{
    each::<T>(array, cast, integer_text)
}

/// Writes an integer.
pub(crate) fn integer_text(value: impl std::fmt::Display, out: &mut &mut [u8]) -> std::io::Result<()> {
    write!(out, "{value}")
}

/// Writes the fewest digits that name a float; exponents from 15 on and below -5.
pub(crate) fn float_text(
    value: impl Into<f64> + Copy + std::fmt::LowerExp,
    out: &mut &mut [u8],
) -> std::io::Result<()> {
    let wide: f64 = value.into();
    if wide.is_nan() {
        return out.write_all(b"nan");
    }
    if wide.is_infinite() {
        return out.write_all(if wide > 0.0 { b"inf" } else { b"-inf" });
    }
    let mut room = [0u8; 40];
    let mut rest = &mut room[..];
    write!(rest, "{value:e}")?;
    let written = 40 - rest.len();
    let text = std::str::from_utf8(&room[..written]).unwrap_or_default();
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    out.write_all(sign.as_bytes())?;
    if !(-5..15).contains(&exponent) {
        let point = if fraction.is_empty() { "" } else { "." };
        let plus = if exponent > 0 { "+" } else { "" };
        return write!(out, "{whole}{point}{fraction}e{plus}{exponent}");
    }
    if exponent < 0 {
        out.write_all(b"0.")?;
        for _ in 1..-exponent {
            out.write_all(b"0")?;
        }
        return write!(out, "{whole}{fraction}");
    }
    let exponent = exponent as usize;
    if fraction.len() <= exponent {
        write!(out, "{whole}{fraction}")?;
        for _ in fraction.len()..exponent {
            out.write_all(b"0")?;
        }
        return Ok(());
    }
    write!(out, "{whole}{}.{}", &fraction[..exponent], &fraction[exponent..])
}

fn decimals<T: ArrowPrimitiveType>(array: &dyn Array, scale: i8, cast: &Cast<'_>) -> Result<ArrayRef>
where
    T::Native: std::fmt::Display,
{
    each::<T>(array, cast, |value, out| {
        let mut room = [0u8; 90];
        let mut rest = &mut room[..];
        write!(rest, "{value}")?;
        let written = 90 - rest.len();
        let (sign, digits) = match &room[..written] {
            [b'-', digits @ ..] => ("-", digits),
            digits => ("", digits),
        };
        out.write_all(sign.as_bytes())?;
        write_decimal(digits, i32::from(scale), out)
    })
}

/// Plain notation, or scientific when that would hide digits: a negative scale, or six zeros after the point.
fn write_decimal(digits: &[u8], scale: i32, out: &mut &mut [u8]) -> std::io::Result<()> {
    let adjusted = digits.len() as i32 - 1 - scale;
    if scale == 0 {
        return out.write_all(digits);
    }
    if scale < 0 || adjusted < -6 {
        out.write_all(&digits[..1])?;
        if digits.len() > 1 {
            out.write_all(b".")?;
            out.write_all(&digits[1..])?;
        }
        return write!(out, "E{adjusted:+}");
    }
    let scale = scale as usize;
    if digits.len() > scale {
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        out.write_all(whole)?;
        out.write_all(b".")?;
        return out.write_all(fraction);
    }
    out.write_all(b"0.")?;
    for _ in digits.len()..scale {
        out.write_all(b"0")?;
    }
    out.write_all(digits)
}

pub(super) fn write_date(day: i64, out: &mut &mut [u8]) -> std::io::Result<()> {
    let Civil { year, month, day } = Civil::of(day);
    let sign = if year < 0 { "-" } else { "" };
    write!(out, "{sign}{:04}-{month:02}-{day:02}", year.unsigned_abs())
}

fn write_time(tick: i64, unit: TimeUnit, out: &mut &mut [u8]) -> std::io::Result<()> {
    let per_second = ticks_per_second(unit);
    let (seconds, fraction) = (tick.div_euclid(per_second), tick.rem_euclid(per_second));
    write!(out, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
    let width = fraction_digits(unit);
    if width > 0 { write!(out, ".{fraction:0width$}") } else { Ok(()) }
}

/// How many digits a unit has after the second's point.
pub(crate) fn fraction_digits(unit: TimeUnit) -> usize {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    }
}

fn timestamps(array: &dyn Array, unit: TimeUnit, zone_name: Option<&str>, cast: &Cast<'_>) -> Result<ArrayRef> {
    let values = lanes_of::<Int64Type>(array)?;
    let zone = Zone::of(zone_name)?;
    let mut clock = zone.clock();
    let per_second = ticks_per_second(unit);
    write_rows(&values, cast, |row, out| {
        let tick = values.value(row);
        let seconds = tick.div_euclid(per_second);
        let offset = clock.offset(seconds);
        let local = seconds.saturating_add(offset);
        write_date(local.div_euclid(86_400), out)?;
        out.write_all(b" ")?;
        write_time(local.rem_euclid(86_400) * per_second + tick.rem_euclid(per_second), unit, out)?;
        match zone_name {
            None => Ok(()),
            Some("UTC") => out.write_all(b"Z"),
            Some(_) => out.write_all(format_offset(offset, "").as_bytes()),
        }
    })
}
