// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What one measure has gathered for all groups: its accumulator, and what stands before it.
//!
//! A filter leaves rows out before anything else sees them. A measure with an order keeps its rows until the end
//! ([`OrderedRows`]). A distinct measure keeps one row for each group and
//! combination of arguments, and gives them to the accumulator at the end, in the order in which they first stood in
//! the input: only then is it known which tasks met the same one.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, UInt32Array};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use bowyer_compute::{Accumulator, Groups, PartialEvaluation};
use bowyer_core::group::GroupTable;
use bowyer_core::keys::KeyOptions;
use bowyer_core::lanes::Lanes;
use bowyer_core::take::{Rows, concat, take};
use bowyer_core::{Column, Error, Memory, Result};

use super::ordered::OrderedRows;
use super::{Measure, TaskContext, in_order_of};

/// The state of one measure.
pub(super) struct Tally {
    accumulator: Box<dyn Accumulator>,
    ordered: Option<OrderedRows>,
    distinct: Option<DistinctRows>,
}

/// Rows that differ in their group or arguments, each where it stood first.
struct DistinctRows {
    table: GroupTable,
    positions: Lanes<u64>,
}

impl Tally {
    pub(super) fn new(measure: &Measure, memory: &Memory) -> Result<Self> {
        let mut accumulator = measure.bound.accumulator(memory)?;
        accumulator.compare_as_keys();
        let distinct =
            if measure.distinct { Some(DistinctRows::new(measure.bound.argument_types(), memory)?) } else { None };
        let ordered = match &measure.order[..] {
            [] => None,
            keys => Some(OrderedRows::new(keys, measure.arguments.len(), memory)?),
        };
        Ok(Self { accumulator, ordered, distinct })
    }

    /// Takes the rows of `batch` in; the first stands at `position`.
    pub(super) fn update(
        &mut self,
        measure: &Measure,
        batch: &RecordBatch,
        position: u64,
        groups: Groups<'_>,
    ) -> Result<()> {
        let columns = measure.arguments.iter().chain(measure.order.iter().map(|key| &key.column));
        let columns: Vec<ArrayRef> = columns.map(|&column| batch.column(column).clone()).collect();
        let Some(filter) = measure.filter else {
            return self.take_in(columns, batch.num_rows(), position, groups);
        };
        let chosen = truths(batch.column(filter));
        let count = chosen.true_count();
        let columns = columns.iter().map(|array| Ok(arrow_select::filter::filter(array, &chosen)?));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let kept: Vec<u32>;
        let groups = match groups {
            Groups::All => Groups::All,
            Groups::Indices { group_indices, group_count } => {
                kept = chosen.values().set_indices().map(|row| group_indices[row]).collect();
                Groups::Indices { group_indices: &kept, group_count }
            }
        };
        self.take_in(columns, count, position, groups)
    }

    /// Takes in arguments, and after them the keys of the order if there is one.
    fn take_in(&mut self, columns: Vec<ArrayRef>, row_count: usize, position: u64, groups: Groups<'_>) -> Result<()> {
        if let Some(ordered) = &mut self.ordered {
            return ordered.push(columns, pairs(groups, row_count), position);
        }
        if let Some(distinct) = &mut self.distinct {
            return distinct.insert(&columns, &pairs(groups, row_count), |row| position + u64::from(row));
        }
        self.accumulator.begin_batch(position);
        if columns.is_empty() {
            return update_rows(self.accumulator.as_mut(), row_count, groups);
        }
        let arguments: Vec<Column> = columns.into_iter().map(Column::Array).collect();
        self.accumulator.update(&arguments, groups)
    }

    /// Takes `other` in, whose group `i` is `group_indices[i]` here.
    pub(super) fn merge(&mut self, other: Self, group_indices: &[u32], group_count: usize) -> Result<()> {
        if let (Some(ordered), Some(other)) = (&mut self.ordered, other.ordered) {
            return ordered.merge(other, group_indices);
        }
        match (&mut self.distinct, other.distinct) {
            (Some(distinct), Some(other)) => distinct.merge(other, group_indices),
            _ => self.accumulator.merge(other.accumulator, group_indices, group_count),
        }
    }

    /// The bytes that it holds.
    pub(super) fn byte_len(&self) -> usize {
        let ordered = self.ordered.as_ref().map_or(0, OrderedRows::byte_len);
        let distinct = |rows: &DistinctRows| rows.table.byte_len() + rows.positions.byte_len();
        self.accumulator.byte_len() + ordered + self.distinct.as_ref().map_or(0, distinct)
    }

