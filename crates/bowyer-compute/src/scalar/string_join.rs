// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Joining and repeating strings and binary values.

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use bowyer_core::{Error, Memory, Output, Result};

use super::string_values::{Bytes, RowOf};
use crate::{
    Args, CastMode, Coercion, Example, Function, Kind, Nulls, OptionDefault, OptionKind, OptionSpec, Options, Overload,
    cast,
};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("binary_join")
        .summary("Joins the values of each list, with a separator between them.")
        .notes("A null in a list makes the result null; an empty list gives the empty value.")
        .args(&["strings", "separator"])
        .nulls(Nulls::Inspect)
        .nullability(|_| true)
        .examples(&[Example::new(
            &["list<item: string> [[\"a\", \"b\"], []]", "scalar string \"-\""],
            "string [\"a-b\", \"\"]",
        )])
        .overloads(&[Overload::new(&[Kind::AnyList, Kind::AnyBytes], Kind::Computed(child_type), binary_join)]),
    Function::scalar("binary_join_element_wise")
        .summary("Joins the values of a row, with the last argument between them.")
        .args(&["strings", "separator"])
        .variadic(1)
        .options(&[
            OptionSpec::new(
                "null_handling",
                OptionKind::Choice(&["emit_null", "skip", "replace"]),
                OptionDefault::Utf8("emit_null"),
                "Whether a null makes the row null, is left out, or is replaced.",
            ),
            OptionSpec::new("null_replacement", OptionKind::Utf8, OptionDefault::Utf8(""), "What replaces a null."),
        ])
        .nulls(Nulls::Inspect)
        .coercion(Coercion::Common(0))
        .examples(&[Example::new(
            &["string [\"a\", null]", "string [\"b\", \"c\"]", "scalar string \"-\""],
            "string [\"a-b\", null]",
        )])
        .overloads(&[Overload::new(&[Kind::AnyBytes, Kind::SameAs(0)], Kind::SameAs(0), join_element_wise)]),
    Function::scalar("binary_repeat")
        .summary("Repeats each value a number of times.")
        .args(&["strings", "num_repeats"])
        .fallible()
        .examples(&[Example::new(&["string [\"ab\", \"x\"]", "int64 [2, 0]"], "string [\"abab\", \"\"]")])
        .overloads(&[Overload::new(&[Kind::AnyBytes, Kind::AnyInteger], Kind::SameAs(0), binary_repeat)]),
];

fn child_type(types: &[DataType], _options: &Options) -> Result<DataType> {
    let child = match &types[0] {
        DataType::List(child)
        | DataType::LargeList(child)
        | DataType::ListView(child)
        | DataType::LargeListView(child)
        | DataType::FixedSizeList(child, _) => child.data_type(),
        other => other,
    };
    if !Kind::AnyBytes.accepts(std::slice::from_ref(child), 0) {
        return Err(Error::type_mismatch(format!("lists of {child} are not joined")).for_argument("strings"));
    }
    Ok(child.clone())
}

/// The values of a list's row, or of all rows from there on.
fn rows_of(list: &ArrayRef, row: usize) -> ArrayRef {
    match list.data_type() {
        DataType::LargeList(_) => list.as_list::<i64>().value(row),
        DataType::ListView(_) => list.as_list_view::<i32>().value(row),
        DataType::LargeListView(_) => list.as_list_view::<i64>().value(row),
        DataType::FixedSizeList(..) => list.as_fixed_size_list().value(row),
        _ => list.as_list::<i32>().value(row),
    }
}

