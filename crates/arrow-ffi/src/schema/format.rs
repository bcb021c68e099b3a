// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Format strings: how the C Data Interface spells types.
//!
//! Parsing gives a [`Format`], which still lacks children; writing takes a whole type. The two are inverse.

use std::borrow::Cow;

use arrow_schema::{DataType, IntervalUnit, TimeUnit, UnionMode};

/// What a format string says, before children and dictionary are known.
#[derive(Debug, PartialEq)]
pub(super) enum Format {
    /// A type without children.
    Flat(DataType),
    /// `+l`
    List,
    /// `+L`
    LargeList,
    /// `+vl`
    ListView,
    /// `+vL`
    LargeListView,
    /// `+w:size`
    FixedSizeList(i32),
    /// `+s`
    Struct,
    /// `+m`
    Map,
    /// `+ud:ids`, `+us:ids`
    Union(UnionMode, Vec<i8>),
    /// `+r`
    RunEndEncoded,
}

/// Reads a format string; the error is a sentence.
pub(super) fn parse(format: &str) -> Result<Format, String> {
    let unknown = || format!("{format:?} names no type");
    let flat = match format {
        "n" => DataType::Null,
        "b" => DataType::Boolean,
        "c" => DataType::Int8,
        "C" => DataType::UInt8,
        "s" => DataType::Int16,
        "S" => DataType::UInt16,
        "i" => DataType::Int32,
        "I" => DataType::UInt32,
        "l" => DataType::Int64,
        "L" => DataType::UInt64,
        "e" => DataType::Float16,
        "f" => DataType::Float32,
        "g" => DataType::Float64,
        "z" => DataType::Binary,
        "Z" => DataType::LargeBinary,
        "vz" => DataType::BinaryView,
        "u" => DataType::Utf8,
        "U" => DataType::LargeUtf8,
        "vu" => DataType::Utf8View,
        "tdD" => DataType::Date32,
        "tdm" => DataType::Date64,
        "tts" => DataType::Time32(TimeUnit::Second),
        "ttm" => DataType::Time32(TimeUnit::Millisecond),
        "ttu" => DataType::Time64(TimeUnit::Microsecond),
        "ttn" => DataType::Time64(TimeUnit::Nanosecond),
        "tDs" => DataType::Duration(TimeUnit::Second),
        "tDm" => DataType::Duration(TimeUnit::Millisecond),
        "tDu" => DataType::Duration(TimeUnit::Microsecond),
        "tDn" => DataType::Duration(TimeUnit::Nanosecond),
        "tiM" => DataType::Interval(IntervalUnit::YearMonth),
        "tiD" => DataType::Interval(IntervalUnit::DayTime),
        "tin" => DataType::Interval(IntervalUnit::MonthDayNano),
        "+l" => return Ok(Format::List),
        "+L" => return Ok(Format::LargeList),
        "+vl" => return Ok(Format::ListView),
        "+vL" => return Ok(Format::LargeListView),
        "+s" => return Ok(Format::Struct),
        "+m" => return Ok(Format::Map),
        "+r" => return Ok(Format::RunEndEncoded),
        _ => return with_parameters(format).unwrap_or_else(|| Err(unknown())),
    };
    Ok(Format::Flat(flat))
}

/// Formats with a colon.
fn with_parameters(format: &str) -> Option<Result<Format, String>> {
    let (head, tail) = format.split_once(':')?;
    Some(match head {
        "w" => size(tail).map(|size| Format::Flat(DataType::FixedSizeBinary(size))),
        "+w" => size(tail).map(Format::FixedSizeList),
        "d" => decimal(tail).map(Format::Flat),
        "tss" => Ok(timestamp(TimeUnit::Second, tail)),
        "tsm" => Ok(timestamp(TimeUnit::Millisecond, tail)),
        "tsu" => Ok(timestamp(TimeUnit::Microsecond, tail)),
        "tsn" => Ok(timestamp(TimeUnit::Nanosecond, tail)),
        "+ud" => type_ids(tail).map(|ids| Format::Union(UnionMode::Dense, ids)),
        "+us" => type_ids(tail).map(|ids| Format::Union(UnionMode::Sparse, ids)),
        _ => return None,
    })
}

fn timestamp(unit: TimeUnit, zone: &str) -> Format {
    Format::Flat(DataType::Timestamp(unit, (!zone.is_empty()).then(|| zone.into())))
}

fn size(text: &str) -> Result<i32, String> {
    match text.parse::<i32>() {
        Ok(size) if size >= 0 => Ok(size),
        _ => Err(format!("{text:?} is no size from 0 to 2147483647")),
    }
}

