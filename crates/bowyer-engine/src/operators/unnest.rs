// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Unnest: a row for each element of its lists, and columns for the fields of its structs.
//!
//! The elements of a list column stand one after another already, so where no list is left out they are taken as they
//! are; the other columns repeat their rows.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, Int64Array, OffsetSizeTrait, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, SchemaRef};
use bowyer_core::lanes::Lanes;
use bowyer_core::take::{NO_ROW, Rows, take};
use bowyer_core::{Error, Result};

use super::{Output, Stage, TaskContext};

/// Where a column of the result comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnnestColumn {
    /// A column of the input, repeated.
    Plain(usize),
    /// The elements of a list column.
    Element(usize),
    /// A field of a struct column.
    Field(usize, usize),
    /// The number of the element, from 1.
    Ordinality,
}

/// Gives a row for each element of some list columns.
pub(crate) struct Unnest {
    columns: Vec<UnnestColumn>,
    /// The list columns, whether their elements are in the result or not: they say how many rows there are.
    lists: Vec<usize>,
    keep_empty: bool,
    schema: SchemaRef,
    /// The plan node, for errors.
    path: String,
}

/// Where the elements of each row begin, and how many there are.
struct Spans {
    values: ArrayRef,
    spans: Vec<(usize, usize)>,
}

/// The rows of a result: for each the row of the input, and for each list its element.
struct Unfolded {
    rows: Vec<u32>,
    elements: Vec<(usize, ArrayRef, Vec<u32>)>,
    numbers: Vec<Option<i64>>,
}

impl Unnest {
    pub(crate) fn new(
        columns: Vec<UnnestColumn>,
        lists: Vec<usize>,
        keep_empty: bool,
        schema: SchemaRef,
        path: &str,
    ) -> Self {
        Self { columns, lists, keep_empty, schema, path: path.to_owned() }
    }

    /// How many rows each row gives, and the elements of each list.
    fn spans(&self, batch: &RecordBatch) -> Result<Vec<Spans>> {
        let mut all: Vec<Spans> = Vec::with_capacity(self.lists.len());
        for &column in &self.lists {
            let spans = spans_of(batch.column(column))?;
            if let Some(first) = all.first() {
                let mut pairs = first.spans.iter().zip(&spans.spans);
                if let Some(row) = pairs.position(|(a, b)| a.1 != b.1) {
                    let name = batch.schema().field(column).name().clone();
                    return Err(Error::invalid_data("the lists of the row have different lengths")
                        .at_row(row)
                        .at_path(self.path.clone())
                        .in_column(name));
                }
            }
            all.push(spans);
        }
        Ok(all)
    }

    fn unfold(&self, batch: &RecordBatch) -> Result<Unfolded> {
        let all = self.spans(batch)?;
        let lengths: Vec<usize> = match all.first() {
            Some(first) => first.spans.iter().map(|span| span.1).collect(),
            None => vec![1; batch.num_rows()],
        };
        let count = |len: usize| if self.keep_empty { len.max(1) } else { len };
        let total: usize = lengths.iter().map(|&len| count(len)).sum();
        if total >= NO_ROW as usize || all.iter().any(|spans| spans.values.len() >= NO_ROW as usize) {
            return Err(Error::limit_exceeded("more than 2^32 - 2 elements in the lists of one batch"));
        }
        let mut rows = Vec::with_capacity(total);
        let mut numbers = Vec::with_capacity(total);
        for (row, &len) in (0_u32..).zip(&lengths) {
            rows.extend(std::iter::repeat_n(row, count(len)));
            numbers.extend((1..=len as i64).map(Some));
            if len == 0 && self.keep_empty {
                numbers.push(None);
            }
        }
        let mut elements = Vec::with_capacity(all.len());
        for (&column, Spans { values, spans }) in self.lists.iter().zip(all) {
            let mut places = Vec::with_capacity(total);
            for (start, len) in spans {
                places.extend(start as u32..(start + len) as u32);
                if len == 0 && self.keep_empty {
                    places.push(NO_ROW);
                }
            }
            elements.push((column, values, places));
        }
        Ok(Unfolded { rows, elements, numbers })
    }
}

