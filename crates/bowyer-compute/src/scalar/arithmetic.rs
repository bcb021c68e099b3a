// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Sums, differences, products, quotients and what is left of them, for numbers, decimals and times.
//!
//! Integers and floats are cast to their common type. Decimals keep all digits of sums and products; quotients have at
//! least four places and as many more as the divisor has digits; a result of more than 38 digits (76 where a 256-bit
//! decimal takes part) is refused when the call is bound. Times are cast to the finest unit. The forms called `_checked`
//! fail where the plain ones wrap around.

mod kernels;
mod types;

use bowyer_core::{Output, Result};

use crate::{Args, Coercion, Example, Function, Kind, Overload};
use kernels::{Mode, Operation};

/// Addition, subtraction, multiplication, division, remainder and modulo.
pub const FAMILY: &[Function] = &[
    Function::scalar("add")
        .summary("Adds two values.")
        .notes("Integers wrap around.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int64 [1, 2, null]", "int64 [10, -2, 3]"], "int64 [11, 0, null]")])
        .fallible_for(types::meets_time_of_day)
        .coercion(Coercion::Always(types::add))
        .overloads(ADD),
    Function::scalar("add_checked")
        .summary("Adds two values.")
        .notes("Fails when an integer or a time does not fit its type.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int64 [1, 2, null]", "int64 [10, -2, 3]"], "int64 [11, 0, null]")])
        .fallible_for(types::has_bounds)
        .coercion(Coercion::Always(types::add))
        .overloads(ADD_CHECKED),
    Function::scalar("subtract")
        .summary("Subtracts the second value from the first.")
        .notes("Integers wrap around.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int64 [1, 2, null]", "int64 [10, -2, 3]"], "int64 [-9, 4, null]")])
        .fallible_for(types::meets_time_of_day)
        .coercion(Coercion::Always(types::subtract))
        .overloads(SUBTRACT),
    Function::scalar("subtract_checked")
        .summary("Subtracts the second value from the first.")
        .notes("Fails when an integer or a time does not fit its type.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int64 [1, 2, null]", "int64 [10, -2, 3]"], "int64 [-9, 4, null]")])
        .fallible_for(types::has_bounds)
        .coercion(Coercion::Always(types::subtract))
        .overloads(SUBTRACT_CHECKED),
    Function::scalar("multiply")
        .summary("Multiplies two values.")
        .notes("Integers wrap around.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int64 [1, 2, null]", "int64 [10, -2, 3]"], "int64 [10, -4, null]")])
        .coercion(Coercion::Always(types::multiply))
        .overloads(MULTIPLY),
    Function::scalar("multiply_checked")
        .summary("Multiplies two values.")
        .notes("Fails when an integer or a duration does not fit its type.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int64 [1, 2, null]", "int64 [10, -2, 3]"], "int64 [10, -4, null]")])
        .fallible_for(types::has_bounds)
        .coercion(Coercion::Always(types::multiply))
        .overloads(MULTIPLY_CHECKED),
    Function::scalar("divide")
        .summary("Divides the first value by the second, truncating integers toward zero.")
        .notes("An integer or decimal divided by zero fails; a float gives infinity or NaN. The smallest integer divided by -1 gives 0.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int64 [-7, 7, null]", "int64 [2, 2, 0]"], "int64 [-3, 3, null]")])
        .fallible_for(types::refuses_zero)
        .coercion(Coercion::Always(types::divide))
        .overloads(DIVIDE),
    Function::scalar("divide_checked")
        .summary("Divides the first value by the second, truncating integers toward zero.")
        .notes("Fails for a zero as the second value, of floats too, and when an integer does not fit its type.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int64 [-7, 7, null]", "int64 [2, 2, 0]"], "int64 [-3, 3, null]")])
        .fallible()
        .coercion(Coercion::Always(types::divide))
        .overloads(DIVIDE_CHECKED),
    Function::scalar("remainder")
        .summary("Gives what is left of a division truncated toward zero; it has the sign of the first value.")
        .notes("An integer or decimal zero as the second value fails; a float zero gives NaN.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int64 [-7, 7, null]", "int64 [3, -3, 0]"], "int64 [-1, 1, null]")])
        .fallible_for(types::refuses_zero)
        .coercion(Coercion::Always(types::remainder))
        .overloads(REMAINDER),
    Function::scalar("remainder_checked")
        .summary("Gives what is left of a division truncated toward zero; it has the sign of the first value.")
        .notes("Fails for a zero as the second value, of floats too, and for the smallest integer and -1.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int64 [-7, 7, null]", "int64 [3, -3, 0]"], "int64 [-1, 1, null]")])
        .fallible()
        .coercion(Coercion::Always(types::remainder))
        .overloads(REMAINDER_CHECKED),
    Function::scalar("modulo")
        .summary("Gives what is left of a division rounded down; it has the sign of the second value.")
        .notes("An integer or decimal zero as the second value fails; a float zero gives NaN.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int64 [-7, 7, null]", "int64 [3, -3, 0]"], "int64 [2, -2, null]")])
        .fallible_for(types::refuses_zero)
        .coercion(Coercion::Always(types::modulo))
        .overloads(MODULO),
    Function::scalar("modulo_checked")
        .summary("Gives what is left of a division rounded down; it has the sign of the second value.")
        .notes("Fails for a zero as the second value, of floats too, and for the smallest integer and -1.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int64 [-7, 7, null]", "int64 [3, -3, 0]"], "int64 [2, -2, null]")])
        .fallible()
        .coercion(Coercion::Always(types::modulo))
        .overloads(MODULO_CHECKED),
];

