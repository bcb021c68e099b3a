// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Stages that give many batches for one, in every combination, and failures among them.

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array};
use arrow_schema::SchemaRef;
use bowyer_core::{Memory, Result};

use super::*;
use crate::control::Control;

/// Each row `times` times, at most `step` rows at a time. Fails at rows of `fails`: while it begins, or where it is.
#[derive(Clone)]
struct Repeat {
    times: usize,
    step: usize,
    fails: Option<(i64, bool)>,
}

struct Repeats(Repeat, RecordBatch, usize);

fn values(batch: &RecordBatch) -> Vec<i64> {
    batch.column(0).as_primitive::<Int64Type>().values().to_vec()
}

fn batch(values: Vec<i64>) -> RecordBatch {
    RecordBatch::try_from_iter([("x", Arc::new(Int64Array::from(values)) as ArrayRef)]).unwrap()
}

impl Repeat {
    fn failing(&self, input: &RecordBatch) -> Option<usize> {
        let (bad, _) = self.fails?;
        values(input).iter().position(|&value| value == bad)
    }
}

fn failure(row: usize) -> Error {
    Error::divide_by_zero("a bad row").at_row(row)
}

impl Stage for Repeat {
    fn schema(&self) -> SchemaRef {
        batch(Vec::new()).schema()
    }

    fn apply(&self, input: RecordBatch, context: &TaskContext) -> Result<Output> {
        match (self.failing(&input), self.fails) {
            (Some(row), Some((_, true))) => Err(failure(row)),
            _ => Box::new(Repeats(self.clone(), input, 0)).next(context),
        }
    }

    fn trace(&self, _: &RecordBatch, output_row: usize, _: &TaskContext) -> Result<usize> {
        Ok(output_row / self.times)
    }
}

impl Rest for Repeats {
    fn next(self: Box<Self>, _: &TaskContext) -> Result<Output> {
        let Self(stage, input, first) = *self;
        let source = values(&input);
        let end = (first + stage.step).min(source.len() * stage.times);
        if let Some(row) = stage.failing(&input).filter(|&row| end > row * stage.times) {
            return Err(failure(row));
        }
        let out: Vec<i64> = (first..end).map(|row| source[row / stage.times]).collect();
        let rest = (end < source.len() * stage.times).then(|| Box::new(Self(stage, input, end)) as Box<dyn Rest>);
        Ok(Output { batch: (!out.is_empty()).then(|| batch(out)), rest })
    }
}

fn context() -> TaskContext {
    let memory = Memory::unlimited();
    TaskContext { control: Control::new(memory.clone()), memory, batch_rows: 4, threads: 1, spill: None }
}

/// What comes out, the row that each came from, and the row that failed.
fn outcome(stages: &[Repeat], source: Vec<i64>) -> (Vec<i64>, Vec<usize>, Option<usize>) {
    let stages: Vec<Arc<dyn Stage>> =
        stages.iter().map(|stage| -> Arc<dyn Stage> { Arc::new(stage.clone()) }).collect();
    let stages: Arc<[Arc<dyn Stage>]> = stages.into();
    let (context, source) = (context(), batch(source));
    let mut run = Run::new(stages.clone(), source.clone());
    let (mut out, mut from) = (Vec::new(), Vec::new());
    while !run.is_done() {
        let Some(batch) = run.next(&context, &mut |_, _, _, _| {}) else { continue };
        out.extend(values(&batch));
        from.extend((0..batch.num_rows()).map(|row| run.trace(row, &context).unwrap()));
    }
    let failure = run.take_failure().map(|failure| failure.row.unwrap());
    if failure.is_none() {
        let again: Vec<_> = (0..out.len()).map(|row| trace_back(&stages, &source, row, &context).unwrap()).collect();
        assert_eq!(again, from);
    }
    (out, from, failure)
}

fn repeat(times: usize, step: usize) -> Repeat {
    Repeat { times, step, fails: None }
}

#[test]
fn rows_come_in_order_and_are_traced_through_many_batches() {
    let source: Vec<i64> = (10..17).collect();
    for steps in [[100, 100, 100], [1, 100, 2], [5, 3, 100], [2, 1, 1]] {
        let stages = [repeat(3, steps[0]), repeat(1, steps[1]), repeat(2, steps[2])];
        let (out, from, failure) = outcome(&stages, source.clone());
        assert_eq!(out, source.iter().flat_map(|&value| [value; 6]).collect::<Vec<_>>(), "{steps:?}");
        assert_eq!(from, (0..7).flat_map(|row| [row; 6]).collect::<Vec<_>>(), "{steps:?}");
        assert_eq!(failure, None);
    }
}

#[test]
fn before_a_failure_comes_what_stands_before_it() {
    let source: Vec<i64> = (10..20).collect();
    for at in 0..3 {
        for early in [false, true] {
            for step in [1, 2, 5, 100] {
                let mut stages = [repeat(2, step), repeat(1, step + 1), repeat(3, step)];
                stages[at].fails = Some((14, early));
                let (out, from, failure) = outcome(&stages, source.clone());
                assert_eq!(failure, Some(4), "stage {at}, early: {early}, step {step}");
                let whole: Vec<i64> = (10..14).flat_map(|value| [value; 6]).collect();
                assert_eq!(out[..whole.len()], whole, "stage {at}, early: {early}, step {step}");
                assert!(out[whole.len()..].iter().all(|&value| value == 14), "nothing after the failure");
                assert!(from.iter().zip(&out).all(|(&row, &value)| source[row] == value));
            }
        }
    }
}

#[test]
fn the_first_of_two_failures_wins() {
    let mut stages = [repeat(2, 100), repeat(1, 3), repeat(3, 100)];
    stages[0].fails = Some((17, true));
    stages[2].fails = Some((13, true));
    let (out, _, failure) = outcome(&stages, (10..20).collect());
    assert_eq!(failure, Some(3));
    assert_eq!(out, (10..13).flat_map(|value| [value; 6]).collect::<Vec<_>>());
}
