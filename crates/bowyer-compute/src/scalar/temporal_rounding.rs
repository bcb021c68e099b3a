// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Rounding times to multiples of calendar units, in local time where there is a zone.
//!
//! Multiples are counted from 1970-01-01, weeks from the Monday or Sunday before; with a calendar-based origin from
//! the start of the next larger unit. A local time that happens twice or never is an error that names the row.

use std::any::Any;

use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use bowyer_core::{Error, Output, Result};

use super::divisor::Divisor;
use super::temporal_civil::Civil;
use super::temporal_local::{Local, STRIP, ticks_per_day, zone_of};
use super::temporal_zone::{Clock, Instant, Zone};
use crate::{Args, BindContext, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    function(
        "floor_temporal",
        "Rounds each time down to a multiple of a unit.",
        &[Overload::new(&[Kind::Temporal], Kind::SameAs(0), |args, output| round(args, output, |_, floor, _| floor))],
    )
    .examples(&[Example::new(
        &["timestamp[s] [\"2024-05-17T13:47:31\"]"],
        "timestamp[s] [\"2024-05-17T13:45:00\"]",
    )
    .with(&[("multiple", "15"), ("unit", "\"minute\"")])]),
    function(
        "ceil_temporal",
        "Rounds each time up to a multiple of a unit.",
        &[Overload::new(&[Kind::Temporal], Kind::SameAs(0), |args, output| round(args, output, |_, _, ceil| ceil))],
    )
    .examples(&[Example::new(&["timestamp[s] [\"2024-05-17T13:47:31\"]"], "timestamp[s] [\"2024-05-18T00:00:00\"]")]),
    function(
        "round_temporal",
        "Rounds each time to the nearest multiple of a unit; in the middle, up.",
        &[Overload::new(&[Kind::Temporal], Kind::SameAs(0), |args, output| {
            round(args, output, |tick, floor, ceil| if tick - floor >= ceil - tick { ceil } else { floor })
        })],
    )
    .examples(&[Example::new(&["timestamp[s] [\"2024-05-17T13:47:31\"]"], "timestamp[s] [\"2024-05-18T00:00:00\"]")]),
];

const fn function(name: &'static str, summary: &'static str, overloads: &'static [Overload]) -> Function {
    Function::scalar(name)
        .summary(summary)
        .args(&["timestamps"])
        .options(OPTIONS)
        .prepare(prepare)
        .fallible()
        .overloads(overloads)
}

const UNITS: &[&str] = &[
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "hour",
    "minute",
    "second",
    "millisecond",
    "microsecond",
    "nanosecond",
];

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("multiple", OptionKind::Integer, OptionDefault::Integer(1), "How many units to round to."),
    OptionSpec::new("unit", OptionKind::Choice(UNITS), OptionDefault::Utf8("day"), "The unit."),
    OptionSpec::new(
        "week_starts_monday",
        OptionKind::Boolean,
        OptionDefault::Boolean(true),
        "Whether weeks begin on Monday and not on Sunday.",
    ),
    OptionSpec::new(
        "ceil_is_strictly_greater",
        OptionKind::Boolean,
        OptionDefault::Boolean(false),
        "Whether rounding up moves a time that is a multiple already.",
    ),
    OptionSpec::new(
        "calendar_based_origin",
        OptionKind::Boolean,
        OptionDefault::Boolean(false),
        "Whether multiples are counted from the start of the next larger unit.",
    ),
];

/// What to round to.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Months, counted from a year; within the year when the flag is set.
    Months { count: i64, in_year: bool, epoch: i64 },
    /// Days from an origin.
    Days { count: i64, origin: i64 },
    /// Days within the month.
    DaysOfMonth(i64),
    /// Units of which a day has `per_day`, counted from the epoch or within each `within` of them.
    Units { count: i64, per_day: i64, within: Option<i64> },
}

