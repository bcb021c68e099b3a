// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Plans: what to compute, as values that share their parts. A plan that is used twice is computed once.

use std::sync::Arc;

use arrow_schema::Schema;

use crate::as_of::AsOf;
use crate::expression::Expr;
use crate::measure::Measure;
use crate::reshape::{Pivot, SampleSize, Unnest};
use crate::window::Window;

/// What to compute. Holds no data; cheap to clone.
#[derive(Clone, Debug)]
pub struct Plan(pub(crate) Arc<Relation>);

#[derive(Debug)]
pub(crate) enum Relation {
    Input {
        name: String,
        schema: Schema,
        unbounded: bool,
    },
    Filter {
        from: Plan,
        predicate: Expr,
    },
    Project {
        from: Plan,
        columns: Vec<(String, Expr)>,
        extend: bool,
    },
    Aggregate {
        from: Plan,
        keys: Vec<(String, Expr)>,
        sets: Vec<Vec<usize>>,
        measures: Vec<Measure>,
        sorted: bool,
    },
    Join {
        left: Plan,
        right: Plan,
        kind: JoinKind,
        keys: Vec<(String, String)>,
        suffix: String,
        nulls_equal: bool,
        residual: Option<Expr>,
    },
    AsOfJoin {
        left: Plan,
        right: Plan,
        as_of: AsOf,
    },
    Sort {
        from: Plan,
        keys: Vec<SortKey>,
    },
    Limit {
        from: Plan,
        offset: u64,
        count: Option<u64>,
    },
    Union {
        parts: Vec<Plan>,
    },
    Distinct {
        from: Plan,
        columns: Vec<String>,
        keep: Keep,
    },
    Window {
        from: Plan,
        window: Window,
        functions: Vec<Measure>,
    },
    SetOperation {
        parts: Vec<Plan>,
        except: bool,
        all: bool,
    },
    Unnest {
        from: Plan,
        unnest: Unnest,
    },
    Pivot {
        from: Plan,
        keys: Vec<(String, Expr)>,
        pivot: Pivot,
        measures: Vec<Measure>,
    },
    Unpivot {
        from: Plan,
        columns: Vec<String>,
        variable: String,
        value: String,
    },
    Sample {
        from: Plan,
        seed: u64,
        size: SampleSize,
    },
    Rejecting {
        from: Plan,
        rejects: Rejects,
    },
}

/// Where rows go whose expressions fail, and how many may go there.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejects {
    pub(crate) name: String,
    pub(crate) max_share: Option<f64>,
    pub(crate) max_rows: Option<u64>,
}

impl Rejects {
    /// To an output of this name, any number of rows.
    pub fn to(name: impl Into<String>) -> Self {
        Self { name: name.into(), max_share: None, max_rows: None }
    }

    /// At most this share of the rows, from 0 to 1: with more, the query fails at its end.
    #[must_use]
    pub fn max_share(mut self, share: f64) -> Self {
        self.max_share = Some(share);
        self
    }

    /// At most so many rows: with more, the query fails.
    #[must_use]
    pub fn max_rows(mut self, rows: u64) -> Self {
        self.max_rows = Some(rows);
        self
    }
}

/// Which rows a join returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    /// Pairs.
    Inner,
    /// Pairs, and left rows without a partner.
    Left,
    /// Left rows that have a partner.
    LeftSemi,
    /// Left rows that have none.
    LeftAnti,
    /// Pairs, and right rows without a partner.
    Right,
    /// Pairs, and rows of either side without a partner.
    Full,
    /// Right rows that have a partner.
    RightSemi,
    /// Right rows that have none.
    RightAnti,
    /// Left rows whose key is known not to be among the right side's, as `NOT IN` of SQL has it: a null on the right
    /// leaves none, and a left row with a null stays only where the right side is empty. One key.
    LeftAntiNullAware,
    /// All pairs; no keys.
    Cross,
}

