// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Every type in every shape, out through C structs and in again: equal values, nothing copied, nothing left behind.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails stops there")]

mod arrays;

use std::sync::{Arc, Mutex};

use arrow_array::{Array, ArrayRef};
use arrow_ffi::c::{ArrowArray, OwnedArray};
use arrow_ffi::export::{Aliasing, Exported, Live, export_array};
use arrow_ffi::guard::{Alone, Level};
use arrow_ffi::import::{Block, Customs, Hold, Imported, import_block};
use arrow_ffi::ownership::{Owners, Released};
use arrow_ffi::schema::{export_field, import_field};
use arrow_ffi::{Rejections, Shape};
use arrow_schema::Field;
use bowyer_core::{Memory, Result};

#[derive(Default)]
struct Log(Mutex<Vec<u64>>);

impl Released for Log {
    fn owner_released(&self, owner: u64) {
        self.0.lock().unwrap().push(owner);
    }

    fn foreign_released(&self, _array: OwnedArray) {}
}

struct Desk {
    log: Arc<Log>,
    owners: Arc<Owners>,
    memory: Memory,
    rejections: Rejections,
    live: Arc<Live>,
}

impl Desk {
    fn new() -> Self {
        let log = Arc::new(Log::default());
        let owners = Owners::new(log.clone());
        Self { log, owners, memory: Memory::unlimited(), rejections: Rejections::default(), live: Arc::default() }
    }

    fn import(
        &self,
        field: &Field,
        array: &ArrowArray,
        sizes: *const i64,
        level: Level,
        hold: Hold,
    ) -> Result<Imported> {
        let shape = Shape::of_field(field);
        let block = Block { arrays: array, array_count: 1, sizes, owner: 42 };
        let customs =
            Customs { owners: &self.owners, memory: &self.memory, rejections: &self.rejections, crew: &Alone };
        // SAFETY: the structs are our own export, alive in the caller.
        unsafe { import_block(&block, &[&shape], level, hold, customs) }
    }

    fn export(&self, array: &ArrayRef) -> Exported {
        export_array(array, Aliasing::Never, &self.live)
    }
}

fn field_of(array: &ArrayRef) -> Field {
    Field::new("column", array.data_type().clone(), true)
}

fn cases() -> impl Iterator<Item = (String, ArrayRef)> {
    arrays::all().into_iter().flat_map(|(name, array)| {
        arrays::shapes(&array).into_iter().map(move |(shape, array)| (format!("{name}, {shape}"), array))
    })
}

#[test]
fn types_survive_the_schema() {
    for (name, array) in arrays::all() {
        let field = field_of(&array);
        let exported = export_field(&field).unwrap();
        // SAFETY: our own export.
        let imported = unsafe { import_field(exported.as_raw(), &Rejections::default()) }.unwrap();
        assert_eq!(imported, field, "{name}");
    }
}

#[test]
fn values_survive_with_and_without_sizes() {
    let desk = Desk::new();
    for (name, array) in cases() {
        let exported = desk.export(&array);
        let sizes = exported.sizes().to_vec();
        let handed_out = exported.into_array();
        for (how, sizes) in [("sizes", sizes.as_ptr()), ("no sizes", std::ptr::null())] {
            for level in [Level::Headers, Level::Bounds, Level::Full] {
                let imported = desk
                    .import(&field_of(&array), handed_out.as_raw(), sizes, level, Hold::Call)
                    .unwrap_or_else(|error| panic!("{name}, {how}, {level:?}: {error}"));
                let [got] = &imported.arrays[..] else { panic!("one array") };
                assert_eq!(got.to_data(), array.to_data(), "{name}, {how}");
                got.to_data().validate_full().unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(imported.bytes_copied, 0, "{name}, {how}");
                let Imported { arrays, borrow, .. } = imported;
                drop(arrays);
                assert!(!borrow.end_call(), "{name}: nothing keeps the block");
            }
        }
    }
    assert_eq!((desk.live.array_count(), desk.live.byte_len(), desk.owners.live_count()), (0, 0, 0));
    assert!(desk.log.0.lock().unwrap().is_empty(), "calls that keep nothing send no event");
}

#[test]
fn what_only_passes_through_is_aliased_whole() {
    let desk = Desk::new();
    for (name, array) in cases() {
        let exported = desk.export(&array);
        let sizes = exported.sizes().to_vec();
        let source = exported.into_array();
        let imported =
            desk.import(&field_of(&array), source.as_raw(), sizes.as_ptr(), Level::Bounds, Hold::Call).unwrap();
        let Imported { arrays, borrow, .. } = imported;
        let echoed = export_array(&arrays[0], Aliasing::Call(&borrow), &desk.live);
        // A view array's table of sizes is always made anew.
        let views = name.contains("view") && !name.contains("list");
        if !views && !name.contains("struct of") {
            assert_eq!(echoed.byte_len(), 0, "{name}: every byte lies in the block");
        }
        for alias in echoed.aliases() {
            assert_eq!(alias.owner, 42);
            assert_eq!(alias.byte_len, echoed.sizes()[alias.target_buffer as usize], "{name}");
            let whole = sizes[alias.source_buffer as usize];
            assert!(alias.offset >= 0 && alias.offset + alias.byte_len <= whole, "{name}: {alias:?} of {whole}");
        }
        drop(arrays);
        assert!(!borrow.end_call(), "{name}: aliases do not keep the block");
        let echo_sizes = echoed.sizes().to_vec();
        let echoed = echoed.into_array();
        let again =
            desk.import(&field_of(&array), echoed.as_raw(), echo_sizes.as_ptr(), Level::Full, Hold::Call).unwrap();
        assert_eq!(again.arrays[0].to_data(), array.to_data(), "{name}");
        drop(again.arrays);
        assert!(!again.borrow.end_call());
    }
}

