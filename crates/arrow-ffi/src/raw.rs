// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The walk over foreign structs: the one place that follows their pointers.
//!
//! It turns `ArrowArray` trees into a flat list of nodes and of byte ranges, in the preorder that the table of sizes and
//! the aliases use. It goes by the shape and not by the struct's own counts, so its length is bounded before it begins,
//! and it keeps its own stack. What it establishes: pointers that must lead somewhere are not null, counts are the type's,
//! numbers are not negative, and every range has a size: the producer's where there is one, else the size that the rows
//! need. Whether the ranges are long enough and hold what they should is the guard's to check.

use std::ffi::c_void;

use smallvec::SmallVec;

use crate::c::ArrowArray;
use crate::reject::{Case, Rejection};
use crate::shape::{Layout, Shape};

/// The most values buffers of one view array.
const VARIADIC_LIMIT: usize = 1 << 20;
/// The most rows, offset included: bits and offsets of so many rows can be counted in 63 bits.
const ROW_LIMIT: i64 = 1 << 56;

/// A node of the trees.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// Rows.
    pub length: usize,
    /// Rows before them in the buffers.
    pub offset: usize,
    /// What the producer says; never relied on.
    pub null_count: Option<usize>,
    /// Whether there is a validity bitmap.
    pub validity: bool,
    /// Index of its first range.
    pub first_buffer: usize,
    /// How many ranges.
    pub buffer_count: usize,
    /// Nulls as the guard counted them; zero before.
    pub counted_nulls: usize,
}

/// The nodes of some arrays, one array after another, each in its shape's order.
#[derive(Debug, Default)]
pub struct Flat<'a> {
    /// The nodes.
    pub nodes: SmallVec<[Node; 2]>,
    /// Their buffers; an absent one is empty.
    pub buffers: SmallVec<[&'a [u8]; 6]>,
}

impl<'a> Flat<'a> {
    /// The ranges of a node.
    #[must_use]
    pub fn buffers_of(&self, node: &Node) -> &[&'a [u8]] {
        &self.buffers[node.first_buffer..node.first_buffer + node.buffer_count]
    }
}

/// The walk: arrays are appended one after another.
#[derive(Debug)]
pub struct Walk<'a> {
    flat: Flat<'a>,
    sizes: *const i64,
    stack: Vec<*const ArrowArray>,
}

impl<'a> Walk<'a> {
    /// A walk; `sizes` is null when the producer knows none.
    ///
    /// # Safety
    /// 1. `sizes` is null, or leads to one readable entry for each buffer that [`Self::array`] will meet.
    #[must_use]
    pub unsafe fn new(sizes: *const i64) -> Self {
        Self { flat: Flat::default(), sizes, stack: Vec::new() }
    }

    /// Makes room for that many nodes.
    #[must_use]
    pub fn with_capacity(mut self, nodes: usize) -> Self {
        self.flat.nodes.reserve(nodes);
        self.flat.buffers.reserve(nodes * 2);
        self
    }

