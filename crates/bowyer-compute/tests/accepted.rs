// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Every type that a function of pyarrow takes, ours takes too, and gives the same type for.
//!
//! `testdata/functions/accepted.txt` says what pyarrow does; each line's calls are bound and run here. What we do
//! otherwise on purpose is listed below by its id in `differential/deviations.toml`, and one that no call needs any more fails the test.

#![expect(clippy::unwrap_used, reason = "a line that is not understood is a failure of the test")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, UnionArray};
use arrow_schema::{DataType, UnionMode};
use bowyer_compute::{Argument, Bound, OptionValue, bind, data_type, find};
use bowyer_core::{Column, ErrorCode, Memory, Result};
use bowyer_testkit::{corpus, literal};

/// A function, the types of the matrix that are taken otherwise (all of them when empty), and the deviation that it is.
const DEVIATIONS: &[(&str, &[&str], &str)] = &[
    ("assume_timezone", &["timestamp_tz"], "zone-first"),
    ("is_dst", &["timestamp"], "zone-first"),
    ("case_when", &["decimal32", "decimal64"], "kept-type"),
    ("coalesce", &["decimal32", "decimal64"], "kept-type"),
    ("if_else", &["decimal32", "decimal64"], "kept-type"),
    ("choose", &["dictionary_string", "dictionary_int64"], "kept-type"),
    ("dictionary_decode", &["run_end_encoded"], "decoded-runs"),
    ("hash_tdigest", &[], "shares"),
];

/// Values of each type of the matrix, but unions: a value and a null.
const VALUES: &[(&str, &str)] = &[
    ("null", "[null, null]"),
    ("bool", "[true, null]"),
    ("decimal32", "[1.00, null]"),
    ("decimal64", "[1.00, null]"),
    ("decimal128", "[1.00, null]"),
    ("decimal256", "[1.00, null]"),
    ("date32", "[\"2024-02-29\", null]"),
    ("date64", "[\"2024-02-29\", null]"),
    ("time32", "[\"12:30:00\", null]"),
    ("time64", "[\"12:30:00\", null]"),
    ("timestamp", "[\"2024-02-29T12:30:00\", null]"),
    ("timestamp_tz", "[\"2024-02-29T12:30:00\", null]"),
    ("month_day_nano", "[[1, 2, 3], null]"),
    ("binary", "[\"ab\", null]"),
    ("large_binary", "[\"ab\", null]"),
    ("binary_view", "[\"ab\", null]"),
    ("fixed_size_binary", "[\"ab\", null]"),
    ("string", "[\"ab\", null]"),
    ("large_string", "[\"ab\", null]"),
    ("string_view", "[\"ab\", null]"),
    ("list", "[[1, 2], null]"),
    ("large_list", "[[1, 2], null]"),
    ("list_view", "[[1, 2], null]"),
    ("fixed_size_list", "[[1, 2], null]"),
    ("list_string", "[[\"a\", \"b\"], null]"),
    ("struct", "[{a: 1}, null]"),
    ("map", "[[[\"k\", 1]], null]"),
    ("dictionary_string", "[\"ab\", null]"),
    ("run_end_encoded", "[1, 1]"),
    ("conditions", "[{c: true}, {c: false}]"),
];

/// Types by the names of the matrix.
type Types = BTreeMap<String, (String, DataType)>;

/// A line of the matrix.
struct Line {
    function: String,
    args: Vec<String>,
    result: String,
    types: Vec<String>,
}

fn read() -> (Types, Vec<Line>) {
    let text = std::fs::read_to_string(corpus::folder().join("accepted.txt")).unwrap();
    let (mut types, mut lines) = (Types::new(), vec![]);
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let Some((call, accepted)) = line.split_once(" | ") else {
            let (name, spelled) = line.split_once(" = ").unwrap();
            types.insert(name.to_owned(), (spelled.to_owned(), data_type(spelled).unwrap()));
            continue;
        };
        let (call, result) = call.split_once(") = ").unwrap();
        let (function, args) = call.split_once('(').unwrap();
        lines.push(Line {
            function: function.to_owned(),
            args: args.split(", ").map(str::to_owned).collect(),
            result: result.to_owned(),
            types: accepted.split(' ').map(str::to_owned).collect(),
        });
    }
    (types, lines)
}

fn values(name: &str, (spelled, data_type): &(String, DataType)) -> ArrayRef {
    if let DataType::Union(fields, mode) = data_type {
        let offsets = (*mode == UnionMode::Dense).then(|| vec![0, 1].into());
        let child: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        return Arc::new(UnionArray::try_new(fields.clone(), vec![0i8, 0].into(), offsets, vec![child]).unwrap());
    }
    let values = VALUES.iter().find(|(known, _)| *known == name).map_or("[1, null]", |(_, values)| values);
    literal(&format!("{spelled} {values}")).unwrap().array
}

