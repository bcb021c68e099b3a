// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Memory files that the worker fills: written, never mapped here, and sealed so that nobody can change them again.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;

use bowyer_core::{Error, ErrorCode, Result};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create};

/// The seals of a file whose content is final.
const FINAL: SealFlags = SealFlags::WRITE.union(SealFlags::GROW).union(SealFlags::SHRINK).union(SealFlags::SEAL);

/// What each part begins at a multiple of.
pub(crate) const ALIGNMENT: usize = 64;

/// A sealed file of the parts, each from a multiple of [`ALIGNMENT`] on; `byte_len` is at least what they need.
///
/// # Errors
/// `Io`, also when there is no memory for it.
pub(crate) fn written(byte_len: usize, parts: &[&[u8]]) -> Result<OwnedFd> {
    let name = "bowyer answer";
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels before 6.3 do not know the flag that also forbids to run the file.
    let file =
        memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL).or_else(|_| memfd_create(name, flags)).map_err(failed)?;
    let file = File::from(file);
    let mut out = BufWriter::with_capacity(64 << 10, &file);
    let mut at = 0;
    for part in parts {
        out.write_all(part).map_err(broken)?;
        let end = at + part.len();
        at = end.next_multiple_of(ALIGNMENT);
        out.write_all(&[0; ALIGNMENT][..at - end]).map_err(broken)?;
    }
    out.flush().map_err(broken)?;
    drop(out);
    if at > byte_len.next_multiple_of(ALIGNMENT) {
        return Err(Error::internal("a memory file is larger than its parts"));
    }
    fcntl_add_seals(&file, FINAL).map_err(failed)?;
    Ok(file.into())
}

/// The content of a final file.
///
/// # Errors
/// `InvalidArgument` when it is shorter or not sealed.
pub(crate) fn read(file: OwnedFd, byte_len: usize) -> Result<Vec<u8>> {
    let seals = fcntl_get_seals(&file).map_err(failed)?;
    if !seals.contains(SealFlags::WRITE | SealFlags::SHRINK) {
        return Err(Error::invalid_argument("a memory file with a frame's body is not sealed"));
    }
    let mut content = vec![0; byte_len];
    File::from(file).read_exact_at(&mut content, 0).map_err(broken)?;
    Ok(content)
}

fn failed(errno: rustix::io::Errno) -> Error {
    Error::new(ErrorCode::Io, format!("a memory file: {errno}"))
}

fn broken(error: std::io::Error) -> Error {
    Error::new(ErrorCode::Io, format!("a memory file: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_file_is_final() {
        let file = written(200, &[b"abc", b"", b"defg"]).unwrap();
        let copy = File::from(file.try_clone().unwrap());
        assert!(copy.write_at(b"x", 0).is_err());
        assert!(copy.set_len(0).is_err() && copy.set_len(1 << 20).is_err());
        let content = read(file, 128).unwrap();
        assert_eq!(&content[..3], b"abc");
        assert_eq!(&content[64..68], b"defg");
    }

    #[test]
    fn a_file_without_seals_or_too_short_is_refused() {
        let open = memfd_create("open", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        assert!(read(open, 0).is_err());
        assert!(read(written(3, &[b"abc"]).unwrap(), 65).is_err());
    }
}
