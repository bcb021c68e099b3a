// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Expressions: constants are computed, known outcomes replace logic, equal nodes are one.
//!
//! A program is rebuilt from its first node to its last, so that a node sees what its arguments have become. An
//! expression of constants that fails stays an expression: it fails when, and only when, a row asks for it.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use arrow_schema::DataType;
use bowyer_compute::CastMode;
use bowyer_core::{Column, Memory};
use datafusion_common::ScalarValue;

use super::{Rewrite, Rewrites};
use crate::literal::{array_of, scalar_of};
use crate::plan::BoundPlan;
use crate::program::{ListCall, Node, NodeKind, Program};

/// A constant larger than this is left to be computed for each batch.
const CONSTANT_BYTES: usize = 4096;

/// A list call whose body takes more text than this is compared with no other.
const IDENTITY_BYTES: usize = 16_384;

/// Rewrites the expressions of every relation.
pub(super) fn rewrite(plan: &mut BoundPlan, rewrites: Rewrites) {
    for relation in &mut plan.relations {
        let Some((program, roots)) = relation.kind.program_mut() else { continue };
        let nodes: Vec<usize> = roots.iter().map(|root| **root).collect();
        let (rebuilt, places) = rebuild(program, &nodes, rewrites);
        *program = Arc::new(rebuilt);
        for (root, place) in roots.into_iter().zip(places) {
            *root = place;
        }
        relation.kind.drop_true_predicates(rewrites.has(Rewrite::Simplify));
    }
}

/// A program for the same roots, and where they stand in it.
pub(super) fn rebuild(program: &Program, roots: &[usize], rewrites: Rewrites) -> (Program, Vec<usize>) {
    let needed = program.needed(roots, true);
    let mut built = Program::default();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut places = vec![usize::MAX; program.nodes.len()];
    for (index, node) in program.nodes.iter().enumerate().filter(|(index, _)| needed[*index]) {
        let mut node = node.clone();
        for argument in node.arguments_mut() {
            *argument = places[*argument];
        }
        if let NodeKind::List(call) = &mut node.kind {
            rewrite_body(call, &built, rewrites);
        }
        settle(&mut node, &built);
        if rewrites.has(Rewrite::Constants)
            && let Some(value) = constant(&node, &built)
        {
            become_literal(&mut node, value);
        }
        if rewrites.has(Rewrite::Simplify) {
            match simplified(&node, &built) {
                Some(Outcome::Node(same)) => {
                    places[index] = same;
                    continue;
                }
                Some(Outcome::Literal(value)) => become_literal(&mut node, value),
                None => {}
            }
        }
        if let Some(key) = rewrites.has(Rewrite::Shared).then(|| identity(&node)).flatten() {
            if let Some(&same) = known.get(&key) {
                places[index] = same;
                continue;
            }
            known.insert(key, built.nodes.len());
        }
        places[index] = built.nodes.len();
        built.nodes.push(node);
    }
    (built, roots.iter().map(|&root| places[root]).collect())
}

/// Settles what follows from the arguments, which may have become simpler.
fn settle(node: &mut Node, built: &Program) {
    let below = node.arguments().iter().any(|&argument| built.nodes[argument].fallible);
    let depth = node.arguments().iter().map(|&argument| built.nodes[argument].lazy_depth).max().unwrap_or(0);
    node.fallible = below
        || match &node.kind {
            NodeKind::Call { bound, .. } => bound.fallible(),
            NodeKind::Cast { .. } => node.fallible,
            NodeKind::List(call) => call.body.nodes[call.root].fallible,
            _ => false,
        };
    node.lazy_depth = node.depth_above(depth);
}

/// Rewrites the body of a list call on its own: nothing leaves it, and constants that it reads become its own.
fn rewrite_body(call: &mut ListCall, built: &Program, rewrites: Rewrites) {
    let mut body = Program::clone(&call.body);
    for node in &mut body.nodes {
        if let NodeKind::Column(column) = node.kind
            && column >= call.kind.own_columns()
            && rewrites.has(Rewrite::Constants)
            && let Some(value) = call.arguments.get(column).and_then(|&argument| literal(built, argument)).cloned()
            && value.data_type() == node.data_type
        {
            become_literal(node, value);
        }
    }
    let (body, places) = rebuild(&body, &[call.root], rewrites);
    (call.body, call.root) = (Arc::new(body), places[0]);
}

fn become_literal(node: &mut Node, value: ScalarValue) {
    node.nullable = value.is_null();
    node.kind = NodeKind::Literal(value);
    node.fallible = false;
    node.lazy_depth = 0;
}

fn literal(program: &Program, node: usize) -> Option<&ScalarValue> {
    match &program.nodes.get(node)?.kind {
        NodeKind::Literal(value) => Some(value),
        _ => None,
    }
}

/// The value of a call or a cast of constants; `None` where it is none, fails, or cannot be kept.
fn constant(node: &Node, built: &Program) -> Option<ScalarValue> {
    if node.arguments().is_empty() {
        return None;
    }
    let arguments: Vec<Column> = node
        .arguments()
        .iter()
        .map(|&argument| Column::scalar(array_of(literal(built, argument)?).ok()?, 1).ok())
        .collect::<Option<_>>()?;
    let memory = Memory::unlimited();
    let value = match &node.kind {
        NodeKind::Call { bound, .. } if bound.function().deterministic => bound.call(&arguments, 1, &memory).ok()?,
        NodeKind::Cast { to, mode, .. } => bowyer_compute::cast(arguments.first()?, to, *mode, &memory).ok()?,
        _ => return None,
    };
    let array = value.to_array().ok()?;
    if array.len() != 1 || array.get_array_memory_size() > CONSTANT_BYTES {
        return None;
    }
    let value = scalar_of(&array).ok()?;
    // Types that have no constants of their own come back as others.
    let same = value.data_type() == node.data_type && array_of(&value).ok()?.data_type() == &node.data_type;
    same.then_some(value)
}

