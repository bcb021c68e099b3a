// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Distinct values: `unique`, `value_counts`, `dictionary_encode`.
//!
//! Values come in the order in which they first appear. Floats are told apart by their bits: 0.0 and −0.0 are two
//! values, and so are two NaNs of different bits. Null is a value like others.

use std::sync::Arc;

use arrow_array::types::{
    ArrowDictionaryKeyType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, DictionaryArray, Int64Array, PrimitiveArray, StructArray, UInt32Array};
use arrow_buffer::ArrowNativeType;
use arrow_schema::{DataType, Field, Fields};
use bowyer_core::group::GroupTable;
use bowyer_core::keys::{KeyEquality, KeyOptions};
use bowyer_core::{Error, Memory, Result};

use super::rows::take_rows;
use crate::{Args, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Options, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::vector("unique")
        .summary("Keeps the first of each distinct value.")
        .notes("Floats are told apart by their bits. Null is a value.")
        .args(&["values"])
        .examples(&[Example::new(&["int64 [3, null, 3, 1]"], "int64 [3, null, 1]")])
        .overloads(&[Overload::vector(&[Kind::Any], Kind::SameAs(0), unique)]),
    Function::vector("value_counts")
        .summary("Counts how often each distinct value appears.")
        .notes("The result holds `values`, in the order of their first appearance, and `counts`.")
        .args(&["values"])
        .examples(&[Example::new(
            &["int64 [3, null, 3]"],
            "struct<values: int64, counts: int64> [{values: 3, counts: 2}, {values: null, counts: 1}]",
        )])
        .nullability(|_| false)
        .overloads(&[Overload::vector(&[Kind::Any], Kind::Computed(counts_type), value_counts)]),
    Function::vector("dictionary_encode")
        .examples(&[Example::new(
            &["string [\"a\", \"b\", \"a\"]"],
            "dictionary<values=string, indices=int32, ordered=0> [\"a\", \"b\", \"a\"]",
        )])
        .summary("Replaces values by indices into a dictionary of the distinct ones.")
        .notes("Dictionaries stay as they are.")
        .args(&["values"])
        .options(&[OptionSpec::new(
            "null_encoding",
            OptionKind::Choice(&["mask", "encode"]),
            OptionDefault::Utf8("mask"),
            "Whether nulls are null indices or a value of the dictionary.",
        )])
        .overloads(&[Overload::vector(&[Kind::Any], Kind::Computed(encoded_type), dictionary_encode)]),
];

/// The distinct values of an array, and which of them each row has.
pub(super) struct Distinct {
    pub(super) group_indices: Vec<u32>,
    pub(super) first_rows: UInt32Array,
}

pub(super) fn distinct(values: &ArrayRef, memory: &Memory) -> Result<Distinct> {
    let options = KeyOptions { equality: KeyEquality::Bits, expected_rows: values.len(), ..KeyOptions::default() };
    let mut table = GroupTable::new(&[values.data_type().clone()], options, memory)?;
    let mut group_indices = Vec::new();
    let first_rows = table.insert(std::slice::from_ref(values), values.len(), &mut group_indices)?;
    Ok(Distinct { group_indices, first_rows: first_rows.into() })
}

fn unique(args: &Args<'_>) -> Result<ArrayRef> {
    let values = args.array(0)?;
    take_rows(&values, &distinct(&values, args.memory())?.first_rows, args.memory())
}

fn counts_fields(values: &DataType) -> Fields {
    Fields::from(vec![Field::new("values", values.clone(), true), Field::new("counts", DataType::Int64, true)])
}

fn counts_type(types: &[DataType], _options: &Options) -> Result<DataType> {
    Ok(DataType::Struct(counts_fields(&types[0])))
}

fn value_counts(args: &Args<'_>) -> Result<ArrayRef> {
    let values = args.array(0)?;
    let distinct = distinct(&values, args.memory())?;
    let mut counts = vec![0i64; distinct.first_rows.len()];
    for &group in &distinct.group_indices {
        counts[group as usize] += 1;
    }
    let kept = take_rows(&values, &distinct.first_rows, args.memory())?;
    let counts: ArrayRef = Arc::new(Int64Array::from(counts));
    Ok(Arc::new(StructArray::try_new(counts_fields(values.data_type()), vec![kept, counts], None)?))
}

fn encoded_type(types: &[DataType], _options: &Options) -> Result<DataType> {
    Ok(match &types[0] {
        dictionary @ DataType::Dictionary(..) => dictionary.clone(),
        values => DataType::Dictionary(Box::new(DataType::Int32), Box::new(values.clone())),
    })
}

fn dictionary_encode(args: &Args<'_>) -> Result<ArrayRef> {
    let values = args.array(0)?;
    if matches!(values.data_type(), DataType::Dictionary(..)) {
        return Ok(values);
    }
    let masked = args.options().utf8("null_encoding")? == "mask";
    encoded::<Int32Type>(&values, masked, args.memory())
}

/// A plain array as a dictionary with keys of a type; nulls are null keys.
///
/// # Errors
/// `LimitExceeded` when there are more distinct values than keys.
pub(crate) fn encode_as(values: &ArrayRef, keys: &DataType, memory: &Memory) -> Result<ArrayRef> {
    match keys {
        DataType::Int8 => encoded::<Int8Type>(values, true, memory),
        DataType::Int16 => encoded::<Int16Type>(values, true, memory),
        DataType::Int32 => encoded::<Int32Type>(values, true, memory),
        DataType::Int64 => encoded::<Int64Type>(values, true, memory),
        DataType::UInt8 => encoded::<UInt8Type>(values, true, memory),
        DataType::UInt16 => encoded::<UInt16Type>(values, true, memory),
        DataType::UInt32 => encoded::<UInt32Type>(values, true, memory),
        DataType::UInt64 => encoded::<UInt64Type>(values, true, memory),
        other => Err(Error::type_mismatch(format!("{other} is no type of dictionary keys"))),
    }
}

fn encoded<K: ArrowDictionaryKeyType>(values: &ArrayRef, masked: bool, memory: &Memory) -> Result<ArrayRef> {
    let distinct = distinct(values, memory)?;
    let nulls = values.logical_nulls().filter(|nulls| masked && nulls.null_count() > 0);
    let null_group = nulls.as_ref().and_then(|nulls| {
        let row = nulls.iter().position(|valid| !valid)?;
        Some(distinct.group_indices[row])
    });
    // The groups after that of null move down by one.
    let key = |group: u32| group - u32::from(null_group.is_some_and(|null| group > null));
    let keys: Option<Vec<K::Native>> = distinct
        .group_indices
        .iter()
        .map(|&group| {
            K::Native::from_usize(key(group) as usize).filter(|native| native.as_usize() == key(group) as usize)
        })
        .collect();
    let too_many = || Error::limit_exceeded(format!("more distinct values than {} has keys", K::DATA_TYPE));
    let keys = PrimitiveArray::<K>::new(keys.ok_or_else(too_many)?.into(), nulls);
    let rows = distinct.first_rows.values().iter().enumerate();
    let rows = rows.filter(|(group, _)| Some(*group as u32) != null_group).map(|(_, &row)| row);
    let rows: UInt32Array = rows.collect::<Vec<_>>().into();
    let kept = take_rows(values, &rows, memory)?;
    Ok(Arc::new(DictionaryArray::<K>::try_new(keys, kept)?))
}
