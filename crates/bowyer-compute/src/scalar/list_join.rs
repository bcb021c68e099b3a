// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The items of each list as one text.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, new_empty_array};
use arrow_schema::DataType;
use bowyer_core::{Column, Memory, Output, Result};

use super::cast::{CastMode, cast};
use super::list_values::{Lists, item_field, take_items};
use super::string_values::{RowOf, Text};
use crate::{Args, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, OptionValue, Options, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[Function::scalar("list_join")
    .summary("Joins the items of each list as text, with a separator between them.")
    .notes("Items are written as `cast` to a string writes them; binary_join joins strings alone, and gives null where one is null.")
    .args(&["lists", "separator"])
    .options(&[OptionSpec::new(
        "null_replacement",
        OptionKind::Utf8,
        OptionDefault::Null,
        "What stands for an item that is null; without it, it is left out.",
    )])
    .examples(&[Example::new(
        &["list<item: int64> [[1, null, 3], [], null]", "scalar string \"-\""],
        "string [\"1-3\", \"\", null]",
    )])
    .fallible()
    .overloads(&[Overload::new(&[Kind::AnyList, Kind::AnyString], Kind::Computed(text), join)])];

fn text(types: &[DataType], _: &Options) -> Result<DataType> {
    let item = item_field(&types[0])?.data_type();
    as_text(&new_empty_array(item), &Memory::unlimited()).map_err(|error| error.for_argument("lists"))?;
    Ok(types[1].clone())
}

/// The same values as text.
pub(crate) fn as_text(values: &ArrayRef, memory: &Memory) -> Result<ArrayRef> {
    cast(&Column::Array(values.clone()), &DataType::LargeUtf8, CastMode::Checked, memory)?.to_array()
}

fn join(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let lists = Lists::of(&args.array(0)?)?;
    let rows: Vec<Option<u64>> = lists.ranges.iter().cloned().flatten().map(|row| Some(row as u64)).collect();
    let items = as_text(&take_items(&lists.items, rows, args.memory())?, args.memory()).map_err(|mut error| {
        // The row is that of an item.
        let mut before = 0;
        let place = error.place_mut();
        place.row = place.row.and_then(|item| {
            let ends = lists.ranges.iter().map(|range| {
                before += range.len() as u64;
                before
            });
            ends.into_iter().position(|end| item < end).map(|row| row as u64)
        });
        error
    })?;
    let nulls = items.logical_nulls();
    let items = items.as_string::<i64>();
    let replacement = match args.options().get("null_replacement")? {
        OptionValue::Utf8(text) => Some(text.clone()),
        _ => None,
    };
    let (separators, at) = (Text::of(args.column(1).values())?, RowOf::new(args.column(1)));
    let validity = output.validity().cloned();
    let mut writer = output.bytes(items.values().len())?;
    let mut first = 0;
    let mut joined = String::new();
    for (row, range) in lists.ranges.iter().enumerate() {
        joined.clear();
        let of_row = first..first + range.len();
        first = of_row.end;
        if validity.as_ref().is_none_or(|validity| validity.is_valid(row)) {
            let mut any = false;
            for item in of_row {
                let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(item));
                let part = if is_null { replacement.as_deref() } else { Some(items.value(item)) };
                let Some(part) = part else { continue };
                if std::mem::replace(&mut any, true) {
                    joined.push_str(separators.get(at.of(row)));
                }
                joined.push_str(part);
            }
        }
        writer.push_str(&joined).map_err(|error| error.at_row(row))?;
    }
    Ok(())
}
