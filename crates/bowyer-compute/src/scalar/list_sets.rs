// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Lists as sets: what two have in common, in which they differ, and lists put together.
//!
//! A null item is an item and equals another; floats are told apart by their bits, as by `list_unique`. Results keep the
//! order of the first lists, then of the second.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, UInt32Array};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::DataType;
use arrow_select::concat::concat;
use bowyer_core::group::GroupTable;
use bowyer_core::keys::{KeyEquality, KeyOptions, NO_GROUP};
use bowyer_core::{Error, Memory, Output, Result};

use super::list_values::{Lists, lists, take_items};
use crate::{Args, Coercion, Example, Function, Kernel, Kind, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    of_lists(
        "list_union",
        "Gives the distinct items of two lists.",
        &const { sets(|args, output| combine(args, output, Keep::Either)) },
    )
    .examples(&[Example::new(
        &["list<item: int64> [[1, 2, 1], null]", "list<item: int64> [[3, 2], [1]]"],
        "list<item: int64> [[1, 2, 3], null]",
    )]),
    of_lists(
        "list_intersect",
        "Gives the distinct items that two lists share.",
        &const { sets(|args, output| combine(args, output, Keep::Both)) },
    )
    .examples(&[Example::new(
        &["list<item: int64> [[1, 2, 1], null]", "list<item: int64> [[3, 2], [1]]"],
        "list<item: int64> [[2], null]",
    )]),
    of_lists(
        "list_difference",
        "Gives the distinct items of the first list that the second does not have.",
        &const { sets(|args, output| combine(args, output, Keep::First)) },
    )
    .examples(&[Example::new(
        &["list<item: int64> [[1, 2, 1], null]", "list<item: int64> [[3, 2], [1]]"],
        "list<item: int64> [[1], null]",
    )]),
    of_lists(
        "list_has_any",
        "Tells whether two lists share an item.",
        &const { tests(|args, output| shared(args, output, false)) },
    )
    .examples(&[Example::new(
        &["list<item: int64> [[1, 2], [4], null]", "list<item: int64> [[3, 2], [1], [1]]"],
        "bool [true, false, null]",
    )]),
    of_lists(
        "list_has_all",
        "Tells whether the first list has all items of the second.",
        &const { tests(|args, output| shared(args, output, true)) },
    )
    .examples(&[Example::new(
        &["list<item: int64> [[1, 2, 3], [4], null]", "list<item: int64> [[3, 2], [1], [1]]"],
        "bool [true, false, null]",
    )]),
    Function::scalar("list_concat")
        .summary("Puts lists one after another, row by row.")
        .notes("Null where one of them is null.")
        .args(&["lists"])
        .variadic(1)
        .examples(&[Example::new(
            &["list<item: int64> [[1], [2], null]", "list<item: int64> [[3, null], [], [1]]"],
            "list<item: int64> [[1, 3, null], [2], null]",
        )])
        .fallible()
        .coercion(Coercion::Common(0))
        .overloads(&[Overload::new(
            &[Kind::AnyList, Kind::SameAs(0)],
            Kind::Computed(|types, _| Ok(list_type(types))),
            join,
        )]),
];

const fn of_lists(name: &'static str, summary: &'static str, overloads: &'static [Overload]) -> Function {
    Function::scalar(name)
        .summary(summary)
        .args(&["a", "b"])
        .fallible()
        .coercion(Coercion::Common(0))
        .overloads(overloads)
}

const fn sets(kernel: Kernel) -> [Overload; 1] {
    [Overload::new(&[Kind::AnyList, Kind::SameAs(0)], Kind::Computed(|types, _| Ok(list_type(types))), kernel)]
}

const fn tests(kernel: Kernel) -> [Overload; 1] {
    [Overload::new(&[Kind::AnyList, Kind::SameAs(0)], Kind::Boolean, kernel)]
}

/// Lists of a fixed size become lists of any.
pub(crate) fn list_type(types: &[DataType]) -> DataType {
    match &types[0] {
        DataType::FixedSizeList(item, _) => DataType::List(item.clone()),
        other => other.clone(),
    }
}

/// Which items of two lists are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Either,
    Both,
    First,
}

/// The rows of all items of lists, and the list of each.
fn flat(lists: &Lists) -> Result<(Vec<Option<u64>>, Vec<u32>)> {
    if u32::try_from(lists.items.len()).is_err() {
        return Err(Error::limit_exceeded("more than 2^32 items"));
    }
    let rows = lists.ranges.iter().cloned().flatten().map(|row| Some(row as u64)).collect();
    let of = lists.ranges.iter().enumerate().flat_map(|(row, range)| std::iter::repeat_n(row as u32, range.len()));
    Ok((rows, of.collect()))
}

/// The items of both arguments, the list of each, and a table whose keys are list and item.
struct Sides {
    first: (ArrayRef, Vec<u32>),
    second: (ArrayRef, Vec<u32>),
    memory: Memory,
}

