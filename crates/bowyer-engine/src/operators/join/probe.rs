// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The probe side: a stage that finds the partners of each row.
//!
//! Where a row may have many partners, pairs are made a batch at a time ([`Pairing`]): what is not asked for is never
//! there.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow_buffer::{BooleanBuffer, Buffer};
use arrow_schema::{FieldRef, SchemaRef};
use arrow_select::zip::zip;
use bowyer_core::arch::vectorised;
use bowyer_core::keys::NO_GROUP;
use bowyer_core::selection::Selection;
use bowyer_core::take::{NO_ROW, Rows, take};
use bowyer_core::{Error, Memory, Result};

use super::build::{BuildTable, Partners};
use super::pairing::{Pairing, Pairs};
use super::unmatched::{UnmatchedRows, as_type};
use super::{JoinBuild, JoinKeys, Rule};
use crate::operators::{JoinColumn, Output, Rest, Stage, TaskContext};
use crate::spill::Spilled;

/// The probe side of a join.
pub(crate) struct JoinProbe(Arc<Probe>);

pub(super) struct Probe {
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
    Some { kept: Selection, partners: Vec<u32> },
    /// Probe rows, repeated, with their partners.
    Many(Pairing),
}

/// Rows of a result.
pub(super) enum Chosen<'a> {
    All,
    Some(Selection),
    Repeated(&'a [u32]),
}

impl JoinProbe {
    /// Probes `build` with the keys of rows of `probe`. The result has `columns`, as in `output`.
    ///
    /// # Errors
    /// `TypeMismatch` when the keys are not those of the build side, `Internal` for columns that are not there.
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
        let (probe, built) = (probe.fields().len(), build.schema().fields().len());
        let pairs = build.rule().gives_pairs();
        let known = columns.iter().all(|column| match *column {
            JoinColumn::Probe(column) => column < probe,
            JoinColumn::Build(column) => pairs && column < built,
            JoinColumn::Either { probe: own, build, .. } => pairs && own < probe && build < built,
        });
        if !known || columns.len() != output.fields().len() {
            return Err(Error::internal("a join's columns are not those of its inputs"));
        }
        Ok(Self(Arc::new(Probe { build, keys, schema: output, columns })))
    }

    pub(super) fn into_probe(self) -> Arc<Probe> {
        self.0
    }

    pub(super) fn probe(&self) -> Arc<Probe> {
        self.0.clone()
    }
}

impl Probe {
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(super) fn build(&self) -> &JoinBuild {
        &self.build
    }

    pub(super) fn keys(&self) -> &JoinKeys {
        &self.keys
    }

    /// The same with another table.
    pub(super) fn with_build(&self, build: Arc<JoinBuild>) -> JoinProbe {
        let (keys, schema, columns) = (self.keys.clone(), self.schema.clone(), self.columns.clone());
        JoinProbe(Arc::new(Self { build, keys, schema, columns }))
    }

    /// The rows of a table that have found no partner.
    pub(super) fn unmatched_of(&self, build: Arc<JoinBuild>) -> UnmatchedRows {
        UnmatchedRows::new(build, self.schema.clone(), self.columns.clone())
    }

    /// The keys of probe rows, and the group of each.
    pub(super) fn groups(
        &self,
        table: &BuildTable,
        batch: &RecordBatch,
        context: &TaskContext,
    ) -> Result<(Vec<ArrayRef>, Vec<u32>)> {
        let keys = self.keys.of(batch, &context.memory)?;
        let mut groups = Vec::new();
        match &table.groups {
            Some(table) => table.find(&keys, batch.num_rows(), &mut groups)?,
            None => groups.resize(batch.num_rows(), 0),
        }
        Ok((keys, groups))
    }

    fn matches(&self, table: &BuildTable, batch: &RecordBatch, context: &TaskContext) -> Result<Matches> {
        let (keys, mut groups) = self.groups(table, batch, context)?;
        let rule = self.build.rule();
        let outer = rule.keeps_probe_rows();
        if self.build.residual().is_some() {
            let pairing = Pairing::new(groups, false, &context.memory)?;
            return Ok(Matches::Many(match &table.ranges {
                Some(ranges) => pairing.within(ranges.wanted(batch, &context.memory)?),
                None => pairing,
            }));
        }
        Ok(match (rule, &table.partners) {
            (Rule::Having, _) => existing(&groups, table, |found, _| found),
            (Rule::Lacking { null_aware: true }, _) if table.row_count > 0 => {
                let nulls = keys.first().and_then(Array::logical_nulls);
                let known = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
                existing(&groups, table, |found, row| !found && !table.has_null_key && known(row))
            }
            (Rule::Lacking { .. }, _) => existing(&groups, table, |found, _| !found),
            (_, Partners::Many { .. }) => Matches::Many(Pairing::new(groups, outer, &context.memory)?),
            (_, Partners::OneRow(rows)) => {
                for group in &mut groups {
                    *group = rows.get(*group as usize).copied().unwrap_or(NO_ROW);
                }
                single(groups, outer)
            }
            // A group is its row, and no group no row.
            (_, Partners::SameRow) => single(groups, outer),
        })
    }

