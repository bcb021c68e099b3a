// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! An array of every type, with nulls where it can have them: twenty rows each.

use std::sync::Arc;

use arrow_array::builder::*;
use arrow_array::types::*;
use arrow_array::*;
use arrow_buffer::{IntervalDayTime, IntervalMonthDayNano, NullBuffer, OffsetBuffer, ScalarBuffer, i256};
use arrow_schema::{DataType, Field, Fields, UnionFields};
use half::f16;

pub(crate) const ROWS: usize = 20;

fn optional<T>(row: usize, value: T) -> Option<T> {
    (row % 3 != 1).then_some(value)
}

fn primitive<T: ArrowPrimitiveType>(value: impl Fn(usize) -> T::Native) -> ArrayRef {
    Arc::new((0..ROWS).map(|row| optional(row, value(row))).collect::<PrimitiveArray<T>>())
}

fn typed<T: ArrowPrimitiveType>(data_type: DataType, value: impl Fn(usize) -> T::Native) -> ArrayRef {
    let values = (0..ROWS).map(|row| optional(row, value(row))).collect::<PrimitiveArray<T>>();
    Arc::new(values.with_data_type(data_type))
}

fn text(row: usize) -> Option<String> {
    optional(
        row,
        ["", "short", "grüße", "a value longer than twelve bytes", "日本語のとても長い文字列です"][row % 5].to_owned(),
    )
}

fn nulls() -> Option<NullBuffer> {
    Some((0..ROWS).map(|row| row % 3 != 1).collect())
}

pub(crate) fn flat() -> Vec<(&'static str, ArrayRef)> {
    let binary = |row: usize| text(row).map(String::into_bytes);
    let mut fixed = FixedSizeBinaryBuilder::new(5);
    for row in 0..ROWS {
        match optional(row, [row as u8; 5]) {
            Some(value) => fixed.append_value(value).unwrap(),
            None => fixed.append_null(),
        }
    }
    vec![
        ("null", Arc::new(NullArray::new(ROWS)) as ArrayRef),
        ("boolean", Arc::new((0..ROWS).map(|row| optional(row, row % 2 == 0)).collect::<BooleanArray>())),
        ("int8", primitive::<Int8Type>(|row| row as i8 - 7)),
        ("int16", primitive::<Int16Type>(|row| row as i16 - 7)),
        ("int32", primitive::<Int32Type>(|row| row as i32 - 7)),
        ("int64", primitive::<Int64Type>(|row| row as i64 - 7)),
        ("int64 without nulls", Arc::new((0..ROWS as i64).collect::<Int64Array>())),
        ("uint8", primitive::<UInt8Type>(|row| row as u8)),
        ("uint16", primitive::<UInt16Type>(|row| row as u16)),
        ("uint32", primitive::<UInt32Type>(|row| row as u32)),
        ("uint64", primitive::<UInt64Type>(|row| u64::MAX - row as u64)),
        ("float16", primitive::<Float16Type>(|row| f16::from_f32(row as f32 / 2.0))),
        ("float32", primitive::<Float32Type>(|row| row as f32 / 3.0)),
        ("float64", primitive::<Float64Type>(|row| row as f64 / 3.0)),
        ("decimal32", typed::<Decimal32Type>(DataType::Decimal32(9, 2), |row| row as i32)),
        ("decimal64", typed::<Decimal64Type>(DataType::Decimal64(18, -3), |row| row as i64)),
        ("decimal128", typed::<Decimal128Type>(DataType::Decimal128(38, 10), |row| row as i128)),
        ("decimal256", typed::<Decimal256Type>(DataType::Decimal256(76, 5), |row| i256::from_i128(row as i128))),
        ("date32", primitive::<Date32Type>(|row| row as i32)),
        ("date64", primitive::<Date64Type>(|row| row as i64 * 86_400_000)),
        ("time32[s]", primitive::<Time32SecondType>(|row| row as i32)),
        ("time32[ms]", primitive::<Time32MillisecondType>(|row| row as i32)),
        ("time64[us]", primitive::<Time64MicrosecondType>(|row| row as i64)),
        ("time64[ns]", primitive::<Time64NanosecondType>(|row| row as i64)),
        ("timestamp[s]", primitive::<TimestampSecondType>(|row| row as i64)),
        ("timestamp[ms]", primitive::<TimestampMillisecondType>(|row| row as i64)),
        (
            "timestamp[us, zone]",
            typed::<TimestampMicrosecondType>(
                DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, Some("Europe/Berlin".into())),
                |row| row as i64,
            ),
        ),
        ("timestamp[ns]", primitive::<TimestampNanosecondType>(|row| row as i64)),
        ("duration[s]", primitive::<DurationSecondType>(|row| row as i64)),
        ("duration[ms]", primitive::<DurationMillisecondType>(|row| row as i64)),
        ("duration[us]", primitive::<DurationMicrosecondType>(|row| row as i64)),
        ("duration[ns]", primitive::<DurationNanosecondType>(|row| row as i64)),
        ("interval months", primitive::<IntervalYearMonthType>(|row| row as i32)),
        ("interval days", primitive::<IntervalDayTimeType>(|row| IntervalDayTime::new(row as i32, 7))),
        ("interval nanos", primitive::<IntervalMonthDayNanoType>(|row| IntervalMonthDayNano::new(1, row as i32, 9))),
        ("utf8", Arc::new((0..ROWS).map(text).collect::<StringArray>())),
        ("large utf8", Arc::new((0..ROWS).map(text).collect::<LargeStringArray>())),
        ("utf8 view", Arc::new((0..ROWS).map(text).collect::<StringViewArray>())),
        ("binary", Arc::new((0..ROWS).map(binary).collect::<BinaryArray>())),
        ("large binary", Arc::new((0..ROWS).map(binary).collect::<LargeBinaryArray>())),
        ("binary view", Arc::new((0..ROWS).map(binary).collect::<BinaryViewArray>())),
        ("fixed-size binary", Arc::new(fixed.finish())),
        (
            "fixed-size binary of no width",
            Arc::new(
                FixedSizeBinaryArray::try_new_with_len(0, arrow_buffer::Buffer::default(), nulls(), ROWS).unwrap(),
            ),
        ),
    ]
}

