// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Prepared plans: bound once, run many times.

use std::sync::Arc;

use arrow_ffi::c::OwnedSchema;
use arrow_ffi::schema::export_schema;
use arrow_schema::SchemaRef;
use bowyer_core::{Error, Result};
use bowyer_engine::Prepared;

use crate::engine::EngineState;
use crate::schema::SchemaState;

/// A prepared plan, with the shapes of what its inputs will be pushed.
pub(crate) struct PreparedState {
    pub(crate) engine: Arc<EngineState>,
    pub(crate) prepared: Prepared,
    pub(crate) inputs: Vec<InputShapes>,
}

/// The shapes of what an input may be pushed.
pub(crate) struct InputShapes {
    /// All of its columns.
    pub(crate) all: SchemaState,
    /// Those alone that the plan reads.
    pub(crate) read: SchemaState,
}

impl InputShapes {
    /// The one that a block of so many arrays has.
    pub(crate) fn of(&self, array_count: usize) -> &SchemaState {
        if self.read.schema.fields().len() == array_count { &self.read } else { &self.all }
    }
}

impl PreparedState {
    /// Checks, binds and optimises a plan.
    ///
    /// # Errors
    /// Those of the binder.
    pub(crate) fn prepare(engine: Arc<EngineState>, plan: &[u8]) -> Result<Self> {
        let prepared = engine.engine.prepare(plan)?;
        let shapes = |schema: &SchemaRef| SchemaState::of(engine.clone(), schema.clone());
        let inputs = prepared.inputs().iter().zip(prepared.readings());
        let inputs =
            inputs.map(|(input, reading)| InputShapes { all: shapes(&input.schema), read: shapes(reading.schema()) });
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
