// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Sort and top-n.
//!
//! Each row becomes one number: codes of its keys ([`layout`]) above its place in the input, which makes the order
//! total and the sort stable. Those numbers are sorted ([`elements`]); rows with equal codes are compared where codes do
//! not say everything ([`ties`]). Columns are fetched at the end, batch by batch as they are read ([`rows`]). With a
//! limit, a task drops rows that can no longer be among the first ([`top`]). Without, it keeps what it is given, or
//! writes it to sorted [`runs`] when memory is short.

mod elements;
mod facts;
mod layout;
pub(super) mod order;
mod rows;
mod runs;
#[cfg(test)]
mod tests;
mod ties;
mod top;
mod values;

pub(super) use runs::positioned;
pub(super) use ties::has_floats;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use bowyer_core::{Charge, ErrorCode, Result};

use super::aggregate::{first_position, own, own_all};
use super::{Breaker, Finished, LocalState, Morsel, SortKey, TaskContext};
use crate::spill::Spilled;
use crate::spill::file::SpillFile;
use facts::Facts;
use layout::Layout;
use rows::{Numbered, SortedRows};
use ties::Encoder;
use top::ID_BITS;

/// What a row takes while rows are put in order: its element twice, its number, its bucket and its position.
const ROW_BYTES: usize = 2 * size_of::<i128>() + size_of::<u32>() + size_of::<u16>() + size_of::<u64>();

/// What rows are ordered by.
struct Order {
    schema: SchemaRef,
    /// The schema with one more column: positions in the input.
    positioned: SchemaRef,
    keys: Vec<SortKey>,
    types: Vec<DataType>,
    /// Codes that are the same in every batch, and how rows compare where those do not say all.
    layout: Layout,
    ties: Option<Encoder>,
}

impl Order {
    fn new(schema: SchemaRef, keys: Vec<SortKey>) -> Result<Self> {
        let types: Vec<DataType> = keys.iter().map(|key| schema.field(key.column).data_type().clone()).collect();
        Encoder::new(&keys, &types)?;
        let facts: Vec<Facts> = types.iter().map(Facts::of_type).collect();
        let layout = Layout::new(&keys, &facts, i128::BITS - ID_BITS);
        let ties = layout.inexact().map(|first| Encoder::new(&keys[first..], &types[first..])).transpose()?;
        let position = Arc::new(Field::new("position", DataType::UInt64, false));
        let positioned: Vec<_> = schema.fields().iter().cloned().chain([position]).collect();
        Ok(Self { positioned: Arc::new(Schema::new(positioned)), schema, keys, types, layout, ties })
    }

    /// The keys and, after them, the position.
    fn with_position(&self) -> (Vec<SortKey>, Vec<DataType>) {
        let position = SortKey { column: self.schema.fields().len(), descending: false, nulls_first: false };
        let keys = self.keys.iter().copied().chain([position]).collect();
        (keys, self.types.iter().cloned().chain([DataType::UInt64]).collect())
    }
}

/// Orders rows by keys, and keeps the first ones if there is a limit.
pub(crate) struct SortBreaker {
    order: Arc<Order>,
    limit: Option<usize>,
    spilled: Arc<Spilled>,
}

/// A batch and the position of its first row.
type Placed = (u64, RecordBatch);

struct Local {
    /// With a limit, batches have positions as a column.
    batches: Vec<Placed>,
    row_count: usize,
    /// With a limit: the codes of the last row that was kept. Rows with greater ones are not needed.
    worst: Option<i128>,
    runs: Vec<SpillFile>,
    /// For batches that nobody else is charged for.
    held: Charge,
    /// For what sorting them will take.
    reserved: Charge,
}

impl LocalState for Local {}

impl Local {
    /// Charges what holding and sorting more rows takes; says whether there is so much.
    fn reserve(&mut self, unpaid_bytes: usize, rows: usize) -> Result<bool> {
        let (held, reserved) = (self.held.bytes(), self.reserved.bytes());
        let charged =
            self.held.resize(held + unpaid_bytes).and_then(|()| self.reserved.resize(reserved + rows * ROW_BYTES));
        match charged {
            Err(error) if error.code() == ErrorCode::MemoryLimit => self.held.resize(held).map(|()| false),
            other => other.map(|()| true),
        }
    }
}

impl SortBreaker {
    /// Orders rows of `input` by `keys`; with a limit, only so many of the first.
    ///
    /// # Errors
    /// `NotImplemented` for a key of a type without an order.
    pub(crate) fn new(input: SchemaRef, keys: Vec<SortKey>, limit: Option<usize>) -> Result<Self> {
        Ok(Self { order: Arc::new(Order::new(input, keys)?), limit, spilled: Arc::default() })
    }

    /// The same, part of an operator whose files are counted together.
    pub(super) fn counting(self, spilled: Arc<Spilled>) -> Self {
        Self { spilled, ..self }
    }

    /// Writes what a task holds to files, because memory is wanted for something else.
    pub(super) fn write_out(&self, local: &mut dyn LocalState, context: &TaskContext) -> Result<()> {
        self.spill(own::<Local>(local)?, context)
    }
}

