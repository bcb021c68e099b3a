// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Window functions: columns computed for each row from the rows of its partition.
//!
//! Tasks number the partitions of their rows by key; the finish merges the numbers, brings the rows of each partition
//! together and orders them ([`arrangement`]), and computes each function over runs of whole partitions in parallel.
//! Results go back to where the rows stood, so that the input's columns pass through untouched and in order. [`frame`]
//! finds the rows that a row sees; [`ranking`], [`pick`] and [`aggregate`] are the three kinds of functions. When
//! memory is short, partitions go to files by their hash ([`spill`]).

mod aggregate;
mod arrangement;
mod counted;
mod fold;
mod frame;
mod general;
mod pick;
mod ranking;
mod spill;
#[cfg(test)]
mod tests;
mod top;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{DataType, SchemaRef};
use bowyer_compute::Bound;
use bowyer_core::group::GroupTable;
use bowyer_core::keys::KeyOptions;
use bowyer_core::selection::Selection;
use bowyer_core::take::{Rows, concat, is_pooled, take};
use bowyer_core::{Charge, Error, Result};
use datafusion_common::ScalarValue;
use rayon::prelude::*;

use super::aggregate::{first_position, own, own_all};
use super::sort::order::Order;
use super::{Breaker, Finished, LocalState, Morsel, SortKey, TaskContext, strips};
use crate::spill::Spilled;
use crate::spill::deal::Deal;
use arrangement::{Arrangement, Chunk, Gathered};
use counted::Counted;
pub(crate) use frame::{Distance, Exclusion, Frame, Unit};
use spill::Files;
pub(crate) use top::MOST_ROWS;
use top::Top;

/// A function over a window.
#[derive(Clone, Debug)]
pub(crate) enum WindowFunction {
    /// The number of the row, from 1.
    RowNumber,
    /// One more than the number of rows before the peers.
    Rank,
    /// One more than the number of groups of peers before.
    DenseRank,
    /// The rank between 0 and 1.
    PercentRank,
    /// The share of rows up to the last peer.
    CumulativeDistribution,
    /// The part of so many that the row falls into.
    Tile(u64),
    /// The value so many rows before; after if it is negative.
    Shift { by: i64, default: Option<ScalarValue>, ignore_nulls: bool },
    /// The value of the n-th row of the frame, from 1, from either end.
    Nth { n: u64, from_end: bool, ignore_nulls: bool },
    /// An aggregate of the frame.
    Aggregate(Bound),
}

impl WindowFunction {
    /// Its name in plans.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::RowNumber => "row_number",
            Self::Rank => "rank",
            Self::DenseRank => "dense_rank",
            Self::PercentRank => "percent_rank",
            Self::CumulativeDistribution => "cume_dist",
            Self::Tile(_) => "ntile",
            Self::Shift { by, .. } if *by < 0 => "lead",
            Self::Shift { .. } => "lag",
            Self::Nth { from_end: true, .. } => "last_value",
            Self::Nth { n: 1, .. } => "first_value",
            Self::Nth { .. } => "nth_value",
            Self::Aggregate(bound) => bound.function().name,
        }
    }
}

/// A function, the columns that it reads, and where it stands in the plan.
#[derive(Clone, Debug)]
pub(crate) struct WindowCall {
    pub(crate) function: WindowFunction,
    pub(crate) arguments: Vec<usize>,
    /// The column that says which rows count; all without one. Of aggregates, as what follows.
    pub(crate) filter: Option<usize>,
    /// Whether rows with equal arguments count once in a frame.
    pub(crate) distinct: bool,
    pub(crate) path: String,
}

impl WindowCall {
    /// The columns that it reads, or the nodes in a plan.
    pub(crate) fn columns(&self) -> impl Iterator<Item = usize> {
        self.arguments.iter().chain(&self.filter).copied()
    }

    /// The call over the columns that `places` gives for those of [`Self::columns`].
    pub(crate) fn over(&self, places: &mut impl Iterator<Item = usize>) -> Self {
        Self {
            arguments: places.take(self.arguments.len()).collect(),
            filter: self.filter.and_then(|_| places.next()),
            ..self.clone()
        }
    }
}

/// Partition, order and frame of a window; columns are those of the breaker's input.
#[derive(Clone)]
pub(crate) struct WindowSpec {
    pub(crate) partition: Vec<usize>,
    pub(crate) order: Vec<SortKey>,
    pub(crate) frame: Frame,
    /// Only rows with a number up to this are asked for, and all functions are numbers of rows.
    pub(crate) limit: Option<usize>,
}

