// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Groups that do not fit memory: how a task takes rows in when there are files for what it has no room for.
//!
//! States of groups never leave memory; rows do, dealt by the hash of their keys, and what became of them is in
//! [`shares`](super::shares). A table that is full takes rows of the groups that it has, and no new groups. Where
//! measures grow with the rows of a group, groups are kept by hash from the start, and once memory is short all rows go to
//! files. Rows that were scattered go to files as they are. Rows of grouping sets are grouped as if each set was an input
//! of its own.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};
use bowyer_compute::Groups;
use bowyer_core::keys::{KeyOptions, KeyPath, NO_GROUP};
use bowyer_core::lanes::Lanes;
use bowyer_core::{ErrorCode, Memory, Result};

use super::scattered::{Course, Scattering};
use super::sets::GroupingSets;
use super::{HashAggregate, Local};
use crate::operators::TaskContext;
use crate::spill::deal::{Deal, batch_bytes, file_bits, lay_out, rows_of};

/// Rows that are taken in before memory is looked at again, when it is near its end.
const CAREFUL_ROWS: usize = 4096;
/// What the tables of one part take at least, about: measures have tables of their own.
const PART_BYTES: usize = 1 << 18;

impl HashAggregate {
    /// Whether rows may go to files: not without keys, where there is one group.
    pub(super) fn can_spill(&self, context: &TaskContext) -> bool {
        context.spill.is_some() && !self.key_types.is_empty()
    }

    /// The operator over rows that have the keys of their set, and its id, before the columns that are read.
    pub(super) fn explode(&self) -> Result<Option<Self>> {
        if !self.sets.are_named() {
            return Ok(None);
        }
        let schema = self.exploded_schema();
        let key_count = self.key_types.len();
        let mut measures = self.measures.clone();
        for measure in &mut measures {
            measure.columns_mut().for_each(|column| *column += key_count);
        }
        let output = self.output.clone();
        let mut exploded = Self::new(&schema, (0..key_count).collect(), GroupingSets::default(), measures, output)?;
        exploded.spilled = self.spilled.clone();
        // Small sets repeat their keys even where large ones do not.
        exploded.scattering.decide(Course::Table);
        Ok(Some(exploded))
    }

    fn exploded_schema(&self) -> SchemaRef {
        let key = |(at, data_type): (usize, &DataType)| Arc::new(Field::new(at.to_string(), data_type.clone(), true));
        let keys = self.key_types.iter().enumerate().map(key);
        Arc::new(Schema::new(keys.chain(self.input.fields().iter().cloned()).collect::<Vec<FieldRef>>()))
    }

    /// Takes rows in of which `unpaid_bytes` are charged to nobody; those that memory has no room for go to files.
    pub(super) fn consume_within_limit(
        &self,
        local: &mut Local,
        batch: &RecordBatch,
        position: u64,
        unpaid_bytes: usize,
        context: &TaskContext,
    ) -> Result<()> {
        let Some(exploded) = &self.exploded else {
            return self.consume_carefully(local, batch, position, unpaid_bytes, context).map_err(without_row);
        };
        for set in 0..self.sets.count() {
            let mut columns = self.sets.keys(set, self.key_columns(batch), batch.num_rows());
            columns.extend_from_slice(batch.columns());
            let rows = RecordBatch::try_new(self.exploded_schema(), columns)?.project(&exploded.used)?;
            exploded.consume_carefully(local, &rows, position, 0, context).map_err(without_row)?;
        }
        Ok(())
    }

    fn consume_carefully(
        &self,
        local: &mut Local,
        batch: &RecordBatch,
        position: u64,
        unpaid_bytes: usize,
        context: &TaskContext,
    ) -> Result<()> {
        let row_count = batch.num_rows();
        let row_bytes = batch_bytes(batch)? / row_count.max(1);
        let held = local.group_count();
        let mut first = 0;
        while first < row_count {
            let rest = row_count - first;
            let ample = !is_full(rest * row_bytes, context);
            let strip = batch.slice(first, if ample { rest } else { rest.min(CAREFUL_ROWS) });
            let at = position + first as u64;
            let full = !ample && is_full(strip.num_rows() * row_bytes, context);
            first += strip.num_rows();
            if self.grows {
                self.consume_by_part(local, &strip, at, full, context)?;
            } else if local.deal.is_some() {
                self.consume_full(local, &strip, at, context)?;
            } else if self.scattering.course() == Course::Scatter {
                self.scatter_within_limit(local, strip, at, context)?;
            } else if full || !local.holds(strip.num_rows() * (unpaid_bytes / row_count), self.scattering.course())? {
                self.overflow(local, context)?;
                self.consume_full(local, &strip, at, context)?;
            } else {
                self.consume_morsel(local, &strip, at, context)?;
                local.remember(at, strip, self.scattering.course())?;
            }
        }
        if self.scattering.course() == Course::Open {
            let seen = local.early.iter().map(|(_, batch)| batch.num_rows()).sum();
            let groups = local.group_count();
            self.scattering.consider(seen, groups, (row_count, groups - held.min(groups)));
        }
        Ok(())
    }

