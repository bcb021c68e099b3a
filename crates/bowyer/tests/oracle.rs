// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Pipelines of filter, join, aggregate and sort over random rows, against loops over one row at a time.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails stops there")]

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bowyer::arrow_array::cast::AsArray;
use bowyer::arrow_array::types::Int64Type;
use bowyer::arrow_array::{Array, Int32Array, Int64Array, RecordBatch};
use bowyer::{Config, Engine, Input, JoinKind, Plan, asc, col, count_all, desc, max, sum};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

/// A key and a value.
type Row = (Option<i64>, Option<i64>);

/// What a group has gathered: the values summed, those of the left, and the number of rows.
type Group = (Vec<Option<i64>>, Vec<i64>, i64);

/// A row of the result.
type Line = Vec<Option<i64>>;

const KINDS: [JoinKind; 4] = [JoinKind::Inner, JoinKind::Left, JoinKind::LeftSemi, JoinKind::LeftAnti];

/// A pipeline and how it is run.
#[derive(Clone, Debug)]
struct Job {
    left: Vec<Row>,
    right: Vec<Row>,
    kind: JoinKind,
    nulls_equal: bool,
    at_least: i64,
    descending: bool,
    nulls_first: bool,
    limit: Option<usize>,
    step: usize,
    threads: usize,
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    vec((weighted(0.85, 0..6_i64), weighted(0.85, -20..20_i64)), 0..40)
}

fn jobs() -> impl Strategy<Value = Job> {
    let run = (1..9_usize, 0..4_usize);
    let order = (any::<bool>(), any::<bool>(), weighted(0.5, 0..6_usize));
    (rows(), rows(), 0..4_usize, any::<bool>(), -20..20_i64, order, run).prop_map(
        |(left, right, kind, nulls_equal, at_least, (descending, nulls_first, limit), (step, threads))| Job {
            left,
            right,
            kind: KINDS[kind],
            nulls_equal,
            at_least,
            descending,
            nulls_first,
            limit,
            step,
            threads,
        },
    )
}

fn engines() -> &'static [Engine] {
    static ENGINES: OnceLock<Vec<Engine>> = OnceLock::new();
    let open = |threads| Engine::open(&Config { threads, ..Config::default() }).unwrap();
    ENGINES.get_or_init(|| (1..=4).map(open).collect())
}

/// The rows under the names `k` and `value`; keys of the right side are int32.
fn batch(rows: &[Row], value: &str, narrow: bool) -> RecordBatch {
    let keys = rows.iter().map(|(key, _)| *key);
    let values: Arc<dyn Array> = Arc::new(rows.iter().map(|(_, value)| *value).collect::<Int64Array>());
    let keys: Arc<dyn Array> = if narrow {
        Arc::new(keys.map(|key| key.map(|key| key as i32)).collect::<Int32Array>())
    } else {
        Arc::new(keys.collect::<Int64Array>())
    };
    RecordBatch::try_from_iter_with_nullable([("k", keys, true), (value, values, true)]).unwrap()
}

fn split(batch: &RecordBatch, step: usize) -> Input {
    let starts = (0..batch.num_rows()).step_by(step);
    Input::batches(starts.map(|first| batch.slice(first, step.min(batch.num_rows() - first))).collect())
}

/// Whether the result has the right side's values.
fn pairs(kind: JoinKind) -> bool {
    matches!(kind, JoinKind::Inner | JoinKind::Left)
}

fn plan(job: &Job, left: &RecordBatch, right: &RecordBatch) -> Plan {
    let left = Plan::input("t", &left.schema()).filter(col("v").ge(job.at_least));
    let right = Plan::input("u", &right.schema());
    let joined = if job.nulls_equal {
        left.join_with_equal_nulls(&right, job.kind, [("k", "k")], "")
    } else {
        left.join(&right, job.kind, [("k", "k")])
    };
    let measured = if pairs(job.kind) { "w" } else { "v" };
    let key = if job.descending { desc(col("k")) } else { asc(col("k")) };
    let key = if job.nulls_first { key.nulls_first() } else { key };
    let sorted = joined.group_by(["k"], [sum(measured), max("v"), count_all()]).sort([key]);
    match job.limit {
        Some(limit) => sorted.limit(limit as u64),
        None => sorted,
    }
}

fn answer(job: &Job) -> Vec<Line> {
    let (left, right) = (batch(&job.left, "v", false), batch(&job.right, "w", true));
    let engine = &engines()[job.threads];
    let inputs = [("t", split(&left, job.step)), ("u", split(&right, job.step))];
    let mut lines = Vec::new();
    for batch in engine.run(&plan(job, &left, &right), inputs).unwrap() {
        let batch = batch.unwrap();
        let cell = |column: &Arc<dyn Array>, row: usize| {
            let column = column.as_primitive::<Int64Type>();
            column.is_valid(row).then(|| column.value(row))
        };
        lines.extend((0..batch.num_rows()).map(|row| batch.columns().iter().map(|c| cell(c, row)).collect::<Line>()));
    }
    lines
}

fn expected(job: &Job) -> Vec<Line> {
    let equal = |a: Option<i64>, b: Option<i64>| a == b && (job.nulls_equal || a.is_some());
    let mut groups: BTreeMap<Option<i64>, Group> = BTreeMap::new();
    for &(key, value) in &job.left {
        let Some(value) = value.filter(|&value| value >= job.at_least) else { continue };
        let partners: Vec<Option<i64>> =
            job.right.iter().filter(|(other, _)| equal(key, *other)).map(|(_, value)| *value).collect();
        let joined = match job.kind {
            JoinKind::Left if partners.is_empty() => vec![None],
            JoinKind::Inner | JoinKind::Left => partners,
            JoinKind::LeftSemi => vec![Some(value); usize::from(!partners.is_empty())],
            JoinKind::LeftAnti => vec![Some(value); usize::from(partners.is_empty())],
            other => unreachable!("{other:?} has an oracle of its own, in joins.rs"),
        };
        for summed in joined {
            let group = groups.entry(key).or_default();
            group.0.push(summed);
            group.1.push(value);
            group.2 += 1;
        }
    }
    let line = |(key, (summed, values, count)): (Option<i64>, Group)| {
        let known: Vec<i64> = summed.into_iter().flatten().collect();
        let sum = (!known.is_empty()).then(|| known.iter().sum());
        vec![key, sum, values.into_iter().max(), Some(count)]
    };
    let (nulls, mut lines): (Vec<Line>, Vec<Line>) = groups.into_iter().map(line).partition(|line| line[0].is_none());
    if job.descending {
        lines.reverse();
    }
    let mut lines = if job.nulls_first { [nulls, lines].concat() } else { [lines, nulls].concat() };
    lines.truncate(job.limit.unwrap_or(usize::MAX));
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pipelines_answer_as_loops_do(job in jobs()) {
        prop_assert_eq!(answer(&job), expected(&job));
    }
}
