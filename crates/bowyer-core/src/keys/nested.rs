// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Nested values as bytes: equal values have equal bytes.
//!
//! The encoding is arrow-row's, which tells floats apart by their bits; they are made canonical first where keys are
//! equal by value.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, make_array};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow_data::ArrayData;
use arrow_row::{RowConverter, SortField};
use arrow_schema::DataType;
use half::f16;

use super::KeyEquality;
use super::column::Word;
use crate::{Error, Result};

/// The encoder of one nested key column.
#[derive(Clone, Debug)]
pub(crate) struct NestedKeys {
    converter: Arc<RowConverter>,
    canonical: bool,
}

impl NestedKeys {
    /// The encoder for `data_type`, if it takes one.
    ///
    /// # Errors
    /// `NotImplemented` for a nested type that arrow-row does not know.
    pub(crate) fn for_type(data_type: &DataType, equality: KeyEquality) -> Result<Option<Self>> {
        let data_type = match data_type {
            DataType::Dictionary(_, values) => values,
            DataType::RunEndEncoded(_, values) => values.data_type(),
            other => other,
        };
        if !data_type.is_nested() {
            return Ok(None);
        }
        let field = SortField::new(data_type.clone());
        if !RowConverter::supports_fields(std::slice::from_ref(&field)) {
            return Err(Error::not_implemented(format!("keys of type {data_type}")));
        }
        let converter = Arc::new(RowConverter::new(vec![field])?);
        Ok(Some(Self { converter, canonical: equality == KeyEquality::Values && has_floats(data_type) }))
    }

    /// The bytes of each row.
    ///
    /// # Errors
    /// Those of the conversion.
    pub(crate) fn encode(&self, array: &ArrayRef) -> Result<(OffsetBuffer<i64>, Buffer)> {
        let canonical;
        let array = if self.canonical {
            canonical = make_array(canonical_floats(&array.to_data()));
            &canonical
        } else {
            array
        };
        let rows = self.converter.convert_columns(std::slice::from_ref(array))?;
        let mut offsets = Vec::with_capacity(rows.num_rows() + 1);
        let mut bytes = Vec::new();
        offsets.push(0);
        for row in &rows {
            bytes.extend_from_slice(row.as_ref());
            offsets.push(bytes.len() as i64);
        }
        Ok((OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from_vec(bytes)))
    }
}

fn has_floats(data_type: &DataType) -> bool {
    match data_type {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => true,
        DataType::Dictionary(_, values) => has_floats(values),
        DataType::RunEndEncoded(_, field)
        | DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => has_floats(field.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_floats(field.data_type())),
        DataType::Union(fields, _) => fields.iter().any(|(_, field)| has_floats(field.data_type())),
        _ => false,
    }
}

/// The same array with one NaN and without −0.0, at any depth.
fn canonical_floats(data: &ArrayData) -> ArrayData {
    if !has_floats(data.data_type()) {
        return data.clone();
    }
    let builder = data.clone().into_builder();
    let builder = match data.data_type() {
        DataType::Float16 => {
            let values = data.buffers()[0].typed_data::<f16>().iter().map(|value| f16::from_bits(value.word() as u16));
            builder.buffers(vec![Buffer::from_vec(values.collect::<Vec<_>>())])
        }
        DataType::Float32 => {
            let values = data.buffers()[0].typed_data::<f32>().iter().map(|value| f32::from_bits(value.word() as u32));
            builder.buffers(vec![Buffer::from_vec(values.collect::<Vec<_>>())])
        }
        DataType::Float64 => {
            let values = data.buffers()[0].typed_data::<f64>().iter().map(|value| f64::from_bits(value.word()));
            builder.buffers(vec![Buffer::from_vec(values.collect::<Vec<_>>())])
        }
        _ => builder.child_data(data.child_data().iter().map(canonical_floats).collect()),
    };
    // SAFETY: the layout is that of valid data; only the bits of float values differ, and any bits are a float.
    unsafe { builder.build_unchecked() }
}
