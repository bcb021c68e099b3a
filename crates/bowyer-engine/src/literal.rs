// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Constants of a plan: from the contract's literals to scalar values, and to the arrays of one row that kernels take.
//!
//! A literal without a type has a natural one (int64, float64, utf8, boolean, timestamp in nanoseconds UTC); beside an
//! operand of a related type it takes that one, if it is exactly a value of it.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, NullArray};
use arrow_cast::CastOptions;
use arrow_schema::{DataType, TimeUnit};
use bowyer_compute::OptionValue;
use bowyer_compute::coercion::{decoded, literal_as, ticks_per_second};
use bowyer_core::{Error, Memory, Result};
use datafusion_common::{DataFusionError, ScalarValue};

use crate::proto;
use crate::proto::literal::Value;
use crate::types::field_from_proto;

/// A constant as an array of one row.
pub(crate) fn array_of(value: &ScalarValue) -> Result<ArrayRef> {
    value.to_array().map_err(foreign)
}

/// The constant that an array of one row is.
pub(crate) fn scalar_of(array: &ArrayRef) -> Result<ScalarValue> {
    ScalarValue::try_from_array(array, 0).map_err(foreign)
}

/// An error of the scalar values as one of ours.
pub(crate) fn foreign(error: DataFusionError) -> Error {
    match error {
        DataFusionError::ArrowError(error, _) => Error::from(*error),
        DataFusionError::NotImplemented(message) => Error::not_implemented(message),
        other => Error::invalid_argument(other.strip_backtrace()),
    }
}

/// The value of a literal: of its explicit type, or of its natural one.
pub(crate) fn literal_value(literal: &proto::Literal) -> Result<ScalarValue> {
    let explicit = match &literal.r#type {
        Some(field) => Some(field_from_proto(field)?.data_type().clone()),
        None => None,
    };
    let value = literal.value.as_ref().ok_or_else(|| Error::invalid_argument("a literal without a value"))?;
    match explicit {
        Some(data_type) => typed_value(value, &data_type),
        None => natural_value(value),
    }
}

/// Whether a literal leaves its type to the binder.
pub(crate) fn is_untyped(literal: &proto::Literal) -> bool {
    literal.r#type.is_none() && !matches!(literal.value, Some(Value::Ipc(_)))
}

/// An untyped literal beside an operand of type `other`: the value as that type. `None` when the two are not related, so
/// that the literal keeps its natural type.
pub(crate) fn beside(value: &ScalarValue, other: &DataType) -> Result<Option<ScalarValue>> {
    let other = decoded(other);
    let related = match value.data_type() {
        DataType::Null => true,
        DataType::Boolean => other == DataType::Boolean,
        natural if natural.is_numeric() => other.is_numeric(),
        DataType::Utf8 => matches!(other, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View),
        DataType::Binary => matches!(
            other,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_)
        ),
        DataType::Timestamp(..) => matches!(other, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64),
        _ => false,
    };
    if !related {
        return Ok(None);
    }
    converted(value, &other).map(Some)
}

