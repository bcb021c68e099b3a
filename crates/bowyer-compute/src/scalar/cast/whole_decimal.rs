// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Casts of integers to decimals with digits after the point: one multiplication a lane.
//!
//! An integer of 64 bits times a power of ten of 64 bits fits 128 bits, and whether its digits fit the precision is seen
//! before it is multiplied: what is left of the point has `precision - scale` digits.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::ArrowNativeType;
use arrow_schema::DataType;
use bowyer_core::{Error, Result};

use super::Cast;
use super::lanes::{lanes, try_lanes};

/// The digits of the greatest power of ten that fits 64 bits.
const MOST: i32 = 18;

/// The decimals of integers; `None` for other types, for 256 bits and for scales without a power of ten of 64 bits.
pub(super) fn cast_integers(array: &ArrayRef, cast: &Cast<'_>) -> Option<Result<ArrayRef>> {
    match array.data_type() {
        DataType::Int8 => of::<Int8Type>(array, cast),
        DataType::Int16 => of::<Int16Type>(array, cast),
        DataType::Int32 => of::<Int32Type>(array, cast),
        DataType::Int64 => of::<Int64Type>(array, cast),
        DataType::UInt8 => of::<UInt8Type>(array, cast),
        DataType::UInt16 => of::<UInt16Type>(array, cast),
        DataType::UInt32 => of::<UInt32Type>(array, cast),
        _ => None,
    }
}

fn of<T: ArrowPrimitiveType<Native: Into<i64>>>(array: &ArrayRef, cast: &Cast<'_>) -> Option<Result<ArrayRef>> {
    let (precision, scale) = match cast.to {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => (i32::from(*precision), i32::from(*scale)),
        _ => return None,
    };
    if !(0..=MOST).contains(&scale) {
        return None;
    }
    let factor = 10i64.pow(scale as u32);
    // The integers below it have no more digits than there is room for left of the point.
    let limit = (precision - scale <= MOST).then(|| 10i64.pow((precision - scale).max(0) as u32));
    Some(match cast.to {
        // Narrow decimals have a limit, below which nothing overflows them.
        DataType::Decimal32(..) => scaled::<T, i32>(array, cast, limit, |value| (value * factor) as i32),
        DataType::Decimal64(..) => scaled::<T, i64>(array, cast, limit, |value| value.wrapping_mul(factor)),
        _ => scaled::<T, i128>(array, cast, limit, |value| i128::from(value) * i128::from(factor)),
    })
}

fn scaled<T: ArrowPrimitiveType<Native: Into<i64>>, O: ArrowNativeType>(
    array: &ArrayRef,
    cast: &Cast<'_>,
    limit: Option<i64>,
    scale: impl Fn(i64) -> O,
) -> Result<ArrayRef> {
    let values = array.as_primitive::<T>().values();
    let Some(limit) = limit else {
        return lanes(values, array.nulls(), cast.to, cast.memory, |value| scale(value.into()));
    };
    let convert = |value: T::Native| {
        let value: i64 = value.into();
        (value < limit && value > -limit).then(|| scale(value))
    };
    let explain = || match cast.policy.decimal_truncate {
        true => Error::overflow(format!("the value does not fit {}", cast.to)),
        false => Error::invalid_data(format!("the value is not exactly one of {}", cast.to)),
    };
    try_lanes(values, array.nulls(), cast.to, cast.policy.null_on_failure, cast.memory, convert, explain)
}
