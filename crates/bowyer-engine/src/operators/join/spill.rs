// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Joins whose build side does not fit memory: both sides are dealt to files by the hash of their keys, and files with
//! the same keys are joined by themselves, one pair after the other.
//!
//! Whether that is so is known when the build side has ended, before the first probe row comes. Probes then give nothing;
//! [`FiledRows`], in a pipeline of its own that runs when all of them are through, gives the result. A build file that
//! does not fit is dealt once more, and its probe file too; rows of one key stay together and have to fit.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arrow_array::{Array, RecordBatch};
use arrow_schema::SchemaRef;
use bowyer_core::group::KeysInPlace;
use bowyer_core::keys::KeyOptions;
use bowyer_core::lanes::Lanes;
use bowyer_core::{Charge, Error, ErrorCode, Memory, Result};

use super::build::{JoinBuild, Kept};
use super::keys::JoinKeys;
use super::probe::{JoinProbe, Probe};
use super::unmatched::UnmatchedRows;
use crate::operators::{Output, Rest, Stage, TaskContext};
use crate::spill::Spilled;
use crate::spill::deal::{Deal, Dealt, DealtRows, LEVELS, batch_bytes, file_bits};

/// What a row takes beside its columns, about: its place in a table, and in the order of what a residual compares.
const KEY_ROW_BYTES: u64 = 16;
const RANGE_ROW_BYTES: u64 = 64;

/// What a join needs for files.
pub(super) struct Files {
    keys: KeysInPlace,
    /// Whether build rows go to files from here on.
    begun: AtomicBool,
    /// The bytes of the build rows that tasks hold.
    held_bytes: AtomicU64,
    has_null_key: AtomicBool,
    row_count: AtomicU64,
    /// The build rows, once they are in files.
    built: OnceLock<Mutex<Vec<Pair>>>,
    /// Deals of probe rows that no task uses.
    probes: Mutex<Vec<Deal>>,
    spilled: Arc<Spilled>,
}

/// The rows of some keys, all that there are.
struct Pair {
    build: Vec<Dealt>,
    probe: Vec<Dealt>,
    level: u32,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An error of a row that no longer stands where it stood.
fn without_row(mut error: Error) -> Error {
    error.place_mut().row = None;
    error
}

impl Files {
    /// For keys of these types.
    pub(super) fn new(keys: &JoinKeys) -> Result<Self> {
        Ok(Self {
            keys: KeysInPlace::new(keys.types(), KeyOptions::default())?,
            begun: AtomicBool::new(false),
            held_bytes: AtomicU64::new(0),
            has_null_key: AtomicBool::new(false),
            row_count: AtomicU64::new(0),
            built: OnceLock::new(),
            probes: Mutex::default(),
            spilled: Arc::default(),
        })
    }

    pub(super) fn spilled(&self) -> &Spilled {
        &self.spilled
    }

    /// Whether the build rows are in files.
    pub(super) fn are_used(&self) -> bool {
        self.built.get().is_some()
    }

    /// Deals rows of one side.
    fn put(&self, deal: &mut Deal, keys: &JoinKeys, batch: &RecordBatch, context: &TaskContext) -> Result<()> {
        let columns = keys.of(batch, &context.memory)?;
        let mut hashes = Lanes::<u64>::for_overwrite(&context.memory, batch.num_rows())?;
        self.keys.hash(&columns, &mut hashes)?;
        deal.add(batch, &hashes, 0, &self.spilled, context)
    }

