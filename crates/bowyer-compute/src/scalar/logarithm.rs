// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Logarithms and powers of e.
//!
//! The plain forms give infinity for zero and NaN for negative values, those called `_checked` fail there.

use super::real::{ONE, TWO, map, map_pairs, one, try_map, try_map_pairs, two};
use crate::{Example, Function};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("ln")
        .summary("Gives the natural logarithm of each value.")
        .notes("Zero gives -inf, a negative value NaN. Integers and decimals are taken as doubles.")
        .args(&["value"])
        .examples(&[Example::new(&["double [1, 0, null]"], "double [0, -inf, null]")])
        .coercion(ONE)
        .overloads(&const { one(|args, output| map(args, output, f32::ln, f64::ln)) }),
    Function::scalar("ln_checked")
        .summary("Gives the natural logarithm of each value.")
        .notes("Fails for zero and for negative values.")
        .args(&["value"])
        .examples(&[Example::new(&["double [1, null]"], "double [0, null]")])
        .fallible_for(|types, _| !types[0].is_null())
        .coercion(ONE)
        .overloads(&const { one(|args, output| try_map(args, output, f32::ln, f64::ln, refused)) }),
    Function::scalar("log2")
        .summary("Gives the logarithm to the base 2 of each value.")
        .notes("Zero gives -inf, a negative value NaN. Integers and decimals are taken as doubles.")
        .args(&["value"])
        .examples(&[Example::new(&["double [8, 0, null]"], "double [3, -inf, null]")])
        .coercion(ONE)
        .overloads(&const { one(|args, output| map(args, output, f32::log2, f64::log2)) }),
    Function::scalar("log2_checked")
        .summary("Gives the logarithm to the base 2 of each value.")
        .notes("Fails for zero and for negative values.")
        .args(&["value"])
        .examples(&[Example::new(&["double [8, null]"], "double [3, null]")])
        .fallible_for(|types, _| !types[0].is_null())
        .coercion(ONE)
        .overloads(&const { one(|args, output| try_map(args, output, f32::log2, f64::log2, refused)) }),
    Function::scalar("log10")
        .summary("Gives the logarithm to the base 10 of each value.")
        .notes("Zero gives -inf, a negative value NaN. Integers and decimals are taken as doubles.")
        .args(&["value"])
        .examples(&[Example::new(&["double [1000, 0, null]"], "double [3, -inf, null]")])
        .coercion(ONE)
        .overloads(&const { one(|args, output| map(args, output, f32::log10, f64::log10)) }),
    Function::scalar("log10_checked")
        .summary("Gives the logarithm to the base 10 of each value.")
        .notes("Fails for zero and for negative values.")
        .args(&["value"])
        .examples(&[Example::new(&["double [1000, null]"], "double [3, null]")])
        .fallible_for(|types, _| !types[0].is_null())
        .coercion(ONE)
        .overloads(&const { one(|args, output| try_map(args, output, f32::log10, f64::log10, refused)) }),
    Function::scalar("log1p")
        .summary("Gives the natural logarithm of each value plus one.")
        .notes("Exact near zero. -1 gives -inf, values below NaN.")
        .args(&["value"])
        .examples(&[Example::new(&["double [0, -1, null]"], "double [0, -inf, null]")])
        .coercion(ONE)
        .overloads(&const { one(|args, output| map(args, output, f32::ln_1p, f64::ln_1p)) }),
    Function::scalar("log1p_checked")
        .summary("Gives the natural logarithm of each value plus one.")
        .notes("Fails for -1 and below.")
        .args(&["value"])
        .examples(&[Example::new(&["double [0, null]"], "double [0, null]")])
        .fallible_for(|types, _| !types[0].is_null())
        .coercion(ONE)
        .overloads(
            &const { one(|args, output| try_map(args, output, f32::ln_1p, f64::ln_1p, |value| refused(value + 1.0))) },
        ),
    Function::scalar("logb")
        .summary("Gives the logarithm of the first value to the base of the second.")
        .notes("Zero gives -inf, a negative value or base NaN.")
        .args(&["value", "base"])
        .examples(&[Example::new(&["double [8, null]", "double [2, 2]"], "double [3, null]")])
        .coercion(TWO)
        .overloads(&const { two(|args, output| map_pairs(args, output, logb32, logb64)) }),
    Function::scalar("logb_checked")
        .summary("Gives the logarithm of the first value to the base of the second.")
        .notes("Fails for a value or a base of zero or below.")
        .args(&["value", "base"])
        .examples(&[Example::new(&["double [8, null]", "double [2, 2]"], "double [3, null]")])
        .fallible_for(|types, _| !types[0].is_null())
        .coercion(TWO)
        .overloads(
            &const {
                two(|args, output| {
                    try_map_pairs(args, output, logb32, logb64, |value, base| refused(value).or_else(|| refused(base)))
                })
            },
        ),
    Function::scalar("exp")
        .summary("Raises e to the power of each value.")
        .notes("Too large a value gives infinity. Integers and decimals are taken as doubles.")
        .args(&["value"])
        .examples(&[Example::new(&["double [0, null]"], "double [1, null]")])
        .coercion(ONE)
        .overloads(&const { one(|args, output| map(args, output, f32::exp, f64::exp)) }),
    Function::scalar("expm1")
        .summary("Raises e to the power of each value and takes one away.")
        .notes("Exact near zero.")
        .args(&["value"])
        .examples(&[Example::new(&["double [0, null]"], "double [0, null]")])
        .coercion(ONE)
        .overloads(&const { one(|args, output| map(args, output, f32::exp_m1, f64::exp_m1)) }),
];

fn refused(value: f64) -> Option<&'static str> {
    if value == 0.0 {
        return Some("the logarithm of zero");
    }
    (value < 0.0).then_some("the logarithm of a negative number")
}

fn logb32(value: f32, base: f32) -> f32 {
    if value == 0.0 {
        return if base <= 0.0 { f32::NAN } else { f32::NEG_INFINITY };
    }
    value.ln() / base.ln()
}

fn logb64(value: f64, base: f64) -> f64 {
    if value == 0.0 {
        return if base <= 0.0 { f64::NAN } else { f64::NEG_INFINITY };
    }
    value.ln() / base.ln()
}
