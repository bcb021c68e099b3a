// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A plan that is bound and optimised, ready to run any number of times.

use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bowyer_core::{Error, Result};
use datafusion_common::ScalarValue;

use crate::engine::Inner;
use crate::literal::{beside, is_untyped, literal_value};
use crate::operators::TaskContext;
use crate::optimiser::ScanBound;
use crate::physical::{Given, build};
use crate::pipeline::state::{InputPort, InputState, Leftovers, OutputPort, Over, QueryState};
use crate::plan::{BoundPlan, Input};
use crate::query::{Bindings, InputBinding, Notify, Query};
use crate::reading::Reading;
use crate::statistics::Counters;
use crate::{Control, binder, explain, optimiser, proto};

/// The most rows that a task takes at a time.
const MORSEL_ROWS: usize = 65_536;

/// A plan that is bound and optimised. Any thread may start queries of it.
pub struct Prepared {
    engine: Arc<Inner>,
    plan: BoundPlan,
    outputs: Vec<(String, SchemaRef)>,
    description: proto::PlanDescription,
    bounds: Vec<Vec<ScanBound>>,
    readings: Vec<Reading>,
    /// The optimised plan, line by line.
    plan_lines: Arc<Vec<(String, String)>>,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared").field("outputs", &self.outputs).finish_non_exhaustive()
    }
}

impl Prepared {
    pub(crate) fn new(engine: Arc<Inner>, plan: &proto::Plan) -> Result<Self> {
        let bound = binder::bind(plan)?;
        let logical = explain::logical(&bound);
        let outputs = bound
            .outputs
            .iter()
            .map(|(name, relation)| (name.clone(), bound.relations[*relation].schema.clone()))
            .chain(bound.relations.iter().filter_map(|relation| {
                relation.rejects.as_ref().map(|rejects| (rejects.name.clone(), rejects.schema.clone()))
            }))
            .collect();
        let plan = optimiser::optimise(bound, engine.rewrites)?;
        let scans = optimiser::scan_requests(&plan);
        let bounds = optimiser::scan_bounds(&plan);
        let readings = Reading::of(&plan);
        // Building it once finds what only operators know: keys of a type that they cannot compare.
        let physical =
            build(&plan, &Given { tables: &[], parameters: &[], readings: &readings, spills: engine.spill.is_some() })?
                .text;
        let optimised = explain::logical(&plan);
        let description = proto::PlanDescription { scans, logical, physical, optimised };
        let plan_lines = Arc::new(explain::lines(&plan));
        Ok(Self { engine, plan, outputs, description, bounds, readings, plan_lines })
    }

