// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Windows over rows that do not fit memory: rows are dealt to files by the hash of their partition, and each file's
//! windows are computed by themselves.
//!
//! Every row carries its position in the input: partitions see their rows in that order, and a sort by it, which goes on
//! in files too, puts the results of all files back into it. A file that does not fit is dealt once more; the rows of one
//! partition stay together and have to fit.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use bowyer_core::group::KeysInPlace;
use bowyer_core::keys::KeyOptions;
use bowyer_core::lanes::Lanes;
use bowyer_core::{Charge, Error, ErrorCode, Result, hold_batch};

use super::{Local, WindowBreaker};
use crate::operators::aggregate::first_position;
use crate::operators::sort::{SortBreaker, positioned};
use crate::operators::{Breaker, Finished, LocalState, Morsel, Origin, Results, SortKey, TaskContext};
use crate::spill::Spilled;
use crate::spill::deal::{Deal, Dealt, LEVELS, file_bits, joined, rows_of};

/// What a row takes while rows are arranged, and for each function, about.
const ROW_BYTES: usize = 64;
const CALL_BYTES: usize = 32;
/// Rows of a file are worked on in batches of so many.
const BATCH_ROWS: usize = 1 << 13;

/// What a window needs for files.
pub(super) struct Files {
    keys: KeysInPlace,
    /// The columns of the input, and positions.
    input: SchemaRef,
    /// The columns of the result, and positions.
    output: SchemaRef,
    /// Puts results in the order of their positions.
    order: SortBreaker,
    spilled: Arc<Spilled>,
}

/// Rows of some partitions, all that there are.
struct Part {
    dealt: Vec<Dealt>,
    level: u32,
}

impl Part {
    fn rows(&self) -> u64 {
        self.dealt.iter().map(|dealt| dealt.rows).sum()
    }

    fn bytes(&self) -> u64 {
        self.dealt.iter().map(|dealt| dealt.bytes).sum()
    }
}

fn with_position(schema: &SchemaRef) -> SchemaRef {
    let position = Arc::new(Field::new("position", DataType::UInt64, false));
    Arc::new(Schema::new(schema.fields().iter().cloned().chain([position]).collect::<Vec<_>>()))
}

impl Files {
    /// For rows of `input` in partitions by keys of `types`, and results of `output`.
    ///
    /// # Errors
    /// `NotImplemented` for keys of types that have no hash.
    pub(super) fn new(input: &SchemaRef, types: &[DataType], output: &SchemaRef) -> Result<Self> {
        let spilled: Arc<Spilled> = Arc::default();
        let (input, width, output) = (with_position(input), output.fields().len(), with_position(output));
        let key = SortKey { column: width, descending: false, nulls_first: false };
        let order = SortBreaker::new(output.clone(), vec![key], None)?.counting(spilled.clone());
        Ok(Self { keys: KeysInPlace::new(types, KeyOptions::default())?, input, output, order, spilled })
    }

    pub(super) fn spilled(&self) -> &Spilled {
        &self.spilled
    }

    fn deal(&self, level: u32, context: &TaskContext) -> Result<Deal> {
        Deal::new(&self.input, level, file_bits(context), context)
    }

    /// Deals rows that have positions, by the columns `keys`.
    fn put(&self, deal: &mut Deal, keys: &[usize], batch: &RecordBatch, context: &TaskContext) -> Result<()> {
        let columns: Vec<ArrayRef> = keys.iter().map(|&key| batch.column(key).clone()).collect();
        let mut hashes = Lanes::<u64>::for_overwrite(&context.memory, batch.num_rows())?;
        self.keys.hash(&columns, &mut hashes)?;
        deal.add(batch, &hashes, 0, &self.spilled, context)
    }

