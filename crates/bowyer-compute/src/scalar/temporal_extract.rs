// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Parts of dates and times, in local time where there is a zone.
//!
//! All are 64 bits wide. A millisecond is counted within its second, a microsecond within its millisecond, a
//! nanosecond within its microsecond.

use std::any::Any;
use std::sync::Arc;

use arrow_array::{ArrayRef, StructArray};
use arrow_schema::{DataType, Field, Fields};
use bowyer_core::{Error, Output, Result};

use super::divisor::Divisor;
use super::temporal_civil::{Civil, days_since_monday, is_leap_year, week_of, year_start};
use super::temporal_local::{Local, STRIP, zone_of};
use crate::{Args, BindContext, Example, Function, Kernel, Kind, OptionDefault, OptionKind, OptionSpec, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    date("year", "Gives the year.", &dates(|args, output| days(args, output, |day| Civil::of(day).year)))
        .examples(&[Example::new(&["date32[day] [\"2024-02-29\"]"], "int64 [2024]")]),
    date(
        "quarter",
        "Gives the quarter of the year, from 1.",
        &dates(|args, output| days(args, output, |day| (Civil::of(day).month + 2) / 3)),
    )
        .examples(&[Example::new(&["date32[day] [\"2024-12-30\"]"], "int64 [4]")]),
    date("month", "Gives the month, from 1.", &dates(|args, output| days(args, output, |day| Civil::of(day).month)))
        .examples(&[Example::new(&["date32[day] [\"2024-12-30\"]"], "int64 [12]")]),
    date(
        "day",
        "Gives the day of the month, from 1.",
        &dates(|args, output| days(args, output, |day| Civil::of(day).day)),
    )
        .examples(&[Example::new(&["date32[day] [\"2024-12-30\"]"], "int64 [30]")]),
    date(
        "day_of_year",
        "Gives the day of the year, from 1.",
        &dates(|args, output| days(args, output, |day| day - year_start(Civil::of(day).year) + 1)),
    )
        .examples(&[Example::new(&["date32[day] [\"2024-12-30\"]"], "int64 [365]")]),
    date(
        "iso_year",
        "Gives the year of the ISO 8601 week.",
        &dates(|args, output| days(args, output, |day| week_of(day, 0).0)),
    )
        .examples(&[Example::new(&["date32[day] [\"2024-12-30\"]"], "int64 [2025]")]),
    date(
        "iso_week",
        "Gives the ISO 8601 week, from 1.",
        &dates(|args, output| days(args, output, |day| week_of(day, 0).1)),
    )
        .examples(&[Example::new(&["date32[day] [\"2024-12-30\"]"], "int64 [1]")]),
    date(
        "us_year",
        "Gives the year of the week that begins on Sunday.",
        &dates(|args, output| days(args, output, |day| week_of(day, SUNDAY).0)),
    )
        .examples(&[Example::new(&["date32[day] [\"2024-12-30\"]"], "int64 [2025]")]),
    date(
        "us_week",
        "Gives the week, from 1, of weeks that begin on Sunday; the first has four days in January.",
        &dates(|args, output| days(args, output, |day| week_of(day, SUNDAY).1)),
    )
        .examples(&[Example::new(&["date32[day] [\"2024-12-30\"]"], "int64 [1]")]),
    date("day_of_week", "Gives the day of the week.", &dates(day_of_week))
        .examples(&[Example::new(&["date32[day] [\"2024-12-30\"]"], "int64 [0]")])
        .options(&[
            flag("count_from_zero", true, "Whether the first day is 0 and not 1."),
            OptionSpec::new(
                "week_start",
                OptionKind::Integer,
                OptionDefault::Integer(1),
                "The first day: 1 is Monday, 7 Sunday.",
            ),
        ])
        .prepare(prepare_day_of_week),
    date("week", "Gives the week of the year.", &dates(week))
        .examples(&[Example::new(&["date32[day] [\"2024-12-30\"]"], "int64 [1]")]).options(&[
        flag("week_starts_monday", true, "Whether weeks begin on Monday and not on Sunday."),
        flag(
            "count_from_zero",
            false,
            "Whether days before the first week are in week 0, and not in the last week of the year before.",
        ),
        flag("first_week_is_fully_in_year", false, "Whether the first week must lie in the year as a whole."),
    ]),
    Function::scalar("is_leap_year")
        .examples(&[Example::new(&["date32[day] [\"2024-12-30\"]"], "bool [true]")]).summary("Whether the year has a 29 February.").args(&["values"]).overloads(&[
        Overload::new(&[Kind::AnyDate], Kind::Boolean, leap_year),
        Overload::new(&[Kind::AnyTimestamp], Kind::Boolean, leap_year),
    ]),
    date(
        "year_month_day",
        "Gives year, month and day as a struct.",
        &[
            Overload::new(&[Kind::AnyDate], Kind::Computed(|_, _| parts(YMD)), year_month_day),
            Overload::new(&[Kind::AnyTimestamp], Kind::Computed(|_, _| parts(YMD)), year_month_day),
        ],
    )
        .examples(&[Example::new(&["date32[day] [\"2024-12-30\"]"], "struct<year: int64, month: int64, day: int64> [{year: 2024, month: 12, day: 30}]")]),
    date(
        "iso_calendar",
        "Gives ISO 8601 year, week and day of the week, Monday being 1, as a struct.",
        &[
            Overload::new(&[Kind::AnyDate], Kind::Computed(|_, _| parts(ISO)), iso_calendar),
            Overload::new(&[Kind::AnyTimestamp], Kind::Computed(|_, _| parts(ISO)), iso_calendar),
        ],
    )
        .examples(&[Example::new(&["date32[day] [\"2024-12-30\"]"], "struct<iso_year: int64, iso_week: int64, iso_day_of_week: int64> [{iso_year: 2025, iso_week: 1, iso_day_of_week: 1}]")]),
    date("hour", "Gives the hour, from 0.", &times(|args, output| of_day(args, output, 24, 24)))
        .examples(&[Example::new(&["timestamp[s] [\"2024-01-01T13:00:00\"]"], "int64 [13]")]),
    date("minute", "Gives the minute of the hour, from 0.", &times(|args, output| of_day(args, output, 1_440, 60)))
        .examples(&[Example::new(&["timestamp[ns] [\"2024-01-01T13:14:15.123456789\"]"], "int64 [14]")]),
    date("second", "Gives the second of the minute, from 0.", &times(|args, output| of_day(args, output, 86_400, 60)))
        .examples(&[Example::new(&["timestamp[ns] [\"2024-01-01T13:14:15.123456789\"]"], "int64 [15]")]),
    date(
        "millisecond",
        "Gives the millisecond of the second.",
        &times(|args, output| of_day(args, output, 86_400_000, 1_000)),
    )
        .examples(&[Example::new(&["timestamp[ns] [\"2024-01-01T13:14:15.123456789\"]"], "int64 [123]")]),
    date(
        "microsecond",
        "Gives the microsecond of the millisecond.",
        &times(|args, output| of_day(args, output, 86_400_000_000, 1_000)),
    )
        .examples(&[Example::new(&["timestamp[ns] [\"2024-01-01T13:14:15.123456789\"]"], "int64 [456]")]),
    date(
        "nanosecond",
        "Gives the nanosecond of the microsecond.",
        &times(|args, output| of_day(args, output, 86_400_000_000_000, 1_000)),
    )
        .examples(&[Example::new(&["timestamp[ns] [\"2024-01-01T13:14:15.123456789\"]"], "int64 [789]")]),
    date(
        "subsecond",
        "Gives the fraction of the second.",
        &[
            Overload::new(&[Kind::AnyTimestamp], Kind::Float64, subsecond),
            Overload::new(&[Kind::AnyTime], Kind::Float64, subsecond),
        ],
    )
        .examples(&[Example::new(&["timestamp[ms] [\"2024-01-01T13:14:15.5\"]"], "double [0.5]")]),
    date(
        "is_dst",
        "Whether daylight saving time is in force; a zone is needed.",
        &[Overload::new(&[Kind::AnyTimestamp], Kind::Boolean, is_dst)],
    )
        .examples(&[Example::new(&["timestamp[s, tz=America/New_York] [\"2024-07-01T00:00:00\"]"], "bool [true]")])
    .prepare(prepare_is_dst),
];

