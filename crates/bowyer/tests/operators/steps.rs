// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Plans written as steps: `filter greater(x, 1)`, `join left u on k`, `sort x desc, y`.

mod lists;
mod reshape;

use std::collections::BTreeMap;

use bowyer::{
    AsOf, AsOfDirection, Expr, JoinKind, Keep, Literal, Measure, Plan, SortKey, asc, col, desc, function, lit, measure,
};
use bowyer_testkit::data_type;

type Parsed<T> = Result<T, String>;

/// The plan of some steps; the first is the name of a plan.
pub(crate) fn plan(steps: &[String], known: &BTreeMap<String, Plan>) -> Parsed<Plan> {
    let (first, rest) = steps.split_first().ok_or("a plan without steps")?;
    rest.iter().try_fold(named(first, known)?, |plan, step| {
        let mut reader = Reader { rest: step, own: Vec::new() };
        let plan = reader.step(&plan, known).map_err(|error| format!("{step}: {error}"))?;
        if reader.at_end() { Ok(plan) } else { Err(format!("{step}: unexpected {:?}", reader.rest)) }
    })
}

fn named(name: &str, known: &BTreeMap<String, Plan>) -> Parsed<Plan> {
    known.get(name).cloned().ok_or_else(|| format!("no plan is named {name:?}"))
}

/// A column of a projection or a key, with its name.
type Named = (String, Expr);

struct Reader<'a> {
    rest: &'a str,
    /// The elements and accumulators of the bodies around, by name.
    own: Vec<(&'a str, Expr)>,
}

/// The arguments of a call, and its options by name.
type Arguments<'a> = (Vec<Expr>, Vec<(&'a str, Literal)>);

impl<'a> Reader<'a> {
    fn at_end(&mut self) -> bool {
        self.rest = self.rest.trim_start();
        self.rest.is_empty()
    }

    fn eat(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        let Some(rest) = self.rest.strip_prefix(token) else { return false };
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if token.ends_with(is_word) && rest.starts_with(is_word) {
            return false;
        }
        self.rest = rest;
        true
    }

    fn expect(&mut self, token: &str) -> Parsed<()> {
        if self.eat(token) { Ok(()) } else { Err(format!("expected {token:?} at {:?}", self.rest)) }
    }

