// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Windows: what a function of a row and its neighbours sees, and the functions that see nothing else.

use std::ops::{Bound, RangeBounds};

use crate::expression::{Expr, Literal, col};
use crate::measure::{Measure, measure};
use crate::plan::{NamedExpr, SortKey};

/// Partition, order and frame. Without a frame, functions see the rows up to the last peer of the current one if there is
/// an order, else the whole partition.
#[derive(Clone, Debug, Default)]
pub struct Window {
    pub(crate) partition: Vec<Expr>,
    pub(crate) order: Vec<SortKey>,
    pub(crate) frame: Option<Frame>,
    pub(crate) exclusion: Exclusion,
}

/// The rows that a frame leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exclusion {
    /// None.
    #[default]
    Nothing,
    /// The current row.
    CurrentRow,
    /// The current row and its peers: rows that are equal in the order.
    Group,
    /// The peers of the current row.
    Ties,
}

#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) unit: Unit,
    pub(crate) start: Option<Literal>,
    pub(crate) end: Option<Literal>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    Rows,
    Groups,
    Range,
}

/// A window over rows with equal values of some expressions; over all rows when there are none.
pub fn over<C: NamedExpr>(partition: impl IntoIterator<Item = C>) -> Window {
    Window { partition: partition.into_iter().map(|key| key.into_parts().1).collect(), ..Window::default() }
}

impl Window {
    /// The rows of a partition in order; ties keep the order of the input.
    #[must_use]
    pub fn order_by(mut self, keys: impl IntoIterator<Item = SortKey>) -> Self {
        self.order = keys.into_iter().collect();
        self
    }

    /// Rows by their distance from the current one: `rows(-2..=0)` is that row and the two before it.
    #[must_use]
    pub fn rows(self, bounds: impl RangeBounds<i64>) -> Self {
        self.counted(Unit::Rows, bounds)
    }

    /// Groups of peers by their distance from that of the current row.
    #[must_use]
    pub fn groups(self, bounds: impl RangeBounds<i64>) -> Self {
        self.counted(Unit::Groups, bounds)
    }

    /// Rows whose key of the order is between two distances from the current row's: numbers, or durations for moments.
    /// Distances before are negative; `None` is the end of the partition.
    #[must_use]
    pub fn range(mut self, start: Option<Literal>, end: Option<Literal>) -> Self {
        self.frame = Some(Frame { unit: Unit::Range, start, end });
        self
    }

    /// The same without some rows.
    #[must_use]
    pub fn exclude(mut self, exclusion: Exclusion) -> Self {
        self.exclusion = exclusion;
        self
    }

    fn counted(mut self, unit: Unit, bounds: impl RangeBounds<i64>) -> Self {
        let start = match bounds.start_bound() {
            Bound::Included(&start) => Some(start.into()),
            Bound::Excluded(&start) => Some(start.saturating_add(1).into()),
            Bound::Unbounded => None,
        };
        let end = match bounds.end_bound() {
            Bound::Included(&end) => Some(end.into()),
            Bound::Excluded(&end) => Some(end.saturating_sub(1).into()),
            Bound::Unbounded => None,
        };
        self.frame = Some(Frame { unit, start, end });
        self
    }
}

/// Functions of a row's place: name, function, what it says.
macro_rules! places {
    ($($name:ident $doc:literal),+ $(,)?) => {
        $(
            #[doc = $doc]
            #[must_use]
            pub fn $name() -> Measure {
                measure(stringify!($name), [])
            }
        )+
    };
}

places! {
    row_number "The number of the row in its partition, from 1.",
    rank "The number of the first peer of the row: peers share it, and the next rank is as much greater.",
    dense_rank "The number of the row's group of peers, from 1.",
    percent_rank "The rank as a share: 0 for the first row, 1 for a last one that stands alone.",
    cume_dist "The share of the partition's rows up to the row's last peer.",
}

/// The number, from 1, of the one of `n` parts that the row falls into; the first parts are a row longer if need be.
#[must_use]
pub fn ntile(n: i64) -> Measure {
    measure("ntile", []).option("n", n)
}

/// The value of a column `offset` rows before. Options: `default`, where there is no such row, and `ignore_nulls`.
pub fn lag(column: impl Into<String>, offset: i64) -> Measure {
    measure("lag", [col(column)]).option("offset", offset)
}

/// The value of a column `offset` rows after. Options: `default`, where there is no such row, and `ignore_nulls`.
pub fn lead(column: impl Into<String>, offset: i64) -> Measure {
    measure("lead", [col(column)]).option("offset", offset)
}

/// The value of a column in the first row of the frame. Option: `ignore_nulls`.
pub fn first_value(column: impl Into<String>) -> Measure {
    measure("first_value", [col(column)])
}

/// The value of a column in the last row of the frame. Option: `ignore_nulls`.
pub fn last_value(column: impl Into<String>) -> Measure {
    measure("last_value", [col(column)])
}

/// The value of a column in the `n`-th row of the frame, from 1. Option: `ignore_nulls`.
pub fn nth_value(column: impl Into<String>, n: i64) -> Measure {
    measure("nth_value", [col(column)]).option("n", n)
}
