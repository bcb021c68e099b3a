// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The least and the greatest value.
//!
//! A NaN is left out unless there is nothing else. Strings and binary values compare by their bytes.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StructArray, make_array, new_null_array};
use arrow_buffer::{ArrowNativeType, NullBuffer, i256};
use arrow_data::ArrayData;
use arrow_schema::{DataType, Field, IntervalUnit};
use bowyer_core::{Charge, Column, Error, Result};
use half::f16;

use super::fold::{Steps, fold_by};
use super::input::{Input, same};
use super::presence::{MIN_COUNT_ONE, NullRule, Presence, SKIP_NULLS};
use super::sum::unsupported;
use super::{Accumulator, AggregateContext, Groups};
use crate::{Example, Function, Kind, Options, Overload};

pub(crate) const FAMILY: &[Function] = &[
    Function::aggregate("min")
        .aliases(&["hash_min"])
        .summary("Finds the least value.")
        .notes("A NaN is left out unless there is nothing else. Strings compare by their bytes.")
        .args(&["values"])
        .options(&[SKIP_NULLS, MIN_COUNT_ONE])
        .examples(&[Example::new(&["int32 [3, null, 2]"], "scalar int32 2")])
        .overloads(&extremes(min)),
    Function::aggregate("max")
        .aliases(&["hash_max"])
        .summary("Finds the greatest value.")
        .notes("A NaN is left out unless there is nothing else. Strings compare by their bytes.")
        .args(&["values"])
        .options(&[SKIP_NULLS, MIN_COUNT_ONE])
        .examples(&[Example::new(&["string [\"b\", \"a\"]"], "scalar string \"b\"")])
        .overloads(&extremes(max)),
    Function::aggregate("min_max")
        .aliases(&["hash_min_max"])
        .summary("Finds the least and the greatest value.")
        .notes("The result is a struct of both. A NaN is left out unless there is nothing else.")
        .args(&["values"])
        .options(&[SKIP_NULLS, MIN_COUNT_ONE])
        .examples(&[Example::new(&["int32 [3, 1, 2]"], "scalar struct<min: int32, max: int32> {min: 1, max: 3}")])
        .overloads(&[
            Overload::aggregate(&[Kind::Null], Kind::Computed(pair_type), min_max),
            Overload::aggregate(&[Kind::Boolean], Kind::Computed(pair_type), min_max),
            Overload::aggregate(&[Kind::AnyInteger], Kind::Computed(pair_type), min_max),
            Overload::aggregate(&[Kind::AnyFloat], Kind::Computed(pair_type), min_max),
            Overload::aggregate(&[Kind::AnyDecimal], Kind::Computed(pair_type), min_max),
            Overload::aggregate(&[Kind::Temporal], Kind::Computed(pair_type), min_max),
            Overload::aggregate(&[Kind::AnyBytes], Kind::Computed(pair_type), min_max),
            Overload::aggregate(&[Kind::FixedSizeBinary], Kind::Computed(pair_type), min_max),
        ]),
];

