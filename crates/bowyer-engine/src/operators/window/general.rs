// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Any aggregate over frames: the rows of each frame are given to the aggregate's own accumulator, as one group.
//!
//! Rows whose frames are the same share a group, so a frame that is its whole partition or group of peers costs each row
//! once. Others cost the sum of their lengths. Rows that do not count are left out here.

use arrow_array::ArrayRef;
use bowyer_compute::{Accumulator, Bound, Groups};
use bowyer_core::take::{Rows, concat, take};
use bowyer_core::{Column, Result};

use super::arrangement::Chunk;
use super::counted::{Counted, Met};
use super::frame::{Frames, Rule, Segments};
use crate::operators::TaskContext;

/// An accumulator is given so many rows at a time, and no more groups than this.
const STRIP_ROWS: usize = 1 << 14;

/// The results for the rows of a chunk.
pub(super) fn general(
    bound: &Bound,
    arguments: &[ArrayRef],
    counted: &Counted,
    chunk: &Chunk,
    rule: &Rule<'_>,
    context: &TaskContext,
) -> Result<ArrayRef> {
    let mut strip = Strip {
        bound,
        arguments,
        counted,
        met: Met::default(),
        context,
        open: None,
        rows: Vec::new(),
        groups: Vec::new(),
        of_row: Vec::new(),
        group_count: 0,
        results: Vec::new(),
    };
    let mut frames = Frames::default();
    chunk.each(context, |partition| {
        rule.fill(partition, &mut frames);
        let mut before: Option<Segments> = None;
        for at in 0..partition.len() {
            let segments = rule.segments(partition, &frames, at);
            if before != Some(segments) || strip.group_count == 0 {
                strip.begin()?;
                for (start, end) in segments {
                    for rows in partition.rows[start..end].chunks(STRIP_ROWS) {
                        strip.add(rows)?;
                    }
                }
            }
            strip.of_row.push(strip.group_count - 1);
            before = Some(segments);
        }
        Ok(())
    })?;
    strip.end()?;
    concat(&strip.results, &context.memory)
}

/// Frames that one accumulator has in hand.
struct Strip<'a> {
    bound: &'a Bound,
    arguments: &'a [ArrayRef],
    counted: &'a Counted,
    /// The values of the last group, if only different ones count.
    met: Met,
    context: &'a TaskContext,
    open: Option<Box<dyn Accumulator>>,
    /// Rows that it was not given yet, and their groups.
    rows: Vec<u32>,
    groups: Vec<u32>,
    /// The group of each row of the result.
    of_row: Vec<u32>,
    group_count: u32,
    results: Vec<ArrayRef>,
}

impl Strip<'_> {
    /// Begins another group.
    fn begin(&mut self) -> Result<()> {
        if self.group_count as usize >= STRIP_ROWS {
            self.end()?;
        }
        self.group_count += 1;
        self.met.forget();
        Ok(())
    }

    /// Adds rows to the last group.
    fn add(&mut self, rows: &[u32]) -> Result<()> {
        self.counted.extend(&mut self.rows, rows, &mut self.met);
        self.groups.resize(self.rows.len(), self.group_count - 1);
        if self.rows.len() >= STRIP_ROWS { self.give() } else { Ok(()) }
    }

    /// Gives the accumulator what it was not given yet.
    fn give(&mut self) -> Result<()> {
        self.context.check()?;
        let memory = &self.context.memory;
        let accumulator = match &mut self.open {
            Some(open) => open,
            open @ None => {
                let mut accumulator = self.bound.accumulator(memory)?;
                accumulator.compare_as_keys();
                accumulator.begin_batch(0);
                open.insert(accumulator)
            }
        };
        let column =
            |argument: &ArrayRef| take(argument, Rows::new(&self.rows, argument.len())?, memory).map(Column::Array);
        let columns: Vec<Column> = self.arguments.iter().map(column).collect::<Result<_>>()?;
        let groups = Groups::Indices { group_indices: &self.groups, group_count: self.group_count as usize };
        accumulator.update(&columns, groups)?;
        self.rows.clear();
        self.groups.clear();
        Ok(())
    }

    /// Evaluates the groups, and gives each row of the result the value of its own.
    fn end(&mut self) -> Result<()> {
        if self.group_count == 0 {
            return Ok(());
        }
        self.give()?;
        if let Some(mut accumulator) = self.open.take() {
            let values = accumulator.evaluate(self.group_count as usize)?;
            self.results.push(take(&values, Rows::new(&self.of_row, values.len())?, &self.context.memory)?);
        }
        self.of_row.clear();
        self.group_count = 0;
        Ok(())
    }
}
