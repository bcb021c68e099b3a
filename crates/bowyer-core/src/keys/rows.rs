// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Key columns written one after another: the form of keys that do not fit a word.
//!
//! A column takes one byte that says whether it is null, then its value: canonical bits of fixed width, or a length of
//! four bytes and the bytes. A null has a value of zeros, so that equal keys are equal bytes.

use super::column::{ByteLoop, ByteSource, KeyColumn, KeyValues, Word, WordLoop};
use crate::{Error, Result};

/// The rows of one block as bytes; reused from block to block.
#[derive(Debug, Default)]
pub(crate) struct RowBlock {
    bytes: Vec<u8>,
    /// Where each row begins, and the end.
    starts: Vec<usize>,
    cursors: Vec<usize>,
}

impl RowBlock {
    pub(crate) fn row(&self, row: usize) -> &[u8] {
        &self.bytes[self.starts[row]..self.starts[row + 1]]
    }

    /// Writes rows `first .. first + row_count` of all columns.
    ///
    /// # Errors
    /// `LimitExceeded` for a value of 4 GiB.
    pub(crate) fn encode(&mut self, columns: &[KeyColumn], first: usize, row_count: usize) -> Result<()> {
        let fixed: usize = columns.iter().map(|column| 1 + fixed_width(&column.values)).sum();
        self.cursors.clear();
        self.cursors.resize(row_count, fixed);
        for column in columns {
            if let KeyValues::Bytes(bytes) = &column.values {
                bytes.visit(LengthLoop { column, first, lengths: &mut self.cursors })?;
            }
        }
        self.starts.clear();
        self.starts.push(0);
        let mut end = 0;
        for cursor in &mut self.cursors {
            let start = end;
            end += std::mem::replace(cursor, start);
            self.starts.push(end);
        }
        self.bytes.clear();
        self.bytes.resize(end, 0);
        for column in columns {
            let body = WriteLoop { column, first, bytes: &mut self.bytes, cursors: &mut self.cursors };
            match &column.values {
                KeyValues::Nothing => body.each(|_, _| 0),
                KeyValues::Bits(bits) => body.each(|row, out| {
                    out[0] = u8::from(bits.value(row));
                    1
                }),
                KeyValues::Words(words) => words.visit(body),
                KeyValues::Wide(values) => body.each(|row, out| {
                    out[..16].copy_from_slice(&values[row].to_le_bytes());
                    16
                }),
                KeyValues::Bytes(bytes) => bytes.visit(body),
            }
        }
        Ok(())
    }
}

/// The bytes of a value without those of a string.
fn fixed_width(values: &KeyValues) -> usize {
    match values {
        KeyValues::Nothing => 0,
        KeyValues::Bits(_) => 1,
        KeyValues::Words(_) => 8,
        KeyValues::Wide(_) => 16,
        KeyValues::Bytes(_) => 4,
    }
}

struct LengthLoop<'a> {
    column: &'a KeyColumn,
    first: usize,
    lengths: &'a mut [usize],
}

impl ByteLoop for LengthLoop<'_> {
    type Output = Result<()>;
    fn run<S: ByteSource>(self, source: &S) -> Result<()> {
        for (row, length) in (self.first..).zip(self.lengths) {
            if self.column.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
                let len = source.bytes(row).len();
                if u32::try_from(len).is_err() {
                    return Err(Error::limit_exceeded(format!("a key of {len} bytes")).at_row(row));
                }
                *length += len;
            }
        }
        Ok(())
    }
}

struct WriteLoop<'a> {
    column: &'a KeyColumn,
    first: usize,
    bytes: &'a mut [u8],
    cursors: &'a mut [usize],
}

impl WriteLoop<'_> {
    /// Writes a flag and, with `write`, the value of each row; `write` says how many bytes it took.
    #[inline]
    fn each(self, write: impl Fn(usize, &mut [u8]) -> usize) {
        let null_width = fixed_width(&self.column.values);
        for (row, cursor) in (self.first..).zip(self.cursors) {
            let out = &mut self.bytes[*cursor..];
            let valid = self.column.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
            out[0] = u8::from(valid);
            *cursor += 1 + if valid { write(row, &mut out[1..]) } else { null_width };
        }
    }
}

impl WordLoop for WriteLoop<'_> {
    type Output = ();
    fn run<T: Word>(self, values: &[T]) {
        self.each(|row, out| {
            out[..8].copy_from_slice(&values[row].word().to_le_bytes());
            8
        });
    }
}

impl ByteLoop for WriteLoop<'_> {
    type Output = ();
    fn run<S: ByteSource>(self, source: &S) {
        self.each(|row, out| {
            let value = source.bytes(row);
            out[..4].copy_from_slice(&(value.len() as u32).to_le_bytes());
            out[4..4 + value.len()].copy_from_slice(value);
            4 + value.len()
        });
    }
}
