// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Reading strings and binary values, whatever their layout.
//!
//! Both readers are small enums whose match is the same for every row of a batch, so that the loops of this family are
//! compiled once and not once for each layout.

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, BinaryArray, BinaryViewArray, FixedSizeBinaryArray, LargeBinaryArray, LargeStringArray, StringArray,
    StringViewArray,
};
use arrow_schema::DataType;
use bowyer_core::{Error, Result};

/// The values of a column of strings.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Text<'a> {
    Offsets32(&'a StringArray),
    Offsets64(&'a LargeStringArray),
    Views(&'a StringViewArray),
}

impl<'a> Text<'a> {
    /// The values of `array`.
    ///
    /// # Errors
    /// `Internal` when it holds no strings.
    pub(crate) fn of(array: &'a dyn Array) -> Result<Self> {
        Ok(match array.data_type() {
            DataType::Utf8 => Self::Offsets32(array.as_string()),
            DataType::LargeUtf8 => Self::Offsets64(array.as_string()),
            DataType::Utf8View => Self::Views(array.as_string_view()),
            other => return Err(Error::internal(format!("{other} read as strings"))),
        })
    }

    /// The value of a row; of a null row too.
    #[inline(always)]
    pub(crate) fn get(self, row: usize) -> &'a str {
        match self {
            Self::Offsets32(array) => array.value(row),
            Self::Offsets64(array) => array.value(row),
            Self::Views(array) => array.value(row),
        }
    }
}

/// The values of a column of strings or binary values.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bytes<'a> {
    Text(Text<'a>),
    Offsets32(&'a BinaryArray),
    Offsets64(&'a LargeBinaryArray),
    Views(&'a BinaryViewArray),
    Fixed(&'a FixedSizeBinaryArray),
}

impl<'a> Bytes<'a> {
    /// The values of `array`.
    ///
    /// # Errors
    /// `Internal` when it holds neither strings nor binary values.
    pub(crate) fn of(array: &'a dyn Array) -> Result<Self> {
        Ok(match array.data_type() {
            DataType::Binary => Self::Offsets32(array.as_binary()),
            DataType::LargeBinary => Self::Offsets64(array.as_binary()),
            DataType::BinaryView => Self::Views(array.as_binary_view()),
            DataType::FixedSizeBinary(_) => Self::Fixed(array.as_fixed_size_binary()),
            _ => Self::Text(Text::of(array)?),
        })
    }

    /// The value of a row; of a null row too.
    #[inline(always)]
    pub(crate) fn get(self, row: usize) -> &'a [u8] {
        match self {
            Self::Text(text) => text.get(row).as_bytes(),
            Self::Offsets32(array) => array.value(row),
            Self::Offsets64(array) => array.value(row),
            Self::Views(array) => array.value(row),
            Self::Fixed(array) => array.value(row),
        }
    }
}

/// How many bytes the values of `array` have together: a hint for output.
pub(crate) fn total_len(array: &dyn Array) -> usize {
    let len = array.len();
    match array.data_type() {
        DataType::Utf8 => span(array.as_string::<i32>().value_offsets()),
        DataType::LargeUtf8 => span(array.as_string::<i64>().value_offsets()),
        DataType::Binary => span(array.as_binary::<i32>().value_offsets()),
        DataType::LargeBinary => span(array.as_binary::<i64>().value_offsets()),
        DataType::FixedSizeBinary(size) => *size as usize * len,
        _ => len * 16,
    }
}

fn span<O: arrow_array::OffsetSizeTrait>(offsets: &[O]) -> usize {
    match (offsets.first(), offsets.last()) {
        (Some(first), Some(last)) => last.as_usize() - first.as_usize(),
        _ => 0,
    }
}
