// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Expressions over elements, as text: `list_transform(xs, x -> add(x, k))`, `list_reduce(xs, 0, so_far, x -> add(so_far, x))`.

use bowyer::{Expr, lit};

use super::{Parsed, Reader};

impl<'a> Reader<'a> {
    /// What stands after the name of a list call.
    pub(super) fn list_call(&mut self, name: &str) -> Parsed<Expr> {
        self.expect("(")?;
        let list = self.expression()?;
        self.expect(",")?;
        let mut seen = Ok(lit(false));
        let made = if name == "list_reduce" {
            let initial = self.expression()?;
            self.expect(",")?;
            let accumulator = self.word()?;
            self.expect(",")?;
            let element = self.word()?;
            list.list_reduce(initial, |so_far, each| {
                seen = self.body(&[(accumulator, so_far), (element, each)]);
                seen.clone().unwrap_or_else(|_| lit(false))
            })
        } else {
            let element = self.word()?;
            let mut body = |each| {
                seen = self.body(&[(element, each)]);
                seen.clone().unwrap_or_else(|_| lit(false))
            };
            if name == "list_filter" { list.list_filter(&mut body) } else { list.list_transform(&mut body) }
        };
        seen.map(|_| made)
    }

    fn body(&mut self, own: &[(&'a str, Expr)]) -> Parsed<Expr> {
        let before = self.own.len();
        self.own.extend_from_slice(own);
        self.expect("->")?;
        let body = self.expression()?;
        self.own.truncate(before);
        self.expect(")")?;
        Ok(body)
    }
}
