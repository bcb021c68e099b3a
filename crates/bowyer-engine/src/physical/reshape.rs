// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Pipelines of the operators that compare rows with others or make other rows of them.

use std::sync::Arc;

use arrow_schema::{Field, FieldRef, Schema};
use bowyer_core::{Error, Result};

use super::{Builder, Flow, from_channel};
use crate::operators::Measure;
use crate::operators::aggregate::HashAggregate;
use crate::operators::aggregate::sets::GroupingSets;
use crate::operators::pivot::Pivot;
use crate::operators::sample::{SampleFraction, SampleRows, SampleSize};
use crate::operators::set_operation::{RowCounts, SetBreaker, SetRule};
use crate::operators::unnest::Unnest;
use crate::operators::unpivot::Unpivot;
use crate::operators::window::{WindowBreaker, WindowSpec};
use crate::pipeline::Sink;
use crate::plan::{BoundPivot, BoundUnnest, BoundUnpivot, BoundWindow, Relation, RelationKind};

impl Builder<'_> {
    pub(super) fn reshape(&mut self, kind: &RelationKind, relation: &Relation) -> Result<Flow> {
        match kind {
            RelationKind::Window(window) => self.window(window, relation),
            RelationKind::SetOperation { inputs, rule } => self.set_operation(inputs, *rule, relation),
            RelationKind::Unnest(unnest) => self.unnest(unnest, relation),
            RelationKind::Pivot(pivot) => self.pivot(pivot, relation),
            RelationKind::Unpivot(unpivot) => self.unpivot(unpivot, relation),
            RelationKind::Sample { input, seed, size } => self.sample(*input, *seed, *size, relation),
            _ => Err(Error::internal("a relation that no pipeline is made for")),
        }
    }

    fn window(&mut self, window: &BoundWindow, relation: &Relation) -> Result<Flow> {
        let flow = self.open(window.input)?;
        let stages = flow.stages.len();
        let (flow, places) = self.columns_of(flow, &window.program, &window.nodes(), &window.columns, relation)?;
        // Behind a stage that computes columns, those that are kept stand first.
        let computed = flow.stages.len() > stages;
        let kept = if computed { (0..window.columns.len()).collect() } else { window.columns.clone() };
        let mut places = places.into_iter();
        let partition = places.by_ref().take(window.partition.len()).collect();
        let order = window.order.iter().zip(places.by_ref()).map(|(key, column)| key.over(column)).collect();
        let calls = window.functions.iter().map(|call| call.over(&mut places)).collect();
        let spec = WindowSpec { partition, order, frame: window.frame, limit: window.limit };
        let breaker = WindowBreaker::new(flow.schema.clone(), kept, spec, calls, relation.schema.clone())?;
        let breaker = if self.given.spills { breaker.with_files()? } else { breaker };
        self.break_flow(flow, Arc::new(breaker), relation)
    }

    /// The first input, against counts of the rows of the others.
    fn set_operation(&mut self, inputs: &[usize], rule: SetRule, relation: &Relation) -> Result<Flow> {
        let (mut others, mut counted) = (Vec::new(), Vec::new());
        for &other in &inputs[1..] {
            let flow = self.open(other)?;
            let counts = RowCounts::new(&flow.schema)?;
            let sink = Sink::Breaker { breaker: counts.clone(), channels: Vec::new() };
            counted.push(self.close(flow, sink, None, &format!("{} rows", relation.path))?);
            others.push(counts);
        }
        let mut flow = self.open(inputs[0])?;
        flow.dependencies.extend(counted);
        let breaker = SetBreaker::new(&flow.schema, relation.schema.clone(), others, rule)?;
        self.break_flow(flow, Arc::new(breaker), relation)
    }

    fn unnest(&mut self, unnest: &BoundUnnest, relation: &Relation) -> Result<Flow> {
        let (columns, lists) = (unnest.columns.clone(), unnest.lists.clone());
        let stage = Unnest::new(columns, lists, unnest.keep_empty, relation.schema.clone(), &relation.path);
        let flow = self.open(unnest.input)?;
        Ok(self.then(flow, Arc::new(stage), relation, false))
    }

    fn unpivot(&mut self, unpivot: &BoundUnpivot, relation: &Relation) -> Result<Flow> {
        let (columns, values) = (unpivot.columns.clone(), unpivot.values.clone());
        let stage = Unpivot::new(columns, values, &unpivot.names, relation.schema.clone());
        let flow = self.open(unpivot.input)?;
        Ok(self.then(flow, Arc::new(stage), relation, false))
    }

    /// Groups by the keys and the column that is spread, then spreads it.
    fn pivot(&mut self, pivot: &BoundPivot, relation: &Relation) -> Result<Flow> {
        let flow = self.open(pivot.input)?;
        let (flow, places) = self.columns_of(flow, &pivot.program, &pivot.nodes(), &[], relation)?;
        let key_count = pivot.keys.len() + 1;
        let mut fields: Vec<FieldRef> =
            places[..key_count].iter().map(|&place| flow.schema.fields()[place].clone()).collect();
        let key_types = fields[..pivot.keys.len()].iter().map(|field| field.data_type().clone()).collect();
        let mut rest = places[key_count..].iter().copied();
        let measures: Vec<Measure> = pivot.measures.iter().map(|measure| measure.over(&mut rest)).collect();
        let bounds: Vec<_> = pivot.measures.iter().map(|measure| measure.bound.clone()).collect();
        for (at, bound) in bounds.iter().enumerate() {
            fields.push(Arc::new(Field::new(format!("{at}"), bound.output_type().clone(), true)));
        }
        let grouped = Arc::new(Schema::new(fields));
        let keys = places[..key_count].to_vec();
        let breaker = HashAggregate::new(&flow.schema, keys, GroupingSets::default(), measures, grouped.clone())?;
        let channel = self.link(None, false);
        let sink = Sink::Breaker { breaker: Arc::new(breaker), channels: vec![channel] };
        self.close(flow, sink, None, &format!("{} groups", relation.path))?;
        let flow = from_channel(channel, &grouped, &relation.path);
        let pivot = Pivot::new(key_types, pivot.values.clone(), bounds, relation.schema.clone())?;
        self.break_flow(flow, Arc::new(pivot), relation)
    }

    fn sample(&mut self, input: usize, seed: u64, size: SampleSize, relation: &Relation) -> Result<Flow> {
        let mut flow = self.open(input)?;
        // Rows are numbered where a pipeline begins.
        if !flow.stages.is_empty() {
            let (schema, path) = (flow.schema.clone(), self.plan.relations[input].path.clone());
            let channel = self.link(None, false);
            self.end_ordered(flow, vec![channel], "channel")?;
            flow = from_channel(channel, &schema, &path);
        }
        flow.numbers_rows = true;
        match size {
            SampleSize::Fraction(fraction) => {
                let stage = SampleFraction::new(seed, fraction, relation.schema.clone());
                Ok(self.then(flow, Arc::new(stage), relation, false))
            }
            SampleSize::Rows(count) => {
                let breaker = SampleRows::new(seed, count, relation.schema.clone());
                self.break_flow(flow, Arc::new(breaker), relation)
            }
        }
    }
}