const ADD: &[Overload] = &[
    Overload::new(&[Kind::Null, Kind::Null], Kind::Null, add),
    Overload::new(&[Kind::Numeric, Kind::SameAs(0)], Kind::SameAs(0), add),
    Overload::new(&[Kind::Float16, Kind::Float16], Kind::Float16, add),
    Overload::new(&[Kind::WideDecimal, Kind::SameAs(0)], Kind::SameAs(0), add),
    Overload::new(&[Kind::AnyTimestamp, Kind::AnyDuration], Kind::SameAs(0), add),
    Overload::new(&[Kind::AnyTime, Kind::AnyDuration], Kind::SameAs(0), add),
    Overload::new(&[Kind::AnyDuration, Kind::SameAs(0)], Kind::SameAs(0), add),
    Overload::new(&[Kind::AnyDuration, Kind::AnyTimestamp], Kind::SameAs(1), add),
    Overload::new(&[Kind::AnyDuration, Kind::AnyTime], Kind::SameAs(1), add),
];

const ADD_CHECKED: &[Overload] = &[
    Overload::new(&[Kind::Null, Kind::Null], Kind::Null, add_checked),
    Overload::new(&[Kind::Numeric, Kind::SameAs(0)], Kind::SameAs(0), add_checked),
    Overload::new(&[Kind::Float16, Kind::Float16], Kind::Float16, add_checked),
    Overload::new(&[Kind::WideDecimal, Kind::SameAs(0)], Kind::SameAs(0), add_checked),
    Overload::new(&[Kind::AnyTimestamp, Kind::AnyDuration], Kind::SameAs(0), add_checked),
    Overload::new(&[Kind::AnyTime, Kind::AnyDuration], Kind::SameAs(0), add_checked),
    Overload::new(&[Kind::AnyDuration, Kind::SameAs(0)], Kind::SameAs(0), add_checked),
    Overload::new(&[Kind::AnyDuration, Kind::AnyTimestamp], Kind::SameAs(1), add_checked),
    Overload::new(&[Kind::AnyDuration, Kind::AnyTime], Kind::SameAs(1), add_checked),
];

const SUBTRACT: &[Overload] = &[
    Overload::new(&[Kind::Null, Kind::Null], Kind::Null, subtract),
    Overload::new(&[Kind::Numeric, Kind::SameAs(0)], Kind::SameAs(0), subtract),
    Overload::new(&[Kind::Float16, Kind::Float16], Kind::Float16, subtract),
    Overload::new(&[Kind::WideDecimal, Kind::SameAs(0)], Kind::SameAs(0), subtract),
    Overload::new(&[Kind::AnyTimestamp, Kind::AnyDuration], Kind::SameAs(0), subtract),
    Overload::new(&[Kind::AnyTime, Kind::AnyDuration], Kind::SameAs(0), subtract),
    Overload::new(&[Kind::AnyDuration, Kind::SameAs(0)], Kind::SameAs(0), subtract),
    Overload::new(&[Kind::AnyTimestamp, Kind::AnyTimestamp], Kind::Computed(types::difference), subtract),
    Overload::new(&[Kind::AnyTime, Kind::SameAs(0)], Kind::Computed(types::difference), subtract),
];

