// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The greatest common divisor and the least common multiple of two integers.
//!
//! Both are never negative; what does not fit the type fails.

use arrow_buffer::ArrowNativeType;
use arrow_schema::DataType;
use bowyer_core::arity::{Lanes, try_binary};
use bowyer_core::{Error, Output, Result, with_integers};

use crate::{Args, Coercion, Example, Function, Kind, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("gcd")
        .aliases(&["greatest_common_divisor"])
        .summary("Gives the greatest common divisor of two integers.")
        .notes("It is never negative; that of two zeros is zero. Fails where it does not fit the type.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int64 [12, -18, 0, null]", "int64 [8, 12, 5, 1]"], "int64 [4, 6, 5, null]")])
        .fallible_for(|types, _| !types[0].is_null())
        .coercion(Coercion::Common(0))
        .overloads(&const { integers(gcd) }),
    Function::scalar("lcm")
        .aliases(&["least_common_multiple"])
        .summary("Gives the least common multiple of two integers.")
        .notes("It is never negative; that of zero and any number is zero. Fails where it does not fit the type.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int64 [4, -6, 0, null]", "int64 [6, 4, 5, 1]"], "int64 [12, 12, 0, null]")])
        .fallible_for(|types, _| !types[0].is_null())
        .coercion(Coercion::Common(0))
        .overloads(&const { integers(lcm) }),
];

const fn integers(kernel: crate::Kernel) -> [Overload; 2] {
    [
        Overload::new(&[Kind::Null, Kind::Null], Kind::Null, kernel),
        Overload::new(&[Kind::AnyInteger, Kind::SameAs(0)], Kind::SameAs(0), kernel),
    ]
}

/// The greatest common divisor of two magnitudes, by Stein's method, which divides by shifting.
fn divisor(mut a: u64, mut b: u64) -> u64 {
    if a == 0 || b == 0 {
        return a | b;
    }
    let twos = (a | b).trailing_zeros();
    a >>= a.trailing_zeros();
    loop {
        b >>= b.trailing_zeros();
        (a, b) = (a.min(b), a.abs_diff(b));
        if b == 0 {
            return a << twos;
        }
    }
}

fn gcd(args: &Args<'_>, output: &mut Output) -> Result<()> {
    run(args, output, |a, b| Some(divisor(a, b)))
}

fn lcm(args: &Args<'_>, output: &mut Output) -> Result<()> {
    run(args, output, |a, b| if a == 0 { Some(0) } else { (a / divisor(a, b)).checked_mul(b) })
}

fn run(args: &Args<'_>, output: &mut Output, of: impl Fn(u64, u64) -> Option<u64>) -> Result<()> {
    let (a, b) = (args.column(0), args.column(1));
    if a.data_type() == &DataType::Null {
        return Ok(());
    }
    with_integers!(a.data_type(), T => {
        let f = |a: T, b: T| {
            let found = of(magnitude(a), magnitude(b)).and_then(|found| T::try_from(found).ok());
            (found.unwrap_or_default(), found.is_none())
        };
        try_binary(&Lanes::<T>::of(a)?, &Lanes::<T>::of(b)?, output, f, too_large)
    })
}

/// The distance of an integer from zero.
fn magnitude<T: ArrowNativeType + Into<i128>>(value: T) -> u64 {
    let wide: i128 = value.into();
    wide.unsigned_abs() as u64
}

#[cold]
fn too_large<T: std::fmt::Display>(a: T, b: T) -> Error {
    Error::overflow(format!("the result for {a} and {b} does not fit"))
}
