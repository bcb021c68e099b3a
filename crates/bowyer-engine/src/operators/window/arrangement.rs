// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Rows brought together by partition and put in order within each.
//!
//! Rows are dealt to their partitions by counting, each as one element of its order's prefix and its number, and each
//! partition is sorted on its own: many small sorts in the cache instead of one large one. Partitions come in the order
//! of their numbers, which says nothing; chunks are runs of whole partitions that one task works on.

use arrow_array::RecordBatch;
use bowyer_core::{Charge, Error, Result};
use rayon::prelude::*;

use crate::operators::TaskContext;
use crate::operators::sort::order::{Order, Ties};

/// A chunk has at least so many rows, unless there are no more.
const CHUNK_ROWS: usize = 1 << 15;
/// Partitions of more rows than this are sorted by several tasks.
const LARGE_ROWS: usize = 1 << 16;

/// The rows of all tasks in the order of the input.
pub(super) struct Gathered {
    pub(super) batches: Vec<RecordBatch>,
    /// The number of each batch's first row.
    pub(super) firsts: Vec<usize>,
    pub(super) row_count: usize,
    /// The partition of each row; empty when there is one.
    partitions: Vec<u32>,
    partition_count: usize,
    _charges: Vec<Charge>,
}

impl Gathered {
    pub(super) fn new(
        batches: Vec<RecordBatch>,
        partitions: Vec<u32>,
        partition_count: usize,
        charges: Vec<Charge>,
    ) -> Result<Self> {
        let mut firsts = Vec::with_capacity(batches.len());
        let mut row_count = 0;
        for batch in &batches {
            firsts.push(row_count);
            row_count += batch.num_rows();
        }
        // The greatest number stands for no row.
        if row_count >= u32::MAX as usize - 1 {
            return Err(Error::limit_exceeded(format!("a window over {row_count} rows: more than 2^32 - 3")));
        }
        Ok(Self { batches, firsts, row_count, partitions, partition_count, _charges: charges })
    }
}

/// All rows, arranged.
pub(super) struct Arrangement {
    pub(super) chunks: Vec<Chunk>,
    /// Where each row of the input stands.
    pub(super) places: Vec<u32>,
    _charge: Charge,
}

/// Whole partitions, one after another.
pub(super) struct Chunk {
    /// The rows, by their numbers in the input.
    pub(super) rows: Vec<u32>,
    /// Whether each row begins a group of peers: rows that the order does not tell apart.
    fresh: Vec<bool>,
    /// Where each partition begins, and the end of the last.
    starts: Vec<usize>,
}

/// The rows of one partition in their order.
pub(super) struct Partition<'a> {
    pub(super) rows: &'a [u32],
    /// The group of peers of each row.
    pub(super) group_of: &'a [u32],
    /// Where each group begins, and the end of the last.
    pub(super) group_starts: &'a [u32],
}

impl Partition<'_> {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The first row of the peers of the row at `at`, and the one after the last.
    pub(super) fn peers(&self, at: usize) -> (usize, usize) {
        let group = self.group_of[at] as usize;
        (self.group_starts[group] as usize, self.group_starts[group + 1] as usize)
    }
}

