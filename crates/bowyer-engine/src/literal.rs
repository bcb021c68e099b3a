// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Constants of a plan: from the contract's literals to arrays of one row.
//!
//! A literal without a type has a natural one (int64, float64, utf8, boolean, timestamp in nanoseconds UTC); beside an
//! operand of a related type it takes that one, if it is exactly a value of it.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float64Array, Int32Array, Int64Array, NullArray, StringArray,
    TimestampNanosecondArray, TimestampSecondArray, UInt64Array, new_null_array,
};
use arrow_cast::CastOptions;
use arrow_schema::{DataType, TimeUnit};
use bowyer_compute::OptionValue;
use bowyer_compute::coercion::{decoded, literal_as, ticks_per_second};
use bowyer_core::{Error, Memory, Result};

use crate::proto;
use crate::proto::literal::Value;
use crate::types::field_from_proto;

/// The value of a literal: of its explicit type, or of its natural one.
pub(crate) fn literal_value(literal: &proto::Literal) -> Result<ArrayRef> {
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
pub(crate) fn beside(value: &ArrayRef, other: &DataType) -> Result<Option<ArrayRef>> {
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
        Value::List(list) => OptionValue::Array(list_values(list, literal.r#type.as_ref(), beside_type)?),
        Value::Ipc(bytes) => OptionValue::Array(unnested(ipc_value(bytes)?)),
        _ => OptionValue::Array(literal_value(literal)?),
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
    let common = values.iter().map(|value| value.data_type()).find(|data_type| !data_type.is_null()).cloned();
    let Some(common) = common.or(explicit).or_else(|| beside_type.cloned()) else {
        return Ok(Arc::new(NullArray::new(values.len())));
    };
    for value in &mut values {
        *value = converted(value, &common)?;
    }
    if values.is_empty() {
        return Ok(arrow_array::new_empty_array(&common));
    }
    let parts: Vec<&dyn Array> = values.iter().map(AsRef::as_ref).collect();
    Ok(arrow_select::concat::concat(&parts)?)
}

fn natural_value(value: &Value) -> Result<ArrayRef> {
    Ok(match value {
        Value::Null(_) => Arc::new(NullArray::new(1)),
        Value::Boolean(value) => Arc::new(BooleanArray::from(vec![*value])),
        Value::Int64(value) => Arc::new(Int64Array::from(vec![*value])),
        Value::Uint64(value) => match i64::try_from(*value) {
            Ok(value) => Arc::new(Int64Array::from(vec![value])),
            Err(_) => Arc::new(UInt64Array::from(vec![*value])),
        },
        Value::Float64(value) => Arc::new(Float64Array::from(vec![*value])),
        Value::Utf8(value) => Arc::new(StringArray::from(vec![value.as_str()])),
        Value::Binary(value) => Arc::new(BinaryArray::from(vec![value.as_slice()])),
        Value::Instant(instant) => instant_value(instant)?,
        Value::List(_) => {
            return Err(Error::invalid_argument("a list stands only as an option; elsewhere use an Arrow value"));
        }
        Value::Ipc(bytes) => ipc_value(bytes)?,
    })
}

fn typed_value(value: &Value, data_type: &DataType) -> Result<ArrayRef> {
    let natural = natural_value(value)?;
    if matches!(value, Value::Int64(_)) && data_type.is_temporal() {
        return ticks(&natural, data_type);
    }
    converted(&natural, data_type)
}

/// An integer as a count of the temporal type's units.
fn ticks(value: &ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let narrow = data_type.primitive_width() == Some(size_of::<i32>());
    let storage = if narrow { DataType::Int32 } else { DataType::Int64 };
    let value = arrow_cast::cast_with_options(value, &storage, &options)?;
    debug_assert!(!narrow || value.as_any().is::<Int32Array>());
    Ok(arrow_cast::cast_with_options(&value, data_type, &options)?)
}

/// A value as another type, exactly.
fn converted(value: &ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    if value.data_type() == data_type {
        return Ok(value.clone());
    }
    if value.data_type().is_null() {
        return Ok(new_null_array(data_type, value.len()));
    }
    if let (DataType::Timestamp(from, Some(_)), DataType::Timestamp(to, zone)) = (value.data_type(), data_type) {
        return instant_in(value, *from, *to, zone.clone());
    }
    if let (DataType::Timestamp(_, Some(_)), DataType::Date32 | DataType::Date64) = (value.data_type(), data_type) {
        let naive = converted(value, &DataType::Timestamp(TimeUnit::Second, None))?;
        return literal_as(&naive, data_type, &Memory::unlimited());
    }
    literal_as(value, data_type, &Memory::unlimited())
}

fn instant_value(instant: &proto::Instant) -> Result<ArrayRef> {
    if instant.nanoseconds >= 1_000_000_000 {
        return Err(Error::invalid_argument("an instant has less than 1,000,000,000 nanoseconds"));
    }
    let nanoseconds =
        instant.seconds.checked_mul(1_000_000_000).and_then(|whole| whole.checked_add(i64::from(instant.nanoseconds)));
    Ok(match nanoseconds {
        Some(nanoseconds) => Arc::new(TimestampNanosecondArray::from(vec![nanoseconds]).with_timezone("UTC")),
        None if instant.nanoseconds == 0 => {
            Arc::new(TimestampSecondArray::from(vec![instant.seconds]).with_timezone("UTC"))
        }
        None => return Err(Error::invalid_argument("the instant is too far away for its fraction of a second")),
    })
}

fn instant_in(value: &ArrayRef, from: TimeUnit, to: TimeUnit, zone: Option<Arc<str>>) -> Result<ArrayRef> {
    let count = ticks_of(value)?;
    let (from_ticks, to_ticks) = (ticks_per_second(from), ticks_per_second(to));
    let scaled = i128::from(count) * i128::from(to_ticks);
    let exact = (scaled % i128::from(from_ticks) == 0).then(|| scaled / i128::from(from_ticks));
    let count = exact.and_then(|count| i64::try_from(count).ok()).ok_or_else(|| {
        Error::invalid_argument(format!("the instant is not exactly a value of {}", DataType::Timestamp(to, None)))
    })?;
    let count: ArrayRef = Arc::new(Int64Array::from(vec![count]));
    ticks(&count, &DataType::Timestamp(to, zone))
}

fn ticks_of(value: &ArrayRef) -> Result<i64> {
    use arrow_array::cast::AsArray;
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let count = arrow_cast::cast_with_options(value, &DataType::Int64, &options)?;
    Ok(count.as_primitive::<arrow_array::types::Int64Type>().value(0))
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
        assert_eq!(beside(&three, &DataType::Int8).unwrap().unwrap().data_type(), &DataType::Int8);
        assert_eq!(beside(&three, &DataType::Float32).unwrap().unwrap().data_type(), &DataType::Float32);
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
        assert_eq!((value.data_type(), ticks_of(&value).unwrap()), (&zoned, 5000));
        let fine = literal_value(&literal(Value::Instant(proto::Instant { seconds: 5, nanoseconds: 1 }))).unwrap();
        assert!(beside(&fine, &zoned).is_err());
    }

    #[test]
    fn a_typed_integer_counts_units() {
        let date = proto::Field { format: "tdD".into(), ..Default::default() };
        let value = literal_value(&proto::Literal { value: Some(Value::Int64(19_000)), r#type: Some(date) }).unwrap();
        assert_eq!(value.data_type(), &DataType::Date32);
    }
}
