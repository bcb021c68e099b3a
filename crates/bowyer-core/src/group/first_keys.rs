// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The first key of each group, as arrays of the types that they came in.
//!
//! Each batch adds the rows that began a group. Dictionaries and runs are kept decoded, for batches have dictionaries
//! of their own, and are made anew when the keys are asked for.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ByteViewType, Int16Type, Int32Type, Int64Type, RunEndIndexType};
use arrow_array::{Array, ArrayRef, GenericByteViewArray, PrimitiveArray, RunArray, make_array, new_empty_array};
use arrow_buffer::{Buffer, NullBuffer};
use arrow_data::ArrayData;
use arrow_schema::DataType;

use super::GroupTable;
use crate::keys::column::decode;
use crate::keys::{KeyEquality, KeyOptions, NO_GROUP};
use crate::take::{Rows, concat, is_pooled, take};
use crate::{Charge, Error, Memory, Result};

/// Keys of groups, in order, in pieces.
#[derive(Debug)]
pub(super) struct FirstKeys {
    types: Vec<DataType>,
    /// For each piece its columns.
    pieces: Vec<Vec<ArrayRef>>,
    charge: Charge,
    memory: Memory,
    forgets: bool,
}

/// So many pieces are put together into one.
const MOST_PIECES: usize = 256;

impl FirstKeys {
    pub(super) fn new(types: &[DataType], memory: &Memory) -> Result<Self> {
        Ok(Self {
            types: types.to_vec(),
            pieces: Vec::new(),
            charge: memory.charge(0)?,
            memory: memory.clone(),
            forgets: false,
        })
    }

    pub(super) fn byte_len(&self) -> usize {
        let arrays = self.pieces.iter().flatten();
        arrays.map(|array| array.get_buffer_memory_size()).sum()
    }

    /// Keeps no keys from here on.
    pub(super) fn forget(&mut self) {
        self.forgets = true;
        self.clear();
    }

    /// Adds `rows` of `columns`.
    pub(super) fn add(&mut self, columns: &[ArrayRef], rows: &[u32]) -> Result<()> {
        if rows.is_empty() || columns.is_empty() || self.forgets {
            return Ok(());
        }
        let rows = Rows::new(rows, columns[0].len())?;
        let piece = columns.iter().map(|column| Ok(compact(take(&decode(column)?, rows, &self.memory)?)));
        self.pieces.push(piece.collect::<Result<_>>()?);
        if self.pieces.len() >= MOST_PIECES {
            self.join()?;
        }
        self.charge()
    }

    fn clear(&mut self) {
        self.pieces.clear();
        // Less is never refused.
        let _ = self.charge();
    }

    /// Charges what is not in pool memory, which is charged already.
    fn charge(&mut self) -> Result<()> {
        let unpooled = |array: &&ArrayRef| !is_pooled(array.data_type());
        let arrays = self.pieces.iter().flatten().filter(unpooled);
        self.charge.resize(arrays.map(|array| array.get_buffer_memory_size()).sum())
    }

    /// Puts pieces together from the back while they are of like size, so that each key is copied few times.
    fn join(&mut self) -> Result<()> {
        let mut first = self.pieces.len();
        let mut rows = 0;
        while first > 0 {
            let len = self.pieces[first - 1].first().map_or(0, |column| column.len());
            if rows > 0 && len > 2 * rows && self.pieces.len() - first > MOST_PIECES / 2 {
                break;
            }
            rows += len;
            first -= 1;
        }
        let joined = concat_pieces(&self.pieces[first..], &self.types, &self.memory)?;
        self.pieces.truncate(first);
        self.pieces.push(joined);
        Ok(())
    }

    /// The keys of all groups in the types that they came in.
    pub(super) fn arrays(&mut self) -> Result<Vec<ArrayRef>> {
        if self.pieces.len() != 1 {
            let joined = concat_pieces(&self.pieces, &self.types, &self.memory)?;
            self.pieces = vec![joined];
            self.charge()?;
        }
        self.pieces[0].iter().zip(&self.types).map(|(values, to)| encode(values, to, &self.memory)).collect()
    }
}

/// Views without the bytes of rows that began no group, where those are the most: they would stay as long as the keys.
fn compact(keys: ArrayRef) -> ArrayRef {
    fn is_loose<T: ByteViewType>(keys: &GenericByteViewArray<T>) -> bool {
        keys.data_buffers().iter().map(Buffer::len).sum::<usize>() > 2 * keys.total_buffer_bytes_used()
    }
    match keys.data_type() {
        DataType::Utf8View if is_loose(keys.as_string_view()) => Arc::new(keys.as_string_view().gc()),
        DataType::BinaryView if is_loose(keys.as_binary_view()) => Arc::new(keys.as_binary_view().gc()),
        _ => keys,
    }
}

