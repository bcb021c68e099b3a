// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Arrays of any type for the laws: ordinary values, edges, nulls; the same rows at an offset; poison under nulls.

use arrow_array::{Array, ArrayRef, make_array};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use arrow_select::concat::concat;
use arrow_select::take::take;

use crate::array;

/// Rows of a type: `row_count` of them, drawn from a few values of the type by a simple generator; about a quarter are
/// null. `None` for types without samples.
#[must_use]
pub fn sample(data_type: &DataType, row_count: usize, seed: u64) -> Option<ArrayRef> {
    let values = match values_of(data_type) {
        Some(values) => values,
        None => composed(data_type)?,
    };
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let indices: arrow_array::UInt32Array =
        (0..row_count).map(|_| (!next().is_multiple_of(4)).then(|| (next() % values.len()) as u32)).collect();
    take(&values, &indices, None).ok()
}

/// A few values of a type that is written in the corpus as it is named here.
fn values_of(data_type: &DataType) -> Option<ArrayRef> {
    use DataType as T;
    let text = match data_type {
        T::Null => "null [null, null]".to_owned(),
        T::Boolean => "bool [true, false]".to_owned(),
        T::Int8 => "int8 [0, 1, 2, 7, -3, 127, -128]".to_owned(),
        T::Int16 => "int16 [0, 1, 2, 7, -3, 32767, -32768]".to_owned(),
        T::Int32 => "int32 [0, 1, 2, 7, -3, 2147483647, -2147483648]".to_owned(),
        T::Int64 => "int64 [0, 1, 2, 7, -3, 9223372036854775807, -9223372036854775808]".to_owned(),
        T::UInt8 => "uint8 [0, 1, 2, 7, 255]".to_owned(),
        T::UInt16 => "uint16 [0, 1, 2, 7, 65535]".to_owned(),
        T::UInt32 => "uint32 [0, 1, 2, 7, 4294967295]".to_owned(),
        T::UInt64 => "uint64 [0, 1, 2, 7, 18446744073709551615]".to_owned(),
        T::Float16 => "halffloat [0, -0.0, 1.5, -2.25, inf, nan]".to_owned(),
        T::Float32 => "float [0, -0.0, 1.5, -2.25, 1e30, inf, nan]".to_owned(),
        T::Float64 => "double [0, -0.0, 1.5, -2.25, 1e300, -inf, nan]".to_owned(),
        T::Utf8 => strings("string"),
        T::LargeUtf8 => strings("large_string"),
        T::Utf8View => strings("string_view"),
        T::Binary => strings("binary"),
        T::LargeBinary => strings("large_binary"),
        T::BinaryView => strings("binary_view"),
        _ => return None,
    };
    Some(array(&text))
}

