// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

use std::sync::Arc;

use arrow_array::types::{Decimal32Type, Decimal64Type, Decimal128Type, Int32Type, Int64Type};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array,
    Int32Array, Int64Array, ListArray, StringArray, TimestampMicrosecondArray, TimestampNanosecondArray,
    TimestampSecondArray, UInt64Array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{Field, TimeUnit};
use bowyer_core::ErrorCode;

use super::*;

fn run(array: impl Array + 'static, to: &DataType, mode: CastMode) -> Result<ArrayRef> {
    let array: ArrayRef = Arc::new(array);
    Ok(cast(&Column::Array(array), to, mode, &Memory::unlimited())?.values().clone())
}

fn checked(array: impl Array + 'static, to: &DataType) -> Result<ArrayRef> {
    run(array, to, CastMode::Checked)
}

/// The code and the row of the error.
fn failure(array: impl Array + 'static, to: &DataType) -> (ErrorCode, Option<u64>) {
    let error = checked(array, to).unwrap_err();
    (error.code(), error.place().row)
}

/// Each value as text; null as `None`.
fn texts(array: impl Array + 'static, to: &DataType) -> Vec<Option<String>> {
    let array = checked(array, to).unwrap();
    let text = cast(&Column::Array(array), &DataType::Utf8, CastMode::Checked, &Memory::unlimited()).unwrap();
    text.values().as_string::<i32>().iter().map(|value| value.map(str::to_owned)).collect()
}

fn reads(text: &str, to: &DataType) -> Option<String> {
    let array = checked(StringArray::from(vec![text]), to).ok()?;
    let back = cast(&Column::Array(array), &DataType::Utf8, CastMode::Checked, &Memory::unlimited()).unwrap();
    Some(back.values().as_string::<i32>().value(0).to_owned())
}

#[test]
fn what_does_not_fit_names_the_first_valid_row() {
    let values = Int64Array::new(vec![1 << 40, 1, 1 << 40].into(), Some(NullBuffer::from(vec![false, true, true])));
    assert_eq!(failure(values.clone(), &DataType::Int32), (ErrorCode::Overflow, Some(2)));
    let tried = run(values.clone(), &DataType::Int32, CastMode::Try).unwrap();
    assert_eq!(tried.as_primitive::<Int32Type>(), &Int32Array::from(vec![None, Some(1), None]));
    assert!(checked(values.slice(0, 2), &DataType::Int32).is_ok(), "what lies under a null is no error");
    let wrapped = run(Int64Array::from(vec![(1 << 40) + 5]), &DataType::Int32, CastMode::Wrapping).unwrap();
    assert_eq!(wrapped.as_primitive::<Int32Type>().value(0), 5);
}

#[test]
fn floats_and_integers_meet_exactly() {
    assert_eq!(failure(Float64Array::from(vec![1.0, 1.5]), &DataType::Int32), (ErrorCode::InvalidData, Some(1)));
    assert_eq!(failure(Float64Array::from(vec![f64::NAN]), &DataType::Int32).0, ErrorCode::InvalidData);
    assert_eq!(failure(Float64Array::from(vec![9_223_372_036_854_775_808.0]), &DataType::Int64).1, Some(0));
    assert!(checked(Float64Array::from(vec![-9_223_372_036_854_775_808.0]), &DataType::Int64).is_ok());
    assert_eq!(failure(Int64Array::from(vec![(1 << 53) + 1]), &DataType::Float64).0, ErrorCode::InvalidData);
    assert_eq!(failure(Int64Array::from(vec![16_777_217]), &DataType::Float32).0, ErrorCode::InvalidData);
    assert!(checked(Int64Array::from(vec![-(1 << 53)]), &DataType::Float64).is_ok());
    let values = Float64Array::from(vec![1.5, -1.5, f64::NAN, 3e9]);
    let wrapped = run(values, &DataType::Int32, CastMode::Wrapping).unwrap();
    assert_eq!(wrapped.as_primitive::<Int32Type>().values()[..], [1, -1, i32::MIN, i32::MIN]);
    assert_eq!(texts(Float64Array::from(vec![1e300]), &DataType::Float32), [Some("inf".to_owned())]);
}

#[test]
fn floats_are_written_with_the_fewest_digits() {
    let values = [1.0, 0.1, 1e20, 1e-7, f64::NAN, f64::INFINITY, -0.0, 1e16, 123_456_789.0, 1e14, 1e15, 0.00001, -2.5];
    let expected =
        ["1", "0.1", "1e+20", "1e-7", "nan", "inf", "-0", "1e+16", "123456789", "1e+14", "1e+15", "0.00001", "-2.5"];
    let written = texts(Float64Array::from(values.to_vec()), &DataType::Utf8);
    assert_eq!(written, expected.map(|text| Some(text.to_owned())));
    let written = texts(Float32Array::from(vec![0.1, 16_777_216.0]), &DataType::Utf8View);
    assert_eq!(written, ["0.1", "16777216"].map(|text| Some(text.to_owned())));
}

