// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Aggregates that keep the values: lists, distinct values, text joined together.
//!
//! Rows are kept as they come, each batch beside the position of its first row and the group of each row, so that the
//! lists are in the order of the input whichever task saw which batch.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, UInt32Array, UInt64Array, new_empty_array};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use arrow_select::concat::concat;
use bowyer_core::group::GroupTable;
use bowyer_core::keys::{KeyEquality, KeyOptions};
use bowyer_core::{Charge, Column, Memory, Output, Result};

use super::input::{Input, same};
use super::{Accumulator, AggregateContext, Groups};
use crate::scalar::list_values::{Lists, lists};
use crate::scalar::string_values::Text;
use crate::vector::rows::{take_rows, take_rows64};
use crate::{Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Overload};

pub(crate) const FAMILY: &[Function] = &[
    Function::aggregate("list")
        .aliases(&["hash_list"])
        .summary("Collects the values into a list, in the order of the input.")
        .notes("Nulls are kept.")
        .args(&["values"])
        .examples(&[Example::new(&["int64 [3, null, 1]"], "scalar list<item: int64> [3, null, 1]")])
        .overloads(&[Overload::aggregate(&[Kind::Any], Kind::ListOf(0), |context| {
            Ok(Box::new(Collect::new(context, Keep::All, None)?))
        })]),
    Function::aggregate("distinct")
        .aliases(&["hash_distinct"])
        .summary("Collects the distinct values into a list, in the order of their first appearance.")
        .args(&["values"])
        .options(&[OptionSpec::new(
            "mode",
            OptionKind::Choice(&["only_valid", "only_null", "all"]),
            OptionDefault::Utf8("only_valid"),
            "Whether to leave nulls out, to keep them alone, or to keep all values.",
        )])
        .examples(&[Example::new(&["int64 [3, null, 3, 1]"], "scalar list<item: int64> [3, 1]")])
        .overloads(&[Overload::aggregate(&[Kind::Any], Kind::ListOf(0), |context| {
            let keep = match context.options.utf8("mode")? {
                "only_null" => Keep::Nulls,
                "all" => Keep::All,
                _ => Keep::Valid,
            };
            let seen = Seen::new(&context.types[0], KeyEquality::Bits, context.memory)?;
            Ok(Box::new(Collect::new(context, keep, Some(seen))?))
        })]),
    Function::aggregate("string_agg")
        .summary("Joins text with a separator, in the order of the input.")
        .notes("Nulls are left out; null where nothing is left.")
        .args(&["values"])
        .options(&[OptionSpec::new(
            "separator",
            OptionKind::Utf8,
            OptionDefault::Utf8(","),
            "What stands between two values.",
        )])
        .examples(&[Example::new(&["string [\"a\", null, \"b\"]"], "scalar string \"a,b\"")])
        .overloads(&[Overload::aggregate(&[Kind::AnyString], Kind::SameAs(0), |context| {
            let list = DataType::new_list(context.types[0].clone(), true);
            let inner = AggregateContext { output_type: &list, ..*context };
            Ok(Box::new(Join {
                separator: context.options.utf8("separator")?.to_owned(),
                collect: Collect::new(&inner, Keep::Valid, None)?,
                memory: context.memory.clone(),
                output_type: context.output_type.clone(),
            }))
        })]),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    All,
    Valid,
    Nulls,
}

/// The pairs of group and value that have come.
struct Seen {
    table: GroupTable,
    data_type: DataType,
    equality: KeyEquality,
    memory: Memory,
}

impl Seen {
    fn new(data_type: &DataType, equality: KeyEquality, memory: &Memory) -> Result<Self> {
        let options = KeyOptions { equality, ..KeyOptions::default() };
        let table = GroupTable::new(&[DataType::UInt32, data_type.clone()], options, memory)?;
        Ok(Self { table, data_type: data_type.clone(), equality, memory: memory.clone() })
    }
}

/// Rows of one batch.
struct Chunk {
    position: u64,
    values: ArrayRef,
    groups: Vec<u32>,
}

struct Collect {
    keep: Keep,
    seen: Option<Seen>,
    position: u64,
    chunks: Vec<Chunk>,
    charge: Charge,
    memory: Memory,
    output_type: DataType,
}

impl Collect {
    fn new(context: &AggregateContext<'_>, keep: Keep, seen: Option<Seen>) -> Result<Self> {
        Ok(Self {
            keep,
            seen,
            position: 0,
            chunks: Vec::new(),
            charge: context.memory.charge(0)?,
            memory: context.memory.clone(),
            output_type: context.output_type.clone(),
        })
    }

    /// Adds rows that are to be kept, those aside whose value has come in their group.
    fn add(&mut self, mut chunk: Chunk) -> Result<()> {
        if let Some(seen) = &mut self.seen {
            let groups: ArrayRef = Arc::new(UInt32Array::from(chunk.groups.clone()));
            let mut out = Vec::new();
            let new = seen.table.insert(&[groups, chunk.values.clone()], chunk.groups.len(), &mut out)?;
            chunk.groups = new.iter().map(|row| chunk.groups[*row as usize]).collect();
            chunk.values = take_rows(&chunk.values, &UInt32Array::from(new), &self.memory)?;
        }
        if chunk.groups.is_empty() {
            return Ok(());
        }
        let bytes = chunk.values.get_buffer_memory_size() + chunk.groups.len() * size_of::<u32>();
        self.charge.resize(self.charge.bytes() + bytes)?;
        self.chunks.push(chunk);
        Ok(())
    }
}