/// Adds columns to the rows of its input.
pub(crate) struct WindowBreaker {
    input: SchemaRef,
    /// The columns of the input that are passed on.
    kept: Vec<usize>,
    spec: WindowSpec,
    partition_types: Vec<DataType>,
    order: Option<Order>,
    calls: Vec<WindowCall>,
    output: SchemaRef,
    /// Where rows may go; a window without partitions has to hold all of them.
    files: Option<Files>,
    /// Whether aggregates are computed by their accumulators even where there is a faster way: for tests.
    general: bool,
}

struct Local {
    table: Option<GroupTable>,
    held: Vec<Held>,
    top: Option<Top>,
    /// For partition numbers, and rows that nobody else is charged for.
    charge: Charge,
    /// For what computing functions will take.
    reserved: Charge,
    /// Rows that memory has no room for.
    deal: Option<Deal>,
}

/// A batch, the position of its first row, and the partition of each of its rows.
struct Held {
    position: u64,
    batch: RecordBatch,
    partitions: Vec<u32>,
}

impl LocalState for Local {}

impl Held {
    /// Drops the rows that are not among the first of their partition, now that those are known.
    fn limit(&mut self, top: &Top, order: &Order, context: &TaskContext) -> Result<()> {
        context.check()?;
        let mut elements = Vec::with_capacity(self.batch.num_rows());
        order.prefixes(&self.batch, 0, &mut elements)?;
        self.select(top.within(&self.partitions, &elements), context)
    }

    /// Keeps some rows.
    fn select(&mut self, kept: BooleanBuffer, context: &TaskContext) -> Result<()> {
        let kept = Selection::new(kept);
        if kept.is_whole() {
            return Ok(());
        }
        self.partitions = kept.rows(&self.partitions);
        let columns = self.batch.columns().iter().map(|column| kept.apply(column, &context.memory));
        let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(kept.row_count()));
        self.batch = RecordBatch::try_new_with_options(self.batch.schema(), columns, &options)?;
        Ok(())
    }
}

/// What a function gives for the rows of a run of partitions, in their order there.
enum Piece {
    Values(ArrayRef),
    /// Rows of the argument; past its end the default, or nothing.
    Rows(Vec<u32>),
}

/// A function's results for all rows, in the order of the partitions.
enum Computed {
    Values(ArrayRef),
    Rows { values: ArrayRef, rows: Vec<u32> },
}

impl WindowBreaker {
    /// Adds a column for each of `calls` to the columns `kept` of `input`.
    ///
    /// # Errors
    /// `NotImplemented` for an order by a type without one; `Internal` when `output` is of another width.
    pub(crate) fn new(
        input: SchemaRef,
        kept: Vec<usize>,
        spec: WindowSpec,
        calls: Vec<WindowCall>,
        output: SchemaRef,
    ) -> Result<Self> {
        if output.fields().len() != kept.len() + calls.len() {
            return Err(Error::internal("a window's schema is not its columns and functions"));
        }
        let partition_types: Vec<DataType> =
            spec.partition.iter().map(|&key| input.field(key).data_type().clone()).collect();
        let order = match spec.order[..] {
            [] => None,
            _ => Some(Order::new(&input, spec.order.clone())?),
        };
        Ok(Self { input, kept, spec, partition_types, order, calls, output, files: None, general: false })
    }

    /// The same, whose rows go to files when memory is short.
    ///
    /// # Errors
    /// `NotImplemented` for keys of types that have no hash.
    pub(crate) fn with_files(mut self) -> Result<Self> {
        if !self.partition_types.is_empty() && self.spec.limit.is_none() {
            self.files = Some(Files::new(&self.input, &self.partition_types, &self.output)?);
        }
        Ok(self)
    }

    /// The rows of all tasks in the order of the input, with the partition of each.
    fn gather(&self, locals: Vec<Local>, context: &TaskContext) -> Result<Gathered> {
        let mut table: Option<GroupTable> = None;
        let mut held = Vec::new();
        let mut charges = Vec::new();
        let mut top: Option<Top> = None;
        for local in locals {
            let mut numbers = None;
            match (&mut table, local.table) {
                (Some(table), Some(other)) => {
                    let count = other.group_count();
                    numbers = Some(strips::insert(table, &other.into_keys()?, count, context, |_| Ok(()))?);
                }
                (table @ None, own) => *table = own,
                (Some(_), None) => {}
            }
            match (&mut top, local.top) {
                (Some(top), Some(other)) => {
                    let count = table.as_ref().map_or(1, GroupTable::group_count);
                    top.merge(&other, numbers.as_deref(), count)?;
                }
                (top @ None, own) => *top = own,
                (Some(_), None) => {}
            }
            for mut one in local.held {
                if let Some(numbers) = &numbers {
                    one.partitions.iter_mut().for_each(|partition| *partition = numbers[*partition as usize]);
                }
                held.push(one);
            }
            charges.push(local.charge);
        }
        if let (Some(top), Some(order)) = (&top, &self.order) {
            held.par_iter_mut().try_for_each(|one| one.limit(top, order, context))?;
        }
        held.sort_by_key(|one| one.position);
        let partition_count = table.as_ref().map_or(1, GroupTable::group_count);
        let partitions = match table {
            Some(_) => held.iter().flat_map(|one| one.partitions.iter().copied()).collect(),
            None => Vec::new(),
        };
        let batches: Vec<RecordBatch> = held.into_iter().map(|one| one.batch).collect();
        Gathered::new(batches, partitions, partition_count, charges)
    }

