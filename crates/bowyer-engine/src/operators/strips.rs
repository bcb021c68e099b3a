// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Long work on keys in strips, between which a query that is over is noticed.

use std::ops::Range;

use arrow_array::{Array, ArrayRef};
use bowyer_core::Result;
use bowyer_core::group::GroupTable;

use super::TaskContext;

const STRIP_ROWS: usize = 1 << 14;

/// Calls `body` with the keys of each strip of `count` rows, and its rows.
pub(super) fn each(
    keys: &[ArrayRef],
    count: usize,
    context: &TaskContext,
    mut body: impl FnMut(&[ArrayRef], Range<usize>) -> Result<()>,
) -> Result<()> {
    for first in (0..count).step_by(STRIP_ROWS) {
        context.check()?;
        let rows = first..count.min(first + STRIP_ROWS);
        let strip: Vec<ArrayRef> = keys.iter().map(|key| key.slice(first, rows.len())).collect();
        body(&strip, rows)?;
    }
    Ok(())
}

/// Inserts the keys of `count` rows; gives the group of each, and calls `begun` with the rows that began one.
pub(super) fn insert(
    table: &mut GroupTable,
    keys: &[ArrayRef],
    count: usize,
    context: &TaskContext,
    mut begun: impl FnMut(usize) -> Result<()>,
) -> Result<Vec<u32>> {
    let (mut groups, mut strip_groups) = (Vec::with_capacity(count), Vec::new());
    each(keys, count, context, |strip, rows| {
        for row in table.insert(strip, rows.len(), &mut strip_groups)? {
            begun(rows.start + row as usize)?;
        }
        groups.extend_from_slice(&strip_groups);
        Ok(())
    })?;
    Ok(groups)
}
