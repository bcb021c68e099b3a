// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Strings and binary values by mask: rows that stand together move together.

use arrow_array::{Array, ArrayRef, OffsetSizeTrait};
use arrow_buffer::Buffer;

use crate::lanes::Lanes;
use crate::{Memory, Result};

/// A copy of this many bytes takes two instructions, so short runs are copied with what follows them.
const WIDE: usize = 16;

/// Calls `each` with the first row and the length of every run of rows whose bit is set, within a word.
#[inline(always)]
fn for_runs(words: &[u64], mut each: impl FnMut(usize, usize)) {
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
    let mut bytes = Lanes::<u8>::for_overwrite(memory, end.as_usize() + WIDE)?;
    let out = &mut bytes[..];
    let mut at = 0;
    for_runs(words, |first, len| {
        let (from, to) = (offsets[first].as_usize(), offsets[first + len].as_usize());
        let len = to - from;
        match values.get(from..from + WIDE) {
            Some(window) if len <= WIDE => out[at..at + WIDE].copy_from_slice(window),
            _ => out[at..at + len].copy_from_slice(&values[from..to]),
        }
        at += len;
    });
    bytes.truncate(at);
    Ok([kept.into_buffer().into_inner(), bytes.into_buffer().into_inner()])
}
