// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Errors and byte buffers as C structs with a release callback, and errors back from C.

use std::ffi::c_void;
use std::ptr;

use bowyer_core::{Error, ErrorCode, Result};
use bowyer_engine::proto::ErrorDetail;
use prost::Message as _;

use crate::abi::{Buffer, CError, sized_input, sized_output};

/// What a filled `bowyer_error` keeps alive.
struct Text {
    message: Vec<u8>,
    detail: Vec<u8>,
}

/// Fills `*target` from `failure`; does nothing when `target` cannot hold it.
pub(crate) fn fill(target: *mut CError, failure: &Error) {
    // SAFETY: a function's error parameter is null or the caller's struct; `sized_output` checks what can be checked.
    let Ok(target) = (unsafe { sized_output(target) }) else { return };
    let mut message = failure.message().as_bytes().to_vec();
    message.retain(|&byte| byte != 0);
    let message_len = message.len() as u64;
    message.push(0);
    let text = Box::new(Text { message, detail: detail(failure).encode_to_vec() });
    target.code = failure.code() as i32;
    target.message = text.message.as_ptr().cast();
    target.message_len = message_len;
    target.detail = text.detail.as_ptr();
    target.detail_len = text.detail.len() as u64;
    target.release = Some(release_error);
    target.private_data = Box::into_raw(text).cast::<c_void>();
}

/// # Safety
/// 1. `error` is null or leads to a struct that [`fill`] filled, or that was released before.
unsafe extern "C" fn release_error(error: *mut CError) {
    // SAFETY: the caller's promise.
    let Some(error) = (unsafe { error.as_mut() }) else { return };
    if error.release.take().is_none() {
        return;
    }
    let text = std::mem::replace(&mut error.private_data, ptr::null_mut()).cast::<Text>();
    error.message = ptr::null();
    error.detail = ptr::null();
    if !text.is_null() {
        // SAFETY: `fill` put a boxed text there, and `release` was set until now, so this happens once.
        drop(unsafe { Box::from_raw(text) });
    }
}

fn detail(failure: &Error) -> ErrorDetail {
    let place = failure.place();
    let number = |number: Option<u64>| number.and_then(|number| i64::try_from(number).ok()).unwrap_or(-1);
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    ErrorDetail {
        code: failure.code() as i32,
        function: place.function.as_deref().unwrap_or_default().to_owned(),
        path: text(&place.path),
        input: text(&place.input),
        batch: number(place.batch),
        row: number(place.row),
        column: text(&place.column),
        argument: place.argument.as_deref().unwrap_or_default().to_owned(),
        origin: text(&place.origin),
        query_id: text(&place.query_id),
    }
}

/// Reads the error that a caller passes; none for null.
///
/// # Safety
/// 1. `error` is null or leads to a struct whose message and detail are as long as it says.
pub(crate) unsafe fn read(error: *const CError) -> Result<Option<Error>> {
    if error.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    let error = unsafe { sized_input(error) }?;
    let bytes = |data: *const u8, len: u64| crate::abi::Bytes { data, len: len as usize };
    // SAFETY: the caller's promise.
    let (message, detail) = unsafe {
        (bytes(error.message.cast(), error.message_len).as_slice()?, bytes(error.detail, error.detail_len).as_slice()?)
    };
    let code = ErrorCode::ALL.iter().find(|code| **code as i32 == error.code);
    let code = code.copied().unwrap_or(ErrorCode::UserFunction);
    let mut failure = Error::new(code, String::from_utf8_lossy(message).into_owned());
    if let Ok(detail) = ErrorDetail::decode(detail) {
        let text = |text: String| (!text.is_empty()).then_some(text);
        let place = failure.place_mut();
        place.function = text(detail.function).map(Into::into);
        place.path = text(detail.path);
        place.input = text(detail.input);
        place.column = text(detail.column);
        place.argument = text(detail.argument).map(Into::into);
        place.origin = text(detail.origin);
        if !detail_is_default(error) {
            place.batch = u64::try_from(detail.batch).ok();
            place.row = u64::try_from(detail.row).ok();
        }
    }
    Ok(Some(failure))
}

/// Without a detail, zero is no row but the absence of one.
fn detail_is_default(error: &CError) -> bool {
    error.detail_len == 0
}

/// Fills `target` with `bytes`.
pub(crate) fn fill_buffer(target: &mut Buffer, bytes: Vec<u8>) {
    let bytes = Box::new(bytes);
    target.flags = 0;
    target.data = bytes.as_ptr();
    target.len = bytes.len() as u64;
    target.release = Some(release_buffer);
    target.private_data = Box::into_raw(bytes).cast::<c_void>();
}

/// # Safety
/// 1. `buffer` is null or leads to a struct that [`fill_buffer`] filled, or that was released before.
unsafe extern "C" fn release_buffer(buffer: *mut Buffer) {
    // SAFETY: the caller's promise.
    let Some(buffer) = (unsafe { buffer.as_mut() }) else { return };
    if buffer.release.take().is_none() {
        return;
    }
    let bytes = std::mem::replace(&mut buffer.private_data, ptr::null_mut()).cast::<Vec<u8>>();
    buffer.data = ptr::null();
    buffer.len = 0;
    if !bytes.is_null() {
        // SAFETY: `fill_buffer` put a boxed vector there, and `release` was set until now, so this happens once.
        drop(unsafe { Box::from_raw(bytes) });
    }
}
