// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Arrays from values and a type.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, BinaryViewBuilder, FixedSizeBinaryBuilder, LargeBinaryBuilder};
use arrow_array::types::{Date32Type, Float16Type, Time64NanosecondType};
use arrow_array::{
    Array, ArrayRef, BooleanArray, FixedSizeListArray, Float16Array, Float32Array, Float64Array, GenericListArray,
    GenericListViewArray, IntervalDayTimeArray, IntervalMonthDayNanoArray, MapArray, NullArray, OffsetSizeTrait,
    PrimitiveArray, StructArray, new_empty_array,
};
use arrow_buffer::{IntervalDayTime, IntervalMonthDayNano, NullBuffer, OffsetBuffer, i256};
use arrow_cast::parse::{Parser, string_to_datetime};
use arrow_schema::{DataType, FieldRef, Fields, IntervalUnit, TimeUnit};
use half::f16;

use crate::value::Value;

type Built = Result<ArrayRef, String>;

/// An array of `data_type`.
pub(super) fn array(data_type: &DataType, values: &[Value]) -> Built {
    use DataType as T;
    match data_type {
        T::Null => nulls_only(values),
        T::Boolean => booleans(values),
        T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::UInt8 | T::UInt16 | T::UInt32 | T::UInt64 => {
            integers(data_type, values)
        }
        T::Float16 => floats(values, f16::from_f64).map(|lanes| {
            let array: Float16Array = PrimitiveArray::<Float16Type>::from_iter(lanes);
            Arc::new(array) as ArrayRef
        }),
        T::Float32 => floats(values, |value| value as f32).map(|lanes| Arc::new(Float32Array::from(lanes)) as ArrayRef),
        T::Float64 => floats(values, |value| value).map(|lanes| Arc::new(Float64Array::from(lanes)) as ArrayRef),
        T::Decimal32(_, scale) | T::Decimal64(_, scale) | T::Decimal128(_, scale) | T::Decimal256(_, scale) => {
            decimals(data_type, *scale, values)
        }
        T::Date32 | T::Date64 | T::Time32(_) | T::Time64(_) | T::Timestamp(..) | T::Duration(_) => {
            times(data_type, values)
        }
        T::Interval(unit) => intervals(*unit, values),
        T::Utf8 | T::LargeUtf8 | T::Utf8View | T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => {
            bytes(data_type, values)
        }
        T::List(item) => list::<i32>(item, values),
        T::LargeList(item) => list::<i64>(item, values),
        T::ListView(item) => list_view::<i32>(item, values),
        T::LargeListView(item) => list_view::<i64>(item, values),
        T::FixedSizeList(item, length) => fixed_size_list(item, *length, values),
        T::Struct(fields) => structs(fields, values),
        T::Map(entries, _) => map(data_type, entries, values),
        T::Dictionary(_, plain) => cast(&array(plain, values)?, data_type),
        T::RunEndEncoded(_, plain) => cast(&array(plain.data_type(), values)?, data_type),
        other => Err(format!("no literals of {other}")),
    }
}

fn each<T>(values: &[Value], read: impl Fn(&Value) -> Result<T, String>) -> Result<Vec<Option<T>>, String> {
    values.iter().map(|value| if value == &Value::Null { Ok(None) } else { read(value).map(Some) }).collect()
}

fn wrong<T>(value: &Value, what: &str) -> Result<T, String> {
    Err(format!("{value:?} is not {what}"))
}

fn nulls_only(values: &[Value]) -> Built {
    match values.iter().find(|value| **value != Value::Null) {
        None => Ok(Arc::new(NullArray::new(values.len()))),
        Some(value) => wrong(value, "null"),
    }
}

fn booleans(values: &[Value]) -> Built {
    let lanes = each(values, |value| match value {
        Value::Boolean(value) => Ok(*value),
        other => wrong(other, "a boolean"),
    })?;
    Ok(Arc::new(BooleanArray::from(lanes)))
}

fn integer(value: &Value) -> Result<i128, String> {
    match value {
        Value::Number(text) => text.parse().map_err(|_| format!("{text} is no integer")),
        other => wrong(other, "an integer"),
    }
}

