// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Sorts against a stable sort by a plain comparison.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Decimal128Array, Float64Array, Int8Array, Int64Array, StringArray, UInt64Array};

use super::*;
use crate::operators::aggregate::drive::{context, cut, run, run_each, run_whole};
use crate::spill::SpillSpace;
use bowyer_core::Memory;

/// Columns: int8, float64, string, uint64, decimal128, all with nulls, and the row number.
fn table(row_count: usize) -> RecordBatch {
    let mut state = 5_u64;
    let mut next = |end: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % end
    };
    let small: Int8Array = (0..row_count).map(|_| Some(next(9) as i8 - 4).filter(|&n| n != 3)).collect();
    let specials = [0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.5, -1.5];
    let float: Float64Array = (0..row_count).map(|_| specials.get(next(10) as usize).copied()).collect();
    let word = |n: u64| "abcdefghij".repeat(2)[..n as usize % 13].to_owned() + ["", "\0", "z"][n as usize % 3];
    let text: StringArray = (0..row_count).map(|_| Some(next(60)).filter(|&n| n > 5).map(word)).collect();
    let wide: UInt64Array = (0..row_count).map(|_| Some(u64::MAX - next(40)).filter(|n| n % 5 > 0)).collect();
    let decimal: Decimal128Array = (0..row_count).map(|_| Some((next(7) as i128 - 3) << 70)).collect();
    let row: Int64Array = (0..row_count as i64).map(Some).collect();
    let columns: Vec<ArrayRef> =
        vec![Arc::new(small), Arc::new(float), Arc::new(text), Arc::new(wide), Arc::new(decimal), Arc::new(row)];
    let field = |(at, column): (usize, &ArrayRef)| Field::new(format!("c{at}"), column.data_type().clone(), true);
    let fields: Vec<Field> = columns.iter().enumerate().map(field).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn compare_values(array: &ArrayRef, a: usize, b: usize, descending: bool, nulls_first: bool) -> Ordering {
    let class = |row: usize| {
        let nan = array.data_type() == &DataType::Float64 && array.as_primitive::<Float64Type>().value(row).is_nan();
        let class = if array.is_null(row) { 2 } else { i32::from(nan) };
        if nulls_first { -class } else { class }
    };
    let by_class = class(a).cmp(&class(b));
    if by_class != Ordering::Equal || class(a) != 0 {
        return by_class;
    }
    let order = match array.data_type() {
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>();
            values.value(a).partial_cmp(&values.value(b)).unwrap()
        }
        DataType::Int8 => array
            .as_primitive::<arrow_array::types::Int8Type>()
            .value(a)
            .cmp(&array.as_primitive::<arrow_array::types::Int8Type>().value(b)),
        DataType::UInt64 => array
            .as_primitive::<arrow_array::types::UInt64Type>()
            .value(a)
            .cmp(&array.as_primitive::<arrow_array::types::UInt64Type>().value(b)),
        DataType::Decimal128(..) => array
            .as_primitive::<arrow_array::types::Decimal128Type>()
            .value(a)
            .cmp(&array.as_primitive::<arrow_array::types::Decimal128Type>().value(b)),
        _ => array.as_string::<i32>().value(a).cmp(array.as_string::<i32>().value(b)),
    };
    if descending { order.reverse() } else { order }
}

fn expected(table: &RecordBatch, keys: &[SortKey]) -> Vec<i64> {
    let mut rows: Vec<usize> = (0..table.num_rows()).collect();
    rows.sort_by(|&a, &b| {
        keys.iter().fold(Ordering::Equal, |order, key| {
            order.then_with(|| compare_values(table.column(key.column), a, b, key.descending, key.nulls_first))
        })
    });
    rows.into_iter().map(|row| row as i64).collect()
}

fn row_numbers(sorted: Option<RecordBatch>) -> Vec<i64> {
    sorted.map_or_else(Vec::new, |batch| batch.column(5).as_primitive::<Int64Type>().values().to_vec())
}

