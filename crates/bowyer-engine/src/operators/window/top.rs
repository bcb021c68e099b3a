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
}

impl Top {
    pub(super) fn new(limit: usize, memory: &Memory) -> Result<Self> {
        Ok(Self { limit, best: Lanes::new(memory)? })
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
        self.best.resize(partition_count * self.limit, NONE)?;
        let Self { limit, best } = self;
        Ok(BooleanBuffer::collect_bool(elements.len(), |row| {
            let partition = partitions.get(row).copied().unwrap_or(0) as usize;
            insert(&mut best[partition * *limit..(partition + 1) * *limit], (elements[row] >> 32) as i128, exact)
        }))
    }
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
    }
}
