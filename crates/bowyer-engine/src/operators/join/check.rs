// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A look at what a join would do with rows, before it does: where rows that fail are set aside.
//!
//! A probe row fails when its key cannot be compared or the condition fails on one of its pairs, whatever its other pairs
//! are. By the time that is known, the join may have given some of these and marked their partners; so all of them are
//! asked first, and the join itself is given the rows that went through. The condition is computed twice for those.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bowyer_core::Result;

use super::JoinProbe;
use super::pairing::Pairing;
use super::probe::Probe;
use crate::operators::{Output, Stage, TaskContext};

/// A stage before the probe side of a join that fails where it would fail, and else passes rows on.
pub(crate) struct PairCheck {
    probe: Arc<Probe>,
    schema: SchemaRef,
}

impl PairCheck {
    /// For rows of `schema`, which `probe` is given next.
    pub(crate) fn new(probe: &JoinProbe, schema: SchemaRef) -> Self {
        Self { probe: probe.probe(), schema }
    }
}

impl Stage for PairCheck {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn apply(&self, batch: RecordBatch, context: &TaskContext) -> Result<Output> {
        let build = self.probe.build();
        let table = build.table()?;
        let (_, groups) = self.probe.groups(table, &batch, context)?;
        if let Some(residual) = build.residual() {
            let mut pairing = Pairing::new(groups, false, &context.memory)?;
            while pairing.has_more() {
                context.check()?;
                let pairs = pairing.next(table, context.batch_rows.max(1), &context.memory)?;
                residual.holds(&batch, &table.rows, &pairs, context)?;
            }
        }
        Ok(Output::all(batch))
    }

    fn trace(&self, _input: &RecordBatch, output_row: usize, _context: &TaskContext) -> Result<usize> {
        Ok(output_row)
    }
}