fn binary_join(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let list = args.column(0).values();
    let (list_at, separator_at) = (RowOf::new(args.column(0)), RowOf::new(args.column(1)));
    let separators = Bytes::of(args.column(1).values())?;
    let row_count = output.row_count();
    let separator = args.column(1).values();
    let is_valid = |row: usize| list.is_valid(list_at.of(row)) && separator.is_valid(separator_at.of(row));
    let mut valid: Vec<bool> = (0..row_count).map(is_valid).collect();
    let mut scratch = vec![];
    let mut writer = output.bytes(0)?;
    for (row, valid) in valid.iter_mut().enumerate() {
        scratch.clear();
        if *valid {
            let strings = rows_of(list, list_at.of(row));
            let values = Bytes::of(strings.as_ref())?;
            *valid = strings.null_count() == 0;
            for at in 0..if *valid { strings.len() } else { 0 } {
                if at > 0 {
                    scratch.extend_from_slice(separators.get(separator_at.of(row)));
                }
                scratch.extend_from_slice(values.get(at));
            }
        }
        writer.push(&scratch).map_err(|error| error.at_row(row))?;
    }
    output.set_validity(Some(valid.into()))
}

/// The values of an argument, which of them stands for a row, and which are null.
type Source<'a> = (Bytes<'a>, RowOf, Option<&'a NullBuffer>);

fn value_of<'a>((values, at, nulls): &Source<'a>, row: usize) -> Option<&'a [u8]> {
    let row = at.of(row);
    nulls.is_none_or(|nulls| nulls.is_valid(row)).then(|| values.get(row))
}

fn join_element_wise(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let handling = args.options().utf8("null_handling")?;
    let replacement = args.options().utf8("null_replacement")?.as_bytes();
    let columns = args
        .columns()
        .iter()
        .map(|column| Ok((Bytes::of(column.values())?, RowOf::new(column), column.values().nulls())));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let Some((separator, strings)) = columns.split_last() else {
        return Err(Error::internal("a separator is always there"));
    };
    let row_count = output.row_count();
    let mut valid = vec![true; row_count];
    let mut parts = Vec::with_capacity(2 * strings.len());
    let mut writer = output.bytes(0)?;
    for (row, valid) in valid.iter_mut().enumerate() {
        parts.clear();
        let between = value_of(separator, row);
        *valid = between.is_some();
        for column in strings {
            let part = match (value_of(column, row), handling) {
                (Some(part), _) => part,
                (None, "skip") => continue,
                (None, "replace") => replacement,
                (None, _) => {
                    *valid = false;
                    break;
                }
            };
            if !parts.is_empty() {
                parts.extend(between);
            }
            parts.push(part);
        }
        if !*valid {
            parts.clear();
        }
        writer.concat(&parts).map_err(|error| error.at_row(row))?;
    }
    output.set_validity(Some(valid.into()))
}

fn binary_repeat(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let counts = cast(args.column(1), &DataType::Int64, CastMode::Checked, &Memory::clone(args.memory()))?;
    let (value_at, count_at) = (RowOf::new(args.column(0)), RowOf::new(args.column(1)));
    let values = Bytes::of(args.column(0).values())?;
    let counts = counts.values().as_primitive::<Int64Type>();
    let validity = output.validity().cloned();
    let row_count = output.row_count();
    let mut writer = output.bytes(0)?;
    for row in 0..row_count {
        if validity.as_ref().is_some_and(|validity| validity.is_null(row)) {
            writer.push_empty()?;
            continue;
        }
        let value = values.get(value_at.of(row));
        let count = usize::try_from(counts.value(count_at.of(row)))
            .map_err(|_| Error::invalid_data("the number of repetitions is negative").at_row(row))?;
        let byte_len = value.len().checked_mul(count).filter(|len| i32::try_from(*len).is_ok());
        let byte_len = byte_len.ok_or_else(|| Error::limit_exceeded("the repeated value is too long").at_row(row))?;
        let repeat = |room: &mut [u8]| {
            if !value.is_empty() {
                room.chunks_mut(value.len()).for_each(|chunk| chunk.copy_from_slice(value));
            }
            byte_len
        };
        writer.write(byte_len, repeat).map_err(|error| error.at_row(row))?;
    }
    Ok(())
}
