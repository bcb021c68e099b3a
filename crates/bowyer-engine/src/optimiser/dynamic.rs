// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Where a join's build side can turn rows of the other side away, before they come to the join.
//!
//! The row has to belong to no result anyway, and nothing on its way may fail: each operator between gives rows for it
//! alone and cannot fail. The lowest filter or scan of the way asks, after its own predicates.

use datafusion_common::JoinType;

use crate::operators::JoinColumn;
use crate::operators::join::has_key_values;
use crate::plan::{BoundJoin, BoundPlan, DynamicKey, RelationKind};
use crate::program::{NodeKind, Program};

/// Finds such filters for every join.
pub(super) fn find(plan: &mut BoundPlan) {
    let uses = plan.use_counts();
    for index in 0..plan.relations.len() {
        let RelationKind::Join(join) = &plan.relations[index].kind else { continue };
        // A row that fails is set aside, whether it has a partner or not.
        if join.as_of.is_some() || uses[index] == 0 || plan.relations[index].rejects.is_some() {
            continue;
        }
        // Whichever side is built, the other may be turned away where both sides have to match.
        let (left, right) = match join.kind {
            JoinType::Inner => (true, true),
            JoinType::LeftSemi | JoinType::Right => (true, false),
            JoinType::RightSemi | JoinType::Left => (false, true),
            _ => (false, false),
        };
        let of = |wanted: bool, side: usize, keys: &[usize]| {
            let key = |(at, &column): (usize, &usize)| key_of(plan, &uses, join, side, at, column);
            keys.iter().enumerate().find_map(key).filter(|_| wanted)
        };
        let found = [of(left, join.left, &join.left_keys), of(right, join.right, &join.right_keys)];
        if let RelationKind::Join(join) = &mut plan.relations[index].kind {
            join.dynamic = found.into_iter().flatten().collect();
        }
    }
}

/// The filter of a key of one side, if there is a place for it.
fn key_of(
    plan: &BoundPlan,
    uses: &[usize],
    join: &BoundJoin,
    side: usize,
    at: usize,
    column: usize,
) -> Option<DynamicKey> {
    let key_type = &join.key_types[at];
    let own_types = |side: usize, keys: &[usize]| {
        let types = keys.iter().map(|&key| plan.relations[side].schema.field(key).data_type());
        types.eq(&join.key_types)
    };
    // A key that is cast may fail, for any row of either side.
    if !has_key_values(key_type) || !own_types(join.left, &join.left_keys) || !own_types(join.right, &join.right_keys) {
        return None;
    }
    let residual_fails =
        join.residual.as_ref().is_some_and(|residual| residual.program.nodes[residual.predicate].fallible);
    if residual_fails {
        return None;
    }
    let (relation, column) = place(plan, uses, side, column)?;
    (plan.relations[relation].schema.field(column).data_type() == key_type).then_some(DynamicKey {
        of_left: side == join.left,
        key: at,
        relation,
        column,
    })
}

/// The lowest relation on the way of a column that can ask, and the column there.
fn place(plan: &BoundPlan, uses: &[usize], from: usize, column: usize) -> Option<(usize, usize)> {
    let (mut relation, mut column) = (from, column);
    let mut found = None;
    let mut through_join = false;
    while uses[relation] == 1 && plan.relations[relation].rejects.is_none() {
        match &plan.relations[relation].kind {
            // Without anything between, the join itself turns rows away as soon.
            RelationKind::Scan { .. } => {
                if through_join && found.is_none() {
                    found = Some((relation, column));
                }
                break;
            }
            RelationKind::Filter { input, program, predicates, columns } => {
                found = Some((relation, column));
                if fails(program, predicates) {
                    break;
                }
                (relation, column) = (*input, columns[column]);
            }
            RelationKind::Project { input, program, columns, checked } => {
                let NodeKind::Column(source) = program.nodes[columns[column]].kind else { break };
                if fails(program, columns) || fails(program, checked) {
                    break;
                }
                (relation, column) = (*input, source);
            }
            RelationKind::Join(join) => {
                let Some(source) = through(plan, join, column) else { break };
                through_join = true;
                (relation, column) = (join.left, source);
            }
            _ => break,
        }
    }
    found
}

/// The column of the left side that a column of a join is, if each row of that side has results of its own and none can
/// fail.
fn through(plan: &BoundPlan, join: &BoundJoin, column: usize) -> Option<usize> {
    let alone = matches!(join.kind, JoinType::Inner | JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti);
    let left = &plan.relations[join.left].schema;
    let cast = !join.left_keys.iter().map(|&key| left.field(key).data_type()).eq(&join.key_types);
    if !alone || cast || join.as_of.is_some() || join.residual.is_some() {
        return None;
    }
    match *join.columns.get(column)? {
        JoinColumn::Probe(source) | JoinColumn::Either { probe: source, build_first: false, .. } => Some(source),
        _ => None,
    }
}

fn fails(program: &Program, nodes: &[usize]) -> bool {
    nodes.iter().any(|&node| program.nodes[node].fallible)
}
