// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Arrays that lie: each is refused under the name of what is wrong, counted, and leaves nothing behind.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test whose set-up fails stops there")]

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use arrow_ffi::c::{ArrowArray, ArrowSchema, OwnedArray};
use arrow_ffi::guard::{Alone, Level};
use arrow_ffi::import::{Block, Customs, Hold, import_block};
use arrow_ffi::ownership::{Owners, Released};
use arrow_ffi::schema::{export_field, import_field};
use arrow_ffi::{Case, Rejections, Shape};
use arrow_schema::{DataType, Field, Fields, UnionFields, UnionMode};
use bowyer_core::{Memory, Result};
use proptest::prelude::*;

struct Silence;

impl Released for Silence {
    fn owner_released(&self, owner: u64) {
        panic!("owner {owner} was kept");
    }

    fn foreign_released(&self, _array: OwnedArray) {}
}

unsafe extern "C" fn nothing(_array: *mut ArrowArray) {}

/// An array in the making, with its children.
#[derive(Clone, Default)]
struct Made {
    length: i64,
    offset: i64,
    null_count: i64,
    buffers: Vec<Option<Vec<u8>>>,
    sizes: Option<Vec<i64>>,
    children: Vec<Self>,
    dictionary: Option<Box<Self>>,
    released: bool,
}

impl Made {
    fn new(length: i64, buffers: Vec<Option<Vec<u8>>>) -> Self {
        Self { length, buffers, ..Self::default() }
    }

    fn child(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    fn list_sizes(&self, out: &mut Vec<i64>) {
        let own = self.buffers.iter().map(|buffer| buffer.as_ref().map_or(0, |bytes| bytes.len() as i64));
        match &self.sizes {
            Some(sizes) => out.extend(sizes),
            None => out.extend(own),
        }
        for child in self.children.iter().chain(self.dictionary.as_deref()) {
            child.list_sizes(out);
        }
    }

    /// Runs `body` with the C structs.
    fn with_raw<T>(&self, body: &mut dyn FnMut(&mut ArrowArray) -> T) -> T {
        fn build(made: &Made, keep: &mut Vec<Box<dyn std::any::Any>>) -> Box<ArrowArray> {
            let mut pointers: Vec<*const c_void> = Vec::new();
            for buffer in &made.buffers {
                let Some(bytes) = buffer else {
                    pointers.push(ptr::null());
                    continue;
                };
                let mut copy = vec![0_u128; bytes.len().div_ceil(16) + 1];
                // SAFETY: the copy is long enough.
                unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), copy.as_mut_ptr().cast(), bytes.len()) };
                pointers.push(copy.as_ptr().cast());
                keep.push(Box::new(copy));
            }
            let mut children: Vec<*mut ArrowArray> = Vec::new();
            for child in &made.children {
                let mut child = build(child, keep);
                children.push(&raw mut *child);
                keep.push(child);
            }
            let mut dictionary = ptr::null_mut();
            if let Some(values) = &made.dictionary {
                let mut values = build(values, keep);
                dictionary = &raw mut *values;
                keep.push(values);
            }
            let raw = ArrowArray {
                length: made.length,
                null_count: made.null_count,
                offset: made.offset,
                n_buffers: pointers.len() as i64,
                n_children: children.len() as i64,
                buffers: pointers.as_mut_ptr(),
                children: children.as_mut_ptr(),
                dictionary,
                release: (!made.released).then_some(nothing),
                private_data: ptr::null_mut(),
            };
            keep.push(Box::new((pointers, children)));
            Box::new(raw)
        }
        let mut keep = Vec::new();
        let mut raw = build(self, &mut keep);
        body(&mut raw)
    }
}

