// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Replacing and extracting what a pattern matches.
//!
//! Replacements of regular expressions refer to groups as `\1`, to the whole match as `\0`; a group that took no part
//! is empty.

use std::any::Any;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, FixedSizeListArray, Int64Array, StructArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::{DataType, Field, Fields};
use bowyer_core::{Column, Error, Output, Result};
use memchr::memmem::Finder;
use regex::bytes::{CaptureLocations, Regex};

use super::string_re2::{Syntax, compile};
use super::string_search::{PATTERN, is_binary};
use super::string_values::{BYTES, Bytes, bytes_to_bytes};
use crate::{
    Args, BindContext, Example, Function, Kind, Nulls, OptionDefault, OptionKind, OptionSpec, OptionValue, Options,
    Overload,
};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("replace_substring")
        .summary("Replaces the pattern wherever it appears, from left to right and without overlap.")
        .notes("An empty pattern is refused.")
        .args(&["strings"])
        .options(OPTIONS)
        .prepare(prepare_literal)
        .examples(&[Example::new(&["string [\"aXbX\"]"], "string [\"a-b-\"]")
            .with(&[("pattern", "\"X\""), ("replacement", "\"-\"")])])
        .overloads(&[Overload::new(BYTES, Kind::SameAs(0), replace_substring)]),
    Function::scalar("replace_substring_regex")
        .summary("Replaces the matches of the regular expression.")
        .notes("The replacement refers to groups as `\\1` and to the whole match as `\\0`.")
        .args(&["strings"])
        .options(OPTIONS)
        .prepare(prepare_regex)
        .examples(&[Example::new(&["string [\"foo bar\"]"], "string [\"bar foo\"]")
            .with(&[("pattern", "'(\\w+) (\\w+)'"), ("replacement", "'\\2 \\1'")])])
        .overloads(&[Overload::new(BYTES, Kind::SameAs(0), replace_substring_regex)]),
    Function::scalar("extract_regex")
        .examples(&[Example::new(
            &["string [\"a1\", \"x\"]"],
            "struct<letter: string, digit: string> [{letter: \"a\", digit: \"1\"}, null]",
        )
        .with(&[("pattern", "'(?P<letter>[ab])(?P<digit>\\d)'")])])
        .summary("Gives what each named group of the regular expression matches, as a struct.")
        .notes("Null where nothing matches. Every group must have a name; one that took no part is empty.")
        .args(&["strings"])
        .options(&[PATTERN])
        .nulls(Nulls::Inspect)
        .prepare(prepare_extract)
        .nullability(|_| true)
        .overloads(&[Overload::new(BYTES, Kind::Computed(extracted_type), extract_regex)]),
    Function::scalar("extract_regex_span")
        .examples(&[Example::new(
            &["string [\"xa1\", \"x\"]"],
            "struct<letter: fixed_size_list<item: int32>[2], digit: fixed_size_list<item: int32>[2]> \
             [{letter: [1, 1], digit: [2, 1]}, null]",
        )
        .with(&[("pattern", "'(?P<letter>[ab])(?P<digit>\\d)'")])])
        .summary("Gives where each named group of the regular expression matches: first byte and number of bytes.")
        .notes("Null where nothing matches, and for a group that took no part. Every group must have a name.")
        .args(&["strings"])
        .options(&[PATTERN])
        .nulls(Nulls::Inspect)
        .prepare(prepare_extract)
        .nullability(|_| true)
        .overloads(&[Overload::new(BYTES, Kind::Computed(spans_type), extract_regex_span)]),
];

const OPTIONS: &[OptionSpec] = &[
    PATTERN,
    OptionSpec::new("replacement", OptionKind::Utf8, OptionDefault::Required, "What to put in its place."),
    OptionSpec::new(
        "max_replacements",
        OptionKind::Integer,
        OptionDefault::Null,
        "How many to replace in each value at most, from the left; all when null or negative.",
    ),
];

type State = Box<dyn Any + Send + Sync>;

fn limit(options: &Options) -> Result<usize> {
    Ok(match options.get("max_replacements")? {
        OptionValue::Integer(limit) => usize::try_from(*limit).unwrap_or(usize::MAX),
        _ => usize::MAX,
    })
}

struct Literal {
    finder: Finder<'static>,
    replacement: Vec<u8>,
    limit: usize,
}

fn prepare_literal(context: &BindContext<'_>) -> Result<State> {
    let pattern = context.options.utf8("pattern")?;
    if pattern.is_empty() {
        return Err(Error::invalid_argument("it is empty").for_argument("pattern"));
    }
    Ok(Box::new(Literal {
        finder: Finder::new(pattern).into_owned(),
        replacement: context.options.utf8("replacement")?.into(),
        limit: limit(context.options)?,
    }))
}

