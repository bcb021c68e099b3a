// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Plans as text: one line for each relation, the same for the same plan.

mod reshape;

use std::fmt::Write;

use arrow_cast::display::array_value_to_string;
use arrow_schema::{DataType, Field, Fields};

use crate::literal::array_of;
use crate::operators::JoinColumn;
use crate::operators::distinct::Keep;
use crate::plan::{BoundMeasure, BoundPlan, BoundSortKey, DynamicKey, Relation, RelationKind};
use crate::program::{ListCall, ListKind, NodeKind, Program};

/// The bound plan as text.
pub(crate) fn logical(plan: &BoundPlan) -> String {
    let mut text = String::new();
    for relation in &plan.relations {
        let rejects = relation.rejects.as_ref().map(|rejects| format!(", rejects to {:?}", rejects.name));
        let rejects = rejects.unwrap_or_default();
        let _infallible = writeln!(text, "{}: {}{rejects}", relation.path, line(plan, relation));
    }
    for (name, relation) in &plan.outputs {
        let _infallible = writeln!(text, "output {name:?}: {}", plan.relations[*relation].path);
    }
    text
}

/// Each relation of the plan: its path, and what it does.
pub(crate) fn lines(plan: &BoundPlan) -> Vec<(String, String)> {
    plan.relations.iter().map(|relation| (relation.path.clone(), line(plan, relation))).collect()
}

fn line(plan: &BoundPlan, relation: &Relation) -> String {
    let of = |index: &usize| plan.relations[*index].path.clone();
    let names = |index: &usize, columns: &[usize]| {
        let schema = &plan.relations[*index].schema;
        columns.iter().map(|&column| schema.field(column).name().as_str()).collect::<Vec<_>>().join(", ")
    };
    match &relation.kind {
        RelationKind::Scan { input, .. } => {
            format!("{} ({})", plan.inputs[*input].name, field_names(relation))
        }
        RelationKind::Filter { input, program, predicates, .. } => {
            let predicates = predicates.iter().map(|&node| expression(plan, *input, program, node));
            format!("{} where {}", of(input), predicates.collect::<Vec<_>>().join(", then "))
        }
        RelationKind::Project { input, program, columns, .. } => {
            let columns = columns.iter().zip(relation.schema.fields()).map(|(&node, field)| {
                let text = expression(plan, *input, program, node);
                if &text == field.name() { text } else { format!("{text} as {}", field.name()) }
            });
            format!("{} select {}", of(input), columns.collect::<Vec<_>>().join(", "))
        }
        RelationKind::Aggregate { input, program, keys, sets, measures, sorted } => {
            let keys = keys.iter().map(|&node| expression(plan, *input, program, node)).collect::<Vec<_>>();
            let sets = sets.text(&keys);
            let measures = measures.iter().map(|measure| measure_text(plan, *input, program, measure));
            let (keys, measures) = (keys.join(", "), measures.collect::<Vec<_>>().join(", "));
            let sorted = if *sorted { " sorted" } else { "" };
            format!("{} group by{sorted} [{keys}]{sets} compute [{measures}]", of(input))
        }
        RelationKind::Join(join) => {
            let built = join.columns.iter().filter(|column| matches!(column, JoinColumn::Build(_))).count();
            let as_of = join.as_of.as_ref().map_or_else(String::new, |as_of| {
                let (left, right) = (names(&join.left, &[as_of.left_on]), names(&join.right, &[as_of.right_on]));
                format!(" as of {left} = {right} {:?}", as_of.rule.direction)
            });
            let aware = if join.null_aware { " (null-aware)" } else { "" };
            let residual = join.residual.as_ref().map_or_else(String::new, |residual| {
                let fields = residual.schema.fields();
                let by_ranges = if residual.by_ranges { " by ranges" } else { "" };
                format!(" where {}{by_ranges}", nested(plan, fields, &residual.program, residual.predicate, DEPTH))
            });
            let asked = |key: &DynamicKey| {
                let at = &plan.relations[key.relation];
                format!(", filters {} of {}", at.schema.field(key.column).name(), at.path)
            };
            let chooses = match (join.chooses.left, join.chooses.right) {
                (true, true) => ", chooses rows of either side",
                (true, false) => ", chooses rows of the left",
                (false, true) => ", chooses rows of the right",
                (false, false) => "",
            };
            let any_order = if join.any_order { ", in any order" } else { "" };
            let dynamic: String = join.dynamic.iter().map(asked).collect();
            format!(
                "{} {:?}{aware} {} on [{}] = [{}]{as_of}{residual}, {built} columns of the right{chooses}{any_order}{dynamic}",
                of(&join.left),
                join.kind,
                of(&join.right),
                names(&join.left, &join.left_keys),
                names(&join.right, &join.right_keys)
            )
        }
        RelationKind::Sort { input, program, keys, limit } => {
            let keys = keys.iter().map(|key| sort_key(expression(plan, *input, program, key.node), key));
            let limit = limit.map(|limit| format!(" first {limit}")).unwrap_or_default();
            format!("{} by {}{limit}", of(input), keys.collect::<Vec<_>>().join(", "))
        }
        RelationKind::Limit { input, offset, count } => {
            let count = count.map_or_else(|| "all".to_owned(), |count| count.to_string());
            format!("{} rows {count} from {offset}", of(input))
        }
        RelationKind::Union { inputs } => inputs.iter().map(of).collect::<Vec<_>>().join(", "),
        RelationKind::Distinct { input, columns, keep } => {
            let keep = match keep {
                Keep::First => "",
                Keep::Any => " keep any",
                Keep::Last => " keep last",
            };
            format!("{} by {}{keep}", of(input), names(input, columns))
        }
        _ => reshape::line(plan, relation),
    }
}

