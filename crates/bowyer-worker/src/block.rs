// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! From the list of nodes and buffers that a frame brings to the structs that the engine reads.
//!
//! The list is flat and names no address. Every buffer is looked up within what the host has lent; the structs are made here,
//! as many as the list has nodes, so that their pointers lead where they should. What the numbers say of the arrays is left
//! to the guard, which checks these structs as it checks those of any caller.

use std::ffi::c_void;
use std::sync::Arc;

use arrow_ffi::c::ArrowArray;
use bowyer_capi::exports::bowyer_release_nothing;
use bowyer_capi::{Argument, Block};
use bowyer_core::{Error, ErrorCode, Result};
use bowyer_engine::proto::WorkerBlock;

use crate::mapping::{Mapping, Mappings};

/// Where a buffer lies, below the numbers of memory files.
pub(crate) const NOWHERE: u64 = 0;
pub(crate) const ZEROS: u64 = 1;
pub(crate) const INLINED: u64 = 2;
pub(crate) const ANSWER_FILE: u64 = 3;

/// Numbers of a node and of a buffer in the list.
pub(crate) const NODE: usize = 5;
pub(crate) const BUFFER: usize = 3;

static NULL_BYTES: [u64; 8] = [0; 8];

/// What keeps a block's buffers readable.
#[derive(Debug, Default)]
pub(crate) struct Lease {
    files: Vec<(u64, Arc<Mapping>)>,
    inlined: Vec<u8>,
}

impl Lease {
    /// The lease of a block, from which it takes what came inlined.
    ///
    /// # Errors
    /// `NotFound` for a memory file that the host has not sent.
    pub(crate) fn of(block: &mut WorkerBlock, mappings: &Mappings) -> Result<Self> {
        let mut lease = Self { files: Vec::new(), inlined: std::mem::take(&mut block.inlined) };
        for buffer in block.buffers.chunks_exact(BUFFER) {
            if buffer[0] > ANSWER_FILE && lease.file(buffer[0]).is_none() {
                lease.files.push((buffer[0], mappings.get(buffer[0])?));
            }
        }
        Ok(lease)
    }

    fn file(&self, number: u64) -> Option<&Arc<Mapping>> {
        self.files.iter().rev().find(|(known, _)| *known == number).map(|(_, file)| file)
    }

    /// Compares the sums that came with the block, if any did, with those of the buffers as they lie here.
    ///
    /// # Errors
    /// `InvalidArray` for a buffer with another sum; `InvalidArgument` when there are not as many as buffers in memory files.
    pub(crate) fn check(&self, block: &WorkerBlock) -> Result<()> {
        if block.checksums.is_empty() {
            return Ok(());
        }
        let mut announced = block.checksums.iter();
        for (index, buffer) in block.buffers.chunks_exact(BUFFER).enumerate() {
            let Some(file) = self.file(buffer[0]) else { continue };
            let sum = announced.next().ok_or_else(|| wrong("it has fewer sums than buffers in memory files"))?;
            let found = file.checksum(buffer[1], buffer[2])?;
            if found != *sum {
                let message = format!(
                    "buffer {index} of the block has the sum {found:#010x} instead of {sum:#010x}: its memory was \
                     changed after it was lent, or is damaged"
                );
                return Err(Error::new(ErrorCode::InvalidArray, message));
            }
        }
        if announced.next().is_some() { Err(wrong("it has more sums than buffers in memory files")) } else { Ok(()) }
    }

    fn part(&self, place: u64, offset: u64, size: u64) -> Result<*const c_void> {
        let within = |start: *const u8, byte_len: usize| match offset.checked_add(size) {
            Some(end) if end <= byte_len as u64 => Ok(start.wrapping_add(offset as usize).cast()),
            _ => Err(Error::invalid_argument(format!("{size} bytes from {offset} on in {byte_len}"))),
        };
        match place {
            NOWHERE if size == 0 => Ok(std::ptr::null()),
            ZEROS => within(NULL_BYTES.as_ptr().cast(), size_of_val(&NULL_BYTES)),
            INLINED => within(self.inlined.as_ptr(), self.inlined.len()),
            _ => match self.file(place) {
                Some(file) => file.part(offset, size),
                None => Err(Error::invalid_argument(format!("a buffer of {size} bytes in place {place}"))),
            },
        }
    }
}

/// The structs of a block. They lead into each other and into the lease.
pub(crate) struct Structs<'l> {
    pub(crate) block: Block,
    _arrays: Vec<ArrowArray>,
    _pointers: Vec<*const c_void>,
    _children: Vec<*mut ArrowArray>,
    _sizes: Vec<i64>,
    _arguments: Vec<Argument>,
    _lease: &'l Lease,
}