    fn word(&mut self) -> Parsed<&'a str> {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        if word.is_empty() { Err(format!("expected a name at {rest:?}")) } else { Ok(word) }
    }

    fn step(&mut self, plan: &Plan, known: &BTreeMap<String, Plan>) -> Parsed<Plan> {
        Ok(match self.word()? {
            "filter" => plan.filter(self.expression()?),
            "select" => plan.select(self.list(Self::named)?),
            "with" => plan.with(self.list(Self::named)?),
            "aggregate" => self.aggregate(plan)?,
            "join" => self.join(plan, known)?,
            "as_of" => self.as_of(plan, known)?,
            "sort" => plan.sort(self.list(Self::sort_key)?),
            "limit" => {
                let count = self.count()?;
                let offset = if self.eat("offset") { self.count()? } else { 0 };
                plan.range(offset, Some(count))
            }
            "offset" => plan.range(self.count()?, None),
            "union" => {
                let others = self.list(|reader| named(reader.word()?, known))?;
                plan.union(&others)
            }
            "distinct" => self.distinct(plan)?,
            other => self.reshape(other, plan, known)?,
        })
    }

    /// `k, g keep last`; without names all columns, without `keep` the first
    fn distinct(&mut self, plan: &Plan) -> Parsed<Plan> {
        let all = self.at_end() || self.rest.starts_with("keep ");
        let columns = if all { Vec::new() } else { self.list(Self::word)? };
        if !self.eat("keep") {
            return Ok(plan.distinct(columns));
        }
        let keep = match self.word()? {
            "any" => Keep::Any,
            "first" => Keep::First,
            "last" => Keep::Last,
            other => return Err(format!("{other:?} is no row to keep")),
        };
        Ok(plan.distinct_keep(keep, columns))
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.eat(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn count(&mut self) -> Parsed<u64> {
        self.word()?.parse().map_err(|_| "expected a count".to_owned())
    }

    /// `sorted by k: sum(x)`; `by k, f(x) as y: sum(x) as s, count_all()`; `by rollup`, `by cube`, `by k, y sets (0 1), ()`; without `by`,
    /// measures alone.
    fn aggregate(&mut self, plan: &Plan) -> Parsed<Plan> {
        let sorted = self.eat("sorted");
        if !self.eat("by") {
            return Ok(plan.aggregate(self.list(Self::measure)?));
        }
        let (rollup, cube) = (self.eat("rollup"), self.eat("cube"));
        let keys = self.list(Self::named)?;
        let sets = if self.eat("sets") { self.list(Self::indices)? } else { Vec::new() };
        let measures = if self.eat(":") { self.list(Self::measure)? } else { Vec::new() };
        Ok(match (rollup, cube) {
            _ if sorted => plan.group_by_sorted(keys, measures),
            (true, _) => plan.rollup(keys, measures),
            (_, true) => plan.cube(keys, measures),
            _ => plan.group_by_sets(keys, sets, measures),
        })
    }

    /// `(0 1)`
    fn indices(&mut self) -> Parsed<Vec<usize>> {
        self.expect("(")?;
        let mut indices = Vec::new();
        while !self.eat(")") {
            indices.push(self.count()? as usize);
        }
        Ok(indices)
    }

    /// `list(x) distinct where greater(x, 1) order (y desc, z) as s`
    fn measure(&mut self) -> Parsed<Measure> {
        let name = self.word()?;
        let (arguments, options) = self.arguments()?;
        let mut made = measure(name, arguments);
        for (option, value) in options {
            made = made.option(option, value);
        }
        if self.eat("distinct") {
            made = made.distinct();
        }
        if self.eat("where") {
            made = made.filter(self.expression()?);
        }
        if self.eat("order") {
            self.expect("(")?;
            made = made.order_by(self.list(Self::sort_key)?);
            self.expect(")")?;
        }
        Ok(if self.eat("as") { made.named(self.word()?) } else { made })
    }

    /// `left u on k, a = b suffix _right nulls equal`, `full u on k where less(v, w)`, `cross u`
    fn join(&mut self, plan: &Plan, known: &BTreeMap<String, Plan>) -> Parsed<Plan> {
        let kind = match self.word()? {
            "inner" => JoinKind::Inner,
            "left" => JoinKind::Left,
            "right" => JoinKind::Right,
            "full" => JoinKind::Full,
            "semi" => JoinKind::LeftSemi,
            "anti" => JoinKind::LeftAnti,
            "right_semi" => JoinKind::RightSemi,
            "right_anti" => JoinKind::RightAnti,
            "not_in" => JoinKind::LeftAntiNullAware,
            "cross" => JoinKind::Cross,
            other => return Err(format!("{other:?} is no kind of join")),
        };
        let right = named(self.word()?, known)?;
        let keys = if self.eat("on") { self.list(Self::join_key)? } else { Vec::new() };
        let suffix = if self.eat("suffix") { self.word()? } else { "" };
        if self.eat("nulls equal") {
            return Ok(plan.join_with_equal_nulls(&right, kind, keys, suffix));
        }
        if self.eat("where") {
            return Ok(plan.join_where(&right, kind, keys, suffix, self.expression()?));
        }
        Ok(plan.join_with_suffix(&right, kind, keys, suffix))
    }

    /// `u on at = time by k, a = b forward strict within 3 suffix _right`
    fn as_of(&mut self, plan: &Plan, known: &BTreeMap<String, Plan>) -> Parsed<Plan> {
        let right = named(self.word()?, known)?;
        self.expect("on")?;
        let (left_on, right_on) = self.join_key()?;
        let mut as_of = AsOf::on(left_on, right_on);
        if self.eat("by") {
            for (left, right) in self.list(Self::join_key)? {
                as_of = as_of.by(left, right);
            }
        }
        if self.eat("forward") {
            as_of = as_of.direction(AsOfDirection::Forward);
        } else if self.eat("nearest") {
            as_of = as_of.direction(AsOfDirection::Nearest);
        }
        if self.eat("strict") {
            as_of = as_of.strict();
        }
        if self.eat("within") {
            as_of = as_of.within(self.literal()?.ok_or("a tolerance is a constant")?);
        }
        if self.eat("suffix") {
            as_of = as_of.suffix(self.word()?);
        }
        Ok(plan.as_of_join(&right, as_of))
    }

    fn join_key(&mut self) -> Parsed<(&'a str, &'a str)> {
        let left = self.word()?;
        Ok((left, if self.eat("=") { self.word()? } else { left }))
    }

    fn sort_key(&mut self) -> Parsed<SortKey> {
        let expression = self.expression()?;
        let key = if self.eat("desc") { desc(expression) } else { asc(expression) };
        Ok(if self.eat("nulls first") { key.nulls_first() } else { key })
    }

    fn named(&mut self) -> Parsed<Named> {
        let expression = self.expression()?;
        let name = if self.eat("as") { self.word()? } else { "" };
        Ok((name.to_owned(), expression))
    }

    /// A column, a constant, `cast(x as int8)`, or a call with its options: `f(x, y, option = 1)`.
    fn expression(&mut self) -> Parsed<Expr> {
        if let Some(value) = self.literal()? {
            return Ok(lit(value));
        }
        let name = self.word()?;
        match name {
            "cast" | "try_cast" => {
                self.expect("(")?;
                let argument = self.expression()?;
                self.expect("as")?;
                let end = self.rest.rfind(')').ok_or("a cast without an end")?;
                let end = self.rest.find("),").unwrap_or(end).min(self.rest.find(") as").unwrap_or(end));
                let to = data_type(self.rest[..end].trim())?;
                self.rest = &self.rest[end + 1..];
                Ok(if name == "cast" { argument.cast(to) } else { argument.try_cast(to) })
            }
            "list_transform" | "list_filter" | "list_reduce" => self.list_call(name),
            _ if self.rest.starts_with('(') => {
                let (arguments, options) = self.arguments()?;
                Ok(function(name, arguments, options.iter().map(|(name, value)| (*name, value.clone()))))
            }
            _ => Ok(self.own.iter().rev().find(|(own, _)| *own == name).map_or_else(|| col(name), |own| own.1.clone())),
        }
    }

    fn arguments(&mut self) -> Parsed<Arguments<'a>> {
        let (mut arguments, mut options) = (Vec::new(), Vec::new());
        self.expect("(")?;
        while !self.eat(")") {
            let before = self.rest;
            let option = self.word().ok().filter(|_| self.eat("="));
            match option {
                Some(name) => options.push((name, self.literal()?.ok_or("an option is a constant")?)),
                None => {
                    self.rest = before;
                    arguments.push(self.expression()?);
                }
            }
            if !self.eat(",") && !self.rest.trim_start().starts_with(')') {
                return Err(format!("expected \",\" or \")\" at {:?}", self.rest));
            }
        }
        Ok((arguments, options))
    }

    fn literal(&mut self) -> Parsed<Option<Literal>> {
        for (word, value) in [("true", true.into()), ("false", false.into()), ("null", Literal::null())] {
            if self.eat(word) {
                return Ok(Some(value));
            }
        }
        if let Some(text) = self.rest.strip_prefix('\'') {
            let (text, rest) = text.split_once('\'').ok_or("text without an end")?;
            self.rest = rest;
            return Ok(Some(text.into()));
        }
        if !self.rest.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            return Ok(None);
        }
        let end = self.rest.find(|c: char| !(c.is_ascii_digit() || "-+.e".contains(c))).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        self.rest = rest;
        let whole = number.parse::<i64>().map(Literal::from);
        let value = whole.or_else(|_| number.parse::<f64>().map(Literal::from));
        value.map(Some).map_err(|_| format!("{number:?} is no number"))
    }
}
