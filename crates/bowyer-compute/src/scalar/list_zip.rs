// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Several lists of a row as one list of structs.

use std::sync::Arc;

use arrow_array::{ArrayRef, StructArray};
use arrow_schema::{DataType, Field, Fields};
use bowyer_core::{Error, Output, Result};

use super::list_sets::set_lists;
use super::list_values::{Lists, item_field, take_items};
use super::nested::option_names;
use crate::{Args, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Options, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[Function::scalar("list_zip")
    .summary("Puts the items of several lists that stand at the same place into structs.")
    .notes("A list that is not as long as the longest is filled up with nulls. Without names the fields are called 0, 1 and so on.")
    .args(&["lists"])
    .variadic(1)
    .options(&[
        OptionSpec::new("field_names", OptionKind::Array, OptionDefault::Null, "The names of the fields."),
        OptionSpec::new(
            "shortest",
            OptionKind::Boolean,
            OptionDefault::Boolean(false),
            "Whether the result ends with the shortest list instead.",
        ),
    ])
    .examples(&[Example::new(
        &["list<item: int64> [[1, 2], [3], null]", "list<item: string> [[\"a\"], [\"b\"], [\"c\"]]"],
        "list<item: struct<x: int64, y: string>> [[{x: 1, y: \"a\"}, {x: 2, y: null}], [{x: 3, y: \"b\"}], null]",
    )
    .with(&[("field_names", "[\"x\", \"y\"]")])])
    .fallible()
    .overloads(&[Overload::new(&[Kind::AnyList, Kind::AnyList], Kind::Computed(zipped), zip)])];

fn fields(types: &[DataType], options: &Options) -> Result<Fields> {
    let names = option_names(options, "field_names", types.len())?;
    let fields = types.iter().enumerate().map(|(index, list)| {
        let name = names.as_ref().map_or_else(|| index.to_string(), |names| names[index].clone());
        Ok(Field::new(name, item_field(list)?.data_type().clone(), true))
    });
    fields.collect()
}

fn zipped(types: &[DataType], options: &Options) -> Result<DataType> {
    Ok(DataType::List(Arc::new(Field::new_list_field(DataType::Struct(fields(types, options)?), true))))
}

fn zip(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let shortest = args.options().boolean("shortest")?;
    let sides = (0..args.columns().len()).map(|index| Lists::of(&args.array(index)?)).collect::<Result<Vec<_>>>()?;
    let validity = output.validity().cloned();
    let mut lengths: Vec<usize> = (0..output.row_count())
        .map(|row| {
            let lengths = sides.iter().map(|side| side.ranges[row].len());
            let length = if shortest { lengths.min() } else { lengths.max() };
            if validity.as_ref().is_none_or(|validity| validity.is_valid(row)) { length.unwrap_or(0) } else { 0 }
        })
        .collect();
    let count: usize = lengths.iter().sum();
    let _held = args.memory().charge(count.saturating_mul(size_of::<Option<u64>>()))?;
    let columns = sides.iter().map(|side| {
        let rows = side.ranges.iter().zip(&lengths).flat_map(|(range, &length)| {
            let range = range.clone();
            (range.start..range.start + length).map(move |row| (row < range.end).then_some(row as u64))
        });
        take_items(&side.items, rows.collect(), args.memory())
    });
    let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
    let DataType::List(item) = output.data_type() else { return Err(Error::internal("a list is made")) };
    let DataType::Struct(fields) = item.data_type().clone() else { return Err(Error::internal("structs are made")) };
    let items = StructArray::try_new_with_length(fields, columns, None, count)?;
    set_lists(output, &mut lengths, Arc::new(items))
}
