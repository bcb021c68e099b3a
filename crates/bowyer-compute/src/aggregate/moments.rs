// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Mean, variance and standard deviation of numbers as 64-bit floats, and the mean of decimals.
//!
//! A mean is a sum and a count side by side, so that a row touches one cache line. A variance keeps, for each group,
//! sums of distances from the group's first value: no division for each row, and none of the cancellation that plain
//! sums of squares suffer from. Partial states merge by the formula of Chan, Golub and LeVeque.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow_array::types::{Decimal32Type, Decimal64Type, Decimal128Type};
use arrow_array::{Array, ArrayRef, Decimal256Array, Float64Array, make_array};
use arrow_buffer::{ArrowNativeType, NullBuffer, i256};
use arrow_schema::DataType;
use bowyer_core::lanes::Lanes;
use bowyer_core::{Column, Error, Result};

use super::fold::{Steps, reduce};
use super::input::{Input, same};
use super::presence::{MIN_COUNT_ONE, MIN_COUNT_ZERO, NullRule, Presence, SKIP_NULLS};
use super::sum::unsupported;
use super::{Accumulator, AggregateContext, Groups};
use crate::{Coercion, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Overload};

const DDOF: OptionSpec = OptionSpec::new(
    "ddof",
    OptionKind::Integer,
    OptionDefault::Integer(0),
    "What is taken from the count of values before dividing by it: 1 for a sample.",
);

pub(crate) const FAMILY: &[Function] = &[
    Function::aggregate("mean")
        .aliases(&["hash_mean"])
        .summary("Averages the values.")
        .notes("Integers are added as 64-bit floats. Decimals keep their type and round halves away from zero.")
        .args(&["values"])
        .options(&[SKIP_NULLS, MIN_COUNT_ONE])
        .examples(&[Example::new(&["int32 [1, null, 4]"], "scalar double 2.5")])
        .fallible_for(|types, _| types[0].is_decimal())
        .coercion(Coercion::Custom(null_as_float))
        .overloads(&[
            Overload::aggregate(&[Kind::Numeric], Kind::Float64, mean),
            Overload::aggregate(&[Kind::Float16], Kind::Float64, mean),
            Overload::aggregate(&[Kind::Boolean], Kind::Float64, mean),
            Overload::aggregate(&[Kind::AnyDecimal], Kind::SameAs(0), mean),
        ]),
    Function::aggregate("variance")
        .aliases(&["hash_variance"])
        .summary("Computes the variance of the values.")
        .args(&["values"])
        .options(&[DDOF, SKIP_NULLS, MIN_COUNT_ZERO])
        .examples(&[Example::new(&["int32 [1, 3]"], "scalar double 1")])
        .coercion(Coercion::Custom(null_as_float))
        .overloads(&spreads(variance)),
    Function::aggregate("stddev")
        .aliases(&["hash_stddev"])
        .summary("Computes the standard deviation of the values.")
        .args(&["values"])
        .options(&[DDOF, SKIP_NULLS, MIN_COUNT_ZERO])
        .examples(&[Example::new(&["int32 [1, 5]"], "scalar double 2")])
        .coercion(Coercion::Custom(null_as_float))
        .overloads(&spreads(stddev)),
];

