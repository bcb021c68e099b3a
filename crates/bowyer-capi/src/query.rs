// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Running queries: started, fed, read, stopped. Nothing here waits; events say when to come back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use arrow_ffi::c::{ArrowArray, ArrowArrayStream, OwnedStream};
use arrow_ffi::export::{Aliasing, export_batch};
use arrow_ffi::guard::Level;
use arrow_ffi::import::{Hold, import_foreign};
use arrow_ffi::{Shape, schema as ffi_schema, stream};
use arrow_schema::{DataType, Field};
use bowyer_core::{Error, Result};
use bowyer_engine::proto::input_binding::To;
use bowyer_engine::proto::{LogRecord, QueryBindings, QueryStatistics};
use bowyer_engine::{Bindings, InputBinding, Next, Notify, OutputLimit, Query};

use crate::abi::{Block, CResult, EVENT_INPUT, EVENT_OUTPUT, Event, STATE_BATCH, STATE_END, STATE_PENDING};
use crate::call::{Limits, Trace};
use crate::engine::{Counters, EngineState, Watch};
use crate::event::{Deadline, Events, Expire};
use crate::handle;
use crate::import;
use crate::logs::{self, End};
use crate::plan::PreparedState;

/// A running query.
pub(crate) struct QueryState {
    pub(crate) engine: Arc<EngineState>,
    query: Query,
    plan: Arc<PreparedState>,
    /// For each input: whether a stream's schema was compared with the input's.
    streams: Vec<AtomicBool>,
    deadline: Option<Deadline>,
    name: Name,
    /// Outputs whose end was read.
    read: Vec<AtomicBool>,
    /// The end of the query is recorded.
    recorded: AtomicBool,
}

/// What records of a query call it.
struct Name {
    handle: u64,
    query_id: String,
    trace: Trace,
}

impl Expire for QueryState {
    fn expire(&self) {
        // It fails with this error; whoever reads it is told.
        if let Err(failure) = self.query.check() {
            self.record_end(&End::Failed(&failure));
        }
    }
}

impl Drop for QueryState {
    fn drop(&mut self) {
        self.record_end(&End::Released);
        if let Some(deadline) = self.deadline {
            self.engine.events.unwatch(deadline);
        }
    }
}

/// Turns what a query tells into events.
struct Bell {
    events: Weak<Events>,
    handle: u64,
}

impl Bell {
    fn ring(&self, kind: u32, port: u32, value: u64) {
        if let Some(events) = self.events.upgrade() {
            events.push_merged(Event { kind, port, handle: self.handle, value });
        }
    }
}

impl Notify for Bell {
    fn output_ready(&self, output: u32) {
        self.ring(EVENT_OUTPUT, output, 0);
    }

    fn input_wanted(&self, input: u32, credits: u32) {
        self.ring(EVENT_INPUT, input, u64::from(credits));
    }
}

impl QueryState {
    /// Starts a query under a handle, which its events name.
    ///
    /// # Errors
    /// Those of the bindings and of the engine.
    pub(crate) fn start(plan: Arc<PreparedState>, bindings: &[u8], limits: &Limits, handle: u64) -> Result<Arc<Self>> {
        let engine = plan.engine.clone();
        engine.check_open()?;
        limits.control(engine.memory()).check()?;
        let message: QueryBindings = bowyer_engine::decode(bindings)?;
        let nonzero = |value: u64| (value > 0).then_some(value);
        let bindings = Bindings {
            inputs: message.inputs.into_iter().map(binding).collect::<Result<_>>()?,
            parameters: message
                .parameters
                .into_iter()
                .map(|parameter| (parameter.name, parameter.value.unwrap_or_default()))
                .collect(),
            batch_rows: (message.batch_rows > 0).then_some(message.batch_rows as usize),
            memory_limit: limits.memory_limit,
            output_limit: OutputLimit {
                rows: nonzero(message.max_output_rows),
                bytes: nonzero(message.max_output_bytes),
            },
            timeout: limits.timeout,
            query_id: message.query_id.clone(),
        };
        let bell = Arc::new(Bell { events: Arc::downgrade(&engine.events), handle });
        let query = plan.prepared.start(bindings, bell)?;
        let streams = plan.inputs.iter().map(|_| AtomicBool::new(false)).collect();
        // Taken after the engine's own, so that the engine sees it passed when it is asked.
        let deadline =
            limits.timeout.and_then(|timeout| Instant::now().checked_add(timeout)).map(|when| (when, handle));
        let name = Name { handle, query_id: message.query_id, trace: limits.trace };
        let read = plan.prepared.outputs().iter().map(|_| AtomicBool::new(false)).collect();
        let state =
            Arc::new(Self { engine, query, plan, streams, deadline, name, read, recorded: AtomicBool::new(false) });
        state.record(|| logs::started(state.streams.len(), state.read.len()));
        if let Some(deadline) = deadline {
            let expire: Weak<dyn Expire> = Arc::<Self>::downgrade(&state);
            state.engine.events.watch(deadline, expire);
        }
        Ok(state)
    }

