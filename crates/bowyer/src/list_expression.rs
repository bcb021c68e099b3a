// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Expressions over each element of a list.
//!
//! A closure is called once, with an expression that stands for the element. What it returns may read columns beside it,
//! and elements of lists around it.

use std::sync::Arc;

use bowyer_engine::proto::ListCallKind;

use crate::expression::{Expr, Node};

impl Expr {
    /// Lists with what `body` makes of each element.
    ///
    /// ```
    /// use bowyer::col;
    ///
    /// let prices = col("prices").list_transform(|price| price * col("rate"));
    /// # let _ = prices;
    /// ```
    #[must_use]
    pub fn list_transform(self, body: impl FnOnce(Self) -> Self) -> Self {
        self.each(ListCallKind::Transform, body)
    }

    /// Lists of the elements for which `predicate` is true.
    #[must_use]
    pub fn list_filter(self, predicate: impl FnOnce(Self) -> Self) -> Self {
        self.each(ListCallKind::Filter, predicate)
    }

    /// What `body` makes of `initial` and the first element, of that and the second, and so on; `initial` for a list without
    /// elements. The body is of the type of `initial`.
    ///
    /// ```
    /// use bowyer::{col, lit};
    ///
    /// let compound = col("rates").list_reduce(lit(1.0), |so_far, rate| so_far * (rate + 1.0));
    /// # let _ = compound;
    /// ```
    #[must_use]
    pub fn list_reduce(self, initial: impl Into<Self>, body: impl FnOnce(Self, Self) -> Self) -> Self {
        let accumulator = Self(Arc::new(Node::Accumulator { initial: initial.into() }));
        let element = Self(Arc::new(Node::Element { list: self.clone() }));
        let body = body(accumulator.clone(), element.clone());
        let kind = ListCallKind::Reduce;
        Self(Arc::new(Node::List { kind, list: self, element, accumulator: Some(accumulator), body }))
    }

    fn each(self, kind: ListCallKind, body: impl FnOnce(Self) -> Self) -> Self {
        let element = Self(Arc::new(Node::Element { list: self.clone() }));
        let body = body(element.clone());
        Self(Arc::new(Node::List { kind, list: self, element, accumulator: None, body }))
    }
}
