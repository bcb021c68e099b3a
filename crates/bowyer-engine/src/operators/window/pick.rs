// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Functions that give the value of another row: they find the row, and its value is taken at the end.

use arrow_buffer::NullBuffer;
use bowyer_core::Result;
use bowyer_core::take::NO_ROW;

use super::arrangement::{Chunk, Partition};
use super::frame::{Frames, Rule, Segments};
use crate::operators::TaskContext;

/// The places of a partition whose rows have a value.
#[derive(Default)]
struct Valued {
    places: Vec<u32>,
    /// How many stand before each place; one more for the end.
    before: Vec<u32>,
}

impl Valued {
    fn fill(&mut self, partition: &Partition<'_>, nulls: &NullBuffer) {
        self.places.clear();
        self.before.clear();
        for (at, &row) in partition.rows.iter().enumerate() {
            self.before.push(self.places.len() as u32);
            if nulls.is_valid(row as usize) {
                self.places.push(at as u32);
            }
        }
        self.before.push(self.places.len() as u32);
    }
}

/// The row `by` before each row of a chunk, after it if `by` is negative; `past` where the partition has none. With
/// `nulls`, only rows with a value are counted.
pub(super) fn shift(
    chunk: &Chunk,
    by: i64,
    past: Option<u32>,
    nulls: Option<&NullBuffer>,
    context: &TaskContext,
) -> Result<Vec<u32>> {
    let past = past.unwrap_or(NO_ROW);
    let mut found = Vec::with_capacity(chunk.rows.len());
    let mut valued = Valued::default();
    chunk.each(context, |partition| {
        let item = |list: &[u32], from: usize| {
            let place = i64::try_from(from).ok()?.checked_sub(by)?;
            list.get(usize::try_from(place).ok()?).copied()
        };
        let Some(nulls) = nulls.filter(|_| by != 0) else {
            found.extend((0..partition.len()).map(|at| item(partition.rows, at).unwrap_or(past)));
            return Ok(());
        };
        valued.fill(partition, nulls);
        let row = |at: usize| {
            // Counted from the first value from here on, or from the last one up to here.
            let place = match (by > 0, valued.before[at + 1]) {
                (true, _) => item(&valued.places, valued.before[at] as usize),
                (false, 0) => valued.places.get(usize::try_from(by.checked_neg()?.checked_sub(1)?).ok()?).copied(),
                (false, upto) => item(&valued.places, upto as usize - 1),
            };
            place.map(|place| partition.rows[place as usize])
        };
        found.extend((0..partition.len()).map(|at| row(at).unwrap_or(past)));
        Ok(())
    })?;
    Ok(found)
}

/// The `n`-th row of each row's frame, counted from 1 and from either end. With `nulls`, only rows with a value count.
pub(super) fn nth(
    chunk: &Chunk,
    n: u64,
    from_end: bool,
    rule: &Rule<'_>,
    nulls: Option<&NullBuffer>,
    context: &TaskContext,
) -> Result<Vec<u32>> {
    let mut found = Vec::with_capacity(chunk.rows.len());
    let (mut frames, mut valued) = (Frames::default(), Valued::default());
    let n = usize::try_from(n).unwrap_or(usize::MAX);
    chunk.each(context, |partition| {
        rule.fill(partition, &mut frames);
        if let Some(nulls) = nulls {
            valued.fill(partition, nulls);
        }
        for at in 0..partition.len() {
            let mut segments = rule.segments(partition, &frames, at);
            if nulls.is_some() {
                for (start, end) in &mut segments {
                    (*start, *end) = (valued.before[*start] as usize, valued.before[*end] as usize);
                }
            }
            let place = counted(segments, n, from_end);
            let place = if nulls.is_some() { place.map(|place| valued.places[place] as usize) } else { place };
            found.push(place.map_or(NO_ROW, |place| partition.rows[place]));
        }
        Ok(())
    })?;
    Ok(found)
}

/// The `n`-th place of some runs, from either end.
fn counted(segments: Segments, n: usize, from_end: bool) -> Option<usize> {
    let mut left = n.checked_sub(1)?;
    let mut run = |(start, end): (usize, usize)| {
        if left < end - start {
            return Some(if from_end { end - 1 - left } else { start + left });
        }
        left -= end - start;
        None
    };
    if from_end { segments.into_iter().rev().find_map(&mut run) } else { segments.into_iter().find_map(&mut run) }
}
