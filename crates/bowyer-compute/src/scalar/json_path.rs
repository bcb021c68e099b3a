// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Paths into JSON: `$.a.b[0]` and `/a/b/0`, and finding the value of one without reading the others.
//!
//! A path names members and elements, one value at most: there are no wildcards. Of members of one name the last counts.

use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use bowyer_core::{Error, Result};

/// A step from a value to one inside of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    /// Counted from zero, or from the end when negative.
    Element(i64),
    /// A pointer's step: a member of an object, an element of an array.
    Either(String),
}

/// A path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(Vec<Step>);

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// `Parse`, with the byte at which it cannot be read on.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let refused = |rest: &str| {
            let at = text.len() - rest.len();
            Error::parse(format!("it is no path such as $.a[0] or /a/0, from byte {at}"))
        };
        if text.is_empty() {
            return Ok(Self(vec![]));
        }
        if let Some(pointer) = text.strip_prefix('/') {
            let name = |step: &str| Step::Either(step.replace("~1", "/").replace("~0", "~"));
            return Ok(Self(pointer.split('/').map(name).collect()));
        }
        let mut rest = text.strip_prefix('$').ok_or_else(|| refused(text))?;
        let mut steps = vec![];
        while !rest.is_empty() {
            let (step, after) = step(rest).ok_or_else(|| refused(rest))?;
            steps.push(step);
            rest = after;
        }
        Ok(Self(steps))
    }

    /// The text of the value that the path leads to in `json`, which is checked as far as it is read.
    pub(crate) fn find<'a>(&self, json: &'a str) -> serde_json::Result<Option<&'a str>> {
        let whole: &RawValue = serde_json::from_str(json)?;
        let mut value = whole.get();
        for step in &self.0 {
            let mut reader = serde_json::Deserializer::from_str(value);
            let Some(found) = Pick(step, value).deserialize(&mut reader)? else { return Ok(None) };
            value = found.get();
        }
        Ok(Some(value))
    }
}

/// The first step of a path in brackets or after a point, and what follows it.
fn step(rest: &str) -> Option<(Step, &str)> {
    if let Some(after) = rest.strip_prefix('.') {
        if let Some(quoted) = after.strip_prefix('"') {
            let (name, after) = quoted.split_once('"')?;
            return Some((Step::Member(name.to_owned()), after));
        }
        let end = after.find(['.', '[']).unwrap_or(after.len());
        let (name, after) = after.split_at(end);
        return (!name.is_empty() && name != "*").then(|| (Step::Member(name.to_owned()), after));
    }
    let inside = rest.strip_prefix('[')?;
    for quote in ['"', '\''] {
        if let Some(quoted) = inside.strip_prefix(quote) {
            let (name, after) = quoted.split_once(quote)?;
            return Some((Step::Member(name.to_owned()), after.strip_prefix(']')?));
        }
    }
    let (index, after) = inside.split_once(']')?;
    Some((Step::Element(index.parse().ok()?), after))
}

/// Reads the value of one step and skips the others.
struct Pick<'s>(&'s Step, &'s str);

impl<'de> DeserializeSeed<'de> for Pick<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> std::result::Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Pick<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> std::result::Result<Self::Value, A::Error> {
        let (Step::Member(wanted) | Step::Either(wanted)) = self.0 else {
            while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(None);
        };
        let mut found = None;
        while let Some(name) = members.next_key::<std::borrow::Cow<'de, str>>()? {
            if name == *wanted {
                found = Some(members.next_value()?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> std::result::Result<Self::Value, A::Error> {
        let wanted = match self.0 {
            Step::Element(index) if *index < 0 => {
                let len = serde_json::from_str::<Vec<IgnoredAny>>(self.1).map_or(0, |all| all.len());
                usize::try_from(index.unsigned_abs()).ok().and_then(|back| len.checked_sub(back))
            }
            Step::Element(index) => usize::try_from(*index).ok(),
            Step::Either(name) => name.parse().ok(),
            Step::Member(_) => None,
        };
        let mut found = None;
        let mut at = 0;
        while if Some(at) == wanted {
            found = elements.next_element()?;
            found.is_some()
        } else {
            elements.next_element::<IgnoredAny>()?.is_some()
        } {
            at += 1;
        }
        Ok(found)
    }

    fn visit_unit<E>(self) -> std::result::Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> std::result::Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> std::result::Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> std::result::Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> std::result::Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> std::result::Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"a": {"b c": [1, {"x": 1.10}, "t"]}, "a/b": 2, "n": null}"#;

    fn find(path: &str) -> Option<&'static str> {
        Path::parse(path).unwrap().find(TEXT).unwrap()
    }

    #[test]
    fn paths_lead_to_values_as_they_are_written() {
        assert_eq!(find(r#"$.a["b c"][1].x"#), Some("1.10"));
        assert_eq!(find("$.a.\"b c\"[-1]"), Some("\"t\""));
        assert_eq!(find("/a/b c/0"), Some("1"));
        assert_eq!(find("/a~1b"), Some("2"));
        assert_eq!(find("$.n"), Some("null"));
        assert_eq!(find("$"), Some(TEXT));
        for nowhere in ["$.x", "$.a.b", "$[0]", "$.a[\"b c\"][3]", "$.a[\"b c\"][-4]", "$.a[\"b c\"].y", "$.n.x"] {
            assert_eq!(find(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in ["a.b", "$a", "$.", "$[x]", "$[0", "$.*", "$['a]"] {
            assert!(Path::parse(path).is_err(), "{path}");
        }
        assert!(Path::parse("$.a").unwrap().find("{").is_err());
    }
}
