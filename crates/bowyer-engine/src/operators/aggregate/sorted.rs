// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Groups of rows that stand together: a group ends where the next begins, so only one is ever open.
//!
//! Of each batch, the rows up to where its last group begins complete what was open and all groups between; these are
//! given at once, and the last one stays open. So an endless input that is sorted by its keys needs the memory of one
//! batch and one group.

use std::sync::{Mutex, PoisonError};

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;
use bowyer_compute::Groups;
use bowyer_core::group::GroupTable;
use bowyer_core::keys::KeyOptions;
use bowyer_core::take::{Rows, concat, take};
use bowyer_core::{Error, Result};

use super::tally::Tally;
use super::{HashAggregate, slices};
use crate::operators::{Output, Rest, Stage, TaskContext};

/// Aggregates runs of rows with equal keys.
pub(crate) struct SortedGroups {
    aggregate: HashAggregate,
    schema: SchemaRef,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: Option<Open>,
    /// How many rows came so far.
    row_count: u64,
}

/// The group whose end has not come.
struct Open {
    /// One row.
    keys: Vec<ArrayRef>,
    tallies: Vec<Tally>,
}

impl SortedGroups {
    /// Groups rows as `aggregate` does, which gives rows of `schema`.
    pub(crate) fn new(aggregate: HashAggregate, schema: SchemaRef) -> Self {
        Self { aggregate, schema, state: Mutex::default() }
    }

    /// Takes a batch in; gives the groups that are complete.
    fn take_in(&self, state: &mut State, batch: &RecordBatch, context: &TaskContext) -> Result<Option<RecordBatch>> {
        let row_count = batch.num_rows();
        if row_count == 0 {
            return Ok(None);
        }
        let aggregate = &self.aggregate;
        let keys = aggregate.key_columns(batch);
        let starts = self.starts(state.open.as_ref(), &keys, row_count, context)?;
        let position = state.row_count;
        state.row_count += row_count as u64;
        // Where the group that stays open begins here.
        let last = starts.last().copied().unwrap_or(0) as usize;
        let complete = match !starts.is_empty() && (last > 0 || state.open.is_some()) {
            true => {
                Some(self.completed(state.open.take(), &batch.slice(0, last), &keys, &starts, position, context)?)
            }
            false => None,
        };
        let mut open = match state.open.take() {
            Some(open) => open,
            None => {
                let row = [last as u32];
                let row = Rows::new(&row, row_count)?;
                let keys = keys.iter().map(|key| take(key, row, &context.memory)).collect::<Result<_>>()?;
                Open { keys, tallies: aggregate.new_tallies(&context.memory)? }
            }
        };
        let rest = batch.slice(last, row_count - last);
        let group_indices = vec![0; rest.num_rows()];
        let groups = Groups::Indices { group_indices: &group_indices, group_count: 1 };
        aggregate.update(&mut open.tallies, &rest, position + last as u64, groups)?;
        state.open = Some(open);
        Ok(complete)
    }

    /// The group that was open, and those that begin and end in `rows`, which go up to where the last one begins.
    fn completed(
        &self,
        open: Option<Open>,
        rows: &RecordBatch,
        keys: &[ArrayRef],
        starts: &[u32],
        position: u64,
        context: &TaskContext,
    ) -> Result<RecordBatch> {
        let held = usize::from(open.is_some());
        let (open_keys, mut tallies) = match open {
            Some(open) => (Some(open.keys), open.tallies),
            None => (None, self.aggregate.new_tallies(&context.memory)?),
        };
        let begun = &starts[..starts.len() - 1];
        let group_count = held + begun.len();
        let group_indices = group_indices(begun, rows.num_rows(), held);
        let groups = Groups::Indices { group_indices: &group_indices, group_count };
        self.aggregate.update(&mut tallies, rows, position, groups)?;
        let key = |(at, key): (usize, &ArrayRef)| {
            let begun = take(key, Rows::new(begun, key.len())?, &context.memory)?;
            match &open_keys {
                Some(open) => concat(&[open[at].clone(), begun], &context.memory),
                None => Ok(begun),
            }
        };
        let keys = keys.iter().enumerate().map(key).collect::<Result<Vec<_>>>()?;
        self.result(keys, tallies, group_count, context)
    }

    /// The rows that begin a group.
    fn starts(
        &self,
        open: Option<&Open>,
        keys: &[ArrayRef],
        row_count: usize,
        context: &TaskContext,
    ) -> Result<Vec<u32>> {
        let mut table = GroupTable::new(&self.aggregate.key_types, KeyOptions::default(), &context.memory)?;
        let mut numbers = Vec::new();
        let mut before = None;
        if let Some(open) = open {
            table.insert(&open.keys, 1, &mut numbers)?;
            before = numbers.first().copied();
        }
        table.insert(keys, row_count, &mut numbers)?;
        let mut starts = Vec::new();
        for (row, &number) in (0..).zip(&numbers) {
            if before != Some(number) {
                starts.push(row);
            }
            before = Some(number);
        }
        Ok(starts)
    }

    fn result(
        &self,
        keys: Vec<ArrayRef>,
        tallies: Vec<Tally>,
        group_count: usize,
        context: &TaskContext,
    ) -> Result<RecordBatch> {
        let columns = self.aggregate.columns(keys, tallies, group_count, context)?;
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }
}

/// The group of each row before `last`: rows before the first start are of the open group, which is number 0.
fn group_indices(starts: &[u32], last: usize, held: usize) -> Vec<u32> {
    let mut indices = Vec::with_capacity(last);
    let mut next = starts.iter().peekable();
    let mut begun = 0;
    for row in 0..last as u32 {
        if next.next_if(|&&start| start == row).is_some() {
            begun += 1;
        }
        indices.push((begun + held - 1) as u32);
    }
    indices
}

/// Groups that are complete, beyond those of the first batch.
struct MoreGroups(Vec<RecordBatch>);

impl Rest for MoreGroups {
    fn next(mut self: Box<Self>, _context: &TaskContext) -> Result<Output> {
        let batch = self.0.pop();
        Ok(Output { batch, rest: (!self.0.is_empty()).then_some(self as Box<dyn Rest>) })
    }
}

impl Stage for SortedGroups {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn apply(&self, batch: RecordBatch, context: &TaskContext) -> Result<Output> {
        context.check()?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = batch.project(&self.aggregate.used)?;
        let complete = self.take_in(&mut state, &batch, context).map_err(|mut error| {
            error.place_mut().row = None;
            error
        })?;
        let Some(complete) = complete else { return Ok(Output::default()) };
        let mut parts = slices(&complete, context.batch_rows);
        parts.reverse();
        Box::new(MoreGroups(parts)).next(context)
    }

    fn trace(&self, _input: &RecordBatch, _output_row: usize, _context: &TaskContext) -> Result<usize> {
        Err(Error::internal("a group is of no one row"))
    }

    fn is_serial(&self) -> bool {
        true
    }

    fn flush(&self, context: &TaskContext) -> Result<Option<RecordBatch>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Open { keys, tallies }) = state.open.take() else { return Ok(None) };
        self.result(keys, tallies, 1, context).map(Some)
    }
}
