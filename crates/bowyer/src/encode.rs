// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Plans as messages of the contract: shared parts are written once.

mod reshape;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::Field;
use bowyer_core::{Error, Result};
use bowyer_engine::{field_to_proto, proto, schema_to_proto};
use prost::Message;
use proto::relation::Kind;

use crate::as_of::{AsOf, AsOfDirection};
use crate::expression::{Expr, Literal, Node};
use crate::measure::Measure;
use crate::plan::{JoinKind, Keep, Plan, Relation, SortKey};

impl Plan {
    /// The plan as bytes of the contract, with one output named `result`.
    ///
    /// # Errors
    /// `InvalidArgument` when two inputs of one name differ, `NotImplemented` for a type that has no form there.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut writer = PlanWriter::default();
        let relation = writer.relation(self)?;
        writer.plan.version = 1;
        writer.plan.outputs.push(proto::Output { name: "result".to_owned(), relation });
        Ok(writer.plan.encode_to_vec())
    }
}

#[derive(Default)]
struct PlanWriter {
    plan: proto::Plan,
    written: HashMap<*const Relation, u32>,
}

impl PlanWriter {
    /// The index of a plan's last relation.
    fn relation(&mut self, plan: &Plan) -> Result<u32> {
        let key = Arc::as_ptr(&plan.0);
        if let Some(&index) = self.written.get(&key) {
            return Ok(index);
        }
        let mut expressions = ExpressionWriter::default();
        let (relation, rejects) = match &*plan.0 {
            Relation::Rejecting { from, rejects } => (&from.0, Some(rejects)),
            _ => (&plan.0, None),
        };
        let kind = self.kind(relation, &mut expressions)?;
        let rejects = rejects.map(|rejects| proto::Rejects {
            name: rejects.name.clone(),
            max_share: rejects.max_share,
            max_rows: rejects.max_rows,
        });
        let index = index_of(self.plan.relations.len())?;
        self.plan.relations.push(proto::Relation { expressions: expressions.written, kind: Some(kind), rejects });
        self.written.insert(key, index);
        Ok(index)
    }

    fn kind(&mut self, relation: &Relation, expressions: &mut ExpressionWriter) -> Result<Kind> {
        Ok(match relation {
            Relation::Input { name, schema, unbounded } => {
                let input =
                    proto::Input { name: name.clone(), schema: Some(schema_to_proto(schema)?), unbounded: *unbounded };
                Kind::Scan(proto::Scan { input: self.input(input)? })
            }
            Relation::Filter { from, predicate } => Kind::Filter(proto::Filter {
                relation: self.relation(from)?,
                predicate: expressions.expression(predicate)?,
            }),
            Relation::Project { from, columns, extend } => Kind::Project(proto::Project {
                relation: self.relation(from)?,
                columns: expressions.named(columns)?,
                extend: *extend,
            }),
            Relation::Aggregate { from, keys, sets, measures, sorted } => Kind::Aggregate(proto::Aggregate {
                relation: self.relation(from)?,
                keys: expressions.named(keys)?,
                measures: measures.iter().map(|measure| expressions.measure(measure)).collect::<Result<_>>()?,
                grouping_sets: sets.iter().map(|set| grouping_set(set)).collect::<Result<_>>()?,
                sorted: *sorted,
            }),
            Relation::Join { left, right, kind, keys, suffix, nulls_equal, residual } => Kind::Join(proto::Join {
                left: self.relation(left)?,
                right: self.relation(right)?,
                kind: join_kind(*kind).into(),
                keys: keys
                    .iter()
                    .map(|(left, right)| proto::JoinKey { left: left.clone(), right: right.clone() })
                    .collect(),
                nulls_equal: *nulls_equal,
                right_suffix: suffix.clone(),
                residual: residual.as_ref().map(|residual| expressions.expression(residual)).transpose()?,
            }),
            Relation::AsOfJoin { left, right, as_of } => Kind::AsOfJoin(self.as_of(left, right, as_of, expressions)?),
            Relation::Sort { from, keys } => {
                let relation = self.relation(from)?;
                Kind::Sort(proto::Sort { relation, keys: expressions.sort_keys(keys)? })
            }
            Relation::Rejecting { .. } => {
                return Err(Error::invalid_argument("the rejects of a relation are set once"));
            }
            Relation::Limit { from, offset, count } => {
                Kind::Limit(proto::Limit { relation: self.relation(from)?, offset: *offset, count: *count })
            }
            Relation::Union { parts } => {
                let relations = parts.iter().map(|part| self.relation(part)).collect::<Result<_>>()?;
                Kind::Union(proto::Union { relations })
            }
            Relation::Distinct { from, columns, keep } => {
                let (relation, columns) = (self.relation(from)?, columns.clone());
                Kind::Distinct(proto::Distinct { relation, columns, keep: distinct_keep(*keep).into() })
            }
            other => self.reshape(other, expressions)?,
        })
    }

