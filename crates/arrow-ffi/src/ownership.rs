// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Who owns imported buffers, and who is told when the last of them is dropped.
//!
//! Every imported buffer holds one `Arc<Borrow>`. A borrow that ends before its call returns ends silently
//! ([`Borrow::end_call`]); one that lives on reports its end to [`Released`], on whatever thread that happens.
//! [`Owners`] finds the borrow that an address lies in, so that a result can name it instead of copying it.

mod borrow;
#[cfg(test)]
mod schedules;
#[cfg(test)]
mod tests;

pub use borrow::{Borrow, Located, Owners, Released, Span};

/// What borrows count and wait with: the tests have another, whose order a scheduler decides.
mod sync {
    pub(super) use std::sync::atomic::{AtomicU64, Ordering};
    pub(super) use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
}
