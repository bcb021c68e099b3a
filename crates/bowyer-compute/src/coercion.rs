// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Implicit casts: the one type that several are cast to.
//!
//! Integers of one sign go to the wider, of mixed sign to the next wider signed type, at most int64; an integer beside
//! a float goes to the float. Decimals keep all digits on both sides of the point. Times go to the finest unit; zoned
//! and naive timestamps have nothing in common, nor do text and numbers. Nulls go along with anything. The casts are
//! checked: a value that does not fit is an error.

use arrow_array::{Array, ArrayRef};
use arrow_schema::{DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, TimeUnit};
use bowyer_core::{Column, Error, ErrorCode, Memory, Result};

use crate::scalar::cast::{CastMode, cast};

/// The type that all of `types` are cast to, if there is one.
#[must_use]
pub fn common_type(types: &[DataType]) -> Option<DataType> {
    let mut types = types.iter().filter(|data_type| !data_type.is_null());
    let first = types.next().cloned().unwrap_or(DataType::Null);
    types.try_fold(first, |common, next| common_pair(&common, next))
}

fn common_pair(a: &DataType, b: &DataType) -> Option<DataType> {
    if a == b {
        return Some(a.clone());
    }
    common_number(a, b)
        .or_else(|| common_decimal(a, b))
        .or_else(|| common_temporal(a, b))
        .or_else(|| common_bytes(a, b))
        .or_else(|| common_dictionary(a, b))
}

/// The common type of two integers or floats.
#[must_use]
pub fn common_number(a: &DataType, b: &DataType) -> Option<DataType> {
    let rank = |data_type: &DataType| match data_type {
        DataType::Float16 => 1,
        DataType::Float32 => 2,
        DataType::Float64 => 3,
        _ => 0,
    };
    if !(a.is_numeric() && b.is_numeric()) || a.is_decimal() || b.is_decimal() {
        return None;
    }
    match rank(a).max(rank(b)) {
        0 => Some(common_integer(a, b)),
        1 => Some(DataType::Float16),
        2 => Some(DataType::Float32),
        _ => Some(DataType::Float64),
    }
}

fn common_integer(a: &DataType, b: &DataType) -> DataType {
    let bits = |data_type: &DataType| data_type.primitive_width().unwrap_or(8) * 8;
    let (a_signed, b_signed) = (a.is_signed_integer(), b.is_signed_integer());
    let width = if a_signed == b_signed {
        bits(a).max(bits(b))
    } else {
        let (signed, unsigned) = if a_signed { (bits(a), bits(b)) } else { (bits(b), bits(a)) };
        signed.max(2 * unsigned).min(64)
    };
    match (a_signed || b_signed, width) {
        (true, 8) => DataType::Int8,
        (true, 16) => DataType::Int16,
        (true, 32) => DataType::Int32,
        (true, _) => DataType::Int64,
        (false, 8) => DataType::UInt8,
        (false, 16) => DataType::UInt16,
        (false, 32) => DataType::UInt32,
        (false, _) => DataType::UInt64,
    }
}

/// Precision and scale of a decimal.
#[must_use]
pub fn decimal_parts(data_type: &DataType) -> Option<(u8, i8)> {
    match data_type {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => Some((*precision, *scale)),
        _ => None,
    }
}

/// A decimal type, or an integer as the decimal that holds all its values.
#[must_use]
pub fn as_decimal(data_type: &DataType) -> Option<DataType> {
    Some(match data_type {
        DataType::Int8 | DataType::UInt8 => DataType::Decimal128(3, 0),
        DataType::Int16 | DataType::UInt16 => DataType::Decimal128(5, 0),
        DataType::Int32 | DataType::UInt32 => DataType::Decimal128(10, 0),
        DataType::Int64 => DataType::Decimal128(19, 0),
        DataType::UInt64 => DataType::Decimal128(20, 0),
        decimal if decimal.is_decimal() => decimal.clone(),
        _ => return None,
    })
}

/// A decimal of 128 bits, or of 256 when `wide` or when the precision asks for it.
#[must_use]
pub fn decimal_type(precision: i16, scale: i16, wide: bool) -> Option<DataType> {
    let limit = if wide { DECIMAL256_MAX_PRECISION } else { DECIMAL128_MAX_PRECISION };
    let scale = i8::try_from(scale).ok()?;
    let precision = u8::try_from(precision).ok().filter(|precision| (1..=limit).contains(precision))?;
    Some(if wide { DataType::Decimal256(precision, scale) } else { DataType::Decimal128(precision, scale) })
}