    /// The list.
    #[must_use]
    pub fn finish(self) -> Flat<'a> {
        self.flat
    }

    /// Appends an array of a shape.
    ///
    /// # Errors
    /// A rejection of what cannot even be listed.
    ///
    /// # Safety
    /// 1. `array` is null or leads to a struct; where its pointers are not null, they lead to as many entries as its counts
    ///    say, and to structs.
    /// 2. Each buffer is readable for the producer's size, or where that is unknown for what its rows need, as long as
    ///    `'a`, and does not change meanwhile.
    pub unsafe fn array(&mut self, array: *const ArrowArray, shape: &Shape) -> Result<(), Rejection> {
        self.stack.clear();
        for (at, expected) in shape.nodes().iter().enumerate() {
            let pointer = if at == 0 { array } else { self.stack.pop().unwrap_or(std::ptr::null()) };
            if pointer.is_null() || !pointer.is_aligned() {
                return Err(Rejection::new(Case::NullPointer, at, "the array's address is null or misaligned"));
            }
            // SAFETY: obligation 1; not null and aligned.
            let raw = unsafe { &*pointer };
            let node = head(raw, at, &expected.layout, self.flat.buffers.len())?;
            // SAFETY: obligation 1 for the pointer arrays, 2 for the buffers, that of `new` for the sizes.
            unsafe {
                self.buffers(raw, &node, at, &expected.layout)?;
                self.descend(raw, at, &expected.layout, expected.children.len())?;
            }
            self.flat.nodes.push(node);
        }
        Ok(())
    }

    /// Pushes children and dictionary, so that they are popped in preorder.
    ///
    /// # Safety
    /// 1. As [`Self::array`].
    unsafe fn descend(&mut self, raw: &ArrowArray, at: usize, layout: &Layout, below: usize) -> Result<(), Rejection> {
        let has_dictionary = matches!(layout, Layout::Dictionary { .. });
        let children = if has_dictionary { 0 } else { below };
        if raw.n_children != children as i64 {
            let message = format!("{} children where the type has {children}", raw.n_children);
            return Err(Rejection::new(Case::ChildCount, at, message));
        }
        if raw.dictionary.is_null() == has_dictionary {
            let message =
                if has_dictionary { "the dictionary is missing" } else { "a dictionary that the type has not" };
            return Err(Rejection::new(Case::Dictionary, at, message));
        }
        if has_dictionary {
            self.stack.push(raw.dictionary);
        }
        if children > 0 {
            if raw.children.is_null() || !raw.children.is_aligned() {
                return Err(Rejection::new(Case::NullTable, at, format!("{children} children at no address")));
            }
            // SAFETY: obligation 1 of `array`: as many pointers as the count says.
            let pointers = unsafe { std::slice::from_raw_parts(raw.children, children) };
            self.stack.extend(pointers.iter().rev().map(|pointer| pointer.cast_const()));
        }
        Ok(())
    }

    /// Lists the buffers of a node.
    ///
    /// # Safety
    /// 1. As [`Self::array`].
    unsafe fn buffers(&mut self, raw: &ArrowArray, node: &Node, at: usize, layout: &Layout) -> Result<(), Rejection> {
        if node.buffer_count == 0 {
            return Ok(());
        }
        // SAFETY: `head` found the count to be the type's and the address not null; obligation 1 of `array`.
        let pointers = unsafe { std::slice::from_raw_parts(raw.buffers.cast_const(), node.buffer_count) };
        // SAFETY: an entry for each buffer, by the obligation of `new`.
        let size_of = |sizes: &mut *const i64| unsafe {
            if sizes.is_null() {
                return -1;
            }
            let size = **sizes;
            *sizes = sizes.add(1);
            size
        };
        let first = self.flat.buffers.len();
        // Without a table, the sizes of a view array's values stand in its last buffer.
        let variadic = match layout {
            Layout::Views { .. } => node.buffer_count - 3,
            _ => 0,
        };
        // SAFETY: the last pointer of a view array leads to one size for each values buffer, by the specification.
        let lengths = || unsafe { range(pointers[node.buffer_count - 1], variadic * 8) };
        for (index, &pointer) in pointers.iter().enumerate() {
            let reject = |case, message: String| Err(Rejection::new(case, at, message).buffer(index));
            let given = size_of(&mut self.sizes);
            let derive = || match layout {
                Layout::Views { .. } if index >= 2 && index < 2 + variadic => {
                    lengths().and_then(|lengths| number(lengths, index - 2, true))
                }
                Layout::Views { .. } if index >= 2 => Some(variadic as i64 * 8),
                Layout::Bytes { wide, .. } if index == 2 && node.length > 0 => {
                    let last = number(self.flat.buffers[first + 1], node.offset + node.length, *wide);
                    // Offsets that descend below zero are for the guard to name.
                    last.map(|last| last.max(0))
                }
                _ => layout.least_byte_len(index, node).and_then(|size| i64::try_from(size).ok()),
            };
            let absent = index == 0 && layout.has_validity() && pointer.is_null();
            let size = match given {
                _ if absent => Some(0),
                -1 => derive(),
                given => Some(given),
            };
            let Some(size) = size else {
                return reject(Case::SizeOverflow, "its size does not fit 63 bits or is not known".to_owned());
            };
            let Ok(byte_len) = usize::try_from(size) else {
                return reject(Case::Negative, format!("its size is {size}"));
            };
            // SAFETY: obligation 2 of `array`.
            match unsafe { range(pointer, byte_len) } {
                Some(range) => self.flat.buffers.push(range),
                None => return reject(Case::NullBuffer, format!("{byte_len} bytes at no address")),
            }
        }
        Ok(())
    }
}

