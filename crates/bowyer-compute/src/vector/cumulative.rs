// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Running sums, products, extremes and means.
//!
//! Without `skip_nulls` the first null makes every later row null; with it, nulls stay where they are and are left out.
//! A running extreme leaves NaN out as well: a row before the first number is NaN.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, ArrowNativeTypeOp, Float64Array};
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_schema::DataType;
use bowyer_core::arity::Lanes;
use bowyer_core::dispatch::unsupported;
use bowyer_core::{Column, Error, Output, Result, with_native};

use crate::coercion::exactly;
use crate::{Args, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Overload, VectorKernel};

const START: OptionSpec =
    OptionSpec::new("start", OptionKind::Scalar, OptionDefault::Null, "A value that comes before the first row.");
const SKIP_NULLS: OptionSpec = OptionSpec::new(
    "skip_nulls",
    OptionKind::Boolean,
    OptionDefault::Boolean(false),
    "Leaves nulls out; without it the first null makes every later row null.",
);

const NULLS: &str = "The first null makes every later row null, unless nulls are skipped.";

const fn running(
    name: &'static str,
    summary: &'static str,
    example: &'static [Example],
    overloads: &'static [Overload],
) -> Function {
    Function::vector(name)
        .summary(summary)
        .notes(NULLS)
        .args(&["values"])
        .options(&[START, SKIP_NULLS])
        .examples(example)
        .overloads(overloads)
}

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    running(
        "cumulative_sum",
        "Adds up the values so far. Integers wrap around.",
        &[Example::new(&["int64 [1, 2, null, 3]"], "int64 [1, 3, null, null]")],
        &const { numbers(|args| scan(args, Step::Sum)) },
    ),
    running(
        "cumulative_sum_checked",
        "Adds up the values so far.",
        &[Example::new(&["int64 [1, 2, 3]"], "int64 [1, 3, 6]")],
        &const { numbers(|args| scan(args, Step::CheckedSum)) },
    )
    .fallible_for(|types, _| !types[0].is_floating()),
    running(
        "cumulative_prod",
        "Multiplies the values so far. Integers wrap around.",
        &[Example::new(&["int64 [2, 3, 4]"], "int64 [2, 6, 24]")],
        &const { numbers(|args| scan(args, Step::Product)) },
    ),
    running(
        "cumulative_prod_checked",
        "Multiplies the values so far.",
        &[Example::new(&["int64 [2, 3, 4]"], "int64 [2, 6, 24]")],
        &const { numbers(|args| scan(args, Step::CheckedProduct)) },
    )
    .fallible_for(|types, _| !types[0].is_floating()),
    running(
        "cumulative_max",
        "Gives the greatest of the values so far.",
        &[Example::new(&["int64 [1, 3, 2]"], "int64 [1, 3, 3]")],
        &const { ordered(|args| scan(args, Step::Max)) },
    ),
    running(
        "cumulative_min",
        "Gives the least of the values so far.",
        &[Example::new(&["int64 [2, 1, 3]"], "int64 [2, 1, 1]")],
        &const { ordered(|args| scan(args, Step::Min)) },
    ),
    running(
        "cumulative_mean",
        "Averages the values so far. A start is left out of account.",
        &[Example::new(&["int64 [1, 2, 6]"], "double [1, 1.5, 3]")],
        &[Overload::vector(&[Kind::Numeric], Kind::Float64, mean)],
    ),
];

const fn numbers(kernel: VectorKernel) -> [Overload; 1] {
    [Overload::vector(&[Kind::Numeric], Kind::SameAs(0), kernel)]
}

const fn ordered(kernel: VectorKernel) -> [Overload; 3] {
    [
        Overload::vector(&[Kind::Numeric], Kind::SameAs(0), kernel),
        Overload::vector(&[Kind::AnyDecimal], Kind::SameAs(0), kernel),
        Overload::vector(&[Kind::Temporal], Kind::SameAs(0), kernel),
    ]
}

#[derive(Clone, Copy)]
enum Step {
    Sum,
    CheckedSum,
    Product,
    CheckedProduct,
    Max,
    Min,
}

fn scan(args: &Args<'_>, step: Step) -> Result<ArrayRef> {
    let values = args.array(0)?;
    if matches!(values.data_type(), DataType::Float16) {
        return unsupported(values.data_type());
    }
    with_native!(values.data_type(), T => run::<T>(args, &values, step))
}