fn import_raw(field: &Field, raw: &ArrowArray, sizes: *const i64, level: Level) -> (Result<ArrayRef>, String) {
    let owners = Owners::new(Arc::new(Silence));
    let rejections = Rejections::default();
    let memory = Memory::unlimited();
    let shape = Shape::of_field(field);
    let block = Block { arrays: raw, array_count: 1, sizes, owner: 1 };
    let customs = Customs { owners: &owners, memory: &memory, rejections: &rejections, crew: &Alone };
    // SAFETY: what pointers say is true here; what numbers say may not be.
    let outcome = unsafe { import_block(&block, &[&shape], level, Hold::Call, customs) };
    let case = rejections.nonzero().map(|(case, _)| case).collect::<Vec<_>>().join(",");
    let outcome = outcome.map(|imported| {
        let array = imported.arrays[0].clone();
        let copy = arrow_data_copy(&array);
        drop((array, imported.arrays));
        assert!(!imported.borrow.end_call());
        copy
    });
    assert_eq!((owners.live_count(), memory.used_bytes()), (0, 0), "nothing is left behind");
    (outcome, case)
}

/// The values, apart from the block; also proves that arrow-rs finds nothing wrong.
fn arrow_data_copy(array: &ArrayRef) -> ArrayRef {
    array.to_data().validate_full().unwrap();
    arrow_array::new_null_array(array.data_type(), array.len())
}

fn import(field: &Field, made: &Made, level: Level) -> (Result<ArrayRef>, String) {
    let mut sizes = Vec::new();
    made.list_sizes(&mut sizes);
    made.with_raw(&mut |raw| import_raw(field, raw, sizes.as_ptr(), level))
}

#[track_caller]
fn refused(data_type: DataType, made: &Made, case: &str) {
    refused_at(data_type, made, case, Level::Bounds);
}

#[track_caller]
fn refused_at(data_type: DataType, made: &Made, case: &str, level: Level) {
    let (outcome, counted) = import(&Field::new("column", data_type, true), made, level);
    let error = outcome.expect_err(case);
    assert_eq!(counted, case, "{error}");
    let number = Case::ALL.iter().find(|known| known.name() == case).map(|known| known.number());
    let opening = format!("{case} (case {}): ", number.unwrap_or_default());
    assert!(error.message().starts_with(&opening), "{error} begins with {opening:?}");
    assert!(error.place().column.as_deref().is_some_and(|path| path.starts_with("column")), "{error}");
}

#[track_caller]
fn accepted(data_type: DataType, made: &Made, level: Level) {
    import(&Field::new("column", data_type, true), made, level).0.unwrap();
}

fn bytes32(values: &[i32]) -> Option<Vec<u8>> {
    Some(values.iter().flat_map(|value| value.to_ne_bytes()).collect())
}

fn bytes64(values: &[i64]) -> Option<Vec<u8>> {
    Some(values.iter().flat_map(|value| value.to_ne_bytes()).collect())
}

fn int64(length: i64) -> Made {
    Made::new(length, vec![None, Some(vec![0; 8 * length.max(0) as usize])])
}

fn text(offsets: &[i32], values: &str) -> Made {
    Made::new(offsets.len() as i64 - 1, vec![None, bytes32(offsets), Some(values.as_bytes().to_vec())])
}

fn item() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::Int64, true))
}

