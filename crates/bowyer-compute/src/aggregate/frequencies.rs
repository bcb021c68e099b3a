// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! How often each value of a group is there: the most common ones, all of them, and how evenly they are spread.
//!
//! A state is a table of the distinct pairs of group and value, and a count for each. Nulls are left out; NaNs are one
//! value, and so are −0.0 and 0.0 where a plan asks.

use std::cmp::Reverse;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{ArrayRef, Float64Array, Int64Array, ListArray, MapArray, StructArray, UInt32Array};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, FieldRef, Fields};
use bowyer_core::group::GroupTable;
use bowyer_core::keys::{KeyEquality, KeyOptions};
use bowyer_core::lanes::Lanes;
use bowyer_core::{Column, Error, Memory, Result};

use super::input::{Input, same};
use super::{Accumulator, AggregateContext, Groups};
use crate::vector::rows::take_rows;
use crate::vector::sort::sorted_with_ties;
use crate::{Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Options, Overload};

pub(crate) const FAMILY: &[Function] = &[
    Function::aggregate("hash_mode")
        .summary("Returns the most common value.")
        .notes("Of equally common ones the least. Nulls are left out; null where nothing is left.")
        .args(&["values"])
        .examples(&[Example::new(&["int32 [3, 1, 3, null]"], "scalar int32 3")])
        .overloads(&[Overload::aggregate(&[Kind::Any], Kind::SameAs(0), |context| frequencies(context, Finish::Mode))]),
    Function::aggregate("most_common")
        .summary("Lists the most common values and how often each is there.")
        .notes("The most common first, of equally common ones the least. Nulls are left out.")
        .args(&["values"])
        .options(&[OptionSpec::new(
            "n",
            OptionKind::Integer,
            OptionDefault::Integer(10),
            "How many values to give at most.",
        )])
        .examples(&[Example::new(
            &["int32 [3, 1, 3, null]"],
            "scalar list<item: struct<value: int32, count: int64>> [{value: 3, count: 2}, {value: 1, count: 1}]",
        )])
        .nullability(|_| false)
        .overloads(&[Overload::aggregate(&[Kind::Any], Kind::Computed(list_type), |context| {
            let n = usize::try_from(context.options.integer("n")?).ok().filter(|n| *n > 0);
            let n = n.ok_or_else(|| Error::invalid_argument("it is less than 1").for_argument("n"))?;
            frequencies(context, Finish::List(n))
        })]),
    Function::aggregate("histogram")
        .summary("Maps each value to how often it is there.")
        .notes("In the order of the values. Nulls are left out.")
        .args(&["values"])
        .examples(&[Example::new(&["int32 [3, 1, 3, null]"], "scalar map<int32, int64> [[1, 1], [3, 2]]")])
        .nullability(|_| false)
        .overloads(&[Overload::aggregate(&[Kind::Any], Kind::Computed(map_type), |context| {
            frequencies(context, Finish::Map)
        })]),
    Function::aggregate("entropy")
        .summary("Computes Shannon's entropy of the values, in bits.")
        .notes(
            "The sum of -p log2 p over the distinct values, p being the share of a value. Nulls are left out; null \
             where nothing is left.",
        )
        .args(&["values"])
        .examples(&[Example::new(&["string [\"a\", \"b\", \"a\", \"b\"]"], "scalar double 1")])
        .overloads(&[Overload::aggregate(&[Kind::Any], Kind::Float64, |context| {
            frequencies(context, Finish::Entropy)
        })]),
];

fn list_fields(data_type: &DataType) -> Fields {
    Fields::from(vec![Field::new("value", data_type.clone(), true), Field::new("count", DataType::Int64, true)])
}

fn list_type(types: &[DataType], _: &Options) -> Result<DataType> {
    Ok(DataType::new_list(DataType::Struct(list_fields(&types[0])), true))
}

fn map_type(types: &[DataType], _: &Options) -> Result<DataType> {
    let fields = vec![Field::new("key", types[0].clone(), false), Field::new("value", DataType::Int64, true)];
    Ok(DataType::Map(Arc::new(Field::new("entries", DataType::Struct(Fields::from(fields)), false)), false))
}

