// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! What Unicode says of single code points: categories, and case as a map of one code point to one.
//!
//! The standard library's case maps are the full ones, in which ß becomes SS; here a code point never becomes several,
//! so that a value keeps its length in code points. Categories come from the tables of the regex engine, put into a
//! table of two levels on first use.

use std::sync::LazyLock;

use regex_syntax::hir::{Class, HirKind};

/// What a code point is: any of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Is(u8);

impl Is {
    pub(crate) const ALPHABETIC: Self = Self(1);
    /// A decimal digit.
    pub(crate) const DECIMAL: Self = Self(2);
    /// A decimal digit or another number that is written as a digit: superscripts, fractions.
    pub(crate) const DIGIT: Self = Self(4);
    pub(crate) const NUMERIC: Self = Self(8);
    pub(crate) const PRINTABLE: Self = Self(16);
    pub(crate) const LOWER: Self = Self(32);
    pub(crate) const UPPER: Self = Self(64);
    pub(crate) const TITLE: Self = Self(128);
    pub(crate) const CASED: Self = Self::LOWER.or(Self::UPPER).or(Self::TITLE);

    /// Either.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a code point is one of these.
    #[inline]
    pub(crate) fn holds(self, c: char) -> bool {
        let table = &*TABLE;
        let code = c as usize;
        table.flags[usize::from(table.blocks[code >> 8]) << 8 | (code & 0xff)] & self.0 != 0
    }
}

struct Table {
    blocks: Vec<u16>,
    flags: Vec<u8>,
}

static TABLE: LazyLock<Table> = LazyLock::new(build);

fn build() -> Table {
    let mut all = vec![0u8; 0x11_0000];
    let mut mark = |class: &str, flag: Is| {
        for (first, last) in ranges(class) {
            all[first as usize..=last as usize].iter_mut().for_each(|flags| *flags |= flag.0);
        }
    };
    mark(r"\p{L}", Is::ALPHABETIC);
    mark(r"\p{Nd}", Is::DECIMAL);
    mark(r"[\p{Nd}\p{No}]", Is::DIGIT);
    mark(r"\p{N}", Is::NUMERIC);
    mark(r"[ [^\p{Z}\p{C}]]", Is::PRINTABLE);
    mark(r"\p{Ll}", Is::LOWER);
    mark(r"\p{Lu}", Is::UPPER);
    mark(r"\p{Lt}", Is::TITLE);
    // Letters of other categories count as cased when they have a partner: Ⅷ, ⓐ.
    for c in char::MIN..=char::MAX {
        let flags = &mut all[c as usize];
        if *flags & Is::TITLE.0 == 0 {
            let (up, low) = (upper(c) != c, lower(c) != c);
            *flags |= if up && !low { Is::LOWER.0 } else { 0 };
            *flags |= if low && !up { Is::UPPER.0 } else { 0 };
        }
    }
    let mut table = Table { blocks: vec![], flags: vec![] };
    for block in all.chunks(256) {
        let known = table.flags.chunks(256).position(|known| known == block);
        let index = known.unwrap_or(table.flags.len() / 256);
        if known.is_none() {
            table.flags.extend_from_slice(block);
        }
        table.blocks.push(index as u16);
    }
    table
}

fn ranges(class: &str) -> Vec<(char, char)> {
    let Ok(hir) = regex_syntax::parse(class) else { return vec![] };
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => class.iter().map(|range| (range.start(), range.end())).collect(),
        _ => vec![],
    }
}

/// The upper case of a code point: one code point.
#[inline]
pub(crate) fn upper(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_uppercase();
    }
    let mut full = c.to_uppercase();
    match (full.next(), full.next()) {
        (Some(one), None) => one,
        _ => upper_of_several(c),
    }
}

/// Code points whose full upper case is several, but that have a partner.
fn upper_of_several(c: char) -> char {
    let code = c as u32;
    let partner = match code {
        0xdf => 0x1e9e,
        0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7 => code + 8,
        0x1fb3 | 0x1fc3 | 0x1ff3 => code + 9,
        _ => code,
    };
    char::from_u32(partner).unwrap_or(c)
}

/// The lower case of a code point: one code point.
#[inline]
pub(crate) fn lower(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let mut full = c.to_lowercase();
    match (full.next(), full.next()) {
        (Some(one), None) => one,
        // The only one with several is İ.
        _ => 'i',
    }
}

/// Whether a code point is white space: the separators, the spaces, and the controls that separate text.
pub(crate) fn is_space(c: char) -> bool {
    matches!(
        c,
        '\t'..='\r' | '\u{1c}'..='\u{20}' | '\u{85}' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}'
            | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_code_point_never_becomes_several() {
        let up: String = "ßŉﬁıſǅ".chars().map(upper).collect();
        assert_eq!(up, "ẞŉﬁISǄ");
        let low: String = "İΣẞ".chars().map(lower).collect();
        assert_eq!(low, "iσß");
        assert_eq!(upper('\u{1f80}'), '\u{1f88}');
    }

    #[test]
    fn categories_are_those_of_the_general_category() {
        let all = |flag: Is, text: &str| text.chars().all(|c| flag.holds(c));
        assert!(all(Is::ALPHABETIC, "aéßǅª日"));
        assert!(!Is::ALPHABETIC.holds('Ⅷ') && Is::NUMERIC.holds('Ⅷ') && Is::UPPER.holds('Ⅷ'));
        assert!(all(Is::DECIMAL, "1٣") && !Is::DECIMAL.holds('²') && all(Is::DIGIT, "½²٣"));
        assert!(Is::TITLE.holds('ǅ') && !Is::UPPER.holds('ǅ') && !Is::LOWER.holds('ª'));
        assert!(all(Is::PRINTABLE, " aé日") && !Is::PRINTABLE.holds('\u{a0}') && !Is::PRINTABLE.holds('\u{200b}'));
    }
}
