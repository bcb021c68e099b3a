// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Options: named constants of a call, checked and completed with their defaults when it is bound.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, NullArray, StringArray};
use arrow_schema::DataType;
use bowyer_core::{Error, Result};

/// The value of an option.
#[derive(Clone, Debug)]
pub enum OptionValue {
    /// No value.
    Null,
    /// A boolean.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f64),
    /// Text.
    Utf8(String),
    /// A type.
    Type(DataType),
    /// Several values: the fill values, a value set.
    Array(ArrayRef),
}

/// What an option holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionKind {
    /// A boolean.
    Boolean,
    /// An integer.
    Integer,
    /// A float; integers are taken too.
    Float,
    /// Text.
    Utf8,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A type.
    Type,
    /// An array.
    Array,
    /// A float or an array of floats.
    Floats,
    /// One value of any type: a boolean, number or text, or an array of one row. Read by [`Options::array`].
    Scalar,
}

/// What an option is when the call does not say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OptionDefault {
    /// The call must say.
    Required,
    /// No value.
    Null,
    /// A boolean.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f64),
    /// Text or a word.
    Utf8(&'static str),
}

/// An option of a function.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// Its name: pyarrow's.
    pub name: &'static str,
    /// What it holds.
    pub kind: OptionKind,
    /// What it is when the call does not say.
    pub default: OptionDefault,
    /// What it does, in one sentence.
    pub summary: &'static str,
}

impl OptionSpec {
    /// An option.
    #[must_use]
    pub const fn new(name: &'static str, kind: OptionKind, default: OptionDefault, summary: &'static str) -> Self {
        Self { name, kind, default, summary }
    }

    fn check(&self, value: OptionValue) -> Result<OptionValue> {
        use {OptionKind as K, OptionValue as V};
        let value = match (self.kind, value) {
            (_, V::Null) if self.default == OptionDefault::Null => V::Null,
            (K::Float | K::Floats, V::Integer(value)) => V::Float(value as f64),
            (K::Choice(words), V::Utf8(word)) if !words.contains(&word.as_str()) => {
                return Err(Error::invalid_argument(format!("{word:?} is not one of {}", words.join(", ")))
                    .for_argument(self.name));
            }
            (K::Boolean, value @ V::Boolean(_))
            | (K::Integer, value @ V::Integer(_))
            | (K::Float | K::Floats, value @ V::Float(_))
            | (K::Utf8 | K::Choice(_), value @ V::Utf8(_))
            | (K::Type, value @ V::Type(_))
            | (K::Array | K::Floats, value @ V::Array(_)) => value,
            (K::Scalar, V::Array(value)) if value.len() == 1 => V::Array(value),
            (K::Scalar, V::Boolean(value)) => V::Array(Arc::new(BooleanArray::from(vec![value]))),
            (K::Scalar, V::Integer(value)) => V::Array(Arc::new(Int64Array::from(vec![value]))),
            (K::Scalar, V::Float(value)) => V::Array(Arc::new(Float64Array::from(vec![value]))),
            (K::Scalar, V::Utf8(value)) => V::Array(Arc::new(StringArray::from(vec![value]))),
            (K::Scalar, V::Null) => V::Array(Arc::new(NullArray::new(1))),
            (kind, value) => {
                let found = match value {
                    V::Null => "null",
                    V::Boolean(_) => "a boolean",
                    V::Integer(_) => "an integer",
                    V::Float(_) => "a float",
                    V::Utf8(_) => "text",
                    V::Type(_) => "a type",
                    V::Array(_) => "an array",
                };
                return Err(Error::type_mismatch(format!("expected {kind:?}, found {found}")).for_argument(self.name));
            }
        };
        Ok(value)
    }

    fn default_value(&self) -> Result<OptionValue> {
        Ok(match self.default {
            OptionDefault::Required => {
                return Err(Error::invalid_argument("the option must be given").for_argument(self.name));
            }
            OptionDefault::Null => OptionValue::Null,
            OptionDefault::Boolean(value) => OptionValue::Boolean(value),
            OptionDefault::Integer(value) => OptionValue::Integer(value),
            OptionDefault::Float(value) => OptionValue::Float(value),
            OptionDefault::Utf8(value) => OptionValue::Utf8(value.to_owned()),
        })
    }
}

