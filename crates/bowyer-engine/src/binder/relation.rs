// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Binding of relations: what each does, and the schema of its rows.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};
use bowyer_compute::FunctionKind;
use bowyer_core::{Error, Result};

use super::expression::{Expressions, column_index};
use super::{Binder, Origins, check_names};
use crate::operators::aggregate::sets::GroupingSets;
use crate::operators::distinct::Keep;
use crate::plan::{BoundMeasure, BoundSortKey, Relation, RelationKind};
use crate::program::{Node, NodeKind, Program};
use crate::proto;
use crate::proto::relation::Kind;

impl Binder {
    /// Binds one relation; its path and origin are left to the caller.
    pub(super) fn relation(
        &mut self,
        index: usize,
        message: &proto::Relation,
        path: &str,
        origins: &Origins,
    ) -> Result<Relation> {
        let kind = message.kind.as_ref().ok_or_else(|| Error::invalid_argument("a relation without a kind"))?;
        let paths = expression_paths(message, kind, path);
        let expressions = |binder: &mut Self, schema: &SchemaRef, roots: Roots<'_>| -> Result<(Arc<Program>, Chosen)> {
            let mut bound = Expressions::bind(binder, schema, &message.expressions, &paths, (origins, index))?;
            let result = roots(&mut bound, schema)?;
            Ok((Arc::new(bound.into_program()), result))
        };
        let (kind, schema) = match kind {
            Kind::Scan(scan) => self.scan(scan)?,
            Kind::Filter(filter) => {
                let schema = self.schema_of(filter.relation)?.clone();
                let (program, chosen) = expressions(self, &schema, &mut |bound, _| {
                    let (predicate, node) = bound.node(filter.predicate)?;
                    check_predicate(node).map_err(|error| error.at_path(format!("{path}.predicate")))?;
                    Ok(Chosen { nodes: vec![predicate], ..Chosen::default() })
                })?;
                let columns = (0..schema.fields().len()).collect();
                let input = filter.relation as usize;
                (RelationKind::Filter { input, program, predicates: chosen.nodes, columns }, schema)
            }
            Kind::Project(project) => {
                let schema = self.schema_of(project.relation)?.clone();
                let (program, chosen) = expressions(self, &schema, &mut |bound, schema| {
                    named_nodes(bound, schema, &project.columns, path)
                })?;
                let (program, columns, schema) =
                    if project.extend { extended(&program, chosen, &schema)? } else { projected(program, chosen)? };
                (RelationKind::Project { input: project.relation as usize, program, columns, checked: vec![] }, schema)
            }
            Kind::Aggregate(aggregate) => {
                let schema = self.schema_of(aggregate.relation)?.clone();
                let (program, chosen) =
                    expressions(self, &schema, &mut |bound, schema| groups(bound, schema, aggregate, path))?;
                let schema = checked_schema(chosen.fields)?;
                let (keys, sets, measures) = (chosen.nodes, chosen.sets, chosen.measures);
                let (input, sorted) = (aggregate.relation as usize, aggregate.sorted);
                (RelationKind::Aggregate { input, program, keys, sets, measures, sorted }, schema)
            }
            Kind::Sort(sort) => {
                let schema = self.schema_of(sort.relation)?.clone();
                let (program, chosen) = expressions(self, &schema, &mut |bound, _| sort_keys(bound, sort))?;
                let input = sort.relation as usize;
                (RelationKind::Sort { input, program, keys: chosen.sort_keys, limit: None }, schema)
            }
            Kind::Join(join) => self.join(join, &expressions)?,
            Kind::AsOfJoin(join) => self.as_of_join(join, &expressions)?,
            Kind::Limit(limit) => {
                let schema = self.schema_of(limit.relation)?.clone();
                let input = limit.relation as usize;
                (RelationKind::Limit { input, offset: limit.offset, count: limit.count }, schema)
            }
            Kind::Union(union) => self.union(union)?,
            Kind::Distinct(distinct) => {
                let schema = self.schema_of(distinct.relation)?.clone();
                let columns = distinct.columns.iter().map(|name| column_index(&schema, name));
                let mut columns = columns.collect::<Result<Vec<_>>>()?;
                if columns.is_empty() {
                    columns = (0..schema.fields().len()).collect();
                }
                let keep = keep(distinct)?;
                (RelationKind::Distinct { input: distinct.relation as usize, columns, keep }, schema)
            }
            other => self.reshape(other, message, path, &paths, (origins, index))?,
        };
        let rejects = message.rejects.as_ref().map(|rejects| self.rejects(rejects, &kind)).transpose()?;
        Ok(Relation { kind, schema, path: String::new(), origin: None, rejects })
    }

    fn scan(&self, scan: &proto::Scan) -> Result<(RelationKind, SchemaRef)> {
        let input = self.inputs.get(scan.input as usize);
        let input = input.ok_or_else(|| Error::invalid_argument(format!("there is no input {}", scan.input)))?;
        let columns = (0..input.schema.fields().len()).collect();
        Ok((RelationKind::Scan { input: scan.input as usize, columns }, input.schema.clone()))
    }

    fn union(&self, union: &proto::Union) -> Result<(RelationKind, SchemaRef)> {
        let (first, rest) = union
            .relations
            .split_first()
            .ok_or_else(|| Error::invalid_argument("a union reads at least one relation"))?;
        let mut fields: Vec<FieldRef> = self.schema_of(*first)?.fields().iter().cloned().collect();
        for &relation in rest {
            let schema = self.schema_of(relation)?;
            if schema.fields().len() != fields.len() {
                return Err(Error::type_mismatch(format!(
                    "relation {relation} has {} columns, the first has {}",
                    schema.fields().len(),
                    fields.len()
                )));
            }
            for (field, other) in fields.iter_mut().zip(schema.fields()) {
                if field.data_type() != other.data_type() {
                    return Err(Error::type_mismatch(format!(
                        "relation {relation} has {}, the first has {}",
                        other.data_type(),
                        field.data_type()
                    ))
                    .in_column(field.name().clone()));
                }
                if other.is_nullable() && !field.is_nullable() {
                    *field = Arc::new(field.as_ref().clone().with_nullable(true));
                }
            }
        }
        let inputs = union.relations.iter().map(|&relation| relation as usize).collect();
        Ok((RelationKind::Union { inputs }, Arc::new(Schema::new(fields))))
    }
}

