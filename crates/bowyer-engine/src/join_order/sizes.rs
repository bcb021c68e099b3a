// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! How many rows a relation is likely to give, and how many different keys they have.
//!
//! Tables in memory know their rows. What a filter above one keeps is tried on a sample, if it cannot fail; any other
//! predicate is taken to keep a third. What cannot be said of an input that is no table cannot be said of its readers.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use datafusion_common::JoinType;

use super::sample::Sample;
use crate::operators::{JoinColumn, TaskContext};
use crate::physical::Given;
use crate::plan::{BoundJoin, BoundPlan, RelationKind};
use crate::program::{NodeKind, Program};

/// What a predicate keeps of which nothing is known.
const KEPT: f64 = 1.0 / 3.0;
/// How many groups there are for each row, where nothing is known of the keys.
const GROUPS: f64 = 0.1;
/// Estimates of different values that are as many as this part of the rows are taken for all rows.
const UNIQUE: f64 = 0.8;
/// What stands below more relations than this is not looked at.
const DEPTH: usize = 64;

/// What is known of the relations of a plan.
pub(super) struct Sizes<'a> {
    plan: &'a BoundPlan,
    given: &'a Given<'a>,
    context: &'a TaskContext,
    rows: BTreeMap<usize, Option<f64>>,
    samples: BTreeMap<usize, Sample<'a>>,
    distinct: BTreeMap<(usize, Vec<usize>), Option<f64>>,
}

impl<'a> Sizes<'a> {
    pub(super) fn new(plan: &'a BoundPlan, given: &'a Given<'a>, context: &'a TaskContext) -> Self {
        let (rows, samples, distinct) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { plan, given, context, rows, samples, distinct }
    }

    /// How many rows a relation gives.
    pub(super) fn rows(&mut self, relation: usize) -> Option<f64> {
        self.rows_below(relation, DEPTH)
    }

    /// How many different values some columns of a relation have together, whatever filters below it take away.
    pub(super) fn distinct(&mut self, relation: usize, columns: &[usize]) -> Option<f64> {
        let (input, columns) = table_columns(self.plan, relation, columns.to_vec())?;
        let places = self.places(input, &columns)?;
        if let Some(&known) = self.distinct.get(&(input, places.clone())) {
            return known;
        }
        let memory = &self.context.memory;
        let found =
            sample(&mut self.samples, self.given, input).and_then(|sample| sample.distinct(&places, memory).ok());
        self.distinct.insert((input, places), found);
        found
    }

    /// Whether hardly two rows have the same values in some columns of a relation. What does not come from a table as it
    /// is is taken for a key.
    pub(super) fn is_unique(&mut self, relation: usize, columns: &[usize]) -> bool {
        let Some(distinct) = self.distinct(relation, columns) else { return true };
        let table = table_columns(self.plan, relation, columns.to_vec());
        let sample = table.and_then(|(input, _)| self.samples.get(&input));
        sample.is_none_or(|sample| distinct >= UNIQUE * sample.row_count as f64)
    }

    /// Where columns of an input stand in its batches.
    fn places(&self, input: usize, columns: &[usize]) -> Option<Vec<usize>> {
        let reading = self.given.readings.get(input)?;
        columns.iter().map(|&column| reading.place(column)).collect()
    }

    fn rows_below(&mut self, relation: usize, depth: usize) -> Option<f64> {
        if let Some(&known) = self.rows.get(&relation) {
            return known;
        }
        let rows = self.estimate(relation, depth.checked_sub(1)?);
        self.rows.insert(relation, rows);
        rows
    }

    fn estimate(&mut self, relation: usize, depth: usize) -> Option<f64> {
        let plan = self.plan;
        let mut of = |input: usize| self.rows_below(input, depth);
        match &plan.relations[relation].kind {
            RelationKind::Scan { input, .. } => {
                let batches = self.given.tables.get(*input)?.as_ref()?;
                Some(batches.iter().map(RecordBatch::num_rows).sum::<usize>() as f64)
            }
            RelationKind::Filter { input, program, predicates, .. } => {
                Some(of(*input)? * self.kept(*input, program, predicates))
            }
            RelationKind::Project { input, .. } | RelationKind::Sort { input, limit: None, .. } => of(*input),
            RelationKind::Sort { input, limit: Some(limit), .. } => Some(of(*input)?.min(*limit as f64)),
            RelationKind::Limit { input, offset, count } => {
                let left = (of(*input)? - *offset as f64).max(0.0);
                Some(count.map_or(left, |count| left.min(count as f64)))
            }
            RelationKind::Window(window) => of(window.input),
            RelationKind::Aggregate { input, program, keys, sets, .. } => {
                let rows = of(*input)?;
                let plain = |&key: &usize| match program.nodes[key].kind {
                    NodeKind::Column(column) => Some(column),
                    _ => None,
                };
                let columns: Option<Vec<usize>> = keys.iter().map(plain).collect();
                Some(self.groups(*input, rows, columns) * sets.count() as f64)
            }
            RelationKind::Distinct { input, columns, .. } => {
                let rows = of(*input)?;
                Some(self.groups(*input, rows, Some(columns.clone())))
            }
            RelationKind::Union { inputs } => inputs.iter().try_fold(0.0, |rows, &input| Some(rows + of(input)?)),
            RelationKind::SetOperation { inputs, .. } => of(*inputs.first()?),
            RelationKind::Join(join) => {
                let (left, right) = (of(join.left)?, of(join.right)?);
                Some(self.joined(join, left, right))
            }
            _ => None,
        }
    }

