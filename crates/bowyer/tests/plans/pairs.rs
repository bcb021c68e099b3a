// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Joins of the oracle: every pair is looked at.

use bowyer::arrow_schema::DataType;
use bowyer::{AsOf, AsOfDirection, Expr, JoinKind, col};

use crate::cell::{Cell, Row};
use crate::data::Random;
use crate::grown::Grown;

const KINDS: [JoinKind; 10] = [
    JoinKind::Inner,
    JoinKind::Left,
    JoinKind::Right,
    JoinKind::Full,
    JoinKind::LeftSemi,
    JoinKind::LeftAnti,
    JoinKind::RightSemi,
    JoinKind::RightAnti,
    JoinKind::LeftAntiNullAware,
    JoinKind::Cross,
];

/// A condition on pairs: the left value compared with the right one.
type Condition = (usize, usize, usize);

/// Whether values of some columns are in the relation that a condition of this number names.
fn holds(&(left, right, relation): &Condition, a: &Row, b: &Row) -> bool {
    let Some((a, b)) = a[left].int().zip(b[right].int()) else { return false };
    match relation {
        0 => a < b,
        1 => a <= b,
        2 => a > b,
        3 => a >= b,
        _ => a != b,
    }
}

fn expression(left: &Grown, right: &Grown, &(a, b, relation): &Condition) -> Expr {
    let (a, b) = (col(left.name(a)), col(right.name(b)));
    match relation {
        0 => a.lt(b),
        1 => a.le(b),
        2 => a.gt(b),
        3 => a.ge(b),
        _ => a.not_equal(b),
    }
}

/// A condition in SQL, over `l` and `r`.
fn in_sql(left: &Grown, right: &Grown, &(a, b, relation): &Condition) -> String {
    format!("l.{} {} r.{}", left.name(a), ["<", "<=", ">", ">=", "<>"][relation], right.name(b))
}

/// A join of `l` and `r` in SQL.
fn joined(kind: JoinKind, (l, r): (&str, &str), tests: &str, key: Option<(&str, &str)>) -> String {
    let pairs = |word: &str| format!("SELECT l.*, r.* FROM ({l}) l {word} JOIN ({r}) r ON {tests}");
    let found = |word: &str, of: &str, among: &str, other: &str, alias: &str| {
        format!("SELECT * FROM ({of}) {alias} WHERE {word} (SELECT 1 FROM ({among}) {other} WHERE {tests})")
    };
    match kind {
        JoinKind::Inner => pairs("INNER"),
        JoinKind::Left => pairs("LEFT"),
        JoinKind::Right => pairs("RIGHT"),
        JoinKind::Full => pairs("FULL"),
        JoinKind::LeftSemi => found("EXISTS", l, r, "r", "l"),
        JoinKind::LeftAnti => found("NOT EXISTS", l, r, "r", "l"),
        JoinKind::RightSemi => found("EXISTS", r, l, "l", "r"),
        JoinKind::RightAnti => found("NOT EXISTS", r, l, "l", "r"),
        JoinKind::LeftAntiNullAware => {
            let (own, other) = key.unwrap_or_default();
            format!("SELECT * FROM ({l}) WHERE {own} NOT IN (SELECT {other} FROM ({r}))")
        }
        _ => format!("SELECT l.*, r.* FROM ({l}) l CROSS JOIN ({r}) r"),
    }
}

/// Pairs of columns of one type.
fn keys(random: &mut Random, left: &Grown, right: &Grown, count: usize) -> Vec<(usize, usize)> {
    let mut keys: Vec<(usize, usize)> = Vec::new();
    for _ in 0..count {
        let own = random.below(left.columns.len());
        let other = right.column(random, |data_type| *data_type == left.columns[own].1);
        keys.extend(other.map(|other| (own, other)).filter(|pair| !keys.contains(pair)));
    }
    keys
}

