// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! `verdict bowyer|arrow-rs FOLDER INDEX`: says whether that library takes a case, with how many nulls, or why not.

#[path = "../../../../../../crates/arrow-ffi/tests/malformed_corpus/structs.rs"]
#[allow(dead_code, unreachable_pub, unfulfilled_lint_expectations)]
mod structs;

use std::path::Path;
use std::sync::Arc;

use arrow_array::Array;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use arrow_ffi::c::OwnedArray;
use arrow_ffi::guard::Level;
use arrow_ffi::import::{Block, Customs, Hold, import_block};
use arrow_ffi::ownership::{Owners, Released};
use arrow_ffi::schema::import_field;
use arrow_ffi::{Rejections, Shape};
use bowyer_core::Memory;
use structs::{Case, Structs};

struct Nobody;

impl Released for Nobody {
    fn owner_released(&self, _owner: u64) {}

    fn foreign_released(&self, _array: OwnedArray) {}
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [who, folder, index] = arguments.as_slice() else { return Err("usage: verdict WHO FOLDER INDEX".into()) };
    let cases = structs::read(Path::new(folder))?;
    let case = cases.get(index.parse::<usize>()?).ok_or("no such case")?;
    let verdict = if who == "bowyer" { bowyer(case) } else { arrow_rs(case) };
    match verdict {
        Ok(nulls) => println!("accepted {nulls}"),
        Err(error) => println!("refused {}", error.lines().next().unwrap_or_default()),
    }
    Ok(())
}

/// As a block with its sizes, at the highest level.
fn bowyer(case: &Case) -> Result<usize, String> {
    let (rejections, memory) = (Rejections::default(), Memory::unlimited());
    let owners = Owners::new(Arc::new(Nobody));
    let mut structs = Structs::default();
    let (schema, array) = (structs.schema(&case.schema), structs.array(&case.array));
    structs.sizes.resize(structs.sizes.len() + 64, 0);
    // SAFETY: pointers lead where they say or are null.
    let field = unsafe { import_field(schema, &rejections) }.map_err(|error| error.to_string())?;
    let shape = Shape::of_field(&field);
    let block = Block { arrays: array, array_count: 1, sizes: structs.sizes.as_ptr(), owner: 1 };
    let customs = Customs { owners: &owners, memory: &memory, rejections: &rejections };
    // SAFETY: as above; there is a size for each buffer.
    let imported = unsafe { import_block(&block, &[&shape], Level::Full, Hold::Call, customs) };
    let imported = imported.map_err(|error| error.to_string())?;
    let nulls = imported.arrays[0].null_count();
    drop(imported.arrays);
    let _ = imported.borrow.end_call();
    Ok(nulls)
}

/// As its documentation says to: imported, then validated in full.
fn arrow_rs(case: &Case) -> Result<usize, String> {
    let mut structs = Structs::default();
    let (schema, array) = (structs.schema(&case.schema), structs.array(&case.array));
    if schema.is_null() || array.is_null() {
        return Err("its interface takes references, which cannot be null".to_owned());
    }
    // SAFETY: both crates' structs have the layout of the specification; what is in them is what is tried.
    let (array, schema) =
        unsafe { (FFI_ArrowArray::from_raw(array.cast()), FFI_ArrowSchema::from_raw(schema.cast())) };
    // SAFETY: that is what is tried.
    let data = unsafe { from_ffi(array, &schema) }.map_err(|error| error.to_string())?;
    data.validate_full().map_err(|error| error.to_string())?;
    Ok(data.null_count())
}
