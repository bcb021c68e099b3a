// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Values whose bit is set, moved together: 64 rows, one word of bits, at a time.
//!
//! With AVX-512 the machine packs a vector by its mask; elsewhere a value that is not kept is overwritten by the next
//! one, or, where few are kept, each is taken by itself. The portable loop is the oracle of the other.

use arrow_buffer::ArrowNativeType;

use crate::arch::vectorised;

/// Words with at most this many rows are taken bit by bit; others by a pass over all 64 without a branch.
const SPARSE_ROWS: u32 = 10;

/// Writes the values whose bit is set to `kept`, which has as many places as bits are set.
pub fn compress<T: ArrowNativeType>(values: &[T], words: &[u64], kept: &mut [T]) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if wide::packs::<T>() && wide::compress(values, words, kept) {
        return;
    }
    vectorised(
        #[inline(always)]
        || portable(values, words, kept),
    );
}

/// Writes the bits of `source` whose bit in `words` is set, one after the other. `out` has room for all of them.
pub fn compress_bits(source: impl Iterator<Item = u64>, words: &[u64], out: &mut [u64]) {
    out.fill(0);
    let mut row = 0;
    for (&word, source) in words.iter().zip(source) {
        if word == 0 {
            continue;
        }
        let bits = packed(source, word);
        let (place, shift) = (row / 64, row % 64);
        let count = word.count_ones() as usize;
        if let Some(out) = out.get_mut(place) {
            *out |= bits << shift;
        }
        if shift + count > 64
            && let Some(out) = out.get_mut(place + 1)
        {
            *out |= bits >> (64 - shift);
        }
        row += count;
    }
}

/// The bits of `source` where `word` is set, moved down together.
fn packed(source: u64, word: u64) -> u64 {
    if word == u64::MAX {
        return source;
    }
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if std::arch::is_x86_feature_detected!("bmi2") {
        // SAFETY: the machine has the instruction; it asks nothing else.
        return unsafe { std::arch::x86_64::_pext_u64(source, word) };
    }
    packed_by_bit(source, word)
}

fn packed_by_bit(source: u64, mut word: u64) -> u64 {
    let (mut bits, mut place) = (0, 0);
    while word != 0 {
        bits |= (source >> word.trailing_zeros() & 1) << place;
        place += 1;
        word &= word - 1;
    }
    bits
}

#[inline(always)]
fn portable<T: ArrowNativeType>(values: &[T], words: &[u64], mut kept: &mut [T]) {
    let mut scratch = [T::default(); 64];
    for (values, &word) in values.chunks(64).zip(words) {
        let count = word.count_ones();
        let (now, later) = kept.split_at_mut(count as usize);
        kept = later;
        if count == 0 {
            continue;
        }
        if let Ok(values) = <&[T; 64]>::try_from(values) {
            if word == u64::MAX {
                now.copy_from_slice(values);
            } else if count > SPARSE_ROWS {
                let mut place = 0_usize;
                for (bit, &value) in values.iter().enumerate() {
                    // A value that is not kept is overwritten by the next one.
                    scratch[place & 63] = value;
                    place += (word >> bit & 1) as usize;
                }
                now.copy_from_slice(&scratch[..count as usize]);
            } else {
                take_bits(values, word, now);
            }
        } else {
            take_bits(values, word, now);
        }
    }
}

