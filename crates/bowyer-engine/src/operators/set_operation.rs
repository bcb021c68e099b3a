// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Intersect and except: which rows of one input others have too, each row as one key.
//!
//! The other inputs are counted by row first. Tasks number the rows of the first input by equality; the finish looks each
//! different row up once, and goes over the numbers in the order of the input. So the rows that are kept are the same
//! however the input was cut.

use std::sync::{Arc, OnceLock};

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{DataType, SchemaRef};
use bowyer_core::group::GroupTable;
use bowyer_core::keys::{KeyOptions, NO_GROUP};
use bowyer_core::lanes::Lanes;
use bowyer_core::selection::Selection;
use bowyer_core::take::is_pooled;
use bowyer_core::{Charge, Error, Memory, Result};
use rayon::prelude::*;

use super::aggregate::{own, own_all};

use super::{Breaker, Finished, LocalState, Morsel, TaskContext, strips};

/// What a set operation keeps of the first input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SetRule {
    /// Rows that no other input has, instead of those that all have.
    pub(crate) except: bool,
    /// Each row as often as it is there, instead of once.
    pub(crate) all: bool,
}

fn table(types: &[DataType], memory: &Memory) -> Result<GroupTable> {
    GroupTable::new(types, KeyOptions::default(), memory)
}

fn types_of(schema: &SchemaRef) -> Vec<DataType> {
    schema.fields().iter().map(|field| field.data_type().clone()).collect()
}

/// Counts the rows of an input by equality.
pub(crate) struct RowCounts {
    types: Vec<DataType>,
    counted: OnceLock<Counts>,
}

struct Counts {
    table: GroupTable,
    counts: Lanes<u64>,
}

impl LocalState for Counts {}

impl RowCounts {
    /// # Errors
    /// `NotImplemented` for a column of a type that has no keys.
    pub(crate) fn new(schema: &SchemaRef) -> Result<Arc<Self>> {
        let types = types_of(schema);
        table(&types, &Memory::unlimited())?;
        Ok(Arc::new(Self { types, counted: OnceLock::new() }))
    }

    /// Calls `body` with the number of times that each of some rows was there.
    fn look_up(
        &self,
        columns: &[ArrayRef],
        row_count: usize,
        context: &TaskContext,
        mut body: impl FnMut(usize, u64),
    ) -> Result<()> {
        let counted =
            self.counted.get().ok_or_else(|| Error::internal("rows were looked up before they were counted"))?;
        let mut groups = Vec::new();
        strips::each(columns, row_count, context, |strip, rows| {
            counted.table.find(strip, rows.len(), &mut groups)?;
            for (row, &group) in rows.zip(&groups) {
                body(row, if group == NO_GROUP { 0 } else { counted.counts[group as usize] });
            }
            Ok(())
        })
    }
}

impl Breaker for RowCounts {
    fn local(&self, context: &TaskContext) -> Result<Box<dyn LocalState>> {
        Ok(Box::new(Counts { table: table(&self.types, &context.memory)?, counts: Lanes::new(&context.memory)? }))
    }

    fn consume(&self, local: &mut dyn LocalState, morsel: Morsel, context: &TaskContext) -> Result<()> {
        context.check()?;
        let Counts { table, counts } = own(local)?;
        let mut groups = Vec::new();
        table.insert(morsel.batch.columns(), morsel.batch.num_rows(), &mut groups)?;
        counts.resize(table.group_count(), 0)?;
        groups.iter().for_each(|&group| counts[group as usize] += 1);
        Ok(())
    }

    fn finish(&self, locals: Vec<Box<dyn LocalState>>, context: &TaskContext) -> Result<Finished> {
        let mut locals = own_all::<Counts>(locals)?.into_iter();
        let mut merged = match locals.next() {
            Some(first) => first,
            None => Counts { table: table(&self.types, &context.memory)?, counts: Lanes::new(&context.memory)? },
        };
        for Counts { table, counts } in locals {
            let count = table.group_count();
            let groups = strips::insert(&mut merged.table, &table.into_keys()?, count, context, |_| Ok(()))?;
            merged.counts.resize(merged.table.group_count(), 0)?;
            for (&group, &count) in groups.iter().zip(&counts[..]) {
                merged.counts[group as usize] += count;
            }
        }
        let _once = self.counted.set(merged);
        Ok(Finished::Table)
    }
}

/// Keeps rows by what the other inputs have.
pub(crate) struct SetBreaker {
    schema: SchemaRef,
    types: Vec<DataType>,
    others: Vec<Arc<RowCounts>>,
    rule: SetRule,
}

