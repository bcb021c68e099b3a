// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The library as the worker calls it: by its C ABI, whose objects, errors and events are then those of any caller.
//!
//! The unsafe code of the worker is here and in `mapping`. Every pointer that goes in is that of a value of this frame, and
//! every one that comes out is the library's own, read before it is given back.

use std::ffi::c_void;
use std::sync::atomic::AtomicU32;

use arrow_ffi::c::{ArrowArray, OwnedArray, OwnedSchema};
use arrow_ffi::reject::Rejections;
use arrow_ffi::schema::{export_schema, import_field, import_schema};
use arrow_schema::Schema;
use bowyer_capi::{Alias, Buffer, Bytes, CError, CResult, Call, Event, exports};
use bowyer_core::{Error, ErrorCode};
use bowyer_engine::proto::{ErrorDetail, Schema as SchemaMessage, WorkerRequest};
use bowyer_engine::{schema_from_proto, schema_to_proto};
use prost::Message as _;

use crate::block::Structs;

/// An error as it goes back to the host.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: i32,
    pub(crate) message: String,
    pub(crate) detail: Vec<u8>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = error.code() as i32;
        let place = error.place();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let detail = ErrorDetail {
            code,
            batch: -1,
            row: -1,
            path: text(&place.path),
            column: text(&place.column),
            ..Default::default()
        };
        Self { code, message: error.message().to_owned(), detail: detail.encode_to_vec() }
    }
}

pub(crate) type Outcome<T> = Result<T, Failure>;

/// Makes a call and reads its error.
fn checked(call: impl FnOnce(*mut CError) -> i32) -> Outcome<()> {
    let mut error = CError {
        struct_size: size_of::<CError>() as u32,
        code: 0,
        message: std::ptr::null(),
        message_len: 0,
        detail: std::ptr::null(),
        detail_len: 0,
        release: None,
        private_data: std::ptr::null_mut(),
    };
    let code = call(&raw mut error);
    if code == 0 {
        return Ok(());
    }
    let bytes = |data: *const u8, len: u64| Bytes { data, len: len as usize };
    // SAFETY: the library wrote addresses and lengths of bytes that it keeps until the release below, or left them zero.
    let (message, detail) = unsafe {
        (bytes(error.message.cast(), error.message_len).as_slice(), bytes(error.detail, error.detail_len).as_slice())
    };
    let message = String::from_utf8_lossy(message.unwrap_or_default()).into_owned();
    let detail = detail.unwrap_or_default().to_vec();
    if let Some(release) = error.release {
        // SAFETY: the library's own callback, for the struct that it filled, once.
        unsafe { release(&raw mut error) };
    }
    Err(Failure { code, message, detail })
}

/// Makes a call that gives bytes.
fn bytes_of(call: impl FnOnce(*mut Buffer, *mut CError) -> i32) -> Outcome<Vec<u8>> {
    let mut buffer = Buffer {
        struct_size: size_of::<Buffer>() as u32,
        flags: 0,
        data: std::ptr::null(),
        len: 0,
        release: None,
        private_data: std::ptr::null_mut(),
    };
    checked(|error| call(&raw mut buffer, error))?;
    let bytes = Bytes { data: buffer.data, len: buffer.len as usize };
    // SAFETY: the library wrote the address and the length of bytes that it keeps until the release below.
    let content = unsafe { bytes.as_slice() }.unwrap_or_default().to_vec();
    if let Some(release) = buffer.release {
        // SAFETY: as in `checked`.
        unsafe { release(&raw mut buffer) };
    }
    Ok(content)
}

fn lent(content: &[u8]) -> Bytes {
    Bytes { data: content.as_ptr(), len: content.len() }
}

