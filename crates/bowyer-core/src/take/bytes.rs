// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Strings and binary values by index: first their offsets, then their bytes.
//!
//! Both passes are without a branch that depends on data as long as values are short: a row that is not there is a value
//! of no bytes, and 16 bytes are copied whatever the length.

use arrow_array::{ArrayRef, OffsetSizeTrait};

use super::{NO_ROW, Rows, finish, take_nulls};
use crate::arch::prefetch;
use crate::lanes::Lanes;
use crate::{Error, Memory, Result};

/// A copy of this many bytes takes two instructions, so short values are copied with what follows them.
pub(super) const WIDE: usize = 16;

/// A column of more bytes is not in the caches: where its values begin is kept, so that offsets are fetched once, and
/// values are asked for ahead.
pub(super) const NEAR_BYTES: usize = 1 << 20;

/// So many values before its turn, a value is asked for.
const FETCHED_AHEAD: usize = 24;

pub(super) fn take_bytes<O: OffsetSizeTrait>(array: &ArrayRef, rows: Rows<'_>, memory: &Memory) -> Result<ArrayRef> {
    let data = array.to_data();
    let offsets = &data.buffers()[0].typed_data::<O>()[data.offset()..data.offset() + data.len() + 1];
    let values = data.buffers()[1].as_slice();
    let nulls = take_nulls(array, rows, memory)?;
    let mut taken = Lanes::<O>::for_overwrite(memory, rows.len() + 1)?;
    let far = size_of_val(offsets) + values.len() > NEAR_BYTES;
    let mut starts = Lanes::<O>::for_overwrite(memory, if far { rows.len() } else { 0 })?;
    // What a null of the source holds is taken with it: it is never looked at.
    let end = match (far, rows.partial) {
        (true, _) => far_offsets(offsets, rows.rows, &mut taken, &mut starts),
        (false, true) => near_offsets::<O, true>(offsets, rows, &mut taken),
        (false, false) => near_offsets::<O, false>(offsets, rows, &mut taken),
    };
    if O::from_usize(end).is_none() {
        return Err(Error::limit_exceeded(format!("{end} bytes of text in one column of {}", array.data_type())));
    }
    let mut bytes = Lanes::<u8>::for_overwrite(memory, end + WIDE)?;
    match (far, rows.partial) {
        (true, _) => take_far(values, &starts, &taken, &mut bytes),
        (false, true) => take_near::<O, true>(values, offsets, rows, &mut bytes),
        (false, false) => take_near::<O, false>(values, offsets, rows, &mut bytes),
    }
    bytes.truncate(end);
    let buffers = vec![taken.into_buffer().into_inner(), bytes.into_buffer().into_inner()];
    finish(array.data_type(), rows.len(), buffers, nulls)
}

/// Where a value begins and how long it is; nothing, somewhere, for a row that is not there.
#[inline(always)]
fn bounds<O: OffsetSizeTrait, const PARTIAL: bool>(offsets: &[O], row: u32) -> (usize, usize) {
    let there = !PARTIAL || row != NO_ROW;
    let row = if there { row as usize } else { 0 };
    // SAFETY: `near` saw that the rows that are there are rows of these offsets, of which there are at least two.
    let (first, last) = unsafe { (*offsets.get_unchecked(row), *offsets.get_unchecked(row + 1)) };
    let (first, last) = (first.as_usize(), last.as_usize());
    (first, if there { last.wrapping_sub(first) } else { 0 })
}

/// The offsets of as many rows as [`Rows`] were checked against, if that is one at least.
#[inline(always)]
fn near<'a, O: OffsetSizeTrait>(offsets: &'a [O], rows: Rows<'_>) -> Option<&'a [O]> {
    offsets.get(..=rows.row_count).filter(|offsets| offsets.len() > 1)
}

/// Writes the offsets of the rows taken, of values that lie in the caches; gives the last one.
#[inline(never)]
fn near_offsets<O: OffsetSizeTrait, const PARTIAL: bool>(offsets: &[O], rows: Rows<'_>, taken: &mut [O]) -> usize {
    let mut end = 0_usize;
    taken[0] = O::default();
    let Some(offsets) = near(offsets, rows) else {
        taken.fill(O::default());
        return 0;
    };
    for (out, &row) in taken[1..].iter_mut().zip(rows.rows) {
        end = end.wrapping_add(bounds::<O, PARTIAL>(offsets, row).1);
        *out = O::usize_as(end);
    }
    end
}

/// Copies values that lie in the caches.
#[inline(never)]
fn take_near<O: OffsetSizeTrait, const PARTIAL: bool>(values: &[u8], offsets: &[O], rows: Rows<'_>, out: &mut [u8]) {
    let Some(offsets) = near(offsets, rows) else { return };
    let mut at = 0;
    for &row in rows.rows {
        let (first, len) = bounds::<O, PARTIAL>(offsets, row);
        copy_value(values, first, len, out, at);
        at += len;
    }
}

/// Writes the offsets of the rows taken, and where each value begins; gives the last offset.
fn far_offsets<O: OffsetSizeTrait>(offsets: &[O], rows: &[u32], taken: &mut [O], starts: &mut [O]) -> usize {
    let mut end = 0_usize;
    taken[0] = O::default();
    for ((out, start), &row) in taken[1..].iter_mut().zip(starts).zip(rows) {
        *start = O::default();
        if row != NO_ROW {
            *start = offsets[row as usize];
            end += offsets[row as usize + 1].as_usize() - start.as_usize();
        }
        *out = O::usize_as(end);
    }
    end
}

/// Copies values that lie anywhere in memory, whose offsets were fetched before.
#[inline(never)]
fn take_far<O: OffsetSizeTrait>(values: &[u8], starts: &[O], taken: &[O], out: &mut [u8]) {
    for (at, (start, bounds)) in starts.iter().zip(taken.windows(2)).enumerate() {
        if let Some(later) = starts.get(at + FETCHED_AHEAD) {
            prefetch(values, later.as_usize());
        }
        let (from, to) = (bounds[0].as_usize(), bounds[1].as_usize());
        copy_value(values, start.as_usize(), to - from, out, from);
    }
}

#[inline(always)]
fn copy_value(values: &[u8], first: usize, len: usize, out: &mut [u8], at: usize) {
    match (values.get(first..first.wrapping_add(WIDE)), out.get_mut(at..at + WIDE)) {
        (Some(window), Some(out)) if len <= WIDE => out.copy_from_slice(window),
        _ => out[at..at + len].copy_from_slice(&values[first..first + len]),
    }
}
