// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Format strings: writing and reading are inverse, and what names no type says why.

use arrow_schema::{DataType, IntervalUnit, TimeUnit, UnionMode};

use super::format::{Format, parse, write};

#[test]
fn flat_types_are_read_as_they_are_written() {
    let mut types = vec![
        DataType::Null,
        DataType::Boolean,
        DataType::Int8,
        DataType::UInt8,
        DataType::Int16,
        DataType::UInt16,
        DataType::Int32,
        DataType::UInt32,
        DataType::Int64,
        DataType::UInt64,
        DataType::Float16,
        DataType::Float32,
        DataType::Float64,
        DataType::Binary,
        DataType::LargeBinary,
        DataType::BinaryView,
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Utf8View,
        DataType::Date32,
        DataType::Date64,
        DataType::Time32(TimeUnit::Second),
        DataType::Time32(TimeUnit::Millisecond),
        DataType::Time64(TimeUnit::Microsecond),
        DataType::Time64(TimeUnit::Nanosecond),
        DataType::FixedSizeBinary(0),
        DataType::FixedSizeBinary(i32::MAX),
        DataType::Decimal32(9, 9),
        DataType::Decimal64(18, -128),
        DataType::Decimal128(38, 0),
        DataType::Decimal256(76, 76),
    ];
    for unit in [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond] {
        types.push(DataType::Duration(unit));
        // A zone may hold a colon itself.
        for zone in [None, Some("UTC"), Some("+01:00")] {
            types.push(DataType::Timestamp(unit, zone.map(Into::into)));
        }
    }
    for unit in [IntervalUnit::YearMonth, IntervalUnit::DayTime, IntervalUnit::MonthDayNano] {
        types.push(DataType::Interval(unit));
    }
    for data_type in types {
        let format = write(&data_type);
        assert_eq!(parse(&format), Ok(Format::Flat(data_type)), "{format}");
    }
}

#[test]
fn nested_formats_leave_their_children_open() {
    assert_eq!(parse("+w:3"), Ok(Format::FixedSizeList(3)));
    assert_eq!(parse("+ud:0,127,5"), Ok(Format::Union(UnionMode::Dense, vec![0, 127, 5])));
    assert_eq!(parse("+us:"), Ok(Format::Union(UnionMode::Sparse, vec![])));
    assert_eq!(parse("+r"), Ok(Format::RunEndEncoded));
}

#[test]
fn what_names_no_type_is_refused() {
    let wrong = [
        "",
        "x",
        "ll",
        " l",
        "+",
        "+x",
        "w",
        "w:",
        "w:-1",
        "w:2147483648",
        "+w:a",
        "d:",
        "d:1",
        "d:0,0",
        "d:39,0",
        "d:77,0,256",
        "d:10,0,32",
        "d:9,10,32",
        "d:1,0,16",
        "d:1,0,128,0",
        "tsx:",
        "tss",
        "+ud:-1",
        "+ud:128",
        "+us:1,1",
        "+us:1,",
        "é",
    ];
    for format in wrong {
        assert!(parse(format).is_err(), "{format:?} names {:?}", parse(format));
    }
}
