// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The loops of arithmetic: one for each operation and native type.

use arrow_array::ArrowNativeTypeOp;
use arrow_buffer::{ArrowNativeType, i256};
use arrow_schema::DataType;
use bowyer_core::arity::{Lanes, binary, try_binary};
use bowyer_core::dispatch::unsupported;
use bowyer_core::{Column, Error, Output, Result, with_native};

use crate::Args;
use crate::coercion::{decimal_parts, ticks_per_second};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Modulo,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// What does not fit wraps around.
    Wrapping,
    /// What does not fit fails.
    Checked,
}

/// Chooses the loop by the types that the binding settled.
pub(super) fn run(args: &Args<'_>, output: &mut Output, operation: Operation, mode: Mode) -> Result<()> {
    let (a, b) = (args.column(0), args.column(1));
    match (a.data_type(), b.data_type(), output.data_type().clone()) {
        (DataType::Null, ..) => Ok(()),
        (DataType::Duration(_), DataType::Duration(_), DataType::Float64) if mode == Mode::Checked => {
            let divide = |a: i64, b: i64| (a as f64 / b as f64, b == 0);
            try_binary(&Lanes::<i64>::of(a)?, &Lanes::<i64>::of(b)?, output, divide, |_, _| by_zero())
        }
        (DataType::Duration(_), DataType::Duration(_), DataType::Float64) => {
            binary(&Lanes::<i64>::of(a)?, &Lanes::<i64>::of(b)?, output, |a, b| a as f64 / b as f64)
        }
        (DataType::Time32(_) | DataType::Time64(_), DataType::Duration(_), to) => {
            time_of_day(a, b, output, operation, &to)
        }
        (DataType::Duration(_), DataType::Time32(_) | DataType::Time64(_), to) => {
            time_of_day(b, a, output, operation, &to)
        }
        (DataType::Time32(_), DataType::Time32(_), _) => {
            binary(&Lanes::<i32>::of(a)?, &Lanes::<i32>::of(b)?, output, |a, b| i64::from(a) - i64::from(b))
        }
        (a_type, _, to) if a_type.is_decimal() && operation == Operation::Divide => {
            let scale = |data_type: &DataType| decimal_parts(data_type).map_or(0, |(_, scale)| i32::from(scale));
            let shift = scale(&to) - scale(a_type) + scale(b.data_type());
            decimal_quotient(a, b, output, shift.unsigned_abs())
        }
        // Decimals have room for every result of sums and products: their types saw to it.
        (a_type, _, _) if a_type.is_decimal() => {
            with_native!(a_type, T => numbers::<T>(a, b, output, operation, Mode::Wrapping))
        }
        (a_type, _, _) => with_native!(a_type, T => numbers::<T>(a, b, output, operation, mode)),
    }
}

fn numbers<T>(a: &Column, b: &Column, output: &mut Output, operation: Operation, mode: Mode) -> Result<()>
where
    T: ArrowNativeType + ArrowNativeTypeOp,
{
    let is_float = a.data_type().is_floating();
    let (a, b) = (Lanes::<T>::of(a)?, Lanes::<T>::of(b)?);
    let checked = mode == Mode::Checked && !is_float;
    match (operation, checked) {
        (Operation::Add, false) => binary(&a, &b, output, T::add_wrapping),
        (Operation::Subtract, false) => binary(&a, &b, output, T::sub_wrapping),
        (Operation::Multiply, false) => binary(&a, &b, output, T::mul_wrapping),
        (Operation::Add, true) => try_binary(&a, &b, output, add_checked, overflow),
        (Operation::Subtract, true) => try_binary(&a, &b, output, subtract_checked, overflow),
        (Operation::Multiply, true) => try_binary(&a, &b, output, multiply_checked, overflow),
        _ if is_float => float_quotients(&a, &b, output, operation, mode),
        _ => integer_quotients(&a, &b, output, operation, mode),
    }
}

/// A sum wraps when it moves against the sign of what is added; there is no sign that an unsigned could move against.
#[inline(always)]
fn add_checked<T: ArrowNativeTypeOp>(a: T, b: T) -> (T, bool) {
    let sum = a.add_wrapping(b);
    (sum, (sum < a) != (b < T::ZERO))
}

#[inline(always)]
fn subtract_checked<T: ArrowNativeTypeOp>(a: T, b: T) -> (T, bool) {
    let difference = a.sub_wrapping(b);
    (difference, (difference > a) != (b < T::ZERO))
}

#[inline(always)]
fn multiply_checked<T: ArrowNativeTypeOp>(a: T, b: T) -> (T, bool) {
    a.mul_checked(b).map_or((T::ZERO, true), |product| (product, false))
}

#[cold]
pub(crate) fn overflow<T>(_: T, _: T) -> Error {
    Error::overflow("the result does not fit its type")
}

#[cold]
fn by_zero() -> Error {
    Error::divide_by_zero("division by zero")
}

