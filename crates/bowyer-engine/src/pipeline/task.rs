// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Tasks: one result at a time of a morsel through a pipeline, and the end of a pipeline.
//!
//! A morsel of which more may come is laid aside after each result and taken up again when there is room for the next.
//! Locks are taken in one order, pipeline before channel, and nobody is woken or failed while one is held.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{Array, RecordBatch};
use arrow_buffer::Buffer;
use arrow_data::ArrayData;
use bowyer_core::{Error, Result};

use super::channel::{Item, Party};
use super::emission::Outcome;
use super::lineage::{Lineage, Step};
use super::run::Contexts;
use super::state::QueryState;
use super::{Pipeline, Sink, Taken, Work};
use crate::failure::{copy_error, panic_error};
use crate::operators::results::Ready;
use crate::operators::{Finished, Morsel, Origin, Results};

impl QueryState {
    /// Runs a task for the pipeline if there is something to do and a thread's share left.
    pub(crate) fn schedule(self: &Arc<Self>, index: usize) {
        if self.is_over() {
            return;
        }
        let pipeline = &self.pipelines[index];
        {
            let mut progress = pipeline.progress();
            let most = if pipeline.serial { 1 } else { self.context.threads };
            let busy = progress.active >= most;
            if busy || !pipeline.is_ready(&progress, &self.channels, self.window) {
                return;
            }
            progress.active += 1;
        }
        self.spawn(index);
    }

    fn spawn(self: &Arc<Self>, index: usize) {
        let query = self.clone();
        self.threads.spawn(move || query.run(index));
    }

