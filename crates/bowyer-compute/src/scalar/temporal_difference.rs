// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Distances between dates and times: how many boundaries of a unit lie between them, in local time.
//!
//! The result is negative when the end is before the start. Both sides have the same type.

use std::any::Any;
use std::sync::Arc;

use arrow_array::types::{IntervalDayTime, IntervalMonthDayNano};
use arrow_array::{IntervalDayTimeArray, IntervalMonthDayNanoArray};
use arrow_schema::{DataType, IntervalUnit};
use bowyer_core::{Error, Output, Result};

use super::divisor::Divisor;
use super::temporal_civil::{Civil, days_since_monday};
use super::temporal_local::Local;
use crate::{Args, BindContext, Example, Function, Kernel, Kind, OptionDefault, OptionKind, OptionSpec, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    between(
        "years_between",
        "Counts the boundaries of years between two times.",
        &dates(|args, output| count(args, output, |day| Civil::of(day).year)),
    )
    .examples(&[Example::new(&["date32[day] [\"2023-12-31\"]", "date32[day] [\"2024-01-01\"]"], "int64 [1]")]),
    between(
        "quarters_between",
        "Counts the boundaries of quarters between two times.",
        &dates(|args, output| count(args, output, |day| months(day).div_euclid(3))),
    )
    .examples(&[Example::new(
        &["timestamp[s] [\"2023-12-31T23:59:59\"]", "timestamp[s] [\"2024-01-01T00:00:01\"]"],
        "int64 [1]",
    )]),
    between("weeks_between", "Counts the boundaries of weeks between two times.", &dates(weeks))
        .examples(&[Example::new(
            &["timestamp[s] [\"2023-12-31T23:59:59\"]", "timestamp[s] [\"2024-01-01T00:00:01\"]"],
            "int64 [1]",
        )])
        .prepare(prepare_weeks)
        .options(&[
            OptionSpec::new(
                "count_from_zero",
                OptionKind::Boolean,
                OptionDefault::Boolean(true),
                "Accepted for pyarrow's sake: it changes nothing.",
            ),
            OptionSpec::new(
                "week_start",
                OptionKind::Integer,
                OptionDefault::Integer(1),
                "The first day of weeks: 1 is Monday, 7 Sunday.",
            ),
        ]),
    between(
        "days_between",
        "Counts the boundaries of days between two times.",
        &dates(|args, output| count(args, output, |day| day)),
    )
    .examples(&[Example::new(
        &["timestamp[s] [\"2023-12-31T23:59:59\"]", "timestamp[s] [\"2024-01-01T00:00:01\"]"],
        "int64 [1]",
    )]),
    between(
        "hours_between",
        "Counts the boundaries of hours between two times.",
        &times(|args, output| fixed(args, output, 24)),
    )
    .examples(&[Example::new(
        &["timestamp[s] [\"2023-12-31T23:59:59\"]", "timestamp[s] [\"2024-01-01T00:00:01\"]"],
        "int64 [1]",
    )]),
    between(
        "minutes_between",
        "Counts the boundaries of minutes between two times.",
        &times(|args, output| fixed(args, output, 1_440)),
    )
    .examples(&[Example::new(
        &["timestamp[s] [\"2023-12-31T23:59:59\"]", "timestamp[s] [\"2024-01-01T00:00:01\"]"],
        "int64 [1]",
    )]),
    between(
        "seconds_between",
        "Counts the boundaries of seconds between two times.",
        &times(|args, output| fixed(args, output, 86_400)),
    )
    .examples(&[Example::new(
        &["timestamp[s] [\"2023-12-31T23:59:59\"]", "timestamp[s] [\"2024-01-01T00:00:01\"]"],
        "int64 [2]",
    )]),
    between(
        "milliseconds_between",
        "Counts the boundaries of milliseconds between two times.",
        &times(|args, output| fixed(args, output, 86_400_000)),
    )
    .examples(&[Example::new(
        &["timestamp[s] [\"2023-12-31T23:59:59\"]", "timestamp[s] [\"2024-01-01T00:00:01\"]"],
        "int64 [2000]",
    )]),
    between(
        "microseconds_between",
        "Counts the boundaries of microseconds between two times; wraps.",
        &times(|args, output| fixed(args, output, 86_400_000_000)),
    )
    .examples(&[Example::new(
        &["timestamp[s] [\"2023-12-31T23:59:59\"]", "timestamp[s] [\"2024-01-01T00:00:01\"]"],
        "int64 [2000000]",
    )]),
    between(
        "nanoseconds_between",
        "Counts the nanoseconds between two times; wraps.",
        &times(|args, output| fixed(args, output, 86_400_000_000_000)),
    )
    .examples(&[Example::new(
        &["timestamp[s] [\"2023-12-31T23:59:59\"]", "timestamp[s] [\"2024-01-01T00:00:01\"]"],
        "int64 [2000000000]",
    )]),
    between(
        "month_interval_between",
        "Gives the boundaries of months between two times as an interval.",
        &[
            Overload::new(&[Kind::AnyDate, Kind::SameAs(0)], MONTHS, month_interval),
            Overload::new(&[Kind::AnyTimestamp, Kind::SameAs(0)], MONTHS, month_interval),
        ],
    )
    .examples(&[Example::new(
        &["timestamp[s] [\"1969-12-31T23:59:59\"]", "timestamp[s] [\"1970-01-01T00:00:01\"]"],
        "month_interval [1]",
    )]),
    between(
        "day_time_interval_between",
        "Gives the difference of days and that of milliseconds of the day as an interval.",
        &[
            Overload::new(&[Kind::AnyDate, Kind::SameAs(0)], DAY_TIME, day_time_interval),
            Overload::new(&[Kind::AnyTimestamp, Kind::SameAs(0)], DAY_TIME, day_time_interval),
            Overload::new(&[Kind::AnyTime, Kind::SameAs(0)], DAY_TIME, day_time_interval),
        ],
    )
    .examples(&[Example::new(
        &["timestamp[s] [\"1969-12-31T23:59:59\"]", "timestamp[s] [\"1970-01-01T00:00:01\"]"],
        "day_time_interval [[1, -86398000]]",
    )]),
    between(
        "month_day_nano_interval_between",
        "Gives the differences of months, of days of the month and of nanoseconds of the day as an interval.",
        &[
            Overload::new(&[Kind::AnyDate, Kind::SameAs(0)], MONTH_DAY_NANO, month_day_nano_interval),
            Overload::new(&[Kind::AnyTimestamp, Kind::SameAs(0)], MONTH_DAY_NANO, month_day_nano_interval),
            Overload::new(&[Kind::AnyTime, Kind::SameAs(0)], MONTH_DAY_NANO, month_day_nano_interval),
        ],
    )
    .examples(&[Example::new(
        &["timestamp[s] [\"1969-12-31T23:59:59\"]", "timestamp[s] [\"1970-01-01T00:00:01\"]"],
        "month_day_nano_interval [[1, -30, -86398000000000]]",
    )]),
];

