// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The four ways to hold keys, behind one pair of questions: which group is this row's, and is there one.
//!
//! Rows come in blocks whose keys and hashes fit the first-level cache. A block is packed or written, hashed, its slots
//! fetched ahead, and then probed row by row.

use arrow_buffer::NullBuffer;

use super::single::{SingleFind, SingleInsert};
use super::slots::{Probe, Slots, WordSlots, likely_group, occupy, probe};
use crate::arch::prefetch;
use crate::hash::{HashSeed, hash_bytes, hash_u128};
use crate::keys::NO_GROUP;
use crate::keys::column::{KeyColumn, KeyValues};
use crate::keys::layout::Layout;
use crate::keys::rows::RowBlock;
use crate::lanes::Lanes;
use crate::{Memory, Result};

/// Rows of a block.
pub(super) const BLOCK: usize = 1024;

/// Keys, and the group of each.
#[derive(Debug)]
pub(super) enum Storage {
    Dense(Layout, Lanes<u32>),
    Packed64(Layout, WordSlots),
    Packed128(Layout, WideKeys),
    Rows(Box<RowKeys>),
}

/// The rows asked about: those from `first` on.
pub(super) struct Batch<'a> {
    pub(super) columns: &'a [KeyColumn],
    pub(super) first: usize,
    pub(super) row_count: usize,
    /// Rows that belong to no group are null here.
    pub(super) skip: Option<&'a NullBuffer>,
}

impl Batch<'_> {
    /// The first row of each block.
    pub(super) fn blocks(&self) -> impl Iterator<Item = usize> + use<> {
        (self.first..self.row_count).step_by(BLOCK)
    }

    pub(super) fn skips(&self, row: usize) -> bool {
        self.skip.is_some_and(|skip| skip.is_null(row))
    }
}

#[derive(Debug)]
pub(super) struct WideKeys {
    slots: Slots,
    keys: Lanes<i128>,
}

#[derive(Debug)]
pub(super) struct RowKeys {
    pub(super) slots: Slots,
    hashes: Lanes<u64>,
    /// Where each group's key ends in `bytes`.
    ends: Lanes<u64>,
    bytes: Lanes<u8>,
    /// Whether the key is one column of bytes, taken as they are.
    single: bool,
    /// The group of nulls, where the key is one column: its key has no bytes, and no slot leads to it.
    pub(super) null_group: Option<u32>,
}

impl Storage {
    pub(super) fn dense(layout: Layout, memory: &Memory) -> Result<Self> {
        // One more entry, which stays empty, for keys outside the layout.
        let entries = (1_usize << layout.bits()) + 1;
        Ok(Self::Dense(layout, Lanes::filled(memory, entries, NO_GROUP)?))
    }

    pub(super) fn packed64(layout: Layout, memory: &Memory) -> Result<Self> {
        Ok(Self::Packed64(layout, WordSlots::new(memory)?))
    }

    pub(super) fn packed128(layout: Layout, memory: &Memory) -> Result<Self> {
        Ok(Self::Packed128(layout, WideKeys { slots: Slots::new(memory)?, keys: Lanes::new(memory)? }))
    }

    pub(super) fn rows(single: bool, memory: &Memory) -> Result<Self> {
        Ok(Self::Rows(Box::new(RowKeys {
            slots: Slots::new(memory)?,
            hashes: Lanes::new(memory)?,
            ends: Lanes::new(memory)?,
            bytes: Lanes::new(memory)?,
            single,
            null_group: None,
        })))
    }

    pub(super) fn layout(&self) -> Option<&Layout> {
        match self {
            Self::Dense(layout, _) | Self::Packed64(layout, _) | Self::Packed128(layout, _) => Some(layout),
            Self::Rows(_) => None,
        }
    }

    pub(super) fn byte_len(&self) -> usize {
        match self {
            Self::Dense(_, groups) => groups.byte_len(),
            Self::Packed64(_, slots) => slots.byte_len(),
            Self::Packed128(_, wide) => wide.slots.byte_len() + wide.keys.byte_len(),
            Self::Rows(rows) => {
                rows.slots.byte_len() + rows.hashes.byte_len() + rows.ends.byte_len() + rows.bytes.byte_len()
            }
        }
    }

