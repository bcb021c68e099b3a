// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Choosing rows: by mask, by index, by being valid or not zero.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, UInt64Array};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, NullBuffer};
use arrow_schema::DataType;
use bowyer_core::arity::Lanes;
use bowyer_core::{Column, Error, Result, with_integers, with_native};

use super::rows::{filter_rows, take_rows64};
use crate::{Args, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::vector("filter")
        .aliases(&["array_filter"])
        .summary("Keeps the rows where the mask is true.")
        .args(&["values", "mask"])
        .options(&[OptionSpec::new(
            "null_selection_behavior",
            OptionKind::Choice(&["drop", "emit_null"]),
            OptionDefault::Utf8("drop"),
            "Whether a null in the mask drops the row or gives a null.",
        )])
        .examples(&[Example::new(&["int64 [1, 2, 3]", "bool [true, false, null]"], "int64 [1]")])
        .overloads(&[Overload::vector(&[Kind::Any, Kind::Boolean], Kind::SameAs(0), filter)]),
    Function::vector("take")
        .aliases(&["array_take"])
        .summary("Gives the rows at indices, in that order.")
        .notes("A null index gives a null; what stands under it is not read.")
        .args(&["values", "indices"])
        .options(&[OptionSpec::new(
            "boundscheck",
            OptionKind::Boolean,
            OptionDefault::Boolean(true),
            "Accepted for pyarrow's sake: indices are always checked.",
        )])
        .fallible()
        .examples(&[Example::new(&["string [\"a\", \"b\"]", "int64 [1, null, 0]"], "string [\"b\", null, \"a\"]")])
        .overloads(&[Overload::vector(&[Kind::Any, Kind::AnyInteger], Kind::SameAs(0), take)]),
    Function::vector("drop_null")
        .summary("Keeps the rows that are not null.")
        .args(&["values"])
        .examples(&[Example::new(&["int64 [1, null]"], "int64 [1]")])
        .overloads(&[Overload::vector(&[Kind::Any], Kind::SameAs(0), drop_null)]),
    Function::vector("indices_nonzero")
        .summary("Gives the indices of the values that are neither null nor zero.")
        .notes("A NaN is not zero; -0.0 is.")
        .args(&["values"])
        .examples(&[Example::new(&["int64 [0, 7, null, -1]"], "uint64 [1, 3]")])
        .nullability(|_| false)
        .overloads(&[
            Overload::vector(&[Kind::Boolean], Kind::UInt64, indices_true),
            Overload::vector(&[Kind::AnyInteger], Kind::UInt64, indices_nonzero),
            Overload::vector(&[Kind::AnyFloat], Kind::UInt64, indices_nonzero),
            Overload::vector(&[Kind::AnyDecimal], Kind::UInt64, indices_nonzero),
        ]),
];

fn filter(args: &Args<'_>) -> Result<ArrayRef> {
    let (values, mask) = (args.array(0)?, args.array(1)?);
    if values.len() != mask.len() {
        return Err(Error::invalid_argument(format!("{} rows and a mask of {}", values.len(), mask.len())));
    }
    let mask = mask.as_boolean();
    let nulls = mask.nulls().filter(|nulls| nulls.null_count() > 0);
    match nulls {
        Some(nulls) if args.options().utf8("null_selection_behavior")? == "emit_null" => {
            let chosen = |row: &usize| nulls.is_null(*row) || mask.value(*row);
            let rows: Vec<usize> = (0..values.len()).filter(chosen).collect();
            let valid = NullBuffer::from_iter(rows.iter().map(|&row| nulls.is_valid(row)));
            let indices: Vec<u64> = rows.into_iter().map(|row| row as u64).collect();
            take_rows64(&values, &UInt64Array::new(indices.into(), Some(valid)), args.memory())
        }
        Some(nulls) => filter_rows(&values, &(mask.values() & nulls.inner()), args.memory()),
        None => filter_rows(&values, mask.values(), args.memory()),
    }
}

fn take(args: &Args<'_>) -> Result<ArrayRef> {
    let (values, indices) = (args.array(0)?, args.array(1)?);
    let indices = with_integers!(indices.data_type(), T => checked_indices::<T>(&indices, values.len()))?;
    take_rows64(&values, &indices, args.memory())
}

/// The indices, of which every valid one is less than `len`.
fn checked_indices<T: ArrowNativeType + TryInto<u64>>(indices: &ArrayRef, len: usize) -> Result<UInt64Array> {
    let lanes = Lanes::<T>::of(&Column::Array(indices.clone()))?;
    let nulls = indices.nulls();
    // What no index can be is out of bounds as well.
    let wide: Vec<u64> = lanes.slice().iter().map(|&index| index.try_into().unwrap_or(u64::MAX)).collect();
    let outside = |(row, index): (usize, &u64)| *index >= len as u64 && nulls.is_none_or(|nulls| nulls.is_valid(row));
    if wide.iter().any(|&index| index >= len as u64)
        && let Some(row) = wide.iter().enumerate().position(outside)
    {
        return Err(Error::out_of_bounds(format!("the index is not among {len} rows"))
            .at_row(row)
            .for_argument("indices"));
    }
    Ok(UInt64Array::new(wide.into(), nulls.cloned()))
}

fn drop_null(args: &Args<'_>) -> Result<ArrayRef> {
    let values = args.array(0)?;
    if values.data_type() == &DataType::Null {
        return Ok(values.slice(0, 0));
    }
    match values.nulls() {
        None => Ok(values.clone()),
        Some(nulls) => filter_rows(&values, nulls.inner(), args.memory()),
    }
}

fn positions(set: &BooleanBuffer, nulls: Option<&NullBuffer>) -> ArrayRef {
    let rows = |bits: &BooleanBuffer| bits.set_indices().map(|row| row as u64).collect::<Vec<_>>();
    let rows = nulls.map_or_else(|| rows(set), |nulls| rows(&(set & nulls.inner())));
    Arc::new(UInt64Array::from(rows))
}

fn indices_true(args: &Args<'_>) -> Result<ArrayRef> {
    let values = args.array(0)?;
    Ok(positions(values.as_boolean().values(), values.nulls()))
}

fn indices_nonzero(args: &Args<'_>) -> Result<ArrayRef> {
    let values = args.array(0)?;
    with_native!(values.data_type(), T => nonzero::<T>(&values))
}

fn nonzero<T: ArrowNativeType>(values: &ArrayRef) -> Result<ArrayRef> {
    let lanes = Lanes::<T>::of(&Column::Array(values.clone()))?;
    let lanes = lanes.slice();
    let zero = T::default();
    Ok(positions(&BooleanBuffer::collect_bool(lanes.len(), |row| lanes[row] != zero), values.nulls()))
}
