// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Distinct rows: of rows with equal keys the one that comes first in the input stays.
//!
//! Where equal rows are the same rows, distinct rows are groups without measures, which go on in files when memory is
//! short. Else each task keeps the first rows of what it is given, and the finish goes through them once more in the
//! order of the input, since a row that is the first of its task may not be the first of all.

mod last;

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow_schema::{DataType, FieldRef, SchemaRef};
use arrow_select::take::take_record_batch;
use bowyer_core::group::GroupTable;
use bowyer_core::keys::KeyOptions;
use bowyer_core::{Charge, Memory, Result};

use super::aggregate::sets::GroupingSets;
use super::aggregate::{HashAggregate, own, own_all, slices};
use super::sort::has_floats;
use super::{Breaker, Finished, LocalState, Morsel, TaskContext};
use last::LastRows;

/// Which of equal rows is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Whichever a task finds first.
    Any,
    /// The first in the order of the input.
    First,
    /// The last in the order of the input.
    Last,
}

/// The breaker that keeps one of the rows of `input` that are equal in `columns`.
///
/// # Errors
/// `NotImplemented` for a type whose values cannot be compared.
pub(crate) fn distinct(input: &SchemaRef, columns: Vec<usize>, keep: Keep) -> Result<Arc<dyn Breaker>> {
    if are_same(input, &columns) {
        let keys = (0..input.fields().len()).collect();
        let groups = HashAggregate::new(input, keys, GroupingSets::default(), Vec::new(), input.clone())?;
        return Ok(Arc::new(groups));
    }
    Ok(match keep {
        Keep::Last => Arc::new(LastRows::new(input, columns)),
        Keep::Any | Keep::First => Arc::new(Distinct::new(input, columns, keep == Keep::First)),
    })
}

/// Whether rows that are equal in `columns` cannot be told apart: there are no other columns, and none has zeros or NaNs
/// of several kinds.
fn are_same(input: &SchemaRef, columns: &[usize]) -> bool {
    let mut compared = vec![false; input.fields().len()];
    columns.iter().for_each(|&column| compared[column] = true);
    let exact = |(field, compared): (&FieldRef, &bool)| *compared && !has_floats(field.data_type());
    !compared.is_empty() && input.fields().iter().zip(&compared).all(exact)
}

fn table(types: &[DataType], memory: &Memory) -> Result<GroupTable> {
    GroupTable::new(types, KeyOptions::default(), memory)
}

/// Keeps the first of rows that are equal in some columns.
struct Distinct {
    columns: Vec<usize>,
    types: Vec<DataType>,
    /// Whether it is the first in the order of the input that is kept; else that of some task.
    in_order: bool,
}

struct Local {
    table: GroupTable,
    /// First rows, with the sequence of their morsel.
    kept: Vec<(u64, RecordBatch)>,
    kept_bytes: Charge,
    group_indices: Vec<u32>,
}

impl LocalState for Local {}

impl Distinct {
    fn new(input: &SchemaRef, columns: Vec<usize>, in_order: bool) -> Self {
        let types = columns.iter().map(|&column| input.field(column).data_type().clone()).collect();
        Self { columns, types, in_order }
    }

    /// The rows of `batch` whose keys are new to `table`.
    fn first_rows(
        &self,
        table: &mut GroupTable,
        batch: RecordBatch,
        group_indices: &mut Vec<u32>,
    ) -> Result<RecordBatch> {
        let keys: Vec<ArrayRef> = self.columns.iter().map(|&column| batch.column(column).clone()).collect();
        let rows = table.insert(&keys, batch.num_rows(), group_indices)?;
        if rows.len() == batch.num_rows() {
            return Ok(batch);
        }
        Ok(take_record_batch(&batch, &UInt32Array::from(rows))?)
    }
}

/// The bytes that the rows of a column take, without those of its buffer that other rows take.
fn slice_bytes(column: &ArrayRef) -> Result<usize> {
    Ok(column.to_data().get_slice_memory_size()?)
}

impl Breaker for Distinct {
    fn local(&self, context: &TaskContext) -> Result<Box<dyn LocalState>> {
        Ok(Box::new(Local {
            table: table(&self.types, &context.memory)?,
            kept: Vec::new(),
            kept_bytes: context.memory.charge(0)?,
            group_indices: Vec::new(),
        }))
    }

    fn consume(&self, local: &mut dyn LocalState, morsel: Morsel, context: &TaskContext) -> Result<()> {
        context.check()?;
        let local = own::<Local>(local)?;
        let first = self.first_rows(&mut local.table, morsel.batch, &mut local.group_indices)?;
        if first.num_rows() > 0 {
            let bytes = first.columns().iter().map(slice_bytes).sum::<Result<usize>>()?;
            local.kept_bytes.resize(local.kept_bytes.bytes() + bytes)?;
            local.kept.push((morsel.sequence, first));
        }
        Ok(())
    }

    fn finish(&self, locals: Vec<Box<dyn LocalState>>, context: &TaskContext) -> Result<Finished> {
        let mut locals = own_all::<Local>(locals)?;
        let settled = locals.len() <= 1;
        let mut kept: Vec<(u64, RecordBatch)> = locals.iter_mut().flat_map(|local| local.kept.drain(..)).collect();
        drop(locals);
        if self.in_order {
            kept.sort_by_key(|(sequence, _)| *sequence);
        }
        let mut table = table(&self.types, &context.memory)?;
        let mut group_indices = Vec::new();
        let mut batches = Vec::new();
        for (_, batch) in kept {
            context.check()?;
            let first = if settled { batch } else { self.first_rows(&mut table, batch, &mut group_indices)? };
            for batch in slices(&first, context.batch_rows) {
                // What was charged as kept is charged batch by batch from here on.
                let bytes = batch.columns().iter().map(slice_bytes).sum::<Result<usize>>()?;
                batches.push((batch, Some(context.memory.charge(bytes)?)));
            }
        }
        Ok(Finished::Batches(batches))
    }
}
