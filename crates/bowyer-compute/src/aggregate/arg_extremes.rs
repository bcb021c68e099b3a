// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The value beside the least or greatest of another column.
//!
//! Candidates are gathered and thinned out to one row for each group whenever there are many more than groups.

use arrow_array::{Array, ArrayRef, UInt32Array, new_null_array};
use arrow_schema::DataType;
use arrow_select::concat::concat;
use arrow_select::take::take;
use bowyer_core::{Charge, Column, Memory, Result};

use super::input::{Input, same};
use super::{Accumulator, AggregateContext, Groups};
use crate::vector::rows::take_rows;
use crate::vector::sort::sorted_as_asked;
use crate::{Example, Function, Kind, Overload};

pub(crate) const FAMILY: &[Function] = &[
    Function::aggregate("arg_min")
        .aliases(&["min_by"])
        .summary("Returns the value beside the least of another column.")
        .notes(
            "Rows whose other column is null are left out, NaN comes after all numbers; of several the first counts.",
        )
        .args(&["values", "by"])
        .examples(&[Example::new(&["string [\"a\", \"b\"]", "int64 [5, 3]"], "scalar string \"b\"")])
        .overloads(&[Overload::aggregate(&[Kind::Any, Kind::Any], Kind::SameAs(0), |context| beside(context, false))]),
    Function::aggregate("arg_max")
        .aliases(&["max_by"])
        .summary("Returns the value beside the greatest of another column.")
        .notes(
            "Rows whose other column is null are left out, NaN comes after all numbers; of several the first counts.",
        )
        .args(&["values", "by"])
        .examples(&[Example::new(&["string [\"a\", \"b\"]", "int64 [5, 3]"], "scalar string \"a\"")])
        .overloads(&[Overload::aggregate(&[Kind::Any, Kind::Any], Kind::SameAs(0), |context| beside(context, true))]),
];

fn beside(context: &AggregateContext<'_>, greatest: bool) -> Result<Box<dyn Accumulator>> {
    Ok(Box::new(Beside {
        greatest,
        position: 0,
        values: Vec::new(),
        by: Vec::new(),
        groups: Vec::new(),
        positions: Vec::new(),
        thin_at: 1 << 14,
        charge: context.memory.charge(0)?,
        memory: context.memory.clone(),
        output_type: context.output_type.clone(),
    }))
}

struct Beside {
    greatest: bool,
    position: u64,
    /// Candidates: values, what they are compared by, their groups and their rows in the input.
    values: Vec<ArrayRef>,
    by: Vec<ArrayRef>,
    groups: Vec<u32>,
    positions: Vec<u64>,
    /// How many candidates are thinned out.
    thin_at: usize,
    charge: Charge,
    memory: Memory,
    output_type: DataType,
}

impl Beside {
    fn add(&mut self, values: ArrayRef, by: ArrayRef) -> Result<()> {
        if !values.is_empty() {
            self.values.push(values);
            self.by.push(by);
        }
        if self.groups.len() > self.thin_at {
            self.thin()?;
        }
        let arrays = self.values.iter().chain(&self.by).map(|array| array.get_buffer_memory_size()).sum::<usize>();
        self.charge.resize(arrays + self.groups.len() * (size_of::<u32>() + size_of::<u64>()))
    }

    /// Keeps the best candidate of each group.
    fn thin(&mut self) -> Result<()> {
        if self.values.is_empty() {
            return Ok(());
        }
        let joined = |arrays: &[ArrayRef]| concat(&arrays.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>());
        let (values, by) = (joined(&self.values)?, joined(&self.by)?);
        let (rows, differs) = sorted_as_asked(&by, self.greatest, false)?;
        let mut best: Vec<Option<(usize, u32)>> =
            vec![None; self.groups.iter().max().map_or(0, |last| *last as usize + 1)];
        let mut rank = 0;
        for (row, differs) in rows.into_iter().zip(differs) {
            rank += usize::from(differs);
            let held = &mut best[self.groups[row as usize] as usize];
            let nearer = held.is_none_or(|(held_rank, held_row)| {
                held_rank == rank && self.positions[row as usize] < self.positions[held_row as usize]
            });
            if nearer {
                *held = Some((rank, row));
            }
        }
        let kept: Vec<u32> = best.into_iter().flatten().map(|(_, row)| row).collect();
        self.groups = kept.iter().map(|row| self.groups[*row as usize]).collect();
        self.positions = kept.iter().map(|row| self.positions[*row as usize]).collect();
        let kept = UInt32Array::from(kept);
        self.values = vec![take_rows(&values, &kept, &self.memory)?];
        self.by = vec![take_rows(&by, &kept, &self.memory)?];
        self.thin_at = (2 * self.groups.len()).max(1 << 14);
        Ok(())
    }
}

impl Accumulator for Beside {
    fn begin_batch(&mut self, position: u64) {
        self.position = position;
    }

    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let values = args[0].to_array()?;
        let by = Input::new(&args[1..])?;
        let valid =
            |row: &usize| !by.array.data_type().is_null() && by.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*row));
        let rows: Vec<u32> = (0..by.row_count()).filter(valid).map(|row| row as u32).collect();
        for row in &rows {
            self.groups.push(groups.indices().map_or(0, |indices| indices[*row as usize]));
            self.positions.push(self.position + u64::from(*row));
        }
        self.position += by.row_count() as u64;
        let rows = UInt32Array::from(rows);
        self.add(take_rows(&values, &rows, &self.memory)?, take_rows(&by.array, &rows, &self.memory)?)
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], _: usize) -> Result<()> {
        let mut other = same::<Self>(other)?;
        other.thin()?;
        self.groups.extend(other.groups.iter().map(|group| group_indices[*group as usize]));
        self.positions.extend(&other.positions);
        match (other.values.pop(), other.by.pop()) {
            (Some(values), Some(by)) => self.add(values, by),
            _ => Ok(()),
        }
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        self.thin()?;
        let Some(values) = self.values.first() else { return Ok(new_null_array(&self.output_type, group_count)) };
        let mut rows = vec![None; group_count];
        for (row, group) in self.groups.iter().enumerate() {
            rows[*group as usize] = Some(row as u32);
        }
        Ok(take(values.as_ref(), &UInt32Array::from(rows), None)?)
    }

    fn byte_len(&self) -> usize {
        self.charge.bytes()
    }
}