    /// A column of the gathered rows as one array.
    fn column(&self, rows: &Gathered, column: usize, context: &TaskContext) -> Result<ArrayRef> {
        let parts: Vec<ArrayRef> = rows.batches.iter().map(|batch| batch.column(column).clone()).collect();
        if parts.is_empty() {
            return Ok(arrow_array::new_empty_array(self.input.field(column).data_type()));
        }
        concat(&parts, &context.memory)
    }

    fn compute(
        &self,
        call: &WindowCall,
        rows: &Gathered,
        arranged: &Arrangement,
        context: &TaskContext,
    ) -> Result<Computed> {
        let arguments: Vec<ArrayRef> =
            call.arguments.iter().map(|&column| self.column(rows, column, context)).collect::<Result<_>>()?;
        let keys = self.spec.frame.keys(self.spec.order.first(), |column| self.column(rows, column, context))?;
        let frames = frame::Rule { frame: &self.spec.frame, keys };
        // What functions hold for each row while they are computed: ranks, converted values, rows of results.
        let _charge = context.memory.charge(rows.row_count * 2 * size_of::<u64>())?;
        let values = match (&call.function, arguments.first()) {
            (WindowFunction::Shift { default: Some(default), .. }, Some(values)) => {
                let default = crate::literal::array_of(default)?;
                Some(concat(&[values.clone(), default], &context.memory)?)
            }
            (_, values) => values.cloned(),
        };
        let kernel = match &call.function {
            WindowFunction::Aggregate(bound) => {
                let counted = self.counted(call, &arguments, rows, arranged, context)?;
                Some(aggregate::Kernel::new(bound, &arguments, counted, self.general))
            }
            _ => None,
        };
        let nulls = arguments.first().and_then(|values| values.logical_nulls());
        let piece = |chunk: &Chunk| -> Result<Piece> {
            context.check()?;
            match (&call.function, &kernel) {
                (WindowFunction::Shift { by, default, ignore_nulls }, _) => {
                    let past = default.as_ref().map(|_| rows.row_count as u32);
                    pick::shift(chunk, *by, past, nulls.as_ref().filter(|_| *ignore_nulls), context).map(Piece::Rows)
                }
                (WindowFunction::Nth { n, from_end, ignore_nulls }, _) => {
                    let nulls = nulls.as_ref().filter(|_| *ignore_nulls);
                    pick::nth(chunk, *n, *from_end, &frames, nulls, context).map(Piece::Rows)
                }
                (_, Some(kernel)) => kernel.piece(chunk, &frames, context),
                (function, None) => ranking::rank(function, chunk, context).map(Piece::Values),
            }
        };
        let pieces: Vec<Piece> = arranged.chunks.par_iter().map(piece).collect::<Result<_>>()?;
        join(pieces, values, context)
    }

    /// Which rows count for an aggregate.
    fn counted(
        &self,
        call: &WindowCall,
        arguments: &[ArrayRef],
        rows: &Gathered,
        arranged: &Arrangement,
        context: &TaskContext,
    ) -> Result<Counted> {
        let filter = call.filter.map(|column| self.column(rows, column, context)).transpose()?;
        let counted = Counted::new(filter.as_ref());
        if !call.distinct {
            return Ok(counted);
        }
        counted.distinct(arguments, &self.spec.frame, arranged, context)
    }

