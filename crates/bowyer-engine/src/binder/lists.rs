// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Binding of list calls: what their bodies read of a row becomes arguments, the rest a program of its own.
//!
//! An element or accumulator is a node without arguments while the expressions of a relation are bound. A list call takes
//! the nodes above its own out of the relation's program, so that a node which is still there when the relation uses it
//! stands outside its list.

use std::sync::Arc;

use arrow_schema::DataType;
use bowyer_compute::list_values::item_field;
use bowyer_core::{Error, Result};

use super::expression::{Expressions, node_of};
use crate::program::{LAZY_DEPTH_LIMIT, ListCall, ListKind, Node, NodeKind, Program};
use crate::proto;

/// The bodies of a relation have no more nodes than this; what several bodies compute counts for each.
const BODY_NODES: usize = 1 << 16;

/// The program of a body, its root, and the nodes of the row that it reads.
struct Body {
    program: Program,
    root: usize,
    arguments: Vec<usize>,
}

impl Expressions<'_> {
    /// An element of the lists that an earlier expression gives.
    pub(super) fn element(&mut self, list: u32, index: usize) -> Result<Node> {
        self.own.insert(index as u32, Own::Element(list));
        let list = &self.program.nodes[self.earlier_node(list, index)?];
        let item = list_item(&list.data_type)?;
        let mut node = node_of(NodeKind::Element, item, true, false, 0);
        node.place.column.clone_from(&list.place.column);
        Ok(node)
    }

    /// What a reduce has made so far.
    pub(super) fn accumulator(&mut self, initial: u32, index: usize) -> Result<Node> {
        self.own.insert(index as u32, Own::Accumulator(initial));
        let initial = &self.program.nodes[self.earlier_node(initial, index)?];
        Ok(node_of(NodeKind::Element, initial.data_type.clone(), true, false, 0))
    }

    /// A program over the elements of lists.
    pub(super) fn list_call(&mut self, call: &proto::ListCall, index: usize) -> Result<Node> {
        let kind = match call.kind() {
            proto::ListCallKind::Transform => ListKind::Transform,
            proto::ListCallKind::Filter => ListKind::Filter,
            proto::ListCallKind::Reduce => ListKind::Reduce,
            proto::ListCallKind::Unspecified => {
                return Err(Error::invalid_argument("a list call of no known kind"));
            }
        };
        self.list_call_of(kind, call, index).map_err(|error| error.in_function(kind.name()))
    }

    fn list_call_of(&mut self, kind: ListKind, call: &proto::ListCall, index: usize) -> Result<Node> {
        let list = self.earlier_node(call.list, index)?;
        let element = self.earlier_node(call.element, index)?;
        if self.own.get(&call.element) != Some(&Own::Element(call.list)) {
            return Err(Error::invalid_argument("its element is none of its list"));
        }
        let (mut own, mut arguments) = (vec![element], vec![list]);
        match (kind, call.accumulator) {
            (ListKind::Reduce, Some(accumulator)) => {
                own.push(self.earlier_node(accumulator, index)?);
                let Some(&Own::Accumulator(initial)) = self.own.get(&accumulator) else {
                    return Err(Error::invalid_argument("its accumulator is none"));
                };
                arguments.push(self.earlier_node(initial, index)?);
            }
            (ListKind::Reduce, None) => return Err(Error::invalid_argument("a reduce needs an accumulator")),
            (_, Some(_)) => return Err(Error::invalid_argument("only a reduce has an accumulator")),
            (_, None) => {}
        }
        if self.reads(&arguments, &own) {
            return Err(Error::invalid_argument("its initial value is computed from its elements"));
        }
        let body = self.body(&own, arguments, self.earlier_node(call.body, index)?)?;
        let data_type = self.result_type(kind, list, &body)?;
        let arguments = body.arguments.iter().map(|&argument| &self.program.nodes[argument]);
        let root = &body.program.nodes[body.root];
        let fallible = root.fallible || arguments.clone().any(|node| node.fallible);
        let nullable = kind == ListKind::Reduce || self.program.nodes[list].nullable;
        let below = arguments.map(|node| node.lazy_depth).max().unwrap_or(0);
        let column = self.program.nodes[list].place.column.clone();
        let call = ListCall { kind, arguments: body.arguments, body: Arc::new(body.program), root: body.root };
        let mut node = node_of(NodeKind::List(call), data_type, nullable, fallible, 0);
        node.lazy_depth = node.depth_above(below);
        node.place.column = column;
        if node.lazy_depth > LAZY_DEPTH_LIMIT {
            return Err(Error::limit_exceeded(format!("bodies and choices nest deeper than {LAZY_DEPTH_LIMIT}")));
        }
        Ok(node)
    }

    fn result_type(&self, kind: ListKind, list: usize, body: &Body) -> Result<DataType> {
        let made = &body.program.nodes[body.root].data_type;
        let list = &self.program.nodes[list].data_type;
        match kind {
            ListKind::Transform => ListKind::transformed(list, made),
            ListKind::Filter if matches!(made, DataType::Boolean | DataType::Null) => Ok(ListKind::filtered(list)),
            ListKind::Filter => Err(Error::type_mismatch(format!("its body is of type {made}, not bool"))),
            ListKind::Reduce => {
                let initial = &self.program.nodes[body.arguments[1]].data_type;
                if made == initial {
                    return Ok(made.clone());
                }
                Err(Error::type_mismatch(format!(
                    "its body is of type {made}, but its initial value of type {initial}: give that the body's type"
                )))
            }
        }
    }

    /// Takes what stands above `own` out of the program; `arguments` are those that the call has in their place.
    fn body(&mut self, own: &[usize], mut arguments: Vec<usize>, root: usize) -> Result<Body> {
        let nodes = &self.program.nodes;
        let needed = self.program.needed(&[root], true);
        // What is no constant of the row: it is computed for each element.
        let mut inside = vec![false; root + 1];
        for index in (0..=root).filter(|&index| needed[index]) {
            let varies = matches!(&nodes[index].kind, NodeKind::Call { bound, .. } if !bound.function().deterministic);
            inside[index] =
                varies || own.contains(&index) || nodes[index].arguments().iter().any(|&argument| inside[argument]);
        }
        let is_read = |index: usize| !inside[index] && !nodes[index].fallible && !is_constant(&nodes[index].kind);
        let mut wanted = vec![false; root + 1];
        wanted[root] = true;
        for index in (0..=root).rev().filter(|&index| needed[index]) {
            if wanted[index] && !is_read(index) {
                nodes[index].arguments().iter().for_each(|&argument| wanted[argument] = true);
            }
        }
        let mut program = Program::default();
        let mut places = vec![usize::MAX; root + 1];
        for index in (0..=root).filter(|&index| wanted[index]) {
            let mut node = nodes[index].clone();
            if let Some(column) = own.iter().position(|&own| own == index) {
                node.kind = NodeKind::Column(column);
            } else if is_read(index) {
                node.kind = NodeKind::Column(arguments.len());
                node.lazy_depth = 0;
                arguments.push(index);
            } else {
                node.arguments_mut().iter_mut().for_each(|argument| *argument = places[*argument]);
            }
            places[index] = program.nodes.len();
            program.nodes.push(node);
        }
        self.body_nodes += program.nodes.len();
        if self.body_nodes > BODY_NODES {
            return Err(Error::limit_exceeded(format!("the bodies of list calls have more than {BODY_NODES} nodes")));
        }
        Ok(Body { program, root: places[root], arguments })
    }

    /// Whether one of the roots is computed from one of the nodes.
    fn reads(&self, roots: &[usize], nodes: &[usize]) -> bool {
        let needed = self.program.needed(roots, true);
        nodes.iter().any(|&node| needed[node])
    }

    /// Refuses a node that is computed from an element outside the list that it is of.
    pub(super) fn refuse_stray_elements(&self, root: usize) -> Result<()> {
        if self.own.is_empty() {
            return Ok(());
        }
        let needed = self.program.needed(&[root], true);
        let mut nodes = self.program.nodes.iter().zip(needed);
        if nodes.any(|(node, needed)| needed && matches!(node.kind, NodeKind::Element)) {
            return Err(Error::invalid_argument(
                "an element or accumulator stands outside the body that it belongs to",
            ));
        }
        Ok(())
    }
}

/// What an expression stands for in a body, and the expression that it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    Element(u32),
    Accumulator(u32),
}

fn is_constant(kind: &NodeKind) -> bool {
    matches!(kind, NodeKind::Literal(_) | NodeKind::Parameter(_))
}

/// The type of a list's elements.
fn list_item(list: &DataType) -> Result<DataType> {
    match list {
        DataType::Map(..) => Err(Error::type_mismatch("elements are of lists, not of maps: use map_entries")),
        other => match item_field(other) {
            Ok(item) => Ok(item.data_type().clone()),
            Err(_) => Err(Error::type_mismatch(format!("elements are of lists, not of {other}"))),
        },
    }
}

#[cfg(test)]
mod tests;
