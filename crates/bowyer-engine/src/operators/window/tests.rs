// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Windows against a loop over the rows of each frame, however rows are cut and dealt to tasks.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Float64Array, Int64Array};
use arrow_schema::{Field, Schema};
use bowyer_compute::{Argument, bind};
use bowyer_core::Memory;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

use super::*;
use crate::operators::aggregate::drive::{context, cut, run_whole};

/// A partition, a key of the order and a value.
type Row = (i64, Option<i64>, Option<i64>);

#[derive(Clone, Debug)]
struct Job {
    rows: Vec<Row>,
    unit: Unit,
    start: Option<i64>,
    end: Option<i64>,
    exclusion: Exclusion,
    descending: bool,
    nulls_first: bool,
    tasks: usize,
    general: bool,
}

fn jobs() -> impl Strategy<Value = Job> {
    let row = (0..4_i64, weighted(0.8, 0..8_i64), weighted(0.8, -5..5_i64));
    let units = prop_oneof![Just(Unit::Rows), Just(Unit::Groups), Just(Unit::Range)];
    let exclusions = prop_oneof![
        Just(Exclusion::Nothing),
        Just(Exclusion::Nothing),
        Just(Exclusion::CurrentRow),
        Just(Exclusion::Group),
        Just(Exclusion::Ties)
    ];
    let bounds = (weighted(0.7, -4..3_i64), weighted(0.7, 0..4_i64));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), 1..4_usize);
    (vec(row, 0..60), units, bounds, exclusions, flags).prop_map(
        |(rows, unit, (start, length), exclusion, (descending, nulls_first, general, tasks))| Job {
            rows,
            unit,
            start,
            end: length.map(|length| start.unwrap_or(-1) + length),
            exclusion,
            descending,
            nulls_first,
            tasks,
            general,
        },
    )
}

fn table(rows: &[Row]) -> RecordBatch {
    let groups: Int64Array = rows.iter().map(|row| Some(row.0)).collect();
    let keys: Int64Array = rows.iter().map(|row| row.1).collect();
    let values: Int64Array = rows.iter().map(|row| row.2).collect();
    let floats: Float64Array = rows.iter().map(|row| row.2.map(|value| value as f64 / 2.0)).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(groups), Arc::new(keys), Arc::new(values), Arc::new(floats)];
    RecordBatch::try_from_iter_with_nullable(
        ["g", "k", "v", "f"].into_iter().zip(columns).map(|(name, column)| (name, column, true)),
    )
    .unwrap()
}

fn aggregate(name: &str, column: usize, data_type: DataType) -> WindowCall {
    let argument = Argument { data_type, nullable: true, constant: None };
    let arguments = if name == "count_all" { vec![] } else { vec![argument] };
    let columns = if name == "count_all" { vec![] } else { vec![column] };
    let function = WindowFunction::Aggregate(bind(name, &arguments, Vec::new()).unwrap());
    WindowCall { function, arguments: columns, filter: None, distinct: false, path: name.to_owned() }
}

fn calls() -> Vec<WindowCall> {
    let plain =
        |function, arguments| WindowCall { function, arguments, filter: None, distinct: false, path: String::new() };
    let default = Some(ScalarValue::Int64(Some(99)));
    let mut calls = vec![
        plain(WindowFunction::RowNumber, vec![]),
        plain(WindowFunction::Rank, vec![]),
        plain(WindowFunction::DenseRank, vec![]),
        plain(WindowFunction::Shift { by: 2, default, ignore_nulls: false }, vec![2]),
        plain(WindowFunction::Shift { by: -1, default: None, ignore_nulls: true }, vec![2]),
        plain(WindowFunction::Nth { n: 1, from_end: false, ignore_nulls: false }, vec![2]),
        plain(WindowFunction::Nth { n: 2, from_end: true, ignore_nulls: true }, vec![2]),
        aggregate("count_all", 0, DataType::Int64),
    ];
    calls.extend(
        ["count", "sum_checked", "sum", "min", "max", "first", "count_distinct"]
            .map(|name| aggregate(name, 2, DataType::Int64)),
    );
    calls.extend(["sum", "mean", "max", "stddev"].map(|name| aggregate(name, 3, DataType::Float64)));
    calls
}

