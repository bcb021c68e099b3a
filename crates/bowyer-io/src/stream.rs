// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Reading an Arrow IPC stream as it is, all its columns, message by message.
//!
//! Messages are cut out here and decoded by arrow-ipc. Its own reader makes room for as many bytes as a message says that it has;
//! here room grows with the bytes that come, so that a length that lies is an input that breaks off.

use std::io::{BufReader, ErrorKind, Read};

use arrow_array::RecordBatch;
use arrow_buffer::{Buffer, MutableBuffer};
use arrow_ipc::convert::fb_to_schema;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::root_as_message;
use arrow_schema::SchemaRef;
use bowyer_core::{Error, Result};

use crate::contain::contain;
use crate::scan::unreadable;

/// What a message begins with, and what says that none follows.
const CONTINUATION: [u8; 4] = [0xFF; 4];
const END: [u8; 8] = [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0];
/// Room is made for so many bytes before they have come.
const STEP: usize = 16 << 20;

/// An Arrow IPC stream that is being read: an iterator of its batches. After an error it ends.
#[derive(Debug)]
pub struct Stream<R: Read> {
    input: BufReader<R>,
    decoder: StreamDecoder,
    schema: SchemaRef,
    /// What the decoder has still to take.
    left: Vec<Buffer>,
    ended: bool,
}

impl<R: Read> Stream<R> {
    /// Reads the schema.
    ///
    /// # Errors
    /// `Io` when the input breaks off, `InvalidData` when it is no such stream.
    pub fn open(input: R) -> Result<Self> {
        contain(|| Self::begin(input))
    }

    fn begin(input: R) -> Result<Self> {
        let mut input = BufReader::new(input);
        let Some(message) = Message::read(&mut input)? else {
            return Err(Error::invalid_data("the file cannot be read: it ends before its schema"));
        };
        let header = root_as_message(message.metadata()).map_err(malformed)?;
        let Some(schema) = header.header_as_schema() else {
            return Err(Error::invalid_data("the file cannot be read: it does not begin with a schema"));
        };
        let schema = fb_to_schema(schema).into();
        Ok(Self { input, decoder: StreamDecoder::new(), schema, left: message.into_parts(), ended: false })
    }

    /// The schema of its batches.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            while let Some(part) = self.left.first_mut() {
                if part.is_empty() {
                    self.left.remove(0);
                } else if let Some(batch) = self.decoder.decode(part).map_err(unreadable)? {
                    return Ok(Some(batch));
                }
            }
            if self.ended {
                return Ok(None);
            }
            self.left = match Message::read(&mut self.input)? {
                Some(message) => message.into_parts(),
                None => {
                    // The decoder looks at a message without a body when the next one comes.
                    self.ended = true;
                    vec![Buffer::from(&END[..])]
                }
            };
        }
    }
}

impl<R: Read> Iterator for Stream<R> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = contain(|| self.next_batch()).transpose();
        if matches!(batch, Some(Err(_))) {
            (self.ended, self.left) = (true, Vec::new());
        }
        batch
    }
}

/// One message as it came: its length and metadata, and its body.
struct Message {
    head: MutableBuffer,
    body: MutableBuffer,
}

impl Message {
    /// The next message; none at the end, which a stream may leave unsaid.
    fn read(input: &mut impl Read) -> Result<Option<Self>> {
        let mut start = [0; 4];
        if !filled(input, &mut start)? {
            return Ok(None);
        }
        if start == CONTINUATION && !filled(input, &mut start)? {
            return Err(broken_off());
        }
        let byte_len = u32::from_le_bytes(start) as usize;
        if byte_len == 0 {
            return Ok(None);
        }
        let mut head = MutableBuffer::new(256);
        head.extend_from_slice(&CONTINUATION);
        head.extend_from_slice(&start);
        append(input, &mut head, byte_len)?;
        let body_len = root_as_message(&head[END.len()..]).map_err(malformed)?.bodyLength();
        let body_len = usize::try_from(body_len)
            .map_err(|_| Error::invalid_data(format!("the file cannot be read: a message of {body_len} bytes")))?;
        let mut body = MutableBuffer::new(0);
        append(input, &mut body, body_len)?;
        Ok(Some(Self { head, body }))
    }

    fn metadata(&self) -> &[u8] {
        &self.head[END.len()..]
    }

    fn into_parts(self) -> Vec<Buffer> {
        vec![self.head.into(), self.body.into()]
    }
}

/// Fills a start of four bytes; false where the input ends before it.
fn filled(input: &mut impl Read, start: &mut [u8; 4]) -> Result<bool> {
    let mut at = 0;
    while at < start.len() {
        match input.read(&mut start[at..]) {
            Ok(0) if at == 0 => return Ok(false),
            Ok(0) => return Err(broken_off()),
            Ok(count) => at += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}

/// Appends so many bytes of the input.
fn append(input: &mut impl Read, out: &mut MutableBuffer, byte_len: usize) -> Result<()> {
    let mut left = byte_len;
    while left > 0 {
        let (first, step) = (out.len(), left.min(STEP));
        out.resize(first + step, 0);
        input.read_exact(&mut out[first..]).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => broken_off(),
            _ => error.into(),
        })?;
        left -= step;
    }
    Ok(())
}

fn broken_off() -> Error {
    Error::io("the stream breaks off within a message")
}

fn malformed(error: impl std::fmt::Display) -> Error {
    Error::invalid_data(format!("the file cannot be read: {error}"))
}
