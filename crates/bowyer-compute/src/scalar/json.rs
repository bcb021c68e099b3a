// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Looking into text that holds JSON.
//!
//! Text that is no JSON fails, with its row; `json_valid` tells. Values keep the spelling that they have in the text.

use std::borrow::Cow;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use bowyer_core::{BytesWriter, Error, Output, Result};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::json_path::Path;
use super::string_values::{RowOf, TEXT, Text};
use crate::{Args, Example, Function, Kind, Nulls, Options, Overload};

const TWO: &[Kind] = &[Kind::AnyString, Kind::AnyString];

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("json_extract")
        .summary("Takes the value at a path out of JSON, as JSON.")
        .notes("Paths are as `$.a.b[0]` or `/a/b/0`; negative numbers count from the end. Null where nothing is there.")
        .args(&["json", "path"])
        .examples(&[Example::new(
            &["string [\"{\\\"a\\\": [1, 2.50]}\", \"{}\", null]", "scalar string \"$.a[1]\""],
            "string [\"2.50\", null, null]",
        )])
        .nulls(Nulls::Inspect)
        .fallible()
        .overloads(&[Overload::new(TWO, Kind::SameAs(0), |args, output| {
            extract(args, output, |value| Some(value.into()))
        })]),
    Function::scalar("json_extract_string")
        .summary("Takes the value at a path out of JSON, as text.")
        .notes("A string is given without its quotes, other values as JSON. Null where nothing is there, or null.")
        .args(&["json", "path"])
        .examples(&[Example::new(
            &["string [\"{\\\"a\\\": \\\"x\\\"}\", \"{\\\"a\\\": null}\", null]", "scalar string \"$.a\""],
            "string [\"x\", null, null]",
        )])
        .nulls(Nulls::Inspect)
        .fallible()
        .overloads(&[Overload::new(TWO, Kind::SameAs(0), |args, output| extract(args, output, plain_text))]),
    Function::scalar("json_valid")
        .summary("Tells whether each value is JSON.")
        .args(&["json"])
        .examples(&[Example::new(&["string [\"[1]\", \"[1\", null]"], "bool [true, false, null]")])
        .overloads(&[Overload::new(TEXT, Kind::Boolean, valid)]),
    Function::scalar("json_type")
        .summary("Names the type of each value of JSON: object, array, string, number, boolean or null.")
        .args(&["json"])
        .examples(&[Example::new(&["string [\"[1]\", \"1\", null]"], "string [\"array\", \"number\", null]")])
        .nulls(Nulls::Inspect)
        .fallible()
        .overloads(&[Overload::new(TEXT, Kind::SameAs(0), |args, output| {
            texts(args, output, |json, _| Ok(Some(Cow::Borrowed(type_of(whole(json)?)))))
        })]),
    Function::scalar("json_array_length")
        .summary("Counts the elements of each array of JSON.")
        .notes("Null for other values.")
        .args(&["json"])
        .examples(&[Example::new(&["string [\"[1, [2, 3]]\", \"{}\", null]"], "int64 [2, null, null]")])
        .nulls(Nulls::Inspect)
        .fallible()
        .overloads(&[Overload::new(TEXT, Kind::Int64, array_length)]),
    Function::scalar("json_keys")
        .summary("Lists the names of the members of each object of JSON.")
        .notes("Null for other values.")
        .args(&["json"])
        .examples(&[Example::new(
            &["string [\"{\\\"b\\\": 1, \\\"a\\\": {}}\", \"[]\", null]"],
            "list<item: string> [[\"b\", \"a\"], null, null]",
        )])
        .nulls(Nulls::Inspect)
        .fallible()
        .overloads(&[Overload::new(
            TEXT,
            Kind::Computed(|_, _: &Options| Ok(DataType::new_list(DataType::Utf8, true))),
            keys,
        )]),
];

/// The error of text that is no JSON; where, but not what.
pub(crate) fn no_json(error: &serde_json::Error) -> Error {
    let place = if error.line() == 1 { format!("byte {}", error.column()) } else { format!("line {}", error.line()) };
    Error::parse(format!("the text is no JSON, at {place}")).for_argument("json")
}

fn whole(json: &str) -> Result<&str> {
    serde_json::from_str::<&RawValue>(json).map(RawValue::get).map_err(|error| no_json(&error))
}

fn type_of(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "boolean",
        Some(b'n') => "null",
        _ => "number",
    }
}

