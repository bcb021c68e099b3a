// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What imports make anew and what they refuse: numbers askew, views under nulls, counts of refusals, batches with nulls.

use std::ffi::c_void;
use std::ptr;
use std::sync::Mutex;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_schema::{DataType, Field, Fields};

use super::*;
use crate::guard::Alone;
use crate::ownership::Released;

#[derive(Default)]
struct Log(Mutex<Vec<u64>>);

impl Released for Log {
    fn owner_released(&self, owner: u64) {
        self.0.lock().unwrap().push(owner);
    }

    fn foreign_released(&self, array: OwnedArray) {
        drop(array);
    }
}

struct Desk {
    owners: Arc<Owners>,
    memory: Memory,
    rejections: Rejections,
}

impl Desk {
    fn new() -> Self {
        let owners = Owners::new(Arc::new(Log::default()));
        Self { owners, memory: Memory::unlimited(), rejections: Rejections::default() }
    }

    fn customs(&self) -> Customs<'_> {
        Customs { owners: &self.owners, memory: &self.memory, rejections: &self.rejections, crew: &Alone }
    }

    fn import(&self, raw: &ArrowArray, sizes: &[i64], data_type: DataType) -> Result<Imported> {
        let shape = Shape::of_field(&Field::new("column", data_type, true));
        let block = Block { arrays: raw, array_count: 1, sizes: sizes.as_ptr(), owner: 5 };
        // SAFETY: what the tests say of their pointers is true.
        unsafe { import_block(&block, &[&shape], Level::Bounds, Hold::Call, self.customs()) }
    }
}

unsafe extern "C" fn nothing(_array: *mut ArrowArray) {}

fn raw(length: i64, buffers: &mut [*const c_void]) -> ArrowArray {
    ArrowArray {
        length,
        null_count: -1,
        n_buffers: buffers.len() as i64,
        buffers: buffers.as_mut_ptr(),
        release: Some(nothing),
        ..ArrowArray::empty()
    }
}

#[test]
fn numbers_askew_are_copied_charged_and_counted() {
    let desk = Desk::new();
    let mut memory = [0_u64; 4];
    // SAFETY: within the array.
    let askew = unsafe { memory.as_mut_ptr().cast::<u8>().add(1) };
    for (row, value) in [7_i64, -8, 9].iter().enumerate() {
        // SAFETY: as above, 25 of 32 bytes.
        unsafe { askew.cast::<i64>().add(row).write_unaligned(*value) };
    }
    let imported = desk.import(&raw(3, &mut [ptr::null(), askew.cast()]), &[0, 24], DataType::Int64).unwrap();
    assert_eq!((imported.bytes_copied, imported.byte_len), (24, 24));
    assert_eq!(imported.arrays[0].as_primitive::<Int64Type>().values(), &[7, -8, 9]);
    assert!(desk.memory.used_bytes() >= 24);
    let arrays = imported.arrays;
    assert!(!imported.borrow.end_call(), "a copy keeps nothing");
    drop(arrays);
    assert_eq!(desk.memory.used_bytes(), 0);
}

#[test]
fn a_view_under_a_null_that_leads_nowhere_becomes_empty() {
    let desk = Desk::new();
    let views = [u128::MAX, 1 | u128::from(b'a') << 32];
    let (bits, lengths) = ([0b10_u8], [0_i64; 0]);
    let mut buffers = [bits.as_ptr().cast(), views.as_ptr().cast(), lengths.as_ptr().cast()];
    let imported = desk.import(&raw(2, &mut buffers), &[1, 32, 0], DataType::Utf8View).unwrap();
    let array = imported.arrays[0].as_string_view();
    assert_eq!((array.is_null(0), array.value(1), array.views()[0]), (true, "a", 0));
    assert_eq!(imported.bytes_copied, 32);
}

#[test]
fn refusals_are_counted_by_name_and_leave_nothing() {
    let desk = Desk::new();
    let values = [0_i64; 2];
    for (length, size) in [(3, 16), (4, 16), (-1, 16)] {
        let outcome =
            desk.import(&raw(length, &mut [ptr::null(), values.as_ptr().cast()]), &[0, size], DataType::Int64);
        assert!(outcome.is_err(), "{length} rows in {size} bytes");
    }
    let counts: Vec<_> = desk.rejections.nonzero().collect();
    assert_eq!(counts, [("negative", 1), ("buffer_size", 2)]);
    assert_eq!(desk.owners.live_count(), 0);
}

#[test]
fn a_foreign_batch_is_a_struct_without_nulls() {
    let desk = Desk::new();
    let fields = Fields::from(vec![Field::new("a", DataType::Null, true)]);
    let shape = Shape::of_field(&Field::new("", DataType::Struct(fields), true));
    let bits = [0b01_u8];
    let mut child = raw(2, &mut []);
    let mut children = [&raw mut child];
    let mut buffers = [bits.as_ptr().cast()];
    let mut array = OwnedArray::default();
    *array.as_raw_mut() = ArrowArray { n_children: 1, children: children.as_mut_ptr(), ..raw(2, &mut buffers) };
    // SAFETY: the pointers are true.
    let refused = unsafe { import_foreign(array, &shape, Level::Bounds, desk.customs()) }.unwrap_err();
    assert!(refused.message().starts_with("nullability (case 21): "), "{refused}");
    assert_eq!(desk.rejections.nonzero().collect::<Vec<_>>(), [("nullability", 1)]);
    assert_eq!(desk.owners.live_count(), 0);
}
