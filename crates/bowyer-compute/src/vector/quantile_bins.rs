// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Sorting numbers into bins that hold equal shares of them.

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, Float64Array};
use arrow_schema::DataType;
use bowyer_core::{Column, Error, Output, Result};

use crate::scalar::bins::{Bins, LABELS, LEFT_CLOSED, floats};
use crate::scalar::cast::{CastMode, cast};
use crate::{
    Args, Argument, Example, Function, Groups, Kind, OptionDefault, OptionKind, OptionSpec, OptionValue, Overload, bind,
};

/// The functions of this family.
pub const FAMILY: &[Function] = &[Function::vector("qcut")
    .summary("Names the bin of equal shares of all values that each value falls into.")
    .notes(
        "The edges are quantiles of the values, linearly interpolated; equal ones count once, unless bins are named. \
         NaN is in no bin.",
    )
    .args(&["values"])
    .options(&[
        OptionSpec::new(
            "q",
            OptionKind::Floats,
            OptionDefault::Required,
            "How many bins there are to be, or the shares at which they are cut.",
        ),
        LABELS,
        LEFT_CLOSED,
    ])
    .examples(&[Example::new(
        &["int64 [1, 2, 3, 4, null]"],
        "string [\"(-inf, 2.5]\", \"(-inf, 2.5]\", \"(2.5, inf]\", \"(2.5, inf]\", null]",
    )
    .with(&[("q", "2")])])
    .fallible()
    .overloads(&[
        Overload::vector(&[Kind::Numeric], Kind::Utf8, qcut),
        Overload::vector(&[Kind::AnyDecimal], Kind::Utf8, qcut),
    ])];

/// The shares at which bins are cut.
fn shares(args: &Args<'_>) -> Result<Vec<f64>> {
    let refused = |why: &'static str| Error::invalid_argument(why).for_argument("q");
    if let OptionValue::Float(count) = args.options().get("q")?
        && *count >= 1.0
    {
        if count.fract() != 0.0 || *count > 1e6 {
            return Err(refused("it is no number of bins"));
        }
        return Ok((1..*count as u32).map(|bin| f64::from(bin) / count).collect());
    }
    let shares = floats(args.options(), "q")?;
    if shares.iter().any(|share| !(0.0..=1.0).contains(share)) {
        return Err(refused("a share is not between 0 and 1"));
    }
    Ok(shares)
}

fn qcut(args: &Args<'_>) -> Result<ArrayRef> {
    let float = DataType::Float64;
    let values = cast(&Column::Array(args.array(0)?), &float, CastMode::Wrapping, args.memory())?.to_array()?;
    let shares = shares(args)?;
    let mut breaks = vec![];
    if !shares.is_empty() && values.null_count() < values.len() {
        let shares = OptionValue::Array(std::sync::Arc::new(Float64Array::from(shares)));
        let quantile = bind("quantile", &[Argument::new(float)], vec![("q".to_owned(), shares)])?;
        let mut accumulator = quantile.accumulator(args.memory())?;
        accumulator.update(&[Column::Array(values.clone())], Groups::All)?;
        let edges = crate::scalar::list_values::Lists::of(&accumulator.evaluate(1)?)?.items;
        breaks = edges.as_primitive::<Float64Type>().iter().flatten().filter(|edge| !edge.is_nan()).collect();
        if args.options().is_null("labels")? {
            breaks.dedup();
        }
    }
    let bins = Bins::new(breaks, args.options())?;
    let mut output = Output::new(DataType::Utf8, values.len(), None, args.memory());
    bins.write(&values, &mut output)?;
    output.finish()
}
