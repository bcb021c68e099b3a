// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! From a result of the engine to the list of nodes and buffers that a frame carries.
//!
//! A small result lies in the frame; a large one in a memory file that nobody can change any more, which the host maps. A
//! buffer that lies in what the host lent is named and not sent.

use std::os::fd::OwnedFd;

use bowyer_core::Result;
use bowyer_engine::proto::{WorkerBlock, WorkerReply};

use crate::block::{ANSWER_FILE, INLINED, NOWHERE, ZEROS};
use crate::memory_file::{self, ALIGNMENT};
use crate::native::Answer;

/// Results of at most so many bytes lie in their frame.
const INLINE_LIMIT: usize = 32 << 10;

/// The list of a result, written into `reply`, and the memory file that it names, if it needs one; with `checksums`, the sums
/// of the buffers in that file too. Those in the frame are summed with it.
///
/// # Errors
/// `Io` when there is no memory for the file.
pub(crate) fn write(answer: &Answer, reply: &mut WorkerReply, checksums: bool) -> Result<Option<OwnedFd>> {
    let mut block = WorkerBlock { array_count: 1, row_count: answer.result.row_count, ..WorkerBlock::default() };
    let mut parts: Vec<&[u8]> = Vec::new();
    let (mut buffer_index, mut next_alias, mut total) = (0, 0, 0);
    let aliases = answer.aliases();
    answer.visit(|array, buffers| {
        if !array.dictionary.is_null() {
            block.dictionaries.push((block.nodes.len() / crate::block::NODE) as u32);
        }
        block.nodes.extend([array.length, array.offset, array.null_count, array.n_buffers, array.n_children]);
        for buffer in buffers {
            let alias = aliases.get(next_alias).filter(|alias| alias.target_buffer == buffer_index);
            let place = match (alias, buffer) {
                (Some(alias), _) => {
                    next_alias += 1;
                    [NOWHERE, 0, alias.byte_len as u64]
                }
                (None, None) => [NOWHERE, 0, 0],
                (None, Some([])) => [ZEROS, 0, 0],
                (None, Some(content)) => {
                    parts.push(content);
                    let at = total;
                    total = (total + content.len()).next_multiple_of(ALIGNMENT);
                    [ANSWER_FILE, at as u64, content.len() as u64]
                }
            };
            block.buffers.extend(place);
            buffer_index += 1;
        }
    });
    for alias in aliases {
        let numbers = [u64::from(alias.source_buffer), u64::from(alias.target_buffer)];
        reply.aliases.extend([alias.owner, numbers[0], numbers[1], alias.offset as u64, alias.byte_len as u64]);
    }
    let mut file = None;
    if total > INLINE_LIMIT {
        if checksums {
            block.checksums = parts.iter().map(|part| crc32c::crc32c(part)).collect();
        }
        file = Some(memory_file::written(total, &parts)?);
    } else {
        block.inlined = vec![0; total];
        let mut at = 0;
        for part in &parts {
            block.inlined[at..at + part.len()].copy_from_slice(part);
            at = (at + part.len()).next_multiple_of(ALIGNMENT);
        }
        for buffer in block.buffers.chunks_exact_mut(3).filter(|buffer| buffer[0] == ANSWER_FILE) {
            buffer[0] = INLINED;
        }
    }
    reply.block = Some(block);
    Ok(file)
}