/// A value as text: strings without quotes, null as nothing.
fn plain_text(value: &str) -> Option<Cow<'_, str>> {
    match type_of(value) {
        "null" => None,
        "string" => serde_json::from_str::<String>(value).ok().map(Cow::Owned),
        _ => Some(Cow::Borrowed(value)),
    }
}

/// Writes what `read` makes of each text that is there, in the type of the first argument.
fn texts(
    args: &Args<'_>,
    output: &mut Output,
    mut read: impl for<'a> FnMut(&'a str, usize) -> Result<Option<Cow<'a, str>>>,
) -> Result<()> {
    let row_count = output.row_count();
    let (text, at) = (Text::of(args.column(0).values())?, RowOf::new(args.column(0)));
    let nulls: Vec<_> =
        args.columns().iter().map(|column| (column.values().logical_nulls(), RowOf::new(column))).collect();
    let there =
        |row: usize| nulls.iter().all(|(nulls, at)| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(at.of(row))));
    let mut values = Vec::with_capacity(row_count);
    for row in 0..row_count {
        let value = if there(row) { read(text.get(at.of(row)), row).map_err(|error| error.at_row(row))? } else { None };
        values.push(value);
    }
    let validity = arrow_buffer::NullBuffer::from_iter(values.iter().map(Option::is_some));
    output.set_validity(Some(validity).filter(|validity| validity.null_count() > 0))?;
    let mut writer: BytesWriter<'_> = output.bytes(0)?;
    values.iter().try_for_each(|value| match value {
        Some(value) => writer.push_str(value),
        None => writer.push_empty(),
    })
}

fn extract(args: &Args<'_>, output: &mut Output, show: impl for<'a> Fn(&'a str) -> Option<Cow<'a, str>>) -> Result<()> {
    let (paths, at) = (Text::of(args.column(1).values())?, RowOf::new(args.column(1)));
    // Paths are few: the last one is read again only when it changes.
    let mut last: Option<(&str, Path)> = None;
    texts(args, output, |json, row| {
        let asked = paths.get(at.of(row));
        let path = match &last {
            Some((known, path)) if *known == asked => path,
            _ => &last.insert((asked, Path::parse(asked).map_err(|error| error.for_argument("path"))?)).1,
        };
        Ok(path.find(json).map_err(|error| no_json(&error))?.and_then(&show))
    })
}

fn valid(args: &Args<'_>, output: &mut Output) -> Result<()> {
    super::string_values::bytes_to_bits(args, output, |json| serde_json::from_slice::<IgnoredAny>(json).is_ok())
}

fn array_length(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let array = args.column(0).slice(0, output.row_count()).to_array()?;
    let text = Text::of(array.as_ref())?;
    let mut lengths = Vec::with_capacity(array.len());
    for row in 0..array.len() {
        let json =
            if array.is_valid(row) { Some(whole(text.get(row)).map_err(|error| error.at_row(row))?) } else { None };
        let elements = json.filter(|json| type_of(json) == "array").map(serde_json::from_str::<Vec<IgnoredAny>>);
        let elements = elements.transpose().map_err(|error| no_json(&error).at_row(row))?;
        lengths.push(elements.map(|elements| elements.len() as i64));
    }
    output.set(std::sync::Arc::new(arrow_array::Int64Array::from(lengths)))
}

fn keys(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let array: ArrayRef = args.column(0).slice(0, output.row_count()).to_array()?;
    let text = Text::of(array.as_ref())?;
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in 0..array.len() {
        let json =
            if array.is_valid(row) { Some(whole(text.get(row)).map_err(|error| error.at_row(row))?) } else { None };
        match json.filter(|json| type_of(json) == "object") {
            None => lists.append_null(),
            Some(json) => {
                let names = serde_json::from_str::<Names>(json).map_err(|error| no_json(&error).at_row(row))?;
                names.0.iter().for_each(|name| lists.values().append_value(name));
                lists.append(true);
            }
        }
    }
    output.set(std::sync::Arc::new(lists.finish()))
}

/// The names of an object, in the order of the text.
struct Names(Vec<String>);

impl<'de> serde::Deserialize<'de> for Names {
    fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> std::result::Result<Self, D::Error> {
        struct Read;
        impl<'de> serde::de::Visitor<'de> for Read {
            type Value = Names;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut members: A) -> std::result::Result<Names, A::Error> {
                let mut names = vec![];
                while let Some((name, _)) = members.next_entry::<String, IgnoredAny>()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }
        reader.deserialize_map(Read)
    }
}
