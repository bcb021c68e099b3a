// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Aggregates of the items of each list, and whether a list has an item.
//!
//! Each list is a group to the aggregate of the same name, so that the two never differ.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, UInt32Array};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::DataType;
use bowyer_core::{Column, Error, Output, Result};

use super::list_values::{Lists, item_field};
use super::nested::with_nulls;
use crate::vector::rows::take_rows;
use crate::{Args, Argument, Bound, Example, Function, Groups, Kind, Nulls, OptionValue, Options, Overload, bind};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("list_sum")
        .summary("Adds up the items of each list.")
        .notes("Nulls are left out; a list without items gives null.")
        .args(&["lists"])
        .examples(&[Example::new(&["list<item: int64> [[1, 2, null], [], null]"], "int64 [3, null, null]")])
        .nulls(Nulls::Inspect)
        .fallible()
        .overloads(&[Overload::new(
            &[Kind::AnyList],
            Kind::Computed(|types, _: &Options| type_of("sum", types)),
            |args, output| each(args, output, "sum"),
        )]),
    Function::scalar("list_mean")
        .summary("Averages the items of each list.")
        .notes("Nulls are left out; a list without items gives null.")
        .args(&["lists"])
        .examples(&[Example::new(&["list<item: int64> [[1, 2, null], [], null]"], "double [1.5, null, null]")])
        .nulls(Nulls::Inspect)
        .fallible()
        .overloads(&[Overload::new(
            &[Kind::AnyList],
            Kind::Computed(|types, _: &Options| type_of("mean", types)),
            |args, output| each(args, output, "mean"),
        )]),
    Function::scalar("list_min")
        .summary("Finds the least item of each list.")
        .notes("Nulls are left out; a list without items gives null.")
        .args(&["lists"])
        .examples(&[Example::new(&["list<item: int64> [[3, 2, null], [], null]"], "int64 [2, null, null]")])
        .nulls(Nulls::Inspect)
        .overloads(&[Overload::new(
            &[Kind::AnyList],
            Kind::Computed(|types, _: &Options| type_of("min", types)),
            |args, output| each(args, output, "min"),
        )]),
    Function::scalar("list_max")
        .summary("Finds the greatest item of each list.")
        .notes("Nulls are left out; a list without items gives null.")
        .args(&["lists"])
        .examples(&[Example::new(&["list<item: int64> [[3, 2, null], [], null]"], "int64 [3, null, null]")])
        .nulls(Nulls::Inspect)
        .overloads(&[Overload::new(
            &[Kind::AnyList],
            Kind::Computed(|types, _: &Options| type_of("max", types)),
            |args, output| each(args, output, "max"),
        )]),
    Function::scalar("list_unique")
        .summary("Keeps the first of each distinct item of each list.")
        .notes("Null is an item. Floats are told apart by their bits.")
        .args(&["lists"])
        .examples(&[Example::new(
            &["list<item: int64> [[3, 1, 3, null], [], null]"],
            "list<item: int64> [[3, 1, null], [], null]",
        )])
        .nulls(Nulls::Inspect)
        .overloads(&[Overload::new(
            &[Kind::AnyList],
            Kind::Computed(|types, _: &Options| type_of("distinct", types)),
            |args, output| each(args, output, "distinct"),
        )]),
    Function::scalar("list_contains")
        .summary("Tells whether each list has an item.")
        .notes("Null where the list or the value is null; null items are equal to nothing.")
        .args(&["lists", "value"])
        .examples(&[Example::new(
            &["list<item: int64> [[1, 2], [null], null]", "scalar int64 2"],
            "bool [true, false, null]",
        )])
        .fallible()
        .overloads(&[Overload::new(&[Kind::AnyList, Kind::Any], Kind::Boolean, contains)]),
];

fn bound(aggregate: &str, lists: &DataType) -> Result<Bound> {
    let options = match aggregate {
        "distinct" => vec![("mode".to_owned(), OptionValue::Utf8("all".to_owned()))],
        _ => vec![],
    };
    bind(aggregate, &[Argument::new(item_field(lists)?.data_type().clone())], options)
}

fn type_of(aggregate: &str, types: &[DataType]) -> Result<DataType> {
    Ok(bound(aggregate, &types[0])?.output_type().clone())
}

/// The rows of all items, and the list of each.
fn items_and_lists(lists: &Lists) -> Result<(UInt32Array, Vec<u32>)> {
    if u32::try_from(lists.items.len()).is_err() {
        return Err(Error::limit_exceeded("more than 2^32 items"));
    }
    let rows = lists.ranges.iter().cloned().flatten().map(|row| row as u32).collect::<Vec<_>>();
    let groups = lists.ranges.iter().enumerate().flat_map(|(row, range)| std::iter::repeat_n(row as u32, range.len()));
    Ok((rows.into(), groups.collect()))
}

fn each(args: &Args<'_>, output: &mut Output, aggregate: &str) -> Result<()> {
    let values = args.array(0)?;
    let lists = Lists::of(&values)?;
    let (rows, groups) = items_and_lists(&lists)?;
    let row_count = lists.ranges.len();
    let items: ArrayRef = take_rows(&lists.items, &rows, args.memory())?;
    let mut accumulator = bound(aggregate, values.data_type())?.accumulator(args.memory())?;
    // One group more than there are, so that a single list is not taken for a whole column.
    let groups = Groups::Indices { group_indices: &groups, group_count: row_count + 1 };
    let located = |mut error: Error| {
        // The row is that of an item.
        error.place_mut().row = None;
        error
    };
    accumulator.update(&[Column::Array(items)], groups).map_err(located)?;
    let results = accumulator.evaluate(row_count + 1).map_err(located)?.slice(0, row_count);
    output.set(with_nulls(&results, lists.nulls.as_ref())?)
}

fn contains(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let lists = Lists::of(&args.array(0)?)?;
    let (rows, groups) = items_and_lists(&lists)?;
    let items = take_rows(&lists.items, &rows, args.memory())?;
    let wanted = take_rows(&args.array(1)?, &UInt32Array::from(groups.clone()), args.memory())?;
    let arguments = [Argument::new(items.data_type().clone()), Argument::new(wanted.data_type().clone())];
    let equal = bind("equal", &arguments, vec![])?;
    let count = items.len();
    let found = equal.call(&[Column::Array(items), Column::Array(wanted)], count, args.memory())?.to_array()?;
    let found = found.as_boolean();
    let mut has = vec![false; lists.ranges.len()];
    found.values().set_indices().filter(|row| found.is_valid(*row)).for_each(|row| has[groups[row] as usize] = true);
    let validity: Option<NullBuffer> = output.validity().cloned();
    output.set(std::sync::Arc::new(arrow_array::BooleanArray::new(BooleanBuffer::from(has), validity)))
}