    fn as_of(
        &mut self,
        left: &Plan,
        right: &Plan,
        as_of: &AsOf,
        expressions: &mut ExpressionWriter,
    ) -> Result<proto::AsOfJoin> {
        let key = |(left, right): &(String, String)| proto::JoinKey { left: left.clone(), right: right.clone() };
        let direction = match as_of.direction {
            AsOfDirection::Backward => proto::AsOfDirection::Backward,
            AsOfDirection::Forward => proto::AsOfDirection::Forward,
            AsOfDirection::Nearest => proto::AsOfDirection::Nearest,
        };
        Ok(proto::AsOfJoin {
            left: self.relation(left)?,
            right: self.relation(right)?,
            left_on: as_of.on.0.clone(),
            right_on: as_of.on.1.clone(),
            by: as_of.by.iter().map(key).collect(),
            direction: direction.into(),
            strict: as_of.strict,
            tolerance: as_of.tolerance.as_ref().map(|most| expressions.expression(most)).transpose()?,
            right_suffix: as_of.suffix.clone(),
        })
    }

    /// The index of an input; the same name is the same input.
    fn input(&mut self, input: proto::Input) -> Result<u32> {
        if let Some(index) = self.plan.inputs.iter().position(|known| known.name == input.name) {
            return if self.plan.inputs[index] == input {
                index_of(index)
            } else {
                Err(Error::invalid_argument(format!("two inputs named {:?} differ", input.name)))
            };
        }
        self.plan.inputs.push(input);
        index_of(self.plan.inputs.len() - 1)
    }
}

#[derive(Default)]
struct ExpressionWriter {
    written: Vec<proto::Expression>,
    indices: HashMap<*const Node, u32>,
}

impl ExpressionWriter {
    fn expression(&mut self, expression: &Expr) -> Result<u32> {
        use proto::expression::Kind;
        let key = Arc::as_ptr(&expression.0);
        if let Some(&index) = self.indices.get(&key) {
            return Ok(index);
        }
        let mut parameter_type = None;
        let kind = match &*expression.0 {
            Node::Column(name) => Kind::Column(name.clone()),
            Node::Literal(value) => Kind::Literal(literal(value)?),
            Node::Parameter(name, data_type) => {
                parameter_type = Some(field_to_proto(&Field::new("", data_type.clone(), true))?);
                Kind::Parameter(name.clone())
            }
            Node::Call { function, arguments, options: given } => Kind::Call(proto::Call {
                function: function.clone(),
                arguments: arguments.iter().map(|argument| self.expression(argument)).collect::<Result<_>>()?,
                options: options(given)?,
            }),
            Node::Cast { argument, to, or_null } => Kind::Cast(proto::Cast {
                argument: self.expression(argument)?,
                r#type: Some(field_to_proto(&Field::new("", to.clone(), true))?),
                r#try: *or_null,
            }),
            Node::Element { list } => Kind::Element(self.expression(list)?),
            Node::Accumulator { initial } => Kind::Accumulator(self.expression(initial)?),
            Node::List { kind, list, element, accumulator, body } => Kind::ListCall(proto::ListCall {
                kind: (*kind).into(),
                list: self.expression(list)?,
                element: self.expression(element)?,
                accumulator: accumulator.as_ref().map(|accumulator| self.expression(accumulator)).transpose()?,
                body: self.expression(body)?,
            }),
        };
        let index = index_of(self.written.len())?;
        self.written.push(proto::Expression { kind: Some(kind), parameter_type });
        self.indices.insert(key, index);
        Ok(index)
    }

