// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Writing batches: Arrow IPC as a stream or a file, and CSV.

use std::io::Write;

use arrow_array::RecordBatch;
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{ArrowError, Schema};
use bowyer_core::{Error, Result};

/// A message that announces metadata of one byte and ends there.
const BROKEN_MESSAGE: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0];

/// The formats that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// An Arrow IPC stream.
    Stream,
    /// An Arrow IPC file.
    File,
    /// Text: names in the first line, nulls as nothing.
    Csv,
}

/// A place that batches are written to. It is complete after [`Sink::finish`].
pub struct Sink<W: Write>(Writer<W>);

enum Writer<W: Write> {
    Stream(Box<StreamWriter<W>>),
    File(Box<FileWriter<W>>),
    Csv(Box<arrow_csv::Writer<W>>),
}

impl<W: Write> Sink<W> {
    /// Begins to write.
    ///
    /// # Errors
    /// `Io` when the writer fails.
    pub fn new(format: OutputFormat, schema: &Schema, output: W) -> Result<Self> {
        let writer = match format {
            OutputFormat::Stream => {
                Writer::Stream(Box::new(StreamWriter::try_new(output, schema).map_err(unwritable)?))
            }
            OutputFormat::File => Writer::File(Box::new(FileWriter::try_new(output, schema).map_err(unwritable)?)),
            OutputFormat::Csv => {
                let mut writer = arrow_csv::WriterBuilder::new().with_header(true).build(output);
                // The names stand there even when no row follows.
                writer.write(&RecordBatch::new_empty(schema.clone().into())).map_err(unwritable)?;
                Writer::Csv(Box::new(writer))
            }
        };
        Ok(Self(writer))
    }

    /// Writes a batch.
    ///
    /// # Errors
    /// `Io` when the writer fails, `NotImplemented` for a type that the format cannot hold.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match &mut self.0 {
            Writer::Stream(writer) => writer.write(batch),
            Writer::File(writer) => writer.write(batch),
            Writer::Csv(writer) => writer.write(batch),
        }
        .map_err(unwritable)
    }

    /// Writes the end and flushes.
    ///
    /// # Errors
    /// `Io` when the writer fails.
    pub fn finish(self) -> Result<W> {
        let mut output = match self.0 {
            Writer::Stream(mut writer) => {
                writer.finish().map_err(unwritable)?;
                writer.into_inner().map_err(unwritable)?
            }
            Writer::File(mut writer) => {
                writer.finish().map_err(unwritable)?;
                writer.into_inner().map_err(unwritable)?
            }
            Writer::Csv(writer) => writer.into_inner(),
        };
        output.flush()?;
        Ok(output)
    }

    /// Leaves a stream broken inside a message: readers take one that merely stops for a complete one. The other formats
    /// have no such mark; a file without its end cannot be read at all.
    pub fn break_off(self) {
        if let Writer::Stream(mut writer) = self.0 {
            // If this cannot be written either, the reader has gone.
            let _ = writer.get_mut().write_all(&BROKEN_MESSAGE);
            let _ = writer.get_mut().flush();
        }
    }
}

impl<W: Write> std::fmt::Debug for Sink<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sink").finish_non_exhaustive()
    }
}

fn unwritable(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(message, source) => Error::io(message).caused_by(source),
        ArrowError::CsvError(message) => Error::not_implemented(message),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, Int64Array};
    use arrow_ipc::reader::{FileReader, StreamReader};
    use std::io::Cursor;
    use std::sync::Arc;

    fn batch() -> RecordBatch {
        let x: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
        RecordBatch::try_from_iter_with_nullable([("x", x, true)]).unwrap()
    }

    fn written(format: OutputFormat) -> Vec<u8> {
        let mut sink = Sink::new(format, &batch().schema(), Vec::new()).unwrap();
        sink.write(&batch()).unwrap();
        sink.finish().unwrap()
    }

    #[test]
    fn what_is_written_can_be_read() {
        let stream = StreamReader::try_new(Cursor::new(written(OutputFormat::Stream)), None).unwrap();
        assert_eq!(stream.map(Result::unwrap).collect::<Vec<_>>(), [batch()]);
        let file = FileReader::try_new(Cursor::new(written(OutputFormat::File)), None).unwrap();
        assert_eq!(file.map(Result::unwrap).collect::<Vec<_>>(), [batch()]);
        assert_eq!(written(OutputFormat::Csv), b"x\n1\n\"\"\n");
    }

    #[test]
    fn csv_has_its_names_without_rows() {
        let sink = Sink::new(OutputFormat::Csv, &batch().schema(), Vec::new()).unwrap();
        assert_eq!(sink.finish().unwrap(), b"x\n");
    }

    #[test]
    fn a_stream_that_is_broken_off_never_looks_complete() {
        let mut bytes = Vec::new();
        let mut sink = Sink::new(OutputFormat::Stream, &batch().schema(), &mut bytes).unwrap();
        sink.write(&batch()).unwrap();
        sink.break_off();
        let read: Result<Vec<_>, _> = StreamReader::try_new(bytes.as_slice(), None).unwrap().collect();
        assert!(read.is_err());
    }
}
