// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The one way in: every exported function runs its body through [`entry`].
//!
//! A panic stops here. It becomes `Internal`, is counted, and its payload is dropped where a second panic does no harm.
//! That needs unwinding, which the build's profiles keep on and `tests/panic.rs` asserts.

use std::any::Any;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use bowyer_core::{Error, Result};

use crate::abi::{CError, Call};
use crate::{error, logs};

static PANICS: AtomicU64 = AtomicU64::new(0);

/// Panics caught since the library was loaded.
pub(crate) fn panic_count() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Runs `body`; gives its code and fills `error`, if there is one.
///
/// `name` is the exported function's: with the feature `fault-injection`, a test can make it panic.
pub(crate) fn entry(name: &'static str, error: *mut CError, body: impl FnOnce() -> Result<()>) -> i32 {
    give(run(name, body), error)
}

/// The same for a function that works for the object of a handle: what the object's engine should know of a failure is
/// recorded there, with the trace of `call`.
pub(crate) fn entry_of(
    object: u64,
    call: *const Call,
    name: &'static str,
    error: *mut CError,
    body: impl FnOnce() -> Result<()>,
) -> i32 {
    let outcome = run(name, body);
    if let Err(failure) = &outcome {
        let _ = contain(|| {
            logs::refused(object, call, name, failure);
            Ok(())
        });
    }
    give(outcome, error)
}

fn run(name: &'static str, body: impl FnOnce() -> Result<()>) -> Result<()> {
    #[cfg(not(feature = "fault-injection"))]
    let _ = name;
    contain(|| {
        #[cfg(feature = "fault-injection")]
        crate::fault::strike(name);
        body()
    })
}

fn give(outcome: Result<()>, error: *mut CError) -> i32 {
    match outcome {
        Ok(()) => 0,
        Err(failure) => {
            let code = failure.code() as i32;
            // Filling allocates and encodes; if that panics too, the code alone has to do.
            let _ = contain(|| {
                error::fill(error, &failure);
                Ok(())
            });
            code
        }
    }
}

/// Runs `body` and turns a panic into `Internal`.
pub(crate) fn contain(body: impl FnOnce() -> Result<()>) -> Result<()> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        let message = message(&*payload);
        bury(payload);
        Err(Error::internal(message))
    })
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    match text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)) {
        Some(text) => format!("panic: {text}"),
        None => "panic".to_owned(),
    }
}

/// Drops a payload, whose own drop may panic: then the second payload is left alone.
fn bury(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        let _leaked = ManuallyDrop::new(second);
    }
}