    fn named(&mut self, columns: &[(String, Expr)]) -> Result<Vec<proto::NamedExpression>> {
        let named = columns.iter().map(|(name, expression)| {
            Ok(proto::NamedExpression { expression: self.expression(expression)?, name: name.clone() })
        });
        named.collect()
    }

    fn sort_keys(&mut self, keys: &[SortKey]) -> Result<Vec<proto::SortKey>> {
        let keys = keys.iter().map(|key| {
            Ok(proto::SortKey {
                expression: self.expression(&key.expression)?,
                descending: key.descending,
                nulls_first: key.nulls_first,
            })
        });
        keys.collect()
    }

    fn measure(&mut self, measure: &Measure) -> Result<proto::Measure> {
        let arguments = measure.arguments.iter().map(|argument| self.expression(argument));
        Ok(proto::Measure {
            function: measure.function.clone(),
            arguments: arguments.collect::<Result<_>>()?,
            options: options(&measure.options)?,
            name: measure.name.clone(),
            filter: measure.filter.as_ref().map(|filter| self.expression(filter)).transpose()?,
            distinct: measure.distinct,
            order: self.sort_keys(&measure.order)?,
        })
    }
}

fn grouping_set(keys: &[usize]) -> Result<proto::GroupingSet> {
    Ok(proto::GroupingSet { keys: keys.iter().map(|&key| index_of(key)).collect::<Result<_>>()? })
}

/// Options as the contract writes them.
pub(crate) fn options(options: &[(String, Literal)]) -> Result<Vec<proto::Option>> {
    let written =
        options.iter().map(|(name, value)| Ok(proto::Option { name: name.clone(), value: Some(literal(value)?) }));
    written.collect()
}

/// A constant as the contract writes it.
pub(crate) fn literal(literal: &Literal) -> Result<proto::Literal> {
    let data_type = match &literal.data_type {
        Some(data_type) => Some(field_to_proto(&Field::new("", data_type.clone(), true))?),
        None => None,
    };
    Ok(proto::Literal { value: Some(literal.value.clone()), r#type: data_type })
}

fn join_kind(kind: JoinKind) -> proto::JoinKind {
    match kind {
        JoinKind::Inner => proto::JoinKind::Inner,
        JoinKind::Left => proto::JoinKind::Left,
        JoinKind::LeftSemi => proto::JoinKind::LeftSemi,
        JoinKind::LeftAnti => proto::JoinKind::LeftAnti,
        JoinKind::Right => proto::JoinKind::Right,
        JoinKind::Full => proto::JoinKind::Full,
        JoinKind::RightSemi => proto::JoinKind::RightSemi,
        JoinKind::RightAnti => proto::JoinKind::RightAnti,
        JoinKind::LeftAntiNullAware => proto::JoinKind::LeftAntiNullAware,
        JoinKind::Cross => proto::JoinKind::Cross,
    }
}

fn distinct_keep(keep: Keep) -> proto::DistinctKeep {
    match keep {
        Keep::Any => proto::DistinctKeep::Any,
        Keep::First => proto::DistinctKeep::First,
        Keep::Last => proto::DistinctKeep::Last,
    }
}

fn index_of(index: usize) -> Result<u32> {
    u32::try_from(index).map_err(|_| Error::limit_exceeded("a plan has at most 2^32 nodes"))
}
