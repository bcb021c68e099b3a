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
use super::string_values::{BYTES, Bytes, bytes_to_bits, bytes_to_count, count_type};
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
    /// A start and an end that do not overlap, and literals between them in this order.
    Parts(Vec<u8>, Vec<Finder<'static>>, Vec<u8>),
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
            if let Some(plain) = simple.or_else(|| Self::parts(&pieces)) {
                return Ok(plain);
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

    /// A pattern of literals with any text between them, two or more.
    fn parts(pieces: &[Piece]) -> Option<Self> {
        let (mut start, mut middle, mut end) = (vec![], vec![], vec![]);
        for (at, piece) in pieces.iter().enumerate() {
            match piece {
                Piece::One => return None,
                Piece::Any => {}
                Piece::Text(text) if at == 0 => start = text.as_bytes().into(),
                Piece::Text(text) if at + 1 == pieces.len() => end = text.as_bytes().into(),
                Piece::Text(text) => middle.push(Finder::new(text).into_owned()),
            }
        }
        Some(Self::Parts(start, middle, end))
    }

    /// Whether a value has it.
    pub(super) fn is_match(&self, value: &[u8]) -> bool {
        match self {
            Self::Literal(finder) => finder.find(value).is_some(),
            Self::Start(start) => value.starts_with(start),
            Self::End(end) => value.ends_with(end),
            Self::Whole(whole) => value == whole,
            Self::Parts(start, middle, end) => has_parts(value, start, middle, end),
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
        Pattern::Parts(start, middle, end) if start.is_empty() && is_contiguous(args.column(0).data_type()) => {
            from_first(args, output, middle, end)
        }
        Pattern::Parts(start, middle, end) => bytes_to_bits(args, output, |value| has_parts(value, start, middle, end)),
        Pattern::Regex(regex) => bytes_to_bits(args, output, |value| regex.is_match(value)),
        Pattern::Never => bytes_to_bits(args, output, |_| false),
    }
}

/// Looks for the first literal in all values at once, and for the others in those that have it.
fn from_first(args: &Args<'_>, output: &mut Output, middle: &[Finder<'_>], end: &[u8]) -> Result<()> {
    let values = args.column(0).values();
    let Some((first, others)) = middle.split_first() else {
        return bytes_to_bits(args, output, |value| value.ends_with(end));
    };
    let bytes = Bytes::of(values)?;
    let words = output.bits()?;
    words.fill(0);
    scan(values, first, |row, at| {
        let rest = &bytes.get(row)[at + first.needle().len()..];
        words[row / 64] |= u64::from(has_parts(rest, &[], others, end)) << (row % 64);
    });
    Ok(())
}

/// The first place of each literal leaves the most room for those that follow.
fn has_parts(value: &[u8], start: &[u8], middle: &[Finder<'_>], end: &[u8]) -> bool {
    let Some(mut rest) = value.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)) else { return false };
    middle.iter().all(|finder| match finder.find(rest) {
        Some(at) => {
            rest = &rest[at + finder.needle().len()..];
            true
        }
        None => false,
    })
}

/// Looks for a literal in all values at once where they stand one after another, else value by value.
fn contains(args: &Args<'_>, output: &mut Output, finder: &Finder<'_>) -> Result<()> {
    let values = args.column(0).values();
    if !is_contiguous(values.data_type()) {
        return bytes_to_bits(args, output, |value| finder.find(value).is_some());
    }
    let words = output.bits()?;
    words.fill(0);
    scan(values, finder, |row, _| words[row / 64] |= 1 << (row % 64));
    Ok(())
}

/// Whether the values of a type stand one after another.
fn is_contiguous(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary)
}

/// Calls `found` with each row that has a literal, and the first place of it within the value.
fn scan(values: &dyn Array, finder: &Finder<'_>, found: impl FnMut(usize, usize)) {
    match values.data_type() {
        DataType::Utf8 => {
            let array = values.as_string::<i32>();
            scan_in(array.value_offsets(), array.value_data(), finder, found);
        }
        DataType::LargeUtf8 => {
            let array = values.as_string::<i64>();
            scan_in(array.value_offsets(), array.value_data(), finder, found);
        }
        DataType::Binary => {
            let array = values.as_binary::<i32>();
            scan_in(array.value_offsets(), array.value_data(), finder, found);
        }
        _ => {
            let array = values.as_binary::<i64>();
            scan_in(array.value_offsets(), array.value_data(), finder, found);
        }
    }
}

fn scan_in<O: OffsetSizeTrait>(offsets: &[O], bytes: &[u8], finder: &Finder<'_>, mut found: impl FnMut(usize, usize)) {
    let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else { return };
    let (mut from, end) = (first.as_usize(), last.as_usize());
    let mut row = 0;
    while let Some(at) = finder.find(&bytes[from..end]) {
        let at = from + at;
        while offsets[row + 1].as_usize() <= at {
            row += 1;
        }
        let row_end = offsets[row + 1].as_usize();
        if at + finder.needle().len() <= row_end {
            found(row, at - offsets[row].as_usize());
            from = row_end;
        } else {
            // It goes on in the next value.
            from = at + 1;
        }
    }
}

fn find(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let position = |found: Option<usize>| found.map_or(-1, |at| at as i64);
    match args.state::<Pattern>()? {
        Pattern::Literal(finder) if !finder.needle().is_empty() && is_contiguous(args.column(0).data_type()) => {
            find_in_all(args, output, finder)
        }
        Pattern::Literal(finder) => bytes_to_count(args, output, |value| position(finder.find(value))),
        Pattern::Regex(regex) => {
            bytes_to_count(args, output, |value| position(regex.find(value).map(|found| found.start())))
        }
        _ => Err(bowyer_core::Error::internal("a pattern that has no position")),
    }
}

/// Looks for a literal in all values at once.
fn find_in_all(args: &Args<'_>, output: &mut Output, finder: &Finder<'_>) -> Result<()> {
    let values = args.column(0).values();
    if output.data_type() == &DataType::Int64 {
        let lanes = output.fixed::<i64>()?;
        lanes.fill(-1);
        scan(values, finder, |row, at| lanes[row] = at as i64);
        return Ok(());
    }
    let lanes = output.fixed::<i32>()?;
    lanes.fill(-1);
    scan(values, finder, |row, at| lanes[row] = at as i32);
    Ok(())
}

fn count_all(args: &Args<'_>, output: &mut Output) -> Result<()> {
    match args.state::<Pattern>()? {
        Pattern::Literal(finder) if finder.needle().is_empty() => {
            bytes_to_count(args, output, |value| value.len() as i64 + 1)
        }
        Pattern::Literal(finder) if finder.needle().len() == 1 => {
            let byte = finder.needle()[0];
            bytes_to_count(args, output, |value| value.iter().filter(|&&each| each == byte).count() as i64)
        }
        Pattern::Literal(finder) => bytes_to_count(args, output, |value| finder.find_iter(value).count() as i64),
        Pattern::Regex(regex) => bytes_to_count(args, output, |value| regex.find_iter(value).count() as i64),
        _ => Err(bowyer_core::Error::internal("a pattern that is not counted")),
    }
}
