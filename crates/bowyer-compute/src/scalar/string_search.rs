// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Looking for a pattern in strings and binary values.
//!
//! The pattern is an option and compiled once. A literal is looked for in the whole buffer of values at once where
//! the layout allows; positions are in bytes. Regular expressions have RE2's syntax.

use std::any::Any;

use arrow_array::cast::AsArray;
use arrow_array::{Array, OffsetSizeTrait};
use arrow_schema::DataType;
use bowyer_core::{Output, Result};
use memchr::memmem::Finder;
use regex::bytes::Regex;

use super::string_re2::{Syntax, compile, escape};
use super::string_values::{BYTES, bytes_to_bits, bytes_to_count, count_type};
use crate::{
    Args, BindContext, Example, Function, Kernel, Kind, OptionDefault, OptionKind, OptionSpec, Overload, Prepare,
};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    bits(
        "match_substring",
        "Whether the value contains the pattern.",
        prepare_literal,
        &[Overload::new(BYTES, Kind::Boolean, matches)],
    )
    .examples(&[Example::new(&["string [\"abc\", \"xyz\"]"], "bool [true, false]").with(&[("pattern", "\"b\"")])]),
    bits(
        "match_substring_regex",
        "Whether the regular expression matches within the value.",
        prepare_regex,
        &[Overload::new(BYTES, Kind::Boolean, matches)],
    )
    .examples(&[Example::new(&["string [\"a1\", \"xyz\"]"], "bool [true, false]").with(&[("pattern", "'\\d'")])]),
    bits(
        "match_like",
        "Whether the value is like the SQL pattern: `%` is any text, `_` one character.",
        prepare_like,
        &[Overload::new(BYTES, Kind::Boolean, matches)],
    )
    .examples(&[Example::new(&["string [\"abc\", \"cab\"]"], "bool [true, false]").with(&[("pattern", "\"a%\"")])]),
    bits(
        "starts_with",
        "Whether the value starts with the pattern.",
        prepare_start,
        &[Overload::new(BYTES, Kind::Boolean, matches)],
    )
    .examples(&[Example::new(&["string [\"abc\", \"cab\"]"], "bool [true, false]").with(&[("pattern", "\"ab\"")])]),
    bits(
        "ends_with",
        "Whether the value ends with the pattern.",
        prepare_end,
        &[Overload::new(BYTES, Kind::Boolean, matches)],
    )
    .examples(&[Example::new(&["string [\"abc\", \"cab\"]"], "bool [false, true]").with(&[("pattern", "\"ab\"")])]),
    bits("find_substring", "Gives the byte at which the pattern first begins, or -1.", prepare_literal, &count(find))
        .examples(&[Example::new(&["string [\"éab\", \"x\"]"], "int32 [2, -1]").with(&[("pattern", "\"ab\"")])]),
    bits("find_substring_regex", "Gives the byte at which the first match begins, or -1.", prepare_regex, &count(find))
        .examples(&[Example::new(&["string [\"ab1\", \"x\"]"], "int32 [2, -1]").with(&[("pattern", "'\\d'")])]),
    bits(
        "count_substring",
        "Counts how often the pattern appears, without overlap.",
        prepare_literal,
        &count(count_all),
    )
    .examples(&[Example::new(&["string [\"aaaa\", \"b\"]"], "int32 [2, 0]").with(&[("pattern", "\"aa\"")])]),
    bits("count_substring_regex", "Counts the matches, without overlap.", prepare_regex, &count(count_all))
        .examples(&[Example::new(&["string [\"a1b22\"]"], "int32 [2]").with(&[("pattern", "'\\d+'")])]),
];

const fn bits(name: &'static str, summary: &'static str, prepare: Prepare, overloads: &'static [Overload]) -> Function {
    Function::scalar(name).summary(summary).args(&["strings"]).options(OPTIONS).prepare(prepare).overloads(overloads)
}

const fn count(kernel: Kernel) -> [Overload; 2] {
    [
        Overload::new(BYTES, Kind::Computed(count_type), kernel),
        Overload::new(&[Kind::FixedSizeBinary], Kind::Int32, kernel),
    ]
}

/// The option that names what to look for.
pub(crate) const PATTERN: OptionSpec =
    OptionSpec::new("pattern", OptionKind::Utf8, OptionDefault::Required, "What to look for.");

