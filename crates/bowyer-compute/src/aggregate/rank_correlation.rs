// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The correlation of the ranks of two columns: Spearman's, which asks only whether one grows with the other.
//!
//! Equal values share the mean of their ranks. A rank is known when all values have come, so they are kept until then.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use arrow_buffer::NullBuffer;
use bowyer_core::{Column, Result};

use super::correlation::{State, add, correlation};
use super::floats::Floats;
use super::input::same;
use super::quantile::held::Held;
use super::{Accumulator, AggregateContext, Groups};

pub(super) fn ranked(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    Ok(Box::new(Ranked { x: Held::new(context.memory), y: Held::new(context.memory) }))
}

/// The values of rows without a null, both sides in the same order.
struct Ranked {
    x: Held<f64>,
    y: Held<f64>,
}

/// Puts the rank of each value in its place.
fn rank(values: &mut [f64]) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    // 0.0 and −0.0 tie.
    order.sort_unstable_by(|&left, &right| (values[left] + 0.0).total_cmp(&(values[right] + 0.0)));
    let mut start = 0;
    while start < order.len() {
        let value = values[order[start]];
        let end =
            order[start..].iter().position(|&row| values[row] != value).map_or(order.len(), |count| start + count);
        // The mean of the ranks start + 1 to end.
        let shared = (start + 1 + end) as f64 / 2.0;
        order[start..end].iter().for_each(|&row| values[row] = shared);
        start = end;
    }
}

fn correlation_of(x: &mut [f64], y: &mut [f64]) -> Option<f64> {
    if x.iter().chain(y.iter()).any(|value| value.is_nan()) {
        return (x.len() > 1).then_some(f64::NAN);
    }
    rank(x);
    rank(y);
    let mut state: State = [0.0; 6];
    x.iter().zip(y.iter()).for_each(|(&x, &y)| add(&mut state, x, y));
    correlation(&state, 0.0)
}

impl Accumulator for Ranked {
    fn grows(&self) -> bool {
        true
    }

    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let memory = self.x.memory();
        let (x, y) = (Floats::of(&args[0], memory)?, Floats::of(&args[1], memory)?);
        let nulls = NullBuffer::union(x.nulls.as_ref(), y.nulls.as_ref());
        let Some(nulls) = nulls else {
            self.x.extend(&x.values, groups.indices())?;
            return self.y.extend(&y.values, groups.indices());
        };
        let of = |values: &[f64]| nulls.valid_indices().map(|row| values[row]).collect::<Vec<_>>();
        let kept: Option<Vec<u32>> = groups.indices().map(|of| nulls.valid_indices().map(|row| of[row]).collect());
        self.x.extend(&of(&x.values), kept.as_deref())?;
        self.y.extend(&of(&y.values), kept.as_deref())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], _: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        self.x.append(other.x, group_indices)?;
        self.y.append(other.y, group_indices)
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        let starts = self.x.starts(group_count);
        let groups = 0..group_count;
        let (mut x, mut y) = (self.x.gather(&groups, &starts)?, self.y.gather(&groups, &starts)?);
        let correlations = groups.map(|group| {
            let rows = starts[group]..starts[group + 1];
            correlation_of(&mut x[rows.clone()], &mut y[rows])
        });
        Ok(Arc::new(correlations.collect::<Float64Array>()))
    }

    fn byte_len(&self) -> usize {
        self.x.byte_len() + self.y.byte_len()
    }
}
