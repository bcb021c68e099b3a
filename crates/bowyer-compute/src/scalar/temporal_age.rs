// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Ages: what lies between two moments as people say it, in years, months, days and time of day.
//!
//! The later moment less the earlier one, field by field, as PostgreSQL's `age` does it: a time of day that would be
//! negative borrows a day, days that would be negative borrow the days of the earlier moment's month. All fields have
//! one sign.

use std::sync::Arc;

use arrow_array::IntervalMonthDayNanoArray;
use arrow_array::types::IntervalMonthDayNano;
use arrow_schema::{DataType, IntervalUnit};
use bowyer_core::{Error, Output, Result};

use super::divisor::Divisor;
use super::temporal_civil::{Civil, days_of_month};
use super::temporal_local::Local;
use crate::{Args, Example, Function, Kind, Overload};

const NANOS_PER_DAY: i64 = 86_400_000_000_000;
const INTERVAL: Kind = Kind::Computed(|_, _| Ok(DataType::Interval(IntervalUnit::MonthDayNano)));

/// The functions of this family.
pub const FAMILY: &[Function] = &[Function::scalar("age")
    .summary("Gives the calendar difference from a birth to a moment: whole months, then days, then the time of day.")
    .notes(
        "As PostgreSQL and DuckDB have it: adding the months, then the days, then the time to the earlier side leads to \
         the later one wherever the earlier month has such a day. All parts are negative when the moment is before the \
         birth. Local time counts where there is a zone. Fails where the months do not fit 32 bits.",
    )
    .args(&["moment", "birth"])
    .examples(&[
        Example::new(
            &["date32[day] [\"2001-04-10\", null]", "date32[day] [\"1957-06-13\", \"2000-01-01\"]"],
            "month_day_nano_interval [[525, 27, 0], null]",
        ),
        Example::new(
            &["timestamp[s] [\"2024-03-01T06:00:00\"]", "timestamp[s] [\"2024-01-31T18:00:00\"]"],
            "month_day_nano_interval [[1, 0, 43200000000000]]",
        ),
    ])
    .fallible()
    .overloads(&[
        Overload::new(&[Kind::AnyDate, Kind::SameAs(0)], INTERVAL, age),
        Overload::new(&[Kind::AnyTimestamp, Kind::SameAs(0)], INTERVAL, age),
    ])];

/// A moment as a day and nanoseconds of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Moment {
    day: i64,
    nanos: i64,
}

/// What lies between two moments, unless the months do not fit.
fn between(moment: Moment, birth: Moment) -> Option<IntervalMonthDayNano> {
    let (earlier, later) = (moment.min(birth), moment.max(birth));
    let (first, last) = (Civil::of(earlier.day), Civil::of(later.day));
    let (mut months, mut days) = (12 * (last.year - first.year) + last.month - first.month, last.day - first.day);
    let mut nanos = later.nanos - earlier.nanos;
    if nanos < 0 {
        nanos += NANOS_PER_DAY;
        days -= 1;
    }
    if days < 0 {
        days += days_of_month(first.year, first.month);
        months -= 1;
    }
    let sign = if moment < birth { -1 } else { 1 };
    Some(IntervalMonthDayNano::new(i32::try_from(sign * months).ok()?, (sign * days) as i32, sign * nanos))
}

fn age(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let (moment, birth) = (Local::of(args.column(0))?, Local::of(args.column(1))?);
    let (day, nanos_per_tick) = (Divisor::new(moment.per_day), NANOS_PER_DAY / moment.per_day);
    let at = |tick: i64| Moment { day: day.floor(tick), nanos: day.rest(tick) * nanos_per_tick };
    let mut ages = vec![None; output.row_count()];
    moment.map_both(&birth, &mut ages, |moment, birth| between(at(moment), at(birth)));
    let validity = output.validity().cloned();
    let fails = |row: &usize| ages[*row].is_none() && validity.as_ref().is_none_or(|validity| validity.is_valid(*row));
    if let Some(row) = (0..ages.len()).find(fails) {
        return Err(Error::overflow("the months between the two do not fit 32 bits").at_row(row));
    }
    let values: Vec<IntervalMonthDayNano> = ages.into_iter().map(Option::unwrap_or_default).collect();
    output.set(Arc::new(IntervalMonthDayNanoArray::new(values.into(), validity)))
}
