// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Dates and timestamps made of numbers, and the numbers of ticks that they are.

use std::cell::Cell;

use arrow_schema::{DataType, TimeUnit};
use bowyer_core::arity::Lanes;
use bowyer_core::{Error, Output, Result};

use super::divisor::Divisor;
use super::temporal_civil::{Civil, days_of_month};
use super::temporal_local::{Local, ticks_per_day};
use crate::{Args, Coercion, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Options, Overload};

const UNIT: OptionSpec = OptionSpec::new(
    "unit",
    OptionKind::Choice(&["s", "ms", "us", "ns"]),
    OptionDefault::Utf8("s"),
    "The unit of time.",
);

const MICROSECONDS: OptionSpec =
    OptionSpec::new("unit", OptionKind::Choice(&["s", "ms", "us", "ns"]), OptionDefault::Utf8("us"), "Of the result.");

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("make_date")
        .summary("Makes dates of years, months and days.")
        .notes("Fails for a day that the calendar does not have.")
        .args(&["year", "month", "day"])
        .examples(&[Example::new(
            &["int64 [2024, null]", "int64 [2, 1]", "int64 [29, 1]"],
            "date32[day] [\"2024-02-29\", null]",
        )])
        .fallible()
        .coercion(Coercion::Custom(integers))
        .overloads(&[Overload::new(&[Kind::Int64; 3], Kind::Date32, make_date)]),
    Function::scalar("make_timestamp")
        .summary("Makes timestamps without a zone of years, months, days, hours, minutes and seconds.")
        .notes("Fails for a day that the calendar does not have, for a time that is none of a day, and past the type's ends.")
        .args(&["year", "month", "day", "hour", "minute", "second"])
        .options(&[MICROSECONDS])
        .examples(&[Example::new(
            &["int64 [2024]", "int64 [2]", "int64 [29]", "int64 [13]", "int64 [5]", "int64 [59]"],
            "timestamp[us] [\"2024-02-29T13:05:59\"]",
        )])
        .fallible()
        .coercion(Coercion::Custom(integers))
        .overloads(&[Overload::new(&[Kind::Int64; 6], Kind::Computed(timestamp_type), make_timestamp)]),
    Function::scalar("epoch")
        .summary("Counts the whole units of time since 1970-01-01 in UTC, or in a duration.")
        .notes("Parts of a unit count downwards. Fails where a finer unit does not fit 64 bits.")
        .args(&["values"])
        .options(&[UNIT])
        .examples(&[Example::new(&["timestamp[ms] [\"1970-01-01T00:00:01.5\", null]"], "int64 [1, null]")])
        .fallible()
        .overloads(&[
            Overload::new(&[Kind::AnyTimestamp], Kind::Int64, epoch),
            Overload::new(&[Kind::AnyDate], Kind::Int64, epoch),
            Overload::new(&[Kind::AnyDuration], Kind::Int64, epoch),
        ]),
    Function::scalar("from_epoch")
        .summary("Reads numbers as units of time since 1970-01-01: timestamps without a zone.")
        .args(&["values"])
        .options(&[UNIT])
        .examples(&[Example::new(&["int64 [1, null]"], "timestamp[s] [\"1970-01-01T00:00:01\", null]")])
        .coercion(Coercion::Custom(integers))
        .overloads(&[Overload::new(&[Kind::Int64], Kind::Computed(timestamp_type), from_epoch)]),
    Function::scalar("last_day")
        .aliases(&["month_end"])
        .summary("Gives the last day of the month of each moment.")
        .notes("Local time counts where there is a zone.")
        .args(&["values"])
        .examples(&[Example::new(&["date32[day] [\"2024-02-05\", null]"], "date32[day] [\"2024-02-29\", null]")])
        .overloads(&[
            Overload::new(&[Kind::AnyDate], Kind::Date32, last_day),
            Overload::new(&[Kind::AnyTimestamp], Kind::Date32, last_day),
        ]),
];

/// Integers are taken with 64 bits.
fn integers(types: &[DataType]) -> Option<Vec<DataType>> {
    let whole = |data_type: &DataType| data_type.is_integer() || data_type.is_null();
    types.iter().all(whole).then(|| vec![DataType::Int64; types.len()])
}

fn unit_of(options: &Options) -> Result<TimeUnit> {
    Ok(match options.utf8("unit")? {
        "s" => TimeUnit::Second,
        "ms" => TimeUnit::Millisecond,
        "us" => TimeUnit::Microsecond,
        _ => TimeUnit::Nanosecond,
    })
}

