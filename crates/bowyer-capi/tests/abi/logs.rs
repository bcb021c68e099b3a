// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Records of queries and refusals through the C ABI.

use std::ffi::c_char;
use std::ptr::null;

use bowyer_capi::abi::*;
use bowyer_capi::exports::*;
use bowyer_engine::proto::input_binding::To;
use bowyer_engine::proto::log_field::Value;
use bowyer_engine::proto::{EngineConfig, LogRecord, LogRecords};
use prost::Message;

use crate::calls::{Client, Lent, attempt, new_buffer, new_result};
use crate::queries::{batch, drain, open_schema, open_source, plan, prepare, push_source, release, schema, start_as};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn engine(log_records: u32) -> Client {
    Client::open(&EngineConfig { threads: 2, log_records, ..EngineConfig::default() })
}

fn logs(client: &Client) -> LogRecords {
    let mut buffer = new_buffer();
    // SAFETY: outputs of ours; the buffer is the library's until its release.
    unsafe {
        attempt(|error| bowyer_engine_logs(client.engine, &raw mut buffer, error)).unwrap();
        let message = std::slice::from_raw_parts(buffer.data, buffer.len as usize);
        let logs = LogRecords::decode(message).unwrap();
        buffer.release.unwrap()(&raw mut buffer);
        logs
    }
}

fn traced(traceparent: &str, memory_limit: u64) -> Call {
    let mut call = Call {
        struct_size: size_of::<Call>() as u32,
        flags: 0,
        timeout_ns: 0,
        memory_limit,
        cancel: null(),
        traceparent: [0; 56],
    };
    for (to, from) in call.traceparent.iter_mut().zip(traceparent.bytes()) {
        *to = from as c_char;
    }
    call
}

fn field<'r>(record: &'r LogRecord, key: &str) -> Option<&'r Value> {
    record.fields.iter().find(|field| field.key == key)?.value.as_ref()
}

fn number(record: &LogRecord, key: &str) -> u64 {
    match field(record, key) {
        Some(Value::Number(number)) => *number,
        other => panic!("{key} is {other:?} in {record:?}"),
    }
}

fn text<'r>(record: &'r LogRecord, key: &str) -> &'r str {
    match field(record, key) {
        Some(Value::Text(text)) => text,
        other => panic!("{key} is {other:?} in {record:?}"),
    }
}

#[test]
fn a_query_is_a_span_with_the_callers_trace() {
    let client = engine(16);
    let source = open_source(&client, &schema());
    let lent = Lent::batch(&batch(0, 1000));
    push_source(source, &lent).unwrap();
    let prepared = prepare(&client, &plan(Some(500))).unwrap();
    for (trace, expected) in [(TRACE, TRACE), ("00-not a trace-01", ""), ("", "")] {
        let query = start_as("nightly", &traced(trace, 0), prepared, To::Source(source)).unwrap();
        drain(&client, query, |_| {}).unwrap();
        release(query);
        let logs = logs(&client);
        assert_eq!((logs.records.len(), logs.dropped), (2, 0), "{logs:?}");
        for record in &logs.records {
            assert_eq!((record.query_id.as_str(), record.query), ("nightly", query));
            assert_eq!(record.traceparent, expected);
        }
        let (started, finished) = (&logs.records[0], &logs.records[1]);
        assert_eq!((started.message.as_str(), started.level, started.duration_ns), ("query started", -4, 0));
        assert_eq!((finished.message.as_str(), finished.level), ("query finished", 0));
        assert!(finished.duration_ns > 0 && finished.time_unix_ns >= started.time_unix_ns);
        assert_eq!(number(finished, "rows_in"), 1000);
        let rows = number(finished, "rows_out");
        assert!(rows > 400 && rows < 500, "{rows}");
        assert!(number(finished, "peak_memory_bytes") > 0);
    }
    release(prepared);
    release(source);
    drop(lent);
}

#[test]
fn a_query_that_fails_or_is_released_ends_once() {
    let client = engine(16);
    let source = open_source(&client, &schema());
    let lent = Lent::batch(&batch(0, 1000));
    push_source(source, &lent).unwrap();
    let prepared = prepare(&client, &plan(Some(0))).unwrap();
    let failed = start_as("", &traced(TRACE, 1), prepared, To::Source(source)).unwrap();
    for _ in 0..2 {
        assert_eq!(drain(&client, failed, |_| {}).unwrap_err().code, 12);
    }
    release(failed);
    release(start_as("", &traced(TRACE, 0), prepared, To::Pushed(true)).unwrap());
    let records = logs(&client).records;
    let messages: Vec<_> = records.iter().map(|record| (record.message.as_str(), record.level)).collect();
    let expected = [("query started", -4), ("query failed", 4), ("query started", -4), ("query released", 0)];
    assert_eq!(messages, expected);
    assert_eq!((number(&records[1], "code"), text(&records[1], "cause")), (12, "limit hit"));
    release(prepared);
    release(source);
    drop(lent);
}

#[test]
fn a_refused_import_names_its_case_and_a_full_ring_counts() {
    let client = engine(2);
    let handle = open_schema(&client, &schema());
    let mut array = arrow_ffi::c::ArrowArray::empty();
    for _ in 0..5 {
        let sent = Lent::batch(&batch(0, 100)).shortened();
        let (block, mut result, call) = (sent.block(), new_result(), traced(TRACE, 0));
        let address = (&raw const block).expose_provenance();
        // SAFETY: a block whose sizes say less than there is.
        let refused = attempt(|error| unsafe {
            bowyer_block_echo(&raw const call, handle, address, 0, &raw mut array, &raw mut result, error)
        });
        assert_eq!(refused.unwrap_err().code, 6);
    }
    let events = client.wait().unwrap();
    assert_eq!(events.iter().filter(|event| event.kind == EVENT_LOG).count(), 1, "{events:?}");
    let logs = logs(&client);
    assert_eq!((logs.records.len(), logs.dropped), (2, 3));
    let record = &logs.records[0];
    assert_eq!((record.message.as_str(), record.level, record.traceparent.as_str()), ("import rejected", 4, TRACE));
    assert_eq!((text(record, "case"), text(record, "call")), ("buffer_size", "bowyer_block_echo"));
    assert_eq!((text(record, "column"), number(record, "code")), ("a", 6));
    release(handle);
}

#[test]
fn an_engine_without_room_records_nothing() {
    let client = engine(0);
    let prepared = prepare(&client, &plan(None)).unwrap();
    release(start_as("", null(), prepared, To::Pushed(true)).unwrap());
    release(prepared);
    assert_eq!(logs(&client), LogRecords::default());
}
