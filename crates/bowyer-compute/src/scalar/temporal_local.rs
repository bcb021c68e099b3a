// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Columns of times as local ticks: dates, times of day, timestamps and durations alike.
//!
//! They are read a strip at a time, so that nothing as long as the column is written for it. A zone is applied by a clock
//! that looks rules up only when a value leaves the spans that it knows.

use arrow_schema::DataType;
use bowyer_core::arch::vectorised;
use bowyer_core::arity::Lanes;
use bowyer_core::{Column, Error, Result};

use super::divisor::Divisor;
use super::temporal_zone::{Clock, Zone};
use crate::coercion::ticks_per_second;

/// The rows of a strip; a multiple of 64.
pub(crate) const STRIP: usize = 1024;

/// The ticks of a column in local time.
#[derive(Debug)]
pub(crate) struct Local {
    ticks: Ticks,
    zone: Zone,
    /// Ticks of a second, for zones.
    second: Divisor,
    /// How many ticks a day has; one for `date32`.
    pub(crate) per_day: i64,
}

#[derive(Debug)]
enum Ticks {
    Narrow(Lanes<i32>),
    Wide(Lanes<i64>),
}

/// How many ticks of a type make a day.
pub(crate) fn ticks_per_day(data_type: &DataType) -> Result<i64> {
    Ok(match data_type {
        DataType::Date32 => 1,
        DataType::Date64 => 86_400_000,
        DataType::Time32(unit) | DataType::Time64(unit) | DataType::Timestamp(unit, _) | DataType::Duration(unit) => {
            86_400 * ticks_per_second(*unit)
        }
        other => return Err(Error::internal(format!("{other} read as times"))),
    })
}

/// The zone of a type: UTC unless it is a timestamp that has one.
pub(crate) fn zone_of(data_type: &DataType) -> Result<Zone> {
    match data_type {
        DataType::Timestamp(_, zone) => Zone::of(zone.as_deref()),
        _ => Ok(Zone::Fixed(0)),
    }
}

impl Local {
    /// The local ticks of a column.
    ///
    /// # Errors
    /// `NotFound` for an unknown zone; `Internal` for a column without times.
    pub(crate) fn of(column: &Column) -> Result<Self> {
        Ok(Self { zone: zone_of(column.data_type())?, ..Self::without_zone(column)? })
    }

    /// The ticks of a column as they are: in UTC where there is a zone.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub(crate) fn without_zone(column: &Column) -> Result<Self> {
        let per_day = ticks_per_day(column.data_type())?;
        let ticks = match column.data_type().primitive_width() {
            Some(4) => Ticks::Narrow(Lanes::of(column)?),
            _ => Ticks::Wide(Lanes::of(column)?),
        };
        Ok(Self { ticks, zone: Zone::Fixed(0), second: Divisor::new(per_day / 86_400), per_day })
    }

    /// What reads it, from the first row on.
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader { local: self, clock: self.zone.clock(), first: 0 }
    }

    /// Its first tick, for a column of one.
    pub(crate) fn first(&self) -> i64 {
        let mut strip = [0];
        self.reader().read(&mut strip);
        strip[0]
    }

    /// Writes `f` of each tick.
    pub(crate) fn map<T>(&self, out: &mut [T], f: impl Fn(i64) -> T) {
        let (mut reader, mut strip) = (self.reader(), [0; STRIP]);
        for lanes in out.chunks_mut(STRIP) {
            let ticks = &mut strip[..lanes.len()];
            reader.read(ticks);
            vectorised(
                #[inline(always)]
                || lanes.iter_mut().zip(&*ticks).for_each(|(lane, &tick)| *lane = f(tick)),
            );
        }
    }

    /// Writes `f` of each tick and the one beside it.
    pub(crate) fn map_both<T>(&self, other: &Self, out: &mut [T], f: impl Fn(i64, i64) -> T) {
        let (mut reader, mut strip) = (self.reader(), [0; STRIP]);
        let (mut other_reader, mut other_strip) = (other.reader(), [0; STRIP]);
        for lanes in out.chunks_mut(STRIP) {
            let (ticks, other_ticks) = (&mut strip[..lanes.len()], &mut other_strip[..lanes.len()]);
            reader.read(ticks);
            other_reader.read(other_ticks);
            let both = ticks.iter().zip(&*other_ticks);
            lanes.iter_mut().zip(both).for_each(|(lane, (&tick, &other))| *lane = f(tick, other));
        }
    }
}

/// Reads ticks in the order of rows.
pub(crate) struct Reader<'a> {
    local: &'a Local,
    clock: Clock<'a>,
    first: usize,
}

impl Reader<'_> {
    /// The ticks of the next rows, as many as there is room for; those there are, for a column that is too short.
    pub(crate) fn read(&mut self, out: &mut [i64]) {
        let rows = self.first..self.first + out.len();
        self.first = rows.end;
        match &self.local.ticks {
            Ticks::Narrow(lanes) => match lanes.repeated() {
                Some(tick) => out.fill(i64::from(tick)),
                None => {
                    let ticks = lanes.slice().get(rows).unwrap_or_default();
                    out.iter_mut().zip(ticks).for_each(|(out, &tick)| *out = i64::from(tick));
                }
            },
            Ticks::Wide(lanes) => match lanes.repeated() {
                Some(tick) => out.fill(tick),
                None => {
                    let ticks = lanes.slice().get(rows).unwrap_or_default();
                    out.iter_mut().zip(ticks).for_each(|(out, &tick)| *out = tick);
                }
            },
        }
        if !matches!(self.local.zone, Zone::Fixed(0)) {
            let second = self.local.second;
            for tick in out {
                let offset = self.clock.offset(second.floor(*tick));
                *tick = tick.wrapping_add(offset * second.value());
            }
        }
    }
}
