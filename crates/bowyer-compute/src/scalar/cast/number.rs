// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Casts between integers, floats and booleans.
//!
//! Checked, an integer must fit, a float must be whole and fit, and an integer that becomes a float must be small enough
//! that every integer of its size is a float. A float that becomes a narrower float never fails: it rounds, at worst to
//! an infinity.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::DataType;
use bowyer_core::{Error, Result};
use half::f16;

use super::lanes::{lanes, try_lanes};
use super::{Cast, unsupported};

/// A number that becomes an `O`.
pub(super) trait Convert<O> {
    /// The value if `O` has it, or if the cast is one that rounds.
    fn exact(self) -> Option<O>;
    /// The value as the machine makes it.
    fn wrapped(self) -> O;
}

macro_rules! integers_to_integers {
    ($($from:ty)+ => $all:tt) => { $(integers_to_integers!(@ $from => $all);)+ };
    (@ $from:ty => [$($to:ty)+]) => { $(
        impl Convert<$to> for $from {
            #[inline(always)]
            fn exact(self) -> Option<$to> { <$to>::try_from(self).ok() }
            #[inline(always)]
            fn wrapped(self) -> $to { self as $to }
        }
    )+ };
}

macro_rules! integers_to_float {
    ($float:ident, $digits:literal, $($from:ty)+) => { $(
        impl Convert<$float> for $from {
            #[inline(always)]
            fn exact(self) -> Option<$float> {
                const LIMIT: u128 = 1 << $digits;
                const NARROW: bool = <$from>::MAX as u128 <= LIMIT;
                let fits = NARROW || (i128::from(self) <= LIMIT as i128 && i128::from(self) >= -(LIMIT as i128));
                fits.then(|| Convert::<$float>::wrapped(self))
            }
            #[inline(always)]
            fn wrapped(self) -> $float { FromNumber::from_number(self) }
        }
        impl FromNumber<$from> for $float {
            #[inline(always)]
            fn from_number(value: $from) -> Self { float_of!($float, value) }
        }
    )+ };
}

macro_rules! float_of {
    (f16, $value:expr) => {
        f16::from_f64($value as f64)
    };
    ($float:ident, $value:expr) => {
        $value as $float
    };
}

trait FromNumber<T> {
    fn from_number(value: T) -> Self;
}

macro_rules! floats_to_integers {
    ($float:ident, $($to:ty)+) => { $(
        impl Convert<$to> for $float {
            #[inline(always)]
            fn exact(self) -> Option<$to> {
                const END: $float = (<$to>::MAX as u128 + 1) as $float;
                let value = self as $to;
                (self >= <$to>::MIN as $float && self < END && value as $float == self).then_some(value)
            }
            #[inline(always)]
            fn wrapped(self) -> $to {
                const END: $float = (<$to>::MAX as u128 + 1) as $float;
                if self > <$to>::MIN as $float - 1.0 && self < END {
                    self as $to
                } else if size_of::<$to>() < 4 && self.abs() < 2_147_483_648.0 {
                    self as i32 as $to
                } else if size_of::<$to>() == 4 && <$to>::MIN == 0 && self.abs() < 9.2e18 {
                    self as i64 as $to
                } else if size_of::<$to>() == 8 && <$to>::MIN == 0 && self < 0.0 && self > -9.3e18 {
                    self as i64 as $to
                } else if size_of::<$to>() < 8 {
                    i32::MIN as $to
                } else {
                    i64::MIN as $to
                }
            }
        }
    )+ };
}

macro_rules! halves_to_integers {
    ($($to:ty)+) => { $(
        impl Convert<$to> for f16 {
            #[inline(always)]
            fn exact(self) -> Option<$to> { self.to_f32().exact() }
            #[inline(always)]
            fn wrapped(self) -> $to { self.to_f32().wrapped() }
        }
    )+ };
}

macro_rules! floats_to_floats {
    ($($from:ty, $to:ty, $convert:expr;)+) => { $(
        impl Convert<$to> for $from {
            #[inline(always)]
            fn exact(self) -> Option<$to> { Some(self.wrapped()) }
            #[inline(always)]
            fn wrapped(self) -> $to { ($convert)(self) }
        }
    )+ };
}

integers_to_integers!(i8 i16 i32 i64 u8 u16 u32 u64 => [i8 i16 i32 i64 u8 u16 u32 u64]);
integers_to_float!(f16, 11, i8 i16 i32 i64 u8 u16 u32 u64);
integers_to_float!(f32, 24, i8 i16 i32 i64 u8 u16 u32 u64);
integers_to_float!(f64, 53, i8 i16 i32 i64 u8 u16 u32 u64);
floats_to_integers!(f32, i8 i16 i32 i64 u8 u16 u32 u64);
floats_to_integers!(f64, i8 i16 i32 i64 u8 u16 u32 u64);
halves_to_integers!(i8 i16 i32 i64 u8 u16 u32 u64);
floats_to_floats! {
    f16, f16, |value: f16| value;
    f16, f32, f16::to_f32;
    f16, f64, f16::to_f64;
    f32, f16, f16::from_f32;
    f32, f32, |value: f32| value;
    f32, f64, |value: f32| f64::from(value);
    f64, f16, f16::from_f64;
    f64, f32, |value: f64| value as f32;
    f64, f64, |value: f64| value;
}

/// A number that becomes any number.
pub(super) trait ConvertAny:
    Convert<i8>
    + Convert<i16>
    + Convert<i32>
    + Convert<i64>
    + Convert<u8>
    + Convert<u16>
    + Convert<u32>
    + Convert<u64>
    + Convert<f16>
    + Convert<f32>
    + Convert<f64>
{
}