#[test]
fn structs_that_cannot_be_listed() {
    let int = DataType::Int64;
    refused(int.clone(), &Made { released: true, ..int64(1) }, "released");
    refused(int.clone(), &Made { length: -1, ..int64(1) }, "negative");
    refused(int.clone(), &Made { offset: -1, ..int64(1) }, "negative");
    refused(int.clone(), &Made { null_count: -2, ..int64(1) }, "negative");
    refused(int.clone(), &Made { length: i64::MAX, ..int64(1) }, "size_overflow");
    refused(int.clone(), &Made { offset: i64::MAX, ..int64(1) }, "size_overflow");
    refused(int.clone(), &Made { null_count: 3, ..int64(1) }, "null_count");
    refused(int.clone(), &Made { null_count: 1, ..int64(1) }, "null_count");
    refused(int.clone(), &Made::new(1, vec![None]), "buffer_count");
    refused(int.clone(), &Made::new(1, vec![None, Some(vec![0; 8]), None]), "buffer_count");
    refused(int.clone(), &Made::new(0, vec![]), "buffer_count");
    refused(int.clone(), &Made { sizes: Some(vec![0, 8]), ..Made::new(1, vec![None, None]) }, "null_buffer");
    refused(int.clone(), &Made::new(1, vec![None, None]), "buffer_size");
    refused(int.clone(), &int64(1).child(int64(1)), "child_count");
    refused(int.clone(), &Made { dictionary: Some(Box::new(int64(1))), ..int64(1) }, "dictionary");
    refused(DataType::Utf8View, &Made::new(1, vec![None, Some(vec![0; 16])]), "buffer_count");
    refused(DataType::List(item()), &Made::new(1, vec![None, bytes32(&[0, 0])]), "child_count");
    let keys = DataType::Dictionary(Box::new(DataType::Int64), Box::new(DataType::Int64));
    refused(keys, &int64(1), "dictionary");
    let made = Made { sizes: Some(vec![0, -5]), ..int64(1) };
    refused(int, &made, "negative");
}

#[test]
fn null_pointers_where_structs_should_be() {
    let field = Field::new("column", DataType::List(item()), true);
    let made = Made::new(1, vec![None, bytes32(&[0, 1])]).child(int64(1));
    let case = |damage: fn(&mut ArrowArray)| {
        made.with_raw(&mut |raw| {
            damage(raw);
            import_raw(&field, raw, ptr::null(), Level::Bounds).1
        })
    };
    assert_eq!(case(|_| {}), "");
    assert_eq!(case(|raw| raw.buffers = ptr::null_mut()), "null_table");
    assert_eq!(case(|raw| raw.children = ptr::null_mut()), "null_table");
    // SAFETY: `children` has one entry.
    assert_eq!(case(|raw| unsafe { *raw.children = ptr::null_mut() }), "null_pointer");
    assert_eq!(case(|raw| raw.n_children = i64::MAX), "child_count");
    assert_eq!(case(|raw| raw.n_buffers = i64::MAX), "buffer_count");
    // SAFETY: as above; a struct that is its own child has the wrong type.
    assert_eq!(case(|raw| unsafe { *raw.children = raw }), "child_count");
}

#[test]
fn null_counts_are_counted_and_not_believed() {
    let field = Field::new("column", DataType::Int64, true);
    for claimed in [-1, 0, 1, 3] {
        let mut made = int64(3);
        made.buffers[0] = Some(vec![0b101]);
        made.null_count = claimed;
        assert_eq!(import(&field, &made, Level::Bounds).0.unwrap().len(), 3);
    }
    let strict = Field::new("column", DataType::Int64, false);
    let mut made = int64(3);
    made.buffers[0] = Some(vec![0b101]);
    assert_eq!(import(&strict, &made, Level::Bounds).1, "nullability");
}

#[test]
fn offsets_and_text() {
    accepted(DataType::Utf8, &text(&[0, 4, 5], "grün"), Level::Bounds);
    refused(DataType::Utf8, &text(&[0, 3, 2], "abcdef"), "offsets");
    refused(DataType::Utf8, &text(&[-1, 3, 4], "abcdef"), "offsets");
    refused(DataType::Utf8, &text(&[0, 3, 7], "abcdef"), "offsets");
    refused(DataType::Binary, &text(&[0, i32::MAX], "abcdef"), "offsets");
    refused(DataType::Utf8, &text(&[0, 3, 5], "gaün"), "utf8");
    let mut bad = text(&[0, 1, 2], "ab");
    bad.buffers[2] = Some(vec![b'a', 0xFF]);
    refused(DataType::Utf8, &bad, "utf8");
    refused_at(DataType::Utf8, &bad, "utf8", Level::Headers);
    accepted(DataType::Binary, &bad, Level::Bounds);
    refused(DataType::LargeUtf8, &Made::new(1, vec![None, bytes64(&[0, i64::MAX]), Some(vec![b'a'])]), "offsets");
    refused(DataType::List(item()), &Made::new(1, vec![None, bytes32(&[0, 2])]).child(int64(1)), "offsets");
}

