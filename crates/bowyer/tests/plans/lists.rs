// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Expressions over the elements of lists, one element after the other.

use bowyer::arrow_schema::DataType;
use bowyer::{Expr, col, function, lit};

use crate::cell::Cell;
use crate::data::{Random, list_type};
use crate::grown::Grown;

/// What a list becomes, given an integer of its row.
type Call = Box<dyn Fn(&[Cell], Option<i64>) -> Cell>;

fn add(a: Expr, b: Expr) -> Expr {
    function("add", [a, b], [])
}

fn plus(a: &Cell, b: Option<i64>) -> Cell {
    Cell::of_int(a.int().zip(b).map(|(a, b)| a + b))
}

fn sum(elements: &[Cell], initial: Option<i64>) -> Option<i64> {
    elements.iter().fold(initial, |sum, element| sum.zip(element.int()).map(|(sum, element)| sum + element))
}

fn transformed(elements: &[Cell], each: impl FnMut(&Cell) -> Cell) -> Cell {
    Cell::List(elements.iter().map(each).collect())
}

fn filtered(elements: &[Cell], keeps: impl Fn(&Cell) -> bool) -> Cell {
    Cell::List(elements.iter().filter(|element| keeps(element)).cloned().collect())
}

impl Grown {
    /// One more column: what a list call makes of a list, beside an integer of its row.
    pub(crate) fn list_call(mut self, random: &mut Random) -> Self {
        let Some(list) = self.column(random, DataType::is_nested) else { return self };
        let Some(beside) = self.integer(random) else { return self };
        let (xs, k) = (col(self.name(list)), col(self.name(beside)));
        let (name, constant, form) = (self.fresh(random), random.below(8) as i64, random.below(6));
        let of_element = move |element: &Cell, truth: fn(i64, i64) -> bool, than: Option<i64>| {
            element.int().zip(than).is_some_and(|(element, than)| truth(element, than))
        };
        let (expression, call): (Expr, Call) = match form {
            0 => {
                let more = xs.list_transform(|x| add(add(x, k), lit(constant)));
                (more, Box::new(move |xs, k| transformed(xs, |x| plus(&plus(x, k), Some(constant)))))
            }
            1 => {
                let less = xs.list_filter(|x| x.lt(k));
                (less, Box::new(move |xs, k| filtered(xs, |x| of_element(x, |x, k| x < k, k))))
            }
            2 => {
                let some = xs.list_filter(|x| x.clone().ge(constant).or(x.is_null()));
                (some, Box::new(move |xs, _| filtered(xs, |x| x.is_null() || x.int() >= Some(constant))))
            }
            3 => {
                let sum_of = xs.list_reduce(lit(constant), add);
                (sum_of, Box::new(move |xs, _| Cell::of_int(sum(xs, Some(constant)))))
            }
            4 => {
                // Nulls count as the integer of the row; without it, all is null.
                let sum_of = xs.list_reduce(lit(constant), |sum, x| add(sum, function("coalesce", [x, k], [])));
                let due = move |xs: &[Cell], k: Option<i64>| {
                    let filled: Vec<Cell> = xs.iter().map(|x| Cell::of_int(x.int().or(k))).collect();
                    Cell::of_int(sum(&filled, Some(constant)))
                };
                (sum_of, Box::new(due))
            }
            _ => {
                // A list within a list: each element, and the sum of those that are not less than it.
                let others = xs.clone();
                let nested = xs.list_transform(|x| {
                    let from = x.clone();
                    add(x, others.list_filter(move |y| y.ge(from)).list_reduce(lit(0_i64), add))
                });
                let due = |xs: &[Cell], _: Option<i64>| {
                    transformed(xs, |x| match filtered(xs, |y| y.int().zip(x.int()).is_some_and(|(y, x)| y >= x)) {
                        Cell::List(others) => plus(x, sum(&others, Some(0))),
                        other => other,
                    })
                };
                (nested, Box::new(due))
            }
        };
        self.say(format!("list call {form} of {list} with {beside} and {constant} as {name}"));
        self.sql = None;
        self.plan = self.plan.with([expression.named(name.as_str())]);
        let reduces = form == 3 || form == 4;
        self.columns.push((name, if reduces { DataType::Int64 } else { list_type() }));
        for row in &mut self.rows {
            let made = match &row[list] {
                Cell::List(elements) => call(elements, row[beside].int()),
                _ => Cell::Null,
            };
            row.push(made);
        }
        self
    }
}