    fn deal(&self, schema: &SchemaRef, level: u32, context: &TaskContext) -> Result<Deal> {
        Deal::new(schema, level, file_bits(context), context)
    }
}

/// Build rows of one task.
#[derive(Default)]
pub(super) struct FiledRowsOfTask {
    deal: Option<Deal>,
    charge: Option<Charge>,
    bytes: u64,
}

impl JoinBuild {
    /// Takes build rows to files if memory has no room for them and those before them; gives them back if it has.
    pub(super) fn file(
        &self,
        task: &mut FiledRowsOfTask,
        kept: &mut Vec<Kept>,
        unpaid_bytes: usize,
        batch: RecordBatch,
        context: &TaskContext,
    ) -> Result<Option<RecordBatch>> {
        let Some(files) = self.files(context) else { return Ok(Some(batch)) };
        let bytes = batch_bytes(&batch)? as u64;
        let nulls = self.keys().of(&batch, &context.memory)?.iter().any(|key| key.logical_null_count() > 0);
        files.has_null_key.fetch_or(nulls, Ordering::Relaxed);
        files.row_count.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
        if !files.begun.load(Ordering::Relaxed) {
            let held = files.held_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
            task.bytes += bytes;
            if self.fits(held, files.row_count.load(Ordering::Relaxed), context)
                && task.pays(unpaid_bytes, &context.memory)?
            {
                return Ok(Some(batch));
            }
            files.begun.store(true, Ordering::Relaxed);
        }
        self.file_all(task, kept, context)?;
        match &mut task.deal {
            Some(deal) => files.put(deal, self.keys(), &batch, context).map(|()| None),
            None => Err(Error::internal("rows without a file")),
        }
    }

    /// Takes what a task holds to files.
    fn file_all(&self, task: &mut FiledRowsOfTask, kept: &mut Vec<Kept>, context: &TaskContext) -> Result<()> {
        let Some(files) = self.files(context) else { return Ok(()) };
        let deal = match &mut task.deal {
            Some(deal) => deal,
            none => none.insert(files.deal(self.schema(), 1, context)?),
        };
        for (_, batch, _) in kept.drain(..) {
            files.put(deal, self.keys(), &batch, context)?;
        }
        task.charge = None;
        Ok(())
    }

    /// Ends the build side in files, if rows went there or a table would not fit; says whether it did.
    pub(super) fn finish_files(
        &self,
        tasks: &mut [(FiledRowsOfTask, Vec<Kept>)],
        context: &TaskContext,
    ) -> Result<bool> {
        let Some(files) = self.files(context) else { return Ok(false) };
        let held = files.held_bytes.load(Ordering::Relaxed);
        let rows = files.row_count.load(Ordering::Relaxed);
        if !files.begun.load(Ordering::Relaxed) && self.fits(held, rows, context) {
            return Ok(false);
        }
        let mut deals = Vec::new();
        for (task, kept) in tasks {
            self.file_all(task, kept, context)?;
            if let Some(deal) = task.deal.take() {
                deals.push(deal.finish(&files.spilled, context)?);
            }
        }
        let built = Mutex::new(pairs(deals, Vec::new(), 1));
        files.built.set(built).map_err(|_| Error::internal("a join was built twice"))?;
        Ok(true)
    }

    /// Takes probe rows to files; says whether the build side is there.
    pub(super) fn file_probe(&self, keys: &JoinKeys, batch: &RecordBatch, context: &TaskContext) -> Result<bool> {
        let Some(files) = self.files(context).filter(|files| files.are_used()) else { return Ok(false) };
        let deal = lock(&files.probes).pop();
        let mut deal = match deal {
            Some(deal) => deal,
            None => files.deal(&batch.schema(), 1, context)?,
        };
        files.put(&mut deal, keys, batch, context)?;
        lock(&files.probes).push(deal);
        Ok(true)
    }

    /// Whether a table of so many rows fits memory: they are copied, and their keys put into a table.
    fn fits(&self, bytes: u64, rows: u64, context: &TaskContext) -> bool {
        let ranges = self.residual().is_some_and(|residual| !residual.inequalities().is_empty());
        let needed = bytes.saturating_mul(2) + rows * if ranges { RANGE_ROW_BYTES } else { KEY_ROW_BYTES };
        context.memory.available_bytes().is_none_or(|available| needed + available / 4 < available)
    }

