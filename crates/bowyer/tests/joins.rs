// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Joins of every kind over random rows, with and without a residual, against nested loops.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails stops there")]

use std::sync::Arc;

use bowyer::arrow_array::cast::AsArray;
use bowyer::arrow_array::types::Int64Type;
use bowyer::arrow_array::{Array, ArrayRef, Int32Array, Int64Array, RecordBatch};
use bowyer::{AsOf, AsOfDirection, Config, Engine, Input, JoinKind, Plan, col};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

/// A key and a value.
type Row = (Option<i64>, Option<i64>);

/// A row of the result.
type Line = Vec<Option<i64>>;

const KINDS: [JoinKind; 9] = [
    JoinKind::Inner,
    JoinKind::Left,
    JoinKind::Right,
    JoinKind::Full,
    JoinKind::LeftSemi,
    JoinKind::LeftAnti,
    JoinKind::RightSemi,
    JoinKind::RightAnti,
    JoinKind::Cross,
];

#[derive(Clone, Debug)]
struct Job {
    left: Vec<Row>,
    right: Vec<Row>,
    kind: JoinKind,
    nulls_equal: bool,
    conditional: bool,
    keyed: bool,
    step: usize,
    threads: u32,
    batch_rows: u32,
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let keys = prop_oneof![Just(1_i64), Just(6), Just(1 << 33)];
    keys.prop_flat_map(|spread| {
        let key = weighted(0.85, (0..6_i64).prop_map(move |key| key * spread / 6));
        vec((key, weighted(0.85, -9..9_i64)), 0..40)
    })
}

fn jobs() -> impl Strategy<Value = Job> {
    let how = (1..9_usize, 1..4_u32, 1..30_u32);
    (rows(), rows(), 0..KINDS.len(), any::<bool>(), any::<bool>(), any::<bool>(), how).prop_map(
        |(left, right, kind, nulls_equal, conditional, keyed, (step, threads, batch_rows))| {
            let (kind, keyed) = (KINDS[kind], (keyed || !conditional) && KINDS[kind] != JoinKind::Cross);
            let nulls_equal = nulls_equal && !conditional && keyed;
            Job { left, right, kind, nulls_equal, conditional, keyed, step, threads, batch_rows }
        },
    )
}

fn batch(rows: &[Row], key: &str, value: &str) -> RecordBatch {
    let keys: ArrayRef = Arc::new(rows.iter().map(|(key, _)| *key).collect::<Int64Array>());
    let values: ArrayRef = Arc::new(rows.iter().map(|(_, value)| *value).collect::<Int64Array>());
    RecordBatch::try_from_iter_with_nullable([(key, keys, true), (value, values, true)]).unwrap()
}

fn split(batch: &RecordBatch, step: usize) -> Input {
    let starts = (0..batch.num_rows()).step_by(step);
    Input::batches(starts.map(|first| batch.slice(first, step.min(batch.num_rows() - first))).collect())
}

fn lines(engine: &Engine, plan: &Plan, inputs: [(&str, Input); 2]) -> Vec<Line> {
    let mut lines = Vec::new();
    for batch in engine.run(plan, inputs).unwrap() {
        let batch = batch.unwrap();
        let cell = |column: &ArrayRef, row: usize| {
            let column = column.as_primitive::<Int64Type>();
            column.is_valid(row).then(|| column.value(row))
        };
        lines.extend((0..batch.num_rows()).map(|row| batch.columns().iter().map(|c| cell(c, row)).collect::<Line>()));
    }
    lines
}

fn answer(job: &Job) -> Vec<Line> {
    let (left, right) = (batch(&job.left, "k", "v"), batch(&job.right, "l", "w"));
    let (t, u) = (Plan::input("t", &left.schema()), Plan::input("u", &right.schema()));
    let keys = job.keyed.then_some(("k", "l"));
    let plan = match (job.conditional, job.nulls_equal) {
        (true, _) => t.join_where(&u, job.kind, keys, "", col("v").le(col("w"))),
        (false, true) => t.join_with_equal_nulls(&u, job.kind, keys, ""),
        (false, false) => t.join(&u, job.kind, keys),
    };
    let config = Config { threads: job.threads, batch_rows: job.batch_rows, ..Config::default() };
    let engine = Engine::open(&config).unwrap();
    lines(&engine, &plan, [("t", split(&left, job.step)), ("u", split(&right, job.step))])
}

