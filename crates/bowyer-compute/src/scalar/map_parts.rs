// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The keys and the values of maps, as lists.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, ListArray};
use arrow_schema::{DataType, Field, FieldRef};
use bowyer_core::{Error, Output, Result};

use crate::{Args, Example, Function, Kind, Options, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("map_keys")
        .summary("Gives the keys of each map, in order.")
        .args(&["map"])
        .examples(&[Example::new(
            &["map<string, int64> [[[\"a\", 1], [\"b\", 2]], null]"],
            "list<item: string> [[\"a\", \"b\"], null]",
        )])
        .overloads(&[Overload::new(&[Kind::Map], Kind::Computed(|types, _: &Options| list_of(types, 0)), map_keys)]),
    Function::scalar("map_values")
        .summary("Gives the values of each map, in order.")
        .args(&["map"])
        .examples(&[Example::new(
            &["map<string, int64> [[[\"a\", 1], [\"b\", null]], null]"],
            "list<item: int64> [[1, null], null]",
        )])
        .overloads(&[Overload::new(&[Kind::Map], Kind::Computed(|types, _: &Options| list_of(types, 1)), map_values)]),
];

/// A list of one of the two parts.
fn list_of(types: &[DataType], part: usize) -> Result<DataType> {
    let none = || Error::internal("a map has entries of two parts");
    let DataType::Map(entries, _) = &types[0] else { return Err(none()) };
    let DataType::Struct(parts) = entries.data_type() else { return Err(none()) };
    let part: &FieldRef = parts.get(part).ok_or_else(none)?;
    Ok(DataType::List(Arc::new(Field::new_list_field(part.data_type().clone(), true))))
}

fn map_keys(args: &Args<'_>, output: &mut Output) -> Result<()> {
    parts(args, output, 0)
}

fn map_values(args: &Args<'_>, output: &mut Output) -> Result<()> {
    parts(args, output, 1)
}

fn parts(args: &Args<'_>, output: &mut Output, part: usize) -> Result<()> {
    let DataType::List(field) = output.data_type().clone() else { return Err(Error::internal("a list is made")) };
    let array: ArrayRef = args.column(0).slice(0, output.row_count()).to_array()?;
    let maps = array.as_map();
    let items = maps.entries().column(part).clone();
    output.set(Arc::new(ListArray::try_new(field, maps.offsets().clone(), items, maps.nulls().cloned())?))
}
