// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The `bowyer` program: functions over Arrow streams, for shells and notebooks.
//!
//! A command reads standard input, writes standard output, and says on standard error in one line why it failed. What a
//! command does is a module; this file parses the command line and turns outcomes into exit codes: 0 done, 1 failed,
//! 2 called wrongly.

#![forbid(unsafe_code)]

mod call;
mod errors;
mod functions;
mod options;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use bowyer_core::{Error, Result};
use clap::{Parser, Subcommand};

/// Functions over Arrow record batches.
#[derive(Parser)]
#[command(name = "bowyer", version, max_term_width = 100)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the functions.
    Functions {
        /// As JSON: arguments, options, overloads and facts.
        #[arg(long)]
        json: bool,
    },
    /// List the codes of errors.
    Errors,
    /// Call a function over the Arrow IPC stream on standard input.
    ///
    /// A scalar function adds a column to each batch. A vector function and an aggregate see all batches as one and
    /// give a stream of their result alone. A call that can fail for what a row holds writes nothing before all rows
    /// have passed.
    Call(call::Call),
}

fn main() -> ExitCode {
    let program = Program::parse();
    let mut output = BufWriter::new(io::stdout().lock());
    let outcome = match &program.command {
        Command::Functions { json: false } => functions::list(&mut output),
        Command::Functions { json: true } => functions::list_json(&mut output),
        Command::Errors => errors::list(&mut output),
        Command::Call(call) => call.run(io::stdin().lock(), &mut output),
    };
    match outcome.and_then(|()| output.flush().map_err(Error::from)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let line = error.to_string().replace('\n', " ");
            // Standard error may be closed too; the exit code still tells.
            let _ = writeln!(io::stderr(), "bowyer: {}: {line}", error.code().name());
            ExitCode::FAILURE
        }
    }
}

/// Writes lines of text.
fn write_lines(output: &mut impl Write, lines: impl IntoIterator<Item = String>) -> Result<()> {
    for line in lines {
        writeln!(output, "{line}")?;
    }
    Ok(())
}