    /// Scatters rows, unless memory is short.
    fn scatter_within_limit(
        &self,
        local: &mut Local,
        batch: RecordBatch,
        position: u64,
        context: &TaskContext,
    ) -> Result<()> {
        if !context.is_short() || context.memory.used_bytes() < context.share_bytes() as u64 {
            match self.scatter(local, position, batch.clone(), context) {
                Err(error) if error.code() == ErrorCode::MemoryLimit => {}
                other => return other,
            }
        }
        self.overflow(local, context)?;
        self.consume_full(local, &batch, position, context)
    }

    /// Lets a task take no new groups from here on, or no rows at all where they are scattered.
    pub(super) fn overflow(&self, local: &mut Local, context: &TaskContext) -> Result<()> {
        let bits = file_bits(context);
        let mut deal = Deal::new(&self.input, 1, bits, context)?;
        let early = std::mem::take(&mut local.early);
        if self.scattering.course() == Course::Open {
            let seen: usize = early.iter().map(|(_, batch)| batch.num_rows()).sum();
            self.scattering.decide(if local.group_count() > seen / 2 { Course::Scatter } else { Course::Table });
        }
        if self.scattering.course() == Course::Scatter {
            let pieces = std::mem::take(&mut local.pieces);
            if !early.is_empty() {
                // The groups of the table are theirs.
                *local = self.new_local(&context.memory)?;
            }
            for (position, batch) in early {
                self.put_aside(&mut deal, &batch, position, context)?;
            }
            for (position, piece) in pieces {
                self.put_aside(&mut deal, &piece.into_batch(&self.input)?, position, context)?;
            }
        }
        local.early_held.resize(0)?;
        local.deal = Some(deal);
        Ok(())
    }

    /// Takes rows in that go to files unless their group is there.
    pub(super) fn consume_full(
        &self,
        local: &mut Local,
        batch: &RecordBatch,
        position: u64,
        context: &TaskContext,
    ) -> Result<()> {
        let rest = self.consume_known(local, batch, position, &context.memory)?;
        match &mut local.deal {
            Some(deal) => self.put_aside(deal, &rest, position, context),
            None => Ok(()),
        }
    }

    /// Takes in the rows whose groups are there, and gives the others.
    pub(super) fn consume_known(
        &self,
        local: &mut Local,
        batch: &RecordBatch,
        position: u64,
        memory: &Memory,
    ) -> Result<RecordBatch> {
        if local.group_count() == 0 {
            return Ok(batch.clone());
        }
        let (known, unknown) = self.split(local, batch)?;
        if known.is_empty() {
            return Ok(batch.clone());
        }
        local.group_indices.retain(|&group| group != NO_GROUP);
        let groups = Groups::Indices { group_indices: &local.group_indices, group_count: local.group_count() };
        let rows = if unknown.is_empty() { batch.clone() } else { rows_of(batch, &known, memory)? };
        self.update(&mut local.tallies, &rows, position, groups)?;
        rows_of(batch, &unknown, memory)
    }

    /// The rows whose groups are there, and the others.
    fn split(&self, local: &mut Local, batch: &RecordBatch) -> Result<(Vec<u32>, Vec<u32>)> {
        let rows = 0..batch.num_rows() as u32;
        let Some(table) = &local.table else { return Ok((Vec::new(), rows.collect())) };
        table.find(&self.key_columns(batch), batch.num_rows(), &mut local.group_indices)?;
        Ok(rows.partition(|&row| local.group_indices[row as usize] != NO_GROUP))
    }

    /// As batches.
    pub(super) fn split_known(
        &self,
        local: &mut Local,
        batch: &RecordBatch,
        memory: &Memory,
    ) -> Result<(RecordBatch, RecordBatch)> {
        let (known, unknown) = self.split(local, batch)?;
        Ok((rows_of(batch, &known, memory)?, rows_of(batch, &unknown, memory)?))
    }

