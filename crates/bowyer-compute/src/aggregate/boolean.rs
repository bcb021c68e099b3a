// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Whether any, and whether every value is true.
//!
//! Without `skip_nulls` the answer is Kleene's: a null leaves open what no other value decides.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray};
use arrow_schema::DataType;
use bowyer_core::lanes::Lanes;
use bowyer_core::{Column, Result};

use super::input::{Input, same};
use super::presence::{MIN_COUNT_ONE, NullRule, Presence, SKIP_NULLS};
use super::{Accumulator, AggregateContext, Groups};
use crate::{Coercion, Example, Function, Kind, Overload};

pub(crate) const FAMILY: &[Function] = &[
    Function::aggregate("any")
        .aliases(&["hash_any"])
        .summary("Tells whether any value is true.")
        .notes("Without skip_nulls, a null and no true value give null.")
        .args(&["values"])
        .options(&[SKIP_NULLS, MIN_COUNT_ONE])
        .examples(&[Example::new(&["bool [false, null, true]"], "scalar bool true")])
        .coercion(Coercion::Custom(null_as_boolean))
        .overloads(&[Overload::aggregate(&[Kind::Boolean], Kind::Boolean, any)]),
    Function::aggregate("all")
        .aliases(&["hash_all"])
        .summary("Tells whether every value is true.")
        .notes("Without skip_nulls, a null and no false value give null.")
        .args(&["values"])
        .options(&[SKIP_NULLS, MIN_COUNT_ONE])
        .examples(&[Example::new(&["bool [true, null, true]"], "scalar bool true")])
        .coercion(Coercion::Custom(null_as_boolean))
        .overloads(&[Overload::aggregate(&[Kind::Boolean], Kind::Boolean, all)]),
];

fn null_as_boolean(types: &[DataType]) -> Option<Vec<DataType>> {
    types.first().is_some_and(DataType::is_null).then(|| vec![DataType::Boolean])
}

fn any(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    decide(context, TRUE)
}

fn all(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    decide(context, FALSE)
}

const FALSE: u8 = 1;
const TRUE: u8 = 2;
const NULL: u8 = 4;

fn decide(context: &AggregateContext<'_>, decisive: u8) -> Result<Box<dyn Accumulator>> {
    let rule = NullRule::new(context.options)?;
    // What nulls do is decided here, with the values; only the count is left to the common rule.
    let counting = NullRule { skip_nulls: true, ..rule };
    Ok(Box::new(Decide {
        decisive,
        skip_nulls: rule.skip_nulls,
        seen: Lanes::new(context.memory)?,
        presence: Presence::new(counting, context.memory)?,
    }))
}

/// For each group, which of false, true and null it has seen.
struct Decide {
    /// The value that settles the answer, whatever else there is.
    decisive: u8,
    skip_nulls: bool,
    seen: Lanes<u8>,
    presence: Presence,
}

impl Accumulator for Decide {
    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let input = Input::new(args)?;
        let values = input.values::<u8>();
        self.seen.resize(groups.group_count().max(self.seen.len()), 0)?;
        self.presence.update(input.row_count(), input.nulls.as_ref(), groups)?;
        let seen = &mut self.seen[..];
        for (row, &value) in values.iter().enumerate() {
            let valid = input.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
            let group = groups.indices().map_or(0, |indices| indices[row] as usize);
            seen[group] |= if valid { FALSE << value } else { NULL };
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        self.seen.resize(group_count.max(self.seen.len()), 0)?;
        self.presence.merge(&other.presence, group_indices, group_count)?;
        for (&group, &seen) in group_indices.iter().zip(&other.seen[..]) {
            self.seen[group as usize] |= seen;
        }
        Ok(())
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        self.seen.resize(group_count, 0)?;
        let enough = self.presence.finish(group_count)?;
        let answer = |(group, &seen): (usize, &u8)| {
            let enough = enough.as_ref().is_none_or(|enough| enough.is_valid(group));
            let decided = seen & self.decisive != 0;
            let open = !self.skip_nulls && seen & NULL != 0 && !decided;
            (enough && !open).then_some(decided == (self.decisive == TRUE))
        };
        Ok(Arc::new(self.seen.iter().enumerate().map(answer).collect::<BooleanArray>()))
    }

    fn byte_len(&self) -> usize {
        self.seen.byte_len() + self.presence.byte_len()
    }
}