/// What a node turned out to be.
enum Outcome {
    Node(usize),
    Literal(ScalarValue),
}

/// The outcome of logic and choices that is known beforehand.
fn simplified(node: &Node, built: &Program) -> Option<Outcome> {
    match &node.kind {
        NodeKind::Cast { argument, to, mode: CastMode::Checked } if built.nodes[*argument].data_type == *to => {
            Some(Outcome::Node(*argument))
        }
        NodeKind::Call { bound, arguments, .. } => {
            let outcome = match (bound.function().name, arguments.as_slice()) {
                ("and_kleene", &[left, right]) => decided(built, left, right, true),
                ("or_kleene", &[left, right]) => decided(built, left, right, false),
                ("invert", &[argument]) => twice_inverted(built, argument).map(Outcome::Node),
                ("is_valid", &[argument]) => known_valid(built, argument).then(|| boolean(true)),
                ("is_null", &[argument]) => known_valid(built, argument).then(|| boolean(false)),
                ("if_else", &[condition, yes, no]) => match literal(built, condition) {
                    Some(ScalarValue::Boolean(Some(true))) => Some(Outcome::Node(yes)),
                    Some(ScalarValue::Boolean(Some(false))) => Some(Outcome::Node(no)),
                    _ => None,
                },
                ("coalesce", &[first, ..]) => built.never_null(first).then_some(Outcome::Node(first)),
                _ => None,
            };
            // Its arguments may have been of other types.
            outcome.filter(|outcome| match outcome {
                Outcome::Node(same) => built.nodes[*same].data_type == node.data_type,
                Outcome::Literal(value) => value.data_type() == node.data_type,
            })
        }
        _ => None,
    }
}

fn boolean(value: bool) -> Outcome {
    Outcome::Literal(ScalarValue::Boolean(Some(value)))
}

/// A conjunction or disjunction with a constant side; `neutral` is the constant that changes nothing.
fn decided(built: &Program, left: usize, right: usize, neutral: bool) -> Option<Outcome> {
    let constant = |node: usize| match literal(built, node) {
        Some(ScalarValue::Boolean(value)) => *value,
        _ => None,
    };
    match (constant(left), constant(right)) {
        (Some(value), _) if value == neutral => Some(Outcome::Node(right)),
        // The right side is never asked.
        (Some(_), _) => Some(boolean(!neutral)),
        (_, Some(value)) if value == neutral => Some(Outcome::Node(left)),
        (_, Some(_)) if !built.nodes[left].fallible => Some(boolean(!neutral)),
        _ if left == right => Some(Outcome::Node(left)),
        _ => None,
    }
}

fn twice_inverted(built: &Program, argument: usize) -> Option<usize> {
    match &built.nodes[argument].kind {
        NodeKind::Call { bound, arguments, .. } if bound.function().name == "invert" => arguments.first().copied(),
        _ => None,
    }
}

/// Whether it is known beforehand that a node is null nowhere and that computing it cannot fail.
fn known_valid(built: &Program, node: usize) -> bool {
    !built.nodes[node].fallible && built.never_null(node)
}

/// What tells two equal nodes; `None` for one that may differ from row to row without its arguments, or that is too
/// large to compare.
fn identity(node: &Node) -> Option<String> {
    let mut text = String::new();
    match &node.kind {
        NodeKind::Column(column) => write!(text, "column {column}"),
        NodeKind::Parameter(parameter) => write!(text, "parameter {parameter}"),
        NodeKind::Literal(value) if exact(value) => write!(text, "{:?} {value:?}", value.data_type()),
        NodeKind::Literal(_) => return None,
        NodeKind::Cast { argument, to, mode } => write!(text, "cast {argument} {to:?} {mode:?}"),
        NodeKind::Call { bound, arguments, .. } if bound.function().deterministic => {
            let function = bound.function();
            write!(text, "{} {:?} {arguments:?} ", function.name, bound.argument_types()).ok()?;
            if function.options.is_empty() { Ok(()) } else { write!(text, "{:?}", bound.options()) }
        }
        NodeKind::List(call) => {
            write!(text, "{:?} {:?} of {} in", call.kind, call.arguments, call.root).ok()?;
            for node in &call.body.nodes {
                write!(text, "; {}", identity(node)?).ok()?;
                if text.len() > IDENTITY_BYTES {
                    return None;
                }
            }
            text.write_str(" end")
        }
        NodeKind::Call { .. } | NodeKind::Element => return None,
    }
    .ok()?;
    Some(text)
}

/// Whether a constant's text says all of it.
fn exact(value: &ScalarValue) -> bool {
    let data_type = value.data_type();
    data_type.is_integer()
        || matches!(data_type, DataType::Boolean | DataType::Date32 | DataType::Date64)
        || matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        || matches!(data_type, DataType::Decimal128(..) | DataType::Timestamp(..) | DataType::Null)
}
