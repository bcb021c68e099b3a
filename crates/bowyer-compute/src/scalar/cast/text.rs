// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Casts from strings and binary values: to one another, and to what their text says.

use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, FixedSizeBinaryArray};
use arrow_buffer::{BooleanBuffer, Buffer};
use arrow_schema::DataType;
use bowyer_core::{Error, Output, Result};
use half::f16;
use std::sync::Arc;

use super::lanes::without;
use super::parse::{Parse, parse_boolean, parse_date, parse_timestamp};
use super::{Cast, decimal, is_bytes, is_text, unsupported};
use crate::scalar::string_values::{Bytes, total_len};

pub(super) fn from_bytes(array: &ArrayRef, cast: &Cast<'_>) -> Result<ArrayRef> {
    use DataType as T;
    match cast.to {
        T::FixedSizeBinary(size) => to_fixed_size(array, *size, cast),
        to if is_text(to) || is_bytes(to) => change_layout(array, cast),
        T::Boolean => to_boolean(array, cast),
        T::Int8 => parsed::<Int8Type>(array, cast),
        T::Int16 => parsed::<Int16Type>(array, cast),
        T::Int32 => parsed::<Int32Type>(array, cast),
        T::Int64 => parsed::<Int64Type>(array, cast),
        T::UInt8 => parsed::<UInt8Type>(array, cast),
        T::UInt16 => parsed::<UInt16Type>(array, cast),
        T::UInt32 => parsed::<UInt32Type>(array, cast),
        T::UInt64 => parsed::<UInt64Type>(array, cast),
        T::Float16 => rows(array, cast, |text| f32::parse(text).map(f16::from_f32)),
        T::Float32 => parsed::<Float32Type>(array, cast),
        T::Float64 => parsed::<Float64Type>(array, cast),
        T::Date32 => rows(array, cast, |text| parse_date(text).and_then(|day| i32::try_from(day).ok())),
        T::Date64 => rows(array, cast, |text| parse_date(text).map(|day| day * 86_400_000)),
        T::Timestamp(unit, zone) => rows(array, cast, |text| parse_timestamp(text, *unit, zone.is_some())),
        to if to.is_decimal() => decimal::from_text(array, cast),
        to => Err(unsupported(array.data_type(), to)),
    }
}

fn parsed<T: ArrowPrimitiveType>(array: &ArrayRef, cast: &Cast<'_>) -> Result<ArrayRef>
where
    T::Native: Parse,
{
    rows(array, cast, T::Native::parse)
}

#[cold]
fn not_readable(to: &DataType, row: usize) -> Error {
    Error::parse(format!("the text is no {to}")).at_row(row)
}

/// Parses each valid row into a lane.
fn rows<O: arrow_buffer::ArrowNativeType>(
    array: &ArrayRef,
    cast: &Cast<'_>,
    parse: impl Fn(&[u8]) -> Option<O>,
) -> Result<ArrayRef> {
    let values = Bytes::of(array)?;
    let mut output = Output::new(cast.to.clone(), array.len(), array.nulls().cloned(), cast.memory);
    let mut failed = vec![];
    let nulls = array.nulls();
    for (row, lane) in output.fixed::<O>()?.iter_mut().enumerate() {
        *lane = O::default();
        if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
            match parse(values.get(row)) {
                Some(value) => *lane = value,
                None if cast.policy.null_on_failure => failed.push(row),
                None => return Err(not_readable(cast.to, row)),
            }
        }
    }
    if !failed.is_empty() {
        output.set_validity(Some(without(array.len(), array.nulls(), &failed)))?;
    }
    output.finish()
}

fn to_boolean(array: &ArrayRef, cast: &Cast<'_>) -> Result<ArrayRef> {
    let values = Bytes::of(array)?;
    let mut failed = vec![];
    let bits = BooleanBuffer::collect_bool(array.len(), |row| {
        let value = array.is_valid(row).then(|| parse_boolean(values.get(row)));
        if value == Some(None) {
            failed.push(row);
        }
        value.flatten().unwrap_or(false)
    });
    match failed.first() {
        None => Ok(Arc::new(BooleanArray::new(bits, array.nulls().cloned()))),
        Some(_) if cast.policy.null_on_failure => {
            Ok(Arc::new(BooleanArray::new(bits, Some(without(array.len(), array.nulls(), &failed)))))
        }
        Some(&row) => Err(not_readable(cast.to, row)),
    }
}

/// The same bytes in another layout; checked to be UTF-8 when they become text.
fn change_layout(array: &ArrayRef, cast: &Cast<'_>) -> Result<ArrayRef> {
    let values = Bytes::of(array)?;
    let checks = is_text(cast.to) && !is_text(array.data_type());
    let mut output = Output::new(cast.to.clone(), array.len(), array.nulls().cloned(), cast.memory);
    let mut failed = vec![];
    let mut writer = output.bytes(total_len(array))?;
    for row in 0..array.len() {
        if array.is_null(row) {
            writer.push_empty()?;
            continue;
        }
        match (values, checks) {
            (Bytes::Text(text), _) => writer.push_str(text.get(row))?,
            (_, false) => writer.push(values.get(row))?,
            (_, true) => match std::str::from_utf8(values.get(row)) {
                Ok(text) => writer.push_str(text)?,
                Err(_) if cast.policy.null_on_failure => {
                    failed.push(row);
                    writer.push_empty()?;
                }
                Err(_) => return Err(Error::invalid_utf8("the bytes are not UTF-8").at_row(row)),
            },
        }
    }
    if !failed.is_empty() {
        output.set_validity(Some(without(array.len(), array.nulls(), &failed)))?;
    }
    output.finish()
}

fn to_fixed_size(array: &ArrayRef, size: i32, cast: &Cast<'_>) -> Result<ArrayRef> {
    let values = Bytes::of(array)?;
    let width = usize::try_from(size).map_err(|_| Error::invalid_argument("a fixed size is not negative"))?;
    let mut bytes = cast.memory.allocate(width * array.len())?;
    let mut failed = vec![];
    for row in 0..array.len() {
        let target = &mut bytes[row * width..][..width];
        let value = values.get(row);
        if array.is_valid(row) && value.len() == width {
            target.copy_from_slice(value);
            continue;
        }
        target.fill(0);
        if array.is_valid(row) {
            if !cast.policy.null_on_failure {
                return Err(Error::invalid_data(format!("the value does not have {width} bytes")).at_row(row));
            }
            failed.push(row);
        }
    }
    let nulls =
        if failed.is_empty() { array.nulls().cloned() } else { Some(without(array.len(), array.nulls(), &failed)) };
    let bytes: Buffer = bytes.into_buffer();
    Ok(Arc::new(FixedSizeBinaryArray::try_new(size, bytes, nulls)?))
}
