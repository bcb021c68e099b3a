// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Types by the names that pyarrow prints: `int32`, `timestamp[us, tz=UTC]`, `list<item: string>`.
//!
//! Options of functions, the command line and the literals of tests all read them here.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, IntervalUnit, TimeUnit, UnionFields, UnionMode};

use bowyer_core::{Error, Result};

/// The type of a name.
///
/// # Errors
/// `Parse`, with what is not understood.
pub fn data_type(name: &str) -> Result<DataType> {
    match data_type_prefix(name)? {
        (data_type, "") => Ok(data_type),
        (_, rest) => Err(refused(name, &format!("unexpected {rest:?}"))),
    }
}

/// The type that a text begins with, and the rest of the text.
///
/// # Errors
/// As [`data_type`].
pub fn data_type_prefix(text: &str) -> Result<(DataType, &str)> {
    let mut reader = Reader { rest: text };
    match read(&mut reader) {
        Ok(data_type) => Ok((data_type, reader.rest.trim_start())),
        Err(why) => Err(refused(text, &why)),
    }
}

#[cold]
fn refused(name: &str, why: &str) -> Error {
    Error::parse(format!(
        "{name:?} names no type: {why}; names are as pyarrow prints them, such as timestamp[us, tz=UTC]"
    ))
}

/// Reads text from the left. What is wrong is said in a few words, which become an error at the top.
struct Reader<'a> {
    rest: &'a str,
}

/// What was read, or what is wrong.
type Read<T> = std::result::Result<T, String>;

impl<'a> Reader<'a> {
    fn eat(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        let found = self.rest.strip_prefix(token);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    fn expect(&mut self, token: &str) -> Read<()> {
        if self.eat(token) { Ok(()) } else { Err(format!("expected {token:?} at {:?}", self.rest)) }
    }

    /// The characters up to the first that is not wanted.
    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|character| !wanted(character)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }
}