type New = fn(&AggregateContext<'_>) -> Result<Box<dyn Accumulator>>;

const fn spreads(new: New) -> [Overload; 3] {
    [
        Overload::aggregate(&[Kind::Numeric], Kind::Float64, new),
        Overload::aggregate(&[Kind::Float16], Kind::Float64, new),
        Overload::aggregate(&[Kind::AnyDecimal], Kind::Float64, new),
    ]
}

/// Nothing but nulls is averaged as floats.
fn null_as_float(types: &[DataType]) -> Option<Vec<DataType>> {
    types.first().is_some_and(DataType::is_null).then(|| vec![DataType::Float64])
}

/// Makes an accumulator of numbers, given how to make it for one width.
pub(super) trait OfNumbers {
    fn make<I: ArrowNativeType>(
        self,
        context: &AggregateContext<'_>,
        to_float: impl Fn(I) -> f64 + Copy + Send + Sync + 'static,
    ) -> Result<Box<dyn Accumulator>>;
}

/// Calls `body` with the native of the first argument's type.
pub(super) fn of_numbers(
    what: &str,
    context: &AggregateContext<'_>,
    body: impl OfNumbers,
) -> Result<Box<dyn Accumulator>> {
    match context.types[0] {
        DataType::Boolean => body.make(context, |value: u8| f64::from(value)),
        DataType::Int8 => body.make(context, |value: i8| f64::from(value)),
        DataType::Int16 => body.make(context, |value: i16| f64::from(value)),
        DataType::Int32 => body.make(context, |value: i32| f64::from(value)),
        DataType::Int64 => body.make(context, |value: i64| value as f64),
        DataType::UInt8 => body.make(context, |value: u8| f64::from(value)),
        DataType::UInt16 => body.make(context, |value: u16| f64::from(value)),
        DataType::UInt32 => body.make(context, |value: u32| f64::from(value)),
        DataType::UInt64 => body.make(context, |value: u64| value as f64),
        DataType::Float16 => body.make(context, half::f16::to_f64),
        DataType::Float32 => body.make(context, |value: f32| f64::from(value)),
        DataType::Float64 => body.make(context, |value: f64| value),
        DataType::Decimal32(_, scale) => {
            let unit = 10_f64.powi(i32::from(scale));
            body.make(context, move |value: i32| f64::from(value) / unit)
        }
        DataType::Decimal64(_, scale) => {
            let unit = 10_f64.powi(i32::from(scale));
            body.make(context, move |value: i64| value as f64 / unit)
        }
        DataType::Decimal128(_, scale) => {
            let unit = 10_f64.powi(i32::from(scale));
            body.make(context, move |value: i128| value as f64 / unit)
        }
        DataType::Decimal256(_, scale) => {
            let unit = 10_f64.powi(i32::from(scale));
            body.make(context, move |value: i256| float_of(value) / unit)
        }
        ref other => Err(unsupported(what, other)),
    }
}

pub(super) fn float_of(value: i256) -> f64 {
    // From its magnitude: the parts of a negative number nearly cancel each other.
    let (low, high) = value.wrapping_abs().to_parts();
    let magnitude = high as u128 as f64 * 2_f64.powi(128) + low as f64;
    if value.is_negative() { -magnitude } else { magnitude }
}

#[expect(clippy::type_complexity, reason = "closures have no names to give an alias")]
fn sum_steps<I>(
    to_float: impl Fn(I) -> f64 + Copy,
) -> Steps<f64, impl Fn(f64, I) -> (f64, bool) + Copy, fn(f64, f64) -> (f64, bool)> {
    Steps {
        identity: 0.0,
        step: move |state: f64, value: I| (state + to_float(value), false),
        merge: |state: f64, other: f64| (state + other, false),
        holds: |_| true,
    }
}

fn mean(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    if context.types[0].is_decimal() {
        return mean_decimal(context);
    }
    struct Make;
    impl OfNumbers for Make {
        fn make<I: ArrowNativeType>(
            self,
            context: &AggregateContext<'_>,
            to_float: impl Fn(I) -> f64 + Copy + Send + Sync + 'static,
        ) -> Result<Box<dyn Accumulator>> {
            Ok(Box::new(Mean {
                to_float,
                states: Lanes::new(context.memory)?,
                presence: Presence::new(NullRule::new(context.options)?, context.memory)?,
                input: PhantomData::<fn(I)>,
            }))
        }
    }
    of_numbers("mean", context, Make)
}

/// For each group, the sum of its values and how many there are, as floats.
struct Mean<I, F> {
    to_float: F,
    states: Lanes<f64>,
    presence: Presence,
    input: PhantomData<fn(I)>,
}

impl<I: ArrowNativeType, F: Fn(I) -> f64 + Copy + Send + 'static> Accumulator for Mean<I, F> {
    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let input = Input::new(args)?;
        let values = input.values::<I>();
        self.states.resize((2 * groups.group_count()).max(self.states.len()), 0.0)?;
        self.presence.update(input.row_count(), input.nulls.as_ref(), groups)?;
        let to_float = self.to_float;
        let states = self.states.as_chunks_mut::<2>().0;
        match (groups.indices(), &input.nulls) {
            (None, None) => {
                states[0][0] += reduce(&values, sum_steps(to_float)).0;
                states[0][1] += values.len() as f64;
            }
            (Some(indices), None) => {
                for (&group, &value) in indices.iter().zip(&values[..]) {
                    let [sum, count] = &mut states[group as usize];
                    *sum += to_float(value);
                    *count += 1.0;
                }
            }
            (_, Some(_)) => input.each_valid(groups, |group, row| {
                states[group][0] += to_float(values[row]);
                states[group][1] += 1.0;
            }),
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        self.states.resize((2 * group_count).max(self.states.len()), 0.0)?;
        self.presence.merge(&other.presence, group_indices, group_count)?;
        let states = self.states.as_chunks_mut::<2>().0;
        for (&group, [sum, count]) in group_indices.iter().zip(other.states.as_chunks::<2>().0) {
            states[group as usize][0] += sum;
            states[group as usize][1] += count;
        }
        Ok(())
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        self.states.resize(2 * group_count, 0.0)?;
        let mut means = Lanes::filled(self.states.memory(), group_count, 0.0)?;
        for (mean, [sum, count]) in means.iter_mut().zip(self.states.as_chunks::<2>().0) {
            *mean = sum / count;
        }
        Ok(Arc::new(Float64Array::new(means.into_buffer(), self.presence.finish(group_count)?)))
    }

    fn byte_len(&self) -> usize {
        self.states.byte_len() + self.presence.byte_len()
    }
}

