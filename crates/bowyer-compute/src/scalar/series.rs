// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Numbers and days at even distances, a list for each row.
//!
//! How many there are is known before any is made: memory is asked for first.

use std::sync::Arc;

use arrow_array::{ArrayRef, PrimitiveArray, make_array, types::Int64Type};
use arrow_buffer::ScalarBuffer;
use arrow_schema::DataType;
use bowyer_core::arity::Lanes;
use bowyer_core::{Error, Output, Result};

use super::list_sets::set_lists;
use super::temporal_bucket::on_calendar;
use super::temporal_local::ticks_per_day;
use super::temporal_span::Span;
use crate::{Args, Coercion, Example, Function, Kernel, Kind, OptionDefault, OptionKind, OptionSpec, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    series("generate_series")
        .summary("Gives the integers from a start up to a stop, which is one of them, at a distance.")
        .examples(&[Example::new(
            &["int64 [1, 5, 3, null]", "int64 [5, 1, 2, 1]", "int64 [2, -2, 1, 1]"],
            "list<item: int64> [[1, 3, 5], [5, 3, 1], [], null]",
        )])
        .overloads(&const { integers(|args, output| numbers(args, output, true)) }),
    series("range")
        .summary("Gives the integers from a start up to a stop, which is left out, at a distance.")
        .examples(&[Example::new(
            &["int64 [1, 5, 3, null]", "int64 [5, 1, 3, 1]", "int64 [2, -2, 1, 1]"],
            "list<item: int64> [[1, 3], [5, 3], [], null]",
        )])
        .overloads(&const { integers(|args, output| numbers(args, output, false)) }),
    Function::scalar("date_range")
        .summary("Gives the days or moments from a start up to a stop, which may be one of them, at a distance.")
        .notes("Each is reckoned from the start, and a day that a month does not have is its last one. Timestamps have no zone.")
        .args(&["start", "stop"])
        .options(&[
            OptionSpec::new(
                "every",
                OptionKind::Utf8,
                OptionDefault::Utf8("1d"),
                "The distance, as `1d`, `2w`, `1mo` or `90m`; negative ones go back.",
            ),
            OptionSpec::new(
                "include_stop",
                OptionKind::Boolean,
                OptionDefault::Boolean(true),
                "Whether the stop may be the last.",
            ),
        ])
        .examples(&[Example::new(
            &["date32[day] [\"2024-01-31\", null]", "date32[day] [\"2024-03-31\", \"2024-01-01\"]"],
            "list<item: date32[day]> [[\"2024-01-31\", \"2024-02-29\", \"2024-03-31\"], null]",
        )
        .with(&[("every", "\"1mo\"")])])
        .fallible()
        .coercion(Coercion::Common(0))
        .overloads(&const { [moment(Kind::AnyDate), moment(Kind::AnyTimestamp)] }),
];

const fn series(name: &'static str) -> Function {
    Function::scalar(name)
        .args(&["start", "stop", "step"])
        .notes("Fails where the distance is zero. A start beyond the stop gives an empty list.")
        .fallible()
        .coercion(Coercion::Custom(whole))
}

const fn integers(kernel: Kernel) -> [Overload; 1] {
    [Overload::new(&[Kind::Int64; 3], Kind::ListOf(0), kernel)]
}

const fn moment(kind: Kind) -> Overload {
    let args: &'static [Kind] = match kind {
        Kind::AnyDate => &[Kind::AnyDate, Kind::SameAs(0)],
        _ => &[Kind::AnyTimestamp, Kind::SameAs(0)],
    };
    Overload::new(args, Kind::ListOf(0), moments)
}

/// Integers are taken with 64 bits.
fn whole(types: &[DataType]) -> Option<Vec<DataType>> {
    let whole = |data_type: &DataType| data_type.is_integer() || data_type.is_null();
    types.iter().all(whole).then(|| vec![DataType::Int64; types.len()])
}

fn too_many() -> Error {
    Error::limit_exceeded("a list of more items than 32-bit offsets reach")
}

/// How many steps from `start` stay on this side of `stop`, `start` counted.
fn count(start: i64, stop: i64, step: i64, inclusive: bool) -> Result<usize> {
    let way = (i128::from(stop) - i128::from(start)) * i128::from(step.signum());
    let way = if inclusive { way } else { way - 1 };
    let count = if way < 0 { 0 } else { way / i128::from(step.unsigned_abs()) + 1 };
    i32::try_from(count).map(|count| count as usize).map_err(|_| too_many())
}

/// How many items each row has, and memory for all of them.
fn lengths(output: &Output, length: impl Fn(usize) -> Result<usize>) -> Result<(Vec<usize>, usize)> {
    let validity = output.validity();
    let mut lengths = Vec::with_capacity(output.row_count());
    let mut total = 0_usize;
    for row in 0..output.row_count() {
        let is_there = validity.is_none_or(|validity| validity.is_valid(row));
        let length = if is_there { length(row).map_err(|error| error.at_row(row))? } else { 0 };
        total += length;
        if i32::try_from(total).is_err() {
            return Err(too_many().at_row(row));
        }
        lengths.push(length);
    }
    Ok((lengths, total))
}

