// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Plans whose bytes or JSON were damaged at random are prepared or refused with a code, and never end in a panic.
//!
//! The same damages in every run; `BOWYER_FUZZ_SECONDS` goes on for so long with others.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails stops there")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use bowyer::arrow_schema::{DataType, Field, Schema};
use bowyer::{ErrorCode, JoinKind, Plan, asc, col, count_all, desc, lit, sum};
use bowyer_engine::{Engine, plan_from_json, plan_to_json};

/// SplitMix64: short, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

fn plans() -> Vec<Vec<u8>> {
    let schema = Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("v", DataType::Float64, true),
        Field::new("s", DataType::Utf8, true),
        Field::new("l", DataType::List(Field::new("item", DataType::Int32, true).into()), true),
    ]);
    let table = || Plan::input("t", &schema);
    let plans = [
        table().filter(col("id").gt(lit(100_i64))),
        table().with([(col("v") + lit(1.0)).named("w")]).select(["w", "s"]),
        table().group_by(["s"], [count_all(), sum("v")]),
        table().sort([asc(col("s")), desc(col("v"))]).limit(10),
        table().join(&table().select(["id"]), JoinKind::Left, [("id", "id")]),
        table().union([&table()]).distinct(["s"]),
    ];
    plans.iter().map(|plan| plan.to_bytes().unwrap()).collect()
}

/// Changes, drops, doubles or moves a few bytes; numbers of text stay numbers more often than not.
fn damage(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        let end = (at + 1 + random.below(12)).min(bytes.len());
        match random.below(7) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => drop(bytes.drain(at..end)),
            3 => bytes.splice(at..at, bytes[at..end].to_vec()).for_each(drop),
            4 => {
                let from = random.below(other.len());
                let part = other[from..(from + random.below(40)).min(other.len())].to_vec();
                bytes.splice(at..end, part).for_each(drop);
            }
            5 => bytes.splice(at..at, [0xFF; 9]).for_each(drop),
            _ => match bytes[at..].iter().position(u8::is_ascii_digit) {
                Some(digit) => bytes[at + digit] = b'0' + random.below(10) as u8,
                None => bytes.truncate(at + 1),
            },
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
}

/// Whether the damaged plan is prepared.
fn attempt(engine: &Engine, plans: &[Vec<u8>], seed: u64) -> bool {
    let mut random = Random(seed);
    let (plan, other) = (&plans[random.below(plans.len())], &plans[random.below(plans.len())]);
    let bytes = if random.below(2) == 0 {
        let mut bytes = plan.clone();
        damage(&mut bytes, other, &mut random);
        // What can be read can be written, and reads again.
        if let Ok(json) = plan_to_json(&bytes) {
            plan_from_json(&json).unwrap();
        }
        bytes
    } else {
        let (mut json, other) = (plan_to_json(plan).unwrap().into_bytes(), plan_to_json(other).unwrap().into_bytes());
        damage(&mut json, &other, &mut random);
        match plan_from_json(&String::from_utf8_lossy(&json)) {
            Ok(bytes) => bytes,
            Err(error) => {
                assert_ne!(error.code(), ErrorCode::Internal, "{error}");
                return false;
            }
        }
    };
    match engine.prepare(&bytes) {
        Ok(_) => true,
        Err(error) => {
            assert_ne!(error.code(), ErrorCode::Internal, "{error}");
            false
        }
    }
}

#[test]
fn damaged_plans_are_prepared_or_refused() {
    let engine = Engine::open(&bowyer_engine::proto::EngineConfig::default()).unwrap();
    let plans = plans();
    let seconds = std::env::var("BOWYER_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let began = Instant::now();
    let mut prepared = 0_u64;
    let mut seed = 0;
    loop {
        let enough = match seconds {
            Some(seconds) => seed % 64 == 0 && began.elapsed() >= Duration::from_secs(seconds),
            None => seed >= 10_000,
        };
        if enough {
            break;
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| attempt(&engine, &plans, seed)));
        assert!(outcome.is_ok(), "seed {seed}");
        prepared += u64::from(outcome.unwrap());
        seed += 1;
    }
    println!("{seed} damaged plans, {prepared} of them prepared");
    assert!(prepared > 0 && prepared < seed, "{prepared} of {seed} prepared");
}
