// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Text in one of Unicode's normal forms.

use bowyer_core::{Output, Result};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::string_values::text_to_bytes;
use crate::{Args, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("strip_accents")
        .summary("Leaves out the accents and other marks of each character.")
        .notes("Text is taken apart (NFD), marks that combine are left out, and the rest is put together (NFC).")
        .args(&["strings"])
        .examples(&[Example::new(&["string [\"crème brûlée\", null]"], "string [\"creme brulee\", null]")])
        .overloads(&[Overload::new(&[Kind::AnyString], Kind::SameAs(0), strip_accents)]),
    Function::scalar("utf8_normalize")
        .summary("Writes text in a normal form of Unicode.")
        .notes("NFC and NFD keep what characters look like, NFKC and NFKD replace ligatures and the like.")
        .args(&["strings"])
        .options(&[OptionSpec::new(
            "form",
            OptionKind::Choice(&["NFC", "NFKC", "NFD", "NFKD"]),
            OptionDefault::Required,
            "The normal form.",
        )])
        .examples(&[
            Example::new(&["string [\"\u{fb01}n\", null]"], "string [\"fin\", null]").with(&[("form", "\"NFKC\"")])
        ])
        .overloads(&[Overload::new(&[Kind::AnyString], Kind::SameAs(0), normalize)]),
];

fn normalize(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let form = args.options().utf8("form")?;
    let mut normal = String::new();
    text_to_bytes(args, output, |text, writer| {
        if text.is_ascii() {
            return writer.push_str(text);
        }
        normal.clear();
        match form {
            "NFC" => normal.extend(text.nfc()),
            "NFKC" => normal.extend(text.nfkc()),
            "NFD" => normal.extend(text.nfd()),
            _ => normal.extend(text.nfkd()),
        }
        writer.push_str(&normal)
    })
}

fn strip_accents(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let mut plain = String::new();
    text_to_bytes(args, output, |text, writer| {
        if text.is_ascii() {
            return writer.push_str(text);
        }
        plain.clear();
        plain.extend(text.nfd().filter(|&c| !is_combining_mark(c)).nfc());
        writer.push_str(&plain)
    })
}
