// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Rows by mask: one selection, applied to many columns.
//!
//! Values of fixed width are moved by width, 64 rows at a time, and strings run by run, into memory of the pool: a
//! batch's worth of fresh memory from the system would cost more in page faults than the move itself. Other columns go
//! through arrow-select.

mod bytes;
mod offsets;

use std::cell::OnceCell;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, OffsetSizeTrait, make_array};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer};
use arrow_data::ArrayDataBuilder;
use arrow_schema::DataType;
use arrow_select::filter::{FilterBuilder, FilterPredicate};

use crate::compress::{compress, compress_bits};
use crate::{Memory, Result, bits};

/// The rows that a mask keeps.
#[derive(Debug)]
pub struct Selection {
    words: Vec<u64>,
    mask: BooleanBuffer,
    row_count: usize,
    predicate: OnceCell<FilterPredicate>,
}

impl Selection {
    /// The rows whose bit is set.
    #[must_use]
    pub fn new(mask: BooleanBuffer) -> Self {
        let words: Vec<u64> = bits::words(&mask).collect();
        let row_count = words.iter().map(|word| word.count_ones() as usize).sum();
        Self { words, mask, row_count, predicate: OnceCell::new() }
    }

    /// The mask.
    #[must_use]
    pub fn mask(&self) -> &BooleanBuffer {
        &self.mask
    }

    /// How many rows it keeps.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.row_count
    }

    /// Whether it keeps none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.row_count == 0
    }

    /// Whether it keeps all.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.row_count == self.mask.len()
    }

    /// The kept ones of some values, one for each row; of no values none.
    pub fn rows<T: ArrowNativeType>(&self, values: &[T]) -> Vec<T> {
        if values.is_empty() {
            return Vec::new();
        }
        let mut kept = vec![T::default(); self.row_count];
        compress(values, &self.words, &mut kept);
        kept
    }

    /// The kept rows of a column, which has as many rows as the mask.
    ///
    /// # Errors
    /// `MemoryLimit`, and those of arrow-select for columns that go through it.
    pub fn apply(&self, column: &ArrayRef, memory: &Memory) -> Result<ArrayRef> {
        if let Some(values) = column.as_boolean_opt() {
            let nulls = self.nulls(column, memory)?;
            return Ok(Arc::new(BooleanArray::new(self.bits(values.values(), memory)?, nulls)));
        }
        match column.data_type() {
            DataType::Utf8 | DataType::Binary => return self.strings::<i32>(column, memory),
            DataType::LargeUtf8 | DataType::LargeBinary => return self.strings::<i64>(column, memory),
            _ => {}
        }
        // Lanes move by width, but those of an interval may be aligned to less than other lanes as wide.
        if !column.data_type().is_primitive() || matches!(column.data_type(), DataType::Interval(_)) {
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

    fn strings<O: OffsetSizeTrait>(&self, column: &ArrayRef, memory: &Memory) -> Result<ArrayRef> {
        if column.is_empty() {
            return Ok(column.clone());
        }
        let buffers = bytes::kept::<O>(column, &self.words, self.row_count, memory)?;
        let data = ArrayDataBuilder::new(column.data_type().clone())
            .len(self.row_count)
            .buffers(buffers.into())
            .nulls(self.nulls(column, memory)?);
        // SAFETY: the offsets rise from zero to the length of the bytes, and those of each row are a row of the column.
        Ok(make_array(unsafe { data.build_unchecked() }))
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
        compress(values, &self.words, kept.as_mut_slice_of::<T>());
        Ok(kept.into_buffer())
    }

    fn bits(&self, source: &BooleanBuffer, memory: &Memory) -> Result<BooleanBuffer> {
        bits::build(self.row_count, memory, |out| compress_bits(bits::words(source), &self.words, out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Float64Array, Int8Array, Int64Array, LargeStringArray, StringArray};

    #[test]
    fn every_path_agrees_with_arrow_select() {
        let memory = Memory::unlimited();
        for rows in [1_usize, 63, 64, 65, 200, 1000] {
            for step in [1_usize, 2, 3, 9, 50, 2000] {
                let mask = BooleanBuffer::from_iter((0..rows).map(|row| row % step == 0 && row % 131 != 7));
                let filter = BooleanArray::new(mask.clone(), None);
                let selection = Selection::new(mask);
                let text = |row: usize| (row % 6 != 4).then(|| "ab".repeat(row % 13));
                let columns: [ArrayRef; 7] = [
                    Arc::new(Int64Array::from_iter((0..rows).map(|row| (row % 5 != 0).then_some(row as i64)))),
                    Arc::new(Int8Array::from_iter_values((0..rows).map(|row| (row % 100) as i8))),
                    Arc::new(Float64Array::from_iter_values((0..rows).map(|row| row as f64))),
                    Arc::new(BooleanArray::from_iter((0..rows).map(|row| (row % 7 != 0).then_some(row % 2 == 0)))),
                    Arc::new(StringArray::from_iter_values((0..rows).map(|row| row.to_string()))),
                    Arc::new((0..rows + 3).map(text).collect::<StringArray>().slice(3, rows)),
                    Arc::new((0..rows).map(text).collect::<LargeStringArray>()),
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
    fn intervals_of_any_alignment_are_kept() {
        let words = Buffer::from_vec((0..9_u64).collect::<Vec<_>>()).slice_with_length(8, 64);
        let data = ArrayDataBuilder::new(DataType::Interval(arrow_schema::IntervalUnit::MonthDayNano)).len(4);
        let column = make_array(data.add_buffer(words).build().unwrap());
        let selection = Selection::new(BooleanBuffer::from_iter([true, false, false, true]));
        let kept = selection.apply(&column, &Memory::unlimited()).unwrap();
        assert_eq!((&kept.slice(0, 1), &kept.slice(1, 1)), (&column.slice(0, 1), &column.slice(3, 1)));
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