/// The options of a call: every option of the function has a value.
#[derive(Clone, Debug, Default)]
pub struct Options(Vec<(&'static str, OptionValue)>);

impl Options {
    /// Checks `given` against `specs` and adds defaults.
    pub(crate) fn resolve(specs: &'static [OptionSpec], given: Vec<(String, OptionValue)>) -> Result<Self> {
        let mut values: Vec<Option<OptionValue>> = vec![None; specs.len()];
        for (name, value) in given {
            let Some(index) = specs.iter().position(|spec| spec.name == name) else {
                return Err(unknown_option(specs, name));
            };
            if values[index].replace(specs[index].check(value)?).is_some() {
                return Err(Error::invalid_argument("the option is given twice").for_argument(specs[index].name));
            }
        }
        let complete = specs.iter().zip(values).map(|(spec, value)| {
            let value = value.map_or_else(|| spec.default_value(), Ok)?;
            Ok((spec.name, value))
        });
        Ok(Self(complete.collect::<Result<_>>()?))
    }

    /// The value of an option.
    ///
    /// # Errors
    /// `Internal` when the function declares no such option; so with all methods below.
    pub fn get(&self, name: &str) -> Result<&OptionValue> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value).ok_or_else(|| Error::internal(format!("no option {name} is declared")))
    }

    /// A boolean.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn boolean(&self, name: &str) -> Result<bool> {
        if let OptionValue::Boolean(value) = self.get(name)? { Ok(*value) } else { Err(misread(name)) }
    }

    /// An integer.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn integer(&self, name: &str) -> Result<i64> {
        if let OptionValue::Integer(value) = self.get(name)? { Ok(*value) } else { Err(misread(name)) }
    }

    /// A float.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn float(&self, name: &str) -> Result<f64> {
        if let OptionValue::Float(value) = self.get(name)? { Ok(*value) } else { Err(misread(name)) }
    }

    /// Text, or the word of a choice.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn utf8(&self, name: &str) -> Result<&str> {
        if let OptionValue::Utf8(value) = self.get(name)? { Ok(value) } else { Err(misread(name)) }
    }

    /// A type.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn data_type(&self, name: &str) -> Result<&DataType> {
        if let OptionValue::Type(value) = self.get(name)? { Ok(value) } else { Err(misread(name)) }
    }

    /// An array.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn array(&self, name: &str) -> Result<&ArrayRef> {
        if let OptionValue::Array(value) = self.get(name)? { Ok(value) } else { Err(misread(name)) }
    }

    /// Whether an option has no value.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn is_null(&self, name: &str) -> Result<bool> {
        Ok(matches!(self.get(name)?, OptionValue::Null))
    }
}

#[cold]
fn unknown_option(specs: &[OptionSpec], name: String) -> Error {
    let known: Vec<_> = specs.iter().map(|spec| spec.name).collect();
    let known =
        if known.is_empty() { "the function has none".to_owned() } else { format!("it has {}", known.join(", ")) };
    Error::not_found(format!("no such option: {known}")).for_argument(name)
}

#[cold]
fn misread(name: &str) -> Error {
    Error::internal(format!("option {name} is read as another type than declared"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bowyer_core::ErrorCode;

    const SPECS: &[OptionSpec] = &[
        OptionSpec::new("ndigits", OptionKind::Integer, OptionDefault::Integer(0), "Digits."),
        OptionSpec::new("mode", OptionKind::Choice(&["up", "down"]), OptionDefault::Utf8("up"), "Direction."),
        OptionSpec::new("q", OptionKind::Float, OptionDefault::Required, "Share."),
    ];

    fn resolve(given: &[(&str, OptionValue)]) -> Result<Options> {
        Options::resolve(SPECS, given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    #[test]
    fn defaults_complete_what_is_given() {
        let options = resolve(&[("q", OptionValue::Integer(1))]).unwrap();
        assert_eq!((options.integer("ndigits").unwrap(), options.utf8("mode").unwrap()), (0, "up"));
        assert_eq!(options.float("q").unwrap(), 1.0);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let code = |given: &[(&str, OptionValue)]| {
            let error = resolve(given).unwrap_err();
            (error.code(), error.place().argument.clone().unwrap().into_owned())
        };
        let q = ("q", OptionValue::Float(0.5));
        assert_eq!(code(&[]), (ErrorCode::InvalidArgument, "q".to_owned()));
        assert_eq!(code(&[("p", OptionValue::Null)]), (ErrorCode::NotFound, "p".to_owned()));
        assert_eq!(
            code(&[q.clone(), ("mode", OptionValue::Utf8("left".to_owned()))]),
            (ErrorCode::InvalidArgument, "mode".to_owned())
        );
        assert_eq!(
            code(&[q.clone(), ("ndigits", OptionValue::Float(1.0))]),
            (ErrorCode::TypeMismatch, "ndigits".to_owned())
        );
        assert_eq!(code(&[q.clone(), q]), (ErrorCode::InvalidArgument, "q".to_owned()));
    }
}
