// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Filters move towards the inputs, as far as no error can come or go.
//!
//! A filter asks its predicates one after the other. One moves before an operator when it cannot fail, none before it
//! can, and the operator itself cannot fail for a row that it removes. Filters that meet become one.

use std::sync::Arc;

use arrow_schema::DataType;

use super::joins::{Side, side_of, wants_partners};
use super::{PROGRAM_NODES, Rewrite, Rewrites};
use crate::plan::{BoundPlan, Relation, RelationKind};
use crate::program::{NodeKind, Program};

/// Moves every filter as far as it goes.
pub(super) fn push(plan: &mut BoundPlan, rewrites: Rewrites) {
    let mut pushing = Pushing { uses: plan.use_counts(), parts: vec![0; plan.relations.len()], rewrites, plan };
    // Those next to the inputs first: what comes after joins them where they have come to rest.
    let mut pending: Vec<usize> = (0..pushing.plan.relations.len()).rev().collect();
    while let Some(index) = pending.pop() {
        if pushing.uses[index] > 0 {
            pushing.filter(index, &mut pending);
        }
    }
}

struct Pushing<'a> {
    plan: &'a mut BoundPlan,
    uses: Vec<usize>,
    /// In how many parts a relation has been split.
    parts: Vec<usize>,
    rewrites: Rewrites,
}

/// The filter that is being moved.
struct Moving {
    index: usize,
    input: usize,
    program: Arc<Program>,
    predicates: Vec<usize>,
    columns: Vec<usize>,
}

