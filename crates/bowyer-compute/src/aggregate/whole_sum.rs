// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Sums of integers that fail only when the whole sum does not fit.
//!
//! A state wraps around and its wraps are counted apart, so that the order in which values and partial sums meet changes
//! nothing: a sum fits when its count is back at zero at the end. Columns of one group are added in lanes that mark
//! an overflow in a sign bit, which vector units can do; only a block that is marked is added again one by one.

use std::marker::PhantomData;

use arrow_array::ArrayRef;
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_schema::DataType;
use bowyer_core::arch::vectorised;
use bowyer_core::lanes::Lanes;
use bowyer_core::{Column, Error, Memory, Result};

use super::input::{Input, same, take_states, to_array};
use super::presence::{NullRule, Presence};
use super::{Accumulator, AggregateContext, Groups};

/// A 64-bit integer that sums are kept in.
pub(super) trait Whole: ArrowNativeType {
    const ZERO: Self;

    /// The wrapped sum, and a word whose highest bit says whether it wrapped.
    fn marked(self, other: Self) -> (Self, u64);

    /// How often a sum wrapped upwards when adding `other` wrapped it.
    fn direction(other: Self) -> i64;
}

impl Whole for i64 {
    const ZERO: Self = 0;

    #[inline(always)]
    fn marked(self, other: Self) -> (Self, u64) {
        let sum = self.wrapping_add(other);
        (sum, ((self ^ sum) & (other ^ sum)).cast_unsigned())
    }

    fn direction(other: Self) -> i64 {
        if other < 0 { -1 } else { 1 }
    }
}

impl Whole for u64 {
    const ZERO: Self = 0;

    #[inline(always)]
    fn marked(self, other: Self) -> (Self, u64) {
        let sum = self.wrapping_add(other);
        (sum, (self & other) | ((self | other) & !sum))
    }

    fn direction(_: Self) -> i64 {
        1
    }
}

const MARK: u64 = 1 << 63;

/// Adds to a sum; the wraps, which are almost always none.
#[inline(always)]
fn add<S: Whole>(sum: &mut S, other: S) -> i64 {
    let (next, mark) = sum.marked(other);
    *sum = next;
    if mark & MARK == 0 { 0 } else { S::direction(other) }
}

struct WholeSum<I, S> {
    sums: Lanes<S>,
    /// For each group the wraps of its sum; empty while no sum has wrapped.
    wraps: Lanes<i64>,
    presence: Presence,
    output_type: DataType,
    memory: Memory,
    input: PhantomData<fn(I)>,
}