    /// Writes the group of each row, adding groups for new keys; `added` collects the first row of each. Gives where it
    /// stopped: at the end, or before a block with a key that has no place in the layout.
    pub(super) fn insert(
        &mut self,
        batch: &Batch<'_>,
        seed: HashSeed,
        group_count: &mut usize,
        out: &mut [u32],
        added: &mut Vec<u32>,
    ) -> Result<usize> {
        match self {
            Self::Dense(layout, groups) => Ok(insert_dense(layout, groups, batch, group_count, out, added)),
            Self::Packed64(layout, slots) => {
                let mut keys = [0_u64; BLOCK];
                for first in batch.blocks() {
                    let len = BLOCK.min(batch.row_count - first);
                    let keys = &mut keys[..len];
                    if !layout.encode(batch.columns, first, keys, None) {
                        return Ok(first);
                    }
                    slots.reserve(*group_count + len, seed)?;
                    let out = &mut out[first..first + len];
                    let add = |row| added.push((first + row) as u32);
                    match batch.skip {
                        None => slots.insert(keys, seed, group_count, |_| false, out, add),
                        Some(skip) => slots.insert(keys, seed, group_count, |row| skip.is_null(first + row), out, add),
                    }
                }
                Ok(batch.row_count)
            }
            Self::Packed128(layout, wide) => wide.insert(layout, batch, seed, group_count, out, added),
            Self::Rows(rows) => {
                match &batch.columns[0].values {
                    KeyValues::Bytes(bytes) if rows.single => {
                        bytes.visit(SingleInsert { rows, batch, seed, group_count, out, added })?;
                    }
                    _ => rows.insert_blocks(batch, seed, group_count, out, added)?,
                }
                Ok(batch.row_count)
            }
        }
    }

    /// Writes the group of each row, `NO_GROUP` where the key is not there.
    pub(super) fn find(&self, batch: &Batch<'_>, seed: HashSeed, out: &mut [u32]) -> Result<()> {
        let mut missing = [false; BLOCK];
        match self {
            Self::Dense(layout, groups) => {
                let groups = &groups[..];
                let mut keys = [0_u64; BLOCK];
                for_blocks(batch, |first, len| {
                    let (keys, missing) = (&mut keys[..len], &mut missing[..len]);
                    missing.fill(false);
                    let _ = layout.encode(batch.columns, first, keys, Some(missing));
                    let outside = groups.len() - 1;
                    for ((out, &key), &missing) in out[first..first + len].iter_mut().zip(&*keys).zip(&*missing) {
                        *out = groups[if missing { outside } else { key as usize }];
                    }
                    Ok(())
                })?;
            }
            Self::Packed64(layout, slots) => {
                let mut keys = [0_u64; BLOCK];
                for_blocks(batch, |first, len| {
                    let (keys, missing) = (&mut keys[..len], &mut missing[..len]);
                    missing.fill(false);
                    let _ = layout.encode(batch.columns, first, keys, Some(missing));
                    let out = &mut out[first..first + len];
                    slots.find(keys, seed, out);
                    clear(out, missing);
                    Ok(())
                })?;
            }
            Self::Packed128(layout, wide) => {
                let mut keys = [0_u128; BLOCK];
                let mut hashes = [0; BLOCK];
                for_blocks(batch, |first, len| {
                    let (keys, missing, hashes) = (&mut keys[..len], &mut missing[..len], &mut hashes[..len]);
                    missing.fill(false);
                    let _ = layout.encode(batch.columns, first, keys, Some(missing));
                    let out = &mut out[first..first + len];
                    wide.find(keys, hashes, seed, out);
                    clear(out, missing);
                    Ok(())
                })?;
            }
            Self::Rows(rows) => match &batch.columns[0].values {
                KeyValues::Bytes(bytes) if rows.single => bytes.visit(SingleFind { rows, batch, seed, out: &mut *out }),
                _ => rows.find_blocks(batch, seed, out)?,
            },
        }
        if let Some(skip) = batch.skip {
            for (row, out) in out.iter_mut().enumerate() {
                if skip.is_null(row) {
                    *out = NO_GROUP;
                }
            }
        }
        Ok(())
    }
}

