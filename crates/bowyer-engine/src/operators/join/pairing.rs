// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Pairs of probe and build rows, made as many at a time as a batch has rows.

use arrow_buffer::BooleanBuffer;
use bowyer_core::take::NO_ROW;
use bowyer_core::{Charge, Memory, Result};

use super::build::BuildTable;
use super::ranges::Wanted;
use super::rule::Rule;

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
    /// The first probe row of which it is open whether a pair counts, and whether one has.
    open: usize,
    found: bool,
    /// What probe rows want of build rows that stand in ranges.
    wanted: Option<Wanted>,
    _charge: Charge,
}

/// Some pairs: a probe row and its partner in each place.
pub(super) struct Pairs {
    pub(super) rows: Vec<u32>,
    pub(super) partners: Vec<u32>,
    charge: Charge,
}

impl Pairing {
    /// Pairs for probe rows of these groups; with `outer`, each row without a group is paired with [`NO_ROW`].
    pub(super) fn new(groups: Vec<u32>, outer: bool, memory: &Memory) -> Result<Self> {
        let charge = memory.charge(groups.len() * size_of::<u32>())?;
        Ok(Self { groups, outer, row: 0, done: 0, open: 0, found: false, wanted: None, _charge: charge })
    }

    /// The same, of build rows that stand in ranges: only pairs that may count.
    pub(super) fn within(mut self, wanted: Wanted) -> Self {
        self.wanted = Some(wanted);
        self
    }

    /// Whether there may be more pairs.
    pub(super) fn has_more(&self) -> bool {
        self.row < self.groups.len()
    }

    /// The next pairs, at most `limit`.
    pub(super) fn next(&mut self, table: &BuildTable, limit: usize, memory: &Memory) -> Result<Pairs> {
        let charge = memory.charge(2 * limit * size_of::<u32>())?;
        if let (Some(ranges), Some(wanted)) = (&table.ranges, &self.wanted) {
            let (mut rows, mut partners) = (Vec::new(), Vec::new());
            while let Some(&group) = self.groups.get(self.row).filter(|_| rows.len() < limit) {
                match ranges.next(wanted, self.row, group, self.done) {
                    Some((place, partner)) => {
                        rows.push(self.row as u32);
                        partners.push(partner);
                        self.done = place + 1;
                    }
                    None => (self.row, self.done) = (self.row + 1, 0),
                }
            }
            return Ok(Pairs { rows, partners, charge });
        }
        let table = &table.partners;
        let likely = limit.min(self.groups.len() - self.row);
        let (mut rows, mut partners) = (Vec::with_capacity(likely), Vec::with_capacity(likely));
        while let Some(group) = self.groups.get(self.row) {
            let found = table.of(group);
            let room = limit - partners.len();
            if found.is_empty() && self.outer {
                if room == 0 {
                    break;
                }
                rows.push(self.row as u32);
                partners.push(NO_ROW);
            }
            let left = &found[self.done..];
            let taken = &left[..left.len().min(room)];
            rows.resize(rows.len() + taken.len(), self.row as u32);
            partners.extend_from_slice(taken);
            if taken.len() < left.len() {
                self.done += taken.len();
                break;
            }
            self.row += 1;
            self.done = 0;
        }
        Ok(Pairs { rows, partners, charge })
    }

    /// What a join gives for the last pairs, of which those count that `holds` says: rows that are through by now and
    /// what becomes of them without a pair that counts. At most one more row for each probe row comes out.
    pub(super) fn settle(&mut self, pairs: Pairs, holds: &BooleanBuffer, rule: Rule) -> Pairs {
        let kept = holds.count_set_bits();
        let (rows, partners) = (Vec::with_capacity(kept), Vec::with_capacity(kept));
        let mut settled = Pairs { rows, partners, charge: pairs.charge };
        for (at, (&row, &partner)) in pairs.rows.iter().zip(&pairs.partners).enumerate() {
            self.close_to(row as usize, rule, &mut settled);
            if holds.value(at) {
                self.found = true;
                if rule.gives_pairs() {
                    settled.rows.push(row);
                    settled.partners.push(partner);
                }
            }
        }
        self.close_to(self.row, rule, &mut settled);
        settled
    }

    /// Closes the rows before `row`.
    fn close_to(&mut self, row: usize, rule: Rule, settled: &mut Pairs) {
        for open in self.open..row {
            let stands = match rule {
                Rule::Pairs { keeps_probe, .. } => keeps_probe && !self.found,
                Rule::Having => self.found,
                Rule::Lacking { .. } => !self.found,
            };
            if stands {
                settled.rows.push(open as u32);
                settled.partners.push(NO_ROW);
            }
            self.found = false;
        }
        self.open = self.open.max(row);
    }
}
