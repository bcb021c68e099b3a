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
use crate::scalar::divisor::Divisor;
use crate::scalar::padded::{fill, four, two};
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
        T::Decimal256(_, scale) => {
            each::<Decimal256Type>(array, cast, |value, out| decimal_text(&value.to_string(), *scale, out))
        }
        T::Date32 => {
            each::<Int32Type>(&lanes_of::<Int32Type>(array)?, cast, |day, out| write_date(i64::from(day), out))
        }
        T::Date64 => each::<Int64Type>(&lanes_of::<Int64Type>(array)?, cast, |millis, out| {
            write_date(millis.div_euclid(86_400_000), out)
        }),
        T::Time32(unit) => {
            let second = Divisor::new(ticks_per_second(*unit));
            each::<Int32Type>(&lanes_of::<Int32Type>(array)?, cast, |tick, out| {
                write_time(second.floor(i64::from(tick)), second.rest(i64::from(tick)), *unit, out)
            })
        }
        T::Time64(unit) => {
            let second = Divisor::new(ticks_per_second(*unit));
            each::<Int64Type>(&lanes_of::<Int64Type>(array)?, cast, |tick, out| {
                write_time(second.floor(tick), second.rest(tick), *unit, out)
            })
        }
        T::Timestamp(unit, zone) => timestamps(array, *unit, zone.as_deref(), cast),
        from => Err(unsupported(from, cast.to)),
    }
}

fn lanes_of<T: ArrowPrimitiveType>(array: &dyn Array) -> Result<PrimitiveArray<T>> {
    Ok(array.to_data().into_builder().data_type(T::DATA_TYPE).build()?.into())
}

/// Writes the text of each valid row where it is to stand.
fn write_rows(
    array: &dyn Array,
    cast: &Cast<'_>,
    mut write: impl FnMut(usize, &mut &mut [u8]) -> std::io::Result<()>,
) -> Result<ArrayRef> {
    let mut output = Output::new(cast.to.clone(), array.len(), array.nulls().cloned(), cast.memory);
    let mut writer = output.bytes(array.len() * 8)?;
    let nulls = array.nulls();
    for row in 0..array.len() {
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            writer.push_empty()?;
            continue;
        }
        let mut outcome = Ok(());
        writer.write(ROOM, |room| {
            let all = room.len();
            let mut rest = room;
            outcome = write(row, &mut rest);
            all - rest.len()
        })?;
        outcome?;
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
    T::Native: itoa::Integer,
{
    each::<T>(array, cast, integer_text)
}

/// Writes an integer.
fn integer_text(value: impl itoa::Integer, out: &mut &mut [u8]) -> std::io::Result<()> {
    out.write_all(itoa::Buffer::new().format(value).as_bytes())
}

/// Writes the fewest digits that name a float, of two such numbers the nearer one; exponents from 10 on and below -6.
fn float_text<T: Into<f64> + Copy + zmij::Float>(value: T, out: &mut &mut [u8]) -> std::io::Result<()> {
    let wide: f64 = value.into();
    if wide.is_nan() {
        return out.write_all(b"nan");
    }
    if wide.is_infinite() {
        return out.write_all(if wide > 0.0 { b"inf" } else { b"-inf" });
    }
    let mut buffer = zmij::Buffer::new();
    let text = match buffer.format_finite(value).as_bytes() {
        [b'-', text @ ..] => {
            out.write_all(b"-")?;
            text
        }
        text => text,
    };
    // No such float is given an exponent.
    let is_plain = wide == 0.0 || (1e-5..1e9).contains(&wide.abs());
    match text {
        [whole @ .., b'.', b'0'] if is_plain => out.write_all(whole),
        text if is_plain => out.write_all(text),
        text => digits_text(text, out),
    }
}

/// Writes what a text of digits with a point, an exponent or both says, without a sign.
fn digits_text(text: &[u8], out: &mut &mut [u8]) -> std::io::Result<()> {
    let (mut digits, mut count, mut point, mut exponent) = ([0u8; 40], 0, None, 0i32);
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            b'.' => point = Some(count),
            b'e' => {
                exponent = std::str::from_utf8(&text[at + 1..]).unwrap_or_default().parse().unwrap_or(0);
                break;
            }
            digit => {
                digits[count] = digit;
                count += 1;
            }
        }
    }
    let zeros = digits[..count].iter().take_while(|&&digit| digit == b'0').count();
    let exponent = exponent + (point.unwrap_or(count) as i32) - 1 - zeros as i32;
    let digits = &digits[zeros..count];
    let end = digits.iter().rposition(|&digit| digit != b'0').map_or(0, |last| last + 1);
    write_digits(&digits[..end], exponent, out)
}

/// Writes the number whose first digit counts `10^exponent`.
fn write_digits(digits: &[u8], exponent: i32, out: &mut &mut [u8]) -> std::io::Result<()> {
    let (first, rest) = digits.split_at(digits.len().min(1));
    if !(-6..10).contains(&exponent) {
        out.write_all(first)?;
        out.write_all(if rest.is_empty() { b"" } else { b"." })?;
        out.write_all(rest)?;
        return write!(out, "e{exponent:+}");
    }
    if exponent < 0 {
        out.write_all(&b"0.000000"[..1 + exponent.unsigned_abs() as usize])?;
        return out.write_all(digits);
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        out.write_all(digits)?;
        return out.write_all(&b"0000000000"[..whole - digits.len()]);
    }
    out.write_all(&digits[..whole])?;
    out.write_all(b".")?;
    out.write_all(&digits[whole..])
}

