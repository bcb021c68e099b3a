// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A plan as it grows, with the rows that are due: each step is added to the plan and done to the rows.

use bowyer::arrow_schema::DataType;
use bowyer::{Expr, Keep, Plan, SortKey, asc, col, desc, function, lit};

use crate::cell::{Cell, Row, in_order};
use crate::data::Random;

/// A plan and its rows.
#[derive(Clone)]
pub(crate) struct Grown {
    pub(crate) plan: Plan,
    pub(crate) columns: Vec<(String, DataType)>,
    pub(crate) rows: Vec<Row>,
    /// Whether the rows come in this order.
    pub(crate) ordered: bool,
    /// The steps in words.
    pub(crate) said: Vec<String>,
    /// The plan in SQL, as long as SQL has a word for each step and no answer hangs on an order of rows.
    pub(crate) sql: Option<String>,
}

/// A key of an order: a column, descending, nulls first.
pub(crate) type Key = (usize, bool, bool);

/// A predicate on a row.
pub(crate) type Predicate = Box<dyn Fn(&Row) -> Option<bool>>;

/// A predicate, as the engine, another engine and the oracle have it.
pub(crate) struct Test {
    pub(crate) expression: Expr,
    pub(crate) sql: String,
    pub(crate) holds: Predicate,
}

impl Grown {
    pub(crate) fn name(&self, column: usize) -> &str {
        &self.columns[column].0
    }

    pub(crate) fn say(&mut self, step: impl Into<String>) {
        self.said.push(step.into());
    }

    /// A name that no column has.
    pub(crate) fn fresh(&self, random: &mut Random) -> String {
        format!("c{}_{}", self.said.len(), random.below(1 << 30))
    }

    /// A column that `fits`, if there is one.
    pub(crate) fn column(&self, random: &mut Random, fits: impl Fn(&DataType) -> bool) -> Option<usize> {
        let fitting: Vec<usize> = (0..self.columns.len()).filter(|&column| fits(&self.columns[column].1)).collect();
        if fitting.is_empty() { None } else { Some(*random.pick(&fitting)) }
    }

    pub(crate) fn integer(&self, random: &mut Random) -> Option<usize> {
        self.column(random, |data_type| *data_type == DataType::Int64)
    }

    /// One to three different columns that `fit`.
    pub(crate) fn some(&self, random: &mut Random, fits: impl Fn(&DataType) -> bool) -> Vec<usize> {
        let mut chosen = Vec::new();
        for _ in 0..1 + random.below(3) {
            chosen.extend(self.column(random, &fits).filter(|column| !chosen.contains(column)));
        }
        chosen
    }

    /// The values of some columns of a row.
    pub(crate) fn key(row: &Row, columns: &[usize]) -> Row {
        columns.iter().map(|&column| row[column].clone()).collect()
    }

    /// A random predicate.
    pub(crate) fn predicate(&self, random: &mut Random, depth: usize) -> Test {
        if depth > 0 && random.one_in(2) {
            return combined(random.below(3), self.predicate(random, depth - 1), self.predicate(random, depth - 1));
        }
        let than = random.below(8) as i64;
        let Some(column) = self.integer(random).filter(|_| random.below(4) > 0) else {
            let column = random.below(self.columns.len());
            let (expression, sql) = (col(self.name(column)).is_valid(), format!("{} IS NOT NULL", self.name(column)));
            return Test { expression, sql, holds: Box::new(move |row| Some(!row[column].is_null())) };
        };
        let (name, value) = (self.name(column), col(self.name(column)));
        let (expression, sql, holds): (_, _, fn(i64, i64) -> bool) = match random.below(3) {
            0 => (value.lt(than), format!("{name} < {than}"), |value, than| value < than),
            1 => (value.ge(than), format!("{name} >= {than}"), |value, than| value >= than),
            _ => (value.not_equal(than), format!("{name} <> {than}"), |value, than| value != than),
        };
        Test { expression, sql, holds: Box::new(move |row| row[column].int().map(|value| holds(value, than))) }
    }

    pub(crate) fn filter(mut self, random: &mut Random) -> Self {
        let Test { expression, sql, holds } = self.predicate(random, 2);
        self.say(format!("filter {expression:?}"));
        self.from(|from| format!("SELECT * FROM ({from}) WHERE {sql}"));
        self.plan = self.plan.filter(expression);
        self.rows.retain(|row| holds(row) == Some(true));
        self
    }

    /// The next step in SQL, given the steps before it.
    pub(crate) fn from(&mut self, step: impl FnOnce(String) -> String) {
        self.sql = self.sql.take().map(step);
    }

