// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Exact quantiles: all values are kept, sorted into their groups at the end, and each group is partitioned around the
//! ranks asked for.
//!
//! NaNs and nulls are left out.

use std::cmp::Ordering;
use std::marker::PhantomData;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_schema::DataType;
use bowyer_core::lanes::Lanes;
use bowyer_core::{Column, Result};

use super::input::{Input, same, to_array};
use super::moments::{OfNumbers, of_numbers};
use super::presence::{MIN_COUNT_ZERO, NullRule, Presence, SKIP_NULLS};
use super::shares::{Q, Shares, listed};
use super::{Accumulator, AggregateContext, Groups};
use crate::{Coercion, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Options, Overload};

const INTERPOLATION: OptionSpec = OptionSpec::new(
    "interpolation",
    OptionKind::Choice(&["linear", "lower", "higher", "nearest", "midpoint"]),
    OptionDefault::Utf8("linear"),
    "What to give when the quantile lies between two values.",
);

pub(crate) const FAMILY: &[Function] = &[
    Function::aggregate("quantile")
        .summary("Finds an exact quantile of the values.")
        .notes(
            "NaNs and nulls are left out. Linear and midpoint give 64-bit floats, the others the values' type; nearest \
             takes the even rank of two that are equally near. Several shares give a list.",
        )
        .args(&["values"])
        .options(&[Q, INTERPOLATION, SKIP_NULLS, MIN_COUNT_ZERO])
        .examples(&[
            Example::new(&["int32 [1, 2, 3, 4]"], "scalar double 2.5"),
            Example::new(&["int32 [1, 2, 3, 4]"], "scalar int32 2").with(&[("interpolation", "\"lower\"")]),
        ])
        .prepare(|context| Ok(Box::new(Shares::of(context.options)?)))
        .coercion(Coercion::Custom(null_as_float))
        .overloads(&quantiles(quantile, Kind::Computed(quantile_type))),
    Function::aggregate("median")
        .summary("Finds the exact median of the values.")
        .notes("NaNs and nulls are left out. Between two values it is their mean.")
        .args(&["values"])
        .options(&[SKIP_NULLS, MIN_COUNT_ZERO])
        .examples(&[Example::new(&["int32 [1, 2, 3, 4]"], "scalar double 2.5")])
        .coercion(Coercion::Custom(null_as_float))
        .overloads(&quantiles(median, Kind::Float64)),
];

type New = fn(&AggregateContext<'_>) -> Result<Box<dyn Accumulator>>;

const fn quantiles(new: New, output: Kind) -> [Overload; 3] {
    [
        Overload::aggregate(&[Kind::Numeric], output, new),
        Overload::aggregate(&[Kind::Float16], output, new),
        Overload::aggregate(&[Kind::AnyDecimal], output, new),
    ]
}

fn null_as_float(types: &[DataType]) -> Option<Vec<DataType>> {
    types.first().is_some_and(DataType::is_null).then(|| vec![DataType::Float64])
}

fn quantile_type(types: &[DataType], options: &Options) -> Result<DataType> {
    let item = match options.utf8("interpolation")? {
        "linear" | "midpoint" => DataType::Float64,
        _ => types[0].clone(),
    };
    listed(item, options)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Interpolation {
    Linear,
    Lower,
    Higher,
    Nearest,
    Midpoint,
}

fn quantile(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    let interpolation = match context.options.utf8("interpolation")? {
        "lower" => Interpolation::Lower,
        "higher" => Interpolation::Higher,
        "nearest" => Interpolation::Nearest,
        "midpoint" => Interpolation::Midpoint,
        _ => Interpolation::Linear,
    };
    of_numbers("quantile", context, Make { shares: Shares::of(context.options)?, interpolation })
}

fn median(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    of_numbers(
        "median",
        context,
        Make { shares: Shares { shares: vec![0.5], listed: false }, interpolation: Interpolation::Linear },
    )
}

struct Make {
    shares: Shares,
    interpolation: Interpolation,
}

impl OfNumbers for Make {
    fn make<I: ArrowNativeType>(
        self,
        context: &AggregateContext<'_>,
        to_float: impl Fn(I) -> f64 + Copy + Send + 'static,
    ) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Quantile {
            shares: self.shares,
            interpolation: self.interpolation,
            to_float,
            values: Lanes::<I>::new(context.memory)?,
            group_indices: None,
            presence: Presence::new(NullRule::new(context.options)?, context.memory)?,
            output_type: context.output_type.clone(),
            value: PhantomData::<fn(I)>,
        }))
    }
}

struct Quantile<I, F> {
    shares: Shares,
    interpolation: Interpolation,
    to_float: F,
    values: Lanes<I>,
    /// The group of each value; all belong to group 0 until a second one is seen.
    group_indices: Option<Lanes<u32>>,
    presence: Presence,
    output_type: DataType,
    value: PhantomData<fn(I)>,
}

impl<I: ArrowNativeType, F: Fn(I) -> f64 + Copy> Quantile<I, F> {
    /// Notes the groups of the values that are about to be added.
    fn indices(&mut self) -> Result<&mut Lanes<u32>> {
        match &mut self.group_indices {
            Some(indices) => Ok(indices),
            none => Ok(none.insert(Lanes::filled(self.values.memory(), self.values.len(), 0)?)),
        }
    }

