// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The items of all lists beneath each other.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array};
use arrow_schema::DataType;
use bowyer_core::Result;

use crate::scalar::list_values::{Lists, item_field, take_items};
use crate::{Args, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Options, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::vector("list_flatten")
        .summary("Puts the items of all lists beneath each other.")
        .notes("Null lists give no item; null items stay.")
        .args(&["lists"])
        .options(&[OptionSpec::new(
            "recursive",
            OptionKind::Boolean,
            OptionDefault::Boolean(false),
            "Whether items that are lists are flattened too.",
        )])
        .examples(&[Example::new(&["list<item: int64> [[1, null], null, [3]]"], "int64 [1, null, 3]")])
        .overloads(&[Overload::vector(&[Kind::AnyList], Kind::Computed(flat_type), flatten)]),
    Function::vector("list_parent_indices")
        .summary("Gives for each item of the lists the row of its list.")
        .args(&["lists"])
        .examples(&[Example::new(&["list<item: int64> [[1, null], null, [3]]"], "int64 [0, 0, 2]")])
        .nullability(|_| false)
        .overloads(&[
            Overload::vector(&[Kind::AnyList], Kind::Int64, parents),
            Overload::vector(&[Kind::Map], Kind::Int64, parents),
        ]),
];

fn is_list(data_type: &DataType) -> bool {
    Kind::AnyList.accepts(std::slice::from_ref(data_type), 0)
}

fn flat_type(types: &[DataType], options: &Options) -> Result<DataType> {
    let mut data_type = item_field(&types[0])?.data_type();
    while options.boolean("recursive")? && is_list(data_type) {
        data_type = item_field(data_type)?.data_type();
    }
    Ok(data_type.clone())
}

fn flatten(args: &Args<'_>) -> Result<ArrayRef> {
    let mut values = args.array(0)?;
    loop {
        let lists = Lists::of(&values)?;
        let rows = lists.ranges.iter().cloned().flatten().map(|row| Some(row as u64)).collect();
        values = take_items(&lists.items, rows, args.memory())?;
        if !(args.options().boolean("recursive")? && is_list(values.data_type())) {
            return Ok(values);
        }
    }
}

fn parents(args: &Args<'_>) -> Result<ArrayRef> {
    let lists = Lists::of(&args.array(0)?)?;
    let parents = lists.ranges.iter().enumerate().flat_map(|(row, range)| std::iter::repeat_n(row as i64, range.len()));
    Ok(Arc::new(parents.collect::<Int64Array>()))
}
