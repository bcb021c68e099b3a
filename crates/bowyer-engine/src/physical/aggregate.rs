// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! An aggregate's place in a pipeline: its keys, arguments and filters become columns, and groups break the flow.
//!
//! Columns stand in one order: the keys, then for each measure its arguments, its filter and its order.

use std::sync::Arc;

use bowyer_core::{Error, Result};

use super::{Builder, Flow, from_channel};
use crate::operators::aggregate::HashAggregate;
use crate::operators::aggregate::sorted::SortedGroups;
use crate::plan::{BoundMeasure, Relation, RelationKind};

impl Builder<'_> {
    pub(super) fn aggregate(&mut self, relation: &Relation) -> Result<Flow> {
        let RelationKind::Aggregate { input, program, keys, sets, measures, sorted } = &relation.kind else {
            return Err(Error::internal("an aggregate of another kind"));
        };
        let nodes: Vec<usize> = keys.iter().chain(measures.iter().flat_map(BoundMeasure::nodes)).copied().collect();
        let flow = self.open(*input)?;
        let (flow, places) = self.columns_of(flow, program, &nodes, &[], relation)?;
        let key_columns = places[..keys.len()].to_vec();
        let mut rest = places[keys.len()..].iter().copied();
        let measures = measures.iter().map(|measure| measure.over(&mut rest)).collect();
        let output = relation.schema.clone();
        let breaker = HashAggregate::new(&flow.schema, key_columns, sets.clone(), measures, output)?;
        if *sorted {
            self.sorted_groups(flow, breaker, relation)
        } else {
            self.break_flow(flow, Arc::new(breaker), relation)
        }
    }

    /// Groups of rows that stand together: a pipeline of its own, which one task at a time goes through in order.
    fn sorted_groups(&mut self, flow: Flow, aggregate: HashAggregate, relation: &Relation) -> Result<Flow> {
        let (schema, path) = (flow.schema.clone(), relation.path.clone());
        let rows = self.link(None, false);
        self.end_ordered(flow, vec![rows], "channel")?;
        let flow = from_channel(rows, &schema, &path);
        let stage = SortedGroups::new(aggregate, relation.schema.clone());
        let mut flow = self.then(flow, Arc::new(stage), &Relation { rejects: None, ..relation.clone() }, false);
        flow.stages.last_mut().into_iter().for_each(|(_, counter)| *counter = self.counter(&path));
        let groups = self.link(None, false);
        self.end_ordered(flow, vec![groups], &path)?;
        Ok(from_channel(groups, &relation.schema, &path))
    }
}
