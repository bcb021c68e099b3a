// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Choosing between values: by a condition, by an index, by which is there.
//!
//! The values are cast to their common type first; dictionaries of one type stay dictionaries. What is chosen may be
//! null, and is then null in the result.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, new_null_array};
use arrow_buffer::BooleanBuffer;
use arrow_schema::DataType;
use bowyer_core::arity::{Lanes, fill_bits};
use bowyer_core::bits::{build, zip_words};
use bowyer_core::{Column, Error, Memory, Output, Result, with_floats};

use super::comparison::{COMPARABLE, equal};
use super::pick::{Picks, pick};
use super::select::{Choice, select, select_column, struct_fields, true_rows};
use super::validity::valid_rows;
use crate::coercion::{common_type, decoded, exactly, holds_every};
use crate::{Args, Coercion, Example, Function, Kind, Nulls, Overload};

/// `if_else`, `case_when`, `choose`, `coalesce`, `fill_null`, `nullif`.
pub const FAMILY: &[Function] = &[
    Function::scalar("if_else")
        .summary("Takes the second value where the condition is true and the third where it is false.")
        .notes("Null where the condition is null.")
        .args(&["condition", "if_true", "if_false"])
        .examples(&[Example::new(
            &["bool [true, false, null]", "int64 [1, 2, 3]", "scalar int64 0"],
            "int64 [1, 0, null]",
        )])
        .nulls(Nulls::Inspect)
        .nullability(any)
        .coercion(Coercion::Common(1))
        .overloads(&[Overload::new(&[Kind::Boolean, Kind::Any, Kind::SameAs(1)], Kind::SameAs(1), if_else)]),
    Function::scalar("case_when")
        .summary("Takes the value that belongs to the first true condition, else the last value.")
        .notes(
            "The conditions are the boolean fields of one struct; a null condition counts as false. Without a value more \
             than there are conditions, rows without a true one are null.",
        )
        .args(&["conditions", "values"])
        .variadic(2)
        .examples(&[Example::new(
            &[
                "struct<a: bool, b: bool> [{a: true, b: true}, {a: false, b: true}, {a: null, b: false}]",
                "int64 [1, 2, 3]",
                "int64 [10, 20, 30]",
            ],
            "int64 [1, 20, null]",
        )])
        .nulls(Nulls::Inspect)
        .fallible()
        .coercion(Coercion::Common(1))
        .overloads(&[Overload::new(&[Kind::Struct, Kind::Any, Kind::SameAs(1)], Kind::SameAs(1), case_when)]),
    Function::scalar("choose")
        .summary("Takes the value that the index names, counted from zero.")
        .notes("A null index gives null; one that names no value fails.")
        .args(&["index", "values"])
        .variadic(2)
        .examples(&[Example::new(
            &["int64 [0, 1, null]", "string [\"a\", \"b\", \"c\"]", "scalar string \"z\""],
            "string [\"a\", \"z\", null]",
        )])
        .nulls(Nulls::Inspect)
        .nullability(any)
        .fallible()
        .coercion(Coercion::Custom(index_and_common))
        .overloads(&[Overload::new(&[Kind::Int64, Kind::Any, Kind::SameAs(1)], Kind::SameAs(1), choose)]),
    Function::scalar("coalesce")
        .summary("Takes the first value that is not null.")
        .notes("NaN is a value.")
        .args(&["values"])
        .variadic(1)
        .examples(&[Example::new(
            &["int64 [1, null, null]", "int64 [10, 20, null]"],
            "int64 [1, 20, null]",
        )])
        .nulls(Nulls::Inspect)
        .nullability(all)
        .coercion(Coercion::Common(0))
        .overloads(&[Overload::new(&[Kind::Any, Kind::SameAs(0)], Kind::SameAs(0), coalesce)]),
    Function::scalar("fill_null")
        .summary("Takes the second value where the first is null.")
        .notes("The result has the type of the first; a second value that this type does not hold exactly fails.")
        .args(&["values", "fill_value"])
        .examples(&[Example::new(&["int32 [1, null]", "scalar int64 7"], "int32 [1, 7]")])
        .nulls(Nulls::Inspect)
        .nullability(all)
        .fallible_for(|types, _| !holds_every(&types[0], &decoded(&types[1])))
        .overloads(&[Overload::new(&[Kind::Any, Kind::Any], Kind::SameAs(0), fill_null)]),
    Function::scalar("fill_nan")
        .summary("Takes the second value where the first is NaN.")
        .notes("Null stays null. The result has the type of the first; a second value that it does not hold exactly fails.")
        .args(&["values", "fill_value"])
        .examples(&[Example::new(&["double [1, nan, null]", "scalar int64 7"], "double [1, 7, null]")])
        .nulls(Nulls::Inspect)
        .fallible_for(|types, _| !holds_every(&types[0], &decoded(&types[1])))
        .overloads(&[Overload::new(&[Kind::AnyFloat, Kind::Any], Kind::SameAs(0), fill_nan)]),
    Function::scalar("nullif")
        .summary("Gives null where two values are equal and the first value elsewhere.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int64 [1, 2, null]", "scalar int64 2"], "int64 [1, null, null]")])
        .nulls(Nulls::Inspect)
        .coercion(Coercion::Common(0))
        .overloads(NULLIF),
];

