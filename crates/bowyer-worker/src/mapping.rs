// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The host's memory files, mapped to be read: seals and size are checked before.
//!
//! The host seals a file against shrinking before it sends it, so that no read of the mapping can miss. It goes on writing to
//! parts that the worker does not hold; that it leaves alone what it has lent is its promise, as it is within one process.

use std::collections::HashMap;
use std::ffi::c_void;
use std::os::fd::OwnedFd;
use std::sync::{Arc, PoisonError, RwLock};

use bowyer_core::{Error, ErrorCode, Result};
use rustix::fs::{SealFlags, fcntl_get_seals, fstat};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// A mapped file; unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    address: *mut c_void,
    byte_len: usize,
}

// SAFETY: the mapping is only read, and unmapped by whoever drops it last.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps a file of `byte_len` bytes.
    ///
    /// # Errors
    /// `InvalidArgument` when it is not sealed against shrinking or has another size; `Io` when it cannot be mapped.
    pub(crate) fn of(file: &OwnedFd, byte_len: usize) -> Result<Self> {
        let failed = |errno: rustix::io::Errno| Error::new(ErrorCode::Io, format!("a memory file: {errno}"));
        let seals = fcntl_get_seals(file).map_err(failed)?;
        let size = fstat(file).map_err(failed)?.st_size;
        if !seals.contains(SealFlags::SHRINK) || u64::try_from(size) != Ok(byte_len as u64) || byte_len == 0 {
            let message = format!("a memory file of {size} bytes with seals {seals:?} where {byte_len} are announced");
            return Err(Error::invalid_argument(message));
        }
        // SAFETY: a new mapping at an address that the system chooses touches nothing else. The file cannot shrink, so that
        // every byte of it stays readable.
        let address = unsafe { mmap(std::ptr::null_mut(), byte_len, ProtFlags::READ, MapFlags::SHARED, file, 0) };
        Ok(Self { address: address.map_err(failed)?, byte_len })
    }

    /// The sum of a part, CRC32C.
    ///
    /// # Errors
    /// As for [`Mapping::part`].
    pub(crate) fn checksum(&self, offset: u64, size: u64) -> Result<u32> {
        let first = self.part(offset, size)?.cast::<u8>();
        // SAFETY: `part` found it within the mapping, all of which stays readable. The host leaves alone what it has lent; where
        // it does not, the sum is that of other bytes, which is what it is made to find.
        Ok(crc32c::crc32c(unsafe { std::slice::from_raw_parts(first, size as usize) }))
    }

    /// The address of a part.
    ///
    /// # Errors
    /// `OutOfBounds` when it is not within the file.
    pub(crate) fn part(&self, offset: u64, size: u64) -> Result<*const c_void> {
        let end = offset.checked_add(size);
        match end.filter(|end| *end <= self.byte_len as u64) {
            Some(_) => Ok(self.address.cast::<u8>().wrapping_add(offset as usize).cast()),
            None => {
                let message = format!("{size} bytes from {offset} on in a memory file of {}", self.byte_len);
                Err(Error::new(ErrorCode::OutOfBounds, message))
            }
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and nobody holds it any more.
        let _ = unsafe { munmap(self.address, self.byte_len) };
    }
}

/// The host's files by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Mappings(RwLock<HashMap<u64, Arc<Mapping>>>);

impl Mappings {
    /// Adds a file.
    ///
    /// # Errors
    /// Those of [`Mapping::of`]; `InvalidArgument` for a number that is taken or too low.
    pub(crate) fn add(&self, number: u64, file: &OwnedFd, byte_len: u64) -> Result<()> {
        let byte_len = usize::try_from(byte_len).map_err(|_| Error::invalid_argument("a memory file of no size"))?;
        let mapping = Arc::new(Mapping::of(file, byte_len)?);
        let mut files = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if number < 4 || files.contains_key(&number) {
            return Err(Error::invalid_argument(format!("memory file {number} is there already, or has no name")));
        }
        files.insert(number, mapping);
        Ok(())
    }

    /// Forgets a file; what is still read of it stays.
    pub(crate) fn forget(&self, number: u64) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    /// The file of a number.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub(crate) fn get(&self, number: u64) -> Result<Arc<Mapping>> {
        let files = self.0.read().unwrap_or_else(PoisonError::into_inner);
        files.get(&number).cloned().ok_or_else(|| Error::not_found(format!("memory file {number}")))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use rustix::fs::{MemfdFlags, fcntl_add_seals, memfd_create};

    use super::*;

    fn file(byte_len: u64, seals: SealFlags) -> OwnedFd {
        let file = memfd_create("test", MemfdFlags::ALLOW_SEALING).unwrap();
        let file = File::from(file);
        file.set_len(byte_len).unwrap();
        fcntl_add_seals(&file, seals).unwrap();
        file.into()
    }

    #[test]
    fn a_file_that_may_shrink_or_has_another_size_is_not_mapped() {
        assert!(Mapping::of(&file(4096, SealFlags::GROW), 4096).is_err());
        assert!(Mapping::of(&file(4096, SealFlags::SHRINK), 8192).is_err());
        assert!(Mapping::of(&file(0, SealFlags::SHRINK), 0).is_err());
    }

    #[test]
    fn parts_lie_within_their_file() {
        let mapping = Mapping::of(&file(4096, SealFlags::SHRINK), 4096).unwrap();
        assert!(mapping.part(4000, 96).is_ok());
        assert!(mapping.part(4000, 97).is_err());
        assert!(mapping.part(u64::MAX, 2).is_err());
    }

    #[test]
    fn numbers_name_one_file_until_it_is_forgotten() {
        let files = Mappings::default();
        let file = file(4096, SealFlags::SHRINK);
        assert!(files.add(3, &file, 4096).is_err());
        files.add(4, &file, 4096).unwrap();
        assert!(files.add(4, &file, 4096).is_err());
        assert!(files.get(4).is_ok());
        files.forget(4);
        assert!(files.get(4).is_err());
    }
}
