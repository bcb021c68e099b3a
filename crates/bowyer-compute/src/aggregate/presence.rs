// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Which groups have a value: the rules of `skip_nulls` and `min_count`, in one place.
//!
//! With the usual rule, one valid value is enough, and as soon as every group has one there is nothing more to note:
//! null-free rows then cost nothing here. Other rules count.

use bowyer_core::lanes::Lanes;
use bowyer_core::{Memory, Result};

use arrow_buffer::NullBuffer;

use super::Groups;
use crate::{OptionDefault, OptionKind, OptionSpec, Options};

/// Whether nulls are left out or make the result null.
pub(super) const SKIP_NULLS: OptionSpec = OptionSpec::new(
    "skip_nulls",
    OptionKind::Boolean,
    OptionDefault::Boolean(true),
    "Leaves nulls out; without it a null makes the result null.",
);

/// The fewest values of a result, one by default.
pub(super) const MIN_COUNT_ONE: OptionSpec = OptionSpec::new(
    "min_count",
    OptionKind::Integer,
    OptionDefault::Integer(1),
    "Gives null where fewer values than this are there.",
);

/// The fewest values of a result, none by default.
pub(super) const MIN_COUNT_ZERO: OptionSpec = OptionSpec::new(
    "min_count",
    OptionKind::Integer,
    OptionDefault::Integer(0),
    "Gives null where fewer values than this are there.",
);

/// The options `skip_nulls` and `min_count` of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct NullRule {
    pub(super) skip_nulls: bool,
    pub(super) min_count: u64,
}

impl NullRule {
    pub(super) fn new(options: &Options) -> Result<Self> {
        let min_count = u64::try_from(options.integer("min_count")?).unwrap_or(0);
        Ok(Self { skip_nulls: options.boolean("skip_nulls")?, min_count })
    }

    /// The same rule for an aggregate that gives one of the values: without any it has none to give.
    pub(super) fn of_values(self) -> Self {
        Self { min_count: self.min_count.max(1), ..self }
    }
}

/// For each group, whether it has values enough.
pub(super) struct Presence {
    rule: NullRule,
    /// For each group, whether it has a value.
    valued: Lanes<u8>,
    /// How many groups have none.
    without: usize,
    /// For each group its values, where more than one is asked for.
    counts: Option<Lanes<u64>>,
    /// For each group, whether it has a null, where that matters.
    nulls: Option<Lanes<u8>>,
}

impl Presence {
    pub(super) fn new(rule: NullRule, memory: &Memory) -> Result<Self> {
        Ok(Self {
            rule,
            valued: Lanes::new(memory)?,
            without: 0,
            counts: if rule.min_count > 1 { Some(Lanes::new(memory)?) } else { None },
            nulls: if rule.skip_nulls { None } else { Some(Lanes::new(memory)?) },
        })
    }

    fn resize(&mut self, group_count: usize) -> Result<()> {
        self.without += group_count.saturating_sub(self.valued.len());
        self.valued.resize(group_count.max(self.valued.len()), 0)?;
        if let Some(counts) = &mut self.counts {
            counts.resize(group_count.max(counts.len()), 0)?;
        }
        if let Some(nulls) = &mut self.nulls {
            nulls.resize(group_count.max(nulls.len()), 0)?;
        }
        Ok(())
    }

    /// Notes `row_count` rows.
    pub(super) fn update(&mut self, row_count: usize, nulls: Option<&NullBuffer>, groups: Groups<'_>) -> Result<()> {
        self.resize(groups.group_count())?;
        let null_count = nulls.map_or(0, NullBuffer::null_count);
        match groups.indices() {
            None => self.update_single(row_count - null_count, null_count),
            Some(indices) => {
                if self.without > 0 {
                    self.mark(indices, nulls);
                }
                if let Some(counts) = &mut self.counts {
                    let counts = &mut counts[..];
                    for (row, &group) in indices.iter().enumerate() {
                        counts[group as usize] += u64::from(nulls.is_none_or(|nulls| nulls.is_valid(row)));
                    }
                }
                if let (Some(flags), Some(nulls)) = (&mut self.nulls, nulls) {
                    for (row, &group) in indices.iter().enumerate() {
                        flags[group as usize] |= u8::from(nulls.is_null(row));
                    }
                }
            }
        }
        Ok(())
    }

    fn update_single(&mut self, valid: usize, null: usize) {
        if valid > 0 && self.valued[0] == 0 {
            self.valued[0] = 1;
            self.without -= 1;
        }
        if let Some(counts) = &mut self.counts {
            counts[0] += valid as u64;
        }
        if let Some(nulls) = &mut self.nulls {
            nulls[0] |= u8::from(null > 0);
        }
    }

    fn mark(&mut self, indices: &[u32], nulls: Option<&NullBuffer>) {
        let valued = &mut self.valued[..];
        let mut gained = 0;
        for (row, &group) in indices.iter().enumerate() {
            let flag = &mut valued[group as usize];
            let now = *flag | u8::from(nulls.is_none_or(|nulls| nulls.is_valid(row)));
            gained += usize::from(now - *flag);
            *flag = now;
        }
        self.without -= gained;
    }

    pub(super) fn merge(&mut self, other: &Self, group_indices: &[u32], group_count: usize) -> Result<()> {
        self.resize(group_count)?;
        for (&group, &flag) in group_indices.iter().zip(&other.valued[..]) {
            let held = &mut self.valued[group as usize];
            self.without -= usize::from(*held == 0 && flag != 0);
            *held |= flag;
        }
        if let (Some(counts), Some(others)) = (&mut self.counts, &other.counts) {
            for (&group, &count) in group_indices.iter().zip(&others[..]) {
                counts[group as usize] += count;
            }
        }
        if let (Some(nulls), Some(others)) = (&mut self.nulls, &other.nulls) {
            for (&group, &flag) in group_indices.iter().zip(&others[..]) {
                nulls[group as usize] |= flag;
            }
        }
        Ok(())
    }

    /// The validity of `group_count` results.
    pub(super) fn finish(&mut self, group_count: usize) -> Result<Option<NullBuffer>> {
        self.resize(group_count)?;
        if self.nulls.is_none() && (self.rule.min_count == 0 || (self.rule.min_count == 1 && self.without == 0)) {
            return Ok(None);
        }
        let enough = |group: usize| match (&self.counts, self.rule.min_count) {
            (Some(counts), least) => counts[group] >= least,
            (None, 0) => true,
            (None, _) => self.valued[group] != 0,
        };
        let no_null = |group: usize| self.nulls.as_ref().is_none_or(|nulls| nulls[group] == 0);
        let validity = NullBuffer::from_iter((0..group_count).map(|group| enough(group) && no_null(group)));
        Ok((validity.null_count() > 0).then_some(validity))
    }

    pub(super) fn byte_len(&self) -> usize {
        self.valued.byte_len()
            + self.counts.as_ref().map_or(0, Lanes::byte_len)
            + self.nulls.as_ref().map_or(0, Lanes::byte_len)
    }
}
