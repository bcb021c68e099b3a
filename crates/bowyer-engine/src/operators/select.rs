// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Rows by mask: one selection, applied to many columns.
//!
//! Values of fixed width are moved by width, 64 rows at a time, into memory of the pool: a batch's worth of fresh memory
//! from the system would cost more in page faults than the move itself. Other columns go through arrow-select.

use std::cell::OnceCell;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, make_array};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer};
use arrow_data::ArrayDataBuilder;
use arrow_select::filter::{FilterBuilder, FilterPredicate};
use bowyer_core::arch::vectorised;
use bowyer_core::{Memory, Result, bits};

/// Words with at most this many rows are taken bit by bit; others by a pass over all 64 without a branch.
const SPARSE_ROWS: u32 = 10;

/// The rows that a mask keeps.
pub(crate) struct Selection {
    words: Vec<u64>,
    mask: BooleanBuffer,
    row_count: usize,
    predicate: OnceCell<FilterPredicate>,
}

impl Selection {
    /// The rows whose bit is set.
    pub(crate) fn new(mask: BooleanBuffer) -> Self {
        let words: Vec<u64> = bits::words(&mask).collect();
        let row_count = words.iter().map(|word| word.count_ones() as usize).sum();
        Self { words, mask, row_count, predicate: OnceCell::new() }
    }

    /// How many rows it keeps.
    pub(crate) fn row_count(&self) -> usize {
        self.row_count
    }

    /// Whether it keeps none.
    pub(crate) fn is_empty(&self) -> bool {
        self.row_count == 0
    }

    /// Whether it keeps all.
    pub(crate) fn is_whole(&self) -> bool {
        self.row_count == self.mask.len()
    }

    /// The kept ones of some values, one for each row; of no values none.
    pub(crate) fn rows<T: Copy>(&self, values: &[T]) -> Vec<T> {
        if values.is_empty() { Vec::new() } else { self.mask.set_indices().map(|row| values[row]).collect() }
    }

    /// The kept rows of a column.
    pub(crate) fn apply(&self, column: &ArrayRef, memory: &Memory) -> Result<ArrayRef> {
        if let Some(values) = column.as_boolean_opt() {
            let nulls = self.nulls(column, memory)?;
            return Ok(Arc::new(BooleanArray::new(self.bits(values.values(), memory)?, nulls)));
        }
        if !column.data_type().is_primitive() {
            return self.other(column);
        }
        let values = match column.data_type().primitive_width() {
            Some(1) => self.lanes::<u8>(column, memory)?,
            Some(2) => self.lanes::<u16>(column, memory)?,
            Some(4) => self.lanes::<u32>(column, memory)?,
            Some(8) => self.lanes::<u64>(column, memory)?,
            Some(16) => self.lanes::<i128>(column, memory)?,
            _ => return self.other(column),
        };
        let data = ArrayDataBuilder::new(column.data_type().clone())
            .len(self.row_count)
            .add_buffer(values)
            .nulls(self.nulls(column, memory)?)
            .build()?;
        Ok(make_array(data))
    }

    fn other(&self, column: &ArrayRef) -> Result<ArrayRef> {
        let predicate = self
            .predicate
            .get_or_init(|| FilterBuilder::new(&BooleanArray::new(self.mask.clone(), None)).optimize().build());
        Ok(predicate.filter(column.as_ref())?)
    }

    fn nulls(&self, column: &ArrayRef, memory: &Memory) -> Result<Option<NullBuffer>> {
        let Some(nulls) = column.nulls().filter(|nulls| nulls.null_count() > 0) else { return Ok(None) };
        let nulls = NullBuffer::new(self.bits(nulls.inner(), memory)?);
        Ok((nulls.null_count() > 0).then_some(nulls))
    }

    fn lanes<T: ArrowNativeType>(&self, column: &ArrayRef, memory: &Memory) -> Result<Buffer> {
        let data = column.to_data();
        let values = data.buffer::<T>(0).get(..column.len()).unwrap_or_default();
        let mut kept = memory.allocate(self.row_count * size_of::<T>())?;
        let (words, places) = (&self.words, kept.as_mut_slice_of::<T>());
        vectorised(
            #[inline(always)]
            || compress(values, words, places),
        );
        Ok(kept.into_buffer())
    }

