// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Values between two bounds: whether they are, and moving them there.
//!
//! Comparisons are those of the comparison functions: NaN is between no bounds, and is moved nowhere.

use std::any::Any;

use arrow_buffer::BooleanBuffer;
use arrow_schema::DataType;
use bowyer_core::bits::{build, zip_words};
use bowyer_core::{Column, Output, Result};

use super::comparison::{booleans, greater, less};
use super::select::{Choice, select_column};
use super::validity::valid_rows;
use crate::{
    Args, Argument, BindContext, Bound, Coercion, Example, Function, Kernel, Kind, Nulls, OptionDefault, OptionKind,
    OptionSpec, Overload, bind,
};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("clip")
        .summary("Moves values below or above two bounds to the nearer bound.")
        .notes("A null bound bounds nothing. Where the lower bound is above the upper one, the upper one counts.")
        .args(&["values", "lower", "upper"])
        .examples(&[Example::new(
            &["int64 [1, 5, 9, null]", "scalar int64 2", "scalar int64 7"],
            "int64 [2, 5, 7, null]",
        )])
        .nulls(Nulls::Inspect)
        .nullability(|nullable| nullable[0])
        .coercion(Coercion::Common(0))
        .overloads(&const { of_three(Kind::SameAs(0), clip) }),
    Function::scalar("is_between")
        .summary("Tells whether each value lies between two bounds.")
        .notes("Null where that is not known: a bound that the value is outside of decides, whatever the other is.")
        .args(&["values", "lower", "upper"])
        .options(&[OptionSpec::new(
            "inclusive",
            OptionKind::Choice(&["both", "left", "right", "neither"]),
            OptionDefault::Utf8("both"),
            "Which bounds are themselves between.",
        )])
        .examples(&[Example::new(
            &["int64 [1, 5, 9, null]", "scalar int64 1", "scalar int64 7"],
            "bool [true, true, false, null]",
        )])
        .nulls(Nulls::Inspect)
        .nullability(|nullable| nullable.contains(&true))
        .coercion(Coercion::Common(0))
        .prepare(prepare)
        .overloads(&const { of_three(Kind::Boolean, is_between) }),
];

const fn of_three(output: Kind, kernel: Kernel) -> [Overload; 7] {
    [
        Overload::new(&[Kind::Numeric, Kind::SameAs(0), Kind::SameAs(0)], output, kernel),
        Overload::new(&[Kind::Float16, Kind::SameAs(0), Kind::SameAs(0)], output, kernel),
        Overload::new(&[Kind::AnyDecimal, Kind::SameAs(0), Kind::SameAs(0)], output, kernel),
        Overload::new(&[Kind::Temporal, Kind::SameAs(0), Kind::SameAs(0)], output, kernel),
        Overload::new(&[Kind::AnyBytes, Kind::SameAs(0), Kind::SameAs(0)], output, kernel),
        Overload::new(&[Kind::FixedSizeBinary, Kind::SameAs(0), Kind::SameAs(0)], output, kernel),
        Overload::new(&[Kind::Boolean, Kind::SameAs(0), Kind::SameAs(0)], output, kernel),
    ]
}

/// The rows in which a comparison is known and holds.
fn rows_that(compare: Kernel, a: &Column, b: &Column, args: &Args<'_>) -> Result<BooleanBuffer> {
    let (row_count, memory) = (args.row_count(), args.memory());
    let columns = [a.clone(), b.clone()];
    let compared = Args {
        columns: &columns,
        row_count,
        options: args.options,
        state: None,
        output_type: &DataType::Boolean,
        memory,
    };
    let mut output = Output::new(DataType::Boolean, row_count, None, memory);
    compare(&compared, &mut output)?;
    let mut holds = booleans(&Column::Array(output.finish()?), row_count);
    for valid in columns.iter().filter_map(|column| valid_rows(column, row_count)) {
        holds = build(row_count, memory, |out| zip_words(&holds, &valid, out, |holds, valid| holds & valid))?;
    }
    Ok(holds)
}

fn clip(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let (row_count, memory) = (args.row_count(), args.memory());
    let mut values = args.column(0).clone();
    for (bound, outside) in [(args.column(1), less as Kernel), (args.column(2), greater)] {
        let mask = rows_that(outside, &values, bound, args)?;
        if mask.count_set_bits() > 0 {
            values = select_column(&Choice { mask: &mask, known: None }, bound, &values, row_count, memory)?;
        }
    }
    output.set(values.slice(0, output.row_count()).to_array()?)
}

/// The two comparisons and what joins them.
struct Between {
    low: Bound,
    high: Bound,
    both: Bound,
}

fn prepare(context: &BindContext<'_>) -> Result<Box<dyn Any + Send + Sync>> {
    let (low, high) = match context.options.utf8("inclusive")? {
        "both" => ("greater_equal", "less_equal"),
        "left" => ("greater_equal", "less"),
        "right" => ("greater", "less_equal"),
        _ => ("greater", "less"),
    };
    let pair = |name: &str, data_type: &DataType| {
        bind(name, &[Argument::new(data_type.clone()), Argument::new(data_type.clone())], vec![])
    };
    let of = &context.types[0];
    Ok(Box::new(Between { low: pair(low, of)?, high: pair(high, of)?, both: pair("and_kleene", &DataType::Boolean)? }))
}

fn is_between(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let (row_count, memory) = (args.row_count(), args.memory());
    let between = args.state::<Between>()?;
    let compare = |bound: &Bound, other: usize| {
        bound.call(&[args.column(0).clone(), args.column(other).clone()], row_count, memory)
    };
    let sides = [compare(&between.low, 1)?, compare(&between.high, 2)?];
    output.set(between.both.call(&sides, row_count, memory)?.slice(0, output.row_count()).to_array()?)
}
