// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Aggregates: one value for each group of rows.
//!
//! An aggregate overload constructs an [`Accumulator`], which holds the states of all groups of one call. Operators
//! update one for each task, merge them and evaluate the rest; a whole column is one group.

pub(crate) mod approximate_count;
pub(crate) mod arg_extremes;
pub(crate) mod bits;
pub(crate) mod boolean;
pub(crate) mod collect;
pub(crate) mod compensated_sum;
pub(crate) mod correlation;
pub(crate) mod count;
pub(crate) mod deviation;
pub(crate) mod ends;
pub(crate) mod extremes;
mod floats;
mod fold;
pub(crate) mod frequencies;
mod input;
pub(crate) mod moments;
pub(crate) mod pivot;
pub(crate) mod place;
mod presence;
pub(crate) mod quantile;
mod rank_correlation;
pub(crate) mod regression;
pub(crate) mod shape;
mod shares;
pub(crate) mod sum;
pub(crate) mod tdigest;
mod whole_sum;

use std::any::Any;
use std::ops::Range;

use arrow_array::ArrayRef;
use arrow_schema::DataType;
use bowyer_core::{Column, Memory, Result};

use crate::Options;

/// What an accumulator is made for.
#[derive(Debug)]
pub struct AggregateContext<'a> {
    /// The types of the arguments after implicit casts: those of the columns that `update` is given.
    pub types: &'a [DataType],
    /// The type that `evaluate` gives.
    pub output_type: &'a DataType,
    /// The options.
    pub options: &'a Options,
    /// What the function's `prepare` compiled.
    pub state: Option<&'a (dyn Any + Send + Sync)>,
    /// What state is charged to.
    pub memory: &'a Memory,
}

/// The states of one aggregate for all groups.
pub trait Accumulator: Send + Any {
    /// Takes rows in. Groups up to the count given exist afterwards, those without rows too.
    ///
    /// # Errors
    /// Those of the aggregate, and `MemoryLimit`.
    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()>;

    /// Takes over the states of `other`, made by the same call: its group `i` goes to `group_indices[i]`.
    ///
    /// # Errors
    /// As `update`.
    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()>;

    /// The value of each of `group_count` groups.
    ///
    /// # Errors
    /// As `update`.
    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef>;

    /// In place of `evaluate`: something that gives the values of some groups at a time, on several threads at once. `None`
    /// for aggregates whose evaluation is not worth that; then nothing has changed.
    ///
    /// # Errors
    /// As `update`.
    fn in_parts(&mut self, group_count: usize) -> Result<Option<Box<dyn PartialEvaluation>>> {
        let _ = group_count;
        Ok(None)
    }

    /// The bytes that its states hold.
    fn byte_len(&self) -> usize;

    /// Whether states grow with the rows that come, not only with the groups.
    fn grows(&self) -> bool {
        false
    }

    /// Says that the next row given to `update` has this position in the input: for aggregates that ask which row is
    /// the first. Positions go on from there; without it they count the rows given.
    fn begin_batch(&mut self, position: u64) {
        let _ = position;
    }

    /// Says, before the first row, that values are to be equal as keys of a plan are: all NaNs, and −0.0 and 0.0.
    fn compare_as_keys(&mut self) {}
}

/// The values of groups, a part of them at a time.
pub trait PartialEvaluation: Send + Sync {
    /// One to `count` ranges of groups that are about as much work, all groups in order.
    fn shares(&self, count: usize) -> Vec<Range<usize>>;

    /// The values of some groups; each group is asked for once.
    ///
    /// # Errors
    /// As [`Accumulator::update`].
    fn evaluate(&self, groups: Range<usize>) -> Result<ArrayRef>;
}

/// Which group each row belongs to.
#[derive(Clone, Copy, Debug)]
pub enum Groups<'a> {
    /// Every row belongs to group 0.
    All,
    /// Row `i` belongs to group `group_indices[i]`, which is less than `group_count`.
    Indices {
        /// A group for each row.
        group_indices: &'a [u32],
        /// How many groups there are, those of earlier updates included.
        group_count: usize,
    },
}

impl<'a> Groups<'a> {
    /// The group of each row; `None` when all rows belong to group 0.
    pub(crate) fn indices(&self) -> Option<&'a [u32]> {
        match self {
            Self::All | Self::Indices { group_count: 1, .. } => None,
            Self::Indices { group_indices, .. } => Some(group_indices),
        }
    }

    /// How many rows there are, if that is known without the arguments.
    pub(crate) fn row_count(&self) -> Option<usize> {
        match self {
            Self::All => None,
            Self::Indices { group_indices, .. } => Some(group_indices.len()),
        }
    }

    /// How many groups there are.
    #[must_use]
    pub fn group_count(&self) -> usize {
        match self {
            Self::All => 1,
            Self::Indices { group_count, .. } => *group_count,
        }
    }
}