impl Pushing<'_> {
    /// Moves the filter `index` one step, if it is one; what may now move on goes to `pending`.
    fn filter(&mut self, index: usize, pending: &mut Vec<usize>) {
        if self.rewrites.has(Rewrite::Conjuncts) {
            self.split(index);
        }
        let RelationKind::Filter { input, program, predicates, columns } = &self.plan.relations[index].kind else {
            return;
        };
        let moving = Moving {
            index,
            input: *input,
            program: program.clone(),
            predicates: predicates.clone(),
            columns: columns.clone(),
        };
        let width = self.plan.relations[*input].schema.fields().len();
        let sets_aside = |index: usize| self.plan.relations[index].rejects.is_some();
        if sets_aside(index)
            || sets_aside(*input)
            || self.uses[*input] != 1
            || columns.iter().enumerate().any(|(place, &column)| place != column)
        {
            return;
        }
        debug_assert_eq!(columns.len(), width, "filters are narrowed after they are moved");
        match self.plan.relations[moving.input].kind {
            RelationKind::Filter { .. } => self.join_filter(&moving, pending),
            RelationKind::Join(_) => self.through_join(&moving, pending),
            RelationKind::Union { .. } => self.through_union(&moving, pending),
            _ => self.through_one(&moving, pending),
        }
    }

    /// Takes conjunctions apart. A part that can fail is given the rows in which those before it are true: the same as
    /// in the conjunction only if none of them can be null.
    fn split(&mut self, index: usize) {
        let RelationKind::Filter { program, predicates, .. } = &mut self.plan.relations[index].kind else { return };
        let mut parts = Vec::with_capacity(predicates.len());
        let mut pending: Vec<usize> = predicates.iter().rev().copied().collect();
        while let Some(node) = pending.pop() {
            match conjunction(program, node) {
                Some([left, right]) if !program.nodes[right].fallible || program.never_null(left) => {
                    pending.extend([right, left]);
                }
                _ => parts.push(node),
            }
        }
        *predicates = parts;
    }

    /// One filter of two.
    fn join_filter(&mut self, moving: &Moving, pending: &mut Vec<usize>) {
        let RelationKind::Filter { input, program, predicates, columns } = &self.plan.relations[moving.input].kind
        else {
            return;
        };
        if program.nodes.len() + moving.program.nodes.len() > PROGRAM_NODES {
            return;
        }
        let schema = &self.plan.relations[*input].schema;
        let mut joined = Program::clone(program);
        let fields: Vec<usize> =
            columns.iter().map(|&column| joined.push_column(column, schema.field(column))).collect();
        let copied = moving.program.copy_into(&mut joined, &moving.predicates, |column| fields.get(column).copied());
        let Some(copied) = copied else { return };
        let kind = RelationKind::Filter {
            input: *input,
            program: Arc::new(joined),
            predicates: [predicates.as_slice(), &copied].concat(),
            columns: columns.clone(),
        };
        self.uses[moving.input] = 0;
        self.plan.relations[moving.index].kind = kind;
        pending.push(moving.index);
    }

    /// The predicates that may move at all: those before the first that can fail.
    fn movable<'a>(&self, moving: &'a Moving) -> &'a [usize] {
        let nodes = &moving.program.nodes;
        let fallible = moving.predicates.iter().position(|&predicate| nodes[predicate].fallible);
        &moving.predicates[..fallible.unwrap_or(moving.predicates.len())]
    }

    /// Moves predicates before an operator with one input, over columns that it passes on.
    fn through_one(&mut self, moving: &Moving, pending: &mut Vec<usize>) {
        let relation = &self.plan.relations[moving.input];
        let Some(places) = passed_columns(relation) else { return };
        let Some(&below) = relation.kind.inputs().first() else { return };
        let chosen: Vec<usize> = self
            .movable(moving)
            .iter()
            .copied()
            .filter(|&predicate| {
                let columns = moving.program.columns_of(&[predicate]);
                columns.iter().all(|&column| places[column].is_some()) && !columns.is_empty()
            })
            .collect();
        let Some(part) = self.part(moving, &chosen, below, &places, pending) else { return };
        let operator = moving.input;
        if let Some(input) = self.plan.relations[operator].kind.inputs_mut().first_mut() {
            **input = part;
        }
        self.leave(moving, &chosen, pending);
    }

    fn through_join(&mut self, moving: &Moving, pending: &mut Vec<usize>) {
        let RelationKind::Join(join) = &mut self.plan.relations[moving.input].kind else { return };
        let movable: Vec<usize> = {
            let nodes = &moving.program.nodes;
            moving.predicates.iter().copied().take_while(|&predicate| !nodes[predicate].fallible).collect()
        };
        let wanted = movable.iter().any(|&predicate| wants_partners(join, &moving.program, predicate));
        if wanted && self.rewrites.has(Rewrite::OuterJoins) {
            join.kind = datafusion_common::JoinType::Inner;
        }
        let join = join.clone();
        let mut gone = Vec::new();
        for (side, below) in [(Side::Left, join.left), (Side::Right, join.right)] {
            let chosen: Vec<usize> = movable
                .iter()
                .copied()
                .filter(|&predicate| side_of(&join, &moving.program.columns_of(&[predicate])) == Some(side))
                .collect();
            let places: Vec<Option<usize>> = join.columns.iter().map(|column| side.column(*column)).collect();
            let Some(part) = self.part(moving, &chosen, below, &places, pending) else { continue };
            if let RelationKind::Join(join) = &mut self.plan.relations[moving.input].kind {
                *(if side == Side::Left { &mut join.left } else { &mut join.right }) = part;
            }
            gone.extend(chosen);
        }
        if !gone.is_empty() {
            self.leave(moving, &gone, pending);
        }
    }

    fn through_union(&mut self, moving: &Moving, pending: &mut Vec<usize>) {
        let RelationKind::Union { inputs } = &self.plan.relations[moving.input].kind else { return };
        let inputs = inputs.clone();
        let chosen = self.movable(moving).to_vec();
        let places: Vec<Option<usize>> = (0..moving.columns.len()).map(Some).collect();
        let parts: Vec<Option<usize>> =
            inputs.iter().map(|&below| self.part(moving, &chosen, below, &places, pending)).collect();
        let Some(parts) = parts.into_iter().collect::<Option<Vec<usize>>>() else { return };
        self.plan.relations[moving.input].kind = RelationKind::Union { inputs: parts };
        self.leave(moving, &chosen, pending);
    }

    /// A new filter over `below` with some predicates of the moving one, whose column `i` stands at `places[i]` there.
    fn part(
        &mut self,
        moving: &Moving,
        chosen: &[usize],
        below: usize,
        places: &[Option<usize>],
        pending: &mut Vec<usize>,
    ) -> Option<usize> {
        if chosen.is_empty() {
            return None;
        }
        let schema = self.plan.relations[below].schema.clone();
        let mut program = Program::default();
        let nodes: Vec<usize> =
            (0..schema.fields().len()).map(|column| program.push_column(column, schema.field(column))).collect();
        let place = |column: usize| places.get(column).copied().flatten().and_then(|column| nodes.get(column).copied());
        let predicates = moving.program.copy_into(&mut program, chosen, place)?;
        let whole = &self.plan.relations[moving.index];
        let path = match self.parts[moving.index] {
            0 => whole.path.clone(),
            part => format!("{}#{}", whole.path, part + 1),
        };
        let kind = RelationKind::Filter {
            input: below,
            program: Arc::new(program),
            predicates,
            columns: (0..nodes.len()).collect(),
        };
        let relation = Relation { kind, schema, path, origin: whole.origin.clone(), rejects: None };
        self.parts[moving.index] += 1;
        self.plan.relations.push(relation);
        self.uses.push(1);
        self.parts.push(0);
        pending.push(self.plan.relations.len() - 1);
        Some(self.plan.relations.len() - 1)
    }

    /// Takes the predicates that have gone from the moving filter; without any, the operator stands in its place.
    fn leave(&mut self, moving: &Moving, gone: &[usize], pending: &mut Vec<usize>) {
        let parts = self.parts[moving.index];
        let relation = &mut self.plan.relations[moving.index];
        let RelationKind::Filter { predicates, .. } = &mut relation.kind else { return };
        predicates.retain(|predicate| !gone.contains(predicate));
        if predicates.is_empty() {
            let schema = relation.schema.clone();
            let operator = self.plan.relations[moving.input].clone();
            self.plan.relations[moving.index] = Relation { schema, ..operator };
            self.uses[moving.input] = 0;
        } else {
            relation.path = format!("{}#{}", relation.path, parts + 1);
            pending.push(moving.index);
        }
    }
}

