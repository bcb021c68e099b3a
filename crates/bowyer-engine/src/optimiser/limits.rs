// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Limits: where they can be moved, what they say about a sort.

use std::collections::HashSet;

use crate::plan::{BoundPlan, Relation, RelationKind};
use crate::program::NodeKind;

/// A limit of more rows than a morsel has is not worth a step of its own before a projection.
const SMALL: u64 = 65_536;

/// Moves limits before projections and into the parts of unions, and joins limits of limits.
pub(super) fn push(plan: &mut BoundPlan) {
    let mut uses = plan.use_counts();
    let mut done = HashSet::new();
    let mut pending: Vec<usize> = (0..plan.relations.len()).filter(|&index| uses[index] > 0).collect();
    while let Some(index) = pending.pop() {
        let RelationKind::Limit { input, offset, count } = plan.relations[index].kind else { continue };
        if uses[input] != 1 || plan.relations[input].rejects.is_some() {
            continue;
        }
        match &plan.relations[input].kind {
            RelationKind::Limit { input: below, offset: first, count: most } => {
                let Some(joined) = joined((*first, *most), (offset, count)) else { continue };
                plan.relations[index].kind = RelationKind::Limit { input: *below, offset: joined.0, count: joined.1 };
                uses[input] = 0;
                pending.push(index);
            }
            RelationKind::Project { input: below, .. } if worth_it(plan, &uses, input, offset, count) => {
                let below = *below;
                // The two change places: the projection takes the limit's rows.
                let limit = Relation {
                    kind: RelationKind::Limit { input: below, offset, count },
                    schema: plan.relations[below].schema.clone(),
                    ..plan.relations[index].clone()
                };
                let mut project = plan.relations[input].clone();
                if let RelationKind::Project { input: of, .. } = &mut project.kind {
                    *of = input;
                }
                plan.relations[index] = project;
                plan.relations[input] = limit;
                pending.push(input);
            }
            RelationKind::Union { inputs } if done.insert(input) => {
                let Some(most) = count.and_then(|count| offset.checked_add(count)) else { continue };
                let parts = inputs.clone();
                let limited = parts.into_iter().map(|part| {
                    let limit = Relation {
                        kind: RelationKind::Limit { input: part, offset: 0, count: Some(most) },
                        schema: plan.relations[part].schema.clone(),
                        path: format!("{}#{}", plan.relations[index].path, plan.relations.len()),
                        origin: plan.relations[index].origin.clone(),
                        rejects: None,
                    };
                    plan.relations.push(limit);
                    uses.push(1);
                    pending.push(plan.relations.len() - 1);
                    plan.relations.len() - 1
                });
                let inputs = limited.collect();
                plan.relations[input].kind = RelationKind::Union { inputs };
            }
            _ => {}
        }
    }
}

/// The range of a range.
fn joined(inner: (u64, Option<u64>), outer: (u64, Option<u64>)) -> Option<(u64, Option<u64>)> {
    let offset = inner.0.checked_add(outer.0)?;
    let rest = inner.1.map(|count| count.saturating_sub(outer.0));
    let count = match (rest, outer.1) {
        (Some(rest), Some(count)) => Some(rest.min(count)),
        (rest, count) => rest.or(count),
    };
    Some((offset, count))
}

/// Whether a limit should stand before the projection `project`: rows that it skips must not be able to fail there, and
/// it must save work.
fn worth_it(plan: &BoundPlan, uses: &[usize], project: usize, offset: u64, count: Option<u64>) -> bool {
    let RelationKind::Project { input, program, columns, checked } = &plan.relations[project].kind else {
        return false;
    };
    let nodes = || columns.iter().chain(checked).map(|&node| &program.nodes[node]);
    if count.is_none() || (offset > 0 && nodes().any(|node| node.fallible)) {
        return false;
    }
    let computes =
        nodes().any(|node| matches!(node.kind, NodeKind::Call { .. } | NodeKind::Cast { .. } | NodeKind::List(_)));
    if computes && count.is_some_and(|count| count <= SMALL) {
        return true;
    }
    // Something below may need fewer rows.
    let mut below = *input;
    while uses[below] == 1 && plan.relations[below].rejects.is_none() {
        match &plan.relations[below].kind {
            RelationKind::Project { input, .. } => below = *input,
            RelationKind::Sort { .. } | RelationKind::Union { .. } | RelationKind::Limit { .. } => return true,
            _ => return false,
        }
    }
    false
}

/// A sort of which only a limit reads gives no more rows than the limit lets through.
pub(super) fn limit_sorts(plan: &mut BoundPlan) {
    let uses = plan.use_counts();
    for index in 0..plan.relations.len() {
        let RelationKind::Limit { input, offset, count: Some(count) } = plan.relations[index].kind else { continue };
        let last = offset.checked_add(count).and_then(|rows| usize::try_from(rows).ok());
        if let (1, RelationKind::Sort { limit, .. }) = (uses[input], &mut plan.relations[input].kind) {
            *limit = last;
        }
    }
}
