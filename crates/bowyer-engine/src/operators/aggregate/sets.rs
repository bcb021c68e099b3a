// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Grouping sets: one aggregate by several choices of its keys, in one pass.
//!
//! A row is grouped once for each set. Keys that are not in the set are null then, and one more key tells the sets
//! apart: a bit for each key, the last key's the lowest, set where the key is left out. It is a column of the result.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, new_null_array};
use arrow_schema::DataType;

/// Which keys each set has; by default one set of all of them, which is not named in the result.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupingSets {
    sets: Vec<Vec<usize>>,
}

impl GroupingSets {
    /// Sets of indices of keys.
    pub(crate) fn new(sets: Vec<Vec<usize>>) -> Self {
        Self { sets }
    }

    /// Whether the result says of which set a row is.
    pub(crate) fn are_named(&self) -> bool {
        !self.sets.is_empty()
    }

    /// The sets as text, given that of the keys.
    pub(crate) fn text(&self, keys: &[String]) -> String {
        if self.sets.is_empty() {
            return String::new();
        }
        let set = |set: &Vec<usize>| {
            let names = set.iter().filter_map(|&key| keys.get(key).map(String::as_str));
            format!("[{}]", names.collect::<Vec<_>>().join(", "))
        };
        format!(" sets [{}]", self.sets.iter().map(set).collect::<Vec<_>>().join(", "))
    }

    /// How often a row is grouped.
    pub(crate) fn count(&self) -> usize {
        self.sets.len().max(1)
    }

    /// The types of the keys as they are grouped by.
    pub(super) fn key_types(&self, key_types: &[DataType]) -> Vec<DataType> {
        key_types.iter().cloned().chain(self.are_named().then_some(DataType::Int64)).collect()
    }

    /// The keys as they are grouped by for one set.
    pub(super) fn keys(&self, set: usize, keys: Vec<ArrayRef>, row_count: usize) -> Vec<ArrayRef> {
        let Some(set) = self.sets.get(set) else { return keys };
        let id = self.id(set, keys.len());
        let left_out = |(key, column): (usize, ArrayRef)| {
            if set.contains(&key) { column } else { new_null_array(column.data_type(), row_count) }
        };
        let mut keys: Vec<ArrayRef> = keys.into_iter().enumerate().map(left_out).collect();
        keys.push(Arc::new(Int64Array::from_value(id, row_count)));
        keys
    }

    /// The ids of sets without keys: each has a row even where there are none.
    pub(super) fn of_all_rows(&self, key_count: usize) -> Vec<i64> {
        let mut ids: Vec<i64> =
            self.sets.iter().filter(|set| set.is_empty()).map(|set| self.id(set, key_count)).collect();
        ids.dedup();
        ids
    }

    fn id(&self, set: &[usize], key_count: usize) -> i64 {
        (0..key_count).filter(|key| !set.contains(key)).fold(0, |id, key| id | 1 << (key_count - 1 - key))
    }
}
