// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The build side: all rows of the right input as one batch, and from a key's group to its rows.

use std::sync::{Arc, OnceLock};

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, SchemaRef};
use bowyer_core::group::GroupTable;
use bowyer_core::keys::{KeyOptions, NO_GROUP, NullKeys};
use bowyer_core::lanes::Lanes;
use bowyer_core::take::concat;
use bowyer_core::{Error, Memory, Result};
use datafusion_common::NullEquality;
use rayon::prelude::*;

use super::dynamic::DynamicFilter;
use super::ranges::Ranges;
use super::spill::{FiledRowsOfTask, Files};
use super::unmatched::Marks;
use super::{JoinKeys, PairCondition, Rule};
use crate::operators::aggregate::{own, own_all};
use crate::operators::{Breaker, Finished, LocalState, Morsel, TaskContext};
use crate::spill::Spilled;

/// The build side of a join: a breaker that leaves a table for [`super::JoinProbe`].
pub(crate) struct JoinBuild {
    schema: SchemaRef,
    keys: JoinKeys,
    rule: Rule,
    null_keys: NullKeys,
    /// What pairs must fulfil beyond equal keys.
    residual: Option<Arc<PairCondition>>,
    table: OnceLock<BuildTable>,
    /// Filters of the other side, by which key.
    dynamic: Vec<(Arc<DynamicFilter>, usize)>,
    /// Where rows may go.
    files: Option<Files>,
}

/// What a probe reads.
pub(super) struct BuildTable {
    /// The groups of the keys; `None` without keys, where all rows are of one group.
    pub(super) groups: Option<GroupTable>,
    pub(super) partners: Partners,
    /// The rows of each group in the order of what the residual compares, if it does and if groups have several.
    pub(super) ranges: Option<Ranges>,
    /// All rows; without columns where only the existence of a match counts.
    pub(super) rows: RecordBatch,
    pub(super) row_count: usize,
    /// Whether a key is null.
    pub(super) has_null_key: bool,
    /// The rows that have found a partner, where the others are asked for.
    pub(super) marks: Option<Marks>,
}

/// The build rows of each group.
pub(super) enum Partners {
    /// Group `i` is row `i`.
    SameRow,
    /// Group `i` is this one row.
    OneRow(Lanes<u32>),
    /// Group `i` has rows `starts[i] .. starts[i + 1]` of `rows`.
    Many { starts: Lanes<u32>, rows: Lanes<u32> },
}

impl Partners {
    /// The rows of a group.
    pub(super) fn of<'a>(&'a self, group: &'a u32) -> &'a [u32] {
        match self {
            _ if *group == NO_GROUP => &[],
            Self::SameRow => std::slice::from_ref(group),
            Self::OneRow(rows) => rows.get(*group as usize).map_or(&[], std::slice::from_ref),
            Self::Many { starts, rows } => {
                &rows[starts[*group as usize] as usize..starts[*group as usize + 1] as usize]
            }
        }
    }
}

/// The sequence of a batch, the batch and its keys.
pub(super) type Kept = (u64, RecordBatch, Vec<ArrayRef>);

struct Local {
    kept: Vec<Kept>,
    filed: FiledRowsOfTask,
}

impl LocalState for Local {}

impl JoinBuild {
    /// Builds rows of `schema` by `keys`, for a join of a rule and a residual.
    pub(crate) fn new(
        schema: SchemaRef,
        keys: JoinKeys,
        rule: Rule,
        nulls: NullEquality,
        residual: Option<Arc<PairCondition>>,
    ) -> Arc<Self> {
        let null_keys = match nulls {
            NullEquality::NullEqualsNull => NullKeys::Group,
            NullEquality::NullEqualsNothing => NullKeys::Reject,
        };
        let (table, dynamic) = (OnceLock::new(), Vec::new());
        Arc::new(Self { schema, keys, rule, null_keys, residual, table, dynamic, files: None })
    }

    /// The same, which fills in filters of the other side, each by one of its keys.
    pub(crate) fn with_dynamic(self: Arc<Self>, dynamic: Vec<(Arc<DynamicFilter>, usize)>) -> Arc<Self> {
        let Self { schema, keys, rule, null_keys, residual, .. } = &*self;
        let (schema, keys, residual) = (schema.clone(), keys.clone(), residual.clone());
        let table = OnceLock::new();
        Arc::new(Self { schema, keys, rule: *rule, null_keys: *null_keys, residual, table, dynamic, files: None })
    }