const MONTHS: Kind = Kind::Computed(|_, _| Ok(DataType::Interval(IntervalUnit::YearMonth)));
const DAY_TIME: Kind = Kind::Computed(|_, _| Ok(DataType::Interval(IntervalUnit::DayTime)));
const MONTH_DAY_NANO: Kind = Kind::Computed(|_, _| Ok(DataType::Interval(IntervalUnit::MonthDayNano)));

const fn between(name: &'static str, summary: &'static str, overloads: &'static [Overload]) -> Function {
    Function::scalar(name).summary(summary).args(&["start", "end"]).overloads(overloads)
}

const fn dates(kernel: Kernel) -> [Overload; 2] {
    [
        Overload::new(&[Kind::AnyDate, Kind::SameAs(0)], Kind::Int64, kernel),
        Overload::new(&[Kind::AnyTimestamp, Kind::SameAs(0)], Kind::Int64, kernel),
    ]
}

const fn times(kernel: Kernel) -> [Overload; 3] {
    [
        Overload::new(&[Kind::AnyDate, Kind::SameAs(0)], Kind::Int64, kernel),
        Overload::new(&[Kind::AnyTimestamp, Kind::SameAs(0)], Kind::Int64, kernel),
        Overload::new(&[Kind::AnyTime, Kind::SameAs(0)], Kind::Int64, kernel),
    ]
}

