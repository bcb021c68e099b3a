// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Logic on booleans, 64 rows at a time.
//!
//! The plain forms are null where either side is null. The forms called `_kleene` treat null as unknown, as SQL does:
//! false and anything is false, true or anything is true.

use arrow_array::Array;
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::DataType;
use bowyer_core::bits::{map_words, zip_four_words, zip_words};
use bowyer_core::{Column, Output, Result, bits};

use super::comparison::booleans;
use crate::{Args, Coercion, Example, Function, Kind, Nulls, Overload};

/// `and`, `or`, `xor`, `and_not`, `invert` and the Kleene forms.
pub const FAMILY: &[Function] = &[
    Function::scalar("and")
        .summary("Tells whether both values are true.")
        .args(&["a", "b"])
        .examples(&[Example::new(
            &["bool [true, true, false, null]", "bool [true, false, null, null]"],
            "bool [true, false, null, null]",
        )])
        .coercion(Coercion::Custom(booleans_for_nulls))
        .overloads(&[Overload::new(&[Kind::Boolean, Kind::Boolean], Kind::Boolean, and)]),
    Function::scalar("and_kleene")
        .summary("Tells whether both values are true; false if either is false, even beside a null.")
        .args(&["a", "b"])
        .examples(&[Example::new(
            &["bool [true, true, false, null]", "bool [true, false, null, null]"],
            "bool [true, false, false, null]",
        )])
        .nulls(Nulls::Inspect)
        .nullability(any)
        .coercion(Coercion::Custom(booleans_for_nulls))
        .overloads(&[Overload::new(&[Kind::Boolean, Kind::Boolean], Kind::Boolean, and_kleene)]),
    Function::scalar("or")
        .summary("Tells whether either value is true.")
        .args(&["a", "b"])
        .examples(&[Example::new(
            &["bool [true, true, false, null]", "bool [true, false, null, null]"],
            "bool [true, true, null, null]",
        )])
        .coercion(Coercion::Custom(booleans_for_nulls))
        .overloads(&[Overload::new(&[Kind::Boolean, Kind::Boolean], Kind::Boolean, or)]),
    Function::scalar("or_kleene")
        .summary("Tells whether either value is true; true if either is, even beside a null.")
        .args(&["a", "b"])
        .examples(&[Example::new(
            &["bool [true, true, false, null]", "bool [true, false, null, null]"],
            "bool [true, true, null, null]",
        )])
        .nulls(Nulls::Inspect)
        .nullability(any)
        .coercion(Coercion::Custom(booleans_for_nulls))
        .overloads(&[Overload::new(&[Kind::Boolean, Kind::Boolean], Kind::Boolean, or_kleene)]),
    Function::scalar("xor")
        .summary("Tells whether exactly one of two values is true.")
        .args(&["a", "b"])
        .examples(&[Example::new(
            &["bool [true, true, false, null]", "bool [true, false, null, null]"],
            "bool [false, true, null, null]",
        )])
        .coercion(Coercion::Custom(booleans_for_nulls))
        .overloads(&[Overload::new(&[Kind::Boolean, Kind::Boolean], Kind::Boolean, xor)]),
    Function::scalar("and_not")
        .summary("Tells whether the first value is true and the second is false.")
        .args(&["a", "b"])
        .examples(&[Example::new(
            &["bool [true, true, false, null]", "bool [true, false, null, null]"],
            "bool [false, true, null, null]",
        )])
        .coercion(Coercion::Custom(booleans_for_nulls))
        .overloads(&[Overload::new(&[Kind::Boolean, Kind::Boolean], Kind::Boolean, and_not)]),
    Function::scalar("and_not_kleene")
        .summary("Tells whether the first value is true and the second is false; false if either rules it out, even beside a null.")
        .args(&["a", "b"])
        .examples(&[Example::new(
            &["bool [true, true, false, null]", "bool [true, false, null, null]"],
            "bool [false, true, false, null]",
        )])
        .nulls(Nulls::Inspect)
        .nullability(any)
        .coercion(Coercion::Custom(booleans_for_nulls))
        .overloads(&[Overload::new(&[Kind::Boolean, Kind::Boolean], Kind::Boolean, and_not_kleene)]),
    Function::scalar("invert")
        .aliases(&["not"])
        .summary("Turns true into false and false into true.")
        .args(&["value"])
        .examples(&[Example::new(&["bool [true, false, null]"], "bool [false, true, null]")])
        .coercion(Coercion::Custom(booleans_for_nulls))
        .overloads(&[Overload::new(&[Kind::Boolean], Kind::Boolean, invert)]),
];

