// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Faults on demand, for tests: compiled only with the feature `fault-injection`.
//!
//! [`refuse_at`] makes one charge of memory fail, whichever code asks for it; [`force_portable`] takes the vectors of
//! this machine away; [`mark_fresh`] fills memory that nobody has written yet. All hold for the whole process, so a test that uses them stands alone in its program.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const NEVER: u64 = u64::MAX;

static LEFT: AtomicU64 = AtomicU64::new(NEVER);
static PORTABLE: AtomicBool = AtomicBool::new(false);
static MARKS: AtomicBool = AtomicBool::new(false);

/// What fresh memory is filled with.
pub const MARK: u8 = 0xA5;

/// Refuses the charge of memory that comes after `count` others, once. Every budget of the process counts.
pub fn refuse_at(count: u64) {
    LEFT.store(count, Ordering::SeqCst);
}

/// Takes a refusal back. Whether it was still to come, that is, fewer charges were made.
pub fn withdraw() -> bool {
    LEFT.swap(NEVER, Ordering::SeqCst) != NEVER
}

/// Whether this charge is the one to refuse.
pub(crate) fn refuses() -> bool {
    let counted = LEFT.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| match left {
        NEVER => None,
        0 => Some(NEVER),
        more => Some(more - 1),
    });
    counted == Ok(0)
}

/// Runs loops as compiled for the target's baseline, from now on.
pub fn force_portable(portable: bool) {
    PORTABLE.store(portable, Ordering::SeqCst);
}

/// Whether loops are to run as compiled for the baseline.
pub(crate) fn is_portable() -> bool {
    PORTABLE.load(Ordering::Relaxed)
}

/// Fills memory with [`MARK`] when it is handed out, from now on: what still holds it later was not written.
pub fn mark_fresh(mark: bool) {
    MARKS.store(mark, Ordering::SeqCst);
}

/// Whether fresh memory is to be filled.
pub(crate) fn marks() -> bool {
    MARKS.load(Ordering::Relaxed)
}
