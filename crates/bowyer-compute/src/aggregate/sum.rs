// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Sums and products.
//!
//! Integers widen to 64 bits and wrap, floats to 64 bits, decimals to the greatest precision of their width. A decimal
//! sum that does not fit fails, where pyarrow wraps it. Float sums differ in their last bits with the order in which
//! partial sums are added: by block within a batch, by batch, by task.

use arrow_buffer::{ArrowNativeType, i256};
use arrow_schema::{DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType};
use bowyer_core::{Error, Result};

use super::fold::{Steps, fold, fold_in_order};
use super::presence::{MIN_COUNT_ONE, SKIP_NULLS};
use super::whole_sum::whole_sum;
use super::{Accumulator, AggregateContext};
use crate::{Coercion, Example, Function, Kind, Options, Overload};

pub(crate) const FAMILY: &[Function] = &[
    Function::aggregate("sum")
        .aliases(&["hash_sum"])
        .summary("Adds the values up.")
        .notes(
            "Integers are added in 64 bits and wrap around; sum_checked fails instead. Decimals get the greatest \
             precision of their width and fail when that is passed.",
        )
        .args(&["values"])
        .options(&[SKIP_NULLS, MIN_COUNT_ONE])
        .examples(&[
            Example::new(&["int32 [1, null, 3]"], "scalar int64 4"),
            Example::new(&["int32 []"], "scalar int64 null"),
            Example::new(&["int32 []"], "scalar int64 0").with(&[("min_count", "0")]),
        ])
        .fallible_for(|types, _| types[0].is_decimal())
        .coercion(Coercion::Custom(null_as_integer))
        .overloads(&sums(sum)),
    Function::aggregate("sum_checked")
        .summary("Adds the values up and fails when the sum does not fit its type.")
        .args(&["values"])
        .options(&[SKIP_NULLS, MIN_COUNT_ONE])
        .examples(&[Example::new(&["int8 [100, 100]"], "scalar int64 200")])
        .fallible()
        .coercion(Coercion::Custom(null_as_integer))
        .overloads(&sums(sum_checked)),
    Function::aggregate("product")
        .aliases(&["hash_product"])
        .summary("Multiplies the values.")
        .notes(
            "Integers are multiplied in 64 bits and wrap around. Decimals keep their type and fail when it is passed.",
        )
        .args(&["values"])
        .options(&[SKIP_NULLS, MIN_COUNT_ONE])
        .examples(&[Example::new(&["int32 [2, null, 3]"], "scalar int64 6")])
        .fallible_for(|types, _| types[0].is_decimal())
        .coercion(Coercion::Custom(null_as_integer))
        .overloads(&[
            Overload::aggregate(&[Kind::AnySigned], Kind::Int64, product),
            Overload::aggregate(&[Kind::AnyUnsigned], Kind::UInt64, product),
            Overload::aggregate(&[Kind::Boolean], Kind::UInt64, product),
            Overload::aggregate(&[Kind::AnyFloat], Kind::Float64, product),
            Overload::aggregate(&[Kind::AnyDecimal], Kind::SameAs(0), product),
        ]),
];

type New = fn(&AggregateContext<'_>) -> Result<Box<dyn Accumulator>>;

const fn sums(new: New) -> [Overload; 5] {
    [
        Overload::aggregate(&[Kind::AnySigned], Kind::Int64, new),
        Overload::aggregate(&[Kind::AnyUnsigned], Kind::UInt64, new),
        Overload::aggregate(&[Kind::Boolean], Kind::UInt64, new),
        Overload::aggregate(&[Kind::AnyFloat], Kind::Float64, new),
        Overload::aggregate(&[Kind::AnyDecimal], Kind::Computed(widest_decimal), new),
    ]
}

/// Nothing but nulls is summed as integers.
pub(super) fn null_as_integer(types: &[DataType]) -> Option<Vec<DataType>> {
    types.first().is_some_and(DataType::is_null).then(|| vec![DataType::Int64])
}

fn widest_decimal(types: &[DataType], _: &Options) -> Result<DataType> {
    match types {
        [DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale)] => {
            Ok(DataType::Decimal128(DECIMAL128_MAX_PRECISION, *scale))
        }
        [DataType::Decimal256(_, scale)] => Ok(DataType::Decimal256(DECIMAL256_MAX_PRECISION, *scale)),
        _ => Err(Error::internal("a decimal sum of something else")),
    }
}

