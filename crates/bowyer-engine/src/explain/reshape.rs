// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Lines of the relations that compare rows with others or make other rows of them.

use super::{counted_text, expression, field_names, sort_key};
use crate::operators::sample::SampleSize;
use crate::plan::{BoundPlan, BoundWindow, Relation, RelationKind};

pub(super) fn line(plan: &BoundPlan, relation: &Relation) -> String {
    let of = |index: &usize| plan.relations[*index].path.clone();
    let names = |index: &usize, columns: &[usize]| {
        let schema = &plan.relations[*index].schema;
        columns.iter().map(|&column| schema.field(column).name().as_str()).collect::<Vec<_>>().join(", ")
    };
    match &relation.kind {
        RelationKind::Window(window) => window_line(plan, window),
        RelationKind::SetOperation { inputs, rule } => {
            let all = if rule.all { " all" } else { "" };
            format!("{}{all}", inputs.iter().map(of).collect::<Vec<_>>().join(", "))
        }
        RelationKind::Unnest(unnest) => {
            let empty = if unnest.keep_empty { " keeping empty ones" } else { "" };
            format!("{} to ({}){empty}", of(&unnest.input), field_names(relation))
        }
        RelationKind::Pivot(pivot) => format!("{} to ({})", of(&pivot.input), field_names(relation)),
        RelationKind::Unpivot(unpivot) => {
            format!("{} of {}", of(&unpivot.input), names(&unpivot.input, &unpivot.values))
        }
        RelationKind::Sample { input, seed, size } => match size {
            SampleSize::Fraction(fraction) => format!("{} share {fraction} seed {seed}", of(input)),
            SampleSize::Rows(count) => format!("{} rows {count} seed {seed}", of(input)),
        },
        _ => String::new(),
    }
}

fn window_line(plan: &BoundPlan, window: &BoundWindow) -> String {
    let text = |node: usize| expression(plan, window.input, &window.program, node);
    let partition: Vec<String> = window.partition.iter().map(|&node| text(node)).collect();
    let order: Vec<String> = window.order.iter().map(|key| sort_key(text(key.node), key)).collect();
    let functions = window.functions.iter().map(|call| {
        let arguments: Vec<String> = call.arguments.iter().map(|&node| text(node)).collect();
        counted_text(call.function.name(), &arguments, call.distinct, call.filter.map(text))
    });
    let first = window.limit.map(|limit| format!(" first {limit}")).unwrap_or_default();
    format!(
        "{} over [{}] by [{}] {} compute [{}]{first}",
        plan.relations[window.input].path,
        partition.join(", "),
        order.join(", "),
        window.frame,
        functions.collect::<Vec<_>>().join(", ")
    )
}
