// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Taking characters off the ends of strings.
//!
//! The characters are a set, not a prefix: any of them goes, as often as it stands there. The `ascii_` functions see
//! bytes.

use std::any::Any;

use bowyer_core::{Output, Result};

use super::string_unicode::is_space;
use super::string_values::{TEXT, bytes_to_bytes, text_to_bytes};
use crate::{Args, BindContext, Example, Function, Kernel, Kind, OptionDefault, OptionKind, OptionSpec, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    set("utf8_trim", "Takes the given characters off both ends.", &[over(|args, output| utf8_set(args, output, BOTH))])
        .examples(&[Example::new(&["string [\"xax\"]"], "string [\"a\"]").with(&[("characters", "\"x\"")])]),
    set(
        "utf8_ltrim",
        "Takes the given characters off the beginning.",
        &[over(|args, output| utf8_set(args, output, LEFT))],
    )
    .examples(&[Example::new(&["string [\"xax\"]"], "string [\"ax\"]").with(&[("characters", "\"x\"")])]),
    set("utf8_rtrim", "Takes the given characters off the end.", &[over(|args, output| utf8_set(args, output, RIGHT))])
        .examples(&[Example::new(&["string [\"xax\"]"], "string [\"xa\"]").with(&[("characters", "\"x\"")])]),
    set("ascii_trim", "Takes the given bytes off both ends.", &[over(|args, output| ascii_set(args, output, BOTH))])
        .examples(&[Example::new(&["string [\"xax\"]"], "string [\"a\"]").with(&[("characters", "\"x\"")])])
        .fallible(),
    set(
        "ascii_ltrim",
        "Takes the given bytes off the beginning.",
        &[over(|args, output| ascii_set(args, output, LEFT))],
    )
    .examples(&[Example::new(&["string [\"xax\"]"], "string [\"ax\"]").with(&[("characters", "\"x\"")])])
    .fallible(),
    set("ascii_rtrim", "Takes the given bytes off the end.", &[over(|args, output| ascii_set(args, output, RIGHT))])
        .examples(&[Example::new(&["string [\"xax\"]"], "string [\"xa\"]").with(&[("characters", "\"x\"")])])
        .fallible(),
    space(
        "utf8_trim_whitespace",
        "Takes white space off both ends.",
        &[over(|args, output| utf8(args, output, BOTH, is_space))],
    )
    .examples(&[Example::new(&["string [\" a \"]"], "string [\"a\"]")]),
    space(
        "utf8_ltrim_whitespace",
        "Takes white space off the beginning.",
        &[over(|args, output| utf8(args, output, LEFT, is_space))],
    )
    .examples(&[Example::new(&["string [\" a \"]"], "string [\"a \"]")]),
    space(
        "utf8_rtrim_whitespace",
        "Takes white space off the end.",
        &[over(|args, output| utf8(args, output, RIGHT, is_space))],
    )
    .examples(&[Example::new(&["string [\" a \"]"], "string [\" a\"]")]),
    space(
        "ascii_trim_whitespace",
        "Takes ASCII white space off both ends.",
        &[over(|args, output| ascii(args, output, BOTH, is_ascii_space))],
    )
    .examples(&[Example::new(&["string [\" a \"]"], "string [\"a\"]")]),
    space(
        "ascii_ltrim_whitespace",
        "Takes ASCII white space off the beginning.",
        &[over(|args, output| ascii(args, output, LEFT, is_ascii_space))],
    )
    .examples(&[Example::new(&["string [\" a \"]"], "string [\"a \"]")]),
    space(
        "ascii_rtrim_whitespace",
        "Takes ASCII white space off the end.",
        &[over(|args, output| ascii(args, output, RIGHT, is_ascii_space))],
    )
    .examples(&[Example::new(&["string [\" a \"]"], "string [\" a\"]")]),
];

const fn over(kernel: Kernel) -> Overload {
    Overload::new(TEXT, Kind::SameAs(0), kernel)
}

const fn space(name: &'static str, summary: &'static str, overloads: &'static [Overload]) -> Function {
    Function::scalar(name).summary(summary).args(&["strings"]).overloads(overloads)
}

const fn set(name: &'static str, summary: &'static str, overloads: &'static [Overload]) -> Function {
    space(name, summary, overloads).options(OPTIONS).prepare(prepare)
}

const OPTIONS: &[OptionSpec] =
    &[OptionSpec::new("characters", OptionKind::Utf8, OptionDefault::Required, "The characters to take off.")];

#[derive(Clone, Copy)]
struct Ends {
    left: bool,
    right: bool,
}

const BOTH: Ends = Ends { left: true, right: true };
const LEFT: Ends = Ends { left: true, right: false };
const RIGHT: Ends = Ends { left: false, right: true };

/// The characters to take off, and the bytes of their text.
struct Characters {
    chars: Vec<char>,
    bytes: [bool; 256],
}

fn prepare(context: &BindContext<'_>) -> Result<Box<dyn Any + Send + Sync>> {
    let text = context.options.utf8("characters")?;
    let mut bytes = [false; 256];
    for byte in text.bytes() {
        bytes[usize::from(byte)] = true;
    }
    Ok(Box::new(Characters { chars: text.chars().collect(), bytes }))
}

fn is_ascii_space(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ')
}

fn utf8_set(args: &Args<'_>, output: &mut Output, ends: Ends) -> Result<()> {
    let Characters { chars, bytes } = args.state::<Characters>()?;
    utf8(args, output, ends, |c| if c.is_ascii() { bytes[c as usize] } else { chars.contains(&c) })
}

fn ascii_set(args: &Args<'_>, output: &mut Output, ends: Ends) -> Result<()> {
    let Characters { bytes, .. } = args.state::<Characters>()?;
    ascii(args, output, ends, |byte| bytes[usize::from(byte)])
}

fn utf8(args: &Args<'_>, output: &mut Output, ends: Ends, goes: impl Fn(char) -> bool) -> Result<()> {
    text_to_bytes(args, output, |value, writer| {
        let value = if ends.left { value.trim_start_matches(&goes) } else { value };
        writer.push_str(if ends.right { value.trim_end_matches(&goes) } else { value })
    })
}

fn ascii(args: &Args<'_>, output: &mut Output, ends: Ends, goes: impl Fn(u8) -> bool) -> Result<()> {
    bytes_to_bytes(args, output, |value, writer| {
        let stays = |byte: &u8| !goes(*byte);
        let start = if ends.left { value.iter().position(stays).unwrap_or(value.len()) } else { 0 };
        let end = if ends.right { value.iter().rposition(stays).map_or(start, |last| last + 1) } else { value.len() };
        writer.push(&value[start..end.max(start)])
    })
}
