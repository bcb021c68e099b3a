// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Casts between times, and between times and the integers that they are stored as.
//!
//! A timestamp keeps its instant whatever happens to its zone. A date or time of day is the local one; without a zone
//! local time is UTC.

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Date64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, make_array};
use arrow_buffer::ScalarBuffer;
use arrow_schema::{DataType, TimeUnit};
use bowyer_core::{Error, Result};

use super::lanes::{lanes, try_lanes};
use super::{Cast, is_temporal, unsupported};
use crate::coercion::ticks_per_second;
use crate::scalar::temporal_zone::Zone;

const DAY_SECONDS: i64 = 86_400;
const DAY_MILLIS: i64 = 86_400_000;

pub(super) fn cast_temporal(array: &ArrayRef, cast: &Cast<'_>) -> Result<ArrayRef> {
    use DataType as T;
    match (array.data_type(), cast.to) {
        (from, T::Int32) if is_temporal(from) && from.primitive_width() == Some(4) => reinterpret(array, cast.to),
        (from, T::Int64) if is_temporal(from) && from.primitive_width() == Some(8) => reinterpret(array, cast.to),
        (T::Int32, to) if to.primitive_width() == Some(4) => reinterpret(array, to),
        (T::Int64, to) if to.primitive_width() == Some(8) => reinterpret(array, to),
        (T::Timestamp(a, _), T::Timestamp(b, _)) | (T::Duration(a), T::Duration(b)) => change_unit(array, *a, *b, cast),
        (T::Timestamp(unit, zone), T::Date32 | T::Date64) => {
            local_dates(array, *unit, &Zone::of(zone.as_deref())?, cast)
        }
        (T::Timestamp(unit, zone), T::Time32(to) | T::Time64(to)) => {
            local_times(array, *unit, &Zone::of(zone.as_deref())?, *to, cast)
        }
        (T::Time32(a) | T::Time64(a), T::Time32(b) | T::Time64(b)) => change_unit(array, *a, *b, cast),
        (T::Date32, T::Date64) => {
            let days = array.as_primitive::<Date32Type>();
            lanes(days.values(), days.nulls(), cast.to, cast.memory, |day: i32| i64::from(day) * DAY_MILLIS)
        }
        (T::Date64, T::Date32) => date64_to_date32(array, cast),
        (T::Date32, T::Timestamp(unit, _)) => {
            let days = array.as_primitive::<Date32Type>();
            let factor = DAY_SECONDS * ticks_per_second(*unit);
            scaled(
                days.values(),
                array,
                cast,
                |day: i32| i64::from(day).checked_mul(factor),
                |day| i64::from(day).wrapping_mul(factor),
            )
        }
        (T::Date64, T::Timestamp(unit, _)) => change_unit(array, TimeUnit::Millisecond, *unit, cast),
        (from, to) => Err(unsupported(from, to)),
    }
}

/// The same lanes as another type.
fn reinterpret(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    Ok(make_array(array.to_data().into_builder().data_type(to.clone()).build()?))
}

/// The lanes of a temporal array of 64 bits; those of 32 bits are widened.
fn ticks(array: &ArrayRef) -> Result<ScalarBuffer<i64>> {
    if array.data_type().primitive_width() == Some(4) {
        let narrow = reinterpret(array, &DataType::Int32)?;
        return Ok(narrow.as_primitive::<Int32Type>().values().iter().map(|&tick| i64::from(tick)).collect());
    }
    Ok(reinterpret(array, &DataType::Int64)?.as_primitive::<Int64Type>().values().clone())
}

/// Writes lanes of 64 bits, or of 32 where the type is so narrow.
fn scaled<I: Copy>(
    values: &[I],
    array: &ArrayRef,
    cast: &Cast<'_>,
    checked: impl Fn(I) -> Option<i64>,
    wrapping: impl Fn(I) -> i64,
) -> Result<ArrayRef> {
    let overflow = || Error::overflow(format!("the time does not fit {}", cast.to));
    let (nulls, null_on_failure) = (array.nulls(), cast.policy.null_on_failure);
    let narrow = cast.to.primitive_width() == Some(4);
    match (narrow, cast.policy.time_overflow) {
        (false, false) => try_lanes(values, nulls, cast.to, null_on_failure, cast.memory, checked, overflow),
        (false, true) => lanes(values, nulls, cast.to, cast.memory, wrapping),
        (true, false) => {
            let narrow = |value| checked(value).and_then(|tick| i32::try_from(tick).ok());
            try_lanes(values, nulls, cast.to, null_on_failure, cast.memory, narrow, overflow)
        }
        (true, true) => lanes(values, nulls, cast.to, cast.memory, |value| wrapping(value) as i32),
    }
}

