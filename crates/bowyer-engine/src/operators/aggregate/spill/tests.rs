// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Groups in files against the same groups in memory, under limits from ample to tiny.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int64Array, StringArray};
use arrow_array::{RecordBatch, StringViewArray};
use arrow_schema::{Field, Schema};
use bowyer_core::{ErrorCode, Memory, Result};

use super::*;
use crate::operators::aggregate::drive::{context, cut, run_each};
use crate::operators::aggregate::tests::{MEASURES, aggregate};
use crate::operators::{Measure, SortKey};
use crate::spill::SpillSpace;

/// Keys of many values as text, numbers, floats, views and dictionaries, all with nulls; column 3 is what is measured, and
/// the last is a filter.
fn table(rows: u64) -> RecordBatch {
    let mixed = |row: u64| (row ^ 0x5bd1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    let key = |row: u64| Some(mixed(row) % 7001).filter(|key| key % 97 != 0);
    let text = |row: u64| key(row).map(|key| format!("the key with number {key}"));
    let special = |key: u64| [f64::NAN, -f64::NAN, 0.0, -0.0].get(key as usize % 400).copied().unwrap_or(key as f64);
    let words: Vec<Option<String>> = (0..rows).map(text).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new((0..rows).map(text).collect::<StringArray>()),
        Arc::new((0..rows).map(|row| key(row).map(|key| key as i64 - 3000)).collect::<Int64Array>()),
        Arc::new((0..rows).map(|row| key(row).map(special)).collect::<Float64Array>()),
        Arc::new((0..rows).map(|row| Some(row as i64 % 9000).filter(|row| row % 7 != 0)).collect::<Int64Array>()),
        Arc::new((0..rows).map(text).collect::<StringViewArray>()),
        Arc::new(words.iter().map(Option::as_deref).collect::<DictionaryArray<Int32Type>>()),
        Arc::new((0..rows).map(|row| Some(row % 3 == 0)).collect::<BooleanArray>()),
    ];
    let columns = ["t", "n", "f", "x", "v", "d", "b"].into_iter().zip(columns);
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
}

/// Those whose states have one size, and the others; the last bits of a variance depend on the order of the rows.
fn measures(growing: bool) -> Vec<(&'static str, Option<usize>)> {
    let grows = ["median", "count_distinct"];
    MEASURES.into_iter().filter(|(name, _)| *name != "variance" && (growing || !grows.contains(name))).collect()
}

/// Measures that are distinct, filtered and in an order of their own, with a list that shows the order of the input.
fn particular(input: &RecordBatch, sets: GroupingSets, keys: &[usize]) -> HashAggregate {
    let plain = aggregate(&input.schema(), keys, &[("list", Some(3)), ("first", Some(3)), ("list", Some(3))]);
    let mut measures = plain.measures.clone();
    let place = |column: usize| plain.used[column];
    measures.iter_mut().flat_map(Measure::columns_mut).for_each(|column| *column = place(*column));
    measures[0].distinct = true;
    measures[1].order = vec![SortKey { column: 3, descending: true, nulls_first: false }];
    measures[2].filter = Some(6);
    let mut fields: Vec<_> = plain.output.fields().iter().cloned().collect();
    if sets.are_named() {
        fields.insert(keys.len(), Arc::new(Field::new("set", DataType::Int64, false)));
        let nullable = |field: &Arc<Field>| Arc::new(field.as_ref().clone().with_nullable(true));
        fields = fields.iter().map(nullable).collect();
    }
    HashAggregate::new(&input.schema(), keys.to_vec(), sets, measures, Arc::new(Schema::new(fields))).unwrap()
}

/// Rows as text, in an order of their own.
fn rows(operator: &HashAggregate, batches: &[RecordBatch], tasks: usize, context: &TaskContext) -> Result<Vec<String>> {
    let mut rows = Vec::new();
    run_each(operator, batches, tasks, context, |batch| {
        for row in 0..batch.num_rows() {
            let value = |column: &ArrayRef| arrow_cast::display::array_value_to_string(column, row).unwrap();
            rows.push(batch.columns().iter().map(value).collect::<Vec<_>>().join(" "));
        }
    })?;
    rows.sort();
    Ok(rows)
}

/// Runs an operator under limits, and compares; gives what was spilled.
fn check(what: &str, batches: &[RecordBatch], operator: impl Fn() -> HashAggregate) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let ample = Memory::unlimited();
    let expected = rows(&operator(), batches, 1, &context(&ample)).unwrap();
    let mut spilled = 0;
    for (tasks, percent) in [(1, 90), (1, 60), (3, 100), (2, 1000)] {
        let limit = ample.peak_bytes() / 100 * percent;
        let memory = Memory::unlimited().with_limit(Some(limit), "query");
        let space = SpillSpace::new(directory.path(), None);
        let context = TaskContext { spill: Some(space.clone()), ..context(&memory) };
        let operator = operator();
        let found = match rows(&operator, batches, tasks, &context) {
            // Tables of many measures take some room even where rows are few.
            Err(error) if limit < 6 << 20 && error.code() == ErrorCode::MemoryLimit => continue,
            found => found.unwrap_or_else(|error| {
                panic!("{what}: {tasks} tasks, {limit} bytes, {:?}: {error}", operator.spilled);
            }),
        };
        assert_eq!(found.len(), expected.len(), "{what}: {tasks} tasks, {limit} bytes");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{what}: {tasks} tasks, {limit} bytes");
        }
        spilled += operator.spilled.totals().0;
        drop(operator);
        assert_eq!((memory.used_bytes(), space.used_bytes()), (0, 0));
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    spilled
}