/// The value of an option.
pub(crate) fn option_value(literal: &proto::Literal, beside_type: Option<&DataType>) -> Result<OptionValue> {
    let missing = || Error::invalid_argument("an option without a value");
    if let (Some(field), None | Some(Value::Null(_))) = (&literal.r#type, &literal.value) {
        return Ok(OptionValue::Type(field_from_proto(field)?.data_type().clone()));
    }
    Ok(match literal.value.as_ref().ok_or_else(missing)? {
        Value::Null(_) => OptionValue::Null,
        Value::Boolean(value) => OptionValue::Boolean(*value),
        Value::Int64(value) if literal.r#type.is_none() => OptionValue::Integer(*value),
        Value::Float64(value) if literal.r#type.is_none() => OptionValue::Float(*value),
        Value::Utf8(value) => OptionValue::Utf8(value.clone()),
        Value::List(list) => {
            // Shares of integers are floats all the same.
            let has_floats = list.values.iter().any(|value| matches!(value.value, Some(Value::Float64(_))));
            let beside_type = match beside_type {
                Some(of) if has_floats && of.is_integer() => Some(&DataType::Float64),
                other => other,
            };
            OptionValue::Array(list_values(list, literal.r#type.as_ref(), beside_type)?)
        }
        Value::Ipc(bytes) => OptionValue::Array(unnested(ipc_value(bytes)?)),
        _ => OptionValue::Array(array_of(&literal_value(literal)?)?),
    })
}

/// An array of one list gives its values; any other is taken as it is.
fn unnested(value: ArrayRef) -> ArrayRef {
    use arrow_array::cast::AsArray;
    match value.data_type() {
        DataType::List(_) => value.as_list::<i32>().value(0),
        DataType::LargeList(_) => value.as_list::<i64>().value(0),
        _ => value,
    }
}

fn list_values(
    list: &proto::LiteralList,
    element: Option<&proto::Field>,
    beside_type: Option<&DataType>,
) -> Result<ArrayRef> {
    let explicit = match element {
        Some(field) => Some(field_from_proto(field)?.data_type().clone()),
        None => None,
    };
    let mut values = Vec::with_capacity(list.values.len());
    for literal in &list.values {
        let value = literal_value(literal)?;
        values.push(match (&explicit, beside_type) {
            (Some(data_type), _) => converted(&value, data_type)?,
            (None, Some(other)) if is_untyped(literal) => beside(&value, other)?.unwrap_or(value),
            _ => value,
        });
    }
    let common = values.iter().map(ScalarValue::data_type).find(|data_type| !data_type.is_null());
    let Some(common) = common.or(explicit).or_else(|| beside_type.cloned()) else {
        return Ok(Arc::new(NullArray::new(values.len())));
    };
    for value in &mut values {
        *value = converted(value, &common)?;
    }
    if values.is_empty() {
        return Ok(arrow_array::new_empty_array(&common));
    }
    ScalarValue::iter_to_array(values).map_err(foreign)
}

fn natural_value(value: &Value) -> Result<ScalarValue> {
    Ok(match value {
        Value::Null(_) => ScalarValue::Null,
        Value::Boolean(value) => ScalarValue::Boolean(Some(*value)),
        Value::Int64(value) => ScalarValue::Int64(Some(*value)),
        Value::Uint64(value) => match i64::try_from(*value) {
            Ok(value) => ScalarValue::Int64(Some(value)),
            Err(_) => ScalarValue::UInt64(Some(*value)),
        },
        Value::Float64(value) => ScalarValue::Float64(Some(*value)),
        Value::Utf8(value) => ScalarValue::Utf8(Some(value.clone())),
        Value::Binary(value) => ScalarValue::Binary(Some(value.clone())),
        Value::Instant(instant) => instant_value(instant)?,
        Value::List(_) => {
            return Err(Error::invalid_argument("a list stands only as an option; elsewhere use an Arrow value"));
        }
        Value::Ipc(bytes) => scalar_of(&ipc_value(bytes)?)?,
    })
}

fn typed_value(value: &Value, data_type: &DataType) -> Result<ScalarValue> {
    match value {
        Value::Int64(count) if data_type.is_temporal() => ticks(*count, data_type),
        _ => converted(&natural_value(value)?, data_type),
    }
}

/// An integer as a count of the temporal type's units.
fn ticks(count: i64, data_type: &DataType) -> Result<ScalarValue> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let narrow = data_type.primitive_width() == Some(size_of::<i32>());
    let storage = if narrow { DataType::Int32 } else { DataType::Int64 };
    let value = arrow_cast::cast_with_options(&Int64Array::from(vec![count]), &storage, &options)?;
    scalar_of(&arrow_cast::cast_with_options(&value, data_type, &options)?)
}

/// A value as another type, exactly.
fn converted(value: &ScalarValue, data_type: &DataType) -> Result<ScalarValue> {
    let own_type = value.data_type();
    if &own_type == data_type {
        return Ok(value.clone());
    }
    if own_type.is_null() {
        return ScalarValue::try_new_null(data_type).map_err(foreign);
    }
    let cast = |value: &ScalarValue| scalar_of(&literal_as(&array_of(value)?, data_type, &Memory::unlimited())?);
    match (own_type, data_type) {
        (DataType::Timestamp(from, Some(_)), DataType::Timestamp(to, zone)) => {
            instant_in(value, from, *to, zone.clone())
        }
        (DataType::Timestamp(_, Some(_)), DataType::Date32 | DataType::Date64) => {
            cast(&converted(value, &DataType::Timestamp(TimeUnit::Second, None))?)
        }
        _ => cast(value),
    }
}

fn instant_value(instant: &proto::Instant) -> Result<ScalarValue> {
    if instant.nanoseconds >= 1_000_000_000 {
        return Err(Error::invalid_argument("an instant has less than 1,000,000,000 nanoseconds"));
    }
    let nanoseconds =
        instant.seconds.checked_mul(1_000_000_000).and_then(|whole| whole.checked_add(i64::from(instant.nanoseconds)));
    let utc = Some("UTC".into());
    Ok(match nanoseconds {
        Some(nanoseconds) => ScalarValue::TimestampNanosecond(Some(nanoseconds), utc),
        None if instant.nanoseconds == 0 => ScalarValue::TimestampSecond(Some(instant.seconds), utc),
        None => return Err(Error::invalid_argument("the instant is too far away for its fraction of a second")),
    })
}

fn instant_in(value: &ScalarValue, from: TimeUnit, to: TimeUnit, zone: Option<Arc<str>>) -> Result<ScalarValue> {
    let data_type = DataType::Timestamp(to, zone);
    let Some(count) = ticks_of(value) else { return ScalarValue::try_new_null(&data_type).map_err(foreign) };
    let (from_ticks, to_ticks) = (ticks_per_second(from), ticks_per_second(to));
    let scaled = i128::from(count) * i128::from(to_ticks);
    let exact = (scaled % i128::from(from_ticks) == 0).then(|| scaled / i128::from(from_ticks));
    let count = exact.and_then(|count| i64::try_from(count).ok()).ok_or_else(|| {
        Error::invalid_argument(format!("the instant is not exactly a value of {}", DataType::Timestamp(to, None)))
    })?;
    ticks(count, &data_type)
}

/// What a moment counts; `None` for a null.
fn ticks_of(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::TimestampSecond(count, _)
        | ScalarValue::TimestampMillisecond(count, _)
        | ScalarValue::TimestampMicrosecond(count, _)
        | ScalarValue::TimestampNanosecond(count, _) => *count,
        _ => None,
    }
}

