// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Quantiles that are nearly right, from a sketch of bounded size: a merging t-digest.
//!
//! Values are gathered into centroids, small ones at the ends of the distribution and large ones in its middle, as
//! T. Dunning's scale function k₁ allows. NaNs and nulls are left out.

use std::f64::consts::PI;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use arrow_schema::DataType;
use bowyer_core::{Charge, Column, Error, Memory, Result};

use super::floats::{Floats, as_numbers, of_one};
use super::input::same;
use super::presence::{MIN_COUNT_ONE, MIN_COUNT_ZERO, NullRule, Presence, SKIP_NULLS};
use super::shares::{Q, Shares, listed};
use super::{Accumulator, AggregateContext, Groups};
use crate::{Coercion, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec};

const DELTA: OptionSpec = OptionSpec::new(
    "delta",
    OptionKind::Integer,
    OptionDefault::Integer(100),
    "About how many centroids are kept: more are more exact.",
);
const BUFFER_SIZE: OptionSpec = OptionSpec::new(
    "buffer_size",
    OptionKind::Integer,
    OptionDefault::Integer(500),
    "How many values are gathered before they are merged into centroids.",
);

pub(crate) const FAMILY: &[Function] = &[
    Function::aggregate("tdigest")
        .aliases(&["hash_tdigest"])
        .summary("Estimates quantiles of the values from a small sketch of them.")
        .notes("NaNs and nulls are left out. Several shares give a list.")
        .args(&["values"])
        .options(&[Q, DELTA, BUFFER_SIZE, SKIP_NULLS, MIN_COUNT_ZERO])
        .examples(&[Example::new(&["double [1, 2, 3, 4]"], "scalar double 2.5")])
        .prepare(|context| Ok(Box::new(Shares::of(context.options)?)))
        .coercion(Coercion::Custom(as_numbers))
        .overloads(&of_one(tdigest, Kind::Computed(|_, options| listed(DataType::Float64, options)))),
    Function::aggregate("approximate_median")
        .aliases(&["hash_approximate_median"])
        .summary("Estimates the median of the values from a small sketch of them.")
        .notes("NaNs and nulls are left out.")
        .args(&["values"])
        .options(&[SKIP_NULLS, MIN_COUNT_ONE])
        .examples(&[Example::new(&["double [1, 2, 3, 4]"], "scalar double 2.5")])
        .coercion(Coercion::Custom(as_numbers))
        .overloads(&of_one(median, Kind::Float64)),
];

fn tdigest(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    let positive = |name: &'static str| {
        let value = u32::try_from(context.options.integer(name)?).ok().filter(|value| (1..=1 << 20).contains(value));
        value.ok_or_else(|| Error::invalid_argument("it is not between 1 and 2^20").for_argument(name))
    };
    digests(context, Shares::of(context.options)?, positive("delta")?, positive("buffer_size")?)
}

fn median(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    digests(context, Shares { shares: vec![0.5], listed: false }, 100, 500)
}

fn digests(
    context: &AggregateContext<'_>,
    shares: Shares,
    delta: u32,
    buffer_size: u32,
) -> Result<Box<dyn Accumulator>> {
    Ok(Box::new(Digests {
        shares,
        delta: f64::from(delta.max(10)) / (2.0 * PI),
        buffer_size: buffer_size as usize,
        digests: Vec::new(),
        charge: context.memory.charge(0)?,
        presence: Presence::new(NullRule::new(context.options)?, context.memory)?,
        memory: context.memory.clone(),
    }))
}

#[derive(Clone, Copy)]
struct Centroid {
    mean: f64,
    weight: f64,
}

#[derive(Clone)]
struct Digest {
    centroids: Vec<Centroid>,
    /// Values that are no centroids yet.
    waiting: Vec<f64>,
    least: f64,
    greatest: f64,
}

impl Digest {
    const EMPTY: Self =
        Self { centroids: Vec::new(), waiting: Vec::new(), least: f64::INFINITY, greatest: f64::NEG_INFINITY };

    fn byte_len(&self) -> usize {
        size_of::<Self>()
            + self.centroids.capacity() * size_of::<Centroid>()
            + self.waiting.capacity() * size_of::<f64>()
    }

    /// Makes centroids of the values that wait.
    fn settle(&mut self, delta: f64) {
        if self.waiting.is_empty() {
            return;
        }
        for value in &self.waiting {
            self.least = self.least.min(*value);
            self.greatest = self.greatest.max(*value);
        }
        let waiting = std::mem::take(&mut self.waiting);
        self.centroids.extend(waiting.into_iter().map(|mean| Centroid { mean, weight: 1.0 }));
        self.compress(delta);
    }

