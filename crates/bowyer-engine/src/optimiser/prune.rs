// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Columns that nobody reads are not carried: from the outputs back to the scans.

mod reshape;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use bowyer_core::Result;

use crate::operators::JoinColumn;
use crate::plan::{AsOf, BoundJoin, BoundMeasure, BoundPlan, Relation, RelationKind, Residual};

/// The same plan without columns that nobody reads.
pub(super) fn prune(plan: BoundPlan) -> Result<BoundPlan> {
    let Some(needed) = needed_columns(&plan) else { return Ok(plan) };
    let mut places: Vec<Vec<Option<usize>>> = Vec::with_capacity(plan.relations.len());
    let mut relations = Vec::with_capacity(plan.relations.len());
    for (relation, needed) in plan.relations.into_iter().zip(&needed) {
        let width = relation.schema.fields().len();
        let relation = narrowed(relation, needed, &places);
        places.push(place_of(width, needed));
        relations.push(relation);
    }
    Ok(BoundPlan { relations, ..plan })
}

/// Where each of `width` columns stands when only the needed ones are left.
fn place_of(width: usize, needed: &BTreeSet<usize>) -> Vec<Option<usize>> {
    let mut places = vec![None; width];
    for (place, &column) in needed.iter().enumerate() {
        places[column] = Some(place);
    }
    places
}

/// For each relation, the columns that its readers need. What passes rows on as they are gives what its input gives, so
/// a second reader of that input widens it too; `None` when that does not settle soon.
fn needed_columns(plan: &BoundPlan) -> Option<Vec<BTreeSet<usize>>> {
    const PASSES: usize = 16;
    let mut needed: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); plan.relations.len()];
    for (_, relation) in &plan.outputs {
        needed[*relation].extend(0..plan.relations[*relation].schema.fields().len());
    }
    for _ in 0..PASSES {
        ask_inputs(plan, &mut needed);
        if !widen(plan, &mut needed) {
            return Some(needed);
        }
    }
    None
}

/// Makes relations that pass rows on as wide as their inputs; says whether that changed one.
fn widen(plan: &BoundPlan, needed: &mut [BTreeSet<usize>]) -> bool {
    let mut changed = false;
    for (index, relation) in plan.relations.iter().enumerate() {
        let passes_on = matches!(
            relation.kind,
            RelationKind::Sort { .. }
                | RelationKind::Limit { .. }
                | RelationKind::Sample { .. }
                | RelationKind::Union { .. }
                | RelationKind::Distinct { .. }
        );
        if passes_on {
            for input in relation.kind.inputs() {
                let before = needed[index].len();
                let given = needed[input].clone();
                needed[index].extend(given);
                changed |= needed[index].len() > before;
            }
        }
    }
    changed
}

/// Adds what each relation reads to what its inputs are asked for.
fn ask_inputs(plan: &BoundPlan, needed: &mut [BTreeSet<usize>]) {
    let uses = plan.use_counts();
    let all = |relation: usize| 0..plan.relations[relation].schema.fields().len();
    for index in (0..plan.relations.len()).rev() {
        if uses[index] == 0 {
            needed[index].extend(all(index)); // never built: leave it as it is
        }
        if plan.relations[index].rejects.is_some() {
            // A rejected row is shown whole.
            for input in plan.relations[index].kind.inputs() {
                needed[input].extend(all(input));
            }
        }
        let mut own = std::mem::take(&mut needed[index]);
        match &plan.relations[index].kind {
            RelationKind::Scan { .. } => {}
            RelationKind::Filter { input, program, predicates, columns } => {
                let mut below: BTreeSet<usize> = own.iter().map(|&column| columns[column]).collect();
                below.extend(program.columns_of(predicates));
                needed[*input].extend(below);
            }
            RelationKind::Project { input, program, columns, checked } => {
                // What can fail is evaluated whether read or not.
                let mut nodes: Vec<usize> = checked.clone();
                nodes.extend(columns.iter().enumerate().filter_map(|(column, &node)| {
                    (own.contains(&column) || program.nodes[node].fallible).then_some(node)
                }));
                needed[*input].extend(program.columns_of(&nodes));
            }
            RelationKind::Aggregate { input, program, keys, measures, .. } => {
                own.extend(all(index));
                let mut nodes = keys.clone();
                nodes.extend(measures.iter().flat_map(BoundMeasure::nodes));
                needed[*input].extend(program.columns_of(&nodes));
            }
            RelationKind::Join(join) => {
                let mut left: BTreeSet<usize> = join.left_keys.iter().copied().collect();
                let mut right: BTreeSet<usize> = join.right_keys.iter().copied().collect();
                let residual = join.residual.iter().flat_map(|residual| &residual.columns);
                for &column in own.iter().map(|&column| &join.columns[column]).chain(residual) {
                    match column {
                        JoinColumn::Probe(column) => left.extend([column]),
                        JoinColumn::Build(column) => right.extend([column]),
                        JoinColumn::Either { probe, build, .. } => {
                            left.extend([probe]);
                            right.extend([build]);
                        }
                    }
                }
                if let Some(as_of) = &join.as_of {
                    left.extend([as_of.left_on]);
                    right.extend([as_of.right_on]);
                }
                needed[join.left].extend(left);
                needed[join.right].extend(right);
            }
            RelationKind::Sort { input, program, keys, .. } => {
                let nodes: Vec<usize> = keys.iter().map(|key| key.node).collect();
                own.extend(program.columns_of(&nodes));
                let below = own.clone();
                needed[*input].extend(below);
            }
            RelationKind::Limit { input, .. } => {
                let below = own.clone();
                needed[*input].extend(below);
            }
            RelationKind::Union { inputs } => {
                let below = own.clone();
                for &input in inputs {
                    needed[input].extend(below.iter().copied());
                }
            }
            RelationKind::Distinct { input, columns, .. } => {
                own.extend(columns);
                let below = own.clone();
                needed[*input].extend(below);
            }
            _ => reshape::ask_inputs(plan, index, &mut own, needed),
        }
        needed[index] = own;
    }
}

