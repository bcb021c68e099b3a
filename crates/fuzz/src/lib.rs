// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! From a fuzzer's bytes to types and to arrays of them that are valid.

use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use arrow_array::types::Int8Type;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, ListArray, StringArray, StringViewArray, StructArray,
    TimestampMicrosecondArray, UInt8Array, UInt64Array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

/// A type, nested at most `depth` deep.
///
/// # Errors
/// The fuzzer's, when its bytes are used up.
pub fn data_type(u: &mut Unstructured<'_>, depth: usize) -> Result<DataType> {
    let kinds = if depth == 0 { 15 } else { 18 };
    Ok(match u.int_in_range(0..=kinds - 1)? {
        0 => DataType::Boolean,
        1 => DataType::Int8,
        2 => DataType::Int16,
        3 => DataType::Int32,
        4 => DataType::Int64,
        5 => DataType::UInt8,
        6 => DataType::UInt64,
        7 => DataType::Float32,
        8 => DataType::Float64,
        9 => DataType::Utf8,
        10 => DataType::Binary,
        11 => DataType::Utf8View,
        12 => DataType::Date32,
        13 => DataType::Timestamp(TimeUnit::Microsecond, None),
        14 => DataType::Decimal128(10, 2),
        15 => DataType::Dictionary(DataType::Int8.into(), DataType::Utf8.into()),
        16 => DataType::List(Field::new("item", data_type(u, depth - 1)?, true).into()),
        _ => DataType::Struct(Fields::from(vec![
            Field::new("a", data_type(u, depth - 1)?, true),
            Field::new("b", data_type(u, depth - 1)?, true),
        ])),
    })
}

fn nulls(u: &mut Unstructured<'_>, row_count: usize) -> Result<Option<NullBuffer>> {
    if u.ratio(1, 2)? {
        return Ok(None);
    }
    let valid = (0..row_count).map(|_| u.ratio(3, 4)).collect::<Result<Vec<bool>>>()?;
    Ok(Some(NullBuffer::from(valid)))
}

fn text(u: &mut Unstructured<'_>) -> Result<String> {
    let byte_len = u.int_in_range(0..=20)?;
    let bytes = u.bytes(byte_len.min(u.len()))?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

/// An array of `row_count` rows.
///
/// # Errors
/// The fuzzer's, when its bytes are used up.
pub fn array(u: &mut Unstructured<'_>, data_type: &DataType, row_count: usize) -> Result<ArrayRef> {
    macro_rules! numbers {
        ($array:ty) => {{
            let values = (0..row_count).map(|_| u.arbitrary()).collect::<Result<Vec<_>>>()?;
            Arc::new(<$array>::new(values.into(), nulls(u, row_count)?))
        }};
    }
    Ok(match data_type {
        DataType::Boolean => {
            let values = (0..row_count).map(|_| u.arbitrary()).collect::<Result<Vec<bool>>>()?;
            Arc::new(BooleanArray::new(values.into(), nulls(u, row_count)?))
        }
        DataType::Int8 => numbers!(Int8Array),
        DataType::Int16 => numbers!(Int16Array),
        DataType::Int32 => numbers!(Int32Array),
        DataType::Int64 => numbers!(Int64Array),
        DataType::UInt8 => numbers!(UInt8Array),
        DataType::UInt64 => numbers!(UInt64Array),
        DataType::Float32 => numbers!(Float32Array),
        DataType::Float64 => numbers!(Float64Array),
        DataType::Date32 => numbers!(Date32Array),
        DataType::Timestamp(..) => numbers!(TimestampMicrosecondArray),
        DataType::Decimal128(precision, scale) => {
            let most = 10_i128.pow(u32::from(*precision)) - 1;
            let values = (0..row_count).map(|_| u.int_in_range(-most..=most)).collect::<Result<Vec<_>>>()?;
            let values = Decimal128Array::new(values.into(), nulls(u, row_count)?);
            Arc::new(values.with_precision_and_scale(*precision, *scale).unwrap_or_else(|error| panic!("{error}")))
        }
        DataType::Utf8 | DataType::Utf8View | DataType::Dictionary(..) => {
            let values = (0..row_count).map(|_| Ok(u.ratio(7, 8)?.then_some(text(u)?)));
            let values = values.collect::<Result<Vec<Option<String>>>>()?;
            match data_type {
                DataType::Utf8 => Arc::new(StringArray::from_iter(values)),
                DataType::Utf8View => Arc::new(StringViewArray::from_iter(values)),
                _ => Arc::new(values.iter().map(Option::as_deref).collect::<DictionaryArray<Int8Type>>()),
            }
        }
        DataType::Binary => {
            let values = (0..row_count).map(|_| Ok(text(u)?.into_bytes())).collect::<Result<Vec<Vec<u8>>>>()?;
            Arc::new(BinaryArray::from_iter_values(values))
        }
        DataType::List(item) => {
            let lengths = (0..row_count).map(|_| u.int_in_range(0..=3)).collect::<Result<Vec<usize>>>()?;
            let values = array(u, item.data_type(), lengths.iter().sum())?;
            let offsets = OffsetBuffer::from_lengths(lengths);
            Arc::new(ListArray::new(item.clone(), offsets, values, nulls(u, row_count)?))
        }
        DataType::Struct(fields) => {
            let columns = fields.iter().map(|field| array(u, field.data_type(), row_count));
            let columns = columns.collect::<Result<Vec<_>>>()?;
            Arc::new(
                StructArray::try_new_with_length(fields.clone(), columns, nulls(u, row_count)?, row_count)
                    .unwrap_or_else(|error| panic!("{error}")),
            )
        }
        other => unreachable!("`data_type` gives no {other}"),
    })
}

/// Panics unless an array holds what its type promises.
pub fn look(array: &dyn Array) {
    let data = array.to_data();
    if let Err(error) = data.validate_full() {
        panic!("{}: {error}", data.data_type());
    }
}

/// The columns of the files that are read.
#[must_use]
pub fn file_schema() -> SchemaRef {
    let item = Field::new("item", DataType::Int32, true);
    Arc::new(Schema::new(vec![
        Field::new("i", DataType::Int64, true),
        Field::new("s", DataType::Utf8, true),
        Field::new("l", DataType::List(item.into()), true),
        Field::new("d", DataType::Dictionary(DataType::Int8.into(), DataType::Utf8.into()), true),
    ]))
}
