// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Types and schemas of the contract, to and from Arrow's.
//!
//! A type is a format string of the Arrow C Data Interface; nested types carry their children beside it.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, IntervalUnit, Schema, TimeUnit, UnionFields, UnionMode};
use bowyer_core::{Error, Result};

use crate::proto;

/// Fields nested deeper than this are refused, as in the guard of the boundary.
const DEPTH_LIMIT: usize = 64;

/// The Arrow schema that a message describes.
///
/// # Errors
/// `InvalidArgument` for a format that is none, `LimitExceeded` for one that is nested too deeply.
pub fn schema_from_proto(schema: &proto::Schema) -> Result<Schema> {
    let fields = schema.fields.iter().map(|field| field_from_proto(field).map(Arc::new)).collect::<Result<Fields>>()?;
    Ok(Schema::new_with_metadata(fields, metadata(&schema.metadata)))
}

/// The message that describes an Arrow schema.
///
/// # Errors
/// `NotImplemented` for a type that the contract has no format for.
pub fn schema_to_proto(schema: &Schema) -> Result<proto::Schema> {
    Ok(proto::Schema {
        fields: schema.fields().iter().map(|field| field_to_proto(field)).collect::<Result<_>>()?,
        metadata: key_values(schema.metadata()),
    })
}

/// The Arrow field that a message describes.
pub(crate) fn field_from_proto(field: &proto::Field) -> Result<Field> {
    nested_field(field, 0)
}

fn nested_field(field: &proto::Field, depth: usize) -> Result<Field> {
    if depth > DEPTH_LIMIT {
        return Err(Error::limit_exceeded(format!("types nest deeper than {DEPTH_LIMIT}")));
    }
    let children = field
        .children
        .iter()
        .map(|child| nested_field(child, depth + 1).map(Arc::new))
        .collect::<Result<Vec<FieldRef>>>()?;
    let mut data_type = parse_format(field, children).map_err(|error| error.in_column(field.name.clone()))?;
    if let Some(values) = &field.dictionary {
        let values = nested_field(values, depth + 1)?;
        if !data_type.is_dictionary_key_type() {
            return Err(Error::invalid_argument(format!("{data_type} cannot index a dictionary")));
        }
        data_type = DataType::Dictionary(Box::new(data_type), Box::new(values.data_type().clone()));
    }
    Ok(Field::new(&field.name, data_type, field.nullable)
        .with_dict_is_ordered(field.dictionary_ordered)
        .with_metadata(metadata(&field.metadata)))
}

/// The message that describes an Arrow field.
///
/// # Errors
/// `NotImplemented` for a type that the contract has no format for.
pub fn field_to_proto(field: &Field) -> Result<proto::Field> {
    let mut message = type_to_proto(field.data_type())?;
    message.name.clone_from(field.name());
    message.nullable = field.is_nullable();
    message.metadata = key_values(field.metadata());
    message.dictionary_ordered = field.dict_is_ordered().unwrap_or_default();
    Ok(message)
}

fn type_to_proto(data_type: &DataType) -> Result<proto::Field> {
    use DataType as D;
    let (children, sorted): (Vec<&FieldRef>, bool) = match data_type {
        D::List(child) | D::LargeList(child) | D::ListView(child) | D::LargeListView(child) => (vec![child], false),
        D::FixedSizeList(child, _) => (vec![child], false),
        D::Struct(fields) => (fields.iter().collect(), false),
        D::Map(entries, sorted) => (vec![entries], *sorted),
        D::Union(fields, _) => (fields.iter().map(|(_, field)| field).collect(), false),
        D::RunEndEncoded(ends, values) => (vec![ends, values], false),
        _ => (Vec::new(), false),
    };
    let (format, dictionary) = match data_type {
        D::Dictionary(keys, values) => (format_of(keys)?, Some(Box::new(type_to_proto(values)?))),
        other => (format_of(other)?, None),
    };
    Ok(proto::Field {
        format,
        nullable: true,
        children: children.into_iter().map(|child| field_to_proto(child)).collect::<Result<_>>()?,
        dictionary,
        map_keys_sorted: sorted,
        ..proto::Field::default()
    })
}

