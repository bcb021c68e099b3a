// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Reading and making lists of any layout: plain, large, fixed-size, views and maps.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, GenericListArray, UInt64Array};
use arrow_buffer::{ArrowNativeType, NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, FieldRef};
use bowyer_core::dispatch::unsupported;
use bowyer_core::{Error, Memory, Result};

use crate::vector::rows::take_rows64;

/// The lists of an array: which of the items each has.
#[derive(Debug)]
pub struct Lists {
    /// The items of all lists.
    pub items: ArrayRef,
    /// The items of each list; of a null one none.
    pub ranges: Vec<Range<usize>>,
    /// The lists that are there.
    pub nulls: Option<NullBuffer>,
}

/// The field of the items of a list type.
///
/// # Errors
/// `Internal` when it is no list.
pub fn item_field(data_type: &DataType) -> Result<&FieldRef> {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::Map(item, _) => Ok(item),
        other => Err(Error::internal(format!("{other} is no list"))),
    }
}

impl Lists {
    /// The lists of `array`.
    ///
    /// # Errors
    /// `NotImplemented` when it holds none.
    pub fn of(array: &ArrayRef) -> Result<Self> {
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0).cloned();
        let is_there = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        let (items, ranges): (ArrayRef, Vec<Range<usize>>) = match array.data_type() {
            DataType::List(_) => {
                (array.as_list::<i32>().values().clone(), spans(array.as_list::<i32>().value_offsets()))
            }
            DataType::LargeList(_) => {
                (array.as_list::<i64>().values().clone(), spans(array.as_list::<i64>().value_offsets()))
            }
            DataType::Map(..) => (Arc::new(array.as_map().entries().clone()), spans(array.as_map().value_offsets())),
            DataType::FixedSizeList(_, size) => {
                let (size, list) = (*size as usize, array.as_fixed_size_list());
                (list.values().clone(), (0..list.len()).map(|row| row * size..(row + 1) * size).collect())
            }
            DataType::ListView(_) => {
                let view = array.as_list_view::<i32>();
                (view.values().clone(), views(view.value_offsets(), view.value_sizes()))
            }
            DataType::LargeListView(_) => {
                let view = array.as_list_view::<i64>();
                (view.values().clone(), views(view.value_offsets(), view.value_sizes()))
            }
            other => return unsupported(other),
        };
        let ranges = ranges.into_iter().enumerate().map(|(row, range)| if is_there(row) { range } else { 0..0 });
        Ok(Self { items, ranges: ranges.collect(), nulls })
    }

    /// Whether a list is there.
    pub fn is_valid(&self, row: usize) -> bool {
        self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))
    }
}

fn spans<O: ArrowNativeType>(offsets: &[O]) -> Vec<Range<usize>> {
    offsets.windows(2).map(|pair| pair[0].as_usize()..pair[1].as_usize()).collect()
}

fn views<O: ArrowNativeType>(offsets: &[O], sizes: &[O]) -> Vec<Range<usize>> {
    offsets.iter().zip(sizes).map(|(start, size)| start.as_usize()..start.as_usize() + size.as_usize()).collect()
}

/// Lists of a list type, from the items of all of them and how many each has.
///
/// # Errors
/// `LimitExceeded` past 32-bit offsets; `NotImplemented` for another type.
pub fn lists(data_type: &DataType, lengths: &[usize], items: ArrayRef, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    let field = item_field(data_type)?.clone();
    if let DataType::LargeList(_) = data_type {
        let offsets = OffsetBuffer::<i64>::from_lengths(lengths.iter().copied());
        return Ok(Arc::new(GenericListArray::try_new(field, offsets, items, nulls)?));
    }
    if i32::try_from(lengths.iter().sum::<usize>()).is_err() {
        return Err(Error::limit_exceeded("more items than 32-bit offsets reach"));
    }
    let offsets = OffsetBuffer::<i32>::from_lengths(lengths.iter().copied());
    let list: ArrayRef = Arc::new(GenericListArray::try_new(field, offsets, items, nulls)?);
    if list.data_type() == data_type { Ok(list) } else { Ok(arrow_cast::cast(&list, data_type)?) }
}

/// The items at `rows`.
///
/// # Errors
/// As taking rows.
pub fn take_items(items: &ArrayRef, rows: Vec<Option<u64>>, memory: &Memory) -> Result<ArrayRef> {
    take_rows64(items, &UInt64Array::from(rows), memory)
}
