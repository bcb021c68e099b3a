// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Unnest: a row for each element of its lists, and columns for the fields of its structs.
//!
//! The elements of a list column stand one after another already, so where no list is left out they are taken as they
//! are; the other columns repeat their rows. What is not asked for is not there: a batch of long lists takes the memory of a
//! batch of results at a time.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, Int64Array, OffsetSizeTrait, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, SchemaRef};
use bowyer_core::lanes::Lanes;
use bowyer_core::take::{NO_ROW, Rows, take};
use bowyer_core::{Error, Result};

use super::{Output, Rest, Stage, TaskContext};

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

/// Gives a row for each element of some list columns, a batch at a time.
pub(crate) struct Unnest(Arc<Unnesting>);

struct Unnesting {
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

/// A batch on its way: the next row, and how many of its elements are done.
struct Unfolding {
    stage: Arc<Unnesting>,
    batch: RecordBatch,
    lists: Vec<Spans>,
    row: usize,
    done: usize,
}

/// Some rows of a result: for each the row of the input, for each list its element, and the element's number.
struct Unfolded {
    rows: Vec<u32>,
    elements: Vec<Vec<u32>>,
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
        Self(Arc::new(Unnesting { columns, lists, keep_empty, schema, path: path.to_owned() }))
    }
}

impl Unnesting {
    /// How many elements each row has of each list, and where they are.
    fn spans(&self, batch: &RecordBatch) -> Result<Vec<Spans>> {
        let mut all: Vec<Spans> = Vec::with_capacity(self.lists.len());
        for &column in &self.lists {
            let spans = spans_of(batch.column(column))?;
            if spans.values.len() >= NO_ROW as usize {
                return Err(Error::limit_exceeded("more than 2^32 - 2 elements in the lists of one batch"));
            }
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

    /// How many rows a list of so many elements gives.
    fn count(&self, len: usize) -> usize {
        if self.keep_empty { len.max(1) } else { len }
    }
}

impl Unfolding {
    /// The next rows, at most `limit`.
    fn take(&mut self, limit: usize) -> Unfolded {
        let mut out = Unfolded { rows: Vec::new(), elements: vec![Vec::new(); self.lists.len()], numbers: Vec::new() };
        let Some(first) = self.lists.first() else { return out };
        while self.row < self.batch.num_rows() && out.rows.len() < limit {
            let len = first.spans[self.row].1;
            let taken = (self.stage.count(len) - self.done).min(limit - out.rows.len());
            out.rows.extend(std::iter::repeat_n(self.row as u32, taken));
            if len == 0 {
                out.numbers.resize(out.rows.len(), None);
                out.elements.iter_mut().for_each(|places| places.resize(out.rows.len(), NO_ROW));
            } else {
                let done = self.done;
                out.numbers.extend((done + 1..=done + taken).map(|number| Some(number as i64)));
                for (places, list) in out.elements.iter_mut().zip(&self.lists) {
                    let start = list.spans[self.row].0 + done;
                    places.extend(start as u32..(start + taken) as u32);
                }
            }
            self.done += taken;
            if self.done == self.stage.count(len) {
                (self.row, self.done) = (self.row + 1, 0);
            }
        }
        out
    }

    fn column(&self, column: UnnestColumn, unfolded: &Unfolded, context: &TaskContext) -> Result<ArrayRef> {
        let memory = &context.memory;
        let repeated = |column: &ArrayRef| match self.lists.is_empty() {
            true => Ok(column.clone()),
            false => take(column, Rows::new(&unfolded.rows, column.len())?, memory),
        };
        match column {
            UnnestColumn::Plain(column) => repeated(self.batch.column(column)),
            UnnestColumn::Field(column, field) => repeated(&field_of(self.batch.column(column), field)?),
            UnnestColumn::Element(column) => {
                let list = self.stage.lists.iter().position(|&list| list == column);
                let list = list.ok_or_else(|| Error::internal("an element of no list"))?;
                let (values, places) = (&self.lists[list].values, &unfolded.elements[list]);
                match run(places) {
                    Some(start) => Ok(values.slice(start, places.len())),
                    None => take(values, Rows::new(places, values.len())?, memory),
                }
            }
            UnnestColumn::Ordinality if unfolded.numbers.contains(&None) => {
                Ok(Arc::new(Int64Array::from(unfolded.numbers.clone())))
            }
            UnnestColumn::Ordinality => {
                let mut numbers = Lanes::<i64>::for_overwrite(memory, unfolded.numbers.len())?;
                for (out, number) in numbers.iter_mut().zip(&unfolded.numbers) {
                    *out = number.unwrap_or_default();
                }
                Ok(Arc::new(Int64Array::new(numbers.into_buffer(), None)))
            }
        }
    }
}

impl Rest for Unfolding {
    fn next(mut self: Box<Self>, context: &TaskContext) -> Result<Output> {
        context.check()?;
        let unfolded = self.take(context.batch_rows.max(1));
        // Structs alone change no row.
        let row_count = if self.lists.is_empty() { self.batch.num_rows() } else { unfolded.rows.len() };
        if row_count == 0 {
            return Ok(Output::default());
        }
        let columns = self.stage.columns.iter().map(|&column| self.column(column, &unfolded, context));
        let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(row_count));
        let batch = RecordBatch::try_new_with_options(self.stage.schema.clone(), columns, &options)?;
        let more = !self.lists.is_empty() && self.row < self.batch.num_rows();
        Ok(Output { batch: Some(batch), rest: more.then_some(self as Box<dyn Rest>) })
    }
}

impl Stage for Unnest {
    fn schema(&self) -> SchemaRef {
        self.0.schema.clone()
    }

    fn apply(&self, batch: RecordBatch, context: &TaskContext) -> Result<Output> {
        let lists = self.0.spans(&batch)?;
        Box::new(Unfolding { stage: self.0.clone(), batch, lists, row: 0, done: 0 }).next(context)
    }

    fn trace(&self, input: &RecordBatch, output_row: usize, _context: &TaskContext) -> Result<usize> {
        let lists = self.0.spans(input)?;
        let Some(first) = lists.first() else { return Ok(output_row) };
        let mut before = 0;
        let row = first.spans.iter().position(|span| {
            before += self.0.count(span.1);
            output_row < before
        });
        Ok(row.unwrap_or(0))
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
