// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Putting together what the rows of a moving window hold, without ever taking a row out.
//!
//! The window is cut in two. Of the rows before the cut the state of each end part is kept; the rows after it are one
//! state that grows. When the window's start passes the cut, the cut moves to its end: each row is looked at twice.

use std::ops::Range;

/// Calls `visit` with the state of each frame, or nothing for one without rows. Neither end of a frame is before that of
/// the frame before it.
pub(super) fn slide<S: Copy>(
    frames: impl Iterator<Item = Range<usize>>,
    one: impl Fn(usize) -> S,
    plus: impl Fn(S, S) -> S,
    mut visit: impl FnMut(Option<S>),
) {
    // The states of rows `row .. cut` for each row from `first` on, the nearest to the cut first.
    let mut ends: Vec<S> = vec![];
    let (mut cut, mut end) = (0, 0);
    let mut tail: Option<S> = None;
    for frame in frames {
        if frame.start > end {
            (cut, end, tail) = (frame.start, frame.start, None);
            ends.clear();
        }
        while end < frame.end {
            let state = one(end);
            tail = Some(tail.map_or(state, |tail| plus(tail, state)));
            end += 1;
        }
        if frame.start >= cut {
            ends.clear();
            for row in (frame.start..end).rev() {
                let state = one(row);
                ends.push(ends.last().map_or(state, |after| plus(state, *after)));
            }
            (cut, tail) = (end, None);
        }
        ends.truncate(cut.saturating_sub(frame.start));
        visit(match (ends.last().copied(), tail) {
            (Some(a), Some(b)) => Some(plus(a, b)),
            (a, b) => a.or(b),
        });
    }
}

/// Count, sum, mean and squared distances from the mean of some floats.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    pub(super) count: f64,
    pub(super) sum: f64,
    mean: f64,
    pub(super) squares: f64,
}

impl Moments {
    pub(super) fn of(value: f64) -> Self {
        Self { count: 1.0, sum: value, mean: value, squares: 0.0 }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        if self.count == 0.0 {
            return other;
        }
        if other.count == 0.0 {
            return self;
        }
        let count = self.count + other.count;
        let apart = other.mean - self.mean;
        Self {
            count,
            sum: self.sum + other.sum,
            mean: self.mean + apart * (other.count / count),
            squares: self.squares + other.squares + apart * apart * (self.count * other.count / count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_has_the_state_of_its_rows() {
        let frames = [0..0, 0..1, 0..3, 1..3, 2..6, 2..7, 5..7, 7..7, 9..10, 9..12, 11..12];
        let mut seen = vec![];
        slide(frames.iter().cloned(), |row| (row, row + 1), |a, b| (a.0, b.1), |state| seen.push(state));
        let expected: Vec<_> =
            frames.iter().map(|frame| (!frame.is_empty()).then_some((frame.start, frame.end))).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn moments_add_up() {
        let whole = [1.0, 2.0, 4.0, 9.0].map(Moments::of).into_iter().fold(Moments::default(), Moments::plus);
        assert_eq!((whole.count, whole.sum, whole.mean, whole.squares), (4.0, 16.0, 4.0, 38.0));
    }
}