const SUNDAY: i64 = 6;
const YMD: [&str; 3] = ["year", "month", "day"];
const ISO: [&str; 3] = ["iso_year", "iso_week", "iso_day_of_week"];

const fn date(name: &'static str, summary: &'static str, overloads: &'static [Overload]) -> Function {
    Function::scalar(name).summary(summary).args(&["values"]).overloads(overloads)
}

const fn dates(kernel: Kernel) -> [Overload; 2] {
    [Overload::new(&[Kind::AnyDate], Kind::Int64, kernel), Overload::new(&[Kind::AnyTimestamp], Kind::Int64, kernel)]
}

const fn times(kernel: Kernel) -> [Overload; 2] {
    [Overload::new(&[Kind::AnyTimestamp], Kind::Int64, kernel), Overload::new(&[Kind::AnyTime], Kind::Int64, kernel)]
}

const fn flag(name: &'static str, default: bool, summary: &'static str) -> OptionSpec {
    OptionSpec::new(name, OptionKind::Boolean, OptionDefault::Boolean(default), summary)
}

fn days(args: &Args<'_>, output: &mut Output, part: impl Fn(i64) -> i64) -> Result<()> {
    let local = Local::of(args.column(0))?;
    let day = Divisor::new(local.per_day);
    local.map(output.fixed::<i64>()?, |tick| part(day.floor(tick)));
    Ok(())
}

