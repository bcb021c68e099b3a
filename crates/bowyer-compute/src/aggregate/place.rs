// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Where a value is: the row of the first one that equals a given value.

use std::any::Any;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, Int64Array};
use bowyer_core::lanes::Lanes;
use bowyer_core::{Column, Error, ErrorCode, Memory, Result};

use super::input::{Input, same};
use super::{Accumulator, AggregateContext, Groups};
use crate::coercion::exactly;
use crate::{
    Argument, BindContext, Bound, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Overload, bind,
};

pub(crate) const FAMILY: &[Function] = &[
    Function::aggregate("index")
        .summary("Finds the row of the first value that equals a given one, counted from zero.")
        .notes("-1 when none does. Neither null nor NaN is ever found.")
        .args(&["values"])
        .options(&[OptionSpec::new("value", OptionKind::Scalar, OptionDefault::Required, "The value to find.")])
        .examples(&[Example::new(&["int64 [3, null, 12345]"], "scalar int64 2").with(&[("value", "12345")])])
        .prepare(prepare)
        .nullability(|_| false)
        .overloads(&[Overload::aggregate(&[Kind::Any], Kind::Int64, index)]),
    Function::aggregate("count_if")
        .summary("Counts the rows in which a condition is true.")
        .args(&["condition"])
        .examples(&[Example::new(&["bool [true, false, null, true]"], "scalar int64 2")])
        .nullability(|_| false)
        .overloads(&[Overload::aggregate(&[Kind::Boolean], Kind::Int64, |context| {
            Ok(Box::new(CountIf { counts: Lanes::new(context.memory)? }))
        })]),
];

/// The comparison and the value; none when nothing can be found.
struct Equal(Option<(Bound, ArrayRef)>);

fn prepare(context: &BindContext<'_>) -> Result<Box<dyn Any + Send + Sync>> {
    let value = context.options.array("value")?;
    let data_type = &context.types[0];
    if value.logical_null_count() > 0 || data_type.is_null() {
        return Ok(Box::new(Equal(None)));
    }
    let value = match exactly(value, data_type, &Memory::unlimited()) {
        Ok(value) => value,
        // What the type does not hold is not among its values.
        Err(error) if error.code() == ErrorCode::InvalidArgument => return Ok(Box::new(Equal(None))),
        Err(error) => return Err(error.for_argument("value")),
    };
    let arguments = [Argument::new(data_type.clone()), Argument::new(data_type.clone())];
    Ok(Box::new(Equal(Some((bind("equal", &arguments, vec![])?, value)))))
}

fn index(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    let equal = context.state.and_then(|state| state.downcast_ref::<Equal>());
    let equal = equal.ok_or_else(|| Error::internal("the comparison was not prepared"))?;
    Ok(Box::new(Index {
        equal: equal.0.clone(),
        position: 0,
        rows: Lanes::new(context.memory)?,
        memory: context.memory.clone(),
    }))
}

struct Index {
    equal: Option<(Bound, ArrayRef)>,
    position: u64,
    /// The row of each group, -1 without.
    rows: Lanes<i64>,
    memory: Memory,
}

impl Accumulator for Index {
    fn begin_batch(&mut self, position: u64) {
        self.position = position;
    }

    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let input = Input::new(args)?;
        let first = self.position;
        self.position += input.row_count() as u64;
        self.rows.resize(groups.group_count().max(self.rows.len()), -1)?;
        let Some((equal, value)) = &self.equal else { return Ok(()) };
        let row_count = input.row_count();
        let value = Column::scalar(value.clone(), row_count)?;
        let found = equal.call(&[Column::Array(input.array), value], row_count, &self.memory)?.to_array()?;
        let found = found.as_boolean();
        for row in found.values().set_indices().filter(|row| found.is_valid(*row)) {
            let held = &mut self.rows[groups.indices().map_or(0, |indices| indices[row] as usize)];
            let row = (first + row as u64) as i64;
            if *held < 0 || row < *held {
                *held = row;
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        self.rows.resize(group_count.max(self.rows.len()), -1)?;
        for (&group, &row) in group_indices.iter().zip(&other.rows[..]) {
            let held = &mut self.rows[group as usize];
            if row >= 0 && (*held < 0 || row < *held) {
                *held = row;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        self.rows.resize(group_count, -1)?;
        Ok(Arc::new(Int64Array::from(self.rows.to_vec())))
    }

    fn byte_len(&self) -> usize {
        self.rows.byte_len()
    }
}

struct CountIf {
    counts: Lanes<i64>,
}

impl Accumulator for CountIf {
    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let input = Input::new(args)?;
        let values = input.array.as_boolean().values();
        self.counts.resize(groups.group_count().max(self.counts.len()), 0)?;
        let counts = &mut self.counts[..];
        input.each_valid(groups, |group, row| counts[group] += i64::from(values.value(row)));
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        self.counts.resize(group_count.max(self.counts.len()), 0)?;
        for (&group, &count) in group_indices.iter().zip(&other.counts[..]) {
            self.counts[group as usize] += count;
        }
        Ok(())
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        self.counts.resize(group_count, 0)?;
        Ok(Arc::new(Int64Array::from(self.counts.to_vec())))
    }

    fn byte_len(&self) -> usize {
        self.counts.byte_len()
    }
}
