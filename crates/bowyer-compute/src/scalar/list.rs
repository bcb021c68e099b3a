// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Lists: how long they are, single items, parts.

use arrow_array::cast::AsArray;
use arrow_array::{Array, OffsetSizeTrait};
use arrow_schema::DataType;
use bowyer_core::arity::Lanes;
use bowyer_core::{Error, Output, Result};

use super::list_values::{Lists, item_field, lists, take_items};
use crate::{Args, Coercion, Example, Function, Kind, Nulls, OptionDefault, OptionKind, OptionSpec, Options, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("list_value_length")
        .summary("Counts the items of each list.")
        .args(&["lists"])
        .examples(&[Example::new(&["list<item: int64> [[1, 2], [], null]"], "int32 [2, 0, null]")])
        .overloads(&[
            Overload::new(&[Kind::AnyList], Kind::Computed(length_type), length),
            Overload::new(&[Kind::Map], Kind::Int32, length),
        ]),
    Function::scalar("list_element")
        .summary("Takes one item of each list, counted from zero.")
        .notes("Fails where a list is not as long.")
        .args(&["lists", "index"])
        .examples(&[Example::new(
            &["list<item: int64> [[1, 2], [3, 4], null]", "scalar int32 1"],
            "int64 [2, 4, null]",
        )])
        .nulls(Nulls::Inspect)
        .fallible()
        .coercion(Coercion::Custom(wide_index))
        .overloads(&[Overload::new(&[Kind::AnyList, Kind::Int64], Kind::Computed(item_type), element)]),
    Function::scalar("list_get")
        .summary("Takes one item of each list, counted from zero, or from the end when negative.")
        .notes("Null where a list is not as long.")
        .args(&["lists", "index"])
        .examples(&[Example::new(&["list<item: int64> [[1, 2], [3], null]", "scalar int32 -1"], "int64 [2, 3, null]")])
        .nulls(Nulls::Inspect)
        .coercion(Coercion::Custom(wide_index))
        .overloads(&[Overload::new(&[Kind::AnyList, Kind::Int64], Kind::Computed(item_type), get)]),
    Function::scalar("list_slice")
        .summary("Takes a part of each list.")
        .notes("A list that is not as long gives fewer items; of a fixed size it is filled up with nulls.")
        .args(&["lists"])
        .options(&[
            OptionSpec::new("start", OptionKind::Integer, OptionDefault::Required, "The first item, from zero."),
            OptionSpec::new("stop", OptionKind::Integer, OptionDefault::Null, "The first item that is left out."),
            OptionSpec::new("step", OptionKind::Integer, OptionDefault::Integer(1), "Every so many items."),
            OptionSpec::new(
                "return_fixed_size_list",
                OptionKind::Boolean,
                OptionDefault::Null,
                "Whether the lists of the result have a fixed size; without it, as the argument.",
            ),
        ])
        .examples(&[Example::new(
            &["list<item: int64> [[1, 2, 3], [4], null]"],
            "list<item: int64> [[2, 3], [], null]",
        )
        .with(&[("start", "1")])])
        .nulls(Nulls::Inspect)
        .prepare(|context| Ok(Box::new(Part::new(context.options, &context.types[0])?)))
        .overloads(&[Overload::new(&[Kind::AnyList], Kind::Computed(slice_type), slice)]),
];

fn length_type(types: &[DataType], _: &Options) -> Result<DataType> {
    Ok(match types[0] {
        DataType::LargeList(_) | DataType::LargeListView(_) => DataType::Int64,
        _ => DataType::Int32,
    })
}

pub(crate) fn item_type(types: &[DataType], _: &Options) -> Result<DataType> {
    Ok(item_field(&types[0])?.data_type().clone())
}

fn wide_index(types: &[DataType]) -> Option<Vec<DataType>> {
    let [list, index] = types else { return None };
    (index.is_integer() || index.is_null()).then(|| vec![list.clone(), DataType::Int64])
}

fn length(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let array = args.array(0)?;
    match array.data_type() {
        DataType::List(_) => return lengths(array.as_list::<i32>().value_offsets(), output.fixed::<i32>()?),
        DataType::LargeList(_) => return lengths(array.as_list::<i64>().value_offsets(), output.fixed::<i64>()?),
        DataType::Map(..) => return lengths(array.as_map().value_offsets(), output.fixed::<i32>()?),
        _ => {}
    }
    let lists = Lists::of(&array)?;
    if output.data_type() == &DataType::Int64 {
        output.fixed::<i64>()?.iter_mut().zip(&lists.ranges).for_each(|(out, range)| *out = range.len() as i64);
    } else {
        output.fixed::<i32>()?.iter_mut().zip(&lists.ranges).for_each(|(out, range)| *out = range.len() as i32);
    }
    Ok(())
}

