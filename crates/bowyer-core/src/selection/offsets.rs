// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Offsets of the strings that a mask keeps.
//!
//! With AVX-512 the lengths of 16 rows are packed by the mask and summed up in the register; elsewhere the offsets of rows
//! that stand together are moved together. The portable loop is the oracle of the other.

use arrow_array::OffsetSizeTrait;

use super::bytes::for_runs;

/// Writes zero, and for every row whose bit is set where its value ends when the kept values stand together.
pub(super) fn kept_offsets<O: OffsetSizeTrait>(offsets: &[O], words: &[u64], kept: &mut [O]) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if wide::kept_offsets(offsets, words, kept) {
        return;
    }
    by_runs(offsets, words, kept);
}

fn by_runs<O: OffsetSizeTrait>(offsets: &[O], words: &[u64], kept: &mut [O]) {
    kept[0] = O::default();
    let (mut row, mut end) = (0, O::default());
    for_runs(words, |first, len| {
        let run = &offsets[first..=first + len];
        // The offsets of a run keep their distances.
        let begins = run[0];
        for (out, &offset) in kept[row + 1..].iter_mut().zip(&run[1..]) {
            *out = offset - begins + end;
        }
        row += len;
        end = kept[row];
    });
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod wide {
    use std::any::TypeId;
    use std::arch::x86_64::{
        _mm512_add_epi32, _mm512_alignr_epi32, _mm512_mask_storeu_epi32, _mm512_maskz_compress_epi32,
        _mm512_maskz_loadu_epi32, _mm512_permutexvar_epi32, _mm512_set1_epi32, _mm512_setzero_si512,
        _mm512_storeu_epi32, _mm512_sub_epi32,
    };

    use arrow_array::OffsetSizeTrait;

    const LANES: usize = 16;

    /// Does so for 32-bit offsets; says whether it did: bits must be set only for rows that are there, and `kept` has to
    /// have one place more than bits are set.
    pub(super) fn kept_offsets<O: OffsetSizeTrait>(offsets: &[O], words: &[u64], kept: &mut [O]) -> bool {
        if TypeId::of::<O>() != TypeId::of::<i32>()
            || !std::arch::is_x86_feature_detected!("avx512f")
            || !std::arch::is_x86_feature_detected!("popcnt")
        {
            return false;
        }
        let rows = offsets.len().saturating_sub(1);
        let beyond = words.get(rows / 64).is_some_and(|&word| word >> (rows % 64) != 0);
        let count: usize = words.iter().map(|word| word.count_ones() as usize).sum();
        if words.len() > rows.div_ceil(64) || beyond || count + 1 != kept.len() {
            return false;
        }
        // SAFETY: `O` is `i32`, so the slices are of that; nothing else is done with them meanwhile.
        let offsets = unsafe { std::slice::from_raw_parts(offsets.as_ptr().cast::<i32>(), offsets.len()) };
        // SAFETY: as above.
        let kept = unsafe { std::slice::from_raw_parts_mut(kept.as_mut_ptr().cast::<i32>(), kept.len()) };
        // SAFETY: the features are there, and the lengths are what is asked for, as just seen.
        unsafe { packed(offsets, words, kept) };
        true
    }

    /// # Safety
    /// 1. The machine has AVX-512 F. 2. Bits are set only for rows `i` of which `offsets[i + 1]` is there. 3. `kept` has
    ///    one place more than bits are set.
    #[target_feature(enable = "avx512f,popcnt")]
    unsafe fn packed(offsets: &[i32], words: &[u64], kept: &mut [i32]) {
        kept[0] = 0;
        let zero = _mm512_setzero_si512();
        let last = _mm512_set1_epi32(LANES as i32 - 1);
        let (mut place, mut ends) = (1, zero);
        for (at, &word) in words.iter().enumerate() {
            for block in 0..64 / LANES {
                let mask = (word >> (block * LANES)) as u16;
                if mask == 0 {
                    continue;
                }
                let from = offsets.as_ptr().wrapping_add(at * 64 + block * LANES);
                // SAFETY: only lanes under the mask are read, and by 2. their offsets are there.
                let starts = unsafe { _mm512_maskz_loadu_epi32(mask, from) };
                // SAFETY: so are those after them.
                let stops = unsafe { _mm512_maskz_loadu_epi32(mask, from.wrapping_add(1)) };
                let mut sums = _mm512_maskz_compress_epi32(mask, _mm512_sub_epi32(stops, starts));
                sums = _mm512_add_epi32(sums, _mm512_alignr_epi32::<15>(sums, zero));
                sums = _mm512_add_epi32(sums, _mm512_alignr_epi32::<14>(sums, zero));
                sums = _mm512_add_epi32(sums, _mm512_alignr_epi32::<12>(sums, zero));
                sums = _mm512_add_epi32(sums, _mm512_alignr_epi32::<8>(sums, zero));
                sums = _mm512_add_epi32(sums, ends);
                // Lanes after the kept ones hold the last sum too.
                ends = _mm512_permutexvar_epi32(last, sums);
                let count = mask.count_ones() as usize;
                let now = &mut kept[place..];
                if now.len() >= LANES {
                    // SAFETY: so many places are there; those after `count` are written again by what follows.
                    unsafe { _mm512_storeu_epi32(now.as_mut_ptr(), sums) };
                } else {
                    let lanes = ((1_u32 << count) - 1) as u16;
                    // SAFETY: by 3. `count` places are there, and no other is written.
                    unsafe { _mm512_mask_storeu_epi32(now.as_mut_ptr(), lanes, sums) };
                }
                place += count;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_lengths_agree_with_runs() {
        for rows in [1_usize, 15, 16, 17, 63, 64, 65, 130, 1000] {
            for density in [0_u64, 1, 9, 40, 64] {
                let random = |row: usize| (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
                let mut offsets = vec![7_i32];
                for row in 0..rows {
                    offsets.push(offsets[row] + (random(row) % 23) as i32);
                }
                let mut words = vec![0_u64; rows.div_ceil(64)];
                for row in (0..rows).filter(|&row| random(row + rows) % 64 < density) {
                    words[row / 64] |= 1 << (row % 64);
                }
                let count: usize = words.iter().map(|word| word.count_ones() as usize).sum();
                let (mut one, mut other) = (vec![-1; count + 1], vec![-1; count + 1]);
                kept_offsets(&offsets, &words, &mut one);
                by_runs(&offsets, &words, &mut other);
                assert_eq!(one, other, "{rows} rows, density {density}");
            }
        }
    }
}