#[test]
fn text_is_read_strictly() {
    for (text, expected) in [
        ("12", Some("12")),
        ("-12", Some("-12")),
        ("0x1A", Some("26")),
        ("007", Some("7")),
        (" 12", None),
        ("+12", None),
        ("1e3", None),
        ("12 ", None),
        ("", None),
        ("1_000", None),
        ("-", None),
        ("2147483648", None),
    ] {
        assert_eq!(reads(text, &DataType::Int32).as_deref(), expected, "{text:?}");
    }
    for (text, expected) in [
        ("1.5", Some("1.5")),
        ("inf", Some("inf")),
        ("-Infinity", Some("-inf")),
        ("NaN", Some("nan")),
        ("1e400", Some("inf")),
        (" 1.5", None),
        ("1.", Some("1")),
        (".5", Some("0.5")),
        ("1d", None),
        ("", None),
    ] {
        assert_eq!(reads(text, &DataType::Float64).as_deref(), expected, "{text:?}");
    }
    for (text, expected) in [("True", Some("true")), ("0", Some("false")), ("t", None), ("yes", None), ("", None)] {
        assert_eq!(reads(text, &DataType::Boolean).as_deref(), expected, "{text:?}");
    }
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    for (text, expected) in [
        ("2024-01-01", Some("2024-01-01 00:00:00.000000")),
        ("2024-01-01 01:02", Some("2024-01-01 01:02:00.000000")),
        ("2024-01-01T01:02:03.5", Some("2024-01-01 01:02:03.500000")),
        ("2024-01-01T01:02:03Z", None),
        ("2024-01-01 01:02:03.123456789", None),
        ("2024-1-1", None),
        ("20240101", None),
        ("2024-01-01 24:00", None),
        ("2024-02-30", None),
    ] {
        assert_eq!(reads(text, &micros).as_deref(), expected, "{text:?}");
    }
    let zoned = DataType::Timestamp(TimeUnit::Second, Some("UTC".into()));
    assert_eq!(reads("2024-01-01 01:02:03+05:30", &zoned).as_deref(), Some("2023-12-31 19:32:03Z"));
    assert_eq!(reads("2024-01-01 01:02:03", &zoned), None);
    assert_eq!(failure(StringArray::from(vec!["1", "x"]), &DataType::Int8), (ErrorCode::Parse, Some(1)));
    let time = DataType::Time64(TimeUnit::Microsecond);
    assert_eq!(failure(StringArray::from(vec!["10:00"]), &time).0, ErrorCode::NotImplemented);
}

#[test]
fn bytes_become_text_when_they_are_utf8() {
    let bytes = BinaryArray::from_opt_vec(vec![Some(b"a"), None, Some(b"\xff")]);
    assert_eq!(failure(bytes, &DataType::LargeUtf8), (ErrorCode::InvalidUtf8, Some(2)));
    assert_eq!(texts(StringArray::from(vec!["ab"]), &DataType::FixedSizeBinary(2)), [Some("ab".to_owned())]);
    assert_eq!(failure(StringArray::from(vec!["a"]), &DataType::FixedSizeBinary(2)).1, Some(0));
}

#[test]
fn timestamps_keep_their_instant_and_dates_are_local() {
    let new_york = DataType::Timestamp(TimeUnit::Second, Some("America/New_York".into()));
    let there = checked(TimestampSecondArray::from(vec![0]), &new_york).unwrap();
    assert_eq!(there.to_data().buffers()[0].typed_data::<i64>(), [0]);
    let zoned = TimestampSecondArray::from(vec![0, 86_400]).with_timezone("America/New_York");
    assert_eq!(texts(zoned.clone(), &DataType::Date32), ["1969-12-31", "1970-01-01"].map(|day| Some(day.to_owned())));
    assert_eq!(texts(zoned, &DataType::Utf8)[0].as_deref(), Some("1969-12-31 19:00:00-0500"));
    let offset = TimestampNanosecondArray::from(vec![0]).with_timezone("+05:30");
    assert_eq!(texts(offset, &DataType::Utf8)[0].as_deref(), Some("1970-01-01 05:30:00.000000000+0530"));
    let days = Date32Array::from(vec![1]);
    assert_eq!(
        texts(days, &DataType::Timestamp(TimeUnit::Nanosecond, None))[0].as_deref(),
        Some("1970-01-02 00:00:00.000000000")
    );
    let before = TimestampMicrosecondArray::from(vec![-1]);
    assert_eq!(texts(before, &DataType::Time64(TimeUnit::Microsecond))[0].as_deref(), Some("23:59:59.999999"));
}

