// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The directives of `strptime` and `strftime` patterns.
//!
//! Composite directives such as `%T` are spelled out when a pattern is compiled, so that readers and writers know the
//! simple ones only.

use bowyer_core::{Error, Result};

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Text as it stands.
    Text(String),
    /// White space: any run of it when reading, this when writing.
    Space(char),
    /// A percent sign and this letter.
    Directive(char),
}

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(crate) const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// What a composite directive stands for.
fn composite(letter: char) -> Option<&'static str> {
    Some(match letter {
        'T' => "%H:%M:%S",
        'F' => "%Y-%m-%d",
        'D' | 'x' => "%m/%d/%y",
        'R' => "%H:%M",
        'r' => "%I:%M:%S %p",
        'c' => "%a %b %e %H:%M:%S %Y",
        'X' => "%H:%M:%S",
        'h' => "%b",
        _ => return None,
    })
}

/// The parts of a pattern. `whole_seconds` is the letter that stands for seconds inside of `%c`, `%r` and `%X`.
///
/// # Errors
/// `Parse` for a percent sign at the end.
pub(crate) fn parts(pattern: &str, whole_seconds: char) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        let part = match letter {
            '%' => match letters.next() {
                None => return Err(Error::parse("the pattern ends in a percent sign").for_argument("format")),
                Some('%') => {
                    text.push('%');
                    continue;
                }
                Some('n') => vec![Part::Space('\n')],
                Some('t') => vec![Part::Space('\t')],
                Some(letter) => match composite(letter) {
                    Some(longer) => {
                        let longer = match letter {
                            'c' | 'r' | 'X' => longer.replace("%S", &format!("%{whole_seconds}")),
                            _ => longer.to_owned(),
                        };
                        self::parts(&longer, whole_seconds)?
                    }
                    None => vec![Part::Directive(letter)],
                },
            },
            letter if letter.is_ascii_whitespace() => vec![Part::Space(letter)],
            letter => {
                text.push(letter);
                continue;
            }
        };
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut text)));
        }
        parts.extend(part);
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}
