// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! From local time to instants and back.

use std::any::Any;

use arrow_schema::DataType;
use bowyer_core::arity::{Lanes, unary};
use bowyer_core::{Error, Output, Result};

use super::temporal_local::{Local, ticks_per_day};
use super::temporal_zone::{Instant, Zone};
use crate::{Args, BindContext, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Options, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("assume_timezone")
        .summary("Reads timestamps without a zone as local times of one.")
        .notes("Where a local time never happens, `earliest` is the last tick before and `latest` the first after.")
        .args(&["timestamps"])
        .options(&[
            OptionSpec::new("timezone", OptionKind::Utf8, OptionDefault::Required, "The zone, or an offset as +05:30."),
            OptionSpec::new("ambiguous", CHOICE, OptionDefault::Utf8("raise"), "What a time that happens twice is."),
            OptionSpec::new("nonexistent", CHOICE, OptionDefault::Utf8("raise"), "What a time that never happens is."),
        ])
        .prepare(prepare)
        .fallible()
        .examples(&[Example::new(
            &["timestamp[s] [\"2024-01-01T00:00:00\"]"],
            "timestamp[s, tz=+01:00] [\"2023-12-31T23:00:00\"]",
        )
        .with(&[("timezone", "\"+01:00\"")])])
        .overloads(&[Overload::new(&[Kind::AnyTimestamp], Kind::Computed(zoned), assume_timezone)]),
    Function::scalar("convert_timezone")
        .aliases(&["convert_time_zone"])
        .summary("Shows the same instants in another zone.")
        .notes("The timestamps have a zone; `assume_timezone` gives one to those that have none.")
        .args(&["timestamps"])
        .options(&[OptionSpec::new(
            "timezone",
            OptionKind::Utf8,
            OptionDefault::Required,
            "The zone, or an offset as +05:30.",
        )])
        .prepare(prepare)
        .examples(&[Example::new(
            &["timestamp[s, tz=UTC] [\"2024-01-01T00:00:00\"]"],
            "timestamp[s, tz=+01:00] [\"2024-01-01T00:00:00\"]",
        )
        .with(&[("timezone", "\"+01:00\"")])])
        .overloads(&[Overload::new(&[Kind::AnyTimestamp], Kind::Computed(converted), convert_timezone)]),
    Function::scalar("local_timestamp")
        .summary("Gives the local time of each timestamp, without its zone.")
        .args(&["timestamps"])
        .examples(&[Example::new(
            &["timestamp[s, tz=+01:00] [\"2023-12-31T23:00:00\"]"],
            "timestamp[s] [\"2024-01-01T00:00:00\"]",
        )])
        .overloads(&[Overload::new(&[Kind::AnyTimestamp], Kind::Computed(naive), local_timestamp)]),
];

const CHOICE: OptionKind = OptionKind::Choice(&["raise", "earliest", "latest"]);

fn zoned(types: &[DataType], options: &Options) -> Result<DataType> {
    match &types[0] {
        DataType::Timestamp(unit, None) => Ok(DataType::Timestamp(*unit, Some(options.utf8("timezone")?.into()))),
        other => Err(Error::type_mismatch(format!("{other} has a zone already"))),
    }
}

fn converted(types: &[DataType], options: &Options) -> Result<DataType> {
    match &types[0] {
        DataType::Timestamp(unit, Some(_)) => Ok(DataType::Timestamp(*unit, Some(options.utf8("timezone")?.into()))),
        other => Err(Error::type_mismatch(format!("{other} has no zone"))),
    }
}

fn convert_timezone(args: &Args<'_>, output: &mut Output) -> Result<()> {
    unary(&Lanes::<i64>::of(args.column(0))?, output, |ticks: i64| ticks)
}

fn naive(types: &[DataType], _options: &Options) -> Result<DataType> {
    match &types[0] {
        DataType::Timestamp(unit, _) => Ok(DataType::Timestamp(*unit, None)),
        other => Err(Error::internal(format!("{other} is no timestamp"))),
    }
}

fn prepare(context: &BindContext<'_>) -> Result<Box<dyn Any + Send + Sync>> {
    let zone = Zone::parse(context.options.utf8("timezone")?);
    Ok(Box::new(zone.map_err(|error| error.for_argument("timezone"))?))
}

fn assume_timezone(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let zone = args.state::<Zone>()?;
    let (ambiguous, nonexistent) = (args.options().utf8("ambiguous")?, args.options().utf8("nonexistent")?);
    let per_second = ticks_per_day(args.output_type())? / 86_400;
    let ticks = Lanes::<i64>::of(args.column(0))?;
    let mut clock = zone.clock();
    let (lanes, validity) = output.fixed_and_validity::<i64>()?;
    for (row, lane) in lanes.iter_mut().enumerate() {
        let local = ticks.value(row);
        if validity.is_some_and(|validity| validity.is_null(row)) {
            *lane = 0;
            continue;
        }
        let seconds = local.div_euclid(per_second);
        let refused = |why: &'static str| Err(Error::invalid_data(why).at_row(row));
        *lane = match clock.instant(seconds) {
            Instant::One(offset) => local.wrapping_sub(offset * per_second),
            Instant::Ambiguous(before, after) => match ambiguous {
                "earliest" => local.wrapping_sub(before * per_second),
                "latest" => local.wrapping_sub(after * per_second),
                _ => return refused("the local time happens twice"),
            },
            Instant::Missing(_, after) => match nonexistent {
                "earliest" => zone.gap_end(seconds, after).wrapping_mul(per_second) - 1,
                "latest" => zone.gap_end(seconds, after).wrapping_mul(per_second),
                _ => return refused("the local time never happens"),
            },
        };
    }
    Ok(())
}

fn local_timestamp(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let local = Local::of(args.column(0))?;
    local.map(output.fixed::<i64>()?, |tick| tick);
    Ok(())
}
