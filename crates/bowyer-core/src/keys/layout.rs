// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Several narrow key columns in one word: which column has which bits, and the loops that put them there.
//!
//! A field holds an integer's offset from a base, a float's canonical bits, a boolean, or a short string with its
//! length; one more bit says that the value is null, where nulls were seen. Of strings only the bits are kept in which
//! those seen differ, where the machine can gather them. Bases and widths come from what the columns
//! held ([`Seen`]); a batch that does not fit asks for a wider layout. Each wider layout at least doubles
//! a range, and takes in more and more bits that might differ, so that a table is laid out anew a limited number of times.

use super::column::{ByteLoop, ByteSource, KeyColumn, KeyKind, KeyValues, Word, WordLoop};
use super::seen::{Seen, code};
use crate::arch::{GathersBits, vectorised};

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
    /// Which bits of a string are kept; all without.
    picked: Option<Picked>,
}

/// The bits of a string's code that are kept.
#[derive(Clone, Copy, Debug)]
struct Picked {
    gathers: GathersBits,
    mask: u128,
    /// The bits outside the mask.
    common: u128,
}

impl Picked {
    /// Those that differ among the strings seen. `widened` is how often a layout has turned out too narrow: each time, more
    /// bits are taken that did not differ yet.
    fn new(codes: Option<(u128, u128)>, widened: u32) -> Option<Self> {
        let (gathers, (first, varying)) = (GathersBits::detect()?, codes?);
        let halves = |unit: u32, of: u128| {
            let ones = (1 << unit) - 1;
            (0..128).step_by(unit as usize).fold(0, |all, at| if of >> at & ones == 0 { all } else { all | ones << at })
        };
        let mask = match widened {
            0 | 1 => varying,
            2..=4 => halves(4, varying),
            5..=7 => halves(8, varying),
            _ => return None,
        };
        Some(Self { gathers, mask, common: first & !mask })
    }
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
    /// How many narrower layouts were there before.
    widened: u32,
}

/// Strings longer than this are not packed.
pub(crate) const LONGEST_PACKED: usize = 15;

fn bit_len(value: u128) -> u32 {
    128 - value.leading_zeros()
}