const NULLIF: &[Overload] = &{
    let mut overloads = [Overload::new(&[Kind::Boolean, Kind::SameAs(0)], Kind::SameAs(0), nullif); COMPARABLE.len()];
    let mut index = 0;
    while index < COMPARABLE.len() {
        overloads[index].args = COMPARABLE[index];
        index += 1;
    }
    overloads
};

fn any(nullable: &[bool]) -> bool {
    nullable.contains(&true)
}

fn all(nullable: &[bool]) -> bool {
    !nullable.contains(&false)
}

fn if_else(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let condition = args.column(0);
    let mask = super::comparison::booleans(condition, args.row_count());
    let known = valid_rows(condition, args.row_count());
    let choice = Choice { mask: &mask, known: known.as_ref() };
    select(&choice, args.column(1), args.column(2), output)
}

fn null_column(data_type: &DataType, row_count: usize) -> Column {
    Column::Scalar { value: new_null_array(data_type, 1), row_count }
}

fn case_when(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let (row_count, memory) = (args.row_count(), args.memory());
    let structs = args.column(0);
    let (conditions, values) = (struct_fields(structs), &args.columns()[1..]);
    if structs.values().null_count() > 0 {
        return Err(Error::invalid_argument("the struct of conditions is null").for_argument("conditions"));
    }
    if values.len() != conditions.len() && values.len() != conditions.len() + 1 {
        let message = format!("{} values for {} conditions", values.len(), conditions.len());
        return Err(Error::invalid_argument(message));
    }
    if let Some(other) = conditions.iter().find(|condition| condition.data_type() != &DataType::Boolean) {
        let message = format!("a condition is a boolean, not {}", other.data_type());
        return Err(Error::type_mismatch(message).for_argument("conditions"));
    }
    let otherwise = || null_column(output.data_type(), row_count);
    let mut chosen = values.get(conditions.len()).cloned().unwrap_or_else(otherwise);
    for (condition, value) in conditions.iter().zip(values).rev() {
        let mask = true_rows(condition, row_count, memory)?;
        chosen = select_column(&Choice { mask: &mask, known: None }, value, &chosen, row_count, memory)?;
    }
    output.set(chosen.to_array()?)
}

fn index_and_common(types: &[DataType]) -> Option<Vec<DataType>> {
    let (index, values) = types.split_first()?;
    let common = common_type(values)?;
    (index.is_integer() || index.is_null()).then(|| {
        let mut types = vec![common; types.len()];
        types[0] = DataType::Int64;
        types
    })
}

