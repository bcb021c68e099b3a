// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Scans of files that the tests write.

use super::*;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, StringArray, cast::AsArray};
use arrow_schema::{DataType, Field, Schema};
use bowyer_core::ErrorCode;
use parquet::arrow::ArrowWriter;
use std::sync::Arc;

use crate::{OutputFormat, Sink};

const FORMATS: [&str; 3] = ["file", "stream", "parquet"];

fn batches() -> Vec<RecordBatch> {
    let batch = |x: Vec<Option<i64>>, names: Vec<&str>| {
        let y: ArrayRef = Arc::new(Int64Array::from_iter_values(x.iter().map(|x| x.unwrap_or(0) * 10)));
        let names: ArrayRef = Arc::new(StringArray::from(names));
        let x: ArrayRef = Arc::new(Int64Array::from(x));
        RecordBatch::try_from_iter_with_nullable([("name", names, false), ("x", x, true), ("y", y, false)]).unwrap()
    };
    vec![batch(vec![Some(1), None], vec!["a", "b"]), batch(vec![Some(3)], vec!["c"])]
}

fn bytes(format: &str) -> Vec<u8> {
    let batches = batches();
    let schema = batches[0].schema();
    if format == "parquet" {
        let mut writer = ArrowWriter::try_new(Vec::new(), schema, None).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        return writer.into_inner().unwrap();
    }
    let format = if format == "file" { OutputFormat::File } else { OutputFormat::Stream };
    let mut sink = Sink::new(format, &schema, Vec::new()).unwrap();
    batches.iter().for_each(|batch| sink.write(batch).unwrap());
    sink.finish().unwrap()
}

