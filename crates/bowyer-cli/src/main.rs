// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The `bowyer` program: functions over Arrow streams and plans over files, for shells and notebooks.
//!
//! A command reads what it is given, writes standard output or a file, and says on standard error in one line why it failed. What a
//! command does is a module; this file parses the command line and turns outcomes into exit codes: 0 done, 1 failed,
//! 2 called wrongly.

#![forbid(unsafe_code)]

mod argument;
mod call;
mod errors;
mod functions;
mod options;
mod progress;
mod run;
mod statistics;
mod table;

use std::io::{self, BufWriter, IsTerminal, Write};
use std::process::ExitCode;

use bowyer_core::{Error, Result};
use clap::{Parser, Subcommand};

/// Functions and plans over Arrow record batches.
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
    /// Run a plan over files.
    ///
    /// Only the columns that the plan needs are read. Of several outputs the first is written; a file appears when it is
    /// complete, and nothing is written when the query fails before its first row.
    Run(run::Run),
}

fn main() -> ExitCode {
    let program = Program::parse();
    let mut output = BufWriter::new(io::stdout().lock());
    let outcome = match &program.command {
        Command::Functions { json: false } => functions::list(&mut output),
        Command::Functions { json: true } => functions::list_json(&mut output),
        Command::Errors => errors::list(&mut output),
        Command::Call(call) => call.run(io::stdin().lock(), &mut output),
        Command::Run(run) => run.run(&mut output, io::stdout().is_terminal()),
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
