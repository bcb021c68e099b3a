// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Bitmaps as 64-bit words: reading at any bit offset, combining, writing into pool memory.
//!
//! Booleans and validity are handled 64 rows at a time, whatever bit their slice begins at. In a word, row `i` is bit
//! `i % 64`; what stands after the last row is zero when read and arbitrary when written.

use arrow_buffer::{BooleanBuffer, NullBuffer};

use crate::arch::{counting, vectorised};
use crate::{Memory, Result};

/// The words of a bitmap slice, as if it began at bit 0.
pub fn words(bits: &BooleanBuffer) -> impl Iterator<Item = u64> + '_ {
    let chunks = bits.bit_chunks();
    let last = (chunks.remainder_len() > 0).then(|| chunks.remainder_bits());
    bits_whole(bits).chain(last)
}

fn bits_whole(bits: &BooleanBuffer) -> impl Iterator<Item = u64> + '_ {
    bits.bit_chunks().into_iter()
}

/// The ones among `bit_count` bits from bit `offset` on.
///
/// # Panics
/// When `bytes` has fewer bits.
#[must_use]
pub fn count_ones(bytes: &[u8], offset: usize, bit_count: usize) -> usize {
    if bit_count == 0 {
        return 0;
    }
    let end = offset + bit_count;
    let bytes = &bytes[offset / 8..end.div_ceil(8)];
    let (first, last) = (offset % 8, end.wrapping_neg() % 8);
    // Counted whole; what stands before the first bit and behind the last one is taken away again.
    let before = bytes[0] & ((1_u8 << first) - 1);
    let behind = bytes[bytes.len() - 1] & !(u8::MAX >> last);
    let (words, rest) = bytes.as_chunks::<8>();
    let whole = counting(
        #[inline(always)]
        || words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum::<u64>(),
    );
    let rest: u32 = rest.iter().map(|byte| byte.count_ones()).sum();
    whole as usize + rest as usize - (before.count_ones() + behind.count_ones()) as usize
}

/// Writes `f` of each word of a bitmap.
#[inline]
pub fn map_words(bits: &BooleanBuffer, out: &mut [u64], f: impl Fn(u64) -> u64) {
    if let Some(bytes) = byte_aligned(bits) {
        let out = &mut *out;
        vectorised(
            #[inline(always)]
            || {
                for (out, word) in out.iter_mut().zip(bytes.chunks_exact(8)) {
                    *out = f(word_of(word));
                }
            },
        );
    } else {
        for (out, word) in out.iter_mut().zip(bits_whole(bits)) {
            *out = f(word);
        }
    }
    if let Some(last) = out.get_mut(bits.len() / 64).filter(|_| !bits.len().is_multiple_of(64)) {
        *last = f(bits.bit_chunks().remainder_bits());
    }
}

/// Writes `f` of the words of two bitmaps of one length.
///
/// # Panics
/// When the lengths differ.
#[inline]
pub fn zip_words(a: &BooleanBuffer, b: &BooleanBuffer, out: &mut [u64], f: impl Fn(u64, u64) -> u64) {
    assert_eq!(a.len(), b.len(), "bitmaps of one length");
    if let (Some(a), Some(b)) = (byte_aligned(a), byte_aligned(b)) {
        let out = &mut *out;
        vectorised(
            #[inline(always)]
            || {
                for ((out, a), b) in out.iter_mut().zip(a.chunks_exact(8)).zip(b.chunks_exact(8)) {
                    *out = f(word_of(a), word_of(b));
                }
            },
        );
    } else {
        for ((out, a), b) in out.iter_mut().zip(bits_whole(a)).zip(bits_whole(b)) {
            *out = f(a, b);
        }
    }
    if let Some(last) = out.get_mut(a.len() / 64).filter(|_| !a.len().is_multiple_of(64)) {
        *last = f(a.bit_chunks().remainder_bits(), b.bit_chunks().remainder_bits());
    }
}

/// Writes `f` of the words of four bitmaps of one length.
///
/// # Panics
/// When the lengths differ.
#[inline]
pub fn zip_four_words(four: [&BooleanBuffer; 4], out: &mut [u64], f: impl Fn([u64; 4]) -> u64) {
    let [a, b, c, d] = four;
    let len = a.len();
    assert!(four.iter().all(|bits| bits.len() == len), "bitmaps of one length");
    if let (Some(a), Some(b), Some(c), Some(d)) = (byte_aligned(a), byte_aligned(b), byte_aligned(c), byte_aligned(d)) {
        let out = &mut *out;
        vectorised(
            #[inline(always)]
            || {
                let first = a.chunks_exact(8).zip(b.chunks_exact(8));
                let second = c.chunks_exact(8).zip(d.chunks_exact(8));
                for (out, ((a, b), (c, d))) in out.iter_mut().zip(first.zip(second)) {
                    *out = f([word_of(a), word_of(b), word_of(c), word_of(d)]);
                }
            },
        );
    } else {
        let first = bits_whole(a).zip(bits_whole(b));
        let second = bits_whole(c).zip(bits_whole(d));
        for (out, ((a, b), (c, d))) in out.iter_mut().zip(first.zip(second)) {
            *out = f([a, b, c, d]);
        }
    }
    if let Some(last) = out.get_mut(len / 64).filter(|_| !len.is_multiple_of(64)) {
        *last = f(four.map(|bits| bits.bit_chunks().remainder_bits()));
    }
}

