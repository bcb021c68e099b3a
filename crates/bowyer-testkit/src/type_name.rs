// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Types as pyarrow prints them.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, IntervalUnit, TimeUnit, UnionFields, UnionMode};

use crate::value::Reader;

/// The type of a name such as `int32`, `timestamp[us, tz=UTC]` or `list<item: string>`.
///
/// # Errors
/// A sentence that says what is not understood.
pub fn data_type(name: &str) -> Result<DataType, String> {
    let mut reader = Reader::new(name);
    let data_type = read(&mut reader)?;
    reader.end()?;
    Ok(data_type)
}

pub(crate) fn read(reader: &mut Reader<'_>) -> Result<DataType, String> {
    let word = reader.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
    if let Some(simple) = simple(word) {
        return Ok(simple);
    }
    match word {
        "date32" => Ok(bracketed_unit(reader, "day").map(|()| DataType::Date32)?),
        "date64" => Ok(bracketed_unit(reader, "ms").map(|()| DataType::Date64)?),
        "time32" => unit_of(reader).map(DataType::Time32),
        "time64" => unit_of(reader).map(DataType::Time64),
        "duration" => unit_of(reader).map(DataType::Duration),
        "timestamp" => timestamp(reader),
        "fixed_size_binary" => length(reader).map(DataType::FixedSizeBinary),
        "decimal32" => decimal(reader).map(|(p, s)| DataType::Decimal32(p, s)),
        "decimal64" => decimal(reader).map(|(p, s)| DataType::Decimal64(p, s)),
        "decimal128" => decimal(reader).map(|(p, s)| DataType::Decimal128(p, s)),
        "decimal256" => decimal(reader).map(|(p, s)| DataType::Decimal256(p, s)),
        "list" => only_field(reader).map(DataType::List),
        "large_list" => only_field(reader).map(DataType::LargeList),
        "list_view" => only_field(reader).map(DataType::ListView),
        "large_list_view" => only_field(reader).map(DataType::LargeListView),
        "fixed_size_list" => {
            let item = only_field(reader)?;
            Ok(DataType::FixedSizeList(item, length(reader)?))
        }
        "struct" => fields(reader).map(|fields| DataType::Struct(Fields::from(fields))),
        "map" => map(reader),
        "dictionary" => dictionary(reader),
        "run_end_encoded" => runs(reader),
        "sparse_union" => union(reader, UnionMode::Sparse),
        "dense_union" => union(reader, UnionMode::Dense),
        other => Err(format!("no type is called {other:?}")),
    }
}

fn simple(word: &str) -> Option<DataType> {
    Some(match word {
        "null" => DataType::Null,
        "bool" => DataType::Boolean,
        "int8" => DataType::Int8,
        "int16" => DataType::Int16,
        "int32" => DataType::Int32,
        "int64" => DataType::Int64,
        "uint8" => DataType::UInt8,
        "uint16" => DataType::UInt16,
        "uint32" => DataType::UInt32,
        "uint64" => DataType::UInt64,
        "halffloat" | "float16" => DataType::Float16,
        "float" | "float32" => DataType::Float32,
        "double" | "float64" => DataType::Float64,
        "string" | "utf8" => DataType::Utf8,
        "large_string" | "large_utf8" => DataType::LargeUtf8,
        "string_view" => DataType::Utf8View,
        "binary" => DataType::Binary,
        "large_binary" => DataType::LargeBinary,
        "binary_view" => DataType::BinaryView,
        "month_interval" => DataType::Interval(IntervalUnit::YearMonth),
        "day_time_interval" => DataType::Interval(IntervalUnit::DayTime),
        "month_day_nano_interval" => DataType::Interval(IntervalUnit::MonthDayNano),
        _ => return None,
    })
}

fn bracketed_unit(reader: &mut Reader<'_>, unit: &str) -> Result<(), String> {
    if reader.eat("[") {
        reader.expect(unit)?;
        reader.expect("]")?;
    }
    Ok(())
}

fn unit(reader: &mut Reader<'_>) -> Result<TimeUnit, String> {
    match reader.take_while(char::is_alphanumeric) {
        "s" => Ok(TimeUnit::Second),
        "ms" => Ok(TimeUnit::Millisecond),
        "us" => Ok(TimeUnit::Microsecond),
        "ns" => Ok(TimeUnit::Nanosecond),
        other => Err(format!("no unit is called {other:?}")),
    }
}

fn unit_of(reader: &mut Reader<'_>) -> Result<TimeUnit, String> {
    reader.expect("[")?;
    let unit = unit(reader)?;
    reader.expect("]").map(|()| unit)
}

