// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Group-by aggregation: each task groups what it is given, and the finish merges what the tasks have.
//!
//! A task has a group table and an accumulator for each measure. Rows are taken in strips that fit the second-level
//! cache together with the groups they are sent to. Keys that hardly repeat are not put into tables: see [`scattered`].
//! Groups come out in the order in which their first rows stand in the input, unless rows were scattered, there are
//! more than a million groups of several tasks, or memory was short: what does not fit goes to files ([`spill`]).

#[cfg(test)]
pub(super) mod drive;
mod ordered;
mod scattered;
pub(crate) mod sets;
mod shares;
pub(crate) mod sorted;
mod spill;
mod tally;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Float16Type, Float32Type, Float64Type};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{DataType, SchemaRef};
use bowyer_compute::Groups;
use bowyer_core::arch::prefetch_all;
use bowyer_core::group::GroupTable;
use bowyer_core::keys::KeyOptions;
use bowyer_core::lanes::Lanes;
use bowyer_core::take::{Rows, take};
use bowyer_core::{Charge, Error, Memory, Result};

use self::scattered::{Course, Piece, Scattering};
use self::sets::GroupingSets;
use self::tally::Tally;
use super::sort::order::Order;
use super::{Breaker, Finished, LocalState, Measure, Morsel, TaskContext, strips};
use crate::spill::Spilled;
use crate::spill::deal::Deal;

/// Rows that go through all accumulators before the next ones.
const STRIP_ROWS: usize = 8192;

/// The next strip is fetched ahead beside group tables of at most this size, which leave it room in the second-level cache.
const FETCHED_BESIDE: usize = 1 << 19;

/// Up to so many groups are put in the order of their first rows.
const ORDERED_GROUPS: usize = 1 << 20;

/// Aggregates rows with equal keys; without keys, all rows.
pub(crate) struct HashAggregate {
    keys: Vec<usize>,
    /// The types that are grouped by: those of the keys, and that of the id of grouping sets.
    key_types: Vec<DataType>,
    sets: GroupingSets,
    measures: Vec<Measure>,
    output: SchemaRef,
    /// The columns of the input that are read; keys and arguments are counted among these.
    used: Vec<usize>,
    /// Those columns.
    input: SchemaRef,
    scattering: Scattering,
    /// Whether what measures hold grows with the rows that come, not only with the groups.
    grows: bool,
    /// With sets, the operator that groups rows which have the keys of their set.
    exploded: Option<Arc<Self>>,
    spilled: Arc<Spilled>,
}

struct Local {
    /// The groups; none when there are no keys.
    table: Option<GroupTable>,
    tallies: Vec<Tally>,
    /// The position of each group's first row in the input.
    firsts: Lanes<u64>,
    group_indices: Vec<u32>,
    /// Rows taken in so far with their positions, until it is clear that they need not be scattered.
    early: Vec<(u64, RecordBatch)>,
    /// For those of them that nobody else is charged for.
    early_held: Charge,
    /// Scattered rows, with their positions.
    pieces: Vec<(u64, Piece)>,
    /// Groups by the hash of their keys, where measures grow and there are files that rows can go to.
    parts: Vec<Self>,
    /// Rows that memory has no room for.
    deal: Option<Deal>,
}

impl LocalState for Local {}

impl Local {
    fn group_count(&self) -> usize {
        self.table.as_ref().map_or(0, GroupTable::group_count)
    }

    /// What its groups are charged for.
    fn byte_len(&self) -> usize {
        let tallies: usize = self.tallies.iter().map(Tally::byte_len).sum();
        self.table.as_ref().map_or(0, GroupTable::byte_len) + self.firsts.byte_len() + tallies
    }
}

