// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Inner joins that only choose rows of one side: where the other side is built, no row of it is gathered or given.
//!
//! Such a join has columns of one side alone, and either the other side has each key once, or nobody can tell how often
//! a row comes: rows that a distinct above it makes one, that a minimum is taken of, or that are only asked for. Which side
//! is built is decided by sizes all the same, so that the rows come in the order that they would have come in.

use datafusion_common::JoinType;

use crate::operators::JoinColumn;
use crate::plan::{BoundJoin, BoundMeasure, BoundPlan, Chooses, Relation, RelationKind};
use crate::program::{NodeKind, Program};

/// Aggregates that a row changes once, however often it comes.
const COUNTLESS: [&str; 9] = ["all", "any", "bit_and", "bit_or", "count_distinct", "distinct", "max", "min", "min_max"];
/// What stands below more relations than this is not looked at.
const DEPTH: usize = 64;

/// Marks these joins.
pub(super) fn find(plan: &mut BoundPlan) {
    let counted = seen_counts(plan);
    for (index, counted) in counted.into_iter().enumerate() {
        let RelationKind::Join(join) = &plan.relations[index].kind else { continue };
        if join.kind != JoinType::Inner || join.as_of.is_some() || plan.relations[index].rejects.is_some() {
            continue;
        }
        let fails = join.residual.as_ref().is_some_and(|one| one.program.nodes[one.predicate].fallible);
        let one_each = |side: usize, keys: &[usize]| has_keys_once(plan, join, side, keys) || !(counted || fails);
        let of_left = join.columns.iter().all(|column| matches!(column, JoinColumn::Probe(_)));
        let of_right = join.columns.iter().all(|column| matches!(column, JoinColumn::Build(_)));
        let chooses = Chooses {
            left: of_left && one_each(join.right, &join.right_keys),
            right: of_right && one_each(join.left, &join.left_keys),
        };
        if let RelationKind::Join(join) = &mut plan.relations[index].kind {
            join.chooses = chooses;
        }
    }
}

/// Whether no two rows of a side have the same keys. Keys that are cast may become equal.
fn has_keys_once(plan: &BoundPlan, join: &BoundJoin, side: usize, keys: &[usize]) -> bool {
    let schema = &plan.relations[side].schema;
    let as_they_are = keys.iter().map(|&key| schema.field(key).data_type()).eq(&join.key_types);
    as_they_are && is_distinct(plan, side, keys.to_vec())
}

fn is_distinct(plan: &BoundPlan, mut relation: usize, mut columns: Vec<usize>) -> bool {
    for _ in 0..DEPTH {
        relation = match &plan.relations[relation].kind {
            RelationKind::Aggregate { keys, sets, sorted, .. } => {
                return !*sorted && !sets.are_named() && (0..keys.len()).all(|key| columns.contains(&key));
            }
            RelationKind::Distinct { columns: by, .. } => return by.iter().all(|column| columns.contains(column)),
            RelationKind::Filter { input, columns: passed, .. } => {
                columns.iter_mut().for_each(|column| *column = passed[*column]);
                *input
            }
            RelationKind::Project { input, program, columns: nodes, .. } => {
                // What is computed of a column may be the same for two values.
                let plain = |column: &usize| match program.nodes[nodes[*column]].kind {
                    NodeKind::Column(source) => Some(source),
                    _ => None,
                };
                columns = columns.iter().filter_map(plain).collect();
                *input
            }
            RelationKind::Sort { input, .. }
            | RelationKind::Limit { input, .. }
            | RelationKind::Sample { input, .. } => *input,
            _ => return false,
        };
    }
    false
}

/// For each relation, whether anybody can tell how often equal rows come.
fn seen_counts(plan: &BoundPlan) -> Vec<bool> {
    let uses = plan.use_counts();
    let mut seen = vec![false; plan.relations.len()];
    for (_, output) in &plan.outputs {
        seen[*output] = true;
    }
    for (index, relation) in plan.relations.iter().enumerate().rev().filter(|(index, _)| uses[*index] > 0) {
        for (place, input) in relation.kind.inputs().into_iter().enumerate() {
            seen[input] |= tells_counts(relation, place, seen[index]);
        }
    }
    seen
}

/// Whether a relation lets it be seen how often rows of its input number `place` come, given whether its own do.
fn tells_counts(relation: &Relation, place: usize, own: bool) -> bool {
    if relation.rejects.is_some() {
        return true;
    }
    match &relation.kind {
        RelationKind::Aggregate { program, measures, sorted, .. } => {
            let countless = |measure: &BoundMeasure| {
                let of_values = COUNTLESS.contains(&measure.bound.function().name);
                (of_values || measure.distinct) && measure.order.is_empty()
            };
            *sorted || !is_settled(program) || !measures.iter().all(countless)
        }
        RelationKind::Distinct { .. } => false,
        RelationKind::Join(join) => match join.kind {
            _ if join.as_of.is_some() || join.residual.is_some() => true,
            JoinType::LeftSemi | JoinType::LeftAnti if place == 1 => false,
            JoinType::RightSemi | JoinType::RightAnti if place == 0 => false,
            _ => own,
        },
        RelationKind::Filter { program, .. } | RelationKind::Project { program, .. } => own || !is_settled(program),
        RelationKind::Sort { program, limit: None, .. } => own || !is_settled(program),
        RelationKind::Union { .. } => own,
        RelationKind::SetOperation { rule, .. } => rule.all,
        _ => true,
    }
}

/// Whether expressions give the same for the same row.
fn is_settled(program: &Program) -> bool {
    program.nodes.iter().all(|node| match &node.kind {
        NodeKind::Call { bound, .. } => bound.function().deterministic,
        NodeKind::List(call) => is_settled(&call.body),
        _ => true,
    })
}
