// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Pairs of probe and build rows, made as many at a time as a batch has rows.

use bowyer_core::keys::NO_GROUP;
use bowyer_core::take::NO_ROW;
use bowyer_core::{Charge, Memory, Result};

/// The pairs of a batch of probe rows with the build rows of their groups, in the order of the probe rows, and for each in
/// that of the build rows.
pub(super) struct Pairing {
    /// The group of each probe row.
    groups: Vec<u32>,
    /// Whether a probe row without a group stands alone.
    outer: bool,
    /// The next probe row, and how many of its partners are done.
    row: usize,
    done: usize,
}

/// Some pairs: a probe row and its partner in each place.
pub(super) struct Pairs {
    pub(super) rows: Vec<u32>,
    pub(super) partners: Vec<u32>,
    _charge: Charge,
}

impl Pairing {
    pub(super) fn new(groups: Vec<u32>, outer: bool) -> Self {
        Self { groups, outer, row: 0, done: 0 }
    }

    /// Whether there may be more pairs.
    pub(super) fn has_more(&self) -> bool {
        self.row < self.groups.len()
    }

    /// The next pairs, at most `limit`. Group `i` has the build rows `starts[i] .. starts[i + 1]` of `rows`.
    pub(super) fn next(&mut self, starts: &[u32], rows: &[u32], limit: usize, memory: &Memory) -> Result<Pairs> {
        let charge = memory.charge(2 * limit * size_of::<u32>())?;
        let likely = limit.min(self.groups.len() - self.row);
        let (mut repeated, mut partners) = (Vec::with_capacity(likely), Vec::with_capacity(likely));
        while let Some(&group) = self.groups.get(self.row) {
            let room = limit - partners.len();
            if group != NO_GROUP {
                let found = &rows[starts[group as usize] as usize + self.done..starts[group as usize + 1] as usize];
                let taken = &found[..found.len().min(room)];
                repeated.resize(repeated.len() + taken.len(), self.row as u32);
                partners.extend_from_slice(taken);
                if taken.len() < found.len() {
                    self.done += taken.len();
                    break;
                }
            } else if self.outer {
                if room == 0 {
                    break;
                }
                repeated.push(self.row as u32);
                partners.push(NO_ROW);
            }
            self.row += 1;
            self.done = 0;
        }
        Ok(Pairs { rows: repeated, partners, _charge: charge })
    }

    /// The probe row of a pair, counted from the first.
    pub(super) fn probe_row(&self, starts: &[u32], pair: usize) -> usize {
        let mut before = 0;
        let found = self.groups.iter().position(|&group| {
            before += match group {
                NO_GROUP => usize::from(self.outer),
                group => (starts[group as usize + 1] - starts[group as usize]) as usize,
            };
            before > pair
        });
        found.unwrap_or(pair)
    }
}