const SUBTRACT_CHECKED: &[Overload] = &[
    Overload::new(&[Kind::Null, Kind::Null], Kind::Null, subtract_checked),
    Overload::new(&[Kind::Numeric, Kind::SameAs(0)], Kind::SameAs(0), subtract_checked),
    Overload::new(&[Kind::Float16, Kind::Float16], Kind::Float16, subtract_checked),
    Overload::new(&[Kind::WideDecimal, Kind::SameAs(0)], Kind::SameAs(0), subtract_checked),
    Overload::new(&[Kind::AnyTimestamp, Kind::AnyDuration], Kind::SameAs(0), subtract_checked),
    Overload::new(&[Kind::AnyTime, Kind::AnyDuration], Kind::SameAs(0), subtract_checked),
    Overload::new(&[Kind::AnyDuration, Kind::SameAs(0)], Kind::SameAs(0), subtract_checked),
    Overload::new(&[Kind::AnyTimestamp, Kind::AnyTimestamp], Kind::Computed(types::difference), subtract_checked),
    Overload::new(&[Kind::AnyTime, Kind::SameAs(0)], Kind::Computed(types::difference), subtract_checked),
];

const MULTIPLY: &[Overload] = &[
    Overload::new(&[Kind::Null, Kind::Null], Kind::Null, multiply),
    Overload::new(&[Kind::Numeric, Kind::SameAs(0)], Kind::SameAs(0), multiply),
    Overload::new(&[Kind::Float16, Kind::Float16], Kind::Float16, multiply),
    Overload::new(&[Kind::WideDecimal, Kind::WideDecimal], Kind::Computed(types::multiply_decimal), multiply),
    Overload::new(&[Kind::AnyDuration, Kind::Int64], Kind::SameAs(0), multiply),
    Overload::new(&[Kind::Int64, Kind::AnyDuration], Kind::SameAs(1), multiply),
];

const MULTIPLY_CHECKED: &[Overload] = &[
    Overload::new(&[Kind::Null, Kind::Null], Kind::Null, multiply_checked),
    Overload::new(&[Kind::Numeric, Kind::SameAs(0)], Kind::SameAs(0), multiply_checked),
    Overload::new(&[Kind::Float16, Kind::Float16], Kind::Float16, multiply_checked),
    Overload::new(&[Kind::WideDecimal, Kind::WideDecimal], Kind::Computed(types::multiply_decimal), multiply_checked),
    Overload::new(&[Kind::AnyDuration, Kind::Int64], Kind::SameAs(0), multiply_checked),
    Overload::new(&[Kind::Int64, Kind::AnyDuration], Kind::SameAs(1), multiply_checked),
];

const DIVIDE: &[Overload] = &[
    Overload::new(&[Kind::Null, Kind::Null], Kind::Null, divide),
    Overload::new(&[Kind::Numeric, Kind::SameAs(0)], Kind::SameAs(0), divide),
    Overload::new(&[Kind::Float16, Kind::Float16], Kind::Float16, divide),
    Overload::new(&[Kind::WideDecimal, Kind::WideDecimal], Kind::Computed(types::divide_decimal), divide),
    Overload::new(&[Kind::AnyDuration, Kind::Int64], Kind::SameAs(0), divide),
    Overload::new(&[Kind::AnyDuration, Kind::SameAs(0)], Kind::Float64, divide),
];

const DIVIDE_CHECKED: &[Overload] = &[
    Overload::new(&[Kind::Null, Kind::Null], Kind::Null, divide_checked),
    Overload::new(&[Kind::Numeric, Kind::SameAs(0)], Kind::SameAs(0), divide_checked),
    Overload::new(&[Kind::Float16, Kind::Float16], Kind::Float16, divide_checked),
    Overload::new(&[Kind::WideDecimal, Kind::WideDecimal], Kind::Computed(types::divide_decimal), divide_checked),
    Overload::new(&[Kind::AnyDuration, Kind::Int64], Kind::SameAs(0), divide_checked),
    Overload::new(&[Kind::AnyDuration, Kind::SameAs(0)], Kind::Float64, divide_checked),
];

