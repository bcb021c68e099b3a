// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Bytes as text and back, and digests: hexadecimal digits, base 64, MD5 and SHA-256.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bowyer_core::{Error, Output, Result};
use sha2::Digest;

use super::string_values::{BYTES, bytes_to_bytes};
use crate::{Args, Example, Function, Kind, Overload};

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::scalar("hex_encode")
        .summary("Writes the bytes of each value as hexadecimal digits.")
        .args(&["values"])
        .examples(&[Example::new(&["binary [\"\\x00\\xff\", null]"], "string [\"00ff\", null]")])
        .overloads(&[Overload::new(BYTES, Kind::Utf8, |args, output| digests(args, output, hex))]),
    Function::scalar("hex_decode")
        .summary("Reads hexadecimal digits as bytes.")
        .args(&["values"])
        .examples(&[Example::new(&["string [\"00Ff\", null]"], "binary [\"\\x00\\xff\", null]")])
        .fallible()
        .overloads(&[Overload::new(BYTES, Kind::Binary, hex_decode)]),
    Function::scalar("base64_encode")
        .summary("Writes the bytes of each value in base 64, with padding.")
        .args(&["values"])
        .examples(&[Example::new(&["string [\"hello\", null]"], "string [\"aGVsbG8=\", null]")])
        .overloads(&[Overload::new(BYTES, Kind::Utf8, |args, output| {
            digests(args, output, |bytes, out| STANDARD.encode_string(bytes, out))
        })]),
    Function::scalar("base64_decode")
        .summary("Reads base 64 with padding as bytes.")
        .args(&["values"])
        .examples(&[Example::new(&["string [\"aGVsbG8=\", null]"], "binary [\"hello\", null]")])
        .fallible()
        .overloads(&[Overload::new(BYTES, Kind::Binary, base64_decode)]),
    Function::scalar("md5")
        .summary("Computes the MD5 digest of each value, as hexadecimal digits.")
        .notes("It is no protection against forgery.")
        .args(&["values"])
        .examples(&[Example::new(&["string [\"\", null]"], "string [\"d41d8cd98f00b204e9800998ecf8427e\", null]")])
        .overloads(&[Overload::new(BYTES, Kind::Utf8, |args, output| {
            digests(args, output, |bytes, out| hex(&md5::Md5::digest(bytes), out))
        })]),
    Function::scalar("sha256")
        .summary("Computes the SHA-256 digest of each value, as hexadecimal digits.")
        .args(&["values"])
        .examples(&[Example::new(
            &["string [\"abc\", null]"],
            "string [\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\", null]",
        )])
        .overloads(&[Overload::new(BYTES, Kind::Utf8, |args, output| {
            digests(args, output, |bytes, out| hex(&sha2::Sha256::digest(bytes), out))
        })]),
];

fn hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        out.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])));
    }
}

fn digests(args: &Args<'_>, output: &mut Output, write: impl Fn(&[u8], &mut String)) -> Result<()> {
    let mut text = String::new();
    bytes_to_bytes(args, output, |bytes, writer| {
        text.clear();
        write(bytes, &mut text);
        writer.push_str(&text)
    })
}

fn hex_decode(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut decoded = Vec::new();
    bytes_to_bytes(args, output, |bytes, writer| {
        decoded.clear();
        let refused = || Error::parse("the value is no pairs of hexadecimal digits");
        let (pairs, rest) = bytes.as_chunks::<2>();
        for [high, low] in pairs {
            let byte = digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low);
            decoded.push(byte.ok_or_else(refused)?);
        }
        if rest.is_empty() { writer.push(&decoded) } else { Err(refused()) }
    })
}

fn base64_decode(args: &Args<'_>, output: &mut Output) -> Result<()> {
    let mut decoded = Vec::new();
    bytes_to_bytes(args, output, |bytes, writer| {
        decoded.clear();
        let read = STANDARD.decode_vec(bytes, &mut decoded);
        read.map_err(|error| Error::parse(format!("the value is not in base 64: {error}")))?;
        writer.push(&decoded)
    })
}
