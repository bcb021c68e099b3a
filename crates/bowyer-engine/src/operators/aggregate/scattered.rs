// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Aggregation of keys that hardly repeat: rows are dealt out by the hash of their keys, and each part is grouped alone.
//!
//! Tables pay when many rows meet in a group. Where nearly every row begins one, tables of all tasks would hold the
//! input once more, each with a cache miss for each row, and then be merged. So after the first morsels a query decides,
//! once for all its tasks: rows of a morsel are laid out by hash, in the order of the input within each part; at the end
//! a part, which fits the second-level cache, is grouped in place. Parts share nothing, so tasks take them in turn.

use std::ops::Range;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use bowyer_compute::Groups;
use bowyer_core::group::KeysInPlace;
use bowyer_core::keys::KeyOptions;
use bowyer_core::lanes::Lanes;
use bowyer_core::take::{Rows, concat, is_pooled, take};
use bowyer_core::{Charge, Memory, Result};

use super::{HashAggregate, Local, TaskContext};

/// Parts that rows are dealt to.
const PARTS: usize = 256;

/// Neighbouring parts are grouped together up to so many rows: fewer results, each of a fair size.
const ROWS_TOGETHER: usize = 1 << 15;

/// See [`Scattering::rows_at_once`].
const ROWS_AT_ONCE: usize = 1 << 22;

/// Whether rows are scattered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// Not decided yet: rows go to tables and are remembered.
    Open,
    Table,
    Scatter,
}

/// How rows are scattered, and whether they are, for all tasks of a query.
pub(super) struct Scattering {
    course: AtomicU8,
    keys: KeysInPlace,
    /// A share of more rows than this has keys that repeat after all: it is grouped morsel by morsel.
    pub(super) rows_at_once: usize,
}

/// A morsel laid out by part.
pub(super) struct Piece {
    columns: Vec<ArrayRef>,
    hashes: Lanes<u64>,
    /// Where each part begins, and the end.
    starts: Vec<u32>,
    _charge: Charge,
}

impl Scattering {
    /// For an aggregate with keys of `key_types` that reads columns of `types`.
    pub(super) fn new(key_types: &[DataType], types: &[&DataType]) -> Result<Self> {
        // Dictionaries and views of many morsels are not put together without cost; lists and structs rarely are keys.
        let movable = |data_type: &&DataType| {
            is_pooled(data_type) || matches!(data_type, DataType::Boolean | DataType::FixedSizeBinary(_))
        };
        let course = if !key_types.is_empty() && types.iter().all(movable) { Course::Open } else { Course::Table };
        let keys = KeysInPlace::new(key_types, KeyOptions::default())?;
        Ok(Self { course: AtomicU8::new(course as u8), keys, rows_at_once: ROWS_AT_ONCE })
    }

    pub(super) fn course(&self) -> Course {
        match self.course.load(Ordering::Acquire) {
            0 => Course::Open,
            1 => Course::Table,
            _ => Course::Scatter,
        }
    }

    /// Writes the hash of each row by its keys.
    pub(super) fn hash(&self, key_columns: &[ArrayRef], hashes: &mut [u64]) -> Result<()> {
        self.keys.hash(key_columns, hashes)
    }