#[test]
fn views() {
    let view = |length: u32, prefix: [u8; 4], buffer: u32, offset: u32| {
        let mut view = length.to_le_bytes().to_vec();
        view.extend(prefix);
        view.extend(buffer.to_le_bytes());
        view.extend(offset.to_le_bytes());
        Some(view)
    };
    let values = b"exactly twenty bytes".to_vec();
    let made = |view| Made::new(1, vec![None, view, Some(values.clone()), bytes64(&[20])]);
    accepted(DataType::Utf8View, &made(view(20, *b"exac", 0, 0)), Level::Full);
    refused(DataType::Utf8View, &made(view(20, *b"exac", 1, 0)), "view");
    refused(DataType::Utf8View, &made(view(20, *b"exac", 0, 1)), "view");
    refused(DataType::Utf8View, &made(view(21, *b"exac", 0, 0)), "view");
    refused(DataType::Utf8View, &made(view(20, *b"exaX", 0, 0)), "view");
    refused(DataType::Utf8View, &made(view(u32::MAX, *b"exac", 0, 0)), "view");
    refused(DataType::Utf8View, &made(view(1, *b"ab\0\0", 0, 0)), "view");
    refused(DataType::Utf8View, &made(view(1, [0xFF, 0, 0, 0], 0, 0)), "utf8");
    // A null row's view may lead anywhere: it is zeroed.
    let mut null = made(view(20, *b"exac", 9, 0));
    null.buffers[0] = Some(vec![0]);
    accepted(DataType::Utf8View, &null, Level::Bounds);
}

#[test]
fn keys_type_ids_and_run_ends() {
    let keys = |keys: &[i32], validity| Made {
        dictionary: Some(Box::new(int64(2))),
        ..Made::new(keys.len() as i64, vec![validity, bytes32(keys)])
    };
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Int64));
    accepted(dictionary.clone(), &keys(&[0, 1], None), Level::Bounds);
    accepted(dictionary.clone(), &keys(&[0, 99], Some(vec![0b01])), Level::Bounds);
    refused(dictionary.clone(), &keys(&[0, 2], None), "dictionary_key");
    refused(dictionary, &keys(&[0, -1], None), "dictionary_key");

    let fields = || {
        UnionFields::try_new(
            vec![5, 6],
            vec![Field::new("a", DataType::Int64, true), Field::new("b", DataType::Int64, true)],
        )
        .unwrap()
    };
    let sparse = DataType::Union(fields(), UnionMode::Sparse);
    let dense = DataType::Union(fields(), UnionMode::Dense);
    accepted(sparse.clone(), &Made::new(2, vec![Some(vec![5, 6])]).child(int64(2)).child(int64(2)), Level::Bounds);
    refused(sparse.clone(), &Made::new(2, vec![Some(vec![5, 7])]).child(int64(2)).child(int64(2)), "union");
    refused(sparse.clone(), &Made::new(2, vec![Some(vec![5, 0xFF])]).child(int64(2)).child(int64(2)), "union");
    refused(sparse, &Made::new(2, vec![Some(vec![5, 6])]).child(int64(2)).child(int64(1)), "child_length");
    let made = |offsets: &[i32]| Made::new(2, vec![Some(vec![5, 6]), bytes32(offsets)]).child(int64(1)).child(int64(2));
    accepted(dense.clone(), &made(&[0, 1]), Level::Bounds);
    refused(dense.clone(), &made(&[1, 1]), "union");
    refused(dense, &made(&[0, -1]), "union");

    let run_ends = Arc::new(Field::new("run_ends", DataType::Int32, false));
    let runs = DataType::RunEndEncoded(run_ends, Arc::new(Field::new("values", DataType::Int64, true)));
    let ends = |ends: &[i32]| Made::new(ends.len() as i64, vec![None, bytes32(ends)]);
    let made = |length, e: &[i32], values| Made { length, ..Made::default() }.child(ends(e)).child(int64(values));
    accepted(runs.clone(), &made(5, &[2, 5], 2), Level::Bounds);
    refused(runs.clone(), &made(5, &[2, 4], 2), "run_ends");
    refused(runs.clone(), &made(5, &[0, 5], 2), "run_ends");
    refused(runs.clone(), &made(5, &[5, 5], 2), "run_ends");
    refused(runs.clone(), &made(5, &[2, 5], 1), "run_ends");
    refused(runs.clone(), &made(5, &[], 0), "run_ends");
    let mut null = made(5, &[2, 5], 2);
    null.children[0].buffers[0] = Some(vec![0b01]);
    refused(runs, &null, "run_ends");
}

