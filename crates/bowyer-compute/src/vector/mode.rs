// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Values by how they are distributed: the most common ones, and outliers drawn in.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, ArrowNativeTypeOp, Int64Array, StructArray, UInt32Array};
use arrow_buffer::ArrowNativeType;
use arrow_schema::{DataType, Field, Fields};
use bowyer_core::arity::Lanes;
use bowyer_core::{Column, Error, Output, Result, with_native};

use super::rows::take_rows;
use super::sort::sorted_with_ties;
use crate::{Args, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Options, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::vector("mode")
        .summary("Finds the most common values and how often each is there.")
        .notes("The most common first, of equally common ones the least. NaNs are one value.")
        .args(&["values"])
        .options(&[
            OptionSpec::new("n", OptionKind::Integer, OptionDefault::Integer(1), "How many values to give at most."),
            OptionSpec::new(
                "skip_nulls",
                OptionKind::Boolean,
                OptionDefault::Boolean(true),
                "Leaves nulls out; without it a null makes the result empty.",
            ),
            OptionSpec::new(
                "min_count",
                OptionKind::Integer,
                OptionDefault::Integer(0),
                "Gives nothing where fewer values than this are there.",
            ),
        ])
        .examples(&[Example::new(
            &["int64 [3, 1, 3, null]"],
            "struct<mode: int64, count: int64> [{mode: 3, count: 2}]",
        )])
        .nullability(|_| false)
        .overloads(&[Overload::vector(&[Kind::Any], Kind::Computed(mode_type), mode)]),
    Function::vector("winsorize")
        .summary("Draws values beyond two quantiles in to these.")
        .notes("Quantiles are the nearest values. Nulls and NaNs stay, and do not count.")
        .args(&["values"])
        .options(&[
            OptionSpec::new(
                "lower_limit",
                OptionKind::Float,
                OptionDefault::Required,
                "The lower quantile, from 0 to 1.",
            ),
            OptionSpec::new(
                "upper_limit",
                OptionKind::Float,
                OptionDefault::Required,
                "The upper quantile, from 0 to 1.",
            ),
        ])
        .examples(&[Example::new(&["int64 [1, 20, 30, 40, 500]"], "int64 [20, 20, 30, 40, 40]")
            .with(&[("lower_limit", "0.25"), ("upper_limit", "0.75")])])
        .overloads(&[
            Overload::vector(&[Kind::Numeric], Kind::SameAs(0), winsorize),
            Overload::vector(&[Kind::Float16], Kind::SameAs(0), winsorize),
            Overload::vector(&[Kind::AnyDecimal], Kind::SameAs(0), winsorize),
        ]),
];

fn mode_fields(data_type: &DataType) -> Fields {
    Fields::from(vec![Field::new("mode", data_type.clone(), true), Field::new("count", DataType::Int64, true)])
}

fn mode_type(types: &[DataType], _: &Options) -> Result<DataType> {
    Ok(DataType::Struct(mode_fields(&types[0])))
}

fn mode(args: &Args<'_>) -> Result<ArrayRef> {
    let values = args.array(0)?;
    let n = usize::try_from(args.options().integer("n")?).ok().filter(|n| *n > 0);
    let n = n.ok_or_else(|| Error::invalid_argument("it is less than 1").for_argument("n"))?;
    let (rows, differs) = sorted_with_ties(&values)?;
    let null_count = values.logical_null_count();
    let valid = rows.len() - null_count;
    let spoiled = null_count > 0 && !args.options().boolean("skip_nulls")?;
    let enough = args.options().integer("min_count")? <= valid as i64;
    let mut found: Vec<(u32, i64)> = Vec::new();
    if enough && !spoiled {
        for (row, differs) in rows.into_iter().zip(differs).take(valid) {
            match found.last_mut() {
                Some((_, count)) if !differs => *count += 1,
                _ => found.push((row, 1)),
            }
        }
    }
    found.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    found.truncate(n);
    let (rows, counts): (Vec<u32>, Vec<i64>) = found.into_iter().unzip();
    let modes = take_rows(&values, &UInt32Array::from(rows), args.memory())?;
    let counts: ArrayRef = Arc::new(Int64Array::from(counts));
    Ok(Arc::new(StructArray::try_new(mode_fields(values.data_type()), vec![modes, counts], None)?))
}

fn winsorize(args: &Args<'_>) -> Result<ArrayRef> {
    let limit = |name: &'static str| {
        let limit = args.options().float(name)?;
        let refused = || Error::invalid_argument(format!("{limit} is not between 0 and 1")).for_argument(name);
        if (0.0..=1.0).contains(&limit) { Ok(limit) } else { Err(refused()) }
    };
    let (lower, upper) = (limit("lower_limit")?, limit("upper_limit")?);
    if lower > upper {
        return Err(Error::invalid_argument("it is below lower_limit").for_argument("upper_limit"));
    }
    let values = args.array(0)?;
    with_native!(values.data_type(), T => draw_in::<T>(args, &values, lower, upper))
}

fn draw_in<T: ArrowNativeType + ArrowNativeTypeOp>(
    args: &Args<'_>,
    values: &ArrayRef,
    lower: f64,
    upper: f64,
) -> Result<ArrayRef> {
    let lanes = Lanes::<T>::of(&Column::Array(values.clone()))?;
    let is_there = |row: usize| values.is_valid(row) && lanes.value(row).partial_cmp(&lanes.value(row)).is_some();
    let mut sorted: Vec<T> = (0..values.len()).filter(|row| is_there(*row)).map(|row| lanes.value(row)).collect();
    if sorted.is_empty() {
        return Ok(values.clone());
    }
    sorted.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    let nearest = |share: f64| {
        let rank = share * (sorted.len() - 1) as f64;
        let below = rank.floor();
        let up = rank - below > 0.5 || (rank - below == 0.5 && below as usize % 2 == 1);
        sorted[(below as usize + usize::from(up)).min(sorted.len() - 1)]
    };
    let (low, high) = (nearest(lower), nearest(upper));
    let mut output = Output::new(values.data_type().clone(), values.len(), values.nulls().cloned(), args.memory());
    for (out, &value) in output.fixed::<T>()?.iter_mut().zip(lanes.slice()) {
        *out = match value {
            value if value < low => low,
            value if value > high => high,
            value => value,
        };
    }
    output.finish()
}
