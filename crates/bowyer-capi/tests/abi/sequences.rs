// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Handles used in any order: the right ones, those of other kinds, released, forged. A small model says of each call whether it may
//! go well; where it may not, it is `InvalidState`. `BOWYER_TRUST_SEQUENCES` gives another number of calls.

use std::collections::BTreeMap;
use std::ptr::null;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::{ArrayRef, Int64Array};
use arrow_ffi::c::{ArrowArray, OwnedArray, OwnedSchema};
use arrow_ffi::schema::export_schema;
use arrow_schema::{DataType, Field, Schema};
use bowyer_capi::exports::*;
use bowyer_core::ErrorCode;
use bowyer_engine::proto::{EngineConfig, FunctionCall};
use prost::Message as _;

use crate::calls::{Client, Lent, attempt, bytes, new_buffer, new_result};
use crate::queries::open_schema;

const CALLS: usize = 30_000;
/// As many engines as are open at a time: each has threads.
const ENGINES: usize = 3;

/// SplitMix64: short, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % limit.max(1) as u64) as usize
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Engine,
    Schema,
    Source,
    Function,
}

/// What the model knows of a handle that is alive.
#[derive(Clone, Copy, Debug)]
struct Known {
    kind: Kind,
    /// The handle of its engine; its own.
    engine: u64,
}

#[derive(Default)]
struct Model {
    alive: BTreeMap<u64, Known>,
    /// Engines that were closed or released.
    closed: Vec<u64>,
    /// All handles that were given out, the latest last.
    given: Vec<u64>,
}

impl Model {
    fn is(&self, handle: u64, kind: Kind) -> bool {
        self.alive.get(&handle).is_some_and(|known| known.kind == kind)
    }

    /// Alive, of this kind, and of an engine that takes calls.
    fn works(&self, handle: u64, kind: Kind) -> bool {
        self.alive.get(&handle).is_some_and(|known| known.kind == kind && !self.closed.contains(&known.engine))
    }

    fn add(&mut self, handle: u64, kind: Kind, engine: u64) {
        let before = self.alive.insert(handle, Known { kind, engine });
        assert!(before.is_none() && !self.gone(handle), "handle {handle:#x} was given out twice");
        self.given.push(handle);
    }

    /// Whether it was given out lately.
    fn gone(&self, handle: u64) -> bool {
        self.given.iter().rev().take(1000).any(|given| *given == handle)
    }

    fn pick(&self, random: &mut Random) -> u64 {
        if random.below(2) == 0
            && let Some(handle) = self.alive.keys().nth(random.below(self.alive.len()))
        {
            return *handle;
        }
        let recent = &self.given[self.given.len().saturating_sub(40)..];
        let known = recent.get(random.below(recent.len())).copied().unwrap_or_default();
        match random.below(12) {
            0 => 0,
            1 => u64::MAX,
            // A generation that no slot reaches.
            2 => known | 1 << 62,
            _ => known,
        }
    }
}

/// What calls are made with.
struct Tools {
    schema: OwnedSchema,
    lent: Lent,
    batch: Lent,
    call: Vec<u8>,
    config: Vec<u8>,
}

impl Tools {
    fn new() -> Self {
        let columns: [ArrayRef; 1] = [std::sync::Arc::new(Int64Array::from(vec![1, 2, 3]))];
        let schema = Schema::new(vec![Field::new("a", DataType::Int64, true)]);
        Self {
            schema: export_schema(&schema).unwrap(),
            lent: Lent::new(&columns, 3).arguments(&[false]),
            batch: Lent::new(&columns, 3),
            call: FunctionCall { function: "negate".to_owned(), ..Default::default() }.encode_to_vec(),
            config: EngineConfig { threads: 1, ..Default::default() }.encode_to_vec(),
        }
    }

    /// A handle that a call of an engine gives.
    fn make(&self, kind: Kind, engine: u64) -> Result<u64, i32> {
        let (mut handle, mut field) = (0, OwnedSchema::default());
        let schema = self.schema.as_raw();
        // SAFETY: our own exports and outputs.
        let outcome = attempt(|error| unsafe {
            match kind {
                Kind::Engine => bowyer_engine_open(bytes(&self.config), &raw mut handle, error),
                Kind::Schema => bowyer_schema_open(engine, schema, &raw mut handle, error),
                Kind::Source => bowyer_source_open(engine, schema, &raw mut handle, error),
                Kind::Function => {
                    let out = field.as_raw_mut();
                    bowyer_function_resolve(engine, bytes(&self.call), schema, &raw mut handle, out, error)
                }
            }
        });
        outcome.map(|()| handle).map_err(|failure| failure.code)
    }

    fn call(&self, function: u64) -> i32 {
        let (mut array, mut result) = (OwnedArray::default(), new_result());
        let out: *mut ArrowArray = array.as_raw_mut();
        let block = self.lent.block();
        let address = (&raw const block).expose_provenance();
        // SAFETY: the block is ours and true; outputs of ours.
        code(attempt(|error| unsafe { bowyer_function_call(null(), function, address, out, &raw mut result, error) }))
    }

