// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Values that have distances: what as-of joins search for the one next to another.

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, *};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, TimeUnit};
use bowyer_core::{Charge, Error, Memory, Result};
use datafusion_common::ScalarValue;

/// A distance, or a place on its scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Moment {
    /// Of integers, decimals and times, in their unit.
    Whole(i128),
    /// Of floats.
    Float(f64),
}

/// The values of a column.
pub(super) struct Moments {
    values: Values,
    nulls: Option<NullBuffer>,
    _charge: Charge,
}

enum Values {
    Whole(Vec<i128>),
    Float(Vec<f64>),
}

/// Whether values of a type have distances.
pub(crate) fn has_moments(data_type: &DataType) -> bool {
    use DataType as D;
    data_type.is_integer()
        || data_type.is_floating()
        || matches!(data_type, D::Decimal32(..) | D::Decimal64(..) | D::Decimal128(..))
        || matches!(data_type, D::Date32 | D::Date64 | D::Time32(_) | D::Time64(_) | D::Timestamp(..) | D::Duration(_))
}

/// A distance between values of `data_type`: a number for numbers, a duration for times.
///
/// # Errors
/// `TypeMismatch` for a value of another type, `InvalidArgument` for one below zero.
pub(crate) fn distance_of(value: &ScalarValue, data_type: &DataType) -> Result<Moment> {
    use DataType as D;
    let mismatch =
        || Error::type_mismatch(format!("a distance of type {} between values of {data_type}", value.data_type()));
    let duration = matches!(value.data_type(), D::Duration(_));
    let (to, per) = match data_type {
        D::Date32 => (D::Duration(TimeUnit::Second), 86_400),
        D::Date64 => (D::Duration(TimeUnit::Millisecond), 1),
        D::Time32(unit) | D::Time64(unit) | D::Timestamp(unit, _) | D::Duration(unit) => (D::Duration(*unit), 1),
        float if float.is_floating() => (D::Float64, 1),
        whole if whole.is_integer() => (D::Int64, 1),
        decimal => (decimal.clone(), 1),
    };
    if matches!(to, D::Duration(_)) != duration {
        return Err(mismatch());
    }
    let array = value.cast_to(&to).and_then(|value| value.to_array()).map_err(|_| mismatch())?;
    let moments = Moments::of(&array, &Memory::unlimited())?;
    match moments.get(0) {
        Some(Moment::Whole(distance)) if distance >= 0 => Ok(Moment::Whole(distance / per)),
        Some(Moment::Float(distance)) if distance >= 0.0 => Ok(Moment::Float(distance)),
        _ => Err(Error::invalid_argument("a distance that is not zero or more")),
    }
}

fn whole<T: ArrowPrimitiveType>(array: &ArrayRef) -> Values
where
    T::Native: Into<i128>,
{
    Values::Whole(array.as_primitive::<T>().values().iter().map(|&value| value.into()).collect())
}

impl Moments {
    /// Those of a column of a type that [`has_moments`].
    pub(super) fn of(array: &ArrayRef, memory: &Memory) -> Result<Self> {
        use DataType as D;
        let charge = memory.charge(array.len() * size_of::<i128>())?;
        let values = match array.data_type() {
            D::Int8 => whole::<Int8Type>(array),
            D::Int16 => whole::<Int16Type>(array),
            D::Int32 => whole::<Int32Type>(array),
            D::Int64 => whole::<Int64Type>(array),
            D::UInt8 => whole::<UInt8Type>(array),
            D::UInt16 => whole::<UInt16Type>(array),
            D::UInt32 => whole::<UInt32Type>(array),
            D::UInt64 => whole::<UInt64Type>(array),
            D::Date32 => whole::<Date32Type>(array),
            D::Date64 => whole::<Date64Type>(array),
            D::Time32(TimeUnit::Second) => whole::<Time32SecondType>(array),
            D::Time32(_) => whole::<Time32MillisecondType>(array),
            D::Time64(TimeUnit::Microsecond) => whole::<Time64MicrosecondType>(array),
            D::Time64(_) => whole::<Time64NanosecondType>(array),
            D::Timestamp(TimeUnit::Second, _) => whole::<TimestampSecondType>(array),
            D::Timestamp(TimeUnit::Millisecond, _) => whole::<TimestampMillisecondType>(array),
            D::Timestamp(TimeUnit::Microsecond, _) => whole::<TimestampMicrosecondType>(array),
            D::Timestamp(TimeUnit::Nanosecond, _) => whole::<TimestampNanosecondType>(array),
            D::Duration(TimeUnit::Second) => whole::<DurationSecondType>(array),
            D::Duration(TimeUnit::Millisecond) => whole::<DurationMillisecondType>(array),
            D::Duration(TimeUnit::Microsecond) => whole::<DurationMicrosecondType>(array),
            D::Duration(TimeUnit::Nanosecond) => whole::<DurationNanosecondType>(array),
            D::Decimal32(..) => whole::<Decimal32Type>(array),
            D::Decimal64(..) => whole::<Decimal64Type>(array),
            D::Decimal128(..) => whole::<Decimal128Type>(array),
            float if float.is_floating() => {
                let wide = arrow_cast::cast(array, &D::Float64)?;
                Values::Float(wide.as_primitive::<Float64Type>().values().to_vec())
            }
            other => return Err(Error::internal(format!("values of {other} have no distances"))),
        };
        Ok(Self { values, nulls: array.nulls().cloned(), _charge: charge })
    }

    /// The value of a row; none where it is null or NaN.
    pub(super) fn get(&self, row: usize) -> Option<Moment> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        match &self.values {
            Values::Whole(values) => values.get(row).copied().map(Moment::Whole),
            Values::Float(values) => values.get(row).copied().filter(|value| !value.is_nan()).map(Moment::Float),
        }
    }
}

impl Moment {
    /// Its order among those of one scale.
    pub(super) fn order(&self, other: &Self) -> std::cmp::Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal),
            // One column is one scale.
            _ => std::cmp::Ordering::Equal,
        }
    }

    /// How far two are apart.
    pub(super) fn distance(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Self::Whole(a.max(b).saturating_sub(*a.min(b))),
            (Self::Float(a), Self::Float(b)) if a == b => Self::Float(0.0),
            (Self::Float(a), Self::Float(b)) => Self::Float((a - b).abs()),
            _ => *self,
        }
    }
}
