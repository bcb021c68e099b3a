// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Build rows without a partner: marks that probes set, and the stage that gives the unmarked rows at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{DataType, SchemaRef};
use bowyer_compute::{CastMode, cast};
use bowyer_core::take::{NO_ROW, Rows, take};
use bowyer_core::{Charge, Column, Error, Memory, Result};

use super::JoinBuild;
use crate::operators::{JoinColumn, Output, Rest, Stage, TaskContext};

/// The build rows that have found a partner.
pub(super) struct Marks {
    words: Vec<AtomicU64>,
    row_count: usize,
    _charge: Charge,
}

impl Marks {
    /// None of `row_count` rows.
    pub(super) fn new(row_count: usize, memory: &Memory) -> Result<Self> {
        let word_count = row_count.div_ceil(64);
        let charge = memory.charge(word_count * size_of::<u64>())?;
        Ok(Self { words: (0..word_count).map(|_| AtomicU64::new(0)).collect(), row_count, _charge: charge })
    }

    /// Marks rows; [`NO_ROW`] is none.
    pub(super) fn set(&self, rows: &[u32]) {
        for &row in rows.iter().filter(|&&row| row != NO_ROW) {
            let Some(word) = self.words.get(row as usize / 64) else { continue };
            let bit = 1 << (row % 64);
            // Most rows find the mark of an earlier one; a plain look keeps the line shared.
            if word.load(Ordering::Relaxed) & bit == 0 {
                word.fetch_or(bit, Ordering::Relaxed);
            }
        }
    }

    /// Up to `limit` unmarked rows from row `first` on, and the row to go on from.
    fn unmarked(&self, first: usize, limit: usize) -> (Vec<u32>, usize) {
        let mut rows = Vec::new();
        let mut row = first;
        while row < self.row_count && rows.len() < limit {
            let word = !self.words[row / 64].load(Ordering::Relaxed) >> (row % 64);
            if word == 0 {
                row = (row / 64 + 1) * 64;
                continue;
            }
            row += word.trailing_zeros() as usize;
            if row < self.row_count {
                rows.push(row as u32);
            }
            row += 1;
        }
        (rows, row)
    }
}

/// Gives, for any batch, the build rows without a partner, with nulls for the probe side.
pub(crate) struct UnmatchedRows(Arc<Unmatched>);

struct Unmatched {
    build: Arc<JoinBuild>,
    schema: SchemaRef,
    columns: Vec<JoinColumn>,
}

impl UnmatchedRows {
    /// Rows of `schema` from a table that has been probed to the end.
    pub(crate) fn new(build: Arc<JoinBuild>, schema: SchemaRef, columns: Vec<JoinColumn>) -> Self {
        Self(Arc::new(Unmatched { build, schema, columns }))
    }
}

impl Unmatched {
    fn rows_from(self: Arc<Self>, first: usize, context: &TaskContext) -> Result<Output> {
        context.check()?;
        let table = self.build.table()?;
        let marks = table.marks.as_ref().ok_or_else(|| Error::internal("a join that marks no rows"))?;
        let (rows, next) = marks.unmarked(first, context.batch_rows.max(1));
        let batch = if rows.is_empty() { None } else { Some(self.batch(&table.rows, &rows, context)?) };
        let more = next < marks.row_count;
        let rest = more.then(|| -> Box<dyn Rest> { Box::new(MoreRows { stage: self, first: next }) });
        Ok(Output { batch, rest })
    }

    fn batch(&self, build: &RecordBatch, rows: &[u32], context: &TaskContext) -> Result<RecordBatch> {
        let count = rows.len();
        let rows = Rows::new(rows, build.num_rows())?;
        let column = |(column, field): (&JoinColumn, &Arc<arrow_schema::Field>)| match *column {
            JoinColumn::Probe(_) => Ok(new_null_array(field.data_type(), count)),
            JoinColumn::Build(column) => take(build.column(column), rows, &context.memory),
            JoinColumn::Either { build: column, .. } => {
                as_type(take(build.column(column), rows, &context.memory)?, field.data_type(), &context.memory)
            }
        };
        let columns = self.columns.iter().zip(self.schema.fields()).map(column).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?)
    }
}

/// A key as the type of the column that it stands in.
pub(super) fn as_type(array: ArrayRef, data_type: &DataType, memory: &Memory) -> Result<ArrayRef> {
    if array.data_type() == data_type {
        return Ok(array);
    }
    cast(&Column::Array(array), data_type, CastMode::Checked, memory)?.to_array()
}

/// Rows that have not been asked for.
struct MoreRows {
    stage: Arc<Unmatched>,
    first: usize,
}

impl Rest for MoreRows {
    fn next(self: Box<Self>, context: &TaskContext) -> Result<Output> {
        self.stage.rows_from(self.first, context)
    }
}

impl Stage for UnmatchedRows {
    fn schema(&self) -> SchemaRef {
        self.0.schema.clone()
    }

    fn apply(&self, _: RecordBatch, context: &TaskContext) -> Result<Output> {
        self.0.clone().rows_from(0, context)
    }

    fn trace(&self, _: &RecordBatch, _: usize, _: &TaskContext) -> Result<usize> {
        Err(Error::internal("a build row comes from no row that passed by"))
    }
}
