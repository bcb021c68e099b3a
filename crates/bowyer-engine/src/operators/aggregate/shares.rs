// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Groups of which some rows are in files, file by file: no two files have a key in common.
//!
//! The groups that tasks held become one table, which takes in the rows that it knows of each file; the rest of a file is
//! grouped alone. Groups that were kept by hash join their file instead. A file that is too large is dealt once more, or,
//! where groups are few however many rows it has, goes through a table. Several files are done at a time, by tasks of
//! their own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::RecordBatch;
use bowyer_core::Result;

use super::scattered::Course;
use super::spill::without_row;
use super::{HashAggregate, Local};
use crate::operators::{Finished, Results, TaskContext};
use crate::spill::deal::{Deal, Dealt, LEVELS, file_bits, joined};

/// What a limit has to have room for, for each share that is grouped beside others.
const SHARE_BYTES: u64 = 16 << 20;

/// The rows of some keys, all that there are, and what tasks have of them.
struct Share {
    dealt: Vec<Dealt>,
    parts: Vec<Local>,
    level: u32,
}

impl Share {
    fn bytes(&self) -> u64 {
        self.dealt.iter().map(|dealt| dealt.bytes).sum()
    }
}

/// What several tasks have put aside, by file.
fn shares(deals: Vec<Vec<Option<Dealt>>>, level: u32) -> Vec<Share> {
    let files = deals.first().map_or(0, Vec::len);
    let mut shares: Vec<Share> = (0..files).map(|_| Share { dealt: Vec::new(), parts: Vec::new(), level }).collect();
    for deal in deals {
        for (share, dealt) in shares.iter_mut().zip(deal) {
            share.dealt.extend(dealt);
        }
    }
    shares
}

/// Groups of which some rows are in files.
struct Spillage {
    aggregate: HashAggregate,
    /// The groups of all tasks' tables, until they are given.
    known: Mutex<Option<Local>>,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    shares: Vec<Share>,
    ready: VecDeque<RecordBatch>,
}

/// What a share came to: groups, and rows that were dealt once more.
type Grouped = (Vec<RecordBatch>, Vec<Share>);

impl HashAggregate {
    /// Whether what was scattered had better go to files, since its groups would not fit beside it.
    pub(super) fn is_too_much(&self, context: &TaskContext) -> bool {
        let available = context.memory.available_bytes();
        self.can_spill(context) && available.is_some_and(|bytes| bytes < context.memory.used_bytes() / 2 * 3)
    }

    /// The results when some tasks have put rows aside.
    pub(super) fn finish_spilled(&self, mut locals: Vec<Local>, context: &TaskContext) -> Result<Finished> {
        let mut deals = Vec::new();
        for local in &mut locals {
            if self.scattering.course() == Course::Scatter && local.deal.is_none() {
                self.overflow(local, context)?;
            }
            if let Some(deal) = local.deal.take() {
                deals.push(deal.finish(&self.spilled, context)?);
            }
        }
        let mut shares = shares(deals, 1);
        for local in &mut locals {
            let parts = std::mem::take(&mut local.parts);
            if shares.is_empty() {
                shares.extend((0..parts.len()).map(|_| Share { dealt: Vec::new(), parts: Vec::new(), level: 1 }));
            }
            shares.iter_mut().zip(parts).for_each(|(share, part)| share.parts.push(part));
        }
        let known = if self.grows { None } else { Some(self.merged(locals, context)?) };
        let queue = Mutex::new(Queue { shares, ready: VecDeque::new() });
        Ok(Finished::Results(Arc::new(Spillage { aggregate: self.detached()?, known: Mutex::new(known), queue })))
    }

    /// Whether all rows of a share can be grouped at once.
    fn fits(&self, share: &Share, context: &TaskContext) -> bool {
        share.bytes() <= budget(context)
    }
}

/// How many shares are grouped at a time: tables take some room even where rows are few.
fn shares_at_once(context: &TaskContext) -> usize {
    let limit = context.memory.tightest_limit_bytes().unwrap_or(u64::MAX);
    let most = usize::try_from(limit / SHARE_BYTES).unwrap_or(usize::MAX);
    context.threads.min(most).max(1)
}

/// The bytes of rows that a share may have to be grouped at once: groups and results take as much once more or twice, and
/// other tasks do the same.
fn budget(context: &TaskContext) -> u64 {
    let limit = context.memory.tightest_limit_bytes().unwrap_or(u64::MAX);
    limit / (6 * context.threads.max(1) as u64)
}