impl HashAggregate {
    /// Groups rows of `input` by the columns `keys` for each of `sets`. The result has the keys, the id of the set if sets
    /// are named, and then the measures, as in `output`.
    ///
    /// # Errors
    /// `Internal` when `output` is of another width, `NotImplemented` for a measure in the order of a type without one.
    pub(crate) fn new(
        input: &SchemaRef,
        keys: Vec<usize>,
        sets: GroupingSets,
        measures: Vec<Measure>,
        output: SchemaRef,
    ) -> Result<Self> {
        if output.fields().len() != keys.len() + usize::from(sets.are_named()) + measures.len() {
            return Err(Error::internal("an aggregate's schema is not its keys and measures"));
        }
        let key_types: Vec<_> = keys.iter().map(|&key| input.field(key).data_type().clone()).collect();
        let mut used: Vec<usize> = keys.clone();
        used.extend(measures.iter().flat_map(Measure::columns));
        used.sort_unstable();
        used.dedup();
        let place = |column: &usize| used.binary_search(column).unwrap_or_default();
        let keys = keys.iter().map(place).collect();
        let mut measures = measures;
        for measure in &mut measures {
            for column in measure.columns_mut() {
                *column = place(column);
            }
        }
        let key_types = sets.key_types(&key_types);
        let types: Vec<_> = used.iter().map(|&column| input.field(column).data_type()).collect();
        let scattering = Scattering::new(&key_types, &types)?;
        if sets.are_named() {
            scattering.decide(Course::Table);
        }
        let input = Arc::new(input.project(&used)?);
        for measure in measures.iter().filter(|measure| !measure.order.is_empty()) {
            // Found here, it is known before there is data.
            Order::new(&input, measure.order.clone()).map_err(|error| located(error, measure))?;
        }
        let unlimited = Memory::unlimited();
        let grows = |measure: &Measure| -> Result<bool> {
            let grows = measure.bound.accumulator(&unlimited).map_err(|error| located(error, measure))?.grows();
            Ok(grows || measure.distinct || !measure.order.is_empty())
        };
        let grows = measures.iter().map(grows).collect::<Result<Vec<_>>>()?.contains(&true);
        let spilled = Arc::default();
        let exploded = None;
        let mut operator =
            Self { keys, key_types, sets, measures, output, used, input, scattering, grows, exploded, spilled };
        operator.exploded = operator.explode()?.map(Arc::new);
        Ok(operator)
    }

    /// The same, which scatters its rows always or never.
    #[cfg(test)]
    fn with_course(mut self, course: Course, rows_at_once: usize) -> Self {
        self.scattering.decide(course);
        self.scattering.rows_at_once = rows_at_once;
        self
    }

    fn key_columns(&self, batch: &RecordBatch) -> Vec<ArrayRef> {
        self.keys.iter().map(|&key| batch.column(key).clone()).collect()
    }

    fn new_local(&self, memory: &Memory) -> Result<Local> {
        self.new_local_with(KeyOptions::default(), memory)
    }

    fn new_local_with(&self, options: KeyOptions, memory: &Memory) -> Result<Local> {
        let table = match self.key_types[..] {
            [] => None,
            _ => Some(GroupTable::new(&self.key_types, options, memory)?),
        };
        Ok(Local {
            table,
            tallies: self.new_tallies(memory)?,
            firsts: Lanes::new(memory)?,
            group_indices: Vec::new(),
            early: Vec::new(),
            early_held: memory.charge(0)?,
            pieces: Vec::new(),
            parts: Vec::new(),
            deal: None,
        })
    }

    fn new_tallies(&self, memory: &Memory) -> Result<Vec<Tally>> {
        let tally = |measure: &Measure| Tally::new(measure, memory).map_err(|error| located(error, measure));
        self.measures.iter().map(tally).collect()
    }

