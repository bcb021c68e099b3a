// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Text in addresses of the web: bytes that have a meaning there as `%` and two digits (RFC 3986, section 2).

use bowyer_core::{Error, Output, Result};

use super::string_values::{TEXT, text_to_bytes};
use crate::{Args, Example, Function, Kind, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("url_encode")
        .summary("Writes each byte but ASCII letters, digits and `-_.~` as `%` and two hexadecimal digits.")
        .args(&["strings"])
        .examples(&[Example::new(&["string [\"a b/ü\", null]"], "string [\"a%20b%2F%C3%BC\", null]")])
        .overloads(&[Overload::new(TEXT, Kind::SameAs(0), url_encode)]),
    Function::scalar("url_decode")
        .summary("Reads `%` and two hexadecimal digits as the byte that they stand for.")
        .notes("Everything else stays, a plus sign too. Fails for other digits, and where the bytes are not UTF-8.")
        .args(&["strings"])
        .examples(&[Example::new(&["string [\"a%20b%2F%c3%bc\", null]"], "string [\"a b/ü\", null]")])
        .fallible()
        .overloads(&[Overload::new(TEXT, Kind::SameAs(0), url_decode)]),
];

fn url_encode(args: &Args<'_>, output: &mut Output) -> Result<()> {
    text_to_bytes(args, output, |text, writer| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        let digit = |value: u8| b"0123456789ABCDEF"[usize::from(value)];
        writer.write(text.len().saturating_mul(3), |room| {
            let mut at = 0;
            for byte in text.bytes() {
                let (bytes, byte_len) =
                    if plain(byte) { ([byte, 0, 0], 1) } else { ([b'%', digit(byte >> 4), digit(byte & 15)], 3) };
                room[at..at + byte_len].copy_from_slice(&bytes[..byte_len]);
                at += byte_len;
            }
            at
        })
    })
}

fn url_decode(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let mut bytes = vec![];
    text_to_bytes(args, output, |text, writer| {
        if !text.contains('%') {
            return writer.push_str(text);
        }
        bytes.clear();
        let mut rest = text.as_bytes();
        while let [byte, after @ ..] = rest {
            (rest, _) = match (byte, after) {
                (b'%', [high, low, after @ ..]) => {
                    let digit = |byte: u8| char::from(byte).to_digit(16);
                    let value = digit(*high).zip(digit(*low)).map(|(high, low)| (high << 4 | low) as u8);
                    let value = value.ok_or_else(|| Error::invalid_data("a % is not followed by two digits"))?;
                    (after, bytes.push(value))
                }
                (b'%', _) => return Err(Error::invalid_data("a % is not followed by two digits")),
                (byte, after) => (after, bytes.push(*byte)),
            };
        }
        let decoded = std::str::from_utf8(&bytes);
        writer.push_str(decoded.map_err(|_| Error::invalid_utf8("the decoded bytes are not UTF-8"))?)
    })
}
