// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! From key columns to groups: every distinct key gets the next number, in the order in which keys first come.
//!
//! A [`GroupTable`] takes whole batches. It begins with the cheapest form that its first batch allows, an array indexed
//! by the key where keys lie close together, else packed words, else bytes, and changes to a wider one when a later
//! batch does not fit; groups keep their numbers. Aggregation, distinct, joins and `count_distinct` stand on it.

mod first_keys;
mod in_place;
mod single;
mod slots;
mod storage;

use arrow_array::ArrayRef;
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;

use crate::hash::HashSeed;
use crate::keys::column::{KeyColumn, KeyKind};
use crate::keys::layout::Layout;
use crate::keys::nested::NestedKeys;
use crate::keys::seen::Seen;
use crate::keys::{KeyOptions, KeyPath, NO_GROUP, NullKeys};
use crate::{Error, Memory, Result};
use first_keys::FirstKeys;
pub use in_place::KeysInPlace;
use storage::{Batch, Storage};

/// The distinct keys of one or more columns, numbered in the order in which they first came.
///
/// After an error the table is of no further use.
#[derive(Debug)]
pub struct GroupTable {
    kinds: Vec<KeyKind>,
    nested: Vec<Option<NestedKeys>>,
    options: KeyOptions,
    seed: HashSeed,
    memory: Memory,
    seen: Vec<Seen>,
    storage: Option<Storage>,
    keys: FirstKeys,
    group_count: usize,
    rows_seen: usize,
    /// The rows at which a hash table is looked at again, in case an array has become the better form.
    reconsider_at: usize,
    /// Whether the form cannot change any more.
    fixed: bool,
}

/// A dense array may always have this many entries.
const DENSE_BITS: u32 = 16;
/// A dense array never has more entries than this.
const DENSE_BITS_MOST: u32 = 24;
/// A hash table becomes an array of at most so many entries for each group.
const ENTRIES_A_GROUP: usize = 32;

impl GroupTable {
    /// A table for keys of `types`.
    ///
    /// # Errors
    /// `NotImplemented` for a type that has no keys; `MemoryLimit`.
    pub fn new(types: &[DataType], options: KeyOptions, memory: &Memory) -> Result<Self> {
        let nested = types.iter().map(|data_type| NestedKeys::for_type(data_type, options.equality));
        Ok(Self {
            kinds: types.iter().map(KeyKind::of).collect(),
            nested: nested.collect::<Result<_>>()?,
            options,
            seed: options.seed.unwrap_or_else(HashSeed::random),
            memory: memory.clone(),
            seen: vec![Seen::NOTHING; types.len()],
            storage: None,
            keys: FirstKeys::new(types, memory)?,
            group_count: 0,
            rows_seen: 0,
            reconsider_at: 1 << 18,
            fixed: false,
        })
    }

    /// How many groups there are.
    #[must_use]
    pub fn group_count(&self) -> usize {
        self.group_count
    }

    /// How keys are held now; `None` before the first row.
    #[must_use]
    pub fn path(&self) -> Option<KeyPath> {
        Some(match self.storage.as_ref()? {
            Storage::Dense(..) => KeyPath::Dense,
            Storage::Packed64(..) => KeyPath::Packed64,
            Storage::Packed128(..) => KeyPath::Packed128,
            Storage::Rows(_) => KeyPath::Rows,
        })
    }