    /// The value of each group.
    pub(super) fn evaluate(mut self, group_count: usize, context: &TaskContext) -> Result<ArrayRef> {
        let memory = &context.memory;
        if let Some(ordered) = self.ordered.take() {
            let (group_indices, arguments) = ordered.in_order(memory)?;
            match &mut self.distinct {
                _ if group_indices.is_empty() => {}
                Some(distinct) => distinct.insert(&arguments, &group_indices, u64::from)?,
                None => {
                    self.accumulator.begin_batch(0);
                    let arguments: Vec<Column> = arguments.into_iter().map(Column::Array).collect();
                    let groups = Groups::Indices { group_indices: &group_indices, group_count };
                    self.accumulator.update(&arguments, groups)?;
                }
            }
        }
        if let Some(distinct) = self.distinct.take() {
            let (group_indices, arguments) = distinct.in_order(memory)?;
            if !group_indices.is_empty() {
                let arguments: Vec<Column> = arguments.into_iter().map(Column::Array).collect();
                self.accumulator.begin_batch(0);
                self.accumulator.update(&arguments, Groups::Indices { group_indices: &group_indices, group_count })?;
            }
        }
        let parts = if context.threads > 1 { self.accumulator.in_parts(group_count)? } else { None };
        match parts {
            Some(parts) => evaluate_parts(parts.as_ref(), context),
            None => self.accumulator.evaluate(group_count),
        }
    }
}

/// The value of each group, computed on as many threads as the query may have.
fn evaluate_parts(parts: &dyn PartialEvaluation, context: &TaskContext) -> Result<ArrayRef> {
    let mut shares: Vec<_> = parts.shares(context.threads).into_iter().map(|groups| (groups, None)).collect();
    rayon::scope(|scope| {
        for (groups, result) in &mut shares {
            scope.spawn(move |_| {
                *result = Some(context.check().and_then(|()| parts.evaluate(groups.clone())));
            });
        }
    });
    let missing = || Error::internal("a share was not evaluated");
    let values = shares.into_iter().map(|(_, result)| result.unwrap_or_else(|| Err(missing())));
    let values = values.collect::<Result<Vec<_>>>()?;
    concat(&values, &context.memory)
}

impl DistinctRows {
    fn new(argument_types: &[DataType], memory: &Memory) -> Result<Self> {
        let mut types = vec![DataType::UInt32];
        types.extend_from_slice(argument_types);
        Ok(Self { table: GroupTable::new(&types, KeyOptions::default(), memory)?, positions: Lanes::new(memory)? })
    }

    fn insert(&mut self, arguments: &[ArrayRef], group_indices: &[u32], position: impl Fn(u32) -> u64) -> Result<()> {
        let mut keys: Vec<ArrayRef> = vec![Arc::new(UInt32Array::from(group_indices.to_vec()))];
        keys.extend_from_slice(arguments);
        let mut places = Vec::new();
        for row in self.table.insert(&keys, group_indices.len(), &mut places)? {
            self.positions.push(position(row))?;
        }
        for (row, &place) in (0..).zip(&places) {
            let held = &mut self.positions[place as usize];
            *held = position(row).min(*held);
        }
        Ok(())
    }

    fn merge(&mut self, other: Self, group_indices: &[u32]) -> Result<()> {
        let (groups, arguments) = rows_of(other.table)?;
        let groups: Vec<u32> = groups.iter().map(|&group| group_indices[group as usize]).collect();
        self.insert(&arguments, &groups, |row| other.positions[row as usize])
    }

    /// Groups and arguments in the order of the input.
    fn in_order(self, memory: &Memory) -> Result<(Vec<u32>, Vec<ArrayRef>)> {
        let (groups, arguments) = rows_of(self.table)?;
        let order = in_order_of(&self.positions);
        let rows = Rows::new(&order, groups.len())?;
        let arguments = arguments.iter().map(|array| take(array, rows, memory)).collect::<Result<_>>()?;
        Ok((order.iter().map(|&row| groups[row as usize]).collect(), arguments))
    }
}

/// The groups and arguments that a table of both holds.
fn rows_of(table: GroupTable) -> Result<(Vec<u32>, Vec<ArrayRef>)> {
    let mut columns = table.into_keys()?.into_iter();
    let groups = columns.next().ok_or_else(|| Error::internal("a table of groups without them"))?;
    Ok((groups.as_primitive::<UInt32Type>().values().to_vec(), columns.collect()))
}

/// The group of each row.
fn pairs(groups: Groups<'_>, row_count: usize) -> Vec<u32> {
    match groups {
        Groups::All => vec![0; row_count],
        Groups::Indices { group_indices, .. } => group_indices.to_vec(),
    }
}

/// Where a predicate is true; null is not.
fn truths(predicate: &ArrayRef) -> BooleanArray {
    let Some(predicate) = predicate.as_boolean_opt() else {
        // Of type null.
        return BooleanArray::from(vec![false; predicate.len()]);
    };
    match predicate.nulls() {
        None => predicate.clone(),
        Some(nulls) => BooleanArray::new(predicate.values() & NullBuffer::inner(nulls), None),
    }
}

/// A measure without arguments is told how many rows there are by the groups.
fn update_rows(accumulator: &mut dyn Accumulator, row_count: usize, groups: Groups<'_>) -> Result<()> {
    match groups {
        Groups::Indices { .. } => accumulator.update(&[], groups),
        Groups::All => accumulator.update(&[], Groups::Indices { group_indices: &vec![0; row_count], group_count: 1 }),
    }
}
