// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What a filter above a join says about the join.

use bowyer_compute::Nulls;
use datafusion_common::JoinType;

use crate::operators::JoinColumn;
use crate::plan::BoundJoin;
use crate::program::{NodeKind, Program};

/// The side of a join that some columns of its result come from, if it is one, and if a filter may move there.
pub(super) fn side_of(join: &BoundJoin, columns: &[usize]) -> Option<Side> {
    if !is_plain(join) {
        return None;
    }
    let mut sides = columns.iter().map(|&column| match join.columns.get(column) {
        Some(JoinColumn::Probe(_)) => Some(Side::Left),
        Some(JoinColumn::Build(_)) => Some(Side::Right),
        _ => None,
    });
    let side = sides.next()??;
    if !sides.all(|other| other == Some(side)) {
        return None;
    }
    // Unmatched rows of the other side would come or go with the rows that are filtered.
    let allowed = match join.kind {
        JoinType::Inner => true,
        JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => side == Side::Left,
        JoinType::Right | JoinType::RightSemi | JoinType::RightAnti => side == Side::Right,
        _ => false,
    };
    allowed.then_some(side)
}

/// Whether rows are joined by equal keys alone. A condition on pairs can fail for a row that a filter would remove, and
/// what an as-of join or a null-aware one finds depends on more rows than the two.
fn is_plain(join: &BoundJoin) -> bool {
    join.residual.is_none() && join.as_of.is_none() && !join.null_aware
}

/// A side of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

impl Side {
    /// The column of this side that a column of the result is.
    pub(super) fn column(self, column: JoinColumn) -> Option<usize> {
        match (self, column) {
            (Self::Left, JoinColumn::Probe(column)) | (Self::Right, JoinColumn::Build(column)) => Some(column),
            _ => None,
        }
    }
}

/// Whether a predicate over a left join is never true for a left row without a partner.
pub(super) fn wants_partners(join: &BoundJoin, program: &Program, predicate: usize) -> bool {
    let built = |column: &usize| matches!(join.columns.get(*column), Some(JoinColumn::Build(_)));
    is_plain(join) && join.kind == JoinType::Left && is_null_with(program, predicate, &built)
}

/// Whether the node is null in every row in which the columns are null: it, or one of its arguments on a way of functions
/// that pass nulls on. Predicates are small; what is shared in them is visited again.
fn is_null_with(program: &Program, root: usize, null: &dyn Fn(&usize) -> bool) -> bool {
    const VISITS: usize = 256;
    let mut pending = vec![root];
    for _ in 0..VISITS {
        let Some(node) = pending.pop() else { return false };
        match &program.nodes[node].kind {
            NodeKind::Column(column) if null(column) => return true,
            NodeKind::Cast { argument, .. } => pending.push(*argument),
            NodeKind::Call { bound, arguments, .. } if bound.function().nulls == Nulls::Propagate => {
                pending.extend(arguments);
            }
            _ => {}
        }
    }
    false
}
