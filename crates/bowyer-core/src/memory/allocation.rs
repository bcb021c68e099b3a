// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A region in use: bytes to write, then a buffer to share.

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::Arc;

use arrow_buffer::{ArrowNativeType, Buffer};

use super::Memory;
use super::pool::Pool;
use super::region::{ALIGNMENT, Region};
use crate::Result;

/// Bytes of a pool, charged to a budget until they are dropped. Aligned to 64; initialised, though their content is
/// arbitrary until written.
#[derive(Debug)]
pub struct Allocation {
    held: Held,
    len: usize,
}

/// The region and who is charged for it. An empty allocation has no region.
#[derive(Debug)]
struct Held {
    region: ManuallyDrop<Option<Region>>,
    memory: Memory,
}

impl Held {
    fn new(memory: &Memory, byte_len: usize) -> Result<Self> {
        if byte_len == 0 {
            return Ok(Self { region: ManuallyDrop::new(None), memory: memory.clone() });
        }
        let capacity = Pool::capacity_for(byte_len)? as u64;
        memory.budget.take(capacity)?;
        let region =
            memory.pool.take(byte_len, memory.most_free_bytes()).inspect_err(|_| memory.budget.give_back(capacity))?;
        Ok(Self { region: ManuallyDrop::new(Some(region)), memory: memory.clone() })
    }

    #[inline]
    fn start(&self) -> NonNull<u8> {
        // The address of an empty allocation is never read, but it is aligned like any other.
        const EMPTY: NonNull<u8> = NonNull::without_provenance(std::num::NonZero::new(ALIGNMENT).unwrap());
        self.region.as_ref().map_or(EMPTY, Region::start)
    }

    #[inline]
    fn capacity(&self) -> usize {
        self.region.as_ref().map_or(0, Region::capacity)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(region) = self.region.take() {
            self.memory.budget.give_back(region.capacity() as u64);
            self.memory.pool.put(region, self.memory.most_free_bytes());
        }
    }
}

impl Allocation {
    pub(super) fn new(memory: &Memory, byte_len: usize) -> Result<Self> {
        #[cfg_attr(not(feature = "fault-injection"), expect(unused_mut, reason = "faults mark it"))]
        let mut new = Self { held: Held::new(memory, byte_len)?, len: byte_len };
        #[cfg(feature = "fault-injection")]
        if crate::fault::marks() {
            new.len = new.capacity();
            new.fill(crate::fault::MARK);
            new.len = byte_len;
        }
        Ok(new)
    }

    /// The bytes in use.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no byte is in use.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes that it can grow to in place.
    #[inline]
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.held.capacity()
    }

    /// Where its memory comes from.
    #[inline]
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.held.memory
    }

    /// Makes it `byte_len` long. What it held stays; what is added is arbitrary. Repeated growth costs a constant time
    /// for each byte: capacity grows by half at least, unless only less is to be had.
    ///
    /// # Errors
    /// `MemoryLimit`; the allocation is then as it was.
    pub fn grow(&mut self, byte_len: usize) -> Result<()> {
        if byte_len > self.capacity() {
            let generous = self.capacity().saturating_add(self.capacity() / 2).max(byte_len);
            let larger = Self::new(self.memory(), generous).or_else(|_| Self::new(self.memory(), byte_len))?;
            self.move_to(larger);
        }
        self.len = self.len.max(byte_len);
        Ok(())
    }

    /// Drops the bytes after the first `byte_len`.
    pub fn truncate(&mut self, byte_len: usize) {
        self.len = self.len.min(byte_len);
    }

    /// Moves to a smaller region when at least half of this one is not in use. Keeps this one when there is no memory
    /// to move to.
    pub fn shrink_to_fit(&mut self) {
        if self.capacity() > 2 * self.len.max(ALIGNMENT)
            && let Ok(smaller) = Self::new(self.memory(), self.len)
        {
            self.move_to(smaller);
        }
    }

    fn move_to(&mut self, mut other: Self) {
        let len = self.len.min(other.capacity());
        other.len = len;
        other.copy_from_slice(&self[..len]);
        *self = other;
    }

    /// Its bytes as values; a last part of a value is left out.
    #[inline]
    #[must_use]
    pub fn as_slice_of<T: ArrowNativeType>(&self) -> &[T] {
        const { assert!(align_of::<T>() <= ALIGNMENT) };
        // SAFETY: the region is aligned to 64, which T's alignment divides, and initialised for `len` bytes;
        // Arrow's native types are plain data, valid for any bytes (the trait is sealed by arrow).
        unsafe { std::slice::from_raw_parts(self.held.start().as_ptr().cast(), self.len / size_of::<T>()) }
    }

    /// Its bytes as values to write; a last part of a value is left out.
    #[inline]
    #[must_use]
    pub fn as_mut_slice_of<T: ArrowNativeType>(&mut self) -> &mut [T] {
        const { assert!(align_of::<T>() <= ALIGNMENT) };
        // SAFETY: as for `as_slice_of`; the exclusive borrow of the allocation is one of its bytes, which it alone owns.
        unsafe { std::slice::from_raw_parts_mut(self.held.start().as_ptr().cast(), self.len / size_of::<T>()) }
    }

    /// Its bytes as a buffer to share. The memory goes back to the pool, and the charge is given back, when the last
    /// clone or slice of the buffer is dropped.
    #[must_use]
    pub fn into_buffer(self) -> Buffer {
        let Self { held, len } = self;
        if len == 0 {
            return Buffer::default();
        }
        let start = held.start();
        // SAFETY: the region is valid and initialised for `len` bytes (len ≤ capacity) and `held`, which the buffer
        // owns from here on, keeps it until the last reference is gone; nobody else can write to it.
        unsafe { Buffer::from_custom_allocation(start, len, Arc::new(held)) }
    }
}

impl Deref for Allocation {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: the region is initialised for its capacity, and `len` is never larger.
        unsafe { std::slice::from_raw_parts(self.held.start().as_ptr(), self.len) }
    }
}

impl DerefMut for Allocation {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `deref`; the exclusive borrow of the allocation is one of its bytes.
        unsafe { std::slice::from_raw_parts_mut(self.held.start().as_ptr(), self.len) }
    }
}
