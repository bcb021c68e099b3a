// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Counts of rows, of valid rows, and of distinct values.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, UInt32Array};
use arrow_schema::DataType;
use bowyer_core::group::GroupTable;
use bowyer_core::keys::{KeyEquality, KeyOptions};
use bowyer_core::lanes::Lanes;
use bowyer_core::{Column, Error, Memory, Result};

use super::input::{Input, same, take_states};
use super::{Accumulator, AggregateContext, Groups};
use crate::{Example, Function, Kind, Nulls, OptionDefault, OptionKind, OptionSpec, Options, Overload};

const MODE: OptionSpec = OptionSpec::new(
    "mode",
    OptionKind::Choice(&["only_valid", "only_null", "all"]),
    OptionDefault::Utf8("only_valid"),
    "Which values count: those that are not null, those that are, or all.",
);

pub(crate) const FAMILY: &[Function] = &[
    Function::aggregate("count")
        .aliases(&["hash_count"])
        .summary("Counts the values.")
        .args(&["values"])
        .options(&[MODE])
        .examples(&[
            Example::new(&["int32 [1, null, 3]"], "scalar int64 2"),
            Example::new(&["int32 [1, null, 3]"], "scalar int64 1").with(&[("mode", "\"only_null\"")]),
        ])
        .nulls(Nulls::Never)
        .overloads(&[Overload::aggregate(&[Kind::Any], Kind::Int64, count)]),
    Function::aggregate("count_all")
        .aliases(&["hash_count_all"])
        .summary("Counts the rows.")
        .notes("It has no arguments, and so no rows of its own: in a plan it counts those of each group.")
        .examples(&[Example::new(&[], "scalar int64 0")])
        .nulls(Nulls::Never)
        .overloads(&[Overload::aggregate(&[], Kind::Int64, count_all)]),
    Function::aggregate("count_distinct")
        .aliases(&["hash_count_distinct"])
        .summary("Counts the distinct values.")
        .notes("Alone, it tells floats apart by their bits; in a plan, NaN is one value and −0.0 equals 0.0.")
        .args(&["values"])
        .options(&[MODE])
        .examples(&[Example::new(&["int32 [1, 1, null, 3]"], "scalar int64 2")])
        .nulls(Nulls::Never)
        .overloads(&[Overload::aggregate(&[Kind::Any], Kind::Int64, count_distinct)]),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum CountMode {
    OnlyValid,
    OnlyNull,
    All,
}

impl CountMode {
    fn new(options: &Options) -> Result<Self> {
        Ok(match options.utf8("mode")? {
            "only_null" => Self::OnlyNull,
            "all" => Self::All,
            _ => Self::OnlyValid,
        })
    }
}

fn count(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    Ok(Box::new(Count { mode: CountMode::new(context.options)?, counts: Lanes::new(context.memory)? }))
}

fn count_all(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    Ok(Box::new(Count { mode: CountMode::All, counts: Lanes::new(context.memory)? }))
}

struct Count {
    mode: CountMode,
    counts: Lanes<i64>,
}

impl Accumulator for Count {
    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        self.counts.resize(groups.group_count().max(self.counts.len()), 0)?;
        let (row_count, nulls) = match args {
            [] => (groups.row_count().unwrap_or(0), None),
            _ => {
                let input = Input::new(args)?;
                (input.row_count(), input.nulls)
            }
        };
        let counts = &mut self.counts[..];
        let null_count = nulls.as_ref().map_or(0, arrow_buffer::NullBuffer::null_count);
        match (groups.indices(), self.mode, nulls) {
            (None, CountMode::All, _) => counts[0] += row_count as i64,
            (None, CountMode::OnlyValid, _) => counts[0] += (row_count - null_count) as i64,
            (None, CountMode::OnlyNull, _) => counts[0] += null_count as i64,
            (Some(_), CountMode::OnlyNull, None) => {}
            (Some(indices), CountMode::All, _) | (Some(indices), CountMode::OnlyValid, None) => {
                for &group in indices {
                    counts[group as usize] += 1;
                }
            }
            (Some(indices), mode, Some(nulls)) => {
                for (row, &group) in indices.iter().enumerate() {
                    counts[group as usize] += i64::from(nulls.is_valid(row) == (mode == CountMode::OnlyValid));
                }
            }
        }
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
        let counts = take_states(&mut self.counts, group_count, 0)?;
        Ok(Arc::new(Int64Array::new(counts.into_buffer(), None)))
    }

    fn byte_len(&self) -> usize {
        self.counts.byte_len()
    }
}

