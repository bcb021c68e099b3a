// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Groups of rows that are all there: keys are hashed and compared where they lie, and none is copied into a table.
//!
//! A group is known by its first row. That is the cheapest form for keys that hardly repeat, where a table of its own
//! would hold nearly every row a second time. Rows are hashed first, so that a caller can deal them out by hash.

use arrow_array::ArrayRef;
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;

use super::slots::{Probe, Slots, occupy, probe};
use super::storage::BLOCK;
use crate::hash::{HashSeed, hash_bytes, hash_next};
use crate::keys::column::{ByteLoop, ByteSource, KeyColumn, KeyValues, Word, WordLoop};
use crate::keys::nested::NestedKeys;
use crate::keys::{KeyEquality, KeyOptions, NO_GROUP};
use crate::{Error, Memory, Result};

/// How to hash and compare keys of some types. Nulls are equal to nulls.
#[derive(Debug)]
pub struct KeysInPlace {
    nested: Vec<Option<NestedKeys>>,
    equality: KeyEquality,
    seed: HashSeed,
}

impl KeysInPlace {
    /// For keys of `types`. Of the options, what floats are equal to and the seed are heeded.
    ///
    /// # Errors
    /// `NotImplemented` for a type that has no keys.
    pub fn new(types: &[DataType], options: KeyOptions) -> Result<Self> {
        let nested = types.iter().map(|data_type| NestedKeys::for_type(data_type, options.equality));
        Ok(Self {
            nested: nested.collect::<Result<_>>()?,
            equality: options.equality,
            seed: options.seed.unwrap_or_else(HashSeed::random),
        })
    }

    fn physical(&self, columns: &[ArrayRef]) -> Result<Vec<KeyColumn>> {
        let columns = columns.iter().zip(&self.nested);
        columns.map(|(array, nested)| KeyColumn::new(array, nested.as_ref(), self.equality)).collect()
    }

    /// Writes the hash of each row. Equal keys have equal hashes, in any batch; all 64 bits are well spread.
    ///
    /// # Errors
    /// `NotImplemented` for types without keys.
    pub fn hash(&self, columns: &[ArrayRef], hashes: &mut [u64]) -> Result<()> {
        hashes.fill(0);
        for column in self.physical(columns)? {
            let body = HashLoop { nulls: column.nulls.as_ref(), seed: self.seed, hashes: &mut *hashes };
            match &column.values {
                KeyValues::Nothing => {}
                KeyValues::Bits(bits) => {
                    body.each(|state, row| hash_next(state, u64::from(bits.value(row)), self.seed))
                }
                KeyValues::Words(words) => words.visit(body),
                KeyValues::Wide(values) => body.each(|state, row| {
                    let value = values[row] as u128;
                    hash_next(hash_next(state, value as u64, self.seed), (value >> 64) as u64, self.seed)
                }),
                KeyValues::Bytes(bytes) => bytes.visit(body),
            }
        }
        Ok(())
    }

    /// Writes the group of each row, given the hashes of [`Self::hash`]; returns the first row of each group, in order.
    ///
    /// # Errors
    /// `MemoryLimit`; `LimitExceeded` past 2³² − 2 rows; `NotImplemented` for types without keys.
    pub fn group(&self, columns: &[ArrayRef], hashes: &[u64], memory: &Memory, out: &mut Vec<u32>) -> Result<Vec<u32>> {
        let row_count = hashes.len();
        if row_count >= NO_GROUP as usize {
            return Err(Error::limit_exceeded("more than 2^32 - 2 rows to group at once"));
        }
        let columns = self.physical(columns)?;
        let mut slots = Slots::new(memory)?;
        let mut firsts: Vec<u32> = Vec::new();
        out.clear();
        out.reserve(row_count);
        for first in (0..row_count).step_by(BLOCK) {
            let block = &hashes[first..row_count.min(first + BLOCK)];
            let hash_of = |group: usize| Some(hashes[firsts[group] as usize]);
            slots.reserve(firsts.len() + block.len(), firsts.len(), hash_of)?;
            slots.prefetch(block);
            let slots = slots.as_mut_slice();
            for (row, &hash) in (first..).zip(block) {
                let is_equal = |group: u32| {
                    let held = firsts[group as usize] as usize;
                    columns.iter().all(|column| column.is_equal(held, row))
                };
                let group = match probe(slots, hash, is_equal) {
                    Probe::Found(group) => group,
                    Probe::Vacant(at) => {
                        let group = firsts.len() as u32;
                        occupy(slots, at, hash, group);
                        firsts.push(row as u32);
                        group
                    }
                };
                out.push(group);
            }
        }
        Ok(firsts)
    }
}

