// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Hash joins: the right input is built into a table, the left one probes it batch by batch.
//!
//! [`JoinBuild`] gathers the build rows into one batch and numbers their keys; [`JoinProbe`] looks its rows' keys up.
//! Where no key is built twice, a probe row has at most one partner: probe columns are then passed on as they are when
//! all rows stay. Otherwise each row is repeated for each partner. Null keys match nothing, unless told to match nulls.
//! Keys of different types are compared as their common one ([`JoinKeys`]). A residual condition is asked of pairs before
//! they count; where it compares the sides, only pairs in order are tried ([`ranges`]). Where build rows without a partner
//! stay too, probes mark those that have one, and [`UnmatchedRows`] gives the others at the end. A build side that does
//! not fit memory goes to files, and the probe side with it ([`FiledRows`]).

mod as_of;
mod build;
mod check;
mod dynamic;
mod keys;
mod moments;
mod pairing;
mod probe;
mod ranges;
mod residual;
mod rule;
mod spill;
#[cfg(test)]
mod tests;
mod unmatched;

pub(crate) use as_of::{AsOfBuild, AsOfProbe, AsOfRule, Direction};
pub(crate) use build::JoinBuild;
pub(crate) use check::PairCheck;
pub(crate) use dynamic::{DynamicFilter, has_key_values};
pub(crate) use keys::JoinKeys;
pub(crate) use moments::{distance_of, has_moments};
pub(crate) use probe::JoinProbe;
pub(crate) use ranges::{Inequality, MOST_INEQUALITIES, has_ranges};
pub(crate) use residual::PairCondition;
pub(crate) use rule::Rule;
pub(crate) use spill::FiledRows;
pub(crate) use unmatched::UnmatchedRows;
