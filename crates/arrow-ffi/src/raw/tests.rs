// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The walk's own limits: counts that go beyond the shape's, sizes that are derived or refused, addresses that lead nowhere.

use std::ptr;

use arrow_schema::{DataType, Field};

use super::*;

unsafe extern "C" fn nothing(_array: *mut ArrowArray) {}

fn raw(length: i64, buffers: &mut [*const c_void]) -> ArrowArray {
    ArrowArray {
        length,
        n_buffers: buffers.len() as i64,
        buffers: buffers.as_mut_ptr(),
        release: Some(nothing),
        ..ArrowArray::empty()
    }
}

fn walk(array: *const ArrowArray, sizes: Option<&[i64]>, data_type: DataType) -> Result<Vec<usize>, Case> {
    let shape = Shape::of_field(&Field::new("column", data_type, true));
    // SAFETY: the tests give an entry for each buffer, and pointers that lead where they say.
    let mut walk = unsafe { Walk::new(sizes.map_or(ptr::null(), <[i64]>::as_ptr)) };
    // SAFETY: as above.
    unsafe { walk.array(array, &shape) }.map_err(|rejection| rejection.case)?;
    let flat = walk.finish();
    assert_eq!(flat.nodes.len(), shape.nodes().len());
    Ok(flat.buffers.iter().map(|buffer| buffer.len()).collect())
}

#[test]
fn an_array_is_somewhere_and_aligned() {
    let values = [0_i64; 2];
    let array = [raw(2, &mut [ptr::null(), values.as_ptr().cast()])];
    assert_eq!(walk(ptr::null(), None, DataType::Int64), Err(Case::NullPointer));
    let askew = array.as_ptr().cast::<u8>().wrapping_add(1).cast();
    assert_eq!(walk(askew, None, DataType::Int64), Err(Case::NullPointer));
}

#[test]
fn sizes_are_the_producers_or_what_the_rows_need() {
    let values = [0_i64; 4];
    let mut buffers = [ptr::null(), values.as_ptr().cast()];
    let array = raw(3, &mut buffers);
    assert_eq!(walk(&raw const array, Some(&[0, 32]), DataType::Int64), Ok(vec![0, 32]));
    assert_eq!(walk(&raw const array, Some(&[0, -1]), DataType::Int64), Ok(vec![0, 24]));
    assert_eq!(walk(&raw const array, None, DataType::Int64), Ok(vec![0, 24]));
    assert_eq!(walk(&raw const array, Some(&[9, 32]), DataType::Int64), Ok(vec![0, 32]), "what is absent has no bytes");
    assert_eq!(walk(&raw const array, Some(&[0, -2]), DataType::Int64), Err(Case::Negative));
}

#[test]
fn text_without_sizes_ends_where_its_offsets_say() {
    let (offsets, values) = ([0_i32, 2, 5], *b"abcdefgh");
    let mut buffers = [ptr::null(), offsets.as_ptr().cast(), values.as_ptr().cast()];
    let array = raw(2, &mut buffers);
    assert_eq!(walk(&raw const array, None, DataType::Utf8), Ok(vec![0, 12, 5]));
    let array = ArrowArray { length: 1, ..array };
    assert_eq!(walk(&raw const array, None, DataType::Utf8), Ok(vec![0, 8, 2]));
}

#[test]
fn rows_are_counted_in_63_bits() {
    let values = [0_i64; 1];
    let mut buffers = [ptr::null(), values.as_ptr().cast()];
    let sized = |length, offset, buffers: &mut [*const c_void]| {
        let array = ArrowArray { offset, ..raw(length, buffers) };
        walk(&raw const array, Some(&[0, 8]), DataType::Int64).err()
    };
    assert_eq!(sized(ROW_LIMIT, ROW_LIMIT, &mut buffers), None, "the guard compares it with the size");
    assert_eq!(sized(ROW_LIMIT + 1, 0, &mut buffers), Some(Case::SizeOverflow));
    assert_eq!(sized(0, ROW_LIMIT + 1, &mut buffers), Some(Case::SizeOverflow));
    assert_eq!(sized(i64::MIN, 0, &mut buffers), Some(Case::Negative));
}

#[test]
fn lists_are_as_long_as_the_type_and_there() {
    let values = [0_i64; 1];
    let mut buffers = [ptr::null(), values.as_ptr().cast(), ptr::null()];
    let mut array = raw(1, &mut buffers);
    assert_eq!(walk(&raw const array, None, DataType::Int64), Err(Case::BufferCount));
    array.n_buffers = 2;
    assert_eq!(walk(&raw const array, None, DataType::Int64), Ok(vec![0, 8]));
    array.n_buffers = i64::MAX;
    assert_eq!(
        walk(&raw const array, None, DataType::Utf8View),
        Err(Case::BufferCount),
        "view arrays have a limit too"
    );
    array.n_buffers = 2;
    array.n_children = 1;
    assert_eq!(walk(&raw const array, None, DataType::Int64), Err(Case::ChildCount));
    array.n_children = 0;
    array.buffers = ptr::null_mut();
    assert_eq!(walk(&raw const array, None, DataType::Int64), Err(Case::NullTable));
    let mut nowhere = [ptr::null(), ptr::null()];
    let array = raw(1, &mut nowhere);
    assert_eq!(walk(&raw const array, None, DataType::Int64), Err(Case::NullBuffer));
}
