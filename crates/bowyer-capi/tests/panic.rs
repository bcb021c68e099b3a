// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A panic in every exported function becomes an error, and the next call works. Needs `--features fault-injection`.

#![cfg(feature = "fault-injection")]
#![expect(clippy::panic, reason = "a test whose set-up fails stops there")]

use std::ptr::{null, null_mut};

use arrow_ffi::c::ArrowArray;
use bowyer_capi::exports::*;
use bowyer_capi::fault::{Payload, arm};
use bowyer_capi::{Bytes, CError};

const INTERNAL: i32 = 23;
/// Functions without a body to panic in.
const BARE: &[&str] = &["bowyer_abi_v0", "bowyer_abi_version", "bowyer_release_nothing"];

fn empty() -> Bytes {
    Bytes { data: null(), len: 0 }
}

/// Calls a function by name with arguments that lead nowhere: they are read after the panic.
fn call(name: &str, error: *mut CError) -> i32 {
    // SAFETY: null pointers and dead handles are allowed everywhere.
    unsafe {
        match name {
            "bowyer_array_release" => bowyer_array_release(null_mut::<ArrowArray>()),
            "bowyer_block_echo" => bowyer_block_echo(null(), 0, 0, 0, null_mut(), null_mut(), error),
            "bowyer_engine_close" => bowyer_engine_close(0, error),
            "bowyer_engine_logs" => bowyer_engine_logs(0, null_mut(), error),
            "bowyer_engine_open" => bowyer_engine_open(empty(), null_mut(), error),
            "bowyer_engine_wait" => bowyer_engine_wait(0, null_mut(), 0, null_mut(), error),
            "bowyer_function_call" => bowyer_function_call(null(), 0, 0, null_mut(), null_mut(), error),
            "bowyer_function_resolve" => bowyer_function_resolve(0, empty(), null(), null_mut(), null_mut(), error),
            "bowyer_plan_output" => bowyer_plan_output(0, 0, null_mut(), error),
            "bowyer_plan_prepare" => bowyer_plan_prepare(null(), 0, empty(), null_mut(), null_mut(), error),
            "bowyer_query_cancel" => bowyer_query_cancel(0),
            "bowyer_query_finish" => bowyer_query_finish(0, 0, null()),
            "bowyer_query_next" => bowyer_query_next(0, 0, null_mut(), null_mut(), error),
            "bowyer_query_push" => bowyer_query_push(0, 0, 0, null_mut(), error),
            "bowyer_query_start" => bowyer_query_start(null(), 0, empty(), null_mut(), error),
            "bowyer_release" => bowyer_release(0),
            "bowyer_schema_open" => bowyer_schema_open(0, null(), null_mut(), error),
            "bowyer_source_open" => bowyer_source_open(0, null(), null_mut(), error),
            "bowyer_source_push" => bowyer_source_push(0, 0, null_mut(), error),
            "bowyer_statistics" => bowyer_statistics(0, null_mut(), error),
            "bowyer_stream_pull" => bowyer_stream_pull(0, 0, null_mut(), error),
            other => panic!("{other} has no call in this test"),
        }
    }
}

fn new_error() -> CError {
    CError {
        struct_size: size_of::<CError>() as u32,
        code: 0,
        message: null(),
        message_len: 0,
        detail: null(),
        detail_len: 0,
        release: None,
        private_data: null_mut(),
    }
}

/// Lets every exported function panic, with either payload, and counts the panics.
fn a_panic_in_each() -> usize {
    let list = include_str!("../abi/v0.symbols");
    let names = list.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(' ').next());
    let mut panics = 0;
    for name in names.filter(|name| !BARE.contains(name)) {
        for payload in [Payload::Text, Payload::Hostile] {
            let mut error = new_error();
            arm(name, payload);
            assert_eq!(call(name, &raw mut error), INTERNAL, "{name}, {payload:?}");
            panics += 1;
            if let Some(release) = error.release {
                assert_eq!(error.code, INTERNAL);
                // SAFETY: filled by the call above.
                unsafe { release(&raw mut error) };
            }
            let code = call(name, null_mut());
            assert!(code != 0 && code != INTERNAL, "{name} works again and refuses what it is given: {code}");
        }
    }
    panics
}

#[test]
fn every_exported_function_contains_a_panic() {
    // The same again and again, so many times.
    let rounds = std::env::var("BOWYER_TRUST_PANICS").ok().and_then(|text| text.parse().ok()).unwrap_or(42) / 42;
    let panics: usize = (0..rounds).map(|_| a_panic_in_each()).sum();
    let mut engine = 0;
    // SAFETY: outputs of ours.
    unsafe {
        assert_eq!(bowyer_engine_open(empty(), &raw mut engine, null_mut()), 0, "the library goes on working");
        assert_eq!(bowyer_release(engine), 0);
    }
    assert_eq!(panics, 42 * rounds, "two for each function with a body");
    println!("{panics} injected panics, two for each export in turn: each an error, 0 aborts");
}
