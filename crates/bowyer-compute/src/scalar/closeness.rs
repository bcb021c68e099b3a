// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Numbers that are nearly the same.

use arrow_schema::DataType;
use bowyer_core::arity::{Lanes, binary_bits};
use bowyer_core::dispatch::unsupported;
use bowyer_core::{Error, Output, Result};

use super::real::TWO;
use crate::{Args, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[Function::scalar("is_close")
    .summary("Tells whether two numbers are nearly equal.")
    .notes(
        "They are when they lie no farther apart than `abs_tol`, or than `rel_tol` times the larger of their distances          from zero (Python's `math.isclose`). An infinity is close to itself alone.",
    )
    .args(&["a", "b"])
    .options(&[
        OptionSpec::new("rel_tol", OptionKind::Float, OptionDefault::Float(1e-9), "The relative tolerance."),
        OptionSpec::new("abs_tol", OptionKind::Float, OptionDefault::Float(0.0), "The absolute tolerance."),
        OptionSpec::new("nans_equal", OptionKind::Boolean, OptionDefault::Boolean(false), "Whether NaN is close to NaN."),
    ])
    .examples(&[Example::new(&["double [1, 1, null]", "double [1.0000000001, 1.1, 1]"], "bool [true, false, null]")])
    .coercion(TWO)
    .overloads(&[
        Overload::new(&[Kind::Null, Kind::Null], Kind::Boolean, is_close),
        Overload::new(&[Kind::Float32, Kind::Float32], Kind::Boolean, is_close),
        Overload::new(&[Kind::Float64, Kind::Float64], Kind::Boolean, is_close),
    ])];

fn is_close(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let (relative, absolute) = (args.options().float("rel_tol")?, args.options().float("abs_tol")?);
    for (name, tolerance) in [("rel_tol", relative), ("abs_tol", absolute)] {
        if tolerance.is_nan() || tolerance < 0.0 {
            return Err(Error::invalid_argument("it is negative or no number").for_argument(name));
        }
    }
    let nans = args.options().boolean("nans_equal")?;
    let close = |a: f64, b: f64| {
        let near = (a - b).abs() <= (relative * a.abs().max(b.abs())).max(absolute) && a.is_finite() && b.is_finite();
        a == b || near || (nans && a.is_nan() && b.is_nan())
    };
    let (a, b) = (args.column(0), args.column(1));
    match a.data_type() {
        DataType::Null => output.bits().map(|_| ()),
        DataType::Float32 => {
            binary_bits(&Lanes::<f32>::of(a)?, &Lanes::<f32>::of(b)?, output, |a, b| close(a.into(), b.into()))
        }
        DataType::Float64 => binary_bits(&Lanes::<f64>::of(a)?, &Lanes::<f64>::of(b)?, output, close),
        other => unsupported(other),
    }
}