impl Grown {
    /// The same under names that no other table has.
    fn renamed(mut self, random: &mut Random) -> Self {
        let names: Vec<String> = self.columns.iter().map(|_| format!("r{}", random.below(1 << 30))).collect();
        let columns = self.columns.iter().zip(&names).map(|((old, _), new)| col(old.as_str()).named(new.as_str()));
        self.plan = self.plan.select(columns.collect::<Vec<_>>());
        let in_sql = self.columns.iter().zip(&names).map(|((old, _), new)| format!("{old} AS {new}"));
        let in_sql = in_sql.collect::<Vec<_>>().join(", ");
        self.from(|from| format!("SELECT {in_sql} FROM ({from})"));
        for ((name, _), new) in self.columns.iter_mut().zip(names) {
            *name = new;
        }
        self
    }

    fn conditions(&self, random: &mut Random, right: &Self) -> Vec<Condition> {
        let mut conditions = Vec::new();
        for _ in 0..1 + random.below(2) {
            if let (Some(left), Some(right)) = (self.integer(random), right.integer(random)) {
                conditions.push((left, right, random.below(5)));
            }
        }
        conditions
    }

    pub(crate) fn join(mut self, random: &mut Random, other: &Self) -> Self {
        let right = other.clone().renamed(random);
        let mut kind = *random.pick(&KINDS);
        let aware = kind == JoinKind::LeftAntiNullAware;
        let count = if aware { 1 } else { random.below(3) };
        let keys = if kind == JoinKind::Cross { Vec::new() } else { keys(random, &self, &right, count) };
        let conditions = if kind != JoinKind::Cross && !aware && (keys.is_empty() || random.one_in(2)) {
            self.conditions(random, &right)
        } else {
            Vec::new()
        };
        if keys.is_empty() && conditions.is_empty() {
            kind = JoinKind::Cross;
        }
        let aware = kind == JoinKind::LeftAntiNullAware;
        if self.rows.len() * right.rows.len() > 20_000 {
            return self;
        }
        let nulls_equal = conditions.is_empty() && !aware && !keys.is_empty() && random.one_in(3);
        self.say(format!("join {kind:?} on {keys:?} nulls {nulls_equal} where {conditions:?}"));
        let names: Vec<(&str, &str)> = keys.iter().map(|&(own, other)| (self.name(own), right.name(other))).collect();
        let condition = conditions.iter().map(|one| expression(&self, &right, one)).reduce(Expr::and);
        self.plan = match condition {
            _ if kind == JoinKind::Cross => self.plan.cross_join(&right.plan, ""),
            Some(condition) => self.plan.join_where(&right.plan, kind, names, "", condition),
            None if nulls_equal => self.plan.join_with_equal_nulls(&right.plan, kind, names, ""),
            None => self.plan.join(&right.plan, kind, names),
        };
        let tests = keys.iter().map(|&(own, other)| {
            let relation = if nulls_equal { "IS NOT DISTINCT FROM" } else { "=" };
            format!("l.{} {relation} r.{}", self.name(own), right.name(other))
        });
        let tests: Vec<String> = tests.chain(conditions.iter().map(|one| in_sql(&self, &right, one))).collect();
        let sql = self.sql.take().zip(right.sql.as_ref());
        self.sql = sql.map(|(l, r)| {
            joined(
                kind,
                (&l, r),
                &tests.join(" AND "),
                keys.first().map(|&(own, other)| (self.name(own), right.name(other))),
            )
        });
        let matches = |a: &Row, b: &Row| {
            let equal = |&(own, other): &(usize, usize)| a[own] == b[other] && (nulls_equal || !a[own].is_null());
            keys.iter().all(equal) && conditions.iter().all(|condition| holds(condition, a, b))
        };
        self.rows = if aware { not_in(&self.rows, &right.rows, keys[0]) } else { self.paired(&right, kind, matches) };
        self.columns = match kind {
            JoinKind::LeftSemi | JoinKind::LeftAnti | JoinKind::LeftAntiNullAware => self.columns,
            JoinKind::RightSemi | JoinKind::RightAnti => right.columns,
            _ => self.columns.into_iter().chain(right.columns).collect(),
        };
        self.ordered = false;
        self
    }