impl<T> ConvertAny for T where
    T: Convert<i8>
        + Convert<i16>
        + Convert<i32>
        + Convert<i64>
        + Convert<u8>
        + Convert<u16>
        + Convert<u32>
        + Convert<u64>
        + Convert<f16>
        + Convert<f32>
        + Convert<f64>
{
}

/// Casts an array of numbers to another type of number.
pub(super) fn number_to_number(array: &dyn Array, cast: &Cast<'_>) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Int8 => from::<Int8Type>(array, cast),
        DataType::Int16 => from::<Int16Type>(array, cast),
        DataType::Int32 => from::<Int32Type>(array, cast),
        DataType::Int64 => from::<Int64Type>(array, cast),
        DataType::UInt8 => from::<UInt8Type>(array, cast),
        DataType::UInt16 => from::<UInt16Type>(array, cast),
        DataType::UInt32 => from::<UInt32Type>(array, cast),
        DataType::UInt64 => from::<UInt64Type>(array, cast),
        DataType::Float16 => from::<Float16Type>(array, cast),
        DataType::Float32 => from::<Float32Type>(array, cast),
        DataType::Float64 => from::<Float64Type>(array, cast),
        other => Err(unsupported(other, cast.to)),
    }
}

fn from<S: ArrowPrimitiveType>(array: &dyn Array, cast: &Cast<'_>) -> Result<ArrayRef>
where
    S::Native: ConvertAny,
{
    match cast.to {
        DataType::Int8 => pair::<S, Int8Type>(array, cast),
        DataType::Int16 => pair::<S, Int16Type>(array, cast),
        DataType::Int32 => pair::<S, Int32Type>(array, cast),
        DataType::Int64 => pair::<S, Int64Type>(array, cast),
        DataType::UInt8 => pair::<S, UInt8Type>(array, cast),
        DataType::UInt16 => pair::<S, UInt16Type>(array, cast),
        DataType::UInt32 => pair::<S, UInt32Type>(array, cast),
        DataType::UInt64 => pair::<S, UInt64Type>(array, cast),
        DataType::Float16 => pair::<S, Float16Type>(array, cast),
        DataType::Float32 => pair::<S, Float32Type>(array, cast),
        DataType::Float64 => pair::<S, Float64Type>(array, cast),
        other => Err(unsupported(array.data_type(), other)),
    }
}

fn pair<S, O>(array: &dyn Array, cast: &Cast<'_>) -> Result<ArrayRef>
where
    S: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
    S::Native: Convert<O::Native>,
{
    let array = array.as_primitive::<S>();
    let integers = S::DATA_TYPE.is_integer() && O::DATA_TYPE.is_integer();
    let lossy = if integers { cast.policy.int_overflow } else { cast.policy.float_truncate };
    if lossy {
        return lanes(array.values(), array.nulls(), cast.to, cast.memory, Convert::<O::Native>::wrapped);
    }
    let explain = || {
        if O::DATA_TYPE.is_integer() && S::DATA_TYPE.is_integer() {
            Error::overflow(format!("the value does not fit {}", cast.to))
        } else if O::DATA_TYPE.is_integer() {
            Error::invalid_data(format!("the float is not a whole number of {}", cast.to))
        } else {
            Error::invalid_data(format!("the integer may have no exact {}", cast.to))
        }
    };
    let convert = Convert::<O::Native>::exact;
    try_lanes(array.values(), array.nulls(), cast.to, cast.policy.null_on_failure, cast.memory, convert, explain)
}

/// Casts booleans to zeros and ones.
pub(super) fn boolean_to_number(array: &BooleanArray, cast: &Cast<'_>) -> Result<ArrayRef> {
    let values: Vec<u8> = array.values().iter().map(u8::from).collect();
    let bytes = arrow_array::UInt8Array::new(values.into(), array.nulls().cloned());
    number_to_number(&bytes, cast)
}

/// Casts numbers to booleans: whether they differ from zero.
pub(super) fn number_to_boolean(array: &dyn Array) -> Result<ArrayRef> {
    fn differs<T: ArrowPrimitiveType>(array: &dyn Array) -> Result<ArrayRef> {
        let array = array.as_primitive::<T>();
        let zero = T::default_value();
        let bits = BooleanBuffer::collect_bool(array.len(), |row| array.values()[row] != zero);
        Ok(boolean(bits, array.nulls()))
    }
    match array.data_type() {
        DataType::Int8 => differs::<Int8Type>(array),
        DataType::Int16 => differs::<Int16Type>(array),
        DataType::Int32 => differs::<Int32Type>(array),
        DataType::Int64 => differs::<Int64Type>(array),
        DataType::UInt8 => differs::<UInt8Type>(array),
        DataType::UInt16 => differs::<UInt16Type>(array),
        DataType::UInt32 => differs::<UInt32Type>(array),
        DataType::UInt64 => differs::<UInt64Type>(array),
        DataType::Float16 => differs::<Float16Type>(array),
        DataType::Float32 => differs::<Float32Type>(array),
        DataType::Float64 => differs::<Float64Type>(array),
        other => Err(unsupported(other, &DataType::Boolean)),
    }
}

pub(super) fn boolean(bits: BooleanBuffer, nulls: Option<&NullBuffer>) -> ArrayRef {
    Arc::new(BooleanArray::new(bits, nulls.cloned()))
}
