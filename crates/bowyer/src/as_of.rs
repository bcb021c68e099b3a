// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! As-of joins: each row with the one that stands next to it in another plan.

use crate::expression::{Expr, Literal, lit};
use crate::plan::{Plan, Relation};

/// How rows of two plans stand next to each other. By default a row gets the last right row that is not after it.
///
/// ```
/// use bowyer::{AsOf, Plan};
/// # use bowyer::arrow_schema::{DataType, Field, Schema};
/// # let trades = Schema::new(vec![Field::new("at", DataType::Int64, false), Field::new("sym", DataType::Utf8, false)]);
/// # let quotes = Schema::new(vec![Field::new("time", DataType::Int64, false), Field::new("sym", DataType::Utf8, false)]);
/// let (trades, quotes) = (Plan::input("trades", &trades), Plan::input("quotes", &quotes));
/// let quoted = trades.as_of_join(&quotes, AsOf::on("at", "time").by("sym", "sym").within(10));
/// ```
#[derive(Clone, Debug)]
pub struct AsOf {
    pub(crate) on: (String, String),
    pub(crate) by: Vec<(String, String)>,
    pub(crate) direction: AsOfDirection,
    pub(crate) strict: bool,
    pub(crate) tolerance: Option<Expr>,
    pub(crate) suffix: String,
}

/// Where the next row is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOfDirection {
    /// The greatest value that is not greater; the last of equal ones.
    Backward,
    /// The least value that is not less; the first of equal ones.
    Forward,
    /// The closer of these two; the one before when both are as close.
    Nearest,
}

impl AsOf {
    /// By the order of a left and a right column: numbers, dates or times. Nulls and NaN stand next to nothing.
    pub fn on(left: impl Into<String>, right: impl Into<String>) -> Self {
        Self {
            on: (left.into(), right.into()),
            by: Vec::new(),
            direction: AsOfDirection::Backward,
            strict: false,
            tolerance: None,
            suffix: String::new(),
        }
    }

    /// Among the rows with equal keys alone.
    #[must_use]
    pub fn by(mut self, left: impl Into<String>, right: impl Into<String>) -> Self {
        self.by.push((left.into(), right.into()));
        self
    }

    /// Looked for in another direction.
    #[must_use]
    pub fn direction(mut self, direction: AsOfDirection) -> Self {
        self.direction = direction;
        self
    }

    /// An equal value does not count.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// At most this far away: a number between numbers, a duration between times.
    #[must_use]
    pub fn within(mut self, tolerance: impl Into<Literal>) -> Self {
        self.tolerance = Some(lit(tolerance));
        self
    }

    /// Columns of the right whose names are taken get a suffix.
    #[must_use]
    pub fn suffix(mut self, suffix: impl Into<String>) -> Self {
        self.suffix = suffix.into();
        self
    }
}

impl Plan {
    /// Every row with the row of another plan that stands next to it, or with nulls.
    #[must_use]
    pub fn as_of_join(&self, right: &Self, as_of: AsOf) -> Self {
        Self::new(Relation::AsOfJoin { left: self.clone(), right: right.clone(), as_of })
    }
}
