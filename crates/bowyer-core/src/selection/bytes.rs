// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Strings and binary values by mask: rows that stand together move together.

use arrow_array::{Array, ArrayRef, OffsetSizeTrait};
use arrow_buffer::Buffer;

use super::offsets::kept_offsets;
use crate::arch::vectorised;
use crate::lanes::Lanes;
use crate::{Memory, Result};

/// Bytes that are copied at a time, with what follows them.
const STEP: usize = 64;

/// Longer runs are copied as the system copies memory.
const LONG: usize = 512;

/// Calls `each` with the first row and the length of every run of rows whose bit is set, within a word.
#[inline(always)]
pub(super) fn for_runs(words: &[u64], mut each: impl FnMut(usize, usize)) {
    for (at, &word) in words.iter().enumerate() {
        let (mut word, mut row) = (word, at * 64);
        while word != 0 {
            let before = word.trailing_zeros();
            let len = (word >> before).trailing_ones();
            each(row + before as usize, len as usize);
            if before + len >= 64 {
                break;
            }
            word >>= before + len;
            row += (before + len) as usize;
        }
    }
}

/// Offsets and bytes of the `row_count` rows of `column` whose bit is set.
///
/// # Errors
/// `MemoryLimit`.
pub(super) fn kept<O: OffsetSizeTrait>(
    column: &ArrayRef,
    words: &[u64],
    row_count: usize,
    memory: &Memory,
) -> Result<[Buffer; 2]> {
    let data = column.to_data();
    let offsets: &[O] = data.buffers()[0].typed_data();
    let offsets = offsets.get(data.offset()..=data.offset() + data.len()).unwrap_or_default();
    let values = data.buffers()[1].as_slice();
    let mut kept = Lanes::<O>::for_overwrite(memory, row_count + 1)?;
    kept_offsets(offsets, words, &mut kept);
    let end = kept[row_count].as_usize();
    let mut bytes = Lanes::<u8>::for_overwrite(memory, end + STEP)?;
    let out = &mut bytes[..];
    vectorised(
        #[inline(always)]
        || copy_runs(offsets, words, values, out),
    );
    bytes.truncate(end);
    Ok([kept.into_buffer().into_inner(), bytes.into_buffer().into_inner()])
}

#[inline(always)]
fn copy_runs<O: OffsetSizeTrait>(offsets: &[O], words: &[u64], values: &[u8], out: &mut [u8]) {
    let mut at = 0;
    for_runs(words, |first, len| {
        let (from, to) = (offsets[first].as_usize(), offsets[first + len].as_usize());
        let len = to - from;
        if len > LONG || to + STEP > values.len() {
            out[at..at + len].copy_from_slice(&values[from..to]);
        } else {
            let (mut from, mut to, end) = (from, at, at + len);
            loop {
                out[to..to + STEP].copy_from_slice(&values[from..from + STEP]);
                (from, to) = (from + STEP, to + STEP);
                if to >= end {
                    break;
                }
            }
        }
        at += len;
    });
}
