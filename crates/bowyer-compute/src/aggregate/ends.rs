// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The first and the last value of each group, by position in the input.
//!
//! A state is a position and where the row is kept. Rows are kept as small arrays taken from the batches, so that any
//! type is one code path; rows that later ones replaced are dropped now and then.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, StructArray, UInt32Array, new_null_array};
use arrow_schema::{DataType, Field, Fields};
use bowyer_core::lanes::Lanes;
use bowyer_core::{Charge, Column, Memory, Result};

use super::input::{Input, same};
use super::presence::{MIN_COUNT_ONE, NullRule, Presence, SKIP_NULLS};
use super::{Accumulator, AggregateContext, Groups};
use crate::{Example, Function, Kind, Options, Overload};

pub(crate) const FAMILY: &[Function] = &[
    Function::aggregate("first")
        .aliases(&["hash_first"])
        .summary("Returns the first value.")
        .notes("Without skip_nulls it is the value of the first row, null or not.")
        .args(&["values"])
        .options(&[SKIP_NULLS, MIN_COUNT_ONE])
        .examples(&[Example::new(&["int32 [null, 2, 3]"], "scalar int32 2")])
        .overloads(&[Overload::aggregate(&[Kind::Any], Kind::SameAs(0), first)]),
    Function::aggregate("last")
        .aliases(&["hash_last"])
        .summary("Returns the last value.")
        .notes("Without skip_nulls it is the value of the last row, null or not.")
        .args(&["values"])
        .options(&[SKIP_NULLS, MIN_COUNT_ONE])
        .examples(&[Example::new(&["int32 [1, 2, null]"], "scalar int32 2")])
        .overloads(&[Overload::aggregate(&[Kind::Any], Kind::SameAs(0), last)]),
    Function::aggregate("first_last")
        .aliases(&["hash_first_last"])
        .summary("Returns the first and the last value.")
        .notes("Without skip_nulls they are the values of the first and last row, null or not.")
        .args(&["values"])
        .options(&[SKIP_NULLS, MIN_COUNT_ONE])
        .examples(&[Example::new(
            &["int32 [null, 2, 3]"],
            "scalar struct<first: int32, last: int32> {first: 2, last: 3}",
        )])
        .nullability(|_| false)
        .overloads(&[Overload::aggregate(&[Kind::Any], Kind::Computed(ends_type), ends)]),
    Function::aggregate("one")
        .aliases(&["hash_one", "any_value"])
        .summary("Returns one of the values: the first that is not null.")
        .args(&["values"])
        .examples(&[Example::new(&["int32 [null, 2, 3]"], "scalar int32 2")])
        .overloads(&[Overload::aggregate(&[Kind::Any], Kind::SameAs(0), |context| {
            Ok(Box::new(first_valid(context.output_type, context.memory)?))
        })]),
];

fn ends_fields(data_type: &DataType) -> Fields {
    Fields::from(vec![Field::new("first", data_type.clone(), true), Field::new("last", data_type.clone(), true)])
}

fn ends_type(types: &[DataType], _: &Options) -> Result<DataType> {
    Ok(DataType::Struct(ends_fields(&types[0])))
}

fn ends(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    let rule = NullRule::new(context.options)?;
    let one = |first| End::new(first, rule, &context.types[0], context.memory);
    Ok(Box::new(Ends { first: one(true)?, last: one(false)? }))
}

/// The first valid value of each group.
pub(super) fn first_valid(data_type: &DataType, memory: &Memory) -> Result<End> {
    End::new(true, NullRule { skip_nulls: true, min_count: 0 }, data_type, memory)
}

/// Both ends.
struct Ends {
    first: End,
    last: End,
}

impl Accumulator for Ends {
    fn begin_batch(&mut self, position: u64) {
        self.first.begin_batch(position);
        self.last.begin_batch(position);
    }

    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        self.first.update(args, groups)?;
        self.last.update(args, groups)
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let Self { first, last } = *same::<Self>(other)?;
        self.first.merge(Box::new(first), group_indices, group_count)?;
        self.last.merge(Box::new(last), group_indices, group_count)
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        let (first, last) = (self.first.evaluate(group_count)?, self.last.evaluate(group_count)?);
        let fields = ends_fields(first.data_type());
        Ok(Arc::new(StructArray::try_new(fields, vec![first, last], None)?))
    }

    fn byte_len(&self) -> usize {
        self.first.byte_len() + self.last.byte_len()
    }
}

fn first(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    end(context, true)
}

fn last(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    end(context, false)
}

fn end(context: &AggregateContext<'_>, first: bool) -> Result<Box<dyn Accumulator>> {
    Ok(Box::new(End::new(first, NullRule::new(context.options)?, context.output_type, context.memory)?))
}

/// A group without a row so far.
const NOWHERE: u64 = u64::MAX;

pub(super) struct End {
    first: bool,
    skip_nulls: bool,
    /// The position of the next batch's first row.
    position: u64,
    /// The position of each group's row.
    positions: Lanes<u64>,
    /// Where each group's row is kept: `array << 32 | row`.
    places: Lanes<u64>,
    kept: Vec<ArrayRef>,
    kept_rows: usize,
    charge: Charge,
    presence: Presence,
    output_type: DataType,
}

impl End {
    fn new(first: bool, rule: NullRule, output_type: &DataType, memory: &Memory) -> Result<Self> {
        Ok(Self {
            first,
            skip_nulls: rule.skip_nulls,
            position: 0,
            positions: Lanes::new(memory)?,
            places: Lanes::new(memory)?,
            kept: Vec::new(),
            kept_rows: 0,
            charge: memory.charge(0)?,
            presence: Presence::new(NullRule { skip_nulls: true, ..rule }, memory)?,
            output_type: output_type.clone(),
        })
    }

