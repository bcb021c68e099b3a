// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Batches whose rows have numbers, the order of those, and the rows in it.

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, SchemaRef};
use bowyer_core::lanes::Lanes;
use bowyer_core::take::{Places, concat, take_pieces};
use bowyer_core::{Charge, Error, Memory, Result};
use rayon::prelude::*;

use super::elements::{Form, in_order};
use super::facts::Facts;
use super::layout::{Element, Layout};
use super::ties::{Encoder, Ties};
use crate::operators::{Results, SortKey, TaskContext};

/// Batches one after another. A row's number is that of its batch above its own in `row_bits` bits, so that numbers rise.
pub(super) struct Numbered {
    batches: Vec<RecordBatch>,
    lens: Vec<usize>,
    row_bits: u32,
    id_bits: u32,
}

fn bits_for(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}

impl Numbered {
    /// # Errors
    /// `LimitExceeded` for more rows than numbers.
    pub(super) fn new(batches: Vec<RecordBatch>, memory: &Memory) -> Result<Self> {
        let longest = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).max().unwrap_or(0);
        let bits = |batches: &[RecordBatch]| (bits_for(longest(batches)), bits_for(batches.len()));
        let (mut row_bits, mut batch_bits) = bits(&batches);
        let mut batches = batches;
        if row_bits + batch_bits > 32 {
            batches = joined(batches, memory)?;
            (row_bits, batch_bits) = bits(&batches);
        }
        if row_bits > 31 || row_bits + batch_bits > 32 {
            let row_count: usize = batches.iter().map(RecordBatch::num_rows).sum();
            return Err(Error::limit_exceeded(format!("a sort of {row_count} rows: more than 2^32 - 1")));
        }
        let lens = batches.iter().map(RecordBatch::num_rows).collect();
        Ok(Self { batches, lens, row_bits, id_bits: row_bits + batch_bits })
    }

    fn split(&self, id: u32) -> (usize, usize) {
        let batch = u64::from(id) >> self.row_bits;
        (batch as usize, (id & ((1 << self.row_bits) - 1)) as usize)
    }

    /// The batch of one row, of which codes are made.
    pub(super) fn row(&self, id: u32) -> RecordBatch {
        let (batch, row) = self.split(id);
        self.batches[batch].slice(row, 1)
    }

    /// What a row takes, on average.
    pub(super) fn row_bytes(&self) -> usize {
        let column = |column: &ArrayRef| column.to_data().get_slice_memory_size().unwrap_or(0);
        let bytes: usize = self.batches.iter().flat_map(RecordBatch::columns).map(column).sum();
        bytes / self.lens.iter().sum::<usize>().max(1)
    }

    /// The numbers of the first `limit` rows in `order`.
    pub(super) fn ids_in_order(
        &self,
        keys: &[SortKey],
        types: &[DataType],
        limit: usize,
        context: &TaskContext,
    ) -> Result<Lanes<u32>> {
        let facts = |column: usize| {
            let of = |batch: &RecordBatch| Facts::of(batch.column(column));
            self.batches.par_iter().map(of).reduce(Facts::default, Facts::and)
        };
        let facts: Vec<Facts> = keys.iter().map(|key| facts(key.column)).collect();
        context.check()?;
        let layout = Layout::new(keys, &facts, 128 - self.id_bits);
        let wide = layout.bits() + self.id_bits > u64::BITS;
        self.ids_by(&layout, wide, (keys, types), limit, context)
    }

    /// The same by these codes, in elements of 128 bits if those are to be `wide`.
    pub(super) fn ids_by(
        &self,
        layout: &Layout,
        wide: bool,
        (keys, types): (&[SortKey], &[DataType]),
        limit: usize,
        context: &TaskContext,
    ) -> Result<Lanes<u32>> {
        let encoder = layout.inexact().map(|first| Encoder::new(&keys[first..], &types[first..]));
        let encoder = encoder.transpose()?;
        let ties = encoder.as_ref().map(|encoder| Ties::new(encoder, &self.batches, self.row_bits));
        let form = Form { id_bits: self.id_bits, ties: ties.as_ref() };
        if wide {
            in_order(self.elements::<i128>(layout, context)?, &form, limit, context)
        } else {
            in_order(self.elements::<u64>(layout, context)?, &form, limit, context)
        }
    }

    fn elements<E: Element>(&self, layout: &Layout, context: &TaskContext) -> Result<Lanes<E>> {
        let mut elements = Lanes::<E>::for_overwrite(&context.memory, self.lens.iter().sum())?;
        let mut rest = &mut elements[..];
        let mut parts = Vec::with_capacity(self.batches.len());
        for (number, batch) in (0_u64..).zip(&self.batches) {
            let (part, after) = std::mem::take(&mut rest).split_at_mut(batch.num_rows());
            parts.push(((number << self.row_bits) as u32, batch, part));
            rest = after;
        }
        parts.into_par_iter().try_for_each(|(first, batch, part)| -> Result<()> {
            context.check()?;
            for (id, element) in (first..=u32::MAX).zip(part.iter_mut()) {
                *element = E::of(id);
            }
            layout.write(batch, part, self.id_bits);
            Ok(())
        })?;
        Ok(elements)
    }

    /// The rows of these numbers, in the columns of `schema`, which come first in the batches.
    pub(super) fn fetch(&self, ids: &[u32], schema: &SchemaRef, memory: &Memory) -> Result<RecordBatch> {
        fetch(&self.batches, self.row_bits, ids, schema, memory)
    }
}