/// A relation with the needed columns only, over inputs whose columns stand at `places`.
fn narrowed(relation: Relation, needed: &BTreeSet<usize>, places: &[Vec<Option<usize>>]) -> Relation {
    let place = |input: usize, column: usize| places[input][column].unwrap_or(usize::MAX);
    let schema = narrowed_schema(&relation.schema, needed);
    let kind = match relation.kind {
        RelationKind::Scan { input, columns } => {
            RelationKind::Scan { input, columns: needed.iter().map(|&column| columns[column]).collect() }
        }
        RelationKind::Filter { input, program, predicates, columns } => RelationKind::Filter {
            input,
            program: Arc::new(program.over_columns(&places[input])),
            predicates,
            columns: needed.iter().map(|&column| place(input, columns[column])).collect(),
        },
        RelationKind::Project { input, program, columns, mut checked } => {
            checked.extend(columns.iter().enumerate().filter_map(|(column, &node)| {
                (!needed.contains(&column) && program.nodes[node].fallible).then_some(node)
            }));
            RelationKind::Project {
                input,
                program: Arc::new(program.over_columns(&places[input])),
                columns: needed.iter().map(|&column| columns[column]).collect(),
                checked,
            }
        }
        RelationKind::Aggregate { input, program, keys, sets, measures, sorted } => {
            let program = Arc::new(program.over_columns(&places[input]));
            RelationKind::Aggregate { input, program, keys, sets, measures, sorted }
        }
        RelationKind::Sort { input, program, keys, limit } => {
            RelationKind::Sort { input, program: Arc::new(program.over_columns(&places[input])), keys, limit }
        }
        RelationKind::Join(join) => RelationKind::Join(Box::new(narrowed_join(*join, needed, places))),
        RelationKind::Distinct { input, columns, keep } => {
            let columns = columns.iter().map(|&column| place(input, column)).collect();
            RelationKind::Distinct { input, columns, keep }
        }
        kind @ (RelationKind::Limit { .. } | RelationKind::Union { .. }) => kind,
        kind => reshape::narrowed(kind, needed, places),
    };
    Relation { kind, schema, ..relation }
}

/// A join with the needed columns only.
fn narrowed_join(join: BoundJoin, needed: &BTreeSet<usize>, places: &[Vec<Option<usize>>]) -> BoundJoin {
    let left = |column: usize| places[join.left][column].unwrap_or(usize::MAX);
    let right = |column: usize| places[join.right][column].unwrap_or(usize::MAX);
    let column = |column: &JoinColumn| match *column {
        JoinColumn::Probe(column) => JoinColumn::Probe(left(column)),
        JoinColumn::Build(column) => JoinColumn::Build(right(column)),
        JoinColumn::Either { probe, build, build_first } => {
            JoinColumn::Either { probe: left(probe), build: right(build), build_first }
        }
    };
    let residual = join
        .residual
        .as_ref()
        .map(|residual| Residual { columns: residual.columns.iter().map(column).collect(), ..residual.clone() });
    let as_of = join.as_of.as_ref().map(|as_of| AsOf {
        left_on: left(as_of.left_on),
        right_on: right(as_of.right_on),
        ..as_of.clone()
    });
    BoundJoin {
        as_of,
        left_keys: join.left_keys.iter().map(|&column| left(column)).collect(),
        right_keys: join.right_keys.iter().map(|&column| right(column)).collect(),
        columns: needed.iter().map(|&place| column(&join.columns[place])).collect(),
        residual,
        ..join
    }
}

fn narrowed_schema(schema: &SchemaRef, needed: &BTreeSet<usize>) -> SchemaRef {
    if needed.len() == schema.fields().len() {
        return schema.clone();
    }
    let fields: Vec<_> = needed.iter().map(|&column| schema.fields()[column].clone()).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}
