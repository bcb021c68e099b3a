// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Which rows hold a value that others hold too, and runs by number.
//!
//! Values are told apart as `unique` does it: floats by their bits, and null is a value.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array};
use arrow_buffer::BooleanBuffer;
use bowyer_core::Result;

use super::distinct::{Distinct, distinct};
use super::encodings::run_starts;
use crate::{Args, Example, Function, Kind, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::vector("is_duplicated")
        .summary("Tells whether another row holds the same value.")
        .notes("Floats are told apart by their bits. Null is a value.")
        .args(&["values"])
        .examples(&[Example::new(&["int64 [3, 1, 3, null]"], "bool [true, false, true, false]")])
        .nullability(|_| false)
        .overloads(&[Overload::vector(&[Kind::Any], Kind::Boolean, |args| counted(args, |count| count > 1))]),
    Function::vector("is_unique")
        .summary("Tells whether no other row holds the same value.")
        .notes("Floats are told apart by their bits. Null is a value.")
        .args(&["values"])
        .examples(&[Example::new(&["int64 [3, 1, 3, null]"], "bool [false, true, false, true]")])
        .nullability(|_| false)
        .overloads(&[Overload::vector(&[Kind::Any], Kind::Boolean, |args| counted(args, |count| count == 1))]),
    Function::vector("is_first_distinct")
        .summary("Tells whether no row before holds the same value.")
        .notes("Floats are told apart by their bits. Null is a value.")
        .args(&["values"])
        .examples(&[Example::new(&["int64 [3, 1, 3, null]"], "bool [true, true, false, true]")])
        .nullability(|_| false)
        .overloads(&[Overload::vector(&[Kind::Any], Kind::Boolean, is_first_distinct)]),
    Function::vector("rle_id")
        .summary("Numbers the runs of equal values from 0.")
        .notes("Floats are told apart by their bits. Null is a value.")
        .args(&["values"])
        .examples(&[Example::new(&["string [\"a\", \"a\", \"b\", \"a\", null]"], "int64 [0, 0, 1, 2, 3]")])
        .nullability(|_| false)
        .overloads(&[Overload::vector(&[Kind::Any], Kind::Int64, rle_id)]),
];

fn booleans(row_count: usize, of: impl FnMut(usize) -> bool) -> ArrayRef {
    Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(row_count, of), None))
}

fn counted(args: &Args<'_>, holds: impl Fn(u32) -> bool) -> Result<ArrayRef> {
    let Distinct { group_indices, first_rows } = distinct(&args.array(0)?, args.memory())?;
    let mut counts = vec![0u32; first_rows.len()];
    for &group in &group_indices {
        counts[group as usize] += 1;
    }
    Ok(booleans(group_indices.len(), |row| holds(counts[group_indices[row] as usize])))
}

fn is_first_distinct(args: &Args<'_>) -> Result<ArrayRef> {
    let Distinct { group_indices, .. } = distinct(&args.array(0)?, args.memory())?;
    // Groups are numbered as they appear.
    let mut next = 0;
    Ok(booleans(group_indices.len(), |row| {
        let first = group_indices[row] == next;
        next += u32::from(first);
        first
    }))
}

fn rle_id(args: &Args<'_>) -> Result<ArrayRef> {
    let values = args.array(0)?;
    let starts = run_starts(&values, args.memory())?;
    let mut ids = Vec::with_capacity(values.len());
    let ends = starts.iter().skip(1).map(|&end| end as usize).chain([values.len()]);
    for (id, (&start, end)) in (0i64..).zip(starts.iter().zip(ends)) {
        ids.extend(std::iter::repeat_n(id, end - start as usize));
    }
    Ok(Arc::new(Int64Array::from(ids)))
}
