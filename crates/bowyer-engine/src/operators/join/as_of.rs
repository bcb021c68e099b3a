// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! As-of joins: each probe row with the build row of its group whose value stands next to its own.
//!
//! The build rows of each group are brought into the order of their values, and each probe row searches its group by
//! halves. Rows of one value keep the order of the input: going back finds the last of them, going forward the first.

use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bowyer_core::group::GroupTable;
use bowyer_core::take::NO_ROW;
use bowyer_core::{Charge, Error, Result};

use super::moments::{Moment, Moments};
use super::probe::{Chosen, Probe};
use super::{JoinBuild, JoinKeys, JoinProbe};
use crate::operators::{Breaker, Finished, LocalState, Morsel, Output, Stage, TaskContext};

/// Groups between two looks at the clock.
const CHECK_GROUPS: u32 = 1 << 16;

/// Which value stands next to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The greatest that is not greater.
    Backward,
    /// The least that is not less.
    Forward,
    /// The closer of the two; the one before where both are as close.
    Nearest,
}

/// Which build row belongs to a probe row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AsOfRule {
    pub(crate) direction: Direction,
    /// Whether an equal value is none.
    pub(crate) strict: bool,
    /// How far the values may be apart.
    pub(crate) tolerance: Option<Moment>,
}

/// The build side of an as-of join.
pub(crate) struct AsOfBuild {
    rows: Arc<JoinBuild>,
    on: JoinKeys,
    order: OnceLock<Sorted>,
}

/// Build rows by group and value.
struct Sorted {
    /// Group `i` has places `starts[i] .. starts[i + 1]`.
    starts: Vec<u32>,
    rows: Vec<u32>,
    moments: Vec<Moment>,
    _charge: Charge,
}

impl AsOfBuild {
    /// Orders the rows that `rows` builds by `on`, a key of one column.
    pub(crate) fn new(rows: Arc<JoinBuild>, on: JoinKeys) -> Arc<Self> {
        Arc::new(Self { rows, on, order: OnceLock::new() })
    }

    fn sort(&self, context: &TaskContext) -> Result<Sorted> {
        let table = self.rows.table()?;
        let moments = self.moments(&self.on, &table.rows, context)?;
        let group_count = table.groups.as_ref().map_or(1, GroupTable::group_count);
        let charge = context.memory.charge(
            table.row_count * (size_of::<u32>() + size_of::<Moment>()) + (group_count + 1) * size_of::<u32>(),
        )?;
        let (mut starts, mut rows) = (Vec::with_capacity(group_count + 1), Vec::with_capacity(table.row_count));
        let mut sorted = Vec::with_capacity(table.row_count);
        let mut group: Vec<(Moment, u32)> = Vec::new();
        starts.push(0);
        for index in 0..group_count as u32 {
            if index % CHECK_GROUPS == 0 {
                context.check()?;
            }
            group.clear();
            let partners = table.partners.of(&index).iter();
            group.extend(partners.filter_map(|&row| moments.get(row as usize).map(|moment| (moment, row))));
            group.sort_by(|(a, _), (b, _)| a.order(b));
            rows.extend(group.iter().map(|(_, row)| *row));
            sorted.extend(group.iter().map(|(moment, _)| *moment));
            starts.push(rows.len() as u32);
        }
        Ok(Sorted { starts, rows, moments: sorted, _charge: charge })
    }

    fn moments(&self, on: &JoinKeys, batch: &RecordBatch, context: &TaskContext) -> Result<Moments> {
        let columns = on.of(batch, &context.memory)?;
        let column = columns.first().ok_or_else(|| Error::internal("an as-of join without a column"))?;
        Moments::of(column, &context.memory)
    }
}

impl Sorted {
    /// The row that belongs to a value in a group.
    fn find(&self, group: u32, at: Moment, rule: AsOfRule) -> Option<u32> {
        let (first, end) = (*self.starts.get(group as usize)?, *self.starts.get(group as usize + 1)?);
        let moments = self.moments.get(first as usize..end as usize)?;
        let less = moments.partition_point(|moment| moment.order(&at) == Ordering::Less);
        let not_greater = less + moments[less..].partition_point(|moment| moment.order(&at) != Ordering::Greater);
        let (before, after) = if rule.strict { (less, not_greater) } else { (not_greater, less) };
        let (before, after) = (before.checked_sub(1), (after < moments.len()).then_some(after));
        let apart = |place: usize| moments[place].distance(&at);
        let place =
            match (rule.direction, before, after) {
                (Direction::Backward, before, _) => before?,
                (Direction::Forward, _, after) => after?,
                (Direction::Nearest, Some(before), Some(after)) => {
                    if apart(after).order(&apart(before)) == Ordering::Less { after } else { before }
                }
                (Direction::Nearest, before, after) => before.or(after)?,
            };
        let too_far = rule.tolerance.is_some_and(|most| apart(place).order(&most) == Ordering::Greater);
        if too_far { None } else { self.rows.get(first as usize + place).copied() }
    }
}

impl Breaker for AsOfBuild {
    fn local(&self, context: &TaskContext) -> Result<Box<dyn LocalState>> {
        self.rows.local(context)
    }

    fn consume(&self, local: &mut dyn LocalState, morsel: Morsel, context: &TaskContext) -> Result<()> {
        self.rows.consume(local, morsel, context)
    }

    fn finish(&self, locals: Vec<Box<dyn LocalState>>, context: &TaskContext) -> Result<Finished> {
        let finished = self.rows.finish(locals, context)?;
        if self.order.set(self.sort(context)?).is_err() {
            return Err(Error::internal("a join was built twice"));
        }
        Ok(finished)
    }
}

/// The probe side of an as-of join: every probe row once, in place.
pub(crate) struct AsOfProbe {
    probe: Arc<Probe>,
    build: Arc<AsOfBuild>,
    on: JoinKeys,
    rule: AsOfRule,
}

impl AsOfProbe {
    /// Finds rows of `build` for those of `probe`, whose values are `on`.
    pub(crate) fn new(probe: JoinProbe, build: Arc<AsOfBuild>, on: JoinKeys, rule: AsOfRule) -> Self {
        Self { probe: probe.into_probe(), build, on, rule }
    }
}

impl Stage for AsOfProbe {
    fn schema(&self) -> SchemaRef {
        self.probe.schema().clone()
    }

    fn apply(&self, batch: RecordBatch, context: &TaskContext) -> Result<Output> {
        context.check()?;
        let table = self.build.rows.table()?;
        let sorted = self.build.order.get().ok_or_else(|| Error::internal("a join is probed before it is built"))?;
        let (_, groups) = self.probe.groups(table, &batch, context)?;
        let moments = self.build.moments(&self.on, &batch, context)?;
        let partner = |(row, &group): (usize, &u32)| {
            moments.get(row).and_then(|at| sorted.find(group, at, self.rule)).unwrap_or(NO_ROW)
        };
        let partners: Vec<u32> = groups.iter().enumerate().map(partner).collect();
        let batch = self.probe.result(table, &batch, &Chosen::All, &partners, &context.memory)?;
        Ok(Output { batch, rest: None })
    }

    fn trace(&self, _: &RecordBatch, output_row: usize, _: &TaskContext) -> Result<usize> {
        Ok(output_row)
    }
}