    /// The batches of the input with what was computed for their rows.
    fn batches(
        &self,
        rows: &Gathered,
        arranged: &Arrangement,
        computed: &[Computed],
        context: &TaskContext,
    ) -> Result<Vec<(RecordBatch, Option<Charge>)>> {
        let each = |(batch, first): (&RecordBatch, &usize)| {
            context.check()?;
            let places = &arranged.places[*first..*first + batch.num_rows()];
            let mut columns: Vec<ArrayRef> = self.kept.iter().map(|&column| batch.column(column).clone()).collect();
            let mut bytes = 0;
            for computed in computed {
                let column = match computed {
                    Computed::Values(values) => take(values, Rows::new(places, values.len())?, &context.memory)?,
                    Computed::Rows { values, rows } => {
                        let rows: Vec<u32> = places.iter().map(|&place| rows[place as usize]).collect();
                        take(values, Rows::new(&rows, values.len())?, &context.memory)?
                    }
                };
                if !is_pooled(column.data_type()) {
                    bytes += column.get_array_memory_size();
                }
                columns.push(column);
            }
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let batch = RecordBatch::try_new_with_options(self.output.clone(), columns, &options)?;
            Ok((batch, Some(context.memory.charge(bytes)?)))
        };
        rows.batches.par_iter().zip(rows.firsts.par_iter()).map(each).collect()
    }
}

/// The pieces of all runs as one.
fn join(pieces: Vec<Piece>, values: Option<ArrayRef>, context: &TaskContext) -> Result<Computed> {
    let mut arrays = Vec::new();
    let mut all_rows = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Values(values) => arrays.push(values),
            Piece::Rows(rows) if all_rows.is_empty() => all_rows = rows,
            Piece::Rows(rows) => all_rows.extend(rows),
        }
    }
    match values {
        Some(values) if arrays.is_empty() => Ok(Computed::Rows { values, rows: all_rows }),
        _ => Ok(Computed::Values(concat(&arrays, &context.memory)?)),
    }
}

impl Breaker for WindowBreaker {
    fn local(&self, context: &TaskContext) -> Result<Box<dyn LocalState>> {
        let table = match self.partition_types[..] {
            [] => None,
            _ => Some(GroupTable::new(&self.partition_types, KeyOptions::default(), &context.memory)?),
        };
        let top = match self.spec.limit {
            Some(limit) if self.order.is_some() => Some(Top::new(limit, &context.memory)?),
            _ => None,
        };
        let (charge, reserved) = (context.memory.charge(0)?, context.memory.charge(0)?);
        Ok(Box::new(Local { table, held: Vec::new(), top, charge, reserved, deal: None }))
    }

    fn consume(&self, local: &mut dyn LocalState, morsel: Morsel, context: &TaskContext) -> Result<()> {
        context.check()?;
        let local = own::<Local>(local)?;
        let Some(morsel) = self.file(local, morsel, context)? else { return Ok(()) };
        let position = first_position(&morsel);
        let mut batch = morsel.batch;
        let mut partitions = Vec::new();
        if let Some(table) = &mut local.table {
            let keys: Vec<ArrayRef> = self.spec.partition.iter().map(|&key| batch.column(key).clone()).collect();
            table.insert(&keys, batch.num_rows(), &mut partitions)?;
        }
        if let (Some(top), Some(order)) = (&mut local.top, &self.order) {
            let mut elements = Vec::with_capacity(batch.num_rows());
            order.prefixes(&batch, 0, &mut elements)?;
            let count = local.table.as_ref().map_or(1, GroupTable::group_count);
            let kept = top.keep(&partitions, count, &elements, order.is_exact())?;
            let mut held = Held { position, batch, partitions };
            held.select(kept, context)?;
            Held { batch, partitions, .. } = held;
        }
        local.charge.resize(local.charge.bytes() + 2 * partitions.len() * size_of::<u32>())?;
        local.held.push(Held { position, batch, partitions });
        Ok(())
    }

    fn finish(&self, locals: Vec<Box<dyn LocalState>>, context: &TaskContext) -> Result<Finished> {
        let mut locals = own_all::<Local>(locals)?;
        if let Some(files) = self.files(context)
            && locals.iter().any(|local| local.deal.is_some())
        {
            return self.finish_files(files, locals, context);
        }
        // What was reserved is what is taken now.
        locals.iter_mut().try_for_each(|local| local.reserved.resize(0))?;
        let rows = self.gather(locals, context)?;
        if rows.row_count == 0 {
            return Ok(Finished::Batches(Vec::new()));
        }
        let arranged = Arrangement::new(&rows, self.order.as_ref(), context)?;
        let located = |call: &WindowCall| {
            let computed = self.compute(call, &rows, &arranged, context);
            computed.map_err(|error| error.at_path(call.path.clone()))
        };
        let computed: Vec<Computed> = self.calls.iter().map(located).collect::<Result<_>>()?;
        Ok(Finished::Batches(self.batches(&rows, &arranged, &computed, context)?))
    }

    fn spilled(&self) -> Option<&Spilled> {
        self.files.as_ref().map(Files::spilled)
    }
}
