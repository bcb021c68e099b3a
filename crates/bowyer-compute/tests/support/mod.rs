// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! How the Rust runner makes a call: bind by name, run, give an array.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a case that cannot be set up is a failure of the test")]

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray};
use bowyer_compute::{
    Argument, Bound, Function, FunctionKind, Groups, OptionKind, OptionSpec, OptionValue, bind, find,
};
use bowyer_core::{Column, Memory, Result};
use bowyer_testkit::toml::{Table, Value};
use bowyer_testkit::{data_type, literal};

/// Binds a call of columns.
pub(crate) fn bind_columns(function: &str, columns: &[Column], options: &Table) -> Result<Bound> {
    let arguments: Vec<_> = columns
        .iter()
        .map(|column| Argument {
            data_type: column.data_type().clone(),
            nullable: true,
            constant: column.is_scalar().then(|| column.values().clone()),
        })
        .collect();
    bind(function, &arguments, option_values(function, options)?)
}

/// Runs a bound call; a scalar result is an array of one row.
pub(crate) fn run(bound: &Bound, columns: &[Column], row_count: usize, memory: &Memory) -> Result<ArrayRef> {
    if bound.function().kind == FunctionKind::Aggregate {
        let mut accumulator = bound.accumulator(memory)?;
        accumulator.update(columns, Groups::All)?;
        return accumulator.evaluate(1);
    }
    bound.call(columns, row_count, memory).map(|column| column.values().clone())
}

/// The options of an example.
pub(crate) fn example_options(options: &[(&str, &str)]) -> Table {
    let lines: Vec<_> = options.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    lines.join("\n").parse().unwrap()
}

/// The options that a call of a function needs at least: those of its first example.
pub(crate) fn usual_options(function: &Function) -> Table {
    function.examples.first().map(|example| example_options(example.options)).unwrap_or_default()
}

fn option_values(function: &str, options: &Table) -> Result<Vec<(String, OptionValue)>> {
    let specs = find(function)?.options;
    let of = |(name, value): (&String, &Value)| {
        let spec = specs.iter().find(|spec| spec.name == name);
        (name.clone(), option_value(spec, value))
    };
    Ok(options.iter().map(of).collect())
}

fn option_value(spec: Option<&OptionSpec>, value: &Value) -> OptionValue {
    match (spec.map(|spec| spec.kind), value) {
        (Some(OptionKind::Type), Value::String(name)) => OptionValue::Type(data_type(name).unwrap()),
        (Some(OptionKind::Array | OptionKind::Floats), Value::String(text)) => {
            OptionValue::Array(literal(text).unwrap().array)
        }
        (_, Value::Boolean(value)) => OptionValue::Boolean(*value),
        (_, Value::Integer(value)) => OptionValue::Integer(*value),
        (_, Value::Float(value)) => OptionValue::Float(*value),
        (_, Value::String(value)) => OptionValue::Utf8(value.clone()),
        (_, Value::Array(values)) => OptionValue::Array(array_of(values)),
        (_, other) => panic!("no option has the value {other}"),
    }
}

fn array_of(values: &[Value]) -> ArrayRef {
    if values.iter().all(Value::is_integer) {
        return Arc::new(values.iter().map(Value::as_integer).collect::<Int64Array>());
    }
    if values.iter().all(Value::is_str) {
        return Arc::new(values.iter().map(Value::as_str).collect::<StringArray>());
    }
    let floats = values.iter().map(|value| value.as_float().or_else(|| value.as_integer().map(|value| value as f64)));
    Arc::new(floats.collect::<Float64Array>())
}
