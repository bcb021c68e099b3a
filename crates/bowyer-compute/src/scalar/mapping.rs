// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Replacing values by a table of old and new ones that the call fixes.
//!
//! Old values are found as `is_in` finds them: null is a value, floats are told apart by their bits.

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, UInt64Array, new_null_array};
use arrow_schema::DataType;
use arrow_select::concat::concat;
use bowyer_core::{Error, Memory, Output, Result};

use super::membership::{Set, set_of_values};
use crate::coercion::{decoded, exactly};
use crate::vector::rows::take_rows64;
use crate::{
    Args, BindContext, Coercion, Example, Function, Kind, Nulls, OptionDefault, OptionKind, OptionSpec, Options,
    Overload,
};

const OLD: OptionSpec = OptionSpec::new("old", OptionKind::Array, OptionDefault::Required, "The values to replace.");
const NEW: OptionSpec = OptionSpec::new(
    "new",
    OptionKind::Array,
    OptionDefault::Required,
    "What stands in their place, one for each; or one for all.",
);

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("replace")
        .summary("Replaces some values by others and leaves the rest.")
        .notes("The type stays; a new value that it does not hold exactly is refused.")
        .args(&["values"])
        .options(&[OLD, NEW])
        .examples(&[Example::new(&["int64 [1, 2, 3, null]"], "int64 [10, 20, 3, null]")
            .with(&[("old", "[1, 2]"), ("new", "[10, 20]")])])
        .nulls(Nulls::Inspect)
        .coercion(Coercion::Always(plain))
        .prepare(|context| Ok(Box::new(Mapping::new(context, false)?)))
        .overloads(&[Overload::new(&[Kind::Any], Kind::SameAs(0), replace)]),
    Function::scalar("replace_strict")
        .summary("Replaces every value by a table; what is not in the table becomes the default.")
        .notes("The type is that of the new values. Without a default, values that are not in the table become null.")
        .args(&["values"])
        .options(&[
            OLD,
            NEW,
            OptionSpec::new("default", OptionKind::Scalar, OptionDefault::Null, "What other values become."),
        ])
        .examples(&[Example::new(&["int64 [1, 2, 3, null]"], "string [\"one\", \"two\", \"?\", \"?\"]").with(&[
            ("old", "[1, 2]"),
            ("new", "[\"one\", \"two\"]"),
            ("default", "\"?\""),
        ])])
        .nulls(Nulls::Inspect)
        .coercion(Coercion::Always(plain))
        .prepare(|context| Ok(Box::new(Mapping::new(context, true)?)))
        .overloads(&[Overload::new(&[Kind::Any], Kind::Computed(new_type), replace)]),
];

/// Dictionaries and runs are looked up by their values.
fn plain(types: &[DataType]) -> Result<Option<Vec<DataType>>> {
    Ok(Some(types.iter().map(decoded).collect()))
}

fn new_type(_: &[DataType], options: &Options) -> Result<DataType> {
    Ok(options.array("new")?.data_type().clone())
}

/// Old values, what replaces them, and what replaces the others if that is not themselves.
struct Mapping {
    old: Set,
    new: ArrayRef,
    default: Option<ArrayRef>,
}

impl Mapping {
    fn new(context: &BindContext<'_>, strict: bool) -> Result<Self> {
        let (options, memory) = (context.options, Memory::unlimited());
        let (old, new) = (options.array("old")?, options.array("new")?);
        if new.len() != old.len() && new.len() != 1 {
            let message = format!("{} new values for {} old ones", new.len(), old.len());
            return Err(Error::invalid_argument(message).for_argument("new"));
        }
        let new = if new.len() == old.len() {
            new.clone()
        } else {
            take_rows64(new, &UInt64Array::from_value(0, old.len()), &memory)?
        };
        let exact = |values: &ArrayRef, name: &'static str| {
            exactly(values, context.output_type, &memory).map_err(|error| error.for_argument(name))
        };
        let default = match (strict, strict && !options.is_null("default")?) {
            (false, _) => None,
            (true, true) => Some(exact(options.array("default")?, "default")?),
            (true, false) => Some(new_null_array(context.output_type, 1)),
        };
        let old = set_of_values(old, &context.types[0], &memory).map_err(|error| error.for_argument("old"))?;
        Ok(Self { old, new: exact(&new, "new")?, default })
    }
}

fn replace(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let mapping = args.state::<Mapping>()?;
    let values = args.column(0).slice(0, output.row_count()).to_array()?;
    let places = mapping.old.places(&values)?;
    let places = places.as_primitive::<Int32Type>();
    if mapping.default.is_none() && places.null_count() == places.len() {
        return output.set(values);
    }
    // New values, then what the others are taken from: the default, or the values themselves.
    let others = mapping.default.as_ref().unwrap_or(&values);
    let first = mapping.new.len();
    let other = |row: usize| first + if mapping.default.is_some() { 0 } else { row };
    let rows = places.iter().enumerate().map(|(row, place)| place.map_or_else(|| other(row), |place| place as usize));
    let rows: Vec<u64> = rows.map(|row| row as u64).collect();
    let all: ArrayRef = concat(&[mapping.new.as_ref(), others.as_ref()])?;
    output.set(take_rows64(&all, &UInt64Array::from(rows), args.memory())?)
}
