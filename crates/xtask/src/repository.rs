// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The files of the repository: those that git tracks or would track.
//!
//! Chores name files by their path from the root, with forward slashes, as they print them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;

/// The work tree that this program was built from.
pub(crate) struct Repository {
    root: PathBuf,
}

impl Repository {
    /// The work tree two folders above this crate.
    pub(crate) fn of_this_crate() -> Self {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self { root: manifest.ancestors().nth(2).unwrap_or(manifest).to_path_buf() }
    }

    /// The root folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where the file `path` lies.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The text of `path`.
    pub(crate) fn read(&self, path: &str) -> Result<String> {
        std::fs::read_to_string(self.path(path)).map_err(|error| format!("{path}: {error}").into())
    }

    /// Paths that git tracks, and new ones that it does not ignore, in order.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let listing = Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard"])
            .current_dir(&self.root)
            .output()?;
        if !listing.status.success() {
            return Err(format!("git ls-files: {}", String::from_utf8_lossy(&listing.stderr)).into());
        }
        let mut files: Vec<String> = String::from_utf8(listing.stdout)?.lines().map(str::to_owned).collect();
        files.retain(|path| self.path(path).is_file());
        files.sort();
        files.dedup();
        Ok(files)
    }
}
