// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Means in which a row weighs less the longer ago it is.
//!
//! The weight of a row is multiplied by 1 − α for each row after it. Adjusted, a mean is divided by the sum of the
//! weights; otherwise each row moves the last mean by α of its distance.

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{ArrayRef, Float64Array};
use arrow_schema::DataType;
use bowyer_core::{Column, Error, Result};

use crate::scalar::cast::{CastMode, cast};
use crate::{Args, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, OptionValue, Overload};

const fn decay(name: &'static str, summary: &'static str) -> OptionSpec {
    OptionSpec::new(name, OptionKind::Float, OptionDefault::Null, summary)
}

pub(super) const ALPHA: OptionSpec =
    decay("alpha", "The weight of a row beside the mean before it: more than 0 and at most 1.");
pub(super) const COM: OptionSpec = decay("com", "The centre of mass: alpha is 1 / (1 + com).");
pub(super) const SPAN: OptionSpec = decay("span", "The span: alpha is 2 / (span + 1).");
pub(super) const HALF_LIFE: OptionSpec = decay("half_life", "The rows after which a weight has halved.");
pub(super) const ADJUST: OptionSpec = OptionSpec::new(
    "adjust",
    OptionKind::Boolean,
    OptionDefault::Boolean(true),
    "Whether weights add up to one from the first row on.",
);
pub(super) const IGNORE_NULLS: OptionSpec = OptionSpec::new(
    "ignore_nulls",
    OptionKind::Boolean,
    OptionDefault::Boolean(false),
    "Whether age counts valid rows alone.",
);
pub(super) const MIN_PERIODS: OptionSpec = OptionSpec::new(
    "min_periods",
    OptionKind::Integer,
    OptionDefault::Integer(1),
    "How many values a row needs so far; with fewer it is null.",
);

/// The functions of this family.
pub const FAMILY: &[Function] = &[Function::vector("ewm_mean")
    .summary("Averages the values so far, with weights that fall exponentially with age.")
    .notes("One of `alpha`, `com`, `span` and `half_life` says how fast. A null gives null.")
    .args(&["values"])
    .options(&[ALPHA, COM, SPAN, HALF_LIFE, ADJUST, IGNORE_NULLS, MIN_PERIODS])
    .examples(&[
        Example::new(&["double [1, 2, null]"], "double [1, 1.5, null]").with(&[("alpha", "0.5"), ("adjust", "false")])
    ])
    .fallible()
    .overloads(&[
        Overload::vector(&[Kind::Numeric], Kind::Float64, mean),
        Overload::vector(&[Kind::AnyDecimal], Kind::Float64, mean),
    ])];

/// How much a row weighs beside the mean before it.
pub(super) fn alpha(args: &Args<'_>) -> Result<f64> {
    let mut given = None;
    for (name, least) in [("alpha", 0.0), ("com", 0.0), ("span", 1.0), ("half_life", 0.0)] {
        let OptionValue::Float(value) = args.options().get(name)? else { continue };
        let fits = match name {
            "alpha" => *value > 0.0 && *value <= 1.0,
            "half_life" => *value > 0.0,
            _ => *value >= least,
        };
        if !fits || !value.is_finite() {
            return Err(Error::invalid_argument("it is out of its range").for_argument(name));
        }
        if given.is_some() {
            return Err(Error::invalid_argument("the decay is given twice").for_argument(name));
        }
        given = Some(match name {
            "alpha" => *value,
            "com" => 1.0 / (1.0 + value),
            "span" => 2.0 / (value + 1.0),
            _ => 1.0 - (-std::f64::consts::LN_2 / value).exp(),
        });
    }
    given.ok_or_else(|| {
        Error::invalid_argument("one of alpha, com, span and half_life must be given").for_argument("alpha")
    })
}

fn mean(args: &Args<'_>) -> Result<ArrayRef> {
    let alpha = alpha(args)?;
    let (adjust, ignore_nulls) = (args.options().boolean("adjust")?, args.options().boolean("ignore_nulls")?);
    let min_periods = args.options().integer("min_periods")?;
    let float = DataType::Float64;
    let values = cast(&Column::Array(args.array(0)?), &float, CastMode::Wrapping, args.memory())?.to_array()?;
    let values = values.as_primitive::<Float64Type>();
    let (mut average, mut old_weight, mut seen) = (0.0, 0.0, 0i64);
    let new_weight = if adjust { 1.0 } else { alpha };
    let mut means = Vec::with_capacity(values.len());
    for value in values.iter() {
        if seen > 0 && (value.is_some() || !ignore_nulls) {
            old_weight *= 1.0 - alpha;
        }
        if let Some(value) = value {
            if seen == 0 {
                (average, old_weight) = (value, 1.0);
            } else {
                average += (value - average) * new_weight / (old_weight + new_weight);
                old_weight = if adjust { old_weight + new_weight } else { 1.0 };
            }
            seen += 1;
        }
        means.push(value.filter(|_| seen >= min_periods).map(|_| average));
    }
    Ok(std::sync::Arc::new(Float64Array::from(means)))
}
