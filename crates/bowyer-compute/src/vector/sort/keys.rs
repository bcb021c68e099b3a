// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Rows in order: each type becomes keys whose plain order is the order asked for.
//!
//! Values of up to 128 bits become unsigned integers, turned round when descending, and are sorted beside their rows,
//! so that equal keys keep their order without a stable sort. Nested values are sorted by the ranks of their parts.

use std::cmp::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, OffsetSizeTrait, make_array};
use arrow_buffer::{NullBuffer, i256};
use arrow_schema::DataType;
use bowyer_core::arity::Lanes;
use bowyer_core::dispatch::unsupported;
use bowyer_core::{Column, Error, Result, with_bytes};
use half::f16;

use crate::encoding;
use bowyer_core::dispatch::ByteValues;

/// Which way to sort.
#[derive(Clone, Copy, Debug)]
pub(super) struct Direction {
    pub(super) descending: bool,
    pub(super) nulls_first: bool,
}

/// The rows of `array` in order.
///
/// # Errors
/// `NotImplemented` for types without an order; `LimitExceeded` past 2³² rows.
pub(super) fn sorted_rows(array: &ArrayRef, direction: Direction) -> Result<Vec<u32>> {
    Ok(sort(array, direction)?.0)
}

/// Rows in order, and whether each differs from the one before it.
pub(super) type Sorted = (Vec<u32>, Vec<bool>);

/// As [`sorted_rows`], with whether each row differs from the one before it.
///
/// # Errors
/// As [`sorted_rows`].
pub(super) fn sort(array: &ArrayRef, direction: Direction) -> Result<Sorted> {
    if u32::try_from(array.len()).is_err() {
        return Err(Error::limit_exceeded("more than 2^32 rows to sort"));
    }
    let nulls = array.logical_nulls();
    let rows = Rows { row_count: array.len(), nulls: nulls.as_ref(), direction };
    match array.data_type() {
        DataType::Null => Ok(rows.by(|_| Class::<u8>::Null)),
        DataType::Boolean => Ok(rows.by(|row| Class::Value(u8::from(array.as_boolean().value(row))))),
        DataType::Float16 => rows.floats::<f16>(array, f16::to_f64),
        DataType::Float32 => rows.floats::<f32>(array, f64::from),
        DataType::Float64 => rows.floats::<f64>(array, |value| value),
        DataType::UInt8 => rows.integers::<u8>(array),
        DataType::UInt16 => rows.integers::<u16>(array),
        DataType::UInt32 => rows.integers::<u32>(array),
        DataType::UInt64 => rows.integers::<u64>(array),
        DataType::Int8 => rows.integers::<i8>(array),
        DataType::Int16 => rows.integers::<i16>(array),
        DataType::Decimal128(..) => rows.integers::<i128>(array),
        DataType::Decimal256(..) => rows.integers::<i256>(array),
        DataType::Interval(_) => unsupported(array.data_type()),
        data_type if data_type.primitive_width() == Some(4) => rows.integers::<i32>(array),
        data_type if data_type.primitive_width() == Some(8) => rows.integers::<i64>(array),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let ranks = ranks(dictionary.values(), direction)?;
            // A dictionary without values has no valid key, and arrow-rs no keys of it.
            let keys = if ranks.is_empty() { Vec::new() } else { dictionary.normalized_keys() };
            Ok(rows.ranked(|row| keys.get(row).and_then(|&key| ranks.get(key)).copied().unwrap_or(0)))
        }
        DataType::RunEndEncoded(..) => sort(encoding::decode(&Column::Array(array.clone()))?.values(), direction),
        DataType::Struct(_) => {
            let ranks = array.as_struct().columns().iter().map(|column| ranks(column, direction));
            let ranks = ranks.collect::<Result<Vec<_>>>()?;
            Ok(rows.compared(|a, b| ranks.iter().map(|ranks| ranks[a].cmp(&ranks[b])).find(|o| o.is_ne())))
        }
        DataType::List(_) => rows.offsets(array.as_list::<i32>().value_offsets(), array.as_list::<i32>().values()),
        DataType::LargeList(_) => rows.offsets(array.as_list::<i64>().value_offsets(), array.as_list::<i64>().values()),
        DataType::Map(..) => {
            let entries = make_array(array.as_map().entries().to_data());
            rows.offsets(array.as_map().value_offsets(), &entries)
        }
        DataType::ListView(child) => rows.through(array, DataType::List(child.clone())),
        DataType::LargeListView(child) => rows.through(array, DataType::LargeList(child.clone())),
        DataType::FixedSizeList(child, _) => rows.through(array, DataType::List(child.clone())),
        _ => with_bytes!(array, |bytes| Ok(rows.bytes(bytes))),
    }
}