fn parse_format(field: &proto::Field, children: Vec<FieldRef>) -> Result<DataType> {
    let format = field.format.as_str();
    if let Some(data_type) = plain_type(format) {
        return Ok(data_type);
    }
    let unknown = || Error::invalid_argument(format!("{format:?} is no type format"));
    let (head, rest) = format.split_once(':').unwrap_or((format, ""));
    let number = |text: &str| text.parse::<i32>().map_err(|_| unknown());
    Ok(match head {
        "d" => decimal(rest).ok_or_else(unknown)?,
        "w" => DataType::FixedSizeBinary(number(rest)?),
        "tss" | "tsm" | "tsu" | "tsn" => {
            let zone = (!rest.is_empty()).then(|| Arc::from(rest));
            DataType::Timestamp(time_unit(head).ok_or_else(unknown)?, zone)
        }
        "+s" => DataType::Struct(children.into()),
        "+ud" | "+us" => {
            let ids = rest.split(',').filter(|id| !id.is_empty()).map(str::parse::<i8>);
            let ids = ids.collect::<Result<Vec<_>, _>>().map_err(|_| unknown())?;
            if ids.len() != children.len() {
                return Err(Error::invalid_argument("a union has one type id for each child"));
            }
            let mode = if head == "+ud" { UnionMode::Dense } else { UnionMode::Sparse };
            DataType::Union(UnionFields::try_new(ids, children)?, mode)
        }
        "+r" => {
            let [ends, values]: [FieldRef; 2] =
                children.try_into().map_err(|_| Error::invalid_argument("a run-end encoded type has two children"))?;
            DataType::RunEndEncoded(ends, values)
        }
        _ => {
            let [child]: [FieldRef; 1] = children.try_into().map_err(|_| unknown())?;
            match head {
                "+l" => DataType::List(child),
                "+L" => DataType::LargeList(child),
                "+vl" => DataType::ListView(child),
                "+vL" => DataType::LargeListView(child),
                "+w" => DataType::FixedSizeList(child, number(rest)?),
                "+m" => DataType::Map(child, field.map_keys_sorted),
                _ => return Err(unknown()),
            }
        }
    })
}

/// The types whose format has no parameter and no child.
const PLAIN: &[(&str, DataType)] = &[
    ("n", DataType::Null),
    ("b", DataType::Boolean),
    ("c", DataType::Int8),
    ("C", DataType::UInt8),
    ("s", DataType::Int16),
    ("S", DataType::UInt16),
    ("i", DataType::Int32),
    ("I", DataType::UInt32),
    ("l", DataType::Int64),
    ("L", DataType::UInt64),
    ("e", DataType::Float16),
    ("f", DataType::Float32),
    ("g", DataType::Float64),
    ("z", DataType::Binary),
    ("Z", DataType::LargeBinary),
    ("vz", DataType::BinaryView),
    ("u", DataType::Utf8),
    ("U", DataType::LargeUtf8),
    ("vu", DataType::Utf8View),
    ("tdD", DataType::Date32),
    ("tdm", DataType::Date64),
    ("tts", DataType::Time32(TimeUnit::Second)),
    ("ttm", DataType::Time32(TimeUnit::Millisecond)),
    ("ttu", DataType::Time64(TimeUnit::Microsecond)),
    ("ttn", DataType::Time64(TimeUnit::Nanosecond)),
    ("tDs", DataType::Duration(TimeUnit::Second)),
    ("tDm", DataType::Duration(TimeUnit::Millisecond)),
    ("tDu", DataType::Duration(TimeUnit::Microsecond)),
    ("tDn", DataType::Duration(TimeUnit::Nanosecond)),
    ("tiM", DataType::Interval(IntervalUnit::YearMonth)),
    ("tiD", DataType::Interval(IntervalUnit::DayTime)),
    ("tin", DataType::Interval(IntervalUnit::MonthDayNano)),
];

fn plain_type(format: &str) -> Option<DataType> {
    PLAIN.iter().find(|(text, _)| *text == format).map(|(_, data_type)| data_type.clone())
}

