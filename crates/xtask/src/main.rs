// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Bowyer's chores: `cargo xtask codegen [--check]`, `supply [--check]`, `sbom`, `tidy`, `abi` and `ci`.
//!
//! `codegen` writes what is derived from a table of the repository, `supply` what is derived from the dependencies, `tidy`
//! checks habits that no lint knows, `abi` runs the checks of the C library's symbols and header, `ci` is what `make test`
//! runs. Each chore is a module; the tables that it reads stay beside the code that they describe.

#![forbid(unsafe_code)]

mod ci;
mod codegen;
mod deviations;
mod errors;
mod functions;
mod go_functions;
mod repository;
mod supply;
mod tidy;

use std::io::Write;
use std::process::ExitCode;

use repository::Repository;

/// What a chore ends with: a sentence for the person who ran it, or why it failed.
type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

const USAGE: &str = "usage: cargo xtask CHORE

  codegen           rewrite the generated files
  codegen --check   fail if a generated file is not what its table says
  supply            rewrite the lists of dependencies and their licences
  supply --check    fail if they are not current or a dependency is not in order
  sbom FOLDER       write bills of materials (CycloneDX)
  tidy              check file lengths, names, licence lines, corpus files and pinned versions
  abi               check the C library's symbols and header
  ci                everything that a reviewer would run (make test)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let repository = Repository::of_this_crate();
    let outcome = match arguments.as_slice() {
        ["codegen"] => codegen::write(&repository),
        ["codegen", "--check"] => codegen::check(&repository),
        ["supply"] => supply::write(&repository),
        ["supply", "--check"] => supply::check(&repository),
        ["sbom", folder] => supply::sbom(&repository, folder),
        ["tidy"] => tidy::run(&repository),
        ["abi"] => ci::abi(&repository),
        ["ci"] => ci::run(&repository),
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(report) => {
            say(&mut std::io::stdout(), &report);
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&mut std::io::stderr(), &error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Writes a line; a closed pipe is the reader's choice and no failure of the chore.
fn say(out: &mut impl Write, line: &str) {
    let _ = writeln!(out, "{line}");
}
