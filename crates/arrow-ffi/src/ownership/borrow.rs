// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! One hold on a block's buffers, and the borrows of an engine.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::RefUnwindSafe;

use smallvec::SmallVec;

use super::sync::{Arc, AtomicU64, Mutex, MutexGuard, Ordering, PoisonError, Weak};
use crate::c::OwnedArray;

/// Is told when nothing holds borrowed buffers any more. Called on any thread; must not block or run foreign code.
pub trait Released: Send + Sync {
    /// The buffers of `owner` are no longer held.
    fn owner_released(&self, owner: u64);

    /// A foreign array is no longer held: it is dropped where its callback may run.
    fn foreign_released(&self, array: OwnedArray);
}

/// A buffer of a borrowed block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Address of its first byte.
    pub start: usize,
    /// How many bytes.
    pub byte_len: usize,
    /// Its index in the block, in preorder.
    pub buffer: u32,
}

/// Those of few buffers lie in the borrow itself.
type Spans = SmallVec<[Span; 4]>;

/// Where an address lies.
#[derive(Clone, Debug)]
pub struct Located {
    /// The caller's number of the borrow.
    pub owner: u64,
    /// The borrow, held where it might end otherwise.
    pub borrow: Option<Arc<Borrow>>,
    /// The buffer's index in the owner's block.
    pub buffer: u32,
    /// Bytes from its start.
    pub offset: usize,
}

/// The hold on one block's buffers.
pub struct Borrow {
    owners: Arc<Owners>,
    source: Source,
    /// Sorted by start. Only buffers that aliases may name.
    spans: Spans,
    registered: bool,
}

/// A borrow that a panic passed through is as good as before: its fields never change together.
impl RefUnwindSafe for Borrow {}

enum Source {
    /// Buffers that a caller lent under a number.
    Lent(u64),
    /// An array of a foreign producer.
    Foreign(OwnedArray),
    /// Ended within its call, or moved out.
    Ended,
}

impl fmt::Debug for Borrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Borrow").field("owner", &self.owner()).field("spans", &self.spans.len()).finish()
    }
}

impl Borrow {
    /// Buffers lent under `owner`.
    #[must_use]
    pub fn lent(owners: &Arc<Owners>, owner: u64, spans: impl IntoIterator<Item = Span>) -> Arc<Self> {
        let mut spans: Spans = spans.into_iter().collect();
        spans.sort_unstable_by_key(|span| (span.start, span.byte_len));
        Self::new(owners, Source::Lent(owner), spans)
    }

    /// A foreign array; its buffers cannot be aliased, since the caller has no number for them.
    #[must_use]
    pub fn foreign(owners: &Arc<Owners>, array: OwnedArray) -> Arc<Self> {
        Self::new(owners, Source::Foreign(array), Spans::new())
    }

    fn new(owners: &Arc<Owners>, source: Source, spans: Spans) -> Arc<Self> {
        owners.live.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { owners: owners.clone(), source, spans, registered: false })
    }

    /// The caller's number; none for a foreign array.
    #[must_use]
    pub const fn owner(&self) -> Option<u64> {
        match self.source {
            Source::Lent(owner) => Some(owner),
            Source::Foreign(_) | Source::Ended => None,
        }
    }

    /// The buffer that holds all of `byte_len` bytes at `address`. Whoever asks has the borrow, so that it is not held once more.
    #[must_use]
    pub fn locate(&self, address: usize, byte_len: usize) -> Option<Located> {
        let after = self.spans.partition_point(|span| span.start <= address);
        // Spans may overlap; the nearest start is nearly always the one, and a miss costs no more than a native buffer.
        let span =
            self.spans[..after].iter().rev().take(4).find(|span| {
                address - span.start <= span.byte_len && byte_len <= span.byte_len - (address - span.start)
            })?;
        let owner = self.owner().unwrap_or_default();
        Some(Located { owner, borrow: None, buffer: span.buffer, offset: address - span.start })
    }

    /// Gives the caller's hold back at the end of its call; tells whether something else still holds the buffers. If so,
    /// [`Released`] will be told, perhaps before this returns.
    #[must_use]
    pub fn end_call(self: Arc<Self>) -> bool {
        match Arc::into_inner(self) {
            Some(mut last) => {
                last.source = Source::Ended;
                false
            }
            None => true,
        }
    }
}

impl Drop for Borrow {
    fn drop(&mut self) {
        if self.registered {
            self.owners.forget(&self.spans, self.owner().unwrap_or_default());
        }
        self.owners.live.fetch_sub(1, Ordering::Relaxed);
        match std::mem::replace(&mut self.source, Source::Ended) {
            Source::Lent(owner) => self.owners.released.owner_released(owner),
            Source::Foreign(array) => self.owners.released.foreign_released(array),
            Source::Ended => {}
        }
    }
}

/// The borrows of an engine.
pub struct Owners {
    released: Arc<dyn Released>,
    live: AtomicU64,
    /// By start address and owner: the borrows that queries may alias.
    spans: Mutex<BTreeMap<(usize, u64), Entry>>,
}

struct Entry {
    byte_len: usize,
    buffer: u32,
    borrow: Weak<Borrow>,
}

impl fmt::Debug for Owners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owners").field("live", &self.live_count()).finish()
    }
}

impl Owners {
    /// No borrows yet; ends are told to `released`.
    #[must_use]
    pub fn new(released: Arc<dyn Released>) -> Arc<Self> {
        Arc::new(Self { released, live: AtomicU64::new(0), spans: Mutex::new(BTreeMap::new()) })
    }

    /// Borrows that are alive.
    #[must_use]
    pub fn live_count(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(usize, u64), Entry>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same borrow as one that results of other calls may name: before anything else holds it.
    #[must_use]
    pub fn register(self: &Arc<Self>, mut borrow: Arc<Borrow>) -> Arc<Borrow> {
        let Some(owner) = borrow.owner() else { return borrow };
        let Some(inner) = Arc::get_mut(&mut borrow) else { return borrow };
        inner.registered = true;
        let mut spans = self.lock();
        for span in &borrow.spans {
            let entry = Entry { byte_len: span.byte_len, buffer: span.buffer, borrow: Arc::downgrade(&borrow) };
            spans.insert((span.start, owner), entry);
        }
        drop(spans);
        borrow
    }

    fn forget(&self, gone: &[Span], owner: u64) {
        let mut spans = self.lock();
        for span in gone {
            spans.remove(&(span.start, owner));
        }
    }

    /// The registered buffer that holds all of `byte_len` bytes at `address`, its borrow held.
    #[must_use]
    pub fn locate(&self, address: usize, byte_len: usize) -> Option<Located> {
        let spans = self.lock();
        // A few steps back are enough for slices of one table, which share their buffers.
        spans.range(..=(address, u64::MAX)).rev().take(8).find_map(|(&(start, owner), entry)| {
            let offset = address - start;
            if offset > entry.byte_len || byte_len > entry.byte_len - offset {
                return None;
            }
            Some(Located { owner, borrow: Some(entry.borrow.upgrade()?), buffer: entry.buffer, offset })
        })
    }
}
