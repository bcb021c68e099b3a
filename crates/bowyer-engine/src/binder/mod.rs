// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Binding: from a plan message to relations whose names, types and literals are settled.
//!
//! Everything that a plan can get wrong is found here, before any data is there, and every error says where: the plan
//! node, the column or function, and the line of the program that wrote it. [`expression`] binds expressions,
//! [`relation`] and [`join`] what stands around them.

mod expression;
mod join;
mod lists;
mod pivot;
mod rejects;
mod relation;
mod reshape;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use expression::bind_options;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow_schema::{Field, Schema, SchemaRef};
use bowyer_core::{Error, Result};
use datafusion_common::JoinType;

use crate::operators::sample::SampleSize;
use crate::plan::{BoundPlan, Input, Relation, RelationKind};
use crate::proto;
use crate::types::schema_from_proto;

/// The version of the contract that this build speaks.
const VERSION: u32 = 1;
/// Plans with more relations, or relations with more expressions, are refused.
const NODE_LIMIT: usize = 65_536;

/// Settles names, types and literals of a plan.
pub(crate) fn bind(plan: &proto::Plan) -> Result<BoundPlan> {
    check_size(plan)?;
    let origins = Origins::new(plan);
    let inputs = bind_inputs(plan)?;
    let mut binder = Binder { inputs, relations: Vec::with_capacity(plan.relations.len()), parameters: Vec::new() };
    let mut unbounded = Vec::with_capacity(plan.relations.len());
    for (index, message) in plan.relations.iter().enumerate() {
        let path = format!("{}[{index}]", kind_name(message));
        let origin = origins.of(index, None);
        let located = |error: Error| locate(error, &path, origin.as_ref());
        let relation = binder.relation(index, message, &path, &origins).map_err(located)?;
        unbounded.push(check_bounded(&binder.inputs, &unbounded, &relation.kind).map_err(located)?);
        binder.relations.push(Relation { path: path.clone(), origin: origin.clone(), ..relation });
    }
    let outputs = bind_outputs(plan)?;
    let bound =
        BoundPlan { inputs: binder.inputs, relations: binder.relations, outputs, parameters: binder.parameters };
    rejects::check(&bound)?;
    Ok(bound)
}

/// What is settled so far.
struct Binder {
    inputs: Vec<Input>,
    relations: Vec<Relation>,
    parameters: Vec<Field>,
}

impl Binder {
    /// The schema of an earlier relation.
    fn schema_of(&self, relation: u32) -> Result<&SchemaRef> {
        let found = self.relations.get(relation as usize).map(|relation| &relation.schema);
        found.ok_or_else(|| {
            Error::invalid_argument(format!(
                "it reads relation {relation}, but a relation reads only those before it: {} here",
                self.relations.len()
            ))
        })
    }

    /// The index of a parameter, which has one type wherever it stands.
    fn parameter(&mut self, name: &str, field: &Field) -> Result<usize> {
        if let Some(index) = self.parameters.iter().position(|known| known.name() == name) {
            let known = self.parameters[index].data_type();
            return if known == field.data_type() {
                Ok(index)
            } else {
                Err(Error::type_mismatch(format!(
                    "parameter {name:?} is of type {known} in one place and {} in another",
                    field.data_type()
                )))
            };
        }
        self.parameters.push(Field::new(name, field.data_type().clone(), true));
        Ok(self.parameters.len() - 1)
    }
}

/// Where nodes were written.
struct Origins(HashMap<(u32, Option<u32>), String>);

impl Origins {
    fn new(plan: &proto::Plan) -> Self {
        let origins = plan.origins.iter();
        Self(origins.map(|at| ((at.relation, at.expression), format!("{}:{}", at.file, at.line))).collect())
    }

    fn of(&self, relation: usize, expression: Option<usize>) -> Option<String> {
        let relation = u32::try_from(relation).ok()?;
        let expression = expression.map(u32::try_from).transpose().ok()?;
        self.0.get(&(relation, expression)).or_else(|| self.0.get(&(relation, None))).cloned()
    }
}

fn locate(error: Error, path: &str, origin: Option<&String>) -> Error {
    let mut error = error.at_path(path);
    let place = error.place_mut();
    if place.origin.is_none() {
        place.origin = origin.cloned();
    }
    error
}

fn check_size(plan: &proto::Plan) -> Result<()> {
    if plan.version != VERSION {
        return Err(Error::incompatible_version(format!(
            "the plan is of version {}, this build speaks version {VERSION}",
            plan.version
        )));
    }
    let most = plan.relations.iter().map(|relation| relation.expressions.len()).max().unwrap_or(0);
    if plan.relations.len() > NODE_LIMIT || most > NODE_LIMIT {
        return Err(Error::limit_exceeded(format!(
            "a plan has at most {NODE_LIMIT} relations, and expressions in each"
        )));
    }
    Ok(())
}

fn bind_inputs(plan: &proto::Plan) -> Result<Vec<Input>> {
    let mut names = HashSet::new();
    let mut inputs = Vec::with_capacity(plan.inputs.len());
    for (index, input) in plan.inputs.iter().enumerate() {
        let bound = || {
            if input.name.is_empty() {
                return Err(Error::invalid_argument("an input needs a name"));
            }
            if !names.insert(input.name.as_str()) {
                return Err(Error::invalid_argument(format!("two inputs are named {:?}", input.name)));
            }
            let schema = input.schema.as_ref().map(schema_from_proto).transpose()?.unwrap_or_else(Schema::empty);
            check_names(&schema)?;
            Ok(Input { name: input.name.clone(), schema: Arc::new(schema), unbounded: input.unbounded })
        };
        let mut bound = bound;
        inputs.push(bound().map_err(|error| error.at_path(format!("inputs[{index}]")))?);
    }
    Ok(inputs)
}

