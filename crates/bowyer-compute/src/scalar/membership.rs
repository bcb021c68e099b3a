// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Whether and where a value is in a set that the call fixes.
//!
//! The set becomes a hash table when the call is bound, of the type of the values. Floats are told apart by their bits
//! unless asked for otherwise: NaN is found among NaNs of the same bits, and −0.0 is not 0.0.

use std::any::Any;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float16Type, Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, Int32Array, new_empty_array};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::DataType;
use arrow_select::concat::concat;
use bowyer_core::group::GroupTable;
use bowyer_core::keys::{KeyEquality, KeyOptions, NO_GROUP, NullKeys};
use bowyer_core::{Column, Error, ErrorCode, Memory, Output, Result};
use half::f16;

use crate::coercion::{decoded, exactly};
use crate::{
    Args, BindContext, Coercion, Example, Function, Kind, Nulls, OptionDefault, OptionKind, OptionSpec, Overload,
    encoding,
};

const VALUE_SET: OptionSpec =
    OptionSpec::new("value_set", OptionKind::Array, OptionDefault::Required, "The values to look among.");
const SKIP_NULLS: OptionSpec = OptionSpec::new(
    "skip_nulls",
    OptionKind::Boolean,
    OptionDefault::Boolean(false),
    "Whether a null is found nowhere, even if the set has a null.",
);
const NULL_MATCHING: OptionSpec = OptionSpec::new(
    "null_matching_behavior",
    OptionKind::Choice(&["match", "skip", "emit_null", "inconclusive"]),
    OptionDefault::Null,
    "What a null gives, in place of skip_nulls: whether the set has one; false; null; or null as SQL says, which makes \
     null also what is not found in a set that has a null.",
);

const FLOAT_EQUALITY: OptionSpec = OptionSpec::new(
    "float_equality",
    OptionKind::Choice(&["bits", "keys", "ieee"]),
    OptionDefault::Utf8("bits"),
    "When floats are equal: when their bits are; as keys of a plan are, all NaNs and both zeros; or as `equal` says, \
     which NaN never is.",
);

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("is_in")
        .summary("Tells whether each value is in a set.")
        .notes(
            "The set is cast to the type of the values; what this does not hold is found nowhere. Null is in a set \
             that has a null. Floats are told apart by their bits unless `float_equality` says otherwise.",
        )
        .args(&["values"])
        .options(&[VALUE_SET, SKIP_NULLS, NULL_MATCHING, FLOAT_EQUALITY])
        .examples(
            &[Example::new(&["int64 [1, 2, null]"], "bool [true, false, false]").with(&[("value_set", "[3, 1]")])],
        )
        .nulls(Nulls::Inspect)
        .prepare(prepare)
        .coercion(Coercion::Always(as_given))
        .overloads(&[Overload::new(&[Kind::Any], Kind::Boolean, is_in)]),
    Function::scalar("index_in")
        .summary("Gives the place of each value in a set, counted from zero.")
        .notes("Null where the set does not have it. Of equal values in the set the first counts.")
        .args(&["values"])
        .options(&[VALUE_SET, SKIP_NULLS, FLOAT_EQUALITY])
        .examples(&[Example::new(&["int64 [1, 2, null]"], "int32 [1, null, null]").with(&[("value_set", "[3, 1]")])])
        .nulls(Nulls::Inspect)
        .prepare(prepare)
        .coercion(Coercion::Always(as_given))
        .overloads(&[Overload::new(&[Kind::Any], Kind::Int32, index_in)]),
    Function::vector("is_in_meta_binary")
        .summary("Tells whether each value is among other values.")
        .notes("As is_in, with the set as an argument.")
        .args(&["values", "value_set"])
        .examples(&[Example::new(&["int64 [1, 2, null]", "int64 [3, 1]"], "bool [true, false, false]")])
        .fallible()
        .nullability(|_| false)
        .overloads(&[Overload::vector(&[Kind::Any, Kind::Any], Kind::Boolean, is_in_array)]),
    Function::vector("index_in_meta_binary")
        .summary("Gives the place of each value among other values, counted from zero.")
        .notes("As index_in, with the set as an argument.")
        .args(&["values", "value_set"])
        .examples(&[Example::new(&["int64 [1, 2, null]", "int64 [3, 1]"], "int32 [1, null, null]")])
        .fallible()
        .overloads(&[Overload::vector(&[Kind::Any, Kind::Any], Kind::Int32, index_in_array)]),
];

