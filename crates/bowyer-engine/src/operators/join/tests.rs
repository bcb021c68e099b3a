// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Joins against nested loops.

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, Float64Array, Int64Array, StringArray};
use arrow_schema::{DataType, Field, Schema};
use bowyer_core::Memory;
use datafusion_common::{JoinType, NullEquality};

use super::*;
use crate::operators::aggregate::drive::{context, cut, run};
use crate::operators::{JoinColumn, Stage, TaskContext};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;
use std::sync::Arc;

fn side(keys: Vec<ArrayRef>, row_count: usize) -> RecordBatch {
    let mut fields: Vec<Field> =
        keys.iter().enumerate().map(|(at, key)| Field::new(format!("k{at}"), key.data_type().clone(), true)).collect();
    fields.push(Field::new("row", DataType::Int64, false));
    let mut columns = keys;
    columns.push(Arc::new(Int64Array::from_iter_values(0..row_count as i64)));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// Columns as keys of their own types.
fn own_types(batch: &RecordBatch, columns: &[usize]) -> JoinKeys {
    let types = columns.iter().map(|&column| batch.column(column).data_type().clone()).collect();
    JoinKeys::new(columns.to_vec(), types, "join[2]")
}

fn rule(kind: JoinType) -> Rule {
    match kind {
        JoinType::LeftSemi => Rule::Having,
        JoinType::LeftAnti => Rule::Lacking { null_aware: false },
        kind => Rule::Pairs { keeps_probe: kind == JoinType::Left, keeps_build: false },
    }
}

/// The pairs of row numbers that a join gives; −1 stands for no row.
fn joined(probe: &RecordBatch, build: &RecordBatch, kind: JoinType, nulls_equal: bool) -> Vec<(i64, i64)> {
    let memory = Memory::unlimited();
    let context = TaskContext { batch_rows: 7, ..context(&memory) };
    let keys: Vec<usize> = (0..probe.num_columns() - 1).collect();
    let table = JoinBuild::new(
        build.schema(),
        own_types(build, &keys),
        rule(kind),
        if nulls_equal { NullEquality::NullEqualsNull } else { NullEquality::NullEqualsNothing },
        None,
    );
    run(table.as_ref(), &cut(build), 3, &context).unwrap();
    let with_build = matches!(kind, JoinType::Inner | JoinType::Left);
    let mut columns = vec![JoinColumn::Probe(keys.len())];
    let mut fields = vec![Field::new("left", DataType::Int64, false)];
    if with_build {
        columns.push(JoinColumn::Build(keys.len()));
        fields.push(Field::new("right", DataType::Int64, true));
    }
    let output: SchemaRef = Arc::new(Schema::new(fields));
    let stage = JoinProbe::new(table, &probe.schema(), own_types(probe, &keys), output, columns).unwrap();
    let mut pairs = Vec::new();
    for batch in cut(probe) {
        let (mut output, mut given) = (stage.apply(batch.clone(), &context).unwrap(), 0);
        loop {
            let result = output.batch.unwrap_or_else(|| RecordBatch::new_empty(stage.schema()));
            assert!(result.num_rows() <= batch.num_rows().max(context.batch_rows));
            let left = result.column(0).as_primitive::<Int64Type>();
            for row in 0..result.num_rows() {
                let right =
                    with_build.then(|| result.column(1).as_primitive::<Int64Type>().iter().nth(row).unwrap()).flatten();
                pairs.push((left.value(row), right.unwrap_or(-1)));
                let traced = stage.trace(&batch, given + row, &context).unwrap();
                let own = batch.column(batch.num_columns() - 1).as_primitive::<Int64Type>().value(traced);
                assert_eq!(own, left.value(row), "a row is traced to the one that it came from");
            }
            given += result.num_rows();
            let Some(rest) = output.rest else { break };
            output = rest.next(&context).unwrap();
        }
    }
    pairs
}

fn expected(
    probe: &RecordBatch,
    build: &RecordBatch,
    kind: JoinType,
    equal: &dyn Fn(usize, usize) -> bool,
) -> Vec<(i64, i64)> {
    let mut pairs = Vec::new();
    for left in 0..probe.num_rows() {
        let partners: Vec<usize> = (0..build.num_rows()).filter(|&right| equal(left, right)).collect();
        let left = left as i64;
        match kind {
            JoinType::LeftSemi if !partners.is_empty() => pairs.push((left, -1)),
            JoinType::LeftAnti | JoinType::Left if partners.is_empty() => pairs.push((left, -1)),
            JoinType::Inner | JoinType::Left => pairs.extend(partners.iter().map(|&right| (left, right as i64))),
            _ => {}
        }
    }
    pairs
}

const KINDS: [JoinType; 4] = [JoinType::Inner, JoinType::Left, JoinType::LeftSemi, JoinType::LeftAnti];

fn check<T: PartialEq>(probe: &[Option<T>], build: &[Option<T>], column: impl Fn(&[Option<T>]) -> ArrayRef) {
    let (left, right) = (side(vec![column(probe)], probe.len()), side(vec![column(build)], build.len()));
    for kind in KINDS {
        for nulls_equal in [false, true] {
            let equal = |a: usize, b: usize| probe[a] == build[b] && (nulls_equal || probe[a].is_some());
            assert_eq!(
                joined(&left, &right, kind, nulls_equal),
                expected(&left, &right, kind, &equal),
                "{kind:?}, nulls equal: {nulls_equal}"
            );
        }
    }
}

fn integers(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<Int64Array>())
}