    /// Deals rows to files.
    pub(super) fn put_aside(
        &self,
        deal: &mut Deal,
        batch: &RecordBatch,
        position: u64,
        context: &TaskContext,
    ) -> Result<()> {
        let hashes = self.hashes(batch, &context.memory)?;
        deal.add(batch, &hashes, position, &self.spilled, context)
    }

    /// The hash of each row.
    pub(super) fn hashes(&self, batch: &RecordBatch, memory: &Memory) -> Result<Lanes<u64>> {
        let mut hashes = Lanes::<u64>::for_overwrite(memory, batch.num_rows())?;
        self.scattering.hash(&self.key_columns(batch), &mut hashes)?;
        Ok(hashes)
    }

    /// Takes rows into groups by hash, or deals them to files from the time on when memory is `full`.
    fn consume_by_part(
        &self,
        local: &mut Local,
        batch: &RecordBatch,
        position: u64,
        full: bool,
        context: &TaskContext,
    ) -> Result<()> {
        let memory = &context.memory;
        let bits = part_bits(context);
        if local.parts.is_empty() {
            let options = KeyOptions { forced: Some(KeyPath::Packed64), ..KeyOptions::default() };
            let parts = (0..1 << bits).map(|_| self.new_local_with(options, memory));
            local.parts = parts.collect::<Result<_>>()?;
        }
        if full && local.deal.is_none() {
            local.deal = Some(Deal::new(&self.input, 1, bits, context)?);
        }
        if let Some(deal) = &mut local.deal {
            return self.put_aside(deal, batch, position, context);
        }
        let (laid, starts) = lay_out(batch, &self.hashes(batch, memory)?, 1, bits, memory)?;
        for (part, rows) in local.parts.iter_mut().zip(starts.windows(2)) {
            self.consume_morsel(part, &laid.slice(rows[0], rows[1] - rows[0]), position, context)?;
        }
        Ok(())
    }

    /// The same operator, which outlives this one, over the columns that it reads and without scattering.
    pub(super) fn detached(&self) -> Result<Self> {
        let types: Vec<&DataType> = self.input.fields().iter().map(|field| field.data_type()).collect();
        let scattering = Scattering::new(&self.key_types, &types)?;
        Ok(Self {
            keys: self.keys.clone(),
            key_types: self.key_types.clone(),
            sets: GroupingSets::default(),
            measures: self.measures.clone(),
            output: self.output.clone(),
            used: self.used.clone(),
            input: self.input.clone(),
            scattering,
            grows: self.grows,
            exploded: None,
            spilled: self.spilled.clone(),
        })
    }
}

impl Local {
    /// Charges what rows will keep alive until it is clear whether they are scattered; says whether there is so much.
    fn holds(&mut self, unpaid_bytes: usize, course: Course) -> Result<bool> {
        if course != Course::Open {
            return Ok(true);
        }
        match self.early_held.resize(self.early_held.bytes() + unpaid_bytes) {
            Err(error) if error.code() == ErrorCode::MemoryLimit => Ok(false),
            other => other.map(|()| true),
        }
    }

    /// Keeps rows that may have to be scattered yet.
    fn remember(&mut self, position: u64, rows: RecordBatch, course: Course) -> Result<()> {
        match course {
            Course::Open | Course::Scatter => self.early.push((position, rows)),
            Course::Table => {
                self.early.clear();
                self.early_held.resize(0)?;
            }
        }
        Ok(())
    }
}

/// Whether taking in so many bytes of rows might be too much: tables grow by doubling, and those of all tasks are put
/// together in the end.
fn is_full(incoming_bytes: usize, context: &TaskContext) -> bool {
    let (Some(available), Some(limit)) = (context.memory.available_bytes(), context.memory.tightest_limit_bytes())
    else {
        return false;
    };
    let tasks = context.threads.max(1) as u64;
    available < 2 * context.memory.used_bytes() + 3 * tasks * incoming_bytes as u64 + limit / 10
}

/// Parts of groups whose measures grow, as a power of two.
fn part_bits(context: &TaskContext) -> u32 {
    let parts = context.share_bytes() / PART_BYTES;
    parts.clamp(4, 1 << file_bits(context)).ilog2()
}

/// An error of rows that no longer stand where they stood.
pub(super) fn without_row(mut error: bowyer_core::Error) -> bowyer_core::Error {
    error.place_mut().row = None;
    error
}