fn format_of(data_type: &DataType) -> Result<String> {
    use DataType as D;
    if let Some((text, _)) = PLAIN.iter().find(|(_, plain)| plain == data_type) {
        return Ok((*text).to_owned());
    }
    Ok(match data_type {
        D::Decimal32(precision, scale) => format!("d:{precision},{scale},32"),
        D::Decimal64(precision, scale) => format!("d:{precision},{scale},64"),
        D::Decimal128(precision, scale) => format!("d:{precision},{scale}"),
        D::Decimal256(precision, scale) => format!("d:{precision},{scale},256"),
        D::FixedSizeBinary(width) => format!("w:{width}"),
        D::Timestamp(unit, zone) => format!("ts{}:{}", unit_letter(*unit), zone.as_deref().unwrap_or_default()),
        D::List(_) => "+l".to_owned(),
        D::LargeList(_) => "+L".to_owned(),
        D::ListView(_) => "+vl".to_owned(),
        D::LargeListView(_) => "+vL".to_owned(),
        D::FixedSizeList(_, width) => format!("+w:{width}"),
        D::Struct(_) => "+s".to_owned(),
        D::Map(..) => "+m".to_owned(),
        D::RunEndEncoded(..) => "+r".to_owned(),
        D::Union(fields, mode) => {
            let ids: Vec<String> = fields.iter().map(|(id, _)| id.to_string()).collect();
            format!("+u{}:{}", if *mode == UnionMode::Dense { 'd' } else { 's' }, ids.join(","))
        }
        other => return Err(Error::not_implemented(format!("{other} has no format in the contract"))),
    })
}

fn decimal(parameters: &str) -> Option<DataType> {
    let mut parts = parameters.split(',');
    let precision: u8 = parts.next()?.parse().ok()?;
    let scale: i8 = parts.next()?.parse().ok()?;
    let (limit, data_type) = match parts.next() {
        Some("32") => (9, DataType::Decimal32(precision, scale)),
        Some("64") => (18, DataType::Decimal64(precision, scale)),
        None | Some("128") => (38, DataType::Decimal128(precision, scale)),
        Some("256") => (76, DataType::Decimal256(precision, scale)),
        Some(_) => return None,
    };
    (parts.next().is_none() && (1..=limit).contains(&precision)).then_some(data_type)
}

fn time_unit(format: &str) -> Option<TimeUnit> {
    Some(match format.chars().last()? {
        's' => TimeUnit::Second,
        'm' => TimeUnit::Millisecond,
        'u' => TimeUnit::Microsecond,
        'n' => TimeUnit::Nanosecond,
        _ => return None,
    })
}

fn unit_letter(unit: TimeUnit) -> char {
    match unit {
        TimeUnit::Second => 's',
        TimeUnit::Millisecond => 'm',
        TimeUnit::Microsecond => 'u',
        TimeUnit::Nanosecond => 'n',
    }
}

fn metadata(pairs: &[proto::KeyValue]) -> std::collections::HashMap<String, String> {
    pairs.iter().map(|pair| (pair.key.clone(), pair.value.clone())).collect()
}

fn key_values(metadata: &std::collections::HashMap<String, String>) -> Vec<proto::KeyValue> {
    let mut pairs: Vec<_> =
        metadata.iter().map(|(key, value)| proto::KeyValue { key: key.clone(), value: value.clone() }).collect();
    pairs.sort_by(|left, right| left.key.cmp(&right.key));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(data_type: DataType) {
        let field = Field::new("x", data_type, true);
        let message = field_to_proto(&field).unwrap();
        assert_eq!(field_from_proto(&message).unwrap(), field, "{}", message.format);
    }

    #[test]
    fn types_survive_the_contract() {
        for (_, plain) in PLAIN {
            round_trip(plain.clone());
        }
        let item = Arc::new(Field::new("item", DataType::Int32, true));
        let entries = DataType::Struct(
            vec![Field::new("keys", DataType::Utf8, false), Field::new("values", DataType::Int8, true)].into(),
        );
        round_trip(DataType::Decimal64(10, -2));
        round_trip(DataType::Timestamp(TimeUnit::Microsecond, Some("Europe/Paris".into())));
        round_trip(DataType::Timestamp(TimeUnit::Second, None));
        round_trip(DataType::LargeListView(item.clone()));
        round_trip(DataType::FixedSizeList(item, 3));
        round_trip(DataType::Map(Arc::new(Field::new("entries", entries, false)), true));
        round_trip(DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8View)));
    }

    #[test]
    fn a_wrong_format_is_named() {
        let message = proto::Field { name: "amount".into(), format: "d:99,2".into(), ..Default::default() };
        let error = field_from_proto(&message).unwrap_err();
        assert!(error.to_string().contains("amount") && error.to_string().contains("d:99,2"), "{error}");
    }
}
