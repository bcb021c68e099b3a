// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Which joins may be done in another order once sizes are known: inner ones by keys that cannot fail, whose rows come
//! to nothing that tells their order.
//!
//! The contract leaves the order of a join's rows open, and yet whoever sees it may have come to rely on it. So it stays
//! where rows go to an output, to a limit, or to whatever takes the first of several.

use datafusion_common::JoinType;

use super::filters::equal_is_same;
use crate::plan::{BoundJoin, BoundMeasure, BoundPlan, Relation, RelationKind};

/// Aggregates that give the same for rows in any order; sums of floats but for their last bits.
const ORDERLESS: [&str; 23] = [
    "all",
    "any",
    "bit_and",
    "bit_or",
    "bit_xor",
    "corr",
    "count",
    "count_all",
    "count_distinct",
    "count_if",
    "covariance",
    "kurtosis",
    "max",
    "mean",
    "median",
    "min",
    "min_max",
    "quantile",
    "skew",
    "stddev",
    "sum",
    "sum_checked",
    "variance",
];

/// Marks these joins.
pub(super) fn find(plan: &mut BoundPlan) {
    let seen = seen_orders(plan);
    let free: Vec<bool> = plan
        .relations
        .iter()
        .zip(seen)
        .map(|(relation, seen)| match &relation.kind {
            RelationKind::Join(join) => !seen && relation.rejects.is_none() && by_plain_keys(plan, join),
            _ => false,
        })
        .collect();
    for (relation, free) in plan.relations.iter_mut().zip(free) {
        if let RelationKind::Join(join) = &mut relation.kind {
            join.any_order = free;
        }
    }
}

/// Whether partners are found by nothing but keys, none of which has to be cast: a cast may fail for a row that another
/// join would have turned away.
fn by_plain_keys(plan: &BoundPlan, join: &BoundJoin) -> bool {
    let plain = |side: usize, keys: &[usize]| {
        keys.iter().map(|&key| plan.relations[side].schema.field(key).data_type()).eq(&join.key_types)
    };
    join.kind == JoinType::Inner
        && !join.left_keys.is_empty()
        && join.residual.is_none()
        && join.as_of.is_none()
        && plain(join.left, &join.left_keys)
        && plain(join.right, &join.right_keys)
}

/// For each relation, whether anybody can tell in which order its rows come.
pub(super) fn seen_orders(plan: &BoundPlan) -> Vec<bool> {
    let uses = plan.use_counts();
    let mut seen = vec![false; plan.relations.len()];
    for (_, output) in &plan.outputs {
        seen[*output] = true;
    }
    for (index, relation) in plan.relations.iter().enumerate().rev().filter(|(index, _)| uses[*index] > 0) {
        for (place, input) in relation.kind.inputs().into_iter().enumerate() {
            seen[input] |= tells_order(plan, relation, place, seen[index]);
        }
    }
    seen
}

/// Whether a relation lets the order of its input number `place` be seen, given whether its own is.
fn tells_order(plan: &BoundPlan, relation: &Relation, place: usize, own: bool) -> bool {
    if relation.rejects.is_some() {
        return true; // they come in the order of the input
    }
    match &relation.kind {
        RelationKind::Aggregate { program, keys, measures, sorted, .. } => {
            let exact = |&key: &usize| equal_is_same(&program.nodes[key].data_type);
            let orderless = |measure: &BoundMeasure| ORDERLESS.contains(&measure.bound.function().name);
            *sorted || !keys.iter().all(exact) || !measures.iter().all(orderless)
        }
        RelationKind::Distinct { input, columns, .. } => {
            let fields = plan.relations[*input].schema.fields();
            let whole = (0..fields.len()).all(|column| columns.contains(&column));
            !whole || !fields.iter().all(|field| equal_is_same(field.data_type()))
        }
        RelationKind::Join(join) => {
            let fails = join.residual.as_ref().is_some_and(|one| one.program.nodes[one.predicate].fallible);
            let asked_only = match join.kind {
                JoinType::LeftSemi | JoinType::LeftAnti => place == 1,
                JoinType::RightSemi | JoinType::RightAnti => place == 0,
                _ => false,
            };
            join.as_of.is_some() || fails || (own && !asked_only)
        }
        RelationKind::Filter { .. }
        | RelationKind::Project { .. }
        | RelationKind::Sort { limit: None, .. }
        | RelationKind::Union { .. } => own,
        RelationKind::SetOperation { .. } => place == 0,
        _ => true,
    }
}
