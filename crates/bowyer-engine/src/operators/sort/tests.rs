// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Sorts against a stable sort by a plain comparison.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Decimal128Array, Float64Array, Int8Array, Int64Array, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema};

use super::*;
use crate::operators::aggregate::drive::{cut, run_whole};

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