#[test]
fn units_change_without_loss() {
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    assert_eq!(failure(TimestampNanosecondArray::from(vec![1000, 1]), &micros), (ErrorCode::InvalidData, Some(1)));
    let truncated = run(TimestampNanosecondArray::from(vec![-1]), &micros, CastMode::Wrapping).unwrap();
    assert_eq!(truncated.to_data().buffers()[0].typed_data::<i64>(), [0]);
    let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
    assert_eq!(failure(TimestampSecondArray::from(vec![1 << 40]), &nanos), (ErrorCode::Overflow, Some(0)));
    assert_eq!(failure(Int64Array::from(vec![1]), &DataType::Date32).0, ErrorCode::NotImplemented);
    assert!(checked(Int64Array::from(vec![1]), &nanos).is_ok());
}

#[test]
fn decimals_lose_no_digit_unless_allowed() {
    let values = || Decimal128Array::from(vec![125, -125]).with_precision_and_scale(5, 2).unwrap();
    let narrow = DataType::Decimal128(3, 1);
    assert_eq!(failure(values(), &narrow), (ErrorCode::InvalidData, Some(0)));
    let truncated = run(values(), &narrow, CastMode::Wrapping).unwrap();
    assert_eq!(texts(truncated, &DataType::Utf8), ["1.2", "-1.2"].map(|text| Some(text.to_owned())));
    assert_eq!(texts(values(), &DataType::Decimal32(5, 2))[0].as_deref(), Some("1.25"));
    assert_eq!(
        texts(values(), &DataType::Decimal256(60, 40))[1].as_deref(),
        Some(&*format!("-1.25{}", "0".repeat(38)))
    );
    assert_eq!(texts(values(), &DataType::Float64)[1].as_deref(), Some("-1.25"));
    let wide = checked(values(), &DataType::Decimal256(60, 3)).unwrap();
    assert_eq!(texts(wide.clone(), &DataType::Float64)[1].as_deref(), Some("-1.25"));
    assert_eq!(texts(wide, &DataType::Decimal64(4, 2))[1].as_deref(), Some("-1.25"));
    assert_eq!(
        texts(Float64Array::from(vec![1.255, 2.5]), &DataType::Decimal128(5, 2)),
        ["1.25", "2.50"].map(|t| Some(t.to_owned()))
    );
    assert_eq!(failure(Float64Array::from(vec![1e10]), &DataType::Decimal128(5, 2)).0, ErrorCode::Overflow);
    assert_eq!(texts(UInt64Array::from(vec![7]), &DataType::Decimal128(5, 2))[0].as_deref(), Some("7.00"));
    assert_eq!(reads("1.2e1", &DataType::Decimal128(5, 1)).as_deref(), Some("12.0"));
    assert_eq!(reads("1.25", &DataType::Decimal128(5, 1)), None);
    let tiny = Decimal128Array::from(vec![1]).with_precision_and_scale(10, 7).unwrap();
    assert_eq!(texts(tiny, &DataType::Utf8)[0].as_deref(), Some("1E-7"));
    let hundred = Decimal128Array::from(vec![1]).with_precision_and_scale(3, -2).unwrap();
    assert_eq!(texts(hundred, &DataType::Utf8)[0].as_deref(), Some("1E+2"));
}

#[test]
fn integers_become_decimals_exactly_where_their_digits_fit() {
    let powers = (0..19).flat_map(|exponent| [10i64.pow(exponent) - 1, 10i64.pow(exponent), 10i64.pow(exponent) + 1]);
    let values: Vec<i64> = powers.flat_map(|power| [power, -power]).chain([0, i64::MIN, i64::MAX]).collect();
    let cast_to = |to: DataType, precision: u8, scale: i8, read: fn(&ArrayRef) -> Vec<Option<i128>>| {
        let tried = run(Int64Array::from(values.clone()), &to, CastMode::Try).unwrap();
        let (factor, limit) = (10i128.pow(scale as u32), 10i128.pow(precision.into()));
        let exact = values.iter().map(|&value| i128::from(value).checked_mul(factor));
        let due: Vec<_> = exact.map(|value| value.filter(|value| value.abs() < limit)).collect();
        assert_eq!(read(&tried), due, "{to}");
    };
    for (precision, scale) in
        [(38, 0), (38, 18), (38, 19), (38, 20), (38, 37), (20, 2), (19, 1), (19, 0), (5, 2), (4, 4)]
    {
        cast_to(DataType::Decimal128(precision, scale), precision, scale, |array| {
            array.as_primitive::<Decimal128Type>().iter().collect()
        });
    }
    for (precision, scale) in [(18, 0), (18, 18), (18, 9), (1, 0)] {
        cast_to(DataType::Decimal64(precision, scale), precision, scale, |array| {
            array.as_primitive::<Decimal64Type>().iter().map(|value| value.map(i128::from)).collect()
        });
    }
    for (precision, scale) in [(9, 0), (9, 9), (9, 4)] {
        cast_to(DataType::Decimal32(precision, scale), precision, scale, |array| {
            array.as_primitive::<Decimal32Type>().iter().map(|value| value.map(i128::from)).collect()
        });
    }
}

