// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What ranges find is what a look at every pair finds, for values at the ends of their types too.

use std::sync::Arc;

use arrow_array::{Array, Float64Array, Int64Array, RecordBatch, UInt64Array};
use arrow_schema::ArrowError;
use bowyer_core::lanes::Lanes;

use super::*;

/// Whether a pair fulfils an inequality.
type Holds = dyn Fn(usize, usize, bool, bool) -> bool;

fn table(columns: Vec<ArrayRef>) -> Result<RecordBatch, ArrowError> {
    let columns = columns.into_iter().enumerate().map(|(at, column)| (format!("{at}"), column, true));
    RecordBatch::try_from_iter_with_nullable(columns)
}

/// All groups: build row `i` is of group `i % 3`, and so is probe row `i`.
fn check(probe: ArrayRef, build: ArrayRef, holds: &Holds) -> Result<()> {
    let memory = Memory::unlimited();
    let (mut starts, mut rows) = (Lanes::new(&memory)?, Lanes::new(&memory)?);
    starts.push(0)?;
    for group in 0..3_u32 {
        rows.extend_from_slice(&(group..build.len() as u32).step_by(3).collect::<Vec<_>>())?;
        starts.push(rows.len() as u32)?;
    }
    let partners = Partners::Many { starts, rows };
    let turned = |array: &ArrayRef| -> ArrayRef {
        let rows: Vec<u32> = (0..array.len() as u32).map(|row| row * 7 % array.len() as u32).collect();
        arrow_select::take::take(array, &arrow_array::UInt32Array::from(rows), None).unwrap_or_else(|_| array.clone())
    };
    let (other_probe, other_build) = (turned(&probe), turned(&build));
    let turn = |row: usize, count: usize| row * 7 % count;
    let (probe_count, build_count) = (probe.len(), build.len());
    let (probe, build) = (table(vec![probe, other_probe])?, table(vec![build, other_build])?);
    for choice in 0..16 {
        let [less, equal, second_less, second_equal] = [1, 2, 4, 8].map(|bit| choice & bit != 0);
        let first = Inequality { probe: 0, build: 0, probe_less: less, or_equal: equal };
        let second = Inequality { probe: 1, build: 1, probe_less: second_less, or_equal: second_equal };
        for inequalities in [&[first][..], &[first, second]] {
            let ranges = Ranges::new(inequalities, &build, &partners, 3, &memory)?;
            let wanted = ranges.wanted(&probe, &memory)?;
            for row in 0..probe_count {
                let group = row as u32 % 3;
                let (mut found, mut from) = (Vec::new(), 0);
                while let Some((place, partner)) = ranges.next(&wanted, row, group, from) {
                    found.push(partner);
                    from = place + 1;
                }
                found.sort_unstable();
                let due = (group..build_count as u32).step_by(3).filter(|&partner| {
                    let partner = partner as usize;
                    holds(row, partner, less, equal)
                        && (inequalities.len() == 1
                            || holds(turn(row, probe_count), turn(partner, build_count), second_less, second_equal))
                });
                assert_eq!(found, due.collect::<Vec<_>>(), "{inequalities:?} of row {row}");
            }
        }
    }
    Ok(())
}

/// Checks values against themselves in another number.
fn check_values<T: Copy + PartialOrd + 'static>(values: &[Option<T>], array: impl Fn(&[Option<T>]) -> ArrayRef) {
    let (probe, build) = (values.to_vec(), values.repeat(2)[..values.len() * 2 - 1].to_vec());
    let (left, right) = (probe.clone(), build.clone());
    let holds = move |row: usize, partner: usize, less: bool, equal: bool| {
        let (Some(a), Some(b)) = (left[row], right[partner]) else { return false };
        (equal && a == b) || if less { a < b } else { a > b }
    };
    assert!(check(array(&probe), array(&build), &holds).is_ok());
}

#[test]
fn ranges_find_what_every_pair_would() {
    let whole = [3, 1, i64::MIN, i64::MAX, 0, -1, 3, 2, -7, 5].map(Some);
    check_values(&[&whole[..], &[None]].concat(), |values| Arc::new(Int64Array::from(values.to_vec())));
    let unsigned = [u64::MAX, 0, 1, 1 << 63, (1 << 63) - 1, 7, 7].map(Some);
    check_values(&[&unsigned[..], &[None, None]].concat(), |values| Arc::new(UInt64Array::from(values.to_vec())));
    let floats = [f64::NAN, -0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY, 1.5, -1.5, f64::MIN_POSITIVE].map(Some);
    check_values(&[&[None], &floats[..]].concat(), |values| Arc::new(Float64Array::from(values.to_vec())));
}
