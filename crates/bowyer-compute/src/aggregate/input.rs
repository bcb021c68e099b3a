// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What accumulators read and write: values as natives of their width, results as arrays of the promised type.

use std::any::Any;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, make_array};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use arrow_data::ArrayData;
use arrow_schema::DataType;
use bowyer_core::lanes::Lanes;
use bowyer_core::{Column, Error, Result};

use super::{Accumulator, Groups};

/// The rows of an accumulator's first argument.
pub(super) struct Input {
    pub(super) array: ArrayRef,
    pub(super) nulls: Option<NullBuffer>,
}

impl Input {
    pub(super) fn new(args: &[Column]) -> Result<Self> {
        let column = args.first().ok_or_else(|| Error::internal("an aggregate without its argument"))?;
        let array = column.to_array()?;
        let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        Ok(Self { array, nulls })
    }

    pub(super) fn row_count(&self) -> usize {
        self.array.len()
    }

    /// The values as natives of their width; booleans as bytes.
    pub(super) fn values<T: ArrowNativeType>(&self) -> ScalarBuffer<T> {
        if let Some(array) = self.array.as_boolean_opt() {
            let bytes: Vec<u8> = array.values().iter().map(u8::from).collect();
            return ScalarBuffer::new(Buffer::from_vec(bytes), 0, array.len());
        }
        let data = self.array.to_data();
        ScalarBuffer::new(data.buffers()[0].clone(), data.offset(), data.len())
    }

    /// Calls `body` with the group and row of each valid row.
    pub(super) fn each_valid(&self, groups: Groups<'_>, mut body: impl FnMut(usize, usize)) {
        let group = |row: usize| groups.indices().map_or(0, |indices| indices[row] as usize);
        match &self.nulls {
            None => (0..self.row_count()).for_each(|row| body(group(row), row)),
            Some(nulls) => nulls.valid_indices().for_each(|row| body(group(row), row)),
        }
    }
}

/// States as an array of `data_type`, whose natives they are; bytes as booleans.
pub(super) fn to_array<T: ArrowNativeType>(
    states: Lanes<T>,
    nulls: Option<NullBuffer>,
    data_type: &DataType,
) -> Result<ArrayRef> {
    let len = states.len();
    if data_type == &DataType::Boolean {
        let bits = BooleanBuffer::from_iter(states.iter().map(|state| state.as_usize() != 0));
        return Ok(Arc::new(BooleanArray::new(bits, nulls)));
    }
    let data =
        ArrayData::builder(data_type.clone()).len(len).nulls(nulls).add_buffer(states.into_buffer().into_inner());
    Ok(make_array(data.build()?))
}

/// `other` as an accumulator of the same kind.
pub(super) fn same<A: Accumulator>(other: Box<dyn Accumulator>) -> Result<Box<A>> {
    let other: Box<dyn Any> = other;
    other.downcast().map_err(|_| Error::internal("accumulators of two calls were merged"))
}

/// Takes a lane of states out, made `group_count` long, and leaves an empty one.
pub(super) fn take_states<T: ArrowNativeType>(states: &mut Lanes<T>, group_count: usize, fill: T) -> Result<Lanes<T>> {
    states.resize(group_count, fill)?;
    let memory = states.memory().clone();
    Ok(std::mem::replace(states, Lanes::new(&memory)?))
}
