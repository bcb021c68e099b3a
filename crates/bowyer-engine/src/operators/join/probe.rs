// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The probe side: a stage that finds the partners of each row.
//!
//! Where a row may have many partners, pairs are made a batch at a time ([`Pairing`]): what is not asked for is never
//! there.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_buffer::BooleanBuffer;
use arrow_schema::SchemaRef;
use bowyer_core::keys::NO_GROUP;
use bowyer_core::take::{NO_ROW, Rows, take};
use bowyer_core::{Error, Memory, Result};
use datafusion_common::JoinType;

use super::build::{BuildTable, Partners};
use super::pairing::Pairing;
use super::{JoinBuild, JoinKeys};
use crate::operators::select::Selection;
use crate::operators::{JoinColumn, Output, Rest, Stage, TaskContext};

/// The probe side of a join.
pub(crate) struct JoinProbe(Arc<Probe>);

struct Probe {
    build: Arc<JoinBuild>,
    keys: JoinKeys,
    schema: SchemaRef,
    columns: Vec<JoinColumn>,
}

/// The partners of the rows of a batch.
enum Matches {
    /// Every probe row once, in place, with its partner.
    All { partners: Vec<u32> },
    /// The probe rows whose bit is set, with their partners.
    Some { kept: BooleanBuffer, partners: Vec<u32> },
    /// Probe rows, repeated, with their partners.
    Many(Pairing),
}

/// Rows of a result.
enum Chosen<'a> {
    All,
    Some(Selection),
    Repeated(&'a [u32]),
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
        Ok(Self(Arc::new(Probe { build, keys, schema: output, columns })))
    }
}

impl Probe {
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
            (_, Partners::Many { .. }) => Matches::Many(Pairing::new(groups, kind == JoinType::Left)),
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
        chosen: &Chosen<'_>,
        partners: &[u32],
        memory: &Memory,
    ) -> Result<Option<RecordBatch>> {
        let row_count = match chosen {
            Chosen::All => batch.num_rows(),
            Chosen::Some(selection) => selection.row_count(),
            Chosen::Repeated(rows) => rows.len(),
        };
        if row_count == 0 {
            return Ok(None);
        }
        let build_rows = Rows::new(partners, table.rows.num_rows())?;
        let repeated = match chosen {
            Chosen::Repeated(rows) => Rows::new(rows, batch.num_rows())?,
            _ => Rows::new(&[], 0)?,
        };
        let column = |column: &JoinColumn| match (*column, chosen) {
            (JoinColumn::Build(column), _) => take(table.rows.column(column), build_rows, memory),
            (JoinColumn::Probe(column), Chosen::Repeated(_)) => take(batch.column(column), repeated, memory),
            (JoinColumn::Probe(column), Chosen::Some(selection)) => selection.apply(batch.column(column), memory),
            (JoinColumn::Probe(column), Chosen::All) => Ok(batch.column(column).clone()),
        };
        let columns = self.columns.iter().map(column).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(row_count));
        Ok(Some(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?))
    }

    /// The next batch of pairs, and those after it.
    fn pairs(self: &Arc<Self>, batch: RecordBatch, mut pairing: Pairing, context: &TaskContext) -> Result<Output> {
        context.check()?;
        let table = self.build.table()?;
        let Partners::Many { starts, rows } = &table.partners else {
            return Err(Error::internal("pairs of rows that have one partner"));
        };
        let pairs = pairing.next(starts, rows, context.batch_rows.max(1), &context.memory)?;
        let found = self.result(table, &batch, &Chosen::Repeated(&pairs.rows), &pairs.partners, &context.memory)?;
        let rest = pairing
            .has_more()
            .then(|| -> Box<dyn Rest> { Box::new(MorePairs { probe: self.clone(), batch, pairing }) });
        Ok(Output { batch: found, rest })
    }
}

/// Pairs that have not been asked for.
struct MorePairs {
    probe: Arc<Probe>,
    batch: RecordBatch,
    pairing: Pairing,
}

impl Rest for MorePairs {
    fn next(self: Box<Self>, context: &TaskContext) -> Result<Output> {
        self.probe.pairs(self.batch, self.pairing, context)
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

impl Stage for JoinProbe {
    fn schema(&self) -> SchemaRef {
        self.0.schema.clone()
    }

    fn apply(&self, batch: RecordBatch, context: &TaskContext) -> Result<Output> {
        context.check()?;
        let probe = &self.0;
        let table = probe.build.table()?;
        let (chosen, partners) = match probe.matches(table, &batch, context)? {
            Matches::Many(pairing) => return probe.pairs(batch, pairing, context),
            Matches::All { partners } => (Chosen::All, partners),
            Matches::Some { kept, partners } => match Selection::new(kept) {
                selection if selection.is_whole() => (Chosen::All, partners),
                selection => (Chosen::Some(selection), partners),
            },
        };
        let batch = probe.result(table, &batch, &chosen, &partners, &context.memory)?;
        Ok(Output { batch, rest: None })
    }

    fn trace(&self, input: &RecordBatch, output_row: usize, context: &TaskContext) -> Result<usize> {
        let table = self.0.build.table()?;
        Ok(match (self.0.matches(table, input, context)?, &table.partners) {
            (Matches::Some { kept, .. }, _) => kept.set_indices().nth(output_row).unwrap_or(output_row),
            (Matches::Many(pairing), Partners::Many { starts, .. }) => pairing.probe_row(starts, output_row),
            _ => output_row,
        })
    }
}
