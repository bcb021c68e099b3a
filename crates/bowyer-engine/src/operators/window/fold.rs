// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Aggregates of frames by states that can be joined.
//!
//! Nothing is ever taken out of a state, so sums of floats are as exact as sums from scratch. Where frames leave nothing
//! out, their ends only move forward: the states of the front part are kept for each place where it may begin, the back
//! part has one state, and each row costs about two joins whatever the frame's length. Frames with exclusions ask a
//! segment tree.

use super::arrangement::Partition;
use super::frame::{Frames, Rule};

/// How rows become states, and states one.
pub(super) trait Fold {
    type State: Copy;

    /// The state of no rows.
    fn empty(&self) -> Self::State;

    /// The state of one row, by its number in the input.
    fn of_row(&self, row: usize) -> Self::State;

    /// The state of the rows of `a` and then those of `b`.
    fn join(&self, a: Self::State, b: Self::State) -> Self::State;
}

/// States that are kept from partition to partition for their memory.
pub(super) struct Scratch<S> {
    states: Vec<S>,
}

impl<S> Default for Scratch<S> {
    fn default() -> Self {
        Self { states: Vec::new() }
    }
}

/// Gives `out` the state of each row's frame, in order.
pub(super) fn fold_frames<F: Fold>(
    fold: &F,
    partition: &Partition<'_>,
    rule: &Rule<'_>,
    frames: &Frames,
    scratch: &mut Scratch<F::State>,
    out: impl FnMut(F::State),
) {
    if rule.leaves_nothing_out() {
        sliding(fold, partition, frames, scratch, out);
    } else {
        searched(fold, partition, rule, frames, scratch, out);
    }
}

fn sliding<F: Fold>(
    fold: &F,
    partition: &Partition<'_>,
    frames: &Frames,
    scratch: &mut Scratch<F::State>,
    mut out: impl FnMut(F::State),
) {
    let at_place = |place: usize| fold.of_row(partition.rows[place] as usize);
    // The front part ends at `middle`; its last state is that from `start` on.
    let front = &mut scratch.states;
    front.clear();
    let (mut start, mut middle, mut end) = (0, 0, 0);
    let mut back = fold.empty();
    for (&next_start, &next_end) in frames.starts.iter().zip(&frames.ends) {
        let (next_start, next_end) = (next_start as usize, next_end as usize);
        if next_start >= middle {
            front.clear();
            let mut state = fold.empty();
            for place in (next_start..next_end).rev() {
                state = fold.join(at_place(place), state);
                front.push(state);
            }
            (middle, end, back) = (next_end, next_end, fold.empty());
        } else {
            front.truncate(front.len() - (next_start - start));
            while end < next_end {
                back = fold.join(back, at_place(end));
                end += 1;
            }
        }
        start = next_start;
        out(front.last().map_or(back, |&front| fold.join(front, back)));
    }
}

fn searched<F: Fold>(
    fold: &F,
    partition: &Partition<'_>,
    rule: &Rule<'_>,
    frames: &Frames,
    scratch: &mut Scratch<F::State>,
    mut out: impl FnMut(F::State),
) {
    let len = partition.len();
    let nodes = &mut scratch.states;
    nodes.clear();
    nodes.resize(len, fold.empty());
    nodes.extend(partition.rows.iter().map(|&row| fold.of_row(row as usize)));
    for node in (1..len).rev() {
        nodes[node] = fold.join(nodes[2 * node], nodes[2 * node + 1]);
    }
    for at in 0..len {
        let mut state = fold.empty();
        for (start, end) in rule.segments(partition, frames, at) {
            if start < end {
                state = fold.join(state, over(fold, nodes, start + len, end + len));
            }
        }
        out(state);
    }
}

/// The state of the leaves from `first` up to `last`.
fn over<F: Fold>(fold: &F, nodes: &[F::State], mut first: usize, mut last: usize) -> F::State {
    let (mut before, mut after) = (fold.empty(), fold.empty());
    while first < last {
        if first % 2 == 1 {
            before = fold.join(before, nodes[first]);
            first += 1;
        }
        if last % 2 == 1 {
            last -= 1;
            after = fold.join(nodes[last], after);
        }
        first /= 2;
        last /= 2;
    }
    fold.join(before, after)
}