    pub(crate) fn with(mut self, random: &mut Random) -> Self {
        let (Some(a), Some(b)) = (self.integer(random), self.integer(random)) else { return self };
        let (name, add) = (self.fresh(random), random.below(5) as i64);
        self.say(format!("with {name} = {} + {} + {add}", self.name(a), self.name(b)));
        let in_sql = format!("{} + {} + {add} AS {name}", self.name(a), self.name(b));
        self.from(|from| format!("SELECT *, {in_sql} FROM ({from})"));
        let sum = function("add", [function("add", [col(self.name(a)), col(self.name(b))], []), lit(add)], []);
        self.plan = self.plan.with([sum.named(name.as_str())]);
        self.columns.push((name, DataType::Int64));
        for row in &mut self.rows {
            let sum = row[a].int().zip(row[b].int()).map(|(a, b)| a + b + add);
            row.push(Cell::of_int(sum));
        }
        self
    }

    pub(crate) fn select(mut self, random: &mut Random) -> Self {
        let kept: Vec<usize> = (0..self.columns.len()).filter(|_| random.below(5) > 0).collect();
        if kept.is_empty() {
            return self;
        }
        let names: Vec<String> = kept.iter().map(|_| self.fresh(random)).collect();
        let columns = kept.iter().zip(&names).map(|(&column, name)| col(self.name(column)).named(name.as_str()));
        self.plan = self.plan.select(columns.collect::<Vec<_>>());
        self.say(format!("select {kept:?}"));
        let in_sql: Vec<String> =
            kept.iter().zip(&names).map(|(&column, name)| format!("{} AS {name}", self.name(column))).collect();
        self.from(|from| format!("SELECT {} FROM ({from})", in_sql.join(", ")));
        self.columns = kept.iter().zip(names).map(|(&column, name)| (name, self.columns[column].1.clone())).collect();
        self.rows = self.rows.iter().map(|row| Self::key(row, &kept)).collect();
        self
    }

    /// Random keys of an order, as the engine and as the oracle has them.
    pub(crate) fn order(&self, random: &mut Random) -> (Vec<SortKey>, Vec<Key>) {
        let keys: Vec<Key> = self
            .some(random, |data_type| !data_type.is_nested())
            .into_iter()
            .map(|column| (column, random.one_in(2), random.one_in(2)))
            .collect();
        (keys.iter().map(|&key| self.sort_key(key)).collect(), keys)
    }

    pub(crate) fn sort_key(&self, (column, descending, nulls_first): Key) -> SortKey {
        let key = if descending { desc(col(self.name(column))) } else { asc(col(self.name(column))) };
        if nulls_first { key.nulls_first() } else { key }
    }

    pub(crate) fn compare(keys: &[Key], a: &Row, b: &Row) -> std::cmp::Ordering {
        let of = |&(column, descending, nulls_first): &Key| in_order(&a[column], &b[column], descending, nulls_first);
        keys.iter().map(of).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    }

    pub(crate) fn sort(self, random: &mut Random) -> Self {
        let (_, keys) = self.order(random);
        self.sort_by(keys)
    }

    /// Sorts by every column that has an order: rows that are still equal then are the same, but for lists.
    pub(crate) fn sort_by_all(self) -> Self {
        let keys: Vec<Key> = (0..self.columns.len()).map(|column| (column, false, false)).collect();
        let mut sorted = self.sort_by(keys);
        sorted.ordered |= !sorted.columns.iter().any(|(_, data_type)| data_type.is_nested());
        sorted
    }

    fn sort_by(mut self, mut keys: Vec<Key>) -> Self {
        keys.retain(|&(column, ..)| !self.columns[column].1.is_nested());
        if keys.is_empty() {
            return self;
        }
        self.say(format!("sort {keys:?}"));
        let sort_keys: Vec<SortKey> = keys.iter().map(|&key| self.sort_key(key)).collect();
        self.plan = self.plan.sort(sort_keys);
        self.rows.sort_by(|a, b| Self::compare(&keys, a, b));
        self
    }

    pub(crate) fn limit(mut self, random: &mut Random) -> Self {
        if !self.ordered {
            return self;
        }
        let (offset, count) = (random.below(4), random.below(40));
        self.say(format!("limit {count} offset {offset}"));
        self.sql = None;
        self.plan = self.plan.range(offset as u64, Some(count as u64));
        self.rows = self.rows.into_iter().skip(offset).take(count).collect();
        self
    }