    /// The table of one file.
    fn part(&self, batches: &[RecordBatch], files: &Files, context: &TaskContext) -> Result<Arc<Self>> {
        let keys = batches.iter().map(|batch| self.keys().of(batch, &context.memory)).collect::<Result<Vec<_>>>()?;
        let rows = usize::try_from(files.row_count.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        self.with_table(batches, &keys, (rows, files.has_null_key.load(Ordering::Relaxed)), context)
    }
}

impl FiledRowsOfTask {
    /// Charges rows that nobody else is charged for; says whether there is so much.
    fn pays(&mut self, unpaid_bytes: usize, memory: &Memory) -> Result<bool> {
        let charged = match &mut self.charge {
            Some(charge) => charge.resize(charge.bytes() + unpaid_bytes),
            none => memory.charge(unpaid_bytes).map(|charge| *none = Some(charge)),
        };
        match charged {
            Err(error) if error.code() == ErrorCode::MemoryLimit => Ok(false),
            other => other.map(|()| true),
        }
    }
}

/// The files of both sides, by file.
fn pairs(build: Vec<Vec<Option<Dealt>>>, probe: Vec<Vec<Option<Dealt>>>, level: u32) -> Vec<Pair> {
    let count = build.iter().chain(&probe).map(Vec::len).max().unwrap_or(0);
    let mut pairs: Vec<Pair> = (0..count).map(|_| Pair { build: Vec::new(), probe: Vec::new(), level }).collect();
    for deal in build {
        pairs.iter_mut().zip(deal).for_each(|(pair, dealt)| pair.build.extend(dealt));
    }
    for deal in probe {
        pairs.iter_mut().zip(deal).for_each(|(pair, dealt)| pair.probe.extend(dealt));
    }
    pairs
}

/// Gives, for any batch, what a join gives when its probe rows are through: all of it where the rows are in files, else
/// the build rows without a partner if the join keeps those.
pub(crate) struct FiledRows {
    probe: Arc<Probe>,
    input: SchemaRef,
    unmatched: Option<Arc<UnmatchedRows>>,
}

impl FiledRows {
    /// Of a join with this probe side, whose rows have the schema `input`.
    pub(crate) fn new(probe: &JoinProbe, input: SchemaRef, unmatched: Option<UnmatchedRows>) -> Self {
        Self { probe: probe.probe(), input, unmatched: unmatched.map(Arc::new) }
    }
}

impl Stage for FiledRows {
    fn schema(&self) -> SchemaRef {
        self.probe.schema().clone()
    }

    fn apply(&self, batch: RecordBatch, context: &TaskContext) -> Result<Output> {
        let files = self.probe.build().files(context);
        let Some((files, built)) = files.and_then(|files| Some((files, files.built.get()?))) else {
            return match &self.unmatched {
                Some(unmatched) => unmatched.apply(batch, context),
                None => Ok(Output::default()),
            };
        };
        let mut probes = Vec::new();
        let deals = std::mem::take(&mut *lock(&files.probes));
        for deal in deals {
            probes.push(deal.finish(&files.spilled, context)?);
        }
        let mut queue = std::mem::take(&mut *lock(built));
        for (pair, probed) in queue.iter_mut().zip(pairs(Vec::new(), probes, 1)) {
            pair.probe = probed.probe;
        }
        let keeps_build = self.unmatched.is_some();
        let input = self.input.clone();
        let joining = Joining { probe: self.probe.clone(), input, keeps_build, queue, current: None };
        Box::new(joining).next(context)
    }

