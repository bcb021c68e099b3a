// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Parts of strings and binary values, by Python's rules for slices.
//!
//! Positions count code points in the `utf8_` functions and bytes in the `binary_` ones. Negative positions count from
//! the end, positions outside are moved to the nearest end.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, FixedSizeBinaryArray};
use arrow_schema::DataType;
use bowyer_core::{Error, Output, Result};

use super::string_values::{BYTES, Bytes, TEXT, bytes_to_bytes, text_to_bytes};
use crate::{
    Args, BindContext, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, OptionValue, Options, Overload,
};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("utf8_slice_codeunits")
        .summary("Takes the code points from `start` to before `stop`.")
        .args(&["strings"])
        .options(SLICE)
        .prepare(prepare_slice)
        .examples(&[Example::new(&["string [\"größe\"]"], "string [\"röß\"]").with(&[("start", "1"), ("stop", "4")])])
        .overloads(&[Overload::new(TEXT, Kind::SameAs(0), utf8_slice)]),
    Function::scalar("binary_slice")
        .summary("Takes the bytes from `start` to before `stop`.")
        .args(&["strings"])
        .options(SLICE)
        .prepare(prepare_slice)
        .examples(&[Example::new(&["binary [\"hello\"]"], "binary [\"ll\"]").with(&[("start", "2"), ("stop", "4")])])
        .overloads(&[
            Overload::new(&[Kind::AnyBinary], Kind::SameAs(0), binary_slice),
            Overload::new(&[Kind::FixedSizeBinary], Kind::Computed(fixed_type), fixed_slice),
        ]),
    Function::scalar("utf8_replace_slice")
        .summary("Replaces the code points from `start` to before `stop`.")
        .notes("Where `start` is not before `stop`, the replacement is inserted at `start`.")
        .args(&["strings"])
        .options(REPLACE)
        .examples(&[Example::new(&["string [\"hello\"]"], "string [\"hXlo\"]").with(&[
            ("start", "1"),
            ("stop", "3"),
            ("replacement", "\"X\""),
        ])])
        .overloads(&[Overload::new(TEXT, Kind::SameAs(0), utf8_replace_slice)]),
    Function::scalar("binary_replace_slice")
        .summary("Replaces the bytes from `start` to before `stop`.")
        .notes("Where `start` is not before `stop`, the replacement is inserted at `start`.")
        .args(&["strings"])
        .options(REPLACE)
        .fallible()
        .examples(&[Example::new(&["binary [\"hello\"]"], "binary [\"hXlo\"]").with(&[
            ("start", "1"),
            ("stop", "3"),
            ("replacement", "\"X\""),
        ])])
        .overloads(&[
            Overload::new(BYTES, Kind::SameAs(0), binary_replace_slice),
            Overload::new(&[Kind::FixedSizeBinary], Kind::Computed(replaced_type), fixed_replace_slice),
        ]),
];

const START: OptionSpec = OptionSpec::new("start", OptionKind::Integer, OptionDefault::Required, "The first position.");

const SLICE: &[OptionSpec] = &[
    START,
    OptionSpec::new("stop", OptionKind::Integer, OptionDefault::Null, "The position after the last; null for the end."),
    OptionSpec::new("step", OptionKind::Integer, OptionDefault::Integer(1), "How far apart; negative goes backwards."),
];

const REPLACE: &[OptionSpec] = &[
    START,
    OptionSpec::new("stop", OptionKind::Integer, OptionDefault::Required, "The position after the last."),
    OptionSpec::new("replacement", OptionKind::Utf8, OptionDefault::Required, "What to put there."),
];

#[derive(Clone, Copy, Debug)]
struct Slice {
    start: i64,
    stop: Option<i64>,
    step: i64,
}

impl Slice {
    fn of(options: &Options) -> Result<Self> {
        let stop = match options.get("stop")? {
            OptionValue::Integer(stop) => Some(*stop),
            _ => None,
        };
        let step = options.integer("step")?;
        if step == 0 {
            return Err(Error::invalid_argument("it is zero").for_argument("step"));
        }
        Ok(Self { start: options.integer("start")?, stop, step })
    }

    /// The first position taken and how many are, of `len`.
    fn within(self, len: usize) -> (i64, usize) {
        let len = len as i64;
        let (least, most) = if self.step > 0 { (0, len) } else { (-1, len - 1) };
        let place = |at: i64| if at < 0 { at.saturating_add(len).max(least) } else { at.min(most) };
        let start = place(self.start);
        let stop = self.stop.map_or(if self.step > 0 { len } else { -1 }, place);
        let (distance, step) =
            if self.step > 0 { (stop - start, self.step) } else { (start - stop, self.step.saturating_neg()) };
        let count = if distance <= 0 { 0 } else { (distance - 1) / step + 1 };
        (start, count as usize)
    }

    /// The positions taken, of `len`.
    fn positions(self, len: usize) -> impl Iterator<Item = usize> {
        let (start, count) = self.within(len);
        (0..count as i64).map(move |at| (start + at * self.step) as usize)
    }
}

fn prepare_slice(context: &BindContext<'_>) -> Result<Box<dyn std::any::Any + Send + Sync>> {
    Ok(Box::new(Slice::of(context.options)?))
}

fn slice_bytes(slice: Slice, value: &[u8], writer: &mut bowyer_core::BytesWriter<'_>) -> Result<()> {
    let (start, count) = slice.within(value.len());
    if slice.step == 1 {
        return writer.push(&value[start as usize..][..count]);
    }
    writer.write(count, |room| {
        for (byte, at) in room.iter_mut().zip(slice.positions(value.len())) {
            *byte = value[at];
        }
        count
    })
}

