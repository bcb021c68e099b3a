// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Filling and replacing rows.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, UInt64Array, new_null_array};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer};
use arrow_select::interleave::interleave;
use bowyer_core::arity::Lanes;
use bowyer_core::{Column, Error, Output, Result, with_width};

use super::rows::take_rows64;
use crate::{Args, Example, Function, Kind, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::vector("fill_null_forward")
        .summary("Replaces each null by the last valid value before it.")
        .notes("Nulls before the first valid value stay.")
        .args(&["values"])
        .examples(&[Example::new(&["int64 [null, 1, null, 2]"], "int64 [null, 1, 1, 2]")])
        .overloads(&[Overload::vector(&[Kind::Any], Kind::SameAs(0), |args| fill(args, false))]),
    Function::vector("fill_null_backward")
        .summary("Replaces each null by the next valid value after it.")
        .notes("Nulls after the last valid value stay.")
        .args(&["values"])
        .examples(&[Example::new(&["int64 [null, 1, null, 2]"], "int64 [1, 1, 2, 2]")])
        .overloads(&[Overload::vector(&[Kind::Any], Kind::SameAs(0), |args| fill(args, true))]),
    Function::vector("replace_with_mask")
        .summary("Replaces the values where the mask is true by the replacements, one after another.")
        .notes("A null in the mask gives a null. A scalar replaces every such value; surplus replacements are ignored.")
        .args(&["values", "mask", "replacements"])
        .fallible()
        .examples(&[Example::new(
            &["int64 [1, 2, 3]", "bool [true, null, true]", "int64 [10, 30]"],
            "int64 [10, null, 30]",
        )])
        .overloads(&[Overload::vector(&[Kind::Any, Kind::Boolean, Kind::SameAs(0)], Kind::SameAs(0), replace)]),
];

fn fill(args: &Args<'_>, backward: bool) -> Result<ArrayRef> {
    let values = args.array(0)?;
    let Some(nulls) = values.logical_nulls().filter(|nulls| nulls.null_count() > 0) else {
        return Ok(values);
    };
    let mut indices = vec![0u64; values.len()];
    let mut known = vec![false; values.len()];
    let mut last = None;
    let mut visit = |row: usize| {
        if nulls.is_valid(row) {
            last = Some(row as u64);
        }
        indices[row] = last.unwrap_or(0);
        known[row] = last.is_some();
    };
    if backward {
        (0..values.len()).rev().for_each(&mut visit);
    } else {
        (0..values.len()).for_each(&mut visit);
    }
    take_rows64(&values, &UInt64Array::new(indices.into(), Some(NullBuffer::from(known))), args.memory())
}

fn replace(args: &Args<'_>) -> Result<ArrayRef> {
    let (values, mask) = (args.array(0)?, args.array(1)?);
    if values.len() != mask.len() {
        return Err(Error::invalid_argument(format!("{} rows and a mask of {}", values.len(), mask.len())));
    }
    let (replacements, repeated) = match args.column(2) {
        Column::Array(array) => (array.clone(), false),
        Column::Scalar { value, .. } => (value.clone(), true),
    };
    if values.data_type().is_primitive() {
        return replace_flat(args, &values, mask.as_boolean(), &replacements, repeated);
    }
    let mask = mask.as_boolean();
    let null = new_null_array(values.data_type(), 1);
    let mut rows = Vec::with_capacity(values.len());
    let mut next = 0;
    for row in 0..values.len() {
        if mask.is_null(row) {
            rows.push((2, 0));
        } else if mask.value(row) {
            rows.push((1, if repeated { 0 } else { next }));
            next += 1;
        } else {
            rows.push((0, row));
        }
    }
    if !repeated && next > replacements.len() {
        return Err(too_few(replacements.len(), next));
    }
    Ok(interleave(&[values.as_ref(), replacements.as_ref(), null.as_ref()], &rows)?)
}

#[cold]
fn too_few(replacements: usize, values: usize) -> Error {
    Error::invalid_argument(format!("{replacements} replacements for {values} values")).for_argument("replacements")
}

/// As [`replace`], for values that are lanes: a copy of them, and one write for each replacement.
fn replace_flat(
    args: &Args<'_>,
    values: &ArrayRef,
    mask: &BooleanArray,
    replacements: &ArrayRef,
    repeated: bool,
) -> Result<ArrayRef> {
    let valid = mask.nulls().filter(|nulls| nulls.null_count() > 0);
    let replaced = match valid {
        Some(valid) => mask.values() & valid.inner(),
        None => mask.values().clone(),
    };
    let count = replaced.count_set_bits();
    if !repeated && count > replacements.len() {
        return Err(too_few(replacements.len(), count));
    }
    let source = |next: usize| if repeated { 0 } else { next };
    let mut output = Output::new(values.data_type().clone(), values.len(), None, args.memory());
    with_width!(values.data_type(), T => {
        let (from, with) = (Lanes::<T>::of(&Column::Array(values.clone()))?, Lanes::<T>::of(&Column::Array(replacements.clone()))?);
        let lanes = output.fixed::<T>()?;
        lanes.copy_from_slice(from.slice());
        for (next, row) in replaced.set_indices().enumerate() {
            lanes[row] = with.value(source(next));
        }
        Ok::<(), Error>(())
    })?;
    let mut known = BooleanBufferBuilder::new(values.len());
    match values.nulls() {
        Some(nulls) => known.append_buffer(nulls.inner()),
        None => known.append_n(values.len(), true),
    }
    for (next, row) in replaced.set_indices().enumerate() {
        known.set_bit(row, replacements.is_valid(source(next)));
    }
    let known = known.finish();
    let known = match valid {
        Some(valid) => &known & valid.inner(),
        None => known,
    };
    output.set_validity(Some(NullBuffer::new(known)))?;
    output.finish()
}
