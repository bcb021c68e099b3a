// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A growable run of plain values in pool memory: what tables and accumulators keep their states in.
//!
//! It is charged to a budget from the first value on, and becomes an Arrow buffer without a copy.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use arrow_buffer::{ArrowNativeType, ScalarBuffer};

use crate::memory::Allocation;
use crate::{Memory, Result};

/// Values one after another in memory of a pool, charged to its budget.
#[derive(Debug)]
pub struct Lanes<T> {
    bytes: Allocation,
    len: usize,
    values: PhantomData<T>,
}

impl<T: ArrowNativeType> Lanes<T> {
    /// No values yet.
    ///
    /// # Errors
    /// `MemoryLimit`, though an empty one takes no memory.
    pub fn new(memory: &Memory) -> Result<Self> {
        Ok(Self { bytes: memory.allocate(0)?, len: 0, values: PhantomData })
    }

    /// `len` times `value`.
    ///
    /// # Errors
    /// `MemoryLimit`.
    pub fn filled(memory: &Memory, len: usize, value: T) -> Result<Self> {
        let mut lanes = Self { bytes: memory.allocate(len * size_of::<T>())?, len, values: PhantomData };
        lanes.fill(value);
        Ok(lanes)
    }

    /// `len` values whose content is arbitrary: every one is to be written.
    ///
    /// # Errors
    /// `MemoryLimit`.
    pub fn for_overwrite(memory: &Memory, len: usize) -> Result<Self> {
        Ok(Self { bytes: memory.allocate(len * size_of::<T>())?, len, values: PhantomData })
    }

    /// Drops the values after the first `len`.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Makes it `len` long; what is added is `value`.
    ///
    /// # Errors
    /// `MemoryLimit`; the values are then as they were.
    pub fn resize(&mut self, len: usize, value: T) -> Result<()> {
        if len > self.len {
            self.bytes.grow(len * size_of::<T>())?;
            let first = std::mem::replace(&mut self.len, len);
            self[first..].fill(value);
        }
        self.len = len;
        Ok(())
    }

    /// Makes room for `additional` more values without adding them.
    ///
    /// # Errors
    /// `MemoryLimit`.
    pub fn reserve(&mut self, additional: usize) -> Result<()> {
        self.bytes.grow((self.len + additional) * size_of::<T>())
    }

    /// Adds one value.
    ///
    /// # Errors
    /// `MemoryLimit`.
    #[inline]
    pub fn push(&mut self, value: T) -> Result<()> {
        if (self.len + 1) * size_of::<T>() > self.bytes.len() {
            self.bytes.grow((self.len + 1).next_multiple_of(64) * size_of::<T>())?;
        }
        let at = self.len;
        self.len += 1;
        self[at] = value;
        Ok(())
    }

    /// Adds `values`.
    ///
    /// # Errors
    /// `MemoryLimit`.
    pub fn extend_from_slice(&mut self, values: &[T]) -> Result<()> {
        self.reserve(values.len())?;
        let first = self.len;
        self.len += values.len();
        self[first..].copy_from_slice(values);
        Ok(())
    }

    /// Where its memory comes from.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        self.bytes.memory()
    }

    /// What it is charged for.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.bytes.capacity()
    }

    /// Its values as a buffer to share; the memory returns to the pool with the last reference.
    #[must_use]
    pub fn into_buffer(mut self) -> ScalarBuffer<T> {
        self.bytes.truncate(self.len * size_of::<T>());
        if self.len == 0 {
            return ScalarBuffer::from(Vec::new());
        }
        let len = self.len;
        ScalarBuffer::new(self.bytes.into_buffer(), 0, len)
    }
}

impl<T: ArrowNativeType> Deref for Lanes<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        &self.bytes.as_slice_of()[..self.len]
    }
}

impl<T: ArrowNativeType> DerefMut for Lanes<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.bytes.as_mut_slice_of()[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_while_it_grows_and_the_charge_goes_with_it() {
        let memory = Memory::unlimited();
        let mut lanes = Lanes::<u64>::new(&memory).unwrap();
        for i in 0..5000 {
            lanes.push(i).unwrap();
        }
        lanes.resize(6000, 9).unwrap();
        lanes.extend_from_slice(&[1, 2]).unwrap();
        assert_eq!(lanes[4999], 4999);
        assert_eq!(lanes[5999..], [9, 1, 2]);
        let buffer = lanes.into_buffer();
        assert_eq!(buffer.len(), 6002);
        assert!(memory.used_bytes() >= 6002 * 8);
        drop(buffer);
        assert_eq!(memory.used_bytes(), 0);
    }

    #[test]
    fn a_limit_is_a_typed_error() {
        let memory = Memory::unlimited().with_limit(Some(1 << 16), "query");
        let mut lanes = Lanes::<u64>::new(&memory).unwrap();
        let error = lanes.resize(1 << 20, 0).unwrap_err();
        assert_eq!(error.code(), crate::ErrorCode::MemoryLimit);
        assert!(lanes.is_empty());
    }
}