/// A sum that wraps, of values that `widen` to the state.
macro_rules! wrapping {
    ($context:expr, $input:ty => $state:ty, $identity:expr, $combine:ident) => {
        fold::<$input, $state, _, _>(
            $context,
            Steps {
                identity: $identity,
                step: |state: $state, value: $input| (state.$combine(value as $state), false),
                merge: |state: $state, other: $state| (state.$combine(other), false),
                holds: |_| true,
            },
        )
    };
}

macro_rules! checked {
    ($context:expr, $input:ty => $state:ty, $identity:expr, $combine:ident, $holds:expr) => {
        fold::<$input, $state, _, _>(
            $context,
            Steps {
                identity: $identity,
                step: |state: $state, value: $input| or_overflow(state, state.$combine(<$state>::from(value))),
                merge: |state: $state, other: $state| or_overflow(state, state.$combine(other)),
                holds: $holds,
            },
        )
    };
}

/// The result, or the state as it was and that it overflowed.
#[inline]
fn or_overflow<S>(state: S, next: Option<S>) -> (S, bool) {
    match next {
        Some(next) => (next, false),
        None => (state, true),
    }
}

fn sum_floats<I: ArrowNativeType>(
    context: &AggregateContext<'_>,
    widen: impl Fn(I) -> f64 + Copy + Send + 'static,
) -> Result<Box<dyn Accumulator>> {
    fold::<I, f64, _, _>(
        context,
        Steps {
            identity: 0.0,
            step: move |state: f64, value: I| (state + widen(value), false),
            merge: |state: f64, other: f64| (state + other, false),
            holds: |_| true,
        },
    )
}

fn sum(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    match &context.types[0] {
        DataType::Int8 => wrapping!(context, i8 => i64, 0, wrapping_add),
        DataType::Int16 => wrapping!(context, i16 => i64, 0, wrapping_add),
        DataType::Int32 => wrapping!(context, i32 => i64, 0, wrapping_add),
        DataType::Int64 => wrapping!(context, i64 => i64, 0, wrapping_add),
        DataType::UInt8 | DataType::Boolean => wrapping!(context, u8 => u64, 0, wrapping_add),
        DataType::UInt16 => wrapping!(context, u16 => u64, 0, wrapping_add),
        DataType::UInt32 => wrapping!(context, u32 => u64, 0, wrapping_add),
        DataType::UInt64 => wrapping!(context, u64 => u64, 0, wrapping_add),
        _ => sum_checked(context),
    }
}

/// Whether a decimal of 128 bits has at most 38 digits.
fn holds_128(value: i128) -> bool {
    value.unsigned_abs() < 10_u128.pow(38)
}

/// Whether a decimal of 256 bits has at most 76 digits.
fn holds_256(value: i256) -> bool {
    let limit = i256::from_i128(10).checked_pow(76).unwrap_or(i256::MAX);
    value < limit && value.wrapping_neg() < limit
}

fn sum_checked(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    match &context.types[0] {
        DataType::Int8 => whole_sum::<i8, i64>(context),
        DataType::Int16 => whole_sum::<i16, i64>(context),
        DataType::Int32 => whole_sum::<i32, i64>(context),
        DataType::Int64 => whole_sum::<i64, i64>(context),
        DataType::UInt8 | DataType::Boolean => whole_sum::<u8, u64>(context),
        DataType::UInt16 => whole_sum::<u16, u64>(context),
        DataType::UInt32 => whole_sum::<u32, u64>(context),
        DataType::UInt64 => whole_sum::<u64, u64>(context),
        DataType::Float16 => sum_floats(context, half::f16::to_f64),
        DataType::Float32 => sum_floats(context, |value: f32| f64::from(value)),
        DataType::Float64 => sum_floats(context, |value: f64| value),
        DataType::Decimal32(..) => checked!(context, i32 => i128, 0, checked_add, holds_128),
        DataType::Decimal64(..) => checked!(context, i64 => i128, 0, checked_add, holds_128),
        DataType::Decimal128(..) => checked!(context, i128 => i128, 0, checked_add, holds_128),
        DataType::Decimal256(..) => checked!(context, i256 => i256, i256::ZERO, checked_add, holds_256),
        other => Err(unsupported("sum", other)),
    }
}