/// Dictionaries and runs are decoded, so that they are looked up by their values.
fn as_given(types: &[DataType]) -> Result<Option<Vec<DataType>>> {
    Ok(Some(types.iter().map(decoded).collect()))
}

/// A set of values that says where it has each: nulls match, floats by their bits.
///
/// # Errors
/// As an option of [`FAMILY`].
pub(crate) fn set_of_values(values: &ArrayRef, to: &DataType, memory: &Memory) -> Result<Set> {
    Set::new(values, to, PLAIN, memory)
}

/// What a null among the values gives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NullMatching {
    Match,
    Skip,
    Emit,
    Inconclusive,
}

/// How a set tells values apart, and what it does with nulls.
#[derive(Clone, Copy)]
struct Rules {
    matching: NullMatching,
    equality: KeyEquality,
    /// Whether NaN is in no set.
    without_nan: bool,
}

/// Nulls match, floats are equal when their bits are.
const PLAIN: Rules = Rules { matching: NullMatching::Match, equality: KeyEquality::Bits, without_nan: false };

pub(crate) struct Set {
    table: GroupTable,
    /// Where the set has the value of each group.
    places: Vec<i32>,
    /// Where the set has a null.
    null: Option<i32>,
    matching: NullMatching,
    /// The group that no value is found in.
    nan: Option<u32>,
}

fn prepare(context: &BindContext<'_>) -> Result<Box<dyn Any + Send + Sync>> {
    let options = context.options;
    let matching = match options.is_null("null_matching_behavior") {
        Ok(false) => match options.utf8("null_matching_behavior")? {
            "skip" => NullMatching::Skip,
            "emit_null" => NullMatching::Emit,
            "inconclusive" => NullMatching::Inconclusive,
            _ => NullMatching::Match,
        },
        _ if options.boolean("skip_nulls")? => NullMatching::Skip,
        _ => NullMatching::Match,
    };
    let floats = options.utf8("float_equality")?;
    let rules = Rules {
        matching,
        equality: if floats == "bits" { KeyEquality::Bits } else { KeyEquality::Values },
        without_nan: floats == "ieee",
    };
    let set = Set::new(options.array("value_set")?, &context.types[0], rules, &Memory::unlimited());
    Ok(Box::new(set.map_err(|error| error.for_argument("value_set"))?))
}

impl Set {
    fn new(values: &ArrayRef, to: &DataType, rules: Rules, memory: &Memory) -> Result<Self> {
        if i32::try_from(values.len()).is_err() {
            return Err(Error::limit_exceeded("more than 2^31 values"));
        }
        let is_text = |data_type: &DataType| Kind::AnyString.accepts(std::slice::from_ref(data_type), 0);
        let values = if is_text(values.data_type()) && !is_text(to) {
            // Text is read, as pyarrow does: there is no way back to compare with.
            encoding::convert(&Column::Array(values.clone()), to, memory)?.values().clone()
        } else {
            match exactly(values, to, memory) {
                Ok(values) => values,
                // Unlike types never match, single values of like types may.
                Err(error) if error.code() == ErrorCode::InvalidArgument => {
                    return Self::of_some(values, to, rules, memory);
                }
                Err(error) => return Err(error),
            }
        };
        let options = KeyOptions {
            equality: rules.equality,
            null_keys: NullKeys::Reject,
            expected_rows: values.len(),
            ..KeyOptions::default()
        };
        let mut table = GroupTable::new(std::slice::from_ref(to), options, memory)?;
        let mut groups = Vec::new();
        let first = table.insert(std::slice::from_ref(&values), values.len(), &mut groups)?;
        let matching = rules.matching;
        let null = groups.iter().position(|&group| group == NO_GROUP).map(|row| row as i32);
        let nan = if rules.without_nan { nan_group(&values, &groups) } else { None };
        Ok(Self { table, places: first.into_iter().map(|row| row as i32).collect(), null, matching, nan })
    }

