// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Projections of projections are one: each expression is still evaluated once, and nothing is built in between.

use std::sync::Arc;

use super::PROGRAM_NODES;
use crate::plan::{BoundPlan, RelationKind};
use crate::program::Program;

/// Joins each projection with the one that only it reads.
pub(super) fn merge(plan: &mut BoundPlan) {
    let mut uses = plan.use_counts();
    for index in 0..plan.relations.len() {
        while uses[index] > 0 && merged(plan, &mut uses, index) {}
    }
}

fn merged(plan: &mut BoundPlan, uses: &mut [usize], index: usize) -> bool {
    let RelationKind::Project { input: inner, program: outer, columns, checked } = &plan.relations[index].kind else {
        return false;
    };
    let inner = *inner;
    let RelationKind::Project { input, program, columns: places, checked: before } = &plan.relations[inner].kind else {
        return false;
    };
    let sets_aside = [index, inner].iter().any(|&index| plan.relations[index].rejects.is_some());
    if sets_aside || uses[inner] != 1 || program.nodes.len() + outer.nodes.len() > PROGRAM_NODES {
        return false;
    }
    let mut joined = Program::clone(program);
    let roots: Vec<usize> = columns.iter().chain(checked).copied().collect();
    let Some(nodes) = outer.copy_into(&mut joined, &roots, |column| places.get(column).copied()) else {
        return false;
    };
    // What could fail in the inner one still does, for all rows, before what uses it.
    let mut all_checked = before.clone();
    all_checked.extend(places.iter().copied().filter(|&node| joined.nodes[node].fallible));
    all_checked.extend(&nodes[columns.len()..]);
    all_checked.dedup();
    let kind = RelationKind::Project {
        input: *input,
        program: Arc::new(joined),
        columns: nodes[..columns.len()].to_vec(),
        checked: all_checked,
    };
    plan.relations[index].kind = kind;
    uses[inner] = 0;
    true
}