/// `precision,scale` or `precision,scale,bits`.
fn decimal(text: &str) -> Result<DataType, String> {
    let malformed = || format!("{text:?} is no decimal's precision and scale");
    let mut parts = text.split(',');
    let precision: u8 = parts.next().and_then(|part| part.parse().ok()).ok_or_else(malformed)?;
    let scale: i8 = parts.next().and_then(|part| part.parse().ok()).ok_or_else(malformed)?;
    let bits: u16 = parts.next().map_or(Ok(128), str::parse).map_err(|_| malformed())?;
    if parts.next().is_some() {
        return Err(malformed());
    }
    let (data_type, most) = match bits {
        32 => (DataType::Decimal32(precision, scale), 9),
        64 => (DataType::Decimal64(precision, scale), 18),
        128 => (DataType::Decimal128(precision, scale), 38),
        256 => (DataType::Decimal256(precision, scale), 76),
        _ => return Err(format!("decimals have 32, 64, 128 or 256 bits, not {bits}")),
    };
    if precision == 0 || precision > most {
        return Err(format!("precision {precision} is not in 1 to {most}, that of a {bits}-bit decimal"));
    }
    if i16::from(scale) > i16::from(most) {
        return Err(format!("scale {scale} is above {most}, the most of a {bits}-bit decimal"));
    }
    Ok(data_type)
}

fn type_ids(text: &str) -> Result<Vec<i8>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut seen = [false; 128];
    text.split(',')
        .map(|part| match part.parse::<i8>() {
            Ok(id) if id >= 0 && !std::mem::replace(&mut seen[id as usize], true) => Ok(id),
            _ => Err(format!("{part:?} is no type id from 0 to 127 used once")),
        })
        .collect()
}

/// Writes the format string of a type; of a dictionary, that of its keys.
pub(super) fn write(data_type: &DataType) -> Cow<'static, str> {
    use DataType as D;
    Cow::Borrowed(match data_type {
        D::Null => "n",
        D::Boolean => "b",
        D::Int8 => "c",
        D::UInt8 => "C",
        D::Int16 => "s",
        D::UInt16 => "S",
        D::Int32 => "i",
        D::UInt32 => "I",
        D::Int64 => "l",
        D::UInt64 => "L",
        D::Float16 => "e",
        D::Float32 => "f",
        D::Float64 => "g",
        D::Binary => "z",
        D::LargeBinary => "Z",
        D::BinaryView => "vz",
        D::Utf8 => "u",
        D::LargeUtf8 => "U",
        D::Utf8View => "vu",
        D::Date32 => "tdD",
        D::Date64 => "tdm",
        D::Time32(TimeUnit::Second) => "tts",
        D::Time32(_) => "ttm",
        D::Time64(TimeUnit::Microsecond) => "ttu",
        D::Time64(_) => "ttn",
        D::Duration(TimeUnit::Second) => "tDs",
        D::Duration(TimeUnit::Millisecond) => "tDm",
        D::Duration(TimeUnit::Microsecond) => "tDu",
        D::Duration(TimeUnit::Nanosecond) => "tDn",
        D::Interval(IntervalUnit::YearMonth) => "tiM",
        D::Interval(IntervalUnit::DayTime) => "tiD",
        D::Interval(IntervalUnit::MonthDayNano) => "tin",
        D::List(_) => "+l",
        D::LargeList(_) => "+L",
        D::ListView(_) => "+vl",
        D::LargeListView(_) => "+vL",
        D::Struct(_) => "+s",
        D::Map(..) => "+m",
        D::RunEndEncoded(..) => "+r",
        D::Dictionary(keys, _) => return write(keys),
        D::FixedSizeBinary(size) => return format!("w:{size}").into(),
        D::FixedSizeList(_, size) => return format!("+w:{size}").into(),
        D::Decimal32(precision, scale) => return format!("d:{precision},{scale},32").into(),
        D::Decimal64(precision, scale) => return format!("d:{precision},{scale},64").into(),
        D::Decimal128(precision, scale) => return format!("d:{precision},{scale}").into(),
        D::Decimal256(precision, scale) => return format!("d:{precision},{scale},256").into(),
        D::Timestamp(unit, zone) => {
            let unit = match unit {
                TimeUnit::Second => 's',
                TimeUnit::Millisecond => 'm',
                TimeUnit::Microsecond => 'u',
                TimeUnit::Nanosecond => 'n',
            };
            return format!("ts{unit}:{}", zone.as_deref().unwrap_or_default()).into();
        }
        D::Union(fields, mode) => {
            let ids: Vec<String> = fields.iter().map(|(id, _)| id.to_string()).collect();
            let head = if *mode == UnionMode::Dense { "+ud" } else { "+us" };
            return format!("{head}:{}", ids.join(",")).into();
        }
    })
}
