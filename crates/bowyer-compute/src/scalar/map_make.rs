// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Maps made of their entries, taken apart into them, and put together.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, ListArray, MapArray, StructArray, UInt32Array};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, FieldRef, Fields};
use arrow_select::concat::concat;
use bowyer_core::group::GroupTable;
use bowyer_core::keys::{KeyEquality, KeyOptions};
use bowyer_core::{Error, Output, Result};

use super::list_values::{Lists, item_field, take_items};
use crate::{Args, Coercion, Example, Function, Kind, Options, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("map_entries")
        .summary("Gives the entries of each map as a list of structs of key and value.")
        .args(&["map"])
        .examples(&[Example::new(
            &["map<string, int64> [[[\"a\", 1], [\"b\", null]], null]"],
            "list<item: struct<key: string, value: int64>> [[{key: \"a\", value: 1}, {key: \"b\", value: null}], null]",
        )])
        .overloads(&[Overload::new(&[Kind::Map], Kind::Computed(entries_type), entries)]),
    Function::scalar("map_from_entries")
        .summary("Makes a map of each list of structs of two fields, the key and the value.")
        .notes("Fails where an entry or a key is null. A key that stands twice is kept twice.")
        .args(&["entries"])
        .examples(&[Example::new(
            &["list<item: struct<k: string, v: int64>> [[{k: \"a\", v: 1}, {k: \"b\", v: null}], null]"],
            "map<string, int64> [[[\"a\", 1], [\"b\", null]], null]",
        )])
        .fallible()
        .overloads(&[Overload::new(&[Kind::AnyList], Kind::Computed(map_type), from_entries)]),
    Function::scalar("map_concat")
        .summary("Puts the entries of several maps into one map, row by row.")
        .notes("A key has the value that it has last, at the place where it stands first. Floats are told apart by their bits.")
        .args(&["maps"])
        .variadic(1)
        .examples(&[Example::new(
            &["map<string, int64> [[[\"a\", 1], [\"b\", 2]], null]", "map<string, int64> [[[\"c\", 3], [\"a\", 4]], []]"],
            "map<string, int64> [[[\"a\", 4], [\"b\", 2], [\"c\", 3]], null]",
        )])
        .fallible()
        .coercion(Coercion::Common(0))
        .overloads(&[Overload::new(&[Kind::Map, Kind::SameAs(0)], Kind::SameAs(0), merge)]),
];

/// The fields of the two parts of entries.
fn parts(entries: &DataType) -> Result<(FieldRef, FieldRef)> {
    match entries {
        DataType::Struct(fields) if fields.len() == 2 => Ok((fields[0].clone(), fields[1].clone())),
        other => Err(Error::type_mismatch(format!("entries are structs of two fields, not {other}"))),
    }
}

fn entries_type(types: &[DataType], _: &Options) -> Result<DataType> {
    let (key, value) = parts(item_field(&types[0])?.data_type())?;
    let fields =
        [Field::new("key", key.data_type().clone(), true), Field::new("value", value.data_type().clone(), true)];
    Ok(DataType::List(Arc::new(Field::new_list_field(DataType::Struct(Fields::from_iter(fields)), true))))
}

fn map_type(types: &[DataType], _: &Options) -> Result<DataType> {
    let (key, value) = parts(item_field(&types[0])?.data_type())?;
    let key = Field::new("key", key.data_type().clone(), false);
    let value = Field::new("value", value.data_type().clone(), true);
    let entries = Field::new("entries", DataType::Struct(Fields::from_iter([key, value])), false);
    Ok(DataType::Map(Arc::new(entries), false))
}

fn entries(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let DataType::List(field) = output.data_type().clone() else { return Err(Error::internal("a list is made")) };
    let DataType::Struct(fields) = field.data_type().clone() else { return Err(Error::internal("structs are made")) };
    let array = args.array(0)?;
    let maps = array.as_map();
    let items = StructArray::try_new(fields, maps.entries().columns().to_vec(), maps.entries().nulls().cloned())?;
    output.set(Arc::new(ListArray::try_new(field, maps.offsets().clone(), Arc::new(items), maps.nulls().cloned())?))
}

