// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! To runs of equal values, and from dictionaries and runs to plain values.

use std::sync::Arc;

use arrow_array::types::{Int16Type, Int32Type, Int64Type, RunEndIndexType};
use arrow_array::{Array, ArrayRef, PrimitiveArray, RunArray, UInt32Array};
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_schema::{DataType, Field};
use bowyer_core::arity::Lanes;
use bowyer_core::group::GroupTable;
use bowyer_core::keys::{KeyEquality, KeyOptions};
use bowyer_core::{Column, Error, Memory, Result};

use super::rows::take_rows;
use crate::coercion::decoded;
use crate::{Args, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Options, Overload, encoding};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::vector("dictionary_decode")
        .summary("Replaces dictionary indices by their values; plain values stay.")
        .args(&["values"])
        .examples(&[Example::new(
            &["dictionary<values=string, indices=int32, ordered=0> [\"a\", null, \"a\"]"],
            "string [\"a\", null, \"a\"]",
        )])
        .overloads(&[Overload::vector(&[Kind::Any], Kind::Computed(plain_type), decode)]),
    Function::vector("run_end_encode")
        .summary("Keeps one value of each run of equal ones, and where the run ends.")
        .notes("Nulls are runs too. Floats are equal when their bits are. Runs stay as they are.")
        .args(&["values"])
        .options(&[OptionSpec::new(
            "run_end_type",
            OptionKind::Type,
            OptionDefault::Null,
            "int16, int32 or int64: the type of the ends; int32 without it.",
        )])
        .examples(&[Example::new(
            &["int64 [5, 5, null]"],
            "run_end_encoded<run_ends: int32, values: int64> [5, 5, null]",
        )])
        .overloads(&[Overload::vector(&[Kind::Any], Kind::Computed(runs_type), encode)]),
    Function::vector("run_end_decode")
        .summary("Repeats the value of each run.")
        .args(&["values"])
        .examples(&[Example::new(
            &["run_end_encoded<run_ends: int32, values: int64> [5, 5, null]"],
            "int64 [5, 5, null]",
        )])
        .overloads(&[Overload::vector(&[Kind::AnyRuns], Kind::Computed(plain_type), decode)]),
];

fn plain_type(types: &[DataType], _: &Options) -> Result<DataType> {
    Ok(decoded(&types[0]))
}

fn decode(args: &Args<'_>) -> Result<ArrayRef> {
    encoding::decode(args.column(0))?.to_array()
}

fn runs_type(types: &[DataType], options: &Options) -> Result<DataType> {
    if matches!(types[0], DataType::RunEndEncoded(..)) {
        return Ok(types[0].clone());
    }
    let ends =
        if options.is_null("run_end_type")? { DataType::Int32 } else { options.data_type("run_end_type")?.clone() };
    if !matches!(ends, DataType::Int16 | DataType::Int32 | DataType::Int64) {
        return Err(Error::type_mismatch(format!("{ends} is no type of run ends")).for_argument("run_end_type"));
    }
    Ok(DataType::RunEndEncoded(
        Arc::new(Field::new("run_ends", ends, false)),
        Arc::new(Field::new("values", types[0].clone(), true)),
    ))
}

fn encode(args: &Args<'_>) -> Result<ArrayRef> {
    let values = args.array(0)?;
    if values.data_type() == args.output_type() {
        return Ok(values);
    }
    match args.output_type() {
        DataType::RunEndEncoded(ends, _) => match ends.data_type() {
            DataType::Int16 => runs::<Int16Type>(args, &values),
            DataType::Int64 => runs::<Int64Type>(args, &values),
            _ => runs::<Int32Type>(args, &values),
        },
        other => Err(Error::internal(format!("{other} has no runs"))),
    }
}

fn runs<R: RunEndIndexType>(args: &Args<'_>, values: &ArrayRef) -> Result<ArrayRef> {
    let starts = run_starts(values, args.memory())?;
    let row_count = values.len();
    // Ends ascend: the last one fits or none need to be looked at.
    if R::Native::from_usize(row_count).is_none_or(|end| end.as_usize() != row_count) {
        let message = format!("more rows than {} counts", R::DATA_TYPE);
        return Err(Error::limit_exceeded(message).for_argument("run_end_type"));
    }
    let ends = starts.iter().skip(1).map(|row| *row as usize).chain((row_count > 0).then_some(row_count));
    let ends: Vec<R::Native> = ends.map(R::Native::usize_as).collect();
    let kept = if starts.len() == row_count {
        values.clone()
    } else {
        take_rows(values, &UInt32Array::from(starts), args.memory())?
    };
    Ok(Arc::new(RunArray::<R>::try_new(&PrimitiveArray::<R>::new(ends.into(), None), kept.as_ref())?))
}

/// The rows whose value is not that of the row before, floats being equal when their bits are.
pub(super) fn run_starts(values: &ArrayRef, memory: &Memory) -> Result<Vec<u32>> {
    let column = Column::Array(values.clone());
    match values.data_type().primitive_width() {
        Some(1) => lane_starts(&Lanes::<u8>::of(&column)?, values.nulls()),
        Some(2) => lane_starts(&Lanes::<u16>::of(&column)?, values.nulls()),
        Some(4) => lane_starts(&Lanes::<u32>::of(&column)?, values.nulls()),
        Some(8) => lane_starts(&Lanes::<u64>::of(&column)?, values.nulls()),
        _ => {
            let options =
                KeyOptions { equality: KeyEquality::Bits, expected_rows: values.len(), ..KeyOptions::default() };
            let mut table = GroupTable::new(&[values.data_type().clone()], options, memory)?;
            let mut groups = Vec::new();
            table.insert(std::slice::from_ref(values), values.len(), &mut groups)?;
            let starts = (0..groups.len()).filter(|&row| row == 0 || groups[row] != groups[row - 1]);
            Ok(starts.map(|row| row as u32).collect())
        }
    }
}

fn lane_starts<T: ArrowNativeType>(lanes: &Lanes<T>, nulls: Option<&NullBuffer>) -> Result<Vec<u32>> {
    let lanes = lanes.slice();
    let mut starts = vec![0u32; lanes.len()];
    let mut count = usize::from(!lanes.is_empty());
    // Written whether it is a start or not: no branch to foresee.
    let mut put = |row: usize, starts_here: bool| {
        starts[count] = row as u32;
        count += usize::from(starts_here);
    };
    match nulls {
        None => lanes.windows(2).enumerate().for_each(|(row, pair)| put(row + 1, pair[0] != pair[1])),
        Some(nulls) => {
            for (row, pair) in lanes.windows(2).enumerate() {
                let (before, now) = (nulls.is_null(row), nulls.is_null(row + 1));
                put(row + 1, before != now || (!now && pair[0] != pair[1]));
            }
        }
    }
    starts.truncate(count);
    Ok(starts)
}

/// A column as its plain values.
///
/// # Errors
/// As decoding.
pub(crate) fn plain(column: &Column) -> Result<ArrayRef> {
    encoding::decode(column)?.to_array()
}
