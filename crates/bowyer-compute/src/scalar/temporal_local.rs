// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Columns of times as local ticks: dates, times of day, timestamps and durations alike.
//!
//! A zone is applied once for each batch, by a clock that looks rules up only when a value leaves the last span.

use arrow_schema::DataType;
use bowyer_core::arity::Lanes;
use bowyer_core::{Column, Error, Result};

use super::temporal_zone::Zone;
use crate::coercion::ticks_per_second;

/// The ticks of a column in local time.
#[derive(Debug)]
pub(crate) struct Local {
    ticks: Vec<i64>,
    repeated: bool,
    /// How many ticks a day has; one for `date32`.
    pub(crate) per_day: i64,
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
        let per_day = ticks_per_day(column.data_type())?;
        let mut ticks: Vec<i64> = if column.data_type().primitive_width() == Some(4) {
            Lanes::<i32>::of(column)?.slice().iter().map(|&tick| i64::from(tick)).collect()
        } else {
            Lanes::<i64>::of(column)?.slice().to_vec()
        };
        let zone = zone_of(column.data_type())?;
        if !matches!(zone, Zone::Fixed(0)) {
            let per_second = per_day / 86_400;
            let mut clock = zone.clock();
            for tick in &mut ticks {
                let offset = clock.offset(tick.div_euclid(per_second));
                *tick = tick.wrapping_add(offset * per_second);
            }
        }
        Ok(Self { ticks, repeated: column.is_scalar(), per_day })
    }

    /// The ticks of a row.
    #[inline(always)]
    pub(crate) fn tick(&self, row: usize) -> i64 {
        self.ticks[if self.repeated { 0 } else { row }]
    }

    /// The day of a row since the epoch, and the ticks of that day.
    #[inline(always)]
    pub(crate) fn day_and_rest(&self, row: usize) -> (i64, i64) {
        let tick = self.tick(row);
        (tick.div_euclid(self.per_day), tick.rem_euclid(self.per_day))
    }
}

/// How many whole units, of which a day has `per_day`, a day and ticks of it hold; the ticks are `ticks_per_day` a day.
#[inline(always)]
pub(crate) fn units(day: i64, rest: i64, ticks_per_day: i64, per_day: i64) -> i64 {
    let part =
        if ticks_per_day >= per_day { rest / (ticks_per_day / per_day) } else { rest * (per_day / ticks_per_day) };
    day.wrapping_mul(per_day).wrapping_add(part)
}