fn common_decimal(a: &DataType, b: &DataType) -> Option<DataType> {
    if !(a.is_decimal() || b.is_decimal()) {
        return None;
    }
    if a.is_floating() || b.is_floating() {
        return Some(DataType::Float64);
    }
    let (a, b) = (as_decimal(a)?, as_decimal(b)?);
    let ((p1, s1), (p2, s2)) = (decimal_parts(&a)?, decimal_parts(&b)?);
    let scale = i16::from(s1.max(s2));
    let whole = (i16::from(p1) - i16::from(s1)).max(i16::from(p2) - i16::from(s2));
    let wide = matches!(a, DataType::Decimal256(..)) || matches!(b, DataType::Decimal256(..));
    let fits = decimal_type(whole + scale, scale, wide);
    fits.or_else(|| decimal_type(whole + scale, scale, true))
}

fn common_temporal(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType as T;
    match (a, b) {
        (T::Date32, T::Date64) | (T::Date64, T::Date32) => Some(T::Date64),
        (T::Timestamp(u1, z1), T::Timestamp(u2, z2)) if z1.is_some() == z2.is_some() => {
            Some(T::Timestamp(finer(*u1, *u2), z1.clone()))
        }
        (T::Timestamp(unit, None), T::Date32) | (T::Date32, T::Timestamp(unit, None)) => {
            Some(T::Timestamp(*unit, None))
        }
        (T::Timestamp(unit, None), T::Date64) | (T::Date64, T::Timestamp(unit, None)) => {
            Some(T::Timestamp(finer(*unit, TimeUnit::Millisecond), None))
        }
        (T::Time32(u1) | T::Time64(u1), T::Time32(u2) | T::Time64(u2)) => Some(time_of(finer(*u1, *u2))),
        (T::Duration(u1), T::Duration(u2)) => Some(T::Duration(finer(*u1, *u2))),
        _ => None,
    }
}

/// The time-of-day type of a unit.
#[must_use]
pub fn time_of(unit: TimeUnit) -> DataType {
    match unit {
        TimeUnit::Second | TimeUnit::Millisecond => DataType::Time32(unit),
        TimeUnit::Microsecond | TimeUnit::Nanosecond => DataType::Time64(unit),
    }
}

/// The finer of two units.
#[must_use]
pub fn finer(a: TimeUnit, b: TimeUnit) -> TimeUnit {
    if ticks_per_second(a) > ticks_per_second(b) { a } else { b }
}

/// How many of a unit make a second.
#[must_use]
pub fn ticks_per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

fn common_bytes(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType as T;
    let is_bytes = |data_type: &DataType| {
        matches!(
            data_type,
            T::Utf8 | T::LargeUtf8 | T::Utf8View | T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_)
        )
    };
    if !(is_bytes(a) && is_bytes(b)) {
        return None;
    }
    let either = |test: fn(&DataType) -> bool| test(a) || test(b);
    let text = !either(|t| matches!(t, T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_)));
    let view = either(|t| matches!(t, T::Utf8View | T::BinaryView));
    let large = either(|t| matches!(t, T::LargeUtf8 | T::LargeBinary));
    Some(match (text, view, large) {
        (true, true, _) => T::Utf8View,
        (true, false, true) => T::LargeUtf8,
        (true, false, false) => T::Utf8,
        (false, true, _) => T::BinaryView,
        (false, false, true) => T::LargeBinary,
        (false, false, false) => T::Binary,
    })
}

/// A dictionary beside a plain type, or beside another dictionary, counts as its values.
fn common_dictionary(a: &DataType, b: &DataType) -> Option<DataType> {
    let (a_values, b_values) = (decoded(a), decoded(b));
    if &a_values == a && &b_values == b { None } else { common_pair(&a_values, &b_values) }
}

/// The type of the values of a dictionary or of runs; other types as they are.
#[must_use]
pub fn decoded(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, values) => decoded(values),
        DataType::RunEndEncoded(_, values) => decoded(values.data_type()),
        other => other.clone(),
    }
}