    fn trace(&self, _: &RecordBatch, _: usize, _: &TaskContext) -> Result<usize> {
        Err(Error::internal("a row of files comes from no row that passed by"))
    }
}

/// Pairs of files that are joined when their rows are asked for.
struct Joining {
    probe: Arc<Probe>,
    input: SchemaRef,
    keeps_build: bool,
    queue: Vec<Pair>,
    current: Option<Current>,
}

/// The pair of files that is joined now.
struct Current {
    probe: JoinProbe,
    files: Vec<Dealt>,
    rows: Option<DealtRows>,
    batches: Vec<RecordBatch>,
    /// What follows of the last batch.
    rest: Option<Box<dyn Rest>>,
    unmatched: Option<UnmatchedRows>,
}

impl Current {
    /// The next rows of the pair; `None` when that was all.
    fn next(&mut self, input: &SchemaRef, context: &TaskContext) -> Result<Option<RecordBatch>> {
        loop {
            context.check()?;
            let output = if let Some(rest) = self.rest.take() {
                rest.next(context)?
            } else if let Some(batch) = self.batches.pop() {
                self.probe.apply(batch, context)?
            } else if let Some(rows) = &mut self.rows {
                match rows.next(input, context)? {
                    Some(runs) => self.batches = runs.into_iter().map(|(_, batch)| batch).collect(),
                    None => self.rows = None,
                }
                continue;
            } else if let Some(file) = self.files.pop() {
                self.rows = Some(file.into_rows(&context.memory)?);
                continue;
            } else if let Some(unmatched) = self.unmatched.take() {
                unmatched.apply(RecordBatch::new_empty(input.clone()), context)?
            } else {
                return Ok(None);
            };
            self.rest = output.rest;
            if output.batch.is_some() {
                return Ok(output.batch);
            }
        }
    }
}

impl Joining {
    /// Reads the build side of a pair; deals both once more where it does not fit.
    fn open(&mut self, mut pair: Pair, files: &Files, context: &TaskContext) -> Result<Option<Current>> {
        let build = self.probe.build();
        let bytes = pair.build.iter().map(|dealt| dealt.bytes).sum();
        let rows = pair.build.iter().map(|dealt| dealt.rows).sum();
        if !build.fits(bytes, rows, context) && pair.level < LEVELS {
            self.deal_again(pair, files, context)?;
            return Ok(None);
        }
        let mut batches = Vec::new();
        for dealt in std::mem::take(&mut pair.build) {
            let mut rows = dealt.into_rows(&context.memory)?;
            while let Some(runs) = rows.next(build.schema(), context)? {
                batches.extend(runs.into_iter().map(|(_, batch)| batch));
            }
        }
        let part = build.part(&batches, files, context)?;
        drop(batches);
        let unmatched = self.keeps_build.then(|| self.probe.unmatched_of(part.clone()));
        let probe = self.probe.with_build(part);
        let files = pair.probe;
        Ok(Some(Current { probe, files, rows: None, batches: Vec::new(), rest: None, unmatched }))
    }

    fn deal_again(&mut self, pair: Pair, files: &Files, context: &TaskContext) -> Result<()> {
        let build = self.probe.build();
        let level = pair.level + 1;
        let again = |dealt: Vec<Dealt>, keys: &JoinKeys, schema: &SchemaRef| -> Result<_> {
            let mut deal = files.deal(schema, level, context)?;
            for dealt in dealt {
                let mut rows = dealt.into_rows(&context.memory)?;
                while let Some(runs) = rows.next(schema, context)? {
                    for (_, batch) in runs {
                        files.put(&mut deal, keys, &batch, context)?;
                    }
                }
            }
            deal.finish(&files.spilled, context)
        };
        let rows: u64 = pair.build.iter().map(|dealt| dealt.rows).sum();
        let built = again(pair.build, build.keys(), build.schema())?;
        let probed = again(pair.probe, self.probe.keys(), &self.input)?;
        for mut pair in pairs(vec![built], vec![probed], level) {
            // Rows of one key stay together, however often they are dealt.
            if pair.build.iter().any(|dealt| dealt.rows == rows) {
                pair.level = LEVELS;
            }
            self.queue.push(pair);
        }
        Ok(())
    }

    fn step(&mut self, context: &TaskContext) -> Result<Option<RecordBatch>> {
        let probe = self.probe.clone();
        let files = probe.build().files(context).ok_or_else(|| Error::internal("a join without files"))?;
        loop {
            if let Some(current) = &mut self.current {
                if let Some(batch) = current.next(&self.input, context)? {
                    return Ok(Some(batch));
                }
                self.current = None;
            }
            let Some(pair) = self.queue.pop() else { return Ok(None) };
            if !pair.build.is_empty() || !pair.probe.is_empty() {
                self.current = self.open(pair, files, context)?;
            }
        }
    }
}

impl Rest for Joining {
    fn next(mut self: Box<Self>, context: &TaskContext) -> Result<Output> {
        let batch = self.step(context).map_err(without_row)?;
        let rest = batch.is_some().then_some(self as Box<dyn Rest>);
        Ok(Output { batch, rest })
    }
}
