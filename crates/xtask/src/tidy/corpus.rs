// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The corpus: every family of functions has its file of cases, and every function has cases in one.
//!
//! A family is a source file of bowyer-compute that declares a `FAMILY`; its cases are
//! `testdata/functions/<family>.toml`. Here only names are compared; three runners run the cases.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::Result;
use crate::repository::Repository;

const FAMILIES: &str = "crates/bowyer-compute/src/";
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
    for path in files.iter().filter(|path| path.starts_with(FAMILIES) && path.ends_with(".rs")) {
        let declares = repository.read(path)?.lines().any(|line| line.contains("const FAMILY:"));
        let family = family(path);
        if declares && !files.contains(&format!("{CASES}{family}.toml")) {
            findings.push(format!("{path}: no cases in {CASES}{family}.toml"));
        }
    }
    let called = called(repository, files)?;
    for function in bowyer_compute::functions() {
        if !called.contains(function.name) && !function.aliases.iter().any(|alias| called.contains(*alias)) {
            findings.push(format!("{}: no case in {CASES}*.toml calls it", function.name));
        }
    }
    Ok(findings)
}

/// The name of a family: its file, or its folder if it has grown into one.
fn family(path: &str) -> &str {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    path.rsplit('/').next().unwrap_or(path)
}

fn called(repository: &Repository, files: &[String]) -> Result<BTreeSet<String>> {
    let mut called = BTreeSet::new();
    for path in files.iter().filter(|path| path.starts_with(CASES) && path.ends_with(".toml")) {
        let corpus: Corpus = toml::from_str(&repository.read(path)?).map_err(|error| format!("{path}: {error}"))?;
        called.extend(corpus.case.into_iter().map(|case| case.call));
    }
    Ok(called)
}