/// What becomes of the counts.
#[derive(Clone, Copy)]
enum Finish {
    Mode,
    List(usize),
    Map,
    Entropy,
}

fn frequencies(context: &AggregateContext<'_>, finish: Finish) -> Result<Box<dyn Accumulator>> {
    let value_type = context.types[0].clone();
    Ok(Box::new(Frequencies {
        finish,
        table: table(&value_type, KeyEquality::Bits, context.memory)?,
        counts: Lanes::new(context.memory)?,
        value_type,
        output_type: context.output_type.clone(),
        memory: context.memory.clone(),
    }))
}

fn table(value_type: &DataType, equality: KeyEquality, memory: &Memory) -> Result<GroupTable> {
    let options = KeyOptions { equality, ..KeyOptions::default() };
    GroupTable::new(&[DataType::UInt32, value_type.clone()], options, memory)
}

struct Frequencies {
    finish: Finish,
    /// The distinct pairs of group and value.
    table: GroupTable,
    /// How often each pair came.
    counts: Lanes<i64>,
    value_type: DataType,
    output_type: DataType,
    memory: Memory,
}

/// The distinct values of all groups beside each other, in the order asked for.
struct Ordered {
    values: ArrayRef,
    counts: Vec<i64>,
    /// Where the values of each group begin, and at the end how many there are.
    starts: Vec<usize>,
}

impl Frequencies {
    fn insert(&mut self, groups: ArrayRef, values: ArrayRef, counts: Option<&[i64]>) -> Result<()> {
        let row_count = values.len();
        let mut pairs = Vec::new();
        self.table.insert(&[groups, values], row_count, &mut pairs)?;
        self.counts.resize(self.table.group_count(), 0)?;
        for (row, &pair) in pairs.iter().enumerate() {
            self.counts[pair as usize] += counts.map_or(1, |counts| counts[row]);
        }
        Ok(())
    }

    /// The pairs so far: the group, the value and the count of each. Leaves none behind.
    fn take(&mut self) -> Result<(ArrayRef, ArrayRef, Lanes<i64>)> {
        let fresh = table(&self.value_type, KeyEquality::Bits, &self.memory)?;
        let mut keys = std::mem::replace(&mut self.table, fresh).into_keys()?;
        let counts = std::mem::replace(&mut self.counts, Lanes::new(&self.memory)?);
        match (keys.pop(), keys.pop()) {
            (Some(values), Some(groups)) => Ok((groups, values, counts)),
            _ => Err(Error::internal("a table of pairs has two columns")),
        }
    }

    /// The pairs by group, there by count from the greatest if asked for, then by value; at most `most` of a group.
    fn ordered(&mut self, group_count: usize, by_count: bool, most: usize) -> Result<Ordered> {
        let (groups, values, counts) = self.take()?;
        let groups = groups.as_primitive::<UInt32Type>().values();
        let (rows, _) = sorted_with_ties(&values)?;
        let mut ranks = vec![0u32; rows.len()];
        for (rank, &row) in rows.iter().enumerate() {
            ranks[row as usize] = rank as u32;
        }
        let mut rows = rows;
        rows.sort_unstable_by_key(|&row| {
            let row = row as usize;
            (groups[row], Reverse(if by_count { counts[row] } else { 0 }), ranks[row])
        });
        let mut starts = vec![0; group_count + 1];
        let mut kept: Vec<u32> = Vec::with_capacity(rows.len());
        for row in rows {
            let held = &mut starts[groups[row as usize] as usize + 1];
            if *held < most {
                *held += 1;
                kept.push(row);
            }
        }
        for group in 0..group_count {
            starts[group + 1] += starts[group];
        }
        let counts = kept.iter().map(|&row| counts[row as usize]).collect();
        Ok(Ordered { values: take_rows(&values, &UInt32Array::from(kept), &self.memory)?, counts, starts })
    }