fn prepare(context: &BindContext<'_>) -> Result<Box<dyn Any + Send + Sync>> {
    let options = context.options;
    let count = options.integer("multiple")?;
    if count <= 0 || count > i64::from(i32::MAX) {
        return Err(Error::invalid_argument("it is not positive, or too large").for_argument("multiple"));
    }
    let calendar = options.boolean("calendar_based_origin")?;
    let units = |per_day: i64, within: i64| Step::Units { count, per_day, within: calendar.then_some(within) };
    let unit = options.utf8("unit")?;
    let step = match unit {
        "year" => Step::Months { count: count * 12, in_year: false, epoch: 0 },
        "quarter" => Step::Months { count: count * 3, in_year: calendar, epoch: 1970 },
        "month" => Step::Months { count, in_year: calendar, epoch: 1970 },
        "week" if calendar => {
            return Err(Error::not_implemented("weeks are not counted from the start of a larger unit")
                .for_argument("calendar_based_origin"));
        }
        // A duration has no Mondays.
        "week" if matches!(context.types[0], DataType::Duration(_)) => Step::Days { count: count * 7, origin: 0 },
        "week" => Step::Days { count: count * 7, origin: if options.boolean("week_starts_monday")? { -3 } else { -4 } },
        "day" if calendar => Step::DaysOfMonth(count),
        "day" => Step::Days { count, origin: 0 },
        "hour" => units(24, 24),
        "minute" => units(1_440, 60),
        "second" => units(86_400, 60),
        "millisecond" => units(86_400_000, 1_000),
        "microsecond" => units(86_400_000_000, 1_000),
        _ => units(86_400_000_000_000, 1_000),
    };
    let no_calendar = matches!(context.types[0], DataType::Duration(_) | DataType::Time32(_) | DataType::Time64(_));
    if no_calendar && matches!(step, Step::Months { .. } | Step::DaysOfMonth(_)) {
        let message = format!("{} is not rounded to {unit}s of a calendar", context.types[0]);
        return Err(Error::invalid_argument(message).for_argument("unit"));
    }
    Ok(Box::new(step))
}

/// A step, and what it divides ticks by.
struct Multiples {
    step: Step,
    day: Divisor,
    /// How many ticks a unit has, or how many units a tick has where those are finer.
    ticks: Divisor,
    count: Divisor,
    within: Divisor,
}

impl Multiples {
    fn new(step: Step, per_day: i64) -> Self {
        let (ticks, count, within) = match step {
            Step::Units { count, per_day: units, within } => {
                ((per_day / units).max(units / per_day), count, within.unwrap_or(1))
            }
            Step::Months { count, .. } | Step::Days { count, .. } | Step::DaysOfMonth(count) => (1, count, 1),
        };
        let [day, ticks, count, within] = [per_day, ticks, count, within].map(Divisor::new);
        Self { step, day, ticks, count, within }
    }
}

/// The multiples at or before, and after `tick`.
#[inline]
fn neighbours(multiples: &Multiples, tick: i64) -> Option<(i64, i64)> {
    let per_day = multiples.day.value();
    let day = multiples.day.floor(tick);
    let days = |first: i64, next: i64| Some((first.checked_mul(per_day)?, next.checked_mul(per_day)?));
    match multiples.step {
        Step::Months { count, in_year, epoch } => {
            let Civil { year, month, .. } = Civil::of(day);
            let months = (year - epoch) * 12 + month - 1;
            let first = if in_year { months - (month - 1) % count } else { months - multiples.count.rest(months) };
            let start = |months: i64| {
                let (year, month) = (epoch + months.div_euclid(12), months.rem_euclid(12) + 1);
                Civil { year, month, day: 1 }.days()
            };
            days(start(first), start(first + count))
        }
        Step::Days { count, origin } => {
            let first = day - multiples.count.rest(day - origin);
            days(first, first + count)
        }
        Step::DaysOfMonth(count) => {
            let first = day - (Civil::of(day).day - 1) % count;
            days(first, first + count)
        }
        Step::Units { per_day: units, .. } => {
            let factor = multiples.ticks;
            if units > per_day {
                // Finer than the type: counted in units, kept in ticks.
                let (first, next) = unit_neighbours(multiples, tick.checked_mul(factor.value())?)?;
                return Some((factor.floor(first), factor.floor(next).max(factor.floor(first))));
            }
            let (first, next) = unit_neighbours(multiples, factor.floor(tick))?;
            Some((first.checked_mul(factor.value())?, next.checked_mul(factor.value())?))
        }
    }
}