    /// The rows of a part in the order of the input.
    fn rows(&self, part: Part, context: &TaskContext) -> Result<RecordBatch> {
        let mut batches = Vec::new();
        for dealt in part.dealt {
            let mut rows = dealt.into_rows(&context.memory)?;
            while let Some(runs) = rows.next(&self.input, context)? {
                batches.extend(runs.into_iter().map(|(_, batch)| batch));
            }
        }
        let all = joined(&self.input, &batches, &context.memory)?;
        drop(batches);
        let count = u32::try_from(all.num_rows())
            .map_err(|_| Error::limit_exceeded("a window over more than 2^32 - 1 rows of some partitions"))?;
        let positions = all.column(all.num_columns() - 1).as_primitive::<UInt64Type>().values();
        let mut order: Vec<u32> = (0..count).collect();
        order.sort_unstable_by_key(|&row| positions[row as usize]);
        rows_of(&all, &order, &context.memory)
    }
}

/// Parts of several deals, by file.
fn parts(deals: Vec<Vec<Option<Dealt>>>, level: u32) -> Vec<Part> {
    let count = deals.iter().map(Vec::len).max().unwrap_or(0);
    let mut parts: Vec<Part> = (0..count).map(|_| Part { dealt: Vec::new(), level }).collect();
    for deal in deals {
        parts.iter_mut().zip(deal).for_each(|(part, dealt)| part.dealt.extend(dealt));
    }
    parts.retain(|part| !part.dealt.is_empty());
    parts
}

/// Charges more; says whether there is so much.
fn reserve(charge: &mut Charge, bytes: usize) -> Result<bool> {
    match charge.resize(charge.bytes() + bytes) {
        Err(error) if error.code() == ErrorCode::MemoryLimit => Ok(false),
        other => other.map(|()| true),
    }
}

impl WindowBreaker {
    /// Where rows may go, if they may.
    pub(super) fn files(&self, context: &TaskContext) -> Option<&Files> {
        self.files.as_ref().filter(|_| context.spill.is_some())
    }

    /// Takes rows to files if memory has no room for them and those before them; gives them back if it has.
    pub(super) fn file(&self, local: &mut Local, morsel: Morsel, context: &TaskContext) -> Result<Option<Morsel>> {
        let Some(files) = self.files(context) else { return Ok(Some(morsel)) };
        let deal = match &mut local.deal {
            Some(deal) => deal,
            none => {
                let needed = morsel.batch.num_rows() * (ROW_BYTES + self.calls.len() * CALL_BYTES);
                let full = context.is_short() && local.reserved.bytes() > context.share_bytes();
                if !full && reserve(&mut local.charge, morsel.unpaid_bytes)? && reserve(&mut local.reserved, needed)? {
                    return Ok(Some(morsel));
                }
                local.reserved.resize(0)?;
                none.insert(files.deal(1, context)?)
            }
        };
        local.table = None;
        for held in local.held.drain(..) {
            let batch = positioned(&held.batch, held.position, &files.input, &context.memory)?;
            files.put(deal, &self.spec.partition, &batch, context)?;
        }
        local.charge.resize(0)?;
        let batch = positioned(&morsel.batch, first_position(&morsel), &files.input, &context.memory)?;
        files.put(deal, &self.spec.partition, &batch, context)?;
        Ok(None)
    }

    /// The results of all rows when some are in files: the others follow them.
    pub(super) fn finish_files(&self, files: &Files, locals: Vec<Local>, context: &TaskContext) -> Result<Finished> {
        let mut deals = Vec::new();
        for local in locals {
            let mut deal = match local.deal {
                Some(deal) => deal,
                None => files.deal(1, context)?,
            };
            for held in local.held {
                let batch = positioned(&held.batch, held.position, &files.input, &context.memory)?;
                files.put(&mut deal, &self.spec.partition, &batch, context)?;
            }
            deals.push(deal.finish(&files.spilled, context)?);
        }
        let inner = self.with_positions(files)?;
        let mut results = files.order.local(context)?;
        let mut queue = parts(deals, 1);
        while let Some(part) = queue.pop() {
            context.check()?;
            if !self.fits(&part, context) {
                files.order.write_out(&mut *results, context)?;
            }
            if self.fits(&part, context) || part.level == LEVELS {
                inner.compute_part(files, part, &mut *results, context)?;
            } else {
                queue.extend(self.deal_again(files, part, context)?);
            }
        }
        Ok(match files.order.finish(vec![results], context)? {
            Finished::Results(results) => {
                Finished::Results(Arc::new(WithoutPositions { results, schema: self.output.clone() }))
            }
            other => other,
        })
    }