impl Chunk {
    /// Calls `body` with each partition, until it fails.
    pub(super) fn each(&self, context: &TaskContext, mut body: impl FnMut(&Partition<'_>) -> Result<()>) -> Result<()> {
        let (mut group_of, mut group_starts) = (Vec::new(), Vec::new());
        let mut unchecked = 0;
        for bounds in self.starts.windows(2) {
            let (start, end) = (bounds[0], bounds[1]);
            group_of.clear();
            group_starts.clear();
            for (at, &fresh) in self.fresh[start..end].iter().enumerate() {
                if fresh {
                    group_starts.push(at as u32);
                }
                group_of.push(group_starts.len() as u32 - 1);
            }
            group_starts.push((end - start) as u32);
            body(&Partition { rows: &self.rows[start..end], group_of: &group_of, group_starts: &group_starts })?;
            unchecked += end - start;
            if unchecked >= LARGE_ROWS {
                context.check()?;
                unchecked = 0;
            }
        }
        Ok(())
    }
}

impl Arrangement {
    /// Arranges rows by partition and `order`; rows that are equal there stay in the order of the input.
    pub(super) fn new(rows: &Gathered, order: Option<&Order>, context: &TaskContext) -> Result<Self> {
        let row_bytes = if order.is_some() { 2 * size_of::<u128>() } else { 0 } + 3 * size_of::<u32>() + 1;
        let mut charge = context.memory.charge(rows.row_count * row_bytes)?;
        let starts = partition_starts(rows);
        let chunks = match order {
            None => unordered(rows, &starts),
            Some(order) => ordered(rows, &starts, order, context)?,
        };
        context.check()?;
        let mut places = vec![0; rows.row_count];
        let mut place = 0_u32;
        for chunk in &chunks {
            for &row in &chunk.rows {
                places[row as usize] = place;
                place += 1;
            }
        }
        charge.resize(rows.row_count * (2 * size_of::<u32>() + 1))?;
        Ok(Self { chunks, places, _charge: charge })
    }
}

/// Where each partition begins, and the end of the last.
fn partition_starts(rows: &Gathered) -> Vec<usize> {
    if rows.partitions.is_empty() {
        return vec![0, rows.row_count];
    }
    let mut starts = vec![0; rows.partition_count + 1];
    for &partition in &rows.partitions {
        starts[partition as usize + 1] += 1;
    }
    let mut total = 0;
    for start in &mut starts {
        total += *start;
        *start = total;
    }
    starts
}

/// Deals items, one for each row, to where their partitions begin.
fn dealt<T: Copy + Default>(items: Vec<T>, rows: &Gathered, starts: &[usize]) -> Vec<T> {
    if starts.len() == 2 {
        return items;
    }
    let mut next = starts.to_vec();
    let mut out = vec![T::default(); items.len()];
    for (item, &partition) in items.into_iter().zip(&rows.partitions) {
        let place = &mut next[partition as usize];
        out[*place] = item;
        *place += 1;
    }
    out
}

/// Runs of partitions with enough rows for a task.
fn runs(starts: &[usize]) -> Vec<&[usize]> {
    let mut runs = Vec::new();
    let mut first = 0;
    for at in 1..starts.len() {
        if starts[at] - starts[first] >= CHUNK_ROWS || at + 1 == starts.len() {
            runs.push(&starts[first..=at]);
            first = at;
        }
    }
    runs
}

fn unordered(rows: &Gathered, starts: &[usize]) -> Vec<Chunk> {
    let numbers = dealt((0..rows.row_count as u32).collect(), rows, starts);
    let chunk = |run: &[usize]| {
        let first = run[0];
        let len = run[run.len() - 1] - first;
        let mut fresh = vec![false; len];
        for &start in &run[..run.len() - 1] {
            if let Some(fresh) = fresh.get_mut(start - first) {
                *fresh = true;
            }
        }
        let rows = numbers[first..first + len].to_vec();
        Chunk { rows, fresh, starts: run.iter().map(|start| start - first).collect() }
    };
    runs(starts).into_par_iter().map(chunk).collect()
}

fn ordered(rows: &Gathered, starts: &[usize], order: &Order, context: &TaskContext) -> Result<Vec<Chunk>> {
    let elements = |(batch, first): (&RecordBatch, &usize)| {
        context.check()?;
        let mut elements = Vec::with_capacity(batch.num_rows());
        order.prefixes(batch, *first as u32, &mut elements)?;
        Ok(elements)
    };
    let parts: Vec<Vec<u128>> =
        rows.batches.par_iter().zip(rows.firsts.par_iter()).map(elements).collect::<Result<_>>()?;
    let mut elements = dealt(parts.concat(), rows, starts);
    let ties = if order.is_exact() { None } else { Some(order.rows(&rows.batches, &context.memory)?) };
    let mut rest = &mut elements[..];
    let mut work = Vec::new();
    for run in runs(starts) {
        let (own, after) = std::mem::take(&mut rest).split_at_mut(run[run.len() - 1] - run[0]);
        work.push((run, own));
        rest = after;
    }
    let chunk = |(run, elements): (&[usize], &mut [u128])| {
        context.check()?;
        Ok(sorted_chunk(run, elements, ties.as_ref()))
    };
    work.into_par_iter().map(chunk).collect()
}

/// Sorts the elements of each partition, and says where peers begin.
fn sorted_chunk(run: &[usize], elements: &mut [u128], ties: Option<&Ties>) -> Chunk {
    let starts: Vec<usize> = run.iter().map(|start| start - run[0]).collect();
    let keys = |a: u128, b: u128| {
        let by_rows = || ties.map_or(std::cmp::Ordering::Equal, |ties| ties.compare(a as u32, b as u32));
        (a >> 32).cmp(&(b >> 32)).then_with(by_rows)
    };
    let compare = |a: &u128, b: &u128| keys(*a, *b).then_with(|| (*a as u32).cmp(&(*b as u32)));
    let mut fresh = Vec::with_capacity(elements.len());
    for bounds in starts.windows(2) {
        let part = &mut elements[bounds[0]..bounds[1]];
        match (ties, part.len() > LARGE_ROWS) {
            (None, false) => part.sort_unstable(),
            (None, true) => part.par_sort_unstable(),
            (Some(_), false) => part.sort_unstable_by(compare),
            (Some(_), true) => part.par_sort_unstable_by(compare),
        }
        let mut before = None;
        for &element in part.iter() {
            fresh.push(before.is_none_or(|before| keys(before, element).is_ne()));
            before = Some(element);
        }
    }
    Chunk { rows: elements.iter().map(|&element| element as u32).collect(), fresh, starts }
}
