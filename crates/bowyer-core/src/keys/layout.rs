// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Several narrow key columns in one word: which column has which bits, and the loops that put them there.
//!
//! A field holds an integer's offset from a base, a float's canonical bits, a boolean, or a short string with its
//! length; one more bit says that the value is null, where nulls were seen. Bases and widths come from what the columns
//! held so far ([`Seen`]); a batch that does not fit asks for a wider layout, and each wider layout at least doubles
//! a range, so that a table is laid out anew a limited number of times.

use super::column::{ByteLoop, ByteSource, KeyColumn, KeyKind, KeyValues, Word, WordLoop};

/// A packed key: 64 or 128 bits.
pub(crate) trait Packed: Copy + Eq + Default {
    const BITS: u32;
    fn from_u64(value: u64) -> Self;
    fn from_u128(value: u128) -> Self;
    fn or_shifted(self, value: Self, shift: u32) -> Self;
}

impl Packed for u64 {
    const BITS: u32 = 64;
    #[inline]
    fn from_u64(value: u64) -> Self {
        value
    }
    #[inline]
    fn from_u128(value: u128) -> Self {
        value as Self
    }
    #[inline]
    fn or_shifted(self, value: Self, shift: u32) -> Self {
        self | value.wrapping_shl(shift)
    }
}

impl Packed for u128 {
    const BITS: u32 = 128;
    #[inline]
    fn from_u64(value: u64) -> Self {
        Self::from(value)
    }
    #[inline]
    fn from_u128(value: u128) -> Self {
        value
    }
    #[inline]
    fn or_shifted(self, value: Self, shift: u32) -> Self {
        self | value.wrapping_shl(shift)
    }
}

/// What a column has held so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) nulls: bool,
    /// The least and greatest integer, if there was one and ranges were asked for.
    pub(crate) range: Option<(i128, i128)>,
    /// The length of the longest string.
    pub(crate) longest: usize,
}

impl Seen {
    pub(crate) const NOTHING: Self = Self { nulls: false, range: None, longest: 0 };

    /// Looks at a batch. Integers are looked at only if `ranges` are wanted.
    pub(crate) fn look(&mut self, column: &KeyColumn, row_count: usize, ranges: bool) {
        self.nulls |= column.nulls.is_some() || matches!(column.values, KeyValues::Nothing);
        let range = match &column.values {
            KeyValues::Words(words) if ranges => words.visit(RangeLoop { column, row_count }),
            KeyValues::Wide(values) if ranges => range_of(values, column, |value| value),
            KeyValues::Bytes(bytes) => {
                self.longest = self.longest.max(bytes.visit(LongestLoop { column, row_count }));
                None
            }
            _ => None,
        };
        if let Some((low, high)) = range {
            let (old_low, old_high) = self.range.unwrap_or((low, high));
            self.range = Some((old_low.min(low), old_high.max(high)));
        }
    }
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
            let mut valid = nulls.valid_indices();
            let first = values[valid.next()?];
            valid.fold((first, first), |(low, high), row| (least(low, values[row]), greatest(high, values[row])))
        }
    };
    Some((integer(low), integer(high)))
}

struct LongestLoop<'a> {
    column: &'a KeyColumn,
    row_count: usize,
}

impl ByteLoop for LongestLoop<'_> {
    type Output = usize;
    fn run<S: ByteSource>(self, source: &S) -> usize {
        match &self.column.nulls {
            None => source.longest(self.row_count),
            Some(nulls) => nulls.valid_indices().map(|row| source.bytes(row).len()).max().unwrap_or(0),
        }
    }
}

/// The bits of one column in a packed key.
#[derive(Clone, Copy, Debug)]
struct Field {
    shift: u32,
    /// The bits of the value, a string's length included.
    bits: u32,
    /// The integer that is stored as zero.
    base: i128,
    /// The longest string that fits.
    longest: usize,
    /// Whether one more bit, above the value's, says that it is null.
    null_bit: bool,
}

