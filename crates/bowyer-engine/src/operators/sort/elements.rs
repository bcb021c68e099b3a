// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Elements into order, on all threads of the query.
//!
//! A sample gives splitters, by which elements are dealt into buckets that fit the second-level cache; each bucket is
//! then sorted by itself. Elements are total, so the order is stable and buckets are even whatever the keys are; only
//! where codes are not exact are rows with equal codes kept in one bucket, since they are still to be compared.

use bowyer_core::Result;
use bowyer_core::lanes::Lanes;
use rayon::prelude::*;

use super::layout::Element;
use super::ties::Ties;
use crate::operators::TaskContext;

/// Elements that are sorted by one thread at a time.
const BUCKET_ROWS: usize = 1 << 15;
const MOST_BUCKETS: usize = 1 << 9;
/// A bucket of more elements than this is sorted by several threads.
const LARGE_BUCKET: usize = 1 << 18;
/// Elements of the sample for each splitter.
const OVERSAMPLING: usize = 16;

/// What elements are made of.
pub(super) struct Form<'a> {
    pub(super) id_bits: u32,
    /// How rows with equal codes compare; none when equal codes are equal keys.
    pub(super) ties: Option<&'a Ties<'a>>,
}

/// The first `limit` rows of `elements`, in order.
pub(super) fn in_order<E: Element>(
    mut elements: Lanes<E>,
    form: &Form<'_>,
    limit: usize,
    context: &TaskContext,
) -> Result<Lanes<u32>> {
    let mut ids = Lanes::<u32>::for_overwrite(&context.memory, elements.len().min(limit))?;
    let bucket_count = (elements.len() / BUCKET_ROWS).next_power_of_two().min(MOST_BUCKETS);
    let sorted = elements.par_chunks(LARGE_BUCKET).all(|chunk| chunk.is_sorted())
        && elements.chunks(LARGE_BUCKET).zip(elements.chunks(LARGE_BUCKET).skip(1)).all(|(a, b)| a.last() <= b.first());
    if sorted && form.ties.is_none() {
        let ids = &mut ids[..];
        ids.par_chunks_mut(LARGE_BUCKET).zip(elements.par_chunks(LARGE_BUCKET)).for_each(|(ids, elements)| {
            write_ids(elements, form, ids);
        });
    } else if bucket_count < 2 {
        settle(&mut elements, form, &mut ids, context)?;
    } else {
        let splitters = Splitters::sample(&elements, bucket_count, form);
        let (mut elements, lens) = deal(elements, &splitters, form, context)?;
        let (mut elements, mut ids) = (&mut elements[..], &mut ids[..]);
        let mut buckets = Vec::with_capacity(bucket_count);
        for len in lens {
            let (bucket, rest) = std::mem::take(&mut elements).split_at_mut(len);
            let wanted = len.min(ids.len());
            let (bucket_ids, rest_ids) = std::mem::take(&mut ids).split_at_mut(wanted);
            buckets.push((bucket, bucket_ids));
            (elements, ids) = (rest, rest_ids);
        }
        buckets.into_par_iter().try_for_each(|(bucket, ids)| settle(bucket, form, ids, context))?;
    }
    Ok(ids)
}

/// Sorts a bucket of which `ids` are wanted.
fn settle<E: Element>(bucket: &mut [E], form: &Form<'_>, ids: &mut [u32], context: &TaskContext) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    context.check()?;
    if bucket.len() > LARGE_BUCKET {
        bucket.par_sort_unstable();
    } else {
        bucket.sort_unstable();
    }
    if let Some(ties) = form.ties {
        ties.settle(bucket, form.id_bits, context)?;
    }
    write_ids(bucket, form, ids);
    Ok(())
}

fn write_ids<E: Element>(elements: &[E], form: &Form<'_>, ids: &mut [u32]) {
    for (id, element) in ids.iter_mut().zip(elements) {
        *id = element.id(form.id_bits);
    }
}

