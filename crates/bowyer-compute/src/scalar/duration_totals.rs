// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Durations as whole numbers of a unit, cut towards zero.

use arrow_schema::DataType;
use bowyer_core::arity::{Lanes, try_unary, unary};
use bowyer_core::{Error, Output, Result};

use super::temporal_local::ticks_per_day;
use super::temporal_span::NANOS_PER_DAY;
use crate::{Args, Example, Function, Kind, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    total(
        "total_days",
        "Counts the whole days of a duration.",
        &const { of::<NANOS_PER_DAY>() },
        &const { example("int64 [1, -1, null]") },
    ),
    total(
        "total_hours",
        "Counts the whole hours of a duration.",
        &const { of::<3_600_000_000_000>() },
        &const { example("int64 [25, -25, null]") },
    ),
    total(
        "total_minutes",
        "Counts the whole minutes of a duration.",
        &const { of::<60_000_000_000>() },
        &const { example("int64 [1501, -1501, null]") },
    ),
    total(
        "total_seconds",
        "Counts the whole seconds of a duration.",
        &const { of::<1_000_000_000>() },
        &const { example("int64 [90061, -90061, null]") },
    ),
    total(
        "total_milliseconds",
        "Counts the whole milliseconds of a duration.",
        &const { of::<1_000_000>() },
        &const { example("int64 [90061000, -90061000, null]") },
    ),
    total(
        "total_microseconds",
        "Counts the whole microseconds of a duration.",
        &const { of::<1_000>() },
        &const { example("int64 [90061000000, -90061000000, null]") },
    ),
    total(
        "total_nanoseconds",
        "Counts the nanoseconds of a duration.",
        &const { of::<1>() },
        &const { example("int64 [90061000000000, -90061000000000, null]") },
    ),
];

const fn total(
    name: &'static str,
    summary: &'static str,
    overloads: &'static [Overload],
    examples: &'static [Example],
) -> Function {
    Function::scalar(name)
        .summary(summary)
        .notes("Parts are cut off, of negative durations too. Fails where the number does not fit 64 bits.")
        .args(&["duration"])
        .fallible()
        .overloads(overloads)
        .examples(examples)
}

const fn example(result: &'static str) -> [Example; 1] {
    [Example::new(&["duration[s] [90061, -90061, null]"], result)]
}

const fn of<const NANOS: i64>() -> [Overload; 1] {
    [Overload::new(&[Kind::AnyDuration], Kind::Int64, count::<NANOS>)]
}

fn count<const NANOS: i64>(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let data_type: &DataType = args.column(0).data_type();
    let ticks = Lanes::<i64>::of(args.column(0))?;
    let per_tick = NANOS_PER_DAY / ticks_per_day(data_type)?;
    if NANOS >= per_tick {
        let divisor = NANOS / per_tick;
        return unary(&ticks, output, |tick: i64| tick / divisor);
    }
    let factor = per_tick / NANOS;
    try_unary(
        &ticks,
        output,
        |tick: i64| tick.overflowing_mul(factor),
        |_| Error::overflow("the duration does not fit 64 bits in this unit"),
    )
}
