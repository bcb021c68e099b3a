// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! One choice of instruction set for each process.
//!
//! A loop given to [`vectorised`] is compiled twice: for the target's baseline and for 256-bit vectors, of which the
//! machine picks one. Both are the same Rust code, so they give the same results; no fused operation is allowed that
//! would round differently. Wider vectors are left out: these loops run at memory speed with 256 bits. Counting bits is the
//! exception, for which there is an instruction of 512 bits.

/// Runs `body`, compiled for the vectors that this machine has. `body` should be a loop marked `#[inline(always)]`.
#[inline(always)]
pub fn vectorised<R>(body: impl FnOnce() -> R) -> R {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        if has_avx2() {
            // SAFETY: the machine has the features that the function is compiled for; it asks nothing else.
            return unsafe { with_avx2(body) };
        }
    }
    body()
}

/// Asks for the cache line of `values[at]`, which need not exist.
#[inline]
pub fn prefetch<T>(values: &[T], at: usize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing that the program can see and does not fault, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(values.as_ptr().wrapping_add(at).cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = (values, at);
}

/// Asks for all cache lines of `bytes`, to be read some thousand cycles later.
pub fn prefetch_all(bytes: &[u8]) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    for line in bytes.chunks(64) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: as above.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = bytes;
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
fn has_avx2() -> bool {
    #[cfg(feature = "fault-injection")]
    if crate::fault::is_portable() {
        return false;
    }
    std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("bmi2")
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,lzcnt")]
unsafe fn with_avx2<R>(body: impl FnOnce() -> R) -> R {
    body()
}

/// That the machine gathers the bits of a word under a mask in one instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GathersBits(());

impl GathersBits {
    /// `None` on a machine that does not.
    pub(crate) fn detect() -> Option<Self> {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            if has_avx2() {
                return Some(Self(()));
            }
        }
        None
    }

    /// The bits of `word` under `mask`, side by side from the lowest one on.
    #[inline(always)]
    pub(crate) fn gather(self, word: u64, mask: u64) -> u64 {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            // SAFETY: there is a `GathersBits` only where the instruction is.
            unsafe { std::arch::x86_64::_pext_u64(word, mask) }
        }
        #[cfg(not(all(target_arch = "x86_64", not(miri))))]
        {
            gather_one_by_one(word, mask)
        }
    }
}

#[cfg(any(test, not(all(target_arch = "x86_64", not(miri)))))]
fn gather_one_by_one(word: u64, mut mask: u64) -> u64 {
    let (mut gathered, mut to) = (0, 0);
    while mask != 0 {
        gathered |= (word >> mask.trailing_zeros() & 1) << to;
        mask &= mask - 1;
        to += 1;
    }
    gathered
}

/// Runs `body`, compiled for the best way of counting ones that this machine has. `body` as for [`vectorised`].
#[inline(always)]
pub fn counting<R>(body: impl FnOnce() -> R) -> R {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        if std::arch::is_x86_feature_detected!("avx512f") && std::arch::is_x86_feature_detected!("avx512vpopcntdq") {
            // SAFETY: as above.
            return unsafe { with_avx512_counts(body) };
        }
    }
    vectorised(body)
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[target_feature(enable = "avx2,popcnt,avx512f,avx512vpopcntdq")]
unsafe fn with_avx512_counts<R>(body: impl FnOnce() -> R) -> R {
    body()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gathered_bits_are_those_under_the_mask() {
        assert_eq!(gather_one_by_one(0b1011_0110, 0b0110_1010), 0b0101);
        assert_eq!(gather_one_by_one(u64::MAX, u64::MAX), u64::MAX);
        let Some(gathers) = GathersBits::detect() else { return };
        let mut word = 1_u64;
        for mask in [0, 1, u64::MAX, 0x0f0f_0f0f_0f0f_0f0f, 1 << 63, 0x8000_0001_0000_0001] {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            assert_eq!(gathers.gather(word, mask), gather_one_by_one(word, mask), "{word:#x} under {mask:#x}");
        }
    }
}
