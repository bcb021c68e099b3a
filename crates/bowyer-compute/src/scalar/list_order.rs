// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The order of the items of each list: sorting, turning round, where an item stands; and what booleans in lists say.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_schema::DataType;
use bowyer_core::{Column, Error, Output, Result};

use super::list_sets::{list_type, set_lists};
use super::list_values::{Lists, item_field, take_items};
use crate::vector::sort::sorted_as_asked;
use crate::{
    Args, Argument, Example, Function, Kernel, Kind, Nulls, OptionDefault, OptionKind, OptionSpec, Overload, bind,
};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("list_sort")
        .summary("Sorts the items of each list.")
        .notes("As sort_indices sorts: nulls last in both orders, NaNs before them; `at_start` mirrors that.")
        .args(&["lists"])
        .options(&[
            OptionSpec::new(
                "order",
                OptionKind::Choice(&["ascending", "descending"]),
                OptionDefault::Utf8("ascending"),
                "Which items come first.",
            ),
            OptionSpec::new(
                "null_placement",
                OptionKind::Choice(&["at_end", "at_start"]),
                OptionDefault::Utf8("at_end"),
                "Where nulls and NaNs go.",
            ),
        ])
        .examples(&[Example::new(
            &["list<item: int64> [[3, null, 1], [], null]"],
            "list<item: int64> [[1, 3, null], [], null]",
        )])
        .fallible()
        .overloads(&const { same(sort) }),
    Function::scalar("list_reverse")
        .summary("Turns the order of the items of each list round.")
        .args(&["lists"])
        .examples(&[Example::new(
            &["list<item: int64> [[3, null, 1], [], null]"],
            "list<item: int64> [[1, null, 3], [], null]",
        )])
        .fallible()
        .overloads(&const { same(reverse) }),
    Function::scalar("list_position")
        .summary("Gives the place of an item in each list, counted from zero.")
        .notes("Null where the list does not have it; null items are equal to nothing.")
        .args(&["lists", "value"])
        .examples(&[Example::new(
            &["list<item: int64> [[1, 2, 2], [null], null]", "scalar int64 2"],
            "int64 [1, null, null]",
        )])
        .nulls(Nulls::Inspect)
        .fallible()
        .overloads(&[Overload::new(&[Kind::AnyList, Kind::Any], Kind::Int64, position)]),
    Function::scalar("list_n_unique")
        .summary("Counts the distinct items of each list.")
        .notes("Null is an item. Floats are told apart by their bits.")
        .args(&["lists"])
        .examples(&[Example::new(&["list<item: int64> [[3, 1, 3, null], [], null]"], "int64 [3, 0, null]")])
        .fallible()
        .overloads(&[Overload::new(&[Kind::AnyList], Kind::Int64, count_distinct)]),
    Function::scalar("list_any")
        .summary("Tells whether an item of each list is true.")
        .notes("Nulls are left out; a list without items gives false.")
        .args(&["lists"])
        .examples(&[Example::new(
            &["list<item: bool> [[false, true], [null], [], null]"],
            "bool [true, false, false, null]",
        )])
        .fallible()
        .overloads(&const { truths(|args, output| truth(args, output, true)) }),
    Function::scalar("list_all")
        .summary("Tells whether all items of each list are true.")
        .notes("Nulls are left out; a list without items gives true.")
        .args(&["lists"])
        .examples(&[Example::new(
            &["list<item: bool> [[false, true], [null], [], null]"],
            "bool [false, true, true, null]",
        )])
        .fallible()
        .overloads(&const { truths(|args, output| truth(args, output, false)) }),
];

const fn same(kernel: Kernel) -> [Overload; 1] {
    [Overload::new(&[Kind::AnyList], Kind::Computed(|types, _| Ok(list_type(types))), kernel)]
}

const fn truths(kernel: Kernel) -> [Overload; 1] {
    [Overload::new(
        &[Kind::AnyList],
        Kind::Computed(|types, _| match item_field(&types[0])?.data_type() {
            DataType::Boolean | DataType::Null => Ok(DataType::Boolean),
            other => Err(Error::type_mismatch(format!("items are booleans, not {other}"))),
        }),
        kernel,
    )]
}