type New = fn(&AggregateContext<'_>) -> Result<Box<dyn Accumulator>>;

const fn extremes(new: New) -> [Overload; 8] {
    [
        Overload::aggregate(&[Kind::Null], Kind::SameAs(0), new),
        Overload::aggregate(&[Kind::Boolean], Kind::SameAs(0), new),
        Overload::aggregate(&[Kind::AnyInteger], Kind::SameAs(0), new),
        Overload::aggregate(&[Kind::AnyFloat], Kind::SameAs(0), new),
        Overload::aggregate(&[Kind::AnyDecimal], Kind::SameAs(0), new),
        Overload::aggregate(&[Kind::Temporal], Kind::SameAs(0), new),
        Overload::aggregate(&[Kind::AnyBytes], Kind::SameAs(0), new),
        Overload::aggregate(&[Kind::FixedSizeBinary], Kind::SameAs(0), new),
    ]
}

fn pair_type(types: &[DataType], _: &Options) -> Result<DataType> {
    let value = types.first().ok_or_else(|| Error::internal("min_max without its argument"))?;
    Ok(DataType::Struct(vec![Field::new("min", value.clone(), true), Field::new("max", value.clone(), true)].into()))
}

fn min(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    extreme(context, Extreme::Least)
}

fn max(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    extreme(context, Extreme::Greatest)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Extreme {
    Least,
    Greatest,
}

fn fold_extreme<T: ArrowNativeType>(
    context: &AggregateContext<'_>,
    identity: T,
    choose: impl Fn(T, T) -> T + Copy + Send + 'static,
) -> Result<Box<dyn Accumulator>> {
    let step = move |state: T, value: T| (choose(state, value), false);
    let rule = NullRule::new(context.options)?.of_values();
    fold_by::<T, T, _, _>(context, rule, Steps { identity, step, merge: step, holds: |_| true })
}

/// One of two closures by the extreme; each is its own loop.
macro_rules! choose {
    ($context:expr, $extreme:expr, $native:ty, $least_of_none:expr, $greatest_of_none:expr) => {
        match $extreme {
            Extreme::Least => fold_extreme::<$native>($context, $least_of_none, |a, b| if b < a { b } else { a }),
            Extreme::Greatest => fold_extreme::<$native>($context, $greatest_of_none, |a, b| if b > a { b } else { a }),
        }
    };
}

fn extreme(context: &AggregateContext<'_>, extreme: Extreme) -> Result<Box<dyn Accumulator>> {
    use DataType as D;
    match &context.types[0] {
        D::Null => Ok(Box::new(NothingButNulls)),
        D::Boolean | D::UInt8 => choose!(context, extreme, u8, u8::MAX, u8::MIN),
        D::Int8 => choose!(context, extreme, i8, i8::MAX, i8::MIN),
        D::Int16 => choose!(context, extreme, i16, i16::MAX, i16::MIN),
        D::Int32 | D::Date32 | D::Time32(_) | D::Decimal32(..) | D::Interval(IntervalUnit::YearMonth) => {
            choose!(context, extreme, i32, i32::MAX, i32::MIN)
        }
        D::Int64 | D::Date64 | D::Time64(_) | D::Timestamp(..) | D::Duration(_) | D::Decimal64(..) => {
            choose!(context, extreme, i64, i64::MAX, i64::MIN)
        }
        D::UInt16 => choose!(context, extreme, u16, u16::MAX, u16::MIN),
        D::UInt32 => choose!(context, extreme, u32, u32::MAX, u32::MIN),
        D::UInt64 => choose!(context, extreme, u64, u64::MAX, u64::MIN),
        D::Decimal128(..) => choose!(context, extreme, i128, i128::MAX, i128::MIN),
        D::Decimal256(..) => choose!(context, extreme, i256, i256::MAX, i256::MIN),
        // Of a number and a NaN, these give the number.
        D::Float16 => match extreme {
            Extreme::Least => fold_extreme(context, f16::NAN, f16::min),
            Extreme::Greatest => fold_extreme(context, f16::NAN, f16::max),
        },
        D::Float32 => match extreme {
            Extreme::Least => fold_extreme(context, f32::NAN, f32::min),
            Extreme::Greatest => fold_extreme(context, f32::NAN, f32::max),
        },
        D::Float64 => match extreme {
            Extreme::Least => fold_extreme(context, f64::NAN, f64::min),
            Extreme::Greatest => fold_extreme(context, f64::NAN, f64::max),
        },
        D::Utf8 | D::LargeUtf8 | D::Utf8View | D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_) => {
            Ok(Box::new(ByteExtreme {
                extreme,
                states: Vec::new(),
                held_bytes: 0,
                charge: context.memory.charge(0)?,
                presence: Presence::new(NullRule::new(context.options)?.of_values(), context.memory)?,
                output_type: context.output_type.clone(),
            }))
        }
        other => Err(unsupported("extremes", other)),
    }
}

fn min_max(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    let one = AggregateContext { output_type: &context.types[0], ..*context };
    Ok(Box::new(MinMax { min: min(&one)?, max: max(&one)?, output_type: context.output_type.clone() }))
}

struct MinMax {
    min: Box<dyn Accumulator>,
    max: Box<dyn Accumulator>,
    output_type: DataType,
}

impl Accumulator for MinMax {
    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        self.min.update(args, groups)?;
        self.max.update(args, groups)
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        self.min.merge(other.min, group_indices, group_count)?;
        self.max.merge(other.max, group_indices, group_count)
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        let DataType::Struct(fields) = &self.output_type else {
            return Err(Error::internal("min_max gives a struct"));
        };
        let columns = vec![self.min.evaluate(group_count)?, self.max.evaluate(group_count)?];
        Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, None, group_count)?))
    }

    fn byte_len(&self) -> usize {
        self.min.byte_len() + self.max.byte_len()
    }
}

/// The extremes of the null type: null.
struct NothingButNulls;

impl Accumulator for NothingButNulls {
    fn update(&mut self, _: &[Column], _: Groups<'_>) -> Result<()> {
        Ok(())
    }