    fn entropies(&mut self, group_count: usize) -> Result<ArrayRef> {
        let Ordered { counts, starts, .. } = self.ordered(group_count, true, usize::MAX)?;
        let entropy = |group: usize| {
            let counts = &counts[starts[group]..starts[group + 1]];
            let all = counts.iter().sum::<i64>() as f64;
            let part = |&count: &i64| count as f64 * (all / count as f64).log2();
            (!counts.is_empty()).then(|| counts.iter().map(part).sum::<f64>() / all)
        };
        Ok(Arc::new((0..group_count).map(entropy).collect::<Float64Array>()))
    }

    fn modes(&mut self, group_count: usize) -> Result<ArrayRef> {
        let Ordered { values, starts, .. } = self.ordered(group_count, true, 1)?;
        let row = |group: usize| (starts[group] < starts[group + 1]).then_some(starts[group] as u32);
        take_rows(&values, &(0..group_count).map(row).collect::<UInt32Array>(), &self.memory)
    }

    fn lists(&mut self, group_count: usize, n: usize) -> Result<ArrayRef> {
        let DataType::List(item) = self.output_type.clone() else { return Err(Error::internal("it makes lists")) };
        let Ordered { values, counts, starts } = self.ordered(group_count, true, n)?;
        let items = pairs(&item, values, counts)?;
        Ok(Arc::new(ListArray::try_new(item, offsets(&starts)?, Arc::new(items), None)?))
    }

    fn maps(&mut self, group_count: usize) -> Result<ArrayRef> {
        let DataType::Map(entries, sorted) = self.output_type.clone() else {
            return Err(Error::internal("it makes maps"));
        };
        let Ordered { values, counts, starts } = self.ordered(group_count, false, usize::MAX)?;
        let items = pairs(&entries, values, counts)?;
        Ok(Arc::new(MapArray::try_new(entries, offsets(&starts)?, items, None, sorted)?))
    }
}

/// Values and counts as structs of the field's type.
fn pairs(field: &FieldRef, values: ArrayRef, counts: Vec<i64>) -> Result<StructArray> {
    let DataType::Struct(fields) = field.data_type() else { return Err(Error::internal("the items are structs")) };
    Ok(StructArray::try_new(fields.clone(), vec![values, Arc::new(Int64Array::from(counts))], None)?)
}

fn offsets(starts: &[usize]) -> Result<OffsetBuffer<i32>> {
    let last = starts.last().copied().unwrap_or(0);
    i32::try_from(last).map_err(|_| Error::overflow(format!("{last} values do not fit one list column")))?;
    Ok(OffsetBuffer::new(starts.iter().map(|&start| start as i32).collect()))
}

impl Accumulator for Frequencies {
    fn grows(&self) -> bool {
        true
    }

    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let Input { mut array, nulls } = Input::new(args)?;
        let mut indices = groups.indices().map_or_else(|| vec![0; array.len()], <[u32]>::to_vec);
        if array.data_type().is_null() {
            return Ok(());
        }
        if let Some(nulls) = nulls {
            let rows: Vec<u32> = nulls.valid_indices().map(|row| row as u32).collect();
            indices = rows.iter().map(|&row| indices[row as usize]).collect();
            array = take_rows(&array, &UInt32Array::from(rows), &self.memory)?;
        }
        self.insert(Arc::new(UInt32Array::from(indices)), array, None)
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], _: usize) -> Result<()> {
        let (groups, values, counts) = same::<Self>(other)?.take()?;
        let groups = groups.as_primitive::<UInt32Type>().unary::<_, UInt32Type>(|group| group_indices[group as usize]);
        self.insert(Arc::new(groups), values, Some(&counts))
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        match self.finish {
            Finish::Mode => self.modes(group_count),
            Finish::List(n) => self.lists(group_count, n),
            Finish::Map => self.maps(group_count),
            Finish::Entropy => self.entropies(group_count),
        }
    }

    fn byte_len(&self) -> usize {
        self.counts.byte_len() + self.table.byte_len()
    }

    fn compare_as_keys(&mut self) {
        if let Ok(fresh) = table(&self.value_type, KeyEquality::Values, &self.memory) {
            self.table = fresh;
        }
    }
}