fn answer(job: &Job) -> Vec<Vec<Option<f64>>> {
    let batch = table(&job.rows);
    let order = SortKey { column: 1, descending: job.descending, nulls_first: job.nulls_first };
    let bound = |bound: Option<i64>| {
        bound.map(|bound| match job.unit {
            Unit::Range if bound != 0 => Distance::Integer(i128::from(bound)),
            _ => Distance::Count(bound),
        })
    };
    let frame = Frame { unit: job.unit, start: bound(job.start), end: bound(job.end), exclusion: job.exclusion };
    let spec = WindowSpec { partition: vec![0], order: vec![order], frame, limit: None };
    let calls = calls();
    let mut fields: Vec<Field> = vec![Field::new("g", DataType::Int64, true)];
    for (at, call) in calls.iter().enumerate() {
        let data_type = match &call.function {
            WindowFunction::Aggregate(bound) => bound.output_type().clone(),
            _ => DataType::Int64,
        };
        fields.push(Field::new(format!("c{at}"), data_type, true));
    }
    let output = Arc::new(Schema::new(fields));
    let mut breaker = WindowBreaker::new(batch.schema(), vec![0], spec, calls, output).unwrap();
    breaker.general = job.general;
    let Some(whole) = run_whole(&breaker, &cut(&batch), job.tasks) else { return Vec::new() };
    let cell = |column: &ArrayRef, row: usize| {
        column.is_valid(row).then(|| match column.data_type() {
            DataType::Float64 => column.as_primitive::<Float64Type>().value(row),
            _ => column.as_primitive::<Int64Type>().value(row) as f64,
        })
    };
    (0..whole.num_rows()).map(|row| whole.columns()[1..].iter().map(|column| cell(column, row)).collect()).collect()
}

/// The rows of each row's partition in order, by number.
fn partition(job: &Job, row: usize) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..job.rows.len()).filter(|&other| job.rows[other].0 == job.rows[row].0).collect();
    rows.sort_by_key(|&other| {
        let null_class = if job.nulls_first { -1 } else { 1 };
        let key = job.rows[other].1.map(|key| if job.descending { -key } else { key });
        (if key.is_none() { null_class } else { 0 }, key)
    });
    rows
}

/// Whether `other`, at place `there` of the partition, is in the frame of `row` at place `here`.
fn sees(job: &Job, rows: &[usize], here: usize, there: usize) -> bool {
    let key = |place: usize| job.rows[rows[place]].1;
    let group = |place: usize| (0..place).filter(|&at| key(at) != key(at + 1)).count() as i64;
    let within =
        |distance: i64| job.start.is_none_or(|start| distance >= start) && job.end.is_none_or(|end| distance <= end);
    let peers = key(here) == key(there);
    let inside = match job.unit {
        Unit::Rows => within(there as i64 - here as i64),
        Unit::Groups => within(group(there) - group(here)),
        Unit::Range => match (key(here), key(there)) {
            (Some(a), Some(b)) => within(if job.descending { a - b } else { b - a }),
            _ if peers => true,
            // Of a null and a number, an unbounded end alone reaches the other.
            (None, _) => {
                if there < here {
                    job.start.is_none()
                } else {
                    job.end.is_none()
                }
            }
            (_, None) => {
                if there < here {
                    job.start.is_none()
                } else {
                    job.end.is_none()
                }
            }
        },
    };
    let excluded = match job.exclusion {
        Exclusion::Nothing => false,
        Exclusion::CurrentRow => here == there,
        Exclusion::Group => peers,
        Exclusion::Ties => peers && here != there,
    };
    inside && !excluded
}

fn expected(job: &Job) -> Vec<Vec<Option<f64>>> {
    let line = |row: usize| {
        let rows = partition(job, row);
        let here = rows.iter().position(|&other| other == row).unwrap();
        let frame: Vec<Option<i64>> = (0..rows.len())
            .filter(|&there| sees(job, &rows, here, there))
            .map(|there| job.rows[rows[there]].2)
            .collect();
        let value = |place: usize| job.rows[rows[place]].2.map(|value| value as f64);
        let key = |place: usize| job.rows[rows[place]].1;
        let first_peer = (0..=here).find(|&place| key(place) == key(here)).unwrap();
        let groups = (0..here).filter(|&place| key(place) != key(place + 1)).count();
        let known: Vec<i64> = frame.iter().copied().flatten().collect();
        let floats: Vec<f64> = known.iter().map(|&value| value as f64 / 2.0).collect();
        let some = |value: f64| (!known.is_empty()).then_some(value);
        let sum: i64 = known.iter().sum();
        let mean = floats.iter().sum::<f64>() / floats.len() as f64;
        let variance = floats.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / floats.len() as f64;
        let mut distinct = known.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let after = (here + 1..rows.len()).find_map(value);
        let least = known.iter().min().map(|&value| value as f64);
        let most = known.iter().max().map(|&value| value as f64);
        vec![
            Some(here as f64 + 1.0),
            Some(first_peer as f64 + 1.0),
            Some(groups as f64 + 1.0),
            if here >= 2 { value(here - 2) } else { Some(99.0) },
            after,
            frame.first().copied().flatten().map(|value| value as f64),
            known.iter().rev().nth(1).map(|&value| value as f64),
            Some(frame.len() as f64),
            Some(known.len() as f64),
            some(sum as f64),
            some(sum as f64),
            least,
            most,
            known.first().map(|&value| value as f64),
            Some(distinct.len() as f64),
            some(sum as f64 / 2.0),
            some(mean),
            most.map(|most| most / 2.0),
            some(variance.sqrt()),
        ]
    };
    (0..job.rows.len()).map(line).collect()
}

