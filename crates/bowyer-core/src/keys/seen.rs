// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What key columns have held: nulls, the range of integers, the lengths of strings and the bits in which they differ.
//!
//! A layout is as narrow as this allows. It is looked up when a layout is planned, not for every batch: packing tells by itself when
//! a value has no place.

use super::column::{ByteLoop, ByteSource, KeyColumn, KeyValues, Word, WordLoop};
use super::layout::LONGEST_PACKED;

/// What a column has held so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) nulls: bool,
    /// The least and greatest integer, if there was one.
    pub(crate) range: Option<(i128, i128)>,
    /// The length of the longest string.
    pub(crate) longest: usize,
    /// The code of one short string, if there was one, and the bits in which others differ from it.
    pub(crate) codes: Option<(u128, u128)>,
}

impl Seen {
    pub(crate) const NOTHING: Self = Self { nulls: false, range: None, longest: 0, codes: None };

    /// Looks at a batch.
    pub(crate) fn look(&mut self, column: &KeyColumn, row_count: usize) {
        self.nulls |= column.nulls.is_some() || matches!(column.values, KeyValues::Nothing);
        let range = match &column.values {
            KeyValues::Words(words) => words.visit(RangeLoop { column, row_count }),
            KeyValues::Wide(values) => range_of(&values[..row_count], column, |value| value),
            KeyValues::Bytes(bytes) => {
                bytes.visit(CodesLoop { column, row_count, seen: self });
                None
            }
            KeyValues::Nothing | KeyValues::Bits(_) => None,
        };
        if let Some((low, high)) = range {
            let (old_low, old_high) = self.range.unwrap_or((low, high));
            self.range = Some((old_low.min(low), old_high.max(high)));
        }
    }
}

/// A string of up to 15 bytes and its length, or 16 bytes.
#[inline(always)]
pub(crate) fn code(len: usize, bytes: u128) -> u128 {
    if len > LONGEST_PACKED { bytes } else { bytes | (len as u128) << 120 }
}

struct RangeLoop<'a> {
    column: &'a KeyColumn,
    row_count: usize,
}

impl WordLoop for RangeLoop<'_> {
    type Output = Option<(i128, i128)>;
    fn run<T: Word>(self, values: &[T]) -> Self::Output {
        if T::RANGED { range_of(&values[..self.row_count], self.column, Word::integer) } else { None }
    }
}

fn range_of<T: PartialOrd + Copy>(values: &[T], column: &KeyColumn, integer: fn(T) -> i128) -> Option<(i128, i128)> {
    let least = |a: T, b: T| if b < a { b } else { a };
    let greatest = |a: T, b: T| if b > a { b } else { a };
    let (low, high) = match &column.nulls {
        None => {
            let first = *values.first()?;
            values.iter().fold((first, first), |(low, high), &value| (least(low, value), greatest(high, value)))
        }
        Some(nulls) => {
            let mut valid = nulls.valid_indices().take_while(|&row| row < values.len());
            let first = values[valid.next()?];
            valid.fold((first, first), |(low, high), row| (least(low, values[row]), greatest(high, values[row])))
        }
    };
    Some((integer(low), integer(high)))
}

struct CodesLoop<'a> {
    column: &'a KeyColumn,
    row_count: usize,
    seen: &'a mut Seen,
}

impl ByteLoop for CodesLoop<'_> {
    type Output = ();
    fn run<S: ByteSource>(self, source: &S) {
        let Self { column, row_count, seen } = self;
        for row in (0..row_count).filter(|&row| column.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))) {
            let (len, bytes) = source.short(row);
            seen.longest = seen.longest.max(len);
            if len <= 16 {
                let code = code(len, bytes);
                let (first, varying) = seen.codes.unwrap_or((code, 0));
                seen.codes = Some((first, varying | (first ^ code)));
            }
        }
    }
}
