// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Structs and maps: their fields, making them, looking a key up.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StructArray, make_array};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, Fields};
use arrow_select::union_extract::union_extract;
use bowyer_core::{Error, Output, Result};

use super::list_values::{Lists, lists, take_items};
use super::membership::equal_rows;
use crate::{Args, Example, Function, Kind, Nulls, OptionDefault, OptionKind, OptionSpec, Options, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("struct_field")
        .summary("Takes a field out of each struct, or a child out of each union.")
        .notes("Null where the struct is. Several indices or names lead into structs of structs.")
        .args(&["values"])
        .options(&[OptionSpec::new(
            "indices",
            OptionKind::Array,
            OptionDefault::Required,
            "The way to the field: places counted from zero, or names.",
        )])
        .examples(&[Example::new(&["struct<a: int64, b: string> [{a: 1, b: \"x\"}, null]"], "string [\"x\", null]")
            .with(&[("indices", "[1]")])])
        .nulls(Nulls::Inspect)
        .overloads(&[Overload::new(&[Kind::Any], Kind::Computed(field_type), field)]),
    Function::scalar("make_struct")
        .summary("Puts the arguments of each row into a struct.")
        .notes("The result is never null itself. Without names the fields are called 0, 1 and so on.")
        .args(&["values"])
        .variadic(1)
        .options(&[
            OptionSpec::new("field_names", OptionKind::Array, OptionDefault::Null, "The names of the fields."),
            OptionSpec::new("field_nullability", OptionKind::Array, OptionDefault::Null, "Whether each may be null."),
        ])
        .examples(&[Example::new(
            &["int64 [1, null]", "scalar string \"x\""],
            "struct<a: int64, b: string> [{a: 1, b: \"x\"}, {a: null, b: \"x\"}]",
        )
        .with(&[("field_names", "[\"a\", \"b\"]")])])
        .nulls(Nulls::Never)
        .overloads(&[Overload::new(&[Kind::Any, Kind::Any], Kind::Computed(struct_type), make_struct)]),
    Function::scalar("map_lookup")
        .summary("Gives what a key of each map stands for.")
        .notes("Null where the map does not have the key. `all` gives a list of all items of the key.")
        .args(&["maps"])
        .options(&[
            OptionSpec::new("query_key", OptionKind::Scalar, OptionDefault::Required, "The key."),
            OptionSpec::new(
                "occurrence",
                OptionKind::Choice(&["first", "last", "all"]),
                OptionDefault::Required,
                "Which item, of a key that a map has more than once.",
            ),
        ])
        .examples(&[Example::new(
            &["map<string, int64> [[[\"a\", 1], [\"b\", 2]], [], null]"],
            "int64 [2, null, null]",
        )
        .with(&[("query_key", "\"b\""), ("occurrence", "\"first\"")])])
        .nulls(Nulls::Inspect)
        .overloads(&[Overload::new(&[Kind::Map], Kind::Computed(lookup_type), map_lookup)]),
];

/// The place of a step of the way in a type.
fn place(data_type: &DataType, steps: &ArrayRef, step: usize) -> Result<usize> {
    let names: Vec<&str> = match data_type {
        DataType::Struct(fields) => fields.iter().map(|field| field.name().as_str()).collect(),
        DataType::Union(fields, _) => fields.iter().map(|(_, field)| field.name().as_str()).collect(),
        other => return Err(Error::type_mismatch(format!("{other} has no fields")).for_argument("indices")),
    };
    let none = || Error::not_found(format!("no such field; there are {}", names.join(", "))).for_argument("indices");
    if let Some(asked) = steps.as_string_opt::<i32>() {
        return names.iter().position(|name| *name == asked.value(step)).ok_or_else(none);
    }
    let wide = crate::cast(
        &bowyer_core::Column::Array(steps.clone()),
        &DataType::Int64,
        crate::CastMode::Checked,
        &bowyer_core::Memory::unlimited(),
    )?;
    let index = wide.values().as_primitive::<arrow_array::types::Int64Type>().value(step);
    usize::try_from(index).ok().filter(|index| *index < names.len()).ok_or_else(none)
}

fn field_type(types: &[DataType], options: &Options) -> Result<DataType> {
    let steps = options.array("indices")?;
    let mut data_type = types[0].clone();
    for step in 0..steps.len() {
        let place = place(&data_type, steps, step)?;
        data_type = match &data_type {
            DataType::Struct(fields) => fields[place].data_type().clone(),
            DataType::Union(fields, _) => {
                fields.iter().nth(place).map_or(DataType::Null, |(_, field)| field.data_type().clone())
            }
            other => return Err(Error::internal(format!("{other} has no fields"))),
        };
    }
    Ok(data_type)
}

fn field(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let steps = args.options().array("indices")?;
    let mut values = args.array(0)?;
    for step in 0..steps.len() {
        let place = place(values.data_type(), steps, step)?;
        values = match values.data_type() {
            DataType::Struct(_) => {
                let structs = values.as_struct();
                with_nulls(structs.column(place), structs.nulls())?
            }
            DataType::Union(fields, _) => {
                let name = fields.iter().nth(place).map(|(_, field)| field.name().clone()).unwrap_or_default();
                union_extract(values.as_union(), &name)?
            }
            other => return Err(Error::internal(format!("{other} has no fields"))),
        };
    }
    output.set(values)
}

