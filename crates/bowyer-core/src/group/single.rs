// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Keys that are one column of bytes, hashed and compared where they stand: nothing is written before a key is new.

use arrow_buffer::NullBuffer;

use super::slots::Probe;
use super::storage::{BLOCK, Batch, RowKeys, for_blocks};
use crate::Result;
use crate::hash::{HashSeed, hash_bytes};
use crate::keys::NO_GROUP;
use crate::keys::column::{ByteLoop, ByteSource};

/// Insertion of one column of bytes, without writing them anywhere first.
pub(super) struct SingleInsert<'a> {
    pub(super) rows: &'a mut RowKeys,
    pub(super) batch: &'a Batch<'a>,
    pub(super) seed: HashSeed,
    pub(super) group_count: &'a mut usize,
    pub(super) out: &'a mut [u32],
    pub(super) added: &'a mut Vec<u32>,
}

impl ByteLoop for SingleInsert<'_> {
    type Output = Result<()>;

    fn run<S: ByteSource>(self, source: &S) -> Result<()> {
        let Self { rows, batch, seed, group_count, out, added } = self;
        let nulls = batch.columns[0].nulls.as_ref();
        let mut hashes = [0; BLOCK];
        for_blocks(batch, |first, len| {
            rows.reserve(*group_count, len)?;
            let hashes = &mut hashes[..len];
            hash_block(source, nulls, first, seed, hashes);
            rows.slots.prefetch(hashes);
            for (at, out) in out[first..first + len].iter_mut().enumerate() {
                let row = first + at;
                let null = nulls.is_some_and(|nulls| nulls.is_null(row));
                let (group, is_new) = if batch.skips(row) {
                    (NO_GROUP, false)
                } else if null {
                    match rows.null_group {
                        Some(group) => (group, false),
                        None => {
                            let group = rows.push(&[], 0, group_count)?;
                            rows.null_group = Some(group);
                            (group, true)
                        }
                    }
                } else {
                    rows.insert_one(source.bytes(row), hashes[at], group_count)?
                };
                if is_new {
                    added.push(row as u32);
                }
                *out = group;
            }
            Ok(())
        })
    }
}

fn hash_block<S: ByteSource>(source: &S, nulls: Option<&NullBuffer>, first: usize, seed: HashSeed, hashes: &mut [u64]) {
    for (row, hash) in (first..).zip(hashes) {
        let valid = nulls.is_none_or(|nulls| nulls.is_valid(row));
        *hash = if valid { hash_bytes(source.bytes(row), seed) } else { 0 };
    }
}

/// The search of one column of bytes.
pub(super) struct SingleFind<'a> {
    pub(super) rows: &'a RowKeys,
    pub(super) batch: &'a Batch<'a>,
    pub(super) seed: HashSeed,
    pub(super) out: &'a mut [u32],
}

impl ByteLoop for SingleFind<'_> {
    type Output = ();

    fn run<S: ByteSource>(self, source: &S) {
        let Self { rows, batch, seed, out } = self;
        let nulls = batch.columns[0].nulls.as_ref();
        let mut hashes = [0; BLOCK];
        for first in batch.blocks() {
            let len = BLOCK.min(batch.row_count - first);
            let hashes = &mut hashes[..len];
            hash_block(source, nulls, first, seed, hashes);
            rows.slots.prefetch(hashes);
            for (row, (out, &hash)) in (first..).zip(out[first..first + len].iter_mut().zip(&*hashes)) {
                *out = if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                    rows.null_group.unwrap_or(NO_GROUP)
                } else {
                    match rows.find_one(source.bytes(row), hash) {
                        Probe::Found(group) => group,
                        Probe::Vacant(_) => NO_GROUP,
                    }
                };
            }
        }
    }
}