fn numbers(args: &Args<'_>, output: &mut Output, inclusive: bool) -> Result<()> {
    let [start, stop, step] = [0, 1, 2].map(|index| Lanes::<i64>::of(args.column(index)));
    let (start, stop, step) = (start?, stop?, step?);
    let (mut lengths, total) = lengths(output, |row| match step.value(row) {
        0 => Err(Error::invalid_argument("the distance is zero").for_argument("step")),
        step => count(start.value(row), stop.value(row), step, inclusive),
    })?;
    let mut items = args.memory().allocate(total * size_of::<i64>())?;
    let mut rest = items.as_mut_slice_of::<i64>();
    for (row, &length) in lengths.iter().enumerate() {
        let (own, after) = std::mem::take(&mut rest).split_at_mut(length);
        let (mut next, step) = (start.value(row), step.value(row));
        for out in own {
            *out = next;
            next = next.wrapping_add(step);
        }
        rest = after;
    }
    let items = PrimitiveArray::<Int64Type>::new(ScalarBuffer::new(items.into_buffer(), 0, total), None);
    set_lists(output, &mut lengths, Arc::new(items))
}

fn moments(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let data_type = args.column(0).data_type().clone();
    if matches!(&data_type, DataType::Timestamp(_, Some(_))) {
        return Err(Error::not_implemented("timestamps have no zone here").for_argument("start"));
    }
    let per_day = ticks_per_day(&data_type)?;
    let refused = |why: &'static str| Error::invalid_argument(why).for_argument("every");
    let span = Span::parse(args.options().utf8("every")?).map_err(|error| error.for_argument("every"))?;
    let ticks =
        span.fixed_ticks(per_day).ok_or_else(|| refused("it is finer than the type, or does not fit 64 bits"))?;
    if (span.months == 0 && ticks == 0) || (span.months != 0 && ticks != 0) {
        return Err(refused("it is zero, or months together with days or less"));
    }
    let inclusive = args.options().boolean("include_stop")?;
    let [start, stop] = [0, 1].map(|index| wide(args, index));
    let (start, stop) = (start?, stop?);
    let after = |start: i64, count: usize| -> Option<i64> {
        let count = i64::try_from(count).ok()?;
        if span.months == 0 {
            return start.checked_add(ticks.checked_mul(count)?);
        }
        on_calendar(start, Span { months: span.months.checked_mul(count)?, ..Span::default() }, per_day)
    };
    let (mut lengths, total) = lengths(output, |row| {
        let (start, stop) = (start[row], stop[row]);
        if span.months == 0 {
            return count(start, stop, ticks, inclusive);
        }
        // Months have 28 days or more: at most so many steps, of which the last may be one too many.
        let shortest = span.months.saturating_mul(28).saturating_mul(per_day);
        let most = count(start, stop, shortest, true)?;
        let within = |count: &usize| {
            after(start, *count).is_some_and(|tick| {
                let way = if span.months > 0 { stop.cmp(&tick) } else { tick.cmp(&stop) };
                way.is_gt() || (inclusive && way.is_eq())
            })
        };
        Ok(partition(most + 1, within))
    })?;
    let mut items = args.memory().allocate(total * size_of::<i64>())?;
    let mut out = items.as_mut_slice_of::<i64>().iter_mut();
    for (row, &length) in lengths.iter().enumerate() {
        for step in 0..length {
            let tick =
                after(start[row], step).ok_or_else(|| Error::overflow("a moment does not fit the type").at_row(row))?;
            if let Some(out) = out.next() {
                *out = tick;
            }
        }
    }
    let items = PrimitiveArray::<Int64Type>::new(ScalarBuffer::new(items.into_buffer(), 0, total), None);
    set_lists(output, &mut lengths, of_type(items, &data_type)?)
}

/// How many of the first numbers fulfil a condition that none does after the first that does not.
fn partition(most: usize, holds: impl Fn(&usize) -> bool) -> usize {
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(&middle) { low = middle + 1 } else { high = middle }
    }
    low
}

fn wide(args: &Args<'_>, index: usize) -> Result<Vec<i64>> {
    let column = args.column(index);
    let row_count = args.row_count();
    if column.data_type() == &DataType::Date32 {
        let lanes = Lanes::<i32>::of(column)?;
        return Ok((0..row_count).map(|row| i64::from(lanes.value(row))).collect());
    }
    let lanes = Lanes::<i64>::of(column)?;
    Ok((0..row_count).map(|row| lanes.value(row)).collect())
}

/// The ticks as values of a type.
fn of_type(ticks: PrimitiveArray<Int64Type>, data_type: &DataType) -> Result<ArrayRef> {
    if data_type == &DataType::Date32 {
        // Between two days that fit 32 bits, all do.
        let days: PrimitiveArray<arrow_array::types::Date32Type> =
            ticks.values().iter().map(|&tick| Some(tick as i32)).collect();
        return Ok(Arc::new(days));
    }
    let data = arrow_array::Array::to_data(&ticks).into_builder().data_type(data_type.clone());
    Ok(make_array(data.build()?))
}
