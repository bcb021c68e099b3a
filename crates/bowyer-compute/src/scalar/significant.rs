// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Rounding to a number of significant digits.

use std::fmt::Write;

use arrow_schema::DataType;
use bowyer_core::arity::Lanes;
use bowyer_core::{Error, Output, Result};

use crate::{Args, Coercion, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Overload};

/// More digits than a double has.
const MOST_DIGITS: i64 = 17;

/// The functions of this family.
pub const FAMILY: &[Function] = &[Function::scalar("round_significant")
    .aliases(&["round_sig_figs"])
    .summary("Rounds to a number of significant digits.")
    .notes("To the nearest number of so many decimal digits; one that stands exactly between two goes to the even digit. Integers become doubles.")
    .args(&["values"])
    .options(&[OptionSpec::new(
        "digits",
        OptionKind::Integer,
        OptionDefault::Required,
        "How many digits are kept: 1 to 17.",
    )])
    .examples(&[Example::new(
        &["double [1234.5, -0.0012345, 0, null]"],
        "double [1230, -0.00123, 0, null]",
    )
    .with(&[("digits", "3")])])
    .prepare(|context| {
        let digits = context.options.integer("digits")?;
        let fits = (1..=MOST_DIGITS).contains(&digits);
        let refused = || Error::invalid_argument("it is not from 1 to 17").for_argument("digits");
        Ok(Box::new(if fits { digits as usize } else { return Err(refused()) }))
    })
    .coercion(Coercion::Custom(doubles))
    .overloads(&[
        Overload::new(&[Kind::Float32], Kind::Float32, |args, output| {
            let mut text = String::new();
            rounded(args, output, |value: f32, digits| as_written(&mut text, f64::from(value), digits) as f32)
        }),
        Overload::new(&[Kind::Float64], Kind::Float64, |args, output| {
            let mut text = String::new();
            rounded(args, output, |value: f64, digits| as_written(&mut text, value, digits))
        }),
    ])];

fn doubles(types: &[DataType]) -> Option<Vec<DataType>> {
    (types[0].is_integer() || types[0].is_null()).then(|| vec![DataType::Float64])
}

/// The value of the number's exact decimal digits, cut to so many: what is printed is rounded correctly, which no
/// multiplication by a power of ten is.
fn as_written(text: &mut String, value: f64, digits: usize) -> f64 {
    if !value.is_finite() {
        return value;
    }
    text.clear();
    let _infallible = write!(text, "{value:.*e}", digits - 1);
    text.parse().unwrap_or(value)
}

fn rounded<T: arrow_buffer::ArrowNativeType>(
    args: &Args<'_>,
    output: &mut Output,
    mut round: impl FnMut(T, usize) -> T,
) -> Result<()> {
    let digits = *args.state::<usize>()?;
    let values = Lanes::<T>::of(args.column(0))?;
    for (row, out) in output.fixed::<T>()?.iter_mut().enumerate() {
        *out = round(values.value(row), digits);
    }
    Ok(())
}
