// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Case and order of characters.
//!
//! The `utf8_` functions map one code point to one, by Unicode; the `ascii_` functions change ASCII letters and leave
//! all other bytes as they are.

use bowyer_core::{BytesWriter, Column, Error, Output, Result};

use super::string_unicode::{Is, lower, upper};
use super::string_values::{TEXT, all_ascii, bytes_to_bytes, text_to_bytes};
use crate::{Args, Example, Function, Kind, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    function(
        "utf8_upper",
        "Changes letters to upper case.",
        &[Example::new(&["string [\"größe\"]"], "string [\"GRÖẞE\"]")],
        &[Overload::new(TEXT, Kind::SameAs(0), utf8_upper)],
    ),
    function(
        "utf8_lower",
        "Changes letters to lower case.",
        &[Example::new(&["string [\"ÄSOP\"]"], "string [\"äsop\"]")],
        &[Overload::new(TEXT, Kind::SameAs(0), utf8_lower)],
    ),
    function(
        "utf8_swapcase",
        "Changes lower case to upper and upper to lower.",
        &[Example::new(&["string [\"aÉ\"]"], "string [\"Aé\"]")],
        &[Overload::new(TEXT, Kind::SameAs(0), utf8_swapcase)],
    ),
    function(
        "utf8_capitalize",
        "Changes the first character to upper case and the others to lower.",
        &[Example::new(&["string [\"éCOLE\"]"], "string [\"École\"]")],
        &[Overload::new(TEXT, Kind::SameAs(0), utf8_capitalize)],
    ),
    function(
        "utf8_title",
        "Changes the first letter of each word to upper case and the others to lower.",
        &[Example::new(&["string [\"they're here\"]"], "string [\"They'Re Here\"]")],
        &[Overload::new(TEXT, Kind::SameAs(0), utf8_title)],
    ),
    function(
        "utf8_reverse",
        "Reverses the code points of each value.",
        &[Example::new(&["string [\"größe\"]"], "string [\"eßörg\"]")],
        &[Overload::new(TEXT, Kind::SameAs(0), utf8_reverse)],
    ),
    function(
        "ascii_upper",
        "Changes ASCII letters to upper case.",
        &[Example::new(&["string [\"éa\"]"], "string [\"éA\"]")],
        &[Overload::new(TEXT, Kind::SameAs(0), ascii_upper)],
    ),
    function(
        "ascii_lower",
        "Changes ASCII letters to lower case.",
        &[Example::new(&["string [\"ÉA\"]"], "string [\"Éa\"]")],
        &[Overload::new(TEXT, Kind::SameAs(0), ascii_lower)],
    ),
    function(
        "ascii_swapcase",
        "Changes ASCII letters from lower to upper case and from upper to lower.",
        &[Example::new(&["string [\"aB\"]"], "string [\"Ab\"]")],
        &[Overload::new(TEXT, Kind::SameAs(0), ascii_swapcase)],
    ),
    function(
        "ascii_capitalize",
        "Changes the first character to upper case and the others to lower, where they are ASCII.",
        &[Example::new(&["string [\"aBC\"]"], "string [\"Abc\"]")],
        &[Overload::new(TEXT, Kind::SameAs(0), ascii_capitalize)],
    ),
    function(
        "ascii_title",
        "Changes the first ASCII letter of each word to upper case and the others to lower.",
        &[Example::new(&["string [\"foo-bar 2nd\"]"], "string [\"Foo-Bar 2Nd\"]")],
        &[Overload::new(TEXT, Kind::SameAs(0), ascii_title)],
    ),
    function(
        "ascii_reverse",
        "Reverses each value, which must be ASCII.",
        &[Example::new(&["string [\"abc\"]"], "string [\"cba\"]")],
        &[Overload::new(TEXT, Kind::SameAs(0), ascii_reverse)],
    )
    .fallible(),
    Function::scalar("binary_reverse")
        .summary("Reverses the bytes of each value.")
        .args(&["strings"])
        .examples(&[Example::new(&["binary [\"abc\"]"], "binary [\"cba\"]")])
        .overloads(&[Overload::new(&[Kind::AnyBinary], Kind::SameAs(0), binary_reverse)]),
];

const fn function(
    name: &'static str,
    summary: &'static str,
    examples: &'static [Example],
    overloads: &'static [Overload],
) -> Function {
    Function::scalar(name).summary(summary).args(&["strings"]).examples(examples).overloads(overloads)
}

/// Maps code points; values that are ASCII by a map of bytes.
fn map_chars(
    args: &Args<'_>,
    output: &mut Output,
    ascii: impl Fn(&mut [u8]),
    map: impl Fn(&str, &mut String),
) -> Result<()> {
    let mut scratch = String::new();
    text_to_bytes(args, output, |value, writer| {
        if value.is_ascii() {
            return map_bytes(value.as_bytes(), writer, &ascii);
        }
        scratch.clear();
        map(value, &mut scratch);
        writer.push_str(&scratch)
    })
}

/// As [`map_chars`] for maps of single characters: where all values are ASCII they are mapped as one.
fn map_each(args: &Args<'_>, output: &mut Output, ascii: impl Fn(u8) -> u8, map: impl Fn(char) -> char) -> Result<()> {
    if all_ascii(args.column(0).values()) && map_whole(args, output, &ascii)? {
        return Ok(());
    }
    let of_bytes = |bytes: &mut [u8]| bytes.iter_mut().for_each(|byte| *byte = ascii(*byte));
    map_chars(args, output, of_bytes, |value, out| out.extend(value.chars().map(&map)))
}

