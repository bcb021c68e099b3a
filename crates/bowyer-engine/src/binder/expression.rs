// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Binding of the expressions of one relation.

use std::collections::HashMap;

use arrow_schema::{DataType, Schema};
use bowyer_compute::{Argument, Bound, CastMode, FunctionKind, OptionValue};
use bowyer_core::{Error, Result};
use datafusion_common::ScalarValue;

use super::lists::Own;
use super::{Binder, Origins};
use crate::literal::{array_of, beside, foreign, is_untyped, literal_value, option_value};
use crate::program::{LAZY_DEPTH_LIMIT, Laziness, Node, NodeKind, NodePlace, Program};
use crate::proto;
use crate::proto::expression::Kind;
use crate::types::field_from_proto;

/// Expressions of a relation, bound one after the other.
pub(super) struct Expressions<'a> {
    binder: &'a mut Binder,
    schema: Schema,
    pub(super) program: Program,
    /// Of each expression of the plan: its node, and its value when it is a literal that has no type yet.
    bound: Vec<(usize, Option<ScalarValue>)>,
    /// How many nodes the bodies of list calls have.
    pub(super) body_nodes: usize,
    /// The expressions that stand for elements and accumulators.
    pub(super) own: HashMap<u32, Own>,
}

impl<'a> Expressions<'a> {
    /// Binds all expressions of a relation, over rows of `schema`.
    pub(super) fn bind(
        binder: &'a mut Binder,
        schema: &Schema,
        expressions: &[proto::Expression],
        paths: &[String],
        origins: (&Origins, usize),
    ) -> Result<Self> {
        let mut this = Self {
            binder,
            schema: schema.clone(),
            program: Program::default(),
            bound: Vec::new(),
            body_nodes: 0,
            own: HashMap::new(),
        };
        for (index, expression) in expressions.iter().enumerate() {
            let place = NodePlace {
                path: paths.get(index).cloned().unwrap_or_default(),
                column: None,
                origin: origins.0.of(origins.1, Some(index)),
            };
            let (mut node, untyped) = this.expression(expression, index).map_err(|error| place.locate(error))?;
            node.place = NodePlace { column: node.place.column.take(), ..place };
            this.program.nodes.push(node);
            this.bound.push((this.program.nodes.len() - 1, untyped));
        }
        Ok(this)
    }

    /// The bound expressions.
    pub(super) fn into_program(self) -> Program {
        self.program
    }

    /// The node of an expression of the plan.
    pub(super) fn node(&self, expression: u32) -> Result<(usize, &Node)> {
        let (index, _) = self.bound.get(expression as usize).ok_or_else(|| {
            Error::invalid_argument(format!(
                "it uses expression {expression}, but the relation has {}",
                self.bound.len()
            ))
        })?;
        let node = &self.program.nodes[*index];
        self.refuse_stray_elements(*index).map_err(|error| node.place.locate(error))?;
        Ok((*index, node))
    }

    /// The node of an expression before expression `index`.
    pub(super) fn earlier_node(&self, argument: u32, index: usize) -> Result<usize> {
        Ok(self.bound[self.earlier(argument, index)?].0)
    }

    /// The node `value`, evaluated only where `predicate` is true if it can fail.
    pub(super) fn guarded(&mut self, predicate: usize, value: usize) -> Result<usize> {
        let node = &self.program.nodes[value];
        if !node.fallible {
            return Ok(value);
        }
        let (place, data_type) = (node.place.clone(), node.data_type.clone());
        let depth = node.lazy_depth.max(self.program.nodes[predicate].lazy_depth) + 1;
        if depth > LAZY_DEPTH_LIMIT {
            return Err(Error::limit_exceeded(format!("choices nest deeper than {LAZY_DEPTH_LIMIT}")));
        }
        self.program.nodes.push(literal_node(ScalarValue::try_new_null(&data_type).map_err(foreign)?));
        let arguments = vec![predicate, value, self.program.nodes.len() - 1];
        let bound = self.bind_call("if_else", &arguments, &[])?;
        let data_type = bound.output_type().clone();
        let kind = NodeKind::Call { bound, arguments, laziness: Laziness::of("if_else") };
        self.program.nodes.push(Node { place, ..node_of(kind, data_type, true, true, depth) });
        Ok(self.program.nodes.len() - 1)
    }

