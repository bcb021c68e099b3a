// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What stands behind an engine's handle: the engine, its events, its borrowed owners, and the boundary's own counters.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use arrow_ffi::Rejections;
use arrow_ffi::export::Live;
use arrow_ffi::guard::Crew;
use arrow_ffi::import::Customs;
use arrow_ffi::ownership::Owners;
use bowyer_core::{Error, Memory, Result};
use bowyer_engine::Engine;
use bowyer_engine::proto::{EngineConfig, EngineStatistics};

use crate::entry::panic_count;
use crate::event::Events;
use crate::logs::Logs;

/// An open or closed engine.
pub(crate) struct EngineState {
    pub(crate) engine: Engine,
    pub(crate) events: Arc<Events>,
    pub(crate) owners: Arc<Owners>,
    pub(crate) exported: Arc<Live>,
    pub(crate) live: LiveHandles,
    pub(crate) counters: Counters,
    pub(crate) logs: Arc<Logs>,
    rejections: Rejections,
    closed: AtomicBool,
}

/// Handles that belong to an engine, its own included.
#[derive(Default)]
pub(crate) struct LiveHandles {
    pub(crate) handles: AtomicU64,
}

/// What crossed, since the engine was opened.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) calls: AtomicU64,
    pub(crate) rows_in: AtomicU64,
    pub(crate) rows_out: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    pub(crate) bytes_copied: AtomicU64,
    pub(crate) guard_ns: AtomicU64,
    pub(crate) kernel_ns: AtomicU64,
    pub(crate) export_ns: AtomicU64,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }
}

/// Calls of fewer rows than this are sampled: reading the clock four times is as much as a twentieth of such a call.
const SAMPLED_ROWS: i64 = 4096;
/// One of so many is timed, and stands for all of them.
const SAMPLES: u64 = 8;

/// Measures laps of one call.
pub(crate) struct Watch {
    last: Option<Instant>,
    stands_for: u64,
}

impl Watch {
    pub(crate) fn start() -> Self {
        Self { last: Some(Instant::now()), stands_for: 1 }
    }

    /// Measures this call if it is long, or the next one to be sampled after `calls`.
    pub(crate) fn sample(row_count: i64, calls: &AtomicU64) -> Self {
        if row_count >= SAMPLED_ROWS {
            return Self::start();
        }
        let timed = calls.load(Ordering::Relaxed).is_multiple_of(SAMPLES);
        Self { last: timed.then(Instant::now), stands_for: SAMPLES }
    }

    /// Adds the time since the last lap to `counter`.
    pub(crate) fn lap(&mut self, counter: &AtomicU64) {
        let Some(last) = self.last else { return };
        let now = Instant::now();
        Counters::add(counter, (now - last).as_nanos() as u64 * self.stands_for);
        self.last = Some(now);
    }
}

impl EngineState {
    /// Opens an engine from an encoded configuration.
    ///
    /// # Errors
    /// `Parse` and `IncompatibleVersion` when the message cannot be read; those of the engine.
    pub(crate) fn open(config: &[u8]) -> Result<Arc<Self>> {
        let config: EngineConfig = bowyer_engine::decode(config)?;
        let engine = Engine::open(&config)?;
        let events = Arc::new(Events::default());
        let owners = Owners::new(events.clone());
        let logs = Logs::new(events.clone(), config.log_records as usize);
        Ok(Arc::new(Self {
            engine,
            events,
            owners,
            exported: Arc::default(),
            live: LiveHandles::default(),
            counters: Counters::default(),
            logs,
            rejections: Rejections::default(),
            closed: AtomicBool::new(false),
        }))
    }

    pub(crate) fn memory(&self) -> &Memory {
        self.engine.memory()
    }

    pub(crate) fn rejections(&self) -> &Rejections {
        &self.rejections
    }

    pub(crate) fn customs(&self) -> Customs<'_> {
        Customs { owners: &self.owners, memory: self.memory(), rejections: &self.rejections, crew: self }
    }

    /// # Errors
    /// `InvalidState` after the close.
    pub(crate) fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::invalid_state("the engine is closed"));
        }
        Ok(())
    }

    /// Refuses new work, stops what runs, and sends the last event. Twice is fine.
    pub(crate) fn close(&self) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        self.engine.close();
        self.events.close();
    }

    pub(crate) fn statistics(&self) -> EngineStatistics {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        let engine = self.engine.statistics();
        EngineStatistics {
            calls: load(&counters.calls),
            rows_in: load(&counters.rows_in),
            rows_out: load(&counters.rows_out),
            bytes_in: load(&counters.bytes_in),
            bytes_out: load(&counters.bytes_out),
            bytes_copied: load(&counters.bytes_copied),
            guard_ns: load(&counters.guard_ns),
            kernel_ns: load(&counters.kernel_ns),
            export_ns: load(&counters.export_ns),
            live_arrays: self.exported.array_count(),
            live_array_bytes: self.exported.byte_len(),
            live_handles: load(&self.live.handles),
            live_owners: self.owners.live_count(),
            panics: panic_count() + engine.panics,
            rejections: self.rejections.nonzero().map(|(case, count)| (case.to_owned(), count)).collect(),
            ..engine
        }
    }
}

impl Drop for EngineState {
    fn drop(&mut self) {
        self.close();
    }
}

impl Crew for EngineState {
    fn any(&self, len: usize, is_bad: &(dyn Fn(Range<usize>) -> bool + Sync)) -> bool {
        self.engine.any_part(len, is_bad)
    }
}

impl std::fmt::Debug for EngineState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineState").field("engine", &self.engine).finish_non_exhaustive()
    }
}
