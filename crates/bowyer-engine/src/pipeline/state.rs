// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The state of one query, shared by its tasks and by those who feed and read it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use bowyer_core::{Error, Memory, Result};

use super::Pipeline;
use super::channel::{Channel, Item, Party, Popped};
use super::lineage::Lineage;
use crate::control::Cancellation;
use crate::failure::copy_error;
use crate::operators::TaskContext;
use crate::query::{Next, Notify, OutputLimit};
use crate::reading::Reading;
use crate::statistics::Counters;
use crate::threads::Threads;

/// A query that runs.
pub(crate) struct QueryState {
    pub(crate) pipelines: Vec<Pipeline>,
    pub(crate) channels: Vec<Channel>,
    pub(crate) inputs: Vec<InputPort>,
    pub(crate) outputs: Vec<OutputPort>,
    pub(crate) context: TaskContext,
    /// For each counted operator, the same with its share of the memory.
    pub(crate) operator_contexts: Vec<TaskContext>,
    /// The optimised plan, line by line.
    pub(crate) plan_lines: Arc<Vec<(String, String)>>,
    pub(crate) threads: Arc<Threads>,
    pub(crate) window: u64,
    pub(crate) morsel_rows: usize,
    pub(crate) counters: Counters,
    pub(crate) notify: Arc<dyn Notify>,
    pub(crate) query_id: String,
    pub(crate) output_limit: OutputLimit,
    pub(crate) started: Instant,
    pub(crate) over: Arc<Over>,
    /// Pipelines that have not ended.
    pub(crate) unfinished: AtomicUsize,
    pub(crate) elapsed: OnceLock<Duration>,
    pub(crate) failure: Mutex<Option<Error>>,
    /// Goes after everything that holds memory.
    pub(crate) _leftovers: Leftovers,
}

/// Gives back to the system, when a query is gone that took much of a limit, what the allocators keep free of it: the next
/// query takes other sizes, and the process would hold both.
pub(crate) struct Leftovers(pub(crate) Memory);

impl Drop for Leftovers {
    fn drop(&mut self) {
        if self.0.tightest_limit_bytes().is_some_and(|limit| self.0.peak_bytes() > limit / 2) {
            self.0.give_back_free();
        }
    }
}

/// Set once when a query has failed or was cancelled; long loops of operators ask it.
#[derive(Default)]
pub(crate) struct Over(AtomicBool);

