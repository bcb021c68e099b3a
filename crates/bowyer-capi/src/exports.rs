// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The exported functions, in the header's order. Each reads its pointers and calls what stands behind the handle.
//!
//! # Safety
//! All of them trust the caller for what a pointer cannot say itself: that it is null or leads to what its type says, that
//! outputs are not shared with another thread during the call, and what `bowyer.h` says of ownership.

#![expect(clippy::missing_safety_doc, reason = "one text for all of them stands above")]

use arrow_ffi::c::{ArrowArray, ArrowArrayStream, ArrowSchema};
use arrow_ffi::schema::export_field;
use bowyer_core::Error;
use prost::Message as _;

use crate::abi::{Buffer, Bytes, CError, CResult, Call, Event, output, sized_output};
use crate::call::Limits;
use crate::engine::EngineState;
use crate::entry::{entry, entry_of};
use crate::function::FunctionState;
use crate::handle::{self, Object};
use crate::plan::PreparedState;
use crate::query::QueryState;
use crate::schema::SchemaState;
use crate::source::SourceState;
use crate::{error, import};

/// Major · 1000 + minor of the ABI.
pub const ABI_VERSION: u32 = 2;

/// Returns [`ABI_VERSION`].
#[unsafe(no_mangle)]
pub extern "C" fn bowyer_abi_version() -> u32 {
    ABI_VERSION
}

/// Does nothing: its name is that of the major version.
#[unsafe(no_mangle)]
pub extern "C" fn bowyer_abi_v0() {}

/// The release callback of structs that are only lent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bowyer_release_nothing(array: *mut ArrowArray) {
    // SAFETY: see the module.
    if let Some(array) = unsafe { array.as_mut() } {
        array.release = None;
    }
}

/// Releases an array.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bowyer_array_release(array: *mut ArrowArray) -> i32 {
    entry("bowyer_array_release", std::ptr::null_mut(), || {
        // SAFETY: see the module.
        let array = unsafe { output(array, "array") }?;
        if let Some(release) = array.release {
            // SAFETY: the struct is not released yet; the callback is its producer's.
            unsafe { release(array) };
        }
        Ok(())
    })
}

/// Opens an engine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bowyer_engine_open(config: Bytes, engine_out: *mut u64, error: *mut CError) -> i32 {
    entry("bowyer_engine_open", error, || {
        // SAFETY: see the module.
        let (config, out) = unsafe { (config.as_slice()?, output(engine_out, "engine_out")?) };
        *out = handle::insert(Object::Engine(EngineState::open(config)?))?;
        Ok(())
    })
}

/// Waits for events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bowyer_engine_wait(
    engine: u64,
    events: *mut Event,
    capacity: usize,
    count_out: *mut usize,
    error: *mut CError,
) -> i32 {
    entry("bowyer_engine_wait", error, || {
        // SAFETY: see the module.
        let (_, count) = unsafe { (output(events, "events")?, output(count_out, "count_out")?) };
        if capacity == 0 || capacity > isize::MAX as usize / size_of::<Event>() {
            return Err(Error::invalid_argument(format!("room for {capacity} events")));
        }
        // SAFETY: see the module; the caller has room for that many.
        let events = unsafe { std::slice::from_raw_parts_mut(events, capacity) };
        *count = handle::engine(engine)?.events.wait(engine, events)?;
        Ok(())
    })
}

/// Closes an engine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bowyer_engine_close(engine: u64, error: *mut CError) -> i32 {
    entry("bowyer_engine_close", error, || {
        let engine = handle::engine(engine)?;
        engine.close();
        engine.events.release_foreign();
        Ok(())
    })
}

/// Writes the statistics of an engine or a query.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bowyer_statistics(object: u64, statistics_out: *mut Buffer, error: *mut CError) -> i32 {
    entry("bowyer_statistics", error, || {
        // SAFETY: see the module.
        let out = unsafe { sized_output(statistics_out) }?;
        let bytes = match handle::get(object)? {
            Object::Engine(engine) => engine.statistics().encode_to_vec(),
            Object::Query(query) => query.statistics().encode_to_vec(),
            _ => return Err(Error::invalid_state(format!("handle {object} is no engine and no query"))),
        };
        error::fill_buffer(out, bytes);
        Ok(())
    })
}

