// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! List calls: a program over the elements of the lists of a column.
//!
//! The body is a program of its own, whose column `i` is argument `i` of the call by element: column 0 has the elements
//! in place of the list, and of a reduce column 1 what was made so far in place of the initial value; the others repeat
//! a value of the row for each of its elements. So nothing that looks at the program around it can take an element out.
//! Only elements of lists that are there, within what is looked at, become rows of the body.

use std::cmp::Reverse;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, new_empty_array};
use arrow_schema::{DataType, Field};
use bowyer_compute::list_values::{Lists, item_field, lists};
use bowyer_core::take::{NO_ROW, Rows, concat, take};
use bowyer_core::{Column, Error, Result};

use super::Program;
use crate::operators::TaskContext;

/// Steps of a reduce between two looks at cancellation.
const CHECK_STEPS: usize = 256;

/// What becomes of the body's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListKind {
    /// They are the elements of the result.
    Transform,
    /// They say which elements are kept.
    Filter,
    /// Each is what the next element starts from.
    Reduce,
}

impl ListKind {
    /// Its name in plans.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Transform => "list_transform",
            Self::Filter => "list_filter",
            Self::Reduce => "list_reduce",
        }
    }

    /// How many of the body's columns are its own, and not of the row.
    pub(crate) fn own_columns(self) -> usize {
        if self == Self::Reduce { 2 } else { 1 }
    }

    /// Lists of the same layout, with elements of another type.
    pub(crate) fn transformed(list: &DataType, element: &DataType) -> Result<DataType> {
        let item = Arc::new(Field::new(item_field(list)?.name(), element.clone(), true));
        Ok(match list {
            DataType::List(_) => DataType::List(item),
            DataType::LargeList(_) => DataType::LargeList(item),
            DataType::ListView(_) => DataType::ListView(item),
            DataType::LargeListView(_) => DataType::LargeListView(item),
            DataType::FixedSizeList(_, size) => DataType::FixedSizeList(item, *size),
            other => return Err(Error::type_mismatch(format!("elements are of lists, not of {other}"))),
        })
    }

    /// Lists with some of the elements.
    pub(crate) fn filtered(list: &DataType) -> DataType {
        match list {
            DataType::FixedSizeList(item, _) => DataType::List(item.clone()),
            other => other.clone(),
        }
    }
}

/// A program over the elements of lists.
#[derive(Clone, Debug)]
pub(crate) struct ListCall {
    pub(crate) kind: ListKind,
    /// The list, of a reduce the initial value, and what the body reads of the row.
    pub(crate) arguments: Vec<usize>,
    pub(crate) body: Arc<Program>,
    pub(crate) root: usize,
}

impl ListCall {
    /// The result for the rows of these arguments.
    pub(super) fn evaluate(
        &self,
        arguments: &[Column],
        row_count: usize,
        data_type: &DataType,
        context: &TaskContext,
    ) -> Result<Column> {
        let (list, read) = arguments.split_first().ok_or_else(|| Error::internal("a list call without a list"))?;
        let _held = context.memory.charge(row_count * size_of::<std::ops::Range<usize>>())?;
        let found = Lists::of(&list.to_array()?)?;
        let count = found.ranges.iter().map(ExactSizeIterator::len).sum::<usize>();
        if found.items.len().max(count).max(row_count) >= NO_ROW as usize {
            return Err(Error::limit_exceeded("2^32 elements or more in one batch"));
        }
        let over = Over { call: self, found: &found, read, context };
        let result = match self.kind {
            ListKind::Transform => over.transform(data_type, count),
            ListKind::Filter => over.filter(data_type, count),
            ListKind::Reduce => over.reduce(data_type),
        };
        result.map(Column::Array)
    }
}

/// A list call over some rows.
struct Over<'a> {
    call: &'a ListCall,
    found: &'a Lists,
    /// The arguments beside the list.
    read: &'a [Column],
    context: &'a TaskContext,
}