impl Breaker for SortBreaker {
    fn local(&self, context: &TaskContext) -> Result<Box<dyn LocalState>> {
        let (held, reserved) = (context.memory.charge(0)?, context.memory.charge(0)?);
        let (batches, runs) = (Vec::new(), Vec::new());
        Ok(Box::new(Local { batches, row_count: 0, worst: None, runs, held, reserved }))
    }

    fn consume(&self, local: &mut dyn LocalState, morsel: Morsel, context: &TaskContext) -> Result<()> {
        context.check()?;
        let local = own::<Local>(local)?;
        match self.limit {
            Some(0) => Ok(()),
            Some(limit) => self.keep_first(local, &morsel, limit, context),
            None => self.keep(local, morsel, context),
        }
    }

    fn finish(&self, locals: Vec<Box<dyn LocalState>>, context: &TaskContext) -> Result<Finished> {
        let mut locals = own_all::<Local>(locals)?;
        if locals.iter().any(|local| !local.runs.is_empty()) {
            return self.merge(locals, context);
        }
        let mut batches: Vec<Placed> = locals.iter_mut().flat_map(|local| std::mem::take(&mut local.batches)).collect();
        // What was reserved is what is taken now.
        let charges = locals.into_iter().map(|local| local.held).collect();
        if batches.is_empty() {
            return Ok(Finished::Batches(Vec::new()));
        }
        batches.sort_by_key(|(position, _)| *position);
        let batches = batches.into_iter().map(|(_, batch)| batch).collect();
        let numbered = Numbered::new(batches, &context.memory)?;
        let ids = match self.limit {
            None => numbered.ids_in_order(&self.order.keys, &self.order.types, usize::MAX, context)?,
            Some(limit) => {
                let (keys, types) = self.order.with_position();
                numbered.ids_in_order(&keys, &types, limit, context)?
            }
        };
        Ok(Finished::Results(Arc::new(SortedRows::new(numbered, ids, &self.order.schema, charges))))
    }

    fn spilled(&self) -> Option<&Spilled> {
        Some(&self.spilled)
    }
}

impl SortBreaker {
    /// Keeps a morsel, after those before it were written to a run if memory is short.
    fn keep(&self, local: &mut Local, morsel: Morsel, context: &TaskContext) -> Result<()> {
        let position = first_position(&morsel);
        let rows = morsel.batch.num_rows();
        if context.spill.is_some() {
            if context.is_short() && local.reserved.bytes() + local.held.bytes() > context.share_bytes() {
                self.spill(local, context)?;
            }
            if !local.reserve(morsel.unpaid_bytes, rows)? {
                self.spill(local, context)?;
                if !local.reserve(morsel.unpaid_bytes, rows)? {
                    let batches = vec![(position, morsel.batch)];
                    local.runs.extend(runs::write_all(batches, &self.order, &self.spilled, context)?);
                    return Ok(());
                }
            }
        }
        local.row_count += rows;
        local.batches.push((position, morsel.batch));
        Ok(())
    }

    /// Writes what a task holds to runs.
    fn spill(&self, local: &mut Local, context: &TaskContext) -> Result<()> {
        if local.batches.is_empty() {
            return Ok(());
        }
        local.reserved.resize(0)?;
        let batches = std::mem::take(&mut local.batches);
        local.runs.extend(runs::write_all(batches, &self.order, &self.spilled, context)?);
        local.row_count = 0;
        local.held.resize(0)?;
        // What sorting took in large regions would lie there until the next run, beside the rows that it gathers.
        context.memory.give_back_free();
        Ok(())
    }

    /// The results when some rows are in runs: the others follow them.
    fn merge(&self, locals: Vec<Local>, context: &TaskContext) -> Result<Finished> {
        let mut files = Vec::new();
        for mut local in locals {
            self.spill(&mut local, context)?;
            files.append(&mut local.runs);
        }
        Ok(Finished::Results(Arc::new(runs::merged(files, &self.order, &self.spilled, context)?)))
    }

    /// Keeps the rows of a morsel that may still be among the first.
    fn keep_first(&self, local: &mut Local, morsel: &Morsel, limit: usize, context: &TaskContext) -> Result<()> {
        let position = first_position(morsel);
        let batch = self.order.promising(&morsel.batch, position, local.worst, context)?;
        if batch.num_rows() > 0 {
            local.row_count += batch.num_rows();
            local.batches.push((position, batch));
        }
        if top::is_full(local.row_count, limit) { self.compact(local, limit, context) } else { Ok(()) }
    }

    /// Drops the rows past the limit.
    fn compact(&self, local: &mut Local, limit: usize, context: &TaskContext) -> Result<()> {
        let batches = std::mem::take(&mut local.batches).into_iter().map(|(_, batch)| batch).collect();
        let numbered = Numbered::new(batches, &context.memory)?;
        let (keys, types) = self.order.with_position();
        let ids = numbered.ids_in_order(&keys, &types, limit, context)?;
        if let (Some(&last), true) = (ids.last(), ids.len() == limit) {
            local.worst = Some(self.order.codes_of(&numbered.row(last))?);
        }
        let kept = numbered.fetch(&ids, &self.order.positioned, &context.memory)?;
        local.row_count = kept.num_rows();
        local.batches = vec![(0, kept)];
        Ok(())
    }
}