fn bind_outputs(plan: &proto::Plan) -> Result<Vec<(String, usize)>> {
    if plan.outputs.is_empty() {
        return Err(Error::invalid_argument("a plan has at least one output"));
    }
    let mut names = HashSet::new();
    let mut outputs = Vec::with_capacity(plan.outputs.len());
    for (index, output) in plan.outputs.iter().enumerate() {
        let at = |error: Error| error.at_path(format!("outputs[{index}]"));
        if output.relation as usize >= plan.relations.len() {
            return Err(at(Error::invalid_argument(format!("there is no relation {}", output.relation))));
        }
        if !names.insert(output.name.as_str()) {
            return Err(at(Error::invalid_argument(format!("two outputs are named {:?}", output.name))));
        }
        outputs.push((output.name.clone(), output.relation as usize));
    }
    Ok(outputs)
}

/// Refuses two columns of one name.
fn check_names(schema: &Schema) -> Result<()> {
    let mut names = HashSet::with_capacity(schema.fields().len());
    for field in schema.fields() {
        if !names.insert(field.name().as_str()) {
            return Err(Error::invalid_argument("two columns have this name").in_column(field.name().clone()));
        }
    }
    Ok(())
}

/// Whether a relation may never end; refuses one that would have to gather rows without an end.
fn check_bounded(inputs: &[Input], unbounded: &[bool], kind: &RelationKind) -> Result<bool> {
    let endless = |relation: &usize| unbounded.get(*relation).copied().unwrap_or(false);
    let refuse = |what: &str| {
        Err(Error::invalid_argument(format!(
            "{what} needs all rows, but its input is unbounded: put a limit before it"
        )))
    };
    match kind {
        RelationKind::Scan { input, .. } => Ok(inputs.get(*input).is_some_and(|input| input.unbounded)),
        RelationKind::Filter { input, .. } | RelationKind::Project { input, .. } => Ok(endless(input)),
        RelationKind::Limit { input, count, .. } => Ok(count.is_none() && endless(input)),
        RelationKind::Union { inputs } => {
            // What stands after an endless relation would never be reached.
            match inputs.split_last() {
                Some((_, before)) if before.iter().any(endless) => refuse("a union that goes on after an input"),
                Some((last, _)) => Ok(endless(last)),
                None => Ok(false),
            }
        }
        RelationKind::Join(join) => {
            // The side whose rows all pass by is the one that may be endless.
            let streams_right = matches!(join.kind, JoinType::Right | JoinType::RightSemi | JoinType::RightAnti);
            match (endless(&join.left), endless(&join.right)) {
                (true, _) if streams_right || join.kind == JoinType::Full => refuse("the left side of this join"),
                (_, true) if !streams_right => refuse("the right side of a join"),
                (left, right) => Ok(left || right),
            }
        }
        RelationKind::Aggregate { input, sorted: true, .. } => Ok(endless(input)),
        RelationKind::Aggregate { input, .. } if endless(input) => refuse("an aggregate"),
        RelationKind::Sort { input, .. } if endless(input) => refuse("a sort"),
        RelationKind::Distinct { input, .. } if endless(input) => refuse("distinct"),
        RelationKind::Window(window) if endless(&window.input) => refuse("a window"),
        RelationKind::SetOperation { inputs, .. } if inputs.iter().any(endless) => refuse("a set operation"),
        RelationKind::Pivot(pivot) if endless(&pivot.input) => refuse("a pivot"),
        RelationKind::Sample { input, size: SampleSize::Rows(_), .. } if endless(input) => refuse("a number of rows"),
        RelationKind::Unnest(unnest) => Ok(endless(&unnest.input)),
        RelationKind::Unpivot(unpivot) => Ok(endless(&unpivot.input)),
        RelationKind::Sample { input, .. } => Ok(endless(input)),
        RelationKind::SetOperation { .. }
        | RelationKind::Pivot(_)
        | RelationKind::Window(_)
        | RelationKind::Aggregate { .. }
        | RelationKind::Sort { .. }
        | RelationKind::Distinct { .. } => Ok(false),
    }
}

fn kind_name(relation: &proto::Relation) -> &'static str {
    use proto::relation::Kind;
    match &relation.kind {
        Some(Kind::Scan(_)) => "scan",
        Some(Kind::Filter(_)) => "filter",
        Some(Kind::Project(project)) if project.extend => "with",
        Some(Kind::Project(_)) => "project",
        Some(Kind::Aggregate(_)) => "aggregate",
        Some(Kind::Join(_)) => "join",
        Some(Kind::AsOfJoin(_)) => "as_of_join",
        Some(Kind::Sort(_)) => "sort",
        Some(Kind::Limit(_)) => "limit",
        Some(Kind::Union(_)) => "union",
        Some(Kind::Distinct(_)) => "distinct",
        Some(Kind::Window(_)) => "window",
        Some(Kind::SetOperation(set)) if set.kind == i32::from(proto::SetKind::Except) => "except",
        Some(Kind::SetOperation(_)) => "intersect",
        Some(Kind::Unnest(_)) => "unnest",
        Some(Kind::Pivot(_)) => "pivot",
        Some(Kind::Unpivot(_)) => "unpivot",
        Some(Kind::Sample(_)) => "sample",
        None => "relation",
    }
}
