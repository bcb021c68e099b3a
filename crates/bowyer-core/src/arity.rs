// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The loops of element-wise kernels: a kernel brings a closure for one row, the rest is here.
//!
//! Validity is the output's, computed by the caller: infallible loops compute all lanes, those under nulls too. A
//! fallible closure gives its lane and whether it failed; the loops write all lanes and look for the failing row only
//! when a strip of rows has one, and failures under nulls are none. Scalars are never repeated into memory. Loops are
//! compiled for the vectors of the machine (see [`crate::arch`]).

mod lanes;
mod text;

use arrow_buffer::{ArrowNativeType, NullBuffer};

pub use lanes::Lanes;
pub use text::{text_to_bits, text_to_lanes, text_to_text};

use crate::arch::vectorised;
use crate::{Error, Output, Result};

/// Rows between two looks for failures: few enough to stay in the first cache when they are looked through again.
const STRIP: usize = 1024;

/// Writes `f` of each value.
///
/// # Errors
/// `Internal` when lengths or widths disagree; `MemoryLimit`.
#[inline(never)]
pub fn unary<T, O, F>(values: &Lanes<T>, output: &mut Output, f: F) -> Result<()>
where
    T: ArrowNativeType,
    O: ArrowNativeType,
    F: Fn(T) -> O,
{
    values.check(output)?;
    let out = output.fixed::<O>()?;
    if let Some(value) = values.repeated() {
        out.fill(f(value));
        return Ok(());
    }
    let values = values.slice();
    vectorised(
        #[inline(always)]
        || {
            for (out, &value) in out.iter_mut().zip(values) {
                *out = f(value);
            }
        },
    );
    Ok(())
}

/// Writes `f` of each pair of values.
///
/// # Errors
/// As [`unary`].
#[inline(never)]
pub fn binary<A, B, O, F>(a: &Lanes<A>, b: &Lanes<B>, output: &mut Output, f: F) -> Result<()>
where
    A: ArrowNativeType,
    B: ArrowNativeType,
    O: ArrowNativeType,
    F: Fn(A, B) -> O,
{
    a.check(output)?;
    b.check(output)?;
    let out = output.fixed::<O>()?;
    match (a.repeated(), b.repeated()) {
        (Some(a), Some(b)) => out.fill(f(a, b)),
        (None, Some(b)) => {
            let a = a.slice();
            vectorised(
                #[inline(always)]
                || {
                    for (out, &a) in out.iter_mut().zip(a) {
                        *out = f(a, b);
                    }
                },
            );
        }
        (Some(a), None) => {
            let b = b.slice();
            vectorised(
                #[inline(always)]
                || {
                    for (out, &b) in out.iter_mut().zip(b) {
                        *out = f(a, b);
                    }
                },
            );
        }
        (None, None) => {
            let (a, b) = (a.slice(), b.slice());
            vectorised(
                #[inline(always)]
                || {
                    for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
                        *out = f(a, b);
                    }
                },
            );
        }
    }
    Ok(())
}

/// Writes `f` of each value: the lane and whether it failed. The first failure in a valid row becomes `error` of the
/// row.
///
/// # Errors
/// `error`, with the row; as [`unary`].
#[inline(never)]
pub fn try_unary<T, O, F>(values: &Lanes<T>, output: &mut Output, f: F, error: impl Fn(T) -> Error) -> Result<()>
where
    T: ArrowNativeType,
    O: ArrowNativeType,
    F: Fn(T) -> (O, bool),
{
    values.check(output)?;
    let (out, validity) = output.fixed_and_validity::<O>()?;
    let failed = if let Some(value) = values.repeated() {
        strips(out, validity, |_| f(value))
    } else {
        let values = &values.slice()[..out.len()];
        strips(out, validity, |row| f(values[row]))
    };
    failed.map_or(Ok(()), |row| Err(error(values.value(row)).at_row(row)))
}

/// Writes `f` of each pair of values: the lane and whether it failed. The first failure in a valid row becomes `error`
/// of the pair.
///
/// # Errors
/// `error`, with the row; as [`unary`].
#[inline(never)]
pub fn try_binary<A, B, O, F>(
    a: &Lanes<A>,
    b: &Lanes<B>,
    output: &mut Output,
    f: F,
    error: impl Fn(A, B) -> Error,
) -> Result<()>
where
    A: ArrowNativeType,
    B: ArrowNativeType,
    O: ArrowNativeType,
    F: Fn(A, B) -> (O, bool),
{
    a.check(output)?;
    b.check(output)?;
    let (out, validity) = output.fixed_and_validity::<O>()?;
    let row_count = out.len();
    let failed = match (a.repeated(), b.repeated()) {
        (Some(a), Some(b)) => strips(out, validity, |_| f(a, b)),
        (None, Some(b)) => {
            let a = &a.slice()[..row_count];
            strips(out, validity, |row| f(a[row], b))
        }
        (Some(a), None) => {
            let b = &b.slice()[..row_count];
            strips(out, validity, |row| f(a, b[row]))
        }
        (None, None) => {
            let (a, b) = (&a.slice()[..row_count], &b.slice()[..row_count]);
            strips(out, validity, |row| f(a[row], b[row]))
        }
    };
    failed.map_or(Ok(()), |row| Err(error(a.value(row), b.value(row)).at_row(row)))
}