/// A search tree over splitters, laid out breadth first so that it is walked without a branch.
struct Splitters<E> {
    tree: Vec<E>,
    levels: u32,
}

impl<E: Element> Splitters<E> {
    fn sample(elements: &[E], bucket_count: usize, form: &Form<'_>) -> Self {
        let sample_count = bucket_count * OVERSAMPLING;
        let step = elements.len() / sample_count;
        // Places that follow no rhythm of the input: a multiple of an odd number within each step.
        let place = |index: usize| index * step + index.wrapping_mul(0x9e37_79b9) % step.max(1);
        let mut sample: Vec<E> = (0..sample_count).map(|index| part(elements[place(index)], form)).collect();
        sample.sort_unstable();
        let levels = bucket_count.trailing_zeros();
        let mut tree = vec![sample[0]; bucket_count];
        for (node, splitter) in tree.iter_mut().enumerate().skip(1) {
            // The node's place among the splitters in order.
            let depth = node.ilog2();
            let width = bucket_count >> depth;
            let rank = (node - (1 << depth)) * width + width / 2;
            *splitter = sample[rank * OVERSAMPLING];
        }
        Self { tree, levels }
    }

    #[inline]
    fn bucket(&self, element: E) -> usize {
        let mut node = 1;
        for _ in 0..self.levels {
            node = 2 * node + usize::from(element > self.tree[node]);
        }
        node - self.tree.len()
    }
}

/// What elements are dealt by: all of them, or their codes where rows with equal ones stay together.
#[inline]
fn part<E: Element>(element: E, form: &Form<'_>) -> E {
    if form.ties.is_some() { element.codes(form.id_bits) } else { element }
}

/// The elements bucket by bucket, in their order within each, and how many each bucket has.
fn deal<E: Element>(
    elements: Lanes<E>,
    splitters: &Splitters<E>,
    form: &Form<'_>,
    context: &TaskContext,
) -> Result<(Lanes<E>, Vec<usize>)> {
    let memory = &context.memory;
    let bucket_count = splitters.tree.len();
    let chunk_rows = elements.len().div_ceil(16 * context.threads.max(1)).max(1 << 16);
    let mut classes = Lanes::<u16>::for_overwrite(memory, elements.len())?;
    let counts: Vec<Vec<usize>> = elements
        .par_chunks(chunk_rows)
        .zip(classes.par_chunks_mut(chunk_rows))
        .map(|(elements, classes)| {
            context.check()?;
            let mut counts = vec![0; bucket_count];
            for (element, class) in elements.iter().zip(classes) {
                let bucket = splitters.bucket(part(*element, form));
                counts[bucket] += 1;
                *class = bucket as u16;
            }
            Ok(counts)
        })
        .collect::<Result<_>>()?;
    let mut dealt = Lanes::<E>::for_overwrite(memory, elements.len())?;
    let lens = (0..bucket_count).map(|bucket| counts.iter().map(|counts| counts[bucket]).sum()).collect();
    let mut targets: Vec<Vec<_>> = counts.iter().map(|_| Vec::with_capacity(bucket_count)).collect();
    let mut rest = &mut dealt[..];
    for bucket in 0..bucket_count {
        for (counts, targets) in counts.iter().zip(&mut targets) {
            let (target, after) = std::mem::take(&mut rest).split_at_mut(counts[bucket]);
            targets.push(target.iter_mut());
            rest = after;
        }
    }
    elements.par_chunks(chunk_rows).zip(classes.par_chunks(chunk_rows)).zip(targets).try_for_each(
        |((elements, classes), mut targets)| -> Result<()> {
            context.check()?;
            for (element, class) in elements.iter().zip(classes) {
                if let Some(target) = targets[*class as usize].next() {
                    *target = *element;
                }
            }
            Ok(())
        },
    )?;
    Ok((dealt, lens))
}
