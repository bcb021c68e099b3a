// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Regions that are not in use, by size class, up to a bound.
//!
//! A region that comes back warm is the point: its pages are mapped and often still in cache, where fresh memory costs a
//! fault and a zeroing for each page. What would take the free regions past the bound goes back to the system.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::region::{CARVED, Region, class_count, size_class};
use crate::{Error, Result};

/// A store of free regions. Shared by everything that an engine runs.
#[derive(Debug)]
pub struct Pool {
    free: Box<[Mutex<Vec<Region>>]>,
    retained_limit_bytes: u64,
    free_bytes: AtomicU64,
    live_bytes: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// What a pool did and holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStatistics {
    /// Requests served from free regions.
    pub hits: u64,
    /// Requests served by the system.
    pub misses: u64,
    /// Bytes of free regions.
    pub free_bytes: u64,
    /// Bytes of regions in use.
    pub live_bytes: u64,
}

impl Pool {
    /// An empty pool that keeps at most `retained_limit_bytes` of free regions.
    #[must_use]
    pub fn new(retained_limit_bytes: u64) -> Arc<Self> {
        Arc::new(Self {
            free: (0..class_count()).map(|_| Mutex::default()).collect(),
            retained_limit_bytes,
            free_bytes: AtomicU64::new(0),
            live_bytes: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        })
    }

    /// Its counters. They are read one by one, so they may disagree by what happens meanwhile.
    #[must_use]
    pub fn statistics(&self) -> PoolStatistics {
        PoolStatistics {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            free_bytes: self.free_bytes.load(Ordering::Relaxed),
            live_bytes: self.live_bytes.load(Ordering::Relaxed),
        }
    }

    /// Gives all free regions back to the system.
    pub fn trim(&self) {
        for class in &self.free {
            let regions = std::mem::take(&mut *lock(class));
            let bytes: u64 = regions.iter().map(|region| region.capacity() as u64).sum();
            self.free_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// Gives free regions back to the system, the largest first, until no more than `bytes` of them are left.
    pub fn trim_to(&self, bytes: u64) {
        for class in self.free.iter().rev() {
            let mut regions = lock(class);
            while self.free_bytes.load(Ordering::Relaxed) > bytes
                && let Some(region) = regions.pop()
            {
                self.free_bytes.fetch_sub(region.capacity() as u64, Ordering::Relaxed);
            }
        }
    }

    /// The capacity that a request of `byte_len` is served with.
    pub(super) fn capacity_for(byte_len: usize) -> Result<usize> {
        size_class(byte_len).map(|(_, capacity)| capacity).ok_or_else(|| too_large(byte_len))
    }

    /// A region of so many bytes. Where none of that size is free, others are given back first, until no more than
    /// `most_free_bytes` are left.
    pub(super) fn take(&self, byte_len: usize, most_free_bytes: u64) -> Result<Region> {
        let (class, capacity) = size_class(byte_len).ok_or_else(|| too_large(byte_len))?;
        let recycled = lock(&self.free[class]).pop();
        let region = if let Some(region) = recycled {
            self.free_bytes.fetch_sub(capacity as u64, Ordering::Relaxed);
            self.hits.fetch_add(1, Ordering::Relaxed);
            region
        } else {
            self.misses.fetch_add(1, Ordering::Relaxed);
            if self.free_bytes.load(Ordering::Relaxed) > most_free_bytes {
                self.trim_to(most_free_bytes);
            }
            match self.carve(class, capacity, most_free_bytes) {
                Some(region) => region,
                None => Region::new(capacity)?,
            }
        };
        self.live_bytes.fetch_add(capacity as u64, Ordering::Relaxed);
        Ok(region)
    }

    /// One of several regions that are carved from a mapping, if there is room for the others among the free ones.
    fn carve(&self, class: usize, capacity: usize, most_free_bytes: u64) -> Option<Region> {
        let free = self.free_bytes.load(Ordering::Relaxed);
        // What is carved may lie free for long, so a small pool does without.
        if free.saturating_add(4 * CARVED as u64) > self.retained_limit_bytes.min(most_free_bytes) {
            return None;
        }
        let mut regions = Region::carve(capacity);
        let region = regions.pop()?;
        self.free_bytes.fetch_add((regions.len() * capacity) as u64, Ordering::Relaxed);
        lock(&self.free[class]).append(&mut regions);
        Some(region)
    }

    /// Takes a region back, and keeps it if no more than `most_free_bytes` are free then.
    pub(super) fn put(&self, region: Region, most_free_bytes: u64) {
        let capacity = region.capacity() as u64;
        self.live_bytes.fetch_sub(capacity, Ordering::Relaxed);
        let most = self.retained_limit_bytes.min(most_free_bytes);
        let kept = self.free_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| {
            free.checked_add(capacity).filter(|&total| total <= most)
        });
        if kept.is_ok()
            && let Some((class, _)) = size_class(region.capacity())
        {
            lock(&self.free[class]).push(region);
        }
    }
}

/// Takes the lock also after a panic elsewhere: a list of regions is whole between any two statements.
fn lock(class: &Mutex<Vec<Region>>) -> MutexGuard<'_, Vec<Region>> {
    class.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cold]
fn too_large(byte_len: usize) -> Error {
    Error::memory_limit(format!("{byte_len} bytes are more than a process can map"))
}
