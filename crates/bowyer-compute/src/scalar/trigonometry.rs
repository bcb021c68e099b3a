// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Angles: sine, cosine, tangent, their inverses and the hyperbolic ones, in radians.
//!
//! The plain forms give NaN outside of a function's domain, those called `_checked` fail there.

use super::real::{ONE, TWO, map, map_pairs, one, try_map, two};
use crate::{Example, Function};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("sin")
        .summary("Gives the sine of each angle.")
        .notes("Infinity gives NaN. Integers and decimals are taken as doubles.")
        .args(&["value"])
        .examples(&[Example::new(&["double [0, null]"], "double [0, null]")])
        .coercion(ONE)
        .overloads(&const { one(|args, output| map(args, output, f32::sin, f64::sin)) }),
    Function::scalar("sin_checked")
        .summary("Gives the sine of each angle.")
        .notes("Fails for infinity.")
        .args(&["value"])
        .examples(&[Example::new(&["double [0, null]"], "double [0, null]")])
        .fallible_for(|types, _| !types[0].is_null())
        .coercion(ONE)
        .overloads(&const { one(|args, output| try_map(args, output, f32::sin, f64::sin, no_angle)) }),
    Function::scalar("cos")
        .summary("Gives the cosine of each angle.")
        .notes("Infinity gives NaN. Integers and decimals are taken as doubles.")
        .args(&["value"])
        .examples(&[Example::new(&["double [0, null]"], "double [1, null]")])
        .coercion(ONE)
        .overloads(&const { one(|args, output| map(args, output, f32::cos, f64::cos)) }),
    Function::scalar("cos_checked")
        .summary("Gives the cosine of each angle.")
        .notes("Fails for infinity.")
        .args(&["value"])
        .examples(&[Example::new(&["double [0, null]"], "double [1, null]")])
        .fallible_for(|types, _| !types[0].is_null())
        .coercion(ONE)
        .overloads(&const { one(|args, output| try_map(args, output, f32::cos, f64::cos, no_angle)) }),
    Function::scalar("tan")
        .summary("Gives the tangent of each angle.")
        .notes("Infinity gives NaN. Integers and decimals are taken as doubles.")
        .args(&["value"])
        .examples(&[Example::new(&["double [0, null]"], "double [0, null]")])
        .coercion(ONE)
        .overloads(&const { one(|args, output| map(args, output, f32::tan, f64::tan)) }),
    Function::scalar("tan_checked")
        .summary("Gives the tangent of each angle.")
        .notes("Fails for infinity.")
        .args(&["value"])
        .examples(&[Example::new(&["double [0, null]"], "double [0, null]")])
        .fallible_for(|types, _| !types[0].is_null())
        .coercion(ONE)
        .overloads(&const { one(|args, output| try_map(args, output, f32::tan, f64::tan, no_angle)) }),
    Function::scalar("asin")
        .summary("Gives the angle that has each sine.")
        .notes("Values outside of -1 to 1 give NaN. Integers and decimals are taken as doubles.")
        .args(&["value"])
        .examples(&[Example::new(&["double [0, null]"], "double [0, null]")])
        .coercion(ONE)
        .overloads(
            &const {
                one(|args, output| {
                    map(args, output, |x| within_one(x.into(), f64::asin) as f32, |x| within_one(x, f64::asin))
                })
            },
        ),
    Function::scalar("asin_checked")
        .summary("Gives the angle that has each sine.")
        .notes("Fails for values outside of -1 to 1.")
        .args(&["value"])
        .examples(&[Example::new(&["double [0, null]"], "double [0, null]")])
        .fallible_for(|types, _| !types[0].is_null())
        .coercion(ONE)
        .overloads(&const { one(|args, output| try_map(args, output, f32::asin, f64::asin, no_sine)) }),
    Function::scalar("acos")
        .summary("Gives the angle that has each cosine.")
        .notes("Values outside of -1 to 1 give NaN. Integers and decimals are taken as doubles.")
        .args(&["value"])
        .examples(&[Example::new(&["double [1, null]"], "double [0, null]")])
        .coercion(ONE)
        .overloads(
            &const {
                one(|args, output| {
                    map(args, output, |x| within_one(x.into(), f64::acos) as f32, |x| within_one(x, f64::acos))
                })
            },
        ),
    Function::scalar("acos_checked")
        .summary("Gives the angle that has each cosine.")
        .notes("Fails for values outside of -1 to 1.")
        .args(&["value"])
        .examples(&[Example::new(&["double [1, null]"], "double [0, null]")])
        .fallible_for(|types, _| !types[0].is_null())
        .coercion(ONE)
        .overloads(&const { one(|args, output| try_map(args, output, f32::acos, f64::acos, no_sine)) }),
    Function::scalar("atan")
        .summary("Gives the angle that has each tangent.")
        .notes("Integers and decimals are taken as doubles.")
        .args(&["value"])
        .examples(&[Example::new(&["double [0, null]"], "double [0, null]")])
        .coercion(ONE)
        .overloads(&const { one(|args, output| map(args, output, f32::atan, f64::atan)) }),
    Function::scalar("atan2")
        .summary("Gives the angle of each point, from its y and x.")
        .notes("The signs of both say in which quarter it lies.")
        .args(&["y", "x"])
        .examples(&[Example::new(&["double [0, 1, null]", "double [1, 0, 1]"], "double [0, 1.5707963267948966, null]")])
        .coercion(TWO)
        .overloads(&const { two(|args, output| map_pairs(args, output, f32::atan2, f64::atan2)) }),
    Function::scalar("hypot")
        .summary("Gives the length of the hypotenuse over each pair of sides.")
        .notes("Does not overflow on the way; infinity wins over NaN.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["double [3, null]", "double [4, 1]"], "double [5, null]")])
        .coercion(TWO)
        .overloads(&const { two(|args, output| map_pairs(args, output, f32::hypot, f64::hypot)) }),
    Function::scalar("sinh")
        .summary("Gives the hyperbolic sine of each value.")
        .notes("Integers and decimals are taken as doubles.")
        .args(&["value"])
        .examples(&[Example::new(&["double [0, null]"], "double [0, null]")])
        .coercion(ONE)
        .overloads(&const { one(|args, output| map(args, output, f32::sinh, f64::sinh)) }),
    Function::scalar("cosh")
        .summary("Gives the hyperbolic cosine of each value.")
        .notes("Integers and decimals are taken as doubles.")
        .args(&["value"])
        .examples(&[Example::new(&["double [0, null]"], "double [1, null]")])
        .coercion(ONE)
        .overloads(&const { one(|args, output| map(args, output, f32::cosh, f64::cosh)) }),
    Function::scalar("tanh")
        .summary("Gives the hyperbolic tangent of each value.")
        .notes("Integers and decimals are taken as doubles.")
        .args(&["value"])
        .examples(&[Example::new(&["double [0, null]"], "double [0, null]")])
        .coercion(ONE)
        .overloads(&const { one(|args, output| map(args, output, f32::tanh, f64::tanh)) }),
    Function::scalar("degrees")
        .summary("Turns angles in radians into degrees.")
        .notes("Integers and decimals are taken as doubles.")
        .args(&["value"])
        .examples(&[Example::new(&["double [0, 3.141592653589793, null]"], "double [0, 180, null]")])
        .coercion(ONE)
        .overloads(&const { one(|args, output| map(args, output, f32::to_degrees, f64::to_degrees)) }),
    Function::scalar("radians")
        .summary("Turns angles in degrees into radians.")
        .notes("Integers and decimals are taken as doubles.")
        .args(&["value"])
        .examples(&[Example::new(&["double [0, 180, null]"], "double [0, 3.141592653589793, null]")])
        .coercion(ONE)
        .overloads(&const { one(|args, output| map(args, output, f32::to_radians, f64::to_radians)) }),
    Function::scalar("asinh")
        .summary("Gives the value that has each hyperbolic sine.")
        .notes("Integers and decimals are taken as doubles.")
        .args(&["value"])
        .examples(&[Example::new(&["double [0, null]"], "double [0, null]")])
        .coercion(ONE)
        .overloads(&const { one(|args, output| map(args, output, |x| asinh(x.into()) as f32, asinh)) }),
    Function::scalar("acosh")
        .summary("Gives the value that has each hyperbolic cosine.")
        .notes("Values below 1 give NaN.")
        .args(&["value"])
        .examples(&[Example::new(&["double [1, null]"], "double [0, null]")])
        .coercion(ONE)
        .overloads(&const { one(|args, output| map(args, output, f32::acosh, f64::acosh)) }),
    Function::scalar("acosh_checked")
        .summary("Gives the value that has each hyperbolic cosine.")
        .notes("Fails for values below 1.")
        .args(&["value"])
        .examples(&[Example::new(&["double [1, null]"], "double [0, null]")])
        .fallible_for(|types, _| !types[0].is_null())
        .coercion(ONE)
        .overloads(&const { one(|args, output| try_map(args, output, f32::acosh, f64::acosh, below_one)) }),
    Function::scalar("atanh")
        .summary("Gives the value that has each hyperbolic tangent.")
        .notes("-1 and 1 give infinities, values beyond them NaN.")
        .args(&["value"])
        .examples(&[Example::new(&["double [0, null]"], "double [0, null]")])
        .coercion(ONE)
        .overloads(
            &const {
                one(|args, output| {
                    map(args, output, |x| within_one(x.into(), f64::atanh) as f32, |x| within_one(x, f64::atanh))
                })
            },
        ),
    Function::scalar("atanh_checked")
        .summary("Gives the value that has each hyperbolic tangent.")
        .notes("Fails for values that do not lie between -1 and 1.")
        .args(&["value"])
        .examples(&[Example::new(&["double [0, null]"], "double [0, null]")])
        .fallible_for(|types, _| !types[0].is_null())
        .coercion(ONE)
        .overloads(&const { one(|args, output| try_map(args, output, f32::atanh, f64::atanh, no_tangent)) }),
];