/// The bytes of a bitmap that begins at a byte, up to its last whole word.
fn byte_aligned(bits: &BooleanBuffer) -> Option<&[u8]> {
    let whole = bits.len() / 64 * 8;
    bits.offset().is_multiple_of(8).then(|| &bits.values()[bits.offset() / 8..][..whole])
}

#[inline(always)]
fn word_of(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(bytes);
    u64::from_le_bytes(word)
}

/// A mask of the rows of word `word` among `row_count` rows.
#[inline]
#[must_use]
pub fn rows_of_word(word: usize, row_count: usize) -> u64 {
    let rows = row_count.saturating_sub(word * 64);
    if rows >= 64 { u64::MAX } else { (1 << rows) - 1 }
}

/// A bitmap of `row_count` bits in pool memory, whose words `fill` writes.
///
/// # Errors
/// `MemoryLimit`.
pub fn build(row_count: usize, memory: &Memory, fill: impl FnOnce(&mut [u64])) -> Result<BooleanBuffer> {
    let mut words = memory.allocate(row_count.div_ceil(64) * 8)?;
    fill(words.as_mut_slice_of());
    Ok(BooleanBuffer::new(words.into_buffer(), 0, row_count))
}

/// The same bits in pool memory, beginning at bit 0: results own their memory, so that inputs can go.
///
/// # Errors
/// `MemoryLimit`.
pub fn copy(bits: &BooleanBuffer, memory: &Memory) -> Result<BooleanBuffer> {
    build(bits.len(), memory, |out| map_words(bits, out, |word| word))
}

/// The same validity in pool memory.
///
/// # Errors
/// `MemoryLimit`.
pub fn copy_nulls(nulls: &NullBuffer, memory: &Memory) -> Result<NullBuffer> {
    let bits = copy(nulls.inner(), memory)?;
    debug_assert_eq!(bits.count_set_bits() + nulls.null_count(), nulls.len());
    // SAFETY: the bits are equal, so their count is.
    Ok(unsafe { NullBuffer::new_unchecked(bits, nulls.null_count()) })
}

/// The rows valid in all of `nulls`; `None` when that is every row. One bitmap alone is shared, not copied.
///
/// # Errors
/// `MemoryLimit`.
pub fn intersect_nulls(
    nulls: impl IntoIterator<Item = Option<NullBuffer>>,
    memory: &Memory,
) -> Result<Option<NullBuffer>> {
    let mut all: Option<NullBuffer> = None;
    for nulls in nulls.into_iter().flatten().filter(|nulls| nulls.null_count() > 0) {
        all = Some(match all {
            None => nulls,
            Some(all) => NullBuffer::new(build(all.len(), memory, |out| {
                zip_words(all.inner(), nulls.inner(), out, |a, b| a & b);
            })?),
        });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(len: usize, seed: u64) -> BooleanBuffer {
        (0..len as u64).map(|i| ((i + 1) * seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 63 == 1).collect()
    }

    #[test]
    fn ones_are_counted_from_any_bit_to_any_bit() {
        let bits = sample(1300, 7);
        let bytes = bits.values();
        for offset in (0..70).chain([511, 640]) {
            for count in [0, 1, 2, 7, 8, 9, 63, 64, 65, 130, 512, 600] {
                let expected = bits.slice(offset, count).count_set_bits();
                assert_eq!(count_ones(bytes, offset, count), expected, "{count} bits from {offset}");
            }
        }
        assert_eq!(count_ones(&[], 0, 0), 0);
    }

    #[test]
    fn any_offset_reads_as_offset_zero() {
        let (a, b) = (sample(300, 3), sample(300, 5));
        for (offset, len) in [(0, 300), (0, 256), (1, 64), (7, 130), (8, 200), (64, 65), (63, 1), (5, 0)] {
            let (a, b) = (a.slice(offset, len), b.slice((offset * 3) % 11, len));
            let both = build(len, &Memory::unlimited(), |out| zip_words(&a, &b, out, |a, b| a & !b)).unwrap();
            let expected: BooleanBuffer = a.iter().zip(&b).map(|(a, b)| a && !b).collect();
            assert_eq!(both, expected);
            assert_eq!(copy(&a, &Memory::unlimited()).unwrap(), a);
            assert_eq!(words(&a).map(u64::count_ones).sum::<u32>() as usize, a.count_set_bits());
        }
    }

    #[test]
    fn the_last_word_is_masked() {
        assert_eq!(rows_of_word(0, 3), 0b111);
        assert_eq!(rows_of_word(1, 128), u64::MAX);
        assert_eq!(rows_of_word(2, 128), 0);
    }

    #[test]
    fn one_bitmap_alone_is_shared() {
        let nulls = NullBuffer::new(sample(100, 7));
        let all = intersect_nulls([None, Some(nulls.clone()), None], &Memory::unlimited()).unwrap().unwrap();
        assert!(all.inner().inner().ptr_eq(nulls.inner().inner()));
        let none = intersect_nulls([None, Some(NullBuffer::new_valid(3))], &Memory::unlimited()).unwrap();
        assert!(none.is_none());
    }
}
