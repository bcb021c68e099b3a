// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! `bowyer call`: one function over the columns of an Arrow IPC stream.
//!
//! The function is bound once, from the stream's schema. A scalar function then runs batch by batch; where a row could
//! make it fail, its results are held until the last one is there, so that a reader never gets a part of a stream whose
//! call failed. If the input itself breaks off later, the output is broken inside a message: readers take a stream that
//! merely stops for a complete one.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow::compute::concat_batches;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{Field, Schema, SchemaRef};
use bowyer_compute::{Argument, Bound, FunctionKind, Groups, bind, find};
use bowyer_core::{Column, Error, Memory, Result};
use bowyer_io::Stream;

use crate::options;

/// A message that announces metadata of one byte and ends there.
const BROKEN_MESSAGE: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0];

/// The command line of a call.
#[derive(clap::Args)]
pub(crate) struct Call {
    /// The function; `bowyer functions` lists them.
    function: String,
    /// Its options, as a JSON object.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    options: String,
    /// The columns that are its arguments, in order; all columns when not given.
    #[arg(long, value_name = "COLUMN", num_args = 1..)]
    on: Vec<String>,
    /// The name of the result; the function's when not given. A scalar function replaces a column of that name.
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
}

impl Call {
    /// Reads the stream, calls the function, writes the result as a stream.
    pub(crate) fn run(&self, input: impl Read, output: &mut impl Write) -> Result<()> {
        let function = find(&self.function)?;
        let options = options::parse(function, &self.options).map_err(|error| error.in_function(function.name))?;
        let batches = Stream::open(input).map_err(unreadable)?;
        let schema = batches.schema();
        let columns = self.columns(&schema)?;
        let arguments: Vec<Argument> = columns
            .iter()
            .map(|&index| {
                let field = schema.field(index);
                Argument { data_type: field.data_type().clone(), nullable: field.is_nullable(), constant: None }
            })
            .collect();
        let bound = bind(&self.function, &arguments, options)?;
        let mut run = Run { bound, columns, memory: Memory::unlimited(), next_batch: 0 };
        let batches = batches.map(|batch| batch.map_err(unreadable));
        match function.kind {
            FunctionKind::Scalar => self.scalar(&mut run, &schema, batches, output),
            FunctionKind::Vector => self.vector(&mut run, &schema, batches, output),
            FunctionKind::Aggregate => self.aggregate(&mut run, batches, output),
        }
    }

    /// The indices of the columns that are the arguments.
    fn columns(&self, schema: &Schema) -> Result<Vec<usize>> {
        if self.on.is_empty() {
            return Ok((0..schema.fields().len()).collect());
        }
        let named = self.on.iter().map(|name| {
            let mut matching = schema.fields().iter().enumerate().filter(|(_, field)| field.name() == name);
            match (matching.next(), matching.next()) {
                (Some((index, _)), None) => Ok(index),
                (Some(_), Some(_)) => Err(Error::invalid_argument("the stream has several columns of that name")),
                (None, _) => {
                    let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
                    Err(Error::not_found(format!("the stream has no such column; it has {}", known.join(", "))))
                }
            }
            .map_err(|error| error.in_column(name.clone()).for_argument("--on"))
        });
        named.collect()
    }

    fn result_field(&self, bound: &Bound) -> Field {
        let name = self.name.as_deref().unwrap_or(&self.function);
        Field::new(name, bound.output_type().clone(), bound.nullable())
    }

