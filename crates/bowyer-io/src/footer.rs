// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The footer of an Arrow IPC file, before it is believed: arrow-ipc makes room for as many bytes as it says that a block has.

use std::io::{Read, Seek, SeekFrom};

use arrow_ipc::{Block, root_as_footer};
use bowyer_core::{Error, Result};

/// What a file ends with: the footer's length, and "ARROW1".
const END: usize = 10;

/// Looks whether all blocks lie within the file. What is wrong with the footer otherwise, its reader says.
///
/// # Errors
/// `InvalidData`; `Io`.
pub(crate) fn check(file: &mut (impl Read + Seek)) -> Result<()> {
    let byte_len = file.seek(SeekFrom::End(0))?;
    let blocks = blocks(file, byte_len)?;
    file.rewind()?;
    let outside = |block: &Block| {
        let parts = [block.offset(), i64::from(block.metaDataLength()), block.bodyLength()];
        let end = parts.iter().try_fold(0_i64, |end, part| if *part < 0 { None } else { end.checked_add(*part) });
        end.and_then(|end| u64::try_from(end).ok()).is_none_or(|end| end > byte_len)
    };
    match blocks.iter().find(|block| outside(block)) {
        Some(block) => Err(Error::invalid_data(format!(
            "the file cannot be read: a block of {} and {} bytes at {} does not lie within its {byte_len}",
            block.metaDataLength(),
            block.bodyLength(),
            block.offset()
        ))),
        None => Ok(()),
    }
}

/// The blocks that the footer lists; none where there is no footer.
fn blocks(file: &mut (impl Read + Seek), byte_len: u64) -> Result<Vec<Block>> {
    let Some(end_at) = byte_len.checked_sub(END as u64) else { return Ok(Vec::new()) };
    file.seek(SeekFrom::Start(end_at))?;
    let mut end = [0; END];
    file.read_exact(&mut end)?;
    let footer_len = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    let Some(footer_at) = end_at.checked_sub(footer_len) else { return Ok(Vec::new()) };
    file.seek(SeekFrom::Start(footer_at))?;
    let mut footer = Vec::new();
    file.take(footer_len).read_to_end(&mut footer)?;
    let Ok(footer) = root_as_footer(&footer) else { return Ok(Vec::new()) };
    let of = |blocks: Option<_>| blocks.into_iter().flatten().copied();
    Ok(of(footer.dictionaries()).chain(of(footer.recordBatches())).collect())
}