    /// Joins neighbours as far as the scale function allows.
    fn compress(&mut self, delta: f64) {
        self.centroids.sort_by(|a, b| a.mean.total_cmp(&b.mean));
        let total: f64 = self.centroids.iter().map(|centroid| centroid.weight).sum();
        let mut merged: Vec<Centroid> = Vec::new();
        let (mut so_far, mut limit) = (0.0, -1.0);
        for centroid in self.centroids.drain(..) {
            let weight = so_far + centroid.weight;
            match merged.last_mut() {
                Some(last) if weight <= limit => {
                    last.weight += centroid.weight;
                    last.mean += (centroid.mean - last.mean) * centroid.weight / last.weight;
                }
                _ => {
                    let place = delta * (2.0 * so_far / total - 1.0).asin();
                    let next = total * ((((place + 1.0) / delta).min(PI / 2.0)).sin() + 1.0) / 2.0;
                    limit = if next <= limit { total } else { next };
                    merged.push(centroid);
                }
            }
            so_far = weight;
        }
        self.centroids = merged;
    }

    fn absorb(&mut self, other: Self, delta: f64) {
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
        self.centroids.extend(other.centroids);
        self.waiting.extend(other.waiting);
        self.settle(delta);
        self.compress(delta);
    }

    fn quantile(&self, share: f64) -> Option<f64> {
        let total: f64 = self.centroids.iter().map(|centroid| centroid.weight).sum();
        let index = share * total;
        let (first, last) = (self.centroids.first()?, self.centroids.last()?);
        if index <= 1.0 {
            return Some(self.least);
        }
        if index >= total - 1.0 {
            return Some(self.greatest);
        }
        let mut sum = 0.0;
        let at = self.centroids.iter().position(|centroid| {
            sum += centroid.weight;
            index <= sum
        })?;
        let centroid = self.centroids[at];
        let beyond = index + centroid.weight / 2.0 - sum;
        if centroid.weight == 1.0 && beyond.abs() < 0.5 {
            return Some(centroid.mean);
        }
        let between = |a: f64, b: f64, part: f64| a + part * (b - a);
        if beyond > 0.0 {
            let Some(right) = self.centroids.get(at + 1) else {
                return Some(between(last.mean, self.greatest, beyond / (last.weight / 2.0)));
            };
            return Some(between(centroid.mean, right.mean, beyond / (centroid.weight / 2.0 + right.weight / 2.0)));
        }
        let Some(left) = at.checked_sub(1).map(|left| self.centroids[left]) else {
            return Some(between(self.least, first.mean, index / (first.weight / 2.0)));
        };
        let width = left.weight / 2.0 + centroid.weight / 2.0;
        Some(between(left.mean, centroid.mean, (beyond + width) / width))
    }
}

struct Digests {
    shares: Shares,
    delta: f64,
    buffer_size: usize,
    digests: Vec<Digest>,
    charge: Charge,
    presence: Presence,
    memory: Memory,
}

impl Digests {
    fn resize(&mut self, group_count: usize) {
        self.digests.resize(group_count.max(self.digests.len()), Digest::EMPTY);
    }

    fn account(&mut self) -> Result<()> {
        self.charge.resize(self.digests.iter().map(Digest::byte_len).sum())
    }
}

impl Accumulator for Digests {
    fn grows(&self) -> bool {
        true
    }

    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let floats = Floats::of(&args[0], &self.memory)?;
        self.resize(groups.group_count());
        self.presence.update(floats.values.len(), floats.nulls.as_ref(), groups)?;
        let (delta, buffer_size, digests) = (self.delta, self.buffer_size, &mut self.digests);
        floats.each(groups, |group, value| {
            let digest = &mut digests[group];
            if !value.is_nan() {
                digest.waiting.push(value);
                if digest.waiting.len() >= buffer_size {
                    digest.settle(delta);
                }
            }
        });
        self.account()
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        self.resize(group_count);
        self.presence.merge(&other.presence, group_indices, group_count)?;
        for (digest, &group) in other.digests.into_iter().zip(group_indices) {
            self.digests[group as usize].absorb(digest, self.delta);
        }
        self.account()
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        self.resize(group_count);
        let enough = self.presence.finish(group_count)?;
        let delta = self.delta;
        let mut values: Vec<Option<f64>> = Vec::with_capacity(group_count * self.shares.shares.len());
        for (group, digest) in self.digests.iter_mut().enumerate().take(group_count) {
            digest.settle(delta);
            let enough = enough.as_ref().is_none_or(|enough| enough.is_valid(group));
            values.extend(self.shares.shares.iter().map(|share| digest.quantile(*share).filter(|_| enough)));
        }
        self.shares.finish(Arc::new(Float64Array::from(values)), group_count)
    }

    fn byte_len(&self) -> usize {
        self.charge.bytes() + self.presence.byte_len()
    }
}
