// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Disjunctions of equalities: `x = 1 or x = 2 or …` asks whether x is in a set.
//!
//! A disjunction looks at every row once for each constant, a set looks it up once. The set tells floats apart as `equal`
//! does, and a null among its constants makes null what it does not have, as the disjunction would.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use arrow_select::concat::concat;
use bowyer_compute::{Argument, Bound, OptionValue};

use crate::literal::array_of;
use crate::plan::BoundPlan;
use crate::program::{Laziness, NodeKind, Program};

/// Disjunctions of fewer constants stay what they are: comparing so often is as fast. (On a Xeon with AVX-512, 4e6 rows: 6
/// int64 8.3 ms against the set's 7.7 ms, 64 78 against 11; 6 strings of 12 bytes 48 ms against 20 ms.)
const FEWEST_CONSTANTS: usize = 6;
const FEWEST_TEXTS: usize = 3;

/// Rewrites the disjunctions of every relation.
pub(super) fn find(plan: &mut BoundPlan) {
    for relation in &mut plan.relations {
        let Some((program, roots)) = relation.kind.program_mut() else { continue };
        let roots: Vec<usize> = roots.into_iter().map(|root| *root).collect();
        let found = memberships(program, &roots);
        if found.is_empty() {
            continue;
        }
        let program = Arc::make_mut(program);
        for (node, operand, bound) in found {
            program.nodes[node].kind = NodeKind::Call { bound, arguments: vec![operand], laziness: Laziness::Eager };
        }
    }
}

/// The disjunctions that ask for a set, what they ask of, and the call that does.
fn memberships(program: &Program, roots: &[usize]) -> Vec<(usize, usize, Bound)> {
    let needed = program.needed(roots, true);
    // A part of a larger disjunction is looked at with that.
    let mut whole = vec![false; program.nodes.len()];
    for &root in roots {
        whole[root] = true;
    }
    for (index, node) in program.nodes.iter().enumerate().filter(|(index, _)| needed[*index]) {
        if disjuncts(program, index).is_none() {
            node.arguments().iter().for_each(|&argument| whole[argument] = true);
        }
    }
    (0..program.nodes.len())
        .filter(|&index| needed[index] && whole[index])
        .filter_map(|index| {
            let (operand, constants) = constants(program, index)?;
            Some((index, operand, membership(program, operand, &constants)?))
        })
        .collect()
}

/// The sides of a disjunction.
fn disjuncts(program: &Program, node: usize) -> Option<[usize; 2]> {
    match &program.nodes[node].kind {
        NodeKind::Call { bound, arguments, .. } if bound.function().name == "or_kleene" => {
            arguments.as_slice().try_into().ok()
        }
        _ => None,
    }
}

/// The one expression that a disjunction compares, and the constants that it compares it with.
fn constants(program: &Program, root: usize) -> Option<(usize, Vec<usize>)> {
    disjuncts(program, root)?;
    let mut operand = None;
    let mut constants = Vec::new();
    let mut pending = vec![root];
    while let Some(node) = pending.pop() {
        if let Some([left, right]) = disjuncts(program, node) {
            pending.extend([right, left]);
            continue;
        }
        let (compared, constant) = equality(program, node)?;
        if *operand.get_or_insert(compared) != compared {
            return None;
        }
        constants.push(constant);
    }
    let operand = operand?;
    let is_number = program.nodes[operand].data_type.primitive_width().is_some();
    let fewest = if is_number { FEWEST_CONSTANTS } else { FEWEST_TEXTS };
    (constants.len() >= fewest).then_some((operand, constants))
}

/// The sides of a comparison with a constant of the same type.
fn equality(program: &Program, node: usize) -> Option<(usize, usize)> {
    let NodeKind::Call { bound, arguments, .. } = &program.nodes[node].kind else { return None };
    let &[left, right] = arguments.as_slice() else { return None };
    let is_literal = |node: usize| matches!(program.nodes[node].kind, NodeKind::Literal(_));
    let (operand, constant) = if is_literal(right) { (left, right) } else { (right, left) };
    let data_type = &program.nodes[operand].data_type;
    let same = bound.argument_types().iter().all(|argument| argument == data_type)
        && program.nodes[constant].data_type == *data_type;
    let known = bound.function().name == "equal" && is_literal(constant) && !is_literal(operand);
    (known && same && has_sets(data_type)).then_some((operand, constant))
}

/// Whether values of a type are equal in a set when, and only when, `equal` says so.
fn has_sets(data_type: &DataType) -> bool {
    use DataType as D;
    data_type.is_numeric()
        || matches!(data_type, D::Date32 | D::Date64 | D::Time32(_) | D::Time64(_) | D::Timestamp(..) | D::Duration(_))
        || matches!(data_type, D::Utf8 | D::LargeUtf8 | D::Utf8View)
        || matches!(data_type, D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_))
}

fn membership(program: &Program, operand: usize, constants: &[usize]) -> Option<Bound> {
    let arrays: Vec<ArrayRef> = constants
        .iter()
        .map(|&constant| match &program.nodes[constant].kind {
            NodeKind::Literal(value) => array_of(value).ok(),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    let node = &program.nodes[operand];
    let argument = Argument { data_type: node.data_type.clone(), nullable: node.nullable, constant: None };
    let options = vec![
        ("value_set".to_owned(), OptionValue::Array(concat(&arrays).ok()?)),
        ("null_matching_behavior".to_owned(), OptionValue::Utf8("inconclusive".to_owned())),
        ("float_equality".to_owned(), OptionValue::Utf8("ieee".to_owned())),
    ];
    bowyer_compute::bind("is_in", &[argument], options).ok()
}
