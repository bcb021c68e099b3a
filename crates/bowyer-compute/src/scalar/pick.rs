// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Picking each row from one of many columns, by number: the loop below `choose`.
//!
//! One pass whatever the number of columns: a row reads the column that its index names. Between two columns by a mask,
//! [`super::select`] moves whole words and is faster.

use arrow_array::{Array, new_null_array};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, NullBuffer};
use arrow_schema::DataType;
use bowyer_core::arity::{Lanes, fill_bits};
use bowyer_core::bits::build;
use bowyer_core::{BytesWriter, Column, Output, Result, with_bytes, with_strings, with_width};

use super::comparison::booleans;
use super::select::{Text, same_layout};
use super::validity::valid_rows;
use bowyer_core::dispatch::ByteValues;

/// Which of the columns each row is taken from.
pub(crate) struct Picks<'a> {
    /// The number of the column. Rows that are not known may hold anything.
    pub(crate) indices: &'a Lanes<i64>,
    /// The rows that have an index; the others are null.
    pub(crate) known: Option<&'a BooleanBuffer>,
}

impl Picks<'_> {
    fn known(&self, row: usize) -> bool {
        self.known.is_none_or(|known| known.value(row))
    }

    /// The column of a row: some column, where none is known.
    fn column(&self, row: usize, columns: usize) -> usize {
        let index = self.indices.value(row) as usize;
        if index < columns { index } else { 0 }
    }

    /// The first row whose index names none of so many columns.
    pub(crate) fn first_outside(&self, row_count: usize, columns: usize) -> Option<usize> {
        let outside = |&row: &usize| self.indices.value(row) as usize >= columns && self.known(row);
        (0..row_count).find(outside)
    }
}

/// Writes for each row the value of the column that it names, its null included. All have the output's type.
pub(crate) fn pick(picks: &Picks<'_>, columns: &[Column], output: &mut Output) -> Result<()> {
    let (data_type, row_count) = (output.data_type().clone(), output.row_count());
    match &data_type {
        DataType::Null => return Ok(()),
        DataType::Boolean => {
            let sources: Vec<_> = columns.iter().map(|column| booleans(column, row_count)).collect();
            fill_bits(output.bits()?, row_count, |row| sources[picks.column(row, sources.len())].value(row));
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            set_validity(picks, columns, output)?;
            let first = columns[0].values();
            return with_strings!(first, |first| pick_bytes(first, picks, columns, output, |writer, values, row| {
                writer.push_str(values.text_at(row))
            }));
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            set_validity(picks, columns, output)?;
            let first = columns[0].values();
            return with_bytes!(first, |first| pick_bytes(first, picks, columns, output, |writer, values, row| {
                writer.push(values.bytes_at(row))
            }));
        }
        fixed if fixed.primitive_width().is_some() => with_width!(fixed, T => pick_lanes::<T>(picks, columns, output))?,
        _ => return interleave(picks, columns, output),
    }
    set_validity(picks, columns, output)
}

fn set_validity(picks: &Picks<'_>, columns: &[Column], output: &mut Output) -> Result<()> {
    let row_count = output.row_count();
    let valid: Vec<_> = columns.iter().map(|column| valid_rows(column, row_count)).collect();
    if picks.known.is_none() && valid.iter().all(Option::is_none) {
        return Ok(());
    }
    let validity = build(row_count, output.memory(), |words| {
        fill_bits(words, row_count, |row| {
            let valid = &valid[picks.column(row, valid.len())];
            picks.known(row) && valid.as_ref().is_none_or(|valid| valid.value(row))
        });
    })?;
    output.set_validity(Some(NullBuffer::new(validity)))
}

fn pick_lanes<T: ArrowNativeType>(picks: &Picks<'_>, columns: &[Column], output: &mut Output) -> Result<()> {
    let lanes = columns.iter().map(Lanes::<T>::of).collect::<Result<Vec<_>>>()?;
    // The place of a row is itself, or the only one.
    let place = |column: &Column| if column.is_scalar() { 0 } else { usize::MAX };
    let sources: Vec<_> = lanes.iter().map(Lanes::slice).zip(columns.iter().map(place)).collect();
    for (row, out) in output.fixed::<T>()?.iter_mut().enumerate() {
        let (values, place) = sources[picks.column(row, sources.len())];
        *out = values[row & place];
    }
    Ok(())
}

fn pick_bytes<S: ByteValues + 'static>(
    _: &S,
    picks: &Picks<'_>,
    columns: &[Column],
    output: &mut Output,
    push: impl Fn(&mut BytesWriter<'_>, &S, usize) -> Result<()>,
) -> Result<()> {
    let sources = columns.iter().map(|column| same_layout::<S>(column.values())).collect::<Result<Vec<_>>>()?;
    let (row_count, validity) = (output.row_count(), output.validity().cloned());
    let mut writer = output.bytes(0)?;
    for row in 0..row_count {
        if validity.as_ref().is_some_and(|validity| validity.is_null(row)) {
            writer.push_empty()?;
            continue;
        }
        let column = picks.column(row, sources.len());
        push(&mut writer, sources[column], if columns[column].is_scalar() { 0 } else { row })?;
    }
    Ok(())
}

/// Any layout: rows of the columns, or of a null.
fn interleave(picks: &Picks<'_>, columns: &[Column], output: &mut Output) -> Result<()> {
    let source = |row: usize| {
        if !picks.known(row) {
            return (columns.len(), 0);
        }
        let column = picks.column(row, columns.len());
        (column, if columns[column].is_scalar() { 0 } else { row })
    };
    let indices: Vec<_> = (0..output.row_count()).map(source).collect();
    let mut sources: Vec<&dyn Array> = columns.iter().map(|column| column.values().as_ref()).collect();
    // Without rows that have no index the null is left out: a type whose fields are not nullable has none.
    let null = picks.known.map(|_| new_null_array(output.data_type(), 1));
    sources.extend(null.iter().map(AsRef::as_ref));
    output.set(arrow_select::interleave::interleave(&sources, &indices)?)
}