/// Divides; what does not divide evenly is an error unless truncation is allowed.
fn divided(values: &[i64], array: &ArrayRef, cast: &Cast<'_>, divisor: i64) -> Result<ArrayRef> {
    if cast.policy.time_truncate {
        return scaled(values, array, cast, |tick| Some(tick / divisor), |tick| tick / divisor);
    }
    let lossy = || Error::invalid_data(format!("the time has a finer part than {} holds", cast.to));
    let exact = |tick: i64| (tick % divisor == 0).then_some(tick / divisor);
    let (nulls, null_on_failure) = (array.nulls(), cast.policy.null_on_failure);
    if cast.to.primitive_width() == Some(4) {
        // A time of day that was legal before fits whatever coarser unit has 32 bits.
        let exact = |tick| exact(tick).map(|tick| tick as i32);
        return try_lanes(values, nulls, cast.to, null_on_failure, cast.memory, exact, lossy);
    }
    try_lanes(values, nulls, cast.to, null_on_failure, cast.memory, exact, lossy)
}

fn change_unit(array: &ArrayRef, from: TimeUnit, to: TimeUnit, cast: &Cast<'_>) -> Result<ArrayRef> {
    if from == to {
        return reinterpret(array, cast.to);
    }
    let values = ticks(array)?;
    let (from, to) = (ticks_per_second(from), ticks_per_second(to));
    if from > to {
        return divided(&values, array, cast, from / to);
    }
    let factor = to / from;
    scaled(&values, array, cast, |tick: i64| tick.checked_mul(factor), |tick| tick.wrapping_mul(factor))
}

fn date64_to_date32(array: &ArrayRef, cast: &Cast<'_>) -> Result<ArrayRef> {
    divided(array.as_primitive::<Date64Type>().values(), array, cast, DAY_MILLIS)
}

fn local_dates(array: &ArrayRef, unit: TimeUnit, zone: &Zone, cast: &Cast<'_>) -> Result<ArrayRef> {
    let per_second = ticks_per_second(unit);
    let clock = std::cell::RefCell::new(zone.clock());
    let day = |tick: i64| {
        let seconds = tick.div_euclid(per_second);
        seconds.saturating_add(clock.borrow_mut().offset(seconds)).div_euclid(DAY_SECONDS)
    };
    let values = ticks(array)?;
    if cast.to == &DataType::Date64 {
        return scaled(
            &values,
            array,
            cast,
            |tick| day(tick).checked_mul(DAY_MILLIS),
            |tick| day(tick).wrapping_mul(DAY_MILLIS),
        );
    }
    scaled(&values, array, cast, |tick| Some(day(tick)), day)
}

fn local_times(array: &ArrayRef, unit: TimeUnit, zone: &Zone, to: TimeUnit, cast: &Cast<'_>) -> Result<ArrayRef> {
    let per_second = ticks_per_second(unit);
    let mut clock = zone.clock();
    let ticks = ticks(array)?;
    let local = ticks.iter().map(|&tick| {
        let seconds = tick.div_euclid(per_second);
        let of_day = (seconds.rem_euclid(DAY_SECONDS) + clock.offset(seconds)).rem_euclid(DAY_SECONDS);
        of_day * per_second + tick.rem_euclid(per_second)
    });
    let local: ScalarBuffer<i64> = local.collect();
    let (from, to) = (per_second, ticks_per_second(to));
    if from > to {
        return divided(&local, array, cast, from / to);
    }
    scaled(&local, array, cast, |tick: i64| Some(tick * (to / from)), |tick| tick * (to / from))
}