/// What a request says of the call that it asks for.
fn call_of(request: &WorkerRequest, cancel: &AtomicU32) -> Call {
    let mut traceparent = [0; 56];
    for (slot, byte) in traceparent.iter_mut().take(55).zip(request.traceparent.bytes()) {
        *slot = byte as std::ffi::c_char;
    }
    Call {
        struct_size: size_of::<Call>() as u32,
        flags: 0,
        timeout_ns: request.timeout_ns,
        memory_limit: request.memory_limit,
        cancel: cancel.as_ptr(),
        traceparent,
    }
}

fn empty_result() -> CResult {
    CResult {
        struct_size: size_of::<CResult>() as u32,
        state: 0,
        flags: 0,
        alias_count: 0,
        buffer_count: 0,
        reserved: 0,
        row_count: 0,
        aliases: std::ptr::null(),
        sizes: std::ptr::null(),
        byte_len: 0,
        bytes_copied: 0,
    }
}

/// Opens the engine of the process.
pub(crate) fn engine_open(config: &[u8]) -> Outcome<u64> {
    let mut engine = 0;
    // SAFETY: the pointers are those of values of this frame; so in every call below.
    checked(|error| unsafe { exports::bowyer_engine_open(lent(config), &raw mut engine, error) })?;
    Ok(engine)
}

pub(crate) fn engine_close(engine: u64) -> Outcome<()> {
    // SAFETY: as above.
    checked(|error| unsafe { exports::bowyer_engine_close(engine, error) })
}

/// Waits for events; gives how many were written.
pub(crate) fn engine_wait(engine: u64, events: &mut [Event]) -> Outcome<usize> {
    let mut count = 0;
    let (first, capacity) = (events.as_mut_ptr(), events.len());
    // SAFETY: as above.
    checked(|error| unsafe { exports::bowyer_engine_wait(engine, first, capacity, &raw mut count, error) })?;
    Ok(count)
}

pub(crate) fn statistics(object: u64) -> Outcome<Vec<u8>> {
    // SAFETY: as above.
    bytes_of(|buffer, error| unsafe { exports::bowyer_statistics(object, buffer, error) })
}

pub(crate) fn logs(engine: u64) -> Outcome<Vec<u8>> {
    // SAFETY: as above.
    bytes_of(|buffer, error| unsafe { exports::bowyer_engine_logs(engine, buffer, error) })
}

pub(crate) fn release(object: u64) {
    // What is gone already is gone.
    let _ = exports::bowyer_release(object);
}

fn exported(schema: Option<&SchemaMessage>) -> Outcome<OwnedSchema> {
    let none = SchemaMessage::default();
    Ok(export_schema(&schema_from_proto(schema.unwrap_or(&none))?)?)
}

/// Resolves a function; gives its handle and the field of its result.
pub(crate) fn resolve(engine: u64, request: &WorkerRequest) -> Outcome<(u64, SchemaMessage)> {
    let arguments = exported(request.schema.as_ref())?;
    let (mut function, mut field) = (0, OwnedSchema::default());
    let call = lent(&request.content);
    let out = field.as_raw_mut();
    // SAFETY: as above.
    checked(|error| unsafe {
        exports::bowyer_function_resolve(engine, call, arguments.as_raw(), &raw mut function, out, error)
    })?;
    // SAFETY: the library has written it.
    let field = unsafe { import_field(field.as_raw(), &Rejections::default()) }?;
    Ok((function, schema_to_proto(&Schema::new(vec![field]))?))
}

pub(crate) fn schema_open(engine: u64, schema: Option<&SchemaMessage>) -> Outcome<u64> {
    let schema = exported(schema)?;
    let mut handle = 0;
    // SAFETY: as above.
    checked(|error| unsafe { exports::bowyer_schema_open(engine, schema.as_raw(), &raw mut handle, error) })?;
    Ok(handle)
}

pub(crate) fn source_open(engine: u64, schema: Option<&SchemaMessage>) -> Outcome<u64> {
    let schema = exported(schema)?;
    let mut handle = 0;
    // SAFETY: as above.
    checked(|error| unsafe { exports::bowyer_source_open(engine, schema.as_raw(), &raw mut handle, error) })?;
    Ok(handle)
}

