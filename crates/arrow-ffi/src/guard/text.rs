// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Strings and binary values: offsets and views within their values, and text that is UTF-8.
//!
//! Values are looked at as one span where they can be: ASCII, the common case, then needs no test for offsets inside a
//! code point.

use std::ops::Range;

use super::Guard;
use super::bounds::Number;
use crate::reject::{Case, Rejection};

/// Longest value that stands in its view.
const INLINE: usize = 12;

/// What is wrong with a view.
enum Flaw {
    Bounds(&'static str),
    Text,
}

impl Guard<'_, '_> {
    pub(super) fn bytes<T: Number>(&self, at: usize, text: bool) -> Result<(), Rejection> {
        let values = self.ranges(at)[2];
        let (first, last) = self.offsets::<T>(at, values.len())?;
        let span = &values[first..last];
        if !text || !self.crew.any(span.len(), &|part| !span[part].is_ascii()) {
            return Ok(());
        }
        let node = self.flat_node(at);
        let offsets = &T::chunks(self.ranges(at)[1])[node.offset..=node.offset + node.length];
        let start = |offset: &T::Bytes| T::read(*offset).wide() as usize;
        if self.crew.any(span.len(), &|part| !is_utf8(span, part)) {
            let good = std::str::from_utf8(span).map_or_else(|error| error.valid_up_to(), str::len);
            let row = offsets.partition_point(|offset| start(offset) <= first + good);
            return Err(Rejection::new(Case::Utf8, at, "text is not UTF-8").buffer(2).index(row.saturating_sub(1)));
        }
        let inside = |part: Range<usize>| {
            let mut inside = false;
            for offset in &offsets[part] {
                // The span's ends are boundaries, or it would not be UTF-8.
                inside |= span.get(start(offset) - first).is_some_and(|byte| continues(*byte));
            }
            inside
        };
        if self.crew.any(offsets.len(), &inside) {
            let row =
                offsets.iter().position(|offset| span.get(start(offset) - first).is_some_and(|byte| continues(*byte)));
            let message = "an offset lies inside a code point";
            return Err(Rejection::new(Case::Utf8, at, message).buffer(1).index(row.unwrap_or_default()));
        }
        Ok(())
    }

    pub(super) fn views(&mut self, at: usize, text: bool) -> Result<(), Rejection> {
        let node = self.flat_node(at);
        let ranges = self.ranges(at);
        let buffers = &ranges[2..ranges.len() - 1];
        let views = &ranges[1].as_chunks::<16>().0[node.offset..node.offset + node.length];
        let flawed = |part: Range<usize>| views[part].iter().any(|view| check_view(view, buffers, text).is_err());
        if !self.crew.any(views.len(), &flawed) {
            return Ok(());
        }
        let mut repair = false;
        for (row, view) in views.iter().enumerate() {
            let Err(flaw) = check_view(view, buffers, text) else { continue };
            if !self.is_valid(at, row) {
                // A null row's view may be anything; arrays of Rust want it to lead somewhere.
                repair = true;
                continue;
            }
            let (case, message) = match flaw {
                Flaw::Bounds(message) => (Case::View, message),
                Flaw::Text => (Case::Utf8, "text is not UTF-8"),
            };
            return Err(Rejection::new(case, at, message).buffer(1).index(row));
        }
        if repair {
            self.repairs.push(self.base + at);
        }
        Ok(())
    }
}

/// Whether a byte continues a code point.
#[inline]
fn continues(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

/// Whether the code points that begin in a part of `span` are UTF-8. What continues a code point belongs to the part in
/// which that begins; a span that begins with such a byte is none.
fn is_utf8(span: &[u8], part: Range<usize>) -> bool {
    let boundary =
        |from: usize| span[from..].iter().position(|byte| !continues(*byte)).map_or(span.len(), |at| from + at);
    let first = if part.start == 0 { 0 } else { boundary(part.start) };
    let end = boundary(part.end);
    first >= end || simdutf8::basic::from_utf8(&span[first..end]).is_ok()
}

#[inline]
fn check_view(view: &[u8; 16], buffers: &[&[u8]], text: bool) -> Result<(), Flaw> {
    let word = u128::from_le_bytes(*view);
    let byte_len = word as u32 as usize;
    if byte_len <= INLINE {
        let used = 32 + byte_len as u32 * 8;
        if word.checked_shr(used).unwrap_or(0) != 0 {
            return Err(Flaw::Bounds("bytes after an inline value are not zero"));
        }
        return check_text(&view[4..4 + byte_len], text);
    }
    if i32::try_from(byte_len).is_err() {
        return Err(Flaw::Bounds("a value's length is negative"));
    }
    let (buffer, offset) = ((word >> 64) as u32, (word >> 96) as u32 as usize);
    let Some(values) = buffers.get(buffer as usize) else {
        return Err(Flaw::Bounds("a value lies in a buffer that is not there"));
    };
    let Some(value) = values.get(offset..).and_then(|values| values.get(..byte_len)) else {
        return Err(Flaw::Bounds("a value lies outside its buffer"));
    };
    if value[..4] != view[4..8] {
        return Err(Flaw::Bounds("a view's prefix is not that of its value"));
    }
    check_text(value, text)
}

#[inline]
fn check_text(value: &[u8], text: bool) -> Result<(), Flaw> {
    if text && !value.is_ascii() && simdutf8::basic::from_utf8(value).is_err() {
        return Err(Flaw::Text);
    }
    Ok(())
}
