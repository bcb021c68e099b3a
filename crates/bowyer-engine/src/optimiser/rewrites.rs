// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The names of the rewrites, and which of them are on.

use bowyer_core::{Error, Result};

/// A rewrite that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rewrite {
    /// Expressions of constants are computed once.
    Constants,
    /// Logic and choices with a known outcome are replaced by it.
    Simplify,
    /// Equal expressions of a relation are computed once.
    Shared,
    /// Filters move towards the inputs and join one another.
    Filters,
    /// A conjunction is asked for one part after the other.
    Conjuncts,
    /// A left join becomes an inner one where a filter wants no unmatched rows.
    OuterJoins,
    /// Projections of projections are one.
    Projects,
    /// Limits move towards the inputs.
    Limits,
    /// A sort under a limit keeps no more rows than that.
    TopN,
    /// A window under a filter of the first rows keeps no more rows than that of each partition.
    TopRows,
    /// A disjunction of equalities looks its values up in a set.
    Sets,
    /// Partners in a join that compares its sides are found by the order of their values.
    Ranges,
    /// Of predicates that cannot fail, those of numbers are asked before those of text, which are asked of what is left.
    CheapFirst,
    /// Columns that nobody reads are not carried.
    Columns,
    /// The keys of a join's build side turn rows away before they come to the join.
    DynamicFilters,
    /// Joins whose order nobody sees are done in the one that is likely to make the fewest rows.
    JoinOrder,
    /// An inner join that only chooses rows of the side that is not built is a semi join.
    SemiJoins,
}

/// Every rewrite and its name.
const ALL: &[(&str, Rewrite)] = &[
    ("constants", Rewrite::Constants),
    ("simplify", Rewrite::Simplify),
    ("shared", Rewrite::Shared),
    ("filters", Rewrite::Filters),
    ("conjuncts", Rewrite::Conjuncts),
    ("outer_joins", Rewrite::OuterJoins),
    ("projects", Rewrite::Projects),
    ("limits", Rewrite::Limits),
    ("top_n", Rewrite::TopN),
    ("top_rows", Rewrite::TopRows),
    ("sets", Rewrite::Sets),
    ("ranges", Rewrite::Ranges),
    ("cheap_first", Rewrite::CheapFirst),
    ("columns", Rewrite::Columns),
    ("dynamic_filters", Rewrite::DynamicFilters),
    ("join_order", Rewrite::JoinOrder),
    ("semi_joins", Rewrite::SemiJoins),
];

/// The names of all rewrites, as an engine's configuration takes them.
pub const REWRITES: &[&str] = &{
    let mut names = [""; ALL.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = ALL[index].0;
        index += 1;
    }
    names
};

/// Which rewrites are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rewrites(u32);

impl Rewrites {
    /// All of them.
    pub(crate) const ALL: Self = Self(u32::MAX);

    /// All but those named.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that no rewrite has.
    pub(crate) fn without(names: &[String]) -> Result<Self> {
        names.iter().try_fold(Self::ALL, |on, name| {
            let known = ALL.iter().find(|(known, _)| known == name);
            let (_, rewrite) = known.ok_or_else(|| {
                Error::invalid_argument(format!("{name:?} is no rewrite; there are {}", REWRITES.join(", ")))
            })?;
            Ok(Self(on.0 & !rewrite.bit()))
        })
    }

    /// Whether one is on.
    pub(crate) fn has(self, rewrite: Rewrite) -> bool {
        self.0 & rewrite.bit() != 0
    }
}

impl Rewrite {
    fn bit(self) -> u32 {
        1 << self as u32
    }
}
