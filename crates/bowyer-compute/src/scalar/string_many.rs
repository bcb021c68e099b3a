// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Many literal patterns at once: whether one is there, where, and replacing each by its own text.
//!
//! Of patterns that match at one place the longest counts; matches do not overlap.

use std::any::Any;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, ListArray, PrimitiveArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::DataType;
use bowyer_core::{Error, Output, Result};

use super::string_values::{BYTES, Bytes, TEXT, Text, bytes_to_bits, text_to_bytes};
use crate::{Args, BindContext, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Options, Overload};

const PATTERNS: OptionSpec =
    OptionSpec::new("patterns", OptionKind::Array, OptionDefault::Required, "The texts to look for.");
const REPLACEMENTS: OptionSpec = OptionSpec::new(
    "replacements",
    OptionKind::Array,
    OptionDefault::Required,
    "What stands in the place of each pattern; or one text for all.",
);
const IGNORE_CASE: OptionSpec = OptionSpec::new(
    "ascii_ignore_case",
    OptionKind::Boolean,
    OptionDefault::Boolean(false),
    "Whether ASCII letters match in either case.",
);

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("contains_any")
        .summary("Tells whether each value contains one of several texts.")
        .args(&["strings"])
        .options(&[PATTERNS, IGNORE_CASE])
        .prepare(prepare)
        .examples(&[Example::new(&["string [\"an apple\", \"a fig\", null]"], "bool [true, false, null]")
            .with(&[("patterns", "[\"apple\", \"pear\"]")])])
        .overloads(&[Overload::new(BYTES, Kind::Boolean, contains)]),
    Function::scalar("find_many")
        .summary("Gives the bytes at which one of several texts begins.")
        .args(&["strings"])
        .options(&[PATTERNS, IGNORE_CASE])
        .prepare(prepare)
        .examples(&[Example::new(&["string [\"pear, apple\", \"fig\"]"], "list<item: int32> [[0, 6], []]")
            .with(&[("patterns", "[\"apple\", \"pear\"]")])])
        .overloads(&[Overload::new(BYTES, Kind::Computed(|_, _: &Options| Ok(places_type())), find)]),
    Function::scalar("replace_many")
        .summary("Replaces each of several texts by another.")
        .args(&["strings"])
        .options(&[PATTERNS, REPLACEMENTS, IGNORE_CASE])
        .prepare(prepare_replacing)
        .examples(&[Example::new(&["string [\"a and b\", null]"], "string [\"b and a\", null]")
            .with(&[("patterns", "'string [\"a \", \"b\"]'"), ("replacements", "'string [\"b \", \"a\"]'")])])
        .overloads(&[Overload::new(TEXT, Kind::SameAs(0), replace)]),
];

fn places_type() -> DataType {
    DataType::new_list(DataType::Int32, true)
}

/// What is looked for, and what stands in its place.
struct Many {
    patterns: AhoCorasick,
    replacements: Vec<String>,
}

/// The texts of an option.
fn texts(options: &Options, name: &'static str) -> Result<Vec<String>> {
    let array: &ArrayRef = options.array(name)?;
    if array.is_empty() {
        return Ok(vec![]);
    }
    let text = Text::of(array.as_ref()).map_err(|_| Error::type_mismatch("it is no texts").for_argument(name))?;
    if array.null_count() > 0 {
        return Err(Error::invalid_argument("one is null").for_argument(name));
    }
    Ok((0..array.len()).map(|row| text.get(row).to_owned()).collect())
}

fn searcher(context: &BindContext<'_>) -> Result<(AhoCorasick, usize)> {
    let texts = texts(context.options, "patterns")?;
    if texts.iter().any(String::is_empty) {
        return Err(Error::invalid_argument("one is empty").for_argument("patterns"));
    }
    let built = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .ascii_case_insensitive(context.options.boolean("ascii_ignore_case")?)
        .build(&texts);
    let too_large = |error| Error::limit_exceeded("they are too many").for_argument("patterns").caused_by(error);
    Ok((built.map_err(too_large)?, texts.len()))
}

fn prepare(context: &BindContext<'_>) -> Result<Box<dyn Any + Send + Sync>> {
    Ok(Box::new(Many { patterns: searcher(context)?.0, replacements: vec![] }))
}

fn prepare_replacing(context: &BindContext<'_>) -> Result<Box<dyn Any + Send + Sync>> {
    let (patterns, count) = searcher(context)?;
    let mut replacements = texts(context.options, "replacements")?;
    if let [one] = replacements.as_slice() {
        replacements = vec![one.clone(); count];
    }
    if replacements.len() != count {
        let message = format!("{} replacements for {count} patterns", replacements.len());
        return Err(Error::invalid_argument(message).for_argument("replacements"));
    }
    Ok(Box::new(Many { patterns, replacements }))
}

fn contains(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let many = args.state::<Many>()?;
    bytes_to_bits(args, output, |value| many.patterns.is_match(value))
}

fn find(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let many = args.state::<Many>()?;
    let array = args.array(0)?;
    let values = Bytes::of(array.as_ref())?;
    let (mut places, mut offsets) = (vec![], vec![0i32]);
    for row in 0..array.len() {
        if array.is_valid(row) {
            places.extend(many.patterns.find_iter(values.get(row)).map(|found| found.start() as i32));
        }
        let end = i32::try_from(places.len());
        offsets.push(end.map_err(|_| Error::limit_exceeded("more than 2^31 - 1 matches").at_row(row))?);
    }
    let DataType::List(field) = places_type() else { return Err(Error::internal("a list is made")) };
    let places: ArrayRef = Arc::new(PrimitiveArray::<Int32Type>::from(places));
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0).cloned();
    output.set(Arc::new(ListArray::try_new(field, OffsetBuffer::new(offsets.into()), places, nulls)?))
}

fn replace(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let many = args.state::<Many>()?;
    let mut replaced = String::new();
    text_to_bytes(args, output, |value, writer| {
        replaced.clear();
        let mut from = 0;
        for found in many.patterns.find_iter(value) {
            replaced.push_str(&value[from..found.start()]);
            replaced.push_str(&many.replacements[found.pattern().as_usize()]);
            from = found.end();
        }
        replaced.push_str(&value[from..]);
        writer.push_str(&replaced)
    })
}
