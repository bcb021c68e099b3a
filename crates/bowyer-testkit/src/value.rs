// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The values of an array literal, before they have a type.

/// A value as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    /// A number, or `nan`, `inf`, `-inf`: kept as text, so that decimals lose nothing.
    Number(String),
    /// Text in quotes; `\xNN` makes any byte.
    Text(Vec<u8>),
    List(Vec<Self>),
    Struct(Vec<(String, Self)>),
}

/// Reads text from the left.
pub(crate) struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// What is not read yet.
    pub(crate) fn rest(&self) -> &'a str {
        self.rest
    }

    pub(crate) fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    pub(crate) fn eat(&mut self, token: &str) -> bool {
        self.skip_spaces();
        let found = self.rest.strip_prefix(token);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    pub(crate) fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.eat(token) { Ok(()) } else { Err(format!("expected {token:?} at {:?}", self.rest)) }
    }

    /// The characters up to the first that is not wanted.
    pub(crate) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        self.skip_spaces();
        let end = self.rest.find(|character| !wanted(character)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    pub(crate) fn end(&mut self) -> Result<(), String> {
        self.skip_spaces();
        if self.rest.is_empty() { Ok(()) } else { Err(format!("unexpected {:?}", self.rest)) }
    }

    pub(crate) fn value(&mut self) -> Result<Value, String> {
        self.skip_spaces();
        match self.rest.chars().next() {
            Some('"') => self.text().map(Value::Text),
            Some('[') => self.items("[", "]", Self::value).map(Value::List),
            Some('{') => self.items("{", "}", Self::field).map(Value::Struct),
            _ => {
                let word = self.take_while(|c| c.is_ascii_alphanumeric() || "+-._".contains(c));
                Ok(match word {
                    "null" => Value::Null,
                    "true" => Value::Boolean(true),
                    "false" => Value::Boolean(false),
                    "" => return Err(format!("expected a value at {:?}", self.rest)),
                    number => Value::Number(number.to_owned()),
                })
            }
        }
    }

    fn field(&mut self) -> Result<(String, Value), String> {
        self.skip_spaces();
        let name = if self.rest.starts_with('"') {
            String::from_utf8(self.text()?).map_err(|error| error.to_string())?
        } else {
            self.take_while(|c| c.is_alphanumeric() || c == '_').to_owned()
        };
        if !self.eat("=") {
            self.expect(":")?;
        }
        Ok((name, self.value()?))
    }

    fn items<T>(
        &mut self,
        open: &str,
        close: &str,
        item: impl Fn(&mut Self) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        self.expect(open)?;
        let mut items = vec![];
        while !self.eat(close) {
            if !items.is_empty() {
                self.expect(",")?;
            }
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn text(&mut self) -> Result<Vec<u8>, String> {
        self.expect("\"")?;
        let mut bytes = vec![];
        let mut characters = self.rest.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(bytes);
                }
                '\\' => {
                    let mut hex = |count: usize| -> Result<u32, String> {
                        let digits: String = characters.by_ref().take(count).map(|(_, digit)| digit).collect();
                        u32::from_str_radix(&digits, 16).map_err(|error| format!("{digits:?}: {error}"))
                    };
                    match hex_escape(&self.rest[at + 1..]) {
                        Some(('x', count)) => {
                            hex(1).ok();
                            bytes.push(hex(count)? as u8);
                        }
                        Some((_, count)) => {
                            hex(1).ok();
                            let character = char::from_u32(hex(count)?).ok_or("no such character")?;
                            bytes.extend(character.to_string().as_bytes());
                        }
                        None => match characters.next() {
                            Some((_, 'n')) => bytes.push(b'\n'),
                            Some((_, 't')) => bytes.push(b'\t'),
                            Some((_, 'r')) => bytes.push(b'\r'),
                            Some((_, other)) => bytes.extend(other.to_string().as_bytes()),
                            None => break,
                        },
                    }
                }
                other => bytes.extend(other.to_string().as_bytes()),
            }
        }
        Err("text without its closing quote".to_owned())
    }
}

fn hex_escape(rest: &str) -> Option<(char, usize)> {
    match rest.chars().next() {
        Some('x') => Some(('x', 2)),
        Some('u') => Some(('u', 4)),
        Some('U') => Some(('U', 8)),
        _ => None,
    }
}
