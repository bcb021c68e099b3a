// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Where native memory comes from, and who pays for it.
//!
//! A [`Pool`] hands out regions and takes them back for the next caller; a [`Budget`] counts what is out and refuses
//! what goes past a limit. [`Memory`] is the pair that everything above is given: operators, kernels and results take
//! their bytes from it and from nowhere else, so a limit holds for all of them.

mod allocation;
mod budget;
mod hold;
mod pool;
mod region;

use std::sync::Arc;

pub use allocation::Allocation;
pub use budget::{Budget, Charge};
pub use hold::{charged, hold_batch, pooled_batch};
pub use pool::{Pool, PoolStatistics};

use crate::Result;

/// A pool to take memory from and the budget that it is charged to. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Memory {
    pool: Arc<Pool>,
    budget: Arc<Budget>,
}

impl Memory {
    /// Memory of `pool`, charged to `budget`.
    #[must_use]
    pub fn new(pool: Arc<Pool>, budget: Arc<Budget>) -> Self {
        Self { pool, budget }
    }

    /// Memory without a limit, from a small pool of its own: for tests and tools.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::new(Pool::new(64 << 20), Budget::new("process", None))
    }

    /// The same pool under a child budget: what it takes is charged to the child and to all budgets above it.
    #[must_use]
    pub fn with_limit(&self, limit_bytes: Option<u64>, name: &str) -> Self {
        Self { pool: self.pool.clone(), budget: Budget::under(&self.budget, name, limit_bytes) }
    }

    /// `byte_len` bytes, aligned to 64. Their content is arbitrary.
    ///
    /// # Errors
    /// `MemoryLimit` when a budget would go past its limit or the system has no more.
    pub fn allocate(&self, byte_len: usize) -> Result<Allocation> {
        Allocation::new(self, byte_len)
    }

    /// A charge of `bytes` for memory that other code holds: a hash map, a vector.
    ///
    /// # Errors
    /// `MemoryLimit` when a budget would go past its limit.
    pub fn charge(&self, bytes: usize) -> Result<Charge> {
        Charge::new(self.budget.clone(), bytes)
    }

    /// What is charged now.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.budget.used_bytes()
    }

    /// The most that was charged at one time.
    #[must_use]
    pub fn peak_bytes(&self) -> u64 {
        self.budget.peak_bytes()
    }

    /// The limit of its own budget; budgets above may have lower ones.
    #[must_use]
    pub fn limit_bytes(&self) -> Option<u64> {
        self.budget.limit_bytes()
    }

    /// The least limit of its budget and all above it.
    #[must_use]
    pub fn tightest_limit_bytes(&self) -> Option<u64> {
        self.budget.tightest_limit_bytes()
    }

    /// What may still be charged to its budget and all above it; `None` without a limit.
    #[must_use]
    pub fn available_bytes(&self) -> Option<u64> {
        self.budget.available_bytes()
    }

    /// Whether more than so many percent of a limit are used: of its own budget's or one above.
    #[must_use]
    pub fn is_above(&self, percent: u64) -> bool {
        self.budget.is_above(percent)
    }

    /// How much the pool may keep free beside what is charged, so that both together stay within the limit.
    fn most_free_bytes(&self) -> u64 {
        self.available_bytes().unwrap_or(u64::MAX)
    }

    /// Gives back to the system what the pool keeps free beyond the limit, and what the C library's allocator has been
    /// given back and keeps, where that can be asked for. For the end of a phase in which other code has allocated much,
    /// when memory is short.
    pub fn give_back_free(&self) {
        self.pool.trim_to(self.most_free_bytes());
        #[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
        {
            unsafe extern "C" {
                fn malloc_trim(pad: usize) -> std::ffi::c_int;
            }
            // SAFETY: the function may be called at any time, from any thread, and touches free memory alone.
            unsafe { malloc_trim(0) };
        }
    }

    /// The pool.
    #[must_use]
    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// The budget.
    #[must_use]
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }
}

#[cfg(test)]
mod tests;