fn ipc_value(bytes: &[u8]) -> Result<ArrayRef> {
    let refused =
        || Error::invalid_argument("a nested literal is an IPC stream of one batch with one column and one row");
    let mut reader = arrow_ipc::reader::StreamReader::try_new(bytes, None)?;
    let batch = reader.next().ok_or_else(refused)??;
    if batch.num_columns() != 1 || batch.num_rows() != 1 {
        return Err(refused());
    }
    Ok(batch.column(0).clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bowyer_core::ErrorCode;

    fn literal(value: Value) -> proto::Literal {
        proto::Literal { value: Some(value), r#type: None }
    }

    #[test]
    fn an_untyped_literal_takes_a_related_type_exactly() {
        let three = literal_value(&literal(Value::Int64(3))).unwrap();
        assert_eq!(beside(&three, &DataType::Int8).unwrap().unwrap().data_type(), DataType::Int8);
        assert_eq!(beside(&three, &DataType::Float32).unwrap().unwrap().data_type(), DataType::Float32);
        assert!(beside(&three, &DataType::Utf8).unwrap().is_none());
        let large = literal_value(&literal(Value::Int64(300))).unwrap();
        assert_eq!(beside(&large, &DataType::Int8).unwrap_err().code(), ErrorCode::InvalidArgument);
        let half = literal_value(&literal(Value::Float64(0.5))).unwrap();
        assert_eq!(beside(&half, &DataType::Int64).unwrap_err().code(), ErrorCode::InvalidArgument);
    }

    #[test]
    fn an_instant_takes_the_unit_and_zone_of_its_column() {
        let instant = literal_value(&literal(Value::Instant(proto::Instant { seconds: 5, nanoseconds: 0 }))).unwrap();
        let zoned = DataType::Timestamp(TimeUnit::Millisecond, Some("Europe/Paris".into()));
        let value = beside(&instant, &zoned).unwrap().unwrap();
        assert_eq!((value.data_type(), ticks_of(&value)), (zoned.clone(), Some(5000)));
        let fine = literal_value(&literal(Value::Instant(proto::Instant { seconds: 5, nanoseconds: 1 }))).unwrap();
        assert!(beside(&fine, &zoned).is_err());
    }

    #[test]
    fn a_typed_integer_counts_units() {
        let date = proto::Field { format: "tdD".into(), ..Default::default() };
        let value = literal_value(&proto::Literal { value: Some(Value::Int64(19_000)), r#type: Some(date) }).unwrap();
        assert_eq!(value, ScalarValue::Date32(Some(19_000)));
    }
}
