// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What a host sends to a worker: headers, and blocks of arrays whose lists the fuzzer writes. The structs that a worker makes of a
//! list go to the guard as those of any caller.

#![no_main]
#![allow(dead_code, reason = "modules of the worker, of which this is a part")]

use std::sync::Arc;

use arrow_array::Array as _;
use arrow_ffi::c::{ArrowArray, OwnedArray};
use arrow_ffi::guard::{Alone, Level};
use arrow_ffi::import::{Block, Customs, Hold, import_block};
use arrow_ffi::ownership::{Owners, Released};
use arrow_ffi::{Rejections, Shape};
use arrow_schema::{DataType, Field};
use bowyer_core::Memory;
use bowyer_engine::proto::{WorkerBlock, WorkerRequest};
use libfuzzer_sys::fuzz_target;
use prost::Message as _;

#[path = "../../bowyer-worker/src/block.rs"]
mod block;
#[path = "../../bowyer-worker/src/frame.rs"]
mod frame;
#[path = "../../bowyer-worker/src/mapping.rs"]
mod mapping;

struct Nobody;

impl Released for Nobody {
    fn owner_released(&self, _: u64) {}

    fn foreign_released(&self, _: OwnedArray) {}
}

/// The types that the arrays of a block are said to have.
fn shapes() -> Vec<Shape> {
    let item = || Arc::new(Field::new("item", DataType::Utf8, true));
    let types = [
        DataType::Int64,
        DataType::Utf8,
        DataType::List(item()),
        DataType::Dictionary(DataType::Int8.into(), DataType::Utf8.into()),
        DataType::Utf8View,
    ];
    types.into_iter().map(|data_type| Shape::of_field(&Field::new("c", data_type, true))).collect()
}

fn lend(mut message: WorkerBlock) {
    let files = mapping::Mappings::default();
    let Ok(lease) = block::Lease::of(&mut message, &files) else { return };
    if lease.check(&message).is_err() {
        return;
    }
    let Ok(structs) = block::Structs::of(&message, &lease) else { return };
    let shapes = shapes();
    let count = structs.block.array_count as usize;
    let shapes: Vec<&Shape> = shapes.iter().cycle().take(count.min(8)).collect();
    if shapes.len() != count {
        return;
    }
    let (rejections, memory) = (Rejections::default(), Memory::unlimited());
    let owners = Owners::new(Arc::new(Nobody));
    let lent = Block {
        arrays: std::ptr::with_exposed_provenance::<ArrowArray>(structs.block.arrays as usize),
        array_count: count,
        sizes: std::ptr::with_exposed_provenance(structs.block.sizes as usize),
        owner: 1,
    };
    let customs = Customs { owners: &owners, memory: &memory, rejections: &rejections, crew: &Alone };
    // SAFETY: the structs lead into each other and into the lease, which outlive the arrays; the guard looks at the rest.
    if let Ok(imported) = unsafe { import_block(&lent, &shapes, Level::Full, Hold::Call, customs) } {
        for array in &imported.arrays {
            let data = array.to_data();
            if let Err(error) = data.validate_full() {
                panic!("taken, but arrow-rs says: {error}");
            }
        }
        drop(imported.arrays);
        let _ = imported.borrow.end_call();
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(header) = frame::Header::read(bytes) {
        assert!(header.length <= frame::LARGEST_BODY);
        let _ = frame::Kind::read(header.kind);
        let _ = frame::Header::check(bytes, &bytes[frame::HEADER..]);
    }
    if let Ok(request) = WorkerRequest::decode(bytes)
        && let Some(block) = request.block
    {
        lend(block);
    }
    if let Ok(block) = WorkerBlock::decode(bytes) {
        lend(block);
    }
});