fn timestamp(reader: &mut Reader<'_>) -> Result<DataType, String> {
    reader.expect("[")?;
    let unit = unit(reader)?;
    let zone = reader.eat(",").then(|| {
        reader.eat("tz=");
        Arc::from(reader.take_while(|c| c != ']').trim())
    });
    reader.expect("]")?;
    Ok(DataType::Timestamp(unit, zone))
}

fn number<T: std::str::FromStr>(reader: &mut Reader<'_>) -> Result<T, String> {
    let digits = reader.take_while(|c| c.is_ascii_digit() || c == '-');
    digits.parse().map_err(|_| format!("{digits:?} is no number here"))
}

fn length(reader: &mut Reader<'_>) -> Result<i32, String> {
    reader.expect("[")?;
    let length = number(reader)?;
    reader.expect("]").map(|()| length)
}

fn decimal(reader: &mut Reader<'_>) -> Result<(u8, i8), String> {
    reader.expect("(")?;
    let precision = number(reader)?;
    reader.expect(",")?;
    let scale = number(reader)?;
    reader.expect(")").map(|()| (precision, scale))
}

fn field(reader: &mut Reader<'_>) -> Result<FieldRef, String> {
    let name = reader.take_while(|c| c != ':').trim().to_owned();
    reader.expect(":")?;
    let data_type = read(reader)?;
    let nullable = !reader.eat("not null");
    Ok(Arc::new(Field::new(name, data_type, nullable)))
}

fn only_field(reader: &mut Reader<'_>) -> Result<FieldRef, String> {
    reader.expect("<")?;
    let item = field(reader)?;
    reader.expect(">").map(|()| item)
}

fn fields(reader: &mut Reader<'_>) -> Result<Vec<FieldRef>, String> {
    reader.expect("<")?;
    let mut fields = vec![];
    while !reader.eat(">") {
        if !fields.is_empty() {
            reader.expect(",")?;
        }
        fields.push(field(reader)?);
    }
    Ok(fields)
}

fn map(reader: &mut Reader<'_>) -> Result<DataType, String> {
    reader.expect("<")?;
    let key = Field::new("key", read(reader)?, false);
    reader.expect(",")?;
    let value = Field::new("value", read(reader)?, true);
    reader.expect(">")?;
    let entries = Field::new("entries", DataType::Struct(vec![key, value].into()), false);
    Ok(DataType::Map(Arc::new(entries), false))
}

fn dictionary(reader: &mut Reader<'_>) -> Result<DataType, String> {
    reader.expect("<")?;
    reader.expect("values=")?;
    let values = read(reader)?;
    reader.expect(",")?;
    reader.expect("indices=")?;
    let keys = read(reader)?;
    if reader.eat(",") {
        reader.expect("ordered=")?;
        reader.expect("0")?;
    }
    reader.expect(">")?;
    Ok(DataType::Dictionary(Box::new(keys), Box::new(values)))
}

fn runs(reader: &mut Reader<'_>) -> Result<DataType, String> {
    match fields(reader)?.as_slice() {
        [ends, values] => {
            let ends = Field::new("run_ends", ends.data_type().clone(), false);
            Ok(DataType::RunEndEncoded(Arc::new(ends), values.clone()))
        }
        _ => Err("runs have ends and values".to_owned()),
    }
}

fn union(reader: &mut Reader<'_>, mode: UnionMode) -> Result<DataType, String> {
    reader.expect("<")?;
    let mut fields = vec![];
    while !reader.eat(">") {
        if !fields.is_empty() {
            reader.expect(",")?;
        }
        let field = field(reader)?;
        reader.expect("=")?;
        fields.push((number::<i8>(reader)?, field));
    }
    Ok(DataType::Union(fields.into_iter().collect::<UnionFields>(), mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some("Europe/Berlin".into()));
        assert_eq!(data_type("timestamp[us, tz=Europe/Berlin]").unwrap(), zoned);
        assert_eq!(data_type("timestamp[us, Europe/Berlin]").unwrap(), zoned);
        assert_eq!(data_type("decimal128(5, -2)").unwrap(), DataType::Decimal128(5, -2));
        assert_eq!(
            data_type("list<item: struct<a: int64 not null, b: string>>").unwrap(),
            DataType::new_list(
                DataType::Struct(
                    vec![Field::new("a", DataType::Int64, false), Field::new("b", DataType::Utf8, true)].into()
                ),
                true
            )
        );
        assert_eq!(
            data_type("dictionary<values=string, indices=int8, ordered=0>").unwrap(),
            DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8))
        );
        assert!(data_type("int33").is_err() && data_type("list<int32").is_err());
    }
}
