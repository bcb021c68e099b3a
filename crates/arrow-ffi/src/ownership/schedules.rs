// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Borrows once more, on counts, locks and threads whose order a scheduler decides, many orders in turn.

use shuttle::thread;

use self::borrow::{Borrow, Owners, Released, Span};
use self::sync::{Arc, Mutex};
use crate::c::OwnedArray;

mod sync {
    pub(super) use shuttle::sync::atomic::{AtomicU64, Ordering};
    pub(super) use shuttle::sync::{Arc, Mutex, MutexGuard, Weak};
    pub(super) use std::sync::PoisonError;
}

#[path = "borrow.rs"]
#[expect(dead_code, unreachable_pub, reason = "what is not scheduled here uses the rest")]
mod borrow;

/// Orders of each kind that a test tries.
const ORDERS: usize = 20_000;

fn in_many_orders(body: impl Fn() + Send + Sync + Clone + 'static) {
    shuttle::check_random(body.clone(), ORDERS);
    shuttle::check_pct(body, ORDERS, 3);
}

/// What was told, and whether memory was still held then.
#[derive(Default)]
struct Told(Mutex<Vec<u64>>);

impl Released for Told {
    fn owner_released(&self, owner: u64) {
        self.0.lock().unwrap().push(owner);
    }

    fn foreign_released(&self, _: OwnedArray) {
        unreachable!("none is foreign here");
    }
}

fn desk() -> (Arc<Told>, Arc<Owners>) {
    let told = Arc::new(Told::default());
    (told.clone(), Owners::new(told))
}

#[test]
fn a_call_ends_silently_or_its_owner_is_told_of_once() {
    in_many_orders(|| {
        let (told, owners) = desk();
        let borrow = Borrow::lent(&owners, 5, [Span { start: 1000, byte_len: 10, buffer: 1 }]);
        let others: Vec<_> = (0..2)
            .map(|_| {
                let held = borrow.clone();
                thread::spawn(move || drop(held))
            })
            .collect();
        let retained = borrow.end_call();
        for other in others {
            other.join().unwrap();
        }
        let told = told.0.lock().unwrap().clone();
        assert_eq!(told, if retained { vec![5] } else { vec![] });
        assert_eq!(owners.live_count(), 0);
    });
}

#[test]
fn who_finds_an_address_holds_its_owner() {
    in_many_orders(|| {
        let (told, owners) = desk();
        let borrow = owners.register(Borrow::lent(&owners, 5, [Span { start: 1000, byte_len: 10, buffer: 1 }]));
        let finder = thread::spawn({
            let (owners, told) = (owners.clone(), told.clone());
            move || {
                let found = owners.locate(1000, 10);
                if found.is_some() {
                    assert!(told.0.lock().unwrap().is_empty(), "told of while it is held");
                }
                found.is_some()
            }
        });
        drop(borrow);
        let _ = finder.join().unwrap();
        assert_eq!(*told.0.lock().unwrap(), [5]);
        assert!(owners.locate(1000, 10).is_none());
        assert_eq!(owners.live_count(), 0);
    });
}

#[test]
fn an_address_that_is_lent_again_is_found_by_its_new_owner() {
    in_many_orders(|| {
        let (told, owners) = desk();
        let span = || [Span { start: 1000, byte_len: 10, buffer: 1 }];
        let first = owners.register(Borrow::lent(&owners, 1, span()));
        let other = thread::spawn(move || drop(first));
        let second = owners.register(Borrow::lent(&owners, 2, span()));
        assert_eq!(owners.locate(1000, 10).map(|found| found.owner), Some(2));
        other.join().unwrap();
        assert_eq!(owners.locate(1000, 10).map(|found| found.owner), Some(2));
        drop(second);
        assert_eq!(*told.0.lock().unwrap(), [1, 2]);
    });
}