/// The function of a number between -1 and 1, else NaN, which the library finds by way of its rare cases.
fn within_one(value: f64, f: impl Fn(f64) -> f64) -> f64 {
    if value.abs() <= 1.0 { f(value) } else { f64::NAN }
}

/// The value that has a hyperbolic sine: ln(x + sqrt(x² + 1)) in a form for each size of x that loses no digits, as
/// FDLIBM's s_asinh.c divides them. The standard library's one form takes three times as long.
fn asinh(value: f64) -> f64 {
    const LARGE: f64 = (1 << 28) as f64;
    let size = value.abs();
    let found = if size > LARGE {
        size.ln() + std::f64::consts::LN_2
    } else if size > 2.0 {
        (2.0 * size + 1.0 / ((size * size + 1.0).sqrt() + size)).ln()
    } else {
        let square = size * size;
        (size + square / (1.0 + (1.0 + square).sqrt())).ln_1p()
    };
    found.copysign(value)
}

fn no_angle(value: f64) -> Option<&'static str> {
    value.is_infinite().then_some("an infinite angle")
}

fn no_sine(value: f64) -> Option<&'static str> {
    (value.abs() > 1.0).then_some("the value does not lie between -1 and 1")
}

fn below_one(value: f64) -> Option<&'static str> {
    (value < 1.0).then_some("the value is below 1")
}

fn no_tangent(value: f64) -> Option<&'static str> {
    (value.abs() >= 1.0).then_some("the value does not lie between -1 and 1")
}