impl Stage for Unnest {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn apply(&self, batch: RecordBatch, context: &TaskContext) -> Result<Output> {
        let memory = &context.memory;
        let unfolded = self.unfold(&batch)?;
        if unfolded.rows.is_empty() {
            return Ok(Output { batch: None, rest: None });
        }
        let repeats = !self.lists.is_empty();
        let repeated = |column: &ArrayRef| {
            if repeats { take(column, Rows::new(&unfolded.rows, column.len())?, memory) } else { Ok(column.clone()) }
        };
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            columns.push(match *column {
                UnnestColumn::Plain(column) => repeated(batch.column(column))?,
                UnnestColumn::Field(column, field) => repeated(&field_of(batch.column(column), field)?)?,
                UnnestColumn::Element(column) => {
                    let found = unfolded.elements.iter().find(|(list, ..)| *list == column);
                    let (_, values, places) = found.ok_or_else(|| Error::internal("an element of no list"))?;
                    match run(places) {
                        Some(start) => values.slice(start, places.len()),
                        None => take(values, Rows::new(places, values.len())?, memory)?,
                    }
                }
                UnnestColumn::Ordinality => {
                    if unfolded.numbers.contains(&None) {
                        Arc::new(Int64Array::from(unfolded.numbers.clone()))
                    } else {
                        let mut numbers = Lanes::<i64>::for_overwrite(memory, unfolded.numbers.len())?;
                        for (out, number) in numbers.iter_mut().zip(&unfolded.numbers) {
                            *out = number.unwrap_or_default();
                        }
                        Arc::new(Int64Array::new(numbers.into_buffer(), None))
                    }
                }
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(unfolded.rows.len()));
        Ok(Output::all(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?))
    }

    fn trace(&self, input: &RecordBatch, output_row: usize, _context: &TaskContext) -> Result<usize> {
        let rows = self.unfold(input)?.rows;
        Ok(rows.get(output_row).map_or(0, |&row| row as usize))
    }
}

/// The first place, if places follow one another.
fn run(places: &[u32]) -> Option<usize> {
    let (&first, &last) = (places.first()?, places.last()?);
    let follows = last != NO_ROW
        && (last as usize).checked_sub(first as usize) == Some(places.len() - 1)
        && places.windows(2).all(|pair| pair[0] + 1 == pair[1]);
    follows.then_some(first as usize)
}

/// The elements of a list column, and those of each row; a null list has none.
fn spans_of(array: &ArrayRef) -> Result<Spans> {
    fn between<O: OffsetSizeTrait>(array: &ArrayRef, values: &ArrayRef, offsets: &[O]) -> Spans {
        let span = |row: usize| {
            let (start, end) = (offsets[row].as_usize(), offsets[row + 1].as_usize());
            if array.is_null(row) { (start, 0) } else { (start, end - start) }
        };
        Spans { values: values.clone(), spans: (0..array.len()).map(span).collect() }
    }
    fn viewed<O: OffsetSizeTrait>(array: &ArrayRef) -> Spans {
        let views = array.as_list_view::<O>();
        let span = |row: usize| {
            let (start, len) = (views.value_offsets()[row].as_usize(), views.value_sizes()[row].as_usize());
            if array.is_null(row) { (0, 0) } else { (start, len) }
        };
        Spans { values: views.values().clone(), spans: (0..array.len()).map(span).collect() }
    }
    Ok(match array.data_type() {
        DataType::List(_) => between(array, array.as_list::<i32>().values(), array.as_list::<i32>().value_offsets()),
        DataType::LargeList(_) => {
            between(array, array.as_list::<i64>().values(), array.as_list::<i64>().value_offsets())
        }
        DataType::Map(..) => {
            let map = array.as_map();
            let entries: ArrayRef = Arc::new(map.entries().clone());
            between(array, &entries, map.value_offsets())
        }
        DataType::ListView(_) => viewed::<i32>(array),
        DataType::LargeListView(_) => viewed::<i64>(array),
        DataType::FixedSizeList(..) => {
            let lists = array.as_fixed_size_list();
            let len = usize::try_from(lists.value_length()).unwrap_or(0);
            let span = |row: usize| if array.is_null(row) { (row * len, 0) } else { (row * len, len) };
            Spans { values: lists.values().clone(), spans: (0..array.len()).map(span).collect() }
        }
        other => return Err(Error::internal(format!("{other} has no elements"))),
    })
}

/// A field of a struct column; null where the struct is.
fn field_of(array: &ArrayRef, field: usize) -> Result<ArrayRef> {
    let structs = array.as_struct_opt().ok_or_else(|| Error::internal("a field of no struct"))?;
    let values = structs.column(field);
    let Some(nulls) = structs.nulls().filter(|nulls| nulls.null_count() > 0) else { return Ok(values.clone()) };
    let rows = (0..values.len()).map(|row| nulls.is_valid(row).then_some(row as u64));
    let rows: arrow_array::UInt64Array = rows.collect();
    Ok(arrow_select::take::take(values.as_ref(), &rows, None)?)
}