    /// A set of those values that the type holds: the others are equal to none of it.
    fn of_some(values: &ArrayRef, to: &DataType, rules: Rules, memory: &Memory) -> Result<Self> {
        let single = |row: usize| Some((row as i32, exactly(&values.slice(row, 1), to, memory).ok()?));
        let (rows, kept): (Vec<i32>, Vec<ArrayRef>) = (0..values.len()).filter_map(single).unzip();
        let kept: Vec<&dyn Array> = kept.iter().map(AsRef::as_ref).collect();
        let kept = if kept.is_empty() { new_empty_array(to) } else { concat(&kept)? };
        let mut set = Self::new(&kept, to, rules, memory)?;
        let row_of = |place: i32| rows.get(place as usize).copied();
        set.places = set.places.into_iter().filter_map(row_of).collect();
        set.null = set.null.and_then(row_of);
        Ok(set)
    }

    fn groups(&self, values: &ArrayRef) -> Result<Vec<u32>> {
        let mut groups = Vec::new();
        self.table.find(std::slice::from_ref(values), values.len(), &mut groups)?;
        if let Some(nan) = self.nan {
            groups.iter_mut().filter(|group| **group == nan).for_each(|group| *group = NO_GROUP);
        }
        Ok(groups)
    }

    fn contains(&self, values: &ArrayRef) -> Result<ArrayRef> {
        let groups = self.groups(values)?;
        let nulls = values.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        let null_is_in = self.matching == NullMatching::Match && self.null.is_some();
        let is_null = |row: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        let found = |row: usize| groups[row] != NO_GROUP || (null_is_in && is_null(row));
        let found = BooleanBuffer::collect_bool(groups.len(), found);
        let validity = match self.matching {
            NullMatching::Match | NullMatching::Skip => None,
            NullMatching::Inconclusive if self.null.is_some() => Some(NullBuffer::new(found.clone())),
            NullMatching::Emit | NullMatching::Inconclusive => nulls,
        };
        Ok(Arc::new(BooleanArray::new(found, validity)))
    }

    /// Where the set has each value; null where it does not.
    pub(crate) fn places(&self, values: &ArrayRef) -> Result<ArrayRef> {
        let groups = self.groups(values)?;
        let nulls = values.logical_nulls();
        let null = self.null.filter(|_| self.matching == NullMatching::Match);
        let is_null = |row: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        let place = |(row, group): (usize, u32)| match self.places.get(group as usize) {
            Some(place) => Some(*place),
            None if is_null(row) => null,
            None => None,
        };
        Ok(Arc::new(groups.into_iter().enumerate().map(place).collect::<Int32Array>()))
    }
}

/// The group of the NaNs in a set.
fn nan_group(values: &ArrayRef, groups: &[u32]) -> Option<u32> {
    let row = match values.data_type() {
        DataType::Float16 => {
            values.as_primitive::<Float16Type>().iter().position(|value| value.is_some_and(f16::is_nan))
        }
        DataType::Float32 => {
            values.as_primitive::<Float32Type>().iter().position(|value| value.is_some_and(f32::is_nan))
        }
        DataType::Float64 => {
            values.as_primitive::<Float64Type>().iter().position(|value| value.is_some_and(f64::is_nan))
        }
        _ => None,
    };
    row.map(|row| groups[row])
}

/// The rows of `values` that are equal to a value of one row; none if it is null.
pub(crate) fn equal_rows(values: &ArrayRef, value: &ArrayRef, memory: &Memory) -> Result<BooleanBuffer> {
    let set = Set::new(value, values.data_type(), Rules { matching: NullMatching::Skip, ..PLAIN }, memory)?;
    let groups = set.groups(values)?;
    Ok(BooleanBuffer::collect_bool(groups.len(), |row| groups[row] != NO_GROUP))
}

fn is_in(args: &Args<'_>, output: &mut Output) -> Result<()> {
    output.set(args.state::<Set>()?.contains(&args.array(0)?)?)
}

fn index_in(args: &Args<'_>, output: &mut Output) -> Result<()> {
    output.set(args.state::<Set>()?.places(&args.array(0)?)?)
}

fn set_of(args: &Args<'_>) -> Result<(ArrayRef, Set)> {
    let values = encoding::decode(args.column(0))?.to_array()?;
    let set = Set::new(&args.array(1)?, values.data_type(), PLAIN, args.memory());
    Ok((values, set.map_err(|error| error.for_argument("value_set"))?))
}

fn is_in_array(args: &Args<'_>) -> Result<ArrayRef> {
    let (values, set) = set_of(args)?;
    set.contains(&values)
}

fn index_in_array(args: &Args<'_>) -> Result<ArrayRef> {
    let (values, set) = set_of(args)?;
    set.places(&values)
}