    pub(crate) fn handle(&self) -> u64 {
        self.name.handle
    }

    pub(crate) fn query_id(&self) -> String {
        self.name.query_id.clone()
    }

    pub(crate) fn trace(&self) -> Trace {
        self.name.trace
    }

    fn record(&self, make: impl FnOnce() -> LogRecord) {
        let logs = &self.engine.logs;
        if logs.wanted() {
            let Name { handle, query_id, trace } = &self.name;
            let traceparent = trace.text().to_owned();
            logs.add(LogRecord { query: *handle, query_id: query_id.clone(), traceparent, ..make() });
        }
    }

    /// Records the query's span, once.
    fn record_end(&self, end: &End<'_>) {
        if self.engine.logs.wanted() && !self.recorded.swap(true, Ordering::AcqRel) {
            self.record(|| logs::ended(end, &self.query.statistics()));
        }
    }

    fn name_input(&self, input: u32) -> impl FnOnce(Error) -> Error + '_ {
        move |mut error| {
            if let Some(name) = self.plan.input_name(input) {
                error.place_mut().input.get_or_insert_with(|| name.to_owned());
            }
            error
        }
    }

    fn no_input(&self, input: u32) -> Error {
        Error::not_found(format!("input {input} of a plan that has {}", self.plan.inputs.len()))
    }

    /// Gives a batch to an input.
    ///
    /// # Errors
    /// Those of the guard and of the query.
    ///
    /// # Safety
    /// 1. As [`import::arrays`].
    pub(crate) unsafe fn push(&self, input: u32, block: &Block, result: &mut CResult) -> Result<()> {
        let engine = &self.engine;
        let shapes = self.plan.inputs.get(input as usize).ok_or_else(|| self.no_input(input))?;
        let schema = shapes.of(block.array_count as usize);
        let mut watch = Watch::start();
        // SAFETY: the caller's promise.
        let imported = unsafe { import::batch(engine, block, schema, Hold::Keep) };
        let imported = imported.map_err(self.name_input(input))?;
        watch.lap(&engine.counters.guard_ns);
        result.bytes_copied = imported.bytes_copied;
        let outcome = self.query.push(input, imported.batch);
        import::end_call(imported.borrow, result);
        outcome
    }

    /// Ends an input.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub(crate) fn finish(&self, input: u32, why: Option<Error>) -> Result<()> {
        let why = why.map(self.name_input(input));
        self.query.finish(input, why)
    }

    /// Fetches the next batch of an output.
    ///
    /// # Errors
    /// What the query failed with.
    pub(crate) fn next(&self, output: u32, array: &mut ArrowArray, result: &mut CResult) -> Result<()> {
        let engine = &self.engine;
        match self.query.next(output).inspect_err(|failure| self.record_failure(failure))? {
            Next::Pending => result.state = STATE_PENDING,
            Next::End => {
                result.state = STATE_END;
                self.record_read(output);
            }
            Next::Batch(batch) => {
                let mut watch = Watch::start();
                let exported = export_batch(&batch, Aliasing::Kept(&engine.owners), &engine.exported);
                import::hand_out(engine, exported, batch.num_rows(), array, result);
                result.state = STATE_BATCH;
                watch.lap(&engine.counters.export_ns);
            }
        }
        Ok(())
    }

    fn record_failure(&self, failure: &Error) {
        // An output that the plan does not have is the caller's mistake and no end.
        if self.query.check().is_err() {
            self.record_end(&End::Failed(failure));
        }
    }

    fn record_read(&self, output: u32) {
        if let Some(read) = self.read.get(output as usize) {
            read.store(true, Ordering::Release);
        }
        if self.read.iter().all(|read| read.load(Ordering::Acquire)) {
            self.record_end(&End::Read);
        }
    }

    pub(crate) fn cancel(&self) {
        self.query.cancel();
    }

    pub(crate) fn statistics(&self) -> QueryStatistics {
        self.query.statistics()
    }

    /// Moves one batch of a foreign stream into an input.
    ///
    /// # Errors
    /// The stream's, the guard's, the query's; the input then ends with it and the stream is released.
    ///
    /// # Safety
    /// 1. `stream` is valid as the C Stream Interface defines it, or released.
    pub(crate) unsafe fn pull(&self, input: u32, stream: &mut ArrowArrayStream) -> Result<()> {
        self.engine.events.release_foreign();
        // SAFETY: the caller's promise.
        let outcome = unsafe { self.pull_batch(input, stream) };
        let why = match &outcome {
            Ok(true) => return Ok(()),
            Ok(false) => None,
            Err(error) => Some(Error::new(error.code(), error.message().to_owned())),
        };
        let finished = self.finish(input, why);
        // SAFETY: the caller's promise; dropping it runs the stream's release, after which it is marked released.
        drop(unsafe { OwnedStream::take(stream) });
        outcome.and(finished)
    }

    /// Whether there was a batch.
    ///
    /// # Safety
    /// 1. As [`Self::pull`].
    unsafe fn pull_batch(&self, input: u32, stream: &mut ArrowArrayStream) -> Result<bool> {
        let engine = &self.engine;
        let expected = &self.plan.inputs.get(input as usize).ok_or_else(|| self.no_input(input))?.all;
        if !self.streams[input as usize].load(Ordering::Acquire) {
            // SAFETY: the caller's promise.
            let given = unsafe { stream::schema(stream) }?;
            // SAFETY: the stream has just written it.
            let given = unsafe { ffi_schema::import_schema(given.as_raw(), engine.rejections()) }?;
            compare(expected.schema.fields(), given.fields()).map_err(self.name_input(input))?;
            self.streams[input as usize].store(true, Ordering::Release);
        }
        // SAFETY: the caller's promise.
        let Some(array) = unsafe { stream::next(stream) }? else { return Ok(false) };
        let mut watch = Watch::start();
        let root = Field::new("", DataType::Struct(expected.schema.fields().clone()), false);
        // SAFETY: the stream's producer vouches for what cannot be checked without sizes.
        let batch = unsafe { import_foreign(array, &Shape::of_field(&root), Level::Bounds, engine.customs()) };
        let batch = batch.map_err(self.name_input(input))?.with_schema(expected.schema.clone())?;
        watch.lap(&engine.counters.guard_ns);
        Counters::add(&engine.counters.rows_in, batch.num_rows() as u64);
        self.query.push(input, batch)?;
        Ok(true)
    }
}

/// Compares columns by name and type; nullability is checked batch by batch.
fn compare(expected: &[Arc<Field>], given: &[Arc<Field>]) -> Result<()> {
    if expected.len() != given.len() {
        let message = format!("a stream of {} columns where the input has {}", given.len(), expected.len());
        return Err(Error::type_mismatch(message));
    }
    for (expected, given) in expected.iter().zip(given) {
        if expected.name() != given.name() || !expected.data_type().equals_datatype(given.data_type()) {
            let (name, data_type) = (given.name(), given.data_type());
            let message = format!("the stream has {name:?} of type {data_type}, the input {}", expected.data_type());
            return Err(Error::type_mismatch(message).in_column(expected.name().as_str()));
        }
    }
    Ok(())
}

fn binding(binding: bowyer_engine::proto::InputBinding) -> Result<(String, InputBinding)> {
    let to = match binding.to {
        Some(To::Source(source)) => InputBinding::Source(handle::source(source)?.source.clone()),
        Some(To::Pushed(true)) => InputBinding::Pushed,
        _ => return Err(Error::invalid_argument(format!("input {:?} is bound to nothing", binding.input))),
    };
    Ok((binding.input, to))
}
