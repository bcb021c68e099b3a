//! The nouns and the loops of Bowyer: columns, memory, errors, and (as they land) bits, dispatch, hash tables.
//!
//! No function has a name here, nothing knows of plans, and no pointer from outside enters: `arrow-ffi` checks and
//! imports before this crate sees an array.

pub mod column;
pub mod error;

pub use column::Column;
pub use error::{Error, ErrorCode, Result};
