// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Group-by aggregation: each task groups what it is given, and the finish merges what the tasks have.
//!
//! A task has a group table and an accumulator for each measure. Rows are taken in strips that fit the second-level
//! cache together with the groups they are sent to. Groups come out in the order in which their first rows stand in the
//! input, unless there are more than a million of them and several tasks: then as the merge left them.

#[cfg(test)]
pub(super) mod drive;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Float16Type, Float32Type, Float64Type};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, SchemaRef};
use bowyer_compute::{Accumulator, Groups};
use bowyer_core::group::GroupTable;
use bowyer_core::keys::KeyOptions;
use bowyer_core::lanes::Lanes;
use bowyer_core::take::{Rows, take};
use bowyer_core::{Column, Error, Memory, Result};

use super::{Breaker, Finished, LocalState, Measure, Morsel, TaskContext};

/// Rows that go through all accumulators before the next ones.
const STRIP_ROWS: usize = 8192;

/// Up to so many groups are put in the order of their first rows.
const ORDERED_GROUPS: usize = 1 << 20;

/// Aggregates rows with equal keys; without keys, all rows.
pub(crate) struct HashAggregate {
    keys: Vec<usize>,
    key_types: Vec<DataType>,
    measures: Vec<Measure>,
    output: SchemaRef,
}

struct Local {
    /// The groups; none when there are no keys.
    table: Option<GroupTable>,
    accumulators: Vec<Box<dyn Accumulator>>,
    /// The position of each group's first row in the input.
    firsts: Lanes<u64>,
    group_indices: Vec<u32>,
}

impl LocalState for Local {}

impl HashAggregate {
    /// Groups rows of `input` by the columns `keys`. The result has the keys and then the measures, as in `output`.
    ///
    /// # Errors
    /// `Internal` when `output` is of another width.
    pub(crate) fn new(input: &SchemaRef, keys: Vec<usize>, measures: Vec<Measure>, output: SchemaRef) -> Result<Self> {
        if output.fields().len() != keys.len() + measures.len() {
            return Err(Error::internal("an aggregate's schema is not its keys and measures"));
        }
        let key_types = keys.iter().map(|&key| input.field(key).data_type().clone()).collect();
        Ok(Self { keys, key_types, measures, output })
    }

    fn new_local(&self, memory: &Memory) -> Result<Local> {
        let table = match self.keys[..] {
            [] => None,
            _ => Some(GroupTable::new(&self.key_types, KeyOptions::default(), memory)?),
        };
        let accumulator = |measure: &Measure| {
            let mut accumulator = measure.bound.accumulator(memory).map_err(|error| located(error, measure))?;
            accumulator.compare_as_keys();
            Ok(accumulator)
        };
        Ok(Local {
            table,
            accumulators: self.measures.iter().map(accumulator).collect::<Result<_>>()?,
            firsts: Lanes::new(memory)?,
            group_indices: Vec::new(),
        })
    }

    fn consume_strip(&self, local: &mut Local, strip: &RecordBatch, position: u64) -> Result<()> {
        let row_count = strip.num_rows();
        let groups = match &mut local.table {
            None => Groups::All,
            Some(table) => {
                let keys: Vec<ArrayRef> = self.keys.iter().map(|&key| strip.column(key).clone()).collect();
                for row in table.insert(&keys, row_count, &mut local.group_indices)? {
                    local.firsts.push(position + u64::from(row))?;
                }
                Groups::Indices { group_indices: &local.group_indices, group_count: table.group_count() }
            }
        };
        for (measure, accumulator) in self.measures.iter().zip(&mut local.accumulators) {
            accumulator.begin_batch(position);
            let arguments = measure.arguments.iter().map(|&column| Column::Array(strip.column(column).clone()));
            let result = match measure.arguments[..] {
                [] => update_rows(accumulator.as_mut(), row_count, groups),
                _ => accumulator.update(&arguments.collect::<Vec<_>>(), groups),
            };
            result.map_err(|error| located(error, measure))?;
        }
        Ok(())
    }

    /// Merges `other` into `local`.
    fn merge(&self, local: &mut Local, other: Local) -> Result<()> {
        let Local { table: other_table, accumulators, firsts, .. } = other;
        let (group_indices, group_count) = match (&mut local.table, other_table) {
            (Some(table), Some(other_table)) => {
                let count = other_table.group_count();
                let mut group_indices = Vec::new();
                for row in table.insert(&other_table.into_keys()?, count, &mut group_indices)? {
                    local.firsts.push(firsts[row as usize])?;
                }
                for (&group, &first) in group_indices.iter().zip(&firsts[..]) {
                    let held = &mut local.firsts[group as usize];
                    *held = first.min(*held);
                }
                (group_indices, table.group_count())
            }
            _ => (vec![0], 1),
        };
        for ((measure, accumulator), other) in self.measures.iter().zip(&mut local.accumulators).zip(accumulators) {
            accumulator.merge(other, &group_indices, group_count).map_err(|error| located(error, measure))?;
        }
        Ok(())
    }

