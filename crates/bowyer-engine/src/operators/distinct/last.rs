// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Distinct that keeps the last of equal rows, in the order of the input.
//!
//! A task keeps of each batch the last row of every combination, and knows for each combination which of the kept rows is
//! its last so far. When most of what it keeps has been overtaken, the rest is put together anew.

use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_schema::{DataType, SchemaRef};
use arrow_select::interleave::interleave_record_batch;
use arrow_select::take::take_record_batch;
use bowyer_core::group::GroupTable;
use bowyer_core::{Charge, Memory, Result};

use super::{slice_bytes, table};
use crate::operators::aggregate::{first_position, own, own_all};
use crate::operators::{Breaker, Finished, LocalState, Morsel, TaskContext};

/// So many overtaken rows are kept at least before the others are put together.
const OVERTAKEN_ROWS: usize = 1 << 16;

/// Keeps the last of rows that are equal in some columns.
pub(crate) struct LastRows {
    columns: Vec<usize>,
    types: Vec<DataType>,
}

struct Local {
    table: GroupTable,
    kept: Vec<RecordBatch>,
    kept_rows: usize,
    kept_bytes: Charge,
    /// Of each combination, its last row.
    lasts: Vec<Last>,
    group_indices: Vec<u32>,
}

impl LocalState for Local {}

/// Where a row is kept, and its place in the input.
#[derive(Clone, Copy)]
struct Last {
    batch: u32,
    row: u32,
    position: u64,
}

impl LastRows {
    /// Rows of `input` are equal when they are equal in `columns`.
    pub(super) fn new(input: &SchemaRef, columns: Vec<usize>) -> Self {
        let types = columns.iter().map(|&column| input.field(column).data_type().clone()).collect();
        Self { columns, types }
    }

    fn new_local(&self, memory: &Memory) -> Result<Local> {
        Ok(Local {
            table: table(&self.types, memory)?,
            kept: Vec::new(),
            kept_rows: 0,
            kept_bytes: memory.charge(0)?,
            lasts: Vec::new(),
            group_indices: Vec::new(),
        })
    }
}

impl Local {
    /// Notes the rows of a batch, the first of which stands at `position`, and keeps those that are the last ones so far.
    fn take_in(&mut self, columns: &[usize], batch: &RecordBatch, position: u64) -> Result<()> {
        let keys: Vec<ArrayRef> = columns.iter().map(|&column| batch.column(column).clone()).collect();
        self.table.insert(&keys, batch.num_rows(), &mut self.group_indices)?;
        let number = self.kept.len() as u32;
        self.lasts.resize(self.table.group_count(), Last { batch: number, row: 0, position: 0 });
        for (row, &group) in (0..).zip(&self.group_indices) {
            self.lasts[group as usize] = Last { batch: number, row, position: position + u64::from(row) };
        }
        let mut rows = Vec::new();
        for (row, &group) in (0..).zip(&self.group_indices) {
            let last = &mut self.lasts[group as usize];
            if last.position == position + u64::from(row) {
                last.row = rows.len() as u32;
                rows.push(row);
            }
        }
        let batch = match rows.len() == batch.num_rows() {
            true => batch.clone(),
            false => take_record_batch(batch, &UInt32Array::from(rows))?,
        };
        self.keep(batch)
    }

    fn keep(&mut self, batch: RecordBatch) -> Result<()> {
        let bytes = batch.columns().iter().map(slice_bytes).sum::<Result<usize>>()?;
        self.kept_bytes.resize(self.kept_bytes.bytes() + bytes)?;
        self.kept_rows += batch.num_rows();
        self.kept.push(batch);
        Ok(())
    }

    /// Lets overtaken rows go, if they are most of what is kept.
    fn compact(&mut self) -> Result<()> {
        if self.kept_rows < 2 * self.lasts.len() + OVERTAKEN_ROWS {
            return Ok(());
        }
        let places: Vec<(usize, usize)> =
            self.lasts.iter().map(|last| (last.batch as usize, last.row as usize)).collect();
        let batch = interleave_record_batch(&self.kept.iter().collect::<Vec<_>>(), &places)?;
        for (row, last) in (0..).zip(&mut self.lasts) {
            (last.batch, last.row) = (0, row);
        }
        self.kept.clear();
        self.kept_rows = 0;
        self.kept_bytes.resize(0)?;
        self.keep(batch)
    }

    /// Takes in what another task kept.
    fn merge(&mut self, other: Self) -> Result<()> {
        let Self { table, kept, kept_bytes, lasts, .. } = other;
        let first = self.kept.len() as u32;
        self.table.insert(&table.into_keys()?, lasts.len(), &mut self.group_indices)?;
        self.lasts.resize(self.table.group_count(), Last { batch: 0, row: 0, position: 0 });
        drop(kept_bytes);
        for batch in kept {
            self.keep(batch)?;
        }
        for (&group, last) in self.group_indices.iter().zip(lasts) {
            let held = &mut self.lasts[group as usize];
            if last.position >= held.position {
                *held = Last { batch: last.batch + first, ..last };
            }
        }
        Ok(())
    }
}

impl Breaker for LastRows {
    fn local(&self, context: &TaskContext) -> Result<Box<dyn LocalState>> {
        Ok(Box::new(self.new_local(&context.memory)?))
    }

    fn consume(&self, local: &mut dyn LocalState, morsel: Morsel, context: &TaskContext) -> Result<()> {
        context.check()?;
        let local = own::<Local>(local)?;
        local.take_in(&self.columns, &morsel.batch, first_position(&morsel))?;
        local.compact()
    }

    fn finish(&self, locals: Vec<Box<dyn LocalState>>, context: &TaskContext) -> Result<Finished> {
        let mut locals = own_all::<Local>(locals)?.into_iter();
        let Some(mut merged) = locals.next() else { return Ok(Finished::Batches(Vec::new())) };
        for local in locals {
            context.check()?;
            merged.merge(local)?;
        }
        merged.lasts.sort_unstable_by_key(|last| last.position);
        let kept: Vec<&RecordBatch> = merged.kept.iter().collect();
        let mut batches = Vec::new();
        for lasts in merged.lasts.chunks(context.batch_rows.max(1)) {
            context.check()?;
            let places: Vec<(usize, usize)> =
                lasts.iter().map(|last| (last.batch as usize, last.row as usize)).collect();
            let batch = interleave_record_batch(&kept, &places)?;
            let bytes = batch.columns().iter().map(slice_bytes).sum::<Result<usize>>()?;
            batches.push((batch, Some(context.memory.charge(bytes)?)));
        }
        Ok(Finished::Batches(batches))
    }
}
