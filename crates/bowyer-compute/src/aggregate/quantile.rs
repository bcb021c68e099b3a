// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Exact quantiles: all values are kept, sorted into their groups at the end, and each group is partitioned around the
//! ranks asked for. Ranges of groups are independent then, so that threads can share them.
//!
//! NaNs and nulls are left out.

pub(super) mod held;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::ops::Range;
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
use super::{Accumulator, AggregateContext, Groups, PartialEvaluation};
use crate::{Coercion, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Options, Overload};
use held::Held;

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
        to_float: impl Fn(I) -> f64 + Copy + Send + Sync + 'static,
    ) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Quantile {
            how: How { shares: self.shares, interpolation: self.interpolation, to_float },
            values: Held::<I>::new(context.memory),
            presence: Presence::new(NullRule::new(context.options)?, context.memory)?,
            output_type: context.output_type.clone(),
        }))
    }
}

/// A thread of its own is worth it for so many values.
const SHARE_VALUES: usize = 1 << 16;

/// What is asked of the values of a group.
#[derive(Clone)]
struct How<F> {
    shares: Shares,
    interpolation: Interpolation,
    to_float: F,
}

struct Quantile<I, F> {
    how: How<F>,
    values: Held<I>,
    presence: Presence,
    output_type: DataType,
}

/// All values, of which those of some groups can be asked for.
struct Sorted<I, F> {
    how: How<F>,
    values: Held<I>,
    starts: Vec<usize>,
    nulls: Option<NullBuffer>,
    output_type: DataType,
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
        _ => part * high + (1.0 - part) * low,
    }
}

impl<I: ArrowNativeType, F: Fn(I) -> f64 + Copy + Send + Sync + 'static> Quantile<I, F> {
    /// What it holds, to be evaluated.
    fn sorted(&mut self, group_count: usize) -> Result<Sorted<I, F>> {
        let mut nulls = self.presence.finish(group_count)?;
        let none = Held::new(self.values.memory());
        let values = std::mem::replace(&mut self.values, none);
        let starts = values.starts(group_count);
        let is_empty = |group: usize| starts[group] == starts[group + 1];
        if (0..group_count).any(is_empty) {
            let valued = NullBuffer::from_iter((0..group_count).map(|group| !is_empty(group)));
            nulls = NullBuffer::union(nulls.as_ref(), Some(&valued));
        }
        Ok(Sorted { how: self.how.clone(), values, starts, nulls, output_type: self.output_type.clone() })
    }
}

impl<I: ArrowNativeType, F: Fn(I) -> f64 + Copy + Send + Sync + 'static> PartialEvaluation for Sorted<I, F> {
    fn shares(&self, count: usize) -> Vec<Range<usize>> {
        let group_count = self.starts.len() - 1;
        let all = self.starts[group_count];
        let count = count.min(all / SHARE_VALUES).max(1);
        let mut shares = Vec::with_capacity(count);
        let mut first = 0;
        for share in 1..count {
            let end = self.starts.partition_point(|&start| start < all / count * share).clamp(first, group_count);
            shares.push(first..end);
            first = end;
        }
        shares.retain(|share: &Range<usize>| !share.is_empty());
        shares.push(first..group_count);
        shares
    }

    fn evaluate(&self, groups: Range<usize>) -> Result<ArrayRef> {
        let How { shares, interpolation, to_float } = &self.how;
        let count = shares.shares.len();
        let nulls = self.nulls.as_ref().map(|nulls| nulls.slice(groups.start, groups.len()));
        let nulls = nulls.map(|valid| match count {
            1 => valid,
            _ => (0..groups.len() * count).map(|at| valid.is_valid(at / count)).collect(),
        });
        let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
        let memory = self.values.memory();
        let exact = !matches!(interpolation, Interpolation::Linear | Interpolation::Midpoint);
        let result_count = groups.len() * count;
        let mut floats = Lanes::filled(memory, if exact { 0 } else { result_count }, 0.0)?;
        let mut chosen = Lanes::filled(memory, if exact { result_count } else { 0 }, I::default())?;
        let mut values = self.values.gather(&groups, &self.starts)?;
        let base = self.starts[groups.start];
        for (index, group) in groups.clone().enumerate() {
            let of_group = &mut values[self.starts[group] - base..self.starts[group + 1] - base];
            if of_group.is_empty() {
                continue;
            }
            for (at, &share) in (index * count..).zip(&shares.shares) {
                let found = around(of_group, share);
                if exact {
                    chosen[at] = nearest(*interpolation, found);
                } else {
                    floats[at] = between(*interpolation, found, to_float);
                }
            }
        }
        let item = match &self.output_type {
            DataType::FixedSizeList(item, _) if shares.listed => item.data_type(),
            other => other,
        };
        let results: ArrayRef = if exact {
            to_array(chosen, nulls, item)?
        } else {
            Arc::new(Float64Array::new(floats.into_buffer(), nulls))
        };
        shares.finish(results, groups.len())
    }
}

impl<I: ArrowNativeType, F: Fn(I) -> f64 + Copy + Send + Sync + 'static> Accumulator for Quantile<I, F> {
    fn grows(&self) -> bool {
        true
    }

    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let input = Input::new(args)?;
        let values = input.values::<I>();
        self.presence.update(input.row_count(), input.nulls.as_ref(), groups)?;
        let is_number = |value: I| value.partial_cmp(&value).is_some();
        if input.nulls.is_none() && values.iter().all(|&value| is_number(value)) {
            return self.values.extend(&values, groups.indices());
        }
        let (mut kept, mut kept_groups) = (Vec::new(), Vec::new());
        input.each_valid(groups, |group, row| {
            if is_number(values[row]) {
                kept.push(values[row]);
                kept_groups.push(group as u32);
            }
        });
        self.values.extend(&kept, groups.indices().map(|_| kept_groups.as_slice()))
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        self.presence.merge(&other.presence, group_indices, group_count)?;
        self.values.append(other.values, group_indices)
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        self.sorted(group_count)?.evaluate(0..group_count)
    }

    fn in_parts(&mut self, group_count: usize) -> Result<Option<Box<dyn PartialEvaluation>>> {
        Ok(Some(Box::new(self.sorted(group_count)?)))
    }

    fn byte_len(&self) -> usize {
        self.values.byte_len() + self.presence.byte_len()
    }
}
