// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Deep copies: every type in every shape comes out equal, shares no byte with the original, and is charged and counted.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails stops there")]

mod arrays;

use std::ops::Range;

use arrow_array::Array;
use arrow_data::ArrayData;
use arrow_ffi::copy::deep_copy;
use bowyer_core::{ErrorCode, Memory};

/// The addresses of all buffers of an array and below it.
fn addresses(data: &ArrayData, out: &mut Vec<Range<usize>>) {
    for buffer in data.buffers().iter().chain(data.nulls().map(|nulls| nulls.buffer())) {
        if !buffer.is_empty() {
            let start = buffer.as_ptr().addr();
            out.push(start..start + buffer.len());
        }
    }
    for child in data.child_data() {
        addresses(child, out);
    }
}

#[test]
fn a_copy_is_equal_and_shares_nothing() {
    for (name, array) in arrays::all() {
        for (shape, array) in arrays::shapes(&array) {
            let memory = Memory::unlimited();
            let (copy, bytes_copied) = deep_copy(array.as_ref(), &memory).unwrap();
            copy.to_data().validate_full().unwrap_or_else(|error| panic!("{name}, {shape}: {error}"));
            assert_eq!(&copy, &array, "{name}, {shape}");
            let (mut old, mut new) = (Vec::new(), Vec::new());
            addresses(&array.to_data(), &mut old);
            addresses(&copy.to_data(), &mut new);
            let shared = new.iter().any(|new| old.iter().any(|old| new.start < old.end && old.start < new.end));
            assert!(!shared, "{name}, {shape}: the copy lies in the original");
            // Arrays without rows get offsets of their own making.
            let counted = array.is_empty() || old.is_empty() || bytes_copied > 0;
            assert!(counted, "{name}, {shape}: nothing counted");
            assert!(memory.used_bytes() >= bytes_copied, "{name}, {shape}: charged");
            drop(copy);
            assert_eq!(memory.used_bytes(), 0, "{name}, {shape}: given back");
        }
    }
}

#[test]
fn a_copy_stays_within_its_limit() {
    let memory = Memory::unlimited().with_limit(Some(64), "the copy");
    let big = arrow_array::Int64Array::from(vec![1; 1000]);
    let refused = deep_copy(&big, &memory).map(|_| ());
    assert_eq!(refused.unwrap_err().code(), ErrorCode::MemoryLimit);
    assert_eq!(memory.used_bytes(), 0);
}
