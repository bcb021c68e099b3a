// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A join's place in the pipelines: one side ends in a table, the other goes through a stage that asks it.
//!
//! Where rows of the table stay without a partner and belong to the result, a third pipeline gives them when all rows of
//! the other side are through.

use std::sync::Arc;

use bowyer_core::Result;

use super::sides::JoinPlan;
use super::{Builder, Flow, FlowSource, flow_from};
use crate::operators::join::{
    AsOfBuild, AsOfProbe, FiledRows, JoinBuild, JoinKeys, JoinProbe, PairCheck, Rule, UnmatchedRows,
};
use crate::pipeline::Sink;
use crate::plan::{AsOf, BoundJoin, Relation};

impl Builder<'_> {
    fn as_of_join(&mut self, join: &BoundJoin, as_of: &AsOf, relation: &Relation) -> Result<Flow> {
        let rule = Rule::Pairs { keeps_probe: true, keeps_build: false };
        let keys = |columns: &[usize]| JoinKeys::new(columns.to_vec(), join.key_types.clone(), &relation.path);
        let on = |column: usize| JoinKeys::new(vec![column], vec![as_of.on_type.clone()], &relation.path);
        let right = self.open(join.right)?;
        let rows = JoinBuild::new(right.schema.clone(), keys(&join.right_keys), rule, join.nulls, None);
        let build = AsOfBuild::new(rows.clone(), on(as_of.right_on));
        let sink = Sink::Breaker { breaker: build.clone(), channels: Vec::new() };
        let built = self.close(right, sink, None, &format!("{} build", relation.path))?;
        let mut flow = self.open(join.left)?;
        let (schema, columns) = (relation.schema.clone(), join.columns.clone());
        let probe = JoinProbe::new(rows, &flow.schema, keys(&join.left_keys), schema, columns)?;
        let probe = AsOfProbe::new(probe, build, on(as_of.left_on), as_of.rule);
        flow.dependencies.push(built);
        Ok(self.then(flow, Arc::new(probe), relation, true))
    }

    pub(super) fn join(&mut self, join: &BoundJoin, relation: &Relation) -> Result<Flow> {
        if let Some(as_of) = &join.as_of {
            return self.as_of_join(join, as_of, relation);
        }
        let plan = JoinPlan::of(join, relation, self.plan, self.given);
        let right = self.open(plan.build)?;
        let keys = |columns: &[usize]| JoinKeys::new(columns.to_vec(), join.key_types.clone(), &relation.path);
        let build =
            JoinBuild::new(right.schema.clone(), keys(plan.build_keys), plan.rule, join.nulls, plan.residual.clone());
        let build = build.with_dynamic(self.dynamic.filled_by(relation, plan.swapped));
        // Files that an endless input goes to would have no end either, and rows that fail are known before they go there.
        let endless = self.plan.inputs.iter().any(|input| input.unbounded);
        let spills = self.given.spills && !endless && relation.rejects.is_none();
        let build = if spills { build.with_files()? } else { build };
        let sink = Sink::Breaker { breaker: build.clone(), channels: Vec::new() };
        let built = self.close(right, sink, None, &format!("{} build", relation.path))?;
        let mut flow = self.open(plan.probe)?;
        let (schema, columns) = (relation.schema.clone(), plan.columns);
        let probe =
            JoinProbe::new(build.clone(), &flow.schema, keys(plan.probe_keys), schema.clone(), columns.clone())?;
        flow.dependencies.push(built);
        if relation.rejects.is_some() {
            let check = Arc::new(PairCheck::new(&probe, flow.schema.clone()));
            let check = self.rejecting(&mut flow, check, relation);
            flow.stages.push((check, None));
        }
        let keeps_build = plan.rule.keeps_build_rows();
        let unmatched = keeps_build.then(|| UnmatchedRows::new(build, schema.clone(), columns));
        let filed = FiledRows::new(&probe, flow.schema.clone(), unmatched);
        let flow = self.append(flow, Arc::new(probe), relation, false);
        if !keeps_build && !spills {
            return Ok(flow);
        }
        // The build rows that nobody asked for, and what went to files, come when all probe rows are through.
        let matched = self.link(None, false);
        let probed = self.end_ordered(flow, vec![matched], &format!("{} probe", relation.path))?;
        let mut rest = flow_from(FlowSource::Once, &schema, format!("({} build)", relation.path));
        rest.dependencies.push(probed);
        rest.preserves_rows = false;
        rest.stages.push((Arc::new(filed), self.counter(&relation.path)));
        let unmatched = self.link(None, false);
        self.end_ordered(rest, vec![unmatched], &relation.path)?;
        let sources = FlowSource::Channels(vec![matched, unmatched]);
        Ok(flow_from(sources, &schema, format!("({})", relation.path)))
    }
}
