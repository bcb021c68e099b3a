// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Foreign streams through the C ABI: pulled batch by batch, to their end, to their failure, to the query's deadline.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::calls::{Client, Outcome, attempt};
use crate::queries::{
    DEADLINE_EXCEEDED, batch, drain, engine, plan, prepare, release, schema, start_with, start_with_deadline,
};
use arrow_array::{ArrayRef, RecordBatch, StructArray};
use arrow_ffi::c::{ArrowArray, ArrowArrayStream, ArrowSchema};
use arrow_ffi::export::{Aliasing, export_array};
use arrow_ffi::schema::export_schema;
use bowyer_capi::exports::*;
use bowyer_engine::proto::input_binding::To;

/// A foreign producer: batches behind callbacks that count their releases.
struct Producer {
    left: i64,
    /// What it does where it would end.
    fail: bool,
    /// It has no batch before that moment.
    not_before: Option<Instant>,
    arrays: Arc<AtomicUsize>,
    streams: Arc<AtomicUsize>,
}

unsafe extern "C" fn get_schema(_stream: *mut ArrowArrayStream, out: *mut ArrowSchema) -> c_int {
    // SAFETY: the caller's output.
    unsafe { out.write(export_schema(&schema()).unwrap().into_raw()) };
    0
}

struct Wrapped {
    inner: ArrowArray,
    released: Arc<AtomicUsize>,
}

unsafe extern "C" fn release_array(array: *mut ArrowArray) {
    // SAFETY: made in `get_next`.
    unsafe {
        let mut wrapped = Box::from_raw((*array).private_data.cast::<Wrapped>());
        assert_eq!(bowyer_array_release(&raw mut wrapped.inner), 0);
        (*array).release = None;
        wrapped.released.fetch_add(1, Ordering::SeqCst);
    }
}

unsafe extern "C" fn get_next(stream: *mut ArrowArrayStream, out: *mut ArrowArray) -> c_int {
    // SAFETY: made in the test.
    let producer = unsafe { &mut *(*stream).private_data.cast::<Producer>() };
    if producer.left == 0 {
        if producer.fail {
            return 5;
        }
        // SAFETY: the caller's output.
        unsafe { out.write(ArrowArray::empty()) };
        return 0;
    }
    if let Some(moment) = producer.not_before {
        std::thread::sleep(moment.saturating_duration_since(Instant::now()));
    }
    producer.left -= 1;
    let columns: ArrayRef = Arc::new(StructArray::from(batch(producer.left * 10, 10)));
    let inner = export_array(&columns, Aliasing::Never, &Arc::default()).into_array().into_raw();
    // SAFETY: the caller's output; the copy shares what `inner` owns and is released through `release_array`.
    unsafe {
        let mut copy = std::ptr::read(&raw const inner);
        let wrapped = Wrapped { inner, released: producer.arrays.clone() };
        copy.release = Some(release_array);
        copy.private_data = Box::into_raw(Box::new(wrapped)).cast::<c_void>();
        out.write(copy);
    }
    0
}

unsafe extern "C" fn last_error(_stream: *mut ArrowArrayStream) -> *const c_char {
    c"the disk is gone".as_ptr()
}

unsafe extern "C" fn release_stream(stream: *mut ArrowArrayStream) {
    // SAFETY: made in the test.
    unsafe {
        let producer = Box::from_raw((*stream).private_data.cast::<Producer>());
        producer.streams.fetch_add(1, Ordering::SeqCst);
        (*stream).release = None;
    }
}

/// A stream and what was released of it.
struct Foreign {
    stream: ArrowArrayStream,
    arrays: Arc<AtomicUsize>,
    streams: Arc<AtomicUsize>,
}

impl Foreign {
    fn new(batches: i64, fail: bool, not_before: Option<Instant>) -> Self {
        let (arrays, streams) = (Arc::default(), Arc::default());
        let producer =
            Producer { left: batches, fail, not_before, arrays: Arc::clone(&arrays), streams: Arc::clone(&streams) };
        let stream = ArrowArrayStream {
            get_schema: Some(get_schema),
            get_next: Some(get_next),
            get_last_error: Some(last_error),
            release: Some(release_stream),
            private_data: Box::into_raw(Box::new(producer)).cast(),
        };
        Self { stream, arrays, streams }
    }

    fn pull(&mut self, query: u64) -> Outcome<()> {
        let stream = &raw mut self.stream;
        // SAFETY: our stream.
        attempt(|error| unsafe { bowyer_stream_pull(query, 0, stream, error) })
    }

    /// Arrays and streams released so far.
    fn released(&self) -> (usize, usize) {
        (self.arrays.load(Ordering::SeqCst), self.streams.load(Ordering::SeqCst))
    }
}

/// What a query gave, and the owners that were released meanwhile.
type Pulled = (Vec<RecordBatch>, Vec<u64>);

fn pull_all(client: &Client, fail: bool) -> (Outcome<Pulled>, Foreign) {
    let prepared = prepare(client, &plan(None)).unwrap();
    let query = start_with(null(), prepared, To::Pushed(true)).unwrap();
    let mut foreign = Foreign::new(3, fail, None);
    let outcome = drain(client, query, |credits| {
        for _ in 0..credits {
            if !foreign.stream.is_released() {
                let _ = foreign.pull(query);
            }
        }
    });
    release(query);
    release(prepared);
    (outcome, foreign)
}

#[test]
fn a_foreign_stream_is_pulled_to_its_end_and_its_arrays_are_released_in_the_wait() {
    let client = engine();
    let (outcome, good) = pull_all(&client, false);
    let (got, freed) = outcome.unwrap();
    assert_eq!(got.iter().map(RecordBatch::num_rows).sum::<usize>(), 30);
    assert!(good.stream.is_released() && freed.is_empty());
    drop(got);
    let (outcome, bad) = pull_all(&client, true);
    let Err(failure) = outcome else { panic!("the stream fails") };
    assert_eq!(failure.code, 19);
    assert!(failure.message.contains("the disk is gone") && bad.stream.is_released(), "{failure:?}");
    client.settled();
    // SAFETY: no error wanted.
    assert_eq!(unsafe { bowyer_engine_close(client.engine, null_mut()) }, 0);
    assert_eq!((good.released(), bad.released()), ((3, 1), (3, 1)));
}

#[test]
fn a_stream_that_is_slower_than_the_deadline_ends_the_query_and_is_released() {
    let client = engine();
    let prepared = prepare(&client, &plan(None)).unwrap();
    let (query, late) = start_with_deadline(prepared);
    let mut slow = Foreign::new(2, false, Some(late));
    assert_eq!(slow.pull(query).err().map(|failure| failure.code), Some(DEADLINE_EXCEEDED));
    assert!(slow.stream.is_released());
    assert!(slow.pull(query).is_err(), "a stream that was given back has no batch");
    release(query);
    // The engine answers the next query.
    let (outcome, good) = pull_all(&client, false);
    assert_eq!(outcome.unwrap().0.iter().map(RecordBatch::num_rows).sum::<usize>(), 30);
    release(prepared);
    client.settled();
    // SAFETY: no error wanted.
    assert_eq!(unsafe { bowyer_engine_close(client.engine, null_mut()) }, 0);
    assert_eq!((slow.released(), good.released()), ((1, 1), (3, 1)));
}
