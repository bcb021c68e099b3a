// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Skewness and kurtosis: how far a distribution leans, and how heavy its ends are.
//!
//! A state is the count, the mean and the sums of the second, third and fourth powers of the distances from it. States
//! merge by the formulas of Pébay (2008).

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use bowyer_core::lanes::Lanes;
use bowyer_core::{Column, Result};

use super::floats::{Floats, as_numbers, of_one};
use super::input::same;
use super::presence::{MIN_COUNT_ZERO, NullRule, Presence, SKIP_NULLS};
use super::{Accumulator, AggregateContext, Groups};
use crate::{Coercion, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec};

const BIASED: OptionSpec = OptionSpec::new(
    "biased",
    OptionKind::Boolean,
    OptionDefault::Boolean(true),
    "Whether the values are all there are; if not, they are a sample.",
);

pub(crate) const FAMILY: &[Function] = &[
    Function::aggregate("skew")
        .aliases(&["hash_skew"])
        .summary("Computes the skewness of the values.")
        .notes("Equal values give NaN; a sample needs three values.")
        .args(&["values"])
        .options(&[SKIP_NULLS, BIASED, MIN_COUNT_ZERO])
        .examples(&[Example::new(&["double [0, 0, 3]"], "scalar double 0.7071067811865476")])
        .coercion(Coercion::Custom(as_numbers))
        .overloads(&of_one(|context| shape(context, skew), Kind::Float64)),
    Function::aggregate("kurtosis")
        .aliases(&["hash_kurtosis"])
        .summary("Computes the excess kurtosis of the values.")
        .notes("That of a normal distribution is zero. Equal values give NaN; a sample needs four values.")
        .args(&["values"])
        .options(&[SKIP_NULLS, BIASED, MIN_COUNT_ZERO])
        .examples(&[Example::new(&["double [1, 2, 3, 4]"], "scalar double -1.36")])
        .coercion(Coercion::Custom(as_numbers))
        .overloads(&of_one(|context| shape(context, kurtosis), Kind::Float64)),
];

/// Of a group: count, mean, and sums of the second, third and fourth powers of distances from the mean.
type State = [f64; 5];

/// The result of a state, if it has values enough; told whether the values are all there are.
type Finish = fn(&State, bool) -> Option<f64>;

fn skew(&[count, _, m2, m3, _]: &State, biased: bool) -> Option<f64> {
    let skew = count.sqrt() * m3 / (m2 * m2 * m2).sqrt();
    match biased {
        true => (count > 0.0).then_some(skew),
        false => (count > 2.0).then(|| skew * (count * (count - 1.0)).sqrt() / (count - 2.0)),
    }
}

fn kurtosis(&[count, _, m2, _, m4]: &State, biased: bool) -> Option<f64> {
    match biased {
        true => (count > 0.0).then_some(count * m4 / (m2 * m2) - 3.0),
        false => (count > 3.0).then(|| {
            let fourth = (count + 1.0) * count * (count - 1.0) * m4 / (m2 * m2);
            let less = count - 1.0;
            (fourth - 3.0 * (less * less)) / ((count - 2.0) * (count - 3.0))
        }),
    }
}

fn shape(context: &AggregateContext<'_>, finish: Finish) -> Result<Box<dyn Accumulator>> {
    Ok(Box::new(Shape {
        finish,
        biased: context.options.boolean("biased")?,
        states: Lanes::new(context.memory)?,
        presence: Presence::new(NullRule::new(context.options)?, context.memory)?,
    }))
}

struct Shape {
    finish: Finish,
    biased: bool,
    states: Lanes<f64>,
    presence: Presence,
}

fn merge_states(state: &mut State, other: &State) {
    let [n1, mean1, s2, s3, s4] = *state;
    let [n2, mean2, o2, o3, o4] = *other;
    if n2 == 0.0 {
        return;
    }
    if n1 == 0.0 {
        *state = *other;
        return;
    }
    let n = n1 + n2;
    let d = mean2 - mean1;
    let part = d / n;
    let m2 = s2 + o2 + d * part * n1 * n2;
    let m3 = s3 + o3 + d * part * part * n1 * n2 * (n1 - n2) + 3.0 * part * (n1 * o2 - n2 * s2);
    let m4 = s4
        + o4
        + d * part * part * part * n1 * n2 * (n1 * n1 - n1 * n2 + n2 * n2)
        + 6.0 * part * part * (n1 * n1 * o2 + n2 * n2 * s2)
        + 4.0 * part * (n1 * o3 - n2 * s3);
    *state = [n, mean1 + part * n2, m2, m3, m4];
}

/// The state of values in two passes.
fn state_of(values: &[f64]) -> State {
    let count = values.len() as f64;
    if values.is_empty() {
        return [0.0; 5];
    }
    let mean = values.iter().sum::<f64>() / count;
    let mut state = [count, mean, 0.0, 0.0, 0.0];
    for value in values {
        let d = value - mean;
        state[2] += d * d;
        state[3] += d * d * d;
        state[4] += d * d * d * d;
    }
    state
}

impl Accumulator for Shape {
    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let memory = self.states.memory().clone();
        let floats = Floats::of(&args[0], &memory)?;
        self.states.resize((5 * groups.group_count()).max(self.states.len()), 0.0)?;
        self.presence.update(floats.values.len(), floats.nulls.as_ref(), groups)?;
        let states = self.states.as_chunks_mut::<5>().0;
        if groups.indices().is_none() {
            let mut valid = Vec::with_capacity(floats.values.len());
            floats.each(groups, |_, value| valid.push(value));
            merge_states(&mut states[0], &state_of(&valid));
        } else {
            floats.each(groups, |group, value| merge_states(&mut states[group], &[1.0, value, 0.0, 0.0, 0.0]));
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        self.states.resize((5 * group_count).max(self.states.len()), 0.0)?;
        self.presence.merge(&other.presence, group_indices, group_count)?;
        let states = self.states.as_chunks_mut::<5>().0;
        for (&group, other) in group_indices.iter().zip(other.states.as_chunks::<5>().0) {
            merge_states(&mut states[group as usize], other);
        }
        Ok(())
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        self.states.resize(5 * group_count, 0.0)?;
        let nulls = self.presence.finish(group_count)?;
        let result = |(group, state): (usize, &State)| {
            let enough = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(group));
            (self.finish)(state, self.biased).filter(|_| enough)
        };
        Ok(Arc::new(self.states.as_chunks::<5>().0.iter().enumerate().map(result).collect::<Float64Array>()))
    }

    fn byte_len(&self) -> usize {
        self.states.byte_len() + self.presence.byte_len()
    }
}
