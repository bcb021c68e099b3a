// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The greatest or least of the arguments, row by row.
//!
//! NaN loses to any number and wins over null; of 0.0 and −0.0 the first stays.

use std::cmp::Ordering;

use arrow_array::Array;
use arrow_buffer::{ArrowNativeType, BooleanBuffer};
use arrow_schema::DataType;
use bowyer_core::arity::{Lanes, fill_bits};
use bowyer_core::bits::{build, zip_words};
use bowyer_core::{Column, Memory, Output, Result, with_native};

use super::comparison::booleans;
use super::select::{Choice, select_column};
use super::string_values::{Bytes, RowOf};
use super::validity::valid_rows;
use crate::{Args, Coercion, Example, Function, Kind, Nulls, OptionDefault, OptionKind, OptionSpec, Overload};

const SKIP_NULLS: OptionSpec = OptionSpec::new(
    "skip_nulls",
    OptionKind::Boolean,
    OptionDefault::Boolean(true),
    "Leaves nulls out; without it a null makes the row null.",
);

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("max_element_wise")
        .summary("Takes the greatest of the arguments in each row.")
        .notes("Nulls are left out unless asked for otherwise. NaN loses to any number.")
        .args(&["values"])
        .variadic(1)
        .options(&[SKIP_NULLS])
        .examples(&[Example::new(&["int64 [1, 5, null]", "int64 [3, null, null]"], "int64 [3, 5, null]")])
        .nulls(Nulls::Inspect)
        .coercion(Coercion::Common(0))
        .overloads(&overloads(|args, output| extreme(args, output, Ordering::Greater))),
    Function::scalar("min_element_wise")
        .summary("Takes the least of the arguments in each row.")
        .notes("Nulls are left out unless asked for otherwise. NaN loses to any number.")
        .args(&["values"])
        .variadic(1)
        .options(&[SKIP_NULLS])
        .examples(&[Example::new(&["int64 [1, 5, null]", "int64 [3, null, null]"], "int64 [1, 5, null]")])
        .nulls(Nulls::Inspect)
        .coercion(Coercion::Common(0))
        .overloads(&overloads(|args, output| extreme(args, output, Ordering::Less))),
];

const fn overloads(kernel: crate::Kernel) -> [Overload; 7] {
    [
        Overload::new(&[Kind::Numeric, Kind::SameAs(0)], Kind::SameAs(0), kernel),
        Overload::new(&[Kind::Float16, Kind::SameAs(0)], Kind::SameAs(0), kernel),
        Overload::new(&[Kind::AnyDecimal, Kind::SameAs(0)], Kind::SameAs(0), kernel),
        Overload::new(&[Kind::Temporal, Kind::SameAs(0)], Kind::SameAs(0), kernel),
        Overload::new(&[Kind::AnyBytes, Kind::SameAs(0)], Kind::SameAs(0), kernel),
        Overload::new(&[Kind::FixedSizeBinary, Kind::SameAs(0)], Kind::SameAs(0), kernel),
        Overload::new(&[Kind::Boolean, Kind::SameAs(0)], Kind::SameAs(0), kernel),
    ]
}

fn extreme(args: &Args<'_>, output: &mut Output, wanted: Ordering) -> Result<()> {
    let skip_nulls = args.options().boolean("skip_nulls")?;
    let mut chosen = args.column(0).clone();
    for next in &args.columns()[1..] {
        chosen = better(&chosen, next, wanted, skip_nulls, args)?;
    }
    output.set(chosen.slice(0, output.row_count()).to_array()?)
}

/// The rows of `a`, or those of `b` where they are better.
fn better(a: &Column, b: &Column, wanted: Ordering, skip_nulls: bool, args: &Args<'_>) -> Result<Column> {
    let (row_count, memory) = (args.row_count(), args.memory());
    let mut first = stays(a, b, wanted, row_count, memory)?;
    let (a_valid, b_valid) = (valid_rows(a, row_count), valid_rows(b, row_count));
    let both =
        |a: &BooleanBuffer, b: &BooleanBuffer| build(row_count, memory, |out| zip_words(a, b, out, |a, b| a & b));
    if !skip_nulls {
        let known = match (a_valid, b_valid) {
            (Some(a), Some(b)) => Some(both(&a, &b)?),
            (a, b) => a.or(b),
        };
        return select_column(&Choice { mask: &first, known: known.as_ref() }, a, b, row_count, memory);
    }
    if let Some(valid) = b_valid {
        first = build(row_count, memory, |out| zip_words(&first, &valid, out, |first, valid| first | !valid))?;
    }
    if let Some(valid) = a_valid {
        first = both(&first, &valid)?;
    }
    select_column(&Choice { mask: &first, known: None }, a, b, row_count, memory)
}

/// The rows in which `b` is not better than `a`, nulls aside.
fn stays(a: &Column, b: &Column, wanted: Ordering, row_count: usize, memory: &Memory) -> Result<BooleanBuffer> {
    match a.data_type() {
        DataType::Boolean => {
            let (a, b) = (booleans(a, row_count), booleans(b, row_count));
            let stays = |a: u64, b: u64| if wanted == Ordering::Greater { a | !b } else { !a | b };
            build(row_count, memory, |out| zip_words(&a, &b, out, stays))
        }
        data_type if data_type.primitive_width().is_some() => {
            with_native!(data_type, T => lanes::<T>(&Lanes::of(a)?, &Lanes::of(b)?, wanted, row_count, memory))
        }
        _ => {
            let (a_row, b_row) = (RowOf::new(a), RowOf::new(b));
            let (a_values, b_values): (&dyn Array, &dyn Array) = (a.values(), b.values());
            let (a, b) = (Bytes::of(a_values)?, Bytes::of(b_values)?);
            let stays = |row: usize| b.get(b_row.of(row)).cmp(a.get(a_row.of(row))) != wanted;
            let (a_nulls, b_nulls) = (a_values.nulls(), b_values.nulls());
            let valid = |row: usize| {
                a_nulls.is_none_or(|nulls| nulls.is_valid(a_row.of(row)))
                    && b_nulls.is_none_or(|nulls| nulls.is_valid(b_row.of(row)))
            };
            build(row_count, memory, |words| fill_bits(words, row_count, |row| valid(row) && stays(row)))
        }
    }
}

fn lanes<T: ArrowNativeType + PartialOrd>(
    a: &Lanes<T>,
    b: &Lanes<T>,
    wanted: Ordering,
    row_count: usize,
    memory: &Memory,
) -> Result<BooleanBuffer> {
    let is_number = |value: &T| value.partial_cmp(value).is_some();
    let stays = |row: usize| {
        let (a, b) = (a.value(row), b.value(row));
        b.partial_cmp(&a).map_or_else(|| is_number(&a) || !is_number(&b), |order| order != wanted)
    };
    build(row_count, memory, |words| fill_bits(words, row_count, stays))
}
