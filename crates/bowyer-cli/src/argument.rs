// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The forms that arguments of the command line have: `NAME=PATH`, `NAME=JSON`, `512MiB`.

use std::path::PathBuf;

use bowyer::Literal;
use serde_json::Value;

/// A name and a path.
pub(crate) fn input(text: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = named(text, "PATH")?;
    Ok((name, PathBuf::from(path)))
}

/// A name and a value.
pub(crate) fn parameter(text: &str) -> Result<(String, Literal), String> {
    let (name, json) = named(text, "JSON")?;
    let value = match serde_json::from_str::<Value>(json).map_err(|error| error.to_string())? {
        Value::Null => Literal::null(),
        Value::Bool(value) => Literal::from(value),
        Value::String(value) => Literal::from(value),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Literal::from(integer),
            (None, Some(float)) => Literal::from(float),
            (None, None) => return Err(format!("{number} does not fit a number type")),
        },
        Value::Array(_) | Value::Object(_) => return Err("expected a number, a string, true, false or null".to_owned()),
    };
    Ok((name, value))
}

fn named<'a>(text: &'a str, what: &str) -> Result<(String, &'a str), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name.to_owned(), value)),
        _ => Err(format!("expected NAME={what}")),
    }
}

/// A number of bytes: plain, or with a unit of powers of 1000 (`kB`, `MB`, `GB`, `TB`) or 1024 (`KiB`, `MiB`, `GiB`, `TiB`).
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        other => return Err(format!("{other:?} is no unit; there are kB, MB, GB, TB, KiB, MiB, GiB and TiB")),
    };
    let number: f64 = number.parse().map_err(|_| "expected a number of bytes, as 512MiB".to_owned())?;
    let bytes = number * factor as f64;
    if (1.0..9e18).contains(&bytes) {
        Ok(bytes as u64)
    } else {
        Err("expected at least one byte, as 512MiB".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("1000"), Ok(1000));
        assert_eq!(bytes("1.5 GB"), Ok(1_500_000_000));
        assert_eq!(bytes("512MiB"), Ok(512 << 20));
        for wrong in ["", "0", "-1", "MiB", "1 fortnight", "1e9", "99999999TiB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_stand_before_the_first_equals_sign() {
        assert_eq!(input("a=b=c"), Ok(("a".to_owned(), PathBuf::from("b=c"))));
        for wrong in ["a", "=b", "a="] {
            assert!(input(wrong).is_err(), "{wrong}");
        }
        assert!(parameter("a=[1]").is_err());
        assert!(parameter("a=text").is_err());
        assert!(parameter("a=\"text\"").is_ok());
    }
}