/// Which of equal rows [`Plan::distinct_keep`] keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Any of them: whichever is found first.
    Any,
    /// The first in the order of the input.
    First,
    /// The last in the order of the input.
    Last,
}

/// A key of an order.
#[derive(Clone, Debug)]
pub struct SortKey {
    pub(crate) expression: Expr,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

/// Smallest first, nulls last.
#[must_use]
pub fn asc(expression: Expr) -> SortKey {
    SortKey { expression, descending: false, nulls_first: false }
}

/// Largest first, nulls last.
#[must_use]
pub fn desc(expression: Expr) -> SortKey {
    SortKey { expression, descending: true, nulls_first: false }
}

impl SortKey {
    /// The same with nulls before all values.
    #[must_use]
    pub fn nulls_first(mut self) -> Self {
        self.nulls_first = true;
        self
    }
}

/// A column of a projection or a key: an expression, named or not. A plain column keeps its name.
pub trait NamedExpr {
    /// Its name, empty when it has none, and the expression.
    fn into_parts(self) -> (String, Expr);
}

impl NamedExpr for Expr {
    fn into_parts(self) -> (String, Expr) {
        (String::new(), self)
    }
}

impl NamedExpr for (String, Expr) {
    fn into_parts(self) -> (String, Expr) {
        self
    }
}

impl NamedExpr for &str {
    fn into_parts(self) -> (String, Expr) {
        (String::new(), crate::col(self))
    }
}

impl Plan {
    pub(crate) fn new(relation: Relation) -> Self {
        Self(Arc::new(relation))
    }

    /// The rows of a named input, which [`Engine::run`](crate::Engine::run) binds.
    pub fn input(name: impl Into<String>, schema: &Schema) -> Self {
        Self::new(Relation::Input { name: name.into(), schema: schema.clone(), unbounded: false })
    }

    /// The rows of an input that may never end. What needs all rows is refused above it.
    pub fn unbounded_input(name: impl Into<String>, schema: &Schema) -> Self {
        Self::new(Relation::Input { name: name.into(), schema: schema.clone(), unbounded: true })
    }

    /// The rows whose predicate is true.
    #[must_use]
    pub fn filter(&self, predicate: Expr) -> Self {
        Self::new(Relation::Filter { from: self.clone(), predicate })
    }

    /// Computed columns, in place of those that are there.
    #[must_use]
    pub fn select<C: NamedExpr>(&self, columns: impl IntoIterator<Item = C>) -> Self {
        let columns = columns.into_iter().map(NamedExpr::into_parts).collect();
        Self::new(Relation::Project { from: self.clone(), columns, extend: false })
    }

    /// Computed columns beside those that are there; one of an existing name takes its place.
    #[must_use]
    pub fn with<C: NamedExpr>(&self, columns: impl IntoIterator<Item = C>) -> Self {
        let columns = columns.into_iter().map(NamedExpr::into_parts).collect();
        Self::new(Relation::Project { from: self.clone(), columns, extend: true })
    }

    /// One row for each combination of the keys.
    #[must_use]
    pub fn group_by<C: NamedExpr>(
        &self,
        keys: impl IntoIterator<Item = C>,
        measures: impl IntoIterator<Item = Measure>,
    ) -> Self {
        self.group_by_sets(keys, [], measures)
    }

    /// One row for each combination of some of the keys, for each of several sets of them: lists of indices into `keys`.
    /// Keys that are not in a set are null in its rows. After the keys stands `grouping_id`, which has a bit for each key
    /// left out, the last key's the lowest. Without sets this is [`Plan::group_by`].
    #[must_use]
    pub fn group_by_sets<C: NamedExpr>(
        &self,
        keys: impl IntoIterator<Item = C>,
        sets: impl IntoIterator<Item = Vec<usize>>,
        measures: impl IntoIterator<Item = Measure>,
    ) -> Self {
        Self::new(Relation::Aggregate {
            from: self.clone(),
            keys: keys.into_iter().map(NamedExpr::into_parts).collect(),
            sets: sets.into_iter().collect(),
            measures: measures.into_iter().collect(),
            sorted: false,
        })
    }

