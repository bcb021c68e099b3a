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
