// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, Int64Array, StringArray};
use arrow_schema::DataType;

use super::*;
use crate::{Column, Memory};

fn column(values: Vec<i64>) -> Column {
    Column::Array(Arc::new(Int64Array::from(values)))
}

fn repeated(value: i64, row_count: usize) -> Column {
    Column::scalar(Arc::new(Int64Array::from(vec![value])), row_count).unwrap()
}

fn run(data_type: DataType, row_count: usize, kernel: impl Fn(&mut Output) -> Result<()>) -> Result<ArrayRef> {
    let mut output = Output::new(data_type, row_count, None, &Memory::unlimited());
    kernel(&mut output)?;
    output.finish()
}

#[test]
fn scalars_and_arrays_give_the_same() {
    for len in [0, 1, 7, 64, 1000] {
        let array: Vec<i64> = (0..len as i64).collect();
        let (a, b) = (column(array.clone()), column(vec![3; len]));
        let results = [(&a, &b), (&a, &repeated(3, len)), (&b, &a), (&repeated(3, len), &a)].map(|(a, b)| {
            let (a, b) = (Lanes::<i64>::of(a).unwrap(), Lanes::<i64>::of(b).unwrap());
            let sum = run(DataType::Int64, len, |output| binary(&a, &b, output, |a, b| a + b)).unwrap();
            let tried = run(DataType::Int64, len, |output| {
                try_binary(&a, &b, output, |a, b| (a + b, false), |_, _| Error::overflow("never"))
            });
            assert_eq!(&sum, &tried.unwrap());
            sum
        });
        assert!(results.iter().all(|result| result == &results[0]));
        let expected = Int64Array::from_iter_values(array.iter().map(|value| value + 3));
        assert_eq!(results[0].as_primitive::<Int64Type>(), &expected);
    }
}

#[test]
fn bits_are_those_of_the_rows() {
    for len in [0, 1, 63, 64, 65, 1000] {
        let (a, b) = (column((0..len as i64).collect()), column((0..len as i64).map(|i| i * 7 % 11).collect()));
        let (a, b) = (Lanes::<i64>::of(&a).unwrap(), Lanes::<i64>::of(&b).unwrap());
        let less = run(DataType::Boolean, len, |output| binary_bits(&a, &b, output, |a, b| a < b)).unwrap();
        assert!((0..len).all(|row| less.as_boolean().value(row) == (a.value(row) < b.value(row))));
        let even = run(DataType::Boolean, len, |output| unary_bits(&a, output, |a| a % 2 == 0)).unwrap();
        assert!((0..len).all(|row| even.as_boolean().value(row) == row.is_multiple_of(2)));
    }
}

#[test]
fn the_first_failing_valid_row_is_named() {
    let mut values = vec![1; 5000];
    values[100] = 0;
    values[3000] = 0;
    values[3001] = 0;
    let lanes = Lanes::<i64>::of(&column(values)).unwrap();
    let mut valid = vec![true; 5000];
    valid[100] = false;
    let validity = NullBuffer::from(valid);
    let mut output = Output::new(DataType::Int64, 5000, Some(validity), &Memory::unlimited());
    let failed = |value: i64| (10 / value.max(1), value == 0);
    let error = try_unary(&lanes, &mut output, failed, |_| Error::divide_by_zero("zero")).unwrap_err();
    assert_eq!(error.place().row, Some(3000));
}

#[test]
fn lanes_of_another_width_or_length_are_refused() {
    assert!(Lanes::<i32>::of(&column(vec![1])).is_err());
    let lanes = Lanes::<i64>::of(&column(vec![1, 2])).unwrap();
    assert!(run(DataType::Int64, 3, |output| unary(&lanes, output, |value| value)).is_err());
}

#[test]
fn slices_begin_where_they_should() {
    let sliced = column((0..100).collect()).slice(37, 20);
    assert_eq!(Lanes::<i64>::of(&sliced).unwrap().slice(), (37..57).collect::<Vec<i64>>());
}

#[test]
fn strings_under_nulls_are_not_looked_at() {
    let text = StringArray::from(vec![Some("a"), None, Some("ccc")]);
    let new = |data_type| Output::new(data_type, 3, text.nulls().cloned(), &Memory::unlimited());
    let mut lengths = new(DataType::Int32);
    text_to_lanes(&text, &mut lengths, |value| value.len() as i32).unwrap();
    let lengths = lengths.finish().unwrap();
    assert_eq!(lengths.as_primitive::<Int32Type>().iter().collect::<Vec<_>>(), [Some(1), None, Some(3)]);
    let mut doubled = new(DataType::Utf8View);
    text_to_text(&text, &mut doubled, |value, writer| writer.push_str(&value.repeat(5))).unwrap();
    let doubled = doubled.finish().unwrap();
    assert_eq!(doubled.as_string_view().iter().collect::<Vec<_>>(), [Some("aaaaa"), None, Some("ccccccccccccccc")]);
    let mut long = new(DataType::Boolean);
    text_to_bits(&text, &mut long, |value| value.len() > 1).unwrap();
    assert_eq!(long.finish().unwrap().as_boolean().iter().collect::<Vec<_>>(), [Some(false), None, Some(true)]);
}
