// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Tasks: one morsel at a time through a pipeline, and the end of a pipeline.
//!
//! Locks are taken in one order, pipeline before channel, and nobody is woken or failed while one is held.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use arrow_array::RecordBatch;
use bowyer_core::{Error, Result};

use super::channel::Party;
use super::emission::Outcome;
use super::lineage::{Lineage, Step, trace_back};
use super::state::QueryState;
use super::{Pipeline, Sink, Taken};
use crate::failure::panic_error;
use crate::operators::results::Ready;
use crate::operators::{Finished, LocalState, Morsel, Origin, Results};

impl QueryState {
    /// Runs a task for the pipeline if there is something to do and a thread's share left.
    pub(crate) fn schedule(self: &Arc<Self>, index: usize) {
        if self.is_over() {
            return;
        }
        let pipeline = &self.pipelines[index];
        {
            let mut progress = pipeline.progress();
            let busy = progress.active >= self.context.threads;
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
                finish = progress.source_ended && progress.active == 0 && !progress.finished;
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
            Taken::Morsel { batch, sequence, lineage, local } => {
                self.schedule(index);
                self.morsel(index, batch, sequence, lineage, local)?;
            }
        }
        Ok(true)
    }

    fn morsel(
        self: &Arc<Self>,
        index: usize,
        batch: RecordBatch,
        sequence: u64,
        lineage: Lineage,
        local: Option<Box<dyn LocalState>>,
    ) -> Result<()> {
        let pipeline = &self.pipelines[index];
        if let Some(counter) = pipeline.source_counter {
            self.counters.record(counter, &batch, Some(&batch), Instant::now());
            self.counters.read(&batch);
        }
        let (result, error) = self.run_stages(pipeline, batch.clone(), &lineage);
        match &pipeline.sink {
            Sink::Ordered { .. } => {
                let result = result.map(|result| {
                    let lineage = pipeline.lineage_of(&batch, lineage, &self.channels);
                    (result, lineage)
                });
                self.deliver(index, sequence, Outcome { batch: result, error })
            }
            Sink::Breaker { breaker, .. } => {
                let origin = if pipeline.preserves_rows { lineage.first() } else { Origin::UNKNOWN };
                let started = Instant::now();
                let mut local = match local {
                    Some(local) => local,
                    None => breaker.local(&self.context)?,
                };
                let mut failure = error;
                if let Some(result) = result {
                    if let Some(counter) = pipeline.sink_counter {
                        self.counters.record(counter, &result, None, started);
                    }
                    let started = Instant::now();
                    let morsel = Morsel { batch: result, sequence, origin };
                    if let Err(error) = breaker.consume(local.as_mut(), morsel, &self.context) {
                        let error = self.locate(pipeline, error, pipeline.stages.len(), &batch, &lineage);
                        failure = Some(error);
                    }
                    if let Some(counter) = pipeline.sink_counter {
                        self.counters.spend(counter, started);
                    }
                }
                pipeline.progress().locals.push(local);
                match failure {
                    Some(error) => self.deliver_failure(index, sequence, error),
                    None => Ok(()),
                }
            }
        }
    }

    /// Passes on the result of that number of a breaker.
    fn result(self: &Arc<Self>, index: usize, results: &dyn Results, sequence: u64) -> Result<()> {
        let pipeline = &self.pipelines[index];
        let started = Instant::now();
        let batch = results.next(sequence, &self.context)?;
        if let Some(counter) = pipeline.sink_counter {
            self.counters.spend(counter, started);
        }
        if batch.is_none() {
            pipeline.progress().source_ended = true;
        }
        let batch = batch.map(|batch| (batch, Lineage::Unknown));
        self.deliver(index, sequence, Outcome { batch, error: None })
    }

    /// The result of the stages for a batch: what stands before the first row that fails, and that failure.
    fn run_stages(
        &self,
        pipeline: &Pipeline,
        mut batch: RecordBatch,
        lineage: &Lineage,
    ) -> (Option<RecordBatch>, Option<Error>) {
        let mut failure = None;
        loop {
            let (stage, error) = match self.try_stages(pipeline, batch.clone()) {
                Ok(result) => return (result, failure),
                Err(failed) => failed,
            };
            let row = error.place().row.and_then(|row| usize::try_from(row).ok());
            let traced = row.and_then(|row| trace_back(&pipeline.stages[..stage], &batch, row, &self.context));
            failure = Some(self.locate(pipeline, error, stage, &batch, lineage));
            // A row before may fail in another place: a row-by-row run would have met it first.
            match traced {
                Some(row) if row > 0 && row < batch.num_rows() => batch = batch.slice(0, row),
                _ => return (None, failure),
            }
        }
    }

    fn try_stages(&self, pipeline: &Pipeline, batch: RecordBatch) -> Result<Option<RecordBatch>, (usize, Error)> {
        let mut batch = batch;
        for (index, stage) in pipeline.stages.iter().enumerate() {
            let started = Instant::now();
            let input = batch.clone();
            let result = stage.apply(batch, &self.context).map_err(|error| (index, error))?;
            if let Some(counter) = pipeline.stage_counters.get(index).copied().flatten() {
                self.counters.record(counter, &input, result.as_ref(), started);
            }
            match result {
                Some(result) => batch = result,
                None => return Ok(None),
            }
        }
        Ok(Some(batch))
    }

    /// Adds to an error where its row came from. `stage` is the stage that raised it.
    fn locate(
        &self,
        pipeline: &Pipeline,
        mut error: Error,
        stage: usize,
        batch: &RecordBatch,
        lineage: &Lineage,
    ) -> Error {
        let row = error.place().row.and_then(|row| usize::try_from(row).ok());
        let row = row.and_then(|row| trace_back(&pipeline.stages[..stage], batch, row, &self.context));
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
            return self.deliver(index, sequence, Outcome { batch: None, error: Some(error) });
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
            let results: Option<Arc<dyn Results>> = match breaker.finish(locals, &self.context)? {
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
        self.finished(index);
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
    /// The lineage of this pipeline's results for a morsel.
    fn lineage_of(&self, batch: &RecordBatch, lineage: Lineage, channels: &[super::Channel]) -> Lineage {
        if self.preserves_rows || matches!(lineage, Lineage::Unknown) {
            return lineage;
        }
        // Keeping the input of every result alive is too much where results wait without bound, or leave the query.
        let kept =
            |&target: &usize| !channels[target].unbounded && matches!(channels[target].consumer, Party::Pipeline(_));
        if !self.sink.channels().iter().all(kept) {
            return Lineage::Unknown;
        }
        let (stages, input) = (self.stages.clone(), batch.clone());
        Lineage::Through(Arc::new(Step { stages, input, first_row: 0, before: lineage }))
    }
}