fn expected(job: &Job) -> Vec<Line> {
    let matches = |&(key, value): &Row, &(other, against): &Row| {
        let equal = key == other && (job.nulls_equal || key.is_some());
        let fulfils = matches!((value, against), (Some(value), Some(against)) if value <= against);
        (!job.keyed || equal) && (!job.conditional || fulfils)
    };
    let line = |row: &Row| vec![row.0, row.1];
    let (left, right) = (&job.left, &job.right);
    let has_partner = |row: &&Row| right.iter().any(|other| matches(row, other));
    let is_partner = |row: &&Row| left.iter().any(|other| matches(other, row));
    let pairs = left.iter().flat_map(|row| {
        right.iter().filter(|other| matches(row, other)).map(|other| [line(row), line(other)].concat())
    });
    let lonely_left = || left.iter().filter(|row| !has_partner(row)).map(|row| [line(row), vec![None; 2]].concat());
    let lonely_right = || right.iter().filter(|row| !is_partner(row)).map(|row| [vec![None; 2], line(row)].concat());
    match job.kind {
        JoinKind::Left => pairs.chain(lonely_left()).collect(),
        JoinKind::Right => pairs.chain(lonely_right()).collect(),
        JoinKind::Full => pairs.chain(lonely_left()).chain(lonely_right()).collect(),
        JoinKind::LeftSemi => left.iter().filter(has_partner).map(line).collect(),
        JoinKind::LeftAnti => left.iter().filter(|row| !has_partner(row)).map(line).collect(),
        JoinKind::RightSemi => right.iter().filter(is_partner).map(line).collect(),
        JoinKind::RightAnti => right.iter().filter(|row| !is_partner(row)).map(line).collect(),
        _ => pairs.collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn joins_answer_as_loops_do(job in jobs()) {
        let answered = answer(&job);
        prop_assert_eq!(&answered, &answer(&Job { threads: 1, ..job.clone() }), "the order does not depend on threads");
        let (mut answered, mut expected) = (answered, expected(&job));
        answered.sort();
        expected.sort();
        prop_assert_eq!(answered, expected);
    }
}

/// A side of many rows and one of a few, either of which may be built.
#[test]
fn the_smaller_side_is_built_and_nothing_else_changes() {
    let large: Vec<Row> = (0..70_000).map(|row| (Some(row % 50_000), Some(row))).collect();
    let small: Vec<Row> = (0..300).map(|row| (Some(row * 331), Some(-row))).collect();
    let engine = Engine::open(&Config { threads: 2, ..Config::default() }).unwrap();
    let (large, small) = (batch(&large, "l", "w"), batch(&small, "k", "v"));
    for kind in [JoinKind::Inner, JoinKind::Left, JoinKind::Right, JoinKind::Full] {
        let (t, u) = (Plan::input("t", &small.schema()), Plan::input("u", &large.schema()));
        // The size of an intersection is not known; that of the others is, or has bounds.
        let sides = [
            (t.intersect_all([&t]), u.clone()),
            (t.clone(), u.clone()),
            (t.limit(1_000_000), u.union([&u.limit(0)])),
            (t.join(&t, JoinKind::LeftSemi, [("k", "k")]), u.limit(1_000_000)),
        ];
        let answers = sides.map(|(left, right)| {
            let plan = left.join(&right, kind, [("k", "l")]);
            let mut answer = lines(&engine, &plan, [("t", split(&small, 7)), ("u", split(&large, 9999))]);
            answer.sort();
            answer
        });
        for answer in &answers[1..] {
            assert_eq!(&answers[0], answer, "{kind:?}");
        }
        let lonely = answers[0].iter().filter(|line| line[0].is_none() || line[2].is_none()).count();
        assert_eq!(lonely > 0, kind != JoinKind::Inner, "{kind:?}");
    }
}

#[test]
fn keys_of_one_name_are_those_of_the_side_that_is_there() {
    let wide: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(2), None]));
    let narrow: ArrayRef = Arc::new(Int32Array::from(vec![Some(2), Some(3)]));
    let left = RecordBatch::try_from_iter_with_nullable([("k", narrow, true)]).unwrap();
    let right = RecordBatch::try_from_iter_with_nullable([("k", wide, true)]).unwrap();
    let (t, u) = (Plan::input("t", &left.schema()), Plan::input("u", &right.schema()));
    let engine = Engine::open(&Config { threads: 1, ..Config::default() }).unwrap();
    for (kind, keys) in
        [(JoinKind::Right, vec![None, Some(1), Some(2)]), (JoinKind::Full, vec![None, Some(1), Some(2), Some(3)])]
    {
        let plan = t.join(&u, kind, [("k", "k")]);
        let mut answer = lines(&engine, &plan, [("t", split(&left, 1)), ("u", split(&right, 1))]);
        answer.sort();
        assert_eq!(answer, keys.into_iter().map(|key| vec![key]).collect::<Vec<_>>(), "{kind:?}");
    }
}

