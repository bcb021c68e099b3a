// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Values put into the places of a pattern.

use arrow_array::cast::AsArray;
use arrow_array::{Array, new_empty_array};
use arrow_schema::DataType;
use bowyer_core::{Error, Memory, Output, Result};

use super::list_join::as_text;
use super::string_values::RowOf;
use crate::{Args, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Options, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[Function::scalar("format")
    .summary("Writes the arguments of each row into the places of a pattern.")
    .notes("`{}` is the next argument and `{1}` the second; `{{` and `}}` are braces. Values are written as `cast` to a string writes them.")
    .args(&["values"])
    .variadic(1)
    .options(&[OptionSpec::new("pattern", OptionKind::Utf8, OptionDefault::Required, "Text with places for the values.")])
    .examples(&[Example::new(
        &["string [\"ann\", \"bob\"]", "int64 [3, null]"],
        "string [\"ann has {3}\", null]",
    )
    .with(&[("pattern", "\"{} has {{{}}}\"")])])
    .fallible()
    .prepare(|context| Ok(Box::new(pieces(context.options, context.types.len())?)))
    .overloads(&[Overload::new(&[Kind::Any, Kind::Any], Kind::Computed(text), format)])];

/// A part of a pattern.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(usize),
}

fn text(types: &[DataType], _: &Options) -> Result<DataType> {
    for data_type in types {
        as_text(&new_empty_array(data_type), &Memory::unlimited()).map_err(|error| error.for_argument("values"))?;
    }
    Ok(DataType::Utf8)
}

fn pieces(options: &Options, count: usize) -> Result<Vec<Piece>> {
    let pattern = options.utf8("pattern")?;
    let refused = |at: usize, why: &str| Error::parse(format!("{why} at byte {at}")).for_argument("pattern");
    let (mut pieces, mut text, mut next) = (Vec::new(), String::new(), 0);
    let mut rest = pattern;
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&rest[..at]);
        let place = pattern.len() - rest.len() + at;
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
            text.push_str(&rest[..1]);
            rest = after;
            continue;
        }
        let end = rest
            .find('}')
            .filter(|_| rest.starts_with('{'))
            .ok_or_else(|| refused(place, "a brace without its other"))?;
        let index = match &rest[1..end] {
            "" => {
                next += 1;
                next - 1
            }
            digits => digits.parse().map_err(|_| refused(place, "a place that is no number"))?,
        };
        if index >= count {
            return Err(refused(place, "a place without an argument"));
        }
        pieces.extend([Piece::Text(std::mem::take(&mut text)), Piece::Value(index)]);
        rest = &rest[end + 1..];
    }
    text.push_str(rest);
    pieces.push(Piece::Text(text));
    Ok(pieces)
}

fn format(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let pieces = args.state::<Vec<Piece>>()?;
    let texts = args.columns().iter().map(|column| Ok((as_text(column.values(), args.memory())?, RowOf::new(column))));
    let texts = texts.collect::<Result<Vec<_>>>()?;
    let texts: Vec<_> = texts.iter().map(|(text, at)| (text.as_string::<i64>(), *at)).collect();
    let validity = output.validity().cloned();
    let row_count = output.row_count();
    let mut writer = output.bytes(0)?;
    let mut parts = Vec::with_capacity(pieces.len());
    for row in 0..row_count {
        parts.clear();
        if validity.as_ref().is_none_or(|validity| validity.is_valid(row)) {
            parts.extend(pieces.iter().map(|piece| match piece {
                Piece::Text(text) => text.as_str(),
                Piece::Value(index) => {
                    let (text, at) = &texts[*index];
                    // A value that is there in its type can still be none as text.
                    if text.is_valid(at.of(row)) { text.value(at.of(row)) } else { "" }
                }
            }));
        }
        writer.concat_str(&parts).map_err(|error| error.at_row(row))?;
    }
    Ok(())
}