fn mean_decimal(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    fn make<I: ArrowNativeType>(context: &AggregateContext<'_>, widen: fn(I) -> i256) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(MeanDecimal {
            widen,
            sums: Lanes::new(context.memory)?,
            counts: Lanes::new(context.memory)?,
            presence: Presence::new(NullRule::new(context.options)?, context.memory)?,
            output_type: context.output_type.clone(),
        }))
    }
    match &context.types[0] {
        DataType::Decimal32(..) => make(context, |value: i32| i256::from_i128(i128::from(value))),
        DataType::Decimal64(..) => make(context, |value: i64| i256::from_i128(i128::from(value))),
        DataType::Decimal128(..) => make(context, i256::from_i128),
        DataType::Decimal256(..) => make(context, |value: i256| value),
        other => Err(unsupported("mean", other)),
    }
}

struct MeanDecimal<I> {
    widen: fn(I) -> i256,
    sums: Lanes<i256>,
    counts: Lanes<u64>,
    presence: Presence,
    output_type: DataType,
}

impl<I> MeanDecimal<I> {
    fn resize(&mut self, group_count: usize) -> Result<()> {
        self.sums.resize(group_count.max(self.sums.len()), i256::ZERO)?;
        self.counts.resize(group_count.max(self.counts.len()), 0)
    }
}

