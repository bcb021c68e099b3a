// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Why a struct or a buffer is refused: a case by name and number, a place, and counters by case.
//!
//! A rejection says where and by how much, never what the data holds: lengths and indices are named, values are not.

use std::sync::atomic::{AtomicU64, Ordering};

use bowyer_core::{Error, ErrorCode};

macro_rules! cases {
    ($($(#[$doc:meta])* $variant:ident $number:literal $name:literal),* $(,)?) => {
        /// What is wrong, as a closed list.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Case {
            $($(#[$doc])* $variant),*
        }

        impl Case {
            /// Every case.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its number in errors: that of docs/abi.md, where some share one. Numbers are never reused.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self { $(Self::$variant => $number),* }
            }

            /// Its name in errors and statistics.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

cases! {
    /// A struct's own address is null or misaligned.
    NullPointer 1 "null_pointer",
    /// The struct was released before.
    Released 2 "released",
    /// A length, offset or count below zero.
    Negative 3 "negative",
    /// A sum or product that leaves 63 bits.
    SizeOverflow 4 "size_overflow",
    /// Another number of buffers than the type has.
    BufferCount 5 "buffer_count",
    /// Another number of children than the type has.
    ChildCount 5 "child_count",
    /// A buffer is shorter than its rows need.
    BufferSize 12 "buffer_size",
    /// A struct says that it has buffers or children, and has no list of them.
    NullTable 6 "null_table",
    /// A buffer has bytes, and no address.
    NullBuffer 7 "null_buffer",
    /// Nulls are claimed, but there is no validity buffer.
    NullCount 8 "null_count",
    /// Offsets that descend, are negative, or lead past the values.
    Offsets 11 "offsets",
    /// Bytes that are no UTF-8, or an offset inside a code point.
    Utf8 13 "utf8",
    /// A view outside its buffer, with a wrong prefix or with dirt after an inline value.
    View 14 "view",
    /// A dictionary key outside the dictionary.
    DictionaryKey 15 "dictionary_key",
    /// A dictionary that is missing, or there for a type without one.
    Dictionary 15 "dictionary",
    /// A type id that the union does not have, or an offset outside its child.
    Union 16 "union",
    /// Run ends that do not ascend, hold nulls, or end before the last row.
    RunEnds 17 "run_ends",
    /// A list view outside its values.
    ListView 18 "list_view",
    /// A decimal with more digits than its type.
    Decimal 19 "decimal",
    /// A date or time outside its range.
    Temporal 20 "temporal",
    /// A null where the schema allows none.
    Nullability 21 "nullability",
    /// A child with fewer rows than its parent needs.
    ChildLength 22 "child_length",
    /// Deeper, wider or longer than the limits.
    Limit 23 "limit",
    /// A format string that names no type.
    Format 24 "format",
    /// A name that is not UTF-8 or has no end.
    Name 24 "name",
    /// Metadata whose lengths do not fit, or that is not UTF-8.
    Metadata 24 "metadata",
    /// Type ids of a union that repeat or leave 0 to 127.
    TypeIds 26 "type_ids",
}

/// A refusal, before its path is written.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// What is wrong.
    pub case: Case,
    /// Node of the shape.
    pub node: usize,
    /// Buffer of that node.
    pub buffer: Option<usize>,
    /// Row or entry.
    pub index: Option<usize>,
    /// The sentence, without the place.
    pub message: String,
}

impl Rejection {
    /// A refusal of `node`.
    #[cold]
    pub fn new(case: Case, node: usize, message: impl Into<String>) -> Self {
        Self { case, node, buffer: None, index: None, message: message.into() }
    }

    /// Names the buffer.
    #[must_use]
    pub fn buffer(mut self, buffer: usize) -> Self {
        self.buffer = Some(buffer);
        self
    }

    /// Names the row or entry.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }

    /// The error, with `path` as its place.
    #[must_use]
    pub fn into_error(self, path: &str) -> Error {
        let code = if self.case == Case::Utf8 { ErrorCode::InvalidUtf8 } else { ErrorCode::InvalidArray };
        let mut message = format!("{} (case {}): ", self.case.name(), self.case.number());
        if let Some(buffer) = self.buffer {
            message.push_str(&format!("buffer {buffer}: "));
        }
        if let Some(index) = self.index {
            message.push_str(&format!("entry {index}: "));
        }
        message.push_str(&self.message);
        let error = Error::new(code, message);
        if path.is_empty() { error } else { error.in_column(path) }
    }
}

/// How often each case was refused.
#[derive(Debug)]
pub struct Rejections([AtomicU64; Case::ALL.len()]);

impl Default for Rejections {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; Case::ALL.len()])
    }
}

impl Rejections {
    /// Counts one.
    pub fn count(&self, case: Case) {
        self.0[case as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The cases that happened, with their counts.
    pub fn nonzero(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Case::ALL.iter().zip(&self.0).filter_map(|(case, count)| {
            let count = count.load(Ordering::Relaxed);
            (count > 0).then_some((case.name(), count))
        })
    }
}
