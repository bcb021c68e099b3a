// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What arithmetic casts its arguments to, and the types of decimal and time results.

use arrow_schema::{DataType, TimeUnit};
use bowyer_core::{Error, Result};

use crate::Options;
use crate::coercion::{as_decimal, common_number, common_type, decimal_parts, decimal_type, finer, time_of};

type Types = Result<Option<Vec<DataType>>>;

/// For a sum.
pub(super) fn add(types: &[DataType]) -> Types {
    let Some((a, b)) = pair(types) else { return Ok(None) };
    if let Some(numbers) = numbers(&a, &b, Scales::Common { carry: 1 })? {
        return Ok(Some(numbers));
    }
    use DataType as T;
    Ok(match (&a, &b) {
        (T::Duration(_), T::Duration(_)) => twice(&a, &b),
        (other, T::Duration(unit)) => moment_and_duration(other, *unit),
        (T::Duration(unit), other) => moment_and_duration(other, *unit).map(|types| types.into_iter().rev().collect()),
        _ => None,
    })
}

/// For a difference.
pub(super) fn subtract(types: &[DataType]) -> Types {
    let Some((a, b)) = pair(types) else { return Ok(None) };
    if let Some(numbers) = numbers(&a, &b, Scales::Common { carry: 1 })? {
        return Ok(Some(numbers));
    }
    use DataType as T;
    let (a, b) = if b.is_temporal() && !matches!(b, T::Duration(_)) { (as_moment(a), as_moment(b)) } else { (a, b) };
    Ok(match (&a, &b) {
        (T::Duration(_), T::Duration(_)) | (T::Time32(_) | T::Time64(_), T::Time32(_) | T::Time64(_)) => twice(&a, &b),
        (T::Timestamp(u1, z1), T::Timestamp(u2, z2)) if z1.is_some() == z2.is_some() => {
            // Both count from the same instant, so two zones are fine.
            let unit = finer(*u1, *u2);
            Some(vec![T::Timestamp(unit, z1.clone()), T::Timestamp(unit, z2.clone())])
        }
        (other, T::Duration(unit)) => moment_and_duration(other, *unit),
        _ => None,
    })
}

/// For a product.
pub(super) fn multiply(types: &[DataType]) -> Types {
    let Some((a, b)) = pair(types) else { return Ok(None) };
    Ok(match (&a, &b) {
        (DataType::Duration(_), other) if other.is_integer() => Some(vec![a, DataType::Int64]),
        (other, DataType::Duration(_)) if other.is_integer() => Some(vec![DataType::Int64, b]),
        _ => numbers(&a, &b, Scales::Own)?,
    })
}

/// For a quotient.
pub(super) fn divide(types: &[DataType]) -> Types {
    let Some((a, b)) = pair(types) else { return Ok(None) };
    Ok(match (&a, &b) {
        (DataType::Duration(_), DataType::Duration(_)) => twice(&a, &b),
        (DataType::Duration(_), other) if other.is_integer() => Some(vec![a, DataType::Int64]),
        _ => numbers(&a, &b, Scales::Own)?,
    })
}

/// For what a truncated division leaves.
pub(super) fn remainder(types: &[DataType]) -> Types {
    let Some((a, b)) = pair(types) else { return Ok(None) };
    numbers(&a, &b, Scales::Common { carry: 0 })
}

/// For what a division rounded down leaves.
pub(super) fn modulo(types: &[DataType]) -> Types {
    remainder(types)
}

/// Two types; a null counts as the other.
fn pair(types: &[DataType]) -> Option<(DataType, DataType)> {
    match types {
        [DataType::Null, other] | [other, DataType::Null] => Some((other.clone(), other.clone())),
        [a, b] => Some((a.clone(), b.clone())),
        _ => None,
    }
}

fn twice(a: &DataType, b: &DataType) -> Option<Vec<DataType>> {
    common_type(&[a.clone(), b.clone()]).map(|common| vec![common.clone(), common])
}

/// A date as the timestamp of its midnight.
fn as_moment(data_type: DataType) -> DataType {
    match data_type {
        DataType::Date32 => DataType::Timestamp(TimeUnit::Second, None),
        DataType::Date64 => DataType::Timestamp(TimeUnit::Millisecond, None),
        other => other,
    }
}

fn moment_and_duration(moment: &DataType, unit: TimeUnit) -> Option<Vec<DataType>> {
    match as_moment(moment.clone()) {
        DataType::Timestamp(own, zone) => {
            let unit = finer(own, unit);
            Some(vec![DataType::Timestamp(unit, zone), DataType::Duration(unit)])
        }
        DataType::Time32(own) | DataType::Time64(own) => {
            let unit = finer(own, unit);
            Some(vec![time_of(unit), DataType::Duration(unit)])
        }
        _ => None,
    }
}

