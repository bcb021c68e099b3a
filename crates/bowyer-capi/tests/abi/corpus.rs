// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The corpus of function cases, run through the C ABI.

use std::sync::Arc;

use crate::calls::{Client, Failure, Lent, Outcome};
use arrow_array::{Array, ArrayRef, ListArray, RecordBatch};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, Schema};
use bowyer_compute::{OptionKind, find};
use bowyer_core::ErrorCode;
use bowyer_engine::field_to_proto;
use bowyer_engine::proto::literal::Value as LiteralValue;
use bowyer_engine::proto::{EngineConfig, FunctionCall, Literal, LiteralList, Option as ProtoOption};
use bowyer_testkit::corpus::{Case, SeenError, folder, load};
use bowyer_testkit::toml::Value;
use bowyer_testkit::{data_type, literal};
use prost::Message;

fn seen(failure: Failure) -> SeenError {
    let code = ErrorCode::ALL.iter().find(|code| **code as i32 == failure.code);
    let argument = failure.detail.argument;
    SeenError {
        code: code.map_or("?", |code| code.name()).to_owned(),
        row: u64::try_from(failure.detail.row).ok(),
        argument: (!argument.is_empty()).then_some(argument),
        message: failure.message,
    }
}

/// An array as the contract carries it: a list of one row in an IPC stream.
fn ipc(values: ArrayRef) -> Vec<u8> {
    let item = Arc::new(Field::new("item", values.data_type().clone(), true));
    let list = ListArray::new(item, OffsetBuffer::from_lengths([values.len()]), values, None);
    let batch = RecordBatch::try_from_iter([("value", Arc::new(list) as ArrayRef)]).unwrap();
    let mut writer = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn plain(value: LiteralValue) -> Literal {
    Literal { value: Some(value), r#type: None }
}

fn option(kind: Option<OptionKind>, value: &Value) -> Literal {
    match (kind, value) {
        (Some(OptionKind::Type), Value::String(name)) => {
            let field = Field::new("", data_type(name).unwrap(), true);
            Literal { value: None, r#type: Some(field_to_proto(&field).unwrap()) }
        }
        (Some(OptionKind::Array | OptionKind::Floats), Value::String(text)) => {
            plain(LiteralValue::Ipc(ipc(literal(text).unwrap().array)))
        }
        (_, Value::Boolean(value)) => plain(LiteralValue::Boolean(*value)),
        (_, Value::Integer(value)) => plain(LiteralValue::Int64(*value)),
        (_, Value::Float(value)) => plain(LiteralValue::Float64(*value)),
        (_, Value::String(value)) => plain(LiteralValue::Utf8(value.clone())),
        (_, Value::Array(values)) => {
            // One float makes all of a list's numbers floats.
            let floats = values.iter().any(Value::is_float);
            let number = |value: &Value| match value.as_integer().filter(|_| floats) {
                Some(whole) => option(None, &Value::Float(whole as f64)),
                None => option(None, value),
            };
            let values = values.iter().map(number).collect();
            plain(LiteralValue::List(LiteralList { values }))
        }
        (_, other) => panic!("no option has the value {other}"),
    }
}

fn run(client: &Client, case: &Case) -> Outcome<ArrayRef> {
    let arguments = case.arguments().unwrap();
    let specs = find(&case.call).map(|function| function.options).unwrap_or_default();
    let options = case.options.iter().map(|(name, value)| {
        let kind = specs.iter().find(|spec| spec.name == name).map(|spec| spec.kind);
        ProtoOption { name: name.clone(), value: Some(option(kind, value)) }
    });
    let call = FunctionCall { function: case.call.clone(), options: options.collect() };
    let fields: Vec<Field> =
        arguments.iter().map(|argument| Field::new("", argument.array.data_type().clone(), true)).collect();
    let (function, field) = client.resolve(&call.encode_to_vec(), &Schema::new(fields))?;
    let columns: Vec<ArrayRef> = arguments.iter().map(|argument| argument.array.clone()).collect();
    let scalars: Vec<bool> = arguments.iter().map(|argument| argument.is_scalar).collect();
    let lent = Lent::new(&columns, Case::row_count(&arguments)).arguments(&scalars);
    let outcome = client.call(function, &field, &lent);
    assert_eq!(bowyer_capi::exports::bowyer_release(function), 0);
    let (array, _) = outcome?;
    assert!(matches!(field.data_type(), DataType::Null) || array.data_type() == field.data_type());
    Ok(array)
}

#[test]
fn every_case_holds_through_the_c_abi() {
    let client = Client::open(&EngineConfig { threads: 1, ..EngineConfig::default() });
    let only = std::env::var("BOWYER_CASE").unwrap_or_default();
    let cases = load(&folder()).unwrap();
    let mut failures = Vec::new();
    for (family, case) in cases.iter().filter(|(family, case)| family.contains(&only) || case.name.contains(&only)) {
        if let Err(difference) = case.check(run(&client, case).map_err(|failure| seen(*failure))) {
            failures.push(format!("{family}: {} ({}): {difference}", case.name, case.call));
        }
    }
    assert!(failures.is_empty(), "{} of {} cases fail\n{}", failures.len(), cases.len(), failures.join("\n"));
}