/// Writes what was recorded since the last call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bowyer_engine_logs(engine: u64, logs_out: *mut Buffer, error: *mut CError) -> i32 {
    entry("bowyer_engine_logs", error, || {
        // SAFETY: see the module.
        let out = unsafe { sized_output(logs_out) }?;
        let logs = handle::engine(engine)?.logs.take();
        error::fill_buffer(out, logs.encode_to_vec());
        Ok(())
    })
}

/// Gives back a handle.
#[unsafe(no_mangle)]
pub extern "C" fn bowyer_release(object: u64) -> i32 {
    entry("bowyer_release", std::ptr::null_mut(), || {
        let object = handle::remove(object)?;
        if let Object::Engine(engine) = &object {
            engine.close();
        }
        drop(object);
        Ok(())
    })
}

/// Finds a function's overload.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bowyer_function_resolve(
    engine: u64,
    call: Bytes,
    arguments: *const ArrowSchema,
    function_out: *mut u64,
    result_out: *mut ArrowSchema,
    error: *mut CError,
) -> i32 {
    entry_of(engine, std::ptr::null(), "bowyer_function_resolve", error, || {
        // SAFETY: see the module.
        let (call, function, result) =
            unsafe { (call.as_slice()?, output(function_out, "function_out")?, output(result_out, "result_out")?) };
        let engine = handle::engine(engine)?;
        // SAFETY: see the module.
        let state = unsafe { FunctionState::resolve(engine, call, arguments) }?;
        let schema = export_field(&state.result_field())?;
        *function = handle::insert(Object::Function(state.into()))?;
        *result = schema.into_raw();
        Ok(())
    })
}

/// Calls a function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bowyer_function_call(
    call: *const Call,
    function: u64,
    block: usize,
    array_out: *mut ArrowArray,
    result_out: *mut CResult,
    error: *mut CError,
) -> i32 {
    entry_of(function, call, "bowyer_function_call", error, || {
        // SAFETY: see the module.
        let (limits, block, array, result) = unsafe {
            (Limits::read(call)?, import::block(block)?, output(array_out, "array_out")?, sized_output(result_out)?)
        };
        // SAFETY: see the module.
        unsafe { handle::function(function)?.call(&limits, block, array, result) }
    })
}

/// Keeps a schema.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bowyer_schema_open(
    engine: u64,
    schema: *const ArrowSchema,
    schema_out: *mut u64,
    error: *mut CError,
) -> i32 {
    entry_of(engine, std::ptr::null(), "bowyer_schema_open", error, || {
        // SAFETY: see the module.
        let out = unsafe { output(schema_out, "schema_out") }?;
        let engine = handle::engine(engine)?;
        // SAFETY: see the module.
        let state = unsafe { SchemaState::open(engine, schema) }?;
        *out = handle::insert(Object::Schema(state.into()))?;
        Ok(())
    })
}

/// Takes a batch in and gives it back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bowyer_block_echo(
    call: *const Call,
    schema: u64,
    block: usize,
    copy: u32,
    array_out: *mut ArrowArray,
    result_out: *mut CResult,
    error: *mut CError,
) -> i32 {
    entry_of(schema, call, "bowyer_block_echo", error, || {
        // SAFETY: see the module.
        let (limits, block, array, result) = unsafe {
            (Limits::read(call)?, import::block(block)?, output(array_out, "array_out")?, sized_output(result_out)?)
        };
        // SAFETY: see the module.
        unsafe { handle::schema(schema)?.echo(&limits, block, copy != 0, array, result) }
    })
}

/// Opens an empty table.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bowyer_source_open(
    engine: u64,
    schema: *const ArrowSchema,
    source_out: *mut u64,
    error: *mut CError,
) -> i32 {
    entry_of(engine, std::ptr::null(), "bowyer_source_open", error, || {
        // SAFETY: see the module.
        let out = unsafe { output(source_out, "source_out") }?;
        let engine = handle::engine(engine)?;
        // SAFETY: see the module.
        let state = unsafe { SourceState::open(engine, schema) }?;
        *out = handle::insert(Object::Source(state.into()))?;
        Ok(())
    })
}

/// Appends a batch to a table.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bowyer_source_push(
    source: u64,
    block: usize,
    result_out: *mut CResult,
    error: *mut CError,
) -> i32 {
    entry_of(source, std::ptr::null(), "bowyer_source_push", error, || {
        // SAFETY: see the module.
        let (block, result) = unsafe { (import::block(block)?, sized_output(result_out)?) };
        // SAFETY: see the module.
        unsafe { handle::source(source)?.push(block, result) }
    })
}

