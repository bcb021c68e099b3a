// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The corpus of operators (`testdata/operators`): every case in many batch splits, on several threads, from tables and
//! from readers. Where no order is promised, rows are compared as a set.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test whose set-up fails stops there")]

mod case;
mod join_rejects;
mod random;
mod rejects;
mod rewrites;
mod steps;

use bowyer::arrow_array::{RecordBatch, RecordBatchIterator};
use bowyer::{Config, Engine, Error, Input};
use case::{Case, load};

/// Rows of a batch; the last one leaves inputs whole.
const STEPS: [usize; 4] = [1, 2, 3, 1 << 20];

/// A way to run a case.
#[derive(Clone, Copy, Debug)]
struct Way {
    /// Rows of a batch.
    step: usize,
    /// Whether batches are pushed while the query runs, with an empty one at the end.
    pushed: bool,
}

#[test]
fn every_case_holds_in_every_way() {
    let cases = load();
    assert!(cases.len() >= 60, "only {} cases", cases.len());
    let mut wrong = Vec::new();
    for threads in [1, 2, 4] {
        let engine = Engine::open(&Config { threads, ..Config::default() }).unwrap();
        for (file, case) in &cases {
            for step in STEPS {
                for pushed in [false, true] {
                    let way = Way { step, pushed };
                    if let Err(difference) = case.check(run(&engine, case, way), step) {
                        wrong.push(format!("{file}: {}: {threads} threads, {way:?}: {difference}", case.name));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_case_holds_with_each_rewrite_left_out() {
    let cases = load();
    let mut wrong = Vec::new();
    let none: &[&str] = &[];
    let each = bowyer::REWRITES.chunks(1);
    for disabled in each.chain([none, bowyer::REWRITES]) {
        let config = Config { threads: 2, disabled_rewrites: disabled, ..Config::default() };
        let engine = Engine::open(&config).unwrap();
        for (file, case) in &cases {
            let way = Way { step: 2, pushed: false };
            if let Err(difference) = case.check(run(&engine, case, way), way.step) {
                wrong.push(format!("{file}: {}: without {disabled:?}: {difference}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
}

fn run(engine: &Engine, case: &Case, way: Way) -> Result<Vec<RecordBatch>, Error> {
    let inputs = case.inputs();
    let plan = case.plan(&inputs).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    let bound = inputs.iter().map(|(name, batch)| {
        let mut batches = split(batch, way.step);
        let input = if way.pushed {
            batches.push(batch.slice(0, 0));
            Input::reader(RecordBatchIterator::new(batches.into_iter().map(Ok), batch.schema()))
        } else {
            Input::batches(batches)
        };
        (name.as_str(), input)
    });
    engine.run(&plan, bound)?.collect()
}

fn split(batch: &RecordBatch, step: usize) -> Vec<RecordBatch> {
    let starts = (0..batch.num_rows()).step_by(step);
    starts.map(|first| batch.slice(first, step.min(batch.num_rows() - first))).collect()
}