    fn merge(&mut self, _: Box<dyn Accumulator>, _: &[u32], _: usize) -> Result<()> {
        Ok(())
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        Ok(new_null_array(&DataType::Null, group_count))
    }

    fn byte_len(&self) -> usize {
        0
    }
}

struct ByteExtreme {
    extreme: Extreme,
    states: Vec<Option<Box<[u8]>>>,
    held_bytes: usize,
    charge: Charge,
    presence: Presence,
    output_type: DataType,
}

impl ByteExtreme {
    fn resize(&mut self, group_count: usize) {
        if group_count > self.states.len() {
            self.states.resize(group_count, None);
        }
    }

    #[inline]
    fn offer(&mut self, group: usize, value: &[u8]) {
        let held = &mut self.states[group];
        let better = match held {
            None => true,
            Some(held) if self.extreme == Extreme::Least => value < &held[..],
            Some(held) => value > &held[..],
        };
        if better {
            self.held_bytes += value.len();
            if let Some(old) = held.replace(value.into()) {
                self.held_bytes -= old.len();
            }
        }
    }

    fn settle(&mut self) -> Result<()> {
        self.charge.resize(self.held_bytes + self.states.len() * size_of::<Option<Box<[u8]>>>())
    }
}

impl Accumulator for ByteExtreme {
    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let input = Input::new(args)?;
        self.resize(groups.group_count());
        self.presence.update(input.row_count(), input.nulls.as_ref(), groups)?;
        let array = &input.array;
        match array.data_type() {
            DataType::Utf8 => {
                let array = array.as_string::<i32>();
                input.each_valid(groups, |group, row| self.offer(group, array.value(row).as_bytes()));
            }
            DataType::LargeUtf8 => {
                let array = array.as_string::<i64>();
                input.each_valid(groups, |group, row| self.offer(group, array.value(row).as_bytes()));
            }
            DataType::Utf8View => {
                let array = array.as_string_view();
                input.each_valid(groups, |group, row| self.offer(group, array.value(row).as_bytes()));
            }
            DataType::Binary => {
                let array = array.as_binary::<i32>();
                input.each_valid(groups, |group, row| self.offer(group, array.value(row)));
            }
            DataType::LargeBinary => {
                let array = array.as_binary::<i64>();
                input.each_valid(groups, |group, row| self.offer(group, array.value(row)));
            }
            DataType::BinaryView => {
                let array = array.as_binary_view();
                input.each_valid(groups, |group, row| self.offer(group, array.value(row)));
            }
            _ => {
                let array = array.as_fixed_size_binary();
                input.each_valid(groups, |group, row| self.offer(group, array.value(row)));
            }
        }
        self.settle()
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        self.resize(group_count);
        self.presence.merge(&other.presence, group_indices, group_count)?;
        for (&group, state) in group_indices.iter().zip(&other.states) {
            if let Some(value) = state {
                self.offer(group as usize, value);
            }
        }
        self.settle()
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        self.resize(group_count);
        let nulls = self.presence.finish(group_count)?;
        // A state may be there and yet be too few.
        let shown = |group: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(group));
        let states = self.states.drain(..).take(group_count).enumerate();
        let values = states.map(|(group, state)| state.filter(|_| shown(group)));
        bytes_array(values, group_count, &self.output_type)
    }

    fn byte_len(&self) -> usize {
        self.charge.bytes() + self.presence.byte_len()
    }
}

/// Values as an array of a string or binary type.
fn bytes_array(values: impl Iterator<Item = Option<Box<[u8]>>>, len: usize, data_type: &DataType) -> Result<ArrayRef> {
    if let DataType::FixedSizeBinary(width) = data_type {
        let mut bytes = Vec::with_capacity(len * width.unsigned_abs() as usize);
        let mut valid = Vec::with_capacity(len);
        for value in values {
            valid.push(value.is_some());
            match value {
                Some(value) => bytes.extend_from_slice(&value),
                None => bytes.resize(bytes.len() + width.unsigned_abs() as usize, 0),
            }
        }
        let data = ArrayData::builder(data_type.clone())
            .len(len)
            .nulls(Some(NullBuffer::from(valid)))
            .add_buffer(arrow_buffer::Buffer::from_vec(bytes));
        return Ok(make_array(data.build()?));
    }
    let mut builder = arrow_array::builder::LargeBinaryBuilder::with_capacity(len, 0);
    for value in values {
        builder.append_option(value);
    }
    let binary: ArrayRef = Arc::new(builder.finish());
    Ok(arrow_cast::cast(&binary, data_type)?)
}
