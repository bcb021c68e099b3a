// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Casts of lists, structs and maps: by their children.
//!
//! Structs go by name: fields may change their order, and a field that is not there is null if it may be. What lies
//! under a null list is not looked at.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, OffsetSizeTrait, StructArray, make_array, new_null_array};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, FieldRef, Fields};
use bowyer_core::{Error, Result};

use super::{Cast, cast_array, unsupported};

pub(super) fn cast_nested(array: &ArrayRef, cast: &Cast<'_>) -> Result<ArrayRef> {
    match (array.data_type(), cast.to) {
        (DataType::Struct(_), DataType::Struct(fields)) => cast_struct(array.as_struct(), fields, cast),
        (DataType::Map(..), DataType::Map(entries, sorted)) => cast_map(array, entries, *sorted, cast),
        (DataType::Map(from, _), DataType::List(_) | DataType::LargeList(_)) => {
            let as_list = DataType::List(from.clone());
            let list = make_array(array.to_data().into_builder().data_type(as_list).build()?);
            cast_array(&list, *cast)
        }
        (from, to) => match (list_child(from), list_child(to)) {
            (Some(_), Some(child)) => cast_list(array, child, cast),
            _ => Err(unsupported(from, to)),
        },
    }
}

fn list_child(data_type: &DataType) -> Option<&FieldRef> {
    match data_type {
        DataType::List(child)
        | DataType::LargeList(child)
        | DataType::ListView(child)
        | DataType::LargeListView(child)
        | DataType::FixedSizeList(child, _) => Some(child),
        _ => None,
    }
}

fn with_child(data_type: &DataType, child: FieldRef) -> DataType {
    match data_type {
        DataType::LargeList(_) => DataType::LargeList(child),
        DataType::ListView(_) => DataType::ListView(child),
        DataType::LargeListView(_) => DataType::LargeListView(child),
        DataType::FixedSizeList(_, size) => DataType::FixedSizeList(child, *size),
        _ => DataType::List(child),
    }
}

/// First the values, in the layout that the list has; then the layout.
fn cast_list(array: &ArrayRef, child: &FieldRef, cast: &Cast<'_>) -> Result<ArrayRef> {
    let ranges = ranges(array);
    let data = array.to_data();
    let values = make_array(data.child_data()[0].clone());
    let used = masked(values, &ranges, array.nulls())?;
    let there = cast_array(&used, cast.to(child.data_type())).map_err(|error| {
        let Some(value) = error.place().row.map(|row| row as usize) else { return error };
        let row = ranges.iter().enumerate().position(|(row, range)| array.is_valid(row) && range.contains(&value));
        error.at_row(row.unwrap_or(0))
    })?;
    if !child.is_nullable() && there.null_count() > used.null_count() {
        return Err(Error::invalid_data("a value that cannot be null would be"));
    }
    let same_layout = with_child(array.data_type(), child.clone());
    let builder = data.into_builder().data_type(same_layout.clone()).child_data(vec![there.to_data()]);
    let list = make_array(builder.build()?);
    if &same_layout == cast.to {
        return Ok(list);
    }
    let options = CastOptions { safe: cast.policy.null_on_failure, ..CastOptions::default() };
    Ok(cast_with_options(&list, cast.to, &options)?)
}

/// Which values each row holds.
fn ranges(array: &ArrayRef) -> Vec<std::ops::Range<usize>> {
    fn between<O: OffsetSizeTrait>(offsets: &[O]) -> Vec<std::ops::Range<usize>> {
        offsets.windows(2).map(|pair| pair[0].as_usize()..pair[1].as_usize()).collect()
    }
    fn views<O: OffsetSizeTrait>(offsets: &[O], sizes: &[O]) -> Vec<std::ops::Range<usize>> {
        let range = |(offset, size): (&O, &O)| offset.as_usize()..offset.as_usize() + size.as_usize();
        offsets.iter().zip(sizes).map(range).collect()
    }
    match array.data_type() {
        DataType::List(_) => between(array.as_list::<i32>().value_offsets()),
        DataType::LargeList(_) => between(array.as_list::<i64>().value_offsets()),
        DataType::ListView(_) => {
            let list = array.as_list_view::<i32>();
            views(list.value_offsets(), list.value_sizes())
        }
        DataType::LargeListView(_) => {
            let list = array.as_list_view::<i64>();
            views(list.value_offsets(), list.value_sizes())
        }
        DataType::FixedSizeList(_, size) => {
            let (first, size) = (array.offset(), *size as usize);
            (0..array.len()).map(|row| (first + row) * size..(first + row + 1) * size).collect()
        }
        _ => vec![],
    }
}