/// A measure as text.
fn measure_text(plan: &BoundPlan, input: usize, program: &Program, measure: &BoundMeasure) -> String {
    let text = |node: usize| expression(plan, input, program, node);
    let arguments: Vec<String> = measure.arguments.iter().map(|&node| text(node)).collect();
    let order: Vec<String> = measure.order.iter().map(|key| sort_key(text(key.node), key)).collect();
    let order = if order.is_empty() { String::new() } else { format!(" by {}", order.join(", ")) };
    counted_text(measure.bound.function().name, &arguments, measure.distinct, measure.filter.map(text)) + &order
}

/// An aggregate and the rows that count for it, as text.
fn counted_text(function: &str, arguments: &[String], distinct: bool, filter: Option<String>) -> String {
    let distinct = if distinct { "distinct " } else { "" };
    let filter = filter.map(|text| format!(" where {text}")).unwrap_or_default();
    format!("{function}({distinct}{}){filter}", arguments.join(", "))
}

fn sort_key(text: String, key: &BoundSortKey) -> String {
    let direction = if key.descending { " descending" } else { "" };
    let nulls = if key.nulls_first { " nulls first" } else { "" };
    format!("{text}{direction}{nulls}")
}

fn field_names(relation: &Relation) -> String {
    let names = relation.schema.fields().iter().map(|field| field.name().as_str());
    names.collect::<Vec<_>>().join(", ")
}

/// How deep an expression is shown.
const DEPTH: usize = 6;

/// An expression as text. Deep ones are cut: a shared node would be written again wherever it is used.
fn expression(plan: &BoundPlan, input: usize, program: &Program, node: usize) -> String {
    nested(plan, plan.relations[input].schema.fields(), program, node, DEPTH)
}

fn nested(plan: &BoundPlan, fields: &Fields, program: &Program, node: usize, depth: usize) -> String {
    if depth == 0 {
        return "…".to_owned();
    }
    match &program.nodes[node].kind {
        NodeKind::Column(column) => fields.get(*column).map(|field| field.name().clone()).unwrap_or_default(),
        NodeKind::Literal(value) => {
            let shown = array_of(value).ok().and_then(|value| array_value_to_string(&value, 0).ok());
            shown.unwrap_or_else(|| value.data_type().to_string())
        }
        NodeKind::Parameter(index) => format!("${}", plan.parameters[*index].name()),
        NodeKind::Cast { argument, to, .. } => {
            format!("cast({} as {to})", nested(plan, fields, program, *argument, depth - 1))
        }
        NodeKind::Call { bound, arguments, .. } => {
            let arguments = arguments.iter().map(|&argument| nested(plan, fields, program, argument, depth - 1));
            format!("{}({})", bound.function().name, arguments.collect::<Vec<_>>().join(", "))
        }
        NodeKind::List(call) => list_call(plan, fields, program, call, depth - 1),
        NodeKind::Element => "element".to_owned(),
    }
}

/// `list_transform(xs, element -> add(element, k))`: what the body reads of the row is written into it.
fn list_call(plan: &BoundPlan, fields: &Fields, program: &Program, call: &ListCall, depth: usize) -> String {
    let (own, names) = match call.kind {
        ListKind::Reduce => (2, "(element, accumulator)"),
        ListKind::Transform | ListKind::Filter => (1, "element"),
    };
    let mut read: Vec<String> =
        call.arguments.iter().map(|&argument| nested(plan, fields, program, argument, depth)).collect();
    let arguments = read.get(..own).unwrap_or_default().join(", ");
    for (text, name) in read.iter_mut().zip(["element", "accumulator"]).take(own) {
        name.clone_into(text);
    }
    let read: Fields = read.into_iter().map(|text| Field::new(text, DataType::Null, true)).collect();
    let body = nested(plan, &read, &call.body, call.root, depth);
    format!("{}({arguments}, {names} -> {body})", call.kind.name())
}
