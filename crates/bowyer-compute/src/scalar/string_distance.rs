// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! How alike two texts are, by their characters.

use arrow_buffer::ArrowNativeType;
use bowyer_core::{Error, Output, Result};

use super::string_values::{RowOf, Text};
use crate::{Args, Coercion, Example, Function, Kernel, Kind, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("levenshtein")
        .summary("Counts the fewest insertions, deletions and replacements that make one text of the other.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["string [\"kitten\", null]", "string [\"sitting\", \"\"]"], "int64 [3, null]")])
        .coercion(Coercion::Common(0))
        .overloads(&const { pairs(Kind::Int64, |args, output| write(args, output, |a, b| Some(edits(a, b)))) }),
    Function::scalar("damerau_levenshtein")
        .summary("Counts as levenshtein does, with the exchange of two neighbours as one step.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["string [\"ab\"]", "string [\"ba\"]"], "int64 [1]")])
        .coercion(Coercion::Common(0))
        .overloads(&const {
            pairs(Kind::Int64, |args, output| {
                write(args, output, |a, b| Some(strsim::damerau_levenshtein(a, b) as i64))
            })
        }),
    Function::scalar("hamming")
        .summary("Counts the places in which two texts of one length differ.")
        .notes("Fails for texts of other lengths.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["string [\"karolin\"]", "string [\"kathrin\"]"], "int64 [3]")])
        .fallible()
        .coercion(Coercion::Common(0))
        .overloads(&const {
            pairs(Kind::Int64, |args, output| {
                write(args, output, |a, b| strsim::hamming(a, b).ok().map(|count| count as i64))
            })
        }),
    Function::scalar("jaro_winkler")
        .summary("Tells how alike two texts are, from 0 to 1, with weight on a common beginning.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["string [\"same\", \"a\"]", "string [\"same\", \"b\"]"], "double [1, 0]")])
        .coercion(Coercion::Common(0))
        .overloads(&const {
            pairs(Kind::Float64, |args, output| write(args, output, |a, b| Some(strsim::jaro_winkler(a, b))))
        }),
    Function::scalar("jaccard")
        .summary("Gives the share of the characters of two texts that both have, from 0 to 1.")
        .notes("Each character counts once, however often it stands; two empty texts are alike.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["string [\"duck\", \"a\"]", "string [\"luck\", \"b\"]"], "double [0.6, 0]")])
        .coercion(Coercion::Common(0))
        .overloads(&const { pairs(Kind::Float64, |args, output| write(args, output, |a, b| Some(jaccard(a, b)))) }),
];

const fn pairs(output: Kind, kernel: Kernel) -> [Overload; 1] {
    [Overload::new(&[Kind::AnyString, Kind::SameAs(0)], output, kernel)]
}

/// The characters that two texts share, beside those of either.
fn jaccard(a: &str, b: &str) -> f64 {
    let distinct = |text: &str| {
        let mut characters: Vec<char> = text.chars().collect();
        characters.sort_unstable();
        characters.dedup();
        characters
    };
    let (a, b) = (distinct(a), distinct(b));
    let shared = a.iter().filter(|character| b.binary_search(character).is_ok()).count();
    let all = a.len() + b.len() - shared;
    if all == 0 { 1.0 } else { shared as f64 / all as f64 }
}

/// Bytes are characters where all are ASCII.
fn edits(a: &str, b: &str) -> i64 {
    if a.is_ascii() && b.is_ascii() {
        return strsim::generic_levenshtein(&Ascii(a), &Ascii(b)) as i64;
    }
    strsim::levenshtein(a, b) as i64
}

struct Ascii<'a>(&'a str);

impl<'a> IntoIterator for &Ascii<'a> {
    type Item = u8;
    type IntoIter = std::str::Bytes<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.bytes()
    }
}

fn write<O: ArrowNativeType>(
    args: &Args<'_>,
    output: &mut Output,
    compare: impl Fn(&str, &str) -> Option<O>,
) -> Result<()> {
    let (a_row, b_row) = (RowOf::new(args.column(0)), RowOf::new(args.column(1)));
    let (a, b) = (Text::of(args.column(0).values())?, Text::of(args.column(1).values())?);
    let (out, validity) = output.fixed_and_validity::<O>()?;
    for (row, out) in out.iter_mut().enumerate() {
        *out = O::default();
        if validity.is_none_or(|validity| validity.is_valid(row)) {
            let differs = || Error::invalid_argument("the texts have other lengths").at_row(row);
            *out = compare(a.get(a_row.of(row)), b.get(b_row.of(row))).ok_or_else(differs)?;
        }
    }
    Ok(())
}
