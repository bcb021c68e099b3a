// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Statistics over a window that moves along the rows: of so many rows, or of a span of time.
//!
//! A window of rows ends at its row, or has it in the middle. A window of time reaches back from the time of its row,
//! which is in it; times ascend. Nulls are left out. Nothing is ever taken out of a sum of floats: a window is put
//! together from the sums of two parts.

mod frames;
pub mod pairs;
mod sliding;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, UInt64Array};
use arrow_schema::DataType;
use bowyer_core::{Column, Error, Result};

use crate::scalar::cast::{CastMode, cast};
use crate::vector::rows::take_rows64;
use crate::{
    Args, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, OptionValue, Options, Overload, VectorKernel,
};
use frames::Frames;
use sliding::{Moments, slide};

const WINDOW: OptionSpec =
    OptionSpec::new("window", OptionKind::Integer, OptionDefault::Required, "How many rows a window has.");
const SPAN: OptionSpec = OptionSpec::new(
    "window",
    OptionKind::Utf8,
    OptionDefault::Required,
    "How far a window reaches back, as `90s` or `1d`; the row so long before is not in it.",
);
const MIN_PERIODS: OptionSpec = OptionSpec::new(
    "min_periods",
    OptionKind::Integer,
    OptionDefault::Null,
    "How many values a window needs, else it gives null: by default all that it has rows, or one in a span of time.",
);
const CENTER: OptionSpec = OptionSpec::new(
    "center",
    OptionKind::Boolean,
    OptionDefault::Boolean(false),
    "Whether the row is in the middle of its window and not at its end.",
);
const DDOF: OptionSpec = OptionSpec::new(
    "ddof",
    OptionKind::Integer,
    OptionDefault::Integer(1),
    "What is taken from the count of values before dividing by it.",
);
const QUANTILE: OptionSpec =
    OptionSpec::new("q", OptionKind::Float, OptionDefault::Float(0.5), "The share of values below the quantile.");

const ROWS: &[OptionSpec] = &[WINDOW, MIN_PERIODS, CENTER];
const ROWS_DDOF: &[OptionSpec] = &[WINDOW, MIN_PERIODS, CENTER, DDOF];
const TIMES: &[OptionSpec] = &[SPAN, MIN_PERIODS];
const TIMES_DDOF: &[OptionSpec] = &[SPAN, MIN_PERIODS, DDOF];

const OF_ROWS: &str = "The window ends at its row unless it is centred; nulls are left out.";
const OF_TIMES: &str = "The window reaches back from its row's time; times ascend. Nulls are left out; a row without a time is in \
                        no window and gives null.";

const fn of_rows(
    name: &'static str,
    summary: &'static str,
    options: &'static [OptionSpec],
    overloads: &'static [Overload],
    example: &'static [Example],
) -> Function {
    Function::vector(name)
        .summary(summary)
        .notes(OF_ROWS)
        .args(&["values"])
        .options(options)
        .fallible()
        .overloads(overloads)
        .examples(example)
}

const fn of_times(
    name: &'static str,
    summary: &'static str,
    options: &'static [OptionSpec],
    overloads: &'static [Overload],
    example: &'static [Example],
) -> Function {
    Function::vector(name)
        .summary(summary)
        .notes(OF_TIMES)
        .args(&["values", "times"])
        .options(options)
        .fallible()
        .overloads(overloads)
        .examples(example)
}

const fn one(kernel: VectorKernel, output: Kind) -> [Overload; 2] {
    [Overload::vector(&[Kind::Numeric], output, kernel), Overload::vector(&[Kind::AnyDecimal], output, kernel)]
}

const fn timed(kernel: VectorKernel, output: Kind) -> [Overload; 4] {
    [
        Overload::vector(&[Kind::Numeric, Kind::AnyTimestamp], output, kernel),
        Overload::vector(&[Kind::Numeric, Kind::AnyDate], output, kernel),
        Overload::vector(&[Kind::AnyDecimal, Kind::AnyTimestamp], output, kernel),
        Overload::vector(&[Kind::AnyDecimal, Kind::AnyDate], output, kernel),
    ]
}

const SUM: Kind = Kind::Computed(sum_type);

const fn example(result: &'static str) -> [Example; 1] {
    [Example::new(&["int64 [1, 2, 4, null, 8]"], result).with(&[("window", "2"), ("min_periods", "1")])]
}