/// The place of each row's value among the distinct values in order.
fn ranks(array: &ArrayRef, direction: Direction) -> Result<Vec<u32>> {
    let (order, differs) = sort(array, direction)?;
    let mut ranks = vec![0; array.len()];
    let mut rank = 0;
    for (row, differs) in order.into_iter().zip(differs) {
        rank += u32::from(differs);
        ranks[row as usize] = rank;
    }
    Ok(ranks)
}

/// What a row holds.
enum Class<K> {
    Value(K),
    Nan,
    Null,
}

#[derive(Clone, Copy)]
struct Rows<'a> {
    row_count: usize,
    nulls: Option<&'a NullBuffer>,
    direction: Direction,
}

/// A key turned round, when descending.
trait Key: Ord + Copy {
    fn turned(self) -> Self;
}

macro_rules! keys {
    ($($native:ty)+) => { $(
        impl Key for $native {
            #[inline]
            fn turned(self) -> Self { !self }
        }
    )+ };
}

keys!(u8 u16 u32 u64 i8 i16 i32 i64 i128);

impl Key for i256 {
    fn turned(self) -> Self {
        !self
    }
}

impl Rows<'_> {
    /// Sorts by the key of each row.
    fn by<K: Key>(self, class: impl Fn(usize) -> Class<K>) -> Sorted {
        let mut keyed = Vec::with_capacity(self.row_count);
        let (mut nans, mut nulls) = (Vec::new(), Vec::new());
        for row in 0..self.row_count {
            if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
                nulls.push(row as u32);
                continue;
            }
            match class(row) {
                Class::Value(key) => {
                    keyed.push((if self.direction.descending { key.turned() } else { key }, row as u32));
                }
                Class::Nan => nans.push(row as u32),
                Class::Null => nulls.push(row as u32),
            }
        }
        keyed.sort_unstable();
        let differs = (0..keyed.len()).map(|at| at == 0 || keyed[at].0 != keyed[at - 1].0).collect();
        self.joined((keyed.into_iter().map(|(_, row)| row).collect(), differs), nans, nulls)
    }

    /// Puts NaNs and nulls after the values, or nulls and NaNs before them.
    fn joined(self, values: Sorted, nans: Vec<u32>, nulls: Vec<u32>) -> Sorted {
        let one = |rows: Vec<u32>| {
            let differs = (0..rows.len()).map(|at| at == 0).collect();
            (rows, differs)
        };
        let parts =
            if self.direction.nulls_first { [one(nulls), one(nans), values] } else { [values, one(nans), one(nulls)] };
        let (mut rows, mut differs) = (Vec::with_capacity(self.row_count), Vec::with_capacity(self.row_count));
        for (part_rows, part_differs) in parts {
            rows.extend(part_rows);
            differs.extend::<Vec<bool>>(part_differs);
        }
        (rows, differs)
    }

    fn integers<T: Key + arrow_buffer::ArrowNativeType>(self, array: &ArrayRef) -> Result<Sorted> {
        let lanes = Lanes::<T>::of(&Column::Array(array.clone()))?;
        let lanes = lanes.slice();
        Ok(self.by(|row| Class::Value(lanes[row])))
    }

    fn floats<T: arrow_buffer::ArrowNativeType>(self, array: &ArrayRef, wide: impl Fn(T) -> f64) -> Result<Sorted> {
        let lanes = Lanes::<T>::of(&Column::Array(array.clone()))?;
        let lanes = lanes.slice();
        Ok(self.by(|row| {
            let value = wide(lanes[row]);
            // Adding zero makes −0.0 the other zero.
            if value.is_nan() { Class::Nan } else { Class::Value(ordered_bits(value + 0.0)) }
        }))
    }

    fn ranked(self, rank: impl Fn(usize) -> u32) -> Sorted {
        // Ranks are in the order asked for already.
        let rows = Self { direction: Direction { descending: false, ..self.direction }, ..self };
        rows.by(|row| Class::Value(rank(row)))
    }

    /// Sorts by the first eight bytes, then by the rest.
    fn bytes(self, values: &impl ByteValues) -> Sorted {
        let prefix = |row: usize| {
            let value = values.bytes_at(row);
            let mut first = [0; 8];
            let len = value.len().min(8);
            first[..len].copy_from_slice(&value[..len]);
            u64::from_be_bytes(first)
        };
        let valid = |row: &usize| self.nulls.is_none_or(|nulls| nulls.is_valid(*row));
        let mut keyed: Vec<_> = (0..self.row_count).filter(valid).map(|row| (prefix(row), row as u32)).collect();
        let compare = |a: &(u64, u32), b: &(u64, u32)| {
            a.0.cmp(&b.0).then_with(|| values.bytes_at(a.1 as usize).cmp(values.bytes_at(b.1 as usize)))
        };
        let turned = |order: Ordering| if self.direction.descending { order.reverse() } else { order };
        keyed.sort_unstable_by(|a, b| turned(compare(a, b)).then(a.1.cmp(&b.1)));
        let differs = (0..keyed.len()).map(|at| at == 0 || compare(&keyed[at], &keyed[at - 1]).is_ne()).collect();
        let sorted = (keyed.into_iter().map(|(_, row)| row).collect(), differs);
        self.joined(sorted, vec![], self.null_rows())
    }

    fn null_rows(self) -> Vec<u32> {
        let null = |row: &usize| self.nulls.is_some_and(|nulls| nulls.is_null(*row));
        (0..self.row_count).filter(null).map(|row| row as u32).collect()
    }

    /// Sorts by a comparison that is already in the order asked for.
    fn compared(self, compare: impl Fn(usize, usize) -> Option<Ordering>) -> Sorted {
        let valid = |row: &usize| self.nulls.is_none_or(|nulls| nulls.is_valid(*row));
        let mut rows: Vec<u32> = (0..self.row_count).filter(valid).map(|row| row as u32).collect();
        let compare = |a: u32, b: u32| compare(a as usize, b as usize).unwrap_or(Ordering::Equal);
        rows.sort_by(|&a, &b| compare(a, b));
        let differs = (0..rows.len()).map(|at| at == 0 || compare(rows[at], rows[at - 1]).is_ne()).collect();
        self.joined((rows, differs), vec![], self.null_rows())
    }

    /// Sorts lists: by their first values, then their second, …; of two that begin alike the shorter is less.
    fn offsets<O: OffsetSizeTrait>(self, offsets: &[O], values: &ArrayRef) -> Result<Sorted> {
        let ranks = ranks(values, self.direction)?;
        let part = |row: usize| &ranks[offsets[row].as_usize()..offsets[row + 1].as_usize()];
        Ok(self.compared(|a, b| {
            let (a, b) = (part(a), part(b));
            let shared = a.iter().zip(b).map(|(a, b)| a.cmp(b)).find(|order| order.is_ne());
            let shorter = a.len().cmp(&b.len());
            Some(shared.unwrap_or_else(|| if self.direction.descending { shorter.reverse() } else { shorter }))
        }))
    }

    fn through(self, array: &ArrayRef, list: DataType) -> Result<Sorted> {
        sort(&arrow_cast::cast(array, &list)?, self.direction)
    }
}

/// The bits of a float that is no NaN, as an integer in the same order.
fn ordered_bits(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}