fn run<T: ArrowNativeType + ArrowNativeTypeOp>(args: &Args<'_>, values: &ArrayRef, step: Step) -> Result<ArrayRef> {
    let start = start::<T>(args, values.data_type())?;
    let sum = |total: Option<T>, value: T| total.unwrap_or(T::ZERO).add_wrapping(value);
    let product = |total: Option<T>, value: T| total.unwrap_or(T::ONE).mul_wrapping(value);
    let is_number = |value: T| value.partial_cmp(&value).is_some();
    // What is no number gives way to what is.
    let better = |held: Option<T>, value: T, wanted: fn(T, T) -> bool| match held {
        Some(held) if is_number(held) && !(is_number(value) && wanted(value, held)) => held,
        _ => value,
    };
    match step {
        Step::Sum => loop_over(args, values, start, |total, value| Some(sum(total, value))),
        Step::Product => loop_over(args, values, start, |total, value| Some(product(total, value))),
        Step::CheckedSum => {
            loop_over(args, values, start, |total, value| total.unwrap_or(T::ZERO).add_checked(value).ok())
        }
        Step::CheckedProduct => {
            loop_over(args, values, start, |total, value| total.unwrap_or(T::ONE).mul_checked(value).ok())
        }
        Step::Max => loop_over(args, values, start, |held, value| Some(better(held, value, |a, b| a > b))),
        Step::Min => loop_over(args, values, start, |held, value| Some(better(held, value, |a, b| a < b))),
    }
}

fn start<T: ArrowNativeType>(args: &Args<'_>, data_type: &DataType) -> Result<Option<T>> {
    if args.options().is_null("start")? {
        return Ok(None);
    }
    let value = exactly(args.options().array("start")?, data_type, args.memory());
    let value = value.map_err(|error| error.for_argument("start"))?;
    if value.is_null(0) {
        return Err(Error::invalid_argument("it is null").for_argument("start"));
    }
    Ok(Lanes::<T>::of(&Column::Array(value))?.slice().first().copied())
}

fn loop_over<T: ArrowNativeType>(
    args: &Args<'_>,
    values: &ArrayRef,
    start: Option<T>,
    step: impl Fn(Option<T>, T) -> Option<T>,
) -> Result<ArrayRef> {
    let validity = shown(args, values)?;
    let mut output = Output::new(values.data_type().clone(), values.len(), validity.clone(), args.memory());
    let lanes = Lanes::<T>::of(&Column::Array(values.clone()))?;
    let mut held = start;
    for (row, (out, &value)) in output.fixed::<T>()?.iter_mut().zip(lanes.slice()).enumerate() {
        *out = T::default();
        if validity.as_ref().is_none_or(|validity| validity.is_valid(row)) {
            let next = step(held, value);
            let overflow = || Error::overflow("the running value does not fit its type").at_row(row);
            *out = next.ok_or_else(overflow)?;
            held = next;
        }
    }
    output.finish()
}

/// The rows that have a result.
fn shown(args: &Args<'_>, values: &ArrayRef) -> Result<Option<NullBuffer>> {
    let Some(nulls) = values.nulls().filter(|nulls| nulls.null_count() > 0) else { return Ok(None) };
    if args.options().boolean("skip_nulls")? {
        return Ok(Some(nulls.clone()));
    }
    let before = nulls.iter().position(|valid| !valid).unwrap_or(nulls.len());
    Ok(Some((0..nulls.len()).map(|row| row < before).collect()))
}

fn mean(args: &Args<'_>) -> Result<ArrayRef> {
    // 64-bit integers that no double holds are rounded, as sums of doubles are.
    let floats =
        crate::cast(args.column(0), &DataType::Float64, crate::CastMode::Wrapping, args.memory())?.to_array()?;
    let validity = shown(args, &floats)?;
    let lanes = Lanes::<f64>::of(&Column::Array(floats))?;
    let (mut sum, mut count) = (0.0, 0.0);
    let means = lanes.slice().iter().enumerate().map(|(row, value)| {
        if validity.as_ref().is_none_or(|validity| validity.is_valid(row)) {
            sum += value;
            count += 1.0;
        }
        sum / count
    });
    let means: Vec<f64> = means.collect();
    Ok(Arc::new(Float64Array::new(means.into(), validity)))
}
