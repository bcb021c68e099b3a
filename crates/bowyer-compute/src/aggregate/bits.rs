// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Integers of a group combined bit by bit.
//!
//! Bits know no sign, so that values are folded as unsigned integers of their width.

use std::ops::{BitAnd, BitOr, BitXor, Not};

use arrow_buffer::ArrowNativeType;
use bowyer_core::{Error, Result};

use super::fold::{Steps, fold};
use super::presence::{MIN_COUNT_ONE, SKIP_NULLS};
use super::{Accumulator, AggregateContext};
use crate::{Example, Function, Kind, Overload};

pub(crate) const FAMILY: &[Function] = &[
    Function::aggregate("bit_and")
        .summary("Gives the bits that all values have.")
        .args(&["values"])
        .options(&[SKIP_NULLS, MIN_COUNT_ONE])
        .examples(&[Example::new(&["int32 [7, null, 12]"], "scalar int32 4")])
        .overloads(&[Overload::aggregate(&[Kind::AnyInteger], Kind::SameAs(0), |context| {
            by_width(context, Bits::And)
        })]),
    Function::aggregate("bit_or")
        .summary("Gives the bits that any value has.")
        .args(&["values"])
        .options(&[SKIP_NULLS, MIN_COUNT_ONE])
        .examples(&[Example::new(&["int32 [3, null, 12]"], "scalar int32 15")])
        .overloads(&[Overload::aggregate(&[Kind::AnyInteger], Kind::SameAs(0), |context| by_width(context, Bits::Or))]),
    Function::aggregate("bit_xor")
        .summary("Gives the bits that an odd number of values has.")
        .args(&["values"])
        .options(&[SKIP_NULLS, MIN_COUNT_ONE])
        .examples(&[Example::new(&["int32 [6, null, 12]"], "scalar int32 10")])
        .overloads(&[Overload::aggregate(&[Kind::AnyInteger], Kind::SameAs(0), |context| {
            by_width(context, Bits::Xor)
        })]),
];

#[derive(Clone, Copy)]
enum Bits {
    And,
    Or,
    Xor,
}

fn by_width(context: &AggregateContext<'_>, bits: Bits) -> Result<Box<dyn Accumulator>> {
    match context.output_type.primitive_width() {
        Some(1) => combined::<u8>(context, bits),
        Some(2) => combined::<u16>(context, bits),
        Some(4) => combined::<u32>(context, bits),
        Some(8) => combined::<u64>(context, bits),
        _ => Err(Error::internal(format!("{} is no integer", context.output_type))),
    }
}

fn combined<T>(context: &AggregateContext<'_>, bits: Bits) -> Result<Box<dyn Accumulator>>
where
    T: ArrowNativeType + Not<Output = T> + BitAnd<Output = T> + BitOr<Output = T> + BitXor<Output = T>,
{
    let none = T::default();
    match bits {
        Bits::And => folded(context, !none, |held: T, value| held & value),
        Bits::Or => folded(context, none, |held: T, value| held | value),
        Bits::Xor => folded(context, none, |held: T, value| held ^ value),
    }
}

fn folded<T: ArrowNativeType>(
    context: &AggregateContext<'_>,
    identity: T,
    combine: impl Fn(T, T) -> T + Copy + Send + 'static,
) -> Result<Box<dyn Accumulator>> {
    let step = move |held, value| (combine(held, value), false);
    fold::<T, T, _, _>(context, Steps { identity, step, merge: step, holds: |_| true })
}
