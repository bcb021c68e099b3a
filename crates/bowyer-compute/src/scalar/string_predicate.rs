// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What strings consist of.
//!
//! A predicate holds when all characters are of its class and there is at least one, except that the empty string is
//! printable and ASCII. To the `ascii_` predicates a byte outside of ASCII is of no class.

use bowyer_core::{Output, Result};

use super::string_unicode::{Is, is_space};
use super::string_values::{TEXT, bytes_to_bits};
use crate::{Args, Example, Function, Kind, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    function(
        "string_is_ascii",
        "Whether all bytes are ASCII.",
        &[Overload::new(TEXT, Kind::Boolean, |args, output| bytes_to_bits(args, output, <[u8]>::is_ascii))],
    )
    .examples(&[Example::new(&["string [\"abc\", \"é\"]"], "bool [true, false]")]),
    function(
        "utf8_is_alnum",
        "Whether there are characters, and all are letters or numbers.",
        &[Overload::new(TEXT, Kind::Boolean, |args, output| utf8(args, output, Is::ALPHABETIC.or(Is::NUMERIC)))],
    )
    .examples(&[Example::new(&["string [\"a1\", \"a-1\"]"], "bool [true, false]")]),
    function(
        "utf8_is_alpha",
        "Whether there are characters, and all are letters.",
        &[Overload::new(TEXT, Kind::Boolean, |args, output| utf8(args, output, Is::ALPHABETIC))],
    )
    .examples(&[Example::new(&["string [\"é\", \"a1\"]"], "bool [true, false]")]),
    function(
        "utf8_is_decimal",
        "Whether there are characters, and all are decimal digits.",
        &[Overload::new(TEXT, Kind::Boolean, |args, output| utf8(args, output, Is::DECIMAL))],
    )
    .examples(&[Example::new(&["string [\"123\", \"½\"]"], "bool [true, false]")]),
    function(
        "utf8_is_digit",
        "Whether there are characters, and all are digits, superscripts or fractions.",
        &[Overload::new(TEXT, Kind::Boolean, |args, output| utf8(args, output, Is::DIGIT))],
    )
    .examples(&[Example::new(&["string [\"²\", \"a\"]"], "bool [true, false]")]),
    function(
        "utf8_is_numeric",
        "Whether there are characters, and all are numbers.",
        &[Overload::new(TEXT, Kind::Boolean, |args, output| utf8(args, output, Is::NUMERIC))],
    )
    .examples(&[Example::new(&["string [\"Ⅷ\", \"a\"]"], "bool [true, false]")]),
    function(
        "utf8_is_lower",
        "Whether there are cased characters, and all are lower case.",
        &[Overload::new(TEXT, Kind::Boolean, |args, output| chars(args, output, |value| cased(value, Is::LOWER)))],
    )
    .examples(&[Example::new(&["string [\"é1\", \"É\"]"], "bool [true, false]")]),
    function(
        "utf8_is_upper",
        "Whether there are cased characters, and all are upper case.",
        &[Overload::new(TEXT, Kind::Boolean, |args, output| chars(args, output, |value| cased(value, Is::UPPER)))],
    )
    .examples(&[Example::new(&["string [\"É1\", \"é\"]"], "bool [true, false]")]),
    function(
        "utf8_is_title",
        "Whether words begin in upper case and go on in lower, and there is one.",
        &[Overload::new(TEXT, Kind::Boolean, |args, output| chars(args, output, is_title))],
    )
    .examples(&[Example::new(&["string [\"Hello World\", \"hello\"]"], "bool [true, false]")]),
    function(
        "utf8_is_printable",
        "Whether all characters are printable.",
        &[Overload::new(TEXT, Kind::Boolean, |args, output| {
            chars(args, output, |value| value.chars().all(|c| Is::PRINTABLE.holds(c)))
        })],
    )
    .examples(&[Example::new(&["string [\"a b\", \"a\\n\"]"], "bool [true, false]")]),
    function(
        "utf8_is_space",
        "Whether there are characters, and all are white space.",
        &[Overload::new(TEXT, Kind::Boolean, |args, output| {
            chars(args, output, |value| !value.is_empty() && value.chars().all(is_space))
        })],
    )
    .examples(&[Example::new(&["string [\" \\t\", \" a\"]"], "bool [true, false]")]),
    function(
        "ascii_is_alnum",
        "Whether there are characters, and all are ASCII letters or digits.",
        &[Overload::new(TEXT, Kind::Boolean, |args, output| ascii(args, output, u8::is_ascii_alphanumeric))],
    )
    .examples(&[Example::new(&["string [\"a1\", \"é\"]"], "bool [true, false]")]),
    function(
        "ascii_is_alpha",
        "Whether there are characters, and all are ASCII letters.",
        &[Overload::new(TEXT, Kind::Boolean, |args, output| ascii(args, output, u8::is_ascii_alphabetic))],
    )
    .examples(&[Example::new(&["string [\"a\", \"1\"]"], "bool [true, false]")]),
    function(
        "ascii_is_decimal",
        "Whether there are characters, and all are ASCII digits.",
        &[Overload::new(TEXT, Kind::Boolean, |args, output| ascii(args, output, u8::is_ascii_digit))],
    )
    .examples(&[Example::new(&["string [\"12\", \"a\"]"], "bool [true, false]")]),
    function(
        "ascii_is_lower",
        "Whether there are ASCII letters, and all are lower case.",
        &[Overload::new(TEXT, Kind::Boolean, |args, output| {
            bytes_to_bits(args, output, |value| ascii_cased(value, u8::is_ascii_lowercase))
        })],
    )
    .examples(&[Example::new(&["string [\"a1\", \"A\"]"], "bool [true, false]")]),
    function(
        "ascii_is_upper",
        "Whether there are ASCII letters, and all are upper case.",
        &[Overload::new(TEXT, Kind::Boolean, |args, output| {
            bytes_to_bits(args, output, |value| ascii_cased(value, u8::is_ascii_uppercase))
        })],
    )
    .examples(&[Example::new(&["string [\"A1\", \"a\"]"], "bool [true, false]")]),
    function(
        "ascii_is_title",
        "Whether words begin in upper case and go on in lower, and there is one, all in ASCII.",
        &[Overload::new(TEXT, Kind::Boolean, |args, output| bytes_to_bits(args, output, ascii_title))],
    )
    .examples(&[Example::new(&["string [\"Hello World\", \"hello\"]"], "bool [true, false]")]),
    function(
        "ascii_is_printable",
        "Whether all characters are printable ASCII.",
        &[Overload::new(TEXT, Kind::Boolean, |args, output| {
            bytes_to_bits(args, output, |value| value.iter().all(|byte| matches!(byte, b' '..=b'~')))
        })],
    )
    .examples(&[Example::new(&["string [\"a b\", \"é\"]"], "bool [true, false]")]),
    function(
        "ascii_is_space",
        "Whether there are characters, and all are ASCII white space.",
        &[Overload::new(TEXT, Kind::Boolean, |args, output| {
            ascii(args, output, |byte| matches!(byte, b'\t'..=b'\r' | b' '))
        })],
    )
    .examples(&[Example::new(&["string [\" \", \"a\"]"], "bool [true, false]")]),
];

