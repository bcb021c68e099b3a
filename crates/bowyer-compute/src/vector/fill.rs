// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Filling and replacing rows.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, UInt64Array, new_null_array};
use arrow_buffer::NullBuffer;
use arrow_select::interleave::interleave;
use bowyer_core::{Column, Error, Result};

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
        return Err(Error::invalid_argument(format!("{} replacements for {next} values", replacements.len()))
            .for_argument("replacements"));
    }
    Ok(interleave(&[values.as_ref(), replacements.as_ref(), null.as_ref()], &rows)?)
}
