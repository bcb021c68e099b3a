// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Sorted runs in files, and their merge: one batch of each run is in memory at a time.
//!
//! A run keeps with each row its position in the input, by which rows with equal keys stay in their order whichever runs
//! they went to. More runs than can be merged at once are first merged to fewer, longer ones.

use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{ArrayRef, RecordBatch, UInt64Array};
use arrow_row::Rows;
use arrow_schema::SchemaRef;
use bowyer_core::lanes::Lanes;
use bowyer_core::{Charge, Error, ErrorCode, Memory, Result};

use super::layout::Element;
use super::rows::{Numbered, fetch};
use super::top::ID_BITS;
use super::{Order, Placed};
use crate::operators::{Results, TaskContext};
use crate::spill::Spilled;
use crate::spill::file::{SpillFile, SpillReader, SpillWriter};

/// The most runs that are merged at once.
const MERGED_RUNS: u64 = 64;
/// What a batch of a run takes at least, about: smaller ones cost more to read than they save.
const BATCH_BYTES: u64 = 1 << 14;
/// The most rows of a batch in a run.
const RUN_ROWS: usize = 8192;
/// A batch of fewer rows is not cut in two to be sorted.
const LEAST_ROWS: usize = 256;
/// Bits for the row of a place: more than a batch of a run needs.
const ROW_BITS: u32 = 16;

/// A batch with one more column: where its rows stand in the input.
pub(in crate::operators) fn positioned(
    batch: &RecordBatch,
    first: u64,
    schema: &SchemaRef,
    memory: &Memory,
) -> Result<RecordBatch> {
    let mut positions = Lanes::<u64>::for_overwrite(memory, batch.num_rows())?;
    for (position, out) in (first..).zip(positions.iter_mut()) {
        *out = position;
    }
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::new(UInt64Array::new(positions.into_buffer(), None)));
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}

/// How many runs are merged at once: their batches take a quarter of the memory.
fn merged_runs(memory: &Memory) -> u64 {
    let limit = memory.tightest_limit_bytes().unwrap_or(u64::MAX);
    (limit / 4 / BATCH_BYTES).clamp(2, MERGED_RUNS)
}

/// Rows of a batch that take about so many bytes, by what its rows take.
fn rows_of(bytes: u64, row_bytes: usize) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX) / row_bytes.max(1)
}