fn lengths<O: OffsetSizeTrait>(offsets: &[O], out: &mut [O]) -> Result<()> {
    out.iter_mut().zip(offsets.windows(2)).for_each(|(out, ends)| *out = ends[1] - ends[0]);
    Ok(())
}

fn element(args: &Args<'_>, output: &mut Output) -> Result<()> {
    pick(args, output, |length, index| {
        let index = usize::try_from(index).ok().filter(|index| *index < length);
        let outside = || Error::out_of_bounds(format!("a list of {length} items has none of that index"));
        index.map(Some).ok_or_else(|| outside().for_argument("index"))
    })
}

fn get(args: &Args<'_>, output: &mut Output) -> Result<()> {
    pick(args, output, |length, index| {
        let index = if index < 0 { index.saturating_add(length as i64) } else { index };
        Ok(usize::try_from(index).ok().filter(|index| *index < length))
    })
}

/// Writes the item that `choose` names, given the length of a list and the index asked for.
fn pick(args: &Args<'_>, output: &mut Output, choose: impl Fn(usize, i64) -> Result<Option<usize>>) -> Result<()> {
    let lists = Lists::of(&args.array(0)?)?;
    let indices = Lanes::<i64>::of(args.column(1))?;
    let index_nulls = args.array(1)?.logical_nulls();
    let mut rows = Vec::with_capacity(lists.ranges.len());
    for (row, range) in lists.ranges.iter().enumerate() {
        let asked = lists.is_valid(row) && index_nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        let chosen =
            if asked { choose(range.len(), indices.value(row)).map_err(|error| error.at_row(row))? } else { None };
        rows.push(chosen.map(|index| (range.start + index) as u64));
    }
    output.set(take_items(&lists.items, rows, args.memory())?)
}

/// Which items of a list are taken.
struct Part {
    start: usize,
    stop: usize,
    step: usize,
    /// How many items each list of the result has, when it is fixed.
    fixed: Option<usize>,
}

impl Part {
    fn new(options: &Options, data_type: &DataType) -> Result<Self> {
        let number = |name: &'static str, least: i64| {
            let value = options.integer(name)?;
            let value = usize::try_from(value).ok().filter(|_| value >= least);
            value.ok_or_else(|| Error::invalid_argument(format!("it is less than {least}")).for_argument(name))
        };
        let (start, step) = (number("start", 0)?, number("step", 1)?);
        let size = match data_type {
            DataType::FixedSizeList(_, size) => Some(*size as usize),
            _ => None,
        };
        let stop = if options.is_null("stop")? { None } else { Some(number("stop", 0)?) };
        if stop.is_some_and(|stop| stop < start) {
            return Err(Error::invalid_argument("it is less than start").for_argument("stop"));
        }
        let is_fixed = match options.is_null("return_fixed_size_list")? {
            true => size.is_some(),
            false => options.boolean("return_fixed_size_list")?,
        };
        let fixed = match (is_fixed, stop.or(size)) {
            (false, _) => None,
            (true, Some(stop)) => Some(stop.saturating_sub(start).div_ceil(step)),
            (true, None) => {
                return Err(Error::invalid_argument("lists of a fixed size need a stop").for_argument("stop"));
            }
        };
        Ok(Self { start, stop: stop.unwrap_or(usize::MAX), step, fixed })
    }
}

fn slice_type(types: &[DataType], options: &Options) -> Result<DataType> {
    let part = Part::new(options, &types[0])?;
    let item = item_field(&types[0])?.clone();
    let too_long = |_| Error::limit_exceeded("a list of a fixed size has at most 2^31 items");
    Ok(match (part.fixed, &types[0]) {
        (Some(size), _) => DataType::FixedSizeList(item, i32::try_from(size).map_err(too_long)?),
        (None, DataType::FixedSizeList(..)) => DataType::List(item),
        (None, other) => other.clone(),
    })
}

fn slice(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let part = args.state::<Part>()?;
    let values = Lists::of(&args.array(0)?)?;
    let mut rows = Vec::new();
    let mut lengths = Vec::with_capacity(values.ranges.len());
    for range in &values.ranges {
        let before = rows.len();
        let stop = range.start.saturating_add(part.stop).min(range.end);
        rows.extend((range.start + part.start..stop).step_by(part.step).map(|row| Some(row as u64)));
        if let Some(size) = part.fixed {
            rows.resize(before + size, None);
        }
        lengths.push(rows.len() - before);
    }
    let items = take_items(&values.items, rows, args.memory())?;
    let nulls = values.nulls;
    if let DataType::FixedSizeList(item, size) = output.data_type().clone() {
        let list = arrow_array::FixedSizeListArray::try_new_with_length(item, size, items, nulls, lengths.len())?;
        return output.set(std::sync::Arc::new(list));
    }
    let data_type = output.data_type().clone();
    output.set(lists(&data_type, &lengths, items, nulls)?)
}