    /// As [`Plan::group_by`], of rows that stand together when their keys are equal, as after a sort by them: a group is given
    /// when the next one begins, in the order of the input, so an unbounded input may be grouped. Where a key comes again
    /// later, there is another group of it.
    #[must_use]
    pub fn group_by_sorted<C: NamedExpr>(
        &self,
        keys: impl IntoIterator<Item = C>,
        measures: impl IntoIterator<Item = Measure>,
    ) -> Self {
        Self::new(Relation::Aggregate {
            from: self.clone(),
            keys: keys.into_iter().map(NamedExpr::into_parts).collect(),
            sets: Vec::new(),
            measures: measures.into_iter().collect(),
            sorted: true,
        })
    }

    /// [`Plan::group_by_sets`] of all keys, all but the last, and so on to none: subtotals and a total.
    #[must_use]
    pub fn rollup<C: NamedExpr>(
        &self,
        keys: impl IntoIterator<Item = C>,
        measures: impl IntoIterator<Item = Measure>,
    ) -> Self {
        let keys: Vec<C> = keys.into_iter().collect();
        let sets: Vec<Vec<usize>> = (0..=keys.len()).rev().map(|count| (0..count).collect()).collect();
        self.group_by_sets(keys, sets, measures)
    }

    /// [`Plan::group_by_sets`] of every choice of the keys. The number of sets doubles with each key; more than twelve
    /// are refused when the plan is prepared.
    #[must_use]
    pub fn cube<C: NamedExpr>(
        &self,
        keys: impl IntoIterator<Item = C>,
        measures: impl IntoIterator<Item = Measure>,
    ) -> Self {
        let keys: Vec<C> = keys.into_iter().collect();
        let chosen = |choice: u32| (0..keys.len()).filter(|&key| choice >> (key % 32) & 1 == 0).collect();
        let sets: Vec<Vec<usize>> = (0..1 << keys.len().min(13)).map(chosen).collect();
        self.group_by_sets(keys, sets, measures)
    }

    /// One row for all rows.
    #[must_use]
    pub fn aggregate(&self, measures: impl IntoIterator<Item = Measure>) -> Self {
        self.group_by::<Expr>([], measures)
    }

    /// Pairs of rows with equal keys: pairs of a left and a right column. Other columns of one name on both sides are
    /// refused; [`Plan::join_with_suffix`] renames those of the right.
    #[must_use]
    pub fn join<'a>(&self, right: &Self, kind: JoinKind, keys: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.join_with_suffix(right, kind, keys, "")
    }

