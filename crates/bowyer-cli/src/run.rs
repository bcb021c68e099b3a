// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! `bowyer run`: a plan over files.
//!
//! The plan is prepared first, so that each file is asked only for what the plan needs. Files are read on this thread, as
//! far as the query asks; the engine's threads compute. What is written appears when it is complete: a file under its name,
//! a stream on standard output with its end.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bowyer::{Config, Engine, Error, Input, Literal, Needs, Prepared, QueryOptions, Result, Rows, plan_from_json};
use bowyer_io::{Bound, NewFile, OutputFormat, Request, Scan, Sink};

use crate::progress::Progress;
use crate::{argument, statistics, table};

/// The name of standard input among paths.
const STANDARD_INPUT: &str = "-";

/// The command line of a run.
#[derive(clap::Args)]
pub(crate) struct Run {
    /// The plan, as JSON.
    plan: PathBuf,
    /// A file for each input of the plan: Arrow IPC, file or stream, or Parquet; `-` is an Arrow stream on standard input.
    #[arg(long = "input", value_name = "NAME=PATH", value_parser = argument::input)]
    inputs: Vec<(String, PathBuf)>,
    /// A value for a parameter of the plan: a number, a string in quotes, true, false or null.
    #[arg(long = "parameter", value_name = "NAME=JSON", value_parser = argument::parameter)]
    parameters: Vec<(String, Literal)>,
    /// The file to write instead of standard output. It appears when it is complete.
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,
    /// How to write; by default a table on a terminal, a stream elsewhere, and for a file what its name says: `.csv`,
    /// `.arrows` for a stream, anything else an Arrow file.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Threads; by default as many as the process may use.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    threads: u32,
    /// The most memory, as 512MiB or 2GB; by default half of what the process may use.
    #[arg(long, value_name = "BYTES", value_parser = argument::bytes)]
    memory_limit: Option<u64>,
    /// Where to write rows that do not fit the memory, in files that are gone with the run; by default nowhere, and
    /// reaching the limit is an error.
    #[arg(long, value_name = "DIRECTORY")]
    spill_dir: Option<PathBuf>,
    /// Show how the plan would run, and do not run it.
    #[arg(long)]
    explain: bool,
    /// Say on standard error what the query and each operator did.
    #[arg(long)]
    stats: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// An Arrow IPC stream.
    Stream,
    /// An Arrow IPC file.
    File,
    /// Comma-separated values with a line of names.
    Csv,
    /// A table for people; long ones are cut.
    Table,
}

impl Run {
    /// Reads the plan and its files, runs it, writes its first output.
    pub(crate) fn run(&self, output: &mut impl Write, terminal: bool) -> Result<()> {
        let json = std::fs::read_to_string(&self.plan)
            .map_err(|error| Error::io(format!("{}: {error}", self.plan.display())).caused_by(error))?;
        let config = Config {
            threads: self.threads,
            memory_limit_bytes: self.memory_limit.unwrap_or_default(),
            spill_directory: self.spill_dir.clone(),
            ..Config::default()
        };
        let prepared = Engine::open(&config)?.prepare_bytes(&plan_from_json(&json)?)?;
        if self.explain {
            writeln!(output, "{}", prepared.explain().trim_end())?;
            return Ok(());
        }
        // A file that cannot be written is found before the work is done.
        let file = self.output.as_deref().map(NewFile::create).transpose()?;
        let progress = Progress::new();
        let mut rows = self.start(&prepared, &progress)?;
        let schema = rows.schema().clone();
        // Nothing is written when the query fails before its first row.
        let first = rows.next().transpose()?;
        let batches = first.map(Ok).into_iter().chain(&mut rows).chain(progress.clear_at_end());
        match file {
            Some(mut file) => {
                write(self.format(terminal), &schema, batches, &mut file)?;
                file.complete()?;
            }
            None => write(self.format(terminal), &schema, batches, output)?,
        }
        if self.stats {
            statistics::write(&rows.statistics(), &mut io::stderr().lock())?;
        }
        Ok(())
    }

    fn start(&self, prepared: &Prepared, progress: &Progress) -> Result<Rows> {
        let needs = prepared.needs();
        if self.inputs.iter().filter(|(_, path)| path.as_os_str() == STANDARD_INPUT).count() > 1 {
            return Err(Error::invalid_argument("standard input can be one input only").for_argument("--input"));
        }
        let mut bound: Vec<(&str, Input)> = Vec::with_capacity(self.inputs.len());
        for (name, path) in &self.inputs {
            let Some(needs) = needs.iter().find(|needs| &needs.input == name) else {
                let names: Vec<&str> = needs.iter().map(|needs| needs.input.as_str()).collect();
                let message = format!("the plan has no input {name:?}; it has {}", names.join(", "));
                return Err(Error::not_found(message).for_argument("--input"));
            };
            let scan = open(path, needs).map_err(|mut error| {
                error.place_mut().input = Some(name.clone());
                error
            })?;
            bound.push((name, Input::reader(progress.watch(scan))));
        }
        let parameters = self.parameters.clone();
        prepared.run(bound, QueryOptions { parameters, ..QueryOptions::default() })
    }

    /// How to write: as told, or else as the name of the file says or as suits standard output.
    fn format(&self, terminal: bool) -> Format {
        let extension = self.output.as_ref().map(|path| path.extension().and_then(|extension| extension.to_str()));
        self.format.unwrap_or(match extension {
            Some(Some("csv")) => Format::Csv,
            Some(Some("arrows")) => Format::Stream,
            Some(_) => Format::File,
            None if terminal => Format::Table,
            None => Format::Stream,
        })
    }
}

fn open(path: &Path, needs: &Needs) -> Result<Scan> {
    let bounds = needs.bounds.iter().map(|bound| Bound {
        column: bound.column.clone(),
        least: bound.least.clone(),
        greatest: bound.greatest.clone(),
    });
    let (schema, columns) = (needs.schema.clone(), needs.columns.clone());
    let request = Request { schema, columns, limit: needs.limit, bounds: bounds.collect() };
    if path.as_os_str() == STANDARD_INPUT { Scan::stream(io::stdin(), &request) } else { Scan::open(path, &request) }
}

fn write(
    format: Format,
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch>>,
    mut output: impl Write,
) -> Result<()> {
    let format = match format {
        Format::Stream => OutputFormat::Stream,
        Format::File => OutputFormat::File,
        Format::Csv => OutputFormat::Csv,
        Format::Table => return table::write(schema, batches, &mut output),
    };
    let mut sink = Sink::new(format, schema, output)?;
    for batch in batches {
        if let Err(error) = batch.and_then(|batch| sink.write(&batch)) {
            sink.break_off();
            return Err(error);
        }
    }
    sink.finish().map(drop)
}