    /// Which part of the rows of `input` predicates keep.
    fn kept(&mut self, input: usize, program: &std::sync::Arc<Program>, predicates: &[usize]) -> f64 {
        let unknown = KEPT.powi(i32::try_from(predicates.len()).unwrap_or(i32::MAX));
        let RelationKind::Scan { input, columns } = &self.plan.relations[input].kind else { return unknown };
        let fails = predicates.iter().any(|&predicate| program.nodes[predicate].fallible);
        let places = self.places(*input, columns);
        let Some(places) = places.filter(|_| !fails) else { return unknown };
        let program = program.with_parameters(self.given.parameters);
        let sample = sample(&mut self.samples, self.given, *input);
        sample.and_then(|sample| sample.kept(&places, &program, predicates, self.context).ok()).unwrap_or(unknown)
    }

    /// How many groups some rows are by these columns, if by columns.
    fn groups(&mut self, input: usize, rows: f64, columns: Option<Vec<usize>>) -> f64 {
        if columns.as_ref().is_some_and(Vec::is_empty) {
            return 1.0;
        }
        let distinct = columns.and_then(|columns| self.distinct(input, &columns));
        distinct.map_or(rows * GROUPS, |distinct| distinct.min(rows)).max(1.0)
    }

    fn joined(&mut self, join: &BoundJoin, left: f64, right: f64) -> f64 {
        if join.as_of.is_some() {
            return left;
        }
        let kept = if join.residual.is_some() { KEPT } else { 1.0 };
        let (own, other) = if join.left_keys.is_empty() {
            (1.0, 1.0)
        } else {
            let own = self.distinct(join.left, &join.left_keys).unwrap_or(left).max(1.0);
            (own, self.distinct(join.right, &join.right_keys).unwrap_or(right).max(1.0))
        };
        let keys = own.max(other);
        let pairs = (left * right / keys * kept).max(1.0);
        // The part of one side whose keys the other has.
        let met = |others: f64, distinct: f64| (distinct.min(others) / keys * kept).clamp(0.0, 1.0);
        match join.kind {
            JoinType::Left => pairs.max(left),
            JoinType::Right => pairs.max(right),
            JoinType::Full => pairs.max(left).max(right),
            JoinType::LeftSemi => left * met(right, other),
            JoinType::RightSemi => right * met(left, own),
            JoinType::LeftAnti => left * (1.0 - met(right, other)),
            JoinType::RightAnti => right * (1.0 - met(left, own)),
            _ => pairs,
        }
    }
}

/// The sample of an input, if it is a table.
fn sample<'b, 'a>(
    samples: &'b mut BTreeMap<usize, Sample<'a>>,
    given: &'a Given<'a>,
    input: usize,
) -> Option<&'b mut Sample<'a>> {
    let batches = given.tables.get(input)?.as_ref()?;
    Some(samples.entry(input).or_insert_with(|| Sample::of(batches)))
}

/// The input that columns of a relation come from as they are, and which columns of it they are.
fn table_columns(plan: &BoundPlan, mut relation: usize, mut columns: Vec<usize>) -> Option<(usize, Vec<usize>)> {
    for _ in 0..DEPTH {
        relation = match &plan.relations[relation].kind {
            RelationKind::Scan { input, columns: read } => {
                return Some((*input, columns.into_iter().map(|column| read[column]).collect()));
            }
            RelationKind::Filter { input, columns: passed, .. } => {
                columns.iter_mut().for_each(|column| *column = passed[*column]);
                *input
            }
            RelationKind::Project { input, program, columns: nodes, .. } => {
                columns = columns.into_iter().map(|column| plain(program, nodes[column])).collect::<Option<_>>()?;
                *input
            }
            RelationKind::Aggregate { input, program, keys, .. } => {
                let key = |column: usize| plain(program, *keys.get(column)?);
                columns = columns.into_iter().map(key).collect::<Option<_>>()?;
                *input
            }
            RelationKind::Sort { input, .. }
            | RelationKind::Limit { input, .. }
            | RelationKind::Distinct { input, .. } => *input,
            RelationKind::Join(join) => {
                let left = |column: usize| match join.columns[column] {
                    JoinColumn::Probe(column) => Some(column),
                    _ => None,
                };
                let right = |column: usize| match join.columns[column] {
                    JoinColumn::Build(column) => Some(column),
                    _ => None,
                };
                let of_left: Option<Vec<usize>> = columns.iter().map(|&column| left(column)).collect();
                let of_right = || columns.iter().map(|&column| right(column)).collect::<Option<Vec<usize>>>();
                let (side, found) = match of_left {
                    Some(found) => (join.left, found),
                    None => (join.right, of_right()?),
                };
                columns = found;
                side
            }
            _ => return None,
        };
    }
    None
}

fn plain(program: &Program, node: usize) -> Option<usize> {
    match program.nodes[node].kind {
        NodeKind::Column(column) => Some(column),
        _ => None,
    }
}
