// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Integers as bits.
//!
//! Both arguments are cast to their common integer type first. A shift by less than zero or by more places than the
//! value has digits (31 for int32, 32 for uint32) leaves it unchanged, and fails in the forms called `_checked`; bits
//! that are shifted out are lost in both.

use std::ops::{BitAnd, BitOr, BitXor, Not, Shl, Shr};

use arrow_buffer::ArrowNativeType;
use arrow_schema::DataType;
use bowyer_core::arity::{Lanes, binary, try_binary, unary};
use bowyer_core::{Column, Error, Output, Result, with_integers};

use crate::{Args, Coercion, Example, Function, Kind, Overload};

/// `bit_wise_and` and its kin, and shifts.
pub const FAMILY: &[Function] = &[
    Function::scalar("bit_wise_and")
        .summary("Gives the bits that are set in both values.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int32 [12, null]", "int32 [10, 1]"], "int32 [8, null]")])
        .coercion(Coercion::Common(0))
        .overloads(&[
            Overload::new(&[Kind::Null, Kind::Null], Kind::Null, bit_wise_and),
            Overload::new(&[Kind::AnyInteger, Kind::SameAs(0)], Kind::SameAs(0), bit_wise_and),
        ]),
    Function::scalar("bit_wise_or")
        .summary("Gives the bits that are set in either value.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int32 [12, null]", "int32 [10, 1]"], "int32 [14, null]")])
        .coercion(Coercion::Common(0))
        .overloads(&[
            Overload::new(&[Kind::Null, Kind::Null], Kind::Null, bit_wise_or),
            Overload::new(&[Kind::AnyInteger, Kind::SameAs(0)], Kind::SameAs(0), bit_wise_or),
        ]),
    Function::scalar("bit_wise_xor")
        .summary("Gives the bits that are set in exactly one of two values.")
        .args(&["a", "b"])
        .examples(&[Example::new(&["int32 [12, null]", "int32 [10, 1]"], "int32 [6, null]")])
        .coercion(Coercion::Common(0))
        .overloads(&[
            Overload::new(&[Kind::Null, Kind::Null], Kind::Null, bit_wise_xor),
            Overload::new(&[Kind::AnyInteger, Kind::SameAs(0)], Kind::SameAs(0), bit_wise_xor),
        ]),
    Function::scalar("bit_wise_not")
        .summary("Gives the bits that are not set.")
        .args(&["value"])
        .examples(&[Example::new(&["int8 [5, -1, null]"], "int8 [-6, 0, null]")])
        .overloads(&[
            Overload::new(&[Kind::Null], Kind::Null, bit_wise_not),
            Overload::new(&[Kind::AnyInteger], Kind::SameAs(0), bit_wise_not),
        ]),
    Function::scalar("bit_count")
        .summary("Counts the bits that are set.")
        .notes("Of a negative number in two's complement.")
        .args(&["value"])
        .examples(&[Example::new(&["int8 [5, -1, null]"], "int32 [2, 8, null]")])
        .overloads(&[
            Overload::new(&[Kind::Null], Kind::Int32, bit_count),
            Overload::new(&[Kind::AnyInteger], Kind::Int32, bit_count),
        ]),
    Function::scalar("shift_left")
        .summary("Moves bits to the left: doubles as many times as the second value says.")
        .notes("A distance out of range leaves the value unchanged.")
        .args(&["value", "distance"])
        .examples(&[Example::new(&["int32 [3, null]", "int32 [2, 1]"], "int32 [12, null]")])
        .coercion(Coercion::Common(0))
        .overloads(&[
            Overload::new(&[Kind::Null, Kind::Null], Kind::Null, shift_left),
            Overload::new(&[Kind::AnyInteger, Kind::SameAs(0)], Kind::SameAs(0), shift_left),
        ]),
    Function::scalar("shift_left_checked")
        .summary("Moves bits to the left: doubles as many times as the second value says.")
        .notes("Fails for a distance out of range.")
        .args(&["value", "distance"])
        .examples(&[Example::new(&["int32 [3, null]", "int32 [2, 1]"], "int32 [12, null]")])
        .fallible()
        .coercion(Coercion::Common(0))
        .overloads(&[
            Overload::new(&[Kind::Null, Kind::Null], Kind::Null, shift_left_checked),
            Overload::new(&[Kind::AnyInteger, Kind::SameAs(0)], Kind::SameAs(0), shift_left_checked),
        ]),
    Function::scalar("shift_right")
        .summary("Moves bits to the right: halves as many times as the second value says, keeping the sign.")
        .notes("A distance out of range leaves the value unchanged.")
        .args(&["value", "distance"])
        .examples(&[Example::new(&["int32 [3, null]", "int32 [2, 1]"], "int32 [0, null]")])
        .coercion(Coercion::Common(0))
        .overloads(&[
            Overload::new(&[Kind::Null, Kind::Null], Kind::Null, shift_right),
            Overload::new(&[Kind::AnyInteger, Kind::SameAs(0)], Kind::SameAs(0), shift_right),
        ]),
    Function::scalar("shift_right_checked")
        .summary("Moves bits to the right: halves as many times as the second value says, keeping the sign.")
        .notes("Fails for a distance out of range.")
        .args(&["value", "distance"])
        .examples(&[Example::new(&["int32 [3, null]", "int32 [2, 1]"], "int32 [0, null]")])
        .fallible()
        .coercion(Coercion::Common(0))
        .overloads(&[
            Overload::new(&[Kind::Null, Kind::Null], Kind::Null, shift_right_checked),
            Overload::new(&[Kind::AnyInteger, Kind::SameAs(0)], Kind::SameAs(0), shift_right_checked),
        ]),
];

