// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A filter that lets the first rows of each partition through: the window below need not keep any others.
//!
//! The filter stays, so that the window may keep more than it has to. A condition that can fail has to see every row, so
//! there the window keeps all.

use datafusion_common::ScalarValue;

use crate::operators::window::{MOST_ROWS, WindowFunction};
use crate::plan::{BoundPlan, RelationKind};
use crate::program::{NodeKind, Program};

/// Tells windows that are read by such a filter alone how many rows of a partition are asked for.
pub(super) fn limit_windows(plan: &mut BoundPlan) {
    let uses = plan.use_counts();
    for index in 0..plan.relations.len() {
        let RelationKind::Filter { input, program, predicates, .. } = &plan.relations[index].kind else { continue };
        let (input, program, predicates) = (*input, program.clone(), predicates.clone());
        let RelationKind::Window(window) = &mut plan.relations[input].kind else { continue };
        let numbers = window.functions.iter().all(|call| matches!(call.function, WindowFunction::RowNumber));
        let fallible = predicates.iter().any(|&predicate| program.nodes[predicate].fallible);
        if uses[input] == 1 && numbers && !window.order.is_empty() && !fallible {
            window.limit = last_number(&program, predicates, window.columns.len());
        }
    }
}

/// The greatest number of a row that conditions let through, if they say so of a column from `first` on.
fn last_number(program: &Program, predicates: Vec<usize>, first: usize) -> Option<usize> {
    let mut pending = predicates;
    let mut last: Option<usize> = None;
    while let Some(node) = pending.pop() {
        let NodeKind::Call { bound, arguments, .. } = &program.nodes[node].kind else { continue };
        let name = bound.function().name;
        if matches!(name, "and" | "and_kleene") {
            pending.extend(arguments);
            continue;
        }
        let [left, right] = arguments[..] else { continue };
        let number = |node: usize| matches!(program.nodes[node].kind, NodeKind::Column(column) if column >= first);
        let most = match name {
            "less_equal" | "equal" if number(left) => constant(program, right),
            "less" if number(left) => constant(program, right).and_then(|most| most.checked_sub(1)),
            "greater_equal" | "equal" if number(right) => constant(program, left),
            "greater" if number(right) => constant(program, left).and_then(|most| most.checked_sub(1)),
            _ => None,
        };
        let most = most.and_then(|most| usize::try_from(most).ok()).filter(|most| (1..=MOST_ROWS).contains(most));
        last = [last, most].into_iter().flatten().min();
    }
    last
}

fn constant(program: &Program, node: usize) -> Option<i64> {
    match program.nodes[node].kind {
        NodeKind::Literal(ScalarValue::Int64(value)) => value,
        _ => None,
    }
}
