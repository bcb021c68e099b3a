// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Functions of a row's place among the rows of its partition. They heed the order, not the frame.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array};
use bowyer_core::lanes::Lanes;
use bowyer_core::{Error, Result};

use super::WindowFunction;
use super::arrangement::{Chunk, Partition};
use crate::operators::TaskContext;

/// The results for the rows of a chunk.
pub(super) fn rank(function: &WindowFunction, chunk: &Chunk, context: &TaskContext) -> Result<ArrayRef> {
    match function {
        WindowFunction::RowNumber => integers(chunk, context, |_, at| at as i64 + 1),
        WindowFunction::Rank => integers(chunk, context, |partition, at| partition.peers(at).0 as i64 + 1),
        WindowFunction::DenseRank => integers(chunk, context, |partition, at| i64::from(partition.group_of[at]) + 1),
        WindowFunction::Tile(count) => integers(chunk, context, |partition, at| tile(partition.len(), at, *count)),
        WindowFunction::PercentRank => floats(chunk, context, |partition, at| match partition.len() {
            1 => 0.0,
            len => partition.peers(at).0 as f64 / (len - 1) as f64,
        }),
        WindowFunction::CumulativeDistribution => {
            floats(chunk, context, |partition, at| partition.peers(at).1 as f64 / partition.len() as f64)
        }
        _ => Err(Error::internal("a function of values where one of places was due")),
    }
}

/// The part that the row at `at` of `len` falls into, from 1: the first parts have one row more.
fn tile(len: usize, at: usize, count: u64) -> i64 {
    let (len, at) = (len as u64, at as u64);
    let (rows, longer) = (len / count, len % count);
    let in_longer = longer * (rows + 1);
    let tile = if at < in_longer { at / (rows + 1) } else { longer + (at - in_longer) / rows.max(1) };
    tile as i64 + 1
}

fn integers(chunk: &Chunk, context: &TaskContext, value: impl Fn(&Partition<'_>, usize) -> i64) -> Result<ArrayRef> {
    let mut values = Lanes::<i64>::for_overwrite(&context.memory, chunk.rows.len())?;
    let mut first = 0;
    chunk.each(context, |partition| {
        for (at, out) in values[first..first + partition.len()].iter_mut().enumerate() {
            *out = value(partition, at);
        }
        first += partition.len();
        Ok(())
    })?;
    Ok(Arc::new(Int64Array::new(values.into_buffer(), None)))
}

fn floats(chunk: &Chunk, context: &TaskContext, value: impl Fn(&Partition<'_>, usize) -> f64) -> Result<ArrayRef> {
    let mut values = Lanes::<f64>::for_overwrite(&context.memory, chunk.rows.len())?;
    let mut first = 0;
    chunk.each(context, |partition| {
        for (at, out) in values[first..first + partition.len()].iter_mut().enumerate() {
            *out = value(partition, at);
        }
        first += partition.len();
        Ok(())
    })?;
    Ok(Arc::new(Float64Array::new(values.into_buffer(), None)))
}
