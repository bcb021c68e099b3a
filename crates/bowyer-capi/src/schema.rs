// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Schemas as handles, and the echo that measures a crossing.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ffi::Shape;
use arrow_ffi::c::{ArrowArray, ArrowSchema};
use arrow_ffi::copy::deep_copy;
use arrow_ffi::export::{Aliasing, export_batch};
use arrow_ffi::import::Hold;
use arrow_ffi::schema::import_schema;
use arrow_schema::SchemaRef;
use bowyer_core::{Memory, Result};

use crate::abi::{Block, CResult};
use crate::call::Limits;
use crate::engine::{Counters, EngineState, Watch};
use crate::import;

/// A parsed schema.
pub(crate) struct SchemaState {
    pub(crate) engine: Arc<EngineState>,
    pub(crate) schema: SchemaRef,
    pub(crate) shapes: Vec<Shape>,
}

impl SchemaState {
    /// Reads a schema.
    ///
    /// # Errors
    /// `InvalidArray` when it is malformed.
    ///
    /// # Safety
    /// 1. `schema` is null or valid as the C Data Interface defines it.
    pub(crate) unsafe fn open(engine: Arc<EngineState>, schema: *const ArrowSchema) -> Result<Self> {
        engine.check_open()?;
        // SAFETY: the caller's promise.
        let schema = Arc::new(unsafe { import_schema(schema, engine.rejections()) }?);
        Ok(Self::of(engine, schema))
    }

    /// A schema that is known already.
    pub(crate) fn of(engine: Arc<EngineState>, schema: SchemaRef) -> Self {
        let shapes = Shape::of_fields(schema.fields());
        Self { engine, schema, shapes }
    }

    /// Takes a batch in and hands it out again.
    ///
    /// # Errors
    /// Those of the guard, of limits and of copies.
    ///
    /// # Safety
    /// 1. As [`import::arrays`].
    pub(crate) unsafe fn echo(
        &self,
        limits: &Limits,
        block: &Block,
        copy: bool,
        array: &mut ArrowArray,
        result: &mut CResult,
    ) -> Result<()> {
        let engine = &self.engine;
        engine.check_open()?;
        let control = limits.control(engine.memory());
        control.check()?;
        let mut watch = Watch::sample(block.row_count, &engine.counters.calls);
        // SAFETY: the caller's promise.
        let imported = unsafe { import::batch(engine, block, self, Hold::Call) }?;
        watch.lap(&engine.counters.guard_ns);
        Counters::add(&engine.counters.calls, 1);
        result.bytes_copied = imported.bytes_copied;
        let (batch, borrow) = (imported.batch, imported.borrow);
        let exported = if copy {
            copied(&batch, control.memory()).map(|(batch, bytes_copied)| {
                Counters::add(&engine.counters.bytes_copied, bytes_copied);
                result.bytes_copied += bytes_copied;
                export_batch(&batch, Aliasing::Never, &engine.exported)
            })
        } else {
            Ok(export_batch(&batch, Aliasing::Call(&borrow), &engine.exported))
        };
        let row_count = batch.num_rows();
        drop(batch);
        let outcome = exported.map(|exported| import::hand_out(engine, exported, row_count, array, result));
        import::end_call(borrow, result);
        watch.lap(&engine.counters.export_ns);
        outcome
    }
}

/// The same values in memory of our own, and its bytes.
fn copied(batch: &RecordBatch, memory: &Memory) -> Result<(RecordBatch, u64)> {
    let mut columns = Vec::with_capacity(batch.num_columns());
    let mut bytes_copied = 0;
    for column in batch.columns() {
        let (copy, byte_len) = deep_copy(column.as_ref(), memory)?;
        columns.push(copy);
        bytes_copied += byte_len;
    }
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok((RecordBatch::try_new_with_options(batch.schema(), columns, &options)?, bytes_copied))
}