fn timestamp_type(_: &[DataType], options: &Options) -> Result<DataType> {
    Ok(DataType::Timestamp(unit_of(options)?, None))
}

#[cold]
fn no_day(year: i64, month: i64, day: i64) -> Error {
    Error::invalid_data(format!("there is no day {year}-{month}-{day}"))
}

fn days(year: i64, month: i64, day: i64) -> Result<i64> {
    // Years whose days fit 32 bits, with room to spare: the arithmetic on days does not overflow.
    let year_fits = year.unsigned_abs() < 10_000_000;
    let civil = if year_fits { Civil::checked(year, month, day) } else { None };
    civil.map(Civil::days).ok_or_else(|| no_day(year, month, day))
}

fn lanes<const COUNT: usize>(args: &Args<'_>) -> Result<[Lanes<i64>; COUNT]> {
    let lanes = (0..COUNT).map(|index| Lanes::of(args.column(index))).collect::<Result<Vec<_>>>()?;
    lanes.try_into().map_err(|_| Error::internal("an argument is missing"))
}

fn make_date(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let [year, month, day] = lanes(args)?;
    let (out, validity) = output.fixed_and_validity::<i32>()?;
    for (row, out) in out.iter_mut().enumerate() {
        *out = 0;
        if validity.is_none_or(|validity| validity.is_valid(row)) {
            let (year, month, day) = (year.value(row), month.value(row), day.value(row));
            let days = days(year, month, day).map_err(|error| error.at_row(row))?;
            *out = i32::try_from(days).map_err(|_| no_day(year, month, day).at_row(row))?;
        }
    }
    Ok(())
}

fn make_timestamp(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let [year, month, day, hour, minute, second] = lanes(args)?;
    let per_second = ticks_per_day(output.data_type())? / 86_400;
    let (out, validity) = output.fixed_and_validity::<i64>()?;
    for (row, out) in out.iter_mut().enumerate() {
        *out = 0;
        if validity.is_some_and(|validity| validity.is_null(row)) {
            continue;
        }
        let (hour, minute, second) = (hour.value(row), minute.value(row), second.value(row));
        if !((0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second)) {
            return Err(Error::invalid_data(format!("there is no time {hour}:{minute}:{second}")).at_row(row));
        }
        let days = days(year.value(row), month.value(row), day.value(row)).map_err(|error| error.at_row(row))?;
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
        let ticks = seconds.checked_mul(per_second);
        *out = ticks.ok_or_else(|| Error::overflow("the moment does not fit the unit").at_row(row))?;
    }
    Ok(())
}

fn epoch(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let local = Local::without_zone(args.column(0))?;
    let per_day = ticks_per_day(&DataType::Duration(unit_of(args.options())?))?;
    if local.per_day >= per_day {
        let unit = Divisor::new(local.per_day / per_day);
        local.map(output.fixed::<i64>()?, |tick| unit.floor(tick));
        return Ok(());
    }
    let factor = per_day / local.per_day;
    let lost = Cell::new(false);
    let (out, validity) = output.fixed_and_validity::<i64>()?;
    local.map(out, |tick| {
        let (ticks, overflows) = tick.overflowing_mul(factor);
        lost.set(lost.get() | overflows);
        ticks
    });
    if lost.get() {
        // What overflowed may stand under a null.
        let mut ticks = vec![0; out.len()];
        local.map(&mut ticks, |tick| tick);
        let overflows = |&row: &usize| {
            validity.is_none_or(|validity| validity.is_valid(row)) && ticks[row].checked_mul(factor).is_none()
        };
        if let Some(row) = (0..ticks.len()).find(overflows) {
            return Err(Error::overflow("the time does not fit the unit").at_row(row));
        }
    }
    Ok(())
}

fn from_epoch(args: &Args<'_>, output: &mut Output) -> Result<()> {
    bowyer_core::arity::unary(&Lanes::<i64>::of(args.column(0))?, output, |ticks: i64| ticks)
}

fn last_day(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let local = Local::of(args.column(0))?;
    let day = Divisor::new(local.per_day);
    local.map(output.fixed::<i32>()?, |tick| {
        let Civil { year, month, .. } = Civil::of(day.floor(tick));
        Civil { year, month, day: days_of_month(year, month) }.days() as i32
    });
    Ok(())
}