impl Field {
    fn width(&self) -> u32 {
        self.bits + u32::from(self.null_bit)
    }

    fn mask(&self) -> u128 {
        if self.bits >= 128 { u128::MAX } else { (1 << self.bits) - 1 }
    }
}

/// Where each column lies in a packed key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    fields: Vec<Field>,
    bits: u32,
    /// Whether bases and widths follow the values seen, so that new values may fall outside.
    ranged: bool,
}

/// Strings longer than this are not packed.
const LONGEST_PACKED: usize = 15;

fn bit_len(value: u128) -> u32 {
    128 - value.leading_zeros()
}

impl Layout {
    /// A layout for columns of `kinds` that held `seen`; `None` if one of them cannot be packed. A `ranged` one is as
    /// narrow as the integers allow, leaving room on the side that grew since `previous`.
    pub(crate) fn plan(kinds: &[KeyKind], seen: &[Seen], ranged: bool, previous: Option<&Self>) -> Option<Self> {
        let mut layout = Self { fields: Vec::with_capacity(kinds.len()), bits: 0, ranged };
        for (column, (kind, seen)) in kinds.iter().zip(seen).enumerate() {
            let mut field = match *kind {
                KeyKind::Nothing => Field { shift: 0, bits: 0, base: 0, longest: 0, null_bit: true },
                KeyKind::Bit => Field { shift: 0, bits: 1, base: 0, longest: 0, null_bit: seen.nulls },
                KeyKind::Float { bits } => Field { shift: 0, bits, base: 0, longest: 0, null_bit: seen.nulls },
                KeyKind::Integer { bits, signed } => {
                    let base = if signed { -(1_i128 << (bits - 1)) } else { 0 };
                    let full = Field { shift: 0, bits, base, longest: 0, null_bit: seen.nulls };
                    let old = previous.filter(|_| ranged).map(|layout| layout.fields[column]);
                    if ranged { ranged_field(full, seen, old) } else { full }
                }
                KeyKind::Wide => {
                    let full = Field { shift: 0, bits: 128, base: i128::MIN, longest: 0, null_bit: seen.nulls };
                    let old = previous.filter(|_| ranged).map(|layout| layout.fields[column]);
                    if ranged { ranged_field(full, seen, old) } else { full }
                }
                KeyKind::Bytes { fixed } => {
                    let longest = fixed.unwrap_or(seen.longest);
                    if longest > LONGEST_PACKED + usize::from(fixed.is_some()) {
                        return None;
                    }
                    let lengths = if fixed.is_some() { 0 } else { bit_len(longest as u128) };
                    let bits = 8 * longest as u32 + lengths;
                    Field { shift: 0, bits, base: 0, longest, null_bit: seen.nulls }
                }
            };
            field.shift = layout.bits;
            layout.bits += field.width();
            layout.fields.push(field);
        }
        (layout.bits <= 128).then_some(layout)
    }

    /// The bits of a key.
    pub(crate) fn bits(&self) -> u32 {
        self.bits
    }

    /// Whether integers have to be looked at before they are packed.
    pub(crate) fn is_ranged(&self) -> bool {
        self.ranged
    }

    /// Whether everything seen has a place.
    pub(crate) fn covers(&self, kinds: &[KeyKind], seen: &[Seen]) -> bool {
        self.fields.iter().zip(kinds).zip(seen).all(|((field, kind), seen)| {
            let fits = match kind {
                KeyKind::Integer { .. } | KeyKind::Wide if self.ranged => seen.range.is_none_or(|(low, high)| {
                    low >= field.base && (high.wrapping_sub(field.base) as u128) <= field.mask()
                }),
                KeyKind::Bytes { .. } => seen.longest <= field.longest,
                _ => true,
            };
            fits && (field.null_bit || !seen.nulls)
        })
    }