    /// As [`Plan::join`]; columns of the right whose names are taken get a suffix.
    #[must_use]
    pub fn join_with_suffix<'a>(
        &self,
        right: &Self,
        kind: JoinKind,
        keys: impl IntoIterator<Item = (&'a str, &'a str)>,
        suffix: &str,
    ) -> Self {
        self.joined(right, kind, keys, (suffix, false, None))
    }

    /// As [`Plan::join_with_suffix`], where null keys are equal to one another. Otherwise they have no partner.
    #[must_use]
    pub fn join_with_equal_nulls<'a>(
        &self,
        right: &Self,
        kind: JoinKind,
        keys: impl IntoIterator<Item = (&'a str, &'a str)>,
        suffix: &str,
    ) -> Self {
        self.joined(right, kind, keys, (suffix, true, None))
    }

    /// As [`Plan::join_with_suffix`]; rows match only where a condition is true of them as well. It sees the columns that
    /// an inner join would give, whatever the kind. With a condition there need be no keys.
    ///
    /// ```
    /// use bowyer::{JoinKind, Plan, col};
    /// # use bowyer::arrow_schema::{DataType, Field, Schema};
    /// # let orders = Schema::new(vec![Field::new("id", DataType::Int64, false), Field::new("day", DataType::Int64, false)]);
    /// # let visits = Schema::new(vec![Field::new("id", DataType::Int64, false), Field::new("seen", DataType::Int64, false)]);
    /// let (orders, visits) = (Plan::input("orders", &orders), Plan::input("visits", &visits));
    /// let before = orders.join_where(&visits, JoinKind::Left, [("id", "id")], "", col("seen").le(col("day")));
    /// ```
    #[must_use]
    pub fn join_where<'a>(
        &self,
        right: &Self,
        kind: JoinKind,
        keys: impl IntoIterator<Item = (&'a str, &'a str)>,
        suffix: &str,
        condition: Expr,
    ) -> Self {
        self.joined(right, kind, keys, (suffix, false, Some(condition)))
    }

    /// All pairs of rows. Columns of the right whose names are taken get a suffix.
    #[must_use]
    pub fn cross_join(&self, right: &Self, suffix: &str) -> Self {
        self.joined(right, JoinKind::Cross, [], (suffix, false, None))
    }

    fn joined<'a>(
        &self,
        right: &Self,
        kind: JoinKind,
        keys: impl IntoIterator<Item = (&'a str, &'a str)>,
        (suffix, nulls_equal, residual): (&str, bool, Option<Expr>),
    ) -> Self {
        Self::new(Relation::Join {
            left: self.clone(),
            right: right.clone(),
            kind,
            keys: keys.into_iter().map(|(left, right)| (left.to_owned(), right.to_owned())).collect(),
            suffix: suffix.to_owned(),
            nulls_equal,
            residual,
        })
    }

    /// Sets rows aside for which an expression of the last relation fails (a filter, a projection, an aggregate, a sort, a
    /// window or a pivot): they go to an output of their own, with their columns and what is wrong. Of a join, rows of the
    /// left side for which the condition fails on a pair (of the right side in right, right semi and right anti joins).
    /// See [`Rows::output`](crate::Rows::output).
    #[must_use]
    pub fn rejects(&self, rejects: Rejects) -> Self {
        Self::new(Relation::Rejecting { from: self.clone(), rejects })
    }

    /// The rows in order; stable.
    #[must_use]
    pub fn sort(&self, keys: impl IntoIterator<Item = SortKey>) -> Self {
        Self::new(Relation::Sort { from: self.clone(), keys: keys.into_iter().collect() })
    }

    /// The first rows.
    #[must_use]
    pub fn limit(&self, count: u64) -> Self {
        self.range(0, Some(count))
    }

    /// The rows after the first `offset`, at most `count` of them.
    #[must_use]
    pub fn range(&self, offset: u64, count: Option<u64>) -> Self {
        Self::new(Relation::Limit { from: self.clone(), offset, count })
    }

    /// The rows of this plan, then those of the others.
    #[must_use]
    pub fn union<'a>(&self, others: impl IntoIterator<Item = &'a Self>) -> Self {
        let others = others.into_iter().cloned();
        Self::new(Relation::Union { parts: std::iter::once(self.clone()).chain(others).collect() })
    }

    /// Columns that are computed for each row from the rows around it, after those that are there. Rows keep their order.
    #[must_use]
    pub fn window(&self, window: Window, functions: impl IntoIterator<Item = Measure>) -> Self {
        Self::new(Relation::Window { from: self.clone(), window, functions: functions.into_iter().collect() })
    }

    /// The first row of each combination of columns; of all columns when none is named.
    #[must_use]
    pub fn distinct<'a>(&self, columns: impl IntoIterator<Item = &'a str>) -> Self {
        self.distinct_keep(Keep::First, columns)
    }

    /// One row of each combination of columns, the one that `keep` says; of all columns when none is named.
    #[must_use]
    pub fn distinct_keep<'a>(&self, keep: Keep, columns: impl IntoIterator<Item = &'a str>) -> Self {
        let columns = columns.into_iter().map(str::to_owned).collect();
        Self::new(Relation::Distinct { from: self.clone(), columns, keep })
    }
}
