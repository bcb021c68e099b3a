// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Counting and limiting: a tree of budgets, engine above query.
//!
//! A charge is taken from every budget between the one asked and the root, or from none. Counters are atomics; nothing
//! here waits, so a refused charge is an error at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, Result};

/// A named count of bytes with an optional limit, below another one or at the root.
#[derive(Debug)]
pub struct Budget {
    name: String,
    limit_bytes: Option<u64>,
    used_bytes: AtomicU64,
    peak_bytes: AtomicU64,
    parent: Option<Arc<Self>>,
}

impl Budget {
    /// A budget of its own.
    #[must_use]
    pub fn new(name: impl Into<String>, limit_bytes: Option<u64>) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            limit_bytes,
            used_bytes: AtomicU64::new(0),
            peak_bytes: AtomicU64::new(0),
            parent: None,
        })
    }

    /// A budget whose charges count against `parent` too.
    #[must_use]
    pub fn under(parent: &Arc<Self>, name: impl Into<String>, limit_bytes: Option<u64>) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            limit_bytes,
            used_bytes: AtomicU64::new(0),
            peak_bytes: AtomicU64::new(0),
            parent: Some(parent.clone()),
        })
    }

    /// Its name, as errors give it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its limit.
    #[must_use]
    pub fn limit_bytes(&self) -> Option<u64> {
        self.limit_bytes
    }

    /// What is charged now.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Ordering::Relaxed)
    }

    /// The most that was charged at one time.
    #[must_use]
    pub fn peak_bytes(&self) -> u64 {
        self.peak_bytes.load(Ordering::Relaxed)
    }

    /// The least limit of this budget and all above it.
    pub(super) fn tightest_limit_bytes(&self) -> Option<u64> {
        let above = self.parent.as_deref().and_then(Self::tightest_limit_bytes);
        self.limit_bytes.into_iter().chain(above).min()
    }

    /// What may still be charged: the least that this budget or one above has left; `None` without a limit.
    pub(super) fn available_bytes(&self) -> Option<u64> {
        let above = self.parent.as_deref().and_then(Self::available_bytes);
        self.limit_bytes.map(|limit| limit.saturating_sub(self.used_bytes())).into_iter().chain(above).min()
    }

    /// Whether more than so many percent of the limit are used, here or above.
    pub(super) fn is_above(&self, percent: u64) -> bool {
        let here = self.limit_bytes.is_some_and(|limit| self.used_bytes() > limit / 100 * percent);
        here || self.parent.as_deref().is_some_and(|parent| parent.is_above(percent))
    }

    /// Charges this budget and all above it, or none of them.
    pub(super) fn take(&self, bytes: u64) -> Result<()> {
        #[cfg(feature = "fault-injection")]
        if crate::fault::refuses() {
            return Err(self.refuse(self.used_bytes(), bytes));
        }
        let mut budget = Some(self);
        while let Some(current) = budget {
            if let Err(used) = current.take_here(bytes) {
                self.give_back_below(current, bytes);
                return Err(current.refuse(used, bytes));
            }
            budget = current.parent.as_deref();
        }
        Ok(())
    }

    /// Takes a charge back from this budget and all above it.
    pub(super) fn give_back(&self, bytes: u64) {
        let mut budget = Some(self);
        while let Some(current) = budget {
            current.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
            budget = current.parent.as_deref();
        }
    }

    fn give_back_below(&self, refuser: &Self, bytes: u64) {
        let mut budget = self;
        while !std::ptr::eq(budget, refuser) {
            budget.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
            let Some(parent) = budget.parent.as_deref() else { return };
            budget = parent;
        }
    }

    fn take_here(&self, bytes: u64) -> Result<(), u64> {
        let used = match self.limit_bytes {
            None => self.used_bytes.fetch_add(bytes, Ordering::Relaxed),
            Some(limit) => self.used_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(bytes).filter(|&total| total <= limit)
            })?,
        };
        let total = used.saturating_add(bytes);
        if total > self.peak_bytes.load(Ordering::Relaxed) {
            self.peak_bytes.fetch_max(total, Ordering::Relaxed);
        }
        Ok(())
    }

    #[cold]
    fn refuse(&self, used: u64, asked: u64) -> Error {
        Error::memory_limit(format!(
            "memory limit of {} is {} bytes: {used} are used and {asked} more are asked for",
            self.name,
            self.limit_bytes.unwrap_or(u64::MAX),
        ))
    }
}

/// A part of a budget, given back on drop.
#[derive(Debug)]
pub struct Charge {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Charge {
    pub(super) fn new(budget: Arc<Budget>, bytes: usize) -> Result<Self> {
        budget.take(bytes as u64)?;
        Ok(Self { budget, bytes })
    }

    /// Makes the charge `bytes` large. A refused growth leaves it as it was.
    ///
    /// # Errors
    /// `MemoryLimit` when a budget would go past its limit.
    pub fn resize(&mut self, bytes: usize) -> Result<()> {
        if bytes > self.bytes {
            self.budget.take((bytes - self.bytes) as u64)?;
        } else {
            self.budget.give_back((self.bytes - bytes) as u64);
        }
        self.bytes = bytes;
        Ok(())
    }

    /// How much is charged.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes as u64);
    }
}