    fn echo(&self, schema: u64) -> i32 {
        let (mut array, mut result) = (OwnedArray::default(), new_result());
        let out: *mut ArrowArray = array.as_raw_mut();
        let block = self.batch.block();
        let address = (&raw const block).expose_provenance();
        // SAFETY: as above.
        code(attempt(|error| unsafe { bowyer_block_echo(null(), schema, address, 1, out, &raw mut result, error) }))
    }
}

fn code(outcome: crate::calls::Outcome<()>) -> i32 {
    outcome.map_or_else(|failure| failure.code, |()| 0)
}

/// The statistics or the records of an object.
fn ask(object: u64, logs: bool) -> i32 {
    let mut buffer = new_buffer();
    let outcome = attempt(|error| {
        // SAFETY: an output of ours.
        unsafe {
            if logs {
                bowyer_engine_logs(object, &raw mut buffer, error)
            } else {
                bowyer_statistics(object, &raw mut buffer, error)
            }
        }
    });
    if let Some(release) = buffer.release {
        // SAFETY: the library's own buffer, once.
        unsafe { release(&raw mut buffer) };
    }
    code(outcome)
}

#[test]
fn handles_in_any_order_are_used_or_refused() {
    let calls = std::env::var("BOWYER_TRUST_SEQUENCES").ok().and_then(|text| text.parse().ok()).unwrap_or(CALLS);
    let (tools, mut model, mut random) = (Tools::new(), Model::default(), Random(1));
    let (mut well, mut refused) = (0, 0);
    for at in 0..calls {
        let handle = model.pick(&mut random);
        let engines = model.alive.values().filter(|known| known.kind == Kind::Engine).count();
        let (what, may, got) = match random.below(14) {
            0 if engines < ENGINES && random.below(20) == 0 => {
                let made = tools.make(Kind::Engine, 0);
                if let Ok(made) = made {
                    model.add(made, Kind::Engine, made);
                }
                ("open", true, made.err().unwrap_or(0))
            }
            kind @ 1..=6 if model.alive.len() < 40 => {
                let kind = [Kind::Schema, Kind::Source, Kind::Function][kind % 3];
                let may = model.works(handle, Kind::Engine);
                let made = tools.make(kind, handle);
                if let Ok(made) = made {
                    model.add(made, kind, handle);
                }
                ("make", may, made.err().unwrap_or(0))
            }
            7 => ("call", model.works(handle, Kind::Function), tools.call(handle)),
            8 => ("echo", model.works(handle, Kind::Schema), tools.echo(handle)),
            9 => ("statistics", model.is(handle, Kind::Engine), ask(handle, false)),
            10 => ("logs", model.is(handle, Kind::Engine), ask(handle, true)),
            11 => ("cancel", false, bowyer_query_cancel(handle)),
            12 if random.below(10) == 0 => {
                let may = model.is(handle, Kind::Engine);
                // SAFETY: no output but the error.
                let got = code(attempt(|error| unsafe { bowyer_engine_close(handle, error) }));
                if may {
                    model.closed.push(handle);
                }
                ("close", may, got)
            }
            // Engines live longer, or there would be nothing to use.
            _ if model.is(handle, Kind::Engine) && random.below(20) > 0 => continue,
            _ => {
                let known = model.alive.remove(&handle);
                if known.is_some_and(|known| known.kind == Kind::Engine) {
                    model.closed.push(handle);
                }
                ("release", known.is_some(), bowyer_release(handle))
            }
        };
        let expected = if may { 0 } else { ErrorCode::InvalidState as i32 };
        assert_eq!(got, expected, "call {at}: {what} of {handle:#x}, {:?}", model.alive.get(&handle));
        *(if may { &mut well } else { &mut refused }) += 1;
    }
    for handle in model.alive.keys() {
        assert_eq!(bowyer_release(*handle), 0);
    }
    println!("{calls} calls with handles in any order: {well} went well, {refused} were refused, each as it should be");
    assert!(well > calls / 20 && refused > calls / 20, "{well} and {refused}");
}

#[test]
fn of_threads_that_release_the_same_handle_one_does() {
    let client = Client::open(&EngineConfig { threads: 1, ..Default::default() });
    let schema = Schema::new(vec![Field::new("a", DataType::Int64, true)]);
    for _ in 0..20 {
        let handles: Vec<u64> = (0..32).map(|_| open_schema(&client, &schema)).collect();
        let released: Vec<AtomicUsize> = handles.iter().map(|_| AtomicUsize::new(0)).collect();
        std::thread::scope(|scope| {
            for seed in 0..4 {
                let (handles, released) = (&handles, &released);
                scope.spawn(move || {
                    let (tools, mut random) = (Tools::new(), Random(seed));
                    for _ in 0..200 {
                        let at = random.below(handles.len());
                        let releases = random.below(2) == 0;
                        let got = if releases { bowyer_release(handles[at]) } else { tools.echo(handles[at]) };
                        assert!(got == 0 || got == ErrorCode::InvalidState as i32, "code {got}");
                        released[at].fetch_add(usize::from(releases && got == 0), Ordering::Relaxed);
                    }
                });
            }
        });
        for (handle, released) in handles.iter().zip(&released) {
            let left = usize::from(bowyer_release(*handle) == 0);
            assert_eq!(released.load(Ordering::Relaxed) + left, 1, "handle {handle:#x}");
        }
    }
}
