// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Aggregates and windows of the oracle: lists of rows for each group, looked at once for each measure.

use std::collections::{HashMap, HashSet};

use bowyer::arrow_schema::DataType;
use bowyer::{Expr, Measure, col, count_all, measure, over};

use crate::cell::{Cell, Row};
use crate::data::{Random, list_type};
use crate::grown::{Grown, Key, Predicate, Test};

/// What a measure gives for rows in order.
type Gives = Box<dyn Fn(&[&Row]) -> Cell>;

/// What a function gives for values in order.
type OfCells = Box<dyn Fn(&[Cell]) -> Cell>;

/// A measure, its type, and what it gives for rows in order.
struct Measured {
    measure: Measure,
    data_type: DataType,
    gives: Gives,
    /// The measure in SQL, where no order of rows decides what it gives.
    sql: Option<String>,
}

/// What a measure is over: which rows count, and in which order.
struct Over {
    filter: Option<Predicate>,
    distinct: Option<usize>,
    order: Vec<Key>,
}

impl Over {
    fn rows<'a>(&self, rows: &[&'a Row]) -> Vec<&'a Row> {
        let chosen = |row: &&&Row| self.filter.as_ref().is_none_or(|filter| filter(row) == Some(true));
        let mut rows: Vec<&Row> = rows.iter().filter(chosen).copied().collect();
        rows.sort_by(|a, b| Grown::compare(&self.order, a, b));
        if let Some(column) = self.distinct {
            let mut seen = HashSet::new();
            rows.retain(|row| seen.insert(row[column].clone()));
        }
        rows
    }
}

impl Grown {
    /// A random measure; of those that depend on the order of rows only where it is known.
    fn measure(&self, random: &mut Random, in_window: bool) -> Measured {
        let column = random.below(self.columns.len());
        let (name, data_type) = self.columns[column].clone();
        let integer = self.integer(random);
        let kind = random.below(if self.ordered { 8 } else { 5 });
        let argument = |column: usize| -> [Expr; 1] { [col(self.name(column))] };
        let (mut made, data_type, value, of): (_, _, OfCells, _) = match (kind, integer) {
            (0, _) => (count_all(), DataType::Int64, Box::new(|rows| Cell::Int(rows.len() as i128)), column),
            (1, Some(column)) => {
                let sum = |values: &[Cell]| {
                    let values: Vec<i64> = values.iter().filter_map(Cell::int).collect();
                    Cell::of_int((!values.is_empty()).then(|| values.iter().sum()))
                };
                (measure("sum_checked", argument(column)), DataType::Int64, Box::new(sum), column)
            }
            (2 | 3, Some(column)) => {
                let least = kind == 2;
                let extreme = move |values: &[Cell]| {
                    let values = values.iter().filter_map(Cell::int);
                    Cell::of_int(if least { values.min() } else { values.max() })
                };
                let function = if least { "min" } else { "max" };
                (measure(function, argument(column)), DataType::Int64, Box::new(extreme), column)
            }
            (5 | 6, _) if !data_type.is_nested() => {
                let last = kind == 6;
                let end = move |values: &[Cell]| {
                    let mut values = values.iter().filter(|value| !value.is_null());
                    let value = if last { values.next_back() } else { values.next() };
                    value.cloned().unwrap_or(Cell::Null)
                };
                let function = if last { "last" } else { "first" };
                (measure(function, [col(name)]), data_type, Box::new(end), column)
            }
            (7, Some(column)) => {
                let list = |values: &[Cell]| Cell::List(values.to_vec());
                (measure("list", argument(column)), list_type(), Box::new(list), column)
            }
            _ => {
                let count = |values: &[Cell]| Cell::Int(values.iter().filter(|value| !value.is_null()).count() as i128);
                (measure("count", [col(name)]), DataType::Int64, Box::new(count), column)
            }
        };
        let mut over = Over { filter: None, distinct: None, order: Vec::new() };
        let mut filtered = String::new();
        if random.one_in(3) {
            let Test { expression, sql, holds } = self.predicate(random, 1);
            made = made.filter(expression);
            filtered = format!(" FILTER (WHERE {sql})");
            over.filter = Some(holds);
        }
        if kind != 0 && random.one_in(3) {
            made = made.distinct();
            over.distinct = Some(of);
        }
        if self.ordered && !in_window && random.one_in(3) {
            let (keys, order) = self.order(random);
            made = made.order_by(keys);
            over.order = order;
        }
        let argument = format!("{}{}", if over.distinct.is_some() { "DISTINCT " } else { "" }, self.name(of));
        let sql = match (kind, integer) {
            (0, _) => Some(format!("count(*){filtered}")),
            (1, Some(_)) => Some(format!("CAST(sum({argument}){filtered} AS BIGINT)")),
            (2, Some(_)) => Some(format!("min({argument}){filtered}")),
            (3, Some(_)) => Some(format!("max({argument}){filtered}")),
            (5.., _) => None,
            _ => Some(format!("count({argument}){filtered}")),
        };
        let gives = move |rows: &[&Row]| {
            let values: Vec<Cell> = over.rows(rows).iter().map(|row| row[of].clone()).collect();
            value(&values)
        };
        Measured { measure: made, data_type, gives: Box::new(gives), sql }
    }