#[test]
fn dictionaries_are_cast_by_their_values() {
    let dictionary: DictionaryArray<Int32Type> = vec![Some("7"), None, Some("7"), Some("8")].into_iter().collect();
    let there = checked(dictionary.clone(), &DataType::Int64).unwrap();
    assert_eq!(there.as_primitive::<Int64Type>(), &Int64Array::from(vec![Some(7), None, Some(7), Some(8)]));
    let small = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Int64));
    let back = checked(dictionary, &small).unwrap();
    assert_eq!(back.data_type(), &small);
    assert_eq!(checked(back, &DataType::Int64).unwrap().null_count(), 1);
    let encoded = checked(
        StringArray::from(vec![Some("a"), None, Some("a")]),
        &DataType::Dictionary(Box::new(DataType::UInt8), Box::new(DataType::Utf8)),
    )
    .unwrap();
    assert_eq!(encoded.as_any_dictionary().values().len(), 1);
}

#[test]
fn lists_and_structs_are_cast_by_their_children() {
    let child = Arc::new(Field::new("item", DataType::Int64, true));
    let values: ArrayRef = Arc::new(Int64Array::from(vec![1, 1 << 40, 2]));
    let nulls = Some(NullBuffer::from(vec![true, false, true]));
    let list = ListArray::new(child, OffsetBuffer::from_lengths([1, 1, 1]), values, nulls);
    let there = checked(list.clone(), &DataType::new_large_list(DataType::Int32, true)).unwrap();
    there.to_data().validate_full().unwrap();
    assert_eq!(there.null_count(), 1);
    let whole = ListArray::new(
        Arc::new(Field::new("item", DataType::Int64, true)),
        OffsetBuffer::from_lengths([1, 2]),
        list.values().clone(),
        None,
    );
    assert_eq!(failure(whole, &DataType::new_list(DataType::Int8, true)), (ErrorCode::Overflow, Some(1)));
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
    let fields = arrow_array::StructArray::from(vec![(Arc::new(Field::new("a", DataType::Boolean, true)), flags)]);
    let to =
        DataType::Struct(vec![Field::new("b", DataType::Utf8, true), Field::new("a", DataType::Int8, true)].into());
    let there = checked(fields, &to).unwrap();
    assert_eq!(there.as_struct().column(0).null_count(), 1);
    assert_eq!(there.as_struct().column(1).to_data().buffers()[0].as_slice()[0], 1);
}

/// Numbers that differ in every digit.
fn drawn() -> impl Iterator<Item = u64> {
    let mut state = 1u64;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state ^ state >> 29
    })
}

#[test]
fn digits_are_read_as_the_standard_library_reads_them() {
    for number in drawn().take(20_000) {
        let mut text = (number >> (number % 64)).to_string();
        assert_eq!(parse::digits(text.as_bytes()), text.parse::<u64>().ok(), "{text}");
        let at = number as usize % text.len();
        for wrong in ['/', ':', ' ', '-', 'a', '\u{7f}'] {
            text.replace_range(at..=at, &wrong.to_string());
            assert_eq!(parse::digits(text.as_bytes()), None, "{text}");
        }
    }
    for text in ["", "18446744073709551615", "18446744073709551616", "99999999999999999999", "00000000000000000000001"]
    {
        assert_eq!(parse::digits(text.as_bytes()), text.parse::<u64>().ok(), "{text}");
    }
}

#[test]
fn floats_survive_their_text_and_short_ones_are_read_right() {
    use parse::Parse;
    for bits in drawn().take(20_000) {
        let value = f64::from_bits(bits);
        let short = (bits % 1_000_000_007) as f64 / [1.0, 10.0, 1e3, 1e7][bits as usize % 4];
        for value in [value, short, -short] {
            for text in [format!("{value}"), format!("{value:e}"), format!("{value:.3}")] {
                let right: f64 = text.parse().unwrap();
                let read = f64::parse(text.as_bytes()).unwrap();
                assert!(read.to_bits() == right.to_bits() || right.is_nan(), "{text}");
            }
        }
    }
    for text in [".", "-", "-.", "1.2.3", "1,5", "", "1 "] {
        assert_eq!(f64::parse(text.as_bytes()), None, "{text}");
    }
}
