// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Sort keys as codes: numbers whose order is that of the rows, in as few bits as the values allow.
//!
//! A key's codes count its values from the least one on (from the greatest, if it descends), with one more before or
//! after them for NaNs and one for nulls where there are any. Codes stand side by side, the first key's on top, above
//! the number of the row; what does not fit is cut off, and then the order is not exact: rows with equal codes are
//! still to be compared.

use arrow_array::RecordBatch;
use arrow_buffer::{ArrowNativeType, NullBuffer};

use super::facts::{Facts, Values};
use super::values::{Visitor, visit};
use crate::operators::SortKey;

/// Bytes of a value that a code holds at most.
const MOST_BYTES: usize = 13;

/// Codes of all keys.
#[derive(Debug)]
pub(super) struct Layout {
    codes: Vec<Code>,
    bits: u32,
    /// The first key whose code does not say all of it; none when codes are equal only where keys are.
    inexact: Option<usize>,
}

/// How one key is encoded.
#[derive(Debug)]
struct Code {
    key: SortKey,
    bits: u32,
    /// Lowest bits of a value, and of its code, that are left out.
    spare: u32,
    cut: u32,
    /// The codes of nulls, of NaNs, and of the first value.
    null: u128,
    nan: u128,
    base: u128,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// All values have the same code.
    Constant,
    /// Numbers between these two.
    Numbers { least: u128, most: u128 },
    /// So many bytes after the shared ones, and if lengths differ, how many there are.
    Bytes { shared: usize, kept: usize, length_bits: u32, most: u128 },
}

fn bits_of(most: u128) -> u32 {
    128 - most.leading_zeros()
}

impl Layout {
    /// Codes for keys of which `facts` hold, in at most `bits` bits.
    pub(super) fn new(keys: &[SortKey], facts: &[Facts], bits: u32) -> Self {
        let mut layout = Self { codes: Vec::new(), bits: 0, inexact: None };
        for (index, (key, facts)) in keys.iter().zip(facts).enumerate() {
            let (code, exact) = Code::new(*key, facts, bits - layout.bits);
            layout.bits += code.bits;
            layout.codes.push(code);
            if !exact {
                layout.inexact = Some(index);
                break;
            }
        }
        layout
    }

    /// The bits of all codes.
    pub(super) fn bits(&self) -> u32 {
        self.bits
    }

    /// The first key whose code does not say all of it.
    pub(super) fn inexact(&self) -> Option<usize> {
        self.inexact
    }

    /// Writes the codes of a batch's rows above `id_bits` bits.
    pub(super) fn write<E: Element>(&self, batch: &RecordBatch, elements: &mut [E], id_bits: u32) {
        let mut shift = id_bits + self.bits;
        for code in &self.codes {
            shift -= code.bits;
            if code.bits > 0 {
                visit(batch.column(code.key.column), Writer { code, elements: &mut *elements, shift });
            }
        }
    }
}

impl Code {
    /// A code of at most `free` bits, and whether it says all of a value.
    fn new(key: SortKey, facts: &Facts, free: u32) -> (Self, bool) {
        let (form, exact) = match &facts.values {
            Values::None => (Form::Constant, true),
            Values::Opaque => (Form::Constant, false),
            &Values::Numbers { least, most } => (Form::Numbers { least, most }, true),
            Values::Bytes { shared, shortest, longest } => bytes_form(shared.len(), *shortest, *longest, free),
        };
        let range = match form {
            Form::Constant => 0,
            Form::Numbers { least, most } => most - least,
            Form::Bytes { most, .. } => most,
        };
        let extra = u128::from(facts.nulls) + u128::from(facts.nans);
        // The widest numbers leave no room for more: they give up their lowest bit.
        let spare = u32::from(range.checked_add(extra).is_none());
        let range = range >> spare;
        let all_bits = bits_of(range + extra);
        let bits = all_bits.min(free);
        let (base, null, nan) =
            if key.nulls_first { (extra, 0, u128::from(facts.nulls)) } else { (0, range + extra, range + 1) };
        let cut = all_bits - bits;
        (Self { key, bits, spare, cut, null, nan, base, form }, exact && cut + spare == 0)
    }

    /// The code of a value's bits.
    #[inline]
    fn of(&self, bits: u128, least: u128, most: u128) -> u128 {
        let distance = if self.key.descending { most - bits } else { bits - least };
        ((distance >> self.spare) + self.base) >> self.cut
    }
}