impl<I: ArrowNativeType> Accumulator for MeanDecimal<I> {
    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let input = Input::new(args)?;
        let values = input.values::<I>();
        self.resize(groups.group_count())?;
        self.presence.update(input.row_count(), input.nulls.as_ref(), groups)?;
        let (sums, counts) = (&mut self.sums[..], &mut self.counts[..]);
        // Values of 128 bits cannot leave 256 bits, wider ones can.
        let mut overflow = None;
        input.each_valid(groups, |group, row| {
            match sums[group].checked_add((self.widen)(values[row])) {
                Some(sum) => sums[group] = sum,
                None => overflow = overflow.or(Some(row)),
            }
            counts[group] += 1;
        });
        overflow.map_or(Ok(()), |row| Err(sum_overflow().at_row(row)))
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        self.resize(group_count)?;
        self.presence.merge(&other.presence, group_indices, group_count)?;
        for ((&group, &sum), &count) in group_indices.iter().zip(&other.sums[..]).zip(&other.counts[..]) {
            let group = group as usize;
            self.sums[group] = self.sums[group].checked_add(sum).ok_or_else(sum_overflow)?;
            self.counts[group] += count;
        }
        Ok(())
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        self.resize(group_count)?;
        let mut nulls = self.presence.finish(group_count)?;
        if self.counts[..group_count].contains(&0) {
            // Without values there is no mean, whatever `min_count` says: decimals have no NaN.
            let valued = NullBuffer::from_iter(self.counts[..group_count].iter().map(|&count| count > 0));
            nulls = NullBuffer::union(nulls.as_ref(), Some(&valued));
        }
        let means = self.sums.iter().zip(&self.counts[..]).take(group_count).map(|(&sum, &count)| {
            let count = i256::from_i128(i128::from(count.max(1)));
            let half = count.wrapping_div(i256::from_i128(2));
            let sum = if sum.is_negative() { sum.wrapping_sub(half) } else { sum.wrapping_add(half) };
            sum.wrapping_div(count)
        });
        let wide = Decimal256Array::new(means.collect::<Vec<_>>().into(), nulls);
        // A mean has no more digits than the values.
        let narrow = |value: i256| value.to_i128().unwrap_or(0);
        let means: ArrayRef = match self.output_type {
            DataType::Decimal32(..) => Arc::new(wide.unary::<_, Decimal32Type>(|value| narrow(value) as i32)),
            DataType::Decimal64(..) => Arc::new(wide.unary::<_, Decimal64Type>(|value| narrow(value) as i64)),
            DataType::Decimal128(..) => Arc::new(wide.unary::<_, Decimal128Type>(narrow)),
            _ => Arc::new(wide),
        };
        Ok(make_array(means.to_data().into_builder().data_type(self.output_type.clone()).build()?))
    }

    fn byte_len(&self) -> usize {
        self.sums.byte_len() + self.counts.byte_len() + self.presence.byte_len()
    }
}

#[cold]
fn sum_overflow() -> Error {
    Error::overflow("the sum of the values does not fit 256 bits")
}

fn variance(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    of_numbers("variance", context, MakeSpread { root: false })
}

fn stddev(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    of_numbers("stddev", context, MakeSpread { root: true })
}

struct MakeSpread {
    root: bool,
}

impl OfNumbers for MakeSpread {
    fn make<I: ArrowNativeType>(
        self,
        context: &AggregateContext<'_>,
        to_float: impl Fn(I) -> f64 + Copy + Send + Sync + 'static,
    ) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Spread {
            to_float,
            root: self.root,
            ddof: context.options.integer("ddof")? as f64,
            states: Lanes::new(context.memory)?,
            presence: Presence::new(NullRule::new(context.options)?, context.memory)?,
            input: PhantomData::<fn(I)>,
        }))
    }
}

/// Of a group: its first value, and of all values' distances from it the count, the sum and the sum of squares.
type SpreadState = [f64; 4];

struct Spread<I, F> {
    to_float: F,
    root: bool,
    ddof: f64,
    states: Lanes<f64>,
    presence: Presence,
    input: PhantomData<fn(I)>,
}

#[inline]
fn add_distance([first, count, sum, squares]: &mut SpreadState, value: f64) {
    if *count == 0.0 {
        *first = value;
    }
    let distance = value - *first;
    *count += 1.0;
    *sum += distance;
    *squares += distance * distance;
}