pub(super) fn for_blocks(batch: &Batch<'_>, mut body: impl FnMut(usize, usize) -> Result<()>) -> Result<()> {
    batch.blocks().try_for_each(|first| body(first, BLOCK.min(batch.row_count - first)))
}

fn clear(out: &mut [u32], missing: &[bool]) {
    for (out, &missing) in out.iter_mut().zip(missing) {
        *out = if missing { NO_GROUP } else { *out };
    }
}

fn insert_dense(
    layout: &Layout,
    groups: &mut [u32],
    batch: &Batch<'_>,
    group_count: &mut usize,
    out: &mut [u32],
    added: &mut Vec<u32>,
) -> usize {
    let mut keys = [0_u64; BLOCK];
    for first in batch.blocks() {
        let len = BLOCK.min(batch.row_count - first);
        let keys = &mut keys[..len];
        if !layout.encode(batch.columns, first, keys, None) {
            return first;
        }
        for (row, (&key, out)) in keys.iter().zip(&mut out[first..]).enumerate() {
            if batch.skips(first + row) {
                *out = NO_GROUP;
                continue;
            }
            let group = &mut groups[key as usize];
            if *group == NO_GROUP {
                *group = *group_count as u32;
                *group_count += 1;
                added.push((first + row) as u32);
            }
            *out = *group;
        }
    }
    batch.row_count
}

impl WideKeys {
    fn insert(
        &mut self,
        layout: &Layout,
        batch: &Batch<'_>,
        seed: HashSeed,
        group_count: &mut usize,
        out: &mut [u32],
        added: &mut Vec<u32>,
    ) -> Result<usize> {
        let mut keys = [0_u128; BLOCK];
        let mut hashes = [0; BLOCK];
        for first in batch.blocks() {
            let len = BLOCK.min(batch.row_count - first);
            let (keys, hashes) = (&mut keys[..len], &mut hashes[..len]);
            if !layout.encode(batch.columns, first, keys, None) {
                return Ok(first);
            }
            let held = &self.keys;
            self.slots.reserve(*group_count + len, *group_count, |group| Some(hash_u128(held[group] as u128, seed)))?;
            self.keys.resize(*group_count + len, 0)?;
            self.fetch(keys, hashes, seed);
            let (slots, held) = (self.slots.as_mut_slice(), &mut self.keys[..]);
            for (row, out) in out[first..first + len].iter_mut().enumerate() {
                if batch.skips(first + row) {
                    *out = NO_GROUP;
                    continue;
                }
                let (key, hash) = (keys[row] as i128, hashes[row]);
                *out = match probe(slots, hash, |group| held[group as usize] == key) {
                    Probe::Found(group) => group,
                    Probe::Vacant(at) => {
                        let group = *group_count as u32;
                        occupy(slots, at, hash, group);
                        held[*group_count] = key;
                        *group_count += 1;
                        added.push((first + row) as u32);
                        group
                    }
                };
            }
            self.keys.resize(*group_count, 0)?;
        }
        Ok(batch.row_count)
    }

    fn find(&self, keys: &[u128], hashes: &mut [u64], seed: HashSeed, out: &mut [u32]) {
        self.fetch(keys, hashes, seed);
        let (slots, held) = (self.slots.as_slice(), &self.keys[..]);
        for ((&key, &hash), out) in keys.iter().zip(&*hashes).zip(out) {
            *out = match probe(slots, hash, |group| held[group as usize] == key as i128) {
                Probe::Found(group) => group,
                Probe::Vacant(_) => NO_GROUP,
            };
        }
    }

