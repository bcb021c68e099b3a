// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Lists of numbers as vectors: their product, their angle, and how far apart they are.
//!
//! Both lists of a row have one length. An item that is null leaves the result unknown.

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, Float64Array};
use arrow_schema::DataType;
use bowyer_core::{Column, Error, Output, Result};

use super::cast::{CastMode, cast};
use super::list_values::{Lists, item_field};
use crate::{Args, Example, Function, Kernel, Kind, Nulls, Options, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    vectors(
        "list_dot",
        "Adds up the products of the items of two lists of numbers that stand at the same place.",
        &const { pairs(|args, output| each(args, output, |sums| sums.product)) },
        &const { example("double [11, 0, null]") },
    ),
    vectors(
        "list_cosine_similarity",
        "Gives the cosine of the angle between two lists of numbers as vectors.",
        &const { pairs(|args, output| each(args, output, |sums| sums.product / (sums.first.sqrt() * sums.second.sqrt()))) },
        &const { example("double [0.9838699100999074, nan, null]") },
    ),
    vectors(
        "list_euclidean_distance",
        "Gives the distance of two lists of numbers as points.",
        &const { pairs(|args, output| each(args, output, |sums| sums.apart.sqrt())) },
        &const { example("double [2.8284271247461903, 0, null]") },
    ),
];

const fn vectors(
    name: &'static str,
    summary: &'static str,
    overloads: &'static [Overload],
    examples: &'static [Example],
) -> Function {
    Function::scalar(name)
        .summary(summary)
        .notes("Computed in doubles. Fails where the lists have different lengths; a null item gives null.")
        .args(&["a", "b"])
        .nulls(Nulls::Inspect)
        .nullability(|_| true)
        .fallible()
        .overloads(overloads)
        .examples(examples)
}

const fn example(result: &'static str) -> [Example; 1] {
    [Example::new(&["list<item: double> [[1, 2], [], null]", "list<item: double> [[3, 4], [], [1]]"], result)]
}

const fn pairs(kernel: Kernel) -> [Overload; 1] {
    [Overload::new(&[Kind::AnyList, Kind::AnyList], Kind::Computed(of_numbers), kernel)]
}

fn of_numbers(types: &[DataType], _: &Options) -> Result<DataType> {
    for list in types {
        let item = item_field(list)?.data_type();
        if !(item.is_numeric() || item.is_null()) {
            return Err(Error::type_mismatch(format!("items are numbers, not {item}")));
        }
    }
    Ok(DataType::Float64)
}

/// What the items of two lists add up to.
#[derive(Default)]
struct Sums {
    product: f64,
    first: f64,
    second: f64,
    apart: f64,
}

fn each(args: &Args<'_>, output: &mut Output, finish: fn(Sums) -> f64) -> Result<()> {
    let side = |index: usize| {
        let lists = Lists::of(&args.array(index)?)?;
        let items = Column::Array(lists.items.clone());
        let items = cast(&items, &DataType::Float64, CastMode::Wrapping, args.memory())?.to_array()?;
        Ok::<_, Error>((lists, items))
    };
    let ((a, a_items), (b, b_items)) = (side(0)?, side(1)?);
    let (a_items, b_items) = (a_items.as_primitive::<Float64Type>(), b_items.as_primitive::<Float64Type>());
    let results = a.ranges.iter().zip(&b.ranges).enumerate().map(|(row, (first, second))| {
        if !(a.is_valid(row) && b.is_valid(row)) {
            return Ok(None);
        }
        if first.len() != second.len() {
            let (first, second) = (first.len(), second.len());
            return Err(Error::invalid_data(format!("the lists have {first} and {second} items")).at_row(row));
        }
        let mut sums = Sums::default();
        for (i, j) in first.clone().zip(second.clone()) {
            if a_items.is_null(i) || b_items.is_null(j) {
                return Ok(None);
            }
            let (x, y) = (a_items.value(i), b_items.value(j));
            sums.product += x * y;
            sums.first += x * x;
            sums.second += y * y;
            sums.apart += (x - y) * (x - y);
        }
        Ok(Some(finish(sums)))
    });
    output.set(std::sync::Arc::new(results.collect::<Result<Float64Array>>()?))
}