/// Writes `f` of each row in strips; the first valid row that failed, if any.
#[inline(always)]
fn strips<O, F>(out: &mut [O], validity: Option<&NullBuffer>, f: F) -> Option<usize>
where
    O: ArrowNativeType,
    F: Fn(usize) -> (O, bool),
{
    let mut first = 0;
    for strip in out.chunks_mut(STRIP) {
        let any = vectorised(
            #[inline(always)]
            || {
                let mut any = false;
                for (index, out) in strip.iter_mut().enumerate() {
                    let (lane, failed) = f(first + index);
                    *out = lane;
                    any |= failed;
                }
                any
            },
        );
        if any {
            let rows = first..first + strip.len();
            if let Some(row) = first_failure(rows, validity, |row| f(row).1) {
                return Some(row);
            }
        }
        first += strip.len();
    }
    None
}

#[cold]
fn first_failure(
    mut rows: std::ops::Range<usize>,
    validity: Option<&NullBuffer>,
    failed: impl Fn(usize) -> bool,
) -> Option<usize> {
    rows.find(|&row| validity.is_none_or(|validity| validity.is_valid(row)) && failed(row))
}

/// Writes whether `f` holds for each value.
///
/// # Errors
/// As [`unary`].
#[inline(never)]
pub fn unary_bits<T, F>(values: &Lanes<T>, output: &mut Output, f: F) -> Result<()>
where
    T: ArrowNativeType,
    F: Fn(T) -> bool,
{
    values.check(output)?;
    let row_count = output.row_count();
    let words = output.bits()?;
    if let Some(value) = values.repeated() {
        words.fill(if f(value) { u64::MAX } else { 0 });
    } else {
        fill_bits_of(words, &values.slice()[..row_count], f);
    }
    Ok(())
}

/// Writes whether `f` holds for each pair of values.
///
/// # Errors
/// As [`unary`].
#[inline(never)]
pub fn binary_bits<A, B, F>(a: &Lanes<A>, b: &Lanes<B>, output: &mut Output, f: F) -> Result<()>
where
    A: ArrowNativeType,
    B: ArrowNativeType,
    F: Fn(A, B) -> bool,
{
    a.check(output)?;
    b.check(output)?;
    let row_count = output.row_count();
    let words = output.bits()?;
    match (a.repeated(), b.repeated()) {
        (Some(a), Some(b)) => words.fill(if f(a, b) { u64::MAX } else { 0 }),
        (None, Some(b)) => {
            fill_bits_of(words, &a.slice()[..row_count], |a| f(a, b));
        }
        (Some(a), None) => {
            fill_bits_of(words, &b.slice()[..row_count], |b| f(a, b));
        }
        (None, None) => {
            fill_bits_of_pairs(words, &a.slice()[..row_count], &b.slice()[..row_count], f);
        }
    }
    Ok(())
}

/// Writes whether `f` holds for each row. Whole words are computed as 64 bytes and packed: that vectorises where shifting
/// each bit into place does not.
#[inline(always)]
pub fn fill_bits(words: &mut [u64], row_count: usize, f: impl Fn(usize) -> bool) {
    let whole = row_count / 64;
    vectorised(
        #[inline(always)]
        || {
            for (word, out) in words.iter_mut().take(whole).enumerate() {
                let mut bytes = [0u8; 64];
                for (index, byte) in bytes.iter_mut().enumerate() {
                    *byte = u8::from(f(word * 64 + index));
                }
                *out = pack(&bytes);
            }
        },
    );
    if let Some(last) = words.get_mut(whole) {
        *last = (whole * 64..row_count).fold(0, |word, row| word | u64::from(f(row)) << (row % 64));
    }
}

/// As [`fill_bits`], of values: with 64 of them at a time, no index is checked in the loop.
#[inline(always)]
fn fill_bits_of<T: Copy>(words: &mut [u64], values: &[T], f: impl Fn(T) -> bool) {
    let (chunks, rest) = values.as_chunks::<64>();
    vectorised(
        #[inline(always)]
        || {
            for (out, values) in words.iter_mut().zip(chunks) {
                let mut bytes = [0u8; 64];
                for (byte, &value) in bytes.iter_mut().zip(values) {
                    *byte = u8::from(f(value));
                }
                *out = pack(&bytes);
            }
        },
    );
    if let Some(last) = words.get_mut(chunks.len()) {
        *last = rest.iter().enumerate().fold(0, |word, (row, &value)| word | u64::from(f(value)) << row);
    }
}

/// As [`fill_bits_of`], of pairs from two columns of equal length.
#[inline(always)]
fn fill_bits_of_pairs<A: Copy, B: Copy>(words: &mut [u64], a: &[A], b: &[B], f: impl Fn(A, B) -> bool) {
    let ((chunks, rest), (others, other_rest)) = (a.as_chunks::<64>(), b.as_chunks::<64>());
    vectorised(
        #[inline(always)]
        || {
            for ((out, a), b) in words.iter_mut().zip(chunks).zip(others) {
                let mut bytes = [0u8; 64];
                for ((byte, &a), &b) in bytes.iter_mut().zip(a).zip(b) {
                    *byte = u8::from(f(a, b));
                }
                *out = pack(&bytes);
            }
        },
    );
    if let Some(last) = words.get_mut(chunks.len()) {
        let pairs = rest.iter().zip(other_rest).enumerate();
        *last = pairs.fold(0, |word, (row, (&a, &b))| word | u64::from(f(a, b)) << row);
    }
}

/// The lowest bits of 64 bytes that are 0 or 1. The product moves the bits of eight bytes next to each other, at the
/// top.
#[inline(always)]
fn pack(bytes: &[u8; 64]) -> u64 {
    let (eights, _) = bytes.as_chunks::<8>();
    eights.iter().enumerate().fold(0, |word, (index, eight)| {
        let bits = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word | bits << (index * 8)
    })
}

#[cfg(test)]
mod tests;
