// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! From relations to pipelines: once for each query, because operators hold the query's state.
//!
//! Stages are appended to a [`Flow`] until something ends it: an operator that needs all rows, a range of rows, a second
//! reader, an output. A relation that is read twice runs once, into one channel for each reader.

mod aggregate;
mod dynamic;
mod join;
mod reshape;
mod row_counts;
mod sides;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex};

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, FieldRef, Schema, SchemaRef};
use bowyer_core::{Error, Result};
use datafusion_common::ScalarValue;

use crate::operators::distinct::distinct;
use crate::operators::filter::Filter;
use crate::operators::project::{Project, Relabel};
use crate::operators::reject::{RejectSink, Rejecting};
use crate::operators::sort::SortBreaker;
use crate::operators::{Breaker, Stage};
use crate::pipeline::channel::{Channel, Party};
use crate::pipeline::{Pipeline, Progress, Sink, Source};
use crate::plan::{BoundPlan, BoundRejects, Relation, RelationKind};
use crate::program::{NodeKind, Program};
use crate::reading::Reading;
use dynamic::DynamicFilters;
pub(crate) use sides::builds_left;

/// The pipelines of a query, not yet running.
#[derive(Default)]
pub(crate) struct Physical {
    pub(crate) pipelines: Vec<Pipeline>,
    pub(crate) channels: Vec<Channel>,
    /// For each input, the channels that pushed batches go to.
    pub(crate) input_channels: Vec<Vec<usize>>,
    /// For each output, its channel.
    pub(crate) output_channels: Vec<usize>,
    /// The paths of the operators that are counted.
    pub(crate) counted: Vec<String>,
    /// One line for each pipeline.
    pub(crate) text: String,
}

/// What a query adds to its plan.
pub(crate) struct Given<'a> {
    /// For each input, its batches when it is a table.
    pub(crate) tables: &'a [Option<Vec<RecordBatch>>],
    /// For each input, what is read of it.
    pub(crate) readings: &'a [Reading],
    /// For each parameter, its value; empty to look at the plan alone.
    pub(crate) parameters: &'a [ScalarValue],
    /// Whether there are files for what does not fit memory.
    pub(crate) spills: bool,
}

/// The pipelines of a plan.
pub(crate) fn build(plan: &BoundPlan, given: &Given<'_>) -> Result<Physical> {
    let mut builder = Builder {
        plan,
        given,
        built: Physical { input_channels: vec![Vec::new(); plan.inputs.len()], ..Physical::default() },
        links: Vec::new(),
        flows: BTreeMap::new(),
        counters: BTreeMap::new(),
        reject_channels: BTreeMap::new(),
        dynamic: DynamicFilters::of(plan),
    };
    let uses = plan.use_counts();
    for (index, relation) in plan.relations.iter().enumerate() {
        if uses[index] > 0 && !matches!(relation.kind, RelationKind::Scan { .. }) {
            let flow = builder.relation(relation).map_err(|error| locate(error, relation))?;
            builder.provide(index, flow, uses[index])?;
        }
    }
    for (output, (name, relation)) in plan.outputs.iter().enumerate() {
        let flow = builder.consume(*relation)?;
        let channel = builder.link(Some(Party::Output(output)), false);
        builder.end_ordered(flow, vec![channel], &format!("output {name:?}"))?;
        builder.built.output_channels.push(channel);
    }
    let mut rejects: Vec<&BoundRejects> = plan.relations.iter().filter_map(|one| one.rejects.as_ref()).collect();
    rejects.sort_by_key(|rejects| rejects.relation);
    for rejects in rejects {
        let channel = builder.reject_channels.get(&rejects.name).copied();
        let channel = channel.ok_or_else(|| Error::internal("rejects that no stage fills"))?;
        builder.links[channel].consumer = Some(Party::Output(builder.built.output_channels.len()));
        builder.built.output_channels.push(channel);
    }
    builder.connect()
}

