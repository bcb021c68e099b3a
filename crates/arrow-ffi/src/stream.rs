// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Arrays from a foreign stream, one at a time.
//!
//! The stream's callbacks run on the calling thread and nowhere else. Its arrays keep their own release callback: they go to
//! [`crate::ownership::Released`] when the last buffer is dropped, which runs it where foreign code may run.

use std::ffi::CStr;

use bowyer_core::{Error, Result};

use crate::c::{ArrowArray, ArrowArrayStream, OwnedArray, OwnedSchema};

/// The stream's schema.
///
/// # Errors
/// `InvalidState` when the stream is released; `UserFunction` with its message when it fails.
///
/// # Safety
/// 1. `stream` is valid as the C Stream Interface defines it, or released.
pub unsafe fn schema(stream: &mut ArrowArrayStream) -> Result<OwnedSchema> {
    let get_schema = stream.get_schema.filter(|_| !stream.is_released()).ok_or_else(released)?;
    let mut schema = OwnedSchema::default();
    // SAFETY: the stream is alive, and the output is a released struct.
    match unsafe { get_schema(stream, schema.as_raw_mut()) } {
        0 => Ok(schema),
        // SAFETY: as above.
        errno => Err(unsafe { failure(stream, errno) }),
    }
}

/// The stream's next array; none at its end.
///
/// # Errors
/// As [`schema`].
///
/// # Safety
/// 1. As [`schema`].
pub unsafe fn next(stream: &mut ArrowArrayStream) -> Result<Option<OwnedArray>> {
    let get_next = stream.get_next.filter(|_| !stream.is_released()).ok_or_else(released)?;
    let mut array = OwnedArray::default();
    // SAFETY: the stream is alive, and the output is a released struct.
    match unsafe { get_next(stream, array.as_raw_mut() as *mut ArrowArray) } {
        0 if array.as_raw().is_released() => Ok(None),
        0 => Ok(Some(array)),
        // SAFETY: as above.
        errno => Err(unsafe { failure(stream, errno) }),
    }
}

fn released() -> Error {
    Error::invalid_state("the stream is released")
}

/// # Safety
/// 1. `stream` is alive and its last call failed.
unsafe fn failure(stream: &mut ArrowArrayStream, errno: i32) -> Error {
    let last_error = stream.get_last_error;
    // SAFETY: the caller's promise.
    let text = last_error.map(|last_error| unsafe { last_error(stream) }).filter(|text| !text.is_null());
    // SAFETY: the text ends with a zero byte and stays until the next call.
    let text = text.map(|text| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned());
    Error::user_function(match text {
        Some(text) => format!("the stream failed with errno {errno}: {text}"),
        None => format!("the stream failed with errno {errno}"),
    })
}