/// Sorts batches, each with the position of its first row, and writes them as one run; as several ones when there is not
/// the memory to sort them all at once.
pub(super) fn write_all(
    batches: Vec<Placed>,
    order: &Order,
    spilled: &Spilled,
    context: &TaskContext,
) -> Result<Vec<SpillFile>> {
    let mut runs = Vec::new();
    let mut parts = vec![batches];
    while let Some(part) = parts.pop() {
        match write(&part, order, spilled, context) {
            Ok(run) => runs.push(run),
            Err(error) if error.code() == ErrorCode::MemoryLimit => {
                let (first, second) = halves(part).ok_or(error)?;
                parts.extend([second, first]);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(runs)
}

/// Batches in two parts; none when they are too small to be cut.
fn halves(mut batches: Vec<Placed>) -> Option<(Vec<Placed>, Vec<Placed>)> {
    if let [(position, batch)] = &batches[..] {
        let middle = batch.num_rows() / 2;
        let second = (position + middle as u64, batch.slice(middle, batch.num_rows() - middle));
        return (middle >= LEAST_ROWS).then(|| (vec![(*position, batch.slice(0, middle))], vec![second]));
    }
    let second = batches.split_off(batches.len() / 2);
    (!batches.is_empty()).then_some((batches, second))
}

/// Sorts batches and writes them as one run.
fn write(batches: &[Placed], order: &Order, spilled: &Spilled, context: &TaskContext) -> Result<SpillFile> {
    let memory = &context.memory;
    let space = context.spill.as_ref().ok_or_else(|| Error::internal("nowhere to spill to"))?;
    let positioned = batches.iter().map(|(first, batch)| positioned(batch, *first, &order.positioned, memory));
    let numbered = Numbered::new(positioned.collect::<Result<_>>()?, memory)?;
    let limit = memory.tightest_limit_bytes().unwrap_or(u64::MAX);
    let bytes = (limit / 4 / merged_runs(memory)).min(1 << 20);
    let rows = rows_of(bytes, numbered.row_bytes()).clamp(16, RUN_ROWS);
    let ids = numbered.ids_in_order(&order.keys, &order.types, usize::MAX, context)?;
    let mut writer = SpillWriter::create(space, &order.positioned, spilled)?;
    for ids in ids.chunks(rows) {
        context.check()?;
        writer.write(&numbered.fetch(ids, &order.positioned, memory)?, spilled)?;
    }
    writer.finish()
}

/// The rows of all runs, in order.
pub(super) fn merged(
    mut runs: Vec<SpillFile>,
    order: &Arc<Order>,
    spilled: &Spilled,
    context: &TaskContext,
) -> Result<Merged> {
    let space = context.spill.as_ref().ok_or_else(|| Error::internal("nowhere to spill to"))?;
    let at_once = merged_runs(&context.memory) as usize;
    while runs.len() > at_once {
        let mut merge = Merge::new(runs.drain(..at_once).collect(), order, context)?;
        let mut writer = SpillWriter::create(space, &order.positioned, spilled)?;
        while let Some(batch) = merge.next(merge.rows.min(RUN_ROWS), &order.positioned, context)? {
            writer.write(&batch, spilled)?;
        }
        runs.push(writer.finish()?);
    }
    Ok(Merged(Mutex::new(Merge::new(runs, order, context)?)))
}

/// A merge that goes on when a batch is asked for.
pub(super) struct Merged(Mutex<Merge>);

impl Results for Merged {
    fn next(&self, _: u64, context: &TaskContext) -> Result<Option<RecordBatch>> {
        let mut merge = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (rows, schema) = (merge.rows.min(context.batch_rows), merge.order.schema.clone());
        merge.next(rows.max(1), &schema, context)
    }

    fn tasks(&self) -> usize {
        1
    }
}

struct Merge {
    order: Arc<Order>,
    heads: Vec<Head>,
    /// Heads with the least row on top.
    heap: Vec<usize>,
    /// Rows of a result batch that leave room for the runs.
    rows: usize,
}

/// Where a run is.
struct Head {
    reader: SpillReader,
    batch: RecordBatch,
    codes: Vec<i128>,
    ties: Option<Rows>,
    at: usize,
    /// The number of its batch among those that the next result is made of.
    place: u32,
    charge: Charge,
}

impl Head {
    fn position(&self) -> u64 {
        let positions = self.batch.columns().last();
        positions.map_or(0, |positions| positions.as_primitive::<UInt64Type>().value(self.at))
    }

    fn is_before(&self, other: &Self) -> bool {
        let by_codes = self.codes[self.at].cmp(&other.codes[other.at]);
        let by_rows = || match (&self.ties, &other.ties) {
            (Some(a), Some(b)) => a.row(self.at).cmp(&b.row(other.at)),
            _ => std::cmp::Ordering::Equal,
        };
        by_codes.then_with(by_rows).then_with(|| self.position().cmp(&other.position())).is_lt()
    }

    /// Goes on to the next batch of the run; says whether there is one.
    fn load(&mut self, order: &Order, context: &TaskContext) -> Result<bool> {
        context.check()?;
        // The old batch may still be part of a result.
        let Some(batch) = self.reader.next(&context.memory)? else { return Ok(false) };
        self.codes.clear();
        self.codes.resize(batch.num_rows(), i128::of(0));
        order.layout.write(&batch, &mut self.codes, ID_BITS);
        self.ties = match &order.ties {
            Some(encoder) => {
                let columns: Vec<ArrayRef> = encoder.columns().map(|column| batch.column(column).clone()).collect();
                Some(encoder.rows(&columns)?)
            }
            None => None,
        };
        self.charge.resize(size_of_val(&self.codes[..]) + self.ties.as_ref().map_or(0, Rows::size))?;
        self.at = 0;
        self.batch = batch;
        Ok(self.batch.num_rows() > 0)
    }
}

impl Merge {
    fn new(runs: Vec<SpillFile>, order: &Arc<Order>, context: &TaskContext) -> Result<Self> {
        let mut heads = Vec::with_capacity(runs.len());
        for run in runs {
            let mut head = Head {
                reader: run.into_reader(&context.memory)?,
                batch: RecordBatch::new_empty(order.positioned.clone()),
                codes: Vec::new(),
                ties: None,
                at: 0,
                place: 0,
                charge: context.memory.charge(0)?,
            };
            if head.load(order, context)? {
                heads.push(head);
            }
        }
        let limit = context.memory.tightest_limit_bytes().unwrap_or(u64::MAX);
        let (mut rows, mut bytes) = (0, 0);
        for head in &heads {
            rows += head.batch.num_rows();
            bytes += head.batch.get_array_memory_size();
        }
        let rows = rows_of(limit / 16, bytes / rows.max(1)).max(256);
        let mut merge = Self { order: order.clone(), heap: (0..heads.len()).collect(), heads, rows };
        for node in (0..merge.heap.len() / 2).rev() {
            merge.sift(node);
        }
        Ok(merge)
    }

    /// Lets the head at `node` sink to its place.
    fn sift(&mut self, mut node: usize) {
        loop {
            let mut least = node;
            for child in [2 * node + 1, 2 * node + 2] {
                if child < self.heap.len() && self.heads[self.heap[child]].is_before(&self.heads[self.heap[least]]) {
                    least = child;
                }
            }
            if least == node {
                return;
            }
            self.heap.swap(node, least);
            node = least;
        }
    }

    /// The next rows, at most so many.
    fn next(&mut self, rows: usize, schema: &SchemaRef, context: &TaskContext) -> Result<Option<RecordBatch>> {
        let mut batches = Vec::with_capacity(self.heap.len());
        for &head in &self.heap {
            self.heads[head].place = batches.len() as u32;
            batches.push(self.heads[head].batch.clone());
        }
        let mut places = Vec::with_capacity(rows.min(1 << 20));
        while let Some(&first) = self.heap.first()
            && places.len() < rows
        {
            let head = &mut self.heads[first];
            places.push(head.place << ROW_BITS | head.at as u32);
            head.at += 1;
            if head.at == head.batch.num_rows() {
                if head.load(&self.order, context)? {
                    head.place = batches.len() as u32;
                    batches.push(head.batch.clone());
                } else {
                    self.heap.swap_remove(0);
                }
            }
            self.sift(0);
        }
        if places.is_empty() {
            return Ok(None);
        }
        fetch(&batches, ROW_BITS, &places, schema, &context.memory).map(Some)
    }
}
