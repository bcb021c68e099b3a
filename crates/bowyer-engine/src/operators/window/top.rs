// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The first rows of each partition: when nobody asks for more, a task drops a row as soon as so many before it are known.
//!
//! For each partition the prefixes of the best rows so far are kept in order. A row is passed on while it could be among
//! the first; the finish then numbers the rows that are left, and those first ones get the numbers that they have
//! among all.

use arrow_buffer::BooleanBuffer;
use bowyer_core::lanes::Lanes;
use bowyer_core::{Memory, Result};

/// More rows than this of each partition are not worth a list that is kept in order.
pub(crate) const MOST_ROWS: usize = 64;

/// Greater than any prefix: those have 96 bits.
const NONE: i128 = i128::MAX;

/// The best rows of each partition so far.
pub(super) struct Top {
    limit: usize,
    /// For each partition, so many prefixes upwards.
    best: Lanes<i128>,
    /// The upper bits of the last of them: most rows need not be compared with more.
    bounds: Lanes<u64>,
}

impl Top {
    pub(super) fn new(limit: usize, memory: &Memory) -> Result<Self> {
        Ok(Self { limit, best: Lanes::new(memory)?, bounds: Lanes::new(memory)? })
    }

    fn grow(&mut self, partition_count: usize) -> Result<()> {
        self.best.resize(partition_count * self.limit, NONE)?;
        self.bounds.resize(partition_count, u64::MAX)
    }

    /// Which rows may be among the first of their partition. Elements are prefixes above 32 bits; if they are not exact,
    /// rows with the prefix of the last of the first are kept too.
    pub(super) fn keep(
        &mut self,
        partitions: &[u32],
        partition_count: usize,
        elements: &[u128],
        exact: bool,
    ) -> Result<BooleanBuffer> {
        self.grow(partition_count)?;
        let (limit, best, bounds) = (self.limit, &mut self.best[..], &mut self.bounds[..]);
        Ok(BooleanBuffer::collect_bool(elements.len(), |row| {
            let partition = partitions.get(row).copied().unwrap_or(0) as usize;
            let prefix = elements[row] >> 32;
            if upper(prefix as i128) > bounds[partition] {
                return false;
            }
            let best = &mut best[partition * limit..(partition + 1) * limit];
            let kept = insert(best, prefix as i128, exact);
            bounds[partition] = best.last().map_or(u64::MAX, |&worst| upper(worst));
            kept
        }))
    }

    /// Takes in the best rows of another task, whose partitions have these numbers here if not their own.
    pub(super) fn merge(&mut self, other: &Self, numbers: Option<&[u32]>, partition_count: usize) -> Result<()> {
        self.grow(partition_count)?;
        for (number, prefixes) in other.best.chunks(self.limit.max(1)).enumerate() {
            let partition = numbers.map_or(number, |numbers| numbers[number] as usize);
            let best = &mut self.best[partition * self.limit..(partition + 1) * self.limit];
            for &prefix in prefixes {
                insert(best, prefix, true);
            }
            self.bounds[partition] = best.last().map_or(u64::MAX, |&worst| upper(worst));
        }
        Ok(())
    }

    /// Which rows may be among the first of their partition, now that all rows are known: those with a prefix up to that of
    /// the last of the first.
    pub(super) fn within(&self, partitions: &[u32], elements: &[u128]) -> BooleanBuffer {
        BooleanBuffer::collect_bool(elements.len(), |row| {
            let partition = partitions.get(row).copied().unwrap_or(0) as usize;
            let prefix = (elements[row] >> 32) as i128;
            upper(prefix) <= self.bounds[partition] && prefix <= self.best[(partition + 1) * self.limit - 1]
        })
    }
}

/// The upper 64 of a prefix's 96 bits.
fn upper(prefix: i128) -> u64 {
    (prefix >> 32).min(i128::from(u64::MAX)) as u64
}

/// Puts a prefix among the best ones; says whether its row may be among the first.
fn insert(best: &mut [i128], prefix: i128, exact: bool) -> bool {
    let Some(&worst) = best.last() else { return false };
    if prefix >= worst {
        return !exact && prefix == worst;
    }
    let place = best.partition_point(|&other| other <= prefix);
    best.copy_within(place..best.len() - 1, place + 1);
    best[place] = prefix;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_come_too_late_are_dropped() {
        let mut top = Top::new(2, &Memory::unlimited()).unwrap();
        let elements: Vec<u128> = [5, 3, 5, 4, 3, 9].into_iter().map(|prefix: u128| prefix << 32).collect();
        let kept = top.keep(&[0, 0, 0, 0, 0, 1], 2, &elements, true).unwrap();
        assert_eq!(kept.iter().collect::<Vec<_>>(), [true, true, false, true, true, true]);
        let kept = top.keep(&[0, 0, 1], 2, &elements[..3], false).unwrap();
        assert_eq!(kept.iter().collect::<Vec<_>>(), [false, true, true]);
        // Of another task, whose first partition is the second one here.
        let mut other = Top::new(2, &Memory::unlimited()).unwrap();
        other.keep(&[0, 0], 1, &[4 << 32, 8 << 32], true).unwrap();
        top.merge(&other, Some(&[1]), 2).unwrap();
        let kept = top.within(&[0, 0, 1, 1, 1], &[3 << 32, 4 << 32, 4 << 32, 5 << 32, 8 << 32]);
        assert_eq!(kept.iter().collect::<Vec<_>>(), [true, false, true, true, false]);
    }
}
