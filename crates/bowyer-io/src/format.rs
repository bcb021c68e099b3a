// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What a file is, by its first bytes. Names are not believed.

use std::io::{Read, Seek};

use bowyer_core::{Error, Result};

/// The formats that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InputFormat {
    IpcFile,
    IpcStream,
    Parquet,
}

impl InputFormat {
    /// Looks at the beginning of a file, and goes back there.
    pub(crate) fn of(file: &mut (impl Read + Seek)) -> Result<Self> {
        let mut first = Vec::with_capacity(6);
        file.by_ref().take(6).read_to_end(&mut first)?;
        file.rewind()?;
        match first.as_slice() {
            b"ARROW1" => Ok(Self::IpcFile),
            // The marker of a message, as every stream since Arrow 0.15 begins.
            [0xff, 0xff, 0xff, 0xff, ..] => Ok(Self::IpcStream),
            [b'P', b'A', b'R', b'1', ..] => Ok(Self::Parquet),
            [b'P', b'A', b'R', b'E', ..] => Err(Error::not_implemented("encrypted Parquet files cannot be read")),
            _ => Err(Error::invalid_data("this is neither Arrow IPC nor Parquet")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bowyer_core::ErrorCode;
    use std::io::Cursor;

    fn of(bytes: &[u8]) -> Result<InputFormat> {
        InputFormat::of(&mut Cursor::new(bytes))
    }

    #[test]
    fn the_first_bytes_tell() {
        assert_eq!(of(b"ARROW1\0\0...").unwrap(), InputFormat::IpcFile);
        assert_eq!(of(b"PAR1...").unwrap(), InputFormat::Parquet);
        assert_eq!(of(&[0xff, 0xff, 0xff, 0xff, 0x10, 0]).unwrap(), InputFormat::IpcStream);
    }

    #[test]
    fn anything_else_is_refused() {
        assert_eq!(of(b"a,b\n1,2\n").unwrap_err().code(), ErrorCode::InvalidData);
        assert_eq!(of(b"").unwrap_err().code(), ErrorCode::InvalidData);
        assert_eq!(of(b"PARE").unwrap_err().code(), ErrorCode::NotImplemented);
    }
}
