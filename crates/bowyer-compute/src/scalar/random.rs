// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Random numbers, by the generator PCG XSL RR 128/64 of M. E. O'Neill: one seed gives the same numbers everywhere.

use std::any::Any;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use bowyer_core::{Error, Output, Result};

use crate::{
    Args, BindContext, Example, Function, Kind, Nulls, OptionDefault, OptionKind, OptionSpec, OptionValue, Overload,
};

/// The functions of this family.
pub const FAMILY: &[Function] = &[Function::scalar("random")
    .summary("Draws a number from 0 to below 1 for each row.")
    .notes("The numbers of one seed go on from call to call of what was bound.")
    .args(&[])
    .options(&[OptionSpec::new(
        "initializer",
        OptionKind::Scalar,
        OptionDefault::Utf8("system"),
        "A seed, or system for one that differs each time.",
    )])
    .examples(&[Example::new(&[], "double [0.15802686859384152]").with(&[("initializer", "42")])])
    .nulls(Nulls::Never)
    .nondeterministic()
    .prepare(prepare)
    .overloads(&[Overload::new(&[], Kind::Float64, random)])];

const MULTIPLIER: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;
const INCREMENT: u128 = 0x5851_f42d_4c95_7f2d_1405_7b7e_f767_814f;

struct Generator(u128);

impl Generator {
    fn new(seed: u64) -> Self {
        Self(u128::from(seed).wrapping_add(INCREMENT).wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT))
    }

    fn next(&mut self) -> u64 {
        let state = self.0.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT);
        self.0 = state;
        let folded = (state >> 64) as u64 ^ state as u64;
        folded.rotate_right((state >> 122) as u32)
    }
}

fn prepare(context: &BindContext<'_>) -> Result<Box<dyn Any + Send + Sync>> {
    let refused = || Error::invalid_argument("it is neither an integer nor system").for_argument("initializer");
    let seed = match context.options.get("initializer")? {
        OptionValue::Array(value) => match value.as_primitive_opt::<Int64Type>() {
            Some(seed) => seed.value(0) as u64,
            None if value.as_string_opt::<i32>().is_some_and(|text| text.value(0) == "system") => system_seed(),
            None => return Err(refused()),
        },
        _ => system_seed(),
    };
    Ok(Box::new(Mutex::new(Generator::new(seed))))
}

/// Every hasher of the standard library begins with other random keys.
fn system_seed() -> u64 {
    RandomState::new().hash_one(0)
}

fn random(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let mut generator = args.state::<Mutex<Generator>>()?.lock().unwrap_or_else(PoisonError::into_inner);
    for out in output.fixed::<f64>()? {
        *out = (generator.next() >> 11) as f64 / (1u64 << 53) as f64;
    }
    Ok(())
}
