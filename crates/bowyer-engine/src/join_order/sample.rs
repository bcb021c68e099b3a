// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Some rows of a table, and what they tell of all.
//!
//! Rows are drawn one by one, always the same ones of a table: rows that stand together often have one key, so that
//! stretches of rows would tell too little.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::BooleanBuffer;
use arrow_schema::DataType;
use arrow_select::interleave::interleave;
use bowyer_core::group::GroupTable;
use bowyer_core::keys::KeyOptions;
use bowyer_core::{Error, Memory, Result};

use crate::operators::TaskContext;
use crate::operators::sample::mixed;
use crate::program::Program;

/// One row of so many is drawn, within these numbers. (4,096 rows of a column take 0.1 ms where memory is slow.)
const ONE_OF: usize = 64;
const FEWEST: usize = 1024;
const MOST: usize = 4096;

/// Rows of a table that were drawn.
pub(super) struct Sample<'a> {
    batches: &'a [RecordBatch],
    pub(super) row_count: usize,
    /// The batch and the row in it of each.
    drawn: Vec<(usize, usize)>,
    columns: BTreeMap<usize, ArrayRef>,
}

impl<'a> Sample<'a> {
    pub(super) fn of(batches: &'a [RecordBatch]) -> Self {
        let row_count: usize = batches.iter().map(RecordBatch::num_rows).sum();
        let count = (row_count / ONE_OF).clamp(FEWEST, MOST);
        let mut rows: Vec<usize> = if row_count <= count {
            (0..row_count).collect()
        } else {
            let draw = |at: usize| ((u128::from(mixed(0, at as u64)) * row_count as u128) >> 64) as usize;
            (0..count).map(draw).collect()
        };
        rows.sort_unstable();
        rows.dedup();
        let mut drawn = Vec::with_capacity(rows.len());
        let (mut batch, mut first) = (0, 0);
        for row in rows {
            while row >= first + batches[batch].num_rows() {
                first += batches[batch].num_rows();
                batch += 1;
            }
            drawn.push((batch, row - first));
        }
        Self { batches, row_count, drawn, columns: BTreeMap::new() }
    }

    /// The values of a column.
    fn column(&mut self, column: usize) -> Result<ArrayRef> {
        if let Some(values) = self.columns.get(&column) {
            return Ok(values.clone());
        }
        let parts: Vec<&dyn Array> = self.batches.iter().map(|batch| batch.column(column).as_ref()).collect();
        let has_pieces =
            parts.first().is_none_or(|part| part.data_type().is_nested() || is_dictionary(part.data_type()));
        if has_pieces {
            return Err(Error::not_implemented("a sample of rows that are put together of pieces"));
        }
        let values = interleave(&parts, &self.drawn)?;
        self.columns.insert(column, values.clone());
        Ok(values)
    }

    /// Which part of the rows predicates keep: at least half of the row that was not drawn. `columns` are those of the
    /// table that the program knows, in its order.
    pub(super) fn kept(
        &mut self,
        columns: &[usize],
        program: &Program,
        predicates: &[usize],
        context: &TaskContext,
    ) -> Result<f64> {
        let read = program.columns_of(predicates);
        let nothing = arrow_array::new_empty_array(&DataType::Null);
        let mut values = vec![nothing; columns.len()];
        for column in read {
            values[column] = self.column(columns[column])?;
        }
        let mut kept = BooleanBuffer::new_set(self.drawn.len());
        for truth in program.evaluate_columns(predicates, values, self.drawn.len(), context)? {
            let truth = truth.to_array()?;
            let truth = truth.as_boolean_opt().ok_or_else(|| Error::internal("a predicate that is not boolean"))?;
            kept = &kept & truth.values();
            if let Some(nulls) = truth.nulls() {
                kept = &kept & nulls.inner();
            }
        }
        Ok((kept.count_set_bits() as f64).max(0.5) / self.drawn.len().max(1) as f64)
    }

    /// How many different values some columns of the table have together.
    pub(super) fn distinct(&mut self, columns: &[usize], memory: &Memory) -> Result<f64> {
        let keys = columns.iter().map(|&column| self.column(column)).collect::<Result<Vec<ArrayRef>>>()?;
        let types: Vec<DataType> = keys.iter().map(|key| key.data_type().clone()).collect();
        let mut groups = GroupTable::new(&types, KeyOptions::default(), memory)?;
        let mut group_of_row = Vec::new();
        groups.insert(&keys, self.drawn.len(), &mut group_of_row)?;
        let mut sizes = vec![0_usize; groups.group_count()];
        group_of_row.iter().for_each(|&group| sizes[group as usize] += 1);
        Ok(distinct_of_all(&sizes, self.drawn.len(), self.row_count))
    }
}

fn is_dictionary(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Dictionary(..) | DataType::RunEndEncoded(..))
}

/// How many different values `row_count` rows have, if so many of those that were `drawn` have each value: those that
/// were seen, and as many more as those tell that were seen once and twice (Chao's estimate of species).
fn distinct_of_all(sizes: &[usize], drawn: usize, row_count: usize) -> f64 {
    if drawn == row_count {
        return sizes.len() as f64;
    }
    let seen = |times: usize| sizes.iter().filter(|&&size| size == times).count() as f64;
    if sizes.len() == drawn {
        return row_count as f64; // so many values that two of one were not met
    }
    let (once, twice) = (seen(1), seen(2));
    let unseen = once * (once - 1.0).max(0.0) / (2.0 * (twice + 1.0));
    (sizes.len() as f64 + unseen).min(row_count as f64)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::Int64Array;

    use super::*;

    fn estimate(rows: i64, value: impl Fn(i64) -> i64) -> f64 {
        let column: ArrayRef = Arc::new((0..rows).map(value).collect::<Int64Array>());
        let batch = RecordBatch::try_from_iter([("x", column)]).unwrap();
        let batches: Vec<RecordBatch> =
            (0..4).map(|part| batch.slice(part * rows as usize / 4, rows as usize / 4)).collect();
        Sample::of(&batches).distinct(&[0], &Memory::unlimited()).unwrap()
    }

    #[test]
    fn few_and_many_values_are_told_apart() {
        assert_eq!(estimate(400, |row| row % 7), 7.0, "all rows are looked at");
        assert_eq!(estimate(400_000, |row| row % 25), 25.0);
        assert_eq!(estimate(400_000, |row| row), 400_000.0, "as many as there are rows");
        assert_eq!(estimate(20_000_000, |row| row), 20_000_000.0);
        for spread in [1, 131] {
            // 40,000 values, in order and scattered.
            let found = estimate(400_000, |row| row / 10 * spread % 40_000);
            assert!((20_000.0..80_000.0).contains(&found), "{found}");
        }
    }
}