const fn timed_example(result: &'static str) -> [Example; 1] {
    [Example::new(&["int64 [1, 2, 4]", "timestamp[s] [0, 50, 100]"], result).with(&[("window", "\"1m\"")])]
}

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    of_rows(
        "rolling_sum",
        "Adds up the values of a window.",
        ROWS,
        &const { one(sum, SUM) },
        &const { example("int64 [1, 3, 6, 4, 8]") },
    ),
    of_rows(
        "rolling_mean",
        "Averages the values of a window.",
        ROWS,
        &const { one(mean, Kind::Float64) },
        &const { example("double [1, 1.5, 3, 4, 8]") },
    ),
    of_rows(
        "rolling_min",
        "Finds the least value of a window.",
        ROWS,
        &const { one(min, Kind::SameAs(0)) },
        &const { example("int64 [1, 1, 2, 4, 8]") },
    ),
    of_rows(
        "rolling_max",
        "Finds the greatest value of a window.",
        ROWS,
        &const { one(max, Kind::SameAs(0)) },
        &const { example("int64 [1, 2, 4, 4, 8]") },
    ),
    of_rows(
        "rolling_variance",
        "Computes the variance of the values of a window.",
        ROWS_DDOF,
        &const { one(variance, Kind::Float64) },
        &const { example("double [null, 0.5, 2, null, null]") },
    ),
    of_rows(
        "rolling_stddev",
        "Computes the standard deviation of the values of a window.",
        ROWS_DDOF,
        &const { one(stddev, Kind::Float64) },
        &const { example("double [null, 0.7071067811865476, 1.4142135623730951, null, null]") },
    ),
    of_rows(
        "rolling_quantile",
        "Finds a quantile of the values of a window, interpolated linearly.",
        &[WINDOW, MIN_PERIODS, CENTER, QUANTILE],
        &const { one(quantile, Kind::Float64) },
        &const { example("double [1, 1.5, 3, 4, 8]") },
    ),
    of_rows(
        "rolling_median",
        "Finds the median of the values of a window.",
        ROWS,
        &const { one(quantile, Kind::Float64) },
        &const { example("double [1, 1.5, 3, 4, 8]") },
    ),
    of_times(
        "rolling_sum_by",
        "Adds up the values of a window of time.",
        TIMES,
        &const { timed(|args| by_time(args, sum), SUM) },
        &const { timed_example("int64 [1, 3, 6]") },
    ),
    of_times(
        "rolling_mean_by",
        "Averages the values of a window of time.",
        TIMES,
        &const { timed(|args| by_time(args, mean), Kind::Float64) },
        &const { timed_example("double [1, 1.5, 3]") },
    ),
    of_times(
        "rolling_min_by",
        "Finds the least value of a window of time.",
        TIMES,
        &const { timed(|args| by_time(args, min), Kind::SameAs(0)) },
        &const { timed_example("int64 [1, 1, 2]") },
    ),
    of_times(
        "rolling_max_by",
        "Finds the greatest value of a window of time.",
        TIMES,
        &const { timed(|args| by_time(args, max), Kind::SameAs(0)) },
        &const { timed_example("int64 [1, 2, 4]") },
    ),
    of_times(
        "rolling_variance_by",
        "Computes the variance of the values of a window of time.",
        TIMES_DDOF,
        &const { timed(|args| by_time(args, variance), Kind::Float64) },
        &const { timed_example("double [null, 0.5, 2]") },
    ),
    of_times(
        "rolling_stddev_by",
        "Computes the standard deviation of the values of a window of time.",
        TIMES_DDOF,
        &const { timed(|args| by_time(args, stddev), Kind::Float64) },
        &const { timed_example("double [null, 0.7071067811865476, 1.4142135623730951]") },
    ),
    of_times(
        "rolling_quantile_by",
        "Finds a quantile of the values of a window of time, interpolated linearly.",
        &[SPAN, MIN_PERIODS, QUANTILE],
        &const { timed(|args| by_time(args, quantile), Kind::Float64) },
        &const { timed_example("double [1, 1.5, 3]") },
    ),
    of_times(
        "rolling_median_by",
        "Finds the median of the values of a window of time.",
        TIMES,
        &const { timed(|args| by_time(args, quantile), Kind::Float64) },
        &const { timed_example("double [1, 1.5, 3]") },
    ),
];

