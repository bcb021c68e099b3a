// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The program as a shell sees it: bytes in, bytes out, a line and an exit code when it fails.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, cast::AsArray, types::Int64Type};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;

fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bowyer"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input); // the program may end before it has read everything
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// A stream of batches of `x` and `y`.
fn stream(batches: &[(&[Option<i64>], &[i64])]) -> Vec<u8> {
    let batches: Vec<RecordBatch> = batches
        .iter()
        .map(|(x, y)| {
            let x: ArrayRef = Arc::new(Int64Array::from(x.to_vec()));
            let y: ArrayRef = Arc::new(Int64Array::from(y.to_vec()));
            RecordBatch::try_from_iter_with_nullable([("x", x, true), ("y", y, false)]).unwrap()
        })
        .collect();
    let mut writer = StreamWriter::try_new(Vec::new(), &batches[0].schema()).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

fn read(output: &Output) -> Vec<RecordBatch> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    StreamReader::try_new(output.stdout.as_slice(), None).unwrap().map(Result::unwrap).collect()
}

fn values(batch: &RecordBatch, name: &str) -> Vec<Option<i64>> {
    batch.column_by_name(name).unwrap().as_primitive::<Int64Type>().iter().collect()
}

#[track_caller]
fn fails(output: &Output, words: &str) {
    let line = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{line}");
    assert_eq!(line.trim_end().lines().count(), 1, "{line}");
    assert!(line.contains(words), "{line}");
    assert!(output.stdout.is_empty(), "{} bytes were written", output.stdout.len());
}

#[test]
fn a_scalar_function_adds_a_column_to_each_batch() {
    let input = stream(&[(&[Some(1), None], &[10, 20]), (&[Some(3)], &[30])]);
    let batches = read(&run(&["call", "add", "--on", "x", "y", "--as", "sum"], &input));
    assert_eq!(batches.len(), 2);
    assert_eq!(values(&batches[0], "sum"), [Some(11), None]);
    assert_eq!(values(&batches[1], "sum"), [Some(33)]);
    assert_eq!(batches[0].num_columns(), 3);
}

#[test]
fn a_result_named_as_a_column_replaces_it() {
    let input = stream(&[(&[Some(1)], &[10])]);
    let batches = read(&run(&["call", "add_checked", "--on", "x", "y", "--as", "x"], &input));
    assert_eq!(values(&batches[0], "x"), [Some(11)]);
    assert_eq!(batches[0].num_columns(), 2);
}

#[test]
fn an_aggregate_gives_one_row_of_the_whole_stream() {
    let input = stream(&[(&[Some(1), None], &[10, 20]), (&[Some(3)], &[30])]);
    let batches = read(&run(&["call", "sum", "--on", "x"], &input));
    assert_eq!(values(&batches[0], "sum"), [Some(4)]);
}

#[test]
fn a_failing_row_is_located_and_nothing_is_written() {
    let input = stream(&[(&[Some(1)], &[1]), (&[Some(1), Some(i64::MAX)], &[1, 1])]);
    let output = run(&["call", "add_checked", "--on", "x", "y", "--as", "sum"], &input);
    fails(&output, "Overflow: add_checked: batch 1: row 1:");
}

#[test]
fn what_does_not_exist_is_named() {
    let input = stream(&[(&[Some(1)], &[1])]);
    fails(&run(&["call", "ad", "--on", "x", "y"], &input), "NotFound");
    fails(&run(&["call", "add", "--on", "x", "z"], &input), "column \"z\"");
    fails(&run(&["call", "add", "--on", "x", "y", "--options", r#"{"colour": 1}"#], &input), "colour");
    fails(&run(&["call", "add", "--on", "x", "y", "--options", "{"], &input), "--options");
}

#[test]
fn input_that_is_no_stream_fails() {
    fails(&run(&["call", "add", "--on", "x", "y"], b"no stream"), "Io: ");
}

#[test]
fn input_that_breaks_off_never_looks_complete() {
    let mut input = stream(&[(&[Some(1)], &[1]), (&[Some(2)], &[2])]);
    input.truncate(input.len() - 40);
    let output = run(&["call", "is_null", "--on", "x"], &input);
    assert_eq!(output.status.code(), Some(1));
    let read: Result<Vec<_>, _> = StreamReader::try_new(output.stdout.as_slice(), None).unwrap().collect();
    assert!(read.is_err(), "{read:?}");
}

#[test]
fn functions_are_listed_for_people_and_programs() {
    let text = run(&["functions"], &[]).stdout;
    assert!(String::from_utf8(text).unwrap().contains("add_checked"));
    let json: serde_json::Value = serde_json::from_slice(&run(&["functions", "--json"], &[]).stdout).unwrap();
    let add = json.as_array().unwrap().iter().find(|function| function["name"] == "add").unwrap();
    assert_eq!(add["kind"], "scalar");
    assert!(!add["overloads"].as_array().unwrap().is_empty());
    assert_eq!(add["examples"][0]["arguments"].as_array().unwrap().len(), 2);
    let lag = json.as_array().unwrap().iter().find(|function| function["name"] == "lag").unwrap();
    assert_eq!((&lag["kind"], &lag["options"][0]["name"]), (&"window".into(), &"offset".into()));
    let refused = run(&["call", "row_number"], &[]);
    assert!(String::from_utf8(refused.stderr).unwrap().contains("a plan calls it over a window"));
}

#[test]
fn errors_are_listed_by_number() {
    let text = String::from_utf8(run(&["errors"], &[]).stdout).unwrap();
    assert!(text.lines().any(|line| line.trim() == "11  DivideByZero"), "{text}");
}
