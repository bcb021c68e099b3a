// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Echo, sources and pushed queries through the C ABI: values, aliases, retention, credits, misuse.

use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::calls::{Client, Lent, Outcome, attempt, batch_values, bytes, new_buffer, new_call, new_result};
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray, StringViewArray};
use arrow_ffi::c::ArrowArray;
use arrow_ffi::schema::export_schema;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use bowyer_capi::abi::*;
use bowyer_capi::exports::*;
use bowyer_engine::proto::expression::Kind as ExpressionKind;
use bowyer_engine::proto::input_binding::To;
use bowyer_engine::proto::literal::Value;
use bowyer_engine::proto::relation::Kind as RelationKind;
use bowyer_engine::proto::{
    self, EngineConfig, Expression, Filter, Input, InputBinding, Literal, Output, Plan, PlanDescription, QueryBindings,
    Relation, Scan,
};
use bowyer_engine::schema_to_proto;
use prost::Message;

pub(crate) const DEADLINE_EXCEEDED: i32 = 16;

pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true), Field::new("s", DataType::Utf8, true)]))
}

pub(crate) fn batch(from: i64, rows: i64) -> RecordBatch {
    let a = (from..from + rows).map(|value| (value % 7 != 3).then_some(value)).collect::<Int64Array>();
    let s = (from..from + rows).map(|value| Some(format!("row {value}"))).collect::<StringArray>();
    RecordBatch::try_new(schema(), vec![Arc::new(a) as ArrayRef, Arc::new(s)]).unwrap()
}

pub(crate) fn open_schema(client: &Client, schema: &Schema) -> u64 {
    let (exported, mut handle) = (export_schema(schema).unwrap(), 0);
    // SAFETY: our own export.
    attempt(|error| unsafe { bowyer_schema_open(client.engine, exported.as_raw(), &raw mut handle, error) }).unwrap();
    handle
}

pub(crate) fn open_source(client: &Client, schema: &Schema) -> u64 {
    let (exported, mut handle) = (export_schema(schema).unwrap(), 0);
    // SAFETY: our own export.
    attempt(|error| unsafe { bowyer_source_open(client.engine, exported.as_raw(), &raw mut handle, error) }).unwrap();
    handle
}

pub(crate) fn push_source(source: u64, lent: &Lent) -> Outcome<u32> {
    let (block, mut result) = (lent.block(), new_result());
    let address = (&raw const block).expose_provenance();
    // SAFETY: a true block.
    attempt(|error| unsafe { bowyer_source_push(source, address, &raw mut result, error) })?;
    Ok(result.flags)
}

