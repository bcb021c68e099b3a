// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The structs themselves: offsets of slices, buffers without bytes, children moved out, what is counted as alive.

use arrow_array::{BooleanArray, Int64Array, StringArray, StructArray};
use arrow_buffer::Buffer;
use arrow_schema::{DataType, Field, Fields};

use super::*;
use crate::c::ArrowArray;

fn export(array: &dyn Array) -> (Exported, Arc<Live>) {
    let live = Arc::default();
    (export_array(array, Aliasing::Never, &live), live)
}

fn buffer(raw: &ArrowArray, which: usize) -> usize {
    // SAFETY: an export's own list.
    unsafe { *raw.buffers.add(which) }.addr()
}

#[test]
fn a_slice_begins_at_its_bits() {
    let numbers: Int64Array = (0..30).map(|row| (row % 3 != 0).then_some(row)).collect();
    for first in [0, 5, 8, 13, 16] {
        let slice = numbers.slice(first, 10);
        let (exported, _) = export(&slice);
        let raw = exported.array.as_raw();
        let offset = raw.offset as usize;
        assert_eq!(raw.length, 10);
        assert_eq!(offset % 8, first % 8, "the bits of row {first} begin inside a byte");
        assert_eq!(buffer(raw, 1) + offset * 8, slice.values().as_ptr().addr(), "row {first}");
    }
}

#[test]
fn a_slice_without_nulls_needs_no_offset() {
    let (exported, _) = export(&Int64Array::from_iter_values(0..30).slice(5, 10));
    assert_eq!((exported.array.as_raw().offset, exported.sizes()), (0, &[0, 80][..]));
    let bits: BooleanArray = (0..30).map(|row| Some(row % 2 == 0)).collect();
    let (exported, _) = export(&bits.slice(13, 10));
    assert_eq!(exported.array.as_raw().offset % 8, 5);
}

#[test]
fn empty_buffers_have_an_address_and_absent_ones_none() {
    for array in [&StringArray::new_null(0) as &dyn Array, &StringArray::from(vec!["", ""])] {
        let (exported, _) = export(array);
        let raw = exported.array.as_raw();
        assert_eq!((raw.n_buffers, buffer(raw, 0)), (3, 0));
        assert!(buffer(raw, 1) != 0 && buffer(raw, 2) != 0);
        assert!(exported.sizes()[1] >= 4, "one offset is there");
    }
}

#[test]
fn a_child_that_was_moved_out_keeps_the_tree() {
    let values = Buffer::from_vec(vec![1_i64, 2, 3]);
    let fields = Fields::from(vec![Field::new("a", DataType::Int64, true)]);
    let column = Arc::new(Int64Array::new(values.clone().into(), None));
    let (exported, live) = export(&StructArray::new(fields, vec![column], None));
    assert_eq!((live.array_count(), live.byte_len(), exported.byte_len()), (1, 24, 24));
    let root = exported.into_array();
    // SAFETY: moved as the specification says: the struct is copied and its source marked released.
    let child = unsafe {
        let source = *root.as_raw().children;
        let mut child = OwnedArray::default();
        std::ptr::swap(child.as_raw_mut(), source);
        child
    };
    drop(root);
    assert_eq!(live.array_count(), 1, "the child holds it");
    assert_eq!(buffer(child.as_raw(), 1), values.as_ptr().addr(), "nothing was copied");
    drop(child);
    assert_eq!((live.array_count(), live.byte_len()), (0, 0));
    assert_eq!(values.strong_count(), 1);
}