    pub(super) fn result(
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
        let presence = build_rows.presence(memory)?;
        let build_rows = build_rows.sharing(presence.as_ref());
        let repeated = match chosen {
            Chosen::Repeated(rows) => Rows::new(rows, batch.num_rows())?,
            _ => Rows::new(&[], 0)?,
        };
        let built = |column: usize| take(table.rows.column(column), build_rows, memory);
        let probed = |column: usize| match chosen {
            Chosen::Repeated(_) => take(batch.column(column), repeated, memory),
            Chosen::Some(selection) => selection.apply(batch.column(column), memory),
            Chosen::All => Ok(batch.column(column).clone()),
        };
        let column = |(column, field): (&JoinColumn, &FieldRef)| match *column {
            JoinColumn::Build(column) => built(column),
            JoinColumn::Probe(column) => probed(column),
            // Every row here has a probe row.
            JoinColumn::Either { probe, build_first: false, .. } => as_type(probed(probe)?, field.data_type(), memory),
            JoinColumn::Either { probe, build, .. } => {
                let first = as_type(built(build)?, field.data_type(), memory)?;
                if !partners.contains(&NO_ROW) {
                    return Ok(first);
                }
                let there = BooleanBuffer::collect_bool(partners.len(), |row| partners[row] != NO_ROW);
                let second = as_type(probed(probe)?, field.data_type(), memory)?;
                Ok(zip(&BooleanArray::new(there, None), &first, &second)?)
            }
        };
        let columns = self.columns.iter().zip(self.schema.fields()).map(column).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(row_count));
        Ok(Some(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?))
    }

    /// The next batch of pairs, and those after it.
    fn pairs(self: &Arc<Self>, batch: RecordBatch, mut pairing: Pairing, context: &TaskContext) -> Result<Output> {
        let table = self.build.table()?;
        let pairs = self.chosen(table, &batch, &mut pairing, context)?;
        if let Some(marks) = &table.marks {
            marks.set(&pairs.partners);
        }
        let found = self.result(table, &batch, &Chosen::Repeated(&pairs.rows), &pairs.partners, &context.memory)?;
        let more = pairing.has_more();
        let rest = more.then(|| -> Box<dyn Rest> { Box::new(MorePairs { probe: self.clone(), batch, pairing }) });
        Ok(Output { batch: found, rest })
    }

    /// The next rows of the result, as pairs.
    fn chosen(
        &self,
        table: &BuildTable,
        batch: &RecordBatch,
        pairing: &mut Pairing,
        context: &TaskContext,
    ) -> Result<Pairs> {
        context.check()?;
        let pairs = pairing.next(table, context.batch_rows.max(1), &context.memory)?;
        let Some(residual) = self.build.residual() else { return Ok(pairs) };
        let holds = residual.holds(batch, &table.rows, &pairs, context)?;
        Ok(pairing.settle(pairs, &holds, self.build.rule()))
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

/// The probe rows that stay, given whether each has a partner, and its number.
fn existing(groups: &[u32], table: &BuildTable, stays: impl Fn(bool, usize) -> bool) -> Matches {
    let partner = |group: u32| group != NO_GROUP && (table.groups.is_some() || table.row_count > 0);
    let kept = BooleanBuffer::collect_bool(groups.len(), |row| stays(partner(groups[row]), row));
    Matches::Some { kept: Selection::new(kept), partners: Vec::new() }
}

/// The matches of rows that have one partner at most.
fn single(partners: Vec<u32>, outer: bool) -> Matches {
    if outer {
        return Matches::All { partners };
    }
    let mut words = vec![0_u64; partners.len().div_ceil(64)];
    vectorised(
        #[inline(always)]
        || {
            for (word, partners) in words.iter_mut().zip(partners.chunks(64)) {
                let bit = |word, (bit, &partner): (usize, &u32)| word | u64::from(partner != NO_ROW) << bit;
                *word = partners.iter().enumerate().fold(0, bit);
            }
        },
    );
    let kept = Selection::new(BooleanBuffer::new(Buffer::from_vec(words), 0, partners.len()));
    if kept.is_whole() {
        return Matches::All { partners };
    }
    let partners = kept.rows(&partners);
    Matches::Some { kept, partners }
}

impl Stage for JoinProbe {
    fn schema(&self) -> SchemaRef {
        self.0.schema.clone()
    }

    fn apply(&self, batch: RecordBatch, context: &TaskContext) -> Result<Output> {
        context.check()?;
        let probe = &self.0;
        if probe.build.file_probe(&probe.keys, &batch, context)? {
            return Ok(Output::default());
        }
        let table = probe.build.table()?;
        let (chosen, partners) = match probe.matches(table, &batch, context)? {
            Matches::Many(pairing) => return probe.pairs(batch, pairing, context),
            Matches::All { partners } => (Chosen::All, partners),
            Matches::Some { kept, partners } if kept.is_whole() => (Chosen::All, partners),
            Matches::Some { kept, partners } => (Chosen::Some(kept), partners),
        };
        if let Some(marks) = &table.marks {
            marks.set(&partners);
        }
        let batch = probe.result(table, &batch, &chosen, &partners, &context.memory)?;
        Ok(Output { batch, rest: None })
    }

    fn spilled(&self) -> Option<&Spilled> {
        self.0.build.filed()
    }

    fn trace(&self, input: &RecordBatch, output_row: usize, context: &TaskContext) -> Result<usize> {
        let table = self.0.build.table()?;
        let mut pairing = match self.0.matches(table, input, context)? {
            Matches::All { .. } => return Ok(output_row),
            Matches::Some { kept, .. } => return Ok(kept.mask().set_indices().nth(output_row).unwrap_or(output_row)),
            Matches::Many(pairing) => pairing,
        };
        let mut before = 0;
        while pairing.has_more() {
            let pairs = self.0.chosen(table, input, &mut pairing, context)?;
            if let Some(&row) = pairs.rows.get(output_row - before) {
                return Ok(row as usize);
            }
            before += pairs.rows.len();
        }
        Err(Error::internal("a row that the join does not give"))
    }
}
