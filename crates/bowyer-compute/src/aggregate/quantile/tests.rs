// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Values in several chunks, of several accumulators, evaluated whole and in parts.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, Float64Array};
use arrow_schema::DataType;
use bowyer_core::{Column, Memory};

use super::held::CHUNK_VALUES;
use crate::{Accumulator, Argument, Groups, bind};

const GROUPS: u32 = 7;

fn accumulator() -> Box<dyn Accumulator> {
    let bound = bind("median", &[Argument::new(DataType::Float64)], Vec::new()).unwrap();
    bound.accumulator(&Memory::unlimited()).unwrap()
}

/// Group and value of some rows; every thirteenth value is NaN, and the last group has no others.
fn rows(count: usize, seed: u64) -> (Vec<u32>, Vec<f64>) {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let groups: Vec<u32> = (0..count).map(|_| (next() % u64::from(GROUPS)) as u32).collect();
    let values = groups.iter().map(|&group| match next() {
        drawn if drawn % 13 == 0 || group == GROUPS - 1 => f64::NAN,
        drawn => (drawn % 1_000_003) as f64,
    });
    let values = values.collect();
    (groups, values)
}

fn oracle(groups: &[u32], values: &[f64]) -> Vec<Option<f64>> {
    let mut by_group: BTreeMap<u32, Vec<f64>> = (0..GROUPS).map(|group| (group, Vec::new())).collect();
    for (group, value) in groups.iter().zip(values).filter(|(_, value)| !value.is_nan()) {
        by_group.get_mut(group).unwrap().push(*value);
    }
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        match values.len() {
            0 => None,
            odd if odd % 2 == 1 => Some(values[middle]),
            _ => Some(f64::midpoint(values[middle - 1], values[middle])),
        }
    };
    by_group.values_mut().map(median).collect()
}

/// Two accumulators whose groups are numbered differently, one merged into the other.
fn filled() -> (Box<dyn Accumulator>, Vec<Option<f64>>) {
    let (mut groups, mut values) = rows(20 * CHUNK_VALUES + 11, 1);
    let (other_groups, other_values) = rows(CHUNK_VALUES + 5, 2);
    let mut first = accumulator();
    let update = |accumulator: &mut dyn Accumulator, groups: &[u32], values: &[f64]| {
        for at in (0..values.len()).step_by(50_000) {
            let to = values.len().min(at + 50_000);
            let column: ArrayRef = Arc::new(Float64Array::from(values[at..to].to_vec()));
            let group_indices = &groups[at..to];
            let groups = Groups::Indices { group_indices, group_count: GROUPS as usize };
            accumulator.update(&[Column::Array(column)], groups).unwrap();
        }
    };
    update(first.as_mut(), &groups, &values);
    let mut other = accumulator();
    let turned: Vec<u32> = other_groups.iter().map(|group| GROUPS - 1 - group).collect();
    update(other.as_mut(), &turned, &other_values);
    let places: Vec<u32> = (0..GROUPS).rev().collect();
    first.merge(other, &places, GROUPS as usize).unwrap();
    groups.extend(other_groups);
    values.extend(other_values);
    let expected = oracle(&groups, &values);
    (first, expected)
}

fn medians(array: &ArrayRef) -> Vec<Option<f64>> {
    array.as_primitive::<Float64Type>().iter().collect()
}

#[test]
fn chunks_of_several_accumulators_are_one_set_of_values() {
    let (mut accumulator, expected) = filled();
    assert_eq!(medians(&accumulator.evaluate(GROUPS as usize).unwrap()), expected);
    assert_eq!(expected.last().unwrap(), &None);
}

#[test]
fn parts_give_what_the_whole_gives() {
    for count in [1, 2, 3, 100] {
        let (mut accumulator, expected) = filled();
        let parts = accumulator.in_parts(GROUPS as usize).unwrap().unwrap();
        let shares = parts.shares(count);
        assert!(shares.len() <= count && (count == 1 || shares.len() > 1), "{shares:?}");
        let found: Vec<_> = shares.into_iter().flat_map(|share| medians(&parts.evaluate(share).unwrap())).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn rows_without_groups_belong_to_the_first() {
    let mut all = accumulator();
    let values: ArrayRef =
        Arc::new(Float64Array::from_iter_values((0..2 * CHUNK_VALUES + 1).map(|value| value as f64)));
    all.update(&[Column::Array(values.clone())], Groups::All).unwrap();
    let mut later = accumulator();
    later.update(&[Column::Array(values.slice(0, 1))], Groups::All).unwrap();
    all.merge(later, &[1], 2).unwrap();
    let column = Column::Array(values.slice(7, 1));
    all.update(&[column], Groups::Indices { group_indices: &[2], group_count: 3 }).unwrap();
    assert_eq!(medians(&all.evaluate(3).unwrap()), [Some(CHUNK_VALUES as f64), Some(0.0), Some(7.0)]);
}