/// Calls `kernel` on the rows that have a time; the others are null.
fn by_time(args: &Args<'_>, kernel: VectorKernel) -> Result<ArrayRef> {
    let (values, times) = (args.array(0)?, args.array(1)?);
    let Some(nulls) = times.logical_nulls().filter(|nulls| nulls.null_count() > 0) else { return kernel(args) };
    let rows: Vec<u64> = nulls.valid_indices().map(|row| row as u64).collect();
    let kept = UInt64Array::from(rows.clone());
    let columns = [take_rows64(&values, &kept, args.memory())?, take_rows64(&times, &kept, args.memory())?];
    let columns = columns.map(Column::Array);
    let timed = Args { columns: &columns, row_count: rows.len(), ..*args };
    let results = kernel(&timed).map_err(|mut error| {
        let place = error.place_mut();
        place.row = place.row.and_then(|row| rows.get(row as usize).copied());
        error
    })?;
    let mut next = 0..;
    let places: UInt64Array = nulls.iter().map(|valid| if valid { next.next() } else { None }).collect();
    take_rows64(&results, &places, args.memory())
}

fn sum_type(types: &[DataType], _: &Options) -> Result<DataType> {
    Ok(match &types[0] {
        unsigned if unsigned.is_unsigned_integer() => DataType::UInt64,
        signed if signed.is_signed_integer() => DataType::Int64,
        _ => DataType::Float64,
    })
}

fn cast_to(args: &Args<'_>, to: &DataType) -> Result<ArrayRef> {
    cast(&Column::Array(args.array(0)?), to, CastMode::Wrapping, args.memory())?.to_array()
}

/// The frame of each row, and how many values it needs.
struct Windows {
    frames: Frames,
    least: usize,
}

impl Windows {
    fn of(args: &Args<'_>) -> Result<Self> {
        let frames = Frames::of(args)?;
        let default = match args.options().get("window")? {
            OptionValue::Integer(rows) => usize::try_from(*rows).unwrap_or(usize::MAX),
            _ => 1,
        };
        let least = match args.options().get("min_periods")? {
            OptionValue::Integer(least) => usize::try_from(*least)
                .map_err(|_| Error::invalid_argument("it is negative").for_argument("min_periods"))?,
            _ => default,
        };
        Ok(Self { frames, least })
    }
}

fn sum(args: &Args<'_>) -> Result<ArrayRef> {
    let windows = Windows::of(args)?;
    let overflow = |row: usize| Error::overflow("the sum does not fit 64 bits").at_row(row);
    match args.output_type() {
        DataType::Int64 => {
            let values = cast_to(args, &DataType::Int64)?;
            let values = values.as_primitive::<Int64Type>();
            let sums =
                whole_sums(&windows, values.len(), |row| values.is_valid(row).then(|| i128::from(values.value(row))));
            let fit = |(row, sum): (usize, Option<i128>)| {
                sum.map(|sum| i64::try_from(sum).map_err(|_| overflow(row))).transpose()
            };
            Ok(Arc::new(sums.into_iter().enumerate().map(fit).collect::<Result<Int64Array>>()?))
        }
        DataType::UInt64 => {
            let values = cast_to(args, &DataType::UInt64)?;
            let values = values.as_primitive::<UInt64Type>();
            let sums =
                whole_sums(&windows, values.len(), |row| values.is_valid(row).then(|| i128::from(values.value(row))));
            let fit = |(row, sum): (usize, Option<i128>)| {
                sum.map(|sum| u64::try_from(sum).map_err(|_| overflow(row))).transpose()
            };
            Ok(Arc::new(sums.into_iter().enumerate().map(fit).collect::<Result<UInt64Array>>()?))
        }
        _ => floats(args, |moments| Some(moments.sum)),
    }
}

/// Sums of integers, in 128 bits: taking values out again is exact.
fn whole_sums(windows: &Windows, row_count: usize, value: impl Fn(usize) -> Option<i128>) -> Vec<Option<i128>> {
    let (mut sum, mut count, mut held) = (0i128, 0usize, 0..0);
    let mut sums = Vec::with_capacity(row_count);
    for frame in windows.frames.iter() {
        while held.end < frame.end {
            let added = value(held.end);
            sum += added.unwrap_or(0);
            count += usize::from(added.is_some());
            held.end += 1;
        }
        while held.start < frame.start {
            let gone = value(held.start);
            sum -= gone.unwrap_or(0);
            count -= usize::from(gone.is_some());
            held.start += 1;
        }
        sums.push((count >= windows.least).then_some(sum));
    }
    sums
}

