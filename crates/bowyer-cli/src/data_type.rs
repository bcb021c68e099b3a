// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Reads the name of a type, as pyarrow prints it: `int64`, `timestamp[us, tz=UTC]`, `decimal128(10, 2)`.
//!
//! Only types that an option can name are known; nested ones are not.

use arrow_schema::{DataType, IntervalUnit, TimeUnit};
use bowyer_core::{Error, Result};

/// The type of that name.
pub(crate) fn parse(name: &str) -> Result<DataType> {
    simple(name).or_else(|| with_unit(name)).or_else(|| decimal(name)).ok_or_else(|| {
        Error::parse(format!("{name:?} names no type; names are as pyarrow prints them, such as timestamp[us, tz=UTC]"))
    })
}

fn simple(name: &str) -> Option<DataType> {
    Some(match name {
        "null" => DataType::Null,
        "bool" => DataType::Boolean,
        "int8" => DataType::Int8,
        "int16" => DataType::Int16,
        "int32" => DataType::Int32,
        "int64" => DataType::Int64,
        "uint8" => DataType::UInt8,
        "uint16" => DataType::UInt16,
        "uint32" => DataType::UInt32,
        "uint64" => DataType::UInt64,
        "halffloat" | "float16" => DataType::Float16,
        "float" | "float32" => DataType::Float32,
        "double" | "float64" => DataType::Float64,
        "string" => DataType::Utf8,
        "large_string" => DataType::LargeUtf8,
        "string_view" => DataType::Utf8View,
        "binary" => DataType::Binary,
        "large_binary" => DataType::LargeBinary,
        "binary_view" => DataType::BinaryView,
        "date32" | "date32[day]" => DataType::Date32,
        "date64" | "date64[ms]" => DataType::Date64,
        "month_interval" => DataType::Interval(IntervalUnit::YearMonth),
        "day_time_interval" => DataType::Interval(IntervalUnit::DayTime),
        "month_day_nano_interval" => DataType::Interval(IntervalUnit::MonthDayNano),
        _ => return None,
    })
}

fn with_unit(name: &str) -> Option<DataType> {
    let (family, rest) = name.strip_suffix(']')?.split_once('[')?;
    if let ("fixed_size_binary", Ok(size)) = (family, rest.parse()) {
        return (size >= 0).then_some(DataType::FixedSizeBinary(size));
    }
    let (unit, zone) = match rest.split_once(',') {
        Some((unit, zone)) => (unit, Some(zone.trim().trim_start_matches("tz="))),
        None => (rest, None),
    };
    let unit = match unit {
        "s" => TimeUnit::Second,
        "ms" => TimeUnit::Millisecond,
        "us" => TimeUnit::Microsecond,
        "ns" => TimeUnit::Nanosecond,
        _ => return None,
    };
    Some(match (family, unit, zone) {
        ("timestamp", unit, zone) => DataType::Timestamp(unit, zone.map(Into::into)),
        ("duration", unit, None) => DataType::Duration(unit),
        ("time32", TimeUnit::Second | TimeUnit::Millisecond, None) => DataType::Time32(unit),
        ("time64", TimeUnit::Microsecond | TimeUnit::Nanosecond, None) => DataType::Time64(unit),
        _ => return None,
    })
}

fn decimal(name: &str) -> Option<DataType> {
    let (family, rest) = name.strip_suffix(')')?.split_once('(')?;
    let (precision, scale) = rest.split_once(',')?;
    let (precision, scale) = (precision.trim().parse::<u8>().ok()?, scale.trim().parse::<i8>().ok()?);
    let (make, most): (fn(u8, i8) -> DataType, u8) = match family {
        "decimal32" => (DataType::Decimal32, 9),
        "decimal64" => (DataType::Decimal64, 18),
        "decimal128" => (DataType::Decimal128, 38),
        "decimal256" => (DataType::Decimal256, 76),
        _ => return None,
    };
    (1..=most).contains(&precision).then(|| make(precision, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_pyarrow_prints() {
        let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        assert_eq!(parse("timestamp[us, tz=UTC]").unwrap(), zoned);
        assert_eq!(parse("timestamp[us, UTC]").unwrap(), zoned);
        assert_eq!(parse("double").unwrap(), DataType::Float64);
        assert_eq!(parse("decimal128(10, 2)").unwrap(), DataType::Decimal128(10, 2));
        assert_eq!(parse("fixed_size_binary[16]").unwrap(), DataType::FixedSizeBinary(16));
    }

    #[test]
    fn what_is_no_type_is_said_to_be_none() {
        for name in ["int65", "time32[us]", "timestamp[h]", "decimal128(39, 0)", "fixed_size_binary[-1]", "]["] {
            assert!(parse(name).is_err(), "{name}");
        }
    }
}
