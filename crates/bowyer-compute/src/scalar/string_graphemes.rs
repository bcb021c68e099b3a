// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Text by the characters that a person sees: a letter with its accents, a flag, a family of emoji is one.

use bowyer_core::{Output, Result};
use unicode_segmentation::UnicodeSegmentation;

use super::string_values::{TEXT, bytes_to_count, count_type, text_to_bytes};
use crate::{Args, Example, Function, Kind, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("utf8_grapheme_length")
        .aliases(&["length_grapheme"])
        .summary("Counts the characters that a person sees in each value.")
        .notes("Extended grapheme clusters of Unicode; utf8_length counts code points.")
        .args(&["strings"])
        .examples(&[Example::new(&["string [\"e\u{301}a\", \"🇩🇪!\", null]"], "int32 [2, 2, null]")])
        .overloads(&[Overload::new(TEXT, Kind::Computed(count_type), length)]),
    Function::scalar("utf8_grapheme_reverse")
        .summary("Turns the characters that a person sees in each value round.")
        .notes("Extended grapheme clusters of Unicode; utf8_reverse turns code points round, which puts accents on other letters.")
        .args(&["strings"])
        .examples(&[Example::new(&["string [\"e\u{301}a\", null]"], "string [\"ae\u{301}\", null]")])
        .overloads(&[Overload::new(TEXT, Kind::SameAs(0), reverse)]),
];

fn length(args: &Args<'_>, output: &mut Output) -> Result<()> {
    bytes_to_count(args, output, |bytes| match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() && !text.contains('\r') => text.len() as i64,
        Ok(text) => text.graphemes(true).count() as i64,
        // Columns of text hold text.
        Err(_) => 0,
    })
}

fn reverse(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let mut turned = String::new();
    text_to_bytes(args, output, |text, writer| {
        turned.clear();
        turned.extend(text.graphemes(true).rev());
        writer.push_str(&turned)
    })
}
