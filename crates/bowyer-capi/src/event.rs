// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The queue of an engine's events, foreign arrays that wait to be released, and deadlines that wait to pass.
//!
//! Any thread adds; one thread takes, in `bowyer_engine_wait`. Foreign arrays are queued here because their callbacks may
//! run host code: only the waiting thread, a pull and a close may run them, never a thread of the pool.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use arrow_ffi::c::OwnedArray;
use arrow_ffi::ownership::Released;
use bowyer_core::{Error, Result};

use super::sync::{Condvar, Mutex, MutexGuard, PoisonError, ProcessMutex, Weak};
use crate::abi::{EVENT_CLOSED, EVENT_OWNER, Event};

/// The queue.
#[derive(Default)]
pub(crate) struct Events {
    state: Mutex<State>,
    arrived: Condvar,
}

/// Has a deadline that passes also when nobody calls.
pub(crate) trait Expire: Send + Sync {
    /// The deadline has passed.
    fn expire(&self);
}

/// When, and whose handle.
pub(crate) type Deadline = (Instant, u64);

#[derive(Default)]
struct State {
    events: VecDeque<Event>,
    deadlines: BTreeMap<Deadline, Weak<dyn Expire>>,
    foreign: Vec<OwnedArray>,
    waiting: bool,
    closing: bool,
    closed: bool,
}

impl Events {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event, unless the last one was already sent.
    pub(crate) fn push(&self, event: Event) {
        let mut state = self.lock();
        if !state.closed {
            state.events.push_back(event);
            self.arrived.notify_one();
        }
    }

    /// Adds an event, or raises the value of the one of its kind, handle and port that is still queued.
    pub(crate) fn push_merged(&self, event: Event) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let same = |queued: &&mut Event| {
            queued.kind == event.kind && queued.handle == event.handle && queued.port == event.port
        };
        match state.events.iter_mut().rev().take(64).find(same) {
            Some(queued) => queued.value = queued.value.saturating_add(event.value),
            None => {
                state.events.push_back(event);
                self.arrived.notify_one();
            }
        }
    }

    /// Sends the last event.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.arrived.notify_all();
    }

    /// Lets the thread that waits for events look after a deadline.
    pub(crate) fn watch(&self, deadline: Deadline, who: Weak<dyn Expire>) {
        self.lock().deadlines.insert(deadline, who);
        self.arrived.notify_one();
    }

    /// Forgets a deadline.
    pub(crate) fn unwatch(&self, deadline: Deadline) {
        self.lock().deadlines.remove(&deadline);
    }

    /// Waits for events and writes them to `out`; gives how many.
    ///
    /// # Errors
    /// `InvalidState` when another thread waits, or after the last event.
    pub(crate) fn wait(&self, engine: u64, out: &mut [Event]) -> Result<usize> {
        let mut state = self.lock();
        if state.closed {
            return Err(Error::invalid_state("the engine is closed and its last event was read"));
        }
        if std::mem::replace(&mut state.waiting, true) {
            return Err(Error::invalid_state("another thread waits for this engine's events"));
        }
        loop {
            let foreign = std::mem::take(&mut state.foreign);
            if !foreign.is_empty() {
                drop(state);
                drop(foreign);
                state = self.lock();
                continue;
            }
            let passed = state.deadlines.first_entry().filter(|first| first.key().0 <= Instant::now());
            if let Some(passed) = passed {
                let who = passed.remove();
                drop(state);
                // The hold may be the last one, so it goes before the lock is taken again.
                if let Some(who) = who.upgrade() {
                    who.expire();
                }
                state = self.lock();
                continue;
            }
            if state.closing && state.events.len() < out.len() {
                state.events.push_back(Event { kind: EVENT_CLOSED, port: 0, handle: engine, value: 0 });
                state.closed = true;
            }
            if !state.events.is_empty() {
                break;
            }
            state = match state.deadlines.first_key_value().map(|(&(when, _), _)| when) {
                Some(when) => {
                    let left = when.saturating_duration_since(Instant::now());
                    self.arrived.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        let count = out.len().min(state.events.len());
        for (slot, event) in out.iter_mut().zip(state.events.drain(..count)) {
            *slot = event;
        }
        state.waiting = false;
        Ok(count)
    }

    /// Runs the release callbacks of queued foreign arrays on this thread, also those that outlived their engine.
    pub(crate) fn release_foreign(&self) {
        let foreign = std::mem::take(&mut self.lock().foreign);
        drop(foreign);
        let orphans = std::mem::take(&mut *ORPHANS.lock().unwrap_or_else(PoisonError::into_inner));
        drop(orphans);
    }
}

/// Foreign arrays whose engine is gone. Whoever dropped the last of them may not run their callbacks; the next call that
/// may, does.
static ORPHANS: ProcessMutex<Vec<OwnedArray>> = ProcessMutex::new(Vec::new());

impl Drop for Events {
    fn drop(&mut self) {
        let foreign = std::mem::take(&mut self.lock().foreign);
        if !foreign.is_empty() {
            ORPHANS.lock().unwrap_or_else(PoisonError::into_inner).extend(foreign);
        }
    }
}

impl Released for Events {
    fn owner_released(&self, owner: u64) {
        self.push(Event { kind: EVENT_OWNER, port: 0, handle: 0, value: owner });
    }

    fn foreign_released(&self, array: OwnedArray) {
        let mut state = self.lock();
        state.foreign.push(array);
        self.arrived.notify_one();
    }
}
