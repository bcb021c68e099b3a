// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Plans as bytes and as JSON: prepared, or refused with a code. What can be read can be written, and reads again.

#![no_main]

use std::sync::LazyLock;

use bowyer_core::ErrorCode;
use bowyer_engine::{Engine, plan_from_json, plan_to_json};
use libfuzzer_sys::fuzz_target;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let config = bowyer_engine::proto::EngineConfig { threads: 1, ..Default::default() };
    Engine::open(&config).unwrap_or_else(|error| panic!("{error}"))
});

fuzz_target!(|bytes: &[u8]| {
    let Some((form, content)) = bytes.split_first() else { return };
    let plan = if form % 2 == 0 {
        if let Ok(json) = plan_to_json(content) {
            assert!(plan_from_json(&json).is_ok(), "what was written does not read: {json}");
        }
        content.to_vec()
    } else {
        match plan_from_json(&String::from_utf8_lossy(content)) {
            Ok(plan) => plan,
            Err(error) => return assert_ne!(error.code(), ErrorCode::Internal, "{error}"),
        }
    };
    if let Err(error) = ENGINE.prepare(&plan) {
        assert_ne!(error.code(), ErrorCode::Internal, "{error}");
    }
});