/// Sets maps of these numbers of entries, whose keys and values lie one after another.
fn set_maps(output: &mut Output, lengths: &[usize], columns: Vec<ArrayRef>) -> Result<()> {
    let DataType::Map(field, sorted) = output.data_type().clone() else { return Err(Error::internal("a map is made")) };
    let DataType::Struct(fields) = field.data_type().clone() else {
        return Err(Error::internal("entries are structs"));
    };
    let count: usize = lengths.iter().sum();
    if i32::try_from(count).is_err() {
        return Err(Error::limit_exceeded("more entries than 32-bit offsets reach"));
    }
    let entries = StructArray::try_new_with_length(fields, columns, None, count)?;
    let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
    let nulls = output.validity().cloned();
    output.set(Arc::new(MapArray::try_new(field, offsets, entries, nulls, sorted)?))
}

fn from_entries(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let lists = Lists::of(&args.array(0)?)?;
    let rows = lists.ranges.iter().cloned().flatten().map(|row| Some(row as u64)).collect();
    let items = take_items(&lists.items, rows, args.memory())?;
    let entries = items.as_struct();
    let missing =
        |nulls: Option<arrow_buffer::NullBuffer>| nulls.and_then(|nulls| (!nulls.inner()).set_indices().next());
    let first =
        [missing(entries.nulls().cloned()), missing(entries.column(0).logical_nulls())].into_iter().flatten().min();
    let lengths: Vec<usize> = lists.ranges.iter().map(ExactSizeIterator::len).collect();
    if let Some(item) = first {
        let mut end = 0;
        let row = lengths.iter().position(|length| {
            end += length;
            item < end
        });
        let error = Error::invalid_data("a key of a map is null");
        return Err(row.map_or_else(|| Error::internal("an entry of no map"), |row| error.at_row(row)));
    }
    set_maps(output, &lengths, entries.columns().to_vec())
}

fn merge(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let arrays = (0..args.columns().len()).map(|index| args.array(index)).collect::<Result<Vec<_>>>()?;
    let sides = arrays.iter().map(Lists::of).collect::<Result<Vec<_>>>()?;
    let items: Vec<&dyn Array> = sides.iter().map(|side| side.items.as_ref()).collect();
    let items = concat(&items)?;
    let validity = output.validity().cloned();
    let (mut rows, mut of) = (Vec::new(), Vec::new());
    for row in 0..output.row_count() {
        let mut first = 0;
        for side in &sides {
            if validity.as_ref().is_none_or(|validity| validity.is_valid(row)) {
                rows.extend(side.ranges[row].clone().map(|item| Some((first + item) as u64)));
                of.resize(rows.len(), row as u32);
            }
            first += side.items.len();
        }
    }
    let items = take_items(&items, rows, args.memory())?;
    let entries = items.as_struct();
    let keys: [ArrayRef; 2] = [Arc::new(UInt32Array::from(of.clone())), entries.column(0).clone()];
    let options = KeyOptions { equality: KeyEquality::Bits, ..KeyOptions::default() };
    let types = keys.clone().map(|column| column.data_type().clone());
    let mut groups = vec![];
    let kept = GroupTable::new(&types, options, args.memory())?.insert(&keys, of.len(), &mut groups)?;
    let mut last = vec![None; kept.len()];
    for (entry, group) in groups.iter().enumerate() {
        last[*group as usize] = Some(entry as u64);
    }
    let mut lengths = vec![0; output.row_count()];
    kept.iter().for_each(|&entry| lengths[of[entry as usize] as usize] += 1);
    let first = kept.iter().map(|&entry| Some(u64::from(entry))).collect();
    let columns =
        vec![take_items(entries.column(0), first, args.memory())?, take_items(entries.column(1), last, args.memory())?];
    set_maps(output, &lengths, columns)
}