    pub(crate) fn aggregate(mut self, random: &mut Random) -> Self {
        let sorted = self.ordered && random.one_in(3);
        let keys = if !sorted && random.one_in(5) { Vec::new() } else { self.some(random, |_| true) };
        let measured: Vec<Measured> = (0..1 + random.below(3)).map(|_| self.measure(random, false)).collect();
        let names: Vec<String> = measured.iter().map(|_| self.fresh(random)).collect();
        let measures: Vec<Measure> =
            measured.iter().zip(&names).map(|(measured, name)| measured.measure.clone().named(name.as_str())).collect();
        self.say(format!("aggregate sorted {sorted} by {keys:?}: {measures:?}"));
        let grouped = if keys.is_empty() { String::new() } else { format!(" GROUP BY {}", self.names(&keys)) };
        let columns = self.in_sql(&keys, "", &measured, &names).filter(|_| !sorted);
        self.sql = self.sql.zip(columns).map(|(from, columns)| format!("SELECT {columns} FROM ({from}){grouped}"));
        let key_columns: Vec<Expr> = keys.iter().map(|&key| col(self.name(key))).collect();
        self.plan = match sorted {
            true => self.plan.group_by_sorted(key_columns, measures),
            false => self.plan.group_by(key_columns, measures),
        };
        let mut groups: Vec<(Row, Vec<&Row>)> =
            if keys.is_empty() { vec![(Vec::new(), Vec::new())] } else { Vec::new() };
        let mut known: HashMap<Row, usize> = HashMap::new();
        for row in &self.rows {
            let key = Self::key(row, &keys);
            let continued = if sorted {
                groups.last().is_some_and(|(last, _)| *last == key).then(|| groups.len() - 1)
            } else if keys.is_empty() {
                Some(0)
            } else {
                known.get(&key).copied()
            };
            let group = continued.unwrap_or_else(|| {
                known.insert(key.clone(), groups.len());
                groups.push((key, Vec::new()));
                groups.len() - 1
            });
            groups[group].1.push(row);
        }
        let row = |(key, rows): (Row, Vec<&Row>)| {
            key.into_iter().chain(measured.iter().map(|measured| (measured.gives)(&rows))).collect()
        };
        let rows = groups.into_iter().map(row).collect();
        self.rows = rows;
        let types = keys.iter().map(|&key| self.columns[key].clone());
        let columns =
            types.chain(names.into_iter().zip(measured.into_iter().map(|measured| measured.data_type))).collect();
        self.columns = columns;
        self.ordered = sorted;
        self
    }

    /// Names of columns, as a list.
    fn names(&self, columns: &[usize]) -> String {
        columns.iter().map(|&column| self.name(column)).collect::<Vec<_>>().join(", ")
    }

    /// The columns of a group-by in SQL: keys, something after them, and measures.
    fn in_sql(&self, keys: &[usize], after: &str, measured: &[Measured], names: &[String]) -> Option<String> {
        let keys = keys.iter().map(|&key| Some(self.name(key).to_owned()));
        let after = (!after.is_empty()).then(|| Some(after.to_owned()));
        let measures =
            measured.iter().zip(names).map(|(measured, name)| Some(format!("{} AS {name}", measured.sql.as_ref()?)));
        Some(keys.chain(after).chain(measures).collect::<Option<Vec<_>>>()?.join(", "))
    }