    /// The same, whose rows go to files when memory is short; [`super::FiledRows`] has to follow the probe side then.
    ///
    /// # Errors
    /// `NotImplemented` for keys of types that have no hash.
    pub(crate) fn with_files(self: Arc<Self>) -> Result<Arc<Self>> {
        let files = Some(Files::new(&self.keys)?);
        let Self { schema, keys, rule, null_keys, residual, .. } = &*self;
        let (schema, keys, residual) = (schema.clone(), keys.clone(), residual.clone());
        let (table, dynamic) = (OnceLock::new(), self.dynamic.clone());
        Ok(Arc::new(Self { schema, keys, rule: *rule, null_keys: *null_keys, residual, table, dynamic, files }))
    }

    /// The same with a table of its own for some of the rows; of all there are so many, and perhaps a null key.
    pub(super) fn with_table(
        &self,
        batches: &[RecordBatch],
        keys: &[Vec<ArrayRef>],
        (row_count, has_null_key): (usize, bool),
        context: &TaskContext,
    ) -> Result<Arc<Self>> {
        let mut table = self.build(batches, keys, context)?;
        (table.row_count, table.has_null_key) = (row_count, has_null_key);
        Ok(Arc::new(Self {
            schema: self.schema.clone(),
            keys: self.keys.clone(),
            rule: self.rule,
            null_keys: self.null_keys,
            residual: self.residual.clone(),
            table: OnceLock::from(table),
            dynamic: Vec::new(),
            files: None,
        }))
    }

    /// Where rows may go, if they may.
    pub(super) fn files(&self, context: &TaskContext) -> Option<&Files> {
        self.files.as_ref().filter(|_| context.spill.is_some() && !self.keys.types().is_empty())
    }

    /// What went to files.
    pub(super) fn filed(&self) -> Option<&Spilled> {
        self.files.as_ref().map(Files::spilled)
    }

    pub(super) fn keys(&self) -> &JoinKeys {
        &self.keys
    }

    pub(super) fn rule(&self) -> Rule {
        self.rule
    }

    pub(super) fn residual(&self) -> Option<&PairCondition> {
        self.residual.as_deref()
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(super) fn key_types(&self) -> &[DataType] {
        self.keys.types()
    }

    /// The table.
    pub(super) fn table(&self) -> Result<&BuildTable> {
        self.table.get().ok_or_else(|| Error::internal("a join is probed before it is built"))
    }

    fn build(&self, batches: &[RecordBatch], keys: &[Vec<ArrayRef>], context: &TaskContext) -> Result<BuildTable> {
        let memory = &context.memory;
        let row_count: usize = batches.iter().map(RecordBatch::num_rows).sum();
        if row_count >= NO_GROUP as usize {
            return Err(Error::limit_exceeded("a build side of more than 2^32 - 2 rows"));
        }
        let needs_rows = self.rule.gives_pairs() || self.residual.is_some();
        let (groups, partners) = if self.keys.types().is_empty() {
            (None, every_row(row_count, memory)?)
        } else {
            let (groups, partners) = self.group(batches, keys, needs_rows, context)?;
            (Some(groups), partners)
        };
        let rows = if needs_rows { self.gather(batches, memory)? } else { nothing() };
        let has_null_key = keys.iter().flatten().any(|key| key.logical_null_count() > 0);
        let marks = if self.rule.keeps_build_rows() { Some(Marks::new(row_count, memory)?) } else { None };
        let inequalities = self.residual().map(PairCondition::inequalities).unwrap_or_default();
        let ranges = match &partners {
            Partners::Many { .. } if !inequalities.is_empty() => {
                let group_count = groups.as_ref().map_or(1, GroupTable::group_count);
                context.check()?;
                Some(Ranges::new(inequalities, &rows, &partners, group_count, memory)?)
            }
            _ => None,
        };
        Ok(BuildTable { groups, partners, ranges, rows, row_count, has_null_key, marks })
    }

    fn group(
        &self,
        batches: &[RecordBatch],
        keys: &[Vec<ArrayRef>],
        needs_rows: bool,
        context: &TaskContext,
    ) -> Result<(GroupTable, Partners)> {
        let memory = &context.memory;
        let expected_rows = batches.iter().map(RecordBatch::num_rows).sum();
        let options = KeyOptions { null_keys: self.null_keys, expected_rows, ..KeyOptions::default() };
        let mut groups = GroupTable::new(self.keys.types(), options, memory)?;
        groups.forget_keys();
        for (batch, keys) in batches.iter().zip(keys) {
            context.check()?;
            groups.look_ahead(keys, batch.num_rows())?;
        }
        let mut group_of_row = Lanes::<u32>::new(memory)?;
        let mut group_indices = Vec::new();
        for (batch, keys) in batches.iter().zip(keys) {
            context.check()?;
            groups.insert(keys, batch.num_rows(), &mut group_indices)?;
            if needs_rows {
                group_of_row.extend_from_slice(&group_indices)?;
            }
        }
        let partners = if needs_rows { partners(&groups, group_of_row, memory)? } else { Partners::SameRow };
        Ok((groups, partners))
    }

    fn gather(&self, batches: &[RecordBatch], memory: &Memory) -> Result<RecordBatch> {
        if batches.is_empty() {
            return Ok(RecordBatch::new_empty(self.schema.clone()));
        }
        let column = |column: usize| {
            let parts: Vec<ArrayRef> = batches.iter().map(|batch| batch.column(column).clone()).collect();
            concat(&parts, memory)
        };
        let columns: Result<Vec<ArrayRef>> = (0..self.schema.fields().len()).into_par_iter().map(column).collect();
        let row_count = batches.iter().map(RecordBatch::num_rows).sum();
        let options = RecordBatchOptions::new().with_row_count(Some(row_count));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns?, &options)?)
    }
}