#[test]
fn lists_and_structs() {
    let view = |offset, size| Made::new(1, vec![None, bytes32(&[offset]), bytes32(&[size])]).child(int64(3));
    accepted(DataType::ListView(item()), &view(1, 2), Level::Bounds);
    refused(DataType::ListView(item()), &view(1, 3), "list_view");
    refused(DataType::ListView(item()), &view(-1, 1), "list_view");
    refused(DataType::ListView(item()), &view(i32::MAX, i32::MAX), "list_view");
    let fixed = Made::new(2, vec![None]).child(int64(5));
    refused(DataType::FixedSizeList(item(), 3), &fixed, "child_length");
    let outer = DataType::FixedSizeList(item(), i32::MAX);
    refused(outer, &Made { length: 1 << 40, ..fixed }, "size_overflow");
    let fields = Fields::from(vec![Field::new("inner", DataType::Int64, true)]);
    refused(DataType::Struct(fields), &Made { offset: 1, ..Made::new(2, vec![None]) }.child(int64(2)), "child_length");
}

#[test]
fn values_out_of_range_at_the_highest_level() {
    let decimal = DataType::Decimal32(3, 0);
    let made = Made::new(1, vec![None, bytes32(&[1000])]);
    accepted(decimal.clone(), &made, Level::Bounds);
    refused_at(decimal, &made, "decimal", Level::Full);
    refused_at(DataType::Date64, &Made::new(1, vec![None, bytes64(&[1])]), "temporal", Level::Full);
    let seconds = DataType::Time32(arrow_schema::TimeUnit::Second);
    refused_at(seconds.clone(), &Made::new(1, vec![None, bytes32(&[86_400])]), "temporal", Level::Full);
    let mut null = Made::new(1, vec![None, bytes32(&[86_400])]);
    null.buffers[0] = Some(vec![0]);
    accepted(seconds, &null, Level::Full);
    let strict = Fields::from(vec![Field::new("inner", DataType::Int64, false)]);
    let mut child = int64(2);
    child.buffers[0] = Some(vec![0b10]);
    let parent = Made::new(2, vec![None]).child(child.clone());
    refused_at(DataType::Struct(strict.clone()), &parent, "nullability", Level::Full);
    let hidden = Made::new(2, vec![Some(vec![0b10])]).child(child);
    accepted(DataType::Struct(strict), &hidden, Level::Full);
}

