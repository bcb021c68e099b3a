// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Inputs that come with no more than the columns that a plan reads.

use std::ptr::null;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use bowyer_capi::exports::{bowyer_query_finish, bowyer_query_push};
use bowyer_engine::proto::input_binding::To;
use bowyer_engine::proto::relation::Kind as RelationKind;
use bowyer_engine::proto::{self, Plan, Relation};
use prost::Message;

use crate::calls::{Lent, attempt, new_result};
use crate::queries::{batch, drain_any, engine, open_source, plan, prepare, push_source, release, start};

const TYPE_MISMATCH: i32 = 2;

/// `select a`: `s` is not read.
fn select_a() -> Vec<u8> {
    let mut plan = Plan::decode(&plan(None)[..]).unwrap();
    let expression = proto::expression::Kind::Column("a".to_owned());
    let column = proto::NamedExpression { expression: 0, name: "a".to_owned() };
    plan.relations.push(Relation {
        expressions: vec![proto::Expression { kind: Some(expression), parameter_type: None }],
        kind: Some(RelationKind::Project(proto::Project { relation: 0, columns: vec![column], ..Default::default() })),
        ..Relation::default()
    });
    plan.outputs[0].relation = 1;
    plan.encode_to_vec()
}

fn only_a(batch: &RecordBatch) -> RecordBatch {
    batch.project(&[0]).unwrap()
}

#[test]
fn a_source_may_have_the_columns_that_are_read_alone() {
    let client = engine();
    let prepared = prepare(&client, &select_a()).unwrap();
    let sent = only_a(&batch(0, 100));
    let lent = Lent::batch(&sent);
    let source = open_source(&client, &sent.schema());
    push_source(source, &lent).unwrap();
    let query = start(prepared, To::Source(source)).unwrap();
    let got = drain_any(&client, query, &sent.schema(), |_| unreachable!("nothing is pushed")).unwrap();
    assert_eq!(got, std::slice::from_ref(&sent));
    for handle in [query, source, prepared] {
        release(handle);
    }
}

#[test]
fn a_source_with_other_columns_is_refused() {
    let client = engine();
    let prepared = prepare(&client, &select_a()).unwrap();
    for (name, data_type) in [("b", DataType::Int64), ("a", DataType::Utf8)] {
        let other = Arc::new(Schema::new(vec![Field::new(name, data_type.clone(), true)]));
        let column = match data_type {
            DataType::Utf8 => Arc::new(StringArray::from(vec!["x"])) as _,
            _ => only_a(&batch(0, 1)).column(0).clone(),
        };
        let sent = RecordBatch::try_new(other.clone(), vec![column]).unwrap();
        let lent = Lent::batch(&sent);
        let source = open_source(&client, &other);
        push_source(source, &lent).unwrap();
        let failure = start(prepared, To::Source(source)).unwrap_err();
        assert_eq!(failure.code, TYPE_MISMATCH, "{failure:?}");
        release(source);
    }
    release(prepared);
}

#[test]
fn pushed_batches_may_have_all_columns_or_those_that_are_read() {
    let client = engine();
    let prepared = prepare(&client, &select_a()).unwrap();
    let query = start(prepared, To::Pushed(true)).unwrap();
    let sent: Vec<RecordBatch> = vec![batch(0, 10), only_a(&batch(10, 10)), batch(20, 10)];
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
    let schema = only_a(&batch(0, 0)).schema();
    let got = drain_any(&client, query, &schema, feed).unwrap();
    let got: Vec<_> = got.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().iter()).collect();
    let all = batch(0, 30);
    assert_eq!(got, all.column(0).as_primitive::<Int64Type>().iter().collect::<Vec<_>>());
    release(query);
    release(prepared);
}