    /// What it is charged for.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.keys.byte_len() + self.storage.as_ref().map_or(0, Storage::byte_len)
    }

    /// Writes the group of each of `row_count` rows, and adds groups for keys that are new.
    ///
    /// Returns the rows that began a group, in order: the last groups are theirs.
    ///
    /// # Errors
    /// `MemoryLimit`; `LimitExceeded` past 2³² − 2 groups; `NotImplemented` for types without keys.
    pub fn insert(&mut self, columns: &[ArrayRef], row_count: usize, out: &mut Vec<u32>) -> Result<Vec<u32>> {
        let physical = self.physical(columns)?;
        let skip = self.rows_to_skip(&physical);
        if self.group_count.saturating_add(row_count) >= NO_GROUP as usize {
            return Err(Error::limit_exceeded("more than 2^32 - 2 groups"));
        }
        out.clear();
        out.resize(row_count, 0);
        let mut added = Vec::new();
        if row_count > 0 {
            if self.storage.is_none() || self.reconsiders_dense() {
                self.lay_out(&physical, row_count, self.storage.is_none())?;
            }
            let mut first = self.insert_from(0, &physical, row_count, skip.as_ref(), out, &mut added)?;
            self.keys.add(columns, &added)?;
            if first < row_count {
                let held = added.len();
                self.lay_out(&physical, row_count, true)?;
                first = self.insert_from(first, &physical, row_count, skip.as_ref(), out, &mut added)?;
                self.keys.add(columns, &added[held..])?;
            }
            if first < row_count {
                return Err(Error::internal("keys outside a layout made for them"));
            }
        }
        self.rows_seen += row_count;
        Ok(added)
    }

    /// Inserts the rows from `first` on, as far as the layout has places for them; gives where it stopped.
    fn insert_from(
        &mut self,
        first: usize,
        columns: &[KeyColumn],
        row_count: usize,
        skip: Option<&NullBuffer>,
        out: &mut [u32],
        added: &mut Vec<u32>,
    ) -> Result<usize> {
        let batch = Batch { columns, first, row_count, skip };
        match &mut self.storage {
            Some(storage) => storage.insert(&batch, self.seed, &mut self.group_count, out, added),
            None => Err(Error::internal("a table without a storage")),
        }
    }

    /// Writes the group of each of `row_count` rows, [`NO_GROUP`] where the key is not in the table.
    ///
    /// # Errors
    /// `NotImplemented` for types without keys.
    pub fn find(&self, columns: &[ArrayRef], row_count: usize, out: &mut Vec<u32>) -> Result<()> {
        out.clear();
        out.resize(row_count, NO_GROUP);
        let Some(storage) = &self.storage else { return Ok(()) };
        let physical = self.physical(columns)?;
        let skip = self.rows_to_skip(&physical);
        storage.find(&Batch { columns: &physical, first: 0, row_count, skip: skip.as_ref() }, self.seed, out)
    }

    /// The keys of all groups, in the types that they came in: of each group the first that came.
    ///
    /// # Errors
    /// `LimitExceeded` past 32-bit offsets or a dictionary's index type; `MemoryLimit`.
    pub fn keys(&mut self) -> Result<Vec<ArrayRef>> {
        self.keys.arrays()
    }

    /// Gives up the table but for its keys, whose memory goes with the arrays.
    ///
    /// # Errors
    /// As [`Self::keys`].
    pub fn into_keys(mut self) -> Result<Vec<ArrayRef>> {
        self.storage = None;
        self.keys.arrays()
    }

    /// Looks at keys that are going to be inserted, so that the table begins in the form that all of them need.
    ///
    /// # Errors
    /// `NotImplemented` for types without keys.
    pub fn look_ahead(&mut self, columns: &[ArrayRef], row_count: usize) -> Result<()> {
        let physical = self.physical(columns)?;
        for (seen, column) in self.seen.iter_mut().zip(&physical) {
            seen.look(column, row_count);
        }
        Ok(())
    }

    /// Keeps no keys as they come in, for a table that is only searched: [`Self::keys`] has none then. Every batch has
    /// to be looked at with [`Self::look_ahead`] before the first is inserted, for the table cannot change its form.
    pub fn forget_keys(&mut self) {
        self.keys.forget();
        self.fixed = true;
    }

    fn physical(&self, columns: &[ArrayRef]) -> Result<Vec<KeyColumn>> {
        columns
            .iter()
            .zip(&self.nested)
            .map(|(array, nested)| KeyColumn::new(array, nested.as_ref(), self.options.equality))
            .collect()
    }

    fn rows_to_skip(&self, columns: &[KeyColumn]) -> Option<NullBuffer> {
        match self.options.null_keys {
            NullKeys::Group => None,
            NullKeys::Reject => {
                let nulls = columns.iter().map(|column| column.nulls.as_ref());
                nulls.fold(None, |all, nulls| NullBuffer::union(all.as_ref(), nulls))
            }
        }
    }

    /// Makes a storage that can hold the keys held and the batch. Unless one is `needed`, only an array is a reason to change.
    fn lay_out(&mut self, columns: &[KeyColumn], row_count: usize, needed: bool) -> Result<()> {
        if self.fixed && self.group_count > 0 {
            return Err(Error::internal("keys that the table was not told of"));
        }
        self.reconsider_at = self.rows_seen * 2;
        self.look_again(columns, row_count)?;
        let mut storage = self.plan(row_count, needed)?;
        if let Some(storage) = &mut storage {
            self.move_keys(storage)?;
        }
        self.storage = storage.or_else(|| self.storage.take());
        Ok(())
    }

    /// Whether enough rows have come that an array may be worth its entries by now.
    fn reconsiders_dense(&self) -> bool {
        matches!(self.storage, Some(Storage::Packed64(..)))
            && self.options.forced.is_none()
            && !self.fixed
            && self.rows_seen >= self.reconsider_at
            && self.kinds.iter().all(|kind| !matches!(kind, KeyKind::Float { .. }))
    }

    /// Sees all keys held and the batch.
    fn look_again(&mut self, columns: &[KeyColumn], row_count: usize) -> Result<()> {
        if self.group_count > 0 {
            let keys = self.keys.arrays()?;
            let held = self.physical(&keys)?;
            for (seen, held) in self.seen.iter_mut().zip(&held) {
                (seen.range, seen.codes) = (None, None);
                seen.look(held, self.group_count);
            }
        }
        for (seen, column) in self.seen.iter_mut().zip(columns) {
            seen.look(column, row_count);
        }
        Ok(())
    }

    /// An empty storage of the cheapest form for what was seen. Unless one is `needed`, only an array is a reason to
    /// change.
    fn plan(&self, row_count: usize, needed: bool) -> Result<Option<Storage>> {
        let forced = self.options.forced.unwrap_or(KeyPath::Dense);
        let previous = self.storage.as_ref().and_then(Storage::layout);
        let rows = self.options.expected_rows.max(self.rows_seen + row_count);
        let dense_bits = match self.options.forced {
            Some(_) => DENSE_BITS_MOST,
            None => (4 * rows as u64).ilog2().clamp(DENSE_BITS, DENSE_BITS_MOST),
        };
        // A hash table of few groups stays in a cache where a large array, hardly used, does not.
        let dense_bits =
            if needed { dense_bits } else { dense_bits.min((ENTRIES_A_GROUP * self.group_count).max(1).ilog2()) };
        let exact = Layout::plan(&self.kinds, &self.seen, true, previous.filter(|layout| layout.is_ranged()));
        let full = Layout::plan(&self.kinds, &self.seen, false, None);
        let fitting = |bits: u32| {
            let fits = |layout: &&Layout| layout.bits() <= bits;
            full.as_ref().filter(fits).or_else(|| exact.as_ref().filter(fits)).cloned()
        };
        if forced <= KeyPath::Dense
            && let Some(layout) = exact.as_ref().filter(|layout| layout.bits() <= dense_bits)
        {
            return Storage::dense(layout.clone(), &self.memory).map(Some);
        }
        if !needed {
            return Ok(None);
        }
        if forced <= KeyPath::Packed64
            && let Some(layout) = fitting(64)
        {
            return Storage::packed64(layout, &self.memory).map(Some);
        }
        if forced <= KeyPath::Packed128
            && let Some(layout) = fitting(128)
        {
            return Storage::packed128(layout, &self.memory).map(Some);
        }
        let single = matches!(self.kinds[..], [KeyKind::Bytes { .. }]);
        Storage::rows(single, &self.memory).map(Some)
    }

    /// Puts the keys held so far into `storage`; they are distinct, so that each gets the number it has.
    fn move_keys(&mut self, storage: &mut Storage) -> Result<()> {
        if self.group_count == 0 {
            return Ok(());
        }
        let keys = self.keys.arrays()?;
        let columns = self.physical(&keys)?;
        let batch = Batch { columns: &columns, first: 0, row_count: self.group_count, skip: None };
        let (mut count, mut out, mut added) = (0, vec![0; self.group_count], Vec::new());
        storage.insert(&batch, self.seed, &mut count, &mut out, &mut added)?;
        if count == self.group_count {
            Ok(())
        } else {
            Err(Error::internal("a table lost keys when it was laid out anew"))
        }
    }
}

#[cfg(test)]
mod tests;