    fn scalar(
        &self,
        run: &mut Run,
        schema: &SchemaRef,
        batches: impl Iterator<Item = Result<RecordBatch>>,
        output: &mut impl Write,
    ) -> Result<()> {
        let field = self.result_field(&run.bound);
        let place = schema.fields().iter().position(|known| known.name() == field.name());
        if place.is_some() && self.name.is_none() {
            let message = format!("the stream has a column {:?}; name the result with --as", field.name());
            return Err(Error::invalid_argument(message).for_argument("--as"));
        }
        let mut fields = schema.fields().to_vec();
        match place {
            Some(place) => fields[place] = Arc::new(field),
            None => fields.push(Arc::new(field)),
        }
        let schema: SchemaRef = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
        let may_fail = run.bound.fallible();
        let results = batches.map(|batch| {
            let batch = batch?;
            let result = run.call(&batch)?;
            let mut columns = batch.columns().to_vec();
            match place {
                Some(place) => columns[place] = result,
                None => columns.push(result),
            }
            batch_of(&schema, columns, batch.num_rows())
        });
        if may_fail {
            let held: Vec<RecordBatch> = results.collect::<Result<_>>()?;
            write(&schema, held.into_iter().map(Ok), output)
        } else {
            write(&schema, results, output)
        }
    }

    fn vector(
        &self,
        run: &mut Run,
        schema: &SchemaRef,
        batches: impl Iterator<Item = Result<RecordBatch>>,
        output: &mut impl Write,
    ) -> Result<()> {
        let batches: Vec<RecordBatch> = batches.collect::<Result<_>>()?;
        let result = run.call(&concat_batches(schema, &batches)?).map_err(|mut error| {
            error.place_mut().batch = None; // its row counts from the first batch
            error
        })?;
        self.write_alone(&run.bound, result, output)
    }

    fn aggregate(
        &self,
        run: &mut Run,
        batches: impl Iterator<Item = Result<RecordBatch>>,
        output: &mut impl Write,
    ) -> Result<()> {
        let mut accumulator = run.bound.accumulator(&run.memory)?;
        for batch in batches {
            let arguments = run.arguments(&batch?);
            accumulator.update(&arguments, Groups::All).map_err(|error| run.located(error))?;
            run.next_batch += 1;
        }
        self.write_alone(&run.bound, accumulator.evaluate(1)?, output)
    }

    fn write_alone(&self, bound: &Bound, result: ArrayRef, output: &mut impl Write) -> Result<()> {
        let schema = Arc::new(Schema::new(vec![self.result_field(bound)]));
        let row_count = result.len();
        let batch = batch_of(&schema, vec![result], row_count)?;
        write(&schema, std::iter::once(Ok(batch)), output)
    }
}

/// A bound call on its way through the stream.
struct Run {
    bound: Bound,
    columns: Vec<usize>,
    memory: Memory,
    next_batch: u64,
}

impl Run {
    fn arguments(&self, batch: &RecordBatch) -> Vec<Column> {
        self.columns.iter().map(|&index| Column::Array(Arc::clone(batch.column(index)))).collect()
    }

    fn call(&mut self, batch: &RecordBatch) -> Result<ArrayRef> {
        let arguments = self.arguments(batch);
        let result = self.bound.call(&arguments, batch.num_rows(), &self.memory);
        let result = result.and_then(|column| column.to_array()).map_err(|error| self.located(error))?;
        self.next_batch += 1;
        Ok(result)
    }

    /// Says which batch of the stream the error's row is of.
    fn located(&self, mut error: Error) -> Error {
        error.place_mut().batch.get_or_insert(self.next_batch);
        error
    }
}

fn batch_of(schema: &SchemaRef, columns: Vec<ArrayRef>, row_count: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(row_count));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

/// Writes a stream; nothing if the first batch is an error, and no readable end if a later one is.
fn write(schema: &Schema, batches: impl Iterator<Item = Result<RecordBatch>>, output: &mut impl Write) -> Result<()> {
    let mut batches = batches.peekable();
    if let Some(Err(error)) = batches.next_if(Result::is_err) {
        return Err(error);
    }
    let mut writer = StreamWriter::try_new(output, schema)?;
    for batch in batches {
        let written = batch.and_then(|batch| Ok(writer.write(&batch)?));
        if let Err(error) = written {
            // If this cannot be written either, the reader has gone.
            let _ = writer.get_mut().write_all(&BROKEN_MESSAGE);
            return Err(error);
        }
    }
    Ok(writer.finish()?)
}

fn unreadable(error: Error) -> Error {
    let message = format!("standard input is not a whole Arrow IPC stream: {}", error.message());
    Error::new(error.code(), message).caused_by(error)
}
