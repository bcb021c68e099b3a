// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Casts into, out of and between encodings: dictionaries and runs.
//!
//! What is encoded is cast through its values, each once. A value that no valid row uses is not looked at.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, new_empty_array};
use arrow_schema::DataType;
use bowyer_core::{Column, Result};

use super::{Cast, cast_array};
use crate::coercion::decoded;
use crate::encoding;
use crate::vector::distinct::encode_as;

pub(super) fn cast_encoded(array: &ArrayRef, cast: Cast<'_>) -> Result<ArrayRef> {
    match (array.data_type(), cast.to) {
        (DataType::Dictionary(..), DataType::Dictionary(keys, values)) => {
            let column = Column::Array(array.clone());
            if let Some(Column::Array(used)) = encoding::dictionary_values(&column, true)?
                && let Ok(there) = cast_array(&used, cast.to(values))
            {
                let same_values = array.as_any_dictionary().with_values(there);
                return change_keys(&same_values, keys, cast);
            }
            encode(array, cast)
        }
        (DataType::Dictionary(..), to) if !matches!(to, DataType::RunEndEncoded(..)) => from_dictionary(array, cast),
        (_, DataType::Dictionary(..)) => encode(array, cast),
        (_, DataType::RunEndEncoded(_, values)) => {
            let plain = cast_array(&plain(array)?, cast.to(values.data_type()))?;
            if plain.is_empty() {
                return Ok(new_empty_array(cast.to));
            }
            Ok(arrow_cast::cast(&plain, cast.to)?)
        }
        _ => cast_array(&plain(array)?, cast),
    }
}

/// `array` without its encoding.
fn plain(array: &ArrayRef) -> Result<ArrayRef> {
    if &decoded(array.data_type()) == array.data_type() {
        return Ok(array.clone());
    }
    Ok(encoding::decode(&Column::Array(array.clone()))?.values().clone())
}

fn from_dictionary(array: &ArrayRef, cast: Cast<'_>) -> Result<ArrayRef> {
    let column = Column::Array(array.clone());
    // When casting the values fails, casting the rows says which one.
    if let Some(Column::Array(used)) = encoding::dictionary_values(&column, true)?
        && let Ok(there) = cast_array(&used, cast)
    {
        return encoding::through_keys(&column, there, false);
    }
    cast_array(&plain(array)?, cast)
}

fn encode(array: &ArrayRef, cast: Cast<'_>) -> Result<ArrayRef> {
    let DataType::Dictionary(keys, values) = cast.to else { return cast_array(&plain(array)?, cast) };
    let plain = cast_array(&plain(array)?, cast.to(values))?;
    encode_as(&plain, keys, cast.memory)
}

fn change_keys(array: &ArrayRef, keys: &DataType, cast: Cast<'_>) -> Result<ArrayRef> {
    let dictionary = array.as_any_dictionary();
    if dictionary.keys().data_type() == keys {
        return Ok(Arc::clone(array));
    }
    let values = dictionary.values().clone();
    let there = cast_array(&arrow_array::make_array(dictionary.keys().to_data()), cast.to(keys))?;
    let data = there.to_data().into_builder().data_type(cast.to.clone()).add_child_data(values.to_data());
    Ok(arrow_array::make_array(data.build()?))
}
