// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Chores that run other programs: the whole of `make test`, and the checks of the C library.

use std::process::Command;

use crate::Result;
use crate::repository::Repository;

/// Everything that CI runs.
pub(crate) fn run(repository: &Repository) -> Result<String> {
    finish(repository, Command::new("make").arg("test"), "ci")
}

/// Symbols, header and layouts of the C library, as its own tests check them.
pub(crate) fn abi(repository: &Repository) -> Result<String> {
    finish(repository, Command::new("cargo").args(["test", "--package", "bowyer-capi"]), "abi")
}

fn finish(repository: &Repository, command: &mut Command, chore: &str) -> Result<String> {
    let status = command.current_dir(repository.root()).status()?;
    if status.success() { Ok(format!("{chore}: passed")) } else { Err(format!("{chore}: {status}").into()) }
}