fn any(nullable: &[bool]) -> bool {
    nullable.contains(&true)
}

/// A column of the null type is a column of unknown booleans.
fn booleans_for_nulls(types: &[DataType]) -> Option<Vec<DataType>> {
    let known = types.iter().all(|data_type| data_type.is_null() || data_type == &DataType::Boolean);
    known.then(|| vec![DataType::Boolean; types.len()])
}

fn and(args: &Args<'_>, output: &mut Output) -> Result<()> {
    by_word(args, output, |a, b| a & b)
}

fn or(args: &Args<'_>, output: &mut Output) -> Result<()> {
    by_word(args, output, |a, b| a | b)
}

fn xor(args: &Args<'_>, output: &mut Output) -> Result<()> {
    by_word(args, output, |a, b| a ^ b)
}

fn and_not(args: &Args<'_>, output: &mut Output) -> Result<()> {
    by_word(args, output, |a, b| a & !b)
}

fn invert(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let values = booleans(args.column(0), args.row_count());
    map_words(&values, output.bits()?, |word| !word);
    Ok(())
}

fn by_word(args: &Args<'_>, output: &mut Output, f: impl Fn(u64, u64) -> u64) -> Result<()> {
    let (a, b) = (booleans(args.column(0), args.row_count()), booleans(args.column(1), args.row_count()));
    zip_words(&a, &b, output.bits()?, f);
    Ok(())
}

// What decides alone, as a word of the rows where it does: a valid false for "and", a valid true for "or".

fn and_kleene(args: &Args<'_>, output: &mut Output) -> Result<()> {
    kleene(args, output, |a, b| a & b, |a, b| (!a, !b))
}

fn or_kleene(args: &Args<'_>, output: &mut Output) -> Result<()> {
    kleene(args, output, |a, b| a | b, |a, b| (a, b))
}

fn and_not_kleene(args: &Args<'_>, output: &mut Output) -> Result<()> {
    kleene(args, output, |a, b| a & !b, |a, b| (!a, b))
}

fn kleene(
    args: &Args<'_>,
    output: &mut Output,
    value: impl Fn(u64, u64) -> u64,
    decides: impl Fn(u64, u64) -> (u64, u64),
) -> Result<()> {
    let row_count = args.row_count();
    let (a, b) = (args.column(0), args.column(1));
    let (a_valid, b_valid) = (validity(a, row_count), validity(b, row_count));
    let (a, b) = (booleans(a, row_count), booleans(b, row_count));
    zip_words(&a, &b, output.bits()?, value);
    if a_valid.is_none() && b_valid.is_none() {
        return Ok(());
    }
    // Where one side is always valid, only the other's validity and its own values are asked.
    let known = bits::build(row_count, args.memory(), |out| match (&a_valid, &b_valid) {
        (Some(a_valid), Some(b_valid)) => {
            zip_four_words([&a, &b, a_valid, b_valid], out, |[a, b, a_valid, b_valid]| {
                let (by_a, by_b) = decides(a, b);
                (a_valid & b_valid) | (a_valid & by_a) | (b_valid & by_b)
            })
        }
        (Some(valid), None) => zip_words(&b, valid, out, |b, valid| valid | decides(0, b).1),
        (None, Some(valid)) => zip_words(&a, valid, out, |a, valid| valid | decides(a, 0).0),
        (None, None) => out.fill(u64::MAX),
    })?;
    output.set_validity(Some(NullBuffer::new(known)))
}

/// The valid rows of a column; all of them without a bitmap.
fn validity(column: &Column, row_count: usize) -> Option<BooleanBuffer> {
    match column {
        Column::Array(array) => array.nulls().map(|nulls| nulls.inner().clone()),
        Column::Scalar { value, .. } => value.is_null(0).then(|| BooleanBuffer::new_unset(row_count)),
    }
}