/// The form for bytes of these lengths, and whether it says all of a value.
fn bytes_form(shared: usize, shortest: usize, longest: usize, free: u32) -> (Form, bool) {
    let rest = longest - shared;
    let length_bits = if shortest == longest { 0 } else { usize::BITS - rest.leading_zeros() };
    // Two bits stay free for nulls.
    let exact = rest <= MOST_BYTES && 8 * rest as u32 + length_bits + 2 <= free;
    let (kept, length_bits) =
        if exact { (rest, length_bits) } else { (MOST_BYTES.min(free.saturating_sub(2) as usize / 8).min(rest), 0) };
    let bits = 8 * kept as u32 + length_bits;
    let most = if bits == 0 { 0 } else { u128::MAX >> (128 - bits) };
    (Form::Bytes { shared, kept, length_bits, most }, exact)
}

/// An element of a sort: codes above the number of a row. Elements compare as their rows do.
pub(super) trait Element: ArrowNativeType + Ord + Send + Sync {
    /// A row without codes.
    fn of(id: u32) -> Self;
    /// Adds a code at a place where there is none yet.
    fn add(&mut self, code: u128, shift: u32);
    /// The row.
    fn id(self, id_bits: u32) -> u32;
    /// The codes, in the order of elements.
    fn codes(self, id_bits: u32) -> Self;
}

impl Element for u64 {
    #[inline]
    fn of(id: u32) -> Self {
        Self::from(id)
    }

    #[inline]
    fn add(&mut self, code: u128, shift: u32) {
        *self |= (code as Self) << shift;
    }

    #[inline]
    fn id(self, id_bits: u32) -> u32 {
        (self & ((1 << id_bits) - 1)) as u32
    }

    #[inline]
    fn codes(self, id_bits: u32) -> Self {
        self >> id_bits
    }
}

/// The highest bit is turned round, because these numbers are signed.
impl Element for i128 {
    #[inline]
    fn of(id: u32) -> Self {
        Self::MIN | Self::from(id)
    }

    #[inline]
    fn add(&mut self, code: u128, shift: u32) {
        *self ^= (code << shift) as Self;
    }

    #[inline]
    fn id(self, id_bits: u32) -> u32 {
        (self & ((1 << id_bits) - 1)) as u32
    }

    #[inline]
    fn codes(self, id_bits: u32) -> Self {
        self >> id_bits
    }
}

struct Writer<'a, E> {
    code: &'a Code,
    elements: &'a mut [E],
    shift: u32,
}

impl<E: Element> Writer<'_, E> {
    #[inline]
    fn each(self, nulls: Option<&NullBuffer>, code: impl Fn(usize) -> u128) {
        let null = self.code.null >> self.code.cut;
        let Some(nulls) = nulls else {
            for (row, element) in self.elements.iter_mut().enumerate() {
                element.add(code(row), self.shift);
            }
            return;
        };
        for (row, element) in self.elements.iter_mut().enumerate() {
            element.add(if nulls.is_valid(row) { code(row) } else { null }, self.shift);
        }
    }
}

impl<E: Element> Visitor for Writer<'_, E> {
    type Out = ();

    fn nothing(self) {
        let null = self.code.null >> self.code.cut;
        for element in self.elements {
            element.add(null, self.shift);
        }
    }

    fn numbers(self, nulls: Option<&NullBuffer>, _: usize, value: impl Fn(usize) -> Option<u64>) {
        let (code, nan) = (self.code, self.code.nan >> self.code.cut);
        match code.form {
            Form::Numbers { least, most } => {
                self.each(nulls, |row| value(row).map_or(nan, |bits| code.of(bits.into(), least, most)));
            }
            // No number was seen.
            _ => self.each(nulls, |_| nan),
        }
    }

    fn wide_numbers(self, nulls: Option<&NullBuffer>, len: usize, value: impl Fn(usize) -> u128) {
        let Form::Numbers { least, most } = self.code.form else { return self.opaque(nulls, len) };
        let code = self.code;
        self.each(nulls, |row| code.of(value(row), least, most));
    }

    fn bytes<'a>(self, nulls: Option<&NullBuffer>, len: usize, value: impl Fn(usize) -> &'a [u8]) {
        let Form::Bytes { shared, kept, length_bits, most } = self.code.form else { return self.opaque(nulls, len) };
        let code = self.code;
        self.each(nulls, |row| {
            let bytes = &value(row)[shared..];
            let length = if length_bits == 0 { 0 } else { bytes.len() as u128 };
            code.of(leading(bytes, kept) << length_bits | length, 0, most)
        });
    }

    fn opaque(self, nulls: Option<&NullBuffer>, _: usize) {
        let value = self.code.base >> self.code.cut;
        self.each(nulls, |_| value);
    }
}

/// The first `kept` bytes as a number, zeros after the last.
#[inline]
fn leading(bytes: &[u8], kept: usize) -> u128 {
    if kept == 0 {
        return 0;
    }
    let word = match bytes.first_chunk::<16>() {
        Some(word) => u128::from_be_bytes(*word),
        None => {
            let mut word = [0; 16];
            word[..bytes.len()].copy_from_slice(bytes);
            u128::from_be_bytes(word)
        }
    };
    word >> (128 - 8 * kept as u32)
}
