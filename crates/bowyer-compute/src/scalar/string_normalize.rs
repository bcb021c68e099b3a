// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Text in one of Unicode's normal forms.

use bowyer_core::{Output, Result};
use unicode_normalization::UnicodeNormalization;

use super::string_values::text_to_bytes;
use crate::{Args, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[Function::scalar("utf8_normalize")
    .summary("Writes text in a normal form of Unicode.")
    .notes("NFC and NFD keep what characters look like, NFKC and NFKD replace ligatures and the like.")
    .args(&["strings"])
    .options(&[OptionSpec::new(
        "form",
        OptionKind::Choice(&["NFC", "NFKC", "NFD", "NFKD"]),
        OptionDefault::Required,
        "The normal form.",
    )])
    .examples(
        &[Example::new(&["string [\"\u{fb01}n\", null]"], "string [\"fin\", null]").with(&[("form", "\"NFKC\"")])],
    )
    .overloads(&[Overload::new(&[Kind::AnyString], Kind::SameAs(0), normalize)])];

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
