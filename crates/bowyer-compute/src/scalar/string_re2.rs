// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Patterns in RE2's syntax, for the regex engine of Rust.
//!
//! The two agree on most of it. Where they do not, the pattern is rewritten: `\w`, `\d`, `\s` and `\b` are ASCII,
//! `\Q…\E` is literal, `[` and `&&` have no meaning inside of a class, a brace that begins no repetition is itself,
//! and no repetition goes past 1000. Binary values are matched byte by byte.

use bowyer_core::{Error, Result};
use regex::bytes::{Regex, RegexBuilder};

/// How a pattern is read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Syntax {
    /// Letters match in either case.
    pub(crate) ignore_case: bool,
    /// Characters are bytes.
    pub(crate) bytes: bool,
    /// A dot matches a line's end too.
    pub(crate) dot_all: bool,
}

/// Compiles a pattern.
///
/// # Errors
/// `Parse` for what is no pattern, `LimitExceeded` for one whose program is too large.
pub(crate) fn compile(pattern: &str, syntax: Syntax) -> Result<Regex> {
    let rewritten = rewrite(pattern, syntax.bytes)?;
    let built = RegexBuilder::new(&rewritten)
        .case_insensitive(syntax.ignore_case)
        .dot_matches_new_line(syntax.dot_all)
        .unicode(!syntax.bytes)
        .octal(true)
        .build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => Error::limit_exceeded("the pattern is too large").for_argument("pattern"),
        error => refused("it is no regular expression").caused_by(error),
    })
}

#[cold]
fn refused(why: &'static str) -> Error {
    Error::parse(why).for_argument("pattern")
}

/// The text of a pattern that matches `literal` alone.
pub(crate) fn escape(literal: &str) -> String {
    regex::escape(literal)
}

fn rewrite(pattern: &str, bytes: bool) -> Result<String> {
    let mut rest = pattern;
    let mut out = String::with_capacity(pattern.len() + 16);
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            '\\' => escaped(after, bytes, &mut out)?,
            '[' => class(after, bytes, &mut out)?,
            '{' => brace(rest, &mut out)?,
            '(' if after.starts_with('?') => group(after, &mut out)?,
            _ => {
                out.push(c);
                after
            }
        };
    }
    Ok(out)
}

/// Copies the flags of a group; `x` and the other flags that RE2 does not have are refused.
fn group<'a>(after: &'a str, out: &mut String) -> Result<&'a str> {
    out.push('(');
    let flags = after[1..].split([':', ')', '<', 'P']).next().unwrap_or_default();
    if flags.contains(|c: char| !"imsU-".contains(c)) {
        return Err(refused("it has a flag other than i, m, s and U, or an assertion that looks around"));
    }
    if after[1..].starts_with("<=") || after[1..].starts_with("<!") {
        return Err(refused("it looks behind"));
    }
    Ok(after)
}

/// A brace is a repetition as `{2}`, `{2,}` or `{2,3}`, of at most 1000, or itself.
fn brace<'a>(rest: &'a str, out: &mut String) -> Result<&'a str> {
    let inside = rest[1..].split_once('}').map(|(inside, _)| inside);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let repetition = inside.filter(|inside| match inside.split_once(',') {
        None => is_number(inside),
        Some((least, most)) => is_number(least) && (most.is_empty() || is_number(most)),
    });
    let Some(repetition) = repetition else {
        out.push_str("\\{");
        return Ok(&rest[1..]);
    };
    let too_many = |number: &str| !number.is_empty() && number.parse::<u32>().map_or(true, |number| number > 1000);
    if repetition.split(',').any(too_many) {
        return Err(refused("it repeats more than 1000 times"));
    }
    out.push('{');
    out.push_str(repetition);
    out.push('}');
    Ok(&rest[repetition.len() + 2..])
}

/// What stands after a backslash, outside of a class.
fn escaped<'a>(after: &'a str, bytes: bool, out: &mut String) -> Result<&'a str> {
    let Some(c) = after.chars().next() else { return Err(refused("it ends in a backslash")) };
    let rest = &after[c.len_utf8()..];
    match c {
        'w' => out.push_str("[0-9A-Za-z_]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        'd' => out.push_str("[0-9]"),
        'D' => out.push_str("[^0-9]"),
        's' => out.push_str("[\\t\\n\\x0C\\r ]"),
        'S' => out.push_str("[^\\t\\n\\x0C\\r ]"),
        'b' => out.push_str("(?-u:\\b)"),
        'B' => out.push_str("(?-u:\\B)"),
        'C' => out.push_str("(?s-u:.)"),
        'Q' => {
            let (literal, rest) = rest.split_once("\\E").unwrap_or((rest, ""));
            out.push_str(&escape(literal));
            return Ok(rest);
        }
        'E' => {}
        'p' | 'P' => return property(c, rest, bytes, out),
        '1'..='9' if !rest.starts_with(|c: char| c.is_digit(8)) => {
            return Err(refused("it refers back to a group"));
        }
        _ => {
            out.push('\\');
            out.push(c);
        }
    }
    Ok(rest)
}