fn integers(data_type: &DataType, values: &[Value]) -> Built {
    bowyer_core::with_integers!(data_type, T => {
        let lanes = each(values, |value| {
            T::try_from(integer(value)?).map_err(|_| format!("{value:?} does not fit {data_type}"))
        });
        Ok(lanes.and_then(|lanes| fixed_width(data_type, &lanes)))
    })
    .map_err(|error| error.to_string())?
}

/// An array of lanes that are stored as `T`, whatever they mean.
fn fixed_width<T: arrow_buffer::ArrowNativeType>(data_type: &DataType, lanes: &[Option<T>]) -> Built {
    let nulls: NullBuffer = lanes.iter().map(Option::is_some).collect();
    let values: Vec<T> = lanes.iter().map(|lane| lane.unwrap_or_default()).collect();
    let builder = arrow_data::ArrayDataBuilder::new(data_type.clone())
        .len(lanes.len())
        .nulls(Some(nulls).filter(|nulls| nulls.null_count() > 0))
        .add_buffer(arrow_buffer::Buffer::from_vec(values));
    builder.build().map(arrow_array::make_array).map_err(|error| error.to_string())
}

fn floats<T>(values: &[Value], narrow: impl Fn(f64) -> T) -> Result<Vec<Option<T>>, String> {
    each(values, |value| match value {
        Value::Number(text) => text.parse().map(&narrow).map_err(|_| format!("{text} is no number")),
        other => wrong(other, "a number"),
    })
}

fn decimals(data_type: &DataType, scale: i8, values: &[Value]) -> Built {
    let lanes = each(values, |value| match value {
        Value::Number(text) => decimal(text, scale),
        Value::Text(text) => decimal(&String::from_utf8_lossy(text), scale),
        other => wrong(other, "a decimal"),
    })?;
    let narrow = |lane: &Option<i256>| lane.map(|lane| lane.to_i128().unwrap_or(i128::MAX));
    match data_type {
        DataType::Decimal32(..) => {
            fixed_width(data_type, &lanes.iter().map(|lane| narrow(lane).map(|lane| lane as i32)).collect::<Vec<_>>())
        }
        DataType::Decimal64(..) => {
            fixed_width(data_type, &lanes.iter().map(|lane| narrow(lane).map(|lane| lane as i64)).collect::<Vec<_>>())
        }
        DataType::Decimal128(..) => fixed_width(data_type, &lanes.iter().map(narrow).collect::<Vec<_>>()),
        _ => fixed_width(data_type, &lanes),
    }
}

/// Digits with an optional point, moved to `scale`; more places than that are refused.
fn decimal(text: &str, scale: i8) -> Result<i256, String> {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    let scale = usize::try_from(scale).map_err(|_| "no literals of negative scale")?;
    if places.len() > scale {
        return Err(format!("{text} has more than {scale} places"));
    }
    let digits = format!("{whole}{places:0<scale$}");
    i256::from_string(&digits).ok_or_else(|| format!("{text} is no decimal"))
}

fn times(data_type: &DataType, values: &[Value]) -> Built {
    let lanes = each(values, |value| match value {
        Value::Number(_) => integer(value),
        Value::Text(text) => moment(data_type, &String::from_utf8_lossy(text)),
        other => wrong(other, "a time"),
    })?;
    if data_type.primitive_width() == Some(4) {
        return fixed_width(data_type, &lanes.iter().map(|lane| lane.map(|lane| lane as i32)).collect::<Vec<_>>());
    }
    fixed_width(data_type, &lanes.iter().map(|lane| lane.map(|lane| lane as i64)).collect::<Vec<_>>())
}