fn decimals<T: ArrowPrimitiveType>(array: &dyn Array, scale: i8, cast: &Cast<'_>) -> Result<ArrayRef>
where
    T::Native: itoa::Integer,
{
    each::<T>(array, cast, |value, out| decimal_text(itoa::Buffer::new().format(value), scale, out))
}

fn decimal_text(digits: &str, scale: i8, out: &mut &mut [u8]) -> std::io::Result<()> {
    let digits = match digits.as_bytes() {
        [b'-', digits @ ..] => {
            out.write_all(b"-")?;
            digits
        }
        digits => digits,
    };
    write_decimal(digits, i32::from(scale), out)
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

fn write_date(day: i64, out: &mut &mut [u8]) -> std::io::Result<()> {
    let Civil { year, month, day } = Civil::of(day);
    let ([m1, m2], [d1, d2]) = (two(month), two(day));
    if let 0..=9_999 = year {
        let [y1, y2, y3, y4] = four(year as u64);
        return out.write_all(&[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2]);
    }
    let sign = if year < 0 { "-" } else { "" };
    write!(out, "{sign}{:04}", year.unsigned_abs())?;
    out.write_all(&[b'-', m1, m2, b'-', d1, d2])
}

/// Writes a time of day of so many seconds, and the ticks of the second that follow.
fn write_time(seconds: i64, fraction: i64, unit: TimeUnit, out: &mut &mut [u8]) -> std::io::Result<()> {
    let seconds = seconds as u32;
    let ([h1, h2], [m1, m2]) = (two(i64::from(seconds / 3600)), two(i64::from(seconds / 60 % 60)));
    let [s1, s2] = two(i64::from(seconds % 60));
    let mut text = [h1, h2, b':', m1, m2, b':', s1, s2, b'.', 0, 0, 0, 0, 0, 0, 0, 0, 0];
    match fraction_digits(unit) {
        0 => out.write_all(&text[..8]),
        width => {
            fill(&mut text[9..9 + width], fraction as u32);
            out.write_all(&text[..9 + width])
        }
    }
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
    let (second, day) = (Divisor::new(ticks_per_second(unit)), Divisor::new(86_400));
    write_rows(&values, cast, |row, out| {
        let tick = values.value(row);
        let seconds = second.floor(tick);
        let offset = if zone_name.is_some() { clock.offset(seconds) } else { 0 };
        let local = seconds.saturating_add(offset);
        write_date(day.floor(local), out)?;
        out.write_all(b" ")?;
        write_time(day.rest(local), second.rest(tick), unit, out)?;
        match zone_name {
            None => Ok(()),
            Some("UTC") => out.write_all(b"Z"),
            Some(_) => out.write_all(format_offset(offset, "").as_bytes()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut &mut [u8]) -> std::io::Result<()>) -> String {
        let mut room = [0; ROOM];
        let mut rest = &mut room[..];
        write(&mut rest).unwrap();
        let len = ROOM - rest.len();
        String::from_utf8(room[..len].to_vec()).unwrap()
    }

    #[test]
    fn floats_have_their_fewest_digits() {
        let mut state = 1u64;
        for _ in 0..50_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let scaled = (state >> 11) as f64 / 10f64.powi((state % 40) as i32);
            for value in [f64::from_bits(state), scaled, scaled.round(), -scaled] {
                if value.is_finite() {
                    let text = written(|out| float_text(value, out));
                    assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{text}");
                    assert_eq!(significant(&text), significant(&format!("{value:e}")), "{text}");
                    let exponent: i32 = format!("{value:e}").split('e').nth(1).unwrap().parse().unwrap();
                    assert_eq!(text.contains('e'), value != 0.0 && !(-6..10).contains(&exponent), "{text}");
                }
            }
            for value in [f32::from_bits((state >> 32) as u32), scaled as f32] {
                if value.is_finite() {
                    let text = written(|out| float_text(value, out));
                    assert_eq!(text.parse::<f32>().unwrap().to_bits(), value.to_bits(), "{text}");
                    assert_eq!(significant(&text), significant(&format!("{value:e}")), "{text}");
                }
            }
        }
    }

    /// How many digits a number has, zeros at its ends aside.
    fn significant(text: &str) -> usize {
        let mantissa = text.split('e').next().unwrap().replace(['.', '-'], "");
        mantissa.trim_matches('0').len()
    }

    #[test]
    fn small_and_large_floats_have_exponents() {
        let text = |value: f64| written(|out| float_text(value, out));
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (9_999_999_999.0, "9999999999"),
            (1e10, "1e+10"),
            (-123_456_789_012.5, "-1.234567890125e+11"),
            (757_717_938_211_570.3, "7.577179382115702e+14"),
            (1_234_567_890.5, "1234567890.5"),
            (1e-6, "0.000001"),
            (-1.5e-6, "-0.0000015"),
            (9.99e-7, "9.99e-7"),
            (5e-324, "5e-324"),
            (1e300, "1e+300"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(value), expected);
        }
        let narrow = |value: f32| written(|out| float_text(value, out));
        assert_eq!((narrow(1e10), narrow(1e-6), narrow(0.1)), ("1e+10".into(), "0.000001".into(), "0.1".into()));
    }
}