/// `\pN`, `\p{Greek}`, and the negation `\p{^Greek}`.
fn property<'a>(letter: char, rest: &'a str, bytes: bool, out: &mut String) -> Result<&'a str> {
    if bytes {
        return Err(refused("it names a class of characters, but is for bytes"));
    }
    let (negated, named) = match rest.strip_prefix("{^") {
        Some(name) => (true, Some(name)),
        None => (false, rest.strip_prefix('{')),
    };
    out.push('\\');
    out.push(if negated == (letter == 'p') { 'P' } else { 'p' });
    let Some(name) = named else { return Ok(rest) };
    let (name, rest) = name.split_once('}').ok_or_else(|| refused("the name of a class has no end"))?;
    out.push('{');
    out.push_str(name);
    out.push('}');
    Ok(rest)
}

/// Copies a class up to its bracket.
fn class<'a>(after: &'a str, bytes: bool, out: &mut String) -> Result<&'a str> {
    out.push('[');
    let mut rest = after;
    if let Some(negated) = rest.strip_prefix('^') {
        out.push('^');
        rest = negated;
    }
    let mut first = true;
    while let Some(c) = rest.chars().next() {
        let next = &rest[c.len_utf8()..];
        match c {
            ']' if !first => {
                out.push(']');
                return Ok(next);
            }
            ']' => out.push_str("\\]"),
            '[' => {
                if let Some(name) = posix_class(rest) {
                    out.push_str(name);
                    rest = &rest[name.len()..];
                    first = false;
                    continue;
                }
                out.push_str("\\[");
            }
            '&' | '~' => {
                out.push('\\');
                out.push(c);
            }
            '-' if next.starts_with('-') => out.push_str("\\-"),
            '\\' => {
                rest = escaped_in_class(next, bytes, out)?;
                first = false;
                continue;
            }
            _ if bytes && !c.is_ascii() => {
                let mut room = [0; 4];
                for byte in c.encode_utf8(&mut room).bytes() {
                    out.push_str(&format!("\\x{byte:02X}"));
                }
            }
            _ => out.push(c),
        }
        first = false;
        rest = next;
    }
    Err(refused("a class has no end"))
}

/// `[:alpha:]` and its like, from their bracket on.
fn posix_class(rest: &str) -> Option<&str> {
    let end = rest.strip_prefix("[:")?.find(":]")?;
    let name = &rest[..end + 4];
    name[2..end + 2].bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'^').then_some(name)
}

fn escaped_in_class<'a>(after: &'a str, bytes: bool, out: &mut String) -> Result<&'a str> {
    let Some(c) = after.chars().next() else { return Err(refused("it ends in a backslash")) };
    let rest = &after[c.len_utf8()..];
    match c {
        'w' => out.push_str("0-9A-Za-z_"),
        'd' => out.push_str("0-9"),
        's' => out.push_str("\\t\\n\\x0C\\r "),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        'D' => out.push_str("[^0-9]"),
        'S' => out.push_str("[^\\t\\n\\x0C\\r ]"),
        'p' | 'P' => return property(c, rest, bytes, out),
        _ => {
            out.push('\\');
            out.push(c);
        }
    }
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, value: &str) -> bool {
        compile(pattern, Syntax::default()).expect(pattern).is_match(value.as_bytes())
    }

    #[test]
    fn patterns_mean_what_re2_means() {
        for (pattern, value, expected) in [
            (r"^\w$", "é", false),
            (r"^\d$", "٣", false),
            (r"^\s$", "\u{a0}", false),
            ("a.b", "a\nb", false),
            ("^.$", "é", true),
            ("(?i)^ß$", "ẞ", true),
            (r"^\pL$", "é", true),
            ("^b", "a\nb", false),
            ("a$", "a\n", false),
            (r"\bé", "xé", true),
            (r"^\p{Greek}$", "α", true),
            (r"^\p{^Greek}$", "a", true),
            ("(?<n>a)", "a", true),
            (r"\Qa.b\E", "a.b", true),
            (r"\Qa.b\E", "axb", false),
            ("^[[:alpha:]]$", "é", false),
            (r"\C", "é", true),
            ("(?s)a.b", "a\nb", true),
            ("[[:word:]&&[a]]", "a", false),
            ("[[:word:]&&[a]]", "a]", true),
            ("a{,2}", "a{,2}", true),
            (r"[\w-]", "-", true),
            ("[]a]", "]", true),
            (r"[^\W]", "é", false),
            (r"\x41", "A", true),
            (r"\101", "A", true),
        ] {
            assert_eq!(matches(pattern, value), expected, "{pattern} on {value:?}");
        }
        for pattern in ["a{1001}", "(", r"(?=a)", r"(a)\1", r"(?x) a", "[a", r"a\"] {
            assert!(compile(pattern, Syntax::default()).is_err(), "{pattern}");
        }
    }

    #[test]
    fn binary_values_are_matched_byte_by_byte() {
        let bytes = Syntax { bytes: true, ..Syntax::default() };
        assert!(compile("^..$", bytes).unwrap().is_match("é".as_bytes()));
        assert!(compile("^é$", bytes).unwrap().is_match("é".as_bytes()));
        assert!(compile("^[é]+$", bytes).unwrap().is_match("é".as_bytes()));
        assert!(compile(r"^\W$", bytes).unwrap().is_match(b"\xff"));
    }
}