#[test]
fn every_type_direction_and_placement() {
    let table = table(700);
    for columns in [&[0][..], &[1], &[2], &[3], &[4], &[0, 1], &[2, 3], &[1, 2, 0], &[0, 3, 1], &[3, 0, 4]] {
        for bits in 0..4_u32 {
            let (descending, nulls_first) = (bits & 1 == 1, bits & 2 == 2);
            let keys: Vec<SortKey> =
                columns.iter().map(|&column| SortKey { column, descending, nulls_first }).collect();
            let expected = expected(&table, &keys);
            for tasks in [1, 3] {
                let operator = SortBreaker::new(table.schema(), keys.clone(), None).unwrap();
                assert_eq!(row_numbers(run_whole(&operator, &cut(&table), tasks)), expected, "{keys:?}");
                for limit in [0, 1, 17, 10_000] {
                    let operator = SortBreaker::new(table.schema(), keys.clone(), Some(limit)).unwrap();
                    let found = row_numbers(run_whole(&operator, &cut(&table), tasks));
                    assert_eq!(found, expected[..limit.min(700)], "{keys:?}, limit {limit}");
                }
            }
        }
    }
}

#[test]
fn a_bounded_buffer_keeps_ties_in_input_order() {
    // More rows than are gathered before the first cut, with few distinct keys.
    let table = table(200_000);
    let keys = vec![SortKey { column: 0, descending: true, nulls_first: false }];
    let expected = expected(&table, &keys);
    for tasks in [1, 3] {
        let batches: Vec<_> = (0..25).map(|part| table.slice(part * 8000, 8000)).collect();
        let operator = SortBreaker::new(table.schema(), keys.clone(), Some(500)).unwrap();
        assert_eq!(row_numbers(run_whole(&operator, &batches, tasks)), expected[..500]);
    }
}

#[test]
fn nothing_sorts_to_nothing() {
    let table = table(0);
    let keys = vec![SortKey { column: 2, descending: false, nulls_first: false }];
    let operator = SortBreaker::new(table.schema(), keys, None).unwrap();
    assert_eq!(row_numbers(run_whole(&operator, &cut(&table), 2)), Vec::<i64>::new());
}

#[test]
fn narrow_and_wide_codes_exact_or_not_give_one_order() {
    let table = table(40_000);
    let context = context(&Memory::unlimited());
    for columns in [&[0][..], &[1], &[2], &[3], &[0, 1, 4], &[2, 3, 1]] {
        for bits in 0..4_u32 {
            let (descending, nulls_first) = (bits & 1 == 1, bits & 2 == 2);
            let keys: Vec<SortKey> =
                columns.iter().map(|&column| SortKey { column, descending, nulls_first }).collect();
            let order = Order::new(table.schema(), keys.clone()).unwrap();
            let expected = expected(&table, &keys);
            for batches in [vec![table.clone()], cut(&table)] {
                let numbered = Numbered::new(batches, &context.memory).unwrap();
                let facts: Vec<Facts> = columns.iter().map(|&column| Facts::of(table.column(column))).collect();
                for (free, wide) in [(0, false), (3, true), (14, false), (40, false), (40, true), (100, true)] {
                    let layout = Layout::new(&keys, &facts, free);
                    let wide = wide || layout.bits() > 46;
                    let ids = numbered.ids_by(&layout, wide, (&keys, &order.types), usize::MAX, &context).unwrap();
                    let sorted = numbered.fetch(&ids, &order.schema, &context.memory).unwrap();
                    assert!(row_numbers(Some(sorted)) == expected, "{keys:?}, {free} bits, wide: {wide}");
                }
            }
        }
    }
}

