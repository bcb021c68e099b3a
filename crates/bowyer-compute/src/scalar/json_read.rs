// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! JSON into values of a type: objects into structs and maps, arrays into lists, the rest as a cast from text reads it.
//!
//! Members that a struct does not have are skipped, members that an object does not have are null, and so is JSON's null.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, MapArray, NullArray, StringArray, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Fields};
use bowyer_core::{Column, Error, Memory, Output, Result};
use serde_json::Value;

use super::json::no_json;
use super::list_values::{item_field, lists};
use super::string_values::{TEXT, Text};
use crate::scalar::cast::{CastMode, cast};
use crate::{Args, Example, Function, Kind, Nulls, OptionDefault, OptionKind, OptionSpec, Options, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[Function::scalar("from_json")
    .summary("Reads JSON as values of a type.")
    .notes(
        "Objects become structs or maps, arrays lists, other values what a cast from their text gives. Members that the \
         type does not name are skipped; those that are not there are null. What does not fit the type fails.",
    )
    .args(&["json"])
    .options(&[OptionSpec::new("to_type", OptionKind::Type, OptionDefault::Required, "The type to read.")])
    .examples(&[Example::new(
        &["string [\"{\\\"a\\\": 1, \\\"b\\\": [true]}\", \"{}\", null]"],
        "struct<a: int64, b: list<item: bool>> [{a: 1, b: [true]}, {}, null]",
    )
    .with(&[("to_type", "\"struct<a: int64, b: list<item: bool>>\"")])])
    .nulls(Nulls::Inspect)
    .fallible()
    .overloads(&[Overload::new(
        TEXT,
        Kind::Computed(|_, options: &Options| options.data_type("to_type").cloned()),
        from_json,
    )])];

fn from_json(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let array = args.column(0).slice(0, output.row_count()).to_array()?;
    let text = Text::of(array.as_ref())?;
    let mut values = Vec::with_capacity(array.len());
    for row in 0..array.len() {
        let read = |row: usize| serde_json::from_str::<Value>(text.get(row));
        let value =
            if array.is_valid(row) { Some(read(row).map_err(|error| no_json(&error).at_row(row))?) } else { None };
        values.push(value);
    }
    let values: Vec<_> = values.iter().enumerate().map(|(row, value)| Place { row, value: value.as_ref() }).collect();
    let reader = Reader { memory: args.memory(), depth: 0 };
    output.set(reader.array(&values, output.data_type())?)
}

/// A value, and the row of the call that it comes from.
#[derive(Clone, Copy)]
struct Place<'a> {
    row: usize,
    value: Option<&'a Value>,
}

impl<'a> Place<'a> {
    fn there(&self) -> Option<&'a Value> {
        self.value.filter(|value| !value.is_null())
    }

    fn misfit(&self, data_type: &DataType) -> Error {
        Error::type_mismatch(format!("a value is no {data_type}")).at_row(self.row)
    }
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    memory: &'a Memory,
    depth: usize,
}