impl Layout {
    /// A layout for columns of `kinds` that held `seen`; `None` if one of them cannot be packed. A `ranged` one is as
    /// narrow as the integers allow, leaving room on the side that grew since `previous`.
    pub(crate) fn plan(kinds: &[KeyKind], seen: &[Seen], ranged: bool, previous: Option<&Self>) -> Option<Self> {
        let widened = previous.map_or(0, |previous| previous.widened + 1);
        let mut layout = Self { fields: Vec::with_capacity(kinds.len()), bits: 0, ranged, widened };
        for (column, (kind, seen)) in kinds.iter().zip(seen).enumerate() {
            let mut field = match *kind {
                KeyKind::Nothing => Field { shift: 0, bits: 0, base: 0, longest: 0, null_bit: true, picked: None },
                KeyKind::Bit => Field { shift: 0, bits: 1, base: 0, longest: 0, null_bit: seen.nulls, picked: None },
                KeyKind::Float { bits } => {
                    Field { shift: 0, bits, base: 0, longest: 0, null_bit: seen.nulls, picked: None }
                }
                KeyKind::Integer { bits, signed } => {
                    let base = if signed { -(1_i128 << (bits - 1)) } else { 0 };
                    let full = Field { shift: 0, bits, base, longest: 0, null_bit: seen.nulls, picked: None };
                    let old = previous.filter(|_| ranged).map(|layout| layout.fields[column]);
                    if ranged { ranged_field(full, seen, old) } else { full }
                }
                KeyKind::Wide => {
                    let full =
                        Field { shift: 0, bits: 128, base: i128::MIN, longest: 0, null_bit: seen.nulls, picked: None };
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
                    let whole = Field { shift: 0, bits, base: 0, longest, null_bit: seen.nulls, picked: None };
                    let picked = if ranged { Picked::new(seen.codes, widened) } else { None };
                    match picked.filter(|picked| picked.mask.count_ones() < bits) {
                        Some(picked) => Field { bits: picked.mask.count_ones(), picked: Some(picked), ..whole },
                        None => whole,
                    }
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

    /// Packs rows `first .. first + keys.len()`; gives whether every row had a place. In `missing`, marks rows that had none, whose
    /// key no table of this layout can hold.
    #[must_use]
    pub(crate) fn encode<K: Packed>(
        &self,
        columns: &[KeyColumn],
        first: usize,
        keys: &mut [K],
        mut missing: Option<&mut [bool]>,
    ) -> bool {
        keys.fill(K::default());
        let mut fits = true;
        for (field, column) in self.fields.iter().zip(columns) {
            let body = FieldLoop { field, column, first, keys: &mut *keys, missing: missing.as_deref_mut() };
            fits &= match &column.values {
                KeyValues::Nothing => body.all_null(),
                KeyValues::Bits(bits) => body.each(|row| (K::from_u64(u64::from(bits.value(row))), true)),
                KeyValues::Words(words) => words.visit(body),
                KeyValues::Wide(values) => {
                    let (base, mask) = (field.base, field.mask());
                    body.each(|row| {
                        let offset = values[row].wrapping_sub(base) as u128;
                        (K::from_u128(offset & mask), offset <= mask)
                    })
                }
                KeyValues::Bytes(bytes) => bytes.visit(body),
            };
        }
        fits
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
    #[inline(always)]
    fn each(self, code: impl Fn(usize) -> (K, bool)) -> bool {
        let Self { field, column, first, keys, missing } = self;
        let shift = field.shift;
        let mut all_fit = true;
        match (&column.nulls, missing) {
            (None, None) => {
                for (at, key) in keys.iter_mut().enumerate() {
                    let (code, fits) = code(first + at);
                    *key = key.or_shifted(code, shift);
                    all_fit &= fits;
                }
            }
            (nulls, mut missing) => {
                let null = if field.null_bit { K::from_u64(1).shifted(field.bits) } else { K::default() };
                for (at, key) in keys.iter_mut().enumerate() {
                    let valid = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(first + at));
                    let (code, fits) = if valid { code(first + at) } else { (null, field.null_bit) };
                    *key = key.or_shifted(code, shift);
                    all_fit &= fits;
                    if let Some(missing) = missing.as_deref_mut() {
                        missing[at] |= !fits;
                    }
                }
            }
        }
        all_fit
    }

    fn all_null(self) -> bool {
        for key in self.keys.iter_mut() {
            *key = key.or_shifted(K::from_u64(1), self.field.shift);
        }
        true
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
    type Output = bool;
    fn run<T: Word>(self, values: &[T]) -> bool {
        let base = self.field.base as u64;
        let mask = self.field.mask() as u64;
        vectorised(
            #[inline(always)]
            || {
                self.each(
                    #[inline(always)]
                    |row| {
                        let offset = values[row].word().wrapping_sub(base);
                        (K::from_u64(offset & mask), offset <= mask)
                    },
                )
            },
        )
    }
}

impl<K: Packed> ByteLoop for FieldLoop<'_, K> {
    type Output = bool;
    fn run<S: ByteSource>(self, source: &S) -> bool {
        vectorised(
            #[inline(always)]
            || match (self.field.picked, self.field.longest <= 8) {
                (Some(picked), true) if (picked.mask >> 64) == 0 => self.pick_of_one_length(picked, source),
                (Some(picked), true) => self.pick(
                    picked,
                    #[inline(always)]
                    |row| {
                        let (len, bytes) = source.shorter(row);
                        (len, u128::from(bytes))
                    },
                ),
                (Some(picked), false) => self.pick(
                    picked,
                    #[inline(always)]
                    |row| source.short(row),
                ),
                (None, true) => self.whole(
                    #[inline(always)]
                    |row| {
                        let (len, bytes) = source.shorter(row);
                        (len, K::from_u64(bytes))
                    },
                ),
                (None, false) => self.whole(
                    #[inline(always)]
                    |row| {
                        let (len, bytes) = source.short(row);
                        (len, K::from_u128(bytes))
                    },
                ),
            },
        )
    }
}

impl<K: Packed> FieldLoop<'_, K> {
    /// Keeps strings as they are, with their lengths.
    #[inline(always)]
    fn whole(self, short: impl Fn(usize) -> (usize, K)) -> bool {
        let (longest, length_shift) = (self.field.longest, 8 * self.field.longest as u32);
        // A field of one fixed length has no bits for it.
        let has_length = self.field.bits > length_shift;
        self.each(
            #[inline(always)]
            |row| {
                let (len, bytes) = short(row);
                let fits = len <= longest;
                let bytes = if fits { bytes } else { K::default() };
                let length = if has_length { K::from_u64(len as u64) } else { K::default() };
                (bytes.or_shifted(length.shifted(length_shift), 0), fits)
            },
        )
    }

    /// Keeps the bits of up to eight bytes that were seen to differ, where the length was not.
    #[inline(always)]
    fn pick_of_one_length(self, picked: Picked, source: &impl ByteSource) -> bool {
        let (mask, common) = (picked.mask as u64, picked.common as u64);
        let only_len = (picked.common >> 120) as usize;
        self.each(
            #[inline(always)]
            |row| {
                let (len, bytes) = source.shorter(row);
                let kept = K::from_u64(picked.gathers.gather(bytes, mask));
                (kept, (bytes ^ common) & !mask == 0 && len == only_len)
            },
        )
    }

    /// Keeps the bits of strings that were seen to differ.
    #[inline(always)]
    fn pick(self, picked: Picked, short: impl Fn(usize) -> (usize, u128)) -> bool {
        let Picked { gathers, mask, common } = picked;
        let longest = self.field.longest;
        let (low, high) = (mask as u64, (mask >> 64) as u64);
        let low_bits = low.count_ones();
        self.each(
            #[inline(always)]
            |row| {
                let (len, bytes) = short(row);
                let code = code(len, bytes);
                let kept = K::from_u64(gathers.gather(code as u64, low));
                let above = K::from_u64(gathers.gather((code >> 64) as u64, high));
                (kept.or_shifted(above.shifted(low_bits), 0), (code ^ common) & !mask == 0 && len <= longest)
            },
        )
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
            seen.look(column, 3);
        }
        let mut layout = Layout::plan(&kinds, &seen, true, None).unwrap();
        layout.fields[1] = Layout::plan(&kinds[1..], &seen[1..], false, None).unwrap().fields[0];
        layout.fields[1].shift = 3;
        layout.bits = 3 + layout.fields[1].bits;
        assert_eq!(layout.bits(), (2 + 1) + (16 + 2));
        let mut keys = [0_u64; 3];
        assert!(layout.encode(&columns, 0, &mut keys, None));
        let text = |bytes: &[u8; 2], len: u64| u64::from(u16::from_le_bytes(*bytes)) | len << 16;
        assert_eq!(keys, [text(b"ab", 2) << 3, 4 | text(b"c\0", 1) << 3, 3]);
    }

    #[test]
    fn a_value_outside_is_missing_and_asks_for_a_wider_layout() {
        let kinds = [KeyKind::Integer { bits: 32, signed: true }];
        let mut seen = [Seen::NOTHING];
        seen[0].look(&column(Arc::new(Int32Array::from(vec![0, 3]))), 2);
        let layout = Layout::plan(&kinds, &seen, true, None).unwrap();
        let other = [column(Arc::new(Int32Array::from(vec![2, 4, -1, i32::MIN])))];
        let mut missing = [false; 4];
        assert!(!layout.encode(&other, 0, &mut [0_u64; 4], Some(&mut missing)));
        assert_eq!(missing, [false, true, true, true]);
        seen[0].look(&column(Arc::new(Int32Array::from(vec![-1]))), 1);
        let wider = Layout::plan(&kinds, &seen, true, Some(&layout)).unwrap();
        assert!(wider.encode(&[column(Arc::new(Int32Array::from(vec![-1, 0, 3])))], 0, &mut [0_u64; 3], None));
        assert_eq!((wider.bits(), wider.fields[0].base), (3, -4));
    }
}
