// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Random tables: columns of many types over few values, so that keys meet, cut into batches of odd sizes.

use std::sync::Arc;

use arrow::compute::cast;
use bowyer::arrow_array::builder::{Int64Builder, ListBuilder};
use bowyer::arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use bowyer::arrow_schema::{DataType, Field, Schema, TimeUnit};

/// Numbers that look random and are the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 33) as usize % limit.max(1)
    }

    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

pub(crate) fn list_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true)))
}

/// The types of columns.
pub(crate) fn types() -> Vec<DataType> {
    use DataType as D;
    let dictionary = D::Dictionary(Box::new(D::Int32), Box::new(D::Utf8));
    let moment = D::Timestamp(TimeUnit::Microsecond, None);
    let numbers = [D::Int8, D::Int16, D::Int32, D::UInt8, D::UInt16, D::UInt32, D::UInt64, D::Decimal128(10, 0)];
    let others = [D::Boolean, D::Float32, D::Float64, D::Date32, moment, D::Binary, dictionary, list_type()];
    [&[D::Int64, D::Utf8, D::LargeUtf8, D::Utf8View], &numbers[..], &others[..]].concat()
}

/// A column of a type, of `count` values of which few differ.
fn column(random: &mut Random, data_type: &DataType, count: usize) -> ArrayRef {
    let (spread, nulls) = (1 + random.below(12), [0, 3, 8][random.below(3)]);
    let numbers: Int64Array = (0..count)
        .map(|_| {
            let value = random.below(spread) as i64;
            (nulls == 0 || !random.one_in(nulls)).then_some(value)
        })
        .collect();
    let text =
        |value: i64| if value % 3 == 0 { format!("{value}") } else { format!("a value of some length, {value}") };
    match data_type {
        DataType::Float32 | DataType::Float64 => {
            let special = [f64::NAN, -0.0, 0.0, -1.5, f64::INFINITY];
            let floats = numbers
                .iter()
                .map(|value| value.map(|value| if value < 5 { special[value as usize] } else { value as f64 / 2.0 }));
            let floats: ArrayRef = Arc::new(floats.collect::<Float64Array>());
            cast(&floats, data_type).unwrap()
        }
        DataType::Boolean => {
            let numbers: Int64Array = numbers.iter().map(|value| value.map(|value| value % 2)).collect();
            cast(&numbers, data_type).unwrap()
        }
        DataType::List(_) => {
            let mut lists = ListBuilder::new(Int64Builder::new());
            for value in &numbers {
                for element in 0..value.unwrap_or(0) % 4 {
                    lists.values().append_option((element != 1).then_some(element));
                }
                lists.append(value.is_some());
            }
            Arc::new(lists.finish())
        }
        DataType::Date32 => cast(&cast(&numbers, &DataType::Int32).unwrap(), data_type).unwrap(),
        other if other.is_numeric() || other.is_temporal() => cast(&numbers, other).unwrap(),
        other => {
            let texts: ArrayRef = Arc::new(numbers.iter().map(|value| value.map(text)).collect::<StringArray>());
            cast(&texts, other).unwrap()
        }
    }
}

/// A table of these columns.
pub(crate) fn table(random: &mut Random, columns: &[(String, DataType)]) -> RecordBatch {
    let count = [0, 1, 7, 40, 40, 90][random.below(6)];
    let arrays = columns.iter().map(|(_, data_type)| column(random, data_type, count)).collect();
    let fields = columns.iter().map(|(name, data_type)| Field::new(name, data_type.clone(), true));
    RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), arrays).unwrap()
}

/// The batch in pieces, some of them empty.
pub(crate) fn cut(random: &mut Random, batch: &RecordBatch) -> Vec<RecordBatch> {
    let (mut pieces, mut first) = (Vec::new(), 0);
    let most = [1, 3, 20, 1000][random.below(4)];
    while first < batch.num_rows() {
        let count = random.below(most + 1).min(batch.num_rows() - first);
        pieces.push(batch.slice(first, count));
        first += count;
        if count == 0 && pieces.len() > 200 {
            pieces.push(batch.slice(first, batch.num_rows() - first));
            break;
        }
    }
    pieces
}