fn item(nullable: bool) -> Arc<Field> {
    Arc::new(Field::new("item", DataType::Utf8, nullable))
}

fn strings(count: usize) -> ArrayRef {
    Arc::new((0..count).map(text).collect::<StringArray>())
}

fn structure() -> StructArray {
    let fields = Fields::from(vec![Field::new("a", DataType::Int32, true), Field::new("b", DataType::Utf8, true)]);
    StructArray::new(fields, vec![primitive::<Int32Type>(|row| row as i32), strings(ROWS)], nulls())
}

pub(crate) fn nested() -> Vec<(&'static str, ArrayRef)> {
    let lengths = || (0..ROWS).map(|row| if row % 3 == 1 { 0 } else { row % 4 });
    let total = lengths().sum();
    let entry_fields =
        Fields::from(vec![Field::new("key", DataType::Int32, false), Field::new("value", DataType::Utf8, true)]);
    let entries = StructArray::new(
        entry_fields.clone(),
        vec![Arc::new((0..total as i32).collect::<Int32Array>()), strings(total)],
        None,
    );
    let entry_field = Arc::new(Field::new("entries", DataType::Struct(entry_fields), false));
    let offsets = || OffsetBuffer::<i32>::from_lengths(lengths());
    let view_offsets: ScalarBuffer<i32> = (0..ROWS).map(|row| (ROWS - row) as i32 % 7).collect();
    let view_sizes: ScalarBuffer<i32> = (0..ROWS).map(|row| row as i32 % 3).collect();
    let large_offsets: ScalarBuffer<i64> = (0..ROWS).map(|row| (ROWS - row) as i64 % 7).collect();
    let large_sizes: ScalarBuffer<i64> = (0..ROWS).map(|row| row as i64 % 3).collect();
    let union_fields = || {
        UnionFields::try_new(
            vec![3, 7],
            vec![Field::new("number", DataType::Int32, true), Field::new("text", DataType::Utf8, true)],
        )
        .unwrap()
    };
    let ids: ScalarBuffer<i8> = (0..ROWS).map(|row| if row % 2 == 0 { 3 } else { 7 }).collect();
    let union_offsets: ScalarBuffer<i32> = (0..ROWS).map(|row| row as i32 / 2).collect();
    let children = || vec![primitive::<Int32Type>(|row| row as i32), strings(ROWS)];
    let words = ["red", "green", "blue"];
    let dictionary: DictionaryArray<Int8Type> = (0..ROWS).map(|row| optional(row, words[row % 3])).collect();
    let wide: DictionaryArray<UInt64Type> = (0..ROWS).map(|row| optional(row, words[row % 3])).collect();
    let mut runs = PrimitiveRunBuilder::<Int32Type, Int64Type>::new();
    let mut text_runs = StringRunBuilder::<Int16Type>::new();
    for row in 0..ROWS {
        runs.append_option(optional(row / 4, row as i64 / 4));
        text_runs.append_option(optional(row / 4, words[row / 7]));
    }
    vec![
        ("list", Arc::new(ListArray::new(item(true), offsets(), strings(total), nulls())) as ArrayRef),
        (
            "large list",
            Arc::new(LargeListArray::new(item(true), OffsetBuffer::from_lengths(lengths()), strings(total), nulls())),
        ),
        ("list view", Arc::new(ListViewArray::new(item(true), view_offsets, view_sizes, strings(9), nulls()))),
        (
            "large list view",
            Arc::new(LargeListViewArray::new(item(true), large_offsets, large_sizes, strings(9), nulls())),
        ),
        ("fixed-size list", Arc::new(FixedSizeListArray::new(item(true), 3, strings(3 * ROWS), nulls()))),
        ("struct", Arc::new(structure())),
        (
            "list of struct",
            Arc::new(ListArray::new(
                Arc::new(Field::new("item", structure().data_type().clone(), true)),
                OffsetBuffer::from_lengths((0..ROWS).map(|row| row % 2)),
                Arc::new(structure()),
                nulls(),
            )),
        ),
        ("map", Arc::new(MapArray::new(entry_field, offsets(), entries, nulls(), true))),
        ("sparse union", Arc::new(UnionArray::try_new(union_fields(), ids.clone(), None, children()).unwrap())),
        ("dense union", Arc::new(UnionArray::try_new(union_fields(), ids, Some(union_offsets), children()).unwrap())),
        ("dictionary", Arc::new(dictionary)),
        ("dictionary of wide keys", Arc::new(wide)),
        ("run-end encoded", Arc::new(runs.finish())),
        ("run-end encoded text", Arc::new(text_runs.finish())),
    ]
}

