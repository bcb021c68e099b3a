// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! One loop for all casts between fixed-width types.
//!
//! Every lane is converted, whether its row is null or not; a lane that fails sets a bit, and only where a valid row's
//! bit is set does anything happen: the first such row is the error, or all such rows become null.

use arrow_array::ArrayRef;
use arrow_buffer::{ArrowNativeType, BooleanBufferBuilder, NullBuffer};
use arrow_schema::DataType;
use bowyer_core::{Error, Memory, Output, Result};

/// Converts every value of `values` with `convert`; `explain` says what is wrong where it gives `None`.
pub(crate) fn try_lanes<I: Copy, O: ArrowNativeType>(
    values: &[I],
    nulls: Option<&NullBuffer>,
    to: &DataType,
    null_on_failure: bool,
    memory: &Memory,
    convert: impl Fn(I) -> Option<O>,
    explain: impl Fn() -> Error,
) -> Result<ArrayRef> {
    let mut output = Output::new(to.clone(), values.len(), nulls.cloned(), memory);
    let mut failed = vec![];
    let lanes = output.fixed::<O>()?;
    for (word, (values, lanes)) in values.chunks(64).zip(lanes.chunks_mut(64)).enumerate() {
        // Failures are rare, and a loop that only notes whether there are any is one of vectors.
        let mut all = true;
        for (value, lane) in values.iter().zip(lanes) {
            let converted = convert(*value);
            all &= converted.is_some();
            *lane = converted.unwrap_or_default();
        }
        if !all {
            let failed_here = |(bit, value): (usize, &I)| u64::from(convert(*value).is_none()) << bit;
            let failures = values.iter().enumerate().map(failed_here).fold(0, |bits, bit| bits | bit);
            collect_failures(word, failures, nulls, &mut failed);
            if let Some(&row) = failed.first().filter(|_| !null_on_failure) {
                return Err(explain().at_row(row));
            }
        }
    }
    if !failed.is_empty() {
        output.set_validity(Some(without(values.len(), nulls, &failed)))?;
    }
    output.finish()
}

/// As [`try_lanes`], for a conversion that cannot fail.
pub(crate) fn lanes<I: Copy, O: ArrowNativeType>(
    values: &[I],
    nulls: Option<&NullBuffer>,
    to: &DataType,
    memory: &Memory,
    convert: impl Fn(I) -> O,
) -> Result<ArrayRef> {
    let mut output = Output::new(to.clone(), values.len(), nulls.cloned(), memory);
    for (lane, value) in output.fixed::<O>()?.iter_mut().zip(values) {
        *lane = convert(*value);
    }
    output.finish()
}

#[cold]
fn collect_failures(word: usize, mut failures: u64, nulls: Option<&NullBuffer>, failed: &mut Vec<usize>) {
    while failures != 0 {
        let row = word * 64 + failures.trailing_zeros() as usize;
        if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
            failed.push(row);
        }
        failures &= failures - 1;
    }
}

/// `nulls` with the rows of `failed` null too.
pub(crate) fn without(row_count: usize, nulls: Option<&NullBuffer>, failed: &[usize]) -> NullBuffer {
    let mut bits = BooleanBufferBuilder::new(row_count);
    match nulls {
        Some(nulls) => bits.append_buffer(nulls.inner()),
        None => bits.append_n(row_count, true),
    }
    for &row in failed {
        bits.set_bit(row, false);
    }
    NullBuffer::new(bits.finish())
}