    /// Hashes a block and fetches ahead what its probes will read.
    fn fetch(&self, keys: &[u128], hashes: &mut [u64], seed: HashSeed) {
        for (hash, &key) in hashes.iter_mut().zip(keys) {
            *hash = hash_u128(key, seed);
        }
        self.slots.prefetch(hashes);
        let (slots, held) = (self.slots.as_slice(), &self.keys[..]);
        if size_of_val(held) > 1 << 19 {
            for &hash in &*hashes {
                prefetch(held, likely_group(slots, hash) as usize);
            }
        }
    }
}

impl RowKeys {
    #[inline]
    fn key(ends: &[u64], bytes: &[u8], group: u32) -> std::ops::Range<usize> {
        let group = group as usize;
        let start = if group == 0 { 0 } else { ends[group - 1] as usize };
        debug_assert!(ends[group] as usize <= bytes.len());
        start..ends[group] as usize
    }

    #[inline]
    pub(super) fn find_one(&self, key: &[u8], hash: u64) -> Probe {
        let (ends, bytes) = (&self.ends[..], &self.bytes[..]);
        probe(self.slots.as_slice(), hash, |group| &bytes[Self::key(ends, bytes, group)] == key)
    }

    #[inline]
    pub(super) fn insert_one(&mut self, key: &[u8], hash: u64, group_count: &mut usize) -> Result<(u32, bool)> {
        match self.find_one(key, hash) {
            Probe::Found(group) => Ok((group, false)),
            Probe::Vacant(at) => {
                occupy(self.slots.as_mut_slice(), at, hash, *group_count as u32);
                Ok((self.push(key, hash, group_count)?, true))
            }
        }
    }

    pub(super) fn push(&mut self, key: &[u8], hash: u64, group_count: &mut usize) -> Result<u32> {
        self.bytes.extend_from_slice(key)?;
        self.ends.push(self.bytes.len() as u64)?;
        self.hashes.push(hash)?;
        *group_count += 1;
        Ok((*group_count - 1) as u32)
    }

    pub(super) fn reserve(&mut self, group_count: usize, additional: usize) -> Result<()> {
        let (hashes, null_group) = (&self.hashes[..], self.null_group);
        self.slots.reserve(group_count + additional, group_count, |group| {
            (null_group != Some(group as u32)).then(|| hashes[group])
        })
    }

    fn insert_blocks(
        &mut self,
        batch: &Batch<'_>,
        seed: HashSeed,
        group_count: &mut usize,
        out: &mut [u32],
        added: &mut Vec<u32>,
    ) -> Result<()> {
        let mut block = RowBlock::default();
        let mut hashes = [0; BLOCK];
        for_blocks(batch, |first, len| {
            block.encode(batch.columns, first, len)?;
            self.reserve(*group_count, len)?;
            let hashes = &mut hashes[..len];
            for (row, hash) in hashes.iter_mut().enumerate() {
                *hash = hash_bytes(block.row(row), seed);
            }
            self.slots.prefetch(hashes);
            for (row, out) in out[first..first + len].iter_mut().enumerate() {
                if batch.skips(first + row) {
                    *out = NO_GROUP;
                    continue;
                }
                let (group, is_new) = self.insert_one(block.row(row), hashes[row], group_count)?;
                if is_new {
                    added.push((first + row) as u32);
                }
                *out = group;
            }
            Ok(())
        })
    }

    fn find_blocks(&self, batch: &Batch<'_>, seed: HashSeed, out: &mut [u32]) -> Result<()> {
        let mut block = RowBlock::default();
        let mut hashes = [0; BLOCK];
        for_blocks(batch, |first, len| {
            block.encode(batch.columns, first, len)?;
            let hashes = &mut hashes[..len];
            for (row, hash) in hashes.iter_mut().enumerate() {
                *hash = hash_bytes(block.row(row), seed);
            }
            self.slots.prefetch(hashes);
            for (row, out) in out[first..first + len].iter_mut().enumerate() {
                *out = match self.find_one(block.row(row), hashes[row]) {
                    Probe::Found(group) => group,
                    Probe::Vacant(_) => NO_GROUP,
                };
            }
            Ok(())
        })
    }
}