#[derive(Clone, Debug)]
struct AsOfJob {
    left: Vec<Row>,
    right: Vec<Row>,
    keyed: bool,
    direction: AsOfDirection,
    strict: bool,
    tolerance: Option<i64>,
    step: usize,
    threads: u32,
}

fn as_of_jobs() -> impl Strategy<Value = AsOfJob> {
    let direction =
        prop_oneof![Just(AsOfDirection::Backward), Just(AsOfDirection::Forward), Just(AsOfDirection::Nearest)];
    let rule = (direction, any::<bool>(), weighted(0.5, 0..5_i64));
    (rows(), rows(), any::<bool>(), rule, (1..9_usize, 1..4_u32)).prop_map(
        |(left, right, keyed, (direction, strict, tolerance), (step, threads))| AsOfJob {
            left,
            right,
            keyed,
            direction,
            strict,
            tolerance,
            step,
            threads,
        },
    )
}

/// The row that stands next to one, by a look at all of them.
fn next_to(job: &AsOfJob, &(key, at): &Row) -> Option<Row> {
    let at = at?;
    let distance = |row: &Row| row.1.map(|value| value - at);
    let fits = |row: &&Row| {
        let Some(distance) = distance(row) else { return false };
        (!job.keyed || (key.is_some() && key == row.0))
            && !(job.strict && distance == 0)
            && job.tolerance.is_none_or(|most| distance.abs() <= most)
    };
    let before =
        job.right.iter().filter(fits).filter(|row| row.1 <= Some(at)).rev().min_by_key(|row| -distance(row).unwrap());
    let after = job.right.iter().filter(fits).filter(|row| row.1 >= Some(at)).min_by_key(|row| distance(row).unwrap());
    let row = match (job.direction, before, after) {
        (AsOfDirection::Backward, before, _) => before,
        (AsOfDirection::Forward, _, after) => after,
        (AsOfDirection::Nearest, Some(before), Some(after)) => {
            Some(if distance(after).unwrap() < -distance(before).unwrap() { after } else { before })
        }
        (AsOfDirection::Nearest, before, after) => before.or(after),
    };
    row.copied()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn as_of_joins_answer_as_a_look_at_all_rows(job in as_of_jobs()) {
        let (left, right) = (batch(&job.left, "k", "v"), batch(&job.right, "l", "w"));
        let (t, u) = (Plan::input("t", &left.schema()), Plan::input("u", &right.schema()));
        let mut as_of = AsOf::on("v", "w").direction(job.direction);
        as_of = if job.keyed { as_of.by("k", "l") } else { as_of };
        as_of = if job.strict { as_of.strict() } else { as_of };
        if let Some(most) = job.tolerance {
            as_of = as_of.within(most);
        }
        let engine = Engine::open(&Config { threads: job.threads, ..Config::default() }).unwrap();
        let inputs = [("t", split(&left, job.step)), ("u", split(&right, job.step))];
        let answered = lines(&engine, &t.as_of_join(&u, as_of), inputs);
        let expected: Vec<Line> = job.left.iter().map(|row| {
            let (key, value) = next_to(&job, row).unwrap_or((None, None));
            vec![row.0, row.1, key, value]
        }).collect();
        prop_assert_eq!(answered, expected);
    }
}
