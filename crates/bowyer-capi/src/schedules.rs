// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The queue of events once more, on locks and threads whose order a scheduler decides: many orders in turn, random ones and those
//! that few preemptions make. A lost wake-up is a deadlock there, and a deadlock fails.

use std::collections::BTreeMap;

use arrow_ffi::c::{ArrowArray, OwnedArray};
use arrow_ffi::ownership::Released as _;
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::thread;

use self::event::{Events, Expire};
use crate::abi::{EVENT_CLOSED, EVENT_OWNER, Event};

mod sync {
    pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard, Weak};
    pub(crate) use std::sync::{Mutex as ProcessMutex, PoisonError};
}

#[path = "event.rs"]
#[expect(dead_code, reason = "what is not scheduled here uses the rest")]
mod event;

const BLANK: Event = Event { kind: 0, port: 0, handle: 0, value: 0 };

/// Orders of each kind that a test tries.
const ORDERS: usize = 20_000;

fn in_many_orders(body: impl Fn() + Send + Sync + Clone + 'static) {
    shuttle::check_random(body.clone(), ORDERS);
    shuttle::check_pct(body, ORDERS, 3);
}

/// Reads until so many owners were told of; how often each. Nothing else comes to wake it.
fn drain(events: &Events, count: usize) -> BTreeMap<u64, usize> {
    let mut owners = BTreeMap::new();
    let mut room = [BLANK; 2];
    while owners.values().sum::<usize>() < count {
        let read = events.wait(7, &mut room).unwrap();
        assert!(read > 0, "an answer without events");
        for event in &room[..read] {
            assert_eq!(event.kind, EVENT_OWNER);
            *owners.entry(event.value).or_default() += 1;
        }
    }
    owners
}

/// The end comes once, and after it nothing.
fn end(events: &Events) {
    events.close();
    let mut room = [BLANK; 2];
    assert_eq!(events.wait(7, &mut room).unwrap(), 1);
    assert_eq!(room[0].kind, EVENT_CLOSED);
    assert!(events.wait(7, &mut room).is_err());
}

#[test]
fn each_owner_is_told_of_once_and_the_end_last() {
    in_many_orders(|| {
        let events = Arc::new(Events::default());
        let reader = thread::spawn({
            let events = events.clone();
            move || drain(&events, 6)
        });
        let writers: Vec<_> = (0..3_u64)
            .map(|writer| {
                let events = events.clone();
                thread::spawn(move || {
                    for owner in 0..2 {
                        events.owner_released(writer * 10 + owner);
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        let owners = reader.join().unwrap();
        assert_eq!(owners.into_iter().collect::<Vec<_>>(), [0, 1, 10, 11, 20, 21].map(|owner| (owner, 1)));
        end(&events);
    });
}

#[test]
fn the_end_reaches_who_already_waits() {
    in_many_orders(|| {
        let events = Arc::new(Events::default());
        let reader = thread::spawn({
            let events = events.clone();
            move || {
                let mut room = [BLANK; 2];
                (events.wait(7, &mut room).unwrap(), room[0].kind)
            }
        });
        events.close();
        assert_eq!(reader.join().unwrap(), (1, EVENT_CLOSED));
    });
}

#[test]
fn credits_of_a_port_add_up_however_they_meet() {
    in_many_orders(|| {
        let events = Arc::new(Events::default());
        let writers: Vec<_> = (0..3)
            .map(|_| {
                let events = events.clone();
                thread::spawn(move || events.push_merged(Event { kind: EVENT_OWNER, port: 1, handle: 2, value: 5 }))
            })
            .collect();
        let mut sum = 0;
        while sum < 15 {
            let mut room = [BLANK; 4];
            let count = events.wait(7, &mut room).unwrap();
            sum += room[..count].iter().map(|event| event.value).sum::<u64>();
        }
        assert_eq!(sum, 15);
        for writer in writers {
            writer.join().unwrap();
        }
    });
}

#[test]
fn of_two_that_wait_one_is_refused_and_the_other_is_served() {
    in_many_orders(|| {
        let events = Arc::new(Events::default());
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let events = events.clone();
                thread::spawn(move || events.wait(7, &mut [BLANK; 4]).ok())
            })
            .collect();
        events.owner_released(1);
        events.owner_released(2);
        events.close();
        let counts: Vec<_> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
        assert!(counts.iter().any(Option::is_some), "nobody was served: {counts:?}");
    });
}

/// A foreign array whose release counts.
fn foreign(released: &Arc<AtomicUsize>) -> OwnedArray {
    unsafe extern "C" fn release(array: *mut ArrowArray) {
        // SAFETY: called once, with the array below.
        let array = unsafe { &mut *array };
        array.release = None;
        // SAFETY: what `foreign` gave away, taken back once.
        let released = unsafe { Arc::from_raw(array.private_data.cast::<AtomicUsize>().cast_const()) };
        released.fetch_add(1, Ordering::SeqCst);
    }
    let mut array = OwnedArray::default();
    array.as_raw_mut().release = Some(release);
    array.as_raw_mut().private_data = Arc::into_raw(released.clone()).cast_mut().cast();
    array
}

#[test]
fn foreign_arrays_wake_who_waits_and_are_released_there() {
    in_many_orders(|| {
        let released = Arc::new(AtomicUsize::new(0));
        let events = Arc::new(Events::default());
        // The reader waits for an owner that comes when the arrays are gone: only the arrays wake it before.
        let reader = thread::spawn({
            let events = events.clone();
            move || drain(&events, 1)
        });
        for _ in 0..2 {
            events.foreign_released(foreign(&released));
        }
        while released.load(Ordering::SeqCst) < 2 {
            thread::yield_now();
        }
        events.owner_released(1);
        reader.join().unwrap();
        assert_eq!(released.load(Ordering::SeqCst), 2);
        end(&events);
    });
}

#[test]
fn a_foreign_array_is_released_once_by_the_reader_or_a_caller() {
    in_many_orders(|| {
        let released = Arc::new(AtomicUsize::new(0));
        let events = Arc::new(Events::default());
        let reader = thread::spawn({
            let events = events.clone();
            move || drain(&events, 1)
        });
        let caller = thread::spawn({
            let events = events.clone();
            move || events.release_foreign()
        });
        events.foreign_released(foreign(&released));
        events.owner_released(1);
        reader.join().unwrap();
        caller.join().unwrap();
        // What came after the last event that was read waits for the next call that may run it.
        events.release_foreign();
        assert_eq!(released.load(Ordering::SeqCst), 1);
    });
}

struct Passed(AtomicUsize);

impl Expire for Passed {
    fn expire(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_deadline_that_has_passed_wakes_who_waits() {
    in_many_orders(|| {
        let events = Arc::new(Events::default());
        let who = Arc::new(Passed(AtomicUsize::new(0)));
        let reader = thread::spawn({
            let events = events.clone();
            move || drain(&events, 1)
        });
        events.watch((std::time::Instant::now(), 1), Arc::downgrade(&(who.clone() as Arc<dyn Expire>)));
        while who.0.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        events.owner_released(1);
        reader.join().unwrap();
        assert_eq!(who.0.load(Ordering::SeqCst), 1);
    });
}
