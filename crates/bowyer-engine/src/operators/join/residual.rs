// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The residual of a join: a condition that pairs of rows with equal keys must fulfil before they count.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, RecordBatchOptions};
use arrow_buffer::BooleanBuffer;
use arrow_schema::SchemaRef;
use bowyer_core::take::{Rows, take};
use bowyer_core::{Column, Error, Result};

use super::pairing::Pairs;
use super::ranges::Inequality;
use crate::operators::{JoinColumn, TaskContext};
use crate::program::Program;

/// A condition on pairs of rows.
pub(crate) struct PairCondition {
    program: Arc<Program>,
    predicate: usize,
    /// The columns that the program reads.
    columns: Vec<JoinColumn>,
    schema: SchemaRef,
    /// Inequalities without which it is not true.
    inequalities: Vec<Inequality>,
}

impl PairCondition {
    /// The predicate of a program over pairs with these columns.
    pub(crate) fn new(program: Arc<Program>, predicate: usize, columns: Vec<JoinColumn>, schema: SchemaRef) -> Self {
        Self { program, predicate, columns, schema, inequalities: Vec::new() }
    }

    /// The same, known not to be true, and not to fail, where one of these inequalities does not hold.
    pub(crate) fn within(mut self, inequalities: Vec<Inequality>) -> Self {
        self.inequalities = inequalities;
        self
    }

    pub(super) fn inequalities(&self) -> &[Inequality] {
        &self.inequalities
    }

    /// Of which pairs it is true. An error names the probe row.
    pub(super) fn holds(
        &self,
        probe: &RecordBatch,
        build: &RecordBatch,
        pairs: &Pairs,
        context: &TaskContext,
    ) -> Result<BooleanBuffer> {
        let count = pairs.rows.len();
        let (probe_rows, build_rows) =
            (Rows::new(&pairs.rows, probe.num_rows())?, Rows::new(&pairs.partners, build.num_rows())?);
        // Both sides of a pair are there: what either of them could give is that of the first.
        let column = |column: &JoinColumn| match *column {
            JoinColumn::Probe(column) | JoinColumn::Either { probe: column, build_first: false, .. } => {
                take(probe.column(column), probe_rows, &context.memory)
            }
            JoinColumn::Build(column) | JoinColumn::Either { build: column, .. } => {
                take(build.column(column), build_rows, &context.memory)
            }
        };
        let columns = self.columns.iter().map(column).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?;
        let values = self.program.evaluate(&[self.predicate], &batch, context);
        let values = values.map_err(|mut error| {
            let place = error.place_mut();
            let pair = place.row.and_then(|pair| usize::try_from(pair).ok());
            place.row = pair.and_then(|pair| pairs.rows.get(pair)).map(|&row| u64::from(row));
            error
        })?;
        let value = values.into_iter().next().ok_or_else(|| Error::internal("a residual without a value"))?;
        Ok(match value {
            Column::Scalar { value, .. } => {
                let holds = value.as_boolean_opt().is_some_and(|value| value.is_valid(0) && value.value(0));
                if holds { BooleanBuffer::new_set(count) } else { BooleanBuffer::new_unset(count) }
            }
            Column::Array(array) => match array.as_boolean_opt() {
                None => BooleanBuffer::new_unset(count), // a predicate of type null
                Some(array) => match array.nulls() {
                    Some(nulls) => array.values() & nulls.inner(),
                    None => array.values().clone(),
                },
            },
        })
    }
}