/// An accumulator that adds integers `I` up in 64 bits.
pub(super) fn whole_sum<I, S>(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>>
where
    I: ArrowNativeType,
    S: Whole + From<I>,
{
    Ok(Box::new(WholeSum {
        sums: Lanes::<S>::new(context.memory)?,
        wraps: Lanes::new(context.memory)?,
        presence: Presence::new(NullRule::new(context.options)?, context.memory)?,
        output_type: context.output_type.clone(),
        memory: context.memory.clone(),
        input: PhantomData::<fn(I)>,
    }))
}

impl<I, S> WholeSum<I, S>
where
    I: ArrowNativeType,
    S: Whole + From<I>,
{
    /// Adds a value to the sum of each row's group.
    fn step(&mut self, rows: impl Iterator<Item = (u32, S)>) -> Result<()> {
        let mut wrapped = Vec::new();
        let sums = &mut self.sums[..];
        for (group, value) in rows {
            let wraps = add(&mut sums[group as usize], value);
            if wraps != 0 {
                wrapped.push((group, wraps));
            }
        }
        wrapped.into_iter().try_for_each(|(group, wraps)| self.wrap(group, wraps))
    }

    #[cold]
    fn wrap(&mut self, group: u32, wraps: i64) -> Result<()> {
        if self.wraps.len() < self.sums.len() {
            self.wraps.resize(self.sums.len(), 0)?;
        }
        self.wraps[group as usize] += wraps;
        Ok(())
    }
}

impl<I, S> Accumulator for WholeSum<I, S>
where
    I: ArrowNativeType,
    S: Whole + From<I>,
{
    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let input = Input::new(args)?;
        let values = input.values::<I>();
        self.sums.resize(groups.group_count().max(self.sums.len()), S::ZERO)?;
        self.presence.update(input.row_count(), input.nulls.as_ref(), groups)?;
        match (groups.indices(), &input.nulls) {
            (None, nulls) => {
                let (sum, mut wraps) = match nulls {
                    None => reduce::<I, S, false>(&values, std::iter::repeat(u64::MAX)),
                    Some(nulls) => reduce::<I, S, true>(&values, words(nulls)),
                };
                wraps += add(&mut self.sums[0], sum);
                if wraps == 0 { Ok(()) } else { self.wrap(0, wraps) }
            }
            (Some(indices), None) => {
                self.step(indices.iter().zip(&values[..]).map(|(&group, &value)| (group, S::from(value))))
            }
            (Some(indices), Some(nulls)) => {
                let value = |(row, &value)| if nulls.is_valid(row) { S::from(value) } else { S::ZERO };
                self.step(indices.iter().copied().zip(values.iter().enumerate().map(value)))
            }
        }
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        self.sums.resize(group_count.max(self.sums.len()), S::ZERO)?;
        self.presence.merge(&other.presence, group_indices, group_count)?;
        self.step(group_indices.iter().copied().zip(other.sums.iter().copied()))?;
        for (&group, &wraps) in group_indices.iter().zip(&other.wraps[..]) {
            if wraps != 0 {
                self.wrap(group, wraps)?;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        let sums = take_states(&mut self.sums, group_count, S::ZERO)?;
        let wraps = std::mem::replace(&mut self.wraps, Lanes::new(&self.memory)?);
        if wraps.iter().take(group_count).any(|&wraps| wraps != 0) {
            return Err(Error::overflow(format!("the result does not fit {}", self.output_type)));
        }
        to_array(sums, self.presence.finish(group_count)?, &self.output_type)
    }

    fn byte_len(&self) -> usize {
        self.sums.byte_len() + self.wraps.byte_len() + self.presence.byte_len()
    }
}

/// The validity of 64 rows at a time.
fn words(nulls: &NullBuffer) -> impl Iterator<Item = u64> {
    let chunks = nulls.inner().bit_chunks();
    chunks.iter().chain([chunks.remainder_bits()])
}

const LANES: usize = 16;
const WORD: usize = 64;
/// Words between two looks for marks.
const BLOCK: usize = 64;

/// The sum of the valid values, and how often it wrapped.
fn reduce<I, S, const NULLS: bool>(values: &[I], mut validity: impl Iterator<Item = u64>) -> (S, i64)
where
    I: ArrowNativeType,
    S: Whole + From<I>,
{
    let (mut sum, mut wraps) = (S::ZERO, 0);
    let (chunks, rest) = values.as_chunks::<WORD>();
    let mut valid = [u64::MAX; BLOCK];
    for block in chunks.chunks(BLOCK) {
        if NULLS {
            valid.iter_mut().zip(validity.by_ref().take(block.len())).for_each(|(held, word)| *held = word);
        }
        let (lanes, marks) = vectorised(
            #[inline(always)]
            || add_block::<I, S, NULLS>(block, &valid),
        );
        if marks & MARK == 0 {
            wraps += lanes.into_iter().map(|lane| add(&mut sum, lane)).sum::<i64>();
        } else {
            for (chunk, &word) in block.iter().zip(&valid) {
                wraps += add_word(&mut sum, chunk, word);
            }
        }
    }
    wraps += add_word(&mut sum, rest, validity.next().unwrap_or(0));
    (sum, wraps)
}

/// The sum of each lane, and the marks of all.
#[inline(always)]
fn add_block<I, S, const NULLS: bool>(block: &[[I; WORD]], validity: &[u64; BLOCK]) -> ([S; LANES], u64)
where
    I: ArrowNativeType,
    S: Whole + From<I>,
{
    let mut sums = [S::ZERO; LANES];
    let mut marks = [0; LANES];
    for (chunk, &word) in block.iter().zip(validity) {
        let (steps, _) = chunk.as_chunks::<LANES>();
        for (step, values) in steps.iter().enumerate() {
            for lane in 0..LANES {
                let value = S::from(values[lane]);
                let valid = !NULLS || word >> (step * LANES + lane) & 1 == 1;
                let (sum, mark) = sums[lane].marked(if valid { value } else { S::ZERO });
                sums[lane] = sum;
                marks[lane] |= mark;
            }
        }
    }
    (sums, marks.into_iter().fold(0, |all, mark| all | mark))
}

/// Adds the valid ones of at most 64 values one by one.
fn add_word<I: ArrowNativeType, S: Whole + From<I>>(sum: &mut S, values: &[I], word: u64) -> i64 {
    let valid = values.iter().enumerate().filter(|(row, _)| word >> row & 1 == 1);
    valid.map(|(_, &value)| add(sum, S::from(value))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(values: &[i64], valid: impl Fn(usize) -> bool) -> i128 {
        values.iter().enumerate().filter(|(row, _)| valid(*row)).map(|(_, &value)| i128::from(value)).sum()
    }

    fn value_of<S: Into<i128>>((sum, wraps): (S, i64)) -> i128 {
        sum.into() + (i128::from(wraps) << 64)
    }

    #[test]
    fn blocks_rests_and_wraps_give_the_exact_sum() {
        for len in [0, 1, 63, 64, 65, 4095, 4096, 4097, 20_000] {
            for scale in [1, i64::MAX / 7, i64::MIN / 3] {
                let values: Vec<i64> = (0..len).map(|row: i64| (row * 0x9E37 % 13 - 5).wrapping_mul(scale)).collect();
                assert_eq!(
                    value_of(reduce::<i64, i64, false>(&values, std::iter::repeat(u64::MAX))),
                    wide(&values, |_| true),
                    "{len} values of scale {scale}"
                );
                let nulls: NullBuffer = (0..values.len() + 3).map(|row| row % 5 != 1).collect();
                let nulls = nulls.slice(3, values.len());
                assert_eq!(
                    value_of(reduce::<i64, i64, true>(&values, words(&nulls))),
                    wide(&values, |row| nulls.is_valid(row)),
                    "{len} values of scale {scale} with nulls"
                );
            }
        }
        let values = vec![u64::MAX / 3; 10_000];
        assert_eq!(
            value_of(reduce::<u64, u64, false>(&values, std::iter::repeat(u64::MAX))),
            10_000 * i128::from(u64::MAX / 3)
        );
    }
}