    fn expression(&mut self, expression: &proto::Expression, index: usize) -> Result<(Node, Option<ScalarValue>)> {
        match &expression.kind {
            None => Err(Error::invalid_argument(format!("expression {index} is empty"))),
            Some(Kind::Column(name)) => self.column(name).map(|node| (node, None)),
            Some(Kind::Literal(literal)) => {
                let value = literal_value(literal)?;
                let untyped = is_untyped(literal).then(|| value.clone());
                Ok((literal_node(value), untyped))
            }
            Some(Kind::Parameter(name)) => {
                let field = expression.parameter_type.as_ref();
                let field = field.ok_or_else(|| Error::invalid_argument(format!("parameter {name:?} has no type")))?;
                let field = field_from_proto(field)?;
                let index = self.binder.parameter(name, &field)?;
                Ok((node_of(NodeKind::Parameter(index), field.data_type().clone(), true, false, 0), None))
            }
            Some(Kind::Cast(cast)) => self.cast(cast, index).map(|node| (node, None)),
            Some(Kind::Call(call)) => {
                let node = self.call(call, index).map_err(|error| error.in_function(call.function.clone()))?;
                Ok((node, None))
            }
            Some(Kind::Element(list)) => self.element(*list, index).map(|node| (node, None)),
            Some(Kind::Accumulator(initial)) => self.accumulator(*initial, index).map(|node| (node, None)),
            Some(Kind::ListCall(call)) => self.list_call(call, index).map(|node| (node, None)),
        }
    }

    fn column(&self, name: &str) -> Result<Node> {
        let index = column_index(&self.schema, name)?;
        let field = self.schema.field(index);
        let mut node = node_of(NodeKind::Column(index), field.data_type().clone(), field.is_nullable(), false, 0);
        node.place.column = Some(name.to_owned());
        Ok(node)
    }

    fn earlier(&self, argument: u32, index: usize) -> Result<usize> {
        if argument as usize >= index {
            return Err(Error::invalid_argument(format!(
                "expression {index} uses expression {argument}, but an expression uses only those before it"
            )));
        }
        Ok(argument as usize)
    }