impl<'l> Structs<'l> {
    /// Makes the structs of a list.
    ///
    /// # Errors
    /// `InvalidArgument` when its numbers do not fit each other.
    pub(crate) fn of(message: &WorkerBlock, lease: &'l Lease) -> Result<Self> {
        let mut pointers = Vec::with_capacity(message.buffers.len() / BUFFER);
        let mut sizes = Vec::with_capacity(message.buffers.len() / BUFFER);
        for buffer in message.buffers.chunks_exact(BUFFER) {
            pointers.push(lease.part(buffer[0], buffer[1], buffer[2])?);
            sizes.push(i64::try_from(buffer[2]).map_err(|_| wrong("a buffer of no size"))?);
        }
        let mut tree = Tree::new(message, &mut pointers)?;
        let (arrays, children) = tree.build()?;
        let arguments: Vec<Argument> = message
            .arguments
            .chunks_exact(3)
            .map(|numbers| Argument { first: numbers[0], count: numbers[1], flags: numbers[2], reserved: 0 })
            .collect();
        let block = Block {
            struct_size: size_of::<Block>() as u32,
            array_count: message.array_count,
            owner: message.owner,
            row_count: message.row_count,
            arrays: arrays.as_ptr().expose_provenance() as u64,
            sizes: sizes.as_ptr().expose_provenance() as u64,
            arguments: arguments.as_ptr().expose_provenance() as u64,
            argument_count: arguments.len() as u32,
            flags: message.flags,
        };
        Ok(Self {
            block,
            _arrays: arrays,
            _pointers: pointers,
            _children: children,
            _sizes: sizes,
            _arguments: arguments,
            _lease: lease,
        })
    }
}

/// Structs in the making.
struct Tree<'m> {
    message: &'m WorkerBlock,
    pointers: *mut *const c_void,
    pointer_count: usize,
}

impl<'m> Tree<'m> {
    fn new(message: &'m WorkerBlock, pointers: &mut [*const c_void]) -> Result<Self> {
        let whole = message.nodes.len().is_multiple_of(NODE)
            && message.buffers.len().is_multiple_of(BUFFER)
            && message.arguments.len().is_multiple_of(3);
        if !whole || message.array_count as usize > message.nodes.len() / NODE {
            return Err(wrong("its lists are not whole"));
        }
        Ok(Self { message, pointers: pointers.as_mut_ptr(), pointer_count: pointers.len() })
    }

    /// The structs, those of the roots first, and the tables of children.
    fn build(&mut self) -> Result<(Vec<ArrowArray>, Vec<*mut ArrowArray>)> {
        let nodes: Vec<&[i64]> = self.message.nodes.chunks_exact(NODE).collect();
        let mut arrays: Vec<ArrowArray> = nodes.iter().map(|_| ArrowArray::empty()).collect();
        let mut tables: Vec<*mut ArrowArray> = vec![std::ptr::null_mut(); nodes.len()];
        let (first_array, first_table) = (arrays.as_mut_ptr(), tables.as_mut_ptr());
        let roots = self.message.array_count as usize;
        let mut open: Vec<usize> = (0..roots).rev().collect();
        let (mut free, mut table, mut pointer, mut dictionary) = (roots, 0, 0, 0);
        for (at, numbers) in nodes.iter().enumerate() {
            let slot = open.pop().ok_or_else(|| wrong("it has more nodes than arrays need"))?;
            let count = |number: i64, left: usize| {
                let count = usize::try_from(number).ok().filter(|count| *count <= left);
                count.ok_or_else(|| wrong("it has fewer nodes or buffers than a node needs"))
            };
            let children = count(numbers[4], nodes.len() - free)?;
            let buffers = count(numbers[3], self.pointer_count - pointer)?;
            let array = &mut arrays[slot];
            (array.length, array.offset, array.null_count) = (numbers[0], numbers[1], numbers[2]);
            (array.n_buffers, array.n_children) = (numbers[3], numbers[4]);
            array.release = Some(bowyer_release_nothing);
            if buffers > 0 {
                array.buffers = self.pointers.wrapping_add(pointer);
            }
            pointer += buffers;
            if children > 0 {
                array.children = first_table.wrapping_add(table);
            }
            let below = free..free + children;
            free += children;
            if self.message.dictionaries.get(dictionary).is_some_and(|node| *node as usize == at) {
                dictionary += 1;
                count(1, nodes.len() - free)?;
                array.dictionary = first_array.wrapping_add(free);
                open.push(free);
                free += 1;
            }
            for child in below.clone() {
                tables[table] = first_array.wrapping_add(child);
                table += 1;
            }
            open.extend(below.rev());
        }
        let used = open.is_empty() && pointer == self.pointer_count && dictionary == self.message.dictionaries.len();
        if !used {
            return Err(wrong("its arrays need more nodes, or fewer buffers or dictionaries"));
        }
        Ok((arrays, tables))
    }
}

fn wrong(what: &str) -> Error {
    Error::invalid_argument(format!("a block of arrays: {what}"))
}

#[cfg(test)]
mod tests;