const OPTIONS: &[OptionSpec] = &[
    PATTERN,
    OptionSpec::new(
        "ignore_case",
        OptionKind::Boolean,
        OptionDefault::Boolean(false),
        "Whether letters match in either case, one code point to one.",
    ),
];

/// What is looked for.
#[derive(Debug)]
pub(super) enum Pattern {
    Literal(Box<Finder<'static>>),
    Start(Vec<u8>),
    End(Vec<u8>),
    Whole(Vec<u8>),
    Regex(Regex),
    Never,
}

impl Pattern {
    /// A literal anywhere in a value.
    pub(super) fn literal(text: &str) -> Self {
        Self::Literal(Box::new(Finder::new(text).into_owned()))
    }

    /// An SQL pattern, which is about the whole value; the simple ones need no regular expression.
    pub(super) fn like(pattern: &str, syntax: Syntax) -> Result<Self> {
        let Some(pieces) = pieces(pattern) else { return Ok(Self::Never) };
        if !syntax.ignore_case {
            let simple = match pieces.as_slice() {
                [] => Some(Self::Whole(vec![])),
                [Piece::Text(text)] => Some(Self::Whole(text.as_str().into())),
                [Piece::Any] => Some(Self::Start(vec![])),
                [Piece::Text(text), Piece::Any] => Some(Self::Start(text.as_str().into())),
                [Piece::Any, Piece::Text(text)] => Some(Self::End(text.as_str().into())),
                [Piece::Any, Piece::Text(text), Piece::Any] => Some(Self::literal(text)),
                _ => None,
            };
            if let Some(simple) = simple {
                return Ok(simple);
            }
        }
        let mut regex = String::from("^");
        for piece in &pieces {
            match piece {
                Piece::Text(text) => regex.push_str(&escape(text)),
                Piece::One => regex.push('.'),
                Piece::Any => regex.push_str(".*"),
            }
        }
        regex.push('$');
        Ok(Self::Regex(compile(&regex, Syntax { dot_all: true, ..syntax })?))
    }

    /// Whether a value has it.
    pub(super) fn is_match(&self, value: &[u8]) -> bool {
        match self {
            Self::Literal(finder) => finder.find(value).is_some(),
            Self::Start(start) => value.starts_with(start),
            Self::End(end) => value.ends_with(end),
            Self::Whole(whole) => value == whole,
            Self::Regex(regex) => regex.is_match(value),
            Self::Never => false,
        }
    }
}

type State = Box<dyn Any + Send + Sync>;

fn options<'a>(context: &'a BindContext<'_>) -> Result<(&'a str, Syntax)> {
    let ignore_case = context.options.boolean("ignore_case")?;
    Ok((context.options.utf8("pattern")?, Syntax { ignore_case, bytes: is_binary(context), dot_all: false }))
}

/// Whether a call is about bytes that need not be text.
pub(crate) fn is_binary(context: &BindContext<'_>) -> bool {
    !matches!(context.types.first(), Some(DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View))
}

/// A literal, or the regular expression that matches it in either case.
fn literal(context: &BindContext<'_>, plain: fn(&str) -> Pattern, before: &str, after: &str) -> Result<State> {
    let (pattern, syntax) = options(context)?;
    if !syntax.ignore_case {
        return Ok(Box::new(plain(pattern)));
    }
    // The regex is ours, so it is read as text even where the values are bytes: letters fold as in text.
    let syntax = Syntax { bytes: false, ..syntax };
    Ok(Box::new(Pattern::Regex(compile(&format!("{before}{}{after}", escape(pattern)), syntax)?)))
}

fn prepare_literal(context: &BindContext<'_>) -> Result<State> {
    literal(context, Pattern::literal, "", "")
}

fn prepare_start(context: &BindContext<'_>) -> Result<State> {
    literal(context, |pattern| Pattern::Start(pattern.into()), "^", "")
}

fn prepare_end(context: &BindContext<'_>) -> Result<State> {
    literal(context, |pattern| Pattern::End(pattern.into()), "", "$")
}

fn prepare_regex(context: &BindContext<'_>) -> Result<State> {
    let (pattern, syntax) = options(context)?;
    Ok(Box::new(Pattern::Regex(compile(pattern, syntax)?)))
}

/// A piece of a LIKE pattern.
enum Piece {
    Text(String),
    One,
    Any,
}