    /// Packs rows `first .. first + keys.len()`. In `missing`, marks rows whose key no table of this layout can hold;
    /// without it, every row has a place.
    pub(crate) fn encode<K: Packed>(
        &self,
        columns: &[KeyColumn],
        first: usize,
        keys: &mut [K],
        mut missing: Option<&mut [bool]>,
    ) {
        keys.fill(K::default());
        for (field, column) in self.fields.iter().zip(columns) {
            let body = FieldLoop { field, column, first, keys: &mut *keys, missing: missing.as_deref_mut() };
            match &column.values {
                KeyValues::Nothing => body.all_null(),
                KeyValues::Bits(bits) => body.each(|row| (K::from_u64(u64::from(bits.value(row))), true)),
                KeyValues::Words(words) => words.visit(body),
                KeyValues::Wide(values) => {
                    let (base, mask) = (field.base, field.mask());
                    body.each(|row| {
                        let offset = values[row].wrapping_sub(base) as u128;
                        (K::from_u128(offset & mask), offset <= mask)
                    });
                }
                KeyValues::Bytes(bytes) => bytes.visit(body),
            }
        }
    }
}

/// The narrowest field for the integers seen, with what is left of its bits on the side that grew.
fn ranged_field(full: Field, seen: &Seen, old: Option<Field>) -> Field {
    let Some((low, high)) = seen.range else {
        return Field { bits: 0, base: 0, ..full };
    };
    let mut bits = bit_len(high.wrapping_sub(low) as u128);
    let Some(old) = old else {
        return Field { bits, base: low, ..full };
    };
    let outside = low < old.base || (high.wrapping_sub(old.base) as u128) > old.mask();
    if !outside {
        return Field { null_bit: full.null_bit, ..old };
    }
    if old.bits > 0 {
        bits = bits.max(old.bits + 1);
    }
    if bits >= full.bits {
        return full;
    }
    // Grown at the low end: the greatest key gets the greatest offset, which leaves the room below.
    let base = if low < old.base { high.wrapping_sub(((1_u128 << bits) - 1) as i128).max(full.base) } else { low };
    Field { bits, base, ..full }
}

struct FieldLoop<'a, K> {
    field: &'a Field,
    column: &'a KeyColumn,
    first: usize,
    keys: &'a mut [K],
    missing: Option<&'a mut [bool]>,
}

impl<K: Packed> FieldLoop<'_, K> {
    /// Adds a column's codes to the keys; `code` gives a row's bits and whether the field can hold the value.
    #[inline]
    fn each(self, code: impl Fn(usize) -> (K, bool)) {
        let Self { field, column, first, keys, missing } = self;
        let shift = field.shift;
        match (&column.nulls, missing) {
            (None, None) => {
                for (at, key) in keys.iter_mut().enumerate() {
                    *key = key.or_shifted(code(first + at).0, shift);
                }
            }
            (None, Some(missing)) => {
                for (at, (key, missing)) in keys.iter_mut().zip(missing).enumerate() {
                    let (code, fits) = code(first + at);
                    *key = key.or_shifted(code, shift);
                    *missing |= !fits;
                }
            }
            (Some(nulls), mut missing) => {
                let null = if field.null_bit { K::from_u64(1).shifted(field.bits) } else { K::default() };
                for (at, key) in keys.iter_mut().enumerate() {
                    let (code, fits) =
                        if nulls.is_valid(first + at) { code(first + at) } else { (null, field.null_bit) };
                    *key = key.or_shifted(code, shift);
                    if let Some(missing) = missing.as_deref_mut() {
                        missing[at] |= !fits;
                    }
                }
            }
        }
    }

    fn all_null(self) {
        for key in self.keys.iter_mut() {
            *key = key.or_shifted(K::from_u64(1), self.field.shift);
        }
    }
}

trait Shifted: Packed {
    /// Itself, `shift` bits up; nothing is left if that is past its end.
    fn shifted(self, shift: u32) -> Self {
        if shift >= Self::BITS { Self::default() } else { Self::default().or_shifted(self, shift) }
    }
}