/// `values` with null where no valid row holds them.
fn masked(values: ArrayRef, ranges: &[std::ops::Range<usize>], nulls: Option<&NullBuffer>) -> Result<ArrayRef> {
    let covered: usize = ranges.iter().map(ExactSizeIterator::len).sum();
    if nulls.is_none_or(|nulls| nulls.null_count() == 0) && covered >= values.len() || values.data_type().is_null() {
        return Ok(values);
    }
    let mut used = BooleanBufferBuilder::new(values.len());
    used.append_n(values.len(), false);
    for (row, range) in ranges.iter().enumerate() {
        if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
            range.clone().for_each(|value| used.set_bit(value, true));
        }
    }
    if matches!(values.data_type(), DataType::RunEndEncoded(..) | DataType::Union(..)) {
        return Ok(values);
    }
    let used = NullBuffer::new(used.finish());
    let nulls = NullBuffer::union(values.nulls(), Some(&used));
    Ok(make_array(values.to_data().into_builder().nulls(nulls).build()?))
}

fn cast_struct(array: &StructArray, fields: &Fields, cast: &Cast<'_>) -> Result<ArrayRef> {
    let columns = fields.iter().map(|field| struct_field(array, field, cast));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    if columns.is_empty() {
        return Ok(Arc::new(StructArray::new_empty_fields(array.len(), array.nulls().cloned())));
    }
    Ok(Arc::new(StructArray::try_new(fields.clone(), columns, array.nulls().cloned())?))
}

fn struct_field(array: &StructArray, field: &Field, cast: &Cast<'_>) -> Result<ArrayRef> {
    let Some(column) = array.column_by_name(field.name()) else {
        if field.is_nullable() {
            return Ok(new_null_array(field.data_type(), array.len()));
        }
        return Err(Error::type_mismatch(format!("the struct has no field {:?}, which cannot be null", field.name())));
    };
    let column = match array.nulls().filter(|nulls| nulls.null_count() > 0) {
        Some(nulls)
            if !column.data_type().is_null()
                && !matches!(column.data_type(), DataType::RunEndEncoded(..) | DataType::Union(..)) =>
        {
            let nulls = NullBuffer::union(column.nulls(), Some(nulls));
            make_array(column.to_data().into_builder().nulls(nulls).build()?)
        }
        _ => column.clone(),
    };
    let there = cast_array(&column, cast.to(field.data_type()))?;
    if !field.is_nullable() && there.null_count() > array.null_count() {
        return Err(Error::invalid_data(format!("the field {:?} cannot be null", field.name())));
    }
    Ok(there)
}

fn cast_map(array: &ArrayRef, entries: &FieldRef, sorted: bool, cast: &Cast<'_>) -> Result<ArrayRef> {
    let map = array.as_map();
    let DataType::Struct(fields) = entries.data_type() else { return Err(unsupported(array.data_type(), cast.to)) };
    let [keys, values] = fields.as_ref() else { return Err(unsupported(array.data_type(), cast.to)) };
    let columns = vec![
        cast_array(map.keys(), cast.to(keys.data_type()))?,
        cast_array(map.values(), cast.to(values.data_type()))?,
    ];
    let entries_there = StructArray::try_new(fields.clone(), columns, map.entries().nulls().cloned())?;
    let there = arrow_array::MapArray::try_new(
        entries.clone(),
        map.offsets().clone(),
        entries_there,
        map.nulls().cloned(),
        sorted,
    )?;
    Ok(Arc::new(there))
}
