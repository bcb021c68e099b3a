// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Makes the columns of a file those of a plan's input: found by name, in the input's order.
//!
//! A column that the query does not need is not read. It stands in the batch as nulls, or as zeros where the input
//! promises that there are no nulls; nobody looks at it.

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, make_array, new_null_array};
use arrow_data::ArrayData;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use bowyer_core::{Error, Result};

use crate::scan::Request;

/// Where each column of the input comes from.
#[derive(Debug)]
pub(crate) struct Fit {
    schema: SchemaRef,
    columns: Vec<Column>,
}

#[derive(Debug)]
enum Column {
    /// The place in the batches that are read.
    Read(usize),
    /// Not read; sliced for each batch, made anew for a longer one.
    Filled(Option<ArrayRef>),
}

impl Fit {
    /// Matches the columns of a file with a request; also gives the file's columns that must be read, in its order.
    ///
    /// # Errors
    /// `NotFound` for a needed column that the file does not have, `InvalidArgument` for one that it has twice,
    /// `TypeMismatch` for one of another type.
    pub(crate) fn new(file: &Schema, request: &Request) -> Result<(Self, Vec<usize>)> {
        let mut places = Vec::with_capacity(request.schema.fields().len());
        for field in request.schema.fields() {
            let needed = request.columns.contains(field.name());
            places.push(if needed || !can_fill(field) { Some(place(file, field)?) } else { None });
        }
        let mut read: Vec<usize> = places.iter().flatten().copied().collect();
        read.sort_unstable();
        let columns = places.iter().map(|place| match place {
            Some(place) => Column::Read(read.partition_point(|read| read < place)),
            None => Column::Filled(None),
        });
        Ok((Self { schema: request.schema.clone(), columns: columns.collect() }, read))
    }

    /// The schema of what [`Fit::apply`] gives.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The batch under the input's schema.
    ///
    /// # Errors
    /// `InvalidData` when a column has nulls where the input promises that there are none.
    pub(crate) fn apply(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let columns = self.columns.iter_mut().zip(self.schema.fields());
        let columns = columns.map(|(column, field)| match column {
            Column::Read(place) => Ok(batch.column(*place).clone()),
            Column::Filled(kept) => match kept {
                Some(kept) if kept.len() >= rows => Ok(kept.slice(0, rows)),
                _ => Ok(kept.insert(filling(field, rows)?).clone()),
            },
        });
        let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
        if let Some((_, field)) = columns
            .iter()
            .zip(self.schema.fields())
            .find(|(column, field)| column.null_count() > 0 && !field.is_nullable())
        {
            return Err(Error::invalid_data("the file has nulls, where the plan's input says that there are none")
                .in_column(field.name().clone()));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows)).with_match_field_names(false);
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?)
    }
}

/// The place of a column in the file.
fn place(file: &Schema, field: &Field) -> Result<usize> {
    let mut named = file.fields().iter().enumerate().filter(|(_, found)| found.name() == field.name());
    let (index, found) = match (named.next(), named.next()) {
        (Some(found), None) => found,
        (Some(_), Some(_)) => {
            return Err(
                Error::invalid_argument("the file has several columns of that name").in_column(field.name().clone())
            );
        }
        (None, _) => {
            let names: Vec<&str> = file.fields().iter().map(|field| field.name().as_str()).collect();
            return Err(Error::not_found(format!("the file has no such column; it has {}", names.join(", ")))
                .in_column(field.name().clone()));
        }
    };
    if found.data_type().equals_datatype(field.data_type()) {
        return Ok(index);
    }
    let (has, wants) = (found.data_type(), field.data_type());
    let message = format!("the file has {has}, but the plan's input says {wants}");
    Err(Error::type_mismatch(message).in_column(field.name().clone()))
}

/// Whether a column can stand there without having been read.
fn can_fill(field: &Field) -> bool {
    use DataType as D;
    field.is_nullable()
        || field.data_type().is_primitive()
        || matches!(field.data_type(), D::Boolean | D::Utf8 | D::LargeUtf8 | D::Utf8View | D::Binary | D::LargeBinary)
}

fn filling(field: &Field, rows: usize) -> Result<ArrayRef> {
    if field.is_nullable() {
        return Ok(new_null_array(field.data_type(), rows));
    }
    Ok(make_array(ArrayData::new_null(field.data_type(), rows).into_builder().nulls(None).build()?))
}
