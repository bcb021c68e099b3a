// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Where queries put what does not fit their memory: files without a name in one directory, up to a number of bytes.
//!
//! Files hold Arrow IPC streams ([`file`]); operators by key deal their rows to several ([`deal`]). They are unlinked
//! before the first byte is written, so that nothing stays behind whichever way the process ends. Operators decide what
//! they write and when; [`TaskContext::is_short`] tells them that memory is running out.
//!
//! [`TaskContext::is_short`]: crate::operators::TaskContext::is_short

pub(crate) mod deal;
pub(crate) mod file;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bowyer_core::{Error, Result};

/// The part of a budget, in percent, past which operators that can spill do so.
pub(crate) const SHORT_PERCENT: u64 = 60;

/// A directory for spilled rows and how many bytes may lie there. Shared by all queries of an engine.
#[derive(Debug)]
pub(crate) struct SpillSpace {
    directory: PathBuf,
    limit_bytes: Option<u64>,
    used_bytes: AtomicU64,
}

/// What an operator has spilled.
#[derive(Debug, Default)]
pub(crate) struct Spilled {
    bytes: AtomicU64,
    files: AtomicU64,
}

impl Spilled {
    /// The bytes and files so far.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.bytes.load(Ordering::Relaxed), self.files.load(Ordering::Relaxed))
    }
}

impl SpillSpace {
    /// The directory `directory`, which is looked at when the first file is made.
    pub(crate) fn new(directory: impl AsRef<Path>, limit_bytes: Option<u64>) -> Arc<Self> {
        let directory = directory.as_ref().to_owned();
        Arc::new(Self { directory, limit_bytes, used_bytes: AtomicU64::new(0) })
    }

    /// A file that nobody else can see and that is gone when it is closed.
    fn open(&self) -> Result<File> {
        tempfile::tempfile_in(&self.directory).map_err(|error| self.failed("cannot be written to", error))
    }

    fn failed(&self, what: &str, error: std::io::Error) -> Error {
        Error::io(format!("the spill directory {} {what}: {error}", self.directory.display())).caused_by(error)
    }

    /// What lies there now.
    #[cfg(test)]
    pub(crate) fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64) -> Result<()> {
        let used = self.used_bytes.fetch_add(bytes, Ordering::Relaxed);
        let total = used.saturating_add(bytes);
        match self.limit_bytes {
            Some(limit) if total > limit => {
                self.give_back(bytes);
                Err(Error::limit_exceeded(format!("spilled rows take {total} bytes, of which {limit} are allowed")))
            }
            _ => Ok(()),
        }
    }

    fn give_back(&self, bytes: u64) {
        self.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}
