// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Sets of types that a signature names, so that one overload covers all integers or all strings.

use arrow_schema::DataType;
use bowyer_core::{Error, Result};

use crate::Options;

/// A set of types for an argument, or the type of a result.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// Any type.
    Any,
    /// The null type.
    Null,
    /// Booleans.
    Boolean,
    /// 8-bit signed integers.
    Int8,
    /// 16-bit signed integers.
    Int16,
    /// 32-bit signed integers.
    Int32,
    /// 64-bit signed integers.
    Int64,
    /// 8-bit unsigned integers.
    UInt8,
    /// 16-bit unsigned integers.
    UInt16,
    /// 32-bit unsigned integers.
    UInt32,
    /// 64-bit unsigned integers.
    UInt64,
    /// 16-bit floats.
    Float16,
    /// 32-bit floats.
    Float32,
    /// 64-bit floats.
    Float64,
    /// Strings with 32-bit offsets.
    Utf8,
    /// Strings with 64-bit offsets.
    LargeUtf8,
    /// Strings as views.
    Utf8View,
    /// Binary values with 32-bit offsets.
    Binary,
    /// Days since the epoch.
    Date32,
    /// Milliseconds since the epoch, whole days.
    Date64,
    /// Signed and unsigned integers.
    AnyInteger,
    /// Signed integers.
    AnySigned,
    /// Unsigned integers.
    AnyUnsigned,
    /// Floats of 16, 32 or 64 bits.
    AnyFloat,
    /// Integers, and floats of 32 and 64 bits.
    Numeric,
    /// Decimals of any width.
    AnyDecimal,
    /// Decimals of 128 or 256 bits.
    WideDecimal,
    /// Strings in all three layouts.
    AnyString,
    /// Binary values in all three layouts; not fixed-size.
    AnyBinary,
    /// Strings and binary values in all layouts; not fixed-size.
    AnyBytes,
    /// Binary values of one size.
    FixedSizeBinary,
    /// Both date types.
    AnyDate,
    /// Times of day.
    AnyTime,
    /// Timestamps of any unit and zone.
    AnyTimestamp,
    /// Durations of any unit.
    AnyDuration,
    /// Intervals.
    AnyInterval,
    /// Dates, times, timestamps and durations.
    Temporal,
    /// Lists: plain, large, fixed-size and views.
    AnyList,
    /// Structs.
    Struct,
    /// Maps.
    Map,
    /// Dictionaries.
    AnyDictionary,
    /// Runs of equal values.
    AnyRuns,
    /// The same type as an earlier argument's.
    SameAs(usize),
    /// For a result: a list of the type of an argument.
    ListOf(usize),
    /// For a result: computed from the argument types, after implicit casts, and the options.
    Computed(fn(&[DataType], &Options) -> Result<DataType>),
}

impl Kind {
    /// Whether argument `index` of `types` belongs to the set.
    #[must_use]
    pub fn accepts(&self, types: &[DataType], index: usize) -> bool {
        use DataType as T;
        let data_type = &types[index];
        match self {
            Self::Any => true,
            Self::SameAs(other) => types.get(*other) == Some(data_type),
            Self::ListOf(_) | Self::Computed(_) => false,
            Self::AnyInteger => data_type.is_integer(),
            Self::AnySigned => data_type.is_signed_integer(),
            Self::AnyUnsigned => data_type.is_unsigned_integer(),
            Self::AnyFloat => data_type.is_floating(),
            Self::Numeric => data_type.is_integer() || matches!(data_type, T::Float32 | T::Float64),
            Self::AnyDecimal => data_type.is_decimal(),
            Self::WideDecimal => matches!(data_type, T::Decimal128(..) | T::Decimal256(..)),
            Self::AnyString => matches!(data_type, T::Utf8 | T::LargeUtf8 | T::Utf8View),
            Self::AnyBinary => matches!(data_type, T::Binary | T::LargeBinary | T::BinaryView),
            Self::AnyBytes => {
                matches!(data_type, T::Utf8 | T::LargeUtf8 | T::Utf8View | T::Binary | T::LargeBinary | T::BinaryView)
            }
            Self::FixedSizeBinary => matches!(data_type, T::FixedSizeBinary(_)),
            Self::AnyDate => matches!(data_type, T::Date32 | T::Date64),
            Self::AnyTime => matches!(data_type, T::Time32(_) | T::Time64(_)),
            Self::AnyTimestamp => matches!(data_type, T::Timestamp(..)),
            Self::AnyDuration => matches!(data_type, T::Duration(_)),
            Self::AnyInterval => matches!(data_type, T::Interval(_)),
            Self::Temporal => matches!(
                data_type,
                T::Date32 | T::Date64 | T::Time32(_) | T::Time64(_) | T::Timestamp(..) | T::Duration(_)
            ),
            Self::AnyList => matches!(
                data_type,
                T::List(_) | T::LargeList(_) | T::FixedSizeList(..) | T::ListView(_) | T::LargeListView(_)
            ),
            Self::Struct => matches!(data_type, T::Struct(_)),
            Self::Map => matches!(data_type, T::Map(..)),
            Self::AnyDictionary => matches!(data_type, T::Dictionary(..)),
            Self::AnyRuns => matches!(data_type, T::RunEndEncoded(..)),
            _ => self.concrete().as_ref() == Some(data_type),
        }
    }

    /// The type of a set of one.
    #[must_use]
    pub fn concrete(&self) -> Option<DataType> {
        Some(match self {
            Self::Null => DataType::Null,
            Self::Boolean => DataType::Boolean,
            Self::Int8 => DataType::Int8,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::UInt8 => DataType::UInt8,
            Self::UInt16 => DataType::UInt16,
            Self::UInt32 => DataType::UInt32,
            Self::UInt64 => DataType::UInt64,
            Self::Float16 => DataType::Float16,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Utf8 => DataType::Utf8,
            Self::LargeUtf8 => DataType::LargeUtf8,
            Self::Utf8View => DataType::Utf8View,
            Self::Binary => DataType::Binary,
            Self::Date32 => DataType::Date32,
            Self::Date64 => DataType::Date64,
            _ => return None,
        })
    }

    /// The type of a result, given the argument types after implicit casts.
    pub(crate) fn output_type(&self, types: &[DataType], options: &Options) -> Result<DataType> {
        let argument = |index: usize| {
            types.get(index).cloned().ok_or_else(|| Error::internal(format!("a result like argument {index} of none")))
        };
        match self {
            Self::SameAs(index) => argument(*index),
            Self::ListOf(index) => Ok(DataType::new_list(argument(*index)?, true)),
            Self::Computed(compute) => compute(types, options),
            _ => self.concrete().ok_or_else(|| Error::internal(format!("{self:?} names no one type"))),
        }
    }
}
