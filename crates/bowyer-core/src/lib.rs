// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The nouns and the loops of Bowyer: columns, memory, errors, and (as they land) bits, dispatch, hash tables.
//!
//! No function has a name here, nothing knows of plans, and no pointer from outside enters: `arrow-ffi` checks and
//! imports before this crate sees an array.

pub mod arch;
pub mod arity;
pub mod bits;
pub mod column;
pub mod compress;
pub mod dispatch;
pub mod error;
#[cfg(feature = "fault-injection")]
pub mod fault;
pub mod group;
pub mod hash;
pub mod keys;
pub mod lanes;
pub mod memory;
pub mod output;
pub mod selection;
pub mod signals;
pub mod take;

pub use column::Column;
pub use error::{Error, ErrorCode, Result};
pub use memory::{Allocation, Budget, Charge, Memory, Pool, PoolStatistics, charged, hold_batch, pooled_batch};
pub use output::{BytesWriter, Output};
