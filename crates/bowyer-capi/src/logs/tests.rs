// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The ring: bounded, counted, rung once.

use super::*;

fn record(message: &str) -> LogRecord {
    LogRecord { message: message.to_owned(), ..Default::default() }
}

fn rings(events: &Events) -> usize {
    // An event of our own, so that there is something to wait for.
    events.push(Event { kind: 99, port: 0, handle: 0, value: 0 });
    let mut out = [Event { kind: 0, port: 0, handle: 0, value: 0 }; 64];
    let count = events.wait(1, &mut out).unwrap();
    out[..count].iter().filter(|event| event.kind == EVENT_LOG).count()
}

#[test]
fn a_full_ring_counts_what_it_drops() {
    let events = Arc::new(Events::default());
    let logs = Logs::new(events.clone(), 3);
    for at in 0..5 {
        logs.add(record(&format!("record {at}")));
    }
    assert_eq!(rings(&events), 1, "one event for all of them");
    let taken = logs.take();
    let messages: Vec<_> = taken.records.iter().map(|record| record.message.as_str()).collect();
    assert_eq!((messages, taken.dropped), (vec!["record 0", "record 1", "record 2"], 2));
    assert!(taken.records.iter().all(|record| record.time_unix_ns > 0));
    assert_eq!(logs.take(), LogRecords::default());

    logs.add(record("later"));
    assert_eq!(rings(&events), 1, "rung anew after it was read");
    assert_eq!(logs.take().records.len(), 1);
}

#[test]
fn without_room_nothing_is_recorded() {
    let events = Arc::new(Events::default());
    let logs = Logs::new(events.clone(), 0);
    logs.add(record("nobody hears this"));
    assert_eq!((rings(&events), logs.take()), (0, LogRecords::default()));
}

#[test]
fn threads_lose_nothing_that_has_room() {
    let logs = Logs::new(Arc::default(), 1000);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..300).for_each(|_| logs.add(record("busy"))));
        }
    });
    let taken = logs.take();
    assert_eq!((taken.records.len(), taken.dropped), (1000, 200));
}