#[test]
fn groups_past_the_limit_are_those_of_memory() {
    let table = table(25_000);
    let batches = cut(&table);
    for keys in [&[0][..], &[1], &[2], &[4], &[5], &[2, 1], &[5, 0]] {
        for growing in [false, true] {
            for course in [Course::Open, Course::Table, Course::Scatter] {
                let what = format!("keys {keys:?}, {course:?}, growing {growing}");
                let spilled = check(&what, &batches, || {
                    aggregate(&table.schema(), keys, &measures(growing)).with_course(course, 1 << 20)
                });
                // What results of views and dictionaries hold sets their limit too high.
                assert!(spilled > 0 || keys[0] > 3, "{what}: nothing was spilled");
            }
        }
    }
}

#[test]
fn distinct_ordered_and_filtered_measures_and_sets_are_those_of_memory() {
    let table = table(120_000);
    let batches = cut(&table);
    assert!(check("particular", &batches, || particular(&table, GroupingSets::default(), &[1])) > 0);
    let sets = || GroupingSets::new(vec![vec![0, 1], vec![1], vec![]]);
    assert!(check("particular sets", &batches, || particular(&table, sets(), &[6, 1])) > 0);
    let spilled = check("sets", &batches, || {
        let plain = aggregate(&table.schema(), &[6, 1], &[("sum", Some(3)), ("max", Some(0))]);
        let mut measures = plain.measures.clone();
        measures.iter_mut().flat_map(Measure::columns_mut).for_each(|column| *column = plain.used[*column]);
        let fields = plain.output.fields().iter().cloned();
        let mut fields: Vec<_> = fields.map(|field| field.as_ref().clone().with_nullable(true)).collect();
        fields.insert(2, Field::new("set", DataType::Int64, false));
        HashAggregate::new(&table.schema(), vec![6, 1], sets(), measures, Arc::new(Schema::new(fields))).unwrap()
    });
    assert!(spilled > 0);
}

#[test]
fn shares_are_dealt_again_one_key_ends_and_a_tiny_limit_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let keys: Int64Array = (0..300_000).map(|row| Some(row * 1_000_003)).collect();
    let same: Int64Array = (0..300_000).map(|_| Some(1)).collect();
    let columns: [(&str, ArrayRef); 2] = [("k", Arc::new(keys)), ("s", Arc::new(same))];
    let table = RecordBatch::try_from_iter(columns).unwrap();
    let batches = cut(&table);
    let mut most_files = 0;
    for (keys, measure) in [(0, "sum"), (1, "sum"), (0, "median"), (1, "count_distinct")] {
        let counting = || aggregate(&table.schema(), &[keys], &[(measure, Some(0))]);
        let expected = rows(&counting(), &batches, 1, &context(&Memory::unlimited())).unwrap();
        for kibibytes in [40_000, 4000, 2000, 1000, 600, 300, 100, 1] {
            let memory = Memory::unlimited().with_limit(Some(kibibytes << 10), "query");
            let context = TaskContext { spill: Some(SpillSpace::new(directory.path(), None)), ..context(&memory) };
            let operator = counting();
            match rows(&operator, &batches, 2, &context) {
                Ok(found) => assert!(found == expected, "{measure} by {keys}, {kibibytes} KiB"),
                Err(error) => {
                    assert_eq!(error.code(), ErrorCode::MemoryLimit, "{error}");
                    let large = kibibytes >= 2000 && keys == 0;
                    assert!(!large && kibibytes < 40_000, "{measure} by {keys}, {kibibytes} KiB: {error}");
                }
            }
            most_files = most_files.max(operator.spilled.totals().1);
            drop(operator);
            assert_eq!(memory.used_bytes(), 0);
        }
    }
    assert!(most_files > 100, "{most_files} files");
}

#[test]
fn a_spill_limit_and_a_cancelled_query_leave_nothing() {
    let table = table(40_000);
    let directory = tempfile::tempdir().unwrap();
    let memory = Memory::unlimited().with_limit(Some(2 << 20), "query");
    for (limit, cancelled, code) in [(Some(1000), false, ErrorCode::LimitExceeded), (None, true, ErrorCode::Cancelled)]
    {
        let space = SpillSpace::new(directory.path(), limit);
        let flag = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let control = crate::control::Control::new(memory.clone()).with_cancellation(flag.clone());
        let context = TaskContext { spill: Some(space.clone()), control, ..context(&memory) };
        let operator = aggregate(&table.schema(), &[0], &measures(true));
        let mut given = 0;
        let error = run_each(&operator, &cut(&table), 2, &context, |_| {
            given += 1;
            flag.store(cancelled, std::sync::atomic::Ordering::Relaxed);
        });
        assert_eq!(error.unwrap_err().code(), code);
        drop(operator);
        assert_eq!((memory.used_bytes(), space.used_bytes()), (0, 0), "{given} batches were given");
    }
}
