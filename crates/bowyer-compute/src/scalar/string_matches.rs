// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What a regular expression matches: the first match or all of them, whole or one group of them by its number.

use std::any::Any;

use arrow_array::Array;
use bowyer_core::{Error, Output, Result};
use regex::bytes::Regex;

use super::string_re2::{Syntax, compile};
use super::string_search::{PATTERN, is_binary};
use super::string_split::lists_of_parts;
use super::string_values::{BYTES, Bytes, TEXT, text_to_bytes};
use crate::{Args, BindContext, Example, Function, Kind, Nulls, OptionDefault, OptionKind, OptionSpec, Overload};

const GROUP: OptionSpec = OptionSpec::new(
    "group",
    OptionKind::Integer,
    OptionDefault::Integer(0),
    "Which group to take, counted from one; zero is the whole match.",
);

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("regexp_extract")
        .summary("Takes the first match of a regular expression, or one group of it.")
        .notes("Null without a match. A group that takes no part in the match is empty.")
        .args(&["strings"])
        .options(&[PATTERN, GROUP])
        .prepare(prepare)
        .examples(&[Example::new(&["string [\"a1b22\", \"x\", null]"], "string [\"1\", null, null]")
            .with(&[("pattern", "'\\d+'")])])
        .nulls(Nulls::Inspect)
        .overloads(&[Overload::new(BYTES, Kind::SameAs(0), first)]),
    Function::scalar("regexp_extract_all")
        .summary("Takes all matches of a regular expression, or one group of each.")
        .notes("Matches do not overlap. A group that takes no part in a match is empty.")
        .args(&["strings"])
        .options(&[PATTERN, GROUP])
        .prepare(prepare)
        .examples(&[Example::new(
            &["string [\"a1b22\", \"x\", null]"],
            "list<item: string> [[\"1\", \"22\"], [], null]",
        )
        .with(&[("pattern", "'\\d+'")])])
        .overloads(&[Overload::new(BYTES, Kind::ListOf(0), all)]),
    Function::scalar("regexp_escape")
        .summary("Writes each value as a regular expression that matches it alone.")
        .args(&["strings"])
        .examples(&[Example::new(&["string [\"a.b\", null]"], "string [\"a\\\\.b\", null]")])
        .overloads(&[Overload::new(TEXT, Kind::SameAs(0), |args, output| {
            text_to_bytes(args, output, |text, writer| writer.push_str(&super::string_re2::escape(text)))
        })]),
];

/// A pattern and the group of it that is taken.
struct Matcher {
    regex: Regex,
    group: usize,
}

fn prepare(context: &BindContext<'_>) -> Result<Box<dyn Any + Send + Sync>> {
    let syntax = Syntax { bytes: is_binary(context), ..Syntax::default() };
    let regex = compile(context.options.utf8("pattern")?, syntax)?;
    let group = usize::try_from(context.options.integer("group")?).ok().filter(|group| *group < regex.captures_len());
    let count = regex.captures_len() - 1;
    let outside = || Error::invalid_argument(format!("the pattern has {count} groups")).for_argument("group");
    let group = group.ok_or_else(outside)?;
    Ok(Box::new(Matcher { regex, group }))
}

fn all(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let Matcher { regex, group } = args.state::<Matcher>()?;
    lists_of_parts(args, output, |value, parts| {
        if *group == 0 {
            parts.extend(regex.find_iter(value).map(|found| found.as_bytes()));
        } else {
            let groups = regex.captures_iter(value).map(|captures| captures.get(*group));
            parts.extend(groups.map(|group| group.map_or(&value[..0], |group| group.as_bytes())));
        }
    })
}

fn first(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let Matcher { regex, group } = args.state::<Matcher>()?;
    let array = args.column(0).slice(0, output.row_count()).to_array()?;
    let values = Bytes::of(array.as_ref())?;
    let mut found = Vec::with_capacity(array.len());
    for row in 0..array.len() {
        let value = values.get(row);
        let valid = array.is_valid(row);
        found.push(match (valid, *group) {
            (false, _) => None,
            (true, 0) => regex.find(value).map(|found| found.as_bytes()),
            (true, group) => {
                regex.captures(value).map(|found| found.get(group).map_or(&value[..0], |at| at.as_bytes()))
            }
        });
    }
    let nulls = arrow_buffer::NullBuffer::from_iter(found.iter().map(Option::is_some));
    output.set_validity(Some(nulls).filter(|nulls| nulls.null_count() > 0))?;
    let mut writer = output.bytes(0)?;
    found.into_iter().try_for_each(|found| match found {
        Some(found) => writer.push(found),
        None => writer.push_empty(),
    })
}