fn nothing() -> RecordBatch {
    let options = RecordBatchOptions::new().with_row_count(Some(0));
    let empty = RecordBatch::try_new_with_options(arrow_schema::Schema::empty().into(), Vec::new(), &options);
    empty.unwrap_or_else(|_| RecordBatch::new_empty(arrow_schema::Schema::empty().into()))
}

/// All rows as those of group 0.
fn every_row(row_count: usize, memory: &Memory) -> Result<Partners> {
    let mut starts = Lanes::filled(memory, 2, 0_u32)?;
    starts[1] = row_count as u32;
    let mut rows = Lanes::for_overwrite(memory, row_count)?;
    for (row, slot) in (0_u32..).zip(rows.iter_mut()) {
        *slot = row;
    }
    Ok(Partners::Many { starts, rows })
}

/// The rows of each group, given the group of each row.
fn partners(groups: &GroupTable, group_of_row: Lanes<u32>, memory: &Memory) -> Result<Partners> {
    let (group_count, row_count) = (groups.group_count(), group_of_row.len());
    if group_count == row_count {
        return Ok(Partners::SameRow);
    }
    let keyed = group_of_row.iter().filter(|&&group| group != NO_GROUP).count();
    let mut starts = Lanes::filled(memory, group_count + 1, 0_u32)?;
    for &group in group_of_row.iter().filter(|&&group| group != NO_GROUP) {
        starts[group as usize + 1] += 1;
    }
    for group in 0..group_count {
        starts[group + 1] += starts[group];
    }
    let mut next = Lanes::for_overwrite(memory, group_count)?;
    next.copy_from_slice(&starts[..group_count]);
    let mut rows = Lanes::for_overwrite(memory, keyed)?;
    for (row, &group) in group_of_row.iter().enumerate().filter(|(_, group)| **group != NO_GROUP) {
        let at: &mut u32 = &mut next[group as usize];
        rows[*at as usize] = row as u32;
        *at += 1;
    }
    Ok(if keyed == group_count { Partners::OneRow(rows) } else { Partners::Many { starts, rows } })
}

impl Breaker for JoinBuild {
    fn local(&self, _: &TaskContext) -> Result<Box<dyn LocalState>> {
        Ok(Box::new(Local { kept: Vec::new(), filed: FiledRowsOfTask::default() }))
    }

    fn consume(&self, local: &mut dyn LocalState, morsel: Morsel, context: &TaskContext) -> Result<()> {
        context.check()?;
        let Local { kept, filed } = own::<Local>(local)?;
        let Some(batch) = self.file(filed, kept, morsel.unpaid_bytes, morsel.batch, context)? else { return Ok(()) };
        let keys = self.keys.of(&batch, &context.memory)?;
        kept.push((morsel.sequence, batch, keys));
        Ok(())
    }

    fn finish(&self, locals: Vec<Box<dyn LocalState>>, context: &TaskContext) -> Result<Finished> {
        let locals = own_all::<Local>(locals)?;
        let mut tasks: Vec<_> = locals.into_iter().map(|local| (local.filed, local.kept)).collect();
        if self.finish_files(&mut tasks, context)? {
            return Ok(Finished::Table);
        }
        let (_charges, kept): (Vec<_>, Vec<_>) = tasks.into_iter().unzip();
        let mut kept: Vec<_> = kept.into_iter().flatten().collect();
        kept.sort_by_key(|(sequence, ..)| *sequence);
        let (batches, keys): (Vec<_>, Vec<_>) = kept.into_iter().map(|(_, batch, keys)| (batch, keys)).unzip();
        for (filter, key) in &self.dynamic {
            let keys: Vec<ArrayRef> = keys.iter().map(|keys| keys[*key].clone()).collect();
            filter.fill(&keys, self.null_keys == NullKeys::Group, &context.memory)?;
        }
        if self.table.set(self.build(&batches, &keys, context)?).is_err() {
            return Err(Error::internal("a join was built twice"));
        }
        Ok(Finished::Table)
    }
}
