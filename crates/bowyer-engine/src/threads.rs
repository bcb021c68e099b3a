// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The engine's own threads: a rayon pool whose threads have names, leave the host's signals alone,
//! and are joined when the engine closes.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use bowyer_core::signals::leaving_signals_to_the_host;
use bowyer_core::{Error, Result};

/// Deep choices recurse; 4 MiB leaves room for all that the binder admits.
const STACK_BYTES: usize = 4 << 20;

/// A pool of threads, until it is closed.
pub(crate) struct Threads {
    pool: RwLock<Option<rayon::ThreadPool>>,
    handles: Arc<Mutex<Vec<JoinHandle<()>>>>,
    count: usize,
}

impl Threads {
    /// Starts `count` threads.
    pub(crate) fn start(count: usize) -> Result<Self> {
        let handles: Arc<Mutex<Vec<JoinHandle<()>>>> = Arc::default();
        let kept = handles.clone();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(count)
            .thread_name(|index| format!("bowyer-{index}"))
            .stack_size(STACK_BYTES)
            // Every task catches its own panic; what slips through must not abort the host.
            .panic_handler(|_| {})
            .spawn_handler(move |thread| {
                let mut builder = std::thread::Builder::new();
                if let Some(name) = thread.name() {
                    builder = builder.name(name.to_owned());
                }
                if let Some(bytes) = thread.stack_size() {
                    builder = builder.stack_size(bytes);
                }
                let handle = leaving_signals_to_the_host(|| builder.spawn(|| thread.run()))?;
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
                Ok(())
            })
            .build()
            .map_err(|error| Error::internal(format!("threads do not start: {error}")).caused_by(error))?;
        // Each has begun: a process that gives up system calls need not keep those with which threads begin.
        pool.broadcast(|_| ());
        Ok(Self { pool: RwLock::new(Some(pool)), handles, count })
    }

    /// How many threads there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Runs a task on a thread of the pool; drops it when the pool is closed.
    pub(crate) fn spawn(&self, task: impl FnOnce() + Send + 'static) {
        if let Some(pool) = &*self.pool.read().unwrap_or_else(PoisonError::into_inner) {
            pool.spawn_fifo(task);
        }
    }

    /// Runs `work` inside the pool, while the caller waits. Never to be called from a task.
    pub(crate) fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> Result<R> {
        match &*self.pool.read().unwrap_or_else(PoisonError::into_inner) {
            Some(pool) => Ok(pool.install(work)),
            None => Err(closed()),
        }
    }

    /// Lets what is queued end, then joins the threads. A thread of the pool does not wait for itself.
    pub(crate) fn close(&self) {
        let pool = self.pool.write().unwrap_or_else(PoisonError::into_inner).take();
        drop(pool);
        let handles = std::mem::take(&mut *self.handles.lock().unwrap_or_else(PoisonError::into_inner));
        for handle in handles {
            if handle.thread().id() != std::thread::current().id() {
                // A panic of the thread was already reported as the error of its query.
                let _ended = handle.join();
            }
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.close();
    }
}

#[cold]
pub(crate) fn closed() -> Error {
    Error::invalid_state("the engine is closed")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {

    use super::*;

    #[test]
    fn the_pool_leaves_the_signals_of_the_process_to_the_host() {
        const SIGTERM: u32 = 15;
        let threads = Threads::start(2).unwrap();
        let status = threads.install(|| std::fs::read_to_string("/proc/thread-self/status").unwrap()).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
        let mask = u64::from_str_radix(mask.trim(), 16).unwrap();
        assert_eq!(mask >> (SIGTERM - 1) & 1, 1, "{mask:x}");
    }
}