fn product(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    fn floats<I: ArrowNativeType>(
        context: &AggregateContext<'_>,
        widen: impl Fn(I) -> f64 + Copy + Send + 'static,
    ) -> Result<Box<dyn Accumulator>> {
        fold::<I, f64, _, _>(
            context,
            Steps {
                identity: 1.0,
                step: move |state: f64, value: I| (state * widen(value), false),
                merge: |state: f64, other: f64| (state * other, false),
                holds: |_| true,
            },
        )
    }
    match &context.types[0] {
        DataType::Int8 => wrapping!(context, i8 => i64, 1, wrapping_mul),
        DataType::Int16 => wrapping!(context, i16 => i64, 1, wrapping_mul),
        DataType::Int32 => wrapping!(context, i32 => i64, 1, wrapping_mul),
        DataType::Int64 => wrapping!(context, i64 => i64, 1, wrapping_mul),
        DataType::UInt8 | DataType::Boolean => wrapping!(context, u8 => u64, 1, wrapping_mul),
        DataType::UInt16 => wrapping!(context, u16 => u64, 1, wrapping_mul),
        DataType::UInt32 => wrapping!(context, u32 => u64, 1, wrapping_mul),
        DataType::UInt64 => wrapping!(context, u64 => u64, 1, wrapping_mul),
        DataType::Float16 => floats(context, half::f16::to_f64),
        DataType::Float32 => floats(context, |value: f32| f64::from(value)),
        DataType::Float64 => floats(context, |value: f64| value),
        DataType::Decimal32(_, scale @ 0..) => product_decimal::<i32>(context, *scale, 9),
        DataType::Decimal64(_, scale @ 0..) => product_decimal::<i64>(context, *scale, 18),
        DataType::Decimal128(_, scale @ 0..) => product_decimal::<i128>(context, *scale, 38),
        DataType::Decimal256(_, scale @ 0..) => product_wide(context, *scale),
        other => Err(unsupported("product", other)),
    }
}

/// The product of decimals of up to 128 bits, each step rounded to the scale, halves away from zero.
fn product_decimal<I>(context: &AggregateContext<'_>, scale: i8, digits: u32) -> Result<Box<dyn Accumulator>>
where
    I: ArrowNativeType + TryFrom<i128>,
    i128: From<I>,
{
    let one = 10_i128.pow(u32::from(scale.unsigned_abs()));
    let identity = I::try_from(one).map_err(|_| Error::overflow("one does not fit the type"))?;
    let limit = 10_u128.pow(digits);
    let multiply = move |state: I, value: I| {
        let (unit, half) = (i256::from_i128(one), i256::from_i128(one / 2));
        let wide = i256::from_i128(state.into()).wrapping_mul(i256::from_i128(value.into()));
        let shifted = if wide.is_negative() { wide.wrapping_sub(half) } else { wide.wrapping_add(half) };
        let product =
            shifted.checked_div(unit).and_then(i256::to_i128).filter(|product| product.unsigned_abs() < limit);
        let product = product.and_then(|product| I::try_from(product).ok());
        or_overflow(state, product)
    };
    fold_in_order::<I, I, _, _>(context, Steps { identity, step: multiply, merge: multiply, holds: |_| true })
}

/// The product of decimals of 256 bits. What lies before and behind the point is multiplied apart, so that no product is
/// wider than the result while the scale is at most 38.
fn product_wide(context: &AggregateContext<'_>, scale: i8) -> Result<Box<dyn Accumulator>> {
    let unit = i256::from_i128(10).wrapping_pow(u32::from(scale.unsigned_abs()));
    let half = unit.wrapping_div(i256::from_i128(2));
    let product = move |state: i256, value: i256| {
        let (whole, part) = (value.checked_div(unit)?, value.checked_rem(unit)?);
        let (state_whole, state_part) = (state.checked_div(unit)?, state.checked_rem(unit)?);
        let small = state_part.checked_mul(part)?;
        let rounded = if small.is_negative() { small.checked_sub(half)? } else { small.checked_add(half)? };
        state.checked_mul(whole)?.checked_add(state_whole.checked_mul(part)?)?.checked_add(rounded.checked_div(unit)?)
    };
    let multiply = move |state: i256, value: i256| or_overflow(state, product(state, value));
    fold_in_order::<i256, i256, _, _>(
        context,
        Steps { identity: unit, step: multiply, merge: multiply, holds: holds_256 },
    )
}

#[cold]
pub(super) fn unsupported(what: &str, data_type: &DataType) -> Error {
    Error::not_implemented(format!("{what} of {data_type}"))
}
