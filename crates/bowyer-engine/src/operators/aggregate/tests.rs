// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Group-by and distinct against what a row-by-row run gives, for any cut into batches and any number of tasks.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use bowyer_compute::{Argument, OptionValue, bind};
use bowyer_core::{ErrorCode, Memory};

use super::drive::{context, cut, run, run_whole};
use super::*;
use crate::operators::distinct::{Keep, distinct};

/// Keys `k` (string), `n` (int64), `f` (float64) and values `v` (int64), all with nulls.
fn table(row_count: usize) -> RecordBatch {
    let mut state = 9_u64;
    let mut next = |end: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % end
    };
    let k: StringArray =
        (0..row_count).map(|_| Some(next(12)).filter(|&n| n > 0).map(|n| format!("key {n}"))).collect();
    let n: Int64Array = (0..row_count).map(|_| Some(next(5) as i64 - 2).filter(|&n| n != 0)).collect();
    let f: Float64Array =
        (0..row_count).map(|_| Some([0.0, -0.0, f64::NAN, -f64::NAN, 1.5][next(5) as usize])).collect();
    let v: Int64Array = (0..row_count).map(|_| Some(next(1000) as i64 - 500).filter(|&v| v % 7 != 0)).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(k), Arc::new(n), Arc::new(f), Arc::new(v)];
    let fields = ["k", "n", "f", "v"]
        .iter()
        .zip(&columns)
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), true));
    RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns).unwrap()
}

pub(super) fn aggregate(input: &SchemaRef, keys: &[usize], measures: &[(&str, Option<usize>)]) -> HashAggregate {
    let mut fields: Vec<Field> = keys.iter().map(|&key| input.field(key).clone()).collect();
    let mut bound_measures = Vec::new();
    for (name, argument) in measures {
        let arguments: Vec<usize> = argument.iter().copied().collect();
        let types: Vec<_> =
            arguments.iter().map(|&column| Argument::new(input.field(column).data_type().clone())).collect();
        let bound = bind(name, &types, Vec::<(String, OptionValue)>::new()).unwrap();
        fields.push(Field::new(*name, bound.output_type().clone(), true));
        let path = format!("aggregate[1].{name}");
        bound_measures.push(Measure { bound, arguments, filter: None, distinct: false, order: Vec::new(), path });
    }
    HashAggregate::new(input, keys.to_vec(), GroupingSets::default(), bound_measures, Arc::new(Schema::new(fields)))
        .unwrap()
}

pub(super) const MEASURES: [(&str, Option<usize>); 13] = [
    ("count_all", None),
    ("count", Some(3)),
    ("sum", Some(3)),
    ("min", Some(3)),
    ("max", Some(0)),
    ("mean", Some(3)),
    ("variance", Some(3)),
    ("first", Some(3)),
    ("last", Some(0)),
    ("count_distinct", Some(2)),
    ("median", Some(3)),
    ("min_max", Some(1)),
    ("sum_checked", Some(1)),
];

#[test]
fn tasks_and_batches_do_not_change_the_answer() {
    let table = table(5000);
    for keys in [&[][..], &[0], &[1], &[2], &[0, 1], &[1, 2, 0]] {
        let operator = aggregate(&table.schema(), keys, &MEASURES);
        let expected = run_whole(&operator, std::slice::from_ref(&table), 1).unwrap();
        for tasks in 1..=4 {
            let found = run_whole(&operator, &cut(&table), tasks).unwrap();
            for (column, (expected, found)) in expected.columns().iter().zip(found.columns()).enumerate() {
                if expected.data_type() == &DataType::Float64 && column >= keys.len() {
                    let pairs = expected.as_primitive::<Float64Type>().iter().zip(found.as_primitive::<Float64Type>());
                    assert!(pairs.into_iter().all(|(a, b)| match (a, b) {
                        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
                        (a, b) => a == b,
                    }));
                } else {
                    assert_eq!(expected.to_data(), found.to_data(), "keys {keys:?}, {tasks} tasks, column {column}");
                }
            }
        }
    }
}

/// Rows of a batch as sorted text.
fn sorted_rows(batch: &RecordBatch) -> Vec<String> {
    let row = |row: usize| format!("{:?}", batch.slice(row, 1).columns());
    let mut rows: Vec<String> = (0..batch.num_rows()).map(row).collect();
    rows.sort();
    rows
}

#[test]
fn scattering_does_not_change_the_answer() {
    let table = table(9000);
    let measures: Vec<_> = MEASURES.into_iter().filter(|(name, _)| !["mean", "variance"].contains(name)).collect();
    for keys in [&[0][..], &[2], &[3], &[0, 1, 2, 3]] {
        for measures in [&measures[..], &[]] {
            let operator = || aggregate(&table.schema(), keys, measures);
            let never = operator().with_course(Course::Table, usize::MAX);
            let expected = sorted_rows(&run_whole(&never, &cut(&table), 2).unwrap());
            for (tasks, rows_at_once) in [(1, usize::MAX), (3, usize::MAX), (2, 100)] {
                let always = operator().with_course(Course::Scatter, rows_at_once);
                let found = run_whole(&always, &cut(&table), tasks).unwrap();
                assert_eq!(sorted_rows(&found), expected, "keys {keys:?}, {tasks} tasks");
            }
        }
    }
}

