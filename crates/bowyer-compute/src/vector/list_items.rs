// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The items of all lists beneath each other.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, GenericListArray, OffsetSizeTrait};
use arrow_schema::DataType;
use bowyer_core::{Output, Result};

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
        values = match beneath_each_other(&values) {
            Some(items) => items,
            None => {
                let lists = Lists::of(&values)?;
                let rows = lists.ranges.iter().cloned().flatten().map(|row| Some(row as u64)).collect();
                take_items(&lists.items, rows, args.memory())?
            }
        };
        if !(args.options().boolean("recursive")? && is_list(values.data_type())) {
            return Ok(values);
        }
    }
}

/// The items of lists of which none has items that do not count: the array's own.
fn beneath_each_other(lists: &ArrayRef) -> Option<ArrayRef> {
    match lists.data_type() {
        DataType::List(_) => span(lists.as_list::<i32>()),
        DataType::LargeList(_) => span(lists.as_list::<i64>()),
        _ => None,
    }
}

fn span<O: OffsetSizeTrait>(lists: &GenericListArray<O>) -> Option<ArrayRef> {
    let offsets = lists.value_offsets();
    if let Some(nulls) = lists.nulls().filter(|nulls| nulls.null_count() > 0) {
        let is_empty = |(row, ends): (usize, &[O])| ends[0] == ends[1] || nulls.is_valid(row);
        if !offsets.windows(2).enumerate().all(is_empty) {
            return None;
        }
    }
    let (first, last) = (offsets.first()?.as_usize(), offsets.last()?.as_usize());
    Some(lists.values().slice(first, last - first))
}

fn parents(args: &Args<'_>) -> Result<ArrayRef> {
    let lists = args.array(0)?;
    match lists.data_type() {
        DataType::List(_) if lists.null_count() == 0 => {
            let offsets = lists.as_list::<i32>().value_offsets();
            parents_of(args, || offsets.windows(2).map(|pair| (pair[1] - pair[0]) as usize))
        }
        DataType::LargeList(_) if lists.null_count() == 0 => {
            let offsets = lists.as_list::<i64>().value_offsets();
            parents_of(args, || offsets.windows(2).map(|pair| (pair[1] - pair[0]) as usize))
        }
        _ => {
            let lists = Lists::of(&lists)?;
            parents_of(args, || lists.ranges.iter().map(ExactSizeIterator::len))
        }
    }
}

/// Each row as often as it has items.
fn parents_of<I: Iterator<Item = usize>>(args: &Args<'_>, lengths: impl Fn() -> I) -> Result<ArrayRef> {
    const SHORT: usize = 8;
    let mut output = Output::new(DataType::Int64, lengths().sum(), None, args.memory());
    let lanes = output.fixed::<i64>()?;
    let mut at = 0;
    for (row, length) in lengths().enumerate() {
        let (row, rest) = (row as i64, &mut lanes[at..]);
        match rest.first_chunk_mut::<SHORT>() {
            // Rows behind a short list are overwritten by the lists that follow.
            Some(short) if length <= SHORT => *short = [row; SHORT],
            _ => rest[..length].fill(row),
        }
        at += length;
    }
    output.finish()
}