impl Sides {
    fn of(args: &Args<'_>) -> Result<Self> {
        let side = |index: usize| {
            let lists = Lists::of(&args.array(index)?)?;
            let (rows, of) = flat(&lists)?;
            Ok::<_, Error>((take_items(&lists.items, rows, args.memory())?, of))
        };
        Ok(Self { first: side(0)?, second: side(1)?, memory: args.memory().clone() })
    }

    fn table(&self) -> Result<GroupTable> {
        let options = KeyOptions { equality: KeyEquality::Bits, ..KeyOptions::default() };
        GroupTable::new(&[DataType::UInt32, self.first.0.data_type().clone()], options, &self.memory)
    }
}

fn columns((items, of): &(ArrayRef, Vec<u32>)) -> [ArrayRef; 2] {
    [Arc::new(UInt32Array::from(of.clone())), items.clone()]
}

fn combine(args: &Args<'_>, output: &mut Output, keep: Keep) -> Result<()> {
    let sides = Sides::of(args)?;
    let (first, second) = (columns(&sides.first), columns(&sides.second));
    let (first_len, second_len) = (sides.first.1.len(), sides.second.1.len());
    let mut groups = vec![];
    let mut distinct = sides.table()?;
    let mut kept = distinct.insert(&first, first_len, &mut groups)?;
    let mut added = vec![];
    if keep == Keep::Either {
        added = distinct.insert(&second, second_len, &mut groups)?;
    } else {
        let mut others = sides.table()?;
        others.insert(&second, second_len, &mut groups)?;
        others.find(&first, first_len, &mut groups)?;
        kept.retain(|row| (groups[*row as usize] != NO_GROUP) == (keep == Keep::Both));
    }
    let row_count = output.row_count();
    let mut lengths = vec![0usize; row_count];
    kept.iter().for_each(|row| lengths[sides.first.1[*row as usize] as usize] += 1);
    added.iter().for_each(|row| lengths[sides.second.1[*row as usize] as usize] += 1);
    // Items of the first lists, then of the second, in the order of their lists.
    let mut next = Vec::with_capacity(row_count);
    let mut total = 0;
    for length in &lengths {
        next.push(total);
        total += length;
    }
    let mut rows = vec![None; kept.len() + added.len()];
    let places = kept.iter().map(|row| (sides.first.1[*row as usize], *row as usize));
    let more = added.iter().map(|row| (sides.second.1[*row as usize], first_len + *row as usize));
    for (list, row) in places.chain(more) {
        rows[next[list as usize]] = Some(row as u64);
        next[list as usize] += 1;
    }
    let items: ArrayRef = concat(&[sides.first.0.as_ref(), sides.second.0.as_ref()])?;
    let items = take_items(&items, rows, args.memory())?;
    set_lists(output, &mut lengths, items)
}

/// Sets lists of these lengths, with the output's validity.
pub(crate) fn set_lists(output: &mut Output, lengths: &mut [usize], items: ArrayRef) -> Result<()> {
    let data_type = output.data_type().clone();
    let nulls: Option<NullBuffer> = output.validity().cloned();
    output.set(lists(&data_type, lengths, items, nulls)?)
}

fn shared(args: &Args<'_>, output: &mut Output, all: bool) -> Result<()> {
    let sides = Sides::of(args)?;
    let mut table = sides.table()?;
    let mut groups = vec![];
    table.insert(&columns(&sides.first), sides.first.1.len(), &mut groups)?;
    table.find(&columns(&sides.second), sides.second.1.len(), &mut groups)?;
    let mut answers = vec![all; output.row_count()];
    for (list, group) in sides.second.1.iter().zip(&groups) {
        if (*group == NO_GROUP) == all {
            answers[*list as usize] = !all;
        }
    }
    let validity = output.validity().cloned();
    output.set(Arc::new(BooleanArray::new(BooleanBuffer::from(answers), validity)))
}

fn join(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let row_count = output.row_count();
    let arrays = (0..args.columns().len()).map(|index| args.array(index)).collect::<Result<Vec<_>>>()?;
    let sides = arrays.iter().map(Lists::of).collect::<Result<Vec<_>>>()?;
    let items: Vec<&dyn Array> = sides.iter().map(|side| side.items.as_ref()).collect();
    let items = concat(&items)?;
    let (mut rows, mut lengths) = (vec![], Vec::with_capacity(row_count));
    let validity = output.validity().cloned();
    for row in 0..row_count {
        let before = rows.len();
        let mut first = 0;
        for side in &sides {
            if validity.as_ref().is_none_or(|validity| validity.is_valid(row)) {
                rows.extend(side.ranges[row].clone().map(|item| Some((first + item) as u64)));
            }
            first += side.items.len();
        }
        lengths.push(rows.len() - before);
    }
    let items = take_items(&items, rows, args.memory())?;
    set_lists(output, &mut lengths, items)
}
