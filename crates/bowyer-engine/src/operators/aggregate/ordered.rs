// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The rows of a measure that has an order of its own: kept until the end, sorted once, and given to its accumulator then.
//!
//! All groups are sorted together: an accumulator takes rows with the numbers of their groups, so the rows of each group
//! come in order whatever stands between them. Ties stay in the order of the input.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, FieldRef, Schema};
use bowyer_core::take::{Rows, concat, take};
use bowyer_core::{Charge, Error, Memory, Result};

use crate::operators::SortKey;
use crate::operators::sort::order::Order;

/// Rows of one measure, as they came.
pub(super) struct OrderedRows {
    /// The keys, as columns of strips.
    keys: Vec<SortKey>,
    strips: Vec<Strip>,
    charge: Charge,
}

/// Rows that stand together in the input.
struct Strip {
    position: u64,
    /// The arguments, then the keys.
    rows: RecordBatch,
    groups: Vec<u32>,
}

impl OrderedRows {
    /// For rows of so many arguments, in the order of `keys`.
    pub(super) fn new(keys: &[SortKey], argument_count: usize, memory: &Memory) -> Result<Self> {
        let keys = (argument_count..).zip(keys).map(|(column, key)| SortKey { column, ..*key }).collect();
        Ok(Self { keys, strips: Vec::new(), charge: memory.charge(0)? })
    }

    /// Takes rows in of which the first stands at `position` or after it, but before that of the next strip.
    pub(super) fn push(&mut self, columns: Vec<ArrayRef>, groups: Vec<u32>, position: u64) -> Result<()> {
        if groups.is_empty() {
            return Ok(());
        }
        let mut bytes = groups.len() * size_of::<u32>();
        let mut fields: Vec<FieldRef> = Vec::with_capacity(columns.len());
        for (at, column) in columns.iter().enumerate() {
            bytes += column.to_data().get_slice_memory_size()?;
            fields.push(Arc::new(Field::new(at.to_string(), column.data_type().clone(), true)));
        }
        self.charge.resize(self.charge.bytes() + bytes)?;
        let options = RecordBatchOptions::new().with_row_count(Some(groups.len()));
        let rows = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?;
        self.strips.push(Strip { position, rows, groups });
        Ok(())
    }

    /// Takes the rows of `other` in, whose group `i` is `group_indices[i]` here.
    pub(super) fn merge(&mut self, other: Self, group_indices: &[u32]) -> Result<()> {
        let Self { mut strips, charge, .. } = other;
        for strip in &mut strips {
            strip.groups.iter_mut().for_each(|group| *group = group_indices[*group as usize]);
        }
        let bytes = charge.bytes();
        drop(charge);
        self.charge.resize(self.charge.bytes() + bytes)?;
        self.strips.append(&mut strips);
        Ok(())
    }

    /// The bytes that it holds.
    pub(super) fn byte_len(&self) -> usize {
        self.charge.bytes()
    }

    /// Groups and arguments in order.
    pub(super) fn in_order(mut self, memory: &Memory) -> Result<(Vec<u32>, Vec<ArrayRef>)> {
        let Some(first) = self.strips.first() else { return Ok((Vec::new(), Vec::new())) };
        let order = Order::new(&first.rows.schema(), self.keys.clone())?;
        let argument_count = first.rows.num_columns() - self.keys.len();
        self.strips.sort_by_key(|strip| strip.position);
        let batches: Vec<RecordBatch> = self.strips.iter().map(|strip| strip.rows.clone()).collect();
        let sorted = sorted(&order, &batches, memory)?;
        let groups: Vec<u32> = self.strips.iter().flat_map(|strip| strip.groups.iter().copied()).collect();
        let rows = Rows::new(&sorted, groups.len())?;
        let column = |column: usize| {
            let parts: Vec<ArrayRef> = batches.iter().map(|batch| batch.column(column).clone()).collect();
            take(&concat(&parts, memory)?, rows, memory)
        };
        let arguments = (0..argument_count).map(column).collect::<Result<_>>()?;
        Ok((sorted.iter().map(|&row| groups[row as usize]).collect(), arguments))
    }
}

/// The numbers of the rows of `batches`, counted over all of them, in order.
fn sorted(order: &Order, batches: &[RecordBatch], memory: &Memory) -> Result<Vec<u32>> {
    let row_count: usize = batches.iter().map(RecordBatch::num_rows).sum();
    if u32::try_from(row_count).is_err() {
        return Err(Error::limit_exceeded(format!("an order of {row_count} rows: more than 2^32 - 1")));
    }
    let _charge = memory.charge(row_count * size_of::<u128>())?;
    let mut elements: Vec<u128> = Vec::with_capacity(row_count);
    for batch in batches {
        order.prefixes(batch, elements.len() as u32, &mut elements)?;
    }
    if order.is_exact() {
        elements.sort_unstable();
    } else {
        let ties = order.rows(batches, memory)?;
        elements.sort_unstable_by(|a, b| match (a >> 32).cmp(&(b >> 32)) {
            Ordering::Equal => ties.compare(*a as u32, *b as u32).then_with(|| (*a as u32).cmp(&(*b as u32))),
            unequal => unequal,
        });
    }
    Ok(elements.into_iter().map(|element| element as u32).collect())
}
