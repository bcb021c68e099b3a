// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Plans that compare whole rows, change what a row is, or choose some rows.

use crate::expression::{Expr, Literal};
use crate::measure::Measure;
use crate::plan::{NamedExpr, Plan, Relation};

/// Which columns become rows or columns of their elements, and how.
#[derive(Clone, Debug, Default)]
pub struct Unnest {
    pub(crate) columns: Vec<String>,
    pub(crate) keep_empty: bool,
    pub(crate) ordinality: String,
    pub(crate) separator: String,
}

/// The lists of these columns, which have one length in each row; or the structs of these columns.
#[must_use]
pub fn unnest<'a>(columns: impl IntoIterator<Item = &'a str>) -> Unnest {
    Unnest { columns: columns.into_iter().map(str::to_owned).collect(), ..Unnest::default() }
}

impl Unnest {
    /// A row without elements stays, with null in their place.
    #[must_use]
    pub fn keep_empty(mut self) -> Self {
        self.keep_empty = true;
        self
    }

    /// A column that numbers the elements of each row from 1.
    #[must_use]
    pub fn ordinality(mut self, name: &str) -> Self {
        name.clone_into(&mut self.ordinality);
        self
    }

    /// Fields of structs are named after column and field with this between them, instead of after the field alone.
    #[must_use]
    pub fn separator(mut self, separator: &str) -> Self {
        separator.clone_into(&mut self.separator);
        self
    }
}

/// A column whose values become columns.
#[derive(Clone, Debug)]
pub struct Pivot {
    pub(crate) column: Expr,
    pub(crate) values: Vec<(Literal, String)>,
}

/// A column whose values are spread, each to columns of its own; [`Pivot::value`] names them.
pub fn pivot(column: impl NamedExpr) -> Pivot {
    Pivot { column: column.into_parts().1, values: Vec::new() }
}

impl Pivot {
    /// A value that gets a column, named after it.
    #[must_use]
    pub fn value(self, value: impl Into<Literal>) -> Self {
        self.value_as(value, "")
    }

    /// A value that gets a column of that name.
    #[must_use]
    pub fn value_as(mut self, value: impl Into<Literal>, name: &str) -> Self {
        self.values.push((value.into(), name.to_owned()));
        self
    }
}

/// How many rows a sample has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SampleSize {
    Fraction(f64),
    Rows(u64),
}

impl Plan {
    /// The rows that all the others have too, each once. Rows are equal as keys are: null is equal to null.
    #[must_use]
    pub fn intersect<'a>(&self, others: impl IntoIterator<Item = &'a Self>) -> Self {
        self.set_operation(others, false, false)
    }

    /// As [`Plan::intersect`], where each row stands as often as in that of the plans that has it least often.
    #[must_use]
    pub fn intersect_all<'a>(&self, others: impl IntoIterator<Item = &'a Self>) -> Self {
        self.set_operation(others, false, true)
    }

    /// The rows that none of the others has, each once.
    #[must_use]
    pub fn except<'a>(&self, others: impl IntoIterator<Item = &'a Self>) -> Self {
        self.set_operation(others, true, false)
    }

    /// As [`Plan::except`], where each row of another takes away one row.
    #[must_use]
    pub fn except_all<'a>(&self, others: impl IntoIterator<Item = &'a Self>) -> Self {
        self.set_operation(others, true, true)
    }

    fn set_operation<'a>(&self, others: impl IntoIterator<Item = &'a Self>, except: bool, all: bool) -> Self {
        let parts = std::iter::once(self.clone()).chain(others.into_iter().cloned()).collect();
        Self::new(Relation::SetOperation { parts, except, all })
    }

    /// A row for each element of lists or maps, and columns for the fields of structs.
    #[must_use]
    pub fn unnest(&self, unnest: Unnest) -> Self {
        Self::new(Relation::Unnest { from: self.clone(), unnest })
    }

    /// One row for each combination of the keys, with columns for each value of a column.
    #[must_use]
    pub fn pivot<C: NamedExpr>(
        &self,
        keys: impl IntoIterator<Item = C>,
        pivot: Pivot,
        measures: impl IntoIterator<Item = Measure>,
    ) -> Self {
        let keys = keys.into_iter().map(NamedExpr::into_parts).collect();
        Self::new(Relation::Pivot { from: self.clone(), keys, pivot, measures: measures.into_iter().collect() })
    }

    /// A row for each of some columns, with the column's name as `variable` and its value as `value`.
    #[must_use]
    pub fn unpivot<'a>(&self, columns: impl IntoIterator<Item = &'a str>) -> Self {
        self.unpivot_as(columns, "variable", "value")
    }

    /// As [`Plan::unpivot`], with other names for the two columns.
    #[must_use]
    pub fn unpivot_as<'a>(&self, columns: impl IntoIterator<Item = &'a str>, variable: &str, value: &str) -> Self {
        Self::new(Relation::Unpivot {
            from: self.clone(),
            columns: columns.into_iter().map(str::to_owned).collect(),
            variable: variable.to_owned(),
            value: value.to_owned(),
        })
    }

    /// Each row with the probability `fraction`, chosen by the seed and the row's place: the same rows in each run.
    #[must_use]
    pub fn sample_fraction(&self, fraction: f64, seed: u64) -> Self {
        Self::new(Relation::Sample { from: self.clone(), seed, size: SampleSize::Fraction(fraction) })
    }

    /// So many rows, or all if there are fewer, chosen by the seed and the rows' places, in the order of the input.
    #[must_use]
    pub fn sample_rows(&self, count: u64, seed: u64) -> Self {
        Self::new(Relation::Sample { from: self.clone(), seed, size: SampleSize::Rows(count) })
    }
}
