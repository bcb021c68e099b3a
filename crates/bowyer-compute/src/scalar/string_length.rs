// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Lengths of strings and binary values: 32 bits wide, 64 for the large layouts.

use arrow_array::cast::AsArray;
use arrow_schema::DataType;
use bowyer_core::{Output, Result};

use super::string_values::{BYTES, TEXT, bytes_to_count, count_type};
use crate::{Args, Example, Function, Kind, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("utf8_length")
        .summary("Counts the Unicode code points of each value.")
        .args(&["strings"])
        .examples(&[Example::new(&["string [\"größe\", null]"], "int32 [5, null]")])
        .overloads(&[Overload::new(TEXT, Kind::Computed(count_type), utf8_length)]),
    Function::scalar("binary_length")
        .summary("Counts the bytes of each value.")
        .args(&["strings"])
        .examples(&[Example::new(&["string [\"größe\", null]"], "int32 [7, null]")])
        .overloads(&[
            Overload::new(BYTES, Kind::Computed(count_type), binary_length),
            Overload::new(&[Kind::FixedSizeBinary], Kind::Int32, binary_length),
        ]),
];

/// Every code point has one byte that continues no other.
fn code_points(bytes: &[u8]) -> i64 {
    bytes.iter().filter(|&&byte| byte & 0xc0 != 0x80).count() as i64
}

fn utf8_length(args: &Args<'_>, output: &mut Output) -> Result<()> {
    bytes_to_count(args, output, code_points)
}

fn binary_length(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let values = args.column(0).values();
    if args.column(0).is_scalar() {
        return bytes_to_count(args, output, |bytes| bytes.len() as i64);
    }
    match values.data_type() {
        DataType::Utf8 => distances(values.as_string::<i32>().value_offsets(), output.fixed()?),
        DataType::Binary => distances(values.as_binary::<i32>().value_offsets(), output.fixed()?),
        DataType::LargeUtf8 => distances(values.as_string::<i64>().value_offsets(), output.fixed()?),
        DataType::LargeBinary => distances(values.as_binary::<i64>().value_offsets(), output.fixed()?),
        _ => return bytes_to_count(args, output, |bytes| bytes.len() as i64),
    }
    Ok(())
}

/// The lengths of values that lie one after another, those under a null too.
fn distances<O: Copy + std::ops::Sub<Output = O>>(offsets: &[O], lengths: &mut [O]) {
    for (length, pair) in lengths.iter_mut().zip(offsets.windows(2)) {
        *length = pair[1] - pair[0];
    }
}
