// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Options from JSON: `{"ndigits": 2, "round_mode": "half_up"}`.
//!
//! What JSON leaves open (text or a type, integers or floats) is settled by what the function says its option holds.
//! Unknown names pass through, because binding refuses them and knows what to say.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, NullArray};
use bowyer_compute::{Function, OptionKind, OptionValue, data_type};
use bowyer_core::{Error, Result};
use serde_json::Value;

/// The options that `text` gives to `function`.
pub(crate) fn parse(function: &Function, text: &str) -> Result<Vec<(String, OptionValue)>> {
    let json: Value = serde_json::from_str(text).map_err(|error| located(Error::parse(error.to_string())))?;
    let Value::Object(entries) = json else {
        return Err(located(Error::parse("expected a JSON object of options")));
    };
    let options = entries.into_iter().map(|(name, value)| {
        let kind = function.options.iter().find(|option| option.name == name).map(|option| option.kind);
        let value = option_value(kind, &value).map_err(|error| error.for_argument(name.clone()))?;
        Ok((name, value))
    });
    options.collect()
}

fn located(error: Error) -> Error {
    error.for_argument("--options")
}

fn option_value(kind: Option<OptionKind>, value: &Value) -> Result<OptionValue> {
    Ok(match (kind, value) {
        (_, Value::Null) => OptionValue::Null,
        (_, Value::Bool(value)) => OptionValue::Boolean(*value),
        (Some(OptionKind::Type), Value::String(name)) => OptionValue::Type(data_type(name)?),
        (_, Value::String(text)) => OptionValue::Utf8(text.clone()),
        (_, Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => OptionValue::Integer(integer),
            (None, Some(float)) => OptionValue::Float(float),
            (None, None) => return Err(Error::overflow(format!("{number} does not fit a number type"))),
        },
        (Some(OptionKind::Floats), Value::Array(values)) => OptionValue::Array(floats(values)?),
        (_, Value::Array(values)) => OptionValue::Array(array(values)?),
        (_, Value::Object(_)) => return Err(Error::type_mismatch("no option takes a JSON object")),
    })
}

/// An array of the one type that all values have; integers beside floats are floats.
fn array(values: &[Value]) -> Result<ArrayRef> {
    let all = |test: fn(&Value) -> bool| values.iter().all(|value| value.is_null() || test(value));
    if all(Value::is_null) {
        return Ok(Arc::new(NullArray::new(values.len())));
    }
    if all(Value::is_boolean) {
        let mut builder = BooleanBuilder::new();
        values.iter().for_each(|value| builder.append_option(value.as_bool()));
        return Ok(Arc::new(builder.finish()));
    }
    if all(Value::is_i64) {
        let mut builder = Int64Builder::new();
        values.iter().for_each(|value| builder.append_option(value.as_i64()));
        return Ok(Arc::new(builder.finish()));
    }
    if all(Value::is_number) {
        return floats(values);
    }
    if all(Value::is_string) {
        let mut builder = StringBuilder::new();
        values.iter().for_each(|value| builder.append_option(value.as_str()));
        return Ok(Arc::new(builder.finish()));
    }
    Err(Error::type_mismatch("the values of a list are of one type: booleans, numbers or strings"))
}

fn floats(values: &[Value]) -> Result<ArrayRef> {
    let mut builder = Float64Builder::new();
    for value in values {
        match (value, value.as_f64()) {
            (Value::Null, _) => builder.append_null(),
            (_, Some(float)) => builder.append_value(float),
            _ => return Err(Error::type_mismatch(format!("expected numbers, found {value}"))),
        }
    }
    Ok(Arc::new(builder.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Array;
    use arrow_schema::DataType;

    #[test]
    fn the_kind_of_the_option_settles_what_text_means() {
        let value = option_value(Some(OptionKind::Type), &Value::from("int32")).unwrap();
        assert!(matches!(value, OptionValue::Type(DataType::Int32)));
        let value = option_value(Some(OptionKind::Utf8), &Value::from("int32")).unwrap();
        assert!(matches!(value, OptionValue::Utf8(text) if text == "int32"));
    }

    #[test]
    fn a_list_is_an_array_of_one_type() {
        let list = |text: &str| array(serde_json::from_str::<Value>(text).unwrap().as_array().unwrap());
        assert_eq!(list("[1, null]").unwrap().data_type(), &DataType::Int64);
        assert_eq!(list("[1, 0.5]").unwrap().data_type(), &DataType::Float64);
        assert_eq!(list("[null]").unwrap().len(), 1);
        assert!(list("[1, \"a\"]").is_err());
    }
}