fn moment(data_type: &DataType, text: &str) -> Result<i128, String> {
    let unreadable = || format!("{text:?} is no value of {data_type}");
    let of_nanoseconds = |nanoseconds: i128, unit: TimeUnit| match unit {
        TimeUnit::Second => nanoseconds.div_euclid(1_000_000_000),
        TimeUnit::Millisecond => nanoseconds.div_euclid(1_000_000),
        TimeUnit::Microsecond => nanoseconds.div_euclid(1_000),
        TimeUnit::Nanosecond => nanoseconds,
    };
    match data_type {
        DataType::Date32 => Date32Type::parse(text).map(i128::from).ok_or_else(unreadable),
        DataType::Date64 => Date32Type::parse(text).map(|days| i128::from(days) * 86_400_000).ok_or_else(unreadable),
        DataType::Time32(unit) | DataType::Time64(unit) => {
            let nanoseconds = Time64NanosecondType::parse(text).ok_or_else(unreadable)?;
            Ok(of_nanoseconds(nanoseconds.into(), *unit))
        }
        DataType::Timestamp(unit, _) => {
            // A text without an offset is UTC: the zone of the type is how values are shown, not how they are written.
            let utc: arrow_array::timezone::Tz = "+00:00".parse().map_err(|_| unreadable())?;
            let moment = string_to_datetime(&utc, text).map_err(|_| unreadable())?;
            let nanoseconds =
                i128::from(moment.timestamp()) * 1_000_000_000 + i128::from(moment.timestamp_subsec_nanos());
            Ok(of_nanoseconds(nanoseconds, *unit))
        }
        _ => Err(unreadable()),
    }
}

fn intervals(unit: IntervalUnit, values: &[Value]) -> Built {
    let parts = |value: &Value, count: usize| match value {
        Value::List(items) if items.len() == count => items.iter().map(integer).collect::<Result<Vec<_>, _>>(),
        other => wrong(other, "the parts of an interval"),
    };
    Ok(match unit {
        IntervalUnit::YearMonth => {
            let lanes = each(values, |value| integer(value).map(|months| months as i32))?;
            return fixed_width(&DataType::Interval(unit), &lanes);
        }
        IntervalUnit::DayTime => Arc::new(IntervalDayTimeArray::from(each(values, |value| {
            let parts = parts(value, 2)?;
            Ok(IntervalDayTime::new(parts[0] as i32, parts[1] as i32))
        })?)),
        IntervalUnit::MonthDayNano => Arc::new(IntervalMonthDayNanoArray::from(each(values, |value| {
            let parts = parts(value, 3)?;
            Ok(IntervalMonthDayNano::new(parts[0] as i32, parts[1] as i32, parts[2] as i64))
        })?)),
    })
}

fn bytes(data_type: &DataType, values: &[Value]) -> Built {
    let values = each(values, |value| match value {
        Value::Text(bytes) => Ok(bytes.clone()),
        other => wrong(other, "text"),
    })?;
    if let DataType::FixedSizeBinary(length) = data_type {
        let mut builder = FixedSizeBinaryBuilder::new(*length);
        for value in &values {
            match value {
                Some(value) => builder.append_value(value).map_err(|error| error.to_string())?,
                None => builder.append_null(),
            }
        }
        return Ok(Arc::new(builder.finish()));
    }
    let binary: ArrayRef = match data_type {
        DataType::LargeUtf8 | DataType::LargeBinary => {
            let mut builder = LargeBinaryBuilder::new();
            values.iter().for_each(|value| builder.append_option(value.as_ref()));
            Arc::new(builder.finish())
        }
        DataType::Utf8View | DataType::BinaryView => {
            let mut builder = BinaryViewBuilder::new();
            values.iter().for_each(|value| builder.append_option(value.as_ref()));
            Arc::new(builder.finish())
        }
        _ => {
            let mut builder = BinaryBuilder::new();
            values.iter().for_each(|value| builder.append_option(value.as_ref()));
            Arc::new(builder.finish())
        }
    };
    let typed = binary.to_data().into_builder().data_type(data_type.clone()).build();
    typed.map(arrow_array::make_array).map_err(|error| error.to_string())
}

type Items = (Vec<Value>, Vec<usize>, NullBuffer);