    /// Takes a morsel into the table, strip by strip.
    fn consume_morsel(
        &self,
        local: &mut Local,
        batch: &RecordBatch,
        position: u64,
        context: &TaskContext,
    ) -> Result<()> {
        for first in (0..batch.num_rows()).step_by(STRIP_ROWS) {
            context.check()?;
            let strip = batch.slice(first, STRIP_ROWS.min(batch.num_rows() - first));
            let after = first + STRIP_ROWS;
            let roomy = local.table.as_ref().is_some_and(|table| table.byte_len() <= FETCHED_BESIDE);
            if roomy && after < batch.num_rows() {
                let next = batch.slice(after, STRIP_ROWS.min(batch.num_rows() - after));
                next.columns().iter().for_each(fetch_ahead);
            }
            for set in 0..self.sets.count() {
                self.consume_strip(local, &strip, set, position + first as u64)?;
            }
        }
        Ok(())
    }

    fn consume_strip(&self, local: &mut Local, strip: &RecordBatch, set: usize, position: u64) -> Result<()> {
        let row_count = strip.num_rows();
        let groups = match &mut local.table {
            None => Groups::All,
            Some(table) => {
                let keys = self.sets.keys(set, self.key_columns(strip), row_count);
                for row in table.insert(&keys, row_count, &mut local.group_indices)? {
                    local.firsts.push(position + u64::from(row))?;
                }
                Groups::Indices { group_indices: &local.group_indices, group_count: table.group_count() }
            }
        };
        self.update(&mut local.tallies, strip, position, groups)
    }

    /// Gives every measure the rows of `batch`.
    fn update(&self, tallies: &mut [Tally], batch: &RecordBatch, position: u64, groups: Groups<'_>) -> Result<()> {
        for (measure, tally) in self.measures.iter().zip(tallies) {
            tally.update(measure, batch, position, groups).map_err(|error| located(error, measure))?;
        }
        Ok(())
    }

    /// What several tasks have.
    fn merged(&self, mut locals: Vec<Local>, context: &TaskContext) -> Result<Local> {
        // Into the one with the most groups: the fewest move.
        locals.sort_by_key(|local| std::cmp::Reverse(local.group_count()));
        let mut locals = locals.into_iter();
        let Some(mut merged) = locals.next() else { return self.new_local(&context.memory) };
        for local in locals {
            context.check()?;
            self.merge(&mut merged, local, context)?;
        }
        Ok(merged)
    }

    /// Merges `other` into `local`.
    fn merge(&self, local: &mut Local, other: Local, context: &TaskContext) -> Result<()> {
        let Local { table: other_table, tallies, firsts, .. } = other;
        let (group_indices, group_count) = match (&mut local.table, other_table) {
            (Some(table), Some(other_table)) => {
                let count = other_table.group_count();
                let keys = other_table.into_keys()?;
                let began = |row: usize| local.firsts.push(firsts[row]);
                let group_indices = strips::insert(table, &keys, count, context, began)?;
                for (&group, &first) in group_indices.iter().zip(&firsts[..]) {
                    let held = &mut local.firsts[group as usize];
                    *held = first.min(*held);
                }
                (group_indices, table.group_count())
            }
            _ => (vec![0], 1),
        };
        for ((measure, tally), other) in self.measures.iter().zip(&mut local.tallies).zip(tallies) {
            tally.merge(other, &group_indices, group_count).map_err(|error| located(error, measure))?;
        }
        Ok(())
    }

    /// A grouping set without keys has a group even when there are no rows.
    fn add_groups_of_all_rows(&self, local: &mut Local) -> Result<()> {
        let Some(table) = local.table.as_mut().filter(|table| table.group_count() == 0) else { return Ok(()) };
        for id in self.sets.of_all_rows(self.keys.len()) {
            let mut keys: Vec<ArrayRef> = self.key_types.iter().map(|data_type| new_null_array(data_type, 1)).collect();
            if let Some(last) = keys.last_mut() {
                *last = Arc::new(Int64Array::from(vec![id]));
            }
            table.insert(&keys, 1, &mut local.group_indices)?;
            local.firsts.push(0)?;
        }
        Ok(())
    }