fn locate(error: Error, relation: &Relation) -> Error {
    let mut error = error.at_path(relation.path.clone());
    let place = error.place_mut();
    if place.origin.is_none() {
        place.origin.clone_from(&relation.origin);
    }
    error
}

/// A pipeline that is not yet ended.
#[derive(Clone)]
struct Flow {
    source: FlowSource,
    source_counter: Option<usize>,
    columns: Option<Vec<usize>>,
    /// Whether rows carry their numbers as the last column.
    numbers_rows: bool,
    stages: Vec<(Arc<dyn Stage>, Option<usize>)>,
    preserves_rows: bool,
    schema: SchemaRef,
    dependencies: Vec<usize>,
    /// Where rows go that stages set aside, and the channels from there.
    rejects: Vec<(Arc<RejectSink>, usize)>,
    /// A range of the rows, and its counter: only the end of a pipeline can cut.
    range: Option<(u64, Option<u64>, Option<usize>)>,
    text: String,
}

#[derive(Clone)]
enum FlowSource {
    /// One row without columns.
    Once,
    Table(usize),
    Channels(Vec<usize>),
}

/// A channel whose ends are not all known.
struct Link {
    producer: Option<Party>,
    consumer: Option<Party>,
    unbounded: bool,
}

struct Builder<'a> {
    plan: &'a BoundPlan,
    given: &'a Given<'a>,
    built: Physical,
    links: Vec<Link>,
    /// For each relation, a flow for each of its readers.
    flows: BTreeMap<usize, Vec<Flow>>,
    counters: BTreeMap<String, usize>,
    /// For each output of rejects, its channel.
    reject_channels: BTreeMap<String, usize>,
    dynamic: DynamicFilters<'a>,
}

