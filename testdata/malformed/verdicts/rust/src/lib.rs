// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Cases of the corpus for programs in other languages: a library with one function.

#[path = "../../../../../crates/arrow-ffi/tests/malformed_corpus/structs.rs"]
#[allow(dead_code, unreachable_pub, unfulfilled_lint_expectations)]
mod structs;

use std::ffi::{CStr, c_char};
use std::path::Path;

use arrow_ffi::c::{ArrowArray, ArrowSchema};

/// Writes the addresses of a case's structs, which stay for the rest of the process; 0 when there is such a case.
///
/// # Safety
/// 1. `folder` is a path with a zero byte behind it; the outputs are writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malformed_case(
    folder: *const c_char,
    index: usize,
    schema: *mut *mut ArrowSchema,
    array: *mut *mut ArrowArray,
) -> i32 {
    // SAFETY: obligation 1.
    let folder = unsafe { CStr::from_ptr(folder) }.to_string_lossy().into_owned();
    let Ok(cases) = structs::read(Path::new(&folder)) else { return 1 };
    let Some(case) = cases.get(index) else { return 1 };
    let made = Box::leak(Box::new(structs::Structs::default()));
    // SAFETY: obligation 1.
    unsafe {
        *schema = made.schema(&case.schema);
        *array = made.array(&case.array);
    }
    0
}
