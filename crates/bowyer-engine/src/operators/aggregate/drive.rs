// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Drives breakers in tests: batches are dealt to several tasks as a scheduler might.

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use bowyer_core::{Memory, Result};

use crate::control::Control;
use crate::operators::{Breaker, Finished, LocalState, Morsel, Origin, TaskContext};

pub(in crate::operators) fn context(memory: &Memory) -> TaskContext {
    TaskContext { memory: memory.clone(), batch_rows: 1000, threads: 2, control: Control::new(memory.clone()) }
}

/// What `breaker` makes of `batches`, dealt to `tasks` in an uneven way.
pub(in crate::operators) fn run(
    breaker: &dyn Breaker,
    batches: &[RecordBatch],
    tasks: usize,
    context: &TaskContext,
) -> Result<Vec<RecordBatch>> {
    let mut locals: Vec<Box<dyn LocalState>> = (0..tasks).map(|_| breaker.local(context)).collect::<Result<_>>()?;
    for (sequence, batch) in (0_u64..).zip(batches) {
        let task = (sequence * sequence + sequence / 3) as usize % tasks.max(1);
        let morsel = Morsel { batch: batch.clone(), sequence, first_row: 0, origin: Origin::UNKNOWN };
        breaker.consume(locals[task].as_mut(), morsel, context)?;
    }
    match breaker.finish(locals, context)? {
        Finished::Batches(batches) => Ok(batches.into_iter().map(|(batch, _)| batch).collect()),
        Finished::Results(results) => (0..).map_while(|sequence| results.next(sequence, context).transpose()).collect(),
        Finished::Table => Ok(Vec::new()),
    }
}

/// The same as one batch.
pub(in crate::operators) fn run_whole(
    breaker: &dyn Breaker,
    batches: &[RecordBatch],
    tasks: usize,
) -> Option<RecordBatch> {
    let memory = Memory::unlimited();
    let results = run(breaker, batches, tasks, &context(&memory)).unwrap();
    assert!(results.iter().all(|batch| batch.num_rows() <= 1000));
    let whole = results.first().map(|first| concat_batches(&first.schema(), &results).unwrap());
    drop(results);
    whole
}

/// `batch` cut into batches of uneven lengths, an empty one among them.
pub(in crate::operators) fn cut(batch: &RecordBatch) -> Vec<RecordBatch> {
    let mut batches = vec![batch.slice(0, 0)];
    let (mut first, mut step) = (0, 1);
    while first < batch.num_rows() {
        let len = step.min(batch.num_rows() - first);
        batches.push(batch.slice(first, len));
        first += len;
        step = step * 3 % 701 + 1;
    }
    batches
}
