// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Where decoders of other people panic, the file is malformed: they index by what it says.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bowyer_core::{Error, Result};

/// Runs a part of a decoder, of which nothing may be used after an error.
///
/// # Errors
/// Its own; `InvalidData` for a panic.
pub(crate) fn contain<T>(decode: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|payload| {
        let message = message(payload.as_ref());
        Err(Error::invalid_data(format!("the file cannot be read, it is malformed: {message}")))
    })
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("its decoder gave up")
}
