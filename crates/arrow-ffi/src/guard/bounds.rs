// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Numbers that lead somewhere: offsets, list views, keys, type ids, run ends.
//!
//! Each check is a loop without an exit that the compiler can turn into vectors; only when it finds something wrong does
//! a second one look for the row to name. Ranges may be misaligned, so numbers are read from bytes.

use std::ops::Range;

use super::Guard;
use crate::reject::{Case, Rejection};
use crate::shape::Layout;

/// A number of fixed width in bytes of any alignment.
pub(super) trait Number: Copy + PartialOrd {
    /// Its bytes.
    type Bytes: Copy + Sync;
    /// The numbers in `bytes`, as bytes.
    fn chunks(bytes: &[u8]) -> &[Self::Bytes];
    /// Reads one.
    fn read(bytes: Self::Bytes) -> Self;
    /// The same number in 64 bits. An unsigned 64-bit one above the signed range turns negative, which is as far outside of
    /// every array.
    fn wide(self) -> i64;
}

macro_rules! number {
    ($($native:ty),*) => {$(
        impl Number for $native {
            type Bytes = [u8; size_of::<$native>()];

            #[inline(always)]
            fn chunks(bytes: &[u8]) -> &[Self::Bytes] {
                bytes.as_chunks().0
            }

            #[inline(always)]
            fn read(bytes: Self::Bytes) -> Self {
                Self::from_ne_bytes(bytes)
            }

            #[inline(always)]
            fn wide(self) -> i64 {
                self as i64
            }
        }
    )*};
}

number!(i8, u8, i16, u16, i32, u32, i64, u64);

/// Entry `index`, in 64 bits; −1 past the end.
pub(super) fn entry<T: Number>(bytes: &[u8], index: usize) -> i64 {
    T::chunks(bytes).get(index).map_or(-1, |bytes| T::read(*bytes).wide())
}

impl Guard<'_, '_> {
    /// Checks what the numbers of a node lead to.
    pub(super) fn contents(&mut self, at: usize, layout: &Layout) -> Result<(), Rejection> {
        match layout {
            Layout::Bytes { wide: false, text } => self.bytes::<i32>(at, *text),
            Layout::Bytes { wide: true, text } => self.bytes::<i64>(at, *text),
            Layout::Views { text } => self.views(at, *text),
            Layout::List { wide: false } => self.list::<i32>(at),
            Layout::List { wide: true } => self.list::<i64>(at),
            Layout::ListView { wide: false } => self.list_view::<i32>(at),
            Layout::ListView { wide: true } => self.list_view::<i64>(at),
            Layout::Union { children, dense } => self.union(at, children, *dense),
            Layout::Dictionary { width: 1, signed: true } => self.keys::<i8>(at),
            Layout::Dictionary { width: 1, signed: false } => self.keys::<u8>(at),
            Layout::Dictionary { width: 2, signed: true } => self.keys::<i16>(at),
            Layout::Dictionary { width: 2, signed: false } => self.keys::<u16>(at),
            Layout::Dictionary { width: 4, signed: true } => self.keys::<i32>(at),
            Layout::Dictionary { width: 4, signed: false } => self.keys::<u32>(at),
            Layout::Dictionary { signed: true, .. } => self.keys::<i64>(at),
            Layout::Dictionary { signed: false, .. } => self.keys::<u64>(at),
            Layout::RunEnds => self.run_ends(at),
            Layout::Null | Layout::Bits | Layout::Fixed { .. } | Layout::FixedList { .. } | Layout::Struct => Ok(()),
        }
    }

    /// The entries of a buffer that belong to the node's rows, and `extra` more.
    fn rows<T: Number>(&self, at: usize, buffer: usize, extra: usize) -> &[T::Bytes] {
        let node = self.flat_node(at);
        let entries = T::chunks(self.ranges(at)[buffer]);
        entries.get(node.offset..node.offset + node.length + extra).unwrap_or_default()
    }

    /// Checks that offsets ascend from zero or more to at most `limit`; gives the first and the last.
    pub(super) fn offsets<T: Number>(&self, at: usize, limit: usize) -> Result<(usize, usize), Rejection> {
        let offsets = self.rows::<T>(at, 1, 1);
        let [first, .., last] = offsets else {
            return Err(Rejection::new(Case::BufferSize, at, "offsets are missing").buffer(1));
        };
        let (first, last) = (T::read(*first).wide(), T::read(*last).wide());
        let descends = |part: Range<usize>| {
            let (left, right) = (&offsets[part.clone()], &offsets[part.start + 1..=part.end]);
            let mut descends = false;
            for (left, right) in left.iter().zip(right) {
                descends |= T::read(*right) < T::read(*left);
            }
            descends
        };
        if self.crew.any(offsets.len() - 1, &descends) {
            let row = offsets.windows(2).position(|pair| T::read(pair[1]) < T::read(pair[0]));
            return Err(Rejection::new(Case::Offsets, at, "offsets descend").buffer(1).index(row.unwrap_or_default()));
        }
        match (usize::try_from(first), usize::try_from(last)) {
            (Ok(first), Ok(last)) if last <= limit => Ok((first, last)),
            (Err(_), _) => Err(Rejection::new(Case::Offsets, at, format!("offsets begin at {first}")).buffer(1)),
            _ => {
                let message = format!("offsets end at {last} where there are {limit} values");
                Err(Rejection::new(Case::Offsets, at, message).buffer(1).index(offsets.len() - 1))
            }
        }
    }

