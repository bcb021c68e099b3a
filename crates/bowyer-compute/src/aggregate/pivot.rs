// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Values spread over the fields of a struct, by the key beside each.
//!
//! A pair of group and key is a group of its own to the aggregate that keeps the first value.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StructArray, UInt32Array};
use arrow_schema::{DataType, Field, Fields};
use bowyer_core::lanes::Lanes;
use bowyer_core::{Column, Error, Memory, Result};

use super::ends::{End, first_valid};
use super::input::{Input, same};
use super::{Accumulator, AggregateContext, Groups};
use crate::scalar::string_values::Bytes;
use crate::vector::rows::take_rows;
use crate::{Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Options, Overload};

pub(crate) const FAMILY: &[Function] = &[Function::aggregate("pivot_wider")
    .aliases(&["hash_pivot_wider"])
    .summary("Makes a struct of the values, whose fields are named by the keys.")
    .notes("A field without a value is null; a key with two values fails.")
    .args(&["keys", "values"])
    .options(&[
        OptionSpec::new("key_names", OptionKind::Array, OptionDefault::Required, "The keys that are fields, in order."),
        OptionSpec::new(
            "unexpected_key_behavior",
            OptionKind::Choice(&["ignore", "raise"]),
            OptionDefault::Utf8("ignore"),
            "What other keys do.",
        ),
    ])
    .examples(&[Example::new(
        &["string [\"width\", \"height\"]", "int64 [7, 8]"],
        "scalar struct<height: int64, width: int64> {height: 8, width: 7}",
    )
    .with(&[("key_names", "[\"height\", \"width\"]")])])
    .fallible()
    .nullability(|_| false)
    .overloads(&[
        Overload::aggregate(&[Kind::AnyBytes, Kind::Any], Kind::Computed(pivoted_type), pivot),
        Overload::aggregate(&[Kind::FixedSizeBinary, Kind::Any], Kind::Computed(pivoted_type), pivot),
    ])];

fn key_names(options: &Options) -> Result<Vec<String>> {
    let refused = |why: &'static str| Error::invalid_argument(why).for_argument("key_names");
    let names = options.array("key_names")?;
    let names = names.as_string_opt::<i32>().ok_or_else(|| refused("the keys are text"))?;
    let names: Vec<String> = names.iter().map(|name| name.unwrap_or_default().to_owned()).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() == names.len() { Ok(names) } else { Err(refused("a key is named twice")) }
}

fn pivoted_type(types: &[DataType], options: &Options) -> Result<DataType> {
    let fields = key_names(options)?.into_iter().map(|name| Field::new(name, types[1].clone(), true));
    Ok(DataType::Struct(fields.collect::<Fields>()))
}

fn pivot(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    Ok(Box::new(Pivot {
        names: key_names(context.options)?,
        raises: context.options.utf8("unexpected_key_behavior")? == "raise",
        values: first_valid(&context.types[1], context.memory)?,
        taken: Lanes::new(context.memory)?,
        memory: context.memory.clone(),
        output_type: context.output_type.clone(),
    }))
}

struct Pivot {
    names: Vec<String>,
    raises: bool,
    values: End,
    /// Whether a pair of group and key has its value.
    taken: Lanes<u8>,
    memory: Memory,
    output_type: DataType,
}

#[cold]
fn twice() -> Error {
    Error::invalid_argument("a key has a second value").for_argument("keys")
}

impl Accumulator for Pivot {
    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let keys = Input::new(args)?;
        let values = Input::new(&args[1..])?;
        let key_bytes = Bytes::of(keys.array.as_ref())?;
        let pairs = groups.group_count() * self.names.len();
        self.taken.resize(pairs.max(self.taken.len()), 0)?;
        let (mut rows, mut pair_indices) = (Vec::new(), Vec::new());
        let has_value = |row: usize| {
            values.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) && !values.array.data_type().is_null()
        };
        for row in 0..keys.row_count() {
            let key = keys.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)).then(|| key_bytes.get(row));
            let place = key.and_then(|key| self.names.iter().position(|name| name.as_bytes() == key));
            let Some(place) = place else {
                if (self.raises && key.is_some()) || (key.is_none() && has_value(row)) {
                    let message = if key.is_some() { "the key is none of key_names" } else { "the key is null" };
                    return Err(Error::invalid_argument(message).for_argument("keys").at_row(row));
                }
                continue;
            };
            let group = groups.indices().map_or(0, |indices| indices[row] as usize);
            let pair = group * self.names.len() + place;
            if has_value(row) {
                if std::mem::replace(&mut self.taken[pair], 1) == 1 {
                    return Err(twice().at_row(row));
                }
                rows.push(row as u32);
                pair_indices.push(pair as u32);
            }
        }
        let kept = Column::Array(take_rows(&values.array, &UInt32Array::from(rows), &self.memory)?);
        // A group more than there are, so that one pair is not taken for all rows.
        self.values.update(&[kept], Groups::Indices { group_indices: &pair_indices, group_count: pairs + 1 })
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        let names = self.names.len();
        self.taken.resize((group_count * names).max(self.taken.len()), 0)?;
        let pair = |group: u32, place: usize| group * names as u32 + place as u32;
        let mut pairs: Vec<u32> =
            group_indices.iter().flat_map(|&group| (0..names).map(move |place| pair(group, place))).collect();
        for (&pair, &taken) in pairs.iter().zip(&other.taken[..]) {
            let held = &mut self.taken[pair as usize];
            if taken == 1 && std::mem::replace(held, 1) == 1 {
                return Err(twice());
            }
        }
        pairs.push((group_count * names) as u32);
        self.values.merge(Box::new(other.values), &pairs, group_count * names + 1)
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        let DataType::Struct(fields) = &self.output_type else { return Err(Error::internal("a struct is made")) };
        let names = self.names.len();
        let values = self.values.evaluate(group_count * names + 1)?;
        let field = |place: usize| {
            let rows: Vec<u32> = (0..group_count).map(|group| (group * names + place) as u32).collect();
            take_rows(&values, &UInt32Array::from(rows), &self.memory)
        };
        let columns: Vec<ArrayRef> = (0..names).map(field).collect::<Result<_>>()?;
        Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, None, group_count)?))
    }

    fn byte_len(&self) -> usize {
        self.values.byte_len() + self.taken.byte_len()
    }
}
