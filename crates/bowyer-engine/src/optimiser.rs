// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Rewrites that change what is computed, never what comes out.
//!
//! No rewrite may raise an error that a row-by-row run would not meet, nor hide one that it would: an expression that can
//! fail stays where it is, is given the rows that it was given before, and is evaluated even when nobody reads its
//! column. Each rewrite has a name and can be left out ([`Rewrites`]), so that tests can compare the answers.

mod dynamic;
mod expressions;
mod filters;
mod join_order;
mod joins;
mod limits;
mod order;
mod predicates;
mod projects;
mod prune;
mod ranges;
mod rewrites;
mod scans;
mod semi_joins;
mod sets;
#[cfg(test)]
mod tests;
mod top_rows;

use bowyer_core::Result;

use crate::join_order::ordered;
use crate::operators::TaskContext;
use crate::physical::Given;
use crate::plan::BoundPlan;

pub(crate) use ranges::inequalities;
pub use rewrites::REWRITES;
pub(crate) use rewrites::{Rewrite, Rewrites};
pub use scans::ScanBound;
pub(crate) use scans::{scan_bounds, scan_requests};

/// Programs larger than this are not joined with others: a long chain of relations would be copied again and again.
const PROGRAM_NODES: usize = 1024;

/// The plan as it will run.
pub(crate) fn optimise(mut plan: BoundPlan, rewrites: Rewrites) -> Result<BoundPlan> {
    expressions::rewrite(&mut plan, rewrites);
    if rewrites.has(Rewrite::Filters) {
        filters::push(&mut plan, rewrites);
    }
    if rewrites.has(Rewrite::Projects) {
        projects::merge(&mut plan);
    }
    if rewrites.has(Rewrite::Limits) {
        limits::push(&mut plan);
    }
    order::sort(&mut plan);
    if rewrites.has(Rewrite::TopN) {
        limits::limit_sorts(&mut plan);
    }
    if rewrites.has(Rewrite::TopRows) {
        top_rows::limit_windows(&mut plan);
    }
    // What was joined may be shared now.
    expressions::rewrite(&mut plan, rewrites);
    if rewrites.has(Rewrite::Sets) {
        sets::find(&mut plan);
    }
    if rewrites.has(Rewrite::Ranges) {
        ranges::find(&mut plan);
    }
    if rewrites.has(Rewrite::CheapFirst) {
        predicates::cheap_first(&mut plan);
    }
    if rewrites.has(Rewrite::Columns) {
        plan = prune::prune(plan)?;
    }
    if rewrites.has(Rewrite::JoinOrder) {
        join_order::find(&mut plan);
    }
    settle(&mut plan, rewrites);
    Ok(plan)
}

/// The plan with joins in the order that their sizes ask for, now that its inputs are there; `None` where it stays.
pub(crate) fn order_joins(
    plan: &BoundPlan,
    given: &Given<'_>,
    context: &TaskContext,
    rewrites: Rewrites,
) -> Option<BoundPlan> {
    let mut plan = ordered(plan, given, context)?;
    order::sort(&mut plan);
    settle(&mut plan, rewrites);
    Some(plan)
}

/// Finds what hangs on where relations stand.
fn settle(plan: &mut BoundPlan, rewrites: Rewrites) {
    if rewrites.has(Rewrite::SemiJoins) {
        semi_joins::find(plan);
    }
    if rewrites.has(Rewrite::DynamicFilters) {
        dynamic::find(plan);
    }
}
