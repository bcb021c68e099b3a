// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Rows dealt to files by the hash of their keys: rows with equal keys meet in one file, and no other has them.
//!
//! A deal gathers rows until they are worth a write, each laid out by file as it comes. With a row goes the position in the
//! input of the first row that came with it, which puts the rows of several deals in one order. What one file holds too
//! much of is dealt once more, by the next bits of the hash: its level says how often its rows were dealt.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{Array, ArrayRef, RecordBatch, UInt64Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use bowyer_core::take::{Rows, concat, is_pooled, take};
use bowyer_core::{Charge, Error, Memory, Result};

use super::Spilled;
use super::file::{SpillFile, SpillReader, SpillWriter};
use crate::operators::TaskContext;

/// How often rows are dealt at most.
pub(crate) const LEVELS: u32 = 8;
/// The most files of a deal, as a power of two.
const MOST_BITS: u32 = 6;
/// The most files of all tasks of an operator.
const MOST_FILES: usize = 256;
/// A deal of more files than its share has room for such batches writes too little at a time.
const LEAST_BATCH: usize = 1 << 11;
/// The most bytes that wait to be written.
const MOST_WAITING: usize = 64 << 20;

/// Rows on their way to files.
pub(crate) struct Deal {
    /// The columns of rows, and after them a position.
    schema: SchemaRef,
    level: u32,
    bits: u32,
    writers: Vec<Writing>,
    waiting_bytes: usize,
    most_waiting: usize,
    /// Whether parts of several batches can be put together before they are written.
    movable: bool,
    /// For positions, and for views without the bytes of other rows.
    held: Charge,
}

#[derive(Default)]
struct Writing {
    writer: Option<SpillWriter>,
    waiting: Vec<RecordBatch>,
    rows: u64,
    bytes: u64,
}

/// Rows of one file.
pub(crate) struct Dealt {
    file: SpillFile,
    /// How many there are.
    pub(crate) rows: u64,
    /// What they take in memory.
    pub(crate) bytes: u64,
}

/// The files of a deal as a power of two: fewer where memory is short or tasks are many.
pub(crate) fn file_bits(context: &TaskContext) -> u32 {
    let by_tasks = MOST_FILES / context.threads.max(1);
    let by_memory = context.share_bytes() / LEAST_BATCH;
    by_tasks.min(by_memory).clamp(8, 1 << MOST_BITS).ilog2()
}

/// The part that a row belongs to at a level, of `1 << bits`; tables use the other end of its hash.
#[inline]
fn part_of(hash: u64, level: u32, bits: u32) -> usize {
    (hash >> (u64::BITS - MOST_BITS * level) & ((1 << bits) - 1)) as usize
}

/// Rows of `batch` with those of each part together, in their order, and where each part begins, and the end.
pub(crate) fn lay_out(
    batch: &RecordBatch,
    hashes: &[u64],
    level: u32,
    bits: u32,
    memory: &Memory,
) -> Result<(RecordBatch, Vec<usize>)> {
    let mut starts = vec![0; (1 << bits) + 1];
    for &hash in hashes {
        starts[part_of(hash, level, bits) + 1] += 1;
    }
    for part in 0..1 << bits {
        starts[part + 1] += starts[part];
    }
    let mut next = starts.clone();
    let mut order = vec![0_u32; hashes.len()];
    for (row, &hash) in (0..).zip(hashes) {
        let at = &mut next[part_of(hash, level, bits)];
        order[*at] = row;
        *at += 1;
    }
    Ok((compact(&rows_of(batch, &order, memory)?)?, starts))
}

/// Some rows of a batch.
pub(crate) fn rows_of(batch: &RecordBatch, rows: &[u32], memory: &Memory) -> Result<RecordBatch> {
    let places = Rows::new(rows, batch.num_rows())?;
    let columns: Vec<ArrayRef> =
        batch.columns().iter().map(|column| take(column, places, memory)).collect::<Result<_>>()?;
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}

/// The bytes that the rows of a batch take, without those of its buffers that other rows take.
pub(crate) fn batch_bytes(batch: &RecordBatch) -> Result<usize> {
    let bytes = batch.columns().iter().map(|column| column.to_data().get_slice_memory_size());
    Ok(bytes.sum::<Result<usize, _>>()?)
}

impl Deal {
    /// A deal of rows of `schema`, by the bits of `level`, which counts from one.
    pub(crate) fn new(schema: &SchemaRef, level: u32, bits: u32, context: &TaskContext) -> Result<Self> {
        let position = Arc::new(Field::new("position", DataType::UInt64, false));
        let movable = |data_type: &DataType| {
            is_pooled(data_type) || matches!(data_type, DataType::Boolean | DataType::FixedSizeBinary(_))
        };
        let movable = schema.fields().iter().all(|field| movable(field.data_type()));
        let fields: Vec<_> = schema.fields().iter().cloned().chain([position]).collect();
        Ok(Self {
            schema: Arc::new(Schema::new(fields)),
            level,
            bits,
            writers: (0..1 << bits).map(|_| Writing::default()).collect(),
            waiting_bytes: 0,
            most_waiting: context.share_bytes().min(MOST_WAITING),
            movable,
            held: context.memory.charge(0)?,
        })
    }

