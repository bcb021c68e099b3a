// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Single functions: on the caller's thread while the columns are short, over the pool when they are long.

mod whole;

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use arrow_array::{Array, ArrayRef};
use arrow_schema::Field;
use bowyer_compute::{Accumulator, Argument, Bound, FunctionKind, Groups};
use bowyer_core::{Column, Error, Result};
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use crate::binder::bind_options;
use crate::control::Control;
use crate::engine::Engine;
use crate::proto;
use whole::Whole;

/// Columns shorter than this stay on the caller's thread.
const SPLIT_ROWS: usize = 256 << 10;
/// Strips are no shorter than this.
const STRIP_ROWS: usize = 64 << 10;
/// Parts that are looked through have at least so many entries.
const PART_ENTRIES: usize = 256 << 10;

impl Engine {
    /// Settles how a function is called with arguments of these types.
    ///
    /// # Errors
    /// `NotFound`, `TypeMismatch` or `InvalidArgument`, as the function says; `InvalidState` when the engine is closed.
    pub fn bind_function(&self, call: &proto::FunctionCall, arguments: &[Field]) -> Result<Bound> {
        self.inner.refuse_when_closed()?;
        let arguments: Vec<Argument> = arguments
            .iter()
            .map(|field| Argument {
                data_type: field.data_type().clone(),
                nullable: field.is_nullable(),
                constant: None,
            })
            .collect();
        let first = arguments.first().map(|argument| &argument.data_type);
        let options = bind_options(&call.options, first).map_err(|error| error.in_function(call.function.clone()))?;
        bowyer_compute::bind(&call.function, &arguments, options)
    }

    /// Calls a function. An aggregate gives a scalar.
    ///
    /// # Errors
    /// The function's own; `Cancelled` and `DeadlineExceeded` between strips; `InvalidState` when the engine is closed.
    pub fn call_function(&self, bound: &Bound, args: &[Column], row_count: usize, control: &Control) -> Result<Column> {
        self.inner.refuse_when_closed()?;
        control.check()?;
        let threads = self.inner.threads.count();
        let split = row_count >= SPLIT_ROWS && threads > 1;
        match bound.function().kind {
            FunctionKind::Aggregate => {
                let pieces = if split { pieces(row_count, threads) } else { vec![(0, row_count)] };
                self.aggregate(bound, args, &pieces, control)
            }
            FunctionKind::Scalar if split && args.iter().any(|column| !column.is_scalar()) => {
                match Whole::new(bound.output_type(), row_count, control.memory())? {
                    Some(whole) => self.element_wise_into(whole, bound, args, row_count, control),
                    None => self.element_wise(bound, args, &pieces(row_count, 4 * threads), control),
                }
            }
            FunctionKind::Scalar | FunctionKind::Vector => bound.call(args, row_count, control.memory()),
        }
    }

    /// Computes strips that fit the caches, each to its place in the result.
    fn element_wise_into(
        &self,
        mut whole: Whole,
        bound: &Bound,
        args: &[Column],
        row_count: usize,
        control: &Control,
    ) -> Result<Column> {
        let places = whole.places(STRIP_ROWS);
        let nulls = self.strips(&pieces(row_count, usize::MAX), |first, row_count| {
            control.check()?;
            let args: Vec<Column> = args.iter().map(|column| column.slice(first, row_count)).collect();
            let strip = bound.call(&args, row_count, control.memory());
            let strip = strip.and_then(|strip| strip.to_array()).map_err(|error| error.with_rows_from(first))?;
            places[first / STRIP_ROWS].write(&strip)
        })?;
        drop(places);
        whole.finish(STRIP_ROWS, nulls, control.memory()).map(Column::Array)
    }