#[test]
fn keys_that_hardly_repeat_are_scattered_and_others_not() {
    let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("v", DataType::Int64, true)]));
    let batch = |keys: &mut dyn Iterator<Item = i64>| {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(keys));
        RecordBatch::try_new(schema.clone(), vec![column]).unwrap()
    };
    let many: Vec<_> = (0..4).map(|part| batch(&mut (0..40_000).map(|row| (row * 7 + part) * 1_000_003))).collect();
    let few: Vec<_> = (0..4).map(|part| batch(&mut (0..40_000).map(|row| row % 30_000 + part))).collect();
    for (batches, course, groups) in [(many, Course::Scatter, 160_000), (few, Course::Open, 30_003)] {
        let operator = aggregate(&schema, &[0], &[("count_all", None), ("sum", Some(0))]);
        let found = run_whole(&operator, &batches, 2).unwrap();
        assert_eq!(operator.scattering.course(), course);
        assert_eq!(found.num_rows(), groups);
        let keys = found.column(0).as_primitive::<Int64Type>().iter().flatten();
        let rest = found.column(1).as_primitive::<Int64Type>().iter().flatten();
        let sums = found.column(2).as_primitive::<Int64Type>().iter().flatten();
        assert!(keys.zip(rest).zip(sums).all(|((key, count), sum)| key * count == sum));
    }
}

#[test]
fn groups_stand_in_the_order_of_their_first_rows() {
    let table = table(3000);
    let operator = aggregate(&table.schema(), &[0], &[("sum", Some(3)), ("last", Some(3)), ("count", Some(3))]);
    let found = run_whole(&operator, &cut(&table), 3).unwrap();
    let (k, v) = (table.column(0).as_string::<i32>(), table.column(3).as_primitive::<Int64Type>());
    let mut order: Vec<Option<&str>> = Vec::new();
    let mut groups: HashMap<Option<&str>, (i64, Option<i64>, i64)> = HashMap::new();
    for (key, value) in k.iter().zip(v) {
        let (sum, last, count) = groups.entry(key).or_insert_with(|| {
            order.push(key);
            (0, None, 0)
        });
        if let Some(value) = value {
            *sum += value;
            *last = Some(value);
            *count += 1;
        }
    }
    assert_eq!(found.column(0).as_string::<i32>().iter().collect::<Vec<_>>(), order);
    for (row, key) in order.iter().enumerate() {
        let (sum, last, count) = groups[key];
        let value = |column: usize| found.column(column).as_primitive::<Int64Type>().value(row);
        assert_eq!((value(1), Some(value(2)), value(3)), (sum, last, count));
    }
}

#[test]
fn no_rows_are_one_group_without_keys_and_none_with() {
    let table = table(0);
    let measures = [("count_all", None), ("sum", Some(3))];
    let whole = run_whole(&aggregate(&table.schema(), &[], &measures), &[], 0).unwrap();
    assert_eq!(whole.column(0).as_primitive::<Int64Type>().values()[..], [0]);
    assert!(whole.column(1).is_null(0));
    assert!(run_whole(&aggregate(&table.schema(), &[0], &measures), &[table], 2).is_none());
}

#[test]
fn distinct_keeps_the_first_rows_in_order() {
    let table = table(4000);
    for columns in [vec![0], vec![1, 2], vec![0, 1, 2, 3]] {
        let operator = distinct(&table.schema(), columns, Keep::First).unwrap();
        let expected = run_whole(&*operator, std::slice::from_ref(&table), 1).unwrap();
        for tasks in 1..=4 {
            assert_eq!(run_whole(&*operator, &cut(&table), tasks).unwrap(), expected);
        }
    }
    let operator = distinct(&table.schema(), vec![2], Keep::First).unwrap();
    let by_float = run_whole(&*operator, &cut(&table), 2).unwrap();
    assert_eq!(by_float.num_rows(), 3);
}

#[test]
fn a_limit_and_an_overflow_are_typed_and_leave_nothing() {
    let root = Memory::unlimited();
    let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("v", DataType::Int64, true)]));
    let wide: ArrayRef = Arc::new(Int64Array::from_iter_values((0..200_000).map(|i| i * 1_000_003)));
    let batch = RecordBatch::try_new(schema.clone(), vec![wide]).unwrap();
    let memory = root.with_limit(Some(1 << 20), "query");
    let operator = aggregate(&schema, &[0], &[("count_all", None)]);
    let error = run(&operator, &[batch.clone(), batch], 2, &context(&memory)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::MemoryLimit);
    assert_eq!(root.used_bytes(), 0);
    let large: ArrayRef = Arc::new(Int64Array::from(vec![i64::MAX, 1]));
    let batch = RecordBatch::try_new(schema.clone(), vec![large]).unwrap();
    let operator = aggregate(&schema, &[], &[("sum_checked", Some(0))]);
    let error = run(&operator, &[batch], 1, &context(&root)).unwrap_err();
    assert_eq!((error.code(), error.place().path.as_deref()), (ErrorCode::Overflow, Some("aggregate[1].sum_checked")));
    assert_eq!(root.used_bytes(), 0);
}
