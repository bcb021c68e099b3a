// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Pipelines of the operators that compare rows with their neighbours.

use std::sync::Arc;

use bowyer_core::Result;

use super::{Builder, Flow};
use crate::operators::SortKey;
use crate::operators::window::{WindowBreaker, WindowCall, WindowSpec};
use crate::plan::{BoundWindow, Relation};

impl Builder<'_> {
    pub(super) fn window(&mut self, window: &BoundWindow, relation: &Relation) -> Result<Flow> {
        let flow = self.open(window.input)?;
        let stages = flow.stages.len();
        let (flow, places) = self.columns_of(flow, &window.program, &window.nodes(), &window.columns)?;
        // Behind a stage that computes columns, those that are kept stand first.
        let computed = flow.stages.len() > stages;
        let kept = if computed { (0..window.columns.len()).collect() } else { window.columns.clone() };
        let mut places = places.into_iter();
        let partition = places.by_ref().take(window.partition.len()).collect();
        let order = window.order.iter().zip(places.by_ref()).map(|(key, column)| SortKey {
            column,
            descending: key.descending,
            nulls_first: key.nulls_first,
        });
        let order = order.collect();
        let calls = window
            .functions
            .iter()
            .map(|call| WindowCall { arguments: places.by_ref().take(call.arguments.len()).collect(), ..call.clone() });
        let calls = calls.collect();
        let spec = WindowSpec { partition, order, frame: window.frame };
        let breaker = WindowBreaker::new(flow.schema.clone(), kept, spec, calls, relation.schema.clone())?;
        self.break_flow(flow, Arc::new(breaker), relation)
    }
}
