// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Steps of the relations that compare rows with others or make other rows of them.

use std::collections::BTreeMap;
use std::ops::Bound;

use bowyer::{Exclusion, Expr, Literal, Plan, over, pivot, unnest};
use bowyer_testkit::data_type;

use super::{Parsed, Reader, named};

impl Reader<'_> {
    pub(super) fn reshape(&mut self, step: &str, plan: &Plan, known: &BTreeMap<String, Plan>) -> Parsed<Plan> {
        Ok(match step {
            "window" => self.window(plan)?,
            "intersect" | "except" => {
                let all = self.eat("all");
                let others = self.list(|reader| named(reader.word()?, known))?;
                match (step, all) {
                    ("intersect", false) => plan.intersect(&others),
                    ("intersect", true) => plan.intersect_all(&others),
                    (_, false) => plan.except(&others),
                    (_, true) => plan.except_all(&others),
                }
            }
            "unnest" => self.unnest(plan)?,
            "pivot" => self.pivot(plan)?,
            "unpivot" => {
                let columns = self.list(Self::word)?;
                let variable = if self.eat("names") { self.word()? } else { "variable" };
                let value = if self.eat("values") { self.word()? } else { "value" };
                plan.unpivot_as(columns, variable, value)
            }
            "sample" => match self.eat("rows") {
                true => {
                    let count = self.count()?;
                    self.expect("seed")?;
                    plan.sample_rows(count, self.count()?)
                }
                false => {
                    self.expect("percent")?;
                    let percent = self.count()?;
                    self.expect("seed")?;
                    plan.sample_fraction(percent as f64 / 100.0, self.count()?)
                }
            },
            other => return Err(format!("{other:?} is no step")),
        })
    }

    /// `xs, ys keep empty ordinality n separator _`
    fn unnest(&mut self, plan: &Plan) -> Parsed<Plan> {
        let mut made = unnest(self.list(Self::word)?);
        if self.eat("keep") {
            self.expect("empty")?;
            made = made.keep_empty();
        }
        if self.eat("ordinality") {
            made = made.ordinality(self.word()?);
        }
        if self.eat("separator") {
            made = made.separator(self.word()?);
        }
        Ok(plan.unnest(made))
    }

    /// `by k, g column c values 1, 'b' as x: sum(x), count_all()`; the keys may be left out
    fn pivot(&mut self, plan: &Plan) -> Parsed<Plan> {
        let keys = if self.eat("by") { self.list(Self::named)? } else { Vec::new() };
        self.expect("column")?;
        let mut made = pivot(self.expression()?);
        self.expect("values")?;
        let values = self.list(|reader| {
            let value = reader.literal()?.ok_or("a value is a constant")?;
            Ok((value, if reader.eat("as") { reader.word()? } else { "" }))
        })?;
        for (value, name) in values {
            made = made.value_as(value, name);
        }
        self.expect(":")?;
        Ok(plan.pivot(keys, made, self.list(Self::measure)?))
    }

    /// `by k, g order x desc, y rows -2 to 0 exclude ties: sum(x) as s, row_number()`; only the functions have to be
    /// there.
    fn window(&mut self, plan: &Plan) -> Parsed<Plan> {
        let mut window = if self.eat("by") { over(self.list(Self::expression)?) } else { over::<Expr>([]) };
        if self.eat("order") {
            window = window.order_by(self.list(Self::sort_key)?);
        }
        if self.eat("rows") {
            window = window.rows(self.counts()?);
        } else if self.eat("groups") {
            window = window.groups(self.counts()?);
        } else if self.eat("range") {
            let start = self.distance()?;
            self.expect("to")?;
            window = window.range(start, self.distance()?);
        }
        if self.eat("exclude") {
            window = window.exclude(match self.word()? {
                "row" => Exclusion::CurrentRow,
                "group" => Exclusion::Group,
                "ties" => Exclusion::Ties,
                other => return Err(format!("{other:?} is no exclusion")),
            });
        }
        self.expect(":")?;
        Ok(plan.window(window, self.list(Self::measure)?))
    }

    /// `-2 to 0`; `unbounded` stands for an end of the partition.
    fn counts(&mut self) -> Parsed<(Bound<i64>, Bound<i64>)> {
        let start = self.counted()?;
        self.expect("to")?;
        Ok((start, self.counted()?))
    }

    fn counted(&mut self) -> Parsed<Bound<i64>> {
        if self.eat("unbounded") {
            return Ok(Bound::Unbounded);
        }
        let negative = self.eat("-");
        let count = i64::try_from(self.count()?).map_err(|error| error.to_string())?;
        Ok(Bound::Included(if negative { -count } else { count }))
    }

    /// A distance, such as `-2` or `3600 as duration[s]`.
    fn distance(&mut self) -> Parsed<Option<Literal>> {
        if self.eat("unbounded") {
            return Ok(None);
        }
        let value = self.literal()?.ok_or("a distance is a constant")?;
        if !self.eat("as") {
            return Ok(Some(value));
        }
        let end = self.rest.find(']').ok_or("a duration without an end")? + 1;
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(Some(value.of(data_type(name.trim())?)))
    }
}