impl Spillage {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows of a batch whose groups no task had.
    fn unknown(&self, share: &Share, position: u64, batch: RecordBatch, context: &TaskContext) -> Result<RecordBatch> {
        // Rows that were dealt again were asked for before.
        if share.level > 1 {
            return Ok(batch);
        }
        match self.known.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(known) => self.aggregate.consume_known(known, &batch, position, &context.memory),
            None => Ok(batch),
        }
    }

    fn group(&self, share: Share, context: &TaskContext) -> Result<Grouped> {
        let fits = self.aggregate.fits(&share, context);
        let grouped = if self.aggregate.grows {
            if fits || share.level >= LEVELS { self.merge(share, context) } else { self.deal_again(share, context) }
        } else if fits && self.aggregate.scattering.course() == Course::Open {
            self.group_at_once(share, context)
        } else {
            self.group_by_table(share, context)
        };
        grouped.map_err(without_row)
    }

    /// Groups all rows where they lie.
    fn group_at_once(&self, mut share: Share, context: &TaskContext) -> Result<Grouped> {
        let aggregate = &self.aggregate;
        let mut runs = Vec::new();
        for dealt in std::mem::take(&mut share.dealt) {
            let mut rows = dealt.into_rows(&context.memory)?;
            while let Some(next) = rows.next(&aggregate.input, context)? {
                for (position, batch) in next {
                    runs.push((position, self.unknown(&share, position, batch, context)?));
                }
            }
        }
        runs.retain(|(_, batch)| batch.num_rows() > 0);
        if runs.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        runs.sort_by_key(|(position, _)| *position);
        let batches: Vec<RecordBatch> = runs.into_iter().map(|(_, batch)| batch).collect();
        let rows = joined(&aggregate.input, &batches, &context.memory)?;
        drop(batches);
        let hashes = aggregate.hashes(&rows, &context.memory)?;
        Ok((aggregate.group_in_place(rows, &hashes, context)?, Vec::new()))
    }

    /// Groups rows by a table, which puts those aside for which it has no room.
    fn group_by_table(&self, mut share: Share, context: &TaskContext) -> Result<Grouped> {
        let aggregate = &self.aggregate;
        let mut local = aggregate.new_local(&context.memory)?;
        for dealt in std::mem::take(&mut share.dealt) {
            let mut rows = dealt.into_rows(&context.memory)?;
            while let Some(next) = rows.next(&aggregate.input, context)? {
                for (position, batch) in next {
                    let batch = self.unknown(&share, position, batch, context)?;
                    let full = local.byte_len() as u64 > budget(context) && share.level < LEVELS;
                    if full && local.deal.is_none() {
                        let deal = Deal::new(&aggregate.input, share.level + 1, file_bits(context), context)?;
                        local.deal = Some(deal);
                    }
                    match &local.deal {
                        Some(_) => aggregate.consume_full(&mut local, &batch, position, context)?,
                        None => aggregate.consume_morsel(&mut local, &batch, position, context)?,
                    }
                }
            }
        }
        let deal = local.deal.take().map(|deal| deal.finish(&aggregate.spilled, context)).transpose()?;
        let more = shares(deal.into_iter().collect(), share.level + 1);
        Ok((aggregate.results(local, true, context)?, more))
    }

    /// Groups the rows of each task as it would have done, and puts them together with what it held.
    fn merge(&self, share: Share, context: &TaskContext) -> Result<Grouped> {
        let aggregate = &self.aggregate;
        let mut locals = share.parts;
        for dealt in share.dealt {
            let mut local = aggregate.new_local(&context.memory)?;
            let mut rows = dealt.into_rows(&context.memory)?;
            while let Some(next) = rows.next(&aggregate.input, context)? {
                for (position, batch) in next {
                    aggregate.consume_morsel(&mut local, &batch, position, context)?;
                }
            }
            locals.push(local);
        }
        let merged = aggregate.merged(locals, context)?;
        Ok((aggregate.results(merged, true, context)?, Vec::new()))
    }

    /// Deals the rows of a share to files once more, but for those of groups that tasks held.
    fn deal_again(&self, share: Share, context: &TaskContext) -> Result<Grouped> {
        let aggregate = &self.aggregate;
        let mut held = aggregate.merged(share.parts, context)?;
        let mut deal = Deal::new(&aggregate.input, share.level + 1, file_bits(context), context)?;
        let mut dealt_rows = 0;
        for dealt in share.dealt {
            let mut rows = dealt.into_rows(&context.memory)?;
            // Rows of one task, in order.
            let mut more = aggregate.new_local(&context.memory)?;
            while let Some(next) = rows.next(&aggregate.input, context)? {
                for (position, batch) in next {
                    let (known, unknown) = aggregate.split_known(&mut held, &batch, &context.memory)?;
                    aggregate.consume_morsel(&mut more, &known, position, context)?;
                    dealt_rows += unknown.num_rows() as u64;
                    aggregate.put_aside(&mut deal, &unknown, position, context)?;
                }
            }
            aggregate.merge(&mut held, more, context)?;
        }
        let mut more = shares(vec![deal.finish(&aggregate.spilled, context)?], share.level + 1);
        for share in &mut more {
            // Rows of one key stay together, however often they are dealt.
            if share.dealt.iter().any(|dealt| dealt.rows == dealt_rows) {
                share.level = LEVELS;
            }
        }
        Ok((aggregate.results(held, true, context)?, more))
    }
}

impl Results for Spillage {
    fn next(&self, _: u64, context: &TaskContext) -> Result<Option<RecordBatch>> {
        loop {
            let shares = {
                let mut queue = self.queue();
                if let Some(batch) = queue.ready.pop_front() {
                    return Ok(Some(batch));
                }
                queue.shares.retain(|share| !share.dealt.is_empty() || !share.parts.is_empty());
                let first = queue.shares.len().saturating_sub(shares_at_once(context));
                queue.shares.split_off(first)
            };
            if shares.is_empty() {
                let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).take();
                let Some(known) = known else { return Ok(None) };
                self.queue().ready = self.aggregate.results(known, true, context)?.into();
                continue;
            }
            let grouped: Mutex<Vec<Result<Grouped>>> = Mutex::default();
            rayon::scope(|scope| {
                for share in shares {
                    let grouped = &grouped;
                    scope.spawn(move |_| {
                        let result = self.group(share, context);
                        grouped.lock().unwrap_or_else(PoisonError::into_inner).push(result);
                    });
                }
            });
            for result in grouped.into_inner().unwrap_or_else(PoisonError::into_inner) {
                let (batches, more) = result?;
                let mut queue = self.queue();
                queue.ready.extend(batches);
                queue.shares.extend(more);
            }
        }
    }

    fn tasks(&self) -> usize {
        1
    }
}