fn sort(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let descending = args.options().utf8("order")? == "descending";
    let nulls_first = args.options().utf8("null_placement")? == "at_start";
    let lists = Lists::of(&args.array(0)?)?;
    let items = take_items(
        &lists.items,
        lists.ranges.iter().cloned().flatten().map(|row| Some(row as u64)).collect(),
        args.memory(),
    )?;
    let mut list_of = Vec::with_capacity(items.len());
    let mut next = Vec::with_capacity(lists.ranges.len());
    let mut lengths: Vec<usize> = lists.ranges.iter().map(ExactSizeIterator::len).collect();
    for (list, length) in lengths.iter().enumerate() {
        next.push(list_of.len());
        list_of.extend(std::iter::repeat_n(list, *length));
    }
    // All items in order, dealt out to their lists.
    let mut rows = vec![None; items.len()];
    for row in sorted_as_asked(&items, descending, nulls_first)?.0 {
        let list = list_of[row as usize];
        rows[next[list]] = Some(u64::from(row));
        next[list] += 1;
    }
    let items = take_items(&items, rows, args.memory())?;
    set_lists(output, &mut lengths, items)
}

fn reverse(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let lists = Lists::of(&args.array(0)?)?;
    let rows = lists.ranges.iter().flat_map(|range| range.clone().rev()).map(|row| Some(row as u64)).collect();
    let mut lengths: Vec<usize> = lists.ranges.iter().map(ExactSizeIterator::len).collect();
    let items = take_items(&lists.items, rows, args.memory())?;
    set_lists(output, &mut lengths, items)
}

/// Compares each item with the value of its list, and gives the first place that is equal.
fn position(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let lists = Lists::of(&args.array(0)?)?;
    let rows = lists.ranges.iter().cloned().flatten().map(|row| Some(row as u64)).collect();
    let of =
        lists.ranges.iter().enumerate().flat_map(|(row, range)| std::iter::repeat_n(Some(row as u64), range.len()));
    let items = take_items(&lists.items, rows, args.memory())?;
    let wanted = take_items(&args.array(1)?, of.collect(), args.memory())?;
    let arguments = [Argument::new(items.data_type().clone()), Argument::new(wanted.data_type().clone())];
    let equal = bind("equal", &arguments, vec![])?;
    let count = items.len();
    let found = equal.call(&[Column::Array(items), Column::Array(wanted)], count, args.memory())?.to_array()?;
    let found = found.as_boolean();
    let mut first = 0;
    let places = lists.ranges.iter().map(|range| {
        let rows = first..first + range.len();
        first = rows.end;
        let place = rows.clone().find(|row| found.is_valid(*row) && found.value(*row));
        place.map(|row| (row - rows.start) as i64)
    });
    output.set(std::sync::Arc::new(places.collect::<arrow_array::Int64Array>()))
}

fn count_distinct(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let array = args.array(0)?;
    let unique = bind("list_unique", &[Argument::new(array.data_type().clone())], vec![])?;
    let row_count = array.len();
    let lists = Lists::of(&unique.call(&[Column::Array(array)], row_count, args.memory())?.to_array()?)?;
    output.fixed::<i64>()?.iter_mut().zip(&lists.ranges).for_each(|(out, range)| *out = range.len() as i64);
    Ok(())
}

fn truth(args: &Args<'_>, output: &mut Output, decides: bool) -> Result<()> {
    let lists = Lists::of(&args.array(0)?)?;
    let row_count = output.row_count();
    let Some(items) = lists.items.as_boolean_opt() else {
        // Items without a type are all null.
        output.bits()?.fill(if decides { 0 } else { u64::MAX });
        return Ok(());
    };
    let has = |row: usize| lists.ranges[row].clone().any(|item| items.is_valid(item) && items.value(item) == decides);
    bowyer_core::arity::fill_bits(output.bits()?, row_count, |row| has(row) == decides);
    Ok(())
}
