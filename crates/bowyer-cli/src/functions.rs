// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! `bowyer functions`: what there is to call, for people and for programs.
//!
//! Both forms read the registry, as the manual does, so they never lag behind it.

use std::io::Write;

use bowyer_compute::{
    Example, Function, FunctionKind, Kind, Nulls, OptionDefault, OptionKind, OptionSpec, WindowFunction, functions,
    window_functions,
};
use bowyer_core::{Error, Result};
use serde_json::{Value, json};

/// Writes a line for each function, by kind.
pub(crate) fn list(output: &mut impl Write) -> Result<()> {
    let width = functions().map(|function| function.name.len()).max().unwrap_or(0);
    for (kind, title) in [
        (FunctionKind::Scalar, "Scalar functions"),
        (FunctionKind::Vector, "Vector functions"),
        (FunctionKind::Aggregate, "Aggregates"),
    ] {
        writeln!(output, "{title}")?;
        let lines = functions()
            .filter(|function| function.kind == kind)
            .map(|function| format!("  {:width$}  {}", function.name, function.summary));
        crate::write_lines(output, lines)?;
    }
    writeln!(output, "Window functions, beside the aggregates")?;
    let lines = window_functions().iter().map(|function| format!("  {:width$}  {}", function.name, function.summary));
    crate::write_lines(output, lines)
}

/// Writes a JSON array of all functions.
pub(crate) fn list_json(output: &mut impl Write) -> Result<()> {
    let all: Vec<Value> = functions().map(describe).chain(window_functions().iter().map(describe_window)).collect();
    serde_json::to_writer_pretty(&mut *output, &all).map_err(|error| Error::io(error.to_string()))?;
    writeln!(output)?;
    Ok(())
}

fn describe(function: &Function) -> Value {
    let kind = match function.kind {
        FunctionKind::Scalar => "scalar",
        FunctionKind::Vector => "vector",
        FunctionKind::Aggregate => "aggregate",
    };
    let nulls = match function.nulls {
        Nulls::Propagate => "propagate",
        Nulls::Inspect => "inspect",
        Nulls::Never => "never",
    };
    let overloads: Vec<Value> = function
        .overloads
        .iter()
        .map(|overload| {
            let arguments: Vec<String> = overload.args.iter().map(|kind| kind_name(*kind, function.args)).collect();
            json!({ "arguments": arguments, "result": kind_name(overload.output, function.args) })
        })
        .collect();
    json!({
        "name": function.name,
        "aliases": function.aliases,
        "kind": kind,
        "summary": function.summary,
        "notes": function.notes,
        "arguments": function.args,
        "variadic": function.variadic.is_some(),
        "options": function.options.iter().map(option).collect::<Vec<_>>(),
        "overloads": overloads,
        "nulls": nulls,
        "fallible": function.fallible,
        "deterministic": function.deterministic,
        "examples": function.examples.iter().map(example).collect::<Vec<_>>(),
    })
}

/// A function of windows in the same form; it is called by plans alone.
fn describe_window(function: &WindowFunction) -> Value {
    let arguments = vec!["Any"; function.args.len()];
    json!({
        "name": function.name,
        "aliases": [],
        "kind": "window",
        "summary": function.summary,
        "notes": "",
        "arguments": function.args,
        "variadic": false,
        "options": function.options.iter().map(option).collect::<Vec<_>>(),
        "overloads": [{ "arguments": arguments, "result": kind_name(function.output, function.args) }],
        "nulls": if function.nullable { "inspect" } else { "never" },
        "fallible": false,
        "deterministic": true,
        "examples": [],
    })
}

/// A call and its result: arguments and result as `TYPE VALUES`, options as TOML values.
fn example(example: &Example) -> Value {
    let options: serde_json::Map<String, Value> =
        example.options.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    json!({ "arguments": example.args, "options": options, "result": example.result })
}

/// The name of a kind; other arguments by their name. A computed type has none.
fn kind_name(kind: Kind, arguments: &[&str]) -> String {
    let argument = |index: usize| arguments.get(index).copied().unwrap_or("?");
    match kind {
        Kind::SameAs(index) => format!("SameAs({})", argument(index)),
        Kind::ListOf(index) => format!("ListOf({})", argument(index)),
        Kind::Computed(_) => "Computed".to_owned(),
        kind => format!("{kind:?}"),
    }
}

fn option(option: &OptionSpec) -> Value {
    let kind = match option.kind {
        OptionKind::Boolean => json!("boolean"),
        OptionKind::Integer => json!("integer"),
        OptionKind::Float => json!("float"),
        OptionKind::Utf8 => json!("string"),
        OptionKind::Choice(words) => json!(words),
        OptionKind::Type => json!("type"),
        OptionKind::Array => json!("array"),
        OptionKind::Floats => json!("floats"),
        OptionKind::Scalar => json!("scalar"),
        other => json!(format!("{other:?}")),
    };
    let default = match option.default {
        OptionDefault::Required | OptionDefault::Null => Value::Null,
        OptionDefault::Boolean(value) => json!(value),
        OptionDefault::Integer(value) => json!(value),
        OptionDefault::Float(value) => json!(value),
        OptionDefault::Utf8(value) => json!(value),
    };
    json!({
        "name": option.name,
        "type": kind,
        "required": option.default == OptionDefault::Required,
        "default": default,
        "summary": option.summary,
    })
}