/// Whether `to` holds every value that `from` can have, so that a cast cannot fail. What is not known to be so counts as
/// not so.
#[must_use]
pub fn holds_every(to: &DataType, from: &DataType) -> bool {
    use DataType as T;
    if from == to || from.is_null() {
        return true;
    }
    if from.is_integer() {
        return holds_integers(to, from);
    }
    match (from, to) {
        (T::Float16, T::Float32 | T::Float64) | (T::Float32, T::Float64) => true,
        (T::Utf8, T::LargeUtf8 | T::Utf8View | T::Binary | T::LargeBinary | T::BinaryView) => true,
        (T::Binary, T::LargeBinary | T::BinaryView) => true,
        (T::LargeUtf8 | T::Utf8View | T::BinaryView | T::FixedSizeBinary(_), T::LargeBinary) => true,
        (T::Utf8View, T::LargeUtf8 | T::BinaryView) => true,
        (T::Date32, T::Date64 | T::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, None)) => true,
        (T::Date64, T::Timestamp(TimeUnit::Millisecond, None)) => true,
        (T::Timestamp(u1, z1), T::Timestamp(u2, z2)) => u1 == u2 && z1.is_some() == z2.is_some(),
        (T::Time32(_), T::Time64(_)) => true,
        _ => match (decimal_parts(from), decimal_parts(to)) {
            (Some((p1, s1)), Some((p2, s2))) => s1 <= s2 && whole_digits(p1, s1) <= whole_digits(p2, s2),
            _ => false,
        },
    }
}

fn holds_integers(to: &DataType, from: &DataType) -> bool {
    let bits = |data_type: &DataType| data_type.primitive_width().unwrap_or(0) * 8;
    let value_bits = bits(from) - usize::from(from.is_signed_integer());
    match to {
        DataType::Float16 => value_bits <= 11,
        DataType::Float32 => value_bits <= 24,
        DataType::Float64 => value_bits <= 53,
        to if to.is_signed_integer() => value_bits < bits(to),
        to if to.is_unsigned_integer() => !from.is_signed_integer() && value_bits <= bits(to),
        to => match (as_decimal(from).as_ref().and_then(decimal_parts), decimal_parts(to)) {
            (Some((p1, s1)), Some((p2, s2))) => s2 >= 0 && whole_digits(p1, s1) <= whole_digits(p2, s2),
            _ => false,
        },
    }
}

fn whole_digits(precision: u8, scale: i8) -> i16 {
    i16::from(precision) - i16::from(scale)
}

/// A literal of one row as another type, when its value is exactly representable there. A float literal stands for the
/// nearest value of a narrower float or of a decimal.
///
/// # Errors
/// `InvalidArgument` when it is not; `NotImplemented` when no cast exists.
pub fn literal_as(value: &ArrayRef, to: &DataType, memory: &Memory) -> Result<ArrayRef> {
    if value.data_type().is_floating() && (to.is_floating() || to.is_decimal()) {
        let column = Column::scalar(value.clone(), 1)?;
        return Ok(cast(&column, to, CastMode::Checked, memory)?.values().clone());
    }
    exactly(value, to, memory)
}

