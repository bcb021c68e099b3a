// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Rewrites that change what is computed, never what comes out.
//!
//! No rewrite may raise an error that a row-by-row run would not meet, nor hide one that it would: an expression that can
//! fail stays where it is, and is evaluated even when nobody reads its column.

mod prune;
mod scans;
mod top_rows;

use bowyer_core::Result;

use crate::plan::{BoundPlan, RelationKind};

pub(crate) use scans::scan_requests;

/// The plan as it will run.
pub(crate) fn optimise(mut plan: BoundPlan) -> Result<BoundPlan> {
    limit_sorts(&mut plan);
    top_rows::limit_windows(&mut plan);
    prune::prune(plan)
}

/// A sort of which only a limit reads gives no more rows than the limit lets through.
fn limit_sorts(plan: &mut BoundPlan) {
    let uses = plan.use_counts();
    for index in 0..plan.relations.len() {
        let RelationKind::Limit { input, offset, count: Some(count) } = plan.relations[index].kind else { continue };
        let last = offset.checked_add(count).and_then(|rows| usize::try_from(rows).ok());
        if let (1, RelationKind::Sort { limit, .. }) = (uses[input], &mut plan.relations[input].kind) {
            *limit = last;
        }
    }
}