fn read(reader: &mut Reader<'_>) -> Read<DataType> {
    let word = reader.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
    if let Some(simple) = simple(word) {
        return Ok(simple);
    }
    match word {
        "date32" => Ok(bracketed_unit(reader, "day").map(|()| DataType::Date32)?),
        "date64" => Ok(bracketed_unit(reader, "ms").map(|()| DataType::Date64)?),
        "time32" => match unit_of(reader)? {
            unit @ (TimeUnit::Second | TimeUnit::Millisecond) => Ok(DataType::Time32(unit)),
            _ => Err("time32 counts seconds or milliseconds".to_owned()),
        },
        "time64" => match unit_of(reader)? {
            unit @ (TimeUnit::Microsecond | TimeUnit::Nanosecond) => Ok(DataType::Time64(unit)),
            _ => Err("time64 counts microseconds or nanoseconds".to_owned()),
        },
        "duration" => unit_of(reader).map(DataType::Duration),
        "timestamp" => timestamp(reader),
        "fixed_size_binary" => length(reader).map(DataType::FixedSizeBinary),
        "decimal32" => decimal(reader, 9).map(|(p, s)| DataType::Decimal32(p, s)),
        "decimal64" => decimal(reader, 18).map(|(p, s)| DataType::Decimal64(p, s)),
        "decimal128" => decimal(reader, 38).map(|(p, s)| DataType::Decimal128(p, s)),
        "decimal256" => decimal(reader, 76).map(|(p, s)| DataType::Decimal256(p, s)),
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

fn bracketed_unit(reader: &mut Reader<'_>, unit: &str) -> Read<()> {
    if reader.eat("[") {
        reader.expect(unit)?;
        reader.expect("]")?;
    }
    Ok(())
}

fn unit(reader: &mut Reader<'_>) -> Read<TimeUnit> {
    match reader.take_while(char::is_alphanumeric) {
        "s" => Ok(TimeUnit::Second),
        "ms" => Ok(TimeUnit::Millisecond),
        "us" => Ok(TimeUnit::Microsecond),
        "ns" => Ok(TimeUnit::Nanosecond),
        other => Err(format!("no unit is called {other:?}")),
    }
}

fn unit_of(reader: &mut Reader<'_>) -> Read<TimeUnit> {
    reader.expect("[")?;
    let unit = unit(reader)?;
    reader.expect("]").map(|()| unit)
}

fn timestamp(reader: &mut Reader<'_>) -> Read<DataType> {
    reader.expect("[")?;
    let unit = unit(reader)?;
    let zone = reader.eat(",").then(|| {
        reader.eat("tz=");
        Arc::from(reader.take_while(|c| c != ']').trim())
    });
    reader.expect("]")?;
    Ok(DataType::Timestamp(unit, zone))
}

fn number<T: std::str::FromStr>(reader: &mut Reader<'_>) -> Read<T> {
    let digits = reader.take_while(|c| c.is_ascii_digit() || c == '-');
    digits.parse().map_err(|_| format!("{digits:?} is no number here"))
}

fn length(reader: &mut Reader<'_>) -> Read<i32> {
    reader.expect("[")?;
    let length = number(reader)?;
    if length < 0 {
        return Err(format!("{length} is no length"));
    }
    reader.expect("]").map(|()| length)
}

fn decimal(reader: &mut Reader<'_>, most: u8) -> Read<(u8, i8)> {
    reader.expect("(")?;
    let precision = number(reader)?;
    if !(1..=most).contains(&precision) {
        return Err(format!("a precision of {precision} is not between 1 and {most}"));
    }
    reader.expect(",")?;
    let scale = number(reader)?;
    reader.expect(")").map(|()| (precision, scale))
}

fn field(reader: &mut Reader<'_>) -> Read<FieldRef> {
    let name = reader.take_while(|c| c != ':').trim().to_owned();
    reader.expect(":")?;
    let data_type = read(reader)?;
    let nullable = !reader.eat("not null");
    Ok(Arc::new(Field::new(name, data_type, nullable)))
}

fn only_field(reader: &mut Reader<'_>) -> Read<FieldRef> {
    reader.expect("<")?;
    let item = field(reader)?;
    reader.expect(">").map(|()| item)
}

fn fields(reader: &mut Reader<'_>) -> Read<Vec<FieldRef>> {
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

fn map(reader: &mut Reader<'_>) -> Read<DataType> {
    reader.expect("<")?;
    let key = Field::new("key", read(reader)?, false);
    reader.expect(",")?;
    let value = Field::new("value", read(reader)?, true);
    reader.expect(">")?;
    let entries = Field::new("entries", DataType::Struct(vec![key, value].into()), false);
    Ok(DataType::Map(Arc::new(entries), false))
}

fn dictionary(reader: &mut Reader<'_>) -> Read<DataType> {
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

fn runs(reader: &mut Reader<'_>) -> Read<DataType> {
    match fields(reader)?.as_slice() {
        [ends, values] => {
            let ends = Field::new("run_ends", ends.data_type().clone(), false);
            Ok(DataType::RunEndEncoded(Arc::new(ends), values.clone()))
        }
        _ => Err("runs have ends and values".to_owned()),
    }
}

fn union(reader: &mut Reader<'_>, mode: UnionMode) -> Read<DataType> {
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
        assert_eq!(data_type("double").unwrap(), DataType::Float64);
        assert_eq!(data_type("fixed_size_binary[16]").unwrap(), DataType::FixedSizeBinary(16));
        assert_eq!(data_type_prefix("int8 [1]").unwrap(), (DataType::Int8, "[1]"));
    }

    #[test]
    fn what_is_no_type_is_said_to_be_none() {
        let names = ["int33", "int65", "list<int32", "time32[us]", "timestamp[h]", "decimal128(39, 0)", "]["];
        for name in names.into_iter().chain(["fixed_size_binary[-1]", "int8 x", "decimal32(0, 0)", ""]) {
            assert!(data_type(name).is_err(), "{name}");
        }
    }
}