    fn element_wise(
        &self,
        bound: &Bound,
        args: &[Column],
        pieces: &[(usize, usize)],
        control: &Control,
    ) -> Result<Column> {
        let strips = self.strips(pieces, |first, row_count| {
            control.check()?;
            let args: Vec<Column> = args.iter().map(|column| column.slice(first, row_count)).collect();
            let strip = bound.call(&args, row_count, control.memory());
            strip.and_then(|strip| strip.to_array()).map_err(|error| error.with_rows_from(first))
        })?;
        let parts: Vec<&dyn Array> = strips.iter().map(AsRef::as_ref).collect();
        Ok(Column::Array(arrow_select::concat::concat(&parts)?))
    }

    fn aggregate(
        &self,
        bound: &Bound,
        args: &[Column],
        pieces: &[(usize, usize)],
        control: &Control,
    ) -> Result<Column> {
        let update = |first: usize, row_count: usize| -> Result<Box<dyn Accumulator>> {
            let mut accumulator = bound.accumulator(control.memory())?;
            // In steps, so that a long column can be cancelled.
            let mut row = first;
            while row < first + row_count || row == first {
                control.check()?;
                let step = (first + row_count - row).min(SPLIT_ROWS);
                let args: Vec<Column> = args.iter().map(|column| column.slice(row, step)).collect();
                accumulator.update(&args, Groups::All).map_err(|error| error.with_rows_from(row))?;
                if step == 0 {
                    break;
                }
                row += step;
            }
            Ok(accumulator)
        };
        let named = |error: Error| error.in_function(bound.function().name);
        let accumulators = self.strips(pieces, update).map_err(named)?;
        let mut accumulators = accumulators.into_iter();
        let mut whole = accumulators.next().ok_or_else(|| Error::internal("an aggregate of no strip"))?;
        for part in accumulators {
            whole.merge(part, &[0], 1).map_err(named)?;
        }
        let value: ArrayRef = whole.evaluate(1).map_err(named)?;
        Column::scalar(value, 1)
    }

    /// Whether `is_bad` says so of any part of `0..len`, which are looked at on the pool when there are many entries. The
    /// caller waits; it must not be a thread of the pool.
    pub fn any_part(&self, len: usize, is_bad: &(dyn Fn(Range<usize>) -> bool + Sync)) -> bool {
        let step = len.div_ceil(4 * self.thread_count()).max(PART_ENTRIES);
        if len <= step || self.thread_count() == 1 {
            return is_bad(0..len);
        }
        let parts = (0..len).into_par_iter().step_by(step);
        let looked = self.inner.threads.install(|| parts.any(|first| is_bad(first..len.min(first + step))));
        // Without threads there is the caller.
        looked.unwrap_or_else(|_closed| is_bad(0..len))
    }

    /// Runs `work` on each piece, on the pool when there are several; results are in order, and so is the error.
    fn strips<T: Send>(
        &self,
        pieces: &[(usize, usize)],
        work: impl Fn(usize, usize) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        if let [(first, row_count)] = *pieces {
            return Ok(vec![work(first, row_count)?]);
        }
        let slots: Vec<Mutex<Option<Result<T>>>> = pieces.iter().map(|_| Mutex::new(None)).collect();
        self.inner.threads.install(|| {
            rayon::scope(|scope| {
                for (&(first, row_count), slot) in pieces.iter().zip(&slots) {
                    let work = &work;
                    scope.spawn(move |_| {
                        let result = work(first, row_count);
                        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                    });
                }
            });
        })?;
        let results = slots.into_iter().map(|slot| {
            let result = slot.into_inner().unwrap_or_else(PoisonError::into_inner);
            result.unwrap_or_else(|| Err(Error::internal("a strip was not run")))
        });
        results.collect()
    }
}

/// Cuts rows into at most `count` pieces of whole words of bits.
fn pieces(row_count: usize, count: usize) -> Vec<(usize, usize)> {
    let step = row_count.div_ceil(count).max(STRIP_ROWS).next_multiple_of(64);
    (0..row_count).step_by(step).map(|first| (first, step.min(row_count - first))).collect()
}