fn replace_substring(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let Literal { finder, replacement, limit } = args.state::<Literal>()?;
    let mut scratch = vec![];
    bytes_to_bytes(args, output, |value, writer| {
        let mut from = 0;
        scratch.clear();
        for found in finder.find_iter(value).take(*limit) {
            scratch.extend_from_slice(&value[from..found]);
            scratch.extend_from_slice(replacement);
            from = found + finder.needle().len();
        }
        if from == 0 {
            return writer.push(value);
        }
        scratch.extend_from_slice(&value[from..]);
        writer.push(&scratch)
    })
}

/// A part of a replacement.
enum Part {
    Text(Vec<u8>),
    Group(usize),
}

struct Replace {
    regex: Regex,
    parts: Vec<Part>,
    limit: usize,
}

fn prepare_regex(context: &BindContext<'_>) -> Result<State> {
    let syntax = Syntax { bytes: is_binary(context), ..Syntax::default() };
    let regex = compile(context.options.utf8("pattern")?, syntax)?;
    let parts = parse_replacement(context.options.utf8("replacement")?, regex.captures_len() - 1)?;
    Ok(Box::new(Replace { regex, parts, limit: limit(context.options)? }))
}

fn parse_replacement(replacement: &str, group_count: usize) -> Result<Vec<Part>> {
    let refused = |why: String| Error::parse(why).for_argument("replacement");
    let mut parts = vec![];
    let mut text = vec![];
    let mut bytes = replacement.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            text.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'\\') => text.push(b'\\'),
            Some(digit @ b'0'..=b'9') => {
                let group = usize::from(digit - b'0');
                if group > group_count {
                    return Err(refused(format!("it refers to group {group}, but the pattern has {group_count}")));
                }
                parts.push(Part::Text(std::mem::take(&mut text)));
                parts.push(Part::Group(group));
            }
            _ => return Err(refused("a backslash is followed by a digit or a backslash".to_owned())),
        }
    }
    parts.push(Part::Text(text));
    Ok(parts)
}

fn replace_substring_regex(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let Replace { regex, parts, limit } = args.state::<Replace>()?;
    let mut scratch = vec![];
    if parts.iter().all(|part| matches!(part, Part::Text(_) | Part::Group(0))) {
        return bytes_to_bytes(args, output, |value, writer| {
            scratch.clear();
            let mut from = 0;
            for found in regex.find_iter(value).take(*limit) {
                scratch.extend_from_slice(&value[from..found.start()]);
                replaced(parts, &mut scratch, |_| Some(found.as_bytes()));
                from = found.end();
            }
            scratch.extend_from_slice(&value[from..]);
            writer.push(&scratch)
        });
    }
    // One set of locations for all rows: an iterator of captures makes one for each match, and counts who holds it.
    let mut locations = regex.capture_locations();
    bytes_to_bytes(args, output, |value, writer| {
        scratch.clear();
        let (mut from, mut at, mut count) = (0, 0, 0);
        while count < *limit && at <= value.len() {
            let Some(found) = regex.captures_read_at(&mut locations, value, at) else { break };
            if found.is_empty() && count > 0 && found.end() == from {
                at += 1; // It is where the last one ended.
                continue;
            }
            scratch.extend_from_slice(&value[from..found.start()]);
            replaced(parts, &mut scratch, |group| locations.get(group).map(|(start, end)| &value[start..end]));
            (from, at, count) = (found.end(), found.end(), count + 1);
        }
        scratch.extend_from_slice(&value[from..]);
        writer.push(&scratch)
    })
}

/// Appends a replacement, given what each group has matched.
fn replaced<'a>(parts: &[Part], scratch: &mut Vec<u8>, group: impl Fn(usize) -> Option<&'a [u8]>) {
    for part in parts {
        match part {
            Part::Text(text) => scratch.extend_from_slice(text),
            Part::Group(index) => scratch.extend_from_slice(group(*index).unwrap_or_default()),
        }
    }
}

/// The names of the groups; all must have one.
fn group_names(regex: &Regex) -> Result<Vec<String>> {
    let names = regex.capture_names().skip(1).map(|name| name.map(str::to_owned));
    names.collect::<Option<_>>().ok_or_else(|| Error::parse("a group has no name").for_argument("pattern"))
}

fn extracted_type(types: &[DataType], options: &Options) -> Result<DataType> {
    let regex = compile(options.utf8("pattern")?, Syntax::default())?;
    let fields = group_names(&regex)?.into_iter().map(|name| Field::new(name, types[0].clone(), true));
    Ok(DataType::Struct(fields.collect::<Fields>()))
}

