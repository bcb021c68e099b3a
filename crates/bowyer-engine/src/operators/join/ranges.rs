// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Inequalities between the sides of a join: candidates are found by order instead of looking at all pairs.
//!
//! Build rows of a group stand in the order of their values of the first inequality, so those that fulfil it for a probe
//! row are the last ones from some place on. Over these values of a second inequality there is a tree of maxima, which
//! leads from one that fulfils it to the next. So finding the partners of a row costs a few steps for each of them,
//! however many rows there are. Values are taken as unsigned words, turned such that greater ones fulfil more.

#[cfg(test)]
mod tests;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use bowyer_core::keys::NO_GROUP;
use bowyer_core::{Charge, Memory, Result};

use super::build::Partners;
use super::moments::{Moment, Moments, has_moments};

/// At most so many inequalities are used.
pub(crate) const MOST_INEQUALITIES: usize = 2;

/// A comparison of a column of the probe side with one of the build side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inequality {
    pub(crate) probe: usize,
    pub(crate) build: usize,
    /// Whether the probe side's is the lesser one.
    pub(crate) probe_less: bool,
    /// Whether equal values fulfil it.
    pub(crate) or_equal: bool,
}

/// Whether columns of a type can be compared so.
pub(crate) fn has_ranges(data_type: &DataType) -> bool {
    has_moments(data_type) && !matches!(data_type, DataType::Decimal128(..))
}

/// The values of a side for one inequality: greater ones of the build side fulfil it for more probe rows. None where a row
/// fulfils it for none.
fn words(column: &ArrayRef, inequality: &Inequality, memory: &Memory) -> Result<Vec<Option<u64>>> {
    let moments = Moments::of(column, memory)?;
    let word = |moment: Moment| {
        let word = match moment {
            // 64 bits, signed or not: the values of one column are of one kind.
            Moment::Whole(value) => value.wrapping_sub(i128::from(i64::MIN)) as u128,
            Moment::Float(value) => {
                let bits = (value + 0.0).to_bits();
                let turned = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
                u128::from(turned)
            }
        };
        // Values of uint64 reach past 64 bits here; they stay in order when the lowest is taken from all.
        let word = if matches!(column.data_type(), DataType::UInt64) { word - (1 << 63) } else { word };
        let word = u64::try_from(word).unwrap_or(u64::MAX);
        if inequality.probe_less { word } else { !word }
    };
    Ok((0..column.len()).map(|row| moments.get(row).map(word)).collect())
}

/// Build rows in the order of their groups and of the first inequality.
pub(super) struct Ranges {
    inequalities: Vec<Inequality>,
    /// Where each group begins, and the end of the last.
    starts: Vec<u32>,
    rows: Vec<u32>,
    first: Vec<u64>,
    /// Maxima of the values of the second inequality: node `i` has the children `2 i` and `2 i + 1`, the leaves come last.
    tree: Vec<u64>,
    _charge: Charge,
}

/// The least values that probe rows of a batch want of each inequality; none where nothing fulfils it.
pub(super) struct Wanted(Vec<Vec<Option<u64>>>);

impl Ranges {
    /// Arranges the rows of a build side by the groups of `partners`, of which there are `group_count`.
    pub(super) fn new(
        inequalities: &[Inequality],
        build: &RecordBatch,
        partners: &Partners,
        group_count: usize,
        memory: &Memory,
    ) -> Result<Self> {
        let row_count = build.num_rows();
        let leaves = row_count.next_power_of_two();
        let bytes = row_count * (2 * size_of::<u64>() + 2 * size_of::<u32>()) + 2 * leaves * size_of::<u64>();
        let charge = memory.charge(bytes + group_count * size_of::<u32>())?;
        let values = inequalities.iter().map(|one| words(build.column(one.build), one, memory));
        let values = values.collect::<Result<Vec<_>>>()?;
        let known = |row: &u32| values.iter().all(|values| values[*row as usize].is_some());
        let value = |at: usize, row: u32| values[at][row as usize].unwrap_or_default();
        let (mut starts, mut rows) = (vec![0], Vec::with_capacity(row_count));
        for number in 0..group_count as u32 {
            let start = rows.len();
            rows.extend(partners.of(&number).iter().copied().filter(known));
            rows[start..].sort_by_key(|&row| value(0, row));
            starts.push(rows.len() as u32);
        }
        let first = rows.iter().map(|&row| value(0, row)).collect();
        let mut tree = Vec::new();
        if inequalities.len() > 1 {
            tree = vec![0; 2 * leaves];
            for (leaf, &row) in tree[leaves..].iter_mut().zip(&rows) {
                *leaf = value(1, row);
            }
            for node in (1..leaves).rev() {
                tree[node] = tree[2 * node].max(tree[2 * node + 1]);
            }
        }
        Ok(Self { inequalities: inequalities.to_vec(), starts, rows, first, tree, _charge: charge })
    }

    /// What the rows of a probe batch want.
    pub(super) fn wanted(&self, probe: &RecordBatch, memory: &Memory) -> Result<Wanted> {
        let wanted = |one: &Inequality| {
            let mut values = words(probe.column(one.probe), one, memory)?;
            if !one.or_equal {
                // The next greater one; past the greatest there is none.
                values.iter_mut().for_each(|value| *value = value.and_then(|value| value.checked_add(1)));
            }
            Ok(values)
        };
        self.inequalities.iter().map(wanted).collect::<Result<_>>().map(Wanted)
    }

    /// The first candidate of a probe row with this group at place `from` or after it: its place, and the build row.
    pub(super) fn next(&self, wanted: &Wanted, row: usize, group: u32, from: usize) -> Option<(usize, u32)> {
        if group == NO_GROUP {
            return None;
        }
        let (start, end) = (self.starts[group as usize] as usize, self.starts[group as usize + 1] as usize);
        let least = wanted.0[0][row]?;
        let place =
            if from <= start { start + self.first[start..end].partition_point(|&value| value < least) } else { from };
        let place = match wanted.0.get(1) {
            None => place,
            Some(second) => self.next_at_least(place, end, second[row]?)?,
        };
        (place < end).then(|| (place, self.rows[place]))
    }

    /// The first place from `from` on, before `end`, whose value of the second inequality is at least so great.
    fn next_at_least(&self, from: usize, end: usize, least: u64) -> Option<usize> {
        if from >= end {
            return None;
        }
        let leaves = self.tree.len() / 2;
        let mut node = from + leaves;
        // Up while nothing to the right of what was seen is great enough, then down to its first.
        while self.tree[node] < least {
            while node & 1 == 1 {
                node >>= 1;
            }
            if node == 0 {
                return None;
            }
            node += 1;
        }
        while node < leaves {
            node = if self.tree[2 * node] >= least { 2 * node } else { 2 * node + 1 };
        }
        let place = node - leaves;
        (place < end).then_some(place)
    }
}
