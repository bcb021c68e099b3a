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
use bowyer_core::{BytesWriter, Column, Error, Output, Result};

use crate::{Args, Kind, Options};

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

/// So many bytes are copied at once, whatever the length of a value.
pub(crate) const WINDOW: usize = 32;

impl<'a> Text<'a> {
    /// The bytes of a row and those that stand behind it, where there are so many: what is copied whole needs no branch on
    /// its length.
    #[inline(always)]
    pub(crate) fn window(self, row: usize) -> Option<&'a [u8; WINDOW]> {
        match self {
            Self::Offsets32(array) => array.value_data()[array.value_offsets()[row] as usize..].first_chunk(),
            Self::Offsets64(array) => array.value_data()[array.value_offsets()[row] as usize..].first_chunk(),
            Self::Views(_) => None,
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

/// Whether all values are known to be ASCII at one look: they lie beneath each other and are.
pub(crate) fn all_ascii(array: &dyn Array) -> bool {
    fn within<O: arrow_array::OffsetSizeTrait>(offsets: &[O], bytes: &[u8]) -> bool {
        match offsets {
            [first, .., last] => bytes[first.as_usize()..last.as_usize()].is_ascii(),
            _ => true,
        }
    }
    match array.data_type() {
        DataType::Utf8 => within(array.as_string::<i32>().value_offsets(), array.as_string::<i32>().value_data()),
        DataType::LargeUtf8 => within(array.as_string::<i64>().value_offsets(), array.as_string::<i64>().value_data()),
        _ => false,
    }
}

fn span<O: arrow_array::OffsetSizeTrait>(offsets: &[O]) -> usize {
    match (offsets.first(), offsets.last()) {
        (Some(first), Some(last)) => last.as_usize() - first.as_usize(),
        _ => 0,
    }
}

/// Which row of an argument's values stands for row `row` of the call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowOf {
    repeated: bool,
}

impl RowOf {
    pub(crate) fn new(column: &Column) -> Self {
        Self { repeated: column.is_scalar() }
    }

    #[inline(always)]
    pub(crate) fn of(self, row: usize) -> usize {
        if self.repeated { 0 } else { row }
    }
}

/// Gives the text of each row of the first argument that is not null to `write`, which pushes one value.
///
/// # Errors
/// Those of `write`, with the row.
pub(crate) fn text_to_bytes(
    args: &Args<'_>,
    output: &mut Output,
    mut write: impl FnMut(&str, &mut BytesWriter<'_>) -> Result<()>,
) -> Result<()> {
    let text = Text::of(args.column(0).values())?;
    let at = RowOf::new(args.column(0));
    rows_to_bytes(args, output, |row, writer| write(text.get(at.of(row)), writer))
}

/// As [`text_to_bytes`], for bytes.
///
/// # Errors
/// Those of `write`, with the row.
pub(crate) fn bytes_to_bytes(
    args: &Args<'_>,
    output: &mut Output,
    mut write: impl FnMut(&[u8], &mut BytesWriter<'_>) -> Result<()>,
) -> Result<()> {
    let bytes = Bytes::of(args.column(0).values())?;
    let at = RowOf::new(args.column(0));
    rows_to_bytes(args, output, |row, writer| write(bytes.get(at.of(row)), writer))
}

/// Gives each row that is not null to `write`, which pushes one value.
///
/// # Errors
/// Those of `write`, with the row.
pub(crate) fn rows_to_bytes(
    args: &Args<'_>,
    output: &mut Output,
    mut write: impl FnMut(usize, &mut BytesWriter<'_>) -> Result<()>,
) -> Result<()> {
    let validity = output.validity().cloned();
    let row_count = output.row_count();
    let mut writer = output.bytes(total_len(args.column(0).values()))?;
    for row in 0..row_count {
        if validity.as_ref().is_some_and(|validity| validity.is_null(row)) {
            writer.push_empty()?;
        } else {
            write(row, &mut writer).map_err(|error| error.at_row(row))?;
        }
    }
    Ok(())
}

/// Whether `test` holds for the bytes of each row of the first argument.
///
/// # Errors
/// `Internal` when it holds neither strings nor binary values; `MemoryLimit`.
pub(crate) fn bytes_to_bits(args: &Args<'_>, output: &mut Output, test: impl Fn(&[u8]) -> bool) -> Result<()> {
    let bytes = Bytes::of(args.column(0).values())?;
    let validity = output.validity().cloned();
    let row_count = output.row_count();
    let holds = |row: usize| validity.as_ref().is_none_or(|validity| validity.is_valid(row)) && test(bytes.get(row));
    for (word, out) in output.bits()?.iter_mut().enumerate() {
        let rows = word * 64..row_count.min(word * 64 + 64);
        *out = rows.enumerate().fold(0, |bits, (bit, row)| bits | u64::from(holds(row)) << bit);
    }
    Ok(())
}

/// Writes what `count` gives for the bytes of each row of the first argument: lanes of 64 bits for large layouts.
///
/// # Errors
/// As [`bytes_to_bits`].
pub(crate) fn bytes_to_count(args: &Args<'_>, output: &mut Output, count: impl Fn(&[u8]) -> i64) -> Result<()> {
    let bytes = Bytes::of(args.column(0).values())?;
    let wide = output.data_type() == &DataType::Int64;
    let validity = output.validity().cloned();
    let count = |row: usize| {
        let valid = validity.as_ref().is_none_or(|validity| validity.is_valid(row));
        if valid { count(bytes.get(row)) } else { 0 }
    };
    if wide {
        output.fixed::<i64>()?.iter_mut().enumerate().for_each(|(row, lane)| *lane = count(row));
    } else {
        output.fixed::<i32>()?.iter_mut().enumerate().for_each(|(row, lane)| *lane = count(row) as i32);
    }
    Ok(())
}

/// The type of counts and positions in values: as wide as their offsets.
///
/// # Errors
/// None: a signature asks for a result.
pub(crate) fn count_type(types: &[DataType], _options: &Options) -> Result<DataType> {
    Ok(match types.first() {
        Some(DataType::LargeUtf8 | DataType::LargeBinary) => DataType::Int64,
        _ => DataType::Int32,
    })
}

/// Arguments of one string column.
pub(crate) const TEXT: &[Kind] = &[Kind::AnyString];
/// Arguments of one column of strings or binary values.
pub(crate) const BYTES: &[Kind] = &[Kind::AnyBytes];