impl Reader<'_> {
    fn array(self, places: &[Place<'_>], data_type: &DataType) -> Result<ArrayRef> {
        if self.depth > 64 {
            return Err(Error::limit_exceeded("the type is nested more than 64 deep").for_argument("to_type"));
        }
        let inner = Reader { depth: self.depth + 1, ..self };
        match data_type {
            DataType::Null => match places.iter().find(|place| place.there().is_some()) {
                Some(place) => Err(place.misfit(data_type)),
                None => Ok(Arc::new(NullArray::new(places.len()))),
            },
            DataType::Struct(fields) => inner.structs(places, fields, data_type),
            DataType::Map(..) => inner.maps(places, data_type),
            list if list.is_nested() && !matches!(list, DataType::Union(..)) => inner.lists(places, data_type),
            _ => self.leaves(places, data_type),
        }
    }

    fn structs(self, places: &[Place<'_>], fields: &Fields, data_type: &DataType) -> Result<ArrayRef> {
        let mut objects = Vec::with_capacity(places.len());
        for place in places {
            objects.push(match place.there() {
                None => None,
                Some(value) => Some(value.as_object().ok_or_else(|| place.misfit(data_type))?),
            });
        }
        let nulls = NullBuffer::from_iter(objects.iter().map(Option::is_some));
        let mut columns = Vec::with_capacity(fields.len());
        for field in fields {
            let mut members = Vec::with_capacity(places.len());
            for (place, object) in places.iter().zip(&objects) {
                members.push(Place { row: place.row, value: object.and_then(|object| object.get(field.name())) });
            }
            columns.push(self.array(&members, field.data_type())?);
        }
        let nulls = Some(nulls).filter(|nulls| nulls.null_count() > 0);
        Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, places.len())?))
    }

    fn lists(self, places: &[Place<'_>], data_type: &DataType) -> Result<ArrayRef> {
        let (mut items, mut lengths, mut valid) = (vec![], vec![], vec![]);
        for place in places {
            let elements = match place.there() {
                None => &[],
                Some(value) => value.as_array().ok_or_else(|| place.misfit(data_type))?.as_slice(),
            };
            items.extend(elements.iter().map(|value| Place { row: place.row, value: Some(value) }));
            if let DataType::FixedSizeList(_, size) = data_type {
                match place.there() {
                    None => items.resize(items.len() + *size as usize, Place { row: place.row, value: None }),
                    Some(_) if elements.len() != *size as usize => return Err(place.misfit(data_type)),
                    Some(_) => {}
                }
            }
            lengths.push(elements.len());
            valid.push(place.there().is_some());
        }
        let field = item_field(data_type)?.clone();
        let items = self.array(&items, field.data_type())?;
        let nulls = Some(NullBuffer::from(valid)).filter(|nulls| nulls.null_count() > 0);
        if let DataType::FixedSizeList(_, size) = data_type {
            let list = arrow_array::FixedSizeListArray::try_new_with_length(field, *size, items, nulls, places.len())?;
            return Ok(Arc::new(list));
        }
        lists(data_type, &lengths, items, nulls)
    }

    fn maps(self, places: &[Place<'_>], data_type: &DataType) -> Result<ArrayRef> {
        let DataType::Map(entries, ordered) = data_type else { return Err(Error::internal("maps are read")) };
        let DataType::Struct(fields) = entries.data_type() else { return Err(Error::internal("entries are structs")) };
        let (mut names, mut values, mut lengths, mut valid) = (vec![], vec![], vec![], vec![]);
        for place in places {
            let object = place.there().map(|value| value.as_object().ok_or_else(|| place.misfit(data_type)));
            let object = object.transpose()?;
            for (name, value) in object.into_iter().flatten() {
                names.push((place.row, name.as_str()));
                values.push(Place { row: place.row, value: Some(value) });
            }
            lengths.push(object.map_or(0, serde_json::Map::len));
            valid.push(object.is_some());
        }
        let rows: Vec<usize> = names.iter().map(|(row, _)| *row).collect();
        let keys: StringArray = names.iter().map(|(_, name)| Some(*name)).collect();
        let keys = self.read(Arc::new(keys), &rows, fields[0].data_type())?;
        let values = self.array(&values, fields[1].data_type())?;
        let entries_array = StructArray::try_new(fields.clone(), vec![keys, values], None)?;
        let nulls = Some(NullBuffer::from(valid)).filter(|nulls| nulls.null_count() > 0);
        let offsets = OffsetBuffer::from_lengths(lengths);
        Ok(Arc::new(MapArray::try_new(entries.clone(), offsets, entries_array, nulls, *ordered)?))
    }

    /// Values that are not nested: what a cast from their text gives.
    fn leaves(self, places: &[Place<'_>], data_type: &DataType) -> Result<ArrayRef> {
        let is_text = matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        let mut texts = Vec::with_capacity(places.len());
        for place in places {
            texts.push(match place.there() {
                None => None,
                Some(Value::String(text)) => Some(Cow::Borrowed(text.as_str())),
                Some(Value::Array(_) | Value::Object(_)) if !is_text => return Err(place.misfit(data_type)),
                Some(other) => Some(Cow::Owned(other.to_string())),
            });
        }
        let rows: Vec<usize> = places.iter().map(|place| place.row).collect();
        self.read(Arc::new(StringArray::from_iter(texts)), &rows, data_type)
    }

    /// Text cast to a type; a value that does not fit is an error of the row that it comes from.
    fn read(self, texts: ArrayRef, rows: &[usize], data_type: &DataType) -> Result<ArrayRef> {
        let located = |mut error: Error| {
            let place = error.place_mut();
            place.row = place.row.and_then(|row| rows.get(row as usize)).map(|row| *row as u64);
            error
        };
        let read = cast(&Column::Array(texts), data_type, CastMode::Checked, self.memory).map_err(located)?;
        read.to_array()
    }
}
