// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Aggregates whose state is one value and whose step is one closure: sums, products, extremes.
//!
//! A step gives the next state and whether it overflowed, which wrapping closures never do, so that the compiler drops
//! it. Whole columns are folded in eight independent lanes, in blocks that are then merged in pairs: the lanes are what
//! vector units want, and for floats the pairs keep rounding errors small.

use std::marker::PhantomData;

use arrow_array::ArrayRef;
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_schema::DataType;
use bowyer_core::lanes::Lanes;
use bowyer_core::{Column, Error, Result};

use super::input::{Input, same, take_states, to_array};
use super::presence::{NullRule, Presence};
use super::{Accumulator, AggregateContext, Groups};

/// What makes one fold differ from another.
#[derive(Clone, Copy)]
pub(super) struct Steps<S, F, M> {
    /// The state without values, which merging leaves other states alone.
    pub(super) identity: S,
    /// A state and a value, to the next state and whether it overflowed.
    pub(super) step: F,
    /// Two states to one.
    pub(super) merge: M,
    /// Whether a final state is one that the result's type can hold.
    pub(super) holds: fn(S) -> bool,
}

struct Fold<I, S, F, M> {
    steps: Steps<S, F, M>,
    /// Whether every value is stepped by in its turn.
    in_order: bool,
    states: Lanes<S>,
    presence: Presence,
    output_type: DataType,
    input: PhantomData<fn(I)>,
}

/// An accumulator that folds natives `I` into states `S`.
pub(super) fn fold<I, S, F, M>(context: &AggregateContext<'_>, steps: Steps<S, F, M>) -> Result<Box<dyn Accumulator>>
where
    I: ArrowNativeType,
    S: ArrowNativeType,
    F: Fn(S, I) -> (S, bool) + Copy + Send + 'static,
    M: Fn(S, S) -> (S, bool) + Copy + Send + 'static,
{
    fold_by::<I, S, F, M>(context, NullRule::new(context.options)?, steps)
}

/// As [`fold`], with a rule of its own for nulls.
pub(super) fn fold_by<I, S, F, M>(
    context: &AggregateContext<'_>,
    rule: NullRule,
    steps: Steps<S, F, M>,
) -> Result<Box<dyn Accumulator>>
where
    I: ArrowNativeType,
    S: ArrowNativeType,
    F: Fn(S, I) -> (S, bool) + Copy + Send + 'static,
    M: Fn(S, S) -> (S, bool) + Copy + Send + 'static,
{
    new::<I, S, F, M>(context, rule, steps, false)
}

/// As [`fold`], value after value: for steps that round, whose answer depends on the order.
pub(super) fn fold_in_order<I, S, F, M>(
    context: &AggregateContext<'_>,
    steps: Steps<S, F, M>,
) -> Result<Box<dyn Accumulator>>
where
    I: ArrowNativeType,
    S: ArrowNativeType,
    F: Fn(S, I) -> (S, bool) + Copy + Send + 'static,
    M: Fn(S, S) -> (S, bool) + Copy + Send + 'static,
{
    new::<I, S, F, M>(context, NullRule::new(context.options)?, steps, true)
}

fn new<I, S, F, M>(
    context: &AggregateContext<'_>,
    rule: NullRule,
    steps: Steps<S, F, M>,
    in_order: bool,
) -> Result<Box<dyn Accumulator>>
where
    I: ArrowNativeType,
    S: ArrowNativeType,
    F: Fn(S, I) -> (S, bool) + Copy + Send + 'static,
    M: Fn(S, S) -> (S, bool) + Copy + Send + 'static,
{
    Ok(Box::new(Fold {
        steps,
        in_order,
        states: Lanes::new(context.memory)?,
        presence: Presence::new(rule, context.memory)?,
        output_type: context.output_type.clone(),
        input: PhantomData::<fn(I)>,
    }))
}

impl<I, S, F, M> Accumulator for Fold<I, S, F, M>
where
    I: ArrowNativeType,
    S: ArrowNativeType,
    F: Fn(S, I) -> (S, bool) + Copy + Send + 'static,
    M: Fn(S, S) -> (S, bool) + Copy + Send + 'static,
{
    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let input = Input::new(args)?;
        let values = input.values::<I>();
        let steps = self.steps;
        self.states.resize(groups.group_count().max(self.states.len()), steps.identity)?;
        self.presence.update(input.row_count(), input.nulls.as_ref(), groups)?;
        let one_group = if self.in_order && groups.indices().is_none() { vec![0; input.row_count()] } else { vec![] };
        let indices = groups.indices().or_else(|| self.in_order.then_some(one_group.as_slice()));
        let overflowed = match (indices, &input.nulls) {
            (None, nulls) => {
                let (state, overflowed) = match nulls {
                    None => reduce(&values, steps),
                    Some(nulls) => reduce_valid(&values, nulls, steps),
                };
                let (state, again) = (steps.merge)(self.states[0], state);
                self.states[0] = state;
                overflowed | again
            }
            (Some(indices), None) => step_groups(&mut self.states, &values, indices, steps.step),
            (Some(indices), Some(nulls)) => step_valid(&mut self.states, &values, indices, nulls, steps.step),
        };
        if overflowed { Err(overflow(&self.output_type)) } else { Ok(()) }
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        self.states.resize(group_count.max(self.states.len()), self.steps.identity)?;
        self.presence.merge(&other.presence, group_indices, group_count)?;
        if step_groups(&mut self.states, &other.states, group_indices, self.steps.merge) {
            return Err(overflow(&self.output_type));
        }
        Ok(())
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        let states = take_states(&mut self.states, group_count, self.steps.identity)?;
        if !states.iter().all(|&state| (self.steps.holds)(state)) {
            return Err(overflow(&self.output_type));
        }
        to_array(states, self.presence.finish(group_count)?, &self.output_type)
    }

    fn byte_len(&self) -> usize {
        self.states.byte_len() + self.presence.byte_len()
    }
}

