// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Binding of rejects: outputs for rows whose expressions fail.

use bowyer_core::{Error, Result};
use datafusion_common::JoinType;

use super::{Binder, check_names};
use crate::operators::reject::{RejectLimit, reject_schema};
use crate::plan::{BoundPlan, BoundRejects, RelationKind};
use crate::proto;

impl Binder {
    /// Settles the rejects of a relation.
    pub(super) fn rejects(&self, rejects: &proto::Rejects, kind: &RelationKind) -> Result<BoundRejects> {
        let input = match kind {
            RelationKind::Filter { input, .. }
            | RelationKind::Project { input, .. }
            | RelationKind::Aggregate { input, .. }
            | RelationKind::Sort { input, .. } => input,
            RelationKind::Window(window) => &window.input,
            RelationKind::Pivot(pivot) => &pivot.input,
            // Rows of the side that passes by.
            RelationKind::Join(join) if join.as_of.is_none() => match join.kind {
                JoinType::Right | JoinType::RightSemi | JoinType::RightAnti => &join.right,
                _ => &join.left,
            },
            _ => {
                return Err(Error::invalid_argument(
                    "this relation has no rejects: compute in a projection before it, which may have some",
                ));
            }
        };
        if rejects.name.is_empty() {
            return Err(Error::invalid_argument("rejects need the name of an output"));
        }
        if let Some(share) = rejects.max_share.filter(|share| !(0.0..=1.0).contains(share)) {
            return Err(Error::invalid_argument(format!("the share is {share}, but must lie in 0 to 1"))
                .for_argument("max_share"));
        }
        let schema = reject_schema(&self.relations[*input].schema);
        check_names(&schema)?;
        let limit = RejectLimit { share: rejects.max_share, rows: rejects.max_rows };
        Ok(BoundRejects { relation: self.relations.len(), name: rejects.name.clone(), limit, schema })
    }
}

/// Refuses rejects that share an output's name, or that nothing would fill.
pub(super) fn check(plan: &BoundPlan) -> Result<()> {
    let uses = plan.use_counts();
    let mut names: Vec<&str> = plan.outputs.iter().map(|(name, _)| name.as_str()).collect();
    for (relation, uses) in plan.relations.iter().zip(uses) {
        let Some(rejects) = &relation.rejects else { continue };
        let at = |error: Error| Err(error.at_path(relation.path.clone()));
        if names.contains(&rejects.name.as_str()) {
            return at(Error::invalid_argument(format!("two outputs are named {:?}", rejects.name)));
        }
        if uses == 0 {
            return at(Error::invalid_argument(format!(
                "no output reads the relation whose rejects go to {:?}",
                rejects.name
            )));
        }
        names.push(&rejects.name);
    }
    Ok(())
}