impl Over<'_> {
    fn transform(&self, data_type: &DataType, count: usize) -> Result<ArrayRef> {
        let values = self.by_element(&self.elements(count)?)?;
        let lengths: Vec<usize> = self.found.ranges.iter().map(ExactSizeIterator::len).collect();
        lists(data_type, &lengths, values, self.found.nulls.clone())
    }

    fn filter(&self, data_type: &DataType, count: usize) -> Result<ArrayRef> {
        let elements = self.elements(count)?;
        let values = self.by_element(&elements)?;
        // Nulls are not kept, and without a type all are null.
        let keeps = values.as_boolean_opt();
        let _held = self.context.memory.charge(elements.len() * size_of::<u32>())?;
        let mut kept = Vec::new();
        let mut lengths = Vec::with_capacity(self.found.ranges.len());
        let mut next = 0;
        for range in &self.found.ranges {
            let before = kept.len();
            let rows = next..next + range.len();
            next = rows.end;
            if let Some(keeps) = keeps {
                kept.extend(rows.filter(|&row| keeps.is_valid(row) && keeps.value(row)).map(|row| row as u32));
            }
            lengths.push(kept.len() - before);
        }
        let items = take(&elements, Rows::new(&kept, elements.len())?, &self.context.memory)?;
        lists(data_type, &lengths, items, self.found.nulls.clone())
    }

    /// The body's value after the last element: step by step for all rows that have so many elements.
    fn reduce(&self, data_type: &DataType) -> Result<ArrayRef> {
        let (found, memory) = (self.found, &self.context.memory);
        let length = |row: u32| found.ranges[row as usize].len();
        // Rows with most elements first: those that have another one always stand in front.
        let row_count = found.ranges.len();
        let _held = memory.charge(3 * row_count * size_of::<u32>())?;
        let mut order: Vec<u32> = (0..row_count as u32).collect();
        order.sort_by_key(|&row| Reverse(length(row)));
        let mut columns = vec![new_empty_array(found.items.data_type())];
        for column in self.read {
            columns.push(self.rows_of(column, &order)?);
        }
        let mut finished = Vec::new();
        let mut active = row_count;
        for step in 0.. {
            let longer = order[..active].partition_point(|&row| length(row) > step);
            if longer < active {
                finished.push(columns[1].slice(longer, active - longer));
                columns[1..].iter_mut().for_each(|column| *column = column.slice(0, longer));
                active = longer;
            }
            if active == 0 {
                break;
            }
            if step % CHECK_STEPS == 0 {
                self.context.check()?;
            }
            let rows = order[..active].iter();
            let places: Vec<u32> = rows.map(|&row| (found.ranges[row as usize].start + step) as u32).collect();
            columns[0] = take(&found.items, Rows::new(&places, found.items.len())?, memory)?;
            columns[1] = self.body(columns.clone(), active, &order)?;
        }
        finished.reverse();
        if finished.is_empty() {
            return Ok(new_empty_array(data_type));
        }
        let mut places = vec![NO_ROW; row_count];
        for (place, &row) in (0_u32..).zip(&order) {
            if found.is_valid(row as usize) {
                places[row as usize] = place;
            }
        }
        take(&concat(&finished, memory)?, Rows::new(&places, row_count)?, memory)
    }

    /// The elements of all lists, one after another.
    fn elements(&self, count: usize) -> Result<ArrayRef> {
        let items = &self.found.items;
        let mut filled = self.found.ranges.iter().filter(|range| !range.is_empty());
        let Some(first) = filled.next() else { return Ok(items.slice(0, 0)) };
        let mut end = first.end;
        if filled.all(|range| range.start == std::mem::replace(&mut end, range.end)) {
            return Ok(items.slice(first.start, count));
        }
        let _held = self.context.memory.charge(count * size_of::<u32>())?;
        let rows: Vec<u32> = self.found.ranges.iter().flat_map(|range| range.start as u32..range.end as u32).collect();
        take(items, Rows::new(&rows, items.len())?, &self.context.memory)
    }

    /// The body's value for each element.
    fn by_element(&self, elements: &ArrayRef) -> Result<ArrayRef> {
        let _held = self.context.memory.charge(elements.len() * size_of::<u32>())?;
        let ranges = (0_u32..).zip(&self.found.ranges);
        let parents: Vec<u32> = ranges.flat_map(|(row, range)| std::iter::repeat_n(row, range.len())).collect();
        let mut columns = vec![elements.clone()];
        for column in self.read {
            columns.push(self.rows_of(column, &parents)?);
        }
        self.body(columns, elements.len(), &parents)
    }

    /// The body's value for these columns, whose row `i` is of row `rows[i]`.
    fn body(&self, columns: Vec<ArrayRef>, row_count: usize, rows: &[u32]) -> Result<ArrayRef> {
        let values = self.call.body.evaluate_columns(&[self.call.root], columns, row_count, self.context);
        let values = values.map_err(|mut error| {
            let place = error.place_mut();
            let row = place.row.and_then(|row| rows.get(usize::try_from(row).ok()?));
            place.row = row.map(|&row| u64::from(row));
            error
        })?;
        values.first().ok_or_else(|| Error::internal("a body without a value"))?.to_array()
    }

    /// A column's values at some rows.
    fn rows_of(&self, column: &Column, rows: &[u32]) -> Result<ArrayRef> {
        match column {
            Column::Array(array) => take(array, Rows::new(rows, array.len())?, &self.context.memory),
            Column::Scalar { value, .. } => take(value, Rows::new(&vec![0; rows.len()], 1)?, &self.context.memory),
        }
    }
}
