// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Variances in which a row weighs less the longer ago it is, and means that decay with time instead of rows.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, Float64Array};
use arrow_schema::DataType;
use bowyer_core::arity::Lanes;
use bowyer_core::{Column, Error, Result};

use super::ewm::{ADJUST, ALPHA, COM, HALF_LIFE, IGNORE_NULLS, MIN_PERIODS, SPAN, alpha};
use crate::scalar::cast::{CastMode, cast};
use crate::scalar::temporal_local::ticks_per_day;
use crate::scalar::temporal_span::Span;
use crate::{Args, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Overload, VectorKernel};

const BIAS: OptionSpec = OptionSpec::new(
    "bias",
    OptionKind::Boolean,
    OptionDefault::Boolean(false),
    "Whether the variance of the values themselves is meant, not an estimate from a sample.",
);

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    spread(
        "ewm_variance",
        "Computes the variance of the values so far, with weights that fall exponentially with age.",
        &const { numbers(variance) },
        &const { example("double [null, 0.5, null]") },
    ),
    spread(
        "ewm_stddev",
        "Computes the standard deviation of the values so far, with weights that fall exponentially with age.",
        &const { numbers(stddev) },
        &const { example("double [null, 0.7071067811865476, null]") },
    ),
    Function::vector("ewm_mean_by")
        .summary("Averages the values so far, with weights that fall exponentially with time.")
        .notes("Each value moves the mean by what has decayed since the value before. Times ascend. A null value, and a row without a time, gives null.")
        .args(&["values", "times"])
        .options(&[OptionSpec::new(
            "half_life",
            OptionKind::Utf8,
            OptionDefault::Required,
            "The time after which a weight has halved, as `90s` or `1d`.",
        )])
        .examples(&[Example::new(&["int64 [1, 3, null, 5]", "timestamp[s] [0, 60, 90, 120]"], "double [1, 2, null, 3.5]")
            .with(&[("half_life", "\"1m\"")])])
        .fallible()
        .overloads(&[
            Overload::vector(&[Kind::Numeric, Kind::AnyTimestamp], Kind::Float64, mean_by),
            Overload::vector(&[Kind::Numeric, Kind::AnyDate], Kind::Float64, mean_by),
            Overload::vector(&[Kind::AnyDecimal, Kind::AnyTimestamp], Kind::Float64, mean_by),
            Overload::vector(&[Kind::AnyDecimal, Kind::AnyDate], Kind::Float64, mean_by),
        ]),
];

const fn spread(
    name: &'static str,
    summary: &'static str,
    overloads: &'static [Overload],
    examples: &'static [Example],
) -> Function {
    Function::vector(name)
        .summary(summary)
        .notes("One of `alpha`, `com`, `span` and `half_life` says how fast. A null gives null, and so does a single value unless `bias` is set.")
        .args(&["values"])
        .options(&[ALPHA, COM, SPAN, HALF_LIFE, ADJUST, IGNORE_NULLS, MIN_PERIODS, BIAS])
        .fallible()
        .overloads(overloads)
        .examples(examples)
}

const fn example(result: &'static str) -> [Example; 1] {
    [Example::new(&["double [1, 2, null]"], result).with(&[("alpha", "0.5"), ("ignore_nulls", "true")])]
}

const fn numbers(kernel: VectorKernel) -> [Overload; 2] {
    [
        Overload::vector(&[Kind::Numeric], Kind::Float64, kernel),
        Overload::vector(&[Kind::AnyDecimal], Kind::Float64, kernel),
    ]
}

fn floats(args: &Args<'_>) -> Result<ArrayRef> {
    cast(&Column::Array(args.array(0)?), &DataType::Float64, CastMode::Wrapping, args.memory())?.to_array()
}

/// The weights of all values so far, relative to the newest, and what they make of the values.
#[derive(Default)]
struct Weighted {
    weight: f64,
    /// The sum of the squares of the weights.
    squares: f64,
    mean: f64,
    /// The weighted mean of squared distances from the mean.
    spread: f64,
}