/// Checks, binds and optimises a plan.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bowyer_plan_prepare(
    call: *const Call,
    engine: u64,
    plan: Bytes,
    prepared_out: *mut u64,
    description_out: *mut Buffer,
    error: *mut CError,
) -> i32 {
    entry_of(engine, call, "bowyer_plan_prepare", error, || {
        // SAFETY: see the module.
        let (limits, plan, out) =
            unsafe { (Limits::read(call)?, plan.as_slice()?, output(prepared_out, "prepared_out")?) };
        let description = match description_out.is_null() {
            true => None,
            // SAFETY: see the module.
            false => Some(unsafe { sized_output(description_out) }?),
        };
        let engine = handle::engine(engine)?;
        engine.check_open()?;
        limits.control(engine.memory()).check()?;
        let state = PreparedState::prepare(engine, plan)?;
        let text = state.prepared.description();
        *out = handle::insert(Object::Prepared(state.into()))?;
        if let Some(description) = description {
            error::fill_buffer(description, text.encode_to_vec());
        }
        Ok(())
    })
}

/// Writes the schema of an output.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bowyer_plan_output(
    prepared: u64,
    output: u32,
    schema_out: *mut ArrowSchema,
    error: *mut CError,
) -> i32 {
    entry("bowyer_plan_output", error, || {
        // SAFETY: see the module.
        let out = unsafe { crate::abi::output(schema_out, "schema_out") }?;
        *out = handle::prepared(prepared)?.output(output)?.into_raw();
        Ok(())
    })
}

/// Starts a query.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bowyer_query_start(
    call: *const Call,
    prepared: u64,
    bindings: Bytes,
    query_out: *mut u64,
    error: *mut CError,
) -> i32 {
    entry_of(prepared, call, "bowyer_query_start", error, || {
        // SAFETY: see the module.
        let (limits, bindings, out) =
            unsafe { (Limits::read(call)?, bindings.as_slice()?, output(query_out, "query_out")?) };
        let plan = handle::prepared(prepared)?;
        let start = |handle| QueryState::start(plan, bindings, &limits, handle).map(Object::Query);
        *out = handle::insert_with(start)?;
        Ok(())
    })
}

/// Gives a batch to an input.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bowyer_query_push(
    query: u64,
    input: u32,
    block: usize,
    result_out: *mut CResult,
    error: *mut CError,
) -> i32 {
    entry_of(query, std::ptr::null(), "bowyer_query_push", error, || {
        // SAFETY: see the module.
        let (block, result) = unsafe { (import::block(block)?, sized_output(result_out)?) };
        // SAFETY: see the module.
        unsafe { handle::query(query)?.push(input, block, result) }
    })
}

/// Ends an input.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bowyer_query_finish(query: u64, input: u32, why: *const CError) -> i32 {
    entry("bowyer_query_finish", std::ptr::null_mut(), || {
        // SAFETY: see the module.
        let why = unsafe { error::read(why) }?;
        handle::query(query)?.finish(input, why)
    })
}

/// Fetches the next batch.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bowyer_query_next(
    query: u64,
    output: u32,
    batch_out: *mut ArrowArray,
    result_out: *mut CResult,
    error: *mut CError,
) -> i32 {
    entry("bowyer_query_next", error, || {
        // SAFETY: see the module.
        let (array, result) = unsafe { (crate::abi::output(batch_out, "batch_out")?, sized_output(result_out)?) };
        handle::query(query)?.next(output, array, result)
    })
}

/// Asks a query to stop.
#[unsafe(no_mangle)]
pub extern "C" fn bowyer_query_cancel(query: u64) -> i32 {
    entry("bowyer_query_cancel", std::ptr::null_mut(), || {
        handle::query(query)?.cancel();
        Ok(())
    })
}

/// Moves one batch of a foreign stream into an input.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bowyer_stream_pull(
    query: u64,
    input: u32,
    stream: *mut ArrowArrayStream,
    error: *mut CError,
) -> i32 {
    entry_of(query, std::ptr::null(), "bowyer_stream_pull", error, || {
        // SAFETY: see the module.
        let stream = unsafe { output(stream, "stream") }?;
        let query = handle::query(query)?;
        // SAFETY: see the module.
        unsafe { query.pull(input, stream) }
    })
}