    fn resize(&mut self, group_count: usize) -> Result<()> {
        self.positions.resize(group_count.max(self.positions.len()), 0)?;
        self.places.resize(group_count.max(self.places.len()), NOWHERE)
    }

    #[inline]
    fn is_nearer(&self, group: usize, position: u64) -> bool {
        self.places[group] == NOWHERE || (position < self.positions[group]) == self.first
    }

    /// Keeps `array`, whose rows are those of `groups`.
    fn keep(&mut self, array: ArrayRef, groups: &[u32]) -> Result<()> {
        let first = (self.kept.len() as u64) << 32;
        for (row, &group) in groups.iter().enumerate() {
            self.places[group as usize] = first | row as u64;
        }
        self.kept_rows += array.len();
        self.kept.push(array);
        if self.kept_rows > 4096 + 2 * self.places.len() || self.kept.len() > 1024 {
            self.compact()?;
        }
        self.charge.resize(self.kept.iter().map(|array| array.get_buffer_memory_size()).sum())
    }

    /// Keeps only rows that a state points to.
    fn compact(&mut self) -> Result<()> {
        let live: Vec<usize> = (0..self.places.len()).filter(|&group| self.places[group] != NOWHERE).collect();
        let places: Vec<_> = live
            .iter()
            .map(|&group| ((self.places[group] >> 32) as usize, self.places[group] as u32 as usize))
            .collect();
        let arrays: Vec<&dyn Array> = self.kept.iter().map(AsRef::as_ref).collect();
        if arrays.is_empty() {
            return Ok(());
        }
        let array = arrow_select::interleave::interleave(&arrays, &places)?;
        for (row, group) in live.into_iter().enumerate() {
            self.places[group] = row as u64;
        }
        self.kept_rows = array.len();
        self.kept = vec![array];
        Ok(())
    }

    /// The row of each group that a batch brings, if it is nearer to the end than the one held.
    fn choose(&mut self, input: &Input, groups: Groups<'_>) -> (Vec<u32>, Vec<u32>) {
        let mut changed: Vec<u32> = Vec::new();
        let mut rows: Vec<u32> = Vec::new();
        let nulls = input.nulls.as_ref().filter(|_| self.skip_nulls);
        let row_count = input.row_count();
        let is_there = |row: usize| nulls.is_none_or(|nulls| nulls.is_valid(row));
        let group_of = |row: usize| groups.indices().map_or(0, |indices| indices[row]);
        if groups.indices().is_none() {
            let row = if self.first {
                (0..row_count).find(|&row| is_there(row))
            } else {
                (0..row_count).rev().find(|&row| is_there(row))
            };
            if let Some(row) = row.filter(|&row| self.is_nearer(0, self.position + row as u64)) {
                self.positions[0] = self.position + row as u64;
                return (vec![0], vec![row as u32]);
            }
            return (changed, rows);
        }
        let mut take = |end: &mut Self, row: usize| {
            let (group, position) = (group_of(row) as usize, end.position + row as u64);
            if is_there(row) && end.is_nearer(group, position) {
                end.positions[group] = position;
                // Until it is kept, the place only has to be somewhere.
                end.places[group] = 0;
                changed.push(group as u32);
                rows.push(row as u32);
            }
        };
        // From the wanted end on, the first row of a group in the batch is the one to keep.
        if self.first {
            (0..row_count).for_each(|row| take(self, row));
        } else {
            (0..row_count).rev().for_each(|row| take(self, row));
        }
        (changed, rows)
    }
}

impl Accumulator for End {
    fn begin_batch(&mut self, position: u64) {
        self.position = position;
    }

    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let input = Input::new(args)?;
        self.resize(groups.group_count())?;
        self.presence.update(input.row_count(), input.nulls.as_ref(), groups)?;
        let (changed, rows) = self.choose(&input, groups);
        self.position += input.row_count() as u64;
        if changed.is_empty() {
            return Ok(());
        }
        let taken = arrow_select::take::take(input.array.as_ref(), &UInt32Array::from(rows), None)?;
        self.keep(taken, &changed)
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let mut other = same::<Self>(other)?;
        self.resize(group_count)?;
        self.presence.merge(&other.presence, group_indices, group_count)?;
        other.compact()?;
        let (mut changed, mut rows) = (Vec::new(), Vec::new());
        for (from, &group) in group_indices.iter().enumerate().take(other.places.len()) {
            let (place, position) = (other.places[from], other.positions[from]);
            if place != NOWHERE && self.is_nearer(group as usize, position) {
                self.positions[group as usize] = position;
                changed.push(group);
                rows.push(place as u32);
            }
        }
        let Some(array) = other.kept.first().filter(|_| !changed.is_empty()) else { return Ok(()) };
        let taken = arrow_select::take::take(array.as_ref(), &UInt32Array::from(rows), None)?;
        self.keep(taken, &changed)
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        self.resize(group_count)?;
        self.compact()?;
        let enough = self.presence.finish(group_count)?;
        let row = |group: usize| {
            let enough = !self.skip_nulls || enough.as_ref().is_none_or(|enough| enough.is_valid(group));
            (enough && self.places[group] != NOWHERE).then(|| self.places[group] as u32)
        };
        let rows: UInt32Array = (0..group_count).map(row).collect();
        let result = match self.kept.first() {
            Some(array) => arrow_select::take::take(array.as_ref(), &rows, None)?,
            None => new_null_array(&self.output_type, group_count),
        };
        self.kept.clear();
        Ok(result)
    }

    fn byte_len(&self) -> usize {
        self.positions.byte_len() + self.places.byte_len() + self.charge.bytes() + self.presence.byte_len()
    }
}
