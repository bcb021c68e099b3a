// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The probe side: a stage that finds the partners of each row.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_buffer::BooleanBuffer;
use arrow_schema::SchemaRef;
use bowyer_core::keys::NO_GROUP;
use bowyer_core::take::{NO_ROW, Rows, take};
use bowyer_core::{Charge, Error, Memory, Result};
use datafusion_common::JoinType;

use super::build::{BuildTable, Partners};
use super::{JoinBuild, JoinKeys};
use crate::operators::select::Selection;
use crate::operators::{JoinColumn, Stage, TaskContext};

/// The probe side of a join.
pub(crate) struct JoinProbe {
    build: Arc<JoinBuild>,
    keys: JoinKeys,
    schema: SchemaRef,
    columns: Vec<JoinColumn>,
}

/// The rows of a result.
enum Matches {
    /// Every probe row once, in place, with its partner.
    All { partners: Vec<u32> },
    /// The probe rows whose bit is set, with their partners.
    Some { kept: BooleanBuffer, partners: Vec<u32> },
    /// Probe rows, repeated, with their partners.
    Pairs { rows: Vec<u32>, partners: Vec<u32>, _charge: Charge },
}

impl JoinProbe {
    /// Probes `build` with the keys of rows of `probe`. The result has `columns`, as in `output`.
    ///
    /// # Errors
    /// `NotImplemented` for a kind that would return rows of the build side alone, `TypeMismatch` when the keys are not
    /// those of the build side, `Internal` for columns that the kind does not have.
    pub(crate) fn new(
        build: Arc<JoinBuild>,
        probe: &SchemaRef,
        keys: JoinKeys,
        output: SchemaRef,
        columns: Vec<JoinColumn>,
    ) -> Result<Self> {
        if keys.types() != build.key_types() {
            return Err(Error::type_mismatch("the keys of a join are of different types"));
        }
        let pairs = match build.kind() {
            JoinType::Inner | JoinType::Left => true,
            JoinType::LeftSemi | JoinType::LeftAnti => false,
            other => return Err(Error::not_implemented(format!("a {other} join"))),
        };
        let known = columns.iter().all(|column| match *column {
            JoinColumn::Probe(column) => column < probe.fields().len(),
            JoinColumn::Build(column) => pairs && column < build.schema().fields().len(),
        });
        if !known || columns.len() != output.fields().len() {
            return Err(Error::internal("a join's columns are not those of its inputs"));
        }
        Ok(Self { build, keys, schema: output, columns })
    }

    fn matches(&self, table: &BuildTable, batch: &RecordBatch, context: &TaskContext) -> Result<Matches> {
        let keys = self.keys.of(batch, &context.memory)?;
        let mut groups = Vec::new();
        table.groups.find(&keys, batch.num_rows(), &mut groups)?;
        let kind = self.build.kind();
        Ok(match (kind, &table.partners) {
            (JoinType::LeftSemi | JoinType::LeftAnti, _) => {
                let wanted = kind == JoinType::LeftSemi;
                let kept = BooleanBuffer::collect_bool(groups.len(), |row| (groups[row] != NO_GROUP) == wanted);
                Matches::Some { kept, partners: Vec::new() }
            }
            (_, Partners::Many { starts, rows }) => pairs(&groups, starts, rows, kind, &context.memory)?,
            (_, Partners::OneRow(rows)) => {
                for group in &mut groups {
                    *group = rows.get(*group as usize).copied().unwrap_or(NO_ROW);
                }
                single(groups, kind)
            }
            // A group is its row, and no group no row.
            (_, Partners::SameRow) => single(groups, kind),
        })
    }

    fn result(
        &self,
        table: &BuildTable,
        batch: &RecordBatch,
        matches: &Matches,
        context: &TaskContext,
    ) -> Result<Option<RecordBatch>> {
        let memory = &context.memory;
        let selection = match matches {
            Matches::Some { kept, .. } => Some(Selection::new(kept.clone())),
            _ => None,
        };
        let selection = selection.filter(|selection| !selection.is_whole());
        let (partners, row_count) = match (matches, &selection) {
            (Matches::All { partners }, _) => (partners, batch.num_rows()),
            (Matches::Some { partners, .. }, Some(selection)) => (partners, selection.row_count()),
            (Matches::Some { partners, .. }, None) => (partners, batch.num_rows()),
            (Matches::Pairs { partners, .. }, _) => (partners, partners.len()),
        };
        if row_count == 0 {
            return Ok(None);
        }
        let build_rows = Rows::new(partners, table.rows.num_rows())?;
        let repeated = match matches {
            Matches::Pairs { rows, .. } => Some(Rows::new(rows, batch.num_rows())?),
            _ => None,
        };
        let column = |column: &JoinColumn| match (*column, repeated, &selection) {
            (JoinColumn::Build(column), ..) => take(table.rows.column(column), build_rows, memory),
            (JoinColumn::Probe(column), Some(rows), _) => take(batch.column(column), rows, memory),
            (JoinColumn::Probe(column), None, Some(selection)) => selection.apply(batch.column(column), memory),
            (JoinColumn::Probe(column), None, None) => Ok(batch.column(column).clone()),
        };
        let columns = self.columns.iter().map(column).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(row_count));
        Ok(Some(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?))
    }
}

/// The matches of rows that have one partner at most.
fn single(mut partners: Vec<u32>, kind: JoinType) -> Matches {
    if kind == JoinType::Left || !partners.contains(&NO_ROW) {
        return Matches::All { partners };
    }
    let kept = BooleanBuffer::collect_bool(partners.len(), |row| partners[row] != NO_ROW);
    partners.retain(|&partner| partner != NO_ROW);
    Matches::Some { kept, partners }
}

/// The matches of rows that may have many.
fn pairs(groups: &[u32], starts: &[u32], rows: &[u32], kind: JoinType, memory: &Memory) -> Result<Matches> {
    let count = groups.iter().map(|&group| match group {
        NO_GROUP => usize::from(kind == JoinType::Left),
        group => (starts[group as usize + 1] - starts[group as usize]) as usize,
    });
    let count: usize = count.sum();
    // Many partners of many rows are more than the batch is: charged before they are there.
    let charge = memory.charge(2 * count * size_of::<u32>())?;
    let (mut repeated, mut partners) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for (row, &group) in (0_u32..).zip(groups) {
        if group != NO_GROUP {
            let found = &rows[starts[group as usize] as usize..starts[group as usize + 1] as usize];
            repeated.resize(repeated.len() + found.len(), row);
            partners.extend_from_slice(found);
        } else if kind == JoinType::Left {
            repeated.push(row);
            partners.push(NO_ROW);
        }
    }
    Ok(Matches::Pairs { rows: repeated, partners, _charge: charge })
}

impl Stage for JoinProbe {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn apply(&self, batch: RecordBatch, context: &TaskContext) -> Result<Option<RecordBatch>> {
        context.check()?;
        let table = self.build.table()?;
        let matches = self.matches(table, &batch, context)?;
        self.result(table, &batch, &matches, context)
    }

    fn trace(&self, input: &RecordBatch, output_row: usize, context: &TaskContext) -> Result<usize> {
        Ok(match self.matches(self.build.table()?, input, context)? {
            Matches::All { .. } => output_row,
            Matches::Some { kept, .. } => kept.set_indices().nth(output_row).unwrap_or(output_row),
            Matches::Pairs { rows, .. } => rows.get(output_row).map_or(output_row, |&row| row as usize),
        })
    }
}
