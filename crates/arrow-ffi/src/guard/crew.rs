// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Who looks through the entries of a buffer: the caller's thread alone, or several threads part by part.
//!
//! A check asks only whether anything is wrong anywhere, so parts can be looked through in any order; the row to name
//! is then searched for from the front, once there is one.

use std::fmt::Debug;
use std::ops::Range;

/// Threads that look through entries.
pub trait Crew: Debug + Sync {
    /// Whether `is_bad` says so of any part of `0..len`. The parts cover it; each is asked about once at most.
    fn any(&self, len: usize, is_bad: &(dyn Fn(Range<usize>) -> bool + Sync)) -> bool;
}

/// The caller's thread.
#[derive(Clone, Copy, Debug)]
pub struct Alone;

impl Crew for Alone {
    fn any(&self, len: usize, is_bad: &(dyn Fn(Range<usize>) -> bool + Sync)) -> bool {
        is_bad(0..len)
    }
}