/// A result, and what its struct says of it.
pub(crate) struct Answer {
    pub(crate) array: OwnedArray,
    pub(crate) result: CResult,
}

impl Answer {
    fn empty() -> Self {
        Self { array: OwnedArray::default(), result: empty_result() }
    }

    pub(crate) fn aliases(&self) -> &[Alias] {
        if self.result.alias_count == 0 || self.array.as_raw().is_released() {
            return &[];
        }
        // SAFETY: the library wrote that many, which live as long as the array.
        unsafe { std::slice::from_raw_parts(self.result.aliases, self.result.alias_count as usize) }
    }

    /// Calls `visit` with every node in preorder, and with its buffers; those at no address are none.
    pub(crate) fn visit<'a>(&'a self, mut visit: impl FnMut(&'a ArrowArray, &[Option<&'a [u8]>])) {
        let mut sizes: &[i64] = match self.result.buffer_count {
            0 => &[],
            // SAFETY: the library wrote that many, which live as long as the array.
            count => unsafe { std::slice::from_raw_parts(self.result.sizes, count as usize) },
        };
        let mut open: Vec<*const ArrowArray> = vec![&raw const *self.array.as_raw()];
        let mut buffers = Vec::new();
        while let Some(array) = open.pop() {
            // SAFETY: the root is held, and what it leads to lives as long as it.
            let array: &'a ArrowArray = unsafe { &*array };
            buffers.clear();
            for at in 0..array.n_buffers as usize {
                let (size, rest) = sizes.split_first().unwrap_or((&0, &[]));
                sizes = rest;
                // SAFETY: the table has that many entries, each null or the address of as many bytes as its size says.
                buffers.push(unsafe { bytes_at(*array.buffers.wrapping_add(at), *size) });
            }
            visit(array, &buffers);
            if !array.dictionary.is_null() {
                open.push(array.dictionary);
            }
            for at in (0..array.n_children as usize).rev() {
                // SAFETY: the table has that many entries.
                open.push(unsafe { *array.children.wrapping_add(at) });
            }
        }
    }
}

/// # Safety
/// 1. `address` is null or leads to `size` bytes that do not change as long as `'a`.
unsafe fn bytes_at<'a>(address: *const c_void, size: i64) -> Option<&'a [u8]> {
    if address.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(unsafe { std::slice::from_raw_parts(address.cast(), usize::try_from(size).unwrap_or(0)) })
}

/// The address of a block as the library takes it.
fn address(structs: &Structs<'_>) -> usize {
    (&raw const structs.block).expose_provenance()
}

pub(crate) fn call(request: &WorkerRequest, structs: &Structs<'_>, cancel: &AtomicU32) -> (Outcome<()>, Answer) {
    let mut answer = Answer::empty();
    let call = call_of(request, cancel);
    let (array, result) = (answer.array.as_raw_mut() as *mut ArrowArray, &raw mut answer.result);
    // SAFETY: as above; the block leads to structs that live as long as `structs`, and these to buffers that its lease holds.
    let outcome = checked(|error| unsafe {
        exports::bowyer_function_call(&raw const call, request.handle, address(structs), array, result, error)
    });
    (outcome, answer)
}

pub(crate) fn echo(request: &WorkerRequest, structs: &Structs<'_>, cancel: &AtomicU32) -> (Outcome<()>, Answer) {
    let mut answer = Answer::empty();
    let call = call_of(request, cancel);
    let (array, result) = (answer.array.as_raw_mut() as *mut ArrowArray, &raw mut answer.result);
    let (schema, copied) = (request.handle, u32::from(request.copied));
    // SAFETY: as above.
    let outcome = checked(|error| unsafe {
        exports::bowyer_block_echo(&raw const call, schema, address(structs), copied, array, result, error)
    });
    (outcome, answer)
}

