// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Sums of floats that keep what rounding takes away.
//!
//! The state is a sum and the sum of what its additions lost: Neumaier's form of Kahan's summation ("Rundungsfehleranalyse
//! einiger Verfahren zur Summation endlicher Summen", 1974), which also holds when a value is greater than the sum.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use bowyer_core::lanes::Lanes;
use bowyer_core::{Column, Result};

use super::floats::{Floats, as_numbers, of_one};
use super::input::same;
use super::presence::{MIN_COUNT_ONE, NullRule, Presence, SKIP_NULLS};
use super::{Accumulator, AggregateContext, Groups};
use crate::{Coercion, Example, Function, Kind};

pub(crate) const FAMILY: &[Function] = &[Function::aggregate("kahan_sum")
    .aliases(&["fsum"])
    .summary("Adds floats up and makes up for what each addition rounds away.")
    .notes(
        "A sum and what it lost are kept for each group (Neumaier's form of Kahan's summation). Integers and decimals \
         become 64-bit floats first; sum adds those exactly.",
    )
    .args(&["values"])
    .options(&[SKIP_NULLS, MIN_COUNT_ONE])
    .examples(&[Example::new(&["double [1e100, 1, -1e100]"], "scalar double 1")])
    .coercion(Coercion::Custom(as_numbers))
    .overloads(&of_one(compensated, Kind::Float64))];

fn compensated(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    Ok(Box::new(Compensated {
        states: Lanes::new(context.memory)?,
        presence: Presence::new(NullRule::new(context.options)?, context.memory)?,
    }))
}

/// Of a group: the sum, and the sum of what was lost.
type State = [f64; 2];

struct Compensated {
    states: Lanes<f64>,
    presence: Presence,
}

#[inline]
fn add([sum, lost]: &mut State, value: f64) {
    let next = *sum + value;
    *lost += if sum.abs() >= value.abs() { (*sum - next) + value } else { (value - next) + *sum };
    *sum = next;
}

/// Infinities and NaNs lose nothing that could be made up for.
fn total(&[sum, lost]: &State) -> f64 {
    if sum.is_finite() { sum + lost } else { sum }
}

impl Accumulator for Compensated {
    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let memory = self.states.memory().clone();
        let floats = Floats::of(&args[0], &memory)?;
        self.states.resize((2 * groups.group_count()).max(self.states.len()), 0.0)?;
        self.presence.update(floats.values.len(), floats.nulls.as_ref(), groups)?;
        let states = self.states.as_chunks_mut::<2>().0;
        floats.each(groups, |group, value| add(&mut states[group], value));
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        self.states.resize((2 * group_count).max(self.states.len()), 0.0)?;
        self.presence.merge(&other.presence, group_indices, group_count)?;
        let states = self.states.as_chunks_mut::<2>().0;
        for (&group, &[sum, lost]) in group_indices.iter().zip(other.states.as_chunks::<2>().0) {
            let held = &mut states[group as usize];
            add(held, sum);
            held[1] += lost;
        }
        Ok(())
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        self.states.resize(2 * group_count, 0.0)?;
        let sums: Vec<f64> = self.states.as_chunks::<2>().0.iter().map(total).collect();
        Ok(Arc::new(Float64Array::new(sums.into(), self.presence.finish(group_count)?)))
    }

    fn byte_len(&self) -> usize {
        self.states.byte_len() + self.presence.byte_len()
    }
}
