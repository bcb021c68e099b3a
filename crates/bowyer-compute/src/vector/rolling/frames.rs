// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Which rows the window of each row has. Neither end ever moves back.

use std::ops::Range;

use arrow_array::Array;
use bowyer_core::arity::Lanes;
use bowyer_core::{Column, Error, Result};

use crate::scalar::temporal_local::ticks_per_day;
use crate::scalar::temporal_span::Span;
use crate::{Args, OptionValue};

/// The rows of each window.
pub(super) enum Frames {
    /// So many rows before and after each row.
    Rows { row_count: usize, before: usize, after: usize },
    /// As they are.
    Given(Vec<Range<usize>>),
}

impl Frames {
    /// The frames that the options ask for.
    pub(super) fn of(args: &Args<'_>) -> Result<Self> {
        let row_count = args.array(0)?.len();
        let refused = |why: &'static str| Error::invalid_argument(why).for_argument("window");
        match args.options().get("window")? {
            OptionValue::Integer(rows) => {
                let rows = usize::try_from(*rows).ok().filter(|rows| *rows > 0);
                let rows = rows.ok_or_else(|| refused("it is not positive"))?;
                let after = if args.options().boolean("center")? { (rows - 1) / 2 } else { 0 };
                Ok(Self::Rows { row_count, before: rows - 1 - after, after })
            }
            OptionValue::Utf8(text) => {
                let span = Span::parse(text).map_err(|error| error.for_argument("window"))?;
                let per_day = ticks_per_day(args.column(1).data_type())?;
                let ticks = span.fixed_ticks(per_day).filter(|ticks| *ticks > 0 && span.months == 0);
                Self::within(args, ticks.ok_or_else(|| refused("it is no fixed number of the unit of the times"))?)
            }
            _ => Err(refused("it is missing")),
        }
    }

    /// For each row the rows up to it whose times are less than `ticks` before its own; later rows of the same time too. No time is null.
    fn within(args: &Args<'_>, ticks: i64) -> Result<Self> {
        let times = args.array(1)?;
        let column = Column::Array(times.clone());
        let times: Vec<i64> = if times.data_type().primitive_width() == Some(4) {
            Lanes::<i32>::of(&column)?.slice().iter().map(|&time| i64::from(time)).collect()
        } else {
            Lanes::<i64>::of(&column)?.slice().to_vec()
        };
        if let Some(row) = times.windows(2).position(|pair| pair[0] > pair[1]) {
            return Err(Error::invalid_argument("the times do not ascend").for_argument("times").at_row(row + 1));
        }
        let (mut start, mut end) = (0, 0);
        let frames = times.iter().map(|&time| {
            while i128::from(times[start]) <= i128::from(time) - i128::from(ticks) {
                start += 1;
            }
            while end < times.len() && times[end] <= time {
                end += 1;
            }
            start..end
        });
        Ok(Self::Given(frames.collect()))
    }

    /// The frame of each row.
    pub(super) fn iter(&self) -> Box<dyn Iterator<Item = Range<usize>> + '_> {
        match self {
            Self::Given(frames) => Box::new(frames.iter().cloned()),
            Self::Rows { row_count, before, after } => Box::new((0..*row_count).map(move |row| {
                row.saturating_sub(*before)..row.saturating_add(*after).saturating_add(1).min(*row_count)
            })),
        }
    }
}