/// The sum of squared distances from the mean.
fn around_mean(&[_, count, sum, squares]: &SpreadState) -> f64 {
    if squares == f64::INFINITY && sum.is_finite() {
        return squares; // too large for a double, and still a number
    }
    // Rounding may leave less than nothing; a NaN stays.
    let around = squares - sum * (sum / count);
    if around < 0.0 { 0.0 } else { around }
}

fn merge_spread(state: &mut SpreadState, other: &SpreadState) {
    if other[1] == 0.0 {
        return;
    }
    if state[1] == 0.0 {
        *state = *other;
        return;
    }
    let (count, others) = (state[1], other[1]);
    let (mean, other_mean) = (state[0] + state[2] / count, other[0] + other[2] / others);
    let distance = other_mean - mean;
    let around = around_mean(state) + around_mean(other) + distance * distance * (count * others / (count + others));
    let merged_mean = mean + distance * (others / (count + others));
    // The merged state measures from its mean: its sum of distances is zero.
    *state = [merged_mean, count + others, 0.0, around];
}

/// The state of a whole column: around the mean of each block, in two passes.
fn spread_of<I: Copy>(values: &[I], to_float: impl Fn(I) -> f64 + Copy) -> SpreadState {
    let mut state = [0.0; 4];
    for block in values.chunks(4096) {
        let mean = reduce(block, sum_steps(to_float)).0 / block.len() as f64;
        let squared = move |value| {
            let distance = to_float(value) - mean;
            distance * distance
        };
        let around = reduce(block, sum_steps(squared)).0;
        merge_spread(&mut state, &[mean, block.len() as f64, 0.0, around]);
    }
    state
}

impl<I: ArrowNativeType, F: Fn(I) -> f64 + Copy + Send + 'static> Accumulator for Spread<I, F> {
    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let input = Input::new(args)?;
        let values = input.values::<I>();
        self.states.resize((4 * groups.group_count()).max(self.states.len()), 0.0)?;
        self.presence.update(input.row_count(), input.nulls.as_ref(), groups)?;
        let to_float = self.to_float;
        let states = self.states.as_chunks_mut::<4>().0;
        match (groups.indices(), &input.nulls) {
            (None, None) => merge_spread(&mut states[0], &spread_of(&values, to_float)),
            (Some(indices), None) => {
                for (&group, &value) in indices.iter().zip(&values[..]) {
                    add_distance(&mut states[group as usize], to_float(value));
                }
            }
            (_, Some(_)) => {
                input.each_valid(groups, |group, row| add_distance(&mut states[group], to_float(values[row])));
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        self.states.resize((4 * group_count).max(self.states.len()), 0.0)?;
        self.presence.merge(&other.presence, group_indices, group_count)?;
        let states = self.states.as_chunks_mut::<4>().0;
        for (&group, other) in group_indices.iter().zip(other.states.as_chunks::<4>().0) {
            merge_spread(&mut states[group as usize], other);
        }
        Ok(())
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        self.states.resize(4 * group_count, 0.0)?;
        let mut results = Lanes::filled(self.states.memory(), group_count, 0.0)?;
        let states = self.states.as_chunks::<4>().0;
        let nulls = self.presence.finish(group_count)?;
        // With no more values than `ddof` there is nothing to divide by.
        let enough = states.iter().all(|state| state[1] > self.ddof);
        let nulls = if enough {
            nulls
        } else {
            let enough = NullBuffer::from_iter(states.iter().map(|state| state[1] > self.ddof));
            NullBuffer::union(nulls.as_ref(), Some(&enough))
        };
        for (result, state) in results.iter_mut().zip(states) {
            let variance = around_mean(state) / (state[1] - self.ddof);
            *result = if self.root { variance.sqrt() } else { variance };
        }
        Ok(Arc::new(Float64Array::new(results.into_buffer(), nulls)))
    }

    fn byte_len(&self) -> usize {
        self.states.byte_len() + self.presence.byte_len()
    }
}