pub(crate) fn source_push(source: u64, structs: &Structs<'_>) -> (Outcome<()>, Answer) {
    let mut answer = Answer::empty();
    let result = &raw mut answer.result;
    // SAFETY: as above.
    let outcome = checked(|error| unsafe { exports::bowyer_source_push(source, address(structs), result, error) });
    (outcome, answer)
}

pub(crate) fn query_push(query: u64, input: u32, structs: &Structs<'_>) -> (Outcome<()>, Answer) {
    let mut answer = Answer::empty();
    let result = &raw mut answer.result;
    // SAFETY: as above.
    let outcome = checked(|error| unsafe { exports::bowyer_query_push(query, input, address(structs), result, error) });
    (outcome, answer)
}

pub(crate) fn query_next(query: u64, output: u32) -> (Outcome<()>, Answer) {
    let mut answer = Answer::empty();
    let (array, result) = (answer.array.as_raw_mut() as *mut ArrowArray, &raw mut answer.result);
    // SAFETY: as above.
    let outcome = checked(|error| unsafe { exports::bowyer_query_next(query, output, array, result, error) });
    (outcome, answer)
}

/// Prepares a plan; gives its handle and its description.
pub(crate) fn prepare(engine: u64, request: &WorkerRequest, cancel: &AtomicU32) -> Outcome<(u64, Vec<u8>)> {
    let call = call_of(request, cancel);
    let mut prepared = 0;
    let plan = lent(&request.content);
    // SAFETY: as above.
    let description = bytes_of(|buffer, error| unsafe {
        exports::bowyer_plan_prepare(&raw const call, engine, plan, &raw mut prepared, buffer, error)
    })?;
    Ok((prepared, description))
}

pub(crate) fn plan_output(prepared: u64, output: u32) -> Outcome<SchemaMessage> {
    let mut schema = OwnedSchema::default();
    let out = schema.as_raw_mut();
    // SAFETY: as above.
    checked(|error| unsafe { exports::bowyer_plan_output(prepared, output, out, error) })?;
    // SAFETY: the library has written it.
    let schema = unsafe { import_schema(schema.as_raw(), &Rejections::default()) }?;
    Ok(schema_to_proto(&schema)?)
}

pub(crate) fn query_start(request: &WorkerRequest, cancel: &AtomicU32) -> Outcome<u64> {
    let call = call_of(request, cancel);
    let mut query = 0;
    let bindings = lent(&request.content);
    // SAFETY: as above.
    checked(|error| unsafe {
        exports::bowyer_query_start(&raw const call, request.handle, bindings, &raw mut query, error)
    })?;
    Ok(query)
}

pub(crate) fn query_finish(request: &WorkerRequest) -> Outcome<()> {
    let why = CError {
        struct_size: size_of::<CError>() as u32,
        code: request.code,
        message: request.message.as_ptr().cast(),
        message_len: request.message.len() as u64,
        detail: std::ptr::null(),
        detail_len: 0,
        release: None,
        private_data: std::ptr::null_mut(),
    };
    let why = if request.code == 0 { std::ptr::null() } else { &raw const why };
    // SAFETY: as above.
    match unsafe { exports::bowyer_query_finish(request.handle, request.port, why) } {
        0 => Ok(()),
        code => {
            let message = format!("input {} cannot be finished", request.port);
            Err(Failure { code, message, detail: Vec::new() })
        }
    }
}

pub(crate) fn query_cancel(query: u64) {
    // A query that is over needs none.
    let _ = exports::bowyer_query_cancel(query);
}

/// Refuses what a worker does not do.
pub(crate) fn refused(code: ErrorCode, message: impl Into<String>) -> Failure {
    Error::new(code, message.into()).into()
}

/// Reads where nothing is: the fault of memory that tests ask for.
#[cfg(debug_assertions)]
pub(crate) fn read_nowhere() {
    // SAFETY: none. The process is to end here, as it would by any other read that goes wrong.
    let _ = unsafe { std::ptr::without_provenance::<u8>(64).read_volatile() };
}