struct HashLoop<'a> {
    nulls: Option<&'a NullBuffer>,
    seed: HashSeed,
    hashes: &'a mut [u64],
}

/// What tells short strings of different lengths apart, whose bytes may be equal but for zeros.
const LENGTHS: [u64; 17] = {
    let mut lengths = [0; 17];
    let mut len = 0;
    while len < lengths.len() {
        lengths[len] = (len as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        len += 1;
    }
    lengths
};

/// What a null is hashed as; a value that has the same hash is told apart when keys are compared.
const NULL_WORD: u64 = 0x5bd1_e995_9d1b_58d3;

impl HashLoop<'_> {
    #[inline]
    fn each(self, next: impl Fn(u64, usize) -> u64) {
        match self.nulls {
            None => {
                for (row, hash) in self.hashes.iter_mut().enumerate() {
                    *hash = next(*hash, row);
                }
            }
            Some(nulls) => {
                for (row, hash) in self.hashes.iter_mut().enumerate() {
                    *hash = if nulls.is_valid(row) { next(*hash, row) } else { hash_next(*hash, NULL_WORD, self.seed) };
                }
            }
        }
    }
}

impl WordLoop for HashLoop<'_> {
    type Output = ();
    fn run<T: Word>(self, values: &[T]) {
        let seed = self.seed;
        self.each(|state, row| hash_next(state, values[row].word(), seed));
    }
}

impl ByteLoop for HashLoop<'_> {
    type Output = ();
    fn run<S: ByteSource>(self, source: &S) {
        let seed = self.seed;
        self.each(|state, row| {
            let (len, short) = source.short(row);
            match len {
                0..=8 => hash_next(state.wrapping_add(LENGTHS[len]), short as u64, seed),
                9..=16 => {
                    let low = hash_next(state.wrapping_add(LENGTHS[len]), short as u64, seed);
                    hash_next(low, (short >> 64) as u64, seed)
                }
                _ => hash_next(state, hash_bytes(source.bytes(row), seed), seed),
            }
        });
    }
}

impl KeyColumn {
    /// Whether two rows have equal keys.
    #[inline]
    fn is_equal(&self, a: usize, b: usize) -> bool {
        if let Some(nulls) = &self.nulls {
            let valid = nulls.is_valid(a);
            if valid != nulls.is_valid(b) || !valid {
                return valid == nulls.is_valid(b);
            }
        }
        match &self.values {
            KeyValues::Nothing => true,
            KeyValues::Bits(bits) => bits.value(a) == bits.value(b),
            KeyValues::Words(words) => words.visit(EqualRows(a, b)),
            KeyValues::Wide(values) => values[a] == values[b],
            KeyValues::Bytes(bytes) => bytes.visit(EqualRows(a, b)),
        }
    }
}

struct EqualRows(usize, usize);

impl WordLoop for EqualRows {
    type Output = bool;
    #[inline]
    fn run<T: Word>(self, values: &[T]) -> bool {
        values[self.0].word() == values[self.1].word()
    }
}

impl ByteLoop for EqualRows {
    type Output = bool;
    #[inline]
    fn run<S: ByteSource>(self, source: &S) -> bool {
        source.bytes(self.0) == source.bytes(self.1)
    }
}
