// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Values that are kept until all have come, in chunks: what is held never moves when more comes, and what another
//! accumulator holds is taken over as it is. At the end the values of some groups are laid beside each other.

use std::ops::Range;

use arrow_buffer::ArrowNativeType;
use bowyer_core::lanes::Lanes;
use bowyer_core::{Memory, Result};

/// The most values of a chunk.
pub(super) const CHUNK_VALUES: usize = 1 << 14;

/// Some values, and the group of each; without groups all belong to the first one.
struct Chunk<I> {
    values: Lanes<I>,
    groups: Option<Lanes<u32>>,
}

/// All values that came, in the order in which they came.
pub(in crate::aggregate) struct Held<I> {
    chunks: Vec<Chunk<I>>,
    memory: Memory,
}

impl<I: ArrowNativeType> Held<I> {
    pub(in crate::aggregate) fn new(memory: &Memory) -> Self {
        Self { chunks: Vec::new(), memory: memory.clone() }
    }

    pub(in crate::aggregate) fn memory(&self) -> &Memory {
        &self.memory
    }

    pub(in crate::aggregate) fn byte_len(&self) -> usize {
        let groups = |chunk: &Chunk<I>| chunk.groups.as_ref().map_or(0, Lanes::byte_len);
        self.chunks.iter().map(|chunk| chunk.values.byte_len() + groups(chunk)).sum()
    }

    /// Adds values; without groups all belong to the first one.
    pub(in crate::aggregate) fn extend(&mut self, mut values: &[I], mut groups: Option<&[u32]>) -> Result<()> {
        while !values.is_empty() {
            let chunk = self.open(groups.is_some())?;
            let count = values.len().min(CHUNK_VALUES - chunk.values.len());
            let (now, later) = values.split_at(count);
            if let (Some(held), Some(given)) = (&mut chunk.groups, groups) {
                let (now, later) = given.split_at(count);
                held.extend_from_slice(now)?;
                groups = Some(later);
            }
            chunk.values.extend_from_slice(now)?;
            values = later;
        }
        Ok(())
    }

    /// The last chunk, or a new one where that is full or of the other kind.
    fn open(&mut self, grouped: bool) -> Result<&mut Chunk<I>> {
        let fits = |chunk: &Chunk<I>| chunk.groups.is_some() == grouped && chunk.values.len() < CHUNK_VALUES;
        let at = match self.chunks.last() {
            Some(last) if fits(last) => self.chunks.len() - 1,
            last => {
                let (mut values, mut groups) = (Lanes::new(&self.memory)?, Lanes::new(&self.memory)?);
                if last.is_some() {
                    values.reserve(CHUNK_VALUES)?;
                    groups.reserve(if grouped { CHUNK_VALUES } else { 0 })?;
                }
                self.chunks.push(Chunk { values, groups: grouped.then_some(groups) });
                self.chunks.len() - 1
            }
        };
        Ok(&mut self.chunks[at])
    }

    /// Takes over what another one holds: its group `i` is `group_indices[i]` here.
    pub(in crate::aggregate) fn append(&mut self, other: Self, group_indices: &[u32]) -> Result<()> {
        let first = group_indices.first().copied().unwrap_or(0);
        for mut chunk in other.chunks {
            match &mut chunk.groups {
                Some(groups) => groups.iter_mut().for_each(|group| *group = group_indices[*group as usize]),
                None if first != 0 => chunk.groups = Some(Lanes::filled(&self.memory, chunk.values.len(), first)?),
                None => {}
            }
            self.chunks.push(chunk);
        }
        Ok(())
    }

    /// Where the values of each group begin when all lie beside each other, and at the end how many there are.
    pub(in crate::aggregate) fn starts(&self, group_count: usize) -> Vec<usize> {
        let mut starts = vec![0; group_count + 1];
        for chunk in &self.chunks {
            match &chunk.groups {
                Some(groups) => groups.iter().for_each(|&group| starts[group as usize + 1] += 1),
                None if group_count == 0 => {}
                None => starts[1] += chunk.values.len(),
            }
        }
        for group in 0..group_count {
            starts[group + 1] += starts[group];
        }
        starts
    }

    /// The values of some groups beside each other: those of group `g` begin at `starts[g] - starts[groups.start]`.
    pub(in crate::aggregate) fn gather(&self, groups: &Range<usize>, starts: &[usize]) -> Result<Lanes<I>> {
        let (base, count) = (starts[groups.start], groups.len());
        let all = starts[groups.end] - base;
        // Values of other groups go to the place after the last, so that no branch depends on the data.
        let mut out = Lanes::<I>::for_overwrite(&self.memory, all + 1)?;
        let mut next: Vec<usize> = starts[groups.clone()].iter().map(|start| start - base).collect();
        next.push(all);
        for chunk in &self.chunks {
            match &chunk.groups {
                Some(held) => {
                    for (&value, &group) in chunk.values.iter().zip(&held[..]) {
                        let slot = (group as usize).wrapping_sub(groups.start).min(count);
                        out[next[slot]] = value;
                        next[slot] += usize::from(slot < count);
                    }
                }
                None if groups.contains(&0) => {
                    let after = next[0] + chunk.values.len();
                    out[next[0]..after].copy_from_slice(&chunk.values);
                    next[0] = after;
                }
                None => {}
            }
        }
        out.truncate(all);
        Ok(out)
    }
}
