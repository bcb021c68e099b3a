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
use bowyer_core::{Column, Error, Result};

use super::input::{Input, same, to_array};
use super::moments::{OfNumbers, of_numbers};
use super::presence::{MIN_COUNT_ZERO, NullRule, Presence, SKIP_NULLS};
use super::{Accumulator, AggregateContext, Groups};
use crate::{BindContext, Coercion, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Options, Overload};

const Q: OptionSpec =
    OptionSpec::new("q", OptionKind::Float, OptionDefault::Float(0.5), "The share of values below, from 0 to 1.");
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
             takes the even rank of two that are equally near.",
        )
        .args(&["values"])
        .options(&[Q, INTERPOLATION, SKIP_NULLS, MIN_COUNT_ZERO])
        .examples(&[
            Example::new(&["int32 [1, 2, 3, 4]"], "scalar double 2.5"),
            Example::new(&["int32 [1, 2, 3, 4]"], "scalar int32 2").with(&[("interpolation", "\"lower\"")]),
        ])
        .prepare(check_share)
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
    match options.utf8("interpolation")? {
        "linear" | "midpoint" => Ok(DataType::Float64),
        _ => types.first().cloned().ok_or_else(|| Error::internal("quantile without its argument")),
    }
}

fn check_share(context: &BindContext<'_>) -> Result<Box<dyn std::any::Any + Send + Sync>> {
    let share = context.options.float("q")?;
    if (0.0..=1.0).contains(&share) {
        return Ok(Box::new(()));
    }
    Err(Error::invalid_argument(format!("{share} is not between 0 and 1")).for_argument("q"))
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
    of_numbers("quantile", context, Make { share: context.options.float("q")?, interpolation })
}

fn median(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    of_numbers("median", context, Make { share: 0.5, interpolation: Interpolation::Linear })
}

struct Make {
    share: f64,
    interpolation: Interpolation,
}

impl OfNumbers for Make {
    fn make<I: ArrowNativeType>(
        self,
        context: &AggregateContext<'_>,
        to_float: impl Fn(I) -> f64 + Copy + Send + 'static,
    ) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Quantile {
            share: self.share,
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
    share: f64,
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

impl<I: ArrowNativeType, F: Fn(I) -> f64 + Copy + Send + 'static> Accumulator for Quantile<I, F> {
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
        let memory = self.values.memory().clone();
        let exact = !matches!(self.interpolation, Interpolation::Linear | Interpolation::Midpoint);
        let mut floats = Lanes::filled(&memory, if exact { 0 } else { group_count }, 0.0)?;
        let mut chosen = Lanes::filled(&memory, if exact { group_count } else { 0 }, I::default())?;
        let to_float = self.to_float;
        let values = &mut self.values[..];
        for group in (0..group_count).filter(|&group| !is_empty(group)) {
            let (low, high, part, rank) = around(&mut values[starts[group]..starts[group + 1]], self.share);
            match self.interpolation {
                Interpolation::Linear if part == 0.0 => floats[group] = to_float(low),
                Interpolation::Linear => floats[group] = part.mul_add(to_float(high), (1.0 - part) * to_float(low)),
                Interpolation::Midpoint if part == 0.0 => floats[group] = to_float(low),
                Interpolation::Midpoint => floats[group] = to_float(low) / 2.0 + to_float(high) / 2.0,
                Interpolation::Lower => chosen[group] = low,
                Interpolation::Higher => chosen[group] = high,
                Interpolation::Nearest => {
                    let up = part > 0.5 || (part == 0.5 && rank % 2 == 1);
                    chosen[group] = if up { high } else { low };
                }
            }
        }
        if exact {
            to_array(chosen, nulls, &self.output_type)
        } else {
            Ok(Arc::new(Float64Array::new(floats.into_buffer(), nulls)))
        }
    }

    fn byte_len(&self) -> usize {
        self.values.byte_len() + self.group_indices.as_ref().map_or(0, Lanes::byte_len) + self.presence.byte_len()
    }
}