    fn run(self: &Arc<Self>, index: usize) {
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| self.step(index)));
        self.counters.add_cpu(started.elapsed());
        match outcome {
            Ok(Ok(true)) => self.spawn(index),
            Ok(Ok(false)) => {}
            Ok(Err(error)) => self.fail(error),
            Err(panic) => {
                self.counters.panicked();
                self.fail(panic_error(&*panic));
            }
        }
    }

    /// Handles one morsel; says whether to go on.
    fn step(self: &Arc<Self>, index: usize) -> Result<bool> {
        if self.is_over() {
            return Ok(false);
        }
        self.context.check()?;
        let pipeline = &self.pipelines[index];
        let mut emptied = Vec::new();
        let (taken, finish) = {
            let mut progress = pipeline.progress();
            let limits = (self.morsel_rows, self.window);
            let taken = pipeline.take(&mut progress, &self.channels, limits, &mut emptied);
            let mut finish = false;
            if matches!(taken, Taken::Nothing) {
                progress.active -= 1;
                finish = progress.has_ended() && progress.active == 0 && !progress.finished;
                progress.finished |= finish;
            }
            (taken, finish)
        };
        for channel in emptied {
            self.wake(self.channels[channel].producer);
        }
        match taken {
            Taken::Nothing => {
                if finish {
                    self.finish(index)?;
                }
                return Ok(false);
            }
            Taken::Failed { sequence, error } => self.deliver_failure(index, sequence, error)?,
            Taken::Result { results, sequence } => {
                self.schedule(index);
                self.result(index, &*results, sequence)?;
            }
            Taken::Work(work) => {
                self.schedule(index);
                self.work(index, work)?;
            }
        }
        Ok(true)
    }

    /// Takes some work to its next result, and lays it aside if there may be more.
    fn work(self: &Arc<Self>, index: usize, mut work: Box<Work>) -> Result<()> {
        let pipeline = &self.pipelines[index];
        if !work.begun {
            work.begun = true;
            if let Some(counter) = pipeline.source_counter {
                let batch = work.run.source();
                self.counters.record(counter, Some(batch), Some(batch), Instant::now());
                self.counters.read(batch);
            }
        }
        let contexts =
            Contexts { shared: &self.context, counters: &pipeline.stage_counters, operators: &self.operator_contexts };
        let batch = work.run.next(contexts, &mut |stage, input, output, started| {
            if let Some(counter) = pipeline.stage_counters.get(stage).copied().flatten() {
                self.counters.record(counter, input, output, started);
            }
        });
        let last = work.run.is_done();
        let failure = if last { work.run.take_failure() } else { None };
        let error = failure.map(|failure| self.locate(failure.error, failure.row, &work.lineage));
        let (batch, last, error) = match self.reject(pipeline, &mut work) {
            Ok(()) => (batch, last, error),
            Err(too_many) => (None, true, Some(too_many)),
        };
        let sequence = work.sequence;
        if matches!(pipeline.sink, Sink::Ordered { .. }) {
            let batch = batch.map(|batch| {
                let lineage = pipeline.lineage_of(&work, &self.channels);
                work.given += batch.num_rows();
                (batch, lineage)
            });
            self.deliver(index, sequence, Outcome { batch, error, last })?;
            if !last {
                pipeline.progress().lay_aside(work);
            }
            return Ok(());
        }
        let failure = match batch {
            Some(batch) => self.consume(pipeline, &mut work, batch)?.or(error),
            None => error,
        };
        if let Some(error) = failure {
            return self.deliver_failure(index, sequence, error);
        }
        let mut progress = pipeline.progress();
        if !last {
            progress.lay_aside(work);
        } else if let Some(local) = work.local {
            progress.locals.push(local);
        }
        Ok(())
    }

    /// Hands over what stages set aside of a batch, each row with its place.
    fn reject(&self, pipeline: &Pipeline, work: &mut Work) -> Result<()> {
        for (stage, input, mut rejected) in work.run.take_set_aside() {
            for rejected in &mut rejected {
                let error = copy_error(&rejected.error);
                rejected.error = self.locate(error, rejected.source, &work.lineage);
            }
            if let Some(sink) = pipeline.stages[stage].rejects() {
                sink.add(work.sequence, &input, &rejected)?;
            }
        }
        Ok(())
    }

    /// Lets the rejects of a pipeline go, and ends their outputs: before its results end, so that who has read those
    /// finds these.
    fn release_rejects(self: &Arc<Self>, pipeline: &Pipeline) -> Result<()> {
        for (sink, channel) in &pipeline.rejects {
            for batch in sink.take()? {
                let charge = self.context.memory.charge(batch.get_array_memory_size())?;
                self.channels[*channel].push(Item::Batch(batch, Lineage::Unknown, Some(charge)));
            }
            self.channels[*channel].end();
            self.wake(self.channels[*channel].consumer);
        }
        Ok(())
    }

    /// Passes on the result of that number of a breaker.
    fn result(self: &Arc<Self>, index: usize, results: &dyn Results, sequence: u64) -> Result<()> {
        let pipeline = &self.pipelines[index];
        let started = Instant::now();
        let batch = results.next(sequence, self.context_of(pipeline.sink_counter));
        let batch = batch.map_err(|error| self.of_sink(pipeline, error))?;
        if let Some(counter) = pipeline.sink_counter {
            self.counters.spend(counter, started);
        }
        if batch.is_none() {
            pipeline.progress().source_ended = true;
        }
        let batch = batch.map(|batch| (batch, Lineage::Unknown));
        self.deliver(index, sequence, Outcome { batch, error: None, last: true })
    }

    /// Feeds rows to a pipeline's breaker; gives the failure that they end in.
    fn consume(&self, pipeline: &Pipeline, work: &mut Work, batch: RecordBatch) -> Result<Option<Error>> {
        let Sink::Breaker { breaker, .. } = &pipeline.sink else { return Ok(None) };
        let origin = if pipeline.preserves_rows { work.lineage.first() } else { Origin::UNKNOWN };
        let started = Instant::now();
        if let Some(counter) = pipeline.sink_counter {
            self.counters.record(counter, Some(&batch), None, started);
        }
        let first_row = work.given as u64;
        work.given += batch.num_rows();
        let unpaid_bytes = self.unpaid_bytes(&batch, work);
        let morsel = Morsel { batch, sequence: work.sequence, first_row, origin, unpaid_bytes };
        let local = match &mut work.local {
            Some(local) => local,
            none => none.insert(breaker.local(self.context_of(pipeline.sink_counter))?),
        };
        let consumed = breaker.consume(local.as_mut(), morsel, self.context_of(pipeline.sink_counter));
        if let Some(counter) = pipeline.sink_counter {
            self.counters.spend(counter, started);
        }
        Ok(consumed.err().map(|error| {
            let row = error.place().row.and_then(|row| usize::try_from(row).ok());
            let row = row.and_then(|row| work.run.trace(row, &self.context));
            self.locate(self.of_sink(pipeline, error), row, &work.lineage)
        }))
    }

    /// Adds to an error which operator ends the pipeline.
    fn of_sink(&self, pipeline: &Pipeline, error: Error) -> Error {
        match pipeline.sink_counter.and_then(|counter| self.counters.path(counter)) {
            Some(path) => error.at_path(path),
            None => error,
        }
    }

    /// What the columns of `batch` take that pass through from a pushed batch: only the query keeps them alive.
    fn unpaid_bytes(&self, batch: &RecordBatch, work: &Work) -> usize {
        let pushed = work.lineage.first_input().and_then(|input| self.inputs.get(input as usize));
        if self.context.spill.is_none() || pushed.is_none_or(|input| input.channels.is_empty()) {
            return 0;
        }
        let source: Vec<ArrayData> = work.run.source().columns().iter().map(|column| column.to_data()).collect();
        let passed = |column: &ArrayData| {
            let first = column.buffers().first().map(Buffer::data_ptr);
            source.iter().any(|data| data.buffers().first().map(Buffer::data_ptr) == first)
        };
        let columns = batch.columns().iter().map(|column| column.to_data()).filter(passed);
        columns.map(|column| column.get_slice_memory_size().unwrap_or(0)).sum()
    }

    /// Adds to an error where the row came from that it is about, a row of a batch of this lineage.
    fn locate(&self, mut error: Error, row: Option<usize>, lineage: &Lineage) -> Error {
        let origin = row.map(|row| lineage.origin(row, &self.context));
        let place = error.place_mut();
        place.row = None;
        if let Some(origin) = origin
            && let Some(input) = origin.input
        {
            place.input = self.input_name(input);
            place.batch = Some(origin.batch);
            place.row = Some(origin.row);
        }
        error
    }

    fn deliver(self: &Arc<Self>, index: usize, sequence: u64, outcome: Outcome) -> Result<()> {
        let pipeline = &self.pipelines[index];
        let started = Instant::now();
        let emitted = {
            let mut progress = pipeline.progress();
            pipeline.emit(&mut progress, &self.channels, sequence, outcome, &self.context.memory)?
        };
        if let Some(counter) = pipeline.sink_counter {
            self.counters.emitted(counter, emitted.rows, emitted.batches, started);
        }
        for &channel in pipeline.sink.channels() {
            self.wake(self.channels[channel].consumer);
        }
        if emitted.stopped {
            self.stop_sources(index);
        }
        Ok(())
    }

    fn deliver_failure(self: &Arc<Self>, index: usize, sequence: u64, error: Error) -> Result<()> {
        let pipeline = &self.pipelines[index];
        if matches!(pipeline.sink, Sink::Ordered { .. }) {
            return self.deliver(index, sequence, Outcome { batch: None, error: Some(error), last: true });
        }
        let mut progress = pipeline.progress();
        progress.source_ended = true;
        if progress.failure.as_ref().is_none_or(|(first, _)| sequence < *first) {
            progress.failure = Some((sequence, error));
        }
        Ok(())
    }

    /// Ends a pipeline whose source has ended and whose tasks are done, or goes on with what its breaker leaves.
    fn finish(self: &Arc<Self>, index: usize) -> Result<()> {
        let pipeline = &self.pipelines[index];
        let (locals, failure, over) = {
            let mut progress = pipeline.progress();
            let over = progress.stopped || progress.results.take().is_some();
            (std::mem::take(&mut progress.locals), progress.failure.take(), over)
        };
        if let Some((_, error)) = failure {
            return Err(error);
        }
        if let Sink::Breaker { breaker, .. } = &pipeline.sink
            && !over
        {
            let started = Instant::now();
            let finished = breaker.finish(locals, self.context_of(pipeline.sink_counter));
            let results: Option<Arc<dyn Results>> = match finished.map_err(|error| self.of_sink(pipeline, error))? {
                Finished::Batches(batches) => Some(Arc::new(Ready::new(batches))),
                Finished::Results(results) => Some(results),
                Finished::Table => None,
            };
            if let Some(counter) = pipeline.sink_counter {
                self.counters.spend(counter, started);
            }
            if let Some(results) = results
                && self.turn_to(index, results)
            {
                return Ok(());
            }
        }
        if pipeline.serial && !over {
            self.flush(pipeline)?;
        }
        self.finished(index);
        Ok(())
    }

    /// Passes on what a serial stage still has when its input has ended.
    fn flush(self: &Arc<Self>, pipeline: &Pipeline) -> Result<()> {
        let Some(stage) = pipeline.stages.last() else { return Ok(()) };
        let counter = pipeline.stage_counters.last().copied().flatten();
        let started = Instant::now();
        let Some(batch) = stage.flush(self.context_of(counter))? else { return Ok(()) };
        if let Some(counter) = counter {
            self.counters.record(counter, None, Some(&batch), started);
        }
        for &channel in pipeline.sink.channels() {
            let channel = &self.channels[channel];
            let charge = match channel.unbounded {
                true => Some(self.context.memory.charge(batch.get_array_memory_size())?),
                false => None,
            };
            channel.push(Item::Batch(batch.clone(), Lineage::Unknown, charge));
        }
        Ok(())
    }

    /// Goes on with what a breaker left, unless nobody wants it any more.
    fn turn_to(self: &Arc<Self>, index: usize, results: Arc<dyn Results>) -> bool {
        {
            let mut progress = self.pipelines[index].progress();
            if progress.stopped {
                return false;
            }
            progress.turn_to(results);
        }
        self.schedule(index);
        true
    }

    /// Tells those after a pipeline that it has ended.
    fn finished(self: &Arc<Self>, index: usize) {
        let pipeline = &self.pipelines[index];
        if let Err(error) = self.release_rejects(pipeline) {
            self.fail(error);
        }
        self.pipeline_ended();
        for &channel in pipeline.sink.channels() {
            self.channels[channel].end();
            self.wake(self.channels[channel].consumer);
        }
        for &dependent in &pipeline.dependents {
            let ready = {
                let mut progress = self.pipelines[dependent].progress();
                progress.waiting_for -= 1;
                progress.waiting_for == 0
            };
            if ready {
                self.begin(dependent);
            }
        }
    }

    /// Lets a pipeline run for the first time: what it reads may now arrive.
    pub(crate) fn begin(self: &Arc<Self>, index: usize) {
        if let super::Source::Channels(sources) = &self.pipelines[index].source {
            for &source in sources {
                if let Party::Input(input) = self.channels[source].producer {
                    self.grant(input);
                }
            }
        }
        self.schedule(index);
    }

    /// Tells those before a pipeline, and the tables built for it, that it wants no more.
    pub(crate) fn stop_sources(self: &Arc<Self>, index: usize) {
        let mut stopped = vec![index];
        while let Some(index) = stopped.pop() {
            let pipeline = &self.pipelines[index];
            let mut before = Vec::new();
            if let super::Source::Channels(sources) = &pipeline.source {
                for &source in sources {
                    if self.channels[source].close()
                        && let Party::Pipeline(producer) = self.channels[source].producer
                    {
                        before.push(producer);
                    }
                }
            }
            before.extend(&pipeline.dependencies);
            for producer in before {
                let wanted = self.pipelines[producer].sink.channels();
                let tables = &self.pipelines[producer].dependents;
                let idle = wanted.iter().all(|&channel| self.channels[channel].is_closed())
                    && tables.iter().all(|&dependent| self.pipelines[dependent].progress().stopped);
                if idle && self.stop_pipeline(producer) {
                    stopped.push(producer);
                }
            }
            self.end_if_idle(index);
        }
    }

    /// Stops a pipeline that nobody reads; says whether that is news.
    fn stop_pipeline(&self, index: usize) -> bool {
        let mut progress = self.pipelines[index].progress();
        let news = !progress.stopped && !progress.finished;
        progress.stop();
        news
    }

    /// Ends a stopped pipeline that has no task left to end it.
    fn end_if_idle(self: &Arc<Self>, index: usize) {
        let ended = {
            let mut progress = self.pipelines[index].progress();
            let ended = progress.stopped && progress.active == 0 && !progress.finished;
            progress.finished |= ended;
            progress.locals.truncate(if ended { 0 } else { usize::MAX });
            ended
        };
        if ended {
            self.finished(index);
        }
    }
}

impl Pipeline {
    /// The lineage of the next rows of some work.
    fn lineage_of(&self, work: &Work, channels: &[super::Channel]) -> Lineage {
        if self.serial {
            return Lineage::Unknown;
        }
        if self.preserves_rows || matches!(work.lineage, Lineage::Unknown) {
            return work.lineage.skip(work.given);
        }
        // Keeping the input of every result alive is too much where results wait without bound, or leave the query.
        let kept =
            |&target: &usize| !channels[target].unbounded && matches!(channels[target].consumer, Party::Pipeline(_));
        if !self.sink.channels().iter().all(kept) {
            return Lineage::Unknown;
        }
        let (stages, input) = (self.stages.clone(), work.run.source().clone());
        Lineage::Through(Arc::new(Step { stages, input, first_row: work.given, before: work.lineage.clone() }))
    }
}