/// The items of all lists one after another, the length of each list, and which are valid.
fn items(values: &[Value]) -> Result<Items, String> {
    let lists = each(values, |value| match value {
        Value::List(items) => Ok(items.clone()),
        other => wrong(other, "a list"),
    })?;
    let lengths = lists.iter().map(|list| list.as_ref().map_or(0, Vec::len)).collect();
    let valid = lists.iter().map(Option::is_some).collect();
    Ok((lists.into_iter().flatten().flatten().collect(), lengths, valid))
}

fn list<O: OffsetSizeTrait>(item: &FieldRef, values: &[Value]) -> Built {
    let (items, lengths, valid) = items(values)?;
    let items = array(item.data_type(), &items)?;
    let offsets = OffsetBuffer::<O>::from_lengths(lengths);
    let list = GenericListArray::try_new(item.clone(), offsets, items, Some(valid));
    Ok(Arc::new(list.map_err(|error| error.to_string())?))
}

fn list_view<O: OffsetSizeTrait>(item: &FieldRef, values: &[Value]) -> Built {
    let (items, lengths, valid) = items(values)?;
    let items = array(item.data_type(), &items)?;
    let offsets = OffsetBuffer::<O>::from_lengths(lengths);
    let list = GenericListArray::try_new(item.clone(), offsets, items, Some(valid));
    Ok(Arc::new(GenericListViewArray::from(list.map_err(|error| error.to_string())?)))
}

fn fixed_size_list(item: &FieldRef, length: i32, values: &[Value]) -> Built {
    let padded: Vec<Value> = values
        .iter()
        .map(|value| match value {
            Value::Null => Value::List(vec![Value::Null; usize::try_from(length).unwrap_or_default()]),
            other => other.clone(),
        })
        .collect();
    let (items, ..) = items(&padded)?;
    let valid = values.iter().map(|value| value != &Value::Null).collect();
    let list = FixedSizeListArray::try_new(item.clone(), length, array(item.data_type(), &items)?, Some(valid));
    Ok(Arc::new(list.map_err(|error| error.to_string())?))
}

fn structs(fields: &Fields, values: &[Value]) -> Built {
    let rows = each(values, |value| match value {
        Value::Struct(row) => Ok(row.clone()),
        other => wrong(other, "a struct"),
    })?;
    let valid: NullBuffer = rows.iter().map(Option::is_some).collect();
    let children = fields.iter().map(|field| {
        let of_row = |row: &Option<Vec<(String, Value)>>| {
            let found = row.iter().flatten().find(|(name, _)| name == field.name());
            found.map_or(Value::Null, |(_, value)| value.clone())
        };
        array(field.data_type(), &rows.iter().map(of_row).collect::<Vec<_>>())
    });
    let children = children.collect::<Result<Vec<_>, _>>()?;
    let array = StructArray::try_new_with_length(fields.clone(), children, Some(valid), values.len());
    Ok(Arc::new(array.map_err(|error| error.to_string())?))
}

/// A map is a list of pairs: `[["a", 1], ["b", 2]]`.
fn map(data_type: &DataType, entries: &FieldRef, values: &[Value]) -> Built {
    let DataType::Struct(fields) = entries.data_type() else { return Err(format!("{data_type} has no entries")) };
    let (pairs, lengths, valid) = items(values)?;
    if pairs.is_empty() && lengths.is_empty() {
        return Ok(new_empty_array(data_type));
    }
    let side = |index: usize| {
        let values = pairs.iter().map(|pair| match pair {
            Value::List(pair) if pair.len() == 2 => Ok(pair[index].clone()),
            other => wrong(other, "a pair"),
        });
        array(fields[index].data_type(), &values.collect::<Result<Vec<_>, _>>()?)
    };
    let entries_array = StructArray::try_new(fields.clone(), vec![side(0)?, side(1)?], None);
    let entries_array = entries_array.map_err(|error| error.to_string())?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    let map = MapArray::try_new(entries.clone(), offsets, entries_array, Some(valid), false);
    Ok(Arc::new(map.map_err(|error| error.to_string())?))
}

fn cast(plain: &ArrayRef, data_type: &DataType) -> Built {
    if plain.is_empty() {
        return Ok(new_empty_array(data_type));
    }
    arrow_cast::cast(plain, data_type).map_err(|error| error.to_string())
}