    fn results(&self, local: Local, in_order: bool, context: &TaskContext) -> Result<Vec<RecordBatch>> {
        let Local { table, tallies, firsts, .. } = local;
        let group_count = table.as_ref().map_or(1, GroupTable::group_count);
        let in_order = in_order || table.is_none();
        let keys = table.map_or_else(|| Ok(Vec::new()), GroupTable::into_keys)?;
        let mut columns = self.columns(keys, tallies, group_count, context)?;
        if !in_order && group_count <= ORDERED_GROUPS {
            let order = in_order_of(&firsts);
            let order = Rows::new(&order, group_count)?;
            for column in &mut columns {
                *column = take(column, order, &context.memory)?;
            }
        }
        self.batches(columns, group_count, context)
    }

    /// The columns of a result: keys, then the values of measures.
    fn columns(
        &self,
        keys: Vec<ArrayRef>,
        tallies: Vec<Tally>,
        group_count: usize,
        context: &TaskContext,
    ) -> Result<Vec<ArrayRef>> {
        let mut columns: Vec<ArrayRef> = keys.iter().map(canonical_floats).collect();
        for (measure, tally) in self.measures.iter().zip(tallies) {
            context.check()?;
            let values = tally.evaluate(group_count, context);
            columns.push(values.map_err(|error| located(error, measure))?);
        }
        Ok(columns)
    }

    fn batches(&self, columns: Vec<ArrayRef>, row_count: usize, context: &TaskContext) -> Result<Vec<RecordBatch>> {
        let options = RecordBatchOptions::new().with_row_count(Some(row_count));
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

/// Indices of positions, the least first.
fn in_order_of(positions: &[u64]) -> Vec<u32> {
    // Mostly ordered: the groups of one task, then what another one added.
    let mut order: Vec<(u64, u32)> = positions.iter().copied().zip(0..).collect();
    order.sort();
    order.into_iter().map(|(_, index)| index).collect()
}

/// Asks for the values of a column of numbers.
fn fetch_ahead(array: &ArrayRef) {
    if let Some(width) = array.data_type().primitive_width() {
        let data = array.to_data();
        prefetch_all(&data.buffers()[0][data.offset() * width..][..data.len() * width]);
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
        let batch = morsel.batch.project(&self.used)?;
        let position = first_position(&morsel);
        if self.can_spill(context) {
            return self.consume_within_limit(local, &batch, position, morsel.unpaid_bytes, context);
        }
        match self.scattering.course() {
            Course::Scatter => self.scatter(local, position, batch, context),
            Course::Table => {
                local.early.clear();
                self.consume_morsel(local, &batch, position, context)
            }
            Course::Open => {
                let held = local.group_count();
                self.consume_morsel(local, &batch, position, context)?;
                let group_count = local.group_count();
                let rows = batch.num_rows();
                local.early.push((position, batch));
                let seen = local.early.iter().map(|(_, batch)| batch.num_rows()).sum();
                self.scattering.consider(seen, group_count, (rows, group_count - held));
                Ok(())
            }
        }
    }

    fn finish(&self, locals: Vec<Box<dyn LocalState>>, context: &TaskContext) -> Result<Finished> {
        let locals = own_all::<Local>(locals)?;
        let scattered = self.scattering.course() == Course::Scatter;
        let is_dealt = |local: &Local| local.deal.is_some() || !local.parts.is_empty();
        if locals.iter().any(is_dealt) || scattered && self.is_too_much(context) {
            return self.exploded.as_deref().unwrap_or(self).finish_spilled(locals, context);
        }
        if scattered {
            let results = self.finish_scattered(locals, context)?;
            return Ok(Finished::Batches(results.into_iter().map(|batch| (batch, None)).collect()));
        }
        let in_order = locals.len() <= 1;
        let mut merged = self.merged(locals, context)?;
        self.add_groups_of_all_rows(&mut merged)?;
        let results = self.results(merged, in_order, context)?;
        Ok(Finished::Batches(results.into_iter().map(|batch| (batch, None)).collect()))
    }

    fn spilled(&self) -> Option<&Spilled> {
        Some(&self.spilled)
    }
}