/// Units of the day, of which it has `per_day`, counted anew every `every` of them.
fn of_day(args: &Args<'_>, output: &mut Output, per_day: i64, every: i64) -> Result<()> {
    // Offsets from UTC are whole seconds.
    let finer = per_day > 86_400;
    let local = if finer { Local::without_zone(args.column(0))? } else { Local::of(args.column(0))? };
    let lanes = output.fixed::<i64>()?;
    if per_day > local.per_day {
        // Ticks are whole multiples of `every` units.
        lanes.fill(0);
        return Ok(());
    }
    let (unit, every) = (Divisor::new(local.per_day / per_day), Divisor::new(every));
    local.map(lanes, |tick| every.rest(unit.floor(tick)));
    Ok(())
}

fn prepare_day_of_week(context: &BindContext<'_>) -> Result<Box<dyn Any + Send + Sync>> {
    let first = context.options.integer("week_start")?;
    if !(1..=7).contains(&first) {
        return Err(Error::invalid_argument("it is not from 1 to 7").for_argument("week_start"));
    }
    let offset = i64::from(!context.options.boolean("count_from_zero")?);
    Ok(Box::new((first - 1, offset)))
}

fn day_of_week(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let (first, offset) = *args.state::<(i64, i64)>()?;
    days(args, output, |day| (days_since_monday(day) - first).rem_euclid(7) + offset)
}

fn week(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let options = args.options();
    let first_weekday = if options.boolean("week_starts_monday")? { 0 } else { SUNDAY };
    let from_zero = options.boolean("count_from_zero")?;
    let whole = options.boolean("first_week_is_fully_in_year")?;
    let start = |year: i64| {
        let new_year = year_start(year);
        // The first week holds 7 January when it must be whole, 4 January otherwise.
        let inside = new_year + if whole { 6 } else { 3 };
        inside - (days_since_monday(inside) - first_weekday).rem_euclid(7)
    };
    days(args, output, |day| {
        let mut year = Civil::of(day).year;
        if !from_zero {
            year += i64::from(day >= start(year + 1)) - i64::from(day < start(year));
        }
        (day - start(year)).div_euclid(7) + 1
    })
}

