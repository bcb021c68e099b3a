// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Key columns as bits: how rows of any Arrow types become words or bytes that can be hashed and compared.
//!
//! [`column`] sees through types, dictionaries and runs; `layout` packs several narrow columns into one word, as
//! narrow as what `seen` knows of them allows;
//! `rows` writes the columns that do not fit one after another. Tables over these keys are in [`crate::group`].
//! What equality means is said once, in [`KeyEquality`] and [`NullKeys`].

pub(crate) mod column;
pub(crate) mod layout;
pub(crate) mod nested;
pub(crate) mod rows;
pub(crate) mod seen;

use crate::hash::HashSeed;

/// The group of a row that belongs to none: a null key where nulls match nothing, or a key that is not in the table.
pub const NO_GROUP: u32 = u32::MAX;

/// What a null key is equal to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NullKeys {
    /// Other nulls: they form a group.
    #[default]
    Group,
    /// Nothing: a row with a null in any key column belongs to no group.
    Reject,
}

/// When two floating-point keys are equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyEquality {
    /// When their values are: all NaNs are one, and −0.0 is 0.0.
    #[default]
    Values,
    /// When their bits are, as in pyarrow's hash kernels.
    Bits,
}

/// How a table holds its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyPath {
    /// The key, as an offset from the least one, is the index into an array.
    Dense,
    /// The key fits 64 bits.
    Packed64,
    /// The key fits 128 bits.
    Packed128,
    /// The key is a run of bytes.
    Rows,
}

/// What a table of keys is told when it is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyOptions {
    /// What nulls are equal to.
    pub null_keys: NullKeys,
    /// What floats are equal to.
    pub equality: KeyEquality,
    /// How many rows are going to come, if that is known: a large table may then begin as a dense array.
    pub expected_rows: usize,
    /// No path cheaper than this one is taken, for tests and benches. `Dense` asks for it even where it is wasteful.
    pub forced: Option<KeyPath>,
    /// The seed of the hashes, for tests; drawn at random otherwise.
    pub seed: Option<HashSeed>,
}
