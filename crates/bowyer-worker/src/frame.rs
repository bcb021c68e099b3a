// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Frames: a header of 32 bytes, always checked, and one encoded message.
//!
//! The header is magic, version, kind, length of the body, flags, sequence and CRC32C of all that and the body, each little
//! endian. A body too large for one message of the socket lies in a sealed memory file that comes along.

use bowyer_core::{Error, Result};

/// "BWY1".
const MAGIC: u32 = 0x3159_5742;
/// Of header and messages: host and worker must be of the same.
pub(crate) const VERSION: u16 = 1;
/// Bytes of a header.
pub(crate) const HEADER: usize = 32;
/// The largest body that is part of its frame.
pub(crate) const BODY_LIMIT: usize = 128 << 10;
/// The largest body at all.
pub(crate) const LARGEST_BODY: usize = 256 << 20;
/// The body is the content of the first memory file that came along.
pub(crate) const IN_FILE: u32 = 1;

/// Set in the kind of an answer.
pub(crate) const ANSWER: u16 = 0x8000;
/// The kind of a frame with events.
pub(crate) const EVENTS: u16 = 0x4000;

/// What the host asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Kind {
    Open = 1,
    Close = 2,
    MemoryFile = 3,
    ForgetFile = 4,
    Resolve = 5,
    Call = 6,
    CancelCall = 7,
    SchemaOpen = 8,
    Echo = 9,
    SourceOpen = 10,
    SourcePush = 11,
    Prepare = 12,
    Output = 13,
    Start = 14,
    Push = 15,
    Finish = 16,
    Next = 17,
    Cancel = 18,
    Statistics = 19,
    Logs = 20,
    Release = 21,
    Taken = 22,
}

impl Kind {
    const ALL: [Self; 22] = [
        Self::Open,
        Self::Close,
        Self::MemoryFile,
        Self::ForgetFile,
        Self::Resolve,
        Self::Call,
        Self::CancelCall,
        Self::SchemaOpen,
        Self::Echo,
        Self::SourceOpen,
        Self::SourcePush,
        Self::Prepare,
        Self::Output,
        Self::Start,
        Self::Push,
        Self::Finish,
        Self::Next,
        Self::Cancel,
        Self::Statistics,
        Self::Logs,
        Self::Release,
        Self::Taken,
    ];

    /// # Errors
    /// `InvalidArgument` for a number that no kind has.
    pub(crate) fn read(number: u16) -> Result<Self> {
        let kind = Self::ALL.iter().find(|kind| **kind as u16 == number);
        kind.copied().ok_or_else(|| Error::invalid_argument(format!("there is no kind {number} of request")))
    }
}

/// What a header says, the rest of it being checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: u16,
    pub(crate) flags: u32,
    pub(crate) length: usize,
    pub(crate) sequence: u64,
}

impl Header {
    /// The header's bytes, for this body.
    pub(crate) fn write(&self, body: &[u8]) -> [u8; HEADER] {
        let mut out = [0; HEADER];
        out[0..4].copy_from_slice(&MAGIC.to_le_bytes());
        out[4..6].copy_from_slice(&VERSION.to_le_bytes());
        out[6..8].copy_from_slice(&self.kind.to_le_bytes());
        out[8..12].copy_from_slice(&(self.length as u32).to_le_bytes());
        out[12..16].copy_from_slice(&self.flags.to_le_bytes());
        out[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        let sum = crc32c::crc32c_append(crc32c::crc32c(&out[..24]), body);
        out[24..28].copy_from_slice(&sum.to_le_bytes());
        out
    }

    /// Reads a header. The sum is left to [`Self::check`], once the body is known.
    ///
    /// # Errors
    /// `InvalidArgument`, `IncompatibleVersion` and `LimitExceeded`.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self> {
        let Some((header, _)) = bytes.split_first_chunk::<HEADER>() else {
            return Err(Error::invalid_argument(format!("a frame of {} bytes", bytes.len())));
        };
        let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let half = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        if word(0) != MAGIC {
            return Err(Error::invalid_argument("a frame that does not begin as frames do"));
        }
        if half(4) != VERSION {
            let message = format!("a frame of version {}, this worker has {VERSION}", half(4));
            return Err(Error::new(bowyer_core::ErrorCode::IncompatibleVersion, message));
        }
        let length = word(8) as usize;
        if length > LARGEST_BODY || word(12) & !IN_FILE != 0 || word(28) != 0 {
            return Err(Error::limit_exceeded(format!(
                "a frame with a body of {length} bytes and flags {:#x}",
                word(12)
            )));
        }
        let sequence = u64::from(word(16)) | u64::from(word(20)) << 32;
        Ok(Self { kind: half(6), flags: word(12), length, sequence })
    }

    /// Whether header and body have the sum that the header says.
    pub(crate) fn check(header: &[u8], body: &[u8]) -> bool {
        let Some((header, _)) = header.split_first_chunk::<HEADER>() else { return false };
        let sum = crc32c::crc32c_append(crc32c::crc32c(&header[..24]), body);
        header[24..28] == sum.to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_and_every_flipped_bit_is_noticed() {
        let body = b"what the frame is about";
        let header = Header { kind: Kind::Call as u16, flags: 0, length: body.len(), sequence: 1 << 40 };
        let written = header.write(body);
        assert_eq!(Header::read(&written).unwrap(), header);
        assert!(Header::check(&written, body));
        for bit in 0..28 * 8 {
            let mut damaged = written;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::read(&damaged).is_err() || !Header::check(&damaged, body), "bit {bit}");
        }
        for bit in 0..body.len() * 8 {
            let mut damaged = *body;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(!Header::check(&written, &damaged), "bit {bit} of the body");
        }
        assert!(Header::read(&written[..31]).is_err());
    }

    #[test]
    fn kinds_are_their_numbers() {
        for kind in Kind::ALL {
            assert_eq!(Kind::read(kind as u16).unwrap(), kind);
        }
        assert!(Kind::read(0).is_err() && Kind::read(23).is_err() && Kind::read(Kind::Call as u16 | ANSWER).is_err());
    }
}
