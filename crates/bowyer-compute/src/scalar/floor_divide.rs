// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Quotients rounded down.

use arrow_schema::DataType;
use bowyer_core::arity::{Lanes, binary, try_binary};
use bowyer_core::{Error, Output, Result, with_integers};

use crate::{Args, Coercion, Example, Function, Kind, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[Function::scalar("floor_divide")
    .aliases(&["floordiv"])
    .summary("Divides and rounds the quotient down.")
    .notes("Where `divide` cuts towards zero, -7 by 2 is -4 here. An integer divided by zero, and a quotient that does not fit, fail; floats follow IEEE 754.")
    .args(&["dividend", "divisor"])
    .examples(&[
        Example::new(&["int64 [7, -7, null]", "int64 [2, 2, 1]"], "int64 [3, -4, null]"),
        Example::new(&["double [7.5, -7.5]", "scalar double 2"], "double [3, -4]"),
    ])
    .fallible_for(|types, _| types[0].is_integer())
    .coercion(Coercion::Common(0))
    .overloads(&[
        Overload::new(&[Kind::Null, Kind::Null], Kind::Null, |_, _| Ok(())),
        Overload::new(&[Kind::AnyInteger, Kind::SameAs(0)], Kind::SameAs(0), integers),
        Overload::new(&[Kind::Float32, Kind::Float32], Kind::Float32, |args, output| {
            let (a, b) = (Lanes::<f32>::of(args.column(0))?, Lanes::<f32>::of(args.column(1))?);
            binary(&a, &b, output, |a: f32, b: f32| (a / b).floor())
        }),
        Overload::new(&[Kind::Float64, Kind::Float64], Kind::Float64, |args, output| {
            let (a, b) = (Lanes::<f64>::of(args.column(0))?, Lanes::<f64>::of(args.column(1))?);
            binary(&a, &b, output, |a: f64, b: f64| (a / b).floor())
        }),
    ])];

fn integers(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let (a, b): (_, _) = (args.column(0), args.column(1));
    let data_type: &DataType = a.data_type();
    with_integers!(data_type, T => {
        let f = |a: T, b: T| {
            let Some(quotient) = a.checked_div(b) else { return (T::default(), true) };
            let zero = T::default();
            // What was cut off lies beneath the quotient where the signs differ.
            let lower = quotient * b != a && (a < zero) != (b < zero);
            (if lower { quotient.wrapping_sub(1) } else { quotient }, false)
        };
        try_binary(&Lanes::<T>::of(a)?, &Lanes::<T>::of(b)?, output, f, |_, b| {
            if b == T::default() { Error::divide_by_zero("division by zero") } else { Error::overflow("the quotient does not fit the type") }
        })
    })
}