    /// The values of each group beside each other: where group `i` begins is at `i`, and the end at the end.
    fn by_group(&mut self, group_count: usize) -> Result<Vec<usize>> {
        let Some(indices) = self.group_indices.take() else {
            let mut starts = vec![self.values.len(); group_count + 1];
            starts[0] = 0;
            return Ok(starts);
        };
        let mut starts = vec![0; group_count + 1];
        for &group in &indices[..] {
            starts[group as usize + 1] += 1;
        }
        for group in 0..group_count {
            starts[group + 1] += starts[group];
        }
        let mut sorted = Lanes::filled(self.values.memory(), self.values.len(), I::default())?;
        let mut next = starts.clone();
        let out = &mut sorted[..];
        for (&value, &group) in self.values.iter().zip(&indices[..]) {
            let at = &mut next[group as usize];
            out[*at] = value;
            *at += 1;
        }
        self.values = sorted;
        Ok(starts)
    }
}

/// The two values around a rank, and how far it is from the lower to the higher.
fn around<I: ArrowNativeType>(values: &mut [I], share: f64) -> (I, I, f64, usize) {
    let compare = |a: &I, b: &I| a.partial_cmp(b).unwrap_or(Ordering::Equal);
    let rank = share * (values.len() - 1) as f64;
    let lower = (rank as usize).min(values.len() - 1);
    let (_, &mut low, above) = values.select_nth_unstable_by(lower, compare);
    let part = rank - lower as f64;
    let high = if part > 0.0 { above.iter().copied().min_by(compare).unwrap_or(low) } else { low };
    (low, high, part, lower)
}

/// The one of two values that a quantile is.
fn nearest<I>(interpolation: Interpolation, (low, high, part, rank): (I, I, f64, usize)) -> I {
    let up = match interpolation {
        Interpolation::Higher => true,
        Interpolation::Nearest => part > 0.5 || (part == 0.5 && rank % 2 == 1),
        _ => false,
    };
    if up { high } else { low }
}

/// A number between two values.
fn between<I>(
    interpolation: Interpolation,
    (low, high, part, _): (I, I, f64, usize),
    to_float: impl Fn(I) -> f64,
) -> f64 {
    let (low, high) = (to_float(low), to_float(high));
    match interpolation {
        _ if part == 0.0 => low,
        Interpolation::Midpoint => low / 2.0 + high / 2.0,
        _ => part.mul_add(high, (1.0 - part) * low),
    }
}

impl<I: ArrowNativeType, F: Fn(I) -> f64 + Copy + Send + 'static> Accumulator for Quantile<I, F> {
    fn grows(&self) -> bool {
        true
    }

    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let input = Input::new(args)?;
        let values = input.values::<I>();
        self.presence.update(input.row_count(), input.nulls.as_ref(), groups)?;
        let is_number = |value: I| value.partial_cmp(&value).is_some();
        let plain = input.nulls.is_none() && values.iter().all(|&value| is_number(value));
        let grouped = groups.indices().is_some() || self.group_indices.is_some();
        if plain {
            if grouped {
                let count = values.len();
                let held = self.indices()?;
                match groups.indices() {
                    Some(indices) => held.extend_from_slice(indices)?,
                    None => held.resize(held.len() + count, 0)?,
                }
            }
            return self.values.extend_from_slice(&values);
        }
        let (mut kept, mut kept_groups) = (Vec::new(), Vec::new());
        input.each_valid(groups, |group, row| {
            if is_number(values[row]) {
                kept.push(values[row]);
                kept_groups.push(group as u32);
            }
        });
        if grouped {
            self.indices()?.extend_from_slice(&kept_groups)?;
        }
        self.values.extend_from_slice(&kept)
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        self.presence.merge(&other.presence, group_indices, group_count)?;
        if group_count > 1 || self.group_indices.is_some() {
            let groups: Vec<u32> = match &other.group_indices {
                Some(indices) => indices.iter().map(|&group| group_indices[group as usize]).collect(),
                None => vec![group_indices.first().copied().unwrap_or(0); other.values.len()],
            };
            self.indices()?.extend_from_slice(&groups)?;
        }
        self.values.extend_from_slice(&other.values)
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        let mut nulls = self.presence.finish(group_count)?;
        let starts = self.by_group(group_count)?;
        let is_empty = |group: usize| starts[group] == starts[group + 1];
        if (0..group_count).any(is_empty) {
            let valued = NullBuffer::from_iter((0..group_count).map(|group| !is_empty(group)));
            nulls = NullBuffer::union(nulls.as_ref(), Some(&valued));
        }
        let count = self.shares.shares.len();
        if let Some(valid) = nulls.take_if(|_| count > 1) {
            nulls = Some((0..group_count * count).map(|at| valid.is_valid(at / count)).collect());
        }
        let memory = self.values.memory().clone();
        let exact = !matches!(self.interpolation, Interpolation::Linear | Interpolation::Midpoint);
        let mut floats = Lanes::filled(&memory, if exact { 0 } else { group_count * count }, 0.0)?;
        let mut chosen = Lanes::filled(&memory, if exact { group_count * count } else { 0 }, I::default())?;
        let (to_float, interpolation) = (self.to_float, self.interpolation);
        let values = &mut self.values[..];
        for group in (0..group_count).filter(|&group| !is_empty(group)) {
            for (at, &share) in (group * count..).zip(&self.shares.shares) {
                let found = around(&mut values[starts[group]..starts[group + 1]], share);
                if exact {
                    chosen[at] = nearest(interpolation, found);
                } else {
                    floats[at] = between(interpolation, found, to_float);
                }
            }
        }
        let item = match &self.output_type {
            DataType::FixedSizeList(item, _) if self.shares.listed => item.data_type(),
            other => other,
        };
        let results: ArrayRef = if exact {
            to_array(chosen, nulls, item)?
        } else {
            Arc::new(Float64Array::new(floats.into_buffer(), nulls))
        };
        self.shares.finish(results, group_count)
    }

    fn byte_len(&self) -> usize {
        self.values.byte_len() + self.group_indices.as_ref().map_or(0, Lanes::byte_len) + self.presence.byte_len()
    }
}
