// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The engine: threads, memory and the queries that use them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bowyer_core::{Budget, Error, Memory, Pool, Result};

use crate::message::decode;
use crate::optimiser::Rewrites;
use crate::pipeline::state::QueryState;
use crate::prepared::Prepared;
use crate::query::OutputLimit;
use crate::spill::SpillSpace;
use crate::threads::{Threads, closed};
use crate::{machine, proto};

/// Rows of a result batch, unless the configuration or a query says otherwise.
const BATCH_ROWS: usize = 65_536;

/// Threads and memory, and what runs on them. Clones are the same engine; the last one to go closes it.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) memory: Memory,
    pub(crate) threads: Arc<Threads>,
    pub(crate) batch_rows: usize,
    pub(crate) query_memory_limit: Option<u64>,
    pub(crate) output_limit: OutputLimit,
    pub(crate) rewrites: Rewrites,
    pub(crate) spill: Option<Arc<SpillSpace>>,
    pub(crate) panics: AtomicU64,
    memory_limit_source: &'static str,
    queries: Mutex<Vec<Weak<QueryState>>>,
    closed: AtomicBool,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("threads", &self.inner.threads.count()).finish_non_exhaustive()
    }
}

impl Engine {
    /// Opens an engine. Zeros in the configuration mean the defaults.
    ///
    /// # Errors
    /// `InvalidArgument` for a rewrite that does not exist, `Internal` when threads do not start.
    pub fn open(config: &proto::EngineConfig) -> Result<Self> {
        let threads = if config.threads == 0 { machine::processors() } else { config.threads as usize };
        let (memory_limit, source) = match config.memory_limit_bytes {
            0 => machine::default_memory_limit(),
            limit => (Some(limit), "config"),
        };
        let retained = match config.retained_pool_bytes {
            0 => memory_limit.map_or(1 << 30, |limit| limit / 4),
            bytes => bytes,
        };
        let nonzero = |value: u64| (value != 0).then_some(value);
        let inner = Inner {
            memory: Memory::new(Pool::new(retained), Budget::new("the engine", memory_limit)),
            threads: Arc::new(Threads::start(threads)?),
            batch_rows: nonzero(config.batch_rows.into()).map_or(BATCH_ROWS, |rows| rows as usize),
            query_memory_limit: nonzero(config.query_memory_limit_bytes),
            output_limit: OutputLimit {
                rows: nonzero(config.max_output_rows),
                bytes: nonzero(config.max_output_bytes),
            },
            rewrites: Rewrites::without(&config.disabled_rewrites)?,
            spill: spill_space(config),
            panics: AtomicU64::new(0),
            memory_limit_source: source,
            queries: Mutex::default(),
            closed: AtomicBool::new(false),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The memory that all its queries and calls share.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.inner.memory
    }

    /// How many threads it has.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        self.inner.threads.count()
    }

    /// Binds and optimises a plan.
    ///
    /// # Errors
    /// Whatever is wrong with the plan, and where; `InvalidState` when the engine is closed.
    pub fn prepare(&self, plan: &[u8]) -> Result<Prepared> {
        self.inner.refuse_when_closed()?;
        Prepared::new(self.inner.clone(), &decode::<proto::Plan>(plan)?)
    }

    /// Its part of the statistics: memory, pool and threads.
    #[must_use]
    pub fn statistics(&self) -> proto::EngineStatistics {
        let inner = &self.inner;
        let pool = inner.memory.pool().statistics();
        proto::EngineStatistics {
            memory_bytes: inner.memory.used_bytes(),
            peak_memory_bytes: inner.memory.peak_bytes(),
            memory_limit_bytes: inner.memory.limit_bytes().unwrap_or(0),
            memory_limit_source: inner.memory_limit_source.to_owned(),
            pool_hits: pool.hits,
            pool_misses: pool.misses,
            pool_free_bytes: pool.free_bytes,
            threads: inner.threads.count() as u64,
            panics: inner.panics.load(Ordering::Relaxed) + inner.panics_of_live_queries(),
            ..proto::EngineStatistics::default()
        }
    }

    /// Refuses new work, cancels what runs, and joins the threads. Batches handed out stay valid. Twice is harmless.
    pub fn close(&self) {
        self.inner.close();
    }
}

fn spill_space(config: &proto::EngineConfig) -> Option<Arc<SpillSpace>> {
    let limit = (config.spill_limit_bytes != 0).then_some(config.spill_limit_bytes);
    (!config.spill_directory.is_empty()).then(|| SpillSpace::new(&config.spill_directory, limit))
}

impl Inner {
    pub(crate) fn refuse_when_closed(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) { Err(closed()) } else { Ok(()) }
    }

    /// Remembers a query, so that closing the engine can cancel it.
    pub(crate) fn register(&self, query: &Arc<QueryState>) -> Result<()> {
        let mut queries = self.queries.lock().unwrap_or_else(PoisonError::into_inner);
        self.refuse_when_closed()?;
        queries.retain(|query| query.strong_count() > 0);
        queries.push(Arc::downgrade(query));
        Ok(())
    }

    fn panics_of_live_queries(&self) -> u64 {
        let queries = self.queries.lock().unwrap_or_else(PoisonError::into_inner);
        queries.iter().filter_map(Weak::upgrade).map(|query| query.counters.panics()).sum()
    }

    fn close(&self) {
        let queries = {
            let mut queries = self.queries.lock().unwrap_or_else(PoisonError::into_inner);
            self.closed.store(true, Ordering::Release);
            std::mem::take(&mut *queries)
        };
        for query in queries.iter().filter_map(Weak::upgrade) {
            query.fail(Error::cancelled("the engine is closing"));
        }
        self.threads.close();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}