fn utf8_slice(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let slice = *args.state::<Slice>()?;
    let (mut chars, mut scratch) = (vec![], String::new());
    text_to_bytes(args, output, |value, writer| {
        if value.is_ascii() {
            return slice_bytes(slice, value.as_bytes(), writer);
        }
        if slice.step == 1 {
            let (start, count) = slice.within(value.chars().count());
            let rest = &value[byte_of(value, start as usize)..];
            return writer.push_str(&rest[..byte_of(rest, count)]);
        }
        chars.clear();
        chars.extend(value.chars());
        scratch.clear();
        scratch.extend(slice.positions(chars.len()).map(|at| chars[at]));
        writer.push_str(&scratch)
    })
}

/// Where code point `index` begins.
fn byte_of(value: &str, index: usize) -> usize {
    value.char_indices().nth(index).map_or(value.len(), |(at, _)| at)
}

fn binary_slice(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let slice = *args.state::<Slice>()?;
    bytes_to_bytes(args, output, |value, writer| slice_bytes(slice, value, writer))
}

fn fixed_type(types: &[DataType], options: &Options) -> Result<DataType> {
    let DataType::FixedSizeBinary(size) = types[0] else { return Err(Error::internal("a fixed size is sliced")) };
    Ok(DataType::FixedSizeBinary(Slice::of(options)?.within(size.unsigned_abs() as usize).1 as i32))
}

fn fixed_slice(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let slice = *args.state::<Slice>()?;
    let array = args.array(0)?;
    let values = Bytes::of(array.as_ref())?;
    let DataType::FixedSizeBinary(size) = args.output_type() else {
        return Err(Error::internal("a fixed size is made"));
    };
    let width = size.unsigned_abs() as usize;
    let mut bytes = args.memory().allocate(width * array.len())?;
    for row in 0..array.len() {
        let value = values.get(row);
        for (byte, at) in bytes[row * width..][..width].iter_mut().zip(slice.positions(value.len())) {
            *byte = value[at];
        }
    }
    let nulls = array.nulls().cloned();
    let sliced = if width == 0 {
        FixedSizeBinaryArray::try_new_with_len(*size, bytes.into_buffer(), nulls, array.len())?
    } else {
        FixedSizeBinaryArray::try_new(*size, bytes.into_buffer(), nulls)?
    };
    output.set(Arc::new(sliced))
}

/// The part to be replaced, as the options name it.
#[derive(Clone, Copy)]
struct Replaced {
    start: i64,
    stop: i64,
}

impl Replaced {
    fn of(options: &Options) -> Result<Self> {
        Ok(Self { start: options.integer("start")?, stop: options.integer("stop")? })
    }

    /// Where it begins and ends, of `len` positions.
    fn within(self, len: usize) -> (usize, usize) {
        let len = len as i64;
        let place = |at: i64| if at < 0 { at.saturating_add(len).max(0) } else { at.min(len) };
        let start = place(self.start);
        (start as usize, place(self.stop).max(start) as usize)
    }
}

fn utf8_replace_slice(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let replacement = args.options().utf8("replacement")?;
    let part = Replaced::of(args.options())?;
    text_to_bytes(args, output, |value, writer| {
        let (start, stop) = if value.is_ascii() {
            part.within(value.len())
        } else {
            let (start, stop) = part.within(value.chars().count());
            (byte_of(value, start), byte_of(value, stop))
        };
        writer.concat_str(&[&value[..start], replacement, &value[stop..]])
    })
}

/// Values of one size have one size afterwards.
fn replaced_type(types: &[DataType], options: &Options) -> Result<DataType> {
    let DataType::FixedSizeBinary(size) = types[0] else { return Err(Error::internal("values of one size")) };
    let (start, stop) = Replaced::of(options)?.within(size as usize);
    let size = size as usize - (stop - start) + options.utf8("replacement")?.len();
    let too_large = |_| Error::limit_exceeded("the values are too large").for_argument("replacement");
    i32::try_from(size).map(DataType::FixedSizeBinary).map_err(too_large)
}

fn fixed_replace_slice(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let DataType::FixedSizeBinary(size) = *output.data_type() else { return Err(Error::internal("one size")) };
    let replacement = args.options().utf8("replacement")?.as_bytes();
    let array = args.column(0).slice(0, output.row_count()).to_array()?;
    let values = array.as_fixed_size_binary();
    let (start, stop) = Replaced::of(args.options())?.within(values.value_length() as usize);
    let width = size as usize;
    let mut bytes = args.memory().allocate(width * array.len())?;
    for row in 0..array.len() {
        let value = values.value(row);
        let parts = [&value[..start], replacement, &value[stop..]].concat();
        bytes[row * width..][..width].copy_from_slice(&parts);
    }
    let nulls = array.nulls().cloned();
    let result = if width == 0 {
        FixedSizeBinaryArray::try_new_with_len(size, bytes.into_buffer(), nulls, array.len())?
    } else {
        FixedSizeBinaryArray::try_new(size, bytes.into_buffer(), nulls)?
    };
    output.set(Arc::new(result))
}

fn binary_replace_slice(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let replacement = args.options().utf8("replacement")?.as_bytes();
    let part = Replaced::of(args.options())?;
    bytes_to_bytes(args, output, |value, writer| {
        let (start, stop) = part.within(value.len());
        writer.concat(&[&value[..start], replacement, &value[stop..]])
    })
}