fn bit_wise_and(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let (a, b) = (args.column(0), args.column(1));
    match a.data_type() {
        DataType::Null => Ok(()),
        data_type => {
            with_integers!(data_type, T => binary(&Lanes::<T>::of(a)?, &Lanes::<T>::of(b)?, output, T::bitand))
        }
    }
}

fn bit_wise_or(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let (a, b) = (args.column(0), args.column(1));
    match a.data_type() {
        DataType::Null => Ok(()),
        data_type => with_integers!(data_type, T => binary(&Lanes::<T>::of(a)?, &Lanes::<T>::of(b)?, output, T::bitor)),
    }
}

fn bit_wise_xor(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let (a, b) = (args.column(0), args.column(1));
    match a.data_type() {
        DataType::Null => Ok(()),
        data_type => {
            with_integers!(data_type, T => binary(&Lanes::<T>::of(a)?, &Lanes::<T>::of(b)?, output, T::bitxor))
        }
    }
}

fn bit_wise_not(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let value = args.column(0);
    match value.data_type() {
        DataType::Null => Ok(()),
        data_type => with_integers!(data_type, T => unary(&Lanes::<T>::of(value)?, output, T::not)),
    }
}

fn bit_count(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let value = args.column(0);
    match value.data_type() {
        DataType::Null => output.fixed::<i32>().map(|lanes| lanes.fill(0)),
        data_type => {
            with_integers!(data_type, T => unary(&Lanes::<T>::of(value)?, output, |value: T| value.count_ones() as i32))
        }
    }
}

fn shift_left(args: &Args<'_>, output: &mut Output) -> Result<()> {
    shift(args, output, Direction::Left, false)
}

fn shift_left_checked(args: &Args<'_>, output: &mut Output) -> Result<()> {
    shift(args, output, Direction::Left, true)
}

fn shift_right(args: &Args<'_>, output: &mut Output) -> Result<()> {
    shift(args, output, Direction::Right, false)
}

fn shift_right_checked(args: &Args<'_>, output: &mut Output) -> Result<()> {
    shift(args, output, Direction::Right, true)
}

#[derive(Clone, Copy)]
enum Direction {
    Left,
    Right,
}

fn shift(args: &Args<'_>, output: &mut Output, direction: Direction, checked: bool) -> Result<()> {
    let (value, distance) = (args.column(0), args.column(1));
    match value.data_type() {
        DataType::Null => Ok(()),
        data_type => with_integers!(data_type, T => shift_lanes::<T>(value, distance, output, direction, checked)),
    }
}

fn shift_lanes<T>(
    value: &Column,
    distance: &Column,
    output: &mut Output,
    direction: Direction,
    checked: bool,
) -> Result<()>
where
    T: ArrowNativeType + Shl<u32, Output = T> + Shr<u32, Output = T>,
{
    let digits = 8 * size_of::<T>() - usize::from(value.data_type().is_signed_integer());
    let shifted = |value: T, distance: T| match distance.to_usize().filter(|&distance| distance < digits) {
        None => (value, checked),
        Some(distance) => match direction {
            Direction::Left => (value << distance as u32, false),
            Direction::Right => (value >> distance as u32, false),
        },
    };
    let error = |_, _| Error::invalid_data(format!("the distance of a shift is not between 0 and {}", digits - 1));
    try_binary(&Lanes::<T>::of(value)?, &Lanes::of(distance)?, output, shifted, error)
}
