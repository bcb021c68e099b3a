// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Patterns that are an argument, so that each row may have its own.
//!
//! A pattern is compiled when a row brings another one than the row before, and compiled ones are kept for a while: a
//! literal is compiled once, and so are the few patterns of a column that names them again and again.

use std::collections::HashMap;
use std::rc::Rc;

use bowyer_core::{Output, Result};

use super::string_re2::{Syntax, compile};
use super::string_search::Pattern;
use super::string_values::{RowOf, Text};
use crate::{Args, Example, Function, Kernel, Kind, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("contains")
        .summary("Whether the value contains the other text.")
        .notes("match_substring takes a literal as an option and can leave case aside.")
        .args(&["strings", "text"])
        .examples(&[Example::new(
            &["string [\"abc\", \"abc\", null]", "string [\"bc\", \"x\", \"\"]"],
            "bool [true, false, null]",
        )])
        .overloads(&const { bits(|args, output| by_row(args, output, |text| Ok(Pattern::literal(text)))) }),
    Function::scalar("has_prefix")
        .summary("Whether the value begins with the other text.")
        .notes("starts_with takes a literal as an option and can leave case aside.")
        .args(&["strings", "prefix"])
        .examples(&[Example::new(&["string [\"abc\", \"abc\"]", "string [\"ab\", \"bc\"]"], "bool [true, false]")])
        .overloads(&const { bits(|args, output| by_row(args, output, |text| Ok(Pattern::Start(text.into())))) }),
    Function::scalar("has_suffix")
        .summary("Whether the value ends with the other text.")
        .notes("ends_with takes a literal as an option and can leave case aside.")
        .args(&["strings", "suffix"])
        .examples(&[Example::new(&["string [\"abc\", \"abc\"]", "string [\"ab\", \"bc\"]"], "bool [false, true]")])
        .overloads(&const { bits(|args, output| by_row(args, output, |text| Ok(Pattern::End(text.into())))) }),
    Function::scalar("like")
        .summary("Whether the value is like the SQL pattern: `%` is any text, `_` one character.")
        .notes("A backslash takes the sign after it literally. match_like takes the pattern as an option.")
        .args(&["strings", "pattern"])
        .examples(&[Example::new(&["string [\"abc\", \"abc\"]", "string [\"a%\", \"a_\"]"], "bool [true, false]")])
        .fallible()
        .overloads(&const { bits(|args, output| by_row(args, output, |text| Pattern::like(text, Syntax::default()))) }),
    Function::scalar("ilike")
        .summary("Whether the value is like the SQL pattern, letters in either case.")
        .notes("Case folds one code point to one.")
        .args(&["strings", "pattern"])
        .examples(&[Example::new(&["string [\"ABC\", \"abc\"]", "string [\"a%\", \"A_\"]"], "bool [true, false]")])
        .fallible()
        .overloads(&const { bits(|args, output| by_row(args, output, |text| Pattern::like(text, EITHER_CASE))) }),
    Function::scalar("regexp_matches")
        .summary("Whether the regular expression matches within the value.")
        .notes("RE2's syntax. match_substring_regex takes the pattern as an option.")
        .args(&["strings", "pattern"])
        .examples(&[Example::new(&["string [\"a1\", \"a1\"]", "string [\"[0-9]\", \"^[0-9]\"]"], "bool [true, false]")])
        .fallible()
        .overloads(
            &const {
                bits(|args, output| by_row(args, output, |text| Ok(Pattern::Regex(compile(text, Syntax::default())?))))
            },
        ),
];

const fn bits(kernel: Kernel) -> [Overload; 1] {
    [Overload::new(&[Kind::AnyString, Kind::AnyString], Kind::Boolean, kernel)]
}

const EITHER_CASE: Syntax = Syntax { ignore_case: true, bytes: false, dot_all: false };

/// So many compiled patterns are kept at most.
const KEPT: usize = 256;

fn by_row(args: &Args<'_>, output: &mut Output, make: impl Fn(&str) -> Result<Pattern>) -> Result<()> {
    let (text_row, pattern_row) = (RowOf::new(args.column(0)), RowOf::new(args.column(1)));
    let (text, patterns) = (Text::of(args.column(0).values())?, Text::of(args.column(1).values())?);
    let mut kept: HashMap<&str, Rc<Pattern>> = HashMap::new();
    let mut last: Option<(&str, Rc<Pattern>)> = None;
    let validity = output.validity().cloned();
    let row_count = output.row_count();
    for (word, out) in output.bits()?.iter_mut().enumerate() {
        *out = 0;
        for row in word * 64..row_count.min(word * 64 + 64) {
            if validity.as_ref().is_some_and(|validity| validity.is_null(row)) {
                continue;
            }
            let pattern = patterns.get(pattern_row.of(row));
            let compiled = match &last {
                Some((held, compiled)) if *held == pattern => compiled,
                _ => {
                    if kept.len() == KEPT {
                        kept.clear();
                    }
                    let compiled = match kept.get(pattern) {
                        Some(compiled) => compiled.clone(),
                        None => Rc::new(make(pattern).map_err(|error| error.at_row(row))?),
                    };
                    kept.insert(pattern, compiled.clone());
                    &last.insert((pattern, compiled)).1
                }
            };
            *out |= u64::from(compiled.is_match(text.get(text_row.of(row)).as_bytes())) << (row % 64);
        }
    }
    Ok(())
}