    fn paired(&self, right: &Self, kind: JoinKind, matches: impl Fn(&Row, &Row) -> bool) -> Vec<Row> {
        let (mut rows, mut met) = (Vec::new(), vec![false; right.rows.len()]);
        let nothing = |columns: &[(String, DataType)]| vec![Cell::Null; columns.len()];
        for a in &self.rows {
            let partners: Vec<usize> = (0..right.rows.len()).filter(|&at| matches(a, &right.rows[at])).collect();
            partners.iter().for_each(|&at| met[at] = true);
            match kind {
                JoinKind::LeftSemi => rows.extend((!partners.is_empty()).then(|| a.clone())),
                JoinKind::LeftAnti => rows.extend(partners.is_empty().then(|| a.clone())),
                JoinKind::RightSemi | JoinKind::RightAnti => {}
                _ => rows.extend(partners.iter().map(|&at| [a.clone(), right.rows[at].clone()].concat())),
            }
            if matches!(kind, JoinKind::Left | JoinKind::Full) && partners.is_empty() {
                rows.push([a.clone(), nothing(&right.columns)].concat());
            }
        }
        for (b, met) in right.rows.iter().zip(met) {
            match kind {
                JoinKind::RightSemi if met => rows.push(b.clone()),
                JoinKind::RightAnti if !met => rows.push(b.clone()),
                JoinKind::Right | JoinKind::Full if !met => {
                    rows.push([nothing(&self.columns), b.clone()].concat());
                }
                _ => {}
            }
        }
        rows
    }

    /// An as-of join by integers; both sides come in a known order.
    pub(crate) fn joined_as_of(mut self, random: &mut Random, other: &Self) -> Self {
        let right = other.clone().renamed(random);
        let (Some(on), Some(right_on)) = (self.integer(random), right.integer(random)) else { return self };
        let count = random.below(2);
        let by = keys(random, &self, &right, count);
        let (strict, within) = (random.one_in(2), random.one_in(2).then(|| random.below(4) as i64));
        let forward = random.one_in(2);
        self.say(format!("as of {on} = {right_on} by {by:?} forward {forward} strict {strict} within {within:?}"));
        self.sql = None;
        let mut as_of = AsOf::on(self.name(on), right.name(right_on));
        for &(own, other) in &by {
            as_of = as_of.by(self.name(own), right.name(other));
        }
        as_of = if forward { as_of.direction(AsOfDirection::Forward) } else { as_of };
        as_of = if strict { as_of.strict() } else { as_of };
        as_of = if let Some(within) = within { as_of.within(within) } else { as_of };
        self.plan = self.plan.as_of_join(&right.plan, as_of);
        for row in &mut self.rows {
            let mut best: Option<(i64, &Row)> = None;
            for candidate in &right.rows {
                let equal = |&(own, other): &(usize, usize)| row[own] == candidate[other] && !row[own].is_null();
                let Some((at, there)) = row[on].int().zip(candidate[right_on].int()) else { continue };
                let distance = if forward { there - at } else { at - there };
                let near = distance >= i64::from(strict) && within.is_none_or(|within| distance <= within);
                // Of equal ones the last before, the first after.
                let better = best.is_none_or(|(least, _)| if forward { distance < least } else { distance <= least });
                if near && better && by.iter().all(equal) {
                    best = Some((distance, candidate));
                }
            }
            let found = best.map_or_else(|| vec![Cell::Null; right.columns.len()], |(_, found)| found.clone());
            row.extend(found);
        }
        self.columns.extend(right.columns);
        self.ordered = false;
        self
    }
}

/// The rows whose key is known not to be among the others'.
fn not_in(rows: &[Row], others: &[Row], (own, other): (usize, usize)) -> Vec<Row> {
    let unknown = others.iter().any(|row| row[other].is_null());
    let stays = |row: &&Row| {
        let known = !unknown && !row[own].is_null() && others.iter().all(|other_row| other_row[other] != row[own]);
        others.is_empty() || known
    };
    rows.iter().filter(stays).cloned().collect()
}