#[test]
fn integers_dense_and_far_apart_unique_and_repeated() {
    for spread in [1, 1 << 40] {
        for repeat in [1, 3] {
            let key = |n: i64| (n % 11 != 5).then_some(n / repeat * spread);
            let probe: Vec<_> = (0..900).map(|n| key(n * 7 % 400)).collect();
            let build: Vec<_> = (0..300).map(|n| if repeat == 1 && n % 11 == 5 { Some(-n) } else { key(n) }).collect();
            check(&probe, &build, integers);
        }
    }
}

#[test]
fn strings_and_empty_sides() {
    let text = |n: i64| (n % 9 > 0).then(|| format!("{}key {}", "long ".repeat(n as usize % 4), n % 50));
    let probe: Vec<_> = (0..300).map(text).collect();
    let build: Vec<_> = (100..190).map(text).collect();
    let column = |values: &[Option<String>]| Arc::new(values.iter().cloned().collect::<StringArray>()) as ArrayRef;
    check(&probe, &build, column);
    check(&probe, &[], column);
    check(&[], &build, column);
}

#[test]
fn every_row_matched_once_passes_probe_columns_on() {
    let keys = integers(&(0..500).map(Some).collect::<Vec<_>>());
    let both = side(vec![keys], 500);
    let memory = Memory::unlimited();
    let table = JoinBuild::new(
        both.schema(),
        own_types(&both, &[0]),
        rule(JoinType::Inner),
        NullEquality::NullEqualsNothing,
        None,
    );
    run(table.as_ref(), std::slice::from_ref(&both), 1, &context(&memory)).unwrap();
    let columns = vec![JoinColumn::Probe(0), JoinColumn::Probe(1)];
    let stage = JoinProbe::new(table, &both.schema(), own_types(&both, &[0]), both.schema(), columns).unwrap();
    let result = stage.apply(both.clone(), &context(&memory)).unwrap().batch.unwrap();
    assert!(result.columns().iter().zip(both.columns()).all(|(a, b)| a.to_data().ptr_eq(&b.to_data())));
}

#[test]
fn keys_of_several_columns_and_floats_by_value() {
    let floats = |shift: usize| -> ArrayRef {
        let value = |row: usize| [0.0, -0.0, f64::NAN, -f64::NAN, 2.0][(row + shift) % 5];
        Arc::new(Float64Array::from_iter_values((0..40).map(value)))
    };
    let small = integers(&(0..40).map(|n| Some(n % 3)).collect::<Vec<_>>());
    let (left, right) = (side(vec![floats(0), small.clone()], 40), side(vec![floats(2), small], 40));
    let class = |row: usize| [0, 0, 1, 1, 2][row % 5];
    let equal = |a: usize, b: usize| class(a) == class(b + 2) && a % 3 == b % 3;
    for kind in KINDS {
        assert_eq!(joined(&left, &right, kind, false), expected(&left, &right, kind, &equal));
    }
}
