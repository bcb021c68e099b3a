// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The start of the bucket of time that a moment falls into, and moments a span away.
//!
//! Both go by local time where there is a zone, and neither fails for a change of clocks: a local time that happens twice
//! stands for the instant with the offset that the moment itself has, else the earlier one; one that never happens for
//! the end of the gap.

use std::any::Any;

use arrow_array::cast::AsArray;
use arrow_array::types::{IntervalDayTimeType, IntervalMonthDayNanoType, IntervalYearMonthType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, IntervalUnit};
use bowyer_core::arity::Lanes;
use bowyer_core::{Column, Error, Memory, Output, Result};

use super::string_values::{RowOf, Text};
use super::temporal_civil::{Civil, days_of_month};
use super::temporal_local::{Local, ticks_per_day, zone_of};
use super::temporal_span::{NANOS_PER_DAY, Span, nanos_to_ticks};
use super::temporal_zone::{Clock, Instant, Zone};
use crate::scalar::cast::{CastMode, cast};
use crate::{Args, BindContext, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("date_trunc")
        .summary("Gives the start of the unit of time that each moment falls into.")
        .notes(
            "A unit is a word as `month`, or a span as `15m`, `2w` or `1h30m`. Spans are counted from 1970-01-01, weeks \
             from Monday. Local time counts where there is a zone.",
        )
        .args(&["timestamps"])
        .options(&[OptionSpec::new("unit", OptionKind::Utf8, OptionDefault::Required, "The unit, or a span.")])
        .prepare(|context| prepare(context, "unit"))
        .fallible()
        .examples(&[Example::new(
            &["timestamp[s] [\"2024-05-17T13:47:31\", null]"],
            "timestamp[s] [\"2024-05-01T00:00:00\", null]",
        )
        .with(&[("unit", "\"month\"")])])
        .overloads(&[
            Overload::new(&[Kind::AnyTimestamp], Kind::SameAs(0), bucket),
            Overload::new(&[Kind::AnyDate], Kind::SameAs(0), bucket),
        ]),
    Function::scalar("time_bucket")
        .summary("Gives the start of the bucket that each moment falls into.")
        .notes(
            "Buckets of so many months begin at the first of a month. Without an origin buckets are counted from Monday, \
             2000-01-03, those of months from 2000-01-01. Local time counts where there is a zone.",
        )
        .args(&["timestamps"])
        .options(&[
            OptionSpec::new("width", OptionKind::Utf8, OptionDefault::Required, "How long a bucket is, as `15m`."),
            OptionSpec::new("origin", OptionKind::Scalar, OptionDefault::Null, "A moment at which a bucket begins."),
        ])
        .prepare(|context| prepare(context, "width"))
        .fallible()
        .examples(&[Example::new(
            &["timestamp[s] [\"2024-05-17T13:47:31\", null]"],
            "timestamp[s] [\"2024-05-17T13:40:00\", null]",
        )
        .with(&[("width", "\"10m\"")])])
        .overloads(&[
            Overload::new(&[Kind::AnyTimestamp], Kind::SameAs(0), bucket),
            Overload::new(&[Kind::AnyDate], Kind::SameAs(0), bucket),
        ]),
    Function::scalar("offset_by")
        .summary("Moves each moment by a span of time.")
        .notes(
            "The span is an interval, a duration, or text as `1mo2d` or `-3h`. Months and days go by the calendar, in \
             local time where there is a zone; a day that a month does not have becomes its last one.",
        )
        .args(&["timestamps", "by"])
        .fallible()
        .examples(&[Example::new(
            &["timestamp[s] [\"2024-01-31T12:00:00\", null]", "scalar string \"1mo\""],
            "timestamp[s] [\"2024-02-29T12:00:00\", null]",
        )])
        .overloads(&[
            Overload::new(&[Kind::AnyTimestamp, Kind::AnyString], Kind::SameAs(0), offset),
            Overload::new(&[Kind::AnyTimestamp, Kind::AnyInterval], Kind::SameAs(0), offset),
            Overload::new(&[Kind::AnyTimestamp, Kind::AnyDuration], Kind::SameAs(0), offset),
            Overload::new(&[Kind::AnyDate, Kind::AnyString], Kind::SameAs(0), offset),
            Overload::new(&[Kind::AnyDate, Kind::AnyInterval], Kind::SameAs(0), offset),
            Overload::new(&[Kind::AnyDate, Kind::AnyDuration], Kind::SameAs(0), offset),
        ]),
];

/// How buckets are cut: every so many months, or ticks, from an origin.
#[derive(Clone, Copy, Debug)]
enum Buckets {
    Months { count: i64, origin: i64 },
    Ticks { count: i64, origin: i64 },
}

const MONDAY_1969: i64 = -3;
const MONDAY_2000: i64 = 10_959;

