// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Batches written to a file and read back once, in their order: an Arrow IPC stream, each buffer compressed with LZ4.

use std::fs::File;
use std::io::{self, BufReader, Seek, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow_array::RecordBatch;
use arrow_ipc::CompressionType;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_schema::{ArrowError, Schema};
use bowyer_core::{Error, Memory, Result, pooled_batch};

use super::{SpillSpace, Spilled};

/// A file that is being written.
pub(crate) struct SpillWriter {
    writer: StreamWriter<Counting>,
    held: Held,
}

/// Batches that were written.
pub(crate) struct SpillFile {
    file: File,
    held: Held,
}

/// Batches that are read back. The file is gone when it is dropped.
pub(crate) struct SpillReader {
    reader: StreamReader<BufReader<File>>,
    held: Held,
}

/// The bytes of a file, given back to the space on drop.
struct Held {
    space: Arc<SpillSpace>,
    bytes: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.space.give_back(self.bytes);
    }
}

impl Held {
    fn failed(&self, what: &str, error: ArrowError) -> Error {
        match error {
            ArrowError::IoError(_, error) => self.space.failed(what, error),
            other => Error::from(other),
        }
    }
}

struct Counting {
    file: File,
    written: u64,
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.file.write(bytes)?;
        self.written += len as u64;
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl SpillWriter {
    /// A new file for batches of a schema.
    ///
    /// # Errors
    /// `Io` when the directory cannot be written to.
    pub(crate) fn create(space: &Arc<SpillSpace>, schema: &Schema, spilled: &Spilled) -> Result<Self> {
        let held = Held { space: space.clone(), bytes: 0 };
        let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
        let file = Counting { file: space.open()?, written: 0 };
        let writer = StreamWriter::try_new_with_options(file, schema, options)
            .map_err(|error| held.failed("cannot be written to", error))?;
        spilled.files.fetch_add(1, Ordering::Relaxed);
        Ok(Self { writer, held })
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// `Io` when the disk is full or fails; `LimitExceeded` past the bytes that may be spilled.
    pub(crate) fn write(&mut self, batch: &RecordBatch, spilled: &Spilled) -> Result<()> {
        self.writer.write(batch).map_err(|error| self.held.failed("cannot be written to", error))?;
        let more = self.writer.get_ref().written - self.held.bytes;
        self.held.space.take(more)?;
        self.held.bytes += more;
        spilled.bytes.fetch_add(more, Ordering::Relaxed);
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// As for [`SpillWriter::write`].
    pub(crate) fn finish(self) -> Result<SpillFile> {
        let Self { mut writer, held } = self;
        let ended = writer.finish().and_then(|()| writer.into_inner());
        let counting = ended.map_err(|error| held.failed("cannot be written to", error))?;
        Ok(SpillFile { file: counting.file, held })
    }
}

impl SpillFile {
    /// Its batches from the first one on.
    ///
    /// # Errors
    /// `Io` when the file cannot be read.
    pub(crate) fn into_reader(self, memory: &Memory) -> Result<SpillReader> {
        let Self { mut file, held } = self;
        // What came before has allocated and freed other sizes than what comes now.
        memory.give_back_free();
        file.rewind().map_err(|error| held.space.failed("cannot be read from", error))?;
        let reader = StreamReader::try_new(BufReader::new(file), None)
            .map_err(|error| held.failed("cannot be read from", error))?;
        Ok(SpillReader { reader, held })
    }
}

impl SpillReader {
    /// The next batch, charged to `memory`; `None` after the last one.
    ///
    /// # Errors
    /// `Io` when the file cannot be read; `MemoryLimit`.
    pub(crate) fn next(&mut self, memory: &Memory) -> Result<Option<RecordBatch>> {
        let Some(batch) = self.reader.next() else { return Ok(None) };
        let batch = batch.map_err(|error| self.held.failed("cannot be read from", error))?;
        // What the reader allocates goes at once: the C library's allocator would keep what is freed later here and there.
        pooled_batch(batch, memory).map(Some)
    }
}