#[cold]
fn overflow(output_type: &DataType) -> Error {
    Error::overflow(format!("the result does not fit {output_type}"))
}

const LANES: usize = 8;
const BLOCK: usize = 4096;

/// The state of all values.
pub(super) fn reduce<I: Copy, S: Copy, F, M>(values: &[I], steps: Steps<S, F, M>) -> (S, bool)
where
    F: Fn(S, I) -> (S, bool) + Copy,
    M: Fn(S, S) -> (S, bool) + Copy,
{
    if values.len() > BLOCK {
        let middle = (values.len() / 2).next_multiple_of(BLOCK);
        let (left, right) = values.split_at(middle.min(values.len()));
        let ((left, a), (right, b)) = (reduce(left, steps), reduce(right, steps));
        let (state, c) = (steps.merge)(left, right);
        return (state, a | b | c);
    }
    let mut lanes = [steps.identity; LANES];
    let mut overflowed = false;
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            let (state, over) = (steps.step)(*lane, value);
            *lane = state;
            overflowed |= over;
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(rest) {
        let (state, over) = (steps.step)(*lane, value);
        *lane = state;
        overflowed |= over;
    }
    merge_lanes(lanes, overflowed, steps.merge)
}

fn merge_lanes<S: Copy>(mut lanes: [S; LANES], mut overflowed: bool, merge: impl Fn(S, S) -> (S, bool)) -> (S, bool) {
    for width in [4, 2, 1] {
        for lane in 0..width {
            let (state, over) = merge(lanes[lane], lanes[lane + width]);
            lanes[lane] = state;
            overflowed |= over;
        }
    }
    (lanes[0], overflowed)
}

/// The state of the valid values.
fn reduce_valid<I: Copy, S: Copy, F, M>(values: &[I], nulls: &NullBuffer, steps: Steps<S, F, M>) -> (S, bool)
where
    F: Fn(S, I) -> (S, bool) + Copy,
    M: Fn(S, S) -> (S, bool) + Copy,
{
    let chunks = nulls.inner().bit_chunks();
    let mut words = chunks.iter().chain([chunks.remainder_bits()]);
    let mut total = (steps.identity, false);
    for block in values.chunks(BLOCK) {
        let mut lanes = [steps.identity; LANES];
        let mut overflowed = false;
        for values in block.chunks(64) {
            let word = words.next().unwrap_or(0);
            for (row, &value) in values.iter().enumerate() {
                let (state, over) = (steps.step)(lanes[row % LANES], value);
                let valid = word >> row & 1 == 1;
                lanes[row % LANES] = if valid { state } else { lanes[row % LANES] };
                overflowed |= over & valid;
            }
        }
        let (state, over) = merge_lanes(lanes, overflowed, steps.merge);
        let (state, again) = (steps.merge)(total.0, state);
        total = (state, total.1 | over | again);
    }
    total
}

/// Steps the state of each row's group.
fn step_groups<I: Copy, S: Copy>(
    states: &mut [S],
    values: &[I],
    indices: &[u32],
    step: impl Fn(S, I) -> (S, bool),
) -> bool {
    let mut overflowed = false;
    for (&group, &value) in indices.iter().zip(values) {
        let held = &mut states[group as usize];
        let (state, over) = step(*held, value);
        *held = state;
        overflowed |= over;
    }
    overflowed
}

fn step_valid<I: Copy, S: Copy>(
    states: &mut [S],
    values: &[I],
    indices: &[u32],
    nulls: &NullBuffer,
    step: impl Fn(S, I) -> (S, bool),
) -> bool {
    let mut overflowed = false;
    for (row, (&group, &value)) in indices.iter().zip(values).enumerate() {
        let held = &mut states[group as usize];
        let (state, over) = step(*held, value);
        let valid = nulls.is_valid(row);
        *held = if valid { state } else { *held };
        overflowed |= over & valid;
    }
    overflowed
}