fn decoded_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => decoded_type(values),
        DataType::RunEndEncoded(_, values) => decoded_type(values.data_type()),
        other => other,
    }
}

fn concat_pieces(pieces: &[Vec<ArrayRef>], types: &[DataType], memory: &Memory) -> Result<Vec<ArrayRef>> {
    let column = |(at, data_type): (usize, &DataType)| {
        let arrays: Vec<ArrayRef> = pieces.iter().map(|piece| piece[at].clone()).collect();
        match arrays[..] {
            [] => Ok(new_empty_array(decoded_type(data_type))),
            _ => concat(&arrays, memory),
        }
    };
    types.iter().enumerate().map(column).collect()
}

/// `values` in the form of `to`, which is their type or a dictionary or runs of it.
fn encode(values: &ArrayRef, to: &DataType, memory: &Memory) -> Result<ArrayRef> {
    match to {
        DataType::Dictionary(keys, value_type) => {
            encode_dictionary(&encode(values, value_type, memory)?, keys, to, memory)
        }
        DataType::RunEndEncoded(ends, value_field) => {
            let values = encode(values, value_field.data_type(), memory)?;
            match ends.data_type() {
                DataType::Int16 => runs_of_one::<Int16Type>(&values, to),
                DataType::Int32 => runs_of_one::<Int32Type>(&values, to),
                _ => runs_of_one::<Int64Type>(&values, to),
            }
        }
        _ => Ok(values.clone()),
    }
}

fn runs_of_one<R: RunEndIndexType>(values: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    use arrow_buffer::ArrowNativeType;
    let end = |end| R::Native::from_usize(end).ok_or_else(|| Error::limit_exceeded(format!("{end} rows in {to}")));
    let ends = (1..=values.len()).map(end).collect::<Result<Vec<_>>>()?;
    let ends = PrimitiveArray::<R>::new(ends.into(), None);
    let data = RunArray::try_new(&ends, values.as_ref())?.into_data();
    // The type that came in keeps its field names and metadata.
    Ok(make_array(data.into_builder().data_type(to.clone()).build()?))
}

fn encode_dictionary(values: &ArrayRef, keys: &DataType, to: &DataType, memory: &Memory) -> Result<ArrayRef> {
    let options =
        KeyOptions { equality: KeyEquality::Bits, null_keys: crate::keys::NullKeys::Reject, ..KeyOptions::default() };
    let mut table = GroupTable::new(std::slice::from_ref(values.data_type()), options, memory)?;
    let mut indices = Vec::new();
    table.insert(std::slice::from_ref(values), values.len(), &mut indices)?;
    let distinct = table.into_keys()?.swap_remove(0);
    let nulls = NullBuffer::from_iter(indices.iter().map(|&index| index != NO_GROUP));
    let nulls = (nulls.null_count() > 0).then_some(nulls);
    let buffer = dictionary_keys(&indices, keys).ok_or_else(|| {
        Error::limit_exceeded(format!("{} distinct values do not fit a dictionary of type {to}", distinct.len()))
    })?;
    let data = ArrayData::builder(to.clone())
        .len(indices.len())
        .nulls(nulls)
        .add_buffer(buffer)
        .add_child_data(distinct.to_data());
    Ok(make_array(data.build()?))
}

/// `indices` as natives of the dictionary's index type, a null as zero; `None` if one does not fit.
fn dictionary_keys(indices: &[u32], keys: &DataType) -> Option<Buffer> {
    use arrow_buffer::{ArrowNativeType, Buffer};
    fn cast<T: ArrowNativeType + TryFrom<u32>>(indices: &[u32]) -> Option<Buffer> {
        let cast = |&index: &u32| if index == NO_GROUP { Some(T::default()) } else { T::try_from(index).ok() };
        Some(Buffer::from_vec(indices.iter().map(cast).collect::<Option<Vec<T>>>()?))
    }
    match keys {
        DataType::Int8 => cast::<i8>(indices),
        DataType::Int16 => cast::<i16>(indices),
        DataType::Int32 => cast::<i32>(indices),
        DataType::Int64 => cast::<i64>(indices),
        DataType::UInt8 => cast::<u8>(indices),
        DataType::UInt16 => cast::<u16>(indices),
        DataType::UInt32 => cast::<u32>(indices),
        DataType::UInt64 => cast::<u64>(indices),
        _ => None,
    }
}