impl Accumulator for Collect {
    fn grows(&self) -> bool {
        true
    }

    fn begin_batch(&mut self, position: u64) {
        self.position = position;
    }

    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let input = Input::new(args)?;
        let position = self.position;
        self.position += input.row_count() as u64;
        let group = |row: usize| groups.indices().map_or(0, |indices| indices[row]);
        let is_valid = |row: usize| input.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        let whole = match self.keep {
            Keep::All => true,
            Keep::Valid => input.nulls.is_none() && !input.array.data_type().is_null(),
            Keep::Nulls => false,
        };
        if whole {
            let groups = (0..input.row_count()).map(group).collect();
            return self.add(Chunk { position, values: input.array, groups });
        }
        let wanted = self.keep == Keep::Valid;
        let rows: Vec<u32> =
            (0..input.row_count()).filter(|row| is_valid(*row) == wanted).map(|row| row as u32).collect();
        let groups = rows.iter().map(|row| group(*row as usize)).collect();
        let values = take_rows(&input.array, &UInt32Array::from(rows), &self.memory)?;
        self.add(Chunk { position, values, groups })
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], _: usize) -> Result<()> {
        let mut other = same::<Self>(other)?;
        for chunk in &mut other.chunks {
            chunk.groups.iter_mut().for_each(|group| *group = group_indices[*group as usize]);
        }
        let Some(seen) = &self.seen else { return other.chunks.into_iter().try_for_each(|chunk| self.add(chunk)) };
        // What appeared first is kept, whichever side saw it.
        self.seen = Some(Seen::new(&seen.data_type, seen.equality, &seen.memory)?);
        let mut chunks = std::mem::take(&mut self.chunks);
        chunks.append(&mut other.chunks);
        chunks.sort_by_key(|chunk| chunk.position);
        self.charge.resize(0)?;
        chunks.into_iter().try_for_each(|chunk| self.add(chunk))
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        self.chunks.sort_by_key(|chunk| chunk.position);
        let mut lengths = vec![0usize; group_count];
        let groups = || self.chunks.iter().flat_map(|chunk| chunk.groups.iter().map(|group| *group as usize));
        groups().for_each(|group| lengths[group] += 1);
        let mut next: Vec<usize> = Vec::with_capacity(group_count);
        let mut total = 0;
        for length in &lengths {
            next.push(total);
            total += length;
        }
        let mut rows = vec![0u64; total];
        for (row, group) in groups().enumerate() {
            rows[next[group]] = row as u64;
            next[group] += 1;
        }
        let item_type = crate::scalar::list_values::item_field(&self.output_type)?.data_type();
        let values: Vec<&dyn Array> = self.chunks.iter().map(|chunk| chunk.values.as_ref()).collect();
        let values = if values.is_empty() { new_empty_array(item_type) } else { concat(&values)? };
        let items = take_rows64(&values, &UInt64Array::from(rows), &self.memory)?;
        lists(&self.output_type, &lengths, items, None)
    }

    fn byte_len(&self) -> usize {
        self.charge.bytes() + self.seen.as_ref().map_or(0, |seen| seen.table.byte_len())
    }

    fn compare_as_keys(&mut self) {
        if let Some(seen) = &mut self.seen
            && let Ok(fresh) = Seen::new(&seen.data_type, KeyEquality::Values, &seen.memory)
        {
            *seen = fresh;
        }
    }
}

/// Lists of text, joined at the end.
struct Join {
    separator: String,
    collect: Collect,
    memory: Memory,
    output_type: DataType,
}

impl Accumulator for Join {
    fn grows(&self) -> bool {
        true
    }

    fn begin_batch(&mut self, position: u64) {
        self.collect.begin_batch(position);
    }

    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        self.collect.update(args, groups)
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        self.collect.merge(Box::new(other.collect), group_indices, group_count)
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        let collected = Lists::of(&self.collect.evaluate(group_count)?)?;
        let text = Text::of(collected.items.as_ref())?;
        let nulls = NullBuffer::from_iter(collected.ranges.iter().map(|range| !range.is_empty()));
        let mut output = Output::new(self.output_type.clone(), group_count, Some(nulls), &self.memory);
        let mut writer = output.bytes(0)?;
        let mut joined = String::new();
        for (group, range) in collected.ranges.iter().enumerate() {
            joined.clear();
            for row in range.clone() {
                if row > range.start {
                    joined.push_str(&self.separator);
                }
                joined.push_str(text.get(row));
            }
            writer.push_str(&joined).map_err(|error| error.at_row(group))?;
        }
        output.finish()
    }

    fn byte_len(&self) -> usize {
        self.collect.byte_len()
    }
}