/// The two sides of a conjunction of booleans.
fn conjunction(program: &Program, node: usize) -> Option<[usize; 2]> {
    let NodeKind::Call { bound, arguments, .. } = &program.nodes[node].kind else { return None };
    let booleans = bound.argument_types().iter().all(|data_type| *data_type == DataType::Boolean);
    if bound.function().name != "and_kleene" || !booleans {
        return None;
    }
    arguments.as_slice().try_into().ok()
}

/// For each column of an operator with one input, the input's column that it is; `None` for an operator that no filter
/// moves before.
fn passed_columns(relation: &Relation) -> Option<Vec<Option<usize>>> {
    let width = relation.schema.fields().len();
    let all_infallible = |program: &Program, nodes: &[usize]| nodes.iter().all(|&node| !program.nodes[node].fallible);
    match &relation.kind {
        RelationKind::Project { program, columns, checked, .. } => {
            let infallible = all_infallible(program, columns) && all_infallible(program, checked);
            infallible.then(|| columns.iter().map(|&node| plain(program, node)).collect())
        }
        RelationKind::Sort { program, keys, limit: None, .. } => {
            let nodes: Vec<usize> = keys.iter().map(|key| key.node).collect();
            all_infallible(program, &nodes).then(|| (0..width).map(Some).collect())
        }
        RelationKind::Aggregate { program, keys, sets, measures, sorted, .. } => {
            let infallible = all_infallible(program, keys)
                && measures.iter().all(|measure| {
                    !measure.bound.fallible() && measure.nodes().all(|&node| !program.nodes[node].fallible)
                });
            // In some grouping sets a key is null, whatever the rows have. Two groups of sorted rows would be one without
            // the rows between them.
            if !infallible || keys.is_empty() || sets.are_named() || *sorted {
                return None;
            }
            let mut places: Vec<Option<usize>> = keys.iter().map(|&node| plain(program, node)).collect();
            for (place, field) in places.iter_mut().zip(relation.schema.fields()) {
                place.take_if(|_| !equal_is_same(field.data_type()));
            }
            places.resize(width, None);
            Some(places)
        }
        RelationKind::Distinct { columns, .. } => {
            let same = |column: usize| equal_is_same(relation.schema.field(column).data_type());
            Some((0..width).map(|column| (columns.contains(&column) && same(column)).then_some(column)).collect())
        }
        _ => None,
    }
}

/// The input's column that a node is.
fn plain(program: &Program, node: usize) -> Option<usize> {
    match program.nodes[node].kind {
        NodeKind::Column(column) => Some(column),
        _ => None,
    }
}

/// Whether keys of a type that are equal look the same to every function: floats do not (0.0 and −0.0), nor what may
/// hold them.
pub(super) fn equal_is_same(data_type: &DataType) -> bool {
    data_type.is_integer()
        || data_type.is_temporal()
        || matches!(
            data_type,
            DataType::Boolean
                | DataType::Decimal32(..)
                | DataType::Decimal64(..)
                | DataType::Decimal128(..)
                | DataType::Decimal256(..)
                | DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Utf8View
                | DataType::Binary
                | DataType::LargeBinary
                | DataType::BinaryView
                | DataType::FixedSizeBinary(_)
        )
}