struct Local {
    table: GroupTable,
    held: Vec<(u64, RecordBatch, Vec<u32>)>,
    charge: Charge,
}

impl LocalState for Local {}

/// What is left to do with rows that are equal: pass over so many, then give so many.
#[derive(Clone, Copy)]
struct Share {
    skip: u64,
    give: u64,
}

impl SetBreaker {
    /// # Errors
    /// `NotImplemented` for a column of a type that has no keys.
    pub(crate) fn new(
        input: &SchemaRef,
        schema: SchemaRef,
        others: Vec<Arc<RowCounts>>,
        rule: SetRule,
    ) -> Result<Self> {
        let types = types_of(input);
        table(&types, &Memory::unlimited())?;
        Ok(Self { types, schema, others, rule })
    }

    /// What is to be given of each different row.
    fn shares(&self, keys: &[ArrayRef], count: usize, context: &TaskContext) -> Result<Vec<Share>> {
        let SetRule { except, all } = self.rule;
        let all_of_them = if all { u64::MAX } else { 1 };
        let mut shares = vec![Share { skip: 0, give: all_of_them }; count];
        for other in &self.others {
            other.look_up(keys, count, context, |row, there| {
                let share = &mut shares[row];
                match (except, all) {
                    (true, true) => share.skip = share.skip.saturating_add(there),
                    (true, false) if there > 0 => share.give = 0,
                    (true, false) => {}
                    (false, _) => share.give = share.give.min(there),
                }
            })?;
        }
        Ok(shares)
    }
}

impl Breaker for SetBreaker {
    fn local(&self, context: &TaskContext) -> Result<Box<dyn LocalState>> {
        let table = table(&self.types, &context.memory)?;
        Ok(Box::new(Local { table, held: Vec::new(), charge: context.memory.charge(0)? }))
    }

    fn consume(&self, local: &mut dyn LocalState, morsel: Morsel, context: &TaskContext) -> Result<()> {
        context.check()?;
        let local = own::<Local>(local)?;
        let mut groups = Vec::new();
        local.table.insert(morsel.batch.columns(), morsel.batch.num_rows(), &mut groups)?;
        local.charge.resize(local.charge.bytes() + groups.len() * size_of::<u32>())?;
        local.held.push((morsel.sequence, morsel.batch, groups));
        Ok(())
    }

    fn finish(&self, locals: Vec<Box<dyn LocalState>>, context: &TaskContext) -> Result<Finished> {
        let mut locals = own_all::<Local>(locals)?.into_iter();
        let Some(Local { table: mut merged, mut held, charge }) = locals.next() else {
            return Ok(Finished::Batches(Vec::new()));
        };
        let mut charges = vec![charge];
        for local in locals {
            let count = local.table.group_count();
            let numbers = strips::insert(&mut merged, &local.table.into_keys()?, count, context, |_| Ok(()))?;
            for (sequence, batch, mut groups) in local.held {
                groups.iter_mut().for_each(|group| *group = numbers[*group as usize]);
                held.push((sequence, batch, groups));
            }
            charges.push(local.charge);
        }
        held.sort_by_key(|(sequence, ..)| *sequence);
        let count = merged.group_count();
        let _shares = context.memory.charge(count * size_of::<Share>())?;
        let mut shares = self.shares(&merged.into_keys()?, count, context)?;
        let mut kept = Vec::with_capacity(held.len());
        for (_, batch, groups) in held {
            context.check()?;
            let mask = BooleanBuffer::collect_bool(groups.len(), |row| {
                let share = &mut shares[groups[row] as usize];
                if share.skip > 0 {
                    share.skip -= 1;
                    return false;
                }
                let gives = share.give > 0;
                share.give -= u64::from(gives);
                gives
            });
            kept.push((batch, mask));
        }
        let chosen = |(batch, mask): (RecordBatch, BooleanBuffer)| {
            context.check()?;
            let selection = Selection::new(mask);
            if selection.is_empty() {
                return Ok(None);
            }
            let columns = batch.columns().iter().map(|column| selection.apply(column, &context.memory));
            let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
            let own = columns.iter().filter(|column| !is_pooled(column.data_type()));
            let charge = context.memory.charge(own.map(|column| column.get_array_memory_size()).sum())?;
            Ok(Some((RecordBatch::try_new(self.schema.clone(), columns)?, Some(charge))))
        };
        let batches: Vec<Option<(RecordBatch, Option<Charge>)>> =
            kept.into_par_iter().map(chosen).collect::<Result<_>>()?;
        Ok(Finished::Batches(batches.into_iter().flatten().collect()))
    }
}
