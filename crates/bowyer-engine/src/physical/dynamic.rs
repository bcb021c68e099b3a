// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The filters that joins fill in while the query runs, for those who ask them and those who fill them.

use std::sync::Arc;

use crate::operators::join::DynamicFilter;
use crate::plan::{BoundPlan, DynamicKey, Relation, RelationKind};

/// A filter for each place that the plan names: the join, the place, the filter.
pub(super) struct DynamicFilters<'a> {
    plan: &'a BoundPlan,
    filters: Vec<(usize, DynamicKey, Arc<DynamicFilter>)>,
}

impl<'a> DynamicFilters<'a> {
    pub(super) fn of(plan: &'a BoundPlan) -> Self {
        let joins = plan.relations.iter().enumerate().filter_map(|(index, relation)| match &relation.kind {
            RelationKind::Join(join) => Some((index, join)),
            _ => None,
        });
        let filters = joins.flat_map(|(index, join)| join.dynamic.iter().map(move |key| (index, *key, Arc::default())));
        Self { plan, filters: filters.collect() }
    }

    /// What a relation of the plan asks, each of a column of its result.
    pub(super) fn asked_by(&self, relation: &Relation) -> Vec<(Arc<DynamicFilter>, usize)> {
        let asked = self.filters.iter().filter(|(_, key, _)| self.is(key.relation, relation));
        asked.map(|(_, key, filter)| (filter.clone(), key.column)).collect()
    }

    /// What the build side of a join fills in, each by one of its keys.
    pub(super) fn filled_by(&self, join: &Relation, builds_left: bool) -> Vec<(Arc<DynamicFilter>, usize)> {
        let filled = self.filters.iter().filter(|(index, key, _)| self.is(*index, join) && key.of_left != builds_left);
        filled.map(|(_, key, filter)| (filter.clone(), key.key)).collect()
    }

    fn is(&self, index: usize, relation: &Relation) -> bool {
        self.plan.relations.get(index).is_some_and(|other| std::ptr::eq(other, relation))
    }
}