fn close(a: &[Vec<Option<f64>>], b: &[Vec<Option<f64>>]) -> bool {
    let same = |a: &Option<f64>, b: &Option<f64>| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-9,
        (a, b) => a == b,
    };
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn windows_answer_as_loops_over_their_frames_do(job in jobs()) {
        let (seen, due) = (answer(&job), expected(&job));
        prop_assert!(close(&seen, &due), "{seen:?}\nwhere\n{due:?}");
    }
}

#[test]
fn large_partitions_are_as_small_ones() {
    let rows: Vec<Row> =
        (0..150_000_i64).map(|row| (row % 2, Some(row * 7919 % 150_001), Some(row % 11 - 5))).collect();
    let job = |tasks, general| Job {
        rows: rows.clone(),
        unit: Unit::Rows,
        start: Some(-3),
        end: Some(2),
        exclusion: Exclusion::Nothing,
        descending: false,
        nulls_first: false,
        tasks,
        general,
    };
    let one = answer(&job(1, false));
    assert_eq!(one.len(), rows.len());
    assert!(close(&one, &answer(&job(3, true))));
}

#[test]
fn what_a_window_holds_is_charged_and_given_back() {
    let memory = Memory::unlimited().with_limit(Some(1 << 20), "test");
    let batch = table(&(0..50_000).map(|row| (row, Some(row), Some(row))).collect::<Vec<_>>());
    let order = SortKey { column: 1, descending: false, nulls_first: false };
    let frame = Frame { unit: Unit::Rows, start: None, end: Some(Distance::Count(0)), exclusion: Exclusion::Nothing };
    let spec = WindowSpec { partition: vec![0], order: vec![order], frame, limit: None };
    let calls = vec![aggregate("sum", 2, DataType::Int64)];
    let output = Arc::new(Schema::new(vec![Field::new("s", DataType::Int64, true)]));
    let breaker = WindowBreaker::new(batch.schema(), vec![], spec, calls, output).unwrap();
    let failure = crate::operators::aggregate::drive::run(&breaker, &[batch], 1, &context(&memory)).unwrap_err();
    assert_eq!(failure.code(), bowyer_core::ErrorCode::MemoryLimit);
    assert_eq!(memory.used_bytes(), 0);
}

#[test]
fn the_first_rows_keep_their_numbers_when_others_are_dropped() {
    let rows: Vec<Row> = (0..5000_i64)
        .map(|row| (row * row % 37, Some(row * 7919 % 101).filter(|key| key % 9 > 0), Some(row)))
        .collect();
    let batch = table(&rows);
    let first_rows = |limit: Option<usize>, key: usize, descending: bool, tasks: usize| {
        let order = SortKey { column: key, descending, nulls_first: descending };
        let frame = Frame { unit: Unit::Rows, start: None, end: None, exclusion: Exclusion::Nothing };
        let spec = WindowSpec { partition: vec![0], order: vec![order], frame, limit };
        let call = WindowCall {
            function: WindowFunction::RowNumber,
            arguments: vec![],
            filter: None,
            distinct: false,
            path: String::new(),
        };
        let fields = ["v", "n"].map(|name| Field::new(name, DataType::Int64, true));
        let output = Arc::new(Schema::new(fields.to_vec()));
        let breaker = WindowBreaker::new(batch.schema(), vec![2], spec, vec![call], output).unwrap();
        let whole = run_whole(&breaker, &cut(&batch), tasks).unwrap();
        let column = |column: usize| whole.column(column).as_primitive::<Int64Type>().values().to_vec();
        let pairs: Vec<(i64, i64)> = column(0).into_iter().zip(column(1)).collect();
        (pairs.len(), pairs.into_iter().filter(|&(_, number)| number <= 3).collect::<Vec<_>>())
    };
    for (key, descending, tasks) in [(1, false, 1), (1, true, 3), (3, true, 2), (3, false, 3)] {
        let (all, due) = first_rows(None, key, descending, 1);
        let (kept, seen) = first_rows(Some(3), key, descending, tasks);
        assert_eq!(seen, due);
        // A row that is better than all before it has to be kept.
        let rises = key == 3 && descending;
        assert!(rises || kept < all / 2, "{kept} of {all} rows were kept");
    }
}