fn choose(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let indices = Lanes::<i64>::of(args.column(0))?;
    let known = valid_rows(args.column(0), args.row_count());
    let (values, picks) = (&args.columns()[1..], Picks { indices: &indices, known: known.as_ref() });
    if let Some(row) = picks.first_outside(args.row_count(), values.len()) {
        let message = format!("index {} of {} values", indices.value(row), values.len());
        return Err(Error::out_of_bounds(message).at_row(row));
    }
    pick(&picks, values, output)
}

fn coalesce(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let mut columns = args.columns().iter();
    let Some(first) = columns.next() else { return Err(Error::invalid_argument("at least one argument is needed")) };
    let chosen =
        columns.try_fold(first.clone(), |chosen, next| first_valid(chosen, next, args.row_count(), args.memory()))?;
    set_column(output, &chosen)
}

/// The rows of `column`, and those of `next` where they are null.
fn first_valid(column: Column, next: &Column, row_count: usize, memory: &Memory) -> Result<Column> {
    match valid_rows(&column, row_count) {
        None => Ok(column),
        Some(valid) if column.data_type().is_null() || valid.count_set_bits() == row_count => Ok(column),
        Some(valid) => select_column(&Choice { mask: &valid, known: None }, &column, next, row_count, memory),
    }
}

/// A call of scalars alone has one row, whatever its columns stand for.
fn set_column(output: &mut Output, column: &Column) -> Result<()> {
    output.set(column.slice(0, output.row_count()).to_array()?)
}

/// The second argument in the type of the first.
fn filling(args: &Args<'_>) -> Result<Column> {
    let (data_type, fill) = (args.column(0).data_type(), args.column(1));
    let exact = |value| exactly(value, data_type, args.memory()).map_err(|error| error.for_argument("fill_value"));
    Ok(match fill {
        fill if fill.data_type() == data_type => fill.clone(),
        Column::Scalar { value, row_count } => Column::Scalar { value: exact(value)?, row_count: *row_count },
        Column::Array(array) => Column::Array(exact(array)?),
    })
}

fn fill_null(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let filled = first_valid(args.column(0).clone(), &filling(args)?, args.row_count(), args.memory())?;
    set_column(output, &filled)
}

fn fill_nan(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let (values, fill, row_count) = (args.column(0), filling(args)?, args.row_count());
    let valid = valid_rows(values, row_count);
    let is_null = |row: usize| valid.as_ref().is_some_and(|valid| !valid.value(row));
    let numbers = with_floats!(values.data_type(), T => {
        let lanes = Lanes::<T>::of(values)?;
        let stays = |row: usize| is_null(row) || !lanes.value(row).is_nan();
        build(row_count, args.memory(), |words| fill_bits(words, row_count, stays))
    })?;
    let filled = select_column(&Choice { mask: &numbers, known: None }, values, &fill, row_count, args.memory())?;
    set_column(output, &filled)
}

fn nullif(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let (row_count, memory) = (args.row_count(), args.memory());
    let mut equality = Output::new(DataType::Boolean, row_count, None, memory);
    equal(args, &mut equality)?;
    let equality = equality.finish()?;
    let equal_rows = known_rows(equality.as_boolean().values(), args, memory)?;
    let values: ArrayRef = args.column(0).slice(0, row_count).to_array()?;
    output.set(arrow_select::nullif::nullif(&values, &BooleanArray::new(equal_rows, None))?)
}

/// The equal rows in which neither side is null.
fn known_rows(equal: &BooleanBuffer, args: &Args<'_>, memory: &Memory) -> Result<BooleanBuffer> {
    let mut known = equal.clone();
    for valid in args.columns().iter().filter_map(|column| valid_rows(column, args.row_count())) {
        known = build(args.row_count(), memory, |out| zip_words(&known, &valid, out, |a, b| a & b))?;
    }
    Ok(known)
}
