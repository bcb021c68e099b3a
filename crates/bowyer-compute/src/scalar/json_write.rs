// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Values as JSON: structs and maps as objects, lists as arrays, times as text, NaN and infinities as null.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bowyer_core::{Column, Memory, Output, Result};

use super::list_values::Lists;
use super::string_values::{Bytes, Text};
use crate::scalar::cast::{CastMode, cast};
use crate::{Args, Example, Function, Kind, Nulls, Overload, encoding};

/// The functions of this family.
pub const FAMILY: &[Function] = &[Function::scalar("to_json")
    .summary("Writes each value as JSON.")
    .notes(
        "Structs and maps become objects, lists arrays, numbers and booleans themselves; binary values become text in \
         base 64, other values the text that a cast gives. NaN and infinities become null. A null value stays null; \
         within others it becomes JSON's null.",
    )
    .args(&["values"])
    .examples(&[Example::new(
        &["struct<a: int64, b: list<item: string>> [{a: 1, b: [\"x\\\"\", null]}, null]"],
        "string [\"{\\\"a\\\":1,\\\"b\\\":[\\\"x\\\\\\\"\\\",null]}\", null]",
    )])
    .nulls(Nulls::Inspect)
    .nullability(|nullable| nullable[0])
    .fallible()
    .overloads(&[Overload::new(&[Kind::Any], Kind::Utf8, to_json)])];

fn to_json(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let values = args.column(0).slice(0, output.row_count()).to_array()?;
    let node = Node::of(&values, args.memory())?;
    output.set_validity(values.logical_nulls().filter(|nulls| nulls.null_count() > 0))?;
    let row_count = output.row_count();
    let mut writer = output.bytes(0)?;
    let mut text = String::new();
    for row in 0..row_count {
        text.clear();
        if node.is_null(row) {
            writer.push_empty()?;
        } else {
            node.write(row, &mut text);
            writer.push_str(&text).map_err(|error| error.at_row(row))?;
        }
    }
    Ok(())
}

/// How the values of one array are written.
struct Node {
    nulls: Option<NullBuffer>,
    shape: Shape,
}

enum Shape {
    Nothing,
    /// Text that is JSON.
    Plain(ArrayRef),
    /// Text to be quoted.
    Quoted(ArrayRef),
    Binary(ArrayRef),
    List(Lists, Box<Node>),
    Struct(Vec<(String, Node)>),
    Map(Lists, ArrayRef, Box<Node>),
}

impl Node {
    fn of(array: &ArrayRef, memory: &Memory) -> Result<Self> {
        use DataType as T;
        let decoded = encoding::decode(&Column::Array(array.clone()))?.to_array()?;
        let text_of = |array: &ArrayRef| {
            cast(&Column::Array(array.clone()), &T::Utf8, CastMode::Checked, memory).and_then(|text| text.to_array())
        };
        let mut nulls = decoded.logical_nulls();
        let shape = match decoded.data_type() {
            T::Null => Shape::Nothing,
            T::Utf8 | T::LargeUtf8 | T::Utf8View => Shape::Quoted(decoded.clone()),
            T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => Shape::Binary(decoded.clone()),
            float if float.is_floating() => {
                let wide = cast(&Column::Array(decoded.clone()), &T::Float64, CastMode::Checked, memory)?.to_array()?;
                let finite = wide.as_primitive::<Float64Type>().values().iter().map(|value| value.is_finite());
                let finite = NullBuffer::from_iter(finite);
                let written = text_of(&decoded)?;
                // What is not finite is written as null, but is not null itself.
                let written: StringArray = written
                    .as_string::<i32>()
                    .iter()
                    .enumerate()
                    .map(|(row, text)| if finite.is_valid(row) { text } else { Some("null") })
                    .collect();
                Shape::Plain(Arc::new(written))
            }
            number if number.is_numeric() && !number.is_decimal() => Shape::Plain(text_of(&decoded)?),
            T::Boolean => Shape::Plain(text_of(&decoded)?),
            decimal if decimal.is_decimal() => Shape::Plain(text_of(&decoded)?),
            T::Struct(fields) => {
                let columns = decoded.as_struct().columns();
                let fields = fields.iter().zip(columns).map(|(field, column)| {
                    Ok((serde_json::Value::from(field.name().as_str()).to_string(), Self::of(column, memory)?))
                });
                Shape::Struct(fields.collect::<Result<_>>()?)
            }
            T::Map(..) => {
                let lists = Lists::of(&decoded)?;
                let entries = lists.items.as_struct();
                let (keys, values) = (text_of(entries.column(0))?, Self::of(entries.column(1), memory)?);
                Shape::Map(lists, keys, Box::new(values))
            }
            T::List(_) | T::LargeList(_) | T::FixedSizeList(..) | T::ListView(_) | T::LargeListView(_) => {
                let lists = Lists::of(&decoded)?;
                let items = Self::of(&lists.items, memory)?;
                Shape::List(lists, Box::new(items))
            }
            _ => Shape::Quoted(text_of(&decoded)?),
        };
        nulls = nulls.filter(|nulls| nulls.null_count() > 0);
        Ok(Self { nulls, shape })
    }

    fn is_null(&self, row: usize) -> bool {
        matches!(self.shape, Shape::Nothing) || self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    fn write(&self, row: usize, out: &mut String) {
        if self.is_null(row) {
            out.push_str("null");
            return;
        }
        match &self.shape {
            Shape::Nothing => {}
            Shape::Plain(text) => out.push_str(text.as_string::<i32>().value(row)),
            Shape::Quoted(text) => {
                if let Ok(text) = Text::of(text.as_ref()) {
                    quote(text.get(row), out);
                }
            }
            Shape::Binary(bytes) => {
                if let Ok(bytes) = Bytes::of(bytes.as_ref()) {
                    out.push('"');
                    STANDARD.encode_string(bytes.get(row), out);
                    out.push('"');
                }
            }
            Shape::List(lists, items) => {
                out.push('[');
                for (place, item) in lists.ranges[row].clone().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    items.write(item, out);
                }
                out.push(']');
            }
            Shape::Struct(fields) => {
                for (place, (name, values)) in fields.iter().enumerate() {
                    out.push(if place == 0 { '{' } else { ',' });
                    out.push_str(name);
                    out.push(':');
                    values.write(row, out);
                }
                out.push_str(if fields.is_empty() { "{}" } else { "}" });
            }
            Shape::Map(lists, keys, values) => {
                out.push('{');
                for (place, entry) in lists.ranges[row].clone().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    quote(keys.as_string::<i32>().value(entry), out);
                    out.push(':');
                    values.write(entry, out);
                }
                out.push('}');
            }
        }
    }
}

/// Text in quotes, with what JSON asks for escaped.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}