/// Lists, structs and dictionaries of floats, with NaNs of both signs and both zeros in them.
#[test]
fn floats_in_nested_keys_have_one_nan_and_one_zero() {
    let floats = vec![Some(-f64::NAN), Some(1.0), Some(0.0), None, Some(f64::NAN), Some(-0.0), Some(-2.0), Some(0.0)];
    let floats: ArrayRef = Arc::new(Float64Array::from(floats));
    let field = Arc::new(Field::new("x", DataType::Float64, true));
    let lens = arrow_buffer::OffsetBuffer::from_lengths([1; 8]);
    let lists = arrow_array::ListArray::new(field.clone(), lens, floats.clone(), None);
    let structs = arrow_array::StructArray::from(vec![(field, floats.clone())]);
    let codes = arrow_array::Int32Array::from_iter_values(0..8);
    let words = arrow_array::DictionaryArray::new(codes, floats.clone());
    let row: ArrayRef = Arc::new(Int64Array::from_iter_values(0..8));
    for column in [floats, Arc::new(lists), Arc::new(structs), Arc::new(words)] as [ArrayRef; 4] {
        let columns = [row.clone(), row.clone(), row.clone(), row.clone(), column.clone(), row.clone()];
        let table = RecordBatch::try_from_iter(["0", "1", "2", "3", "k", "row"].into_iter().zip(columns)).unwrap();
        let sorted = |descending, nulls_first| {
            let keys = vec![SortKey { column: 4, descending, nulls_first }];
            let operator = SortBreaker::new(table.schema(), keys, None).unwrap();
            row_numbers(run_whole(&operator, &cut(&table), 2))
        };
        assert_eq!(sorted(false, false), [6, 2, 5, 7, 1, 0, 4, 3], "{}", column.data_type());
        assert_eq!(sorted(true, false), [1, 2, 5, 7, 6, 0, 4, 3], "{}", column.data_type());
        assert_eq!(sorted(false, true), [3, 0, 4, 6, 2, 5, 7, 1], "{}", column.data_type());
        assert_eq!(sorted(true, true), [3, 0, 4, 1, 2, 5, 7, 6], "{}", column.data_type());
    }
}

fn numbers(batches: &[RecordBatch]) -> Vec<i64> {
    batches.iter().flat_map(|batch| row_numbers(Some(batch.clone()))).collect()
}