/// The pieces of a LIKE pattern; `None` when it ends in a lone backslash, which matches nothing.
fn pieces(pattern: &str) -> Option<Vec<Piece>> {
    let mut pieces: Vec<Piece> = vec![];
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '%' => {
                if !matches!(pieces.last(), Some(Piece::Any)) {
                    pieces.push(Piece::Any);
                }
                continue;
            }
            '_' => {
                pieces.push(Piece::One);
                continue;
            }
            '\\' => chars.next()?,
            c => c,
        };
        match pieces.last_mut() {
            Some(Piece::Text(text)) => text.push(c),
            _ => pieces.push(Piece::Text(c.into())),
        }
    }
    Some(pieces)
}

fn prepare_like(context: &BindContext<'_>) -> Result<State> {
    let (pattern, syntax) = options(context)?;
    Ok(Box::new(Pattern::like(pattern, syntax)?))
}

fn matches(args: &Args<'_>, output: &mut Output) -> Result<()> {
    match args.state::<Pattern>()? {
        Pattern::Literal(finder) if finder.needle().is_empty() => bytes_to_bits(args, output, |_| true),
        Pattern::Literal(finder) => contains(args, output, finder),
        Pattern::Start(start) => bytes_to_bits(args, output, |value| value.starts_with(start)),
        Pattern::End(end) => bytes_to_bits(args, output, |value| value.ends_with(end)),
        Pattern::Whole(whole) => bytes_to_bits(args, output, |value| value == whole),
        Pattern::Regex(regex) => bytes_to_bits(args, output, |value| regex.is_match(value)),
        Pattern::Never => bytes_to_bits(args, output, |_| false),
    }
}

/// Looks for a literal in all values at once where they stand one after another, else value by value.
fn contains(args: &Args<'_>, output: &mut Output, finder: &Finder<'_>) -> Result<()> {
    let values = args.column(0).values();
    match values.data_type() {
        DataType::Utf8 => {
            let array = values.as_string::<i32>();
            contains_in(array.value_offsets(), array.value_data(), finder, output)
        }
        DataType::LargeUtf8 => {
            let array = values.as_string::<i64>();
            contains_in(array.value_offsets(), array.value_data(), finder, output)
        }
        DataType::Binary => {
            let array = values.as_binary::<i32>();
            contains_in(array.value_offsets(), array.value_data(), finder, output)
        }
        DataType::LargeBinary => {
            let array = values.as_binary::<i64>();
            contains_in(array.value_offsets(), array.value_data(), finder, output)
        }
        _ => bytes_to_bits(args, output, |value| finder.find(value).is_some()),
    }
}

fn contains_in<O: OffsetSizeTrait>(
    offsets: &[O],
    bytes: &[u8],
    finder: &Finder<'_>,
    output: &mut Output,
) -> Result<()> {
    let words = output.bits()?;
    words.fill(0);
    let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else { return Ok(()) };
    let (mut from, end) = (first.as_usize(), last.as_usize());
    let mut row = 0;
    while let Some(found) = finder.find(&bytes[from..end]) {
        let found = from + found;
        while offsets[row + 1].as_usize() <= found {
            row += 1;
        }
        let row_end = offsets[row + 1].as_usize();
        if found + finder.needle().len() <= row_end {
            words[row / 64] |= 1 << (row % 64);
            from = row_end;
        } else {
            // It goes on in the next value.
            from = found + 1;
        }
    }
    Ok(())
}

fn find(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let position = |found: Option<usize>| found.map_or(-1, |at| at as i64);
    match args.state::<Pattern>()? {
        Pattern::Literal(finder) => bytes_to_count(args, output, |value| position(finder.find(value))),
        Pattern::Regex(regex) => {
            bytes_to_count(args, output, |value| position(regex.find(value).map(|found| found.start())))
        }
        _ => Err(bowyer_core::Error::internal("a pattern that has no position")),
    }
}

fn count_all(args: &Args<'_>, output: &mut Output) -> Result<()> {
    match args.state::<Pattern>()? {
        Pattern::Literal(finder) if finder.needle().is_empty() => {
            bytes_to_count(args, output, |value| value.len() as i64 + 1)
        }
        Pattern::Literal(finder) => bytes_to_count(args, output, |value| finder.find_iter(value).count() as i64),
        Pattern::Regex(regex) => bytes_to_count(args, output, |value| regex.find_iter(value).count() as i64),
        _ => Err(bowyer_core::Error::internal("a pattern that is not counted")),
    }
}
