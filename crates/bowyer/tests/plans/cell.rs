// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Values as the oracle has them: equal where keys are equal, and with the order of a sort.

use std::cmp::Ordering;

use arrow::compute::cast;
use bowyer::arrow_array::cast::AsArray;
use bowyer::arrow_array::types::{Decimal128Type, Float64Type, Int64Type, UInt64Type};
use bowyer::arrow_array::{Array, ArrayRef, RecordBatch};
use bowyer::arrow_schema::DataType;

/// A value. Of all NaNs and of both zeros there is one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Cell {
    Null,
    Bool(bool),
    Int(i128),
    /// The bits of the one float of its kind.
    Float(u64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Self>),
}

/// A row.
pub(crate) type Row = Vec<Cell>;

impl Cell {
    pub(crate) fn is_null(&self) -> bool {
        *self == Self::Null
    }

    pub(crate) fn int(&self) -> Option<i64> {
        if let Self::Int(value) = self { i64::try_from(*value).ok() } else { None }
    }

    pub(crate) fn of_int(value: Option<i64>) -> Self {
        value.map_or(Self::Null, |value| Self::Int(i128::from(value)))
    }

    fn of_float(value: f64) -> Self {
        Self::Float(if value.is_nan() { f64::NAN } else { value + 0.0 }.to_bits())
    }
}

/// The order of a sort's key: nulls where it says, NaN between them and the numbers.
pub(crate) fn in_order(a: &Cell, b: &Cell, descending: bool, nulls_first: bool) -> Ordering {
    let class = |cell: &Cell| match cell {
        Cell::Null => 2,
        Cell::Float(bits) if f64::from_bits(*bits).is_nan() => 1,
        _ => 0,
    };
    let classes = class(a).cmp(&class(b));
    if classes.is_ne() {
        return if nulls_first { classes.reverse() } else { classes };
    }
    let values = match (a, b) {
        (Cell::Float(a), Cell::Float(b)) => f64::from_bits(*a).total_cmp(&f64::from_bits(*b)),
        _ => a.cmp(b),
    };
    if descending { values.reverse() } else { values }
}

/// The values of a column.
pub(crate) fn cells(array: &ArrayRef) -> Vec<Cell> {
    let each = |value: &dyn Fn(usize) -> Cell, array: &dyn Array| {
        let nulls = array.logical_nulls();
        let valid = |row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        (0..array.len()).map(|row| if valid(row) { value(row) } else { Cell::Null }).collect()
    };
    match array.data_type() {
        DataType::Null => vec![Cell::Null; array.len()],
        DataType::Boolean => each(&|row| Cell::Bool(array.as_boolean().value(row)), array),
        DataType::Float32 | DataType::Float64 => {
            let wide = cast(array, &DataType::Float64).unwrap();
            each(&|row| Cell::of_float(wide.as_primitive::<Float64Type>().value(row)), &wide)
        }
        DataType::UInt64 => each(&|row| Cell::Int(array.as_primitive::<UInt64Type>().value(row).into()), array),
        DataType::Decimal128(..) => each(&|row| Cell::Int(array.as_primitive::<Decimal128Type>().value(row)), array),
        DataType::Binary => each(&|row| Cell::Bytes(array.as_binary::<i32>().value(row).to_vec()), array),
        DataType::List(_) => each(&|row| Cell::List(cells(&array.as_list::<i32>().value(row))), array),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => {
            let text = cast(array, &DataType::Utf8).unwrap();
            each(&|row| Cell::Text(text.as_string::<i32>().value(row).to_owned()), &text)
        }
        DataType::Date32 => cells(&cast(array, &DataType::Int32).unwrap()),
        _ => {
            let wide = cast(array, &DataType::Int64).unwrap();
            each(&|row| Cell::Int(wide.as_primitive::<Int64Type>().value(row).into()), &wide)
        }
    }
}

/// The rows of a batch.
pub(crate) fn rows(batch: &RecordBatch) -> Vec<Row> {
    let columns: Vec<Vec<Cell>> = batch.columns().iter().map(cells).collect();
    (0..batch.num_rows()).map(|row| columns.iter().map(|column| column[row].clone()).collect()).collect()
}
