// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! How two columns vary together: covariance and correlation.
//!
//! Rows in which one side is null are left out. A state is the count, both means, both sums of squared distances from
//! them and the sum of products of the distances.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use arrow_buffer::NullBuffer;
use bowyer_core::lanes::Lanes;
use bowyer_core::{Column, Result};

use super::floats::{Floats, as_numbers};
use super::input::same;
use super::rank_correlation::ranked;
use super::{Accumulator, AggregateContext, Groups};
use crate::{Coercion, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Overload};

const NUMBERS: [&[Kind]; 3] =
    [&[Kind::Numeric, Kind::Numeric], &[Kind::AnyDecimal, Kind::AnyDecimal], &[Kind::Float64, Kind::Float64]];

pub(crate) const FAMILY: &[Function] = &[
    Function::aggregate("corr")
        .summary("Computes the correlation of two columns.")
        .notes("Pearson's, or Spearman's of the ranks, from -1 to 1. A column of equal values gives NaN, fewer than two rows null.")
        .args(&["x", "y"])
        .options(&[OptionSpec::new(
            "method",
            OptionKind::Choice(&["pearson", "spearman"]),
            OptionDefault::Utf8("pearson"),
            "What is correlated: the values, or their ranks, of which equal values share the mean.",
        )])
        .examples(&[
            Example::new(&["double [1, 2, 3]", "double [2, 4, 6]"], "scalar double 1"),
            Example::new(&["double [1, 2, 3]", "double [1, 10, 100]"], "scalar double 1")
                .with(&[("method", "\"spearman\"")]),
        ])
        .coercion(Coercion::Custom(as_numbers))
        .overloads(&of_two(|context| match context.options.utf8("method")? {
            "spearman" => ranked(context),
            _ => together(context, correlation, 0),
        })),
    Function::aggregate("covariance")
        .summary("Computes the covariance of two columns.")
        .args(&["x", "y"])
        .options(&[OptionSpec::new(
            "ddof",
            OptionKind::Integer,
            OptionDefault::Integer(0),
            "What is taken from the count of rows before dividing by it: 1 for a sample.",
        )])
        .examples(&[Example::new(&["double [1, 3]", "double [2, 6]"], "scalar double 2")])
        .coercion(Coercion::Custom(as_numbers))
        .overloads(&of_two(|context| together(context, covariance, context.options.integer("ddof")?))),
];

pub(super) const fn of_two(new: fn(&AggregateContext<'_>) -> Result<Box<dyn Accumulator>>) -> [Overload; 3] {
    [
        Overload::aggregate(NUMBERS[0], Kind::Float64, new),
        Overload::aggregate(NUMBERS[1], Kind::Float64, new),
        Overload::aggregate(NUMBERS[2], Kind::Float64, new),
    ]
}

/// Of a group: count, means of x and y, sums of squared distances of x and of y, sum of products of distances.
pub(super) type State = [f64; 6];

/// The result of a state, told what is taken from the count.
pub(super) type Finish = fn(&State, f64) -> Option<f64>;

pub(super) fn correlation(&[count, _, _, xx, yy, xy]: &State, _: f64) -> Option<f64> {
    // One root is exact more often than the product of two, but may leave the range of floats.
    let root = (xx * yy).sqrt();
    let root = if root.is_normal() { root } else { xx.sqrt() * yy.sqrt() };
    (count > 1.0).then(|| (xy / root).clamp(-1.0, 1.0))
}

fn covariance(&[count, _, _, _, _, xy]: &State, ddof: f64) -> Option<f64> {
    (count > ddof).then(|| xy / (count - ddof))
}

pub(super) fn together(context: &AggregateContext<'_>, finish: Finish, ddof: i64) -> Result<Box<dyn Accumulator>> {
    Ok(Box::new(Together { finish, ddof: ddof as f64, states: Lanes::new(context.memory)? }))
}

struct Together {
    finish: Finish,
    ddof: f64,
    states: Lanes<f64>,
}

#[inline]
pub(super) fn add([count, mean_x, mean_y, xx, yy, xy]: &mut State, x: f64, y: f64) {
    *count += 1.0;
    let (from_x, from_y) = (x - *mean_x, y - *mean_y);
    *mean_x += from_x / *count;
    *mean_y += from_y / *count;
    *xx += from_x * (x - *mean_x);
    *yy += from_y * (y - *mean_y);
    *xy += from_x * (y - *mean_y);
}

fn merge_states(state: &mut State, other: &State) {
    if other[0] == 0.0 {
        return;
    }
    if state[0] == 0.0 {
        *state = *other;
        return;
    }
    let (n1, n2) = (state[0], other[0]);
    let (dx, dy) = (other[1] - state[1], other[2] - state[2]);
    let share = n1 * n2 / (n1 + n2);
    *state = [
        n1 + n2,
        state[1] + dx * n2 / (n1 + n2),
        state[2] + dy * n2 / (n1 + n2),
        state[3] + other[3] + dx * dx * share,
        state[4] + other[4] + dy * dy * share,
        state[5] + other[5] + dx * dy * share,
    ];
}

impl Accumulator for Together {
    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let memory = self.states.memory().clone();
        let (x, y) = (Floats::of(&args[0], &memory)?, Floats::of(&args[1], &memory)?);
        self.states.resize((6 * groups.group_count()).max(self.states.len()), 0.0)?;
        let states = self.states.as_chunks_mut::<6>().0;
        let nulls = NullBuffer::union(x.nulls.as_ref(), y.nulls.as_ref());
        for (row, (&x, &y)) in x.values.iter().zip(y.values.iter()).enumerate() {
            if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
                add(&mut states[groups.indices().map_or(0, |indices| indices[row] as usize)], x, y);
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        self.states.resize((6 * group_count).max(self.states.len()), 0.0)?;
        let states = self.states.as_chunks_mut::<6>().0;
        for (&group, other) in group_indices.iter().zip(other.states.as_chunks::<6>().0) {
            merge_states(&mut states[group as usize], other);
        }
        Ok(())
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        self.states.resize(6 * group_count, 0.0)?;
        let states = self.states.as_chunks::<6>().0.iter();
        Ok(Arc::new(states.map(|state| (self.finish)(state, self.ddof)).collect::<Float64Array>()))
    }

    fn byte_len(&self) -> usize {
        self.states.byte_len()
    }
}