impl<K: Packed> Shifted for K {}

impl<K: Packed> WordLoop for FieldLoop<'_, K> {
    type Output = ();
    fn run<T: Word>(self, values: &[T]) {
        let base = self.field.base as u64;
        let mask = self.field.mask() as u64;
        self.each(|row| {
            let offset = values[row].word().wrapping_sub(base);
            (K::from_u64(offset & mask), offset <= mask)
        });
    }
}

impl<K: Packed> ByteLoop for FieldLoop<'_, K> {
    type Output = ();
    fn run<S: ByteSource>(self, source: &S) {
        let (longest, length_shift) = (self.field.longest, 8 * self.field.longest as u32);
        // A field of one fixed length has no bits for it.
        let has_length = self.field.bits > length_shift;
        if longest <= 8 {
            return self.each(|row| {
                let (len, bytes) = source.shorter(row);
                let fits = len <= longest;
                let bytes = if fits { bytes } else { 0 };
                let length = if has_length { K::from_u64(len as u64) } else { K::default() };
                (K::from_u64(bytes).or_shifted(length.shifted(length_shift), 0), fits)
            });
        }
        self.each(|row| {
            let (len, bytes) = source.short(row);
            let fits = len <= longest;
            let bytes = if fits { bytes } else { 0 };
            let length = if has_length { K::from_u64(len as u64) } else { K::default() };
            (K::from_u128(bytes).or_shifted(length.shifted(length_shift), 0), fits)
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int32Array, StringArray};

    use super::*;
    use crate::keys::KeyEquality;

    fn column(array: ArrayRef) -> KeyColumn {
        KeyColumn::new(&array, None, KeyEquality::Values).unwrap()
    }

    #[test]
    fn columns_lie_side_by_side() {
        let columns = [
            column(Arc::new(Int32Array::from(vec![Some(10), None, Some(13)]))),
            column(Arc::new(StringArray::from(vec!["ab", "c", ""]))),
        ];
        let kinds = [KeyKind::Integer { bits: 32, signed: true }, KeyKind::Bytes { fixed: None }];
        let mut seen = [Seen::NOTHING; 2];
        for (seen, column) in seen.iter_mut().zip(&columns) {
            seen.look(column, 3, true);
        }
        let layout = Layout::plan(&kinds, &seen, true, None).unwrap();
        assert_eq!(layout.bits(), (2 + 1) + (16 + 2));
        let mut keys = [0_u64; 3];
        layout.encode(&columns, 0, &mut keys, None);
        let text = |bytes: &[u8; 2], len: u64| u64::from(u16::from_le_bytes(*bytes)) | len << 16;
        assert_eq!(keys, [text(b"ab", 2) << 3, 4 | text(b"c\0", 1) << 3, 3]);
    }

    #[test]
    fn a_value_outside_is_missing_and_asks_for_a_wider_layout() {
        let kinds = [KeyKind::Integer { bits: 32, signed: true }];
        let mut seen = [Seen::NOTHING];
        seen[0].look(&column(Arc::new(Int32Array::from(vec![0, 3]))), 2, true);
        let layout = Layout::plan(&kinds, &seen, true, None).unwrap();
        let other = [column(Arc::new(Int32Array::from(vec![2, 4, -1, i32::MIN])))];
        let mut missing = [false; 4];
        layout.encode(&other, 0, &mut [0_u64; 4], Some(&mut missing));
        assert_eq!(missing, [false, true, true, true]);
        seen[0].look(&column(Arc::new(Int32Array::from(vec![-1]))), 1, true);
        assert!(!layout.covers(&kinds, &seen));
        let wider = Layout::plan(&kinds, &seen, true, Some(&layout)).unwrap();
        assert!(wider.covers(&kinds, &seen));
        assert_eq!((wider.bits(), wider.fields[0].base), (3, -4));
    }
}
