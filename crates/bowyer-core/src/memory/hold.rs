// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Charges that live as long as buffers do: for arrays that other crates made and that end up in results.
//!
//! Memory of an [`Allocation`](super::Allocation) pays for itself. What arrow's own kernels allocate does not know of
//! budgets, so its buffers are wrapped: the last reference to any of them gives the charge back.

use std::ptr::NonNull;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, make_array};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow_data::ArrayData;

use super::{Charge, Memory};
use crate::Result;

/// The same batch, whose buffers keep `charge` until the last reference to any of them is dropped.
#[must_use]
pub fn hold_batch(batch: &RecordBatch, charge: Charge) -> RecordBatch {
    let charge = Arc::new(charge);
    let columns: Vec<ArrayRef> = batch.columns().iter().map(|column| hold(column, &charge)).collect();
    let row_count = batch.num_rows();
    // SAFETY: the columns are those of the batch but for who owns their buffers.
    unsafe { RecordBatch::new_unchecked(batch.schema(), columns, row_count) }
}

/// The same batch in memory of the pool: for batches of other code that are kept for a while, whose own memory can go.
///
/// # Errors
/// `MemoryLimit` when a budget would go past its limit.
pub fn pooled_batch(batch: RecordBatch, memory: &Memory) -> Result<RecordBatch> {
    let (schema, columns, row_count) = batch.into_parts();
    let columns = columns.into_iter().map(|column| Ok(make_array(pooled(column.into_data(), memory)?)));
    let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
    // SAFETY: the columns are those of the batch but for where their bytes are.
    Ok(unsafe { RecordBatch::new_unchecked(schema, columns, row_count) })
}

fn pooled(data: ArrayData, memory: &Memory) -> Result<ArrayData> {
    let (data_type, len, nulls, offset, buffers, children) = data.into_parts();
    let copied = |buffer: Buffer| -> Result<Buffer> {
        if buffer.is_empty() {
            return Ok(buffer);
        }
        let mut allocation = memory.allocate(buffer.len())?;
        allocation.copy_from_slice(&buffer);
        Ok(allocation.into_buffer())
    };
    let nulls = nulls.map(|nulls| -> Result<NullBuffer> {
        let (bits, null_count) = (nulls.inner(), nulls.null_count());
        let bits = BooleanBuffer::new(copied(bits.inner().clone())?, bits.offset(), bits.len());
        // SAFETY: the same bits, and so the same count.
        Ok(unsafe { NullBuffer::new_unchecked(bits, null_count) })
    });
    let builder = ArrayData::builder(data_type).len(len).offset(offset).nulls(nulls.transpose()?);
    let buffers: Vec<Buffer> = buffers.into_iter().map(copied).collect::<Result<_>>()?;
    let children = children.into_iter().map(|child| pooled(child, memory)).collect::<Result<_>>()?;
    // SAFETY: the parts are those of a valid array but for where their bytes are, which is aligned to all types.
    Ok(unsafe { builder.buffers(buffers).child_data(children).build_unchecked() })
}

/// The same array, charged to `memory` for its buffers until the last reference to any of them is dropped. For arrays
/// whose memory is not an [`Allocation`](super::Allocation)'s already.
///
/// # Errors
/// `MemoryLimit` when a budget would go past its limit.
pub fn charged(array: &ArrayRef, memory: &Memory) -> Result<ArrayRef> {
    let charge = memory.charge(array.get_buffer_memory_size())?;
    Ok(hold(array, &Arc::new(charge)))
}

fn hold(array: &ArrayRef, charge: &Arc<Charge>) -> ArrayRef {
    make_array(hold_data(&array.to_data(), charge))
}