fn quotient_error<T: ArrowNativeTypeOp>(a: T, b: T) -> Error {
    if b.is_zero() { by_zero() } else { overflow(a, b) }
}

fn integer_quotients<T>(a: &Lanes<T>, b: &Lanes<T>, output: &mut Output, operation: Operation, mode: Mode) -> Result<()>
where
    T: ArrowNativeType + ArrowNativeTypeOp,
{
    let minus_one = T::ZERO.sub_wrapping(T::ONE);
    let signed = minus_one < T::ZERO;
    // The smallest integer by -1 is the one quotient that does not fit; it counts as 0 where it is no failure.
    let wraps = move |a: T, b: T| signed && b == minus_one && !a.is_zero() && a.neg_wrapping() == a;
    let guarded = move |a: T, b: T, f: fn(T, T) -> T| {
        if b.is_zero() {
            (T::ZERO, true)
        } else if wraps(a, b) {
            (T::ZERO, mode == Mode::Checked)
        } else {
            (f(a, b), false)
        }
    };
    match operation {
        Operation::Divide => try_binary(a, b, output, |a, b| guarded(a, b, T::div_wrapping), quotient_error),
        Operation::Modulo => try_binary(a, b, output, |a, b| guarded(a, b, floored), quotient_error),
        _ => try_binary(a, b, output, |a, b| guarded(a, b, T::mod_wrapping), quotient_error),
    }
}

/// The remainder with the sign of the divisor, a zero too.
#[inline(always)]
fn floored<T: ArrowNativeTypeOp>(a: T, b: T) -> T {
    let rest = a.mod_wrapping(b);
    if rest == T::ZERO {
        return if b < T::ZERO { T::ZERO.neg_wrapping() } else { T::ZERO };
    }
    if (rest < T::ZERO) != (b < T::ZERO) { rest.add_wrapping(b) } else { rest }
}

fn float_quotients<T>(a: &Lanes<T>, b: &Lanes<T>, output: &mut Output, operation: Operation, mode: Mode) -> Result<()>
where
    T: ArrowNativeType + ArrowNativeTypeOp,
{
    let f = match operation {
        Operation::Divide => T::div_wrapping,
        Operation::Modulo => floored,
        _ => T::mod_wrapping,
    };
    if mode == Mode::Wrapping {
        return match operation {
            // Named once more so that the loop can be vectorised.
            Operation::Divide => binary(a, b, output, T::div_wrapping),
            _ => binary(a, b, output, f),
        };
    }
    try_binary(a, b, output, |a, b| (f(a, b), b.is_zero()), |_, _| by_zero())
}

/// A quotient of decimals, truncated: the dividend is moved up by `shift` digits first, for which its type has room.
fn decimal_quotient(a: &Column, b: &Column, output: &mut Output, shift: u32) -> Result<()> {
    match output.data_type() {
        DataType::Decimal128(..) => quotient(&Lanes::<i128>::of(a)?, &Lanes::of(b)?, output, 10i128.pow(shift.min(38))),
        DataType::Decimal256(..) => {
            let power = i256::from_i128(10).wrapping_pow(shift.min(76));
            quotient(&Lanes::<i256>::of(a)?, &Lanes::of(b)?, output, power)
        }
        other => unsupported(other),
    }
}

fn quotient<T>(a: &Lanes<T>, b: &Lanes<T>, output: &mut Output, power: T) -> Result<()>
where
    T: ArrowNativeType + ArrowNativeTypeOp,
{
    let divide = |a: T, b: T| {
        let zero = b.is_zero();
        (a.mul_wrapping(power).div_wrapping(if zero { T::ONE } else { b }), zero)
    };
    try_binary(a, b, output, divide, |_, _| by_zero())
}

/// A time of day moved by a duration: it must stay within the day.
fn time_of_day(
    time: &Column,
    duration: &Column,
    output: &mut Output,
    operation: Operation,
    data_type: &DataType,
) -> Result<()> {
    let (DataType::Time32(unit) | DataType::Time64(unit)) = data_type else { return unsupported(data_type) };
    let day = 86_400 * ticks_per_second(*unit);
    let moved = move |time: i64, duration: i64| {
        let (moved, wrapped) = match operation {
            Operation::Subtract => time.overflowing_sub(duration),
            _ => time.overflowing_add(duration),
        };
        (moved, wrapped || !(0..day).contains(&moved))
    };
    let outside = || Error::invalid_data("the time of day is not within 24 hours");
    let durations = Lanes::<i64>::of(duration)?;
    if let DataType::Time32(_) = data_type {
        let narrow = |time: i32, duration: i64| {
            let (moved, failed) = moved(i64::from(time), duration);
            (moved as i32, failed)
        };
        return try_binary(&Lanes::<i32>::of(time)?, &durations, output, narrow, |_, _| outside());
    }
    try_binary(&Lanes::<i64>::of(time)?, &durations, output, moved, |_, _| outside())
}