fn months(day: i64) -> i64 {
    let Civil { year, month, .. } = Civil::of(day);
    year.wrapping_mul(12).wrapping_add(month - 1)
}

/// The difference of what `boundary` makes of the days of both sides.
fn count(args: &Args<'_>, output: &mut Output, boundary: impl Fn(i64) -> i64) -> Result<()> {
    let (start, end) = (Local::of(args.column(0))?, Local::of(args.column(1))?);
    let day = Divisor::new(start.per_day);
    let at = |tick: i64| boundary(day.floor(tick));
    start.map_both(&end, output.fixed::<i64>()?, |start, end| at(end).wrapping_sub(at(start)));
    Ok(())
}

/// The difference of both sides in whole units, of which a day has `per_day`.
fn fixed(args: &Args<'_>, output: &mut Output, per_day: i64) -> Result<()> {
    let (start, end) = (Local::of(args.column(0))?, Local::of(args.column(1))?);
    let units = Units::new(start.per_day, per_day);
    start.map_both(&end, output.fixed::<i64>()?, |start, end| units.of(end).wrapping_sub(units.of(start)));
    Ok(())
}

/// Ticks as whole units.
#[derive(Clone, Copy)]
struct Units {
    ticks: Divisor,
    factor: i64,
}

impl Units {
    fn new(ticks_per_day: i64, per_day: i64) -> Self {
        Self { ticks: Divisor::new(ticks_per_day / per_day), factor: (per_day / ticks_per_day).max(1) }
    }

    #[inline(always)]
    fn of(self, tick: i64) -> i64 {
        self.ticks.floor(tick).wrapping_mul(self.factor)
    }
}

fn prepare_weeks(context: &BindContext<'_>) -> Result<Box<dyn Any + Send + Sync>> {
    let first = context.options.integer("week_start")?;
    if !(1..=7).contains(&first) {
        return Err(Error::invalid_argument("it is not from 1 to 7").for_argument("week_start"));
    }
    Ok(Box::new(first - 1))
}

fn weeks(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let first = *args.state::<i64>()?;
    count(args, output, |day| {
        let into_week = (days_since_monday(day) - first).rem_euclid(7);
        day.wrapping_sub(into_week).div_euclid(7)
    })
}

fn month_interval(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let (start, end) = (Local::of(args.column(0))?, Local::of(args.column(1))?);
    let day = Divisor::new(start.per_day);
    let at = |tick: i64| months(day.floor(tick));
    start.map_both(&end, output.fixed::<i32>()?, |start, end| at(end).wrapping_sub(at(start)) as i32);
    Ok(())
}

fn day_time_interval(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let (start, end) = (Local::of(args.column(0))?, Local::of(args.column(1))?);
    let (day, millis) = (Divisor::new(start.per_day), Units::new(start.per_day, 86_400_000));
    let mut values = vec![IntervalDayTime::default(); output.row_count()];
    start.map_both(&end, &mut values, |start, end| {
        let days = day.floor(end).wrapping_sub(day.floor(start));
        IntervalDayTime::new(days as i32, (millis.of(day.rest(end)) - millis.of(day.rest(start))) as i32)
    });
    let validity = output.validity().cloned();
    output.set(Arc::new(IntervalDayTimeArray::new(values.into(), validity)))
}

fn month_day_nano_interval(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let (start, end) = (Local::of(args.column(0))?, Local::of(args.column(1))?);
    let (day, nanos) = (Divisor::new(start.per_day), Units::new(start.per_day, 86_400_000_000_000));
    let mut values = vec![IntervalMonthDayNano::default(); output.row_count()];
    start.map_both(&end, &mut values, |start, end| {
        let (first, last) = (day.floor(start), day.floor(end));
        IntervalMonthDayNano::new(
            months(last).wrapping_sub(months(first)) as i32,
            (Civil::of(last).day - Civil::of(first).day) as i32,
            nanos.of(day.rest(end)) - nanos.of(day.rest(start)),
        )
    });
    let validity = output.validity().cloned();
    output.set(Arc::new(IntervalMonthDayNanoArray::new(values.into(), validity)))
}
