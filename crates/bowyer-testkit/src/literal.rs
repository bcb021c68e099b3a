// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Arrays written as text: a type, then values in brackets; `scalar`, a type and one value for a scalar.

mod build;

use arrow_array::ArrayRef;
use bowyer_compute::data_type_prefix;
use bowyer_core::Column;

use crate::value::{Reader, Value};

/// What a literal stands for.
#[derive(Clone, Debug)]
pub struct Literal {
    /// The values: one for a scalar.
    pub array: ArrayRef,
    /// Whether it is a scalar.
    pub is_scalar: bool,
}

impl Literal {
    /// The literal as a column; a scalar stands for `row_count` rows.
    #[must_use]
    pub fn column(&self, row_count: usize) -> Column {
        if self.is_scalar {
            Column::Scalar { value: self.array.clone(), row_count }
        } else {
            Column::Array(self.array.clone())
        }
    }
}

/// Reads a literal such as `int32 [1, null]` or `scalar string "a"`.
///
/// # Errors
/// A sentence that says what is not understood.
pub fn literal(text: &str) -> Result<Literal, String> {
    let with_text = |error: String| format!("{text}: {error}");
    let mut reader = Reader::new(text);
    let is_scalar = reader.eat("scalar ");
    let (data_type, rest) = data_type_prefix(reader.rest()).map_err(|error| error.to_string())?;
    let mut reader = Reader::new(rest);
    let value = reader.value().map_err(with_text)?;
    reader.end().map_err(with_text)?;
    let values = match value {
        value if is_scalar => vec![value],
        Value::List(values) => values,
        other => return Err(format!("{text}: an array is a list of values, not {other:?}")),
    };
    let array = build::array(&data_type, &values).map_err(with_text)?;
    Ok(Literal { array, is_scalar })
}

/// The array of a literal.
///
/// # Panics
/// When the literal is not understood: this is for tests.
#[must_use]
#[expect(clippy::panic, reason = "a test with a wrong literal stops there")]
pub fn array(text: &str) -> ArrayRef {
    match literal(text) {
        Ok(literal) if !literal.is_scalar => literal.array,
        Ok(_) => panic!("{text}: a scalar where an array is wanted"),
        Err(error) => panic!("{error}"),
    }
}

/// The scalar of a literal written without the word `scalar`, as an array of one row.
///
/// # Panics
/// When the literal is not understood: this is for tests.
#[must_use]
#[expect(clippy::panic, reason = "a test with a wrong literal stops there")]
pub fn scalar(text: &str) -> ArrayRef {
    match literal(&format!("scalar {text}")) {
        Ok(literal) => literal.array,
        Err(error) => panic!("{error}"),
    }
}

#[cfg(test)]
mod tests;