fn count_distinct(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    let value_type = context.types[0].clone();
    // Types without keys are refused when the call is bound to data, before the first row.
    GroupTable::new(std::slice::from_ref(&value_type), KeyOptions::default(), context.memory)?;
    Ok(Box::new(CountDistinct {
        mode: CountMode::new(context.options)?,
        equality: KeyEquality::Bits,
        value_type,
        table: None,
        counts: Lanes::new(context.memory)?,
        memory: context.memory.clone(),
    }))
}

/// The distinct pairs of group and value, and for each group how many of them count.
struct CountDistinct {
    mode: CountMode,
    equality: KeyEquality,
    value_type: DataType,
    table: Option<GroupTable>,
    counts: Lanes<i64>,
    memory: Memory,
}

impl CountDistinct {
    fn insert(&mut self, indices: UInt32Array, values: ArrayRef, group_count: usize) -> Result<()> {
        self.counts.resize(group_count.max(self.counts.len()), 0)?;
        if self.table.is_none() {
            let options = KeyOptions { equality: self.equality, ..KeyOptions::default() };
            self.table = Some(GroupTable::new(&[DataType::UInt32, self.value_type.clone()], options, &self.memory)?);
        }
        let table = self.table.as_mut().ok_or_else(|| Error::internal("the table was just made"))?;
        let nulls = values.logical_nulls();
        let groups: ArrayRef = Arc::new(indices.clone());
        let row_count = values.len();
        for row in table.insert(&[groups, values], row_count, &mut Vec::new())? {
            let row = row as usize;
            let valid = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
            let counts = match self.mode {
                CountMode::All => true,
                CountMode::OnlyValid => valid,
                CountMode::OnlyNull => !valid,
            };
            self.counts[indices.value(row) as usize] += i64::from(counts);
        }
        Ok(())
    }
}

impl Accumulator for CountDistinct {
    fn grows(&self) -> bool {
        true
    }

    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let input = Input::new(args)?;
        let indices = match groups.indices() {
            Some(indices) => UInt32Array::from(indices.to_vec()),
            None => UInt32Array::from(vec![0; input.row_count()]),
        };
        self.insert(indices, input.array, groups.group_count())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        let Some(table) = other.table else {
            return self.counts.resize(group_count.max(self.counts.len()), 0);
        };
        let mut keys = table.into_keys()?;
        let (Some(values), Some(groups)) = (keys.pop(), keys.pop()) else {
            return Err(Error::internal("a table of pairs has two columns"));
        };
        let groups = arrow_array::cast::AsArray::as_primitive::<arrow_array::types::UInt32Type>(&groups);
        let indices = groups.values().iter().map(|&group| group_indices[group as usize]).collect::<Vec<_>>();
        self.insert(UInt32Array::from(indices), values, group_count)
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        let counts = take_states(&mut self.counts, group_count, 0)?;
        self.table = None;
        Ok(Arc::new(Int64Array::new(counts.into_buffer(), None)))
    }

    fn byte_len(&self) -> usize {
        self.counts.byte_len() + self.table.as_ref().map_or(0, GroupTable::byte_len)
    }

    fn compare_as_keys(&mut self) {
        self.equality = KeyEquality::Values;
    }
}
