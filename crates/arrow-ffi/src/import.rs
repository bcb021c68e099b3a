// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Arrays from a proof: without copying, without a second check.
//!
//! Every buffer holds the block's [`Borrow`]. Three things are made anew, from pool memory, and counted: numbers that lie
//! below the alignment of their Rust type, views of null rows that lead nowhere, and offsets of empty arrays, which
//! producers may leave out. Null counts are the guard's own, never the producer's.

mod build;

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, StructArray};
use bowyer_core::{Error, Memory, Result};

use crate::c::{ArrowArray, OwnedArray};
use crate::guard::{self, Crew, Level, Proof};
use crate::ownership::{Borrow, Owners, Span};
use crate::raw::{Flat, Walk};
use crate::reject::{Case, Rejection, Rejections};
use crate::shape::Shape;
use build::Builder;

/// Arrays that a caller lends.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// The first of the structs, which follow each other.
    pub arrays: *const ArrowArray,
    /// How many.
    pub array_count: usize,
    /// Sizes of all buffers in preorder; null when not known.
    pub sizes: *const i64,
    /// The caller's number for the buffers.
    pub owner: u64,
}

/// Who may find the buffers of a block by their address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Only the call that imported them.
    Call,
    /// Every later call of the engine: the block is kept.
    Keep,
}

/// What a block became.
#[derive(Debug)]
pub struct Imported {
    /// The arrays.
    pub arrays: Vec<ArrayRef>,
    /// The hold on their buffers: give it to [`Borrow::end_call`] when the call ends.
    pub borrow: Arc<Borrow>,
    /// Bytes of the block's buffers.
    pub byte_len: u64,
    /// Bytes copied because of alignment or repair.
    pub bytes_copied: u64,
}

/// What imports need of an engine.
#[derive(Clone, Copy, Debug)]
pub struct Customs<'e> {
    /// Live borrows.
    pub owners: &'e Arc<Owners>,
    /// Where copies come from.
    pub memory: &'e Memory,
    /// Counts refusals.
    pub rejections: &'e Rejections,
    /// Looks through what is long.
    pub crew: &'e dyn Crew,
}

/// Imports a block, one shape an array.
///
/// # Errors
/// `InvalidArray` and `InvalidUtf8` from the guard, with the path of the node; `MemoryLimit` from copies. Nothing holds the
/// block then.
///
/// # Safety
/// 1. `block.arrays` leads to `array_count` structs as [`Walk::array`] asks for, and `block.sizes` is null or has an entry
///    for each of their buffers.
/// 2. The buffers stay readable and unchanged until the borrow ends, as [`Borrow`] reports it.
pub unsafe fn import_block(
    block: &Block,
    shapes: &[&Shape],
    level: Level,
    hold: Hold,
    customs: Customs<'_>,
) -> Result<Imported> {
    if block.array_count != shapes.len() {
        let message = format!("{} arrays where {} are expected", block.array_count, shapes.len());
        return Err(Error::invalid_argument(message));
    }
    if block.array_count > 0 && (block.arrays.is_null() || !block.arrays.is_aligned()) {
        let rejection = Rejection::new(Case::NullPointer, 0, "the block's arrays are at no address");
        return Err(refuse(shapes[0], rejection, customs.rejections));
    }
    let fail = |(array, rejection): (usize, Rejection)| refuse(shapes[array], rejection, customs.rejections);
    // SAFETY: obligation 1.
    let walk = unsafe { Walk::new(block.sizes) };
    let mut walk = walk.with_capacity(shapes.iter().map(|shape| shape.nodes().len()).sum());
    for (index, shape) in shapes.iter().enumerate() {
        // SAFETY: obligations 1 and 2.
        unsafe { walk.array(block.arrays.add(index), shape) }.map_err(|rejection| fail((index, rejection)))?;
    }
    let proof = guard::check(walk.finish(), shapes, level, customs.crew).map_err(fail)?;
    let byte_len = proof.flat().buffers.iter().map(|range| range.len() as u64).sum();
    let mut borrow = Borrow::lent(customs.owners, block.owner, spans(proof.flat()));
    if hold == Hold::Keep {
        borrow = customs.owners.register(borrow);
    }
    // SAFETY: obligation 2: the ranges live as long as the borrow.
    match unsafe { build(&proof, shapes, &borrow, customs.memory) } {
        Ok((arrays, bytes_copied)) => Ok(Imported { arrays, borrow, byte_len, bytes_copied }),
        Err(error) => {
            // The arrays that were built are gone, so nothing else holds the borrow: it ends without an event.
            let _ = borrow.end_call();
            Err(error)
        }
    }
}

/// Imports a record batch of a foreign producer: a struct array without a table of sizes.
///
/// # Errors
/// As [`import_block`]; also when the struct itself has nulls.
///
/// # Safety
/// 1. `array` is valid as the C Data Interface defines it, as far as the guard cannot check it without sizes.
pub unsafe fn import_foreign(
    array: OwnedArray,
    shape: &Shape,
    level: Level,
    customs: Customs<'_>,
) -> Result<RecordBatch> {
    let fail = |(_, rejection): (usize, Rejection)| refuse(shape, rejection, customs.rejections);
    // SAFETY: no sizes; obligation 1. The ranges live as long as the array, which moves into the borrow below: moving the
    // struct moves no buffer.
    let mut walk = unsafe { Walk::new(std::ptr::null()) };
    // SAFETY: as above.
    unsafe { walk.array(array.as_raw(), shape) }.map_err(|rejection| fail((0, rejection)))?;
    let proof = guard::check(walk.finish(), &[shape], level, customs.crew).map_err(fail)?;
    let borrow = Borrow::foreign(customs.owners, array);
    // SAFETY: as above.
    let (arrays, _) = unsafe { build(&proof, &[shape], &borrow, customs.memory) }?;
    drop(borrow);
    match arrays.first().and_then(|array| array.as_any().downcast_ref::<StructArray>()) {
        Some(columns) if columns.null_count() == 0 => Ok(RecordBatch::from(columns)),
        Some(_) => Err(fail((0, Rejection::new(Case::Nullability, 0, "a record batch has null rows")))),
        None => Err(fail((0, Rejection::new(Case::Format, 0, "a record batch is a struct of its columns")))),
    }
}

fn refuse(shape: &Shape, rejection: Rejection, rejections: &Rejections) -> Error {
    rejections.count(rejection.case);
    let path = shape.path(rejection.node);
    rejection.into_error(&path)
}

fn spans<'f>(flat: &'f Flat<'_>) -> impl Iterator<Item = Span> + 'f {
    let used = flat.buffers.iter().enumerate().filter(|(_, range)| !range.is_empty());
    used.map(|(buffer, range)| Span { start: range.as_ptr().addr(), byte_len: range.len(), buffer: buffer as u32 })
}

/// # Safety
/// 1. The proof's ranges stay readable and unchanged until `borrow` ends.
unsafe fn build(
    proof: &Proof<'_>,
    shapes: &[&Shape],
    borrow: &Arc<Borrow>,
    memory: &Memory,
) -> Result<(Vec<ArrayRef>, u64)> {
    let mut arrays = Vec::with_capacity(shapes.len());
    let mut base = 0;
    let mut bytes_copied = 0;
    for shape in shapes {
        // SAFETY: the caller's promise; the shape is the one that the proof was made with.
        let mut builder = unsafe { Builder::new(proof, shape, base, borrow, memory) };
        arrays.push(builder.array(0)?);
        bytes_copied += builder.bytes_copied();
        base += shape.nodes().len();
    }
    Ok((arrays, bytes_copied))
}

#[cfg(test)]
mod tests;
