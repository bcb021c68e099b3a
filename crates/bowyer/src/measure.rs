// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Measures: aggregates of a group. Without a name, a measure of a column is called `amount_sum`.

use crate::expression::{Expr, Literal, col};
use crate::plan::SortKey;

/// An aggregate of a group.
#[derive(Clone, Debug)]
pub struct Measure {
    pub(crate) function: String,
    pub(crate) arguments: Vec<Expr>,
    pub(crate) options: Vec<(String, Literal)>,
    pub(crate) name: String,
    pub(crate) filter: Option<Expr>,
    pub(crate) distinct: bool,
    pub(crate) order: Vec<SortKey>,
}

/// Any aggregate, by its name in the manual.
pub fn measure(function: impl Into<String>, arguments: impl IntoIterator<Item = Expr>) -> Measure {
    Measure {
        function: function.into(),
        arguments: arguments.into_iter().collect(),
        options: Vec::new(),
        name: String::new(),
        filter: None,
        distinct: false,
        order: Vec::new(),
    }
}

impl Measure {
    /// The same under a name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The same with an option.
    #[must_use]
    pub fn option(mut self, name: impl Into<String>, value: impl Into<Literal>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// The same over the rows for which `predicate` is true. The others are not given to its arguments either, so what
    /// would fail there does not. A group without such rows keeps its place.
    #[must_use]
    pub fn filter(mut self, predicate: Expr) -> Self {
        self.filter = Some(predicate);
        self
    }

    /// The same over the different values of each group: rows with equal arguments count once, as the first of them.
    /// Values are equal as keys are.
    #[must_use]
    pub fn distinct(mut self) -> Self {
        self.distinct = true;
        self
    }

    /// The same over the rows of each group in an order, which [`first`], [`last`] and aggregates that make lists and texts
    /// depend on. Ties stay in the order of the input. In a window it is refused: functions take the window's order.
    ///
    /// ```
    /// use bowyer::{asc, col, last};
    ///
    /// let latest = last("price").order_by([asc(col("day"))]).named("latest");
    /// # let _ = latest;
    /// ```
    #[must_use]
    pub fn order_by(mut self, keys: impl IntoIterator<Item = SortKey>) -> Self {
        self.order = keys.into_iter().collect();
        self
    }
}

/// The number of rows, called `count`.
#[must_use]
pub fn count_all() -> Measure {
    measure("count_all", [])
}

/// The quantile at `q` (0 to 1) of a column, interpolated.
pub fn quantile(column: impl Into<String>, q: f64) -> Measure {
    measure("quantile", [col(column)]).option("q", q)
}

/// Measures of one column: name, function, what it says.
macro_rules! measures {
    ($($name:ident $function:literal $doc:literal),+ $(,)?) => {
        $(
            #[doc = $doc]
            pub fn $name(column: impl Into<String>) -> Measure {
                measure($function, [col(column)])
            }
        )+
    };
}

measures! {
    sum "sum_checked" "The sum of a column; it fails when it does not fit its type.",
    mean "mean" "The mean of a column.",
    min "min" "The least value of a column.",
    max "max" "The greatest value of a column.",
    count "count" "The number of values of a column that are not null.",
    count_distinct "count_distinct" "The number of different values of a column.",
    median "median" "The exact median of a column.",
    stddev "stddev" "The standard deviation of a column, of the population unless `ddof` is 1.",
    first "first" "The first value of a column, in the order of the input.",
    last "last" "The last value of a column, in the order of the input.",
}