    /// A group-by of several sets of keys.
    pub(crate) fn aggregate_sets(mut self, random: &mut Random) -> Self {
        let keys = self.some(random, |_| true);
        let kind = random.below(3);
        let mut sets: Vec<Vec<usize>> = match kind {
            0 => (0..=keys.len()).rev().map(|count| (0..count).collect()).collect(),
            1 => (0..1 << keys.len())
                .map(|choice| (0..keys.len()).filter(|key| choice >> key & 1 == 0).collect())
                .collect(),
            _ => (0..1 + random.below(3)).map(|_| (0..keys.len()).filter(|_| random.one_in(2)).collect()).collect(),
        };
        sets.sort();
        sets.dedup(); // twice the same is refused
        let measured: Vec<Measured> = (0..1 + random.below(2)).map(|_| self.measure(random, false)).collect();
        let names: Vec<String> = measured.iter().map(|_| self.fresh(random)).collect();
        let number = self.fresh(random);
        let measures: Vec<Measure> =
            measured.iter().zip(&names).map(|(measured, name)| measured.measure.clone().named(name.as_str())).collect();
        self.say(format!("aggregate sets {sets:?} of {keys:?}: {measures:?}"));
        let lists: Vec<String> = sets
            .iter()
            .map(|set| format!("({})", self.names(&set.iter().map(|&key| keys[key]).collect::<Vec<_>>())))
            .collect();
        let id = format!("CAST(GROUPING_ID({}) AS BIGINT) AS {number}", self.names(&keys));
        let named = (0..keys.len()).all(|key| sets.iter().any(|set| set.contains(&key)));
        let columns = self.in_sql(&keys, &id, &measured, &names).filter(|_| named); // SQL asks that of GROUPING_ID
        self.sql = self.sql.zip(columns).map(|(from, columns)| {
            format!("SELECT {columns} FROM ({from}) GROUP BY GROUPING SETS ({})", lists.join(", "))
        });
        let key_columns: Vec<Expr> = keys.iter().map(|&key| col(self.name(key))).collect();
        self.plan = match kind {
            0 => self.plan.rollup(key_columns, measures),
            1 => self.plan.cube(key_columns, measures),
            _ => self.plan.group_by_sets(key_columns, sets.clone(), measures),
        };
        let mut columns: Vec<(String, DataType)> = keys.iter().map(|&key| self.columns[key].clone()).collect();
        columns.push((number.clone(), DataType::Int64));
        columns.extend(names.into_iter().zip(measured.iter().map(|measured| measured.data_type.clone())));
        let renamed = columns.iter().map(|(name, _)| {
            let old = if *name == number { "grouping_id" } else { name };
            col(old).named(name.as_str())
        });
        self.plan = self.plan.select(renamed.collect::<Vec<_>>());
        let mut rows = Vec::new();
        for set in &sets {
            let mut groups: HashMap<Row, Vec<&Row>> = HashMap::new();
            if set.is_empty() {
                groups.insert(vec![Cell::Null; keys.len()], Vec::new());
            }
            for row in &self.rows {
                let key =
                    (0..keys.len()).map(|key| if set.contains(&key) { row[keys[key]].clone() } else { Cell::Null });
                groups.entry(key.collect()).or_default().push(row);
            }
            let id = (0..keys.len()).fold(0, |id, key| id << 1 | i128::from(!set.contains(&key)));
            rows.extend(groups.into_iter().map(|(key, rows)| {
                let measures = measured.iter().map(|measured| (measured.gives)(&rows));
                key.into_iter().chain([Cell::Int(id)]).chain(measures).collect()
            }));
        }
        (self.rows, self.columns, self.ordered) = (rows, columns, false);
        self
    }

    /// A window over frames of rows, for rows that come in a known order.
    pub(crate) fn window(mut self, random: &mut Random) -> Self {
        if !self.ordered {
            return self;
        }
        let partition = if random.one_in(4) { Vec::new() } else { self.some(random, |_| true) };
        let (sort_keys, order) = if random.one_in(4) { (Vec::new(), Vec::new()) } else { self.order(random) };
        let start = (!random.one_in(2)).then(|| random.below(5) as i64 - 3);
        let end = (!random.one_in(3)).then(|| start.unwrap_or(-2) + random.below(4) as i64);
        let bound = |bound: Option<i64>| bound.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Included);
        let measured = self.measure(random, true);
        let (name, number) = (self.fresh(random), self.fresh(random));
        let window = over(partition.iter().map(|&key| col(self.name(key))));
        let window = window.order_by(sort_keys).rows((bound(start), bound(end)));
        let functions = [measured.measure.clone().named(name.as_str()), bowyer::row_number().named(number.as_str())];
        self.sql = None;
        self.say(format!("window by {partition:?} order {order:?} rows {start:?} to {end:?}: {:?}", measured.measure));
        self.plan = self.plan.window(window, functions);
        let mut parts: HashMap<Row, Vec<usize>> = HashMap::new();
        for (at, row) in self.rows.iter().enumerate() {
            parts.entry(Self::key(row, &partition)).or_default().push(at);
        }
        let mut computed = vec![(Cell::Null, Cell::Null); self.rows.len()];
        for mut part in parts.into_values() {
            part.sort_by(|&a, &b| Self::compare(&order, &self.rows[a], &self.rows[b]));
            let rows: Vec<&Row> = part.iter().map(|&at| &self.rows[at]).collect();
            for (at, &row) in part.iter().enumerate() {
                let bounded = |bound: i64| (at as i64 + bound).clamp(0, rows.len() as i64) as usize;
                let first = start.map_or(0, bounded);
                let past = end.map_or(rows.len(), |end| bounded(end + 1)).max(first);
                computed[row] = ((measured.gives)(&rows[first..past]), Cell::Int(at as i128 + 1));
            }
        }
        for (row, (value, number)) in self.rows.iter_mut().zip(computed) {
            row.extend([value, number]);
        }
        self.columns.extend([(name, measured.data_type), (number, DataType::Int64)]);
        self
    }
}
