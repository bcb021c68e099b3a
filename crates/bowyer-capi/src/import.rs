// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Blocks in, results out: what calls, sources and queries share.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ffi::c::{ArrowArray, OwnedArray};
use arrow_ffi::export::Exported;
use arrow_ffi::guard::Level;
use arrow_ffi::import::{Hold, Imported, import_block};
use arrow_ffi::ownership::Borrow;
use arrow_ffi::{Shape, import};
use bowyer_core::{Error, Result};

use crate::abi::{Argument, BLOCK_FULL, BLOCK_TRUSTED, Block, CResult, RESULT_RETAINED, sized_input};
use crate::engine::{Counters, EngineState};
use crate::schema::SchemaState;

/// A block at an address that crossed as a number.
///
/// # Errors
/// `InvalidArgument` when it is null, misaligned or of another size.
///
/// # Safety
/// 1. `address` is zero or that of a `bowyer_block` that does not change during the call.
pub(crate) unsafe fn block<'a>(address: usize) -> Result<&'a Block> {
    // SAFETY: the caller's promise; the address was exposed by whoever passed it.
    let block = unsafe { sized_input(std::ptr::with_exposed_provenance::<Block>(address)) }?;
    if block.flags & !(BLOCK_TRUSTED | BLOCK_FULL) != 0 {
        return Err(Error::invalid_argument(format!("block flags {:#x} are not known", block.flags)));
    }
    if block.owner == 0 {
        return Err(Error::invalid_argument("the block has no owner"));
    }
    Ok(block)
}

/// The arguments of a block.
///
/// # Errors
/// `InvalidArgument` when they do not cover the block's arrays one after another.
///
/// # Safety
/// 1. `block.arguments` is zero or the address of `argument_count` entries.
pub(crate) unsafe fn arguments(block: &Block) -> Result<&[Argument]> {
    let count = block.argument_count as usize;
    if count == 0 {
        return Ok(&[]);
    }
    let first = std::ptr::with_exposed_provenance::<Argument>(block.arguments as usize);
    if first.is_null() || !first.is_aligned() {
        return Err(Error::invalid_argument(format!("{count} arguments at no address")));
    }
    // SAFETY: the caller's promise.
    let arguments = unsafe { std::slice::from_raw_parts(first, count) };
    let mut next = 0;
    for argument in arguments {
        if argument.first != next {
            return Err(Error::invalid_argument("the arguments do not follow each other in the block"));
        }
        next = next.checked_add(argument.count).ok_or_else(|| Error::invalid_argument("too many arrays"))?;
    }
    if next != block.array_count {
        return Err(Error::invalid_argument(format!("{next} arrays in arguments, {} in the block", block.array_count)));
    }
    Ok(arguments)
}

/// Imports a block's arrays, one shape each.
///
/// # Errors
/// Those of the guard.
///
/// # Safety
/// 1. The block's addresses lead to what they say; its buffers stay until the owner's end is known.
pub(crate) unsafe fn arrays(engine: &EngineState, block: &Block, shapes: &[&Shape], hold: Hold) -> Result<Imported> {
    let level = match block.flags {
        flags if flags & BLOCK_FULL != 0 => Level::Full,
        flags if flags & BLOCK_TRUSTED != 0 => Level::Headers,
        _ => Level::Bounds,
    };
    let source = import::Block {
        arrays: std::ptr::with_exposed_provenance::<ArrowArray>(block.arrays as usize),
        array_count: block.array_count as usize,
        sizes: std::ptr::with_exposed_provenance::<i64>(block.sizes as usize),
        owner: block.owner,
    };
    if !source.sizes.is_aligned() {
        return Err(Error::invalid_argument("the block's sizes are not aligned"));
    }
    // SAFETY: the caller's promise.
    let imported = unsafe { import_block(&source, shapes, level, hold, engine.customs()) }?;
    Counters::add(&engine.counters.bytes_in, imported.byte_len);
    Counters::add(&engine.counters.bytes_copied, imported.bytes_copied);
    Ok(imported)
}

/// A batch and the hold on its block.
pub(crate) struct ImportedBatch {
    pub(crate) batch: RecordBatch,
    pub(crate) borrow: Arc<Borrow>,
    pub(crate) bytes_copied: u64,
}

/// Imports a block as a record batch.
///
/// # Errors
/// Those of the guard; `InvalidArgument` when columns and rows do not match the schema.
///
/// # Safety
/// 1. As [`arrays`].
pub(crate) unsafe fn batch(
    engine: &EngineState,
    block: &Block,
    schema: &SchemaState,
    hold: Hold,
) -> Result<ImportedBatch> {
    let shapes: Vec<&Shape> = schema.shapes.iter().collect();
    let schema = &schema.schema;
    let row_count = usize::try_from(block.row_count)
        .map_err(|_| Error::invalid_argument(format!("the block has {} rows", block.row_count)))?;
    // SAFETY: the caller's promise.
    let imported = unsafe { arrays(engine, block, &shapes, hold) }?;
    let wrong = imported.arrays.iter().position(|column| column.len() != row_count);
    let batch = match wrong {
        Some(column) => {
            let rows = imported.arrays[column].len();
            let message = format!("{rows} rows in a batch of {row_count}");
            Err(Error::invalid_argument(message).in_column(schema.field(column).name().as_str()))
        }
        None => {
            let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(row_count));
            RecordBatch::try_new_with_options(schema.clone(), imported.arrays, &options).map_err(Error::from)
        }
    };
    match batch {
        Ok(batch) => {
            Counters::add(&engine.counters.rows_in, row_count as u64);
            Ok(ImportedBatch { batch, borrow: imported.borrow, bytes_copied: imported.bytes_copied })
        }
        Err(error) => {
            // Nothing else holds the block: its arrays went with the batch that was refused.
            let _ = imported.borrow.end_call();
            Err(error)
        }
    }
}

/// Ends the call's hold and says so in the result.
pub(crate) fn end_call(borrow: Arc<Borrow>, result: &mut CResult) {
    if borrow.end_call() {
        result.flags |= RESULT_RETAINED;
    }
}

/// Writes an exported array and what there is to know of it.
pub(crate) fn hand_out(
    engine: &EngineState,
    exported: Exported,
    row_count: usize,
    array: &mut ArrowArray,
    result: &mut CResult,
) {
    let (aliases, sizes) = (exported.aliases(), exported.sizes());
    // Both stay where they are until the array is released.
    result.aliases = if aliases.is_empty() { std::ptr::null() } else { aliases.as_ptr() };
    result.alias_count = aliases.len() as u32;
    result.sizes = sizes.as_ptr();
    result.buffer_count = sizes.len() as u32;
    result.byte_len = exported.byte_len();
    result.row_count = row_count as i64;
    Counters::add(&engine.counters.bytes_out, exported.byte_len());
    Counters::add(&engine.counters.rows_out, row_count as u64);
    let owned: OwnedArray = exported.into_array();
    *array = owned.into_raw();
}