const fn function(name: &'static str, summary: &'static str, overloads: &'static [Overload]) -> Function {
    Function::scalar(name).summary(summary).args(&["strings"]).overloads(overloads)
}

fn chars(args: &Args<'_>, output: &mut Output, test: impl Fn(&str) -> bool) -> Result<()> {
    let values = super::string_values::Text::of(args.column(0).values())?;
    let validity = output.validity().cloned();
    let row_count = output.row_count();
    let holds = |row: usize| validity.as_ref().is_none_or(|validity| validity.is_valid(row)) && test(values.get(row));
    for (word, out) in output.bits()?.iter_mut().enumerate() {
        let rows = word * 64..row_count.min(word * 64 + 64);
        *out = rows.enumerate().fold(0, |bits, (bit, row)| bits | u64::from(holds(row)) << bit);
    }
    Ok(())
}

fn utf8(args: &Args<'_>, output: &mut Output, class: Is) -> Result<()> {
    chars(args, output, |value| !value.is_empty() && value.chars().all(|c| class.holds(c)))
}

fn ascii(args: &Args<'_>, output: &mut Output, class: fn(&u8) -> bool) -> Result<()> {
    bytes_to_bits(args, output, |value| !value.is_empty() && value.iter().all(class))
}

/// Whether there is a cased character and all cased ones are of `case`.
fn cased(value: &str, case: Is) -> bool {
    let mut any = false;
    for c in value.chars().filter(|c| Is::CASED.holds(*c)) {
        if !case.holds(c) {
            return false;
        }
        any = true;
    }
    any
}

fn ascii_cased(value: &[u8], case: fn(&u8) -> bool) -> bool {
    let mut letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).peekable();
    letters.peek().is_some() && letters.all(case)
}

/// As [`is_title`]; what is no ASCII letter parts words.
fn ascii_title(value: &[u8]) -> bool {
    let (mut inside, mut any) = (false, false);
    for byte in value {
        let upper = byte.is_ascii_uppercase();
        if (upper && inside) || (byte.is_ascii_lowercase() && !inside) {
            return false;
        }
        inside = byte.is_ascii_alphabetic();
        any |= inside;
    }
    any
}

fn is_title(value: &str) -> bool {
    let (mut inside, mut any) = (false, false);
    for c in value.chars() {
        if Is::LOWER.holds(c) {
            if !inside {
                return false;
            }
        } else if Is::CASED.holds(c) {
            if inside {
                return false;
            }
            any = true;
            inside = true;
        } else {
            inside = false;
        }
    }
    any
}
