// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What benches of single operators share: random tables, plans over them, and an ear for their queries.
//!
//! The tables have a key of 64 bits, the same as a float and as a text, and a small number; no two runs differ.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};

use arrow_array::{ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use bowyer_engine::{Engine, Notify, Prepared, plan_from_json};

/// Numbers that look random and are the same on every run.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// What a query tells.
pub(crate) enum Heard {
    /// There is a result.
    Ready,
    /// An input, by its index, wants so many batches.
    Wanted(u32, u32),
}

/// Passes on what a query tells.
pub(crate) struct Listener(Mutex<Sender<Heard>>);

impl Listener {
    pub(crate) fn new(sender: Sender<Heard>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(sender)))
    }
}

impl Notify for Listener {
    fn output_ready(&self, _: u32) {
        let _ = self.0.lock().unwrap().send(Heard::Ready);
    }

    fn input_wanted(&self, input: u32, credits: u32) {
        let _ = self.0.lock().unwrap().send(Heard::Wanted(input, credits));
    }
}

/// Some rows with an integer, a float, a text and a small number, by a seed.
pub(crate) fn batch(rows: usize, seed: u64) -> RecordBatch {
    let mut numbers = Numbers(seed);
    let key: Vec<u64> = (0..rows).map(|_| numbers.next()).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("i", Arc::new(Int64Array::from_iter_values(key.iter().map(|&key| key as i64)))),
        ("f", Arc::new(Float64Array::from_iter_values(key.iter().map(|&key| (key >> 11) as f64 / 9.0e15)))),
        ("s", Arc::new(StringArray::from_iter_values(key.iter().map(|key| format!("id{:010}", key % 100_000_000))))),
        ("n", Arc::new(Int32Array::from_iter_values(key.iter().map(|&key| (key % 1000) as i32)))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// A plan over two such tables, `t` and `u`; relation 0 scans `t`.
pub(crate) fn prepare(engine: &Engine, relations: &str, output: usize) -> Prepared {
    let schema = r#"{"fields":[{"name":"i","format":"l"},{"name":"f","format":"g"},{"name":"s","format":"u"},{"name":"n","format":"i"}]}"#;
    let plan = format!(
        r#"{{"version":1,"inputs":[{{"name":"t","schema":{schema}}},{{"name":"u","schema":{schema}}}],
        "relations":[{{"scan":{{}}}},{relations}],"outputs":[{{"name":"out","relation":{output}}}]}}"#
    );
    engine.prepare(&plan_from_json(&plan).unwrap()).unwrap()
}

/// A number from the environment.
pub(crate) fn setting(name: &str, default: f64) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse::<f64>().ok()).unwrap_or(default) as usize
}