/// What decimals are cast to before they meet.
#[derive(Clone, Copy)]
enum Scales {
    /// One type: the larger scale, and this many more digits before the point.
    Common { carry: i16 },
    /// Each its own, of one width.
    Own,
}

fn numbers(a: &DataType, b: &DataType, scales: Scales) -> Types {
    if a.is_null() && b.is_null() {
        return Ok(Some(vec![DataType::Null, DataType::Null]));
    }
    if let Some(common) = common_number(a, b) {
        return Ok(Some(vec![common.clone(), common]));
    }
    let decimal = a.is_decimal() || b.is_decimal();
    if decimal && (a.is_floating() || b.is_floating()) {
        return Ok(Some(vec![DataType::Float64, DataType::Float64]));
    }
    match (as_decimal(a), as_decimal(b)) {
        (Some(a), Some(b)) if decimal => decimals(&a, &b, scales).map(Some),
        _ => Ok(None),
    }
}

fn decimals(a: &DataType, b: &DataType, scales: Scales) -> Result<Vec<DataType>> {
    let ((p1, s1), (p2, s2)) = (wide_parts(a)?, wide_parts(b)?);
    let wide = is_wide(a) || is_wide(b);
    match scales {
        Scales::Common { carry } => {
            let scale = s1.max(s2);
            let common = checked_decimal((p1 - s1).max(p2 - s2) + carry + scale, scale, wide)?;
            Ok(vec![common.clone(), common])
        }
        Scales::Own => Ok(vec![checked_decimal(p1, s1, wide)?, checked_decimal(p2, s2, wide)?]),
    }
}

fn is_wide(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal256(..))
}

fn wide_parts(data_type: &DataType) -> Result<(i16, i16)> {
    match decimal_parts(data_type) {
        Some((precision, scale)) if scale >= 0 => Ok((precision.into(), scale.into())),
        _ => Err(Error::not_implemented(format!("arithmetic on {data_type}: a negative scale"))),
    }
}

fn checked_decimal(precision: i16, scale: i16, wide: bool) -> Result<DataType> {
    decimal_type(precision, scale, wide).ok_or_else(|| {
        let limit = if wide { 76 } else { 38 };
        Error::type_mismatch(format!("the result would have {precision} digits, and {limit} are the most"))
    })
}

/// The type of a decimal product.
pub(super) fn multiply_decimal(types: &[DataType], _: &Options) -> Result<DataType> {
    let ((p1, s1), (p2, s2)) = (wide_parts(&types[0])?, wide_parts(&types[1])?);
    checked_decimal(p1 + p2 + 1, s1 + s2, is_wide(&types[0]))
}

/// The type of a decimal quotient.
pub(super) fn divide_decimal(types: &[DataType], _: &Options) -> Result<DataType> {
    let ((p1, s1), (p2, s2)) = (wide_parts(&types[0])?, wide_parts(&types[1])?);
    let scale = (s1 + p2 - s2 + 1).max(4);
    checked_decimal(p1 - s1 + s2 + scale, scale, is_wide(&types[0]))
}

/// The type of the time between two moments.
pub(super) fn difference(types: &[DataType], _: &Options) -> Result<DataType> {
    match &types[0] {
        DataType::Timestamp(unit, _) | DataType::Time32(unit) | DataType::Time64(unit) => Ok(DataType::Duration(*unit)),
        other => Err(Error::internal(format!("a difference of {other}"))),
    }
}

/// Whether a time of day is moved by a duration, out of its day perhaps.
pub(super) fn meets_time_of_day(types: &[DataType], _: &DataType) -> bool {
    types.iter().any(|data_type| matches!(data_type, DataType::Time32(_) | DataType::Time64(_)))
        && types.iter().any(|data_type| matches!(data_type, DataType::Duration(_)))
}

/// Whether a sum or product can be too large: integers and times. Floats have infinity, and the types of decimal results
/// have room.
pub(super) fn has_bounds(types: &[DataType], _: &DataType) -> bool {
    !types.iter().all(|data_type| data_type.is_floating() || data_type.is_decimal() || data_type.is_null())
}

/// Whether a division by zero fails. Floats have infinity, and the ratio of two durations is a float.
pub(super) fn refuses_zero(types: &[DataType], _: &DataType) -> bool {
    let ratio = |data_type: &DataType| {
        data_type.is_floating() || data_type.is_null() || matches!(data_type, DataType::Duration(_))
    };
    !types.iter().all(ratio)
}