/// Binds the expressions of a relation over rows of a schema, and picks what the relation needs of them.
pub(super) type Bind<'a> = &'a dyn Fn(&mut Binder, &SchemaRef, Roots<'_>) -> Result<(Arc<Program>, Chosen)>;

/// Picks what a relation needs of its bound expressions.
pub(super) type Roots<'a> = &'a mut dyn FnMut(&mut Expressions<'_>, &SchemaRef) -> Result<Chosen>;

/// What a relation needs of its bound expressions.
#[derive(Default)]
pub(super) struct Chosen {
    pub(super) nodes: Vec<usize>,
    pub(super) fields: Vec<FieldRef>,
    pub(super) sets: GroupingSets,
    pub(super) measures: Vec<BoundMeasure>,
    pub(super) sort_keys: Vec<BoundSortKey>,
}

pub(super) fn check_predicate(node: &Node) -> Result<()> {
    if matches!(node.data_type, DataType::Boolean | DataType::Null) {
        return Ok(());
    }
    Err(Error::type_mismatch(format!("the predicate is of type {}, not bool", node.data_type)))
}

/// The path of each expression: that of the place which uses it.
fn expression_paths(message: &proto::Relation, kind: &Kind, path: &str) -> Vec<String> {
    let mut paths = vec![String::new(); message.expressions.len()];
    let mut mark = |root: u32, text: String| {
        if let Some(slot) = paths.get_mut(root as usize).filter(|slot| slot.is_empty()) {
            *slot = text;
        }
    };
    match kind {
        Kind::Filter(filter) => mark(filter.predicate, format!("{path}.predicate")),
        Kind::Join(join) => {
            if let Some(residual) = join.residual {
                mark(residual, format!("{path}.residual"));
            }
        }
        Kind::AsOfJoin(join) => {
            if let Some(tolerance) = join.tolerance {
                mark(tolerance, format!("{path}.tolerance"));
            }
        }
        Kind::Project(project) => {
            for (i, column) in project.columns.iter().enumerate() {
                mark(column.expression, format!("{path}.columns[{i}]"));
            }
        }
        Kind::Aggregate(aggregate) => {
            for (i, key) in aggregate.keys.iter().enumerate() {
                mark(key.expression, format!("{path}.keys[{i}]"));
            }
            for (i, measure) in aggregate.measures.iter().enumerate() {
                mark_measure(measure, &format!("{path}.measures[{i}]"), &mut mark);
            }
        }
        Kind::Sort(sort) => {
            for (i, key) in sort.keys.iter().enumerate() {
                mark(key.expression, format!("{path}.keys[{i}]"));
            }
        }
        Kind::Window(window) => super::window::mark_paths(window, path, &mut mark),
        Kind::Pivot(pivot) => super::pivot::mark_paths(pivot, path, &mut mark),
        _ => {}
    }
    for index in (0..paths.len()).rev() {
        if paths[index].is_empty() {
            paths[index] = format!("{path}.expressions[{index}]");
            continue;
        }
        let text = paths[index].clone();
        for argument in arguments_of(&message.expressions[index]) {
            if let Some(slot) = paths.get_mut(argument as usize).filter(|slot| slot.is_empty()) {
                slot.clone_from(&text);
            }
        }
    }
    paths
}

/// Gives the expressions of a measure their paths.
pub(super) fn mark_measure(measure: &proto::Measure, path: &str, mark: &mut dyn FnMut(u32, String)) {
    for &argument in &measure.arguments {
        mark(argument, path.to_owned());
    }
    if let Some(filter) = measure.filter {
        mark(filter, format!("{path}.filter"));
    }
    for (i, key) in measure.order.iter().enumerate() {
        mark(key.expression, format!("{path}.order[{i}]"));
    }
}

fn arguments_of(expression: &proto::Expression) -> Vec<u32> {
    use proto::expression::Kind;
    match &expression.kind {
        Some(Kind::Call(call)) => call.arguments.clone(),
        Some(Kind::Cast(cast)) => vec![cast.argument],
        Some(Kind::ListCall(call)) => {
            [call.list, call.element, call.body].into_iter().chain(call.accumulator).collect()
        }
        Some(Kind::Element(of) | Kind::Accumulator(of)) => vec![*of],
        _ => Vec::new(),
    }
}

/// The columns of a list of named expressions.
fn named_nodes(
    bound: &mut Expressions<'_>,
    schema: &SchemaRef,
    columns: &[proto::NamedExpression],
    path: &str,
) -> Result<Chosen> {
    let mut chosen = Chosen::default();
    for (index, column) in columns.iter().enumerate() {
        let (root, node) = bound.node(column.expression)?;
        let field = named_field(node, schema, &column.name)
            .map_err(|error| error.at_path(format!("{path}.columns[{index}]")))?;
        chosen.nodes.push(root);
        chosen.fields.push(field);
    }
    Ok(chosen)
}

pub(super) fn named_field(node: &Node, schema: &SchemaRef, name: &str) -> Result<FieldRef> {
    if let NodeKind::Column(column) = node.kind {
        let field = schema.field(column).clone();
        return Ok(Arc::new(if name.is_empty() { field } else { field.with_name(name) }));
    }
    if name.is_empty() {
        return Err(Error::invalid_argument("a computed column needs a name"));
    }
    Ok(Arc::new(Field::new(name, node.data_type.clone(), node.nullable)))
}

type Columns = (Arc<Program>, Vec<usize>, SchemaRef);

fn projected(program: Arc<Program>, chosen: Chosen) -> Result<Columns> {
    Ok((program, chosen.nodes, checked_schema(chosen.fields)?))
}

/// The input's columns, with those computed in place of or after them.
fn extended(program: &Arc<Program>, chosen: Chosen, schema: &SchemaRef) -> Result<Columns> {
    checked_schema(chosen.fields.clone())?;
    let mut program = (**program).clone();
    let mut nodes = Vec::with_capacity(schema.fields().len() + chosen.nodes.len());
    let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
    let mut computed: HashMap<String, (usize, FieldRef)> = HashMap::new();
    for (node, field) in chosen.nodes.iter().zip(&chosen.fields) {
        computed.insert(field.name().clone(), (*node, field.clone()));
    }
    for (column, field) in fields.iter_mut().enumerate() {
        if let Some((node, replacement)) = computed.remove(field.name()) {
            nodes.push(node);
            *field = replacement;
        } else {
            nodes.push(program.push_column(column, field));
        }
    }
    for field in &chosen.fields {
        if let Some((node, field)) = computed.remove(field.name()) {
            nodes.push(node);
            fields.push(field);
        }
    }
    Ok((Arc::new(program), nodes, checked_schema(fields)?))
}

fn sort_keys(bound: &mut Expressions<'_>, sort: &proto::Sort) -> Result<Chosen> {
    let mut chosen = Chosen::default();
    if sort.keys.is_empty() {
        return Err(Error::invalid_argument("a sort has at least one key"));
    }
    chosen.sort_keys = order_of(bound, &sort.keys)?;
    Ok(chosen)
}

fn order_of(bound: &Expressions<'_>, keys: &[proto::SortKey]) -> Result<Vec<BoundSortKey>> {
    let key = |key: &proto::SortKey| {
        let (node, _) = bound.node(key.expression)?;
        Ok(BoundSortKey { node, descending: key.descending, nulls_first: key.nulls_first })
    };
    keys.iter().map(key).collect()
}

fn keep(distinct: &proto::Distinct) -> Result<Keep> {
    match proto::DistinctKeep::try_from(distinct.keep) {
        Ok(proto::DistinctKeep::Unspecified | proto::DistinctKeep::First) => Ok(Keep::First),
        Ok(proto::DistinctKeep::Any) => Ok(Keep::Any),
        Ok(proto::DistinctKeep::Last) => Ok(Keep::Last),
        Err(_) => Err(Error::invalid_argument(format!("{} does not say which row to keep", distinct.keep))),
    }
}

fn groups(bound: &mut Expressions<'_>, schema: &SchemaRef, aggregate: &proto::Aggregate, path: &str) -> Result<Chosen> {
    let mut chosen = Chosen::default();
    if aggregate.keys.is_empty() && aggregate.measures.is_empty() {
        return Err(Error::invalid_argument("an aggregate has at least one key or measure"));
    }
    if aggregate.sorted && (aggregate.keys.is_empty() || !aggregate.grouping_sets.is_empty()) {
        return Err(Error::invalid_argument("an aggregate of sorted rows has keys, and no grouping sets"));
    }
    for (index, key) in aggregate.keys.iter().enumerate() {
        let (root, node) = bound.node(key.expression)?;
        let field =
            named_field(node, schema, &key.name).map_err(|error| error.at_path(format!("{path}.keys[{index}]")))?;
        chosen.nodes.push(root);
        chosen.fields.push(field);
    }
    if !aggregate.grouping_sets.is_empty() {
        chosen.sets = grouping_sets(aggregate, &mut chosen.fields, path)?;
    }
    for (index, measure) in aggregate.measures.iter().enumerate() {
        let path = format!("{path}.measures[{index}]");
        let (measure, field) = bind_measure(bound, schema, measure, &path)
            .map_err(|error| error.in_function(measure.function.clone()).at_path(path))?;
        chosen.measures.push(measure);
        chosen.fields.push(field);
    }
    Ok(chosen)
}

/// An id has a bit for each key, and none is the sign.
const GROUPING_KEYS_LIMIT: usize = 63;
const GROUPING_SETS_LIMIT: usize = 4096;

/// The sets of an aggregate; its keys may be null then, and the id of the set stands after them.
fn grouping_sets(aggregate: &proto::Aggregate, fields: &mut Vec<FieldRef>, path: &str) -> Result<GroupingSets> {
    if fields.len() > GROUPING_KEYS_LIMIT || aggregate.grouping_sets.len() > GROUPING_SETS_LIMIT {
        return Err(Error::limit_exceeded(format!(
            "{} grouping sets of {} keys: at most {GROUPING_SETS_LIMIT} of {GROUPING_KEYS_LIMIT} are taken",
            aggregate.grouping_sets.len(),
            fields.len()
        )));
    }
    let mut sets = Vec::with_capacity(aggregate.grouping_sets.len());
    for (index, set) in aggregate.grouping_sets.iter().enumerate() {
        let mut keys: Vec<usize> = set.keys.iter().map(|&key| key as usize).collect();
        keys.sort_unstable();
        keys.dedup();
        if let Some(key) = keys.last().filter(|&&key| key >= fields.len()) {
            let message = format!("it names key {key}, but the aggregate has {}", fields.len());
            return Err(Error::invalid_argument(message).at_path(format!("{path}.grouping_sets[{index}]")));
        }
        if sets.contains(&keys) {
            return Err(Error::invalid_argument("the same keys are a set before this one")
                .at_path(format!("{path}.grouping_sets[{index}]")));
        }
        sets.push(keys);
    }
    for field in fields.iter_mut() {
        *field = Arc::new(field.as_ref().clone().with_nullable(true));
    }
    fields.push(Arc::new(Field::new("grouping_id", DataType::Int64, false)));
    Ok(GroupingSets::new(sets))
}

pub(super) fn bind_measure(
    bound: &mut Expressions<'_>,
    schema: &SchemaRef,
    measure: &proto::Measure,
    path: &str,
) -> Result<(BoundMeasure, FieldRef)> {
    let function = bowyer_compute::find(&measure.function)?;
    if function.kind != FunctionKind::Aggregate {
        return Err(Error::invalid_argument("it is no aggregate"));
    }
    let arguments = measure.arguments.iter().map(|&argument| bound.node(argument).map(|(node, _)| node));
    let mut arguments = arguments.collect::<Result<Vec<_>>>()?;
    let mut order = order_of(bound, &measure.order)?;
    let mut filter = None;
    if let Some(predicate) = measure.filter {
        let (node, predicate) = bound.node(predicate)?;
        check_predicate(predicate).map_err(|error| error.at_path(format!("{path}.filter")))?;
        for guarded in arguments.iter_mut().chain(order.iter_mut().map(|key| &mut key.node)) {
            *guarded = bound.guarded(node, *guarded)?;
        }
        filter = Some(node);
    }
    if measure.distinct && arguments.is_empty() {
        return Err(Error::invalid_argument("without arguments there is nothing to be distinct"));
    }
    let call = bound.bind_call(&measure.function, &arguments, &measure.options)?;
    let name = if measure.name.is_empty() { measure_name(bound, schema, measure)? } else { measure.name.clone() };
    let field = Field::new(name, call.output_type().clone(), call.nullable());
    let (distinct, path) = (measure.distinct, path.to_owned());
    Ok((BoundMeasure { bound: call, arguments, filter, distinct, order, path }, Arc::new(field)))
}

/// The name of a measure that has none: `amount_sum`, and `count` for the count of rows.
fn measure_name(bound: &Expressions<'_>, schema: &SchemaRef, measure: &proto::Measure) -> Result<String> {
    let function = measure.function.strip_suffix("_checked").unwrap_or(&measure.function);
    match measure.arguments.as_slice() {
        [] if function == "count_all" => Ok("count".to_owned()),
        [argument] => match bound.node(*argument)?.1.kind {
            NodeKind::Column(column) => Ok(format!("{}_{function}", schema.field(column).name())),
            _ => Err(Error::invalid_argument("an aggregate of a computed expression needs a name")),
        },
        _ => Err(Error::invalid_argument("this aggregate needs a name")),
    }
}

pub(super) fn checked_schema(fields: Vec<FieldRef>) -> Result<SchemaRef> {
    let schema = Schema::new(fields);
    check_names(&schema)?;
    Ok(Arc::new(schema))
}
