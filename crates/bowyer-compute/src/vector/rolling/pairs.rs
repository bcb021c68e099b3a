// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Covariance and correlation of two columns over a window that moves along the rows.
//!
//! A row of which one value is null is left out. As for one column, windows are put together and nothing is taken out.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, Float64Array};
use arrow_schema::DataType;
use bowyer_core::{Column, Result};

use super::sliding::slide;
use super::{ROWS, ROWS_DDOF, Windows};
use crate::scalar::cast::{CastMode, cast};
use crate::{Args, Example, Function, Kind, Overload, VectorKernel};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::vector("rolling_covariance")
        .summary("Computes the covariance of the values of two columns in a window.")
        .notes("The window ends at its row unless it is centred; rows with a null are left out.")
        .args(&["a", "b"])
        .options(ROWS_DDOF)
        .examples(&const { example("double [null, 1, 2.5]") })
        .fallible()
        .overloads(&const { numbers(covariance) }),
    Function::vector("rolling_correlation")
        .summary("Computes Pearson's correlation of the values of two columns in a window.")
        .notes("The window ends at its row unless it is centred; rows with a null are left out. NaN where a column does not vary.")
        .args(&["a", "b"])
        .options(ROWS)
        .examples(&const { example("double [null, 1, 1]") })
        .fallible()
        .overloads(&const { numbers(correlation) }),
];

const fn example(result: &'static str) -> [Example; 1] {
    [Example::new(&["int64 [1, 2, 3]", "double [10, 12, 17]"], result).with(&[("window", "2"), ("min_periods", "1")])]
}

const fn numbers(kernel: VectorKernel) -> [Overload; 4] {
    [
        Overload::vector(&[Kind::Numeric, Kind::Numeric], Kind::Float64, kernel),
        Overload::vector(&[Kind::Numeric, Kind::AnyDecimal], Kind::Float64, kernel),
        Overload::vector(&[Kind::AnyDecimal, Kind::Numeric], Kind::Float64, kernel),
        Overload::vector(&[Kind::AnyDecimal, Kind::AnyDecimal], Kind::Float64, kernel),
    ]
}

/// Count, means, squared distances from them and their products of some pairs.
#[derive(Clone, Copy, Debug, Default)]
struct Pairs {
    count: f64,
    means: [f64; 2],
    squares: [f64; 2],
    product: f64,
}

impl Pairs {
    fn of(a: f64, b: f64) -> Self {
        Self { count: 1.0, means: [a, b], ..Self::default() }
    }

    fn plus(self, other: Self) -> Self {
        if self.count == 0.0 {
            return other;
        }
        if other.count == 0.0 {
            return self;
        }
        let count = self.count + other.count;
        let weight = self.count * other.count / count;
        let apart = [other.means[0] - self.means[0], other.means[1] - self.means[1]];
        let mean = |side: usize| self.means[side] + apart[side] * (other.count / count);
        let square = |side: usize| self.squares[side] + other.squares[side] + apart[side] * apart[side] * weight;
        Self {
            count,
            means: [mean(0), mean(1)],
            squares: [square(0), square(1)],
            product: self.product + other.product + apart[0] * apart[1] * weight,
        }
    }
}

fn each(args: &Args<'_>, finish: impl Fn(&Pairs) -> Option<f64>) -> Result<ArrayRef> {
    let windows = Windows::of(args)?;
    let floats = |index: usize| {
        let column = Column::Array(args.array(index)?);
        cast(&column, &DataType::Float64, CastMode::Wrapping, args.memory())?.to_array()
    };
    let (a, b) = (floats(0)?, floats(1)?);
    let (a, b) = (a.as_primitive::<Float64Type>(), b.as_primitive::<Float64Type>());
    let one = |row: usize| {
        if a.is_valid(row) && b.is_valid(row) { Pairs::of(a.value(row), b.value(row)) } else { Pairs::default() }
    };
    let mut results = Vec::with_capacity(a.len());
    slide(windows.frames.iter(), one, Pairs::plus, |pairs| {
        let known = pairs.filter(|pairs| pairs.count >= windows.least as f64);
        results.push(known.and_then(|pairs| finish(&pairs)));
    });
    Ok(Arc::new(Float64Array::from(results)))
}

fn covariance(args: &Args<'_>) -> Result<ArrayRef> {
    let ddof = args.options().integer("ddof")? as f64;
    each(args, |pairs| (pairs.count > ddof && pairs.count > 0.0).then(|| pairs.product / (pairs.count - ddof)))
}

fn correlation(args: &Args<'_>) -> Result<ArrayRef> {
    each(args, |pairs| {
        (pairs.count > 1.0).then(|| (pairs.product / (pairs.squares[0] * pairs.squares[1]).sqrt()).clamp(-1.0, 1.0))
    })
}