    /// The plan's inputs, in its order.
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.plan.inputs
    }

    /// The plan's outputs and their schemas.
    #[must_use]
    pub fn outputs(&self) -> &[(String, SchemaRef)] {
        &self.outputs
    }

    /// What is read of each input, in their order: pushed batches may have those columns alone.
    #[must_use]
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// What it reads, and the plan as text.
    #[must_use]
    pub fn description(&self) -> proto::PlanDescription {
        self.description.clone()
    }

    /// For each input, between which values its columns lie in the rows that are kept: others need not be read.
    #[must_use]
    pub fn scan_bounds(&self) -> &[Vec<ScanBound>] {
        &self.bounds
    }

    /// Starts a query.
    ///
    /// # Errors
    /// `NotFound` for a name that the plan does not have, `InvalidArgument` for one that is missing or given twice,
    /// `TypeMismatch` for a table or a parameter of another type, `InvalidState` when the engine is closed.
    pub fn start(&self, bindings: Bindings, notify: Arc<dyn Notify>) -> Result<Query> {
        let state = Arc::new(self.state(bindings, notify)?);
        self.engine.register(&state)?;
        Ok(Query::new(state, self.engine.clone()))
    }

    /// A query that is not yet running.
    pub(crate) fn state(&self, bindings: Bindings, notify: Arc<dyn Notify>) -> Result<QueryState> {
        let tables = self.tables(&bindings.inputs)?;
        let parameters = self.parameters(&bindings.parameters)?;
        let spills = self.engine.spill.is_some();
        let given = Given { tables: &tables, parameters: &parameters, readings: &self.readings, spills };
        let name =
            if bindings.query_id.is_empty() { "the query".to_owned() } else { format!("query {}", bindings.query_id) };
        let limit = bindings.memory_limit.or(self.engine.query_memory_limit);
        let memory = self.engine.memory.with_limit(limit, &name);
        let started = Instant::now();
        let over = Arc::new(Over::default());
        let control = Control::new(memory.clone())
            .with_deadline(bindings.timeout.and_then(|timeout| started.checked_add(timeout)))
            .with_cancellation(over.clone());
        let threads = self.engine.threads.clone();
        let batch_rows = bindings.batch_rows.filter(|&rows| rows > 0).unwrap_or(self.engine.batch_rows);
        let spill = self.engine.spill.clone();
        let leftovers = memory.clone();
        let context = TaskContext { memory, batch_rows, threads: threads.count(), control, spill };
        let ordered = optimiser::order_joins(&self.plan, &given, &context, self.engine.rewrites);
        let plan_lines =
            ordered.as_ref().map_or_else(|| self.plan_lines.clone(), |plan| Arc::new(explain::lines(plan)));
        let built = build(ordered.as_ref().unwrap_or(&self.plan), &given)?;
        let inputs = self.plan.inputs.iter().zip(&self.readings).zip(built.input_channels);
        let inputs = inputs.map(|((input, reading), channels)| InputPort {
            name: input.name.clone(),
            reading: reading.clone(),
            channels,
            state: Mutex::new(InputState::default()),
        });
        let outputs = built.output_channels.into_iter().map(|channel| OutputPort {
            channel,
            rest: Mutex::default(),
            waiting: AtomicBool::new(false),
        });
        let share = |path: &String| TaskContext { memory: context.memory.with_limit(None, path), ..context.clone() };
        Ok(QueryState {
            operator_contexts: built.counted.iter().map(share).collect(),
            plan_lines,
            unfinished: AtomicUsize::new(built.pipelines.len()),
            pipelines: built.pipelines,
            channels: built.channels,
            inputs: inputs.collect(),
            outputs: outputs.collect(),
            window: 2 * threads.count() as u64 + 2,
            morsel_rows: batch_rows.min(MORSEL_ROWS),
            context,
            threads,
            counters: Counters::new(built.counted),
            notify,
            query_id: bindings.query_id,
            output_limit: bindings.output_limit.or(self.engine.output_limit),
            started,
            over,
            elapsed: OnceLock::new(),
            failure: Mutex::default(),
            _leftovers: Leftovers(leftovers),
        })
    }

    fn tables(&self, bindings: &[(String, InputBinding)]) -> Result<Vec<Option<Vec<RecordBatch>>>> {
        let mut bound: Vec<Option<&InputBinding>> = vec![None; self.plan.inputs.len()];
        for (name, binding) in bindings {
            let index = self.plan.inputs.iter().position(|input| &input.name == name);
            let index = index.ok_or_else(|| in_input(Error::not_found("the plan has no such input"), name))?;
            if bound[index].replace(binding).is_some() {
                return Err(in_input(Error::invalid_argument("the input is bound twice"), name));
            }
        }
        let scanned: Vec<bool> = self.description.scans.iter().map(|scan| scan.scan_count > 0).collect();
        let mut tables = Vec::with_capacity(bound.len());
        for (((input, reading), binding), scanned) in
            self.plan.inputs.iter().zip(&self.readings).zip(bound).zip(scanned)
        {
            tables.push(match binding {
                Some(InputBinding::Source(source)) => {
                    let conforming = source.batches().into_iter().map(|batch| reading.fit(batch));
                    Some(conforming.collect::<Result<Vec<_>>>().map_err(|error| in_input(error, &input.name))?)
                }
                None if scanned => {
                    return Err(in_input(Error::invalid_argument("the input is not bound"), &input.name));
                }
                Some(InputBinding::Pushed) | None => None,
            });
        }
        Ok(tables)
    }

    fn parameters(&self, given: &[(String, proto::Literal)]) -> Result<Vec<ScalarValue>> {
        for (name, _) in given {
            if !self.plan.parameters.iter().any(|parameter| parameter.name() == name) {
                return Err(Error::not_found(format!("the plan has no parameter {name:?}")));
            }
        }
        let values = self.plan.parameters.iter().map(|parameter| {
            let mut of_name = given.iter().filter(|(name, _)| name == parameter.name());
            let (Some((_, literal)), None) = (of_name.next(), of_name.next()) else {
                let name = parameter.name();
                return Err(Error::invalid_argument(format!("parameter {name:?} must be given once")));
            };
            let value = literal_value(literal)?;
            let typed = if is_untyped(literal) { beside(&value, parameter.data_type())? } else { Some(value) };
            typed.filter(|value| &value.data_type() == parameter.data_type()).ok_or_else(|| {
                let (name, data_type) = (parameter.name(), parameter.data_type());
                Error::type_mismatch(format!("the value of parameter {name:?} is not of type {data_type}"))
            })
        });
        values.collect()
    }
}

fn in_input(mut error: Error, name: &str) -> Error {
    error.place_mut().input = Some(name.to_owned());
    error
}
