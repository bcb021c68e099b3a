// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The generated files: every one of them is a function of a table in the repository.
//!
//! A generator gives the whole text of its files; writing and comparing happen here. Generated files are committed, so
//! that a build needs no generator and a review shows what a change of a table changes.

use crate::repository::Repository;
use crate::{Result, errors, functions};

/// A file whose text is derived.
pub(crate) struct Generated {
    /// Path from the root.
    pub(crate) path: &'static str,
    /// Its whole text.
    pub(crate) text: String,
}

/// Rewrites the files that differ.
pub(crate) fn write(repository: &Repository) -> Result<String> {
    let stale = stale(repository)?;
    for file in &stale {
        let path = repository.path(file.path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, &file.text)?;
    }
    Ok(match stale.as_slice() {
        [] => "codegen: nothing changed".to_owned(),
        files => format!("codegen: wrote {}", names(files)),
    })
}

/// Fails if a file differs from what its table says.
pub(crate) fn check(repository: &Repository) -> Result<String> {
    match stale(repository)?.as_slice() {
        [] => Ok("codegen: every generated file is current".to_owned()),
        files => Err(format!("codegen: not current: {}; run `cargo xtask codegen`", names(files)).into()),
    }
}

fn stale(repository: &Repository) -> Result<Vec<Generated>> {
    let mut files = errors::generate(repository)?;
    files.extend(functions::generate(repository)?);
    files.retain(|file| std::fs::read_to_string(repository.path(file.path)).ok().as_deref() != Some(&file.text));
    Ok(files)
}

fn names(files: &[Generated]) -> String {
    files.iter().map(|file| file.path).collect::<Vec<_>>().join(", ")
}
