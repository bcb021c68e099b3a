// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Which side of a join is built into a table: as the kind wants it, or the smaller one where both sizes are known.

use std::sync::Arc;

use datafusion_common::JoinType;

use super::Given;
use super::row_counts::row_count;
use crate::operators::JoinColumn;
use crate::operators::join::{PairCondition, Rule};
use crate::optimiser::inequalities;
use crate::plan::{BoundJoin, BoundPlan, Relation};

/// Tables of fewer rows are built on either side in no time: the left side's order is worth more.
const LARGE_ROWS: usize = 1 << 16;
/// How many times larger the other side must be.
const TIMES_LARGER: usize = 4;

/// A join with its parts given out.
pub(super) struct JoinPlan<'a> {
    pub(super) probe: usize,
    pub(super) build: usize,
    pub(super) probe_keys: &'a [usize],
    pub(super) build_keys: &'a [usize],
    pub(super) rule: Rule,
    pub(super) columns: Vec<JoinColumn>,
    pub(super) residual: Option<Arc<PairCondition>>,
    /// Whether the left side is built.
    pub(super) swapped: bool,
}

impl<'a> JoinPlan<'a> {
    pub(super) fn of(join: &'a BoundJoin, relation: &Relation, plan: &BoundPlan, given: &Given<'_>) -> Self {
        let swapped = builds_left(join, relation, plan, given);
        let turn = |column: &JoinColumn| if swapped { column.swapped() } else { *column };
        let residual = join.residual.as_ref().map(|residual| {
            let columns: Vec<JoinColumn> = residual.columns.iter().map(turn).collect();
            let program = residual.program.with_parameters(given.parameters);
            let inequalities = if residual.by_ranges { inequalities(residual, &columns) } else { Vec::new() };
            let condition = PairCondition::new(program, residual.predicate, columns, residual.schema.clone());
            Arc::new(condition.within(inequalities))
        });
        let (left, right) = ((join.left, &join.left_keys[..]), (join.right, &join.right_keys[..]));
        let ((probe, probe_keys), (build, build_keys)) = if swapped { (right, left) } else { (left, right) };
        let columns = join.columns.iter().map(turn).collect();
        Self { probe, build, probe_keys, build_keys, rule: rule(join, swapped), columns, residual, swapped }
    }
}

fn rule(join: &BoundJoin, swapped: bool) -> Rule {
    let (keeps_left, keeps_right) = match join.kind {
        JoinType::LeftSemi | JoinType::RightSemi => return Rule::Having,
        JoinType::LeftAnti | JoinType::RightAnti => return Rule::Lacking { null_aware: join.null_aware },
        JoinType::Left => (true, false),
        JoinType::Right => (false, true),
        JoinType::Full => (true, true),
        JoinType::Inner if if swapped { join.chooses.right } else { join.chooses.left } => return Rule::Having,
        _ => (false, false),
    };
    let (keeps_probe, keeps_build) = if swapped { (keeps_right, keeps_left) } else { (keeps_left, keeps_right) };
    Rule::Pairs { keeps_probe, keeps_build }
}

/// Whether the left side is built. Semi and anti joins give rows of one side, which must pass by, and so must rows that may
/// be set aside.
pub(crate) fn builds_left(join: &BoundJoin, relation: &Relation, plan: &BoundPlan, given: &Given<'_>) -> bool {
    let usual = matches!(join.kind, JoinType::Right | JoinType::RightSemi | JoinType::RightAnti);
    if relation.rejects.is_some() || !matches!(join.kind, JoinType::Inner | JoinType::Left | JoinType::Right) {
        return usual;
    }
    let (built, passing) = if usual { (join.left, join.right) } else { (join.right, join.left) };
    let (Some(built), Some(passing)) = (row_count(plan, given, built), row_count(plan, given, passing)) else {
        return usual;
    };
    let turns = built.least >= LARGE_ROWS && built.least / TIMES_LARGER >= passing.most;
    usual != turns
}
