// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Row groups of a Parquet file that no needed row is in, as its statistics tell.
//!
//! Statistics are hints of the writer: what they do not say, or say in another type, keeps a group.

use std::cmp::Ordering;
use std::fs::File;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef};
use arrow_ord::ord::make_comparator;
use arrow_schema::{DataType, SortOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;

/// Between which values a column lies in the rows that are needed.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The column's name.
    pub column: String,
    /// One value that none is less than, if there is one.
    pub least: Option<ArrayRef>,
    /// One value that none is greater than, if there is one.
    pub greatest: Option<ArrayRef>,
}

/// The row groups that may have needed rows; `None` when that is all of them.
pub(crate) fn row_groups(file: &ParquetRecordBatchReaderBuilder<File>, bounds: &[Bound]) -> Option<Vec<usize>> {
    let groups = file.metadata().row_groups();
    let mut needed = vec![true; groups.len()];
    for bound in bounds {
        let converter = StatisticsConverter::try_new(&bound.column, file.schema(), file.parquet_schema());
        let Ok(converter) = converter else { continue };
        if let Some(least) = &bound.least
            && let Ok(greatest) = converter.row_group_maxes(groups.iter())
        {
            exclude(&mut needed, &greatest, least, Ordering::Less);
        }
        if let Some(greatest) = &bound.greatest
            && let Ok(least) = converter.row_group_mins(groups.iter())
        {
            exclude(&mut needed, &least, greatest, Ordering::Greater);
        }
    }
    let kept: Vec<usize> = (0..needed.len()).filter(|&group| needed[group]).collect();
    (kept.len() < needed.len()).then_some(kept)
}

/// Leaves out the groups whose value stands so to a bound.
fn exclude(needed: &mut [bool], values: &ArrayRef, bound: &ArrayRef, order: Ordering) {
    let outside = outside(values, bound, order).unwrap_or_default();
    for (needed, outside) in needed.iter_mut().zip(outside) {
        *needed &= !outside;
    }
}

/// For each value, whether it is known to stand so to a bound of its type.
fn outside(values: &ArrayRef, bound: &ArrayRef, order: Ordering) -> Option<Vec<bool>> {
    if values.data_type() != bound.data_type() || bound.is_empty() || bound.is_null(0) {
        return None;
    }
    if values.data_type().is_floating() {
        // As numbers: the zeros are equal, and NaN is none.
        let wide = |array: &ArrayRef| arrow_cast::cast(array, &DataType::Float64).ok();
        let (values, bound) = (wide(values)?, wide(bound)?);
        let bound = bound.as_primitive::<Float64Type>().value(0);
        let values = values.as_primitive::<Float64Type>();
        return Some(
            values.iter().map(|value| value.and_then(|value| value.partial_cmp(&bound)) == Some(order)).collect(),
        );
    }
    let compare = make_comparator(values, bound, SortOptions::default()).ok()?;
    Some((0..values.len()).map(|group| values.is_valid(group) && compare(group, 0) == order).collect())
}
