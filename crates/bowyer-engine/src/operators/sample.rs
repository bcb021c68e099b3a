// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Sample: some rows, chosen by a seed and their number in the input alone.
//!
//! Each row's number is mixed with the seed into 64 bits, a different value for each row. A share of the rows are those
//! with a value below that share of all values; so many rows are those with the least values. Neither depends on how
//! the input was cut or on who looked at which part. The number is the last column of the operator's input.

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_buffer::BooleanBuffer;
use arrow_schema::SchemaRef;
use bowyer_core::selection::Selection;
use bowyer_core::{Charge, Error, Result};

use super::aggregate::{own, own_all};

use super::{Breaker, Finished, LocalState, Morsel, Output, Stage, TaskContext};

/// A task gathers at least so many rows before it drops those that cannot be chosen any more.
const GATHERED_ROWS: usize = 1 << 16;

/// How many rows a sample has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum SampleSize {
    /// Each row with this probability.
    Fraction(f64),
    /// So many, or all.
    Rows(u64),
}

/// Bits that are different for each row.
pub(crate) fn mixed(seed: u64, row: u64) -> u64 {
    fn mix(value: u64) -> u64 {
        let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }
    mix(row ^ mix(seed))
}

/// The mixed bits of each row, and the rows without their numbers.
fn split(seed: u64, schema: &SchemaRef, batch: &RecordBatch) -> Result<(Vec<u64>, RecordBatch)> {
    let numbers = batch.columns().last().and_then(|column| column.as_primitive_opt::<UInt64Type>());
    let numbers = numbers.ok_or_else(|| Error::internal("a sample of rows without numbers"))?;
    let bits = numbers.values().iter().map(|&row| mixed(seed, row)).collect();
    let columns = batch.columns()[..batch.num_columns() - 1].to_vec();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok((bits, RecordBatch::try_new_with_options(schema.clone(), columns, &options)?))
}

/// The rows of a batch that a mask keeps; `None` when there are none.
fn chosen(batch: RecordBatch, mask: BooleanBuffer, context: &TaskContext) -> Result<Option<RecordBatch>> {
    let selection = Selection::new(mask);
    if selection.is_empty() {
        return Ok(None);
    }
    if selection.is_whole() {
        return Ok(Some(batch));
    }
    let columns = batch.columns().iter().map(|column| selection.apply(column, &context.memory));
    let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(selection.row_count()));
    Ok(Some(RecordBatch::try_new_with_options(batch.schema(), columns, &options)?))
}

/// Keeps each row with one probability.
pub(crate) struct SampleFraction {
    seed: u64,
    /// Rows with bits below this.
    limit: u128,
    schema: SchemaRef,
}

impl SampleFraction {
    pub(crate) fn new(seed: u64, fraction: f64, schema: SchemaRef) -> Self {
        let all = 2.0_f64.powi(64);
        Self { seed, limit: (fraction * all) as u128, schema }
    }
}

impl Stage for SampleFraction {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn apply(&self, batch: RecordBatch, context: &TaskContext) -> Result<Output> {
        let (bits, batch) = split(self.seed, &self.schema, &batch)?;
        let mask = BooleanBuffer::collect_bool(bits.len(), |row| u128::from(bits[row]) < self.limit);
        Ok(Output { batch: chosen(batch, mask, context)?, rest: None })
    }

    fn trace(&self, input: &RecordBatch, output_row: usize, _context: &TaskContext) -> Result<usize> {
        let (bits, _) = split(self.seed, &self.schema, input)?;
        let mut kept = (0..bits.len()).filter(|&row| u128::from(bits[row]) < self.limit);
        kept.nth(output_row).ok_or_else(|| Error::internal("a row that the sample does not keep"))
    }
}

/// Keeps so many rows.
pub(crate) struct SampleRows {
    seed: u64,
    count: usize,
    schema: SchemaRef,
}

struct Local {
    held: Vec<Held>,
    row_count: usize,
    /// Rows with greater bits are not among the chosen ones.
    greatest: u64,
    charge: Charge,
}

struct Held {
    sequence: u64,
    batch: RecordBatch,
    bits: Vec<u64>,
}

impl LocalState for Local {}

impl SampleRows {
    pub(crate) fn new(seed: u64, count: u64, schema: SchemaRef) -> Self {
        Self { seed, count: usize::try_from(count).unwrap_or(usize::MAX), schema }
    }
}

/// Drops rows with bits above a limit.
fn limited(held: Held, greatest: u64, context: &TaskContext) -> Result<Option<Held>> {
    let Held { sequence, batch, mut bits } = held;
    let mask = BooleanBuffer::collect_bool(bits.len(), |row| bits[row] <= greatest);
    bits.retain(|&bits| bits <= greatest);
    Ok(chosen(batch, mask, context)?.map(|batch| Held { sequence, batch, bits }))
}

/// The greatest bits of the first `count` rows by bits.
fn greatest_of(held: &[Held], count: usize) -> u64 {
    let mut bits: Vec<u64> = held.iter().flat_map(|held| held.bits.iter().copied()).collect();
    match count.checked_sub(1) {
        Some(last) if last < bits.len() => *bits.select_nth_unstable(last).1,
        _ => u64::MAX,
    }
}

impl Breaker for SampleRows {
    fn local(&self, context: &TaskContext) -> Result<Box<dyn LocalState>> {
        let charge = context.memory.charge(0)?;
        Ok(Box::new(Local { held: Vec::new(), row_count: 0, greatest: u64::MAX, charge }))
    }

    fn consume(&self, local: &mut dyn LocalState, morsel: Morsel, context: &TaskContext) -> Result<()> {
        context.check()?;
        let local = own::<Local>(local)?;
        let (bits, batch) = split(self.seed, &self.schema, &morsel.batch)?;
        if self.count == 0 {
            return Ok(());
        }
        let Some(held) = limited(Held { sequence: morsel.sequence, batch, bits }, local.greatest, context)? else {
            return Ok(());
        };
        local.row_count += held.bits.len();
        local.held.push(held);
        if local.row_count > self.count.saturating_mul(2).saturating_add(GATHERED_ROWS) {
            local.greatest = greatest_of(&local.held, self.count);
            let held = std::mem::take(&mut local.held).into_iter();
            local.held =
                held.filter_map(|held| limited(held, local.greatest, context).transpose()).collect::<Result<_>>()?;
            local.row_count = local.held.iter().map(|held| held.bits.len()).sum();
        }
        local.charge.resize(local.row_count * size_of::<u64>())
    }

    fn finish(&self, locals: Vec<Box<dyn LocalState>>, context: &TaskContext) -> Result<Finished> {
        let (mut all, mut charges) = (Vec::new(), Vec::new());
        for local in own_all::<Local>(locals)? {
            all.extend(local.held);
            charges.push(local.charge);
        }
        all.sort_by_key(|held| held.sequence);
        let greatest = greatest_of(&all, self.count);
        let mut batches = Vec::with_capacity(all.len());
        for held in all {
            context.check()?;
            batches.extend(limited(held, greatest, context)?.map(|held| (held.batch, None)));
        }
        Ok(Finished::Batches(batches))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn bits_differ_from_row_to_row_and_from_seed_to_seed() {
        let bits: HashSet<u64> = (0..10_000).map(|row| mixed(7, row)).collect();
        assert_eq!(bits.len(), 10_000);
        assert!((0..10_000).filter(|&row| mixed(8, row) == mixed(7, row)).count() < 2);
        let below = (0..100_000).filter(|&row| mixed(1, row) < u64::MAX / 4).count();
        assert!((24_000..26_000).contains(&below), "{below} of a quarter");
    }
}