/// Maps the ASCII bytes of all values at once, if there is a value for each row and they lie beneath each other.
fn map_whole(args: &Args<'_>, output: &mut Output, map: impl Fn(u8) -> u8) -> Result<bool> {
    match args.column(0) {
        Column::Array(values) => output.map_ascii(values, map),
        Column::Scalar { .. } => Ok(false),
    }
}

fn map_bytes(value: &[u8], writer: &mut BytesWriter<'_>, map: impl Fn(&mut [u8])) -> Result<()> {
    writer.write(value.len(), |room| {
        room.copy_from_slice(value);
        map(room);
        value.len()
    })
}

fn utf8_upper(args: &Args<'_>, output: &mut Output) -> Result<()> {
    map_each(args, output, upper_ascii, upper)
}

fn utf8_lower(args: &Args<'_>, output: &mut Output) -> Result<()> {
    map_each(args, output, lower_ascii, lower)
}

fn utf8_swapcase(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let swap = |c: char| {
        if Is::LOWER.holds(c) {
            upper(c)
        } else if Is::UPPER.holds(c) {
            lower(c)
        } else {
            c
        }
    };
    map_each(args, output, swap_ascii, swap)
}

fn utf8_capitalize(args: &Args<'_>, output: &mut Output) -> Result<()> {
    map_chars(args, output, capitalize_ascii, |value, out| {
        let mut chars = value.chars();
        out.extend(chars.next().map(upper));
        out.extend(chars.map(lower));
    })
}

fn utf8_title(args: &Args<'_>, output: &mut Output) -> Result<()> {
    map_chars(args, output, title_ascii, |value, out| {
        let mut inside = false;
        out.extend(value.chars().map(|c| {
            let cased = Is::CASED.holds(c);
            let mapped = match (cased, inside) {
                (true, false) => upper(c),
                (true, true) => lower(c),
                (false, _) => c,
            };
            inside = cased;
            mapped
        }));
    })
}

fn utf8_reverse(args: &Args<'_>, output: &mut Output) -> Result<()> {
    map_chars(args, output, <[u8]>::reverse, |value, out| out.extend(value.chars().rev()))
}

/// The bit in which the two cases of an ASCII letter differ.
const CASE: u8 = 0x20;

#[inline(always)]
fn upper_ascii(byte: u8) -> u8 {
    byte ^ (u8::from(byte.wrapping_sub(b'a') < 26) * CASE)
}

#[inline(always)]
fn lower_ascii(byte: u8) -> u8 {
    byte ^ (u8::from(byte.wrapping_sub(b'A') < 26) * CASE)
}

#[inline(always)]
fn swap_ascii(byte: u8) -> u8 {
    byte ^ (u8::from((byte & !CASE).wrapping_sub(b'A') < 26) * CASE)
}

fn capitalize_ascii(bytes: &mut [u8]) {
    bytes.make_ascii_lowercase();
    if let Some(first) = bytes.first_mut() {
        first.make_ascii_uppercase();
    }
}

fn title_ascii(bytes: &mut [u8]) {
    let mut inside = false;
    for byte in bytes {
        if inside {
            byte.make_ascii_lowercase();
        } else {
            byte.make_ascii_uppercase();
        }
        inside = byte.is_ascii_alphabetic();
    }
}

fn ascii(args: &Args<'_>, output: &mut Output, map: fn(&mut [u8])) -> Result<()> {
    bytes_to_bytes(args, output, |value, writer| map_bytes(value, writer, map))
}

/// Maps single ASCII bytes.
fn each(args: &Args<'_>, output: &mut Output, map: impl Fn(u8) -> u8) -> Result<()> {
    if map_whole(args, output, &map)? {
        return Ok(());
    }
    let map = |byte: &mut u8| *byte = if byte.is_ascii() { map(*byte) } else { *byte };
    bytes_to_bytes(args, output, |value, writer| map_bytes(value, writer, |bytes| bytes.iter_mut().for_each(map)))
}

fn ascii_upper(args: &Args<'_>, output: &mut Output) -> Result<()> {
    each(args, output, upper_ascii)
}

fn ascii_lower(args: &Args<'_>, output: &mut Output) -> Result<()> {
    each(args, output, lower_ascii)
}

fn ascii_swapcase(args: &Args<'_>, output: &mut Output) -> Result<()> {
    each(args, output, swap_ascii)
}

fn ascii_capitalize(args: &Args<'_>, output: &mut Output) -> Result<()> {
    ascii(args, output, capitalize_ascii)
}

fn ascii_title(args: &Args<'_>, output: &mut Output) -> Result<()> {
    ascii(args, output, title_ascii)
}

fn ascii_reverse(args: &Args<'_>, output: &mut Output) -> Result<()> {
    bytes_to_bytes(args, output, |value, writer| {
        if value.is_ascii() {
            map_bytes(value, writer, <[u8]>::reverse)
        } else {
            Err(Error::invalid_data("the value is not ASCII"))
        }
    })
}

fn binary_reverse(args: &Args<'_>, output: &mut Output) -> Result<()> {
    bytes_to_bytes(args, output, |value, writer| map_bytes(value, writer, <[u8]>::reverse))
}
