// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Padding strings to a width: code points for the `utf8_` functions, bytes for the `ascii_` ones.
//!
//! Nothing is ever cut off. The padding is one character.

use std::any::Any;

use bowyer_core::{BytesWriter, Error, Output, Result};

use super::string_values::{RowOf, TEXT, Text, WINDOW, all_ascii, rows_to_bytes};
use crate::{Args, BindContext, Example, Function, Kernel, Kind, OptionDefault, OptionKind, OptionSpec, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    pad(
        "utf8_lpad",
        "Pads on the left to a width in code points.",
        &[over(|args, output| utf8(args, output, Side::Left))],
    )
    .examples(&[Example::new(&["string [\"ab\"]"], "string [\"**ab\"]").with(&[("width", "4"), ("padding", "\"*\"")])]),
    pad(
        "utf8_rpad",
        "Pads on the right to a width in code points.",
        &[over(|args, output| utf8(args, output, Side::Right))],
    )
    .examples(&[Example::new(&["string [\"ab\"]"], "string [\"ab**\"]").with(&[("width", "4"), ("padding", "\"*\"")])]),
    pad(
        "utf8_center",
        "Pads on both sides to a width in code points.",
        &[over(|args, output| utf8(args, output, Side::Both))],
    )
    .examples(&[Example::new(&["string [\"ab\"]"], "string [\"*ab*\"]").with(&[("width", "4"), ("padding", "\"*\"")])]),
    pad("ascii_lpad", "Pads on the left to a width in bytes.", &[over(|args, output| ascii(args, output, Side::Left))])
        .examples(&[
            Example::new(&["string [\"ab\"]"], "string [\"**ab\"]").with(&[("width", "4"), ("padding", "\"*\"")])
        ]),
    pad(
        "ascii_rpad",
        "Pads on the right to a width in bytes.",
        &[over(|args, output| ascii(args, output, Side::Right))],
    )
    .examples(&[Example::new(&["string [\"ab\"]"], "string [\"ab**\"]").with(&[("width", "4"), ("padding", "\"*\"")])]),
    pad(
        "ascii_center",
        "Pads on both sides to a width in bytes.",
        &[over(|args, output| ascii(args, output, Side::Both))],
    )
    .examples(&[Example::new(&["string [\"ab\"]"], "string [\"*ab*\"]").with(&[("width", "4"), ("padding", "\"*\"")])]),
    Function::scalar("utf8_zero_fill")
        .examples(&[Example::new(&["string [\"-5\"]"], "string [\"-005\"]").with(&[("width", "4")])])
        .summary("Pads on the left to a width in code points, after one leading sign.")
        .args(&["strings"])
        .options(&[
            WIDTH,
            OptionSpec::new("padding", OptionKind::Utf8, OptionDefault::Utf8("0"), "The character to pad with."),
        ])
        .prepare(prepare)
        .overloads(&[over(|args, output| utf8(args, output, Side::AfterSign))]),
];

const fn over(kernel: Kernel) -> Overload {
    Overload::new(TEXT, Kind::SameAs(0), kernel)
}

const fn pad(name: &'static str, summary: &'static str, overloads: &'static [Overload]) -> Function {
    Function::scalar(name).summary(summary).args(&["strings"]).options(OPTIONS).prepare(prepare).overloads(overloads)
}

const WIDTH: OptionSpec =
    OptionSpec::new("width", OptionKind::Integer, OptionDefault::Required, "The width to pad to.");

const OPTIONS: &[OptionSpec] = &[
    WIDTH,
    OptionSpec::new("padding", OptionKind::Utf8, OptionDefault::Utf8(" "), "The character to pad with."),
    OptionSpec::new(
        "lean_left_on_odd_padding",
        OptionKind::Boolean,
        OptionDefault::Boolean(true),
        "Whether the text of an uneven padding stands nearer to the left.",
    ),
];

#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
    Both,
    AfterSign,
}

struct Padding {
    width: usize,
    padding: String,
}

fn prepare(context: &BindContext<'_>) -> Result<Box<dyn Any + Send + Sync>> {
    let padding = context.options.utf8("padding")?;
    if padding.chars().count() != 1 {
        return Err(Error::invalid_argument("it is not one character").for_argument("padding"));
    }
    let width = usize::try_from(context.options.integer("width")?).unwrap_or(0);
    Ok(Box::new(Padding { width, padding: padding.to_owned() }))
}

fn utf8(args: &Args<'_>, output: &mut Output, side: Side) -> Result<()> {
    if all_ascii(args.column(0).values()) {
        return padded(args, output, side, str::len);
    }
    padded(args, output, side, |value| value.chars().count())
}

fn ascii(args: &Args<'_>, output: &mut Output, side: Side) -> Result<()> {
    let Padding { padding, .. } = args.state::<Padding>()?;
    if padding.len() != 1 {
        return Err(Error::invalid_argument("it is not one byte").for_argument("padding"));
    }
    padded(args, output, side, str::len)
}

fn padded(args: &Args<'_>, output: &mut Output, side: Side, width_of: impl Fn(&str) -> usize) -> Result<()> {
    let Padding { width, padding } = args.state::<Padding>()?;
    let leans_left = matches!(side, Side::Both) && args.options().boolean("lean_left_on_odd_padding")?;
    let pads = padding.repeat(PADS.min(*width));
    let fill = [padding.as_bytes()[0]; WINDOW];
    let is_short = padding.len() == 1 && *width <= WINDOW;
    let (text, text_row) = (Text::of(args.column(0).values())?, RowOf::new(args.column(0)));
    rows_to_bytes(args, output, |row, writer| {
        let row = text_row.of(row);
        let value = text.get(row);
        let missing = width.saturating_sub(width_of(value));
        let signed = matches!(side, Side::AfterSign) && value.starts_with(['+', '-']);
        let left = match side {
            Side::Left | Side::AfterSign => missing,
            Side::Right => 0,
            Side::Both if leans_left => missing / 2,
            Side::Both => missing.div_ceil(2),
        };
        let byte_len = value.len() + missing;
        if let Some(window) = text.window(row).filter(|_| is_short && byte_len <= WINDOW && !signed) {
            return writer.write(2 * WINDOW, |room| {
                room[..WINDOW].copy_from_slice(&fill);
                room[left..left + WINDOW].copy_from_slice(window);
                let after = left + value.len();
                room[after..after + WINDOW].copy_from_slice(&fill);
                byte_len
            });
        }
        let (sign, value) = value.split_at(usize::from(signed));
        if missing > PADS {
            return write_padded(writer, sign, left, value, missing - left, padding);
        }
        let right = &pads[..(missing - left) * padding.len()];
        writer.concat_str(&[sign, &pads[..left * padding.len()], value, right])
    })
}

/// So many characters of padding are made once for all rows.
const PADS: usize = 64;

fn write_padded(
    writer: &mut BytesWriter<'_>,
    sign: &str,
    left: usize,
    value: &str,
    right: usize,
    padding: &str,
) -> Result<()> {
    let byte_len = (left + right).saturating_mul(padding.len()).saturating_add(sign.len() + value.len());
    if i32::try_from(byte_len).is_err() {
        return Err(Error::limit_exceeded("the padded value is longer than 2^31 - 1 bytes"));
    }
    writer.write(byte_len, |room| {
        let mut at = 0;
        let mut put = |text: &str| {
            room[at..at + text.len()].copy_from_slice(text.as_bytes());
            at += text.len();
        };
        put(sign);
        (0..left).for_each(|_| put(padding));
        put(value);
        (0..right).for_each(|_| put(padding));
        byte_len
    })
}