/// Checks the numbers of a struct.
fn head(raw: &ArrowArray, at: usize, layout: &Layout, first_buffer: usize) -> Result<Node, Rejection> {
    let reject = |case, message: String| Err(Rejection::new(case, at, message));
    if raw.release.is_none() {
        return reject(Case::Released, "the array is released".to_owned());
    }
    if raw.length < 0 || raw.offset < 0 || raw.null_count < -1 || raw.n_buffers < 0 || raw.n_children < 0 {
        let ArrowArray { length, offset, null_count, n_buffers, n_children, .. } = raw;
        return reject(
            Case::Negative,
            format!(
                "length {length}, offset {offset}, null count {null_count}, {n_buffers} buffers, {n_children} children"
            ),
        );
    }
    if raw.length > ROW_LIMIT || raw.offset > ROW_LIMIT {
        return reject(Case::SizeOverflow, format!("length {} at offset {}", raw.length, raw.offset));
    }
    let buffer_count = raw.n_buffers as usize;
    let expected = layout.buffer_count();
    let views = matches!(layout, Layout::Views { .. });
    if buffer_count != expected && !(views && buffer_count > expected && buffer_count <= expected + VARIADIC_LIMIT) {
        return reject(Case::BufferCount, format!("{buffer_count} buffers where the type has {expected}"));
    }
    if buffer_count > 0 && (raw.buffers.is_null() || !raw.buffers.is_aligned()) {
        return reject(Case::NullTable, format!("{buffer_count} buffers at no address"));
    }
    let mut validity = false;
    if buffer_count > 0 && layout.has_validity() {
        // SAFETY: the count is the type's and the address not null: the caller of `array` vouches for the entries.
        validity = !unsafe { *raw.buffers }.is_null();
    }
    if raw.null_count > raw.length {
        return reject(Case::NullCount, format!("{} nulls in {} rows", raw.null_count, raw.length));
    }
    if raw.null_count > 0 && !validity && layout.has_validity() {
        return reject(Case::NullCount, format!("{} nulls and no validity buffer", raw.null_count));
    }
    Ok(Node {
        length: raw.length as usize,
        offset: raw.offset as usize,
        null_count: usize::try_from(raw.null_count).ok(),
        validity,
        first_buffer,
        buffer_count,
        counted_nulls: 0,
    })
}

/// `byte_len` bytes; none when they are at no address.
///
/// # Safety
/// 1. `pointer` is null or leads to `byte_len` readable bytes that do not change as long as `'a`.
unsafe fn range<'a>(pointer: *const c_void, byte_len: usize) -> Option<&'a [u8]> {
    if byte_len == 0 {
        return Some(&[]);
    }
    if pointer.is_null() || byte_len > isize::MAX as usize {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), byte_len) })
}

/// Entry `index` of 32- or 64-bit numbers.
fn number(bytes: &[u8], index: usize, wide: bool) -> Option<i64> {
    let width = if wide { 8 } else { 4 };
    let entry = bytes.get(index.checked_mul(width)?..)?.get(..width)?;
    if wide {
        entry.try_into().ok().map(i64::from_ne_bytes)
    } else {
        entry.try_into().ok().map(|entry| i64::from(i32::from_ne_bytes(entry)))
    }
}

#[cfg(test)]
mod tests;