    /// Takes rows in, given the hashes of their keys; the first stands at `position` or after it, and the last before the
    /// position of what comes next.
    pub(crate) fn add(
        &mut self,
        batch: &RecordBatch,
        hashes: &[u64],
        position: u64,
        spilled: &Spilled,
        context: &TaskContext,
    ) -> Result<()> {
        context.check()?;
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let (laid, starts) = lay_out(batch, hashes, self.level, self.bits, &context.memory)?;
        let mut unpaid = laid.num_rows() * size_of::<u64>();
        if !self.movable {
            unpaid += batch_bytes(&laid)?;
        }
        self.held.resize(self.held.bytes() + unpaid)?;
        let mut columns = laid.columns().to_vec();
        columns.push(Arc::new(UInt64Array::from_value(position, laid.num_rows())));
        let laid = RecordBatch::try_new(self.schema.clone(), columns)?;
        let bytes = batch_bytes(&laid)?;
        let row_bytes = bytes as u64 / laid.num_rows() as u64;
        for (writing, part) in self.writers.iter_mut().zip(starts.windows(2)) {
            let rows = part[1] - part[0];
            if rows > 0 {
                writing.rows += rows as u64;
                writing.bytes += rows as u64 * row_bytes;
                writing.waiting.push(laid.slice(part[0], rows));
            }
        }
        self.waiting_bytes += bytes;
        let most = if context.is_short() { self.most_waiting / 4 } else { self.most_waiting };
        if self.waiting_bytes > most {
            self.flush(spilled, context)?;
        }
        Ok(())
    }

    /// Writes what waits.
    fn flush(&mut self, spilled: &Spilled, context: &TaskContext) -> Result<()> {
        let space = context.spill.as_ref().ok_or_else(|| Error::internal("nowhere to spill to"))?;
        for writing in self.writers.iter_mut().filter(|writing| !writing.waiting.is_empty()) {
            context.check()?;
            let writer = match &mut writing.writer {
                Some(writer) => writer,
                none => none.insert(SpillWriter::create(space, &self.schema, spilled)?),
            };
            let waiting = std::mem::take(&mut writing.waiting);
            if self.movable {
                writer.write(&joined(&self.schema, &waiting, &context.memory)?, spilled)?;
            } else {
                for batch in waiting {
                    writer.write(&compact(&batch)?, spilled)?;
                }
            }
        }
        self.waiting_bytes = 0;
        self.held.resize(0)?;
        context.memory.give_back_free();
        Ok(())
    }

    /// Ends the deal: what each file got, `None` where that is nothing.
    pub(crate) fn finish(mut self, spilled: &Spilled, context: &TaskContext) -> Result<Vec<Option<Dealt>>> {
        self.flush(spilled, context)?;
        let finish = |writing: Writing| {
            let Some(writer) = writing.writer else { return Ok(None) };
            Ok(Some(Dealt { file: writer.finish()?, rows: writing.rows, bytes: writing.bytes }))
        };
        self.writers.into_iter().map(finish).collect()
    }
}

/// Batches one after another.
pub(crate) fn joined(schema: &SchemaRef, batches: &[RecordBatch], memory: &Memory) -> Result<RecordBatch> {
    let column = |at: usize| {
        let parts: Vec<ArrayRef> = batches.iter().map(|batch| batch.column(at).clone()).collect();
        concat(&parts, memory)
    };
    let columns = (0..schema.fields().len()).map(column).collect::<Result<_>>()?;
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}

/// The same without bytes of views that belong to other rows, which would all be kept, and written.
fn compact(batch: &RecordBatch) -> Result<RecordBatch> {
    let column = |column: &ArrayRef| -> ArrayRef {
        match column.data_type() {
            DataType::Utf8View => Arc::new(column.as_string_view().gc()),
            DataType::BinaryView => Arc::new(column.as_binary_view().gc()),
            _ => column.clone(),
        }
    };
    Ok(RecordBatch::try_new(batch.schema(), batch.columns().iter().map(column).collect())?)
}

impl Dealt {
    /// Its rows from the first one on.
    pub(crate) fn into_rows(self, memory: &Memory) -> Result<DealtRows> {
        Ok(DealtRows { reader: self.file.into_reader(memory)? })
    }
}

/// Rows of a file that are read back.
pub(crate) struct DealtRows {
    reader: SpillReader,
}

impl DealtRows {
    /// Some rows with their positions, in rising order; `None` after the last ones.
    pub(crate) fn next(
        &mut self,
        schema: &SchemaRef,
        context: &TaskContext,
    ) -> Result<Option<Vec<(u64, RecordBatch)>>> {
        context.check()?;
        let Some(batch) = self.reader.next(&context.memory)? else { return Ok(None) };
        let Some((positions, columns)) = batch.columns().split_last() else {
            return Err(Error::internal("a spilled batch without columns"));
        };
        let rows = RecordBatch::try_new(schema.clone(), columns.to_vec())?;
        let positions = positions.as_primitive::<UInt64Type>().values();
        let mut runs = Vec::new();
        let mut first = 0;
        for run in positions.chunk_by(|a, b| a == b) {
            runs.push((run[0], rows.slice(first, run.len())));
            first += run.len();
        }
        Ok(Some(runs))
    }
}