    /// The same window over rows with positions, which stay with them.
    fn with_positions(&self, files: &Files) -> Result<Self> {
        let kept = self.kept.iter().copied().chain([self.input.fields().len()]).collect();
        // Computed columns stand behind the kept ones, and so do they behind the position.
        let (kept_count, mut fields) = (self.kept.len(), files.output.fields().to_vec());
        let position = fields.pop().ok_or_else(|| Error::internal("a window without columns"))?;
        fields.insert(kept_count, position);
        let output = Arc::new(Schema::new(fields));
        let mut inner = Self::new(files.input.clone(), kept, self.spec.clone(), self.calls.clone(), output)?;
        inner.general = self.general;
        inner.files = None;
        Ok(inner)
    }

    /// Whether the rows of a part and what is computed of them fit memory.
    fn fits(&self, part: &Part, context: &TaskContext) -> bool {
        let row_bytes = (ROW_BYTES + self.calls.len() * CALL_BYTES) as u64;
        let needed = part.bytes().saturating_mul(2) + part.rows() * row_bytes;
        context.memory.available_bytes().is_none_or(|available| needed + available / 4 < available)
    }

    fn deal_again(&self, files: &Files, part: Part, context: &TaskContext) -> Result<Vec<Part>> {
        let (level, rows) = (part.level + 1, part.rows());
        let mut deal = files.deal(level, context)?;
        for dealt in part.dealt {
            let mut rows = dealt.into_rows(&context.memory)?;
            while let Some(runs) = rows.next(&files.input, context)? {
                for (_, batch) in runs {
                    files.put(&mut deal, &self.spec.partition, &batch, context)?;
                }
            }
        }
        let mut parts = parts(vec![deal.finish(&files.spilled, context)?], level);
        // Rows of one partition stay together, however often they are dealt.
        parts.iter_mut().filter(|part| part.rows() == rows).for_each(|part| part.level = LEVELS);
        Ok(parts)
    }

    /// Computes the windows of a part, and hands them to the sort by position.
    fn compute_part(
        &self,
        files: &Files,
        part: Part,
        results: &mut dyn LocalState,
        context: &TaskContext,
    ) -> Result<()> {
        let rows = files.rows(part, context)?;
        let mut local = self.local(context)?;
        for (sequence, first) in (0..).zip((0..rows.num_rows()).step_by(BATCH_ROWS)) {
            let batch = rows.slice(first, BATCH_ROWS.min(rows.num_rows() - first));
            let morsel = Morsel { batch, sequence, first_row: 0, origin: Origin::UNKNOWN, unpaid_bytes: 0 };
            self.consume(&mut *local, morsel, context)?;
        }
        drop(rows);
        let Finished::Batches(batches) = self.finish(vec![local], context)? else {
            return Err(Error::internal("a window whose rows are not there"));
        };
        for (sequence, (batch, charge)) in (0..).zip(batches) {
            let batch = charge.map_or_else(|| batch.clone(), |charge| hold_batch(&batch, charge));
            let mut columns = batch.columns().to_vec();
            let position = columns.remove(self.kept.len() - 1);
            columns.push(position);
            let batch = RecordBatch::try_new(files.output.clone(), columns)?;
            let morsel = Morsel { batch, sequence, first_row: 0, origin: Origin::UNKNOWN, unpaid_bytes: 0 };
            files.order.consume(results, morsel, context)?;
        }
        Ok(())
    }
}

/// Results without their last column.
struct WithoutPositions {
    results: Arc<dyn Results>,
    schema: SchemaRef,
}

impl Results for WithoutPositions {
    fn next(&self, sequence: u64, context: &TaskContext) -> Result<Option<RecordBatch>> {
        let Some(batch) = self.results.next(sequence, context)? else { return Ok(None) };
        let columns = batch.columns()[..batch.num_columns() - 1].to_vec();
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(Some(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?))
    }

    fn tasks(&self) -> usize {
        self.results.tasks()
    }
}
