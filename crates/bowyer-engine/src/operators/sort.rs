// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Sort and top-n.
//!
//! Each row becomes one 128-bit element: a prefix of its keys in an order of bits, and its number in the input, which
//! makes the order total and the sort stable. Where the prefix does not hold all keys, equal prefixes are told apart by
//! encoded rows ([`order`]). With a limit, a task drops rows that can no longer be among the first; without, it keeps
//! what it is given. Columns are fetched once, at the end, batch by batch as they are read.

pub(super) mod order;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_schema::SchemaRef;
use arrow_select::interleave::interleave;
use arrow_select::take::take_record_batch;
use bowyer_core::{Charge, Error, Result, hold_batch};
use rayon::prelude::*;

use super::aggregate::{first_position, own, own_all};
use super::{Breaker, Finished, LocalState, Morsel, Results, SortKey, TaskContext};
use order::Order;

/// A task with a limit gathers at least so many rows before it drops those past the limit.
const GATHERED_ROWS: usize = 1 << 16;

/// Orders rows by keys, and keeps the first ones if there is a limit.
pub(crate) struct SortBreaker {
    schema: SchemaRef,
    order: Order,
    limit: Option<usize>,
}

struct Local {
    batches: Vec<RecordBatch>,
    /// For each batch, the positions of its rows in the input.
    positions: Vec<Positions>,
    row_count: usize,
    /// With a limit: what the last row that was kept has as its prefix. Rows with a greater one are not needed.
    worst: Option<u128>,
    charge: Charge,
}

/// Where the rows of a batch stood in the input.
enum Positions {
    From(u64),
    Each(Vec<u64>),
}

impl Positions {
    fn at(&self, row: usize) -> u64 {
        match self {
            Self::From(first) => first + row as u64,
            Self::Each(positions) => positions[row],
        }
    }
}

impl LocalState for Local {}

impl SortBreaker {
    /// Orders rows of `input` by `keys`; with a limit, only so many of the first.
    ///
    /// # Errors
    /// `NotImplemented` for a key of a type without an order.
    pub(crate) fn new(input: SchemaRef, keys: Vec<SortKey>, limit: Option<usize>) -> Result<Self> {
        Ok(Self { order: Order::new(&input, keys)?, schema: input, limit })
    }

    /// The rows of `batches`, numbered in order, as they come out: at most `limit`.
    fn sorted(&self, batches: &[RecordBatch], limit: usize, context: &TaskContext) -> Result<Sorted> {
        let row_count: usize = batches.iter().map(RecordBatch::num_rows).sum();
        if u32::try_from(row_count).is_err() {
            return Err(Error::limit_exceeded(format!("a sort of {row_count} rows: more than 2^32 - 1")));
        }
        let charge = context.memory.charge(row_count * size_of::<u128>())?;
        let mut elements: Vec<u128> = Vec::with_capacity(row_count);
        for batch in batches {
            context.check()?;
            self.order.prefixes(batch, elements.len() as u32, &mut elements)?;
        }
        let ties = if self.order.is_exact() { None } else { Some(self.order.rows(batches, &context.memory)?) };
        let compare = |a: &u128, b: &u128| {
            let by_prefix = (a >> 32).cmp(&(b >> 32));
            let by_rows = || ties.as_ref().map_or(std::cmp::Ordering::Equal, |ties| ties.compare(*a as u32, *b as u32));
            by_prefix.then_with(by_rows).then_with(|| (*a as u32).cmp(&(*b as u32)))
        };
        context.check()?;
        if limit < row_count {
            let limit = limit.max(1);
            elements.select_nth_unstable_by(limit - 1, compare);
            elements.truncate(limit);
        }
        let is_sorted = |elements: &[u128]| match &ties {
            None => elements.is_sorted(),
            Some(_) => elements.is_sorted_by(|a, b| compare(a, b).is_le()),
        };
        match (is_sorted(&elements), &ties) {
            (true, _) => {}
            (false, None) => elements.par_sort_unstable(),
            (false, Some(_)) => elements.par_sort_unstable_by(compare),
        }
        Ok(Sorted { elements, _charge: charge })
    }

    /// Drops the rows past the limit.
    fn compact(&self, local: &mut Local, limit: usize, context: &TaskContext) -> Result<()> {
        let mut sorted = self.sorted(&local.batches, limit, context)?;
        local.worst = sorted.elements.last().filter(|_| sorted.elements.len() == limit).map(|element| element >> 32);
        // Kept in the order of the input, so that numbers go on being those of positions.
        sorted.elements.iter_mut().for_each(|element| *element &= u128::from(u32::MAX));
        sorted.elements.sort_unstable();
        let places = places(&local.batches, &sorted.elements);
        let positions = places.iter().map(|&(batch, row)| local.positions[batch].at(row)).collect();
        let kept = fetch(&self.schema, &local.batches, &places)?;
        local.row_count = kept.num_rows();
        local.charge.resize(kept.get_array_memory_size())?;
        local.batches = vec![kept];
        local.positions = vec![Positions::Each(positions)];
        Ok(())
    }

    /// The rows of `batch` that may still be among the first.
    fn promising(&self, batch: RecordBatch, worst: Option<u128>) -> Result<(RecordBatch, Option<Vec<u32>>)> {
        let Some(worst) = worst else { return Ok((batch, None)) };
        let mut elements = Vec::with_capacity(batch.num_rows());
        self.order.prefixes(&batch, 0, &mut elements)?;
        let rows: Vec<u32> =
            elements.iter().filter(|&&element| element >> 32 <= worst).map(|&element| element as u32).collect();
        if rows.len() == batch.num_rows() {
            return Ok((batch, None));
        }
        let batch = take_record_batch(&batch, &UInt32Array::from(rows.clone()))?;
        Ok((batch, Some(rows)))
    }
}