/// The same values, null where the parent is too.
pub(crate) fn with_nulls(values: &ArrayRef, parent: Option<&NullBuffer>) -> Result<ArrayRef> {
    let Some(parent) = parent.filter(|parent| parent.null_count() > 0) else { return Ok(values.clone()) };
    match values.data_type() {
        DataType::Null => Ok(values.clone()),
        DataType::Union(..) | DataType::RunEndEncoded(..) => {
            let rows: arrow_array::UInt64Array =
                (0..values.len()).map(|row| parent.is_valid(row).then_some(row as u64)).collect();
            Ok(arrow_select::take::take(values, &rows, None)?)
        }
        _ => {
            let nulls = NullBuffer::union(values.nulls(), Some(parent));
            Ok(make_array(values.to_data().into_builder().nulls(nulls).build()?))
        }
    }
}

fn struct_type(types: &[DataType], options: &Options) -> Result<DataType> {
    let refused = |name: &'static str, wanted: &str| {
        Error::invalid_argument(format!("{wanted} for each of {} arguments is wanted", types.len())).for_argument(name)
    };
    let names: Vec<String> = if options.is_null("field_names")? {
        (0..types.len()).map(|index| index.to_string()).collect()
    } else {
        let names = options.array("field_names")?.as_string_opt::<i32>().filter(|names| names.len() == types.len());
        let names = names.ok_or_else(|| refused("field_names", "a name"))?;
        names.iter().map(|name| name.unwrap_or_default().to_owned()).collect()
    };
    let nullable: Vec<bool> = if options.is_null("field_nullability")? {
        vec![true; types.len()]
    } else {
        let given = options.array("field_nullability")?.as_boolean_opt().filter(|given| given.len() == types.len());
        given.ok_or_else(|| refused("field_nullability", "a boolean"))?.values().iter().collect()
    };
    let fields = names.into_iter().zip(types).zip(nullable);
    let fields = fields.map(|((name, data_type), nullable)| Field::new(name, data_type.clone(), nullable));
    Ok(DataType::Struct(fields.collect::<Fields>()))
}

fn make_struct(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let DataType::Struct(fields) = output.data_type().clone() else {
        return Err(Error::internal("a struct of another type"));
    };
    let row_count = output.row_count();
    let columns = args.columns().iter().map(|column| column.slice(0, row_count).to_array());
    let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
    for (field, column) in fields.iter().zip(&columns) {
        if !field.is_nullable() && column.logical_null_count() > 0 {
            let message = format!("the field {:?} may not be null", field.name());
            return Err(Error::invalid_argument(message).for_argument("field_nullability"));
        }
    }
    output.set(Arc::new(StructArray::try_new_with_length(fields, columns, None, row_count)?))
}

fn map_fields(data_type: &DataType) -> Result<&Fields> {
    match data_type {
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => Ok(fields),
            other => Err(Error::internal(format!("a map of {other}"))),
        },
        other => Err(Error::internal(format!("{other} is no map"))),
    }
}

fn lookup_type(types: &[DataType], options: &Options) -> Result<DataType> {
    let item = map_fields(&types[0])?[1].data_type().clone();
    Ok(if options.utf8("occurrence")? == "all" { DataType::new_list(item, true) } else { item })
}

fn map_lookup(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let maps = Lists::of(&args.array(0)?)?;
    let entries = maps.items.as_struct();
    let key = args.options().array("query_key")?;
    if key.logical_null_count() > 0 {
        return Err(Error::invalid_argument("no key is null").for_argument("query_key"));
    }
    let found = equal_rows(entries.column(0), key, args.memory()).map_err(|error| error.for_argument("query_key"))?;
    let places = |range: &std::ops::Range<usize>| range.clone().filter(|row| found.value(*row));
    let items = entries.column(1);
    let rows: Vec<Option<u64>> = match args.options().utf8("occurrence")? {
        "first" => maps.ranges.iter().map(|range| places(range).next().map(|row| row as u64)).collect(),
        "last" => maps.ranges.iter().map(|range| places(range).next_back().map(|row| row as u64)).collect(),
        _ => {
            let lengths: Vec<usize> = maps.ranges.iter().map(|range| places(range).count()).collect();
            let rows = maps.ranges.iter().flat_map(places).map(|row| Some(row as u64)).collect();
            let nulls = NullBuffer::from_iter(lengths.iter().map(|length| *length > 0));
            let items = take_items(items, rows, args.memory())?;
            let data_type = output.data_type().clone();
            return output.set(lists(&data_type, &lengths, items, Some(nulls).filter(|nulls| nulls.null_count() > 0))?);
        }
    };
    output.set(take_items(items, rows, args.memory())?)
}

/// The texts of an option, one for each of `count` arguments; nothing where it is not given.
///
/// # Errors
/// `InvalidArgument` when they are of another number, or null.
pub(crate) fn option_names(options: &Options, name: &'static str, count: usize) -> Result<Option<Vec<String>>> {
    if options.is_null(name)? {
        return Ok(None);
    }
    let texts = crate::cast(
        &bowyer_core::Column::Array(options.array(name)?.clone()),
        &DataType::Utf8,
        crate::CastMode::Checked,
        &bowyer_core::Memory::unlimited(),
    );
    let texts = texts.map_err(|error| error.for_argument(name))?.to_array()?;
    if texts.len() != count || texts.null_count() > 0 {
        return Err(Error::invalid_argument(format!("{count} names are wanted")).for_argument(name));
    }
    Ok(Some(texts.as_string::<i32>().iter().flatten().map(str::to_owned).collect()))
}
