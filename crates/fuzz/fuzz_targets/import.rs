// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Structs of the C Data Interface whose numbers and bytes the fuzzer writes. What the guard takes must hold what its type promises;
//! every buffer is an allocation of exactly its bytes, so that AddressSanitizer sees a read behind it.

#![no_main]

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use arrow_array::Array as _;
use arrow_ffi::c::{ArrowArray, OwnedArray};
use arrow_ffi::guard::{Alone, Level};
use arrow_ffi::import::{Block, Customs, Hold, import_block};
use arrow_ffi::ownership::{Owners, Released};
use arrow_ffi::{Rejections, Shape};
use arrow_schema::{DataType, Field};
use bowyer_core::Memory;
use libfuzzer_sys::fuzz_target;

struct Nobody;

impl Released for Nobody {
    fn owner_released(&self, _: u64) {}

    fn foreign_released(&self, _: OwnedArray) {}
}

unsafe extern "C" fn release(array: *mut ArrowArray) {
    // SAFETY: called with a struct of `Structs`, which outlives the call.
    unsafe { (*array).release = None };
}

/// What the structs lead to.
#[derive(Default)]
struct Structs {
    #[expect(clippy::vec_box, reason = "structs lead to each other by address")]
    arrays: Vec<Box<ArrowArray>>,
    lists: Vec<Vec<*mut ArrowArray>>,
    pointers: Vec<Vec<*const c_void>>,
    bytes: Vec<Box<[u8]>>,
    sizes: Vec<i64>,
}

impl Structs {
    fn add(&mut self, u: &mut Unstructured<'_>, data_type: &DataType, rows: i64) -> Result<*mut ArrowArray> {
        let mut array = Box::new(ArrowArray::empty());
        array.release = Some(release);
        array.length = number(u, rows)?;
        array.offset = number(u, 0)?;
        array.null_count = number(u, 0)?;
        let layout = arrow_data::layout(data_type);
        let mut count = layout.buffers.len() + usize::from(layout.can_contain_null_mask);
        if layout.variadic {
            count += u.int_in_range(1..=3)?;
        }
        if u.ratio(1, 16)? {
            count = u.int_in_range(0..=5)?;
        }
        let mut pointers = Vec::new();
        for _ in 0..count {
            let (pointer, size) = self.buffer(u)?;
            pointers.push(pointer);
            self.sizes.push(size);
        }
        array.n_buffers = count as i64;
        array.buffers = pointers.as_mut_ptr();
        self.pointers.push(pointers);
        let mut children = Vec::new();
        let child_rows = u.int_in_range(0..=8)?;
        match data_type {
            DataType::List(item) => children.push(self.add(u, item.data_type(), child_rows)?),
            DataType::Struct(fields) => {
                for field in fields {
                    children.push(self.add(u, field.data_type(), rows)?);
                }
            }
            DataType::Dictionary(_, values) => array.dictionary = self.add(u, values, child_rows)?,
            _ => {}
        }
        array.n_children = if u.ratio(1, 16)? { u.arbitrary()? } else { children.len() as i64 };
        array.children = children.as_mut_ptr();
        self.lists.push(children);
        self.arrays.push(array);
        Ok(self.arrays.last_mut().map_or(ptr::null_mut(), |array| &raw mut **array))
    }

    fn buffer(&mut self, u: &mut Unstructured<'_>) -> Result<(*const c_void, i64)> {
        if u.ratio(1, 6)? {
            return Ok((ptr::null(), 0));
        }
        let bytes: Box<[u8]> = if u.arbitrary()? {
            // Offsets and indices that rise, so that a few arrays come through.
            let step = u.int_in_range(0..=3)?;
            (0..9_i32).flat_map(|at| (at * step).to_le_bytes()).collect()
        } else {
            let byte_len = u.int_in_range(0..=64)?;
            u.bytes(byte_len.min(u.len()))?.into()
        };
        let found = (bytes.as_ptr().cast(), bytes.len() as i64);
        self.bytes.push(bytes);
        Ok(found)
    }
}

fn number(u: &mut Unstructured<'_>, usual: i64) -> Result<i64> {
    Ok(match u.int_in_range(0..=15)? {
        0 => u.arbitrary()?,
        1 => u.int_in_range(-2..=9)?,
        _ => usual,
    })
}

fn attempt(u: &mut Unstructured<'_>) -> Result<()> {
    let data_type = bowyer_fuzz::data_type(u, 2)?;
    let level = [Level::Headers, Level::Bounds, Level::Full][u.int_in_range(1..=2)?];
    let rows = u.int_in_range(0..=8)?;
    let mut structs = Structs::default();
    // The tree is written down in preorder of its buffers: a parent's before its children's.
    let array = structs.add(u, &data_type, rows)?;
    structs.sizes.resize(structs.sizes.len() + 16, 0);
    let shape = Shape::of_field(&Field::new("c", data_type, true));
    let (rejections, memory) = (Rejections::default(), Memory::unlimited());
    let owners = Owners::new(Arc::new(Nobody));
    let block = Block { arrays: array, array_count: 1, sizes: structs.sizes.as_ptr(), owner: 1 };
    let customs = Customs { owners: &owners, memory: &memory, rejections: &rejections, crew: &Alone };
    // SAFETY: pointers lead where their sizes say or are null; the table has an entry for each buffer; all outlive the arrays.
    if let Ok(imported) = unsafe { import_block(&block, &[&shape], level, Hold::Call, customs) } {
        let data = imported.arrays[0].to_data();
        match data.validate_full() {
            Err(error) if error.to_string().contains("non-nullable") => {}
            Err(error) if level < Level::Full && error.to_string().contains("precision") => {}
            Err(error) => panic!("taken, but arrow-rs says: {error}"),
            Ok(()) => assert_eq!(data.nulls().map_or(0, |nulls| nulls.null_count()), imported.arrays[0].null_count()),
        }
        assert!(data.len() > 4096 || data == imported.arrays[0].slice(0, data.len()).to_data());
        drop((data, imported.arrays));
        assert!(!imported.borrow.end_call(), "something still holds the block");
    }
    assert_eq!((owners.live_count(), memory.used_bytes()), (0, 0), "something is left");
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    let _ = attempt(&mut Unstructured::new(bytes));
});