/// The rows of `batches` at places whose row takes `row_bits` bits, in the columns of `schema`, which come first.
pub(super) fn fetch(
    batches: &[RecordBatch],
    row_bits: u32,
    places: &[u32],
    schema: &SchemaRef,
    memory: &Memory,
) -> Result<RecordBatch> {
    let lens: Vec<usize> = batches.iter().map(RecordBatch::num_rows).collect();
    let checked = Places::new(places, row_bits, &lens)?;
    let column = |column: usize| {
        let pieces: Vec<ArrayRef> = batches.iter().map(|batch| batch.column(column).clone()).collect();
        take_pieces(&pieces, checked, memory)
    };
    let columns: Vec<ArrayRef> = (0..schema.fields().len()).map(column).collect::<Result<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(places.len()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}

/// The same rows in batches of which no two neighbours could be one without being longer than the longest.
fn joined(batches: Vec<RecordBatch>, memory: &Memory) -> Result<Vec<RecordBatch>> {
    let longest = batches.iter().map(RecordBatch::num_rows).max().unwrap_or(0);
    let mut groups: Vec<Vec<RecordBatch>> = Vec::new();
    let mut rows = usize::MAX;
    for batch in batches {
        rows = rows.saturating_add(batch.num_rows());
        match groups.last_mut() {
            Some(group) if rows <= longest => group.push(batch),
            _ => {
                rows = batch.num_rows();
                groups.push(vec![batch]);
            }
        }
    }
    groups.iter().map(|group| join(group, memory)).collect()
}

fn join(batches: &[RecordBatch], memory: &Memory) -> Result<RecordBatch> {
    let [first, _, ..] = batches else { return Ok(batches[0].clone()) };
    let column = |column: usize| {
        let parts: Vec<ArrayRef> = batches.iter().map(|batch| batch.column(column).clone()).collect();
        concat(&parts, memory)
    };
    let columns: Vec<ArrayRef> = (0..first.num_columns()).map(column).collect::<Result<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batches.iter().map(RecordBatch::num_rows).sum()));
    Ok(RecordBatch::try_new_with_options(first.schema(), columns, &options)?)
}

/// Sorted rows whose columns are fetched as they are read.
pub(super) struct SortedRows {
    numbered: Numbered,
    ids: Lanes<u32>,
    schema: SchemaRef,
    _charges: Vec<Charge>,
}

impl SortedRows {
    /// The rows of `numbered` by their numbers in order. `charges` are for its batches.
    pub(super) fn new(numbered: Numbered, ids: Lanes<u32>, schema: &SchemaRef, charges: Vec<Charge>) -> Self {
        Self { numbered, ids, schema: schema.clone(), _charges: charges }
    }
}

impl Results for SortedRows {
    fn next(&self, sequence: u64, context: &TaskContext) -> Result<Option<RecordBatch>> {
        let step = context.batch_rows.max(1);
        let first = usize::try_from(sequence).unwrap_or(usize::MAX).saturating_mul(step);
        let Some(ids) = self.ids.get(first..).filter(|rest| !rest.is_empty()) else { return Ok(None) };
        context.check()?;
        self.numbered.fetch(&ids[..step.min(ids.len())], &self.schema, &context.memory).map(Some)
    }
}
