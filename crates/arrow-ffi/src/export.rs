// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Arrays to `ArrowArray`, without copying.
//!
//! The struct has one offset for all its buffers, arrays of Rust have one for the bits and none for the rest: a sliced
//! array crosses with the bits' offset inside a byte, its other buffers begin that many entries earlier. Where a buffer has
//! no room before its first entry, the validity bits are copied instead: one bit a row.
//!
//! Buffers that lie inside a borrowed block are named as [`Alias`]es. Everything else is kept alive by the tree that
//! `private_data` leads to, until the last of its structs is released.

mod tree;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::{Array, RecordBatch};

use crate::c::OwnedArray;
use crate::ownership::{Borrow, Located, Owners};
use tree::{Tree, Writer, tree_of};

/// A buffer of a result that lies inside a buffer of a block: `bowyer_alias`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The owner of the block.
    pub owner: u64,
    /// Its buffer, in preorder.
    pub source_buffer: u32,
    /// The result's buffer, in preorder.
    pub target_buffer: u32,
    /// Bytes from the start of the source buffer.
    pub offset: i64,
    /// How many bytes.
    pub byte_len: i64,
}

const _: () = assert!(size_of::<Alias>() == 32);

/// Which blocks a result may name.
#[derive(Clone, Copy, Debug)]
pub enum Aliasing<'a> {
    /// None: every buffer is held.
    Never,
    /// That of the call; it is not held, since the caller keeps it until the call has returned.
    Call(&'a Arc<Borrow>),
    /// Any that an engine keeps; it is held until the result is released.
    Kept(&'a Arc<Owners>),
}

impl Aliasing<'_> {
    fn locate(self, address: usize, byte_len: usize) -> Option<Located> {
        match self {
            Self::Never => None,
            Self::Call(borrow) => borrow.locate(address, byte_len),
            Self::Kept(owners) => owners.locate(address, byte_len),
        }
    }
}

/// What was handed out and not released yet.
#[derive(Debug, Default)]
pub struct Live {
    arrays: AtomicU64,
    bytes: AtomicU64,
}

impl Live {
    /// Exported arrays.
    #[must_use]
    pub fn array_count(&self) -> u64 {
        self.arrays.load(Ordering::Relaxed)
    }

    /// Native bytes that they hold.
    #[must_use]
    pub fn byte_len(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// An array that is ready to be handed out.
#[derive(Debug)]
pub struct Exported {
    array: OwnedArray,
}

impl Exported {
    fn tree(&self) -> &Tree {
        tree_of(&self.array)
    }

    /// The struct. It owns what it needs; [`Self::aliases`] and [`Self::sizes`] live as long as it.
    #[must_use]
    pub fn into_array(self) -> OwnedArray {
        self.array
    }

    /// Buffers that lie in a block.
    #[must_use]
    pub fn aliases(&self) -> &[Alias] {
        &self.tree().aliases
    }

    /// Bytes of each buffer, in preorder.
    #[must_use]
    pub fn sizes(&self) -> &[i64] {
        &self.tree().sizes
    }

    /// Native bytes, aliases not counted.
    #[must_use]
    pub fn byte_len(&self) -> u64 {
        self.tree().byte_len
    }
}

/// Exports one array.
#[must_use]
pub fn export_array(array: &dyn Array, aliasing: Aliasing<'_>, live: &Arc<Live>) -> Exported {
    let mut writer = Writer::new(aliasing, 1);
    let root = writer.array(array);
    writer.finish(root, live)
}

/// Exports a batch as a struct array of its columns.
#[must_use]
pub fn export_batch(batch: &RecordBatch, aliasing: Aliasing<'_>, live: &Arc<Live>) -> Exported {
    let mut writer = Writer::new(aliasing, 1 + batch.num_columns());
    let root = writer.batch(batch.num_rows(), batch.columns());
    writer.finish(root, live)
}

#[cfg(test)]
mod tests;
