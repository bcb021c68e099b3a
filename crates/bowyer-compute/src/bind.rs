// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! From a name and argument types to something that can be called: once for each call site, not for each batch.
//!
//! The arguments are tried as they are, then decoded, then cast as the function's [`Coercion`](crate::Coercion) says;
//! the first overload that takes them wins. What remains for each batch is in [`Bound::call`].

mod bound;

use std::any::Any;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::DataType;
use bowyer_core::{Error, Result};

pub use bound::Bound;

use crate::coercion::{common_type, decoded};
use crate::descriptor::{BindContext, Coercion, Function, FunctionKind, Nulls, Overload};
use crate::{OptionValue, Options, find};

/// An argument as known before any data is there.
#[derive(Clone, Debug)]
pub struct Argument {
    /// Its type.
    pub data_type: DataType,
    /// Whether it can hold nulls.
    pub nullable: bool,
    /// Its value when it is a literal: one row.
    pub constant: Option<ArrayRef>,
}

impl Argument {
    /// A column of a type, which may hold nulls.
    #[must_use]
    pub fn new(data_type: DataType) -> Self {
        Self { data_type, nullable: true, constant: None }
    }
}

/// Settles how `name` is called with these arguments and options.
///
/// # Errors
/// `NotFound` for the function or an option, `TypeMismatch` when no overload takes the arguments,
/// `InvalidArgument` for a wrong number of arguments or an option's value.
pub fn bind(name: &str, arguments: &[Argument], options: Vec<(String, OptionValue)>) -> Result<Bound> {
    let function = find(name)?;
    bind_function(function, arguments, options).map_err(|error| error.in_function(function.name))
}

fn bind_function(
    function: &'static Function,
    arguments: &[Argument],
    options: Vec<(String, OptionValue)>,
) -> Result<Bound> {
    check_count(function, arguments.len())?;
    let options = Options::resolve(function.options, options)?;
    let given: Vec<_> = arguments.iter().map(|argument| argument.data_type.clone()).collect();
    let (overload, types) = resolve(function, &given)?.ok_or_else(|| no_overload(function, &given))?;
    let plain_type = overload.output.output_type(&types, &options)?;
    let context = BindContext { arguments, types: &types, options: &options, output_type: &plain_type };
    let state: Option<Arc<dyn Any + Send + Sync>> = match function.prepare {
        Some(prepare) => Some(Arc::from(prepare(&context)?)),
        None => None,
    };
    let nullable: Vec<_> = arguments.iter().map(|argument| argument.nullable || argument.data_type.is_null()).collect();
    let nullable = match (function.nullability, function.nulls) {
        (Some(nullability), _) => nullability(&nullable),
        (None, Nulls::Propagate) => nullable.contains(&true),
        (None, Nulls::Inspect) => true,
        (None, Nulls::Never) => false,
    };
    Ok(Bound::new(function, overload, given, types, plain_type, nullable, options, state))
}

fn check_count(function: &Function, count: usize) -> Result<()> {
    let (fits, expected) = match function.variadic {
        Some(minimum) => (count >= minimum, format!("at least {minimum}")),
        None => (count == function.args.len(), function.args.len().to_string()),
    };
    if fits { Ok(()) } else { Err(Error::invalid_argument(format!("expected {expected} arguments, found {count}"))) }
}

/// The overload and the types that its arguments are converted to.
fn resolve(function: &'static Function, given: &[DataType]) -> Result<Option<(&'static Overload, Vec<DataType>)>> {
    let variadic = function.variadic.is_some();
    let fitting = |types: Vec<DataType>| {
        let overload = function.overloads.iter().find(|overload| overload.accepts(&types, variadic))?;
        Some((overload, types))
    };
    let plain: Vec<_> = given.iter().map(decoded).collect();
    if let Coercion::Always(rule) = function.coercion {
        return Ok(rule(&plain)?.and_then(fitting));
    }
    Ok(fitting(given.to_vec())
        .or_else(|| fitting(plain.clone()))
        .or_else(|| coerce(function, given.to_vec()).and_then(fitting))
        .or_else(|| coerce(function, plain).and_then(fitting)))
}

fn coerce(function: &Function, mut types: Vec<DataType>) -> Option<Vec<DataType>> {
    match function.coercion {
        Coercion::None | Coercion::Always(_) => None,
        Coercion::Common(first) => {
            let common = common_type(types.get(first..)?)?;
            types[first..].fill(common);
            for data_type in &mut types[..first] {
                if data_type.is_null() {
                    *data_type = DataType::Boolean;
                }
            }
            Some(types)
        }
        Coercion::Custom(rule) => rule(&types),
    }
}

#[cold]
fn no_overload(function: &Function, types: &[DataType]) -> Error {
    let types: Vec<_> = types.iter().map(ToString::to_string).collect();
    let what = if function.kind == FunctionKind::Aggregate { "aggregate" } else { "take" };
    Error::type_mismatch(format!("it does not {what} ({})", types.join(", ")))
}
