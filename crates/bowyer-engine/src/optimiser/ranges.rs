// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Joins that compare a column of one side with one of the other find the partners of a row by their order.
//!
//! A pair that does not fulfil an inequality is not looked at any more, so the whole condition must not be able to fail.

use crate::operators::JoinColumn;
use crate::operators::join::{Inequality, MOST_INEQUALITIES, has_ranges};
use crate::plan::{BoundPlan, RelationKind, Residual};
use crate::program::{NodeKind, Program};

/// Marks the joins whose conditions have inequalities.
pub(super) fn find(plan: &mut BoundPlan) {
    for relation in &mut plan.relations {
        if let RelationKind::Join(join) = &mut relation.kind
            && let Some(residual) = &mut join.residual
        {
            residual.by_ranges = !inequalities(residual, &residual.columns).is_empty();
        }
    }
}

/// Comparisons of the two sides without which a condition over `columns` is not true; none if it can fail.
pub(crate) fn inequalities(residual: &Residual, columns: &[JoinColumn]) -> Vec<Inequality> {
    let program = &residual.program;
    if program.nodes[residual.predicate].fallible {
        return Vec::new();
    }
    let (mut found, mut pending) = (Vec::new(), vec![residual.predicate]);
    while let Some(node) = pending.pop() {
        let NodeKind::Call { bound, arguments, .. } = &program.nodes[node].kind else { continue };
        match bound.function().name {
            // Null where either is, or false: not true unless both are.
            "and_kleene" | "and" => pending.extend(arguments.iter().rev()),
            name => found.extend(inequality(name, arguments, program, columns)),
        }
        if found.len() == MOST_INEQUALITIES {
            break;
        }
    }
    found
}

fn inequality(function: &str, arguments: &[usize], program: &Program, columns: &[JoinColumn]) -> Option<Inequality> {
    let (first_less, or_equal) = match function {
        "less" => (true, false),
        "less_equal" => (true, true),
        "greater" => (false, false),
        "greater_equal" => (false, true),
        _ => return None,
    };
    let &[first, second] = arguments else { return None };
    let column = |node: usize| match program.nodes[node].kind {
        NodeKind::Column(column) => columns.get(column).copied(),
        _ => None,
    };
    let data_type = &program.nodes[first].data_type;
    if *data_type != program.nodes[second].data_type || !has_ranges(data_type) {
        return None;
    }
    match (column(first)?, column(second)?) {
        (JoinColumn::Probe(probe), JoinColumn::Build(build)) => {
            Some(Inequality { probe, build, probe_less: first_less, or_equal })
        }
        (JoinColumn::Build(build), JoinColumn::Probe(probe)) => {
            Some(Inequality { probe, build, probe_less: !first_less, or_equal })
        }
        _ => None,
    }
}