fn bits(args: &Args<'_>, output: &mut Output, test: impl Fn(i64) -> bool) -> Result<()> {
    let local = Local::of(args.column(0))?;
    let day = Divisor::new(local.per_day);
    let row_count = output.row_count();
    let (mut reader, mut strip) = (local.reader(), [0; STRIP]);
    for (at, words) in output.bits()?.chunks_mut(STRIP / 64).enumerate() {
        let ticks = &mut strip[..STRIP.min(row_count - at * STRIP)];
        reader.read(ticks);
        for (word, ticks) in words.iter_mut().zip(ticks.chunks(64)) {
            let bit = |(bit, &tick): (usize, &i64)| u64::from(test(day.floor(tick))) << bit;
            *word = ticks.iter().enumerate().map(bit).fold(0, |bits, bit| bits | bit);
        }
    }
    Ok(())
}

fn leap_year(args: &Args<'_>, output: &mut Output) -> Result<()> {
    bits(args, output, |day| is_leap_year(Civil::of(day).year))
}

fn fields(names: [&str; 3]) -> Fields {
    names.iter().map(|name| Field::new(*name, DataType::Int64, true)).collect()
}

fn parts(names: [&str; 3]) -> Result<DataType> {
    Ok(DataType::Struct(fields(names)))
}

fn struct_of(args: &Args<'_>, output: &mut Output, names: [&str; 3], parts: impl Fn(i64) -> [i64; 3]) -> Result<()> {
    let local = Local::of(args.column(0))?;
    let day = Divisor::new(local.per_day);
    let (row_count, validity) = (output.row_count(), output.validity().cloned());
    let column = |part: usize| -> Result<ArrayRef> {
        let mut column = Output::new(DataType::Int64, row_count, validity.clone(), args.memory());
        local.map(column.fixed::<i64>()?, |tick| parts(day.floor(tick))[part]);
        column.finish()
    };
    let columns = vec![column(0)?, column(1)?, column(2)?];
    output.set(Arc::new(StructArray::try_new(fields(names), columns, validity.clone())?))
}

fn year_month_day(args: &Args<'_>, output: &mut Output) -> Result<()> {
    struct_of(args, output, YMD, |day| {
        let Civil { year, month, day } = Civil::of(day);
        [year, month, day]
    })
}

fn iso_calendar(args: &Args<'_>, output: &mut Output) -> Result<()> {
    struct_of(args, output, ISO, |day| {
        let (year, week) = week_of(day, 0);
        [year, week, days_since_monday(day) + 1]
    })
}

fn subsecond(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let local = Local::without_zone(args.column(0))?;
    let second = Divisor::new(local.per_day / 86_400);
    let per_second = second.value() as f64;
    local.map(output.fixed::<f64>()?, |tick| second.rest(tick) as f64 / per_second);
    Ok(())
}

fn prepare_is_dst(context: &BindContext<'_>) -> Result<Box<dyn Any + Send + Sync>> {
    match &context.types[0] {
        DataType::Timestamp(_, None) => {
            Err(Error::type_mismatch("timestamps without a zone know no daylight saving time"))
        }
        other => Ok(Box::new(zone_of(other)?)),
    }
}

fn is_dst(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let zone = zone_of(args.column(0).data_type())?;
    let per_second = super::temporal_local::ticks_per_day(args.column(0).data_type())? / 86_400;
    let ticks = bowyer_core::arity::Lanes::<i64>::of(args.column(0))?;
    let row_count = output.row_count();
    let mut clock = zone.clock();
    for (word, out) in output.bits()?.iter_mut().enumerate() {
        let rows = word * 64..row_count.min(word * 64 + 64);
        *out = rows
            .enumerate()
            .fold(0, |bits, (bit, row)| bits | u64::from(clock.is_dst(ticks.value(row).div_euclid(per_second))) << bit);
    }
    Ok(())
}