#[test]
fn schemas_that_lie() {
    let case = |damage: &dyn Fn(&mut ArrowSchema)| {
        let field =
            Field::new("column", DataType::Struct(Fields::from(vec![Field::new("a", DataType::Int64, true)])), true);
        let mut schema = export_field(&field).unwrap();
        // SAFETY: only the copy is damaged, and the original releases.
        let mut copy = unsafe { ptr::read(schema.as_raw_mut()) };
        damage(&mut copy);
        let rejections = Rejections::default();
        // SAFETY: what is damaged are numbers and null pointers.
        let outcome = unsafe { import_field(&raw const copy, &rejections) };
        assert_eq!(outcome.is_err(), rejections.nonzero().next().is_some());
        rejections.nonzero().map(|(case, _)| case).collect::<Vec<_>>().join(",")
    };
    assert_eq!(case(&|_| {}), "");
    assert_eq!(case(&|schema| schema.release = None), "released");
    assert_eq!(case(&|schema| schema.format = ptr::null()), "format");
    assert_eq!(case(&|schema| schema.format = c"?".as_ptr()), "format");
    assert_eq!(case(&|schema| schema.format = c"w:-1".as_ptr()), "format");
    assert_eq!(case(&|schema| schema.format = c"d:39,0".as_ptr()), "format");
    assert_eq!(case(&|schema| schema.format = c"+ud:1,1".as_ptr()), "type_ids");
    assert_eq!(case(&|schema| schema.format = c"+us:128".as_ptr()), "type_ids");
    assert_eq!(case(&|schema| schema.format = c"l".as_ptr()), "child_count");
    assert_eq!(case(&|schema| schema.format = c"\xFF".as_ptr()), "format");
    assert_eq!(case(&|schema| schema.name = c"\xFF".as_ptr()), "name");
    assert_eq!(case(&|schema| schema.n_children = -1), "negative");
    assert_eq!(case(&|schema| schema.n_children = i64::MAX), "limit");
    assert_eq!(case(&|schema| schema.children = ptr::null_mut()), "null_table");
    assert_eq!(case(&|schema| schema.metadata = c"\xFF\xFF\xFF\xFF".as_ptr()), "metadata");
    assert_eq!(case(&|schema| schema.metadata = c"\x01\x01\x01\x01\xFF\xFF\xFF\x7F".as_ptr()), "metadata");
    // SAFETY: no pointer at all.
    assert!(unsafe { import_field(ptr::null(), &Rejections::default()) }.is_err());
}

proptest! {
    /// A size one byte below what the rows need is refused, whatever the type, the rows and the offset.
    #[test]
    fn a_size_that_is_one_too_small_is_refused(rows in 1_i64..200, offset in 0_i64..100, which in 0_usize..6) {
        let end = (rows + offset) as usize;
        let bits = end.div_ceil(8);
        let ascending: Vec<i32> = (0..=end as i32).collect();
        let (data_type, buffers) = match which {
            0 => (DataType::Int64, vec![Some(vec![0xFF; bits]), Some(vec![0; end * 8])]),
            1 => (DataType::Boolean, vec![Some(vec![0xFF; bits]), Some(vec![0; bits])]),
            2 => (DataType::Utf8, vec![None, bytes32(&ascending), Some(vec![b'a'; end])]),
            3 => (DataType::Decimal128(38, 0), vec![None, Some(vec![0; end * 16])]),
            4 => (DataType::FixedSizeBinary(3), vec![None, Some(vec![0; end * 3])]),
            _ => (DataType::Binary, vec![None, bytes32(&ascending), Some(vec![b'a'; end])]),
        };
        let field = Field::new("column", data_type, true);
        let honest = Made { offset, ..Made::new(rows, buffers) };
        prop_assert!(import(&field, &honest, Level::Full).0.is_ok());
        let sizes: Vec<i64> = honest.buffers.iter().map(|bytes| bytes.as_ref().map_or(0, |bytes| bytes.len() as i64)).collect();
        for at in (0..sizes.len()).filter(|&at| honest.buffers[at].is_some()) {
            let mut forged = sizes.clone();
            forged[at] -= 1;
            let forged = Made { sizes: Some(forged), ..honest.clone() };
            for level in [Level::Headers, Level::Bounds, Level::Full] {
                let values = at == 2 && level == Level::Headers && matches!(field.data_type(), DataType::Binary);
                prop_assert!(values || import(&field, &forged, level).0.is_err());
            }
        }
    }
}