/// Every type, alone and inside a struct.
pub(crate) fn all() -> Vec<(String, ArrayRef)> {
    let mut all: Vec<(String, ArrayRef)> =
        flat().into_iter().chain(nested()).map(|(name, array)| (name.to_owned(), array)).collect();
    for (name, array) in all.clone() {
        let fields = Fields::from(vec![Field::new("inner", array.data_type().clone(), true)]);
        all.push((format!("struct of {name}"), Arc::new(StructArray::new(fields, vec![array], nulls()))));
    }
    all
}

/// Slices whose bits begin inside and at the start of a byte, empty ones, and the whole.
pub(crate) fn shapes(array: &ArrayRef) -> Vec<(&'static str, ArrayRef)> {
    vec![
        ("whole", array.clone()),
        ("first rows", array.slice(0, 5)),
        ("from row 3", array.slice(3, ROWS - 3)),
        ("from row 8", array.slice(8, ROWS - 8)),
        ("rows 11 to 13", array.slice(11, 2)),
        ("slice of a slice", array.slice(2, 15).slice(3, 9)),
        ("only a null row", array.slice(1, 1)),
        ("empty at the end", array.slice(ROWS, 0)),
        ("empty in the middle", array.slice(5, 0)),
        ("all null", new_null_array(array.data_type(), 9)),
        ("made empty", new_empty_array(array.data_type())),
    ]
}