#[inline]
fn unit_neighbours(multiples: &Multiples, unit: i64) -> Option<(i64, i64)> {
    let counted = match multiples.step {
        Step::Units { within: Some(_), .. } => multiples.within.rest(unit),
        _ => unit,
    };
    let first = unit.checked_sub(multiples.count.rest(counted))?;
    Some((first, first.checked_add(multiples.count.value())?))
}

/// Rounds by choosing among a tick's neighbours.
fn round(args: &Args<'_>, output: &mut Output, choose: impl Fn(i64, i64, i64) -> i64) -> Result<()> {
    let validity = output.validity().cloned();
    if args.output_type().primitive_width() == Some(4) {
        rounded(args, output.fixed::<i32>()?, validity.as_ref(), choose)
    } else {
        rounded(args, output.fixed::<i64>()?, validity.as_ref(), choose)
    }
}

fn rounded<T: Default + TryFrom<i64>>(
    args: &Args<'_>,
    out: &mut [T],
    validity: Option<&NullBuffer>,
    choose: impl Fn(i64, i64, i64) -> i64,
) -> Result<()> {
    let strictly = args.options().boolean("ceil_is_strictly_greater")?;
    let data_type = args.output_type();
    let local = Local::of(args.column(0))?;
    let multiples = Multiples::new(*args.state::<Step>()?, local.per_day);
    let zone = zone_of(data_type)?;
    let second = Divisor::new(ticks_per_day(data_type)? / 86_400);
    let is_time = matches!(data_type, DataType::Time32(_) | DataType::Time64(_));
    let mut clock = zone.clock();
    let utc = !matches!(zone, Zone::Fixed(0));
    let mut rounded = |row: usize, tick: i64| {
        let overflow = || Error::overflow(format!("the rounded time does not fit {data_type}")).at_row(row);
        let (floor, next) = neighbours(&multiples, tick).ok_or_else(overflow)?;
        let ceil = if floor == tick && !strictly { tick } else { next };
        let mut there = choose(tick, floor, ceil);
        if is_time && there >= local.per_day {
            return Err(overflow());
        }
        if utc {
            there = to_utc(&mut clock, there, second).map_err(|error| error.at_row(row))?;
        }
        T::try_from(there).map_err(|_| overflow())
    };
    let (mut reader, mut strip) = (local.reader(), [0; STRIP]);
    for (at, lanes) in out.chunks_mut(STRIP).enumerate() {
        let ticks = &mut strip[..lanes.len()];
        reader.read(ticks);
        for (row, (lane, &tick)) in (at * STRIP..).zip(lanes.iter_mut().zip(&*ticks)) {
            let valid = validity.is_none_or(|validity| validity.is_valid(row));
            *lane = if valid { rounded(row, tick)? } else { T::default() };
        }
    }
    Ok(())
}

fn to_utc(clock: &mut Clock<'_>, local: i64, second: Divisor) -> Result<i64> {
    match clock.instant(second.floor(local)) {
        Instant::One(offset) => Ok(local.wrapping_sub(offset * second.value())),
        Instant::Ambiguous(..) => Err(Error::invalid_data("the rounded local time happens twice")),
        Instant::Missing(..) => Err(Error::invalid_data("the rounded local time never happens")),
    }
}