fn prepare(context: &BindContext<'_>, name: &'static str) -> Result<Box<dyn Any + Send + Sync>> {
    let data_type = &context.types[0];
    let per_day = ticks_per_day(data_type)?;
    let span = Span::parse(context.options.utf8(name)?).map_err(|error| error.for_argument(name))?;
    let refused = |why: String| Error::invalid_argument(why).for_argument(name);
    let origin = match context.options.is_null("origin") {
        Ok(false) => Some(origin(context.options.array("origin")?, data_type)?),
        _ => None,
    };
    let buckets = match (span.months, span.fixed_ticks(per_day)) {
        (0, None) => return Err(refused(format!("{data_type} is not as fine"))),
        (0, Some(count)) => {
            let weeks = span.nanos == 0 && span.days % 7 == 0;
            let default = match (name, weeks) {
                ("width", _) => MONDAY_2000,
                (_, true) => MONDAY_1969,
                _ => 0,
            };
            Buckets::Ticks { count, origin: origin.unwrap_or(default * per_day) }
        }
        (count, Some(0)) => {
            let day = origin.map_or(0, |origin| origin.div_euclid(per_day));
            let Civil { year, month, .. } = Civil::of(day);
            Buckets::Months { count, origin: year * 12 + month - 1 }
        }
        _ => {
            return Err(refused(
                "months have no fixed number of days: it is months, or it is days and less".to_owned(),
            ));
        }
    };
    let (Buckets::Months { count, .. } | Buckets::Ticks { count, .. }) = buckets;
    if count <= 0 { Err(refused("it is not positive".to_owned())) } else { Ok(Box::new(buckets)) }
}

/// The local tick of the origin.
fn origin(value: &ArrayRef, data_type: &DataType) -> Result<i64> {
    let refused = |error: Error| error.for_argument("origin");
    let value = cast(&Column::Array(value.clone()), data_type, CastMode::Checked, &Memory::unlimited());
    let value = value.and_then(|value| value.to_array()).map_err(refused)?;
    if value.null_count() > 0 {
        return Err(refused(Error::invalid_argument("it is null")));
    }
    Ok(Local::of(&Column::Array(value))?.first())
}

impl Buckets {
    /// The start of the bucket of a local tick.
    fn start(self, tick: i64, per_day: i64) -> Option<i64> {
        match self {
            Self::Ticks { count, origin } => {
                let into = i128::from(tick) - i128::from(origin);
                i64::try_from(i128::from(tick) - into.rem_euclid(i128::from(count))).ok()
            }
            Self::Months { count, origin } => {
                let Civil { year, month, .. } = Civil::of(tick.div_euclid(per_day));
                let months = year * 12 + month - 1;
                let first = months - (months - origin).rem_euclid(count);
                let day = Civil { year: first.div_euclid(12), month: first.rem_euclid(12) + 1, day: 1 };
                day.days().checked_mul(per_day)
            }
        }
    }
}

/// A zone and its clock, which turn ticks of UTC into local ones and back.
struct Calendar<'a> {
    zone: &'a Zone,
    clock: Clock<'a>,
    per_day: i64,
    per_second: i64,
}

impl<'a> Calendar<'a> {
    fn new(zone: &'a Zone, per_day: i64) -> Self {
        // A type that counts days has no zone, so its seconds are never asked for.
        Self { zone, clock: zone.clock(), per_day, per_second: (per_day / 86_400).max(1) }
    }

    fn is_utc(&self) -> bool {
        matches!(self.zone, Zone::Fixed(0))
    }

    /// Moves a moment by what `change` does to its local time.
    fn moved(&mut self, tick: i64, change: impl Fn(i64) -> Option<i64>) -> Option<i64> {
        if self.is_utc() {
            return change(tick);
        }
        let offset = self.clock.offset(tick.div_euclid(self.per_second));
        let local = change(tick.checked_add(offset.checked_mul(self.per_second)?)?)?;
        let seconds = local.div_euclid(self.per_second);
        let offset = match self.clock.instant(seconds) {
            Instant::One(offset) => offset,
            Instant::Ambiguous(before, after) => {
                if after == offset {
                    after
                } else {
                    before
                }
            }
            Instant::Missing(_, after) => return self.zone.gap_end(seconds, after).checked_mul(self.per_second),
        };
        local.checked_sub(offset.checked_mul(self.per_second)?)
    }
}

