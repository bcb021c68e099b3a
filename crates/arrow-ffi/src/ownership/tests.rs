// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Lookups by address, at the edges of buffers and where they overlap; who is told of a borrow's end, and when.

use std::sync::{Arc, Mutex};

use super::*;
use crate::c::OwnedArray;

#[derive(Default)]
struct Log {
    owners: Mutex<Vec<u64>>,
    foreign: Mutex<usize>,
}

impl Released for Log {
    fn owner_released(&self, owner: u64) {
        self.owners.lock().unwrap().push(owner);
    }

    fn foreign_released(&self, _array: OwnedArray) {
        *self.foreign.lock().unwrap() += 1;
    }
}

fn desk() -> (Arc<Log>, Arc<Owners>) {
    let log = Arc::new(Log::default());
    (log.clone(), Owners::new(log))
}

fn span(start: usize, byte_len: usize, buffer: u32) -> Span {
    Span { start, byte_len, buffer }
}

fn found(located: Option<Located>) -> Option<(u32, usize)> {
    located.map(|located| (located.buffer, located.offset))
}

#[test]
fn a_call_finds_ranges_that_lie_wholly_in_one_buffer() {
    let (_log, owners) = desk();
    let borrow = Borrow::lent(&owners, 1, vec![span(2000, 50, 4), span(1000, 100, 2)]);
    let find = |address, byte_len| found(borrow.locate(address, byte_len));
    assert_eq!(find(1000, 100), Some((2, 0)));
    assert_eq!(find(1099, 1), Some((2, 99)));
    assert_eq!(find(1100, 0), Some((2, 100)), "an empty range at the end");
    assert_eq!((find(999, 1), find(1000, 101), find(1099, 2), find(1100, 1)), (None, None, None, None));
    assert_eq!(find(2049, 1), Some((4, 49)));
    assert_eq!((find(0, 1), find(usize::MAX, usize::MAX)), (None, None));
    assert!(!borrow.end_call());
}

#[test]
fn where_buffers_overlap_one_that_is_long_enough_is_found() {
    let (_log, owners) = desk();
    let borrow = Borrow::lent(&owners, 1, vec![span(1000, 1000, 1), span(1500, 10, 2)]);
    assert_eq!(found(borrow.locate(1500, 10)), Some((2, 0)));
    assert_eq!(found(borrow.locate(1500, 11)), Some((1, 500)));
    let borrow = owners.register(borrow);
    assert_eq!(found(owners.locate(1505, 5)), Some((2, 5)));
    assert_eq!(found(owners.locate(1505, 6)), Some((1, 505)));
    drop(borrow);
}

#[test]
fn a_borrow_that_ends_with_its_call_is_not_told_of() {
    let (log, owners) = desk();
    let borrow = Borrow::lent(&owners, 7, Vec::new());
    assert_eq!((borrow.owner(), owners.live_count()), (Some(7), 1));
    assert!(!borrow.end_call(), "nothing else holds it");
    let borrow = Borrow::lent(&owners, 8, Vec::new());
    let kept = borrow.clone();
    assert!(borrow.end_call(), "it is kept");
    assert!(log.owners.lock().unwrap().is_empty());
    drop(kept);
    assert_eq!(*log.owners.lock().unwrap(), [8]);
    assert_eq!(owners.live_count(), 0);
}

#[test]
fn registered_buffers_are_found_until_the_last_hold_goes() {
    let (log, owners) = desk();
    let first = owners.register(Borrow::lent(&owners, 1, vec![span(1000, 100, 3)]));
    let second = owners.register(Borrow::lent(&owners, 2, vec![span(1000, 100, 5)]));
    let located = owners.locate(1010, 20).unwrap();
    assert_eq!(located.borrow.as_ref().map(Arc::strong_count), Some(2), "the lookup holds it");
    drop((first, second));
    assert_eq!(log.owners.lock().unwrap().len(), 1, "the one that was found is held");
    assert!(owners.locate(1010, 20).is_some());
    drop(located);
    assert_eq!(found(owners.locate(1010, 20)), None);
    let mut told = log.owners.lock().unwrap().clone();
    told.sort_unstable();
    assert_eq!(told, [1, 2]);
}

#[test]
fn only_registered_borrows_are_found_and_foreign_ones_never() {
    let (log, owners) = desk();
    let call = Borrow::lent(&owners, 1, vec![span(1000, 100, 0)]);
    assert_eq!(found(owners.locate(1000, 1)), None);
    let foreign = Borrow::foreign(&owners, OwnedArray::default());
    let foreign = owners.register(foreign);
    assert_eq!(foreign.owner(), None);
    drop(foreign);
    assert_eq!(*log.foreign.lock().unwrap(), 1);
    assert!(!call.end_call());
}
