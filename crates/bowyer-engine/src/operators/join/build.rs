// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The build side: all rows of the right input as one batch, and from a key's group to its rows.

use std::sync::{Arc, OnceLock};

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, SchemaRef};
use bowyer_core::group::GroupTable;
use bowyer_core::keys::{KeyOptions, NO_GROUP, NullKeys};
use bowyer_core::lanes::Lanes;
use bowyer_core::take::{concat, is_pooled};
use bowyer_core::{Charge, Error, Memory, Result};
use datafusion_common::{JoinType, NullEquality};
use rayon::prelude::*;

use super::JoinKeys;
use crate::operators::aggregate::{own, own_all};
use crate::operators::{Breaker, Finished, LocalState, Morsel, TaskContext};

/// The build side of a join: a breaker that leaves a table for [`super::JoinProbe`].
pub(crate) struct JoinBuild {
    schema: SchemaRef,
    keys: JoinKeys,
    kind: JoinType,
    null_keys: NullKeys,
    table: OnceLock<BuildTable>,
}

/// What a probe reads.
pub(super) struct BuildTable {
    pub(super) groups: GroupTable,
    pub(super) partners: Partners,
    /// All rows; without columns where only the existence of a match counts.
    pub(super) rows: RecordBatch,
    /// What those of `rows` are charged for that are not in pool memory.
    _charge: Charge,
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

struct Local {
    /// The sequence of each batch, the batch and its keys.
    kept: Vec<(u64, RecordBatch, Vec<ArrayRef>)>,
}

impl LocalState for Local {}

impl JoinBuild {
    /// Builds rows of `schema` by `keys`.
    pub(crate) fn new(schema: SchemaRef, keys: JoinKeys, kind: JoinType, nulls: NullEquality) -> Arc<Self> {
        let null_keys = match nulls {
            NullEquality::NullEqualsNull => NullKeys::Group,
            NullEquality::NullEqualsNothing => NullKeys::Reject,
        };
        Arc::new(Self { schema, keys, kind, null_keys, table: OnceLock::new() })
    }

    pub(super) fn kind(&self) -> JoinType {
        self.kind
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
        let options = KeyOptions { null_keys: self.null_keys, expected_rows: row_count, ..KeyOptions::default() };
        let mut groups = GroupTable::new(self.keys.types(), options, memory)?;
        let needs_rows = matches!(self.kind, JoinType::Inner | JoinType::Left);
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
        let rows = if needs_rows { self.gather(batches, memory)? } else { nothing() };
        let unpooled = rows.columns().iter().filter(|column| batches.len() > 1 && !is_pooled(column.data_type()));
        let charge = memory.charge(unpooled.map(|column| column.get_buffer_memory_size()).sum())?;
        Ok(BuildTable { groups, partners, rows, _charge: charge })
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

/// The rows of each group, given the group of each row.
fn partners(groups: &GroupTable, group_of_row: Lanes<u32>, memory: &Memory) -> Result<Partners> {
    let (group_count, row_count) = (groups.group_count(), group_of_row.len());
    if group_count == row_count {
        return Ok(Partners::SameRow);
    }
    if row_count >= NO_GROUP as usize {
        return Err(Error::limit_exceeded("a build side of more than 2^32 - 2 rows"));
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
        Ok(Box::new(Local { kept: Vec::new() }))
    }

    fn consume(&self, local: &mut dyn LocalState, morsel: Morsel, context: &TaskContext) -> Result<()> {
        context.check()?;
        let keys = self.keys.of(&morsel.batch, &context.memory)?;
        own::<Local>(local)?.kept.push((morsel.sequence, morsel.batch, keys));
        Ok(())
    }

    fn finish(&self, locals: Vec<Box<dyn LocalState>>, context: &TaskContext) -> Result<Finished> {
        let mut kept: Vec<_> = own_all::<Local>(locals)?.into_iter().flat_map(|local| local.kept).collect();
        kept.sort_by_key(|(sequence, ..)| *sequence);
        let (batches, keys): (Vec<_>, Vec<_>) = kept.into_iter().map(|(_, batch, keys)| (batch, keys)).unzip();
        if self.table.set(self.build(&batches, &keys, context)?).is_err() {
            return Err(Error::internal("a join was built twice"));
        }
        Ok(Finished::Table)
    }
}