    fn cast(&self, cast: &proto::Cast, index: usize) -> Result<Node> {
        let argument = self.bound[self.earlier(cast.argument, index)?].0;
        let field = cast.r#type.as_ref().ok_or_else(|| Error::invalid_argument("a cast without a type"))?;
        let to = field_from_proto(field)?.data_type().clone();
        let from = &self.program.nodes[argument];
        let mode = if cast.r#try { CastMode::Try } else { CastMode::Checked };
        // A cast of no rows says whether the types go together at all.
        let probe = arrow_array::new_empty_array(&from.data_type).into();
        bowyer_compute::cast(&probe, &to, mode, &bowyer_core::Memory::unlimited())
            .map_err(|error| error.in_function("cast"))?;
        let nullable = from.nullable || cast.r#try || from.data_type.is_null();
        let fallible = from.fallible || (!cast.r#try && from.data_type != to);
        let kind = NodeKind::Cast { argument, to: to.clone(), mode };
        let mut node = node_of(kind, to, nullable, fallible, from.lazy_depth);
        node.place.column.clone_from(&from.place.column);
        Ok(node)
    }

    fn call(&mut self, call: &proto::Call, index: usize) -> Result<Node> {
        let function = bowyer_compute::find(&call.function)?;
        if function.kind != FunctionKind::Scalar {
            return Err(Error::invalid_argument("it is not element-wise, so it cannot stand in an expression"));
        }
        let arguments = call.arguments.iter().map(|&argument| self.earlier(argument, index));
        let arguments = arguments.collect::<Result<Vec<_>>>()?;
        let laziness = Laziness::of(function.name);
        let arguments = self.typed_arguments(function.name, laziness, &arguments)?;
        let bound = self.bind_call(&call.function, &arguments, &call.options)?;
        let nodes = arguments.iter().map(|&argument| &self.program.nodes[argument]);
        let fallible = bound.fallible() || nodes.clone().any(|node| node.fallible);
        let depth = nodes.clone().map(|node| node.lazy_depth).max().unwrap_or(0);
        let depth = depth + u32::from(laziness != Laziness::Eager && fallible);
        if depth > LAZY_DEPTH_LIMIT {
            return Err(Error::limit_exceeded(format!("choices nest deeper than {LAZY_DEPTH_LIMIT}")));
        }
        let column = nodes.clone().find_map(|node| node.place.column.clone());
        let (data_type, nullable) = (bound.output_type().clone(), bound.nullable());
        let mut node = node_of(NodeKind::Call { bound, arguments, laziness }, data_type, nullable, fallible, depth);
        node.place.column = column;
        Ok(node)
    }

    /// Resolves a function for arguments that are bound.
    pub(super) fn bind_call(&self, name: &str, arguments: &[usize], options: &[proto::Option]) -> Result<Bound> {
        let arguments: Vec<Argument> = arguments
            .iter()
            .map(|&argument| {
                let node = &self.program.nodes[argument];
                let constant = match &node.kind {
                    NodeKind::Literal(value) => Some(array_of(value)?),
                    _ => None,
                };
                Ok(Argument { data_type: node.data_type.clone(), nullable: node.nullable, constant })
            })
            .collect::<Result<_>>()?;
        let first = arguments.first().map(|argument| &argument.data_type);
        bowyer_compute::bind(name, &arguments, bind_options(options, first)?)
    }

    /// The nodes of the arguments, literals without a type as that of the operand beside them.
    fn typed_arguments(&mut self, function: &str, laziness: Laziness, arguments: &[usize]) -> Result<Vec<usize>> {
        let nodes: Vec<usize> = arguments.iter().map(|&argument| self.bound[argument].0).collect();
        // The condition of a choice says nothing about the type of its branches.
        let first = usize::from(laziness == Laziness::Choice);
        let operands: Vec<DataType> = arguments
            .iter()
            .skip(first)
            .filter(|&&argument| self.bound[argument].1.is_none())
            .map(|&argument| self.program.nodes[self.bound[argument].0].data_type.clone())
            .collect();
        let mut typed = nodes;
        for (position, &argument) in arguments.iter().enumerate() {
            let Some(value) = self.bound[argument].1.clone() else { continue };
            if value.data_type().is_null() && compares(function) {
                return Err(Error::invalid_argument("a comparison with null is null for every row: use is_null"));
            }
            if position < first {
                continue;
            }
            for operand in &operands {
                if let Some(value) = beside(&value, operand)? {
                    self.program.nodes.push(literal_node(value));
                    typed[position] = self.program.nodes.len() - 1;
                    break;
                }
            }
        }
        Ok(typed)
    }
}

/// The options of a call or an aggregate.
pub(crate) fn bind_options(
    options: &[proto::Option],
    beside_type: Option<&DataType>,
) -> Result<Vec<(String, OptionValue)>> {
    let bound = options.iter().map(|option| {
        let value = option.value.as_ref().ok_or_else(|| Error::invalid_argument("an option without a value"));
        let value = value.and_then(|value| option_value(value, beside_type));
        Ok((option.name.clone(), value.map_err(|error| error.for_argument(option.name.clone()))?))
    });
    bound.collect()
}

/// The index of a column.
pub(super) fn column_index(schema: &Schema, name: &str) -> Result<usize> {
    schema.index_of(name).map_err(|_| {
        let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let shown = known.get(..known.len().min(20)).unwrap_or_default().join(", ");
        let more = if known.len() > 20 { ", …" } else { "" };
        Error::not_found(format!("no such column; there are {shown}{more}")).in_column(name)
    })
}

fn compares(function: &str) -> bool {
    matches!(function, "equal" | "not_equal" | "less" | "less_equal" | "greater" | "greater_equal")
}

fn literal_node(value: ScalarValue) -> Node {
    let (data_type, nullable) = (value.data_type(), value.is_null());
    node_of(NodeKind::Literal(value), data_type, nullable, false, 0)
}

pub(super) fn node_of(kind: NodeKind, data_type: DataType, nullable: bool, fallible: bool, lazy_depth: u32) -> Node {
    Node { kind, data_type, nullable, fallible, lazy_depth, place: NodePlace::default() }
}
