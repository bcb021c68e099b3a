// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Characters replaced one by one.

use std::any::Any;
use std::collections::HashMap;

use bowyer_core::{Output, Result};

use super::string_values::{TEXT, text_to_bytes};
use crate::{Args, BindContext, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[Function::scalar("translate")
    .summary("Replaces each character of a set by the one at the same place of another.")
    .notes("Characters without a place there are left out. Of a character that appears twice the first place counts.")
    .args(&["strings"])
    .options(&[
        OptionSpec::new("from", OptionKind::Utf8, OptionDefault::Required, "The characters to replace."),
        OptionSpec::new("to", OptionKind::Utf8, OptionDefault::Required, "What stands for them."),
    ])
    .prepare(prepare)
    .examples(&[Example::new(&["string [\"12-34\", null]"], "string [\"ab34\", null]")
        .with(&[("from", "\"12-\""), ("to", "\"ab\"")])])
    .overloads(&[Overload::new(TEXT, Kind::SameAs(0), translate)])];

/// What stands for a character, if anything.
type Places = HashMap<char, Option<char>>;

fn prepare(context: &BindContext<'_>) -> Result<Box<dyn Any + Send + Sync>> {
    let mut to = context.options.utf8("to")?.chars();
    let mut places = Places::new();
    for from in context.options.utf8("from")?.chars() {
        let to = to.next();
        places.entry(from).or_insert(to);
    }
    Ok(Box::new(places))
}

fn translate(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let places = args.state::<Places>()?;
    let mut translated = String::new();
    text_to_bytes(args, output, |text, writer| {
        translated.clear();
        translated.extend(text.chars().filter_map(|c| places.get(&c).copied().unwrap_or(Some(c))));
        writer.push_str(&translated)
    })
}
