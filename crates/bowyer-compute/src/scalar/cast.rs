// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Casts between types.
//!
//! A cast is checked unless told otherwise: what the type cannot hold exactly is an error that names the first valid
//! row; what lies under nulls is never an error. The directories below hold one file for each pair of worlds: numbers,
//! text, decimals, times, nested values, encodings.

mod decimal;
mod encoded;
mod format;
mod lanes;
mod nested;
mod number;
mod parse;
mod temporal;
mod text;
mod whole_decimal;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, new_empty_array, new_null_array};
use arrow_schema::DataType;
use bowyer_core::{Column, Error, Memory, Output, Result};

pub(crate) use parse::digits as parse_digits;

use crate::coercion::holds_every;
use crate::{
    Args, BindContext, Example, Function, Kind, Nulls, OptionDefault, OptionKind, OptionSpec, OptionValue, Options,
    Overload,
};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("cast")
        .summary("Converts each value to another type.")
        .notes(
            "Checked by default: a value that the type does not hold exactly fails. With `safe` false every check is off; \
             each `allow_` option, when given, decides for its own check.",
        )
        .args(&["value"])
        .options(OPTIONS)
        .examples(&[
            Example::new(&["int64 [1, null]"], "int32 [1, null]").with(&[("to_type", "\"int32\"")]),
            Example::new(&["double [1.5, 1e20]"], "string [\"1.5\", \"1e+20\"]").with(&[("to_type", "\"string\"")]),
        ])
        .nulls(Nulls::Inspect)
        .nullability(|nullable| nullable.contains(&true))
        .fallible_for(|types, to| !holds_every(to, &types[0]))
        .prepare(prepare)
        .overloads(&[Overload::new(&[Kind::Any], Kind::Computed(to_type), kernel)]),
    Function::scalar("try_cast")
        .summary("Converts each value to another type, and to null where the type does not hold it exactly.")
        .args(&["value"])
        .options(&[TO_TYPE])
        .examples(&[Example::new(&["string [\"1\", \"x\", null]"], "int32 [1, null, null]")
            .with(&[("to_type", "\"int32\"")])])
        .nulls(Nulls::Inspect)
        .prepare(prepare_try)
        .overloads(&[Overload::new(&[Kind::Any], Kind::Computed(to_type), kernel)]),
];

const fn allow(name: &'static str, summary: &'static str) -> OptionSpec {
    OptionSpec::new(name, OptionKind::Boolean, OptionDefault::Null, summary)
}

const TO_TYPE: OptionSpec =
    OptionSpec::new("to_type", OptionKind::Type, OptionDefault::Required, "The type to convert to.");

const OPTIONS: &[OptionSpec] = &[
    TO_TYPE,
    OptionSpec::new("safe", OptionKind::Boolean, OptionDefault::Boolean(true), "Whether lossy conversions fail."),
    allow("allow_int_overflow", "Whether integers that do not fit wrap."),
    allow("allow_time_truncate", "Whether times lose what their unit cannot hold."),
    allow("allow_time_overflow", "Whether times that do not fit wrap."),
    allow("allow_decimal_truncate", "Whether decimals lose digits."),
    allow("allow_float_truncate", "Whether floats lose their fraction, and integers their last digits as floats."),
];

/// What a cast does with a value that the type cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CastMode {
    /// Fails.
    Checked,
    /// Gives null.
    Try,
    /// Wraps integers and truncates fractions.
    Wrapping,
}

/// Which losses a cast takes, and whether those it does not take are nulls instead of errors.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Policy {
    pub(crate) int_overflow: bool,
    pub(crate) time_truncate: bool,
    pub(crate) time_overflow: bool,
    pub(crate) decimal_truncate: bool,
    pub(crate) float_truncate: bool,
    pub(crate) null_on_failure: bool,
}

impl Policy {
    fn of(mode: CastMode) -> Self {
        let wraps = mode == CastMode::Wrapping;
        Self {
            int_overflow: wraps,
            time_truncate: wraps,
            time_overflow: wraps,
            decimal_truncate: wraps,
            float_truncate: wraps,
            null_on_failure: mode == CastMode::Try,
        }
    }
}

/// One cast: where to, what is allowed, whose memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cast<'a> {
    pub(crate) to: &'a DataType,
    pub(crate) policy: Policy,
    pub(crate) memory: &'a Memory,
}

