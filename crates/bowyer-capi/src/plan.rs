// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Prepared plans: bound once, run many times.

use std::sync::Arc;

use arrow_ffi::c::OwnedSchema;
use arrow_ffi::schema::export_schema;
use bowyer_core::{Error, Result};
use bowyer_engine::Prepared;

use crate::engine::EngineState;
use crate::schema::SchemaState;

/// A prepared plan, with the shapes of what its inputs will be pushed.
pub(crate) struct PreparedState {
    pub(crate) engine: Arc<EngineState>,
    pub(crate) prepared: Prepared,
    pub(crate) inputs: Vec<SchemaState>,
}

impl PreparedState {
    /// Checks, binds and optimises a plan.
    ///
    /// # Errors
    /// Those of the binder.
    pub(crate) fn prepare(engine: Arc<EngineState>, plan: &[u8]) -> Result<Self> {
        let prepared = engine.engine.prepare(plan)?;
        let inputs = prepared.inputs().iter().map(|input| SchemaState::of(engine.clone(), input.schema.clone()));
        let inputs = inputs.collect();
        Ok(Self { engine, prepared, inputs })
    }

    /// The schema of an output.
    ///
    /// # Errors
    /// `NotFound` past the last one.
    pub(crate) fn output(&self, output: u32) -> Result<OwnedSchema> {
        let outputs = self.prepared.outputs();
        let (_, schema) = outputs
            .get(output as usize)
            .ok_or_else(|| Error::not_found(format!("output {output} of a plan that has {}", outputs.len())))?;
        export_schema(schema)
    }

    /// What its input is called.
    pub(crate) fn input_name(&self, input: u32) -> Option<&str> {
        self.prepared.inputs().get(input as usize).map(|input| input.name.as_str())
    }
}
