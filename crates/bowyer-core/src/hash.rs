// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Seeded 64-bit hashes of words and bytes, for the tables of this crate.
//!
//! A hash is a 64 × 64 multiplication whose halves are folded together. The low bits choose a slot and the high 32 are
//! its tag. Seeds are drawn once for each table, so that no input is slow for every process; no answer depends on them.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// What makes the hashes of one table its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashSeed {
    first: u64,
    second: u64,
}

impl HashSeed {
    /// A seed that the process has not used before.
    #[must_use]
    pub fn random() -> Self {
        let state = RandomState::new();
        let mut hasher = state.build_hasher();
        hasher.write_u8(1);
        Self::fixed(hasher.finish())
    }

    /// The seed made from `value`: equal values, equal hashes.
    #[must_use]
    pub const fn fixed(value: u64) -> Self {
        let first = fold(value ^ 0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93);
        let second = fold(first ^ 0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db);
        Self { first, second: second | 1 }
    }
}

#[inline]
const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128) * (b as u128);
    (product as u64) ^ ((product >> 64) as u64)
}

/// The hash of one word.
#[inline]
#[must_use]
pub const fn hash_u64(value: u64, seed: HashSeed) -> u64 {
    fold(value ^ seed.first, seed.second)
}

/// The hash of one more word, given that of the words before it.
#[inline]
#[must_use]
pub const fn hash_next(state: u64, value: u64, seed: HashSeed) -> u64 {
    fold(state.wrapping_add(seed.first) ^ value, seed.second)
}

/// The hash of two words.
#[inline]
#[must_use]
pub const fn hash_u128(value: u128, seed: HashSeed) -> u64 {
    let low = fold(value as u64 ^ seed.first, seed.second);
    fold(low ^ (value >> 64) as u64, seed.second ^ 0x2d35_8dcc_aa6c_78a4)
}

#[inline]
fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(word)
}

/// The hash of a run of bytes, its length included.
#[inline]
#[must_use]
pub fn hash_bytes(bytes: &[u8], seed: HashSeed) -> u64 {
    let len = bytes.len();
    let mut state = seed.first ^ len as u64;
    let (low, high) = if len > 16 {
        let mut rest = bytes;
        while rest.len() > 16 {
            state = fold(word(rest) ^ state, word(&rest[8..]) ^ seed.second);
            rest = &rest[16..];
        }
        // The last 16 bytes, some of which may have been read before.
        (word(&bytes[len - 16..]), word(&bytes[len - 8..]))
    } else if len >= 8 {
        (word(bytes), word(&bytes[len - 8..]))
    } else if len >= 4 {
        let four = |at: usize| u64::from(u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]));
        (four(0), four(len - 4))
    } else if len > 0 {
        (u64::from(bytes[0]), u64::from(bytes[len / 2]) << 8 | u64::from(bytes[len - 1]))
    } else {
        (0, 0)
    };
    fold(fold(low ^ state, seed.second) ^ high, seed.first | 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearby_words_spread_over_slots_and_tags() {
        let seed = HashSeed::fixed(7);
        for step in [1_u64, 8, 1 << 20, 1 << 40] {
            let mut slots = vec![0_u32; 1024];
            for i in 0..8192_u64 {
                slots[hash_u64(i * step, seed) as usize % 1024] += 1;
            }
            assert!(slots.iter().all(|&count| count < 40), "step {step}: {:?}", slots.iter().max());
        }
    }

    #[test]
    fn every_byte_and_the_length_matter() {
        let seed = HashSeed::random();
        for len in 0..70 {
            let bytes = vec![7_u8; len];
            let hash = hash_bytes(&bytes, seed);
            for at in 0..len {
                let mut other = bytes.clone();
                other[at] ^= 1;
                assert_ne!(hash, hash_bytes(&other, seed), "byte {at} of {len}");
            }
            let longer = vec![7_u8; len + 1];
            assert_ne!(hash, hash_bytes(&longer, seed));
        }
    }

    #[test]
    fn seeds_differ() {
        assert_ne!(HashSeed::random(), HashSeed::random());
        assert_ne!(hash_u64(1, HashSeed::fixed(1)), hash_u64(1, HashSeed::fixed(2)));
    }
}