impl<'a> Cast<'a> {
    fn to<'b>(&self, to: &'b DataType) -> Cast<'b>
    where
        'a: 'b,
    {
        Cast { to, policy: self.policy, memory: self.memory }
    }
}

/// Casts `column` to `to`.
///
/// # Errors
/// `NotImplemented` for types without a cast between them; in checked mode those of a value that does not fit.
pub fn cast(column: &Column, to: &DataType, mode: CastMode, memory: &Memory) -> Result<Column> {
    let values = cast_array(column.values(), Cast { to, policy: Policy::of(mode), memory })?;
    Ok(match column {
        Column::Array(_) => Column::Array(values),
        Column::Scalar { row_count, .. } => Column::Scalar { value: values, row_count: *row_count },
    })
}

fn to_type(_types: &[DataType], options: &Options) -> Result<DataType> {
    options.data_type("to_type").cloned()
}

fn prepare(context: &BindContext<'_>) -> Result<Box<dyn std::any::Any + Send + Sync>> {
    let options = context.options;
    let safe = options.boolean("safe")?;
    let allows = |name: &str| match options.get(name)? {
        OptionValue::Boolean(allowed) => Ok::<_, Error>(*allowed),
        _ => Ok(!safe),
    };
    let policy = Policy {
        int_overflow: allows("allow_int_overflow")?,
        time_truncate: allows("allow_time_truncate")?,
        time_overflow: allows("allow_time_overflow")?,
        decimal_truncate: allows("allow_decimal_truncate")?,
        float_truncate: allows("allow_float_truncate")?,
        null_on_failure: false,
    };
    prepared(context, policy)
}

fn prepare_try(context: &BindContext<'_>) -> Result<Box<dyn std::any::Any + Send + Sync>> {
    prepared(context, Policy::of(CastMode::Try))
}

/// Types without a cast between them are refused before any data comes.
fn prepared(context: &BindContext<'_>, policy: Policy) -> Result<Box<dyn std::any::Any + Send + Sync>> {
    let empty = new_empty_array(&context.types[0]);
    cast_array(&empty, Cast { to: context.output_type, policy, memory: &Memory::unlimited() })?;
    Ok(Box::new(policy))
}

fn kernel(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let policy = *args.state::<Policy>()?;
    let array = args.array(0)?;
    output.set(cast_array(&array, Cast { to: args.output_type(), policy, memory: args.memory() })?)
}

/// Casts an array.
pub(crate) fn cast_array(array: &ArrayRef, cast: Cast<'_>) -> Result<ArrayRef> {
    use DataType as T;
    let (from, to) = (array.data_type(), cast.to);
    if from == to {
        return Ok(array.clone());
    }
    match (from, to) {
        (T::Null, _) => Ok(new_null_array(to, array.len())),
        (T::Dictionary(..) | T::RunEndEncoded(..), _) | (_, T::Dictionary(..) | T::RunEndEncoded(..)) => {
            encoded::cast_encoded(array, cast)
        }
        (T::Boolean, _) if is_number(to) => number::boolean_to_number(array.as_boolean(), &cast),
        (_, T::Boolean) if is_number(from) => number::number_to_boolean(array),
        _ if is_number(from) && is_number(to) => number::number_to_number(array, &cast),
        _ if is_text(from) || is_bytes(from) => text::from_bytes(array, &cast),
        _ if is_text(to) => format::to_text(array, &cast),
        _ if from.is_decimal() || to.is_decimal() => decimal::cast_decimal(array, &cast),
        _ if is_temporal(from) || is_temporal(to) => temporal::cast_temporal(array, &cast),
        _ if from.is_nested() && to.is_nested() => nested::cast_nested(array, &cast),
        _ => Err(unsupported(from, to)),
    }
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_integer() || data_type.is_floating()
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn is_bytes(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_))
}

fn is_temporal(data_type: &DataType) -> bool {
    Kind::Temporal.accepts(std::slice::from_ref(data_type), 0)
}

#[cold]
fn unsupported(from: &DataType, to: &DataType) -> Error {
    Error::not_implemented(format!("there is no cast from {from} to {to}"))
}

#[cfg(test)]
mod tests;
