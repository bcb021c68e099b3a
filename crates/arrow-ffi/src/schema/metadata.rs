// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Metadata: a count, then keys and values with their lengths, all 32-bit in the machine's byte order.

use std::collections::HashMap;
use std::ffi::c_char;

use super::METADATA_LIMIT;

/// Reads metadata; the error is a sentence.
///
/// # Safety
/// 1. `start` is null, or leads to as many readable bytes as the lengths in it add up to.
pub(super) unsafe fn read(start: *const c_char) -> Result<HashMap<String, String>, String> {
    if start.is_null() {
        return Ok(HashMap::new());
    }
    let mut cursor = Cursor { start: start.cast(), position: 0 };
    // SAFETY: the caller's promise: the count is always there.
    let count = unsafe { cursor.number() }?;
    // No capacity from the count: it may lie, and each entry reads at least eight bytes against the limit.
    let mut entries = HashMap::new();
    for _ in 0..count {
        // SAFETY: the caller's promise, for the key and value that the count announces.
        let (key, value) = unsafe { (cursor.text()?, cursor.text()?) };
        entries.insert(key, value);
    }
    Ok(entries)
}

struct Cursor {
    start: *const u8,
    position: usize,
}

impl Cursor {
    /// # Safety
    /// 1. `byte_len` more bytes are readable.
    unsafe fn bytes<'a>(&mut self, byte_len: usize) -> Result<&'a [u8], String> {
        if byte_len > METADATA_LIMIT - self.position {
            return Err(format!("metadata has more than {METADATA_LIMIT} bytes"));
        }
        // SAFETY: the caller's promise.
        let bytes = unsafe { std::slice::from_raw_parts(self.start.add(self.position), byte_len) };
        self.position += byte_len;
        Ok(bytes)
    }

    /// # Safety
    /// 1. Four more bytes are readable.
    unsafe fn number(&mut self) -> Result<usize, String> {
        // SAFETY: the caller's promise.
        let bytes = unsafe { self.bytes(4) }?;
        let number = bytes.try_into().map(i32::from_ne_bytes).unwrap_or(-1);
        usize::try_from(number).map_err(|_| format!("metadata has a length of {number}"))
    }

    /// # Safety
    /// 1. A length and that many bytes are readable.
    unsafe fn text(&mut self) -> Result<String, String> {
        // SAFETY: the caller's promise.
        let bytes = unsafe {
            let byte_len = self.number()?;
            self.bytes(byte_len)?
        };
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err("metadata is not UTF-8".to_owned()),
        }
    }
}

/// Writes metadata, in the order of its keys; nothing when there is none.
pub(super) fn write(metadata: &HashMap<String, String>) -> Option<Box<[u8]>> {
    if metadata.is_empty() {
        return None;
    }
    let mut entries: Vec<_> = metadata.iter().collect();
    entries.sort_unstable();
    let mut out = Vec::new();
    let number = |out: &mut Vec<u8>, number: usize| out.extend_from_slice(&(number as i32).to_ne_bytes());
    number(&mut out, entries.len());
    for (key, value) in entries {
        for text in [key, value] {
            number(&mut out, text.len());
            out.extend_from_slice(text.as_bytes());
        }
    }
    Some(out.into())
}
