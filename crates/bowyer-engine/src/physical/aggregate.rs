// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! An aggregate's place in a pipeline: its keys, arguments and filters become columns, and groups break the flow.
//!
//! Columns stand in one order: the keys, then for each measure its arguments and its filter.

use std::sync::Arc;

use bowyer_core::{Error, Result};

use super::{Builder, Flow};
use crate::operators::Measure;
use crate::operators::aggregate::HashAggregate;
use crate::plan::{BoundMeasure, Relation, RelationKind};

impl Builder<'_> {
    pub(super) fn aggregate(&mut self, relation: &Relation) -> Result<Flow> {
        let RelationKind::Aggregate { input, program, keys, sets, measures } = &relation.kind else {
            return Err(Error::internal("an aggregate of another kind"));
        };
        let nodes: Vec<usize> = keys.iter().chain(measures.iter().flat_map(BoundMeasure::nodes)).copied().collect();
        let flow = self.open(*input)?;
        let (flow, places) = self.columns_of(flow, program, &nodes, &[])?;
        let key_columns = places[..keys.len()].to_vec();
        let mut rest = places[keys.len()..].iter().copied();
        let measures = measures
            .iter()
            .map(|measure| Measure {
                bound: measure.bound.clone(),
                arguments: rest.by_ref().take(measure.arguments.len()).collect(),
                filter: measure.filter.and_then(|_| rest.next()),
                distinct: measure.distinct,
                path: measure.path.clone(),
            })
            .collect();
        let output = relation.schema.clone();
        let breaker = HashAggregate::new(&flow.schema, key_columns, sets.clone(), measures, output)?;
        self.break_flow(flow, Arc::new(breaker), relation)
    }
}
