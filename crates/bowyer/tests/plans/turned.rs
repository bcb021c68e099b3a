// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Columns that become rows, and rows that become columns.

use std::collections::HashMap;

use bowyer::arrow_schema::DataType;
use bowyer::{col, count_all, measure, pivot};

use crate::cell::{Cell, Row};
use crate::data::Random;
use crate::grown::Grown;

impl Grown {
    /// Two columns of integers as one, with their names beside it.
    pub(crate) fn unpivot(mut self, random: &mut Random) -> Self {
        let (Some(a), Some(b)) = (self.integer(random), self.integer(random)) else { return self };
        if a == b || self.columns.len() < 3 {
            return self;
        }
        let (variable, value) = (self.fresh(random), self.fresh(random));
        self.say(format!("unpivot {a} and {b}"));
        self.plan = self.plan.unpivot_as([self.name(a), self.name(b)], &variable, &value);
        let kept: Vec<usize> = (0..self.columns.len()).filter(|&column| column != a && column != b).collect();
        let names = kept.iter().map(|&column| self.name(column)).collect::<Vec<_>>().join(", ");
        let (own, other) = (self.name(a).to_owned(), self.name(b).to_owned());
        self.from(|from| {
            let one =
                |column: &str| format!("SELECT {names}, '{column}' AS {variable}, {column} AS {value} FROM ({from})");
            format!("({}) UNION ALL ({})", one(&own), one(&other))
        });
        let turned = |row: &Row, column: usize| {
            let mut turned = Self::key(row, &kept);
            turned.extend([Cell::Text(self.name(column).to_owned()), row[column].clone()]);
            turned
        };
        let rows = self.rows.iter().flat_map(|row| [turned(row, a), turned(row, b)]).collect();
        let mut columns: Vec<(String, DataType)> = kept.iter().map(|&column| self.columns[column].clone()).collect();
        columns.extend([(variable, DataType::Utf8), (value, DataType::Int64)]);
        (self.rows, self.columns) = (rows, columns);
        self
    }

    /// Groups with a count and a maximum for each of two values of a column.
    pub(crate) fn pivot(mut self, random: &mut Random) -> Self {
        let (Some(spread), Some(of)) = (self.integer(random), self.integer(random)) else { return self };
        let keys = self.some(random, |_| true);
        let values = [random.below(4) as i64, 4 + random.below(4) as i64];
        let prefixes = values.map(|_| self.fresh(random));
        self.say(format!("pivot {spread} for {values:?} by {keys:?}, of {of}"));
        let mut pivoted = pivot(col(self.name(spread)));
        for (value, prefix) in values.iter().zip(&prefixes) {
            pivoted = pivoted.value_as(*value, prefix);
        }
        let measures = [count_all().named("n"), measure("max", [col(self.name(of))]).named("m")];
        self.plan = self.plan.pivot(keys.iter().map(|&key| col(self.name(key))).collect::<Vec<_>>(), pivoted, measures);
        let names = keys.iter().map(|&key| self.name(key)).collect::<Vec<_>>().join(", ");
        let in_sql = values.iter().zip(&prefixes).map(|(value, prefix)| {
            let (spread, of) = (self.name(spread), self.name(of));
            let chosen = format!("FILTER (WHERE {spread} = {value})");
            format!("count(*) {chosen} AS {prefix}_n, max({of}) {chosen} AS {prefix}_m")
        });
        let in_sql = in_sql.collect::<Vec<_>>().join(", ");
        self.from(|from| format!("SELECT {names}, {in_sql} FROM ({from}) GROUP BY {names}"));
        let mut groups: HashMap<Row, [(i128, Option<i64>); 2]> = HashMap::new();
        for row in &self.rows {
            let cells = groups.entry(Self::key(row, &keys)).or_default();
            for (value, (count, most)) in values.iter().zip(cells) {
                if row[spread].int() == Some(*value) {
                    *count += 1;
                    *most = (*most).max(row[of].int());
                }
            }
        }
        let cells = |(count, most): (i128, Option<i64>)| [Cell::Int(count), Cell::of_int(most)];
        self.rows = groups
            .into_iter()
            .map(|(key, found)| key.into_iter().chain(found.into_iter().flat_map(cells)).collect())
            .collect();
        let mut columns: Vec<(String, DataType)> = keys.iter().map(|&key| self.columns[key].clone()).collect();
        let made = prefixes.iter().flat_map(|prefix| [format!("{prefix}_n"), format!("{prefix}_m")]);
        columns.extend(made.map(|name| (name, DataType::Int64)));
        (self.columns, self.ordered) = (columns, false);
        self
    }
}