    pub(crate) fn distinct(mut self, random: &mut Random) -> Self {
        let all = !self.ordered || random.one_in(3);
        let columns = if all { (0..self.columns.len()).collect() } else { self.some(random, |_| true) };
        let keep = if all { Keep::Any } else { *random.pick(&[Keep::First, Keep::Last]) };
        let names: Vec<&str> = columns.iter().map(|&column| self.columns[column].0.as_str()).collect();
        self.plan = self.plan.distinct_keep(keep, names);
        self.say(format!("distinct {columns:?} keep {keep:?}"));
        self.sql = self.sql.filter(|_| all).map(|from| format!("SELECT DISTINCT * FROM ({from})"));
        let mut seen = std::collections::HashSet::new();
        if keep == Keep::Last {
            self.rows.reverse();
        }
        self.rows.retain(|row| seen.insert(Self::key(row, &columns)));
        self.ordered = false;
        self
    }

    pub(crate) fn union(mut self, random: &mut Random) -> Self {
        let other = self.clone().filter(random);
        self.plan = self.plan.union([&other.plan]);
        self.say(format!("union with it and {:?}", other.said.last()));
        self.sql = self.sql.zip(other.sql.as_ref()).map(|(one, other)| format!("({one}) UNION ALL ({other})"));
        self.rows.extend(other.rows);
        self
    }

    pub(crate) fn set_operation(mut self, random: &mut Random) -> Self {
        let other = self.clone().filter(random).filter(random);
        let (except, all) = (random.one_in(2), random.one_in(2));
        self.plan = match (except, all) {
            (true, true) => self.plan.except_all([&other.plan]),
            (true, false) => self.plan.except([&other.plan]),
            (false, true) => self.plan.intersect_all([&other.plan]),
            (false, false) => self.plan.intersect([&other.plan]),
        };
        self.say(format!("except {except} all {all} of {:?}", other.said));
        let (word, every) = (if except { "EXCEPT" } else { "INTERSECT" }, if all { " ALL" } else { "" });
        self.sql = self.sql.zip(other.sql.as_ref()).map(|(one, other)| format!("({one}) {word}{every} ({other})"));
        let (mut left, mut seen) = (other.rows, std::collections::HashSet::new());
        self.rows.retain(|row| {
            if !all {
                return left.contains(row) != except && seen.insert(row.clone());
            }
            let found = left.iter().position(|other| other == row);
            if let Some(found) = found {
                left.swap_remove(found);
            }
            found.is_some() != except
        });
        self
    }

    pub(crate) fn unnest(mut self, random: &mut Random) -> Self {
        let Some(list) = self.column(random, DataType::is_nested) else { return self };
        let keep = random.one_in(2);
        let step = bowyer::unnest([self.columns[list].0.as_str()]);
        self.plan = self.plan.unnest(if keep { step.keep_empty() } else { step });
        self.say(format!("unnest {list} keep {keep}"));
        let name = self.name(list).to_owned();
        let lists = match keep {
            true => format!("CASE WHEN {name} IS NULL OR len({name}) = 0 THEN [NULL] ELSE {name} END"),
            false => name.clone(),
        };
        self.from(|from| format!("SELECT * REPLACE (unnest({lists}) AS {name}) FROM ({from})"));
        self.columns[list].1 = DataType::Int64;
        let mut rows = Vec::new();
        for row in &self.rows {
            let elements = match &row[list] {
                Cell::List(elements) if !elements.is_empty() => elements.clone(),
                _ if keep => vec![Cell::Null],
                _ => Vec::new(),
            };
            rows.extend(elements.into_iter().map(|element| {
                let mut row = row.clone();
                row[list] = element;
                row
            }));
        }
        self.rows = rows;
        self
    }
}

/// Two predicates under `and` or `or`, or the opposite of the first.
fn combined(how: usize, a: Test, b: Test) -> Test {
    let (says_a, says_b) = (a.holds, b.holds);
    match how {
        0 => Test {
            expression: a.expression.and(b.expression),
            sql: format!("({} AND {})", a.sql, b.sql),
            holds: Box::new(move |row| match (says_a(row), says_b(row)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            }),
        },
        1 => Test {
            expression: a.expression.or(b.expression),
            sql: format!("({} OR {})", a.sql, b.sql),
            holds: Box::new(move |row| match (says_a(row), says_b(row)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            }),
        },
        _ => Test {
            expression: function("invert", [a.expression], []),
            sql: format!("(NOT {})", a.sql),
            holds: Box::new(move |row| says_a(row).map(|truth| !truth)),
        },
    }
}
