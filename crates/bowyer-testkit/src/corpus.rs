// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The corpus of function cases: one TOML file for each family, run in Rust, through the C ABI and in Go.
//!
//! A runner says how a call is made; here is what is called and what must come out. `testdata/README.md` describes the
//! format.

use std::path::{Path, PathBuf};

use arrow_array::{Array, ArrayRef};
use serde::Deserialize;

use crate::{Literal, compare, literal};

/// A case as the file has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows, in words.
    pub name: String,
    /// The function.
    pub call: String,
    /// The arguments, as literals.
    #[serde(default)]
    pub args: Vec<String>,
    /// The options.
    #[serde(default)]
    pub options: toml::Table,
    /// The result, as a literal.
    pub result: Option<String>,
    /// Or the error.
    pub error: Option<ExpectedError>,
}

/// The error of a case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedError {
    /// The name of its code.
    pub code: String,
    /// The row that it names.
    pub row: Option<u64>,
    /// The argument or option that it names.
    pub argument: Option<String>,
    /// What its message says among other words.
    pub message_contains: Option<String>,
}

/// An error as a runner saw it.
#[derive(Clone, Debug)]
pub struct SeenError {
    /// The name of its code.
    pub code: String,
    /// The row that it names.
    pub row: Option<u64>,
    /// The argument or option that it names.
    pub argument: Option<String>,
    /// Its message.
    pub message: String,
}

impl From<bowyer_core::Error> for SeenError {
    fn from(error: bowyer_core::Error) -> Self {
        Self {
            code: error.code().name().to_owned(),
            row: error.place().row,
            argument: error.place().argument.as_deref().map(str::to_owned),
            message: error.message().to_owned(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

/// The folder of the corpus in this repository.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/functions")
}

/// All cases, each with the name of its file.
///
/// # Errors
/// A sentence that names the file that cannot be read.
pub fn load(folder: &Path) -> Result<Vec<(String, Case)>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let mut cases = vec![];
    for path in paths {
        let of_file = |error: String| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(&path).map_err(|error| of_file(error.to_string()))?;
        let file: File = toml::from_str(&text).map_err(|error| of_file(error.to_string()))?;
        let family = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        cases.extend(file.case.into_iter().map(|case| (family.clone(), case)));
    }
    Ok(cases)
}

impl Case {
    /// The arguments.
    ///
    /// # Errors
    /// A sentence when a literal is not understood.
    pub fn arguments(&self) -> Result<Vec<Literal>, String> {
        self.args.iter().map(|text| literal(text)).collect()
    }

    /// How many rows the call has: those of its arrays, or one when all arguments are scalars.
    #[must_use]
    pub fn row_count(arguments: &[Literal]) -> usize {
        arguments.iter().find(|argument| !argument.is_scalar).map_or(1, |argument| argument.array.len())
    }

    /// Says how what a runner saw differs from what the case wants. A scalar is seen as an array of one row.
    ///
    /// # Errors
    /// A sentence with the difference.
    pub fn check(&self, seen: Result<ArrayRef, SeenError>) -> Result<(), String> {
        match (&self.result, &self.error, seen) {
            (Some(expected), None, Ok(array)) => compare::same(&array, &literal(expected)?.array),
            (None, Some(expected), Err(error)) => expected.check(&error),
            (Some(_), None, Err(error)) => Err(format!("failed: {error:?}")),
            (None, Some(expected), Ok(array)) => Err(format!("gave {array:?} where {expected:?} was due")),
            _ => Err("a case has a result or an error".to_owned()),
        }
    }
}

impl ExpectedError {
    fn check(&self, seen: &SeenError) -> Result<(), String> {
        let says = self.message_contains.as_ref().is_none_or(|part| seen.message.contains(part.as_str()));
        let row = self.row.is_none() || self.row == seen.row;
        let argument = self.argument.is_none() || self.argument == seen.argument;
        if self.code == seen.code && row && argument && says {
            return Ok(());
        }
        Err(format!("{seen:?} where {self:?} was due"))
    }
}
