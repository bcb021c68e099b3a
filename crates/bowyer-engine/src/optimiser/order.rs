// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Topological order, restored after rewrites that put new relations at the end of the list.

use crate::plan::BoundPlan;

/// Orders relations so that each reads only those before it, and drops those that no output needs.
pub(super) fn sort(plan: &mut BoundPlan) {
    let mut places: Vec<Option<usize>> = vec![None; plan.relations.len()];
    let mut order = Vec::with_capacity(plan.relations.len());
    // The relation, and how many of its inputs have been visited.
    let mut pending: Vec<(usize, usize)> = Vec::new();
    for (_, output) in &plan.outputs {
        pending.push((*output, 0));
        while let Some((relation, visited)) = pending.pop() {
            if places[relation].is_some() {
                continue;
            }
            if let Some(&input) = plan.relations[relation].kind.inputs().get(visited) {
                pending.push((relation, visited + 1));
                pending.push((input, 0));
            } else {
                places[relation] = Some(order.len());
                order.push(relation);
            }
        }
    }
    let mut old: Vec<_> = std::mem::take(&mut plan.relations).into_iter().map(Some).collect();
    for index in order {
        let Some(mut relation) = old[index].take() else { continue };
        for input in relation.kind.inputs_mut() {
            *input = places[*input].unwrap_or(usize::MAX);
        }
        plan.relations.push(relation);
    }
    for (_, output) in &mut plan.outputs {
        *output = places[*output].unwrap_or(usize::MAX);
    }
}
