// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Values that the type does not allow: looked for at the highest level only.

use arrow_buffer::i256;

use super::Guard;
use super::bounds::entry;
use crate::reject::{Case, Rejection};
use crate::shape::{Layout, Range, ShapeNode};

const DAY_MS: i64 = 86_400_000;

impl Guard<'_, '_> {
    /// Checks values of a range and nulls below a node.
    pub(super) fn values(&self, at: usize, expected: &ShapeNode) -> Result<(), Rejection> {
        self.nulls_below(at, expected)?;
        let Layout::Fixed { width, .. } = expected.layout else { return Ok(()) };
        let node = self.flat_node(at);
        let bytes = self.ranges(at)[1];
        let wide = |row: usize| match width {
            4 => entry::<i32>(bytes, node.offset + row),
            _ => entry::<i64>(bytes, node.offset + row),
        };
        let (case, message, bad): (_, _, &dyn Fn(usize) -> bool) = match expected.range {
            Range::Any => return Ok(()),
            Range::WholeDays => (Case::Temporal, "a date is not a whole day", &|row| wide(row) % DAY_MS != 0),
            Range::Below(limit) => {
                (Case::Temporal, "a time is outside the day", &move |row| !(0..limit).contains(&wide(row)))
            }
            Range::Digits(digits) => {
                let limit = power_of_ten(digits);
                (Case::Decimal, "a decimal has more digits than its type", &move |row| {
                    let value = match width {
                        4 | 8 => i256::from_i128(i128::from(wide(row))),
                        _ => decimal(bytes, width, node.offset + row),
                    };
                    value >= limit || value <= limit.wrapping_neg()
                })
            }
        };
        match (0..node.length).find(|&row| bad(row) && self.is_valid(at, row)) {
            Some(row) => Err(Rejection::new(case, at, message).buffer(1).index(row)),
            None => Ok(()),
        }
    }
}

fn power_of_ten(digits: u8) -> i256 {
    (0..digits).fold(i256::ONE, |power, _| power.wrapping_mul(i256::from_i128(10)))
}

fn decimal(bytes: &[u8], width: usize, row: usize) -> i256 {
    let value = &bytes[row * width..][..width];
    match value.try_into() {
        Ok(bytes) => i256::from_le_bytes(bytes),
        Err(_) => value.try_into().map_or(i256::ZERO, |bytes| i256::from_i128(i128::from_le_bytes(bytes))),
    }
}
