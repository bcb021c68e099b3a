// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! How far values are from their median, in the middle: a measure of spread that outliers do not move.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use bowyer_core::{Column, Result};

use super::floats::{Floats, as_numbers, of_one};
use super::input::same;
use super::presence::{MIN_COUNT_ZERO, NullRule, Presence, SKIP_NULLS};
use super::quantile::held::Held;
use super::{Accumulator, AggregateContext, Groups};
use crate::{Coercion, Example, Function, Kind};

pub(crate) const FAMILY: &[Function] = &[Function::aggregate("mad")
    .aliases(&["median_absolute_deviation"])
    .summary("Computes the median of the distances from the median.")
    .notes("NaNs and nulls are left out. Between two values a median is their mean.")
    .args(&["values"])
    .options(&[SKIP_NULLS, MIN_COUNT_ZERO])
    .examples(&[Example::new(&["int32 [1, 2, 3, 4, 100]"], "scalar double 1")])
    .coercion(Coercion::Custom(as_numbers))
    .overloads(&of_one(deviation, Kind::Float64))];

fn deviation(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    Ok(Box::new(Deviation {
        values: Held::new(context.memory),
        presence: Presence::new(NullRule::new(context.options)?, context.memory)?,
    }))
}

struct Deviation {
    values: Held<f64>,
    presence: Presence,
}

/// The median of some values, none of them NaN, whose order is lost.
fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let even = values.len().is_multiple_of(2);
    let (below, &mut high, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let low = if even { below.iter().copied().max_by(f64::total_cmp).unwrap_or(high) } else { high };
    Some(if low == high { low } else { low / 2.0 + high / 2.0 })
}

fn deviation_of(values: &mut [f64]) -> Option<f64> {
    let middle = median(values)?;
    // An infinite value is no distance from an infinite median.
    values.iter_mut().for_each(|value| *value = if *value == middle { 0.0 } else { (*value - middle).abs() });
    median(values)
}

impl Accumulator for Deviation {
    fn grows(&self) -> bool {
        true
    }

    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let floats = Floats::of(&args[0], self.values.memory())?;
        self.presence.update(floats.values.len(), floats.nulls.as_ref(), groups)?;
        let (mut kept, mut kept_groups) = (Vec::new(), Vec::new());
        floats.each(groups, |group, value| {
            if !value.is_nan() {
                kept.push(value);
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
        let nulls = self.presence.finish(group_count)?;
        let starts = self.values.starts(group_count);
        let mut values = self.values.gather(&(0..group_count), &starts)?;
        let deviations = (0..group_count).map(|group| {
            let valid = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(group));
            deviation_of(&mut values[starts[group]..starts[group + 1]]).filter(|_| valid)
        });
        Ok(Arc::new(deviations.collect::<Float64Array>()))
    }

    fn byte_len(&self) -> usize {
        self.values.byte_len() + self.presence.byte_len()
    }
}
