// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What an engine tells of itself: records of its queries and of what it refused, in a ring that never waits.
//!
//! Any thread adds a record; one that finds no room is counted and gone. The first record after the ring was read rings
//! with an event, and `bowyer_engine_logs` takes all of them. An engine that was opened without room records nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bowyer_core::{Error, ErrorCode};
use bowyer_engine::proto::log_field::Value;
use bowyer_engine::proto::{LogField, LogRecord, LogRecords, QueryStatistics};

use crate::abi::{Call, EVENT_LOG, Event};
use crate::call::Trace;
use crate::event::Events;
use crate::handle::{self, Object};

/// Worth reading when something is looked for.
pub(crate) const DEBUG: i32 = -4;
/// An ordinary event.
pub(crate) const INFO: i32 = 0;
/// Something that the caller may want to change.
pub(crate) const WARN: i32 = 4;
/// A fault of the library.
pub(crate) const ERROR: i32 = 8;

/// The ring of an engine.
pub(crate) struct Logs {
    events: Arc<Events>,
    capacity: usize,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    records: VecDeque<LogRecord>,
    dropped: u64,
    announced: bool,
}

impl Logs {
    /// Room for `capacity` records, told of by `events`.
    pub(crate) fn new(events: Arc<Events>, capacity: usize) -> Arc<Self> {
        Arc::new(Self { events, capacity, waiting: Mutex::default() })
    }

    /// Whether records are kept at all: without that, none need be made.
    pub(crate) const fn wanted(&self) -> bool {
        self.capacity > 0
    }

    /// Held only to push or to take, never while anything else happens.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a record, and its time.
    pub(crate) fn add(&self, mut record: LogRecord) {
        if !self.wanted() {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        record.time_unix_ns = now.map_or(0, |since| since.as_nanos() as u64);
        let mut waiting = self.lock();
        if waiting.records.len() < self.capacity {
            waiting.records.push_back(record);
        } else {
            waiting.dropped += 1;
        }
        let announce = !std::mem::replace(&mut waiting.announced, true);
        drop(waiting);
        if announce {
            self.events.push(Event { kind: EVENT_LOG, port: 0, handle: 0, value: 0 });
        }
    }

    /// Everything that waits.
    pub(crate) fn take(&self) -> LogRecords {
        let Waiting { records, dropped, .. } = std::mem::take(&mut *self.lock());
        LogRecords { records: records.into(), dropped }
    }
}

/// A field with a number.
pub(crate) fn number(key: &str, value: u64) -> LogField {
    LogField { key: key.to_owned(), value: Some(Value::Number(value)) }
}

/// A field with a text.
pub(crate) fn text(key: &str, value: &str) -> LogField {
    LogField { key: key.to_owned(), value: Some(Value::Text(value.to_owned())) }
}

/// What an error says and where it happened.
fn error_fields(failure: &Error) -> Vec<LogField> {
    let place = failure.place();
    let mut fields = vec![number("code", failure.code() as u64), text("error", failure.message())];
    let places = [
        ("function", place.function.as_deref()),
        ("path", place.path.as_deref()),
        ("input", place.input.as_deref()),
        ("column", place.column.as_deref()),
        ("argument", place.argument.as_deref()),
    ];
    fields.extend(places.iter().filter_map(|(key, value)| Some(text(key, (*value)?))));
    fields
}

/// A sentence for the errors that whoever runs the program should hear of, also when whoever made the call handles them.
fn noteworthy(failure: &Error) -> Option<(i32, &'static str)> {
    match failure.code() {
        ErrorCode::InvalidArray | ErrorCode::InvalidUtf8 if rejected_case(failure).is_some() => {
            Some((WARN, "import rejected"))
        }
        ErrorCode::MemoryLimit | ErrorCode::LimitExceeded | ErrorCode::DeadlineExceeded => Some((WARN, "limit hit")),
        ErrorCode::Internal if failure.message().contains("panic") => Some((ERROR, "panic contained")),
        ErrorCode::Internal => Some((ERROR, "internal error")),
        _ => None,
    }
}

/// The guard's name of what it refused, with which its messages begin.
fn rejected_case(failure: &Error) -> Option<&str> {
    failure.message().split_once(" (case ").map(|(case, _)| case)
}

/// Records why a function of the ABI refused, if that is worth it.
pub(crate) fn refused(object: u64, call: *const Call, name: &str, failure: &Error) {
    let Some((level, message)) = noteworthy(failure) else { return };
    let Ok(object) = handle::get(object) else { return };
    let logs = &object.engine().logs;
    if !logs.wanted() {
        return;
    }
    let mut fields = vec![text("call", name)];
    if let Some(case) = rejected_case(failure) {
        fields.push(text("case", case));
    }
    fields.extend(error_fields(failure));
    let (query, query_id, trace) = match &object {
        // What the query itself fails with is recorded once, where it ends.
        Object::Query(_) if rejected_case(failure).is_none() && !failure.message().starts_with("panic") => return,
        Object::Query(query) => (query.handle(), query.query_id(), query.trace()),
        // SAFETY: the call that was refused was given this pointer, and has not returned yet.
        _ => (0, String::new(), unsafe { Trace::of(call) }),
    };
    let traceparent = trace.text().to_owned();
    logs.add(LogRecord {
        level,
        message: message.to_owned(),
        query_id,
        traceparent,
        query,
        fields,
        ..Default::default()
    });
}

/// The record of a query that starts.
pub(crate) fn started(inputs: usize, outputs: usize) -> LogRecord {
    let fields = vec![number("inputs", inputs as u64), number("outputs", outputs as u64)];
    LogRecord { level: DEBUG, message: "query started".to_owned(), fields, ..Default::default() }
}

/// How a query ended.
pub(crate) enum End<'e> {
    /// Its last batch was read.
    Read,
    /// It failed.
    Failed(&'e Error),
    /// It was released before its end.
    Released,
}

/// The span of a query that has ended.
pub(crate) fn ended(end: &End<'_>, statistics: &QueryStatistics) -> LogRecord {
    let mut fields = vec![
        number("rows_in", statistics.rows_in),
        number("rows_out", statistics.rows_out),
        number("batches_out", statistics.batches_out),
        number("peak_memory_bytes", statistics.peak_memory_bytes),
        number("cpu_ns", statistics.cpu_ns),
    ];
    let (level, message) = match end {
        End::Read => (INFO, "query finished"),
        End::Released => (INFO, "query released"),
        End::Failed(failure) => {
            fields.extend(error_fields(failure));
            let (level, cause) = noteworthy(failure).unwrap_or((INFO, ""));
            if !cause.is_empty() {
                fields.push(text("cause", cause));
            }
            (level, "query failed")
        }
    };
    let duration_ns = statistics.elapsed_ns.max(1);
    LogRecord { level, message: message.to_owned(), duration_ns, fields, ..Default::default() }
}

#[cfg(test)]
mod tests;
