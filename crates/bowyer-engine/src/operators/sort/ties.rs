// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Rows whose codes are equal though their keys may not be: told apart by encoded rows of the keys that codes do not
//! say all of.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float16Type, Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, make_array};
use arrow_data::ArrayData;
use arrow_row::{RowConverter, Rows, SortField};
use arrow_schema::{DataType, SortOptions};
use bowyer_core::take::{Places, take_pieces};
use bowyer_core::{Error, Memory, Result};
use half::f16;
use rayon::prelude::*;

use super::layout::Element;
use crate::operators::{SortKey, TaskContext};

/// More rows than this with equal codes are sorted by several threads.
const LARGE_RUN: usize = 1 << 16;

/// How rows of batches compare by some keys.
pub(super) struct Ties<'a> {
    encoder: &'a Encoder,
    batches: &'a [RecordBatch],
    lens: Vec<usize>,
    row_bits: u32,
}

/// Keys as rows of bytes that compare as they do.
pub(super) struct Encoder {
    keys: Vec<SortKey>,
    converter: RowConverter,
}

impl Encoder {
    /// An encoder of the keys of columns of these types.
    ///
    /// # Errors
    /// `NotImplemented` for a type without an order.
    pub(super) fn new(keys: &[SortKey], types: &[DataType]) -> Result<Self> {
        let field = |(key, data_type): (&SortKey, &DataType)| {
            let options = SortOptions { descending: key.descending, nulls_first: key.nulls_first };
            SortField::new_with_options(data_type.clone(), options)
        };
        let fields: Vec<SortField> = keys.iter().zip(types).map(field).collect();
        if !RowConverter::supports_fields(&fields) {
            return Err(Error::not_implemented("a sort by a type without an order"));
        }
        Ok(Self { keys: keys.to_vec(), converter: RowConverter::new(fields)? })
    }

    /// The columns that it encodes.
    pub(super) fn columns(&self) -> impl Iterator<Item = usize> {
        self.keys.iter().map(|key| key.column)
    }

    /// The rows of key columns.
    pub(super) fn rows(&self, columns: &[ArrayRef]) -> Result<Rows> {
        let ordered = |(column, key): (&ArrayRef, &SortKey)| {
            // The converter inverts descending keys, NaNs with them.
            ordered_floats(column, key.descending != key.nulls_first)
        };
        let columns: Vec<ArrayRef> = columns.iter().zip(&self.keys).map(ordered).collect::<Result<_>>()?;
        Ok(self.converter.convert_columns(&columns)?)
    }
}

impl<'a> Ties<'a> {
    /// Rows of `batches`, numbered by the batch above `row_bits` bits for the row.
    pub(super) fn new(encoder: &'a Encoder, batches: &'a [RecordBatch], row_bits: u32) -> Self {
        Self { encoder, batches, lens: batches.iter().map(RecordBatch::num_rows).collect(), row_bits }
    }

    /// Puts rows with equal codes, which stand together and in the order of the input, into their order.
    pub(super) fn settle<E: Element>(&self, elements: &mut [E], id_bits: u32, context: &TaskContext) -> Result<()> {
        let runs = runs(elements, id_bits);
        if runs.is_empty() {
            return Ok(());
        }
        let ids: Vec<u32> =
            runs.iter().flat_map(|run| &elements[run.clone()]).map(|element| element.id(id_bits)).collect();
        let _ids = context.memory.charge(2 * size_of_val(&ids[..]))?;
        let rows = self.rows(&ids, &context.memory)?;
        let _rows = context.memory.charge(rows.size())?;
        let mut first = 0;
        for run in runs {
            context.check()?;
            let mut order: Vec<(u32, E)> = (first..).zip(elements[run.clone()].iter().copied()).collect();
            first += run.len() as u32;
            if run.len() > LARGE_RUN {
                order.par_sort_by(|(a, _), (b, _)| rows.row(*a as usize).cmp(&rows.row(*b as usize)));
            } else {
                order.sort_by(|(a, _), (b, _)| rows.row(*a as usize).cmp(&rows.row(*b as usize)));
            }
            for (element, (_, sorted)) in elements[run].iter_mut().zip(order) {
                *element = sorted;
            }
        }
        Ok(())
    }

    fn rows(&self, ids: &[u32], memory: &Memory) -> Result<Rows> {
        let places = Places::new(ids, self.row_bits, &self.lens)?;
        let column = |column: usize| {
            let pieces: Vec<ArrayRef> = self.batches.iter().map(|batch| batch.column(column).clone()).collect();
            take_pieces(&pieces, places, memory)
        };
        let columns: Vec<ArrayRef> = self.encoder.columns().map(column).collect::<Result<_>>()?;
        self.encoder.rows(&columns)
    }
}

/// Where two or more elements with equal codes stand.
fn runs<E: Element>(elements: &[E], id_bits: u32) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut first = 0;
    for at in 1..=elements.len() {
        let same = at < elements.len() && elements[at].codes(id_bits) == elements[first].codes(id_bits);
        if !same {
            if at - first > 1 {
                runs.push(first..at);
            }
            first = at;
        }
    }
    runs
}

/// The same values such that the total order of their bits puts NaNs first (`lowest`) or last, at any depth.
fn ordered_floats(array: &ArrayRef, lowest: bool) -> Result<ArrayRef> {
    macro_rules! canonical {
        ($type:ty, $native:ty) => {{
            let nan = if lowest { -<$native>::NAN } else { <$native>::NAN };
            let nan = if nan.is_sign_negative() == lowest { nan } else { -nan };
            let zero = <$native>::default();
            Arc::new(
                array
                    .as_primitive::<$type>()
                    .unary::<_, $type>(|value| if value.is_nan() { nan } else { value + zero }),
            )
        }};
    }
    Ok(match array.data_type() {
        DataType::Float16 => canonical!(Float16Type, f16),
        DataType::Float32 => canonical!(Float32Type, f32),
        DataType::Float64 => canonical!(Float64Type, f64),
        nested if has_floats(nested) => {
            let data = array.to_data();
            let child = |child: &ArrayData| Ok(ordered_floats(&make_array(child.clone()), lowest)?.to_data());
            let children = data.child_data().iter().map(child).collect::<Result<_>>()?;
            make_array(data.into_builder().child_data(children).build()?)
        }
        _ => array.clone(),
    })
}

/// Whether values of a type are made of floats.
pub(in crate::operators) fn has_floats(data_type: &DataType) -> bool {
    use DataType as D;
    match data_type {
        D::Float16 | D::Float32 | D::Float64 => true,
        D::List(field) | D::LargeList(field) | D::FixedSizeList(field, _) | D::Map(field, _) => {
            has_floats(field.data_type())
        }
        D::ListView(field) | D::LargeListView(field) | D::RunEndEncoded(_, field) => has_floats(field.data_type()),
        D::Struct(fields) => fields.iter().any(|field| has_floats(field.data_type())),
        D::Union(fields, _) => fields.iter().any(|(_, field)| has_floats(field.data_type())),
        D::Dictionary(_, values) => has_floats(values),
        _ => false,
    }
}