    fn bits(&self, source: &BooleanBuffer, memory: &Memory) -> Result<BooleanBuffer> {
        bits::build(self.row_count, memory, |out| {
            out.fill(0);
            let mut row = 0;
            for (mut word, source) in self.words.iter().copied().zip(bits::words(source)) {
                while word != 0 {
                    let bit = source >> word.trailing_zeros() & 1;
                    out[row / 64] |= bit << (row % 64);
                    row += 1;
                    word &= word - 1;
                }
            }
        })
    }
}

/// Writes the values whose bit is set to `kept`, which has as many places as bits are set.
#[inline(always)]
fn compress<T: ArrowNativeType>(values: &[T], words: &[u64], mut kept: &mut [T]) {
    let mut scratch = [T::default(); 64];
    for (values, &word) in values.chunks(64).zip(words) {
        let count = word.count_ones();
        let (now, later) = kept.split_at_mut(count as usize);
        kept = later;
        if count == 0 {
            continue;
        }
        if let Ok(values) = <&[T; 64]>::try_from(values) {
            if word == u64::MAX {
                now.copy_from_slice(values);
            } else if count > SPARSE_ROWS {
                let mut place = 0_usize;
                for (bit, &value) in values.iter().enumerate() {
                    // A value that is not kept is overwritten by the next one.
                    scratch[place & 63] = value;
                    place += (word >> bit & 1) as usize;
                }
                now.copy_from_slice(&scratch[..count as usize]);
            } else {
                take_bits(values, word, now);
            }
        } else {
            take_bits(values, word, now);
        }
    }
}

#[inline(always)]
fn take_bits<T: ArrowNativeType>(values: &[T], mut word: u64, now: &mut [T]) {
    for place in now {
        if let Some(&value) = values.get(word.trailing_zeros() as usize) {
            *place = value;
        }
        word &= word.wrapping_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Float64Array, Int8Array, Int64Array, StringArray};

    #[test]
    fn every_path_agrees_with_arrow_select() {
        let memory = Memory::unlimited();
        for rows in [1_usize, 63, 64, 65, 200, 1000] {
            for step in [1_usize, 2, 3, 9, 50, 2000] {
                let mask = BooleanBuffer::from_iter((0..rows).map(|row| row % step == 0 && row % 131 != 7));
                let filter = BooleanArray::new(mask.clone(), None);
                let selection = Selection::new(mask);
                let columns: [ArrayRef; 5] = [
                    Arc::new(Int64Array::from_iter((0..rows).map(|row| (row % 5 != 0).then_some(row as i64)))),
                    Arc::new(Int8Array::from_iter_values((0..rows).map(|row| (row % 100) as i8))),
                    Arc::new(Float64Array::from_iter_values((0..rows).map(|row| row as f64))),
                    Arc::new(BooleanArray::from_iter((0..rows).map(|row| (row % 7 != 0).then_some(row % 2 == 0)))),
                    Arc::new(StringArray::from_iter_values((0..rows).map(|row| row.to_string()))),
                ];
                for column in columns {
                    let sliced = column.slice(0, rows);
                    let expected = arrow_select::filter::filter(&sliced, &filter).unwrap();
                    assert_eq!(&selection.apply(&sliced, &memory).unwrap(), &expected, "{rows} rows, step {step}");
                }
            }
        }
    }

    #[test]
    fn a_slice_is_read_from_its_offset() {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..300));
        let sliced = column.slice(37, 200);
        let selection = Selection::new(BooleanBuffer::from_iter((0..200).map(|row| row % 3 == 1)));
        let kept = selection.apply(&sliced, &Memory::unlimited()).unwrap();
        assert_eq!(kept.as_primitive::<arrow_array::types::Int64Type>().value(0), 38);
        assert_eq!(kept.len(), 67);
    }
}
