// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Which columns of an input a plan reads.
//!
//! A batch of an input comes with all of its columns, or with those alone that are read: what nobody looks at need not
//! be fetched, checked or sent. Inside, a batch has the columns that are read, whichever way it came.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{Schema, SchemaRef};
use bowyer_core::{Error, Result};

use crate::plan::{BoundPlan, RelationKind};

/// What a plan reads of one input.
#[derive(Clone, Debug)]
pub struct Reading {
    all: SchemaRef,
    columns: Vec<usize>,
    schema: SchemaRef,
}

impl Reading {
    /// What `plan` reads of each of its inputs.
    pub(crate) fn of(plan: &BoundPlan) -> Vec<Self> {
        let uses = plan.use_counts();
        let mut columns = vec![BTreeSet::new(); plan.inputs.len()];
        for (relation, _) in plan.relations.iter().zip(uses).filter(|(_, uses)| *uses > 0) {
            if let RelationKind::Scan { input, columns: read } = &relation.kind {
                columns[*input].extend(read);
            }
        }
        let inputs = plan.inputs.iter().zip(columns);
        inputs.map(|(input, columns)| Self::new(input.schema.clone(), columns.into_iter().collect())).collect()
    }

    fn new(all: SchemaRef, columns: Vec<usize>) -> Self {
        let fields: Vec<_> = columns.iter().map(|&column| all.fields()[column].clone()).collect();
        let schema = if fields.len() == all.fields().len() { all.clone() } else { Arc::new(Schema::new(fields)) };
        Self { all, columns, schema }
    }

    /// The columns that are read, in the order of the input.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Where a column of the input stands among those that are read.
    pub(crate) fn place(&self, column: usize) -> Option<usize> {
        self.columns.binary_search(&column).ok()
    }

    /// The columns of a batch that are read.
    ///
    /// # Errors
    /// `TypeMismatch` when the batch has neither the input's columns nor those that are read.
    pub(crate) fn fit(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let narrow = self.columns.len() < self.all.fields().len();
        if narrow && batch.num_columns() == self.columns.len() {
            let names = batch.schema_ref().fields().iter().zip(self.schema.fields());
            if let Some((found, wanted)) = names.into_iter().find(|(found, wanted)| found.name() != wanted.name()) {
                let message = format!("a batch has a column {:?} where {:?} is read", found.name(), wanted.name());
                return Err(Error::type_mismatch(message).in_column(wanted.name().clone()));
            }
            return conform(batch, &self.schema);
        }
        let batch = conform(batch, &self.all)?;
        if narrow { Ok(batch.project(&self.columns)?) } else { Ok(batch) }
    }
}

/// The batch under `schema`, which it must have.
pub(crate) fn conform(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.num_columns() != schema.fields().len() {
        return Err(Error::type_mismatch(format!(
            "a batch of {} columns, where the schema has {}",
            batch.num_columns(),
            schema.fields().len()
        )));
    }
    if batch.schema_ref() == schema {
        return Ok(batch);
    }
    for (column, field) in batch.columns().iter().zip(schema.fields()) {
        if !column.data_type().equals_datatype(field.data_type()) {
            return Err(Error::type_mismatch(format!(
                "a batch has {}, where the schema has {}",
                column.data_type(),
                field.data_type()
            ))
            .in_column(field.name().clone()));
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows())).with_match_field_names(false);
    let columns = batch.columns().to_vec();
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
        .map_err(|error| Error::invalid_argument(error.to_string()).caused_by(error))
}