fn strings(name: &str) -> String {
    format!(r#"{name} ["", "a", "Straße", "  two words ", "A longer text than twelve bytes", "12", "ß"]"#)
}

/// Values of a type with parameters, made from simpler ones.
fn composed(data_type: &DataType) -> Option<ArrayRef> {
    use DataType as T;
    let of_lanes = |lanes: ArrayRef| {
        let data = lanes.to_data().into_builder().data_type(data_type.clone()).build().ok()?;
        Some(make_array(data))
    };
    match data_type {
        T::Decimal32(..) => of_lanes(array("int32 [0, 1, -7, 125, 999]")),
        T::Decimal64(..) => of_lanes(array("int64 [0, 1, -7, 125, 999]")),
        T::Decimal128(..) | T::Decimal256(..) => {
            let lanes = array("decimal128(5, 0) [0, 1, -7, 125, 999]");
            let lanes = arrow_cast::cast(
                &lanes,
                &match data_type {
                    T::Decimal128(..) => T::Decimal128(38, 0),
                    _ => T::Decimal256(76, 0),
                },
            );
            of_lanes(lanes.ok()?)
        }
        T::Date32 | T::Time32(_) => of_lanes(array("int32 [0, 1, 19000, 59, 86399]")),
        T::Date64 => of_lanes(array("int64 [0, 86400000, 1641600000000, -86400000]")),
        T::Time64(_) => of_lanes(array("int64 [0, 1, 19000, 59, 86399000]")),
        T::Timestamp(..) | T::Duration(_) => of_lanes(array("int64 [0, 1, -1, 1700000000, 86400, -86401]")),
        T::FixedSizeBinary(length) => {
            let width = usize::try_from(*length).ok()?;
            let values = ["a", "b", "z"].map(|letter| format!("\"{}\"", letter.repeat(width)));
            Some(array(&format!("fixed_size_binary[{length}] [{}]", values.join(", "))))
        }
        T::Dictionary(_, values) => {
            let plain = values_of(values).or_else(|| composed(values))?;
            arrow_cast::cast(&plain, data_type).ok()
        }
        T::List(item) if item.data_type() == &T::Int64 => {
            let list = array("list<item: int64> [[1, 2], [], [null, 3]]");
            arrow_cast::cast(&list, data_type).ok()
        }
        T::Struct(fields) => {
            let children = fields.iter().map(|field| sample(field.data_type(), 5, 11)).collect::<Option<Vec<_>>>()?;
            Some(std::sync::Arc::new(arrow_array::StructArray::try_new(fields.clone(), children, None).ok()?))
        }
        _ => None,
    }
}

/// The same rows, as a slice of a larger array: nothing begins where its buffers begin.
#[must_use]
pub fn sliced(array: &ArrayRef) -> ArrayRef {
    let first = array.slice(0, array.len().min(3));
    let padded = concat(&[first.as_ref(), array.as_ref(), first.as_ref()]);
    padded.map_or_else(|_| array.clone(), |padded| padded.slice(first.len(), array.len()))
}

/// The same rows with other values under the nulls: what no kernel may let through. Types whose lanes are not fixed in
/// width come back as they are.
#[must_use]
pub fn with_poison(array: &ArrayRef) -> ArrayRef {
    let (Some(nulls), Some(width)) = (array.nulls(), array.data_type().primitive_width()) else {
        return array.clone();
    };
    let data = array.to_data();
    let mut lanes = data.buffers()[0].as_slice()[data.offset() * width..][..data.len() * width].to_vec();
    for row in (0..array.len()).filter(|&row| nulls.is_null(row)) {
        // All ones is the largest unsigned number, -1, and a NaN; zero elsewhere is what divides by zero.
        lanes[row * width..][..width].fill(if row.is_multiple_of(2) { 0xff } else { 0 });
    }
    let nulls: NullBuffer = nulls.iter().collect();
    let poisoned = arrow_data::ArrayDataBuilder::new(array.data_type().clone())
        .len(array.len())
        .nulls(Some(nulls))
        .add_buffer(arrow_buffer::Buffer::from_vec(aligned(&lanes)).slice_with_length(0, lanes.len()))
        .build();
    poisoned.map_or_else(|_| array.clone(), make_array)
}

/// Bytes in memory that any lane may lie in.
fn aligned(bytes: &[u8]) -> Vec<i128> {
    let mut words = vec![0i128; bytes.len().div_ceil(16)];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks(16)) {
        let mut lane = [0; 16];
        lane[..chunk.len()].copy_from_slice(chunk);
        *word = i128::from_ne_bytes(lane);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_slices_and_poison_hold_the_same_rows() {
        for name in ["int8", "double", "string", "decimal128(5, 2)", "timestamp[us]", "bool", "string_view"] {
            let data_type = crate::data_type(name).unwrap();
            let rows = sample(&data_type, 50, 3).unwrap();
            assert_eq!((rows.len(), rows.data_type()), (50, &data_type));
            assert!(rows.null_count() > 3);
            assert_eq!(&sliced(&rows), &rows);
            assert_eq!(&with_poison(&rows), &rows);
        }
        let rows = sample(&DataType::Int64, 50, 3).unwrap();
        assert_ne!(with_poison(&rows).to_data().buffers()[0].as_slice(), rows.to_data().buffers()[0].as_slice());
    }
}
