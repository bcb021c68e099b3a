// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The corpus: every function has cases in `testdata/functions`.
//!
//! Cases stand in the file of their family, or in one that small neighbouring families share. Here only names are
//! compared; three runners run the cases.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::Result;
use crate::repository::Repository;

const CASES: &str = "testdata/functions/";

#[derive(Deserialize)]
struct Corpus {
    #[serde(default)]
    case: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    call: String,
}

/// Findings over the whole repository.
pub(crate) fn check(repository: &Repository, files: &[String]) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let called = called(repository, files)?;
    // A case cannot say of how many rows a call without arguments is.
    for function in bowyer_compute::functions().filter(|function| !function.args.is_empty()) {
        if !called.contains(function.name) && !function.aliases.iter().any(|alias| called.contains(*alias)) {
            findings.push(format!("{}: no case in {CASES}*.toml calls it", function.name));
        }
    }
    Ok(findings)
}

fn called(repository: &Repository, files: &[String]) -> Result<BTreeSet<String>> {
    let mut called = BTreeSet::new();
    for path in files.iter().filter(|path| path.starts_with(CASES) && path.ends_with(".toml")) {
        let corpus: Corpus = toml::from_str(&repository.read(path)?).map_err(|error| format!("{path}: {error}"))?;
        called.extend(corpus.case.into_iter().map(|case| case.call));
    }
    Ok(called)
}
