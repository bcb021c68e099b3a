// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Splitting strings into lists.
//!
//! A value is split at every separator, so there is one part more than separators: an empty value has one empty part,
//! and white space at an end leaves an empty part there.

use std::any::Any;
use std::sync::Arc;

use arrow_array::{Array, ListArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::DataType;
use bowyer_core::{Error, Output, Result};
use memchr::memmem::Finder;
use regex::bytes::Regex;

use super::string_re2::{Syntax, compile};
use super::string_search::{PATTERN, is_binary};
use super::string_unicode::is_space;
use super::string_values::{BYTES, Bytes, TEXT};
use crate::{Args, BindContext, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, OptionValue, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("split_pattern")
        .summary("Splits each value at a literal separator.")
        .args(&["strings"])
        .options(&[PATTERN, MAX_SPLITS, REVERSE])
        .prepare(prepare_pattern)
        .examples(&[Example::new(&["string [\"a,b\", \"\"]"], "list<item: string> [[\"a\", \"b\"], [\"\"]]")
            .with(&[("pattern", "\",\"")])])
        .overloads(&[Overload::new(BYTES, Kind::ListOf(0), split_pattern)]),
    Function::scalar("split_pattern_regex")
        .summary("Splits each value at the matches of a regular expression.")
        .notes("A match of nothing splits nothing; `reverse` is not implemented.")
        .args(&["strings"])
        .options(&[PATTERN, MAX_SPLITS, REVERSE])
        .prepare(prepare_regex)
        .examples(&[Example::new(&["string [\"a1b22c\"]"], "list<item: string> [[\"a\", \"b\", \"c\"]]")
            .with(&[("pattern", "'\\d+'")])])
        .overloads(&[Overload::new(BYTES, Kind::ListOf(0), split_regex)]),
    Function::scalar("utf8_split_whitespace")
        .summary("Splits each value at runs of white space.")
        .args(&["strings"])
        .options(&[MAX_SPLITS, REVERSE])
        .examples(&[Example::new(&["string [\" a  b\"]"], "list<item: string> [[\"\", \"a\", \"b\"]]")])
        .overloads(&[Overload::new(TEXT, Kind::ListOf(0), |args, output| split_runs(args, output, is_space))]),
    Function::scalar("ascii_split_whitespace")
        .summary("Splits each value at runs of ASCII white space.")
        .args(&["strings"])
        .options(&[MAX_SPLITS, REVERSE])
        .examples(&[Example::new(&["string [\"a  b\"]"], "list<item: string> [[\"a\", \"b\"]]")])
        .overloads(&[Overload::new(TEXT, Kind::ListOf(0), |args, output| {
            split_runs(args, output, |c| matches!(c, '\t'..='\r' | ' '))
        })]),
];

const MAX_SPLITS: OptionSpec = OptionSpec::new(
    "max_splits",
    OptionKind::Integer,
    OptionDefault::Null,
    "How often to split each value at most; everywhere when null or negative.",
);
const REVERSE: OptionSpec = OptionSpec::new(
    "reverse",
    OptionKind::Boolean,
    OptionDefault::Boolean(false),
    "Whether the splits that `max_splits` allows are the last ones.",
);

type State = Box<dyn Any + Send + Sync>;

fn prepare_pattern(context: &BindContext<'_>) -> Result<State> {
    let pattern = context.options.utf8("pattern")?;
    if pattern.is_empty() {
        return Err(Error::invalid_argument("it is empty").for_argument("pattern"));
    }
    Ok(Box::new(Finder::new(pattern).into_owned()))
}

fn prepare_regex(context: &BindContext<'_>) -> Result<State> {
    if context.options.boolean("reverse")? {
        return Err(Error::not_implemented("a regular expression splits forwards only").for_argument("reverse"));
    }
    let syntax = Syntax { bytes: is_binary(context), ..Syntax::default() };
    Ok(Box::new(compile(context.options.utf8("pattern")?, syntax)?))
}

fn split_pattern(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let finder = args.state::<Finder<'static>>()?;
    let reverse = args.options().boolean("reverse")?;
    let len = finder.needle().len();
    let reversed = finder.needle().to_vec();
    let backwards = memchr::memmem::FinderRev::new(&reversed);
    split(args, output, |value, limit, found| {
        if reverse {
            found.extend(backwards.rfind_iter(value).take(limit).map(|at| (at, at + len)));
            found.reverse();
        } else {
            found.extend(finder.find_iter(value).take(limit).map(|at| (at, at + len)));
        }
    })
}

fn split_regex(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let regex = args.state::<Regex>()?;
    split(args, output, |value, limit, found| {
        let matches = regex.find_iter(value).filter(|found| !found.is_empty());
        found.extend(matches.take(limit).map(|found| (found.start(), found.end())));
    })
}

fn split_runs(args: &Args<'_>, output: &mut Output, is_space: impl Fn(char) -> bool) -> Result<()> {
    let reverse = args.options().boolean("reverse")?;
    split(args, output, |value, limit, found| {
        let mut run = None;
        let mut at = 0;
        while let Some((c, byte_len)) = first_char(&value[at..]) {
            if is_space(c) {
                run = run.or(Some(at));
            } else if let Some(start) = run.take() {
                found.push((start, at));
            }
            at += byte_len;
        }
        found.extend(run.map(|start| (start, at)));
        if reverse {
            found.drain(..found.len().saturating_sub(limit));
        } else {
            found.truncate(limit);
        }
    })
}

/// The character that a text begins with, and its length.
#[inline(always)]
fn first_char(text: &[u8]) -> Option<(char, usize)> {
    match *text {
        [] => None,
        [byte, ..] if byte < 0x80 => Some((char::from(byte), 1)),
        [byte, ..] => {
            let byte_len = 2 + usize::from(byte >= 0xe0) + usize::from(byte >= 0xf0);
            let c = text.get(..byte_len).and_then(|text| std::str::from_utf8(text).ok()?.chars().next());
            Some(c.map_or((char::REPLACEMENT_CHARACTER, 1), |c| (c, byte_len)))
        }
    }
}

/// Splits each value where `separators` finds one, at most as often as it is told.
fn split(
    args: &Args<'_>,
    output: &mut Output,
    separators: impl Fn(&[u8], usize, &mut Vec<(usize, usize)>),
) -> Result<()> {
    let limit = match args.options().get("max_splits")? {
        OptionValue::Integer(limit) => usize::try_from(*limit).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let mut found = vec![];
    lists_of_parts(args, output, |value, parts| {
        found.clear();
        separators(value, limit, &mut found);
        let mut from = 0;
        for &(start, end) in &found {
            parts.push(&value[from..start]);
            from = end;
        }
        parts.push(&value[from..]);
    })
}

/// Lists of parts of each value, as `cut` pushes them.
///
/// # Errors
/// `LimitExceeded` past 32-bit offsets; `MemoryLimit`.
pub(crate) fn lists_of_parts(
    args: &Args<'_>,
    output: &mut Output,
    mut cut: impl for<'a> FnMut(&'a [u8], &mut Vec<&'a [u8]>),
) -> Result<()> {
    let array = args.array(0)?;
    let values = Bytes::of(array.as_ref())?;
    let DataType::List(field) = args.output_type() else { return Err(Error::internal("a list is made")) };
    let mut parts: Vec<&[u8]> = vec![];
    let mut offsets = vec![0i32];
    for row in 0..array.len() {
        if array.is_valid(row) {
            cut(values.get(row), &mut parts);
        }
        let end = i32::try_from(parts.len());
        offsets.push(end.map_err(|_| Error::limit_exceeded("more than 2^31 - 1 parts").at_row(row))?);
    }
    let mut child = Output::new(field.data_type().clone(), parts.len(), None, args.memory());
    let mut writer = child.bytes(super::string_values::total_len(array.as_ref()))?;
    for part in parts {
        writer.push(part)?;
    }
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0).cloned();
    output.set(Arc::new(ListArray::try_new(field.clone(), OffsetBuffer::new(offsets.into()), child.finish()?, nulls)?))
}
