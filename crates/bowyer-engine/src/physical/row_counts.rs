// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! How many rows a relation gives, as far as tables in memory say so before anything runs.
//!
//! These are bounds, not estimates: what hangs on them can be slower than something else, but never by a guess. An input
//! that is not a table in memory has no bound, nor has what reads it.

use arrow_array::RecordBatch;
use datafusion_common::JoinType;

use super::Given;
use crate::plan::{BoundJoin, BoundPlan, RelationKind};

/// More relations than this are not looked at for one count.
const VISITS: usize = 64;

/// Bounds of a number of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowCount {
    pub(super) least: usize,
    /// `usize::MAX` for no bound.
    pub(super) most: usize,
}

impl RowCount {
    /// Some of the rows, or all.
    fn some(self) -> Self {
        Self { least: 0, ..self }
    }

    /// A range of the rows.
    fn within(self, offset: usize, count: usize) -> Self {
        Self { least: self.least.saturating_sub(offset).min(count), most: self.most.saturating_sub(offset).min(count) }
    }

    /// These rows and others.
    fn and(self, other: Self) -> Self {
        Self { least: self.least.saturating_add(other.least), most: self.most.saturating_add(other.most) }
    }
}

/// How many rows a relation gives, if that is known.
pub(super) fn row_count(plan: &BoundPlan, given: &Given<'_>, relation: usize) -> Option<RowCount> {
    let mut visits = VISITS;
    count(plan, given, relation, &mut visits)
}

fn count(plan: &BoundPlan, given: &Given<'_>, relation: usize, visits: &mut usize) -> Option<RowCount> {
    *visits = visits.checked_sub(1)?;
    let relation = &plan.relations[relation];
    let mut of = |input: usize| count(plan, given, input, visits);
    let rows = match &relation.kind {
        RelationKind::Scan { input, .. } => {
            let batches = given.tables.get(*input)?.as_ref()?;
            let count = batches.iter().map(RecordBatch::num_rows).sum();
            RowCount { least: count, most: count }
        }
        RelationKind::Project { input, .. } | RelationKind::Sort { input, limit: None, .. } => of(*input)?,
        RelationKind::Sort { input, limit: Some(limit), .. } => of(*input)?.within(0, *limit),
        RelationKind::Limit { input, offset, count } => {
            let bound = |rows: u64| usize::try_from(rows).unwrap_or(usize::MAX);
            of(*input)?.within(bound(*offset), count.map_or(usize::MAX, bound))
        }
        RelationKind::Window(window) if window.limit.is_none() => of(window.input)?,
        RelationKind::Window(window) => of(window.input)?.some(),
        RelationKind::Filter { input, .. } | RelationKind::Distinct { input, .. } => of(*input)?.some(),
        // Each set has a group of each row at the most, and one of no rows.
        RelationKind::Aggregate { input, sets, .. } => {
            RowCount { least: 0, most: of(*input)?.most.max(1).saturating_mul(sets.count()) }
        }
        RelationKind::Union { inputs } => {
            let none = RowCount { least: 0, most: 0 };
            inputs.iter().try_fold(none, |rows, &input| Some(rows.and(of(input)?)))?
        }
        RelationKind::Join(join) => joined(join, &mut of)?,
        _ => return None,
    };
    // Rows that fail go elsewhere.
    Some(if relation.rejects.is_some() { rows.some() } else { rows })
}

/// The rows of a join. Those of a side that is kept are there once or more.
fn joined(join: &BoundJoin, of: &mut dyn FnMut(usize) -> Option<RowCount>) -> Option<RowCount> {
    let or_more = |rows: RowCount| RowCount { most: usize::MAX, ..rows };
    match join.kind {
        // One partner at the most.
        _ if join.as_of.is_some() => of(join.left),
        JoinType::LeftSemi | JoinType::LeftAnti => Some(of(join.left)?.some()),
        JoinType::RightSemi | JoinType::RightAnti => Some(of(join.right)?.some()),
        JoinType::Left => Some(or_more(of(join.left)?)),
        JoinType::Right => Some(or_more(of(join.right)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