/// The options of calls whose first example has none that fit all types.
fn options(function: &str, first: &ArrayRef) -> Option<Vec<(String, OptionValue)>> {
    let own = |name: &str, value: OptionValue| vec![(name.to_owned(), value)];
    Some(match function {
        "is_in" | "index_in" => own("value_set", OptionValue::Array(first.slice(0, 1))),
        "index" => own("value", OptionValue::Array(first.slice(0, 1))),
        "struct_field" => own("indices", OptionValue::Array(literal("int64 [0]").unwrap().array)),
        "assume_timezone" => own("timezone", OptionValue::Utf8("UTC".to_owned())),
        "extract_regex" | "extract_regex_span" => own("pattern", OptionValue::Utf8("(?P<x>a)".to_owned())),
        "round_to_multiple" => own("multiple", OptionValue::Integer(1)),
        "binary_slice" => {
            let option = |name: &str, value: i64| (name.to_owned(), OptionValue::Integer(value));
            vec![option("start", 0), option("stop", 1)]
        }
        "binary_replace_slice" => {
            let option = |name: &str, value: i64| (name.to_owned(), OptionValue::Integer(value));
            let replacement = OptionValue::Utf8("b".to_owned());
            vec![option("start", 0), option("stop", 1), ("replacement".to_owned(), replacement)]
        }
        "make_struct" => own("field_names", OptionValue::Array(literal("string [\"a\", \"b\"]").unwrap().array)),
        "pivot_wider" | "hash_pivot_wider" => {
            own("key_names", OptionValue::Array(literal("string [\"ab\"]").unwrap().array))
        }
        "cast" => own("to_type", OptionValue::Type(DataType::Utf8)),
        _ => return None,
    })
}

fn bound(function: &str, columns: &[Column]) -> Result<Bound> {
    let Some(options) = options(function, columns[0].values()) else {
        return support::bind_columns(function, columns, &support::usual_options(find(function)?));
    };
    let arguments: Vec<_> = columns.iter().map(|column| Argument::new(column.data_type().clone())).collect();
    bind(function, &arguments, options)
}

/// What a call gives, or why it does not.
fn outcome(types: &Types, line: &Line, kind: &str) -> std::result::Result<(), String> {
    let spelled = &types[kind].0;
    let args: Vec<ArrayRef> = line
        .args
        .iter()
        .map(|arg| if arg == "?" { kind } else { arg })
        .map(|name| values(name, &types[name]))
        .collect();
    let columns: Vec<_> = args.iter().cloned().map(Column::Array).collect();
    let bound = bound(&line.function, &columns).map_err(|error| error.to_string())?;
    let expected = line.result.replace('?', spelled);
    let expected = data_type(&expected).map_err(|error| format!("{expected}: {error}"))?;
    if bound.output_type() != &expected {
        return Err(format!("gives {}, not {expected}", bound.output_type()));
    }
    match support::run(&bound, &columns, args[0].len(), &Memory::unlimited()) {
        Err(error)
            if matches!(error.code(), ErrorCode::NotImplemented | ErrorCode::TypeMismatch | ErrorCode::Internal) =>
        {
            Err(error.to_string())
        }
        // A failure for what the values are: pyarrow may fail for them as well.
        _ => Ok(()),
    }
}

#[test]
fn the_type_matrix_is_a_superset_of_pyarrows() {
    let (types, lines) = read();
    let only = std::env::var("BOWYER_FUNCTION").ok();
    let listed = std::fs::read_to_string(corpus::folder().join("differential/deviations.toml")).unwrap();
    assert!(DEVIATIONS.iter().all(|(_, _, id)| listed.contains(&format!("id = \"{id}\""))));
    let mut used = vec![false; DEVIATIONS.len()];
    let (mut failures, mut pairs) = (vec![], 0);
    for line in lines.iter().filter(|line| only.as_ref().is_none_or(|only| *only == line.function)) {
        for kind in &line.types {
            pairs += 1;
            let Err(why) = outcome(&types, line, kind) else { continue };
            let applies = |(function, kinds, _): &(&str, &[&str], &str)| {
                *function == line.function && (kinds.is_empty() || kinds.contains(&kind.as_str()))
            };
            match DEVIATIONS.iter().position(applies) {
                Some(index) => used[index] = true,
                None => failures.push(format!("{}({}) of {kind}: {why}", line.function, line.args.join(", "))),
            }
        }
    }
    assert!(failures.is_empty(), "{} of {pairs} pairs\n{}", failures.len(), failures.join("\n"));
    assert!(only.is_some() || pairs > 3_900, "the matrix is there");
    let idle: Vec<_> =
        DEVIATIONS.iter().zip(used).filter(|(_, used)| !used).map(|(deviation, _)| deviation.0).collect();
    assert!(only.is_some() || idle.is_empty(), "no call needs the deviation of {idle:?}");
}