/// Writes what `change` makes of the ticks of each row that is there.
fn each_tick(
    args: &Args<'_>,
    output: &mut Output,
    mut change: impl FnMut(&mut Calendar<'_>, usize, i64) -> Result<Option<i64>>,
) -> Result<()> {
    let data_type = args.column(0).data_type();
    let (per_day, zone) = (ticks_per_day(data_type)?, zone_of(data_type)?);
    let mut calendar = Calendar::new(&zone, per_day);
    let validity = output.validity().cloned();
    let mut changed = |row: usize, tick: i64| {
        if validity.as_ref().is_some_and(|validity| validity.is_null(row)) {
            return Ok(0);
        }
        let overflow = || Error::overflow(format!("the moment does not fit {data_type}"));
        change(&mut calendar, row, tick).and_then(|tick| tick.ok_or_else(overflow)).map_err(|error| error.at_row(row))
    };
    if data_type.primitive_width() == Some(4) {
        let ticks = Lanes::<i32>::of(args.column(0))?;
        for (row, out) in output.fixed::<i32>()?.iter_mut().enumerate() {
            let there = changed(row, ticks.value(row).into())?;
            let overflow = |_| Error::overflow(format!("the moment does not fit {data_type}")).at_row(row);
            *out = i32::try_from(there).map_err(overflow)?;
        }
        return Ok(());
    }
    let ticks = Lanes::<i64>::of(args.column(0))?;
    for (row, out) in output.fixed::<i64>()?.iter_mut().enumerate() {
        *out = changed(row, ticks.value(row))?;
    }
    Ok(())
}

fn bucket(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let buckets = *args.state::<Buckets>()?;
    each_tick(args, output, |calendar, _, tick| {
        let per_day = calendar.per_day;
        Ok(calendar.moved(tick, |local| buckets.start(local, per_day)))
    })
}

/// The spans of the second argument.
enum Spans<'a> {
    Text(Text<'a>),
    Array(&'a dyn Array),
    Ticks(Lanes<i64>, i64),
}

impl Spans<'_> {
    fn get(&self, row: usize) -> Result<Span> {
        Ok(match self {
            Self::Text(text) => Span::parse(text.get(row)).map_err(|error| error.for_argument("by"))?,
            Self::Ticks(ticks, nanos) => {
                let ticks = ticks.slice()[row];
                let too_long =
                    || Error::overflow("the duration does not fit 64 bits of nanoseconds").for_argument("by");
                Span { nanos: ticks.checked_mul(*nanos).ok_or_else(too_long)?, ..Span::default() }
            }
            Self::Array(array) => match array.data_type() {
                DataType::Interval(IntervalUnit::YearMonth) => {
                    let months = array.as_primitive::<IntervalYearMonthType>().value(row);
                    Span { months: months.into(), ..Span::default() }
                }
                DataType::Interval(IntervalUnit::DayTime) => {
                    let value = array.as_primitive::<IntervalDayTimeType>().value(row);
                    let nanos = i64::from(value.milliseconds) * 1_000_000;
                    Span { days: value.days.into(), nanos, ..Span::default() }
                }
                _ => {
                    let value = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
                    Span { months: value.months.into(), days: value.days.into(), nanos: value.nanoseconds }
                }
            },
        })
    }
}

fn offset(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let by = args.column(1);
    let at = RowOf::new(by);
    let spans = match by.data_type() {
        DataType::Interval(_) => Spans::Array(by.values().as_ref()),
        duration @ DataType::Duration(_) => Spans::Ticks(Lanes::of(by)?, NANOS_PER_DAY / ticks_per_day(duration)?),
        _ => Spans::Text(Text::of(by.values())?),
    };
    // Spans are few: one is read again only when its row changes.
    let mut last: Option<(usize, Span)> = None;
    each_tick(args, output, |calendar, row, tick| {
        let source = at.of(row);
        let span = match last {
            Some((known, span)) if known == source => span,
            _ => last.insert((source, spans.get(source)?)).1,
        };
        let per_day = calendar.per_day;
        let finer = || Error::invalid_argument("the span is finer than the type").for_argument("by");
        let ticks = nanos_to_ticks(span.nanos, per_day).ok_or_else(finer)?;
        let moved = if span.months == 0 && span.days == 0 {
            Some(tick)
        } else {
            calendar.moved(tick, |local| on_calendar(local, span, per_day))
        };
        Ok(moved.and_then(|tick| tick.checked_add(ticks)))
    })
}

/// A local tick, months and days later.
pub(crate) fn on_calendar(local: i64, span: Span, per_day: i64) -> Option<i64> {
    let (day, rest) = (local.div_euclid(per_day), local.rem_euclid(per_day));
    let Civil { year, month, day: of_month } = Civil::of(day);
    let months = year.checked_mul(12)?.checked_add(month - 1)?.checked_add(span.months)?;
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
    // No type holds such years, and the calendar's own arithmetic would not.
    if year.unsigned_abs() > 400_000_000_000 {
        return None;
    }
    let moved = Civil { year, month, day: of_month.min(days_of_month(year, month)) }.days();
    moved.checked_add(span.days)?.checked_mul(per_day)?.checked_add(rest)
}