    fn list<T: Number>(&self, at: usize) -> Result<(), Rejection> {
        let child = self.child(at, 0);
        self.offsets::<T>(at, self.flat_node(child).length)?;
        if matches!(self.shape.nodes()[at].data_type, arrow_schema::DataType::Map(..)) && self.null_count(child) > 0 {
            return Err(Rejection::new(Case::Nullability, child, "a map has null entries"));
        }
        Ok(())
    }

    fn list_view<T: Number>(&self, at: usize) -> Result<(), Rejection> {
        let limit = self.flat_node(self.child(at, 0)).length as i64;
        let (offsets, sizes) = (self.rows::<T>(at, 1, 0), self.rows::<T>(at, 2, 0));
        let outside = |offset: T::Bytes, size: T::Bytes| {
            let (offset, size) = (T::read(offset).wide(), T::read(size).wide());
            // Neither is above the limit where the sum is formed, so it does not overflow.
            offset < 0 || size < 0 || offset > limit || size > limit - offset
        };
        let mut bad = false;
        for (offset, size) in offsets.iter().zip(sizes) {
            bad |= outside(*offset, *size);
        }
        if bad {
            let row = offsets.iter().zip(sizes).position(|(offset, size)| outside(*offset, *size));
            let message = format!("a list lies outside the {limit} values");
            return Err(Rejection::new(Case::ListView, at, message).buffer(1).index(row.unwrap_or_default()));
        }
        Ok(())
    }

    fn keys<T: Number>(&self, at: usize) -> Result<(), Rejection> {
        let limit = self.flat_node(self.child(at, 0)).length as u64;
        let keys = self.rows::<T>(at, 1, 0);
        let outside = |part: Range<usize>| {
            let mut outside = false;
            for key in &keys[part] {
                outside |= T::read(*key).wide() as u64 >= limit;
            }
            outside
        };
        if !self.crew.any(keys.len(), &outside) {
            return Ok(());
        }
        // A key under a null may be anything.
        let bad = |row: usize| T::read(keys[row]).wide() as u64 >= limit && self.is_valid(at, row);
        match (0..keys.len()).find(|&row| bad(row)) {
            Some(row) => {
                let message = format!("a key is outside the {limit} values of the dictionary");
                Err(Rejection::new(Case::DictionaryKey, at, message).buffer(1).index(row))
            }
            None => Ok(()),
        }
    }

    fn union(&self, at: usize, children: &[u8; 128], dense: bool) -> Result<(), Rejection> {
        let ids = self.rows::<u8>(at, 0, 0);
        let child = |id: [u8; 1]| children.get(usize::from(id[0])).copied().unwrap_or(u8::MAX);
        if let Some(row) = ids.iter().position(|id| child(*id) == u8::MAX) {
            let message = "a type id that the union does not have";
            return Err(Rejection::new(Case::Union, at, message).buffer(0).index(row));
        }
        if !dense {
            return Ok(());
        }
        let nodes = &self.shape.nodes()[at].children;
        let lengths: Vec<i64> = nodes.iter().map(|&node| self.flat_node(node as usize).length as i64).collect();
        let offsets = self.rows::<i32>(at, 1, 0);
        let outside = |(id, offset): (&[u8; 1], &[u8; 4])| {
            let offset = i64::from(i32::from_ne_bytes(*offset));
            offset < 0 || offset >= lengths[usize::from(child(*id))]
        };
        match ids.iter().zip(offsets).position(outside) {
            Some(row) => {
                let message = "an offset is outside its child";
                Err(Rejection::new(Case::Union, at, message).buffer(1).index(row))
            }
            None => Ok(()),
        }
    }

    /// Checks that every run has an end and a value: at every level, since arrays are cut by these counts.
    pub(super) fn run_counts(&self, at: usize) -> Result<(), Rejection> {
        let ends = self.child(at, 0);
        let reject = |message: String| Err(Rejection::new(Case::RunEnds, ends, message));
        if self.null_count(ends) > 0 {
            return reject(format!("{} run ends are null", self.null_count(ends)));
        }
        let (runs, values) = (self.flat_node(ends).length, self.flat_node(self.child(at, 1)).length);
        if values < runs {
            return reject(format!("{runs} runs of {values} values"));
        }
        Ok(())
    }

    fn run_ends(&self, at: usize) -> Result<(), Rejection> {
        let ends = self.child(at, 0);
        match self.shape.nodes()[ends].layout {
            Layout::Fixed { width: 2, .. } => self.run_ends_of::<i16>(at, ends),
            Layout::Fixed { width: 4, .. } => self.run_ends_of::<i32>(at, ends),
            _ => self.run_ends_of::<i64>(at, ends),
        }
    }

    fn run_ends_of<T: Number>(&self, at: usize, ends: usize) -> Result<(), Rejection> {
        let reject = |message: String| Rejection::new(Case::RunEnds, ends, message);
        let runs = self.rows::<T>(ends, 1, 0);
        let first = runs.first().map_or(1, |first| T::read(*first).wide());
        let disorder = runs.windows(2).position(|pair| T::read(pair[1]) <= T::read(pair[0]));
        if first < 1 {
            return Err(reject(format!("the first run ends at {first}")).buffer(1).index(0));
        }
        if let Some(row) = disorder {
            return Err(reject("run ends do not ascend".to_owned()).buffer(1).index(row + 1));
        }
        let node = self.flat_node(at);
        let last = runs.last().map_or(0, |last| T::read(*last).wide());
        if (last as usize) < node.offset + node.length {
            return Err(reject(format!("runs end at {last}, before row {}", node.offset + node.length)));
        }
        Ok(())
    }
}