/// The rows of `batches` at those places.
fn fetch(schema: &SchemaRef, batches: &[RecordBatch], places: &[(usize, usize)]) -> Result<RecordBatch> {
    let column = |column: usize| {
        let arrays: Vec<&dyn Array> = batches.iter().map(|batch| batch.column(column).as_ref()).collect();
        if arrays.is_empty() {
            return Ok(arrow_array::new_empty_array(schema.field(column).data_type()));
        }
        Ok(interleave(&arrays, places)?)
    };
    let columns: Vec<ArrayRef> = (0..schema.fields().len()).map(column).collect::<Result<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(places.len()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}

struct Sorted {
    elements: Vec<u128>,
    _charge: Charge,
}

/// The batch and row of each element's row number.
fn places(batches: &[RecordBatch], elements: &[u128]) -> Vec<(usize, usize)> {
    let mut ends = Vec::with_capacity(batches.len());
    let mut end = 0;
    for batch in batches {
        end += batch.num_rows();
        ends.push(end);
    }
    let place = |&element: &u128| {
        let row = element as u32 as usize;
        let batch = ends.partition_point(|&end| end <= row);
        (batch, row - (ends[batch] - batches[batch].num_rows()))
    };
    elements.iter().map(place).collect()
}

impl Breaker for SortBreaker {
    fn local(&self, context: &TaskContext) -> Result<Box<dyn LocalState>> {
        let charge = context.memory.charge(0)?;
        Ok(Box::new(Local { batches: Vec::new(), positions: Vec::new(), row_count: 0, worst: None, charge }))
    }

    fn consume(&self, local: &mut dyn LocalState, morsel: Morsel, context: &TaskContext) -> Result<()> {
        context.check()?;
        let local = own::<Local>(local)?;
        let position = first_position(&morsel);
        let (batch, rows) = self.promising(morsel.batch, local.worst)?;
        if batch.num_rows() == 0 || self.limit == Some(0) {
            return Ok(());
        }
        local.row_count += batch.num_rows();
        local.batches.push(batch);
        local.positions.push(match rows {
            None => Positions::From(position),
            Some(rows) => Positions::Each(rows.into_iter().map(|row| position + u64::from(row)).collect()),
        });
        match self.limit {
            Some(limit) if local.row_count > limit.saturating_mul(2).max(GATHERED_ROWS) => {
                self.compact(local, limit, context)
            }
            _ => Ok(()),
        }
    }

    fn finish(&self, locals: Vec<Box<dyn LocalState>>, context: &TaskContext) -> Result<Finished> {
        let locals = own_all::<Local>(locals)?;
        let limit = self.limit.unwrap_or(usize::MAX);
        let (batches, charges) = self.in_input_order(locals)?;
        if limit == 0 {
            return Ok(Finished::Batches(Vec::new()));
        }
        let sorted = self.sorted(&batches, limit, context)?;
        Ok(Finished::Results(Arc::new(SortedRows { schema: self.schema.clone(), batches, sorted, _charges: charges })))
    }
}

/// Sorted rows whose columns are fetched as they are read.
struct SortedRows {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    sorted: Sorted,
    _charges: Vec<Charge>,
}

impl Results for SortedRows {
    fn next(&self, sequence: u64, context: &TaskContext) -> Result<Option<RecordBatch>> {
        let step = context.batch_rows.max(1);
        let first = usize::try_from(sequence).unwrap_or(usize::MAX).saturating_mul(step);
        let Some(elements) = self.sorted.elements.get(first..).filter(|rest| !rest.is_empty()) else {
            return Ok(None);
        };
        let places = places(&self.batches, &elements[..step.min(elements.len())]);
        let batch = fetch(&self.schema, &self.batches, &places)?;
        let charge = context.memory.charge(batch.get_array_memory_size())?;
        Ok(Some(hold_batch(&batch, charge)))
    }
}

impl SortBreaker {
    /// What all tasks kept, such that the rows, one batch after another, stand as they did in the input.
    fn in_input_order(&self, locals: Vec<Local>) -> Result<(Vec<RecordBatch>, Vec<Charge>)> {
        let mut pieces = Vec::new();
        let mut charges = Vec::new();
        for local in locals {
            pieces.extend(local.batches.into_iter().zip(local.positions));
            charges.push(local.charge);
        }
        if pieces.iter().all(|(_, positions)| matches!(positions, Positions::From(_))) {
            pieces.sort_by_key(|(_, positions)| positions.at(0));
            return Ok((pieces.into_iter().map(|(batch, _)| batch).collect(), charges));
        }
        let mut places: Vec<(u64, usize, usize)> = Vec::new();
        for (at, (batch, positions)) in pieces.iter().enumerate() {
            places.extend((0..batch.num_rows()).map(|row| (positions.at(row), at, row)));
        }
        places.sort_unstable();
        let places: Vec<_> = places.into_iter().map(|(_, batch, row)| (batch, row)).collect();
        let batches: Vec<RecordBatch> = pieces.into_iter().map(|(batch, _)| batch).collect();
        Ok((vec![fetch(&self.schema, &batches, &places)?], charges))
    }
}