    /// Decides, unless that was done before.
    pub(super) fn decide(&self, course: Course) {
        let open = Course::Open as u8;
        // Whoever is second follows the first.
        let _ = self.course.compare_exchange(open, course as u8, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Decides if it is time: a task has seen `rows` rows in `group_count` groups, and of the `last` morsel's rows so
    /// many began a group.
    pub(super) fn consider(&self, rows: usize, group_count: usize, last: (usize, usize)) {
        let (last_rows, new) = last;
        let all_new = last_rows >= 1 << 15 && new >= last_rows / 32 * 31;
        let many_new = group_count >= 1 << 17 && new >= last_rows / 4 * 3;
        if all_new || many_new {
            self.decide(Course::Scatter);
        } else if rows >= 1 << 20 {
            self.decide(Course::Table);
        }
    }
}

impl Piece {
    /// Its rows.
    pub(super) fn into_batch(self, schema: &SchemaRef) -> Result<RecordBatch> {
        Ok(RecordBatch::try_new(schema.clone(), self.columns)?)
    }

    fn new(keys: &KeysInPlace, key_columns: &[ArrayRef], batch: &RecordBatch, memory: &Memory) -> Result<Self> {
        let row_count = batch.num_rows();
        let mut hashes = Lanes::<u64>::for_overwrite(memory, row_count)?;
        keys.hash(key_columns, &mut hashes)?;
        let mut starts = vec![0_u32; PARTS + 1];
        for &hash in &hashes[..] {
            starts[part_of(hash) + 1] += 1;
        }
        for part in 0..PARTS {
            starts[part + 1] += starts[part];
        }
        let mut order = vec![0_u32; row_count];
        let mut laid = Lanes::<u64>::for_overwrite(memory, row_count)?;
        let mut next = starts.clone();
        let out = &mut laid[..];
        for (row, &hash) in (0..).zip(&hashes[..]) {
            let at = &mut next[part_of(hash)];
            order[*at as usize] = row;
            out[*at as usize] = hash;
            *at += 1;
        }
        let rows = Rows::new(&order, row_count)?;
        let columns = batch.columns().iter().map(|column| take(column, rows, memory)).collect::<Result<Vec<_>>>()?;
        let unpooled = columns.iter().filter(|column| !is_pooled(column.data_type()));
        let charge = memory.charge(unpooled.map(|column| column.get_buffer_memory_size()).sum())?;
        Ok(Self { columns, hashes: laid, starts, _charge: charge })
    }

    fn rows(&self, parts: &Range<usize>) -> Range<usize> {
        self.starts[parts.start] as usize..self.starts[parts.end] as usize
    }
}

/// The part of a row; tables use the other bits of its hash.
#[inline]
fn part_of(hash: u64) -> usize {
    (hash >> 56) as usize
}

/// Neighbouring parts that are grouped together.
fn shares(pieces: &[Piece]) -> Vec<Range<usize>> {
    let mut shares = Vec::new();
    let (mut first, mut rows) = (0, 0);
    for part in 0..PARTS {
        rows += pieces.iter().map(|piece| piece.rows(&(part..part + 1)).len()).sum::<usize>();
        if rows >= ROWS_TOGETHER || part + 1 == PARTS {
            shares.push(first..part + 1);
            (first, rows) = (part + 1, 0);
        }
    }
    shares
}

impl HashAggregate {
    /// Takes rows in by scattering them, and with the first ones all those before.
    pub(super) fn scatter(
        &self,
        local: &mut Local,
        position: u64,
        batch: RecordBatch,
        context: &TaskContext,
    ) -> Result<()> {
        self.scatter_early(local, context)?;
        context.check()?;
        local.pieces.push((position, self.piece(&batch, context)?));
        Ok(())
    }

    /// Scatters the morsels that were in the table; the table is empty then.
    fn scatter_early(&self, local: &mut Local, context: &TaskContext) -> Result<()> {
        if local.early.is_empty() {
            return Ok(());
        }
        let early = std::mem::take(&mut local.early);
        let pieces = std::mem::take(&mut local.pieces);
        *local = self.new_local(&context.memory)?;
        local.pieces = pieces;
        let mut early = early.into_iter();
        while let Some((position, batch)) = early.next() {
            match context.check().and_then(|()| self.piece(&batch, context)) {
                Ok(piece) => local.pieces.push((position, piece)),
                Err(error) => {
                    local.early = std::iter::once((position, batch)).chain(early).collect();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn piece(&self, batch: &RecordBatch, context: &TaskContext) -> Result<Piece> {
        Piece::new(&self.scattering.keys, &self.key_columns(batch), batch, &context.memory)
    }

    /// The result of scattered rows: shares in turn, by as many tasks as the query may have.
    pub(super) fn finish_scattered(&self, locals: Vec<Local>, context: &TaskContext) -> Result<Vec<RecordBatch>> {
        let mut pieces = Vec::new();
        for mut local in locals {
            self.scatter_early(&mut local, context)?;
            pieces.append(&mut local.pieces);
        }
        // Rows of one part are then in the order of the input.
        pieces.sort_by_key(|(position, _)| *position);
        let pieces: Vec<Piece> = pieces.into_iter().map(|(_, piece)| piece).collect();
        let shares = shares(&pieces);
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Vec::with_capacity(shares.len()));
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(share) = shares.get(at) else { return };
                let result = context.check().and_then(|()| self.group_share(&pieces, share, context));
                if result.is_err() {
                    next.store(shares.len(), Ordering::Relaxed);
                }
                results.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
            }
        };
        rayon::scope(|scope| {
            for _ in 1..context.threads.min(shares.len()) {
                scope.spawn(|_| work());
            }
            work();
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(at, _)| *at);
        let mut batches = Vec::new();
        for (_, result) in results {
            batches.extend(result?);
        }
        Ok(batches)
    }

    fn group_share(&self, pieces: &[Piece], share: &Range<usize>, context: &TaskContext) -> Result<Vec<RecordBatch>> {
        let row_count = pieces.iter().map(|piece| piece.rows(share).len()).sum();
        if row_count == 0 {
            return Ok(Vec::new());
        }
        if row_count > self.scattering.rows_at_once {
            return self.group_piecewise(pieces, share, context);
        }
        let memory = &context.memory;
        let mut hashes = Lanes::<u64>::for_overwrite(memory, row_count)?;
        let mut at = 0;
        for piece in pieces {
            let part = &piece.hashes[piece.rows(share)];
            hashes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        let column = |column: usize| {
            let parts = pieces.iter().map(|piece| (piece.rows(share), &piece.columns[column]));
            let parts = parts.filter(|(rows, _)| !rows.is_empty());
            concat(&parts.map(|(rows, array)| array.slice(rows.start, rows.len())).collect::<Vec<_>>(), memory)
        };
        let columns = (0..self.used.len()).map(column).collect::<Result<Vec<_>>>()?;
        let batch = RecordBatch::try_new(self.input.clone(), columns)?;
        self.group_in_place(batch, &hashes, context)
    }

    /// The result of rows that are in the order of the input, given the hashes of their keys.
    pub(super) fn group_in_place(
        &self,
        batch: RecordBatch,
        hashes: &[u64],
        context: &TaskContext,
    ) -> Result<Vec<RecordBatch>> {
        context.check()?;
        let (memory, row_count) = (&context.memory, batch.num_rows());
        let keys = self.key_columns(&batch);
        let mut group_indices = Vec::new();
        let firsts = self.scattering.keys.group(&keys, hashes, memory, &mut group_indices)?;
        let mut tallies = self.new_tallies(memory)?;
        let groups = Groups::Indices { group_indices: &group_indices, group_count: firsts.len() };
        self.update(&mut tallies, &batch, 0, groups)?;
        let keys = if firsts.len() == row_count {
            keys
        } else {
            let rows = Rows::new(&firsts, row_count)?;
            keys.iter().map(|key| take(key, rows, memory)).collect::<Result<_>>()?
        };
        drop(batch);
        let columns = self.columns(keys, tallies, firsts.len(), context)?;
        self.batches(columns, firsts.len(), context)
    }

    /// The result of a share whose rows do not fit into one batch: by a table, a morsel's rows at a time.
    fn group_piecewise(
        &self,
        pieces: &[Piece],
        share: &Range<usize>,
        context: &TaskContext,
    ) -> Result<Vec<RecordBatch>> {
        let mut local = self.new_local(&context.memory)?;
        for (at, piece) in (0_u64..).zip(pieces) {
            let rows = piece.rows(share);
            let columns = piece.columns.iter().map(|column| column.slice(rows.start, rows.len())).collect();
            let batch = RecordBatch::try_new(self.input.clone(), columns)?;
            self.consume_morsel(&mut local, &batch, at << 32, context)?;
        }
        self.results(local, true, context)
    }
}