fn prepare_extract(context: &BindContext<'_>) -> Result<State> {
    let syntax = Syntax { bytes: is_binary(context), ..Syntax::default() };
    let regex = compile(context.options.utf8("pattern")?, syntax)?;
    group_names(&regex)?;
    Ok(Box::new(regex))
}

fn extract_regex(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let regex = args.state::<Regex>()?;
    let array = args.array(0)?;
    let values = Bytes::of(array.as_ref())?;
    let DataType::Struct(fields) = args.output_type() else { return Err(Error::internal("a struct is made")) };
    let row_count = output.row_count();
    let mut found = vec![];
    let mut matched = Vec::with_capacity(row_count);
    let mut locations: CaptureLocations = regex.capture_locations();
    for row in 0..row_count {
        let valid = array.is_valid(row);
        let matches = valid && regex.captures_read(&mut locations, values.get(row)).is_some();
        matched.push(matches);
        found.extend((1..=fields.len()).map(|group| if matches { locations.get(group) } else { None }));
    }
    let nulls = NullBuffer::new(BooleanBuffer::from(matched));
    let nulls = (nulls.null_count() > 0).then_some(nulls);
    let mut columns: Vec<ArrayRef> = vec![];
    for (group, field) in fields.iter().enumerate() {
        let mut column = Output::new(field.data_type().clone(), row_count, nulls.clone(), args.memory());
        let mut writer = column.bytes(0)?;
        for row in 0..row_count {
            let (start, end) = found[row * fields.len() + group].unwrap_or((0, 0));
            writer.push(&values.get(row)[start..end]).map_err(|error| error.at_row(row))?;
        }
        columns.push(column.finish()?);
    }
    output.set(if columns.is_empty() {
        Arc::new(StructArray::new_empty_fields(row_count, nulls))
    } else {
        Arc::new(StructArray::try_new(fields.clone(), columns, nulls)?)
    })
}

fn spans_type(types: &[DataType], options: &Options) -> Result<DataType> {
    let regex = compile(options.utf8("pattern")?, Syntax::default())?;
    let large = matches!(types[0], DataType::LargeUtf8 | DataType::LargeBinary);
    let item = Arc::new(Field::new("item", if large { DataType::Int64 } else { DataType::Int32 }, true));
    let span = DataType::FixedSizeList(item, 2);
    let fields = group_names(&regex)?.into_iter().map(|name| Field::new(name, span.clone(), true));
    Ok(DataType::Struct(fields.collect::<Fields>()))
}

fn extract_regex_span(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let regex = args.state::<Regex>()?;
    let array = args.array(0)?;
    let values = Bytes::of(array.as_ref())?;
    let DataType::Struct(fields) = args.output_type() else { return Err(Error::internal("a struct is made")) };
    let row_count = output.row_count();
    let mut locations: CaptureLocations = regex.capture_locations();
    let mut matched = Vec::with_capacity(row_count);
    let mut spans: Vec<Vec<Option<(usize, usize)>>> = vec![Vec::with_capacity(row_count); fields.len()];
    for row in 0..row_count {
        let matches = array.is_valid(row) && regex.captures_read(&mut locations, values.get(row)).is_some();
        matched.push(matches);
        for (group, spans) in spans.iter_mut().enumerate() {
            spans.push(if matches { locations.get(group + 1) } else { None });
        }
    }
    let nulls = Some(NullBuffer::from(matched)).filter(|nulls| nulls.null_count() > 0);
    let columns = fields.iter().zip(&spans).map(|(field, spans)| span_column(field.data_type(), spans, args));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    output.set(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, row_count)?))
}

/// Pairs of first byte and number of bytes.
fn span_column(data_type: &DataType, spans: &[Option<(usize, usize)>], args: &Args<'_>) -> Result<ArrayRef> {
    let DataType::FixedSizeList(item, _) = data_type else { return Err(Error::internal("a pair is made")) };
    let ends = spans.iter().flat_map(|span| {
        let (start, end) = span.unwrap_or((0, 0));
        [start as i64, (end - start) as i64]
    });
    let ends: ArrayRef = Arc::new(ends.collect::<Int64Array>());
    let ends = crate::encoding::convert(&Column::Array(ends), item.data_type(), args.memory())?.to_array()?;
    let nulls = NullBuffer::from_iter(spans.iter().map(Option::is_some));
    let nulls = Some(nulls).filter(|nulls| nulls.null_count() > 0);
    Ok(Arc::new(FixedSizeListArray::try_new_with_length(item.clone(), 2, ends, nulls, spans.len())?))
}
