// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Faults on demand, for the tests of the host. Only builds for development have them, and only a worker that was started with
//! the argument `faults` does one: when it is called with a block of exactly so many rows.

use std::hint::black_box;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use bowyer_engine::proto::{WorkerBlock, WorkerReply};

use crate::block::{ANSWER_FILE, NOWHERE};
use crate::{memory_file, native};

static ARMED: AtomicBool = AtomicBool::new(false);

/// From now on, blocks of the numbers of rows in [`strike`] do harm.
pub(crate) fn arm() {
    ARMED.store(true, Ordering::Relaxed);
}

/// Does the harm that the number of rows stands for. What comes back is an answer that lies.
pub(crate) fn strike(rows: i64) -> Option<(WorkerReply, Option<OwnedFd>)> {
    if !ARMED.load(Ordering::Relaxed) {
        return None;
    }
    match rows {
        7001 => native::read_nowhere(),
        7002 => std::process::abort(),
        7003 => loop {
            black_box(vec![0_u8; 1 << 28].leak());
        },
        7004 => drop(black_box(deeper(0))),
        7005 => loop {
            std::hint::spin_loop();
        },
        7006 => return Some(lie(rows, 8 * rows as u64 - 1, 8 * rows as usize)),
        7007 => return Some(lie(rows, 8 * rows as u64, 4096)),
        7008 => std::process::exit(0),
        _ => {}
    }
    None
}

/// An answer of one column of integers of 8 bytes, said to lie in so many bytes of the file that comes along.
fn lie(rows: i64, said: u64, file_bytes: usize) -> (WorkerReply, Option<OwnedFd>) {
    let block = WorkerBlock {
        array_count: 1,
        row_count: rows,
        nodes: vec![rows, 0, 0, 2, 0],
        buffers: vec![NOWHERE, 0, 0, ANSWER_FILE, 0, said],
        ..WorkerBlock::default()
    };
    let file = memory_file::written(file_bytes, &[&vec![1; file_bytes]]);
    (WorkerReply { block: Some(block), ..WorkerReply::default() }, file.ok())
}

#[expect(unconditional_recursion, reason = "it is to run out of stack")]
fn deeper(depth: u64) -> [u64; 64] {
    let mut room = black_box([depth; 64]);
    room[0] += deeper(depth + 1)[black_box(1)];
    room
}
