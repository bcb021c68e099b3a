// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Structs with other fields: added, replaced or under other names.

use std::sync::Arc;

use arrow_array::StructArray;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field, FieldRef, Fields};
use bowyer_core::{Error, Output, Result};

use super::nested::option_names;
use crate::{Args, Example, Function, Kind, Nulls, OptionDefault, OptionKind, OptionSpec, Options, Overload};

const NAMES: OptionSpec =
    OptionSpec::new("field_names", OptionKind::Array, OptionDefault::Required, "The names of the fields, in order.");

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("struct_insert")
        .aliases(&["struct_with_fields"])
        .summary("Adds fields to each struct; a field of a name that is there is replaced in its place.")
        .notes("A struct that is null stays null.")
        .args(&["struct", "values"])
        .variadic(2)
        .options(&[NAMES])
        .examples(&[Example::new(
            &["struct<a: int64, b: string> [{a: 1, b: \"x\"}, null]", "int64 [7, 8]", "scalar bool true"],
            "struct<a: int64, b: string, c: bool> [{a: 7, b: \"x\", c: true}, null]",
        )
        .with(&[("field_names", "[\"a\", \"c\"]")])])
        .nulls(Nulls::Inspect)
        .nullability(|nullable| nullable.first().copied().unwrap_or(true))
        .overloads(&[Overload::new(&[Kind::Struct, Kind::Any], Kind::Computed(inserted), insert)]),
    Function::scalar("struct_rename")
        .summary("Gives the fields of each struct other names.")
        .args(&["struct"])
        .options(&[NAMES])
        .examples(&[Example::new(
            &["struct<a: int64, b: string> [{a: 1, b: \"x\"}, null]"],
            "struct<id: int64, name: string> [{id: 1, name: \"x\"}, null]",
        )
        .with(&[("field_names", "[\"id\", \"name\"]")])])
        .overloads(&[Overload::new(&[Kind::Struct], Kind::Computed(renamed), rename)]),
];

fn fields_of(data_type: &DataType) -> Result<&Fields> {
    match data_type {
        DataType::Struct(fields) => Ok(fields),
        other => Err(Error::internal(format!("{other} has no fields"))),
    }
}

/// Where each new field goes: the place of the one it replaces, or one after the last.
fn places(types: &[DataType], options: &Options) -> Result<(Vec<usize>, Vec<String>)> {
    let names = option_names(options, "field_names", types.len() - 1)?.unwrap_or_default();
    let mut known: Vec<String> = fields_of(&types[0])?.iter().map(|field| field.name().clone()).collect();
    let mut places = Vec::with_capacity(names.len());
    for name in names {
        let place = known.iter().position(|known| *known == name).unwrap_or(known.len());
        if place == known.len() {
            known.push(name);
        }
        if places.contains(&place) {
            return Err(Error::invalid_argument("a name stands twice").for_argument("field_names"));
        }
        places.push(place);
    }
    Ok((places, known))
}

fn inserted(types: &[DataType], options: &Options) -> Result<DataType> {
    let (places, names) = places(types, options)?;
    let mut fields: Vec<FieldRef> = fields_of(&types[0])?.iter().cloned().collect();
    for (place, data_type) in places.into_iter().zip(&types[1..]) {
        let field = Arc::new(Field::new(&names[place], data_type.clone(), true));
        if place == fields.len() {
            fields.push(field);
        } else {
            fields[place] = field;
        }
    }
    Ok(DataType::Struct(fields.into()))
}

fn insert(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let types: Vec<DataType> = args.columns().iter().map(|column| column.data_type().clone()).collect();
    let (places, _) = places(&types, args.options())?;
    let array = args.array(0)?;
    let structs = array.as_struct();
    let mut columns: Vec<ArrayRef> = structs.columns().to_vec();
    for (place, index) in places.into_iter().zip(1..) {
        let column = args.array(index)?;
        if place == columns.len() {
            columns.push(column);
        } else {
            columns[place] = column;
        }
    }
    set(output, columns, structs)
}

fn renamed(types: &[DataType], options: &Options) -> Result<DataType> {
    let fields = fields_of(&types[0])?;
    let names = option_names(options, "field_names", fields.len())?.unwrap_or_default();
    if names.iter().enumerate().any(|(index, name)| names[..index].contains(name)) {
        return Err(Error::invalid_argument("a name stands twice").for_argument("field_names"));
    }
    let fields = fields.iter().zip(names).map(|(field, name)| Arc::new(Field::clone(field).with_name(name)));
    Ok(DataType::Struct(fields.collect()))
}

fn rename(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let array = args.array(0)?;
    let structs = array.as_struct();
    set(output, structs.columns().to_vec(), structs)
}

fn set(output: &mut Output, columns: Vec<ArrayRef>, structs: &StructArray) -> Result<()> {
    let fields = fields_of(output.data_type())?.clone();
    let made = StructArray::try_new_with_length(fields, columns, structs.nulls().cloned(), structs.len())?;
    output.set(Arc::new(made))
}
