// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Integers as digits of any base from 2 to 36, and back.

use arrow_schema::DataType;
use bowyer_core::arity::Lanes;
use bowyer_core::{Error, Output, Result};

use super::string_values::{RowOf, TEXT, Text, rows_to_bytes};
use crate::{Args, Coercion, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Options, Overload};

const BASE: OptionSpec =
    OptionSpec::new("base", OptionKind::Integer, OptionDefault::Required, "How many digits there are: 2 to 36.");

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("to_base")
        .summary("Writes integers with the digits of a base.")
        .notes("Digits above nine are small letters; negative numbers have a sign.")
        .args(&["values"])
        .options(&[BASE])
        .examples(&[Example::new(&["int64 [255, -5, null]"], "string [\"ff\", \"-5\", null]").with(&[("base", "16")])])
        .fallible()
        .coercion(Coercion::Custom(widest))
        .prepare(|context| Ok(Box::new(base(context.options)?)))
        .overloads(&[
            Overload::new(&[Kind::Int64], Kind::Utf8, |args, output| {
                let values = Lanes::<i64>::of(args.column(0))?;
                write(args, output, |row| (values.value(row).unsigned_abs(), values.value(row) < 0))
            }),
            Overload::new(&[Kind::UInt64], Kind::Utf8, |args, output| {
                let values = Lanes::<u64>::of(args.column(0))?;
                write(args, output, |row| (values.value(row), false))
            }),
        ]),
    Function::scalar("from_base")
        .summary("Reads integers that are written with the digits of a base.")
        .notes("Large and small letters are the same digits, and a sign may stand before them. Fails for other text, and for what does not fit 64 bits.")
        .args(&["strings"])
        .options(&[BASE])
        .examples(&[Example::new(&["string [\"ff\", \"-5\", null]"], "int64 [255, -5, null]").with(&[("base", "16")])])
        .fallible()
        .prepare(|context| Ok(Box::new(base(context.options)?)))
        .overloads(&[Overload::new(TEXT, Kind::Int64, read)]),
];

fn widest(types: &[DataType]) -> Option<Vec<DataType>> {
    match &types[0] {
        signed if signed.is_signed_integer() || signed.is_null() => Some(vec![DataType::Int64]),
        unsigned if unsigned.is_unsigned_integer() => Some(vec![DataType::UInt64]),
        _ => None,
    }
}

fn base(options: &Options) -> Result<u32> {
    let base = u32::try_from(options.integer("base")?).ok().filter(|base| (2..=36).contains(base));
    base.ok_or_else(|| Error::invalid_argument("it is not from 2 to 36").for_argument("base"))
}

fn write(args: &Args<'_>, output: &mut Output, value: impl Fn(usize) -> (u64, bool)) -> Result<()> {
    let base = u64::from(*args.state::<u32>()?);
    rows_to_bytes(args, output, |row, writer| {
        // 64 bits and a sign, the last digit at the end.
        let mut text = [0_u8; 65];
        let (mut rest, negative) = value(row);
        let mut first = text.len();
        loop {
            first -= 1;
            let digit = (rest % base) as u8;
            text[first] = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
            rest /= base;
            if rest == 0 {
                break;
            }
        }
        if negative {
            first -= 1;
            text[first] = b'-';
        }
        writer.push(&text[first..])
    })
}

fn read(args: &Args<'_>, output: &mut Output) -> Result<()> {
    use std::num::IntErrorKind;
    let base = *args.state::<u32>()?;
    let (text, at) = (Text::of(args.column(0).values())?, RowOf::new(args.column(0)));
    let (out, validity) = output.fixed_and_validity::<i64>()?;
    for (row, out) in out.iter_mut().enumerate() {
        *out = 0;
        if validity.is_none_or(|validity| validity.is_valid(row)) {
            let value = i64::from_str_radix(text.get(at.of(row)), base);
            *out = value.map_err(|error| match error.kind() {
                IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => {
                    Error::overflow("the number does not fit 64 bits").at_row(row)
                }
                _ => Error::parse(format!("the text is no number of base {base}")).at_row(row),
            })?;
        }
    }
    Ok(())
}
