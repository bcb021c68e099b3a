// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Open-addressed slots: from a hash to a group, with 32 bits of the hash beside it.
//!
//! A slot is one word, `tag << 32 | group`, so that eight share a cache line and a wrong key is almost always seen
//! before it is fetched. Tables are at most half full and probed linearly. [`WordSlots`] holds the key itself in the
//! slot, where it fits 64 bits: one line answers.

use super::storage::BLOCK;
use crate::arch::prefetch;
use crate::hash::{HashSeed, hash_u64};
use crate::keys::NO_GROUP;
use crate::lanes::Lanes;
use crate::{Memory, Result};

/// Tables larger than this are fetched ahead: they do not stay in the second-level cache.
const PREFETCH_BYTES: usize = 1 << 20;

const EMPTY: u64 = NO_GROUP as u64;
const FIRST_SLOTS: usize = 1024;

/// Slots that name groups whose keys are kept elsewhere.
#[derive(Debug)]
pub(super) struct Slots {
    slots: Lanes<u64>,
}

/// What a probe came to.
pub(super) enum Probe {
    Found(u32),
    /// No such key; it would go to this slot.
    Vacant(usize),
}

impl Slots {
    pub(super) fn new(memory: &Memory) -> Result<Self> {
        Ok(Self { slots: Lanes::filled(memory, FIRST_SLOTS, EMPTY)? })
    }

    pub(super) fn byte_len(&self) -> usize {
        self.slots.byte_len()
    }

    /// Makes room for `group_count` groups; `hash_of` gives the hash of each of the `held`,
    /// `None` for a group that no slot leads to.
    pub(super) fn reserve(
        &mut self,
        group_count: usize,
        held: usize,
        hash_of: impl Fn(usize) -> Option<u64>,
    ) -> Result<()> {
        if group_count * 2 <= self.slots.len() {
            return Ok(());
        }
        let slot_count = (group_count * 2).next_power_of_two();
        let memory = self.slots.memory().clone();
        let mut larger = Lanes::filled(&memory, slot_count, EMPTY)?;
        let mask = slot_count - 1;
        let slots = &mut larger[..];
        for group in 0..held {
            let Some(hash) = hash_of(group) else { continue };
            let mut at = hash as usize & mask;
            while slots[at] != EMPTY {
                at = (at + 1) & mask;
            }
            slots[at] = entry(hash, group as u32);
        }
        self.slots = larger;
        Ok(())
    }

    /// Fetches the slots of `hashes` ahead, if the table is large.
    pub(super) fn prefetch(&self, hashes: &[u64]) {
        let slots = &self.slots[..];
        if size_of_val(slots) > PREFETCH_BYTES {
            for &hash in hashes {
                prefetch(slots, hash as usize & (slots.len() - 1));
            }
        }
    }

    /// The slots to probe, without the table around them.
    pub(super) fn as_mut_slice(&mut self) -> &mut [u64] {
        &mut self.slots
    }

    pub(super) fn as_slice(&self) -> &[u64] {
        &self.slots
    }
}

#[inline]
fn entry(hash: u64, group: u32) -> u64 {
    (hash & 0xffff_ffff_0000_0000) | u64::from(group)
}

/// Writes `group` into a vacant slot.
#[inline]
pub(super) fn occupy(slots: &mut [u64], at: usize, hash: u64, group: u32) {
    slots[at] = entry(hash, group);
}

/// The group in the first slot of `hash`, a guess at where its key is.
#[inline]
pub(super) fn likely_group(slots: &[u64], hash: u64) -> u32 {
    slots[hash as usize & (slots.len() - 1)] as u32
}

/// Looks for the group of a key with `hash`; `is_equal` compares it with a group's.
#[inline]
pub(super) fn probe(slots: &[u64], hash: u64, mut is_equal: impl FnMut(u32) -> bool) -> Probe {
    let mask = slots.len() - 1;
    let tag = hash >> 32;
    let mut at = hash as usize & mask;
    loop {
        let slot = slots[at];
        let group = slot as u32;
        if slot >> 32 == tag && group != NO_GROUP && is_equal(group) {
            return Probe::Found(group);
        }
        if slot == EMPTY {
            return Probe::Vacant(at);
        }
        at = (at + 1) & mask;
    }
}

