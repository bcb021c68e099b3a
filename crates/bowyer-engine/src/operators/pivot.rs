// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Pivot: the values of one key of a group-by become columns.
//!
//! It stands behind an aggregate over the keys and the column that is spread, so there is one row for each key and value.
//! Each such row is put in its key's row, in the columns of its value. Where a key has no row of a value, the columns
//! have what the aggregates give for no rows: null, or zero for counts.

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, SchemaRef};
use bowyer_compute::{Bound, Groups};
use bowyer_core::group::GroupTable;
use bowyer_core::keys::{KeyOptions, NO_GROUP};
use bowyer_core::take::{Rows, concat, take};
use bowyer_core::{Column, Error, Memory, Result};

use super::aggregate::{own, own_all, slices};
use super::{Breaker, Finished, LocalState, Morsel, TaskContext};

/// Spreads rows of keys, a value and measures, in this order.
pub(crate) struct Pivot {
    key_types: Vec<DataType>,
    /// The values that get columns, different from one another, of the plain type of the column that is spread.
    values: ArrayRef,
    measures: Vec<Bound>,
    schema: SchemaRef,
}

struct Local(Vec<(u64, RecordBatch)>);

impl LocalState for Local {}

impl Pivot {
    /// # Errors
    /// `InvalidArgument` for values that are equal; `NotImplemented` for values that cannot be keys.
    pub(crate) fn new(
        key_types: Vec<DataType>,
        values: ArrayRef,
        measures: Vec<Bound>,
        schema: SchemaRef,
    ) -> Result<Self> {
        let this = Self { key_types, values, measures, schema };
        if this.value_table(&Memory::unlimited())?.group_count() < this.values.len() {
            return Err(Error::invalid_argument("two of the values of a pivot are equal"));
        }
        Ok(this)
    }

    /// A table in which each value has its place in the list as its number.
    fn value_table(&self, memory: &Memory) -> Result<GroupTable> {
        let mut table = GroupTable::new(std::slice::from_ref(self.values.data_type()), KeyOptions::default(), memory)?;
        table.insert(std::slice::from_ref(&self.values), self.values.len(), &mut Vec::new())?;
        Ok(table)
    }

    /// The row of each key, its first row among those given, and for each value the row of each key.
    fn cells(&self, columns: &[ArrayRef], row_count: usize, memory: &Memory) -> Result<(Vec<u32>, Vec<Vec<u32>>)> {
        let width = self.key_types.len();
        let mut keys = Vec::new();
        let firsts = if width == 0 {
            keys.resize(row_count, 0);
            vec![0]
        } else {
            GroupTable::new(&self.key_types, KeyOptions::default(), memory)?.insert(
                &columns[..width],
                row_count,
                &mut keys,
            )?
        };
        let mut places = Vec::new();
        let spread = match &columns[width] {
            plain if plain.data_type() == self.values.data_type() => plain.clone(),
            encoded => arrow_cast::cast(encoded, self.values.data_type())?,
        };
        self.value_table(memory)?.find(&[spread], row_count, &mut places)?;
        // Past the last row stands what an aggregate gives for none.
        let mut cells = vec![vec![row_count as u32; firsts.len()]; self.values.len()];
        for (row, (&key, &place)) in keys.iter().zip(&places).enumerate() {
            if place != NO_GROUP {
                cells[place as usize][key as usize] = row as u32;
            }
        }
        Ok((firsts, cells))
    }
}

/// What an aggregate gives for no rows.
fn of_no_rows(bound: &Bound, memory: &Memory) -> Result<ArrayRef> {
    let mut accumulator = bound.accumulator(memory)?;
    let column = |data_type: &DataType| Column::Array(arrow_array::new_empty_array(data_type));
    let columns: Vec<Column> = bound.argument_types().iter().map(column).collect();
    accumulator.update(&columns, Groups::Indices { group_indices: &[], group_count: 1 })?;
    accumulator.evaluate(1)
}

impl Breaker for Pivot {
    fn local(&self, _context: &TaskContext) -> Result<Box<dyn LocalState>> {
        Ok(Box::new(Local(Vec::new())))
    }

    fn consume(&self, local: &mut dyn LocalState, morsel: Morsel, context: &TaskContext) -> Result<()> {
        context.check()?;
        own::<Local>(local)?.0.push((morsel.sequence, morsel.batch));
        Ok(())
    }

    fn finish(&self, locals: Vec<Box<dyn LocalState>>, context: &TaskContext) -> Result<Finished> {
        let memory = &context.memory;
        let mut parts: Vec<(u64, RecordBatch)> =
            own_all::<Local>(locals)?.into_iter().flat_map(|local| local.0).collect();
        parts.sort_by_key(|(sequence, _)| *sequence);
        let row_count: usize = parts.iter().map(|(_, batch)| batch.num_rows()).sum();
        if row_count == 0 && !self.key_types.is_empty() {
            return Ok(Finished::Batches(Vec::new()));
        }
        if u32::try_from(row_count).is_err() {
            return Err(Error::limit_exceeded("a pivot of more than 2^32 - 1 keys and values"));
        }
        let width = self.key_types.len() + 1 + self.measures.len();
        let whole = |column: usize| match parts.first() {
            Some(_) => {
                let arrays: Vec<ArrayRef> = parts.iter().map(|(_, batch)| batch.column(column).clone()).collect();
                concat(&arrays, memory)
            }
            None if column < width - self.measures.len() => Ok(arrow_array::new_empty_array(self.values.data_type())),
            None => Ok(arrow_array::new_empty_array(self.measures[column - 1].output_type())),
        };
        let columns: Vec<ArrayRef> = (0..width).map(whole).collect::<Result<_>>()?;
        let _cells = memory.charge(row_count * (self.values.len() + 2) * size_of::<u32>())?;
        let (firsts, cells) = self.cells(&columns, row_count, memory)?;
        let mut out: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        for key in &columns[..self.key_types.len()] {
            out.push(take(key, Rows::new(&firsts, row_count)?, memory)?);
        }
        let measures = columns[self.key_types.len() + 1..].iter().zip(&self.measures).map(|(column, bound)| {
            context.check()?;
            concat(&[column.clone(), of_no_rows(bound, memory)?], memory)
        });
        let measures: Vec<ArrayRef> = measures.collect::<Result<_>>()?;
        for rows in &cells {
            context.check()?;
            for measure in &measures {
                out.push(take(measure, Rows::new(rows, measure.len())?, memory)?);
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(firsts.len()));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), out, &options)?;
        Ok(Finished::Batches(slices(&batch, context.batch_rows).into_iter().map(|batch| (batch, None)).collect()))
    }
}
