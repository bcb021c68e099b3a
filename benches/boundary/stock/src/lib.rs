// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What a Rust library without Bowyer would do: import a record batch with arrow-rs, and export it again.
//!
//! Nothing is computed and nothing is copied, so the time is that of the interface alone.

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi, to_ffi};
use arrow_array::{Array, RecordBatch, StructArray};

/// Moves a batch in and out again. Returns 0, or 1 if arrow-rs refused it.
///
/// # Safety
/// All four point to structs of the C Data Interface; the first two are alive and are consumed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stock_round_trip(
    array: *mut FFI_ArrowArray,
    schema: *mut FFI_ArrowSchema,
    array_out: *mut FFI_ArrowArray,
    schema_out: *mut FFI_ArrowSchema,
) -> i32 {
    // SAFETY: the caller gives both away.
    let (array, schema) = unsafe { (FFI_ArrowArray::from_raw(array), FFI_ArrowSchema::from_raw(schema)) };
    // SAFETY: the caller says that the structs describe live memory.
    let Ok(data) = (unsafe { from_ffi(array, &schema) }) else { return 1 };
    let batch = RecordBatch::from(StructArray::from(data));
    let Ok((array, schema)) = to_ffi(&StructArray::from(batch).to_data()) else { return 1 };
    // SAFETY: both are valid for writes and hold nothing that would need dropping.
    unsafe {
        array_out.write(array);
        schema_out.write(schema);
    }
    0
}
