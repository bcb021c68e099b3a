// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Good arrays, damaged at random: whatever comes of it is refused, or is an array that holds what its type promises.
//!
//! The same damages in every run, from the seed that is printed with a failure. `BOWYER_FUZZ_SECONDS` goes on for so long
//! with other seeds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use arrow_array::{Array, ArrayRef};
use arrow_ffi::guard::Level;
use arrow_ffi::schema::import_field;
use arrow_ffi::{Rejections, Shape};

use crate::structs::{ArrayTable, ArrayText, Case, Structs};
use crate::{Parts, cases, imported};

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

    /// A number that is likely to be at an edge.
    fn edge(&mut self) -> i64 {
        let edges = [
            0,
            1,
            2,
            3,
            7,
            8,
            9,
            64,
            -1,
            -2,
            127,
            128,
            255,
            256,
            i64::from(i32::MAX),
            i64::from(i32::MIN),
            i64::MAX,
            i64::MIN,
        ];
        match self.below(4) {
            0 => self.next() as i64,
            1 => 1 << self.below(63),
            _ => edges[self.below(edges.len())],
        }
    }
}

/// Damages a node of the tree, chosen by walking down.
fn damage(table: &mut ArrayTable, random: &mut Random) {
    let below = table.children.len() + usize::from(table.dictionary.is_some());
    if below > 0 && random.below(3) > 0 {
        let at = random.below(below);
        let child = table.children.get_mut(at).or(table.dictionary.as_mut());
        if let Some(ArrayText::Table(child)) = child {
            return damage(child, random);
        }
    }
    match random.below(12) {
        0 => table.length = random.edge(),
        1 => table.length = table.length.wrapping_add(random.edge() % 4),
        2 => table.offset = random.edge(),
        3 => table.null_count = random.edge(),
        // A list of buffers has as many entries as it says, or a few more here: nobody can see where it ends.
        4 => {
            let count = table.buffers.len() as i64;
            let claims = [i64::MIN, -1, 0, count - 1, count + 1, count + 2, i64::MAX];
            table.n_buffers = Some(claims[random.below(claims.len())]);
        }
        5 => table.n_children = Some(random.edge()),
        _ => {
            let count = table.buffers.len();
            if let Some(buffer) = table.buffers.get_mut(random.below(count)) {
                bytes(buffer, random);
            }
        }
    }
}

/// Damages a buffer in its hexadecimal form.
fn bytes(buffer: &mut String, random: &mut Random) {
    if buffer == "null" {
        *buffer = ["", "00", "ff", "5a5a"][random.below(4)].to_owned();
        return;
    }
    let byte_len = buffer.len() / 2;
    let at = random.below(byte_len) * 2;
    match random.below(8) {
        0 => buffer.truncate(at),
        1 => *buffer = "null".to_owned(),
        2 => buffer.push_str(&buffer.clone()),
        3 | 4 if byte_len > 0 => buffer.replace_range(at..at + 2, &format!("{:02x}", random.next() as u8)),
        5 if byte_len >= 4 => {
            let at = random.below(byte_len / 4) * 8;
            let number: String =
                (random.edge() as i32).to_le_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
            buffer.replace_range(at..at + 8, &number);
        }
        _ if byte_len >= 8 => {
            let at = random.below(byte_len / 8) * 16;
            let number: String = random.edge().to_le_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
            buffer.replace_range(at..at + 16, &number);
        }
        _ => buffer.insert_str(at, "80"),
    }
}

/// Whether every node is short enough to look at each of its rows.
fn is_short(table: &ArrayTable) -> bool {
    let child = |child: &ArrayText| matches!(child, ArrayText::Table(child) if is_short(child));
    table.length < 4096 && table.children.iter().chain(table.dictionary.as_ref()).all(child)
}

/// Reads every value of an array that was taken.
fn look(array: &ArrayRef, level: Level) -> Result<(), String> {
    let data = array.to_data();
    match data.validate_full() {
        // arrow-rs also counts nulls that no row shows; below the highest level, values and nulls below are not looked at.
        Err(error) if error.to_string().contains("non-nullable") => {}
        Err(error) if level < Level::Full && error.to_string().contains("precision") => {}
        outcome => outcome.map_err(|error| error.to_string())?,
    }
    if data == array.slice(0, array.len()).to_data() { Ok(()) } else { Err("it is not what it is".to_owned()) }
}

fn attempt(case: &Case, seed: u64) -> bool {
    let mut random = Random(seed);
    let mut damaged = case.clone();
    let ArrayText::Table(table) = &mut damaged.array else { return false };
    for _ in 0..=random.below(3) {
        damage(table, &mut random);
    }
    let short = is_short(table);
    let mut structs = Structs::default();
    let schema = structs.schema(&damaged.schema);
    // SAFETY: pointers lead where they say or are null.
    let field = unsafe { import_field(schema, &Rejections::default()) }.unwrap();
    let shape = Shape::of_field(&field);
    let mut taken = false;
    for level in [Level::Bounds, Level::Full] {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            imported(&damaged, &shape, level, &Parts, |outcome, _| match outcome {
                Ok(array) if short => look(array, level).map(|()| true),
                Ok(_) => Ok(true),
                Err(_) => Ok(false),
            })
        }));
        let outcome = outcome.unwrap_or_else(|_| Err("a panic".to_owned()));
        taken |= outcome.unwrap_or_else(|complaint| {
            std::panic::resume_unwind(Box::new(format!(
                "{}, seed {seed}, {level:?}: {complaint}\n{damaged:?}",
                case.name
            )))
        });
    }
    taken
}

#[test]
fn damaged_arrays_are_refused_or_hold_what_they_promise() {
    let cases: Vec<Case> = cases().into_iter().filter(|case| case.refused.is_none()).collect();
    let seconds = std::env::var("BOWYER_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let began = Instant::now();
    let (mut tried, mut taken) = (0_u64, 0_u64);
    for round in 0_u64.. {
        let enough = match seconds {
            Some(seconds) => began.elapsed() >= Duration::from_secs(seconds),
            None => round >= 40,
        };
        if enough {
            break;
        }
        for (at, case) in cases.iter().enumerate() {
            let seed = round << 32 | at as u64;
            let outcome = catch_unwind(AssertUnwindSafe(|| attempt(case, seed)));
            let outcome = outcome.map_err(|why| why.downcast_ref::<String>().cloned().unwrap_or_default());
            tried += 1;
            taken += u64::from(outcome.unwrap());
        }
    }
    println!("{tried} damaged arrays, {taken} of them taken");
    assert!(taken > tried / 100 && taken < tried, "{taken} of {tried} taken: damages are too weak or too strong");
}