#[test]
fn rows_that_do_not_fit_are_merged_from_files_to_the_same_order() {
    let table = table(20_000);
    let directory = tempfile::tempdir().unwrap();
    for columns in [&[0][..], &[2], &[1, 2, 0], &[0, 3, 1], &[3, 0, 4]] {
        for descending in [false, true] {
            let key = |&column: &usize| SortKey { column, descending, nulls_first: descending };
            let keys: Vec<SortKey> = columns.iter().map(key).collect();
            let expected = expected(&table, &keys);
            for (tasks, limit) in [(1, 1 << 19), (3, 3 << 18)] {
                let memory = Memory::unlimited().with_limit(Some(limit), "query");
                let space = SpillSpace::new(directory.path(), None);
                let context = TaskContext { spill: Some(space), ..context(&memory) };
                let operator = SortBreaker::new(table.schema(), keys.clone(), None).unwrap();
                let mut found = Vec::new();
                run_each(&operator, &cut(&table), tasks, &context, |batch| found.extend(row_numbers(Some(batch))))
                    .unwrap();
                assert_eq!(found, expected, "{keys:?}, {tasks} tasks");
                assert!(operator.spilled.totals().1 > 2, "{:?}", operator.spilled);
                drop(operator);
                assert_eq!(memory.used_bytes(), 0);
            }
        }
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn more_runs_than_are_merged_at_once_are_merged_first() {
    let table = table(20_000);
    let directory = tempfile::tempdir().unwrap();
    let keys = vec![SortKey { column: 3, descending: false, nulls_first: false }];
    let context = TaskContext { spill: Some(SpillSpace::new(directory.path(), None)), ..context(&Memory::unlimited()) };
    let operator = SortBreaker::new(table.schema(), keys.clone(), None).unwrap();
    let mut files = Vec::new();
    for part in (0..200_u64).rev() {
        let batches = vec![(100 * part, table.slice(100 * part as usize, 100))];
        files.extend(runs::write_all(batches, &operator.order, &operator.spilled, &context).unwrap());
    }
    let results = runs::merged(files, &operator.order, &operator.spilled, &context).unwrap();
    let batches: Vec<RecordBatch> =
        (0..).map_while(|at| crate::operators::Results::next(&results, at, &context).unwrap()).collect();
    assert_eq!(numbers(&batches), expected(&table, &keys));
    assert!(operator.spilled.totals().1 > 200);
}

#[test]
fn a_limit_too_small_even_to_spill_is_a_memory_limit() {
    let table = table(20_000);
    let directory = tempfile::tempdir().unwrap();
    let keys = vec![SortKey { column: 3, descending: false, nulls_first: false }];
    let memory = Memory::unlimited().with_limit(Some(4_000), "query");
    let context = TaskContext { spill: Some(SpillSpace::new(directory.path(), None)), ..context(&memory) };
    let operator = SortBreaker::new(table.schema(), keys, None).unwrap();
    let error = run(&operator, &cut(&table), 2, &context).unwrap_err();
    assert_eq!(error.code(), ErrorCode::MemoryLimit);
    assert_eq!(memory.used_bytes(), 0);
}

/// Orders rows by one column in buckets, and compares with a stable sort of `values`.
fn check_many<T: Ord>(values: Vec<T>, column: impl Fn(&[T]) -> ArrayRef) {
    let keys = column(&values);
    let row: ArrayRef = Arc::new(Int64Array::from_iter_values(0..values.len() as i64));
    let zeros: ArrayRef = Arc::new(Int8Array::from(vec![0; values.len()]));
    let columns = [keys, zeros.clone(), zeros.clone(), zeros.clone(), zeros, row];
    let table = RecordBatch::try_from_iter(["k", "1", "2", "3", "4", "row"].into_iter().zip(columns)).unwrap();
    let part = |first| table.slice(first, 7000.min(table.num_rows() - first));
    let batches: Vec<RecordBatch> = (0..table.num_rows()).step_by(7000).map(part).collect();
    for descending in [false, true] {
        let mut expected: Vec<i64> = (0..values.len() as i64).collect();
        expected.sort_by(|&a, &b| {
            let order = values[a as usize].cmp(&values[b as usize]);
            if descending { order.reverse() } else { order }
        });
        let keys = vec![SortKey { column: 0, descending, nulls_first: false }];
        let operator = SortBreaker::new(table.schema(), keys, None).unwrap();
        assert!(row_numbers(run_whole(&operator, &batches, 2)) == expected, "descending: {descending}");
    }
}

#[test]
fn many_rows_are_dealt_into_buckets_of_every_shape() {
    let count = 140_000_u64;
    let mixed = |n: u64| (n ^ 0x5bd1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let integers = |values: &[i64]| Arc::new(Int64Array::from_iter_values(values.iter().copied())) as ArrayRef;
    check_many((0..count).map(|n| mixed(n) as i64).collect(), integers);
    check_many((0..count).map(|n| (mixed(n) >> 40) as i64).collect(), integers);
    check_many((0..count).map(|n| (mixed(n) % 3) as i64 * (i64::MAX / 2)).collect(), integers);
    check_many(vec![7; count as usize], integers);
    check_many((0..count as i64).collect(), integers);
    let text = |values: &[String]| Arc::new(StringArray::from_iter_values(values)) as ArrayRef;
    check_many((0..count).map(|n| format!("key {:010}", mixed(n) % 50_000)).collect(), text);
    check_many(
        (0..count).map(|n| format!("{} a long text of which little differs {}", n % 2, mixed(n) % 999)).collect(),
        text,
    );
    check_many((0..count).map(|n| "ab".repeat(mixed(n) as usize % 5) + ["", "\0"][n as usize % 2]).collect(), text);
}