fn hold_data(data: &ArrayData, charge: &Arc<Charge>) -> ArrayData {
    let nulls = data.nulls().map(|nulls| {
        let bits = BooleanBuffer::new(hold_buffer(nulls.buffer(), charge), nulls.offset(), nulls.len());
        // SAFETY: the same bits, and so the same count.
        unsafe { NullBuffer::new_unchecked(bits, nulls.null_count()) }
    });
    let builder = ArrayData::builder(data.data_type().clone())
        .len(data.len())
        .offset(data.offset())
        .nulls(nulls)
        .buffers(data.buffers().iter().map(|buffer| hold_buffer(buffer, charge)).collect())
        .child_data(data.child_data().iter().map(|child| hold_data(child, charge)).collect());
    // SAFETY: the parts are those of a valid array but for who owns their bytes.
    unsafe { builder.build_unchecked() }
}

/// The same bytes with an owner that keeps the charge too.
fn hold_buffer(buffer: &Buffer, charge: &Arc<Charge>) -> Buffer {
    if buffer.is_empty() {
        return buffer.clone();
    }
    let (start, len) = (NonNull::from(buffer.as_slice()).cast(), buffer.len());
    // SAFETY: the bytes are those of `buffer`, which the new owner keeps; nothing writes to them while it is shared.
    unsafe { Buffer::from_custom_allocation(start, len, Arc::new((buffer.clone(), charge.clone()))) }
}

#[cfg(test)]
mod tests {
    use arrow_array::builder::{ListBuilder, StringViewBuilder};
    use arrow_array::{BooleanArray, StringArray};

    use super::*;

    #[test]
    fn a_charge_goes_with_the_last_buffer() {
        let mut lists = ListBuilder::new(StringViewBuilder::new());
        for text in ["a", "a text that is longer than twelve bytes", ""] {
            lists.values().append_value(text);
            lists.append(!text.is_empty());
        }
        let lists: ArrayRef = Arc::new(lists.finish());
        let text: ArrayRef = Arc::new(StringArray::from(vec![Some("x"), None, Some("yz")]));
        let truth: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]));
        let memory = Memory::unlimited();
        for array in [lists.slice(1, 2), lists, text.slice(1, 2), text, truth] {
            let held = charged(&array, &memory).unwrap();
            held.to_data().validate_full().unwrap();
            assert_eq!(&held, &array);
            assert!(memory.used_bytes() > 0);
            let part = held.slice(1, 1);
            drop(held);
            assert!(memory.used_bytes() > 0, "a slice keeps the buffer");
            drop(part);
            assert_eq!(memory.used_bytes(), 0);
        }
    }

    #[test]
    fn a_pooled_batch_is_the_same_in_other_memory() {
        let mut lists = ListBuilder::new(StringViewBuilder::new());
        for text in ["a", "a text that is longer than twelve bytes", ""] {
            lists.values().append_value(text);
            lists.append(!text.is_empty());
        }
        let text: ArrayRef = Arc::new(StringArray::from(vec![Some("x"), None, Some("yz")]));
        let columns = [("l", Arc::new(lists.finish()) as ArrayRef), ("t", text)];
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap();
        let memory = Memory::unlimited();
        let batch = batch.slice(1, 2);
        let pooled = pooled_batch(batch.clone(), &memory).unwrap();
        pooled.columns().iter().for_each(|column| column.to_data().validate_full().unwrap());
        assert_eq!(pooled, batch);
        assert!(memory.used_bytes() > 0);
        drop(pooled);
        assert_eq!(memory.used_bytes(), 0);
        assert!(pooled_batch(batch, &memory.with_limit(Some(64), "query")).is_err());
    }

    #[test]
    fn a_batch_keeps_one_charge() {
        let batch = RecordBatch::try_from_iter([("t", Arc::new(StringArray::from(vec!["a", "b"])) as _)]).unwrap();
        let memory = Memory::unlimited();
        let held = hold_batch(&batch, memory.charge(100).unwrap());
        assert_eq!(held, batch);
        let column = held.column(0).clone();
        drop(held);
        assert_eq!(memory.used_bytes(), 100);
        drop(column);
        assert_eq!(memory.used_bytes(), 0);
    }
}