/// `filter a > least`, or the input itself.
pub(crate) fn plan(least: Option<i64>) -> Vec<u8> {
    let scan = Relation { kind: Some(RelationKind::Scan(Scan { input: 0 })), ..Relation::default() };
    let mut relations = vec![scan];
    if let Some(least) = least {
        let expression = |kind| Expression { kind: Some(kind), parameter_type: None };
        let literal = Literal { value: Some(Value::Int64(least)), r#type: None };
        let call = proto::Call { function: "greater".to_owned(), arguments: vec![0, 1], options: vec![] };
        relations.push(Relation {
            expressions: vec![
                expression(ExpressionKind::Column("a".to_owned())),
                expression(ExpressionKind::Literal(literal)),
                expression(ExpressionKind::Call(call)),
            ],
            kind: Some(RelationKind::Filter(Filter { relation: 0, predicate: 2 })),
            ..Relation::default()
        });
    }
    let relation = relations.len() as u32 - 1;
    let input = Input { name: "t".to_owned(), schema: Some(schema_to_proto(&schema()).unwrap()), unbounded: false };
    let outputs = vec![Output { name: "out".to_owned(), relation }];
    Plan { version: 1, inputs: vec![input], relations, outputs, origins: vec![] }.encode_to_vec()
}

pub(crate) fn prepare(client: &Client, plan: &[u8]) -> Outcome<u64> {
    let (mut prepared, mut description) = (0, new_buffer());
    // SAFETY: outputs of ours.
    attempt(|error| unsafe {
        bowyer_plan_prepare(null(), client.engine, bytes(plan), &raw mut prepared, &raw mut description, error)
    })?;
    // SAFETY: the library's buffer until its release.
    unsafe {
        let message = std::slice::from_raw_parts(description.data, description.len as usize);
        assert_eq!(PlanDescription::decode(message).unwrap().scans.len(), 1);
        description.release.unwrap()(&raw mut description);
    }
    Ok(prepared)
}

pub(crate) fn start(prepared: u64, to: To) -> Outcome<u64> {
    start_with(null(), prepared, to)
}

pub(crate) fn start_with(call: *const Call, prepared: u64, to: To) -> Outcome<u64> {
    start_as("", call, prepared, to)
}

/// A pushed query with a deadline, and a moment when that has passed. A machine so slow that the deadline passes before the query
/// has begun is given more time.
pub(crate) fn start_with_deadline(prepared: u64) -> (u64, Instant) {
    for milliseconds in [30, 1_000, 30_000] {
        let timeout = Duration::from_millis(milliseconds);
        let call = Call { timeout_ns: timeout.as_nanos() as u64, ..new_call() };
        match start_with(&raw const call, prepared, To::Pushed(true)) {
            Ok(query) => return (query, Instant::now().checked_add(timeout).unwrap()),
            Err(failure) => assert_eq!(failure.code, DEADLINE_EXCEEDED, "{failure:?}"),
        }
    }
    panic!("a query does not start within half a minute");
}

pub(crate) fn start_as(name: &str, call: *const Call, prepared: u64, to: To) -> Outcome<u64> {
    let input = InputBinding { input: "t".to_owned(), to: Some(to) };
    let bindings = QueryBindings { inputs: vec![input], query_id: name.to_owned(), ..QueryBindings::default() };
    let bindings = bindings.encode_to_vec();
    let mut query = 0;
    // SAFETY: outputs of ours.
    attempt(|error| unsafe { bowyer_query_start(call, prepared, bytes(&bindings), &raw mut query, error) })?;
    Ok(query)
}

enum Got {
    Batch(RecordBatch, u32, Vec<bowyer_capi::Alias>),
    Pending,
    End,
}

fn next(query: u64, schema: &SchemaRef) -> Outcome<Got> {
    let (mut array, mut result) = (ArrowArray::empty(), new_result());
    // SAFETY: outputs of ours.
    attempt(|error| unsafe { bowyer_query_next(query, 0, &raw mut array, &raw mut result, error) })?;
    Ok(match result.state {
        STATE_PENDING => Got::Pending,
        STATE_END => Got::End,
        _ => {
            let aliases = match result.alias_count {
                0 => Vec::new(),
                // SAFETY: valid until the array's release.
                count => unsafe { std::slice::from_raw_parts(result.aliases, count as usize) }.to_vec(),
            };
            Got::Batch(batch_values(schema, array, &result), result.flags, aliases)
        }
    })
}

/// Reads a query to its end, feeding it when it asks.
pub(crate) fn drain(client: &Client, query: u64, feed: impl FnMut(u64)) -> Outcome<(Vec<RecordBatch>, Vec<u64>)> {
    drain_as(client, query, &schema(), feed)
}

/// The same for a result of another schema; without the owners that were let go of.
pub(crate) fn drain_any(
    client: &Client,
    query: u64,
    schema: &SchemaRef,
    feed: impl FnMut(u64),
) -> Outcome<Vec<RecordBatch>> {
    drain_as(client, query, schema, feed).map(|(batches, _)| batches)
}

fn drain_as(
    client: &Client,
    query: u64,
    schema: &SchemaRef,
    mut feed: impl FnMut(u64),
) -> Outcome<(Vec<RecordBatch>, Vec<u64>)> {
    let (mut batches, mut freed) = (Vec::new(), Vec::new());
    loop {
        match next(query, schema)? {
            Got::Batch(batch, flags, aliases) => {
                assert_eq!(flags & RESULT_RETAINED, 0, "nothing was lent to this call");
                assert!(aliases.iter().all(|alias| alias.owner != 0 && alias.byte_len > 0), "{aliases:?}");
                batches.push(batch);
            }
            Got::End => return Ok((batches, freed)),
            Got::Pending => {
                for event in client.wait()? {
                    match event.kind {
                        EVENT_INPUT => feed(event.value),
                        EVENT_OWNER => freed.push(event.value),
                        EVENT_LOG => {}
                        _ => assert_eq!((event.kind, event.handle), (EVENT_OUTPUT, query)),
                    }
                }
            }
        }
    }
}

pub(crate) fn release(handle: u64) {
    assert_eq!(bowyer_release(handle), 0);
}

pub(crate) fn engine() -> Client {
    Client::open(&EngineConfig { threads: 2, ..EngineConfig::default() })
}

#[test]
fn an_echo_is_all_alias_and_a_copy_is_none() {
    let client = engine();
    let handle = open_schema(&client, &schema());
    for sent in [batch(0, 100), batch(0, 100).slice(5, 20), batch(0, 0)] {
        for copy in [0, 1] {
            let lent = Lent::batch(&sent);
            let (block, mut array, mut result) = (lent.block(), ArrowArray::empty(), new_result());
            let address = (&raw const block).expose_provenance();
            // SAFETY: a true block.
            attempt(|error| unsafe {
                bowyer_block_echo(null(), handle, address, copy, &raw mut array, &raw mut result, error)
            })
            .unwrap();
            assert_eq!(result.flags & RESULT_RETAINED, 0);
            assert_eq!(result.byte_len == 0, copy == 0 || sent.num_rows() == 0, "{} bytes", result.byte_len);
            assert_eq!(result.alias_count > 0, copy == 0 && sent.num_rows() > 0);
            assert_eq!(client.statistics().live_arrays, 1);
            assert_eq!(batch_values(&schema(), array, &result), sent);
        }
    }
    release(handle);
}

#[test]
fn a_copying_echo_takes_views_and_dictionaries_along() {
    let client = engine();
    let long = |row: i64| format!("a text that is too long for a view, row {row}");
    let views: ArrayRef = Arc::new((0..50).map(|row| Some(long(row))).collect::<StringViewArray>());
    let keys = Int32Array::from_iter_values((0..50).map(|row| row % 3));
    let values = Arc::new((0..3).map(|row| Some(long(row))).collect::<StringArray>());
    let dictionary: ArrayRef = Arc::new(DictionaryArray::new(keys, values));
    let sent = RecordBatch::try_from_iter([("views", views), ("dictionary", dictionary)]).unwrap();
    let handle = open_schema(&client, &sent.schema());
    let lent = Lent::batch(&sent);
    let (block, mut array, mut result) = (lent.block(), ArrowArray::empty(), new_result());
    let address = (&raw const block).expose_provenance();
    // SAFETY: a true block.
    attempt(|error| unsafe { bowyer_block_echo(null(), handle, address, 1, &raw mut array, &raw mut result, error) })
        .unwrap();
    assert_eq!((result.flags & RESULT_RETAINED, result.alias_count), (0, 0));
    let texts = 53 * long(10).len() as u64 - 13;
    assert!(result.bytes_copied >= texts, "{} of {texts} bytes copied", result.bytes_copied);
    assert!(result.byte_len >= result.bytes_copied, "{} of {}", result.byte_len, result.bytes_copied);
    assert_eq!(client.statistics().bytes_copied, result.bytes_copied);
    let schema = sent.schema();
    // What was lent may go: nothing of the copy lies there.
    drop((lent, block));
    assert_eq!(batch_values(&schema, array, &result), sent);
    release(handle);
}

#[test]
fn a_source_is_read_by_two_queries_and_let_go_of_after_both() {
    let client = engine();
    let source = open_source(&client, &schema());
    let batches = [batch(0, 500), batch(500, 300)];
    let lent: Vec<Lent> = batches.iter().map(Lent::batch).collect();
    for lent in &lent {
        assert_eq!(push_source(source, lent).unwrap(), RESULT_RETAINED);
    }
    let prepared = prepare(&client, &plan(Some(399))).unwrap();
    let queries: Vec<u64> = (0..2).map(|_| start(prepared, To::Source(source)).unwrap()).collect();
    release(source);
    for &query in &queries {
        let (got, freed) = drain(&client, query, |_| panic!("nothing to feed")).unwrap();
        let rows: usize = got.iter().map(RecordBatch::num_rows).sum();
        let expected = (400..800).filter(|value| value % 7 != 3).count();
        assert_eq!((rows, freed.len()), (expected, 0));
    }
    queries.into_iter().for_each(release);
    release(prepared);
    let mut freed = Vec::new();
    while freed.len() < 2 {
        freed.extend(
            client.wait().unwrap().into_iter().filter(|event| event.kind == EVENT_OWNER).map(|event| event.value),
        );
    }
    freed.sort_unstable();
    assert_eq!(freed, lent.iter().map(|lent| lent.owner).collect::<Vec<_>>());
}

#[test]
fn a_pushed_query_asks_for_batches_and_passes_them_on() {
    let client = engine();
    let prepared = prepare(&client, &plan(None)).unwrap();
    let query = start(prepared, To::Pushed(true)).unwrap();
    let sent: Vec<RecordBatch> = (0..20).map(|number| batch(number * 100, 100)).collect();
    let lent: Vec<Lent> = sent.iter().map(Lent::batch).collect();
    let mut waiting = lent.iter();
    let feed = |credits: u64| {
        for _ in 0..credits {
            let Some(lent) = waiting.next() else {
                // SAFETY: no error.
                assert_eq!(unsafe { bowyer_query_finish(query, 0, null()) }, 0);
                return;
            };
            let (block, mut result) = (lent.block(), new_result());
            let address = (&raw const block).expose_provenance();
            // SAFETY: a true block.
            attempt(|error| unsafe { bowyer_query_push(query, 0, address, &raw mut result, error) }).unwrap();
        }
    };
    let (got, _) = drain(&client, query, feed).unwrap();
    let join = |batches: &[RecordBatch]| arrow_select::concat::concat_batches(&schema(), batches).unwrap();
    assert_eq!(join(&got), join(&sent));
    release(query);
    release(prepared);
}

#[test]
fn the_error_of_a_reader_is_the_querys_error() {
    let client = engine();
    let prepared = prepare(&client, &plan(None)).unwrap();
    let query = start(prepared, To::Pushed(true)).unwrap();
    let message = b"the reader broke";
    let why = CError {
        struct_size: size_of::<CError>() as u32,
        code: 19,
        message: message.as_ptr().cast(),
        message_len: message.len() as u64,
        detail: null(),
        detail_len: 0,
        release: None,
        private_data: null_mut(),
    };
    // SAFETY: a true struct.
    assert_eq!(unsafe { bowyer_query_finish(query, 0, &raw const why) }, 0);
    let Err(failure) = drain(&client, query, |_| {}) else { panic!("the query ends well") };
    assert_eq!((failure.code, failure.message.as_str()), (19, "the reader broke"));
    assert_eq!(failure.detail.input, "t");
    release(query);
    release(prepared);
}

#[test]
fn a_cancelled_query_says_so_and_a_released_one_is_gone() {
    let client = engine();
    let prepared = prepare(&client, &plan(None)).unwrap();
    let query = start(prepared, To::Pushed(true)).unwrap();
    assert_eq!(bowyer_query_cancel(query), 0);
    let Err(failure) = drain(&client, query, |_| {}) else { panic!("the query ends well") };
    assert_eq!(failure.code, 15);
    release(query);
    assert_eq!(next(query, &schema()).err().map(|failure| failure.code), Some(17));
    assert_eq!(bowyer_query_cancel(prepared), 17, "a handle of another kind");
    release(prepared);
    let Err(failure) = prepare(&client, b"\xFF\xFF") else { panic!("nonsense is no plan") };
    assert_eq!(failure.code, 8);
}

#[test]
fn a_deadline_passes_for_a_query_that_nobody_touches() {
    let client = engine();
    let prepared = prepare(&client, &plan(None)).unwrap();
    let (query, _) = start_with_deadline(prepared);
    assert!(matches!(next(query, &schema()).unwrap(), Got::Pending));
    // Nothing is pushed and nothing read: the waiting thread finds the deadline passed.
    while !client.wait().unwrap().iter().any(|event| event.kind == EVENT_OUTPUT) {}
    assert_eq!(next(query, &schema()).err().map(|failure| failure.code), Some(DEADLINE_EXCEEDED));
    let lent = Lent::batch(&batch(0, 1));
    let (block, mut result) = (lent.block(), new_result());
    let address = (&raw const block).expose_provenance();
    // SAFETY: a true block.
    let pushed = attempt(|error| unsafe { bowyer_query_push(query, 0, address, &raw mut result, error) });
    assert_eq!(pushed.err().map(|failure| failure.code), Some(DEADLINE_EXCEEDED));
    release(query);
    release(prepared);
}

#[test]
fn a_timeout_ends_a_query() {
    let client = engine();
    let source = open_source(&client, &schema());
    let call = Call { timeout_ns: 1, ..new_call() };
    let mut prepared = 0;
    // SAFETY: outputs of ours.
    let outcome = attempt(|error| unsafe {
        bowyer_plan_prepare(&raw const call, client.engine, bytes(&plan(None)), &raw mut prepared, null_mut(), error)
    });
    assert_eq!(outcome.err().map(|failure| failure.code), Some(DEADLINE_EXCEEDED));
    let cancel = 1_u32;
    let call = Call { timeout_ns: 0, cancel: &raw const cancel, ..call };
    // SAFETY: outputs of ours.
    let outcome = attempt(|error| unsafe {
        bowyer_plan_prepare(&raw const call, client.engine, bytes(&plan(None)), &raw mut prepared, null_mut(), error)
    });
    assert_eq!(outcome.err().map(|failure| failure.code), Some(15));
    release(source);
}
