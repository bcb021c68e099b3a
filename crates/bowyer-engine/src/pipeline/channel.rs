// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Queues between pipelines, and at their ends.
//!
//! A channel holds batches in order and never makes anyone wait: a producer asks how full it is before it takes more
//! work, a consumer that finds it empty parks and is woken by the next push.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow_array::RecordBatch;
use bowyer_core::{Charge, Error};

use super::lineage::Lineage;

/// Who stands at an end of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Party {
    Pipeline(usize),
    Input(usize),
    Output(usize),
}

/// What goes through a channel.
pub(crate) enum Item {
    /// Rows, where they came from, and what they are charged.
    Batch(RecordBatch, Lineage, Option<Charge>),
    /// The rows end here, with an error.
    Failed(Error),
}

/// A queue with one producer and one consumer.
pub(crate) struct Channel {
    pub(crate) producer: Party,
    pub(crate) consumer: Party,
    /// Holds any number of batches: the consumer may start long after the producer, and charges keep it within limits.
    pub(crate) unbounded: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Item>,
    ended: bool,
    closed: bool,
}

/// What a consumer finds.
pub(crate) enum Popped {
    Item(Item),
    Empty,
    End,
}

impl Channel {
    pub(crate) fn new(producer: Party, consumer: Party, unbounded: bool) -> Self {
        Self { producer, consumer, unbounded, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an item; drops it when the consumer has gone.
    pub(crate) fn push(&self, item: Item) {
        let mut state = self.state();
        if !state.closed && !state.ended {
            if matches!(item, Item::Failed(_)) {
                state.ended = true;
            }
            state.queue.push_back(item);
        }
    }

    /// Says that nothing follows.
    pub(crate) fn end(&self) {
        self.state().ended = true;
    }

    /// Takes the first item.
    pub(crate) fn pop(&self) -> Popped {
        let mut state = self.state();
        match state.queue.pop_front() {
            Some(item) => Popped::Item(item),
            None if state.ended || state.closed => Popped::End,
            None => Popped::Empty,
        }
    }

    /// How many items wait.
    pub(crate) fn len(&self) -> usize {
        self.state().queue.len()
    }

    /// Whether a consumer would find something: an item or the end.
    pub(crate) fn is_ready(&self) -> bool {
        let state = self.state();
        !state.queue.is_empty() || state.ended || state.closed
    }

    /// The consumer wants no more. Says whether this is news.
    pub(crate) fn close(&self) -> bool {
        let mut state = self.state();
        let news = !state.closed;
        state.closed = true;
        let dropped = std::mem::take(&mut state.queue);
        drop(state);
        drop(dropped);
        news
    }

    /// Whether the consumer wants no more.
    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }
}