/// Values as another type that holds each of them exactly.
///
/// # Errors
/// `InvalidArgument` when one is not; `NotImplemented` when no cast exists.
pub fn exactly(values: &ArrayRef, to: &DataType, memory: &Memory) -> Result<ArrayRef> {
    let from = values.data_type().clone();
    if &from == to {
        return Ok(values.clone());
    }
    if from.is_null() {
        return Ok(arrow_array::new_null_array(to, values.len()));
    }
    let refused = || Error::invalid_argument(format!("a value of type {from} is not exactly one of type {to}"));
    let because = |error: Error| match error.code() {
        ErrorCode::NotImplemented | ErrorCode::MemoryLimit => error,
        _ => refused().caused_by(error),
    };
    let plain = crate::encoding::convert(&Column::Array(values.clone()), &decoded(&from), memory)?;
    let there = cast(&plain, to, CastMode::Checked, memory).map_err(because)?;
    let back = cast(&there, plain.data_type(), CastMode::Checked, memory).map_err(because)?;
    if back.values().to_data() == plain.values().to_data() { Ok(there.values().clone()) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DataType::{Float32, Float64, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64};

    #[test]
    fn numbers_have_the_common_types_of_the_reference_table() {
        let types = [Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Float32, Float64];
        let table = [
            [Int8, Int16, Int32, Int64, Int16, Int32, Int64, Int64, Float32, Float64],
            [Int16, Int16, Int32, Int64, Int16, Int32, Int64, Int64, Float32, Float64],
            [Int32, Int32, Int32, Int64, Int32, Int32, Int64, Int64, Float32, Float64],
            [Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Float32, Float64],
            [Int16, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Float32, Float64],
            [Int32, Int32, Int32, Int64, UInt16, UInt16, UInt32, UInt64, Float32, Float64],
            [Int64, Int64, Int64, Int64, UInt32, UInt32, UInt32, UInt64, Float32, Float64],
            [Int64, Int64, Int64, Int64, UInt64, UInt64, UInt64, UInt64, Float32, Float64],
            [Float32, Float32, Float32, Float32, Float32, Float32, Float32, Float32, Float32, Float64],
            [Float64, Float64, Float64, Float64, Float64, Float64, Float64, Float64, Float64, Float64],
        ];
        for (a, row) in types.iter().zip(&table) {
            for (b, expected) in types.iter().zip(row) {
                assert_eq!(common_type(&[a.clone(), b.clone()]).as_ref(), Some(expected), "{a} and {b}");
            }
        }
    }

    #[test]
    fn other_types_meet_where_nothing_is_lost() {
        let pair = |a: &DataType, b: &DataType| common_type(&[a.clone(), b.clone()]);
        let zoned = DataType::Timestamp(TimeUnit::Second, Some("UTC".into()));
        let naive = DataType::Timestamp(TimeUnit::Nanosecond, None);
        assert_eq!(pair(&DataType::Null, &Int8), Some(Int8));
        assert_eq!(pair(&DataType::Decimal128(5, 2), &DataType::Decimal128(4, 3)), Some(DataType::Decimal128(6, 3)));
        assert_eq!(pair(&DataType::Decimal128(5, 2), &Int32), Some(DataType::Decimal128(12, 2)));
        assert_eq!(pair(&DataType::Decimal64(5, 2), &Float32), Some(Float64));
        assert_eq!(pair(&zoned, &naive), None);
        assert_eq!(pair(&DataType::Date32, &naive), Some(naive.clone()));
        assert_eq!(pair(&DataType::Utf8, &DataType::LargeUtf8), Some(DataType::LargeUtf8));
        assert_eq!(pair(&DataType::Utf8View, &DataType::Binary), Some(DataType::BinaryView));
        assert_eq!(pair(&DataType::Utf8, &Int64), None);
        let dictionary = DataType::Dictionary(Box::new(Int32), Box::new(DataType::Utf8));
        assert_eq!(pair(&dictionary, &DataType::LargeUtf8), Some(DataType::LargeUtf8));
    }

    #[test]
    fn a_type_holds_those_that_are_within_it() {
        let seconds = DataType::Timestamp(TimeUnit::Second, None);
        for (from, to) in [
            (Int32, Int64),
            (UInt32, Int64),
            (Int32, Float64),
            (UInt64, DataType::Decimal128(22, 2)),
            (DataType::Decimal128(5, 2), DataType::Decimal128(6, 3)),
            (DataType::Date32, seconds.clone()),
            (DataType::Utf8, DataType::LargeUtf8),
        ] {
            assert!(holds_every(&to, &from), "{from} in {to}");
            assert!(!holds_every(&from, &to), "{to} in {from}");
        }
        for (from, to) in [
            (UInt64, Int64),
            (Int8, UInt64),
            (Int64, Float64),
            (Int32, Float32),
            (UInt64, DataType::Decimal128(20, 2)),
            (seconds, DataType::Timestamp(TimeUnit::Nanosecond, None)),
        ] {
            assert!(!holds_every(&to, &from), "{from} in {to}");
        }
    }

    #[test]
    fn literals_are_exact_or_refused() {
        let memory = Memory::unlimited();
        let value: ArrayRef = std::sync::Arc::new(arrow_array::Int64Array::from(vec![300]));
        assert_eq!(literal_as(&value, &Int16, &memory).unwrap().data_type(), &Int16);
        assert!(literal_as(&value, &Int8, &memory).is_err());
        let value: ArrayRef = std::sync::Arc::new(arrow_array::Float64Array::from(vec![2.5]));
        assert!(literal_as(&value, &Int64, &memory).is_err());
        assert_eq!(literal_as(&value, &Float32, &memory).unwrap().data_type(), &Float32);
    }
}
