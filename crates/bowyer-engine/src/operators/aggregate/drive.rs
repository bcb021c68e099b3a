// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Drives breakers in tests: batches are dealt to several tasks as a scheduler might.

use arrow_array::{Array, RecordBatch};
use arrow_select::concat::concat_batches;
use bowyer_core::{Memory, Result};

use crate::control::Control;
use crate::operators::{Breaker, Finished, LocalState, Morsel, Origin, TaskContext};

pub(in crate::operators) fn context(memory: &Memory) -> TaskContext {
    let control = Control::new(memory.clone());
    TaskContext { memory: memory.clone(), batch_rows: 1000, threads: 2, control, spill: None }
}

/// What `breaker` makes of `batches`, dealt to `tasks` in an uneven way.
pub(in crate::operators) fn run(
    breaker: &dyn Breaker,
    batches: &[RecordBatch],
    tasks: usize,
    context: &TaskContext,
) -> Result<Vec<RecordBatch>> {
    let mut results = Vec::new();
    run_each(breaker, batches, tasks, context, |batch| results.push(batch))?;
    Ok(results)
}

/// The same, one result after the other.
pub(in crate::operators) fn run_each(
    breaker: &dyn Breaker,
    batches: &[RecordBatch],
    tasks: usize,
    context: &TaskContext,
    mut each: impl FnMut(RecordBatch),
) -> Result<()> {
    let mut locals: Vec<Box<dyn LocalState>> = (0..tasks).map(|_| breaker.local(context)).collect::<Result<_>>()?;
    for (sequence, batch) in (0_u64..).zip(batches) {
        let task = (sequence * sequence + sequence / 3) as usize % tasks.max(1);
        let unpaid_bytes = batch_bytes(batch);
        let morsel = Morsel { batch: batch.clone(), sequence, first_row: 0, origin: Origin::UNKNOWN, unpaid_bytes };
        breaker.consume(locals[task].as_mut(), morsel, context)?;
    }
    match breaker.finish(locals, context)? {
        Finished::Batches(batches) => batches.into_iter().for_each(|(batch, _)| each(batch)),
        Finished::Results(results) => {
            for sequence in 0.. {
                let Some(batch) = results.next(sequence, context)? else { break };
                each(batch);
            }
        }
        Finished::Table => {}
    }
    Ok(())
}

/// As for batches that were pushed.
fn batch_bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or(0)).sum()
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