    fn results(&self, local: Local, in_order: bool, context: &TaskContext) -> Result<Vec<RecordBatch>> {
        let Local { table, mut accumulators, firsts, .. } = local;
        let group_count = table.as_ref().map_or(1, GroupTable::group_count);
        let in_order = in_order || table.is_none();
        let keys = table.map_or_else(|| Ok(Vec::new()), GroupTable::into_keys)?;
        let mut columns: Vec<ArrayRef> = keys.iter().map(canonical_floats).collect();
        for (measure, accumulator) in self.measures.iter().zip(&mut accumulators) {
            context.check()?;
            columns.push(accumulator.evaluate(group_count).map_err(|error| located(error, measure))?);
        }
        drop(accumulators);
        if !in_order && group_count <= ORDERED_GROUPS {
            // Mostly ordered: the groups of one task, then what another one added.
            let mut order: Vec<(u64, u32)> = firsts.iter().copied().zip(0..).collect();
            order.sort();
            let order: Vec<u32> = order.into_iter().map(|(_, group)| group).collect();
            let order = Rows::new(&order, group_count)?;
            for column in &mut columns {
                *column = take(column, order, &context.memory)?;
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(group_count));
        let all = RecordBatch::try_new_with_options(self.output.clone(), columns, &options)?;
        Ok(slices(&all, context.batch_rows))
    }
}

/// Float keys with one NaN and without −0.0: which of equal keys came first depends on the tasks.
fn canonical_floats(keys: &ArrayRef) -> ArrayRef {
    macro_rules! canonical {
        ($type:ty) => {{
            type Native = <$type as ArrowPrimitiveType>::Native;
            let canonical = |key: Native| if key.is_nan() { Native::NAN } else { key + Native::default() };
            Arc::new(keys.as_primitive::<$type>().unary::<_, $type>(canonical))
        }};
    }
    match keys.data_type() {
        DataType::Float16 => canonical!(Float16Type),
        DataType::Float32 => canonical!(Float32Type),
        DataType::Float64 => canonical!(Float64Type),
        _ => keys.clone(),
    }
}

/// A measure without arguments is told how many rows there are by the groups.
fn update_rows(accumulator: &mut dyn Accumulator, row_count: usize, groups: Groups<'_>) -> Result<()> {
    match groups {
        Groups::Indices { .. } => accumulator.update(&[], groups),
        Groups::All => accumulator.update(&[], Groups::Indices { group_indices: &vec![0; row_count], group_count: 1 }),
    }
}

fn located(error: Error, measure: &Measure) -> Error {
    error.at_path(measure.path.clone())
}

/// `batch` in parts of `batch_rows` rows, which share its memory.
pub(super) fn slices(batch: &RecordBatch, batch_rows: usize) -> Vec<RecordBatch> {
    let step = batch_rows.max(1);
    let part = |first| batch.slice(first, step.min(batch.num_rows() - first));
    (0..batch.num_rows()).step_by(step).map(part).collect()
}

/// `local` as the state that this operator made.
pub(super) fn own<L: LocalState>(local: &mut dyn LocalState) -> Result<&mut L> {
    let any: &mut dyn Any = local;
    any.downcast_mut().ok_or_else(|| Error::internal("a state of another operator"))
}

/// All states that this operator made.
pub(super) fn own_all<L: LocalState>(locals: Vec<Box<dyn LocalState>>) -> Result<Vec<L>> {
    let own = |local: Box<dyn LocalState>| {
        let any: Box<dyn Any> = local;
        any.downcast::<L>().map(|local| *local).map_err(|_| Error::internal("a state of another operator"))
    };
    locals.into_iter().map(own).collect()
}

/// The position of a morsel's first row: rows of later morsels have greater ones.
pub(super) fn first_position(morsel: &Morsel) -> u64 {
    (morsel.sequence << 36) + morsel.first_row
}

impl Breaker for HashAggregate {
    fn local(&self, context: &TaskContext) -> Result<Box<dyn LocalState>> {
        Ok(Box::new(self.new_local(&context.memory)?))
    }

    fn consume(&self, local: &mut dyn LocalState, morsel: Morsel, context: &TaskContext) -> Result<()> {
        let local = own::<Local>(local)?;
        let position = first_position(&morsel);
        for first in (0..morsel.batch.num_rows()).step_by(STRIP_ROWS) {
            context.check()?;
            let strip = morsel.batch.slice(first, STRIP_ROWS.min(morsel.batch.num_rows() - first));
            self.consume_strip(local, &strip, position + first as u64)?;
        }
        Ok(())
    }

    fn finish(&self, locals: Vec<Box<dyn LocalState>>, context: &TaskContext) -> Result<Finished> {
        let mut locals = own_all::<Local>(locals)?;
        let in_order = locals.len() <= 1;
        // Into the one with the most groups: the fewest move.
        locals.sort_by_key(|local| std::cmp::Reverse(local.table.as_ref().map_or(0, GroupTable::group_count)));
        let mut locals = locals.into_iter();
        let mut merged = match locals.next() {
            Some(local) => local,
            None => self.new_local(&context.memory)?,
        };
        for local in locals {
            context.check()?;
            self.merge(&mut merged, local)?;
        }
        let results = self.results(merged, in_order, context)?;
        Ok(Finished::Batches(results.into_iter().map(|batch| (batch, None)).collect()))
    }
}
