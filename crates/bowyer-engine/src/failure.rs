// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Errors on their way out of a query: copied to every reader, and panics turned into them.

use std::any::Any;

use bowyer_core::Error;

/// The same error once more, without its cause.
pub(crate) fn copy_error(error: &Error) -> Error {
    let mut copy = Error::new(error.code(), error.message().to_owned());
    *copy.place_mut() = error.place().clone();
    copy
}

/// The error of a caught panic.
pub(crate) fn panic_error(panic: &(dyn Any + Send)) -> Error {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::internal(format!("a task panicked: {}", said.unwrap_or("no message")))
}
