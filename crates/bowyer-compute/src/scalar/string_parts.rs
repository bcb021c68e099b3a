// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Parts of strings by what they are next to: fields between separators, first and last characters, affixes.
//!
//! What to look for is an argument, so it may be another for each row.

use arrow_schema::DataType;
use bowyer_core::arity::Lanes;
use bowyer_core::{Error, Output, Result};

use super::string_values::{RowOf, Text, rows_to_bytes};
use crate::{Args, Coercion, Example, Function, Kernel, Kind, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("split_part")
        .summary("Takes one of the parts between separators, counted from one, or from the end when negative.")
        .notes("Empty where there is no such part. An empty separator leaves one part; there is no part zero.")
        .args(&["strings", "separator", "index"])
        .examples(&[Example::new(
            &["string [\"a,b,c\", \"a\", null]", "scalar string \",\"", "scalar int64 2"],
            "string [\"b\", \"\", null]",
        )])
        .fallible()
        .coercion(Coercion::Custom(wide_last))
        .overloads(&[Overload::new(&[Kind::AnyString, Kind::AnyString, Kind::Int64], Kind::SameAs(0), split_part)]),
    Function::scalar("strip_prefix")
        .summary("Takes a prefix off each value that begins with it.")
        .args(&["strings", "prefix"])
        .examples(&[Example::new(
            &["string [\"id-7\", \"7\", null]", "scalar string \"id-\""],
            "string [\"7\", \"7\", null]",
        )])
        .overloads(&const { pairs(|args, output| affix(args, output, |text, prefix| text.strip_prefix(prefix))) }),
    Function::scalar("strip_suffix")
        .summary("Takes a suffix off each value that ends with it.")
        .args(&["strings", "suffix"])
        .examples(&[Example::new(
            &["string [\"a.txt\", \"b\", null]", "scalar string \".txt\""],
            "string [\"a\", \"b\", null]",
        )])
        .overloads(&const { pairs(|args, output| affix(args, output, |text, suffix| text.strip_suffix(suffix))) }),
    Function::scalar("left")
        .summary("Takes so many code points from the start of each value.")
        .notes("A negative count leaves out so many at the end.")
        .args(&["strings", "count"])
        .examples(&[Example::new(&["string [\"größe\", null]", "scalar int64 3"], "string [\"grö\", null]")])
        .coercion(Coercion::Custom(wide_last))
        .overloads(
            &const {
                counted(|args, output| {
                    some(args, output, |text, count| {
                        let at = if count < 0 {
                            from_end(text, count.unsigned_abs())
                        } else {
                            from_start(text, count as u64)
                        };
                        &text[..at]
                    })
                })
            },
        ),
    Function::scalar("right")
        .summary("Takes so many code points from the end of each value.")
        .notes("A negative count leaves out so many at the start.")
        .args(&["strings", "count"])
        .examples(&[Example::new(&["string [\"größe\", null]", "scalar int64 3"], "string [\"öße\", null]")])
        .coercion(Coercion::Custom(wide_last))
        .overloads(
            &const {
                counted(|args, output| {
                    some(args, output, |text, count| {
                        let at = if count < 0 {
                            from_start(text, count.unsigned_abs())
                        } else {
                            from_end(text, count as u64)
                        };
                        &text[at..]
                    })
                })
            },
        ),
];

const fn pairs(kernel: Kernel) -> [Overload; 1] {
    [Overload::new(&[Kind::AnyString, Kind::AnyString], Kind::SameAs(0), kernel)]
}

const fn counted(kernel: Kernel) -> [Overload; 1] {
    [Overload::new(&[Kind::AnyString, Kind::Int64], Kind::SameAs(0), kernel)]
}

/// The last argument is an integer of any width.
fn wide_last(types: &[DataType]) -> Option<Vec<DataType>> {
    let mut types = types.to_vec();
    let last = types.last_mut().filter(|last| last.is_integer() || last.is_null())?;
    *last = DataType::Int64;
    for other in types.iter_mut().filter(|other| other.is_null()) {
        *other = DataType::Utf8;
    }
    Some(types)
}

/// The byte at which code point `count` begins; the end when there are fewer.
fn from_start(text: &str, count: u64) -> usize {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if text.is_ascii() {
        return count.min(text.len());
    }
    text.char_indices().nth(count).map_or(text.len(), |(at, _)| at)
}

/// The byte at which the last `count` code points begin; the start when there are fewer.
fn from_end(text: &str, count: u64) -> usize {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count == 0 {
        return text.len();
    }
    text.char_indices().nth_back(count - 1).map_or(0, |(at, _)| at)
}

fn some(args: &Args<'_>, output: &mut Output, take: impl Fn(&str, i64) -> &str) -> Result<()> {
    let (text, counts) = (Text::of(args.column(0).values())?, Lanes::<i64>::of(args.column(1))?);
    let at = RowOf::new(args.column(0));
    rows_to_bytes(args, output, |row, writer| writer.push_str(take(text.get(at.of(row)), counts.value(row))))
}

fn affix(args: &Args<'_>, output: &mut Output, strip: impl for<'a> Fn(&'a str, &str) -> Option<&'a str>) -> Result<()> {
    let (text, affixes) = (Text::of(args.column(0).values())?, Text::of(args.column(1).values())?);
    let (at, affix_at) = (RowOf::new(args.column(0)), RowOf::new(args.column(1)));
    rows_to_bytes(args, output, |row, writer| {
        let value = text.get(at.of(row));
        writer.push_str(strip(value, affixes.get(affix_at.of(row))).unwrap_or(value))
    })
}

fn split_part(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let (text, separators) = (Text::of(args.column(0).values())?, Text::of(args.column(1).values())?);
    let indices = Lanes::<i64>::of(args.column(2))?;
    let (at, separator_at) = (RowOf::new(args.column(0)), RowOf::new(args.column(1)));
    rows_to_bytes(args, output, |row, writer| {
        let (value, separator) = (text.get(at.of(row)), separators.get(separator_at.of(row)));
        let index = indices.value(row);
        if index == 0 {
            return Err(Error::invalid_argument("parts are counted from one").for_argument("index"));
        }
        writer.push_str(part(value, separator, index))
    })
}

fn part<'a>(value: &'a str, separator: &str, index: i64) -> &'a str {
    let place = usize::try_from(index.unsigned_abs() - 1).unwrap_or(usize::MAX);
    if separator.is_empty() {
        return if place == 0 { value } else { "" };
    }
    let found = if index > 0 { value.split(separator).nth(place) } else { value.rsplit(separator).nth(place) };
    found.unwrap_or_default()
}