impl Weighted {
    fn age(&mut self, factor: f64) {
        self.weight *= factor;
        self.squares *= factor * factor;
    }

    fn add(&mut self, value: f64, weight: f64) {
        let whole = self.weight + weight;
        let share = weight / whole;
        let apart = value - self.mean;
        self.spread = (1.0 - share) * (self.spread + share * apart * apart);
        self.mean += share * apart;
        self.weight = whole;
        self.squares += weight * weight;
    }

    /// The weights as shares: they add up to one.
    fn normalise(&mut self) {
        self.squares /= self.weight * self.weight;
        self.weight = 1.0;
    }

    fn variance(&self, bias: bool) -> Option<f64> {
        if bias {
            return Some(self.spread);
        }
        let whole = self.weight * self.weight;
        (whole > self.squares).then(|| self.spread * whole / (whole - self.squares))
    }
}

fn spreads(args: &Args<'_>, finish: fn(f64) -> f64) -> Result<ArrayRef> {
    let alpha = alpha(args)?;
    let options = args.options();
    let (adjust, ignore_nulls) = (options.boolean("adjust")?, options.boolean("ignore_nulls")?);
    let (bias, min_periods) = (options.boolean("bias")?, options.integer("min_periods")?);
    let values = floats(args)?;
    let (mut so_far, mut seen) = (Weighted::default(), 0_i64);
    let results = values.as_primitive::<Float64Type>().iter().map(|value| {
        if seen > 0 && (value.is_some() || !ignore_nulls) {
            so_far.age(1.0 - alpha);
        }
        let value = value?;
        so_far.add(value, if adjust || seen == 0 { 1.0 } else { alpha });
        if !adjust {
            so_far.normalise();
        }
        seen += 1;
        if seen >= min_periods { so_far.variance(bias).map(finish) } else { None }
    });
    Ok(Arc::new(results.collect::<Float64Array>()))
}

fn variance(args: &Args<'_>) -> Result<ArrayRef> {
    spreads(args, |variance| variance)
}

fn stddev(args: &Args<'_>) -> Result<ArrayRef> {
    spreads(args, f64::sqrt)
}

fn mean_by(args: &Args<'_>) -> Result<ArrayRef> {
    let times = args.array(1)?;
    let refused =
        || Error::invalid_argument("it is no positive number of the unit of the times").for_argument("half_life");
    let span = Span::parse(args.options().utf8("half_life")?).map_err(|error| error.for_argument("half_life"))?;
    let ticks = span.fixed_ticks(ticks_per_day(times.data_type())?);
    let half_life = ticks.filter(|ticks| *ticks > 0 && span.months == 0).ok_or_else(refused)? as f64;
    let nulls = times.logical_nulls();
    let column = Column::Array(times.clone());
    let ticks: Vec<i64> = if times.data_type().primitive_width() == Some(4) {
        Lanes::<i32>::of(&column)?.slice().iter().map(|&time| i64::from(time)).collect()
    } else {
        Lanes::<i64>::of(&column)?.slice().to_vec()
    };
    let values = floats(args)?;
    let mut results = Vec::with_capacity(values.len());
    let (mut latest, mut known) = (None, None);
    for (row, (value, tick)) in values.as_primitive::<Float64Type>().iter().zip(ticks).enumerate() {
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            results.push(None);
            continue;
        }
        if latest.replace(tick).is_some_and(|before| before > tick) {
            return Err(Error::invalid_argument("the times do not ascend").for_argument("times").at_row(row));
        }
        let mean = value.map(|value| match known {
            None => value,
            Some((mean, before)) => {
                let age = (i128::from(tick) - i128::from(before)) as f64;
                let kept = (-std::f64::consts::LN_2 * age / half_life).exp();
                kept * mean + (1.0 - kept) * value
            }
        });
        if let Some(mean) = mean {
            known = Some((mean, tick));
        }
        results.push(mean);
    }
    Ok(Arc::new(Float64Array::from(results)))
}