#[test]
fn what_is_kept_is_found_by_address_and_told_of_once() {
    let desk = Desk::new();
    let array: ArrayRef = Arc::new((0..1000).collect::<arrow_array::Int64Array>());
    let source = desk.export(&array).into_array();
    let imported =
        desk.import(&field_of(&array), source.as_raw(), std::ptr::null(), Level::Bounds, Hold::Keep).unwrap();
    let Imported { arrays, borrow, .. } = imported;
    assert!(borrow.end_call(), "the arrays still hold the block");
    let kept = arrays[0].slice(100, 10);
    drop(arrays);
    let exported = export_array(&kept, Aliasing::Kept(&desk.owners), &desk.live);
    drop(kept);
    assert_eq!(exported.aliases()[0].offset, 800);
    assert!(desk.log.0.lock().unwrap().is_empty(), "the result holds the owner");
    drop(exported.into_array());
    assert_eq!(*desk.log.0.lock().unwrap(), [42]);
    assert_eq!(desk.owners.live_count(), 0);
    assert!(desk.owners.locate(array.to_data().buffers()[0].as_ptr().addr(), 8).is_none());
}

/// Copies every buffer to an address that is 8 bytes off 64, or one off everything.
fn shifted(array: &OwnedArray, by: usize, sizes: &[i64]) -> (ArrowArray, Vec<Box<dyn std::any::Any>>) {
    fn node(
        raw: &ArrowArray,
        by: usize,
        sizes: &mut std::slice::Iter<'_, i64>,
        keep: &mut Vec<Box<dyn std::any::Any>>,
    ) -> ArrowArray {
        let mut pointers = Vec::new();
        for index in 0..raw.n_buffers as usize {
            let size = *sizes.next().unwrap() as usize;
            // SAFETY: our own export, with its own sizes.
            let pointer = unsafe { *raw.buffers.add(index) };
            if pointer.is_null() {
                pointers.push(pointer);
                continue;
            }
            let mut copy = vec![0_u128; (size + by).div_ceil(16) + 8];
            let start = copy.as_mut_ptr().cast::<u8>();
            // SAFETY: the copy has room behind its first 64-byte boundary.
            unsafe {
                let start = start.add(start.align_offset(64) + by);
                std::ptr::copy_nonoverlapping(pointer.cast::<u8>(), start, size);
                pointers.push(start.cast_const().cast());
            }
            keep.push(Box::new(copy));
        }
        let mut child = |pointer: *mut ArrowArray| {
            // SAFETY: our own export.
            let child = node(unsafe { &*pointer }, by, sizes, keep);
            Box::into_raw(Box::new(child))
        };
        // SAFETY: our own export.
        let mut children: Vec<_> =
            (0..raw.n_children as usize).map(|at| child(unsafe { *raw.children.add(at) })).collect();
        let dictionary = if raw.dictionary.is_null() { std::ptr::null_mut() } else { child(raw.dictionary) };
        let out = ArrowArray {
            buffers: pointers.as_mut_ptr(),
            children: children.as_mut_ptr(),
            dictionary,
            private_data: std::ptr::null_mut(),
            ..*raw
        };
        keep.push(Box::new((pointers, children)));
        out
    }
    let mut keep = Vec::new();
    let out = node(array.as_raw(), by, &mut sizes.iter(), &mut keep);
    (out, keep)
}

#[test]
fn misaligned_buffers_are_copied_and_counted() {
    let desk = Desk::new();
    for (name, array) in cases() {
        let exported = desk.export(&array);
        let sizes = exported.sizes().to_vec();
        let source = exported.into_array();
        for by in [8, 1] {
            let (raw, _keep) = shifted(&source, by, &sizes);
            let imported = desk.import(&field_of(&array), &raw, sizes.as_ptr(), Level::Full, Hold::Call).unwrap();
            assert_eq!(imported.arrays[0].to_data(), array.to_data(), "{name}, off by {by}");
            if by == 8 && matches!(array.data_type(), arrow_schema::DataType::Int64) {
                assert_eq!(imported.bytes_copied, 0, "{name}: eight bytes are enough");
            }
            if !array.is_empty() && name.starts_with("decimal128") {
                assert_eq!(imported.bytes_copied, 16 * array.len() as u64, "{name}, off by {by}");
            }
            drop(imported.arrays);
            assert!(!imported.borrow.end_call());
        }
    }
    assert_eq!(desk.memory.used_bytes(), 0);
}