/// What `finish` makes of the moments of each window of floats.
fn floats(args: &Args<'_>, finish: impl Fn(&Moments) -> Option<f64>) -> Result<ArrayRef> {
    let windows = Windows::of(args)?;
    let values = cast_to(args, &DataType::Float64)?;
    let values = values.as_primitive::<Float64Type>();
    let one = |row: usize| if values.is_valid(row) { Moments::of(values.value(row)) } else { Moments::default() };
    let mut results = Vec::with_capacity(values.len());
    slide(windows.frames.iter(), one, Moments::plus, |moments| {
        let known = moments.filter(|moments| moments.count >= windows.least as f64);
        let empty = (windows.least == 0).then(Moments::default);
        results.push(known.or(empty).and_then(|moments| finish(&moments)));
    });
    Ok(Arc::new(Float64Array::from(results)))
}

fn mean(args: &Args<'_>) -> Result<ArrayRef> {
    floats(args, |moments| (moments.count > 0.0).then(|| moments.sum / moments.count))
}

fn spread(args: &Args<'_>, finish: fn(f64) -> f64) -> Result<ArrayRef> {
    let ddof = args.options().integer("ddof")? as f64;
    floats(args, |moments| {
        (moments.count > ddof && moments.count > 0.0).then(|| finish(moments.squares / (moments.count - ddof)))
    })
}

fn variance(args: &Args<'_>) -> Result<ArrayRef> {
    spread(args, |variance| variance)
}

fn stddev(args: &Args<'_>) -> Result<ArrayRef> {
    spread(args, f64::sqrt)
}

fn min(args: &Args<'_>) -> Result<ArrayRef> {
    extreme(args, false)
}

fn max(args: &Args<'_>) -> Result<ArrayRef> {
    extreme(args, true)
}

/// The row of the extreme of each window: among ranks, so that every type has them. NaN loses to any number.
fn extreme(args: &Args<'_>, greatest: bool) -> Result<ArrayRef> {
    let windows = Windows::of(args)?;
    let values = args.array(0)?;
    let nulls = values.logical_nulls();
    let sorted = crate::vector::sort::sorted_as_asked(&values, greatest, false)?.0;
    let mut ranks = vec![0u32; values.len()];
    sorted.iter().zip(0..).for_each(|(row, rank)| ranks[*row as usize] = rank);
    // The best rank of a window, and how many values it has.
    let one = |row: usize| match nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
        true => (u32::MAX, 0usize),
        false => (ranks[row], 1),
    };
    let mut rows: Vec<Option<u64>> = Vec::with_capacity(values.len());
    slide(
        windows.frames.iter(),
        one,
        |a, b| (a.0.min(b.0), a.1 + b.1),
        |best| {
            let best = best.filter(|(rank, count)| *count >= windows.least && *rank != u32::MAX);
            rows.push(best.map(|(rank, _)| u64::from(sorted[rank as usize])));
        },
    );
    take_rows64(&values, &UInt64Array::from(rows), args.memory())
}

fn quantile(args: &Args<'_>) -> Result<ArrayRef> {
    let share = args.options().float("q").unwrap_or(0.5);
    if !(0.0..=1.0).contains(&share) {
        return Err(Error::invalid_argument("it is not between 0 and 1").for_argument("q"));
    }
    let windows = Windows::of(args)?;
    let values = cast_to(args, &DataType::Float64)?;
    let values = values.as_primitive::<Float64Type>();
    let value = |row: usize| Some(values.value(row)).filter(|value| values.is_valid(row) && !value.is_nan());
    let mut held: Vec<f64> = vec![];
    let mut span = 0..0;
    let mut results = Vec::with_capacity(values.len());
    for frame in windows.frames.iter() {
        while span.end < frame.end {
            if let Some(value) = value(span.end) {
                held.insert(held.partition_point(|other| *other < value), value);
            }
            span.end += 1;
        }
        while span.start < frame.start {
            if let Some(value) = value(span.start) {
                held.remove(held.partition_point(|other| *other < value));
            }
            span.start += 1;
        }
        let known = held.len() >= windows.least && !held.is_empty();
        results.push(known.then(|| {
            let place = share * (held.len() - 1) as f64;
            let (low, high) = (held[place.floor() as usize], held[place.ceil() as usize]);
            if low == high { low } else { low + (high - low) * place.fract() }
        }));
    }
    Ok(Arc::new(Float64Array::from(results)))
}