impl Builder<'_> {
    fn relation(&mut self, relation: &Relation) -> Result<Flow> {
        match &relation.kind {
            RelationKind::Scan { .. } => Err(Error::internal("scans are made for each reader")),
            RelationKind::Filter { input, program, predicates, columns } => {
                let program = program.with_parameters(self.given.parameters);
                let schema = relation.schema.clone();
                let stage = Filter::new(program, predicates.clone(), columns.clone(), schema);
                let stage = stage.with_dynamic(self.dynamic.asked_by(relation));
                let flow = self.open(*input)?;
                Ok(self.then(flow, Arc::new(stage), relation, false))
            }
            RelationKind::Project { input, program, columns, checked } => {
                let program = program.with_parameters(self.given.parameters);
                let stage = Project::new(program, columns, checked, relation.schema.clone());
                let flow = self.open(*input)?;
                Ok(self.then(flow, Arc::new(stage), relation, true))
            }
            RelationKind::Aggregate { .. } => self.aggregate(relation),
            RelationKind::Sort { input, program, keys, limit } => {
                let flow = self.open(*input)?;
                let width = flow.schema.fields().len();
                let kept: Vec<usize> = (0..width).collect();
                let nodes: Vec<usize> = keys.iter().map(|key| key.node).collect();
                let (flow, places) = self.columns_of(flow, program, &nodes, &kept, relation)?;
                let sort_keys = keys.iter().zip(&places).map(|(key, &column)| key.over(column)).collect();
                let widened = flow.schema.fields().len() > width;
                let breaker = SortBreaker::new(flow.schema.clone(), sort_keys, *limit)?;
                let mut flow = self.break_flow(flow, Arc::new(breaker), relation)?;
                if widened {
                    let stage: Arc<dyn Stage> = Arc::new(Relabel::new(kept, relation.schema.clone()));
                    flow.stages.push((stage, None));
                }
                flow.schema = relation.schema.clone();
                Ok(flow)
            }
            RelationKind::Join(join) => self.join(join, relation),
            RelationKind::Limit { input, offset, count } => {
                let mut flow = self.open(*input)?;
                let counter = self.counter(&relation.path);
                flow.range = Some((*offset, *count, counter));
                let _infallible = write!(flow.text, " → {}", relation.path);
                Ok(flow)
            }
            RelationKind::Union { inputs } => self.union(inputs, relation),
            RelationKind::Distinct { input, columns, keep } => {
                let flow = self.open(*input)?;
                let breaker = distinct(&flow.schema, columns.clone(), *keep)?;
                self.break_flow(flow, breaker, relation)
            }
            other => self.reshape(other, relation),
        }
    }

    fn union(&mut self, inputs: &[usize], relation: &Relation) -> Result<Flow> {
        let mut sources = Vec::with_capacity(inputs.len());
        for &input in inputs {
            let flow = self.consume(input)?;
            let channel = self.link(None, false);
            self.end_ordered(flow, vec![channel], &relation.path)?;
            sources.push(channel);
        }
        let columns = (0..relation.schema.fields().len()).collect();
        let stage = Relabel::new(columns, relation.schema.clone());
        let flow = flow_from(FlowSource::Channels(sources), &relation.schema, String::new());
        Ok(self.then(flow, Arc::new(stage), relation, true))
    }

    /// Adds a stage that makes the nodes of a relation columns, after `kept` columns of the input; none when they are
    /// columns already and no row can be rejected. Gives the place of each node.
    fn columns_of(
        &mut self,
        mut flow: Flow,
        program: &Arc<Program>,
        nodes: &[usize],
        kept: &[usize],
        relation: &Relation,
    ) -> Result<(Flow, Vec<usize>)> {
        let plain: Option<Vec<usize>> = nodes
            .iter()
            .map(|&node| match program.nodes[node].kind {
                NodeKind::Column(column) => Some(column),
                _ => None,
            })
            .collect();
        if let Some(places) = plain.filter(|_| relation.rejects.is_none()) {
            return Ok((flow, places));
        }
        let mut program = (*program.with_parameters(self.given.parameters)).clone();
        let mut roots = Vec::new();
        let mut fields: Vec<FieldRef> = Vec::new();
        for &column in kept {
            let field = flow.schema.fields()[column].clone();
            roots.push(program.push_column(column, &field));
            fields.push(field);
        }
        let mut places = Vec::with_capacity(nodes.len());
        for &node in nodes {
            let place = roots[kept.len()..].iter().position(|&root| root == node).map(|place| place + kept.len());
            places.push(place.unwrap_or_else(|| {
                let bound = &program.nodes[node];
                fields.push(Arc::new(Field::new(format!("{}", roots.len()), bound.data_type.clone(), bound.nullable)));
                roots.push(node);
                roots.len() - 1
            }));
        }
        let schema = Arc::new(Schema::new(fields));
        let stage = Project::new(Arc::new(program), &roots, &[], schema.clone());
        let stage = self.rejecting(&mut flow, Arc::new(stage), relation);
        flow.stages.push((stage, None));
        flow.schema = schema;
        flow.text.push_str(" → compute");
        Ok((flow, places))
    }

    /// The flow with one more stage.
    fn then(&mut self, mut flow: Flow, stage: Arc<dyn Stage>, relation: &Relation, preserves_rows: bool) -> Flow {
        let stage = self.rejecting(&mut flow, stage, relation);
        self.append(flow, stage, relation, preserves_rows)
    }

    /// The same, for a stage that sets no rows aside.
    fn append(&mut self, mut flow: Flow, stage: Arc<dyn Stage>, relation: &Relation, preserves_rows: bool) -> Flow {
        debug_assert_eq!(stage.schema().fields().len(), relation.schema.fields().len(), "{}", relation.path);
        flow.stages.push((stage, self.counter(&relation.path)));
        flow.preserves_rows &= preserves_rows;
        flow.schema = relation.schema.clone();
        let arrow = if flow.text.is_empty() { "" } else { " → " };
        let _infallible = write!(flow.text, "{arrow}{}", relation.path);
        flow
    }

    /// The stage that evaluates a relation's expressions, with its failing rows set aside if the relation has rejects.
    fn rejecting(&mut self, flow: &mut Flow, stage: Arc<dyn Stage>, relation: &Relation) -> Arc<dyn Stage> {
        let Some(rejects) = &relation.rejects else { return stage };
        let sink = Arc::new(RejectSink::new(&rejects.name, &relation.path, &flow.schema, rejects.limit));
        let channel = self.link(None, true);
        self.reject_channels.insert(rejects.name.clone(), channel);
        flow.rejects.push((sink.clone(), channel));
        flow.preserves_rows = false;
        Arc::new(Rejecting::new(stage, sink))
    }

    /// Ends a flow in an operator that needs all rows; what it gives begins the next one.
    fn break_flow(&mut self, flow: Flow, breaker: Arc<dyn Breaker>, relation: &Relation) -> Result<Flow> {
        let channel = self.link(None, false);
        let counter = self.counter(&relation.path);
        self.close(flow, Sink::Breaker { breaker, channels: vec![channel] }, counter, &relation.path)?;
        Ok(from_channel(channel, &relation.schema, &relation.path))
    }

    /// Ends a flow in channels, with its range.
    fn end_ordered(&mut self, mut flow: Flow, channels: Vec<usize>, text: &str) -> Result<usize> {
        let (offset, count, counter) = flow.range.take().unwrap_or((0, None, None));
        self.close(flow, Sink::Ordered { channels, offset, count }, counter, text)
    }

    fn close(&mut self, flow: Flow, sink: Sink, sink_counter: Option<usize>, text: &str) -> Result<usize> {
        let index = self.built.pipelines.len();
        if let FlowSource::Channels(sources) = &flow.source {
            for &source in sources {
                self.links[source].consumer = Some(Party::Pipeline(index));
            }
        }
        for &target in sink.channels() {
            self.links[target].producer = Some(Party::Pipeline(index));
        }
        for (_, channel) in &flow.rejects {
            self.links[*channel].producer = Some(Party::Pipeline(index));
        }
        for &dependency in &flow.dependencies {
            self.built.pipelines[dependency].dependents.push(index);
        }
        let source = match flow.source {
            FlowSource::Once => Source::Table { input: None, batches: vec![one_row()?] },
            FlowSource::Channels(channels) => Source::Channels(channels),
            FlowSource::Table(input) => {
                let batches = self.given.tables.get(input).cloned().flatten();
                let batches = batches.ok_or_else(|| Error::internal("an input is no table"))?;
                Source::Table { input: Some(input as u32), batches }
            }
        };
        let progress = Progress::after(flow.dependencies.len());
        let serial = flow.stages.last().is_some_and(|(stage, _)| stage.is_serial());
        let (stages, stage_counters): (Vec<_>, Vec<_>) = flow.stages.into_iter().unzip();
        self.built.pipelines.push(Pipeline {
            source,
            columns: flow.columns,
            numbers_rows: flow.numbers_rows,
            stages: stages.into(),
            preserves_rows: flow.preserves_rows,
            serial,
            rejects: flow.rejects,
            sink,
            dependents: Vec::new(),
            dependencies: flow.dependencies,
            source_counter: flow.source_counter,
            stage_counters,
            sink_counter,
            state: Mutex::new(progress),
        });
        let _infallible = writeln!(self.built.text, "pipeline {index}: {} → {text}", flow.text);
        Ok(index)
    }

    /// Keeps the flow of a relation for its readers.
    fn provide(&mut self, index: usize, flow: Flow, readers: usize) -> Result<()> {
        let flows = if readers == 1 {
            vec![flow]
        } else {
            let relation = &self.plan.relations[index];
            let channels: Vec<usize> = (0..readers).map(|_| self.link(None, true)).collect();
            self.end_ordered(flow, channels.clone(), &format!("{readers} readers"))?;
            channels.iter().map(|&channel| from_channel(channel, &relation.schema, &relation.path)).collect()
        };
        self.flows.insert(index, flows);
        Ok(())
    }

    /// The flow of a relation for one of its readers.
    fn consume(&mut self, relation: usize) -> Result<Flow> {
        if let RelationKind::Scan { input, columns } = &self.plan.relations[relation].kind {
            let relation = &self.plan.relations[relation];
            let mut flow = self.scan(relation, *input, columns)?;
            let asked = self.dynamic.asked_by(relation);
            if !asked.is_empty() {
                let stage = Filter::dynamic_only(&flow.schema, asked);
                flow.stages.push((Arc::new(stage), None));
                flow.preserves_rows = false;
            }
            return Ok(flow);
        }
        let flow = self.flows.get_mut(&relation).and_then(Vec::pop);
        flow.ok_or_else(|| Error::internal("a relation is read more often than counted"))
    }

    /// The flow of a relation, ready for stages: a range is cut first.
    fn open(&mut self, relation: usize) -> Result<Flow> {
        let flow = self.consume(relation)?;
        if flow.range.is_none() {
            return Ok(flow);
        }
        let (schema, path) = (flow.schema.clone(), self.plan.relations[relation].path.clone());
        let channel = self.link(None, false);
        self.end_ordered(flow, vec![channel], "channel")?;
        Ok(from_channel(channel, &schema, &path))
    }

    fn scan(&mut self, relation: &Relation, input: usize, columns: &[usize]) -> Result<Flow> {
        let bound = &self.plan.inputs[input];
        let reading = self.given.readings.get(input).ok_or_else(|| Error::internal("an input that nobody reads"))?;
        let places: Option<Vec<usize>> = columns.iter().map(|&column| reading.place(column)).collect();
        let places = places.ok_or_else(|| Error::internal("a column that is not read"))?;
        let all = places.len() == reading.schema().fields().len();
        let source = if self.given.tables.get(input).is_some_and(Option::is_some) {
            FlowSource::Table(input)
        } else {
            let channel = self.link(None, false);
            self.links[channel].producer = Some(Party::Input(input));
            self.built.input_channels[input].push(channel);
            FlowSource::Channels(vec![channel])
        };
        let names: Vec<&str> = relation.schema.fields().iter().map(|field| field.name().as_str()).collect();
        Ok(Flow {
            source,
            source_counter: self.counter(&relation.path),
            columns: (!all).then_some(places),
            numbers_rows: false,
            stages: Vec::new(),
            preserves_rows: true,
            schema: relation.schema.clone(),
            dependencies: Vec::new(),
            rejects: Vec::new(),
            range: None,
            text: format!("{} {}({})", relation.path, bound.name, names.join(", ")),
        })
    }

    fn link(&mut self, consumer: Option<Party>, unbounded: bool) -> usize {
        self.links.push(Link { producer: None, consumer, unbounded });
        self.links.len() - 1
    }

    fn counter(&mut self, path: &str) -> Option<usize> {
        let next = self.built.counted.len();
        let index = *self.counters.entry(path.to_owned()).or_insert(next);
        if index == next {
            self.built.counted.push(path.to_owned());
        }
        Some(index)
    }

    /// Makes the channels, now that both ends of each are known.
    fn connect(mut self) -> Result<Physical> {
        for channels in &self.built.input_channels {
            if channels.len() > 1 {
                for &channel in channels {
                    self.links[channel].unbounded = true;
                }
            }
        }
        for link in &self.links {
            let (Some(producer), Some(consumer)) = (link.producer, link.consumer) else {
                return Err(Error::internal("a channel with a loose end"));
            };
            self.built.channels.push(Channel::new(producer, consumer, link.unbounded));
        }
        Ok(self.built)
    }
}

fn from_channel(channel: usize, schema: &SchemaRef, path: &str) -> Flow {
    flow_from(FlowSource::Channels(vec![channel]), schema, format!("({path})"))
}

fn one_row() -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)?)
}

fn flow_from(source: FlowSource, schema: &SchemaRef, text: String) -> Flow {
    Flow {
        source,
        source_counter: None,
        columns: None,
        numbers_rows: false,
        stages: Vec::new(),
        preserves_rows: true,
        schema: schema.clone(),
        dependencies: Vec::new(),
        rejects: Vec::new(),
        range: None,
        text,
    }
}