const REMAINDER: &[Overload] = &[
    Overload::new(&[Kind::Null, Kind::Null], Kind::Null, remainder),
    Overload::new(&[Kind::Numeric, Kind::SameAs(0)], Kind::SameAs(0), remainder),
    Overload::new(&[Kind::Float16, Kind::Float16], Kind::Float16, remainder),
    Overload::new(&[Kind::WideDecimal, Kind::SameAs(0)], Kind::SameAs(0), remainder),
];

const REMAINDER_CHECKED: &[Overload] = &[
    Overload::new(&[Kind::Null, Kind::Null], Kind::Null, remainder_checked),
    Overload::new(&[Kind::Numeric, Kind::SameAs(0)], Kind::SameAs(0), remainder_checked),
    Overload::new(&[Kind::Float16, Kind::Float16], Kind::Float16, remainder_checked),
    Overload::new(&[Kind::WideDecimal, Kind::SameAs(0)], Kind::SameAs(0), remainder_checked),
];

const MODULO: &[Overload] = &[
    Overload::new(&[Kind::Null, Kind::Null], Kind::Null, modulo),
    Overload::new(&[Kind::Numeric, Kind::SameAs(0)], Kind::SameAs(0), modulo),
    Overload::new(&[Kind::Float16, Kind::Float16], Kind::Float16, modulo),
    Overload::new(&[Kind::WideDecimal, Kind::SameAs(0)], Kind::SameAs(0), modulo),
];

const MODULO_CHECKED: &[Overload] = &[
    Overload::new(&[Kind::Null, Kind::Null], Kind::Null, modulo_checked),
    Overload::new(&[Kind::Numeric, Kind::SameAs(0)], Kind::SameAs(0), modulo_checked),
    Overload::new(&[Kind::Float16, Kind::Float16], Kind::Float16, modulo_checked),
    Overload::new(&[Kind::WideDecimal, Kind::SameAs(0)], Kind::SameAs(0), modulo_checked),
];

fn add(args: &Args<'_>, output: &mut Output) -> Result<()> {
    kernels::run(args, output, Operation::Add, Mode::Wrapping)
}

fn add_checked(args: &Args<'_>, output: &mut Output) -> Result<()> {
    kernels::run(args, output, Operation::Add, Mode::Checked)
}

fn subtract(args: &Args<'_>, output: &mut Output) -> Result<()> {
    kernels::run(args, output, Operation::Subtract, Mode::Wrapping)
}

fn subtract_checked(args: &Args<'_>, output: &mut Output) -> Result<()> {
    kernels::run(args, output, Operation::Subtract, Mode::Checked)
}

fn multiply(args: &Args<'_>, output: &mut Output) -> Result<()> {
    kernels::run(args, output, Operation::Multiply, Mode::Wrapping)
}

fn multiply_checked(args: &Args<'_>, output: &mut Output) -> Result<()> {
    kernels::run(args, output, Operation::Multiply, Mode::Checked)
}

fn divide(args: &Args<'_>, output: &mut Output) -> Result<()> {
    kernels::run(args, output, Operation::Divide, Mode::Wrapping)
}

fn divide_checked(args: &Args<'_>, output: &mut Output) -> Result<()> {
    kernels::run(args, output, Operation::Divide, Mode::Checked)
}

fn remainder(args: &Args<'_>, output: &mut Output) -> Result<()> {
    kernels::run(args, output, Operation::Remainder, Mode::Wrapping)
}

fn remainder_checked(args: &Args<'_>, output: &mut Output) -> Result<()> {
    kernels::run(args, output, Operation::Remainder, Mode::Checked)
}

fn modulo(args: &Args<'_>, output: &mut Output) -> Result<()> {
    kernels::run(args, output, Operation::Modulo, Mode::Wrapping)
}

fn modulo_checked(args: &Args<'_>, output: &mut Output) -> Result<()> {
    kernels::run(args, output, Operation::Modulo, Mode::Checked)
}
