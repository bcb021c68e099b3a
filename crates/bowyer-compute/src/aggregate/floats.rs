// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Numbers of any type as 64-bit floats, for aggregates that compute with nothing else.

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_buffer::{NullBuffer, ScalarBuffer};
use arrow_schema::DataType;
use bowyer_core::{Column, Memory, Result};

use super::{AggregateContext, Groups};
use crate::{Accumulator, CastMode, Kind, Overload, cast};

type New = fn(&AggregateContext<'_>) -> Result<Box<dyn Accumulator>>;

/// The overloads of an aggregate of one column of numbers.
pub(super) const fn of_one(new: New, output: Kind) -> [Overload; 3] {
    [
        Overload::aggregate(&[Kind::Numeric], output, new),
        Overload::aggregate(&[Kind::Float16], output, new),
        Overload::aggregate(&[Kind::AnyDecimal], output, new),
    ]
}

/// Nothing but nulls counts as floats; so does any number beside a number of another type.
pub(super) fn as_numbers(types: &[DataType]) -> Option<Vec<DataType>> {
    let is_number = |data_type: &DataType| data_type.is_numeric() || data_type.is_null();
    types.iter().all(is_number).then(|| vec![DataType::Float64; types.len()])
}

/// A column as floats; an integer that no float holds is rounded.
pub(super) struct Floats {
    pub(super) values: ScalarBuffer<f64>,
    pub(super) nulls: Option<NullBuffer>,
}

impl Floats {
    pub(super) fn of(column: &Column, memory: &Memory) -> Result<Self> {
        let array: ArrayRef = if column.data_type() == &DataType::Float64 {
            column.to_array()?
        } else {
            cast(column, &DataType::Float64, CastMode::Wrapping, memory)?.to_array()?
        };
        let floats = array.as_primitive::<Float64Type>();
        let nulls = arrow_array::Array::nulls(floats).filter(|nulls| nulls.null_count() > 0).cloned();
        Ok(Self { values: floats.values().clone(), nulls })
    }

    /// Calls `body` with the group and value of each valid row.
    pub(super) fn each(&self, groups: Groups<'_>, mut body: impl FnMut(usize, f64)) {
        let indices = groups.indices();
        for (row, value) in self.values.iter().enumerate() {
            if self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
                body(indices.map_or(0, |indices| indices[row] as usize), *value);
            }
        }
    }
}