fn scan(bytes: &[u8], request: &Request) -> Result<RecordBatch> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    let scan = Scan::open(file.path(), request)?;
    let schema = scan.schema();
    let mut batches = Vec::new();
    for batch in scan {
        match batch {
            Ok(batch) => batches.push(batch),
            Err(ArrowError::ExternalError(error)) => return Err(*error.downcast::<Error>().unwrap()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(arrow_select::concat::concat_batches(&schema, &batches).unwrap())
}

fn request(fields: &[(&str, DataType, bool)], columns: &[&str], limit: Option<u64>) -> Request {
    let fields: Vec<Field> =
        fields.iter().map(|(name, data_type, nullable)| Field::new(*name, data_type.clone(), *nullable)).collect();
    let columns = columns.iter().map(|&name| name.to_owned()).collect();
    Request { schema: Arc::new(Schema::new(fields)), columns, limit, bounds: Vec::new() }
}

fn x(batch: &RecordBatch) -> Vec<Option<i64>> {
    batch.column_by_name("x").unwrap().as_primitive::<Int64Type>().iter().collect()
}

#[test]
fn columns_are_found_by_name_in_every_format() {
    let request = request(&[("y", DataType::Int64, false), ("x", DataType::Int64, true)], &["x", "y"], None);
    for format in FORMATS {
        let read = scan(&bytes(format), &request).unwrap();
        assert_eq!(x(&read), [Some(1), None, Some(3)], "{format}");
        assert_eq!(read.column(0).as_primitive::<Int64Type>().values(), &[10, 0, 30], "{format}");
    }
}

#[test]
fn what_is_not_needed_is_neither_read_nor_missed() {
    let fields = [("x", DataType::Int64, true), ("name", DataType::Utf8, false), ("gone", DataType::Int64, true)];
    for format in FORMATS {
        let read = scan(&bytes(format), &request(&fields, &["x"], None)).unwrap();
        assert_eq!(x(&read), [Some(1), None, Some(3)], "{format}");
        assert_eq!(read.column(1).as_string::<i32>().value(0), "", "{format}");
        assert_eq!(read.column(2).null_count(), 3, "{format}");
    }
}

#[test]
fn rows_can_be_counted_without_any_column() {
    for format in FORMATS {
        assert_eq!(scan(&bytes(format), &request(&[], &[], None)).unwrap().num_rows(), 3, "{format}");
    }
}

#[test]
fn no_more_rows_come_than_are_needed() {
    let fields = [("x", DataType::Int64, true)];
    for format in FORMATS {
        for limit in 0..=4 {
            let read = scan(&bytes(format), &request(&fields, &["x"], Some(limit))).unwrap();
            assert_eq!(read.num_rows() as u64, limit.min(3), "{format}");
        }
    }
}

#[test]
fn what_does_not_fit_is_named() {
    for format in FORMATS {
        let refused =
            |fields: &[_], columns: &[&str]| scan(&bytes(format), &request(fields, columns, None)).unwrap_err();
        let error = refused(&[("z", DataType::Int64, true)], &["z"]);
        assert_eq!(
            (error.code(), error.place().column.as_deref()),
            (ErrorCode::NotFound, Some("z")),
            "{format}: {error}"
        );
        let error = refused(&[("x", DataType::Int32, true)], &["x"]);
        assert_eq!((error.code(), error.place().column.as_deref()), (ErrorCode::TypeMismatch, Some("x")), "{format}");
        let error = refused(&[("x", DataType::Int64, false)], &["x"]);
        assert_eq!((error.code(), error.place().column.as_deref()), (ErrorCode::InvalidData, Some("x")), "{format}");
    }
}

#[test]
fn a_file_that_breaks_off_fails_wherever_it_is_cut() {
    let request = request(&[("x", DataType::Int64, true)], &["x"], None);
    for format in ["file", "parquet"] {
        let whole = bytes(format);
        for end in 0..whole.len() {
            assert!(scan(&whole[..end], &request).is_err(), "{format}: {end} of {} bytes", whole.len());
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Scan::open(Path::new("/no/such/file"), &request(&[], &[], None)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Io);
    assert!(error.message().starts_with("/no/such/file: "), "{error}");
}

/// A Parquet file of `x` from 0 to 99 and a float, in ten row groups; the sixth has nulls alone.
fn grouped() -> Vec<u8> {
    let properties =
        parquet::file::properties::WriterProperties::builder().set_max_row_group_row_count(Some(10)).build();
    let value = |x: i64| (x / 10 != 5).then_some(x);
    let x: Int64Array = (0..100).map(value).collect();
    let float: arrow_array::Float64Array = (0..100).map(|x| Some(if x < 10 { -0.0 } else { x as f64 })).collect();
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("x", Arc::new(x) as ArrayRef, true),
        ("f", Arc::new(float) as ArrayRef, true),
    ]);
    let batch = batch.unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn row_groups_without_a_needed_row_are_not_read() {
    let bytes = grouped();
    let fields = [("x", DataType::Int64, true), ("f", DataType::Float64, true)];
    let read = |bounds: Vec<Bound>, limit| {
        let request = Request { bounds, ..request(&fields, &["x", "f"], limit) };
        scan(&bytes, &request).unwrap().num_rows()
    };
    let int = |value: i64| Some(Arc::new(Int64Array::from(vec![value])) as ArrayRef);
    let float = |value: f64| Some(Arc::new(arrow_array::Float64Array::from(vec![value])) as ArrayRef);
    let bound = |column: &str, least, greatest| Bound { column: column.to_owned(), least, greatest };
    // Of a group of nulls alone nothing is known.
    assert_eq!(read(vec![bound("x", int(35), int(42))], None), 30);
    assert_eq!(read(vec![bound("x", int(90), None)], None), 20);
    assert_eq!(read(vec![bound("x", None, int(9)), bound("f", None, float(25.0))], None), 10);
    assert_eq!(read(vec![bound("f", float(0.0), float(0.0))], None), 10, "the zeros are equal");
    assert_eq!(read(vec![bound("f", float(1e9), None)], None), 0);
    assert_eq!(
        read(vec![bound("x", float(1e9), None), bound("gone", int(7), None)], None),
        100,
        "hints that do not fit"
    );
    assert_eq!(read(vec![bound("x", int(90), None)], Some(7)), 7, "a limit counts from the start");
}

/// Every byte of a file in turn, and every end of it: an error with a code of bad files, or rows. Decoders of other people panic at some.
#[test]
fn damaged_files_are_read_or_refused() {
    let request = request(&[("name", DataType::Utf8, false), ("x", DataType::Int64, true)], &["name", "x"], None);
    let known = [
        ErrorCode::InvalidData,
        ErrorCode::Io,
        ErrorCode::NotFound,
        ErrorCode::InvalidArgument,
        ErrorCode::TypeMismatch,
    ];
    let mut refused = 0;
    for format in FORMATS {
        let whole = bytes(format);
        let mut look = |damaged: &[u8], what: String| {
            if let Err(error) = scan(damaged, &request) {
                assert!(known.contains(&error.code()), "{format}, {what}: {error:?}");
                refused += 1;
            }
        };
        for at in 0..whole.len() {
            for value in [0, 0x7F, 0xFF] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                look(&damaged, format!("byte {at} is {value}"));
            }
            look(&whole[..at], format!("{at} bytes"));
        }
    }
    assert!(refused > 1_000, "only {refused} were refused");
}