#[inline(always)]
fn take_bits<T: ArrowNativeType>(values: &[T], mut word: u64, now: &mut [T]) {
    for place in now {
        if let Some(&value) = values.get(word.trailing_zeros() as usize) {
            *place = value;
        }
        word &= word.wrapping_sub(1);
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod wide {
    use std::any::TypeId;
    use std::arch::x86_64::{
        _mm512_loadu_epi32, _mm512_loadu_epi64, _mm512_mask_storeu_epi32, _mm512_mask_storeu_epi64,
        _mm512_maskz_compress_epi32, _mm512_maskz_compress_epi64, _mm512_storeu_epi32, _mm512_storeu_epi64,
    };

    use super::{ArrowNativeType, SPARSE_ROWS, take_bits};

    /// Whether the machine packs values of this type.
    #[inline]
    pub(super) fn packs<T: ArrowNativeType>() -> bool {
        let known = [TypeId::of::<u32>(), TypeId::of::<u64>()].contains(&TypeId::of::<T>());
        known && std::arch::is_x86_feature_detected!("avx512f") && std::arch::is_x86_feature_detected!("avx512vl")
    }

    /// Moves values of 4 or 8 bytes; says whether it did: the words must be those of the values, and the places as many
    /// as bits are set.
    pub(super) fn compress<T: ArrowNativeType>(values: &[T], words: &[u64], kept: &mut [T]) -> bool {
        let last = values.len() % 64;
        let whole = values.len() / 64;
        let beyond = words.get(whole).is_some_and(|&word| last < 64 && word >> last != 0);
        let count: usize = words.iter().map(|word| word.count_ones() as usize).sum();
        if words.len() != values.len().div_ceil(64) || beyond || count != kept.len() {
            return false;
        }
        // SAFETY: `packs` saw the features; there is a word for every 64 values, none keeps a value that is not there,
        // and `kept` has as many places as bits are set.
        unsafe { packed(values, words, kept) };
        true
    }

    /// # Safety
    /// 1. The machine has AVX-512 F and VL. 2. `T` is `u32` or `u64`. 3. Bits are set only for values that are there.
    /// 4. `kept` has as many places as bits are set.
    #[target_feature(enable = "avx512f,avx512vl,popcnt,bmi1,bmi2,lzcnt")]
    unsafe fn packed<T: ArrowNativeType>(values: &[T], words: &[u64], kept: &mut [T]) {
        let mut place = 0;
        for (values, &word) in values.chunks(64).zip(words) {
            let count = word.count_ones() as usize;
            let now = &mut kept[place..];
            place += count;
            match values.len() {
                _ if count == 0 => {}
                64 if word == u64::MAX => now[..64].copy_from_slice(values),
                64 if count as u32 > SPARSE_ROWS => {
                    // SAFETY: 64 values are there, and by 4. as many places as bits of this and later words.
                    unsafe { pack_word(values, word, now) };
                }
                _ => take_bits(values, word, &mut now[..count]),
            }
        }
    }

    /// # Safety
    /// 1. The machine has AVX-512 F and VL. 2. `T` is `u32` or `u64`. 3. There are 64 values. 4. `now` has at least as
    ///    many places as bits are set.
    #[target_feature(enable = "avx512f,avx512vl,popcnt,bmi1,bmi2,lzcnt")]
    unsafe fn pack_word<T: ArrowNativeType>(values: &[T], word: u64, now: &mut [T]) {
        let lanes = 64 / size_of::<T>();
        let mut place = 0;
        for first in (0..64).step_by(lanes) {
            let mask = word >> first;
            let from = values[first..].as_ptr();
            let room = now.len() - place;
            let to = now[place..].as_mut_ptr();
            if lanes == 8 {
                let count = (mask as u8).count_ones() as usize;
                // SAFETY: by 3. eight values of eight bytes begin at `from`.
                let vector = unsafe { _mm512_loadu_epi64(from.cast()) };
                let vector = _mm512_maskz_compress_epi64(mask as u8, vector);
                if room >= 8 {
                    // SAFETY: eight places begin at `to`; those after `count` are written again or lie before the end.
                    unsafe { _mm512_storeu_epi64(to.cast(), vector) };
                } else {
                    // SAFETY: by 4. `count` places begin at `to`, and no other is written.
                    unsafe { _mm512_mask_storeu_epi64(to.cast(), ((1_u16 << count) - 1) as u8, vector) };
                }
                place += count;
            } else {
                let count = (mask as u16).count_ones() as usize;
                // SAFETY: by 3. sixteen values of four bytes begin at `from`.
                let vector = unsafe { _mm512_loadu_epi32(from.cast()) };
                let vector = _mm512_maskz_compress_epi32(mask as u16, vector);
                if room >= 16 {
                    // SAFETY: sixteen places begin at `to`; those after `count` are written again by what follows.
                    unsafe { _mm512_storeu_epi32(to.cast(), vector) };
                } else {
                    // SAFETY: by 4. `count` places begin at `to`, and no other is written.
                    unsafe { _mm512_mask_storeu_epi32(to.cast(), ((1_u32 << count) - 1) as u16, vector) };
                }
                place += count;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(rows: usize, seed: u64, density: u64) -> Vec<u64> {
        let bit = |row: u64| (row + 1).wrapping_mul(seed | 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 57 < density;
        let mut words = vec![0; rows.div_ceil(64)];
        for row in (0..rows).filter(|&row| bit(row as u64)) {
            words[row / 64] |= 1 << (row % 64);
        }
        words
    }

    fn agree<T: ArrowNativeType>(value: impl Fn(usize) -> T) {
        for rows in [0, 1, 63, 64, 65, 128, 200, 1000, 4096] {
            for density in [0, 1, 8, 32, 64, 100, 127, 128] {
                let values: Vec<T> = (0..rows).map(&value).collect();
                let words = words(rows, 3, density);
                let count = words.iter().map(|word| word.count_ones() as usize).sum();
                let (mut one, mut other) = (vec![T::default(); count], vec![T::default(); count]);
                compress(&values, &words, &mut one);
                portable(&values, &words, &mut other);
                assert_eq!(one, other, "{rows} rows, density {density}");
            }
        }
    }

    #[test]
    fn every_width_agrees_with_the_portable_loop() {
        agree(|row| row as u8);
        agree(|row| row as u16);
        agree(|row| row as u32);
        agree(|row| row as u64);
        agree(|row| row as i128);
    }

    #[test]
    fn bits_are_packed_as_one_by_one() {
        for rows in [0, 1, 64, 65, 1000] {
            for density in [1, 40, 90, 128] {
                let (source, words) = (words(rows, 5, 64), words(rows, 9, density));
                let count: usize = words.iter().map(|word| word.count_ones() as usize).sum();
                let mut packed = vec![u64::MAX; count.div_ceil(64)];
                compress_bits(source.iter().copied(), &words, &mut packed);
                let bit = |words: &[u64], row: usize| words[row / 64] >> (row % 64) & 1;
                let expected: Vec<u64> =
                    (0..rows).filter(|&row| bit(&words, row) == 1).map(|row| bit(&source, row)).collect();
                let seen: Vec<u64> = (0..count).map(|row| bit(&packed, row)).collect();
                assert_eq!(seen, expected);
            }
        }
        assert_eq!(packed_by_bit(0b1011_0110, 0b1100_1110), packed(0b1011_0110, 0b1100_1110));
    }
}