/// Slots that hold 64-bit keys and their groups: two words each, the key first.
#[derive(Debug)]
pub(super) struct WordSlots {
    slots: Lanes<u64>,
}

impl WordSlots {
    pub(super) fn new(memory: &Memory) -> Result<Self> {
        Ok(Self { slots: Lanes::filled(memory, 2 * FIRST_SLOTS, EMPTY)? })
    }

    pub(super) fn byte_len(&self) -> usize {
        self.slots.byte_len()
    }

    pub(super) fn reserve(&mut self, group_count: usize, seed: HashSeed) -> Result<()> {
        if group_count * 4 <= self.slots.len() {
            return Ok(());
        }
        let slot_count = (group_count * 2).next_power_of_two();
        let memory = self.slots.memory().clone();
        let mut larger = Lanes::filled(&memory, 2 * slot_count, EMPTY)?;
        let mask = slot_count - 1;
        let slots = larger.as_chunks_mut::<2>().0;
        for &[key, group] in self.slots.as_chunks::<2>().0 {
            if group != EMPTY {
                let mut at = hash_u64(key, seed) as usize & mask;
                while slots[at][1] != EMPTY {
                    at = (at + 1) & mask;
                }
                slots[at] = [key, group];
            }
        }
        self.slots = larger;
        Ok(())
    }

    /// The groups of `keys`; a key that is not there gets the next of `group_count`, and its row goes to `added`.
    pub(super) fn insert(
        &mut self,
        keys: &[u64],
        seed: HashSeed,
        group_count: &mut usize,
        mut skipped: impl FnMut(usize) -> bool,
        out: &mut [u32],
        mut added: impl FnMut(usize),
    ) {
        self.prefetch(keys, seed);
        let slots = self.slots.as_chunks_mut::<2>().0;
        let mask = slots.len() - 1;
        for (row, (&key, out)) in keys.iter().zip(out).enumerate() {
            if skipped(row) {
                *out = NO_GROUP;
                continue;
            }
            let mut at = hash_u64(key, seed) as usize & mask;
            *out = loop {
                let [held, group] = slots[at];
                if held == key && group != EMPTY {
                    break group as u32;
                }
                if group == EMPTY {
                    let group = *group_count as u32;
                    slots[at] = [key, u64::from(group)];
                    *group_count += 1;
                    added(row);
                    break group;
                }
                at = (at + 1) & mask;
            };
        }
    }

    /// The groups of `keys`, `NO_GROUP` for those that are not there.
    pub(super) fn find(&self, keys: &[u64], seed: HashSeed, out: &mut [u32]) {
        self.prefetch(keys, seed);
        let slots = self.slots.as_chunks::<2>().0;
        let mask = slots.len() - 1;
        // Most keys are in their first slot or not there. Which are not is found out without a branch, as nobody could
        // foresee it.
        let mut open = [0_u16; BLOCK];
        for (keys, out) in keys.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
            let mut open_count = 0;
            for (row, (&key, out)) in keys.iter().zip(&mut *out).enumerate() {
                let [held, group] = slots[hash_u64(key, seed) as usize & mask];
                *out = group as u32;
                open[open_count] = row as u16;
                open_count += usize::from((held != key) & (group != EMPTY));
            }
            for &row in &open[..open_count] {
                let key = keys[row as usize];
                let mut at = hash_u64(key, seed) as usize & mask;
                out[row as usize] = loop {
                    let [held, group] = slots[at];
                    if held == key || group == EMPTY {
                        break group as u32;
                    }
                    at = (at + 1) & mask;
                };
            }
        }
    }

    fn prefetch(&self, keys: &[u64], seed: HashSeed) {
        let slots = self.slots.as_chunks::<2>().0;
        if size_of_val(slots) > PREFETCH_BYTES {
            for &key in keys {
                prefetch(slots, hash_u64(key, seed) as usize & (slots.len() - 1));
            }
        }
    }
}
