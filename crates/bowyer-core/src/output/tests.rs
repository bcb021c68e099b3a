// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, Int32Array};

use super::*;
use crate::ErrorCode;

fn output(data_type: DataType, row_count: usize) -> Output {
    Output::new(data_type, row_count, None, &Memory::unlimited())
}

#[test]
fn lanes_become_an_array_with_the_validity_given() {
    let validity = NullBuffer::from(vec![true, false, true]);
    let mut output = Output::new(DataType::Int32, 3, Some(validity), &Memory::unlimited());
    output.fixed::<i32>().unwrap().copy_from_slice(&[1, 2, 3]);
    let array = output.finish().unwrap();
    array.to_data().validate_full().unwrap();
    assert_eq!(array.as_primitive::<Int32Type>(), &Int32Array::from(vec![Some(1), None, Some(3)]));
}

#[test]
fn a_layout_of_another_width_is_refused() {
    assert_eq!(output(DataType::Int32, 1).fixed::<i64>().unwrap_err().code(), ErrorCode::Internal);
    assert_eq!(output(DataType::Int32, 1).bits().unwrap_err().code(), ErrorCode::Internal);
    assert_eq!(output(DataType::Int32, 1).bytes(0).unwrap_err().code(), ErrorCode::Internal);
    assert_eq!(output(DataType::Int32, 1).finish().unwrap_err().code(), ErrorCode::Internal);
}

#[test]
fn text_is_written_in_all_layouts() {
    let values = ["", "short", "a value that no view holds itself", "größe"];
    for data_type in [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View] {
        let mut output = output(data_type.clone(), 8);
        let mut writer = output.bytes(4).unwrap();
        for value in values {
            writer.push_str(value).unwrap();
        }
        for value in values {
            writer.push(value.as_bytes()).unwrap();
        }
        let array = output.finish().unwrap();
        array.to_data().validate_full().unwrap();
        for row in 0..8 {
            let text = match data_type {
                DataType::Utf8 => array.as_string::<i32>().value(row),
                DataType::LargeUtf8 => array.as_string::<i64>().value(row),
                _ => array.as_string_view().value(row),
            };
            assert_eq!(text, values[row % 4]);
        }
    }
}

#[test]
fn many_long_views_fill_several_buffers() {
    let mut output = output(DataType::BinaryView, 5000);
    let mut writer = output.bytes(0).unwrap();
    for row in 0..5000usize {
        writer.push(&vec![row as u8; row]).unwrap();
    }
    let array = output.finish().unwrap();
    array.to_data().validate_full().unwrap();
    let array = array.as_binary_view();
    assert!(array.data_buffers().len() > 3);
    assert!((0..5000).all(|row| array.value(row) == vec![row as u8; row]));
}

#[test]
fn bytes_that_are_no_text_never_become_a_string() {
    for data_type in [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View] {
        // Two halves of one character are UTF-8 together, but not each.
        let mut output = output(data_type, 2);
        let mut writer = output.bytes(0).unwrap();
        let result = writer.push(&"ö".as_bytes()[..1]).and_then(|()| writer.push(&"ö".as_bytes()[1..]));
        let error = result.and_then(|()| output.finish().map(|_| ())).unwrap_err();
        assert_eq!((error.code(), error.place().row), (ErrorCode::InvalidUtf8, Some(0)));
    }
}

#[test]
fn rows_must_be_as_many_as_promised() {
    let mut few = output(DataType::Utf8, 2);
    few.bytes(0).unwrap().push_empty().unwrap();
    assert_eq!(few.finish().unwrap_err().code(), ErrorCode::Internal);
    let mut many = output(DataType::Utf8, 0);
    assert_eq!(many.bytes(0).unwrap().push_empty().unwrap_err().code(), ErrorCode::Internal);
}