impl Cancellation for Over {
    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// An input of the plan, as this query uses it.
pub(crate) struct InputPort {
    pub(crate) name: String,
    pub(crate) reading: Reading,
    /// Where pushed batches go; empty when the input is a table or is not read.
    pub(crate) channels: Vec<usize>,
    pub(crate) state: Mutex<InputState>,
}

#[derive(Default)]
pub(crate) struct InputState {
    /// Credits granted and not used.
    credits: u32,
    batches: u64,
    ended: bool,
}

/// An output of the plan.
pub(crate) struct OutputPort {
    pub(crate) channel: usize,
    /// Rows of a batch that was larger than a result may be.
    pub(crate) rest: Mutex<Option<RecordBatch>>,
    /// Somebody was told that there is nothing yet.
    pub(crate) waiting: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl QueryState {
    /// Starts every pipeline that waits for no other.
    pub(crate) fn start(self: &Arc<Self>) {
        for index in 0..self.pipelines.len() {
            let ready = self.pipelines[index].progress().waiting_for == 0;
            if ready {
                self.begin(index);
            }
        }
    }

    /// What an operator may use: memory that it takes is charged to it too.
    pub(crate) fn context_of(&self, counter: Option<usize>) -> &TaskContext {
        counter.and_then(|counter| self.operator_contexts.get(counter)).unwrap_or(&self.context)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.is_cancelled()
    }

    pub(crate) fn input_name(&self, input: u32) -> Option<String> {
        self.inputs.get(input as usize).map(|port| port.name.clone())
    }

    /// Tells someone that a channel beside them has changed.
    pub(crate) fn wake(self: &Arc<Self>, party: Party) {
        match party {
            Party::Pipeline(index) => self.schedule(index),
            Party::Input(index) => self.grant(index),
            Party::Output(index) => self.output_ready(index),
        }
    }

    fn output_ready(&self, index: usize) {
        let port = &self.outputs[index];
        if (self.is_over() || self.channels[port.channel].is_ready()) && port.waiting.swap(false, Ordering::AcqRel) {
            self.notify.output_ready(index as u32);
        }
    }

    /// Asks for as many batches as there is room for.
    pub(crate) fn grant(&self, index: usize) {
        let port = &self.inputs[index];
        let wanted = {
            let mut state = lock(&port.state);
            if state.ended || self.is_over() {
                return;
            }
            // The reader that is ahead decides: one that starts late must not hold the others up.
            let open =
                port.channels.iter().map(|&channel| &self.channels[channel]).filter(|channel| !channel.is_closed());
            let Some(waiting) = open.map(Channel::len).min() else { return };
            let room = (self.window as usize).saturating_sub(waiting + state.credits as usize);
            state.credits += room as u32;
            room as u32
        };
        if wanted > 0 {
            self.notify.input_wanted(index as u32, wanted);
        }
    }

    /// Takes a batch of an input.
    pub(crate) fn push(self: &Arc<Self>, index: u32, batch: RecordBatch) -> Result<()> {
        let port = self.port(index)?;
        self.refuse_when_over()?;
        let named = |error: Error| self.of_input(error, port);
        let batch = port.reading.fit(batch).map_err(named)?;
        let number = {
            let mut state = lock(&port.state);
            if state.ended {
                return Err(named(Error::invalid_state("the input has ended")));
            }
            if state.credits == 0 {
                return Err(named(Error::invalid_state("a batch was pushed that was not asked for")));
            }
            state.credits -= 1;
            state.batches += 1;
            state.batches - 1
        };
        for &channel in &port.channels {
            let lineage = Lineage::Rows { input: index, batch: number, row: 0 };
            self.channels[channel].push(Item::Batch(batch.clone(), lineage, None));
        }
        for &channel in &port.channels {
            self.wake(self.channels[channel].consumer);
        }
        if batch.num_rows() == 0 {
            self.grant(index as usize);
        }
        Ok(())
    }

    /// Ends an input, with an error or without.
    pub(crate) fn end_input(self: &Arc<Self>, index: u32, why: Option<Error>) -> Result<()> {
        let port = self.port(index)?;
        {
            let mut state = lock(&port.state);
            if state.ended {
                return Ok(());
            }
            state.ended = true;
        }
        for &channel in &port.channels {
            if let Some(why) = &why {
                let error = self.of_input(copy_error(why), port);
                self.channels[channel].push(Item::Failed(error));
            }
            self.channels[channel].end();
            self.wake(self.channels[channel].consumer);
        }
        Ok(())
    }

    /// The next batch of an output.
    pub(crate) fn next(self: &Arc<Self>, index: u32) -> Result<Next> {
        let port = self.outputs.get(index as usize);
        let port = port.ok_or_else(|| Error::not_found(format!("the plan has no output {index}")))?;
        loop {
            self.refuse_when_over()?;
            let rest = lock(&port.rest).take(); // not in the condition: the lock would last as long as its block
            if let Some(batch) = rest {
                return self.part(index, port, batch);
            }
            match self.channels[port.channel].pop() {
                Popped::Item(Item::Batch(batch, ..)) => {
                    self.wake(self.channels[port.channel].producer);
                    return self.part(index, port, batch);
                }
                Popped::Item(Item::Failed(error)) => self.fail(error),
                Popped::End => return Ok(Next::End),
                // Whoever pushes between this look and the next finds the flag and notifies.
                Popped::Empty if port.waiting.swap(true, Ordering::AcqRel) => return Ok(Next::Pending),
                Popped::Empty => {}
            }
        }
    }

    /// As many rows as a result may have; the rest stays for the next call. A query whose outputs have more than they may
    /// fails here.
    fn part(&self, index: u32, port: &OutputPort, batch: RecordBatch) -> Result<Next> {
        let limit = self.context.batch_rows;
        let part = if batch.num_rows() > limit {
            *lock(&port.rest) = Some(batch.slice(limit, batch.num_rows() - limit));
            batch.slice(0, limit)
        } else {
            batch
        };
        if let Err(mut error) = self.counters.hand_out(&part, self.output_limit) {
            error.place_mut().path = Some(format!("outputs[{index}]"));
            self.fail(error);
            self.refuse_when_over()?;
        }
        Ok(Next::Batch(part))
    }

    /// Ends the query with an error. Only the first one counts.
    pub(crate) fn fail(&self, error: Error) {
        {
            let mut failure = lock(&self.failure);
            if failure.is_some() {
                return;
            }
            let mut error = error;
            error.place_mut().query_id = (!self.query_id.is_empty()).then(|| self.query_id.clone());
            *failure = Some(error);
        }
        self.over.0.store(true, Ordering::Release);
        self.elapsed.get_or_init(|| self.started.elapsed());
        for channel in &self.channels {
            channel.close();
        }
        for pipeline in &self.pipelines {
            pipeline.progress().discard();
        }
        for (index, port) in self.outputs.iter().enumerate() {
            drop(lock(&port.rest).take());
            if port.waiting.swap(false, Ordering::AcqRel) {
                self.notify.output_ready(index as u32);
            }
        }
    }

    /// A pipeline has ended; with the last one, the query's time stands still.
    pub(crate) fn pipeline_ended(&self) {
        if self.unfinished.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.elapsed.get_or_init(|| self.started.elapsed());
        }
    }

    /// Fails the query if its deadline has passed; gives what it failed with.
    pub(crate) fn refuse_when_over(&self) -> Result<()> {
        if let Err(error) = self.context.check() {
            self.fail(error);
        }
        match &*lock(&self.failure) {
            Some(error) => Err(copy_error(error)),
            None => Ok(()),
        }
    }

    fn port(&self, index: u32) -> Result<&InputPort> {
        self.inputs.get(index as usize).ok_or_else(|| Error::not_found(format!("the plan has no input {index}")))
    }

    fn of_input(&self, mut error: Error, port: &InputPort) -> Error {
        let place = error.place_mut();
        place.input.get_or_insert_with(|| port.name.clone());
        if place.query_id.is_none() && !self.query_id.is_empty() {
            place.query_id = Some(self.query_id.clone());
        }
        error
    }
}
