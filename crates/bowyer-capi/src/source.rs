// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Sources: tables that queries read, filled batch by batch, each batch checked once.

use std::sync::Arc;

use arrow_ffi::c::ArrowSchema;
use arrow_ffi::import::Hold;
use bowyer_core::Result;
use bowyer_engine::Source;

use crate::abi::{Block, CResult};
use crate::engine::{EngineState, Watch};
use crate::import;
use crate::schema::SchemaState;

/// A table.
pub(crate) struct SourceState {
    pub(crate) engine: Arc<EngineState>,
    pub(crate) source: Arc<Source>,
    schema: SchemaState,
}

impl SourceState {
    /// An empty table.
    ///
    /// # Errors
    /// `InvalidArray` when the schema is malformed.
    ///
    /// # Safety
    /// 1. `schema` is null or valid as the C Data Interface defines it.
    pub(crate) unsafe fn open(engine: Arc<EngineState>, schema: *const ArrowSchema) -> Result<Self> {
        // SAFETY: the caller's promise.
        let schema = unsafe { SchemaState::open(engine.clone(), schema) }?;
        Ok(Self { engine, source: Arc::new(Source::new(schema.schema.clone())), schema })
    }

    /// Appends a batch.
    ///
    /// # Errors
    /// Those of the guard and of the source.
    ///
    /// # Safety
    /// 1. As [`import::arrays`].
    pub(crate) unsafe fn push(&self, block: &Block, result: &mut CResult) -> Result<()> {
        let engine = &self.engine;
        engine.check_open()?;
        let mut watch = Watch::start();
        // SAFETY: the caller's promise.
        let imported = unsafe { import::batch(engine, block, &self.schema, Hold::Keep) }?;
        watch.lap(&engine.counters.guard_ns);
        result.bytes_copied = imported.bytes_copied;
        let outcome = self.source.push(imported.batch);
        import::end_call(imported.borrow, result);
        outcome
    }
}
