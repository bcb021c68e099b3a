// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Functions: resolved once for their argument types, called once a batch.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, new_empty_array};
use arrow_ffi::Shape;
use arrow_ffi::c::{ArrowArray, ArrowSchema};
use arrow_ffi::export::{Aliasing, export_array};
use arrow_ffi::import::Hold;
use arrow_ffi::schema::import_schema;
use arrow_schema::{Field, Fields};
use bowyer_compute::{Bound, FunctionKind};
use bowyer_core::{Column, Error, Result};
use bowyer_engine::proto::FunctionCall;

use crate::abi::{ARGUMENT_CHUNKED, ARGUMENT_SCALAR, Argument, Block, CResult, RESULT_SCALAR};
use crate::call::Limits;
use crate::engine::{Counters, EngineState, Watch};
use crate::import;

/// A function bound to argument types.
pub(crate) struct FunctionState {
    pub(crate) engine: Arc<EngineState>,
    bound: Bound,
    arguments: Fields,
    shapes: Vec<Shape>,
}

impl FunctionState {
    /// Finds the overload.
    ///
    /// # Errors
    /// `NotFound`, `TypeMismatch`, `InvalidArgument` from binding.
    ///
    /// # Safety
    /// 1. `arguments` is null or valid as the C Data Interface defines it.
    pub(crate) unsafe fn resolve(engine: Arc<EngineState>, call: &[u8], arguments: *const ArrowSchema) -> Result<Self> {
        engine.check_open()?;
        let call: FunctionCall = bowyer_engine::decode(call)?;
        // SAFETY: the caller's promise.
        let schema = unsafe { import_schema(arguments, engine.rejections()) }?;
        let arguments = schema.fields().clone();
        let fields: Vec<Field> = arguments.iter().map(|field| field.as_ref().clone()).collect();
        let bound = engine.engine.bind_function(&call, &fields)?;
        let shapes = Shape::of_fields(&arguments);
        Ok(Self { engine, bound, arguments, shapes })
    }

    /// The type of its result.
    pub(crate) fn result_field(&self) -> Field {
        Field::new("", self.bound.output_type().clone(), self.bound.nullable())
    }

    /// Calls it.
    ///
    /// # Errors
    /// Those of the guard, of limits and of the function.
    ///
    /// # Safety
    /// 1. As [`import::arrays`].
    pub(crate) unsafe fn call(
        &self,
        limits: &Limits,
        block: &Block,
        array: &mut ArrowArray,
        result: &mut CResult,
    ) -> Result<()> {
        let engine = &self.engine;
        engine.check_open()?;
        let control = limits.control(engine.memory());
        control.check()?;
        // SAFETY: the caller's promise.
        let arguments = unsafe { import::arguments(block) }?;
        if arguments.len() != self.shapes.len() {
            let (given, expected) = (arguments.len(), self.shapes.len());
            return Err(Error::invalid_argument(format!("{given} arguments where the function has {expected}")));
        }
        let mut watch = Watch::sample(block.row_count, &engine.counters.calls);
        let mut shapes = Vec::with_capacity(block.array_count as usize);
        for (argument, shape) in arguments.iter().zip(&self.shapes) {
            shapes.extend(std::iter::repeat_n(shape, argument.count as usize));
        }
        // SAFETY: the caller's promise.
        let imported = unsafe { import::arrays(engine, block, &shapes, Hold::Call) }?;
        watch.lap(&engine.counters.guard_ns);
        Counters::add(&engine.counters.calls, 1);
        result.bytes_copied = imported.bytes_copied;
        let borrow = imported.borrow;
        let output = self.columns(arguments, imported.arrays, block.row_count).and_then(|(columns, row_count)| {
            Counters::add(&engine.counters.rows_in, row_count as u64);
            engine.engine.call_function(&self.bound, &columns, row_count, &control)
        });
        watch.lap(&engine.counters.kernel_ns);
        let outcome = output.map(|output| {
            if output.is_scalar() {
                result.flags |= RESULT_SCALAR;
            }
            let values = output.values();
            let exported = export_array(values.as_ref(), Aliasing::Call(&borrow), &engine.exported);
            import::hand_out(engine, exported, values.len(), array, result);
        });
        import::end_call(borrow, result);
        watch.lap(&engine.counters.export_ns);
        outcome
    }

    /// What the manual calls an argument.
    fn name_of(&self, position: usize) -> String {
        let names = self.bound.function().args;
        let name = names.get(position).or_else(|| names.last());
        name.map_or_else(|| format!("argument {position}"), |name| (*name).to_owned())
    }

    /// The arguments as columns, and their rows.
    fn columns(&self, arguments: &[Argument], arrays: Vec<ArrayRef>, block_rows: i64) -> Result<(Vec<Column>, usize)> {
        let mut arrays = arrays.into_iter();
        let mut columns = Vec::with_capacity(arguments.len());
        // `take` has as many indices as it likes: functions over whole columns compare lengths themselves.
        let row_by_row = self.bound.function().kind != FunctionKind::Vector;
        let mut rows = None;
        for (position, argument) in arguments.iter().enumerate() {
            let value = joined(&mut arrays, argument, &self.arguments[position])
                .map_err(|error| error.for_argument(self.name_of(position)))?;
            let is_scalar = argument.flags & ARGUMENT_SCALAR != 0;
            if is_scalar && value.len() != 1 {
                let message = format!("a scalar has one row, not {}", value.len());
                return Err(Error::invalid_argument(message).for_argument(self.name_of(position)));
            }
            if !is_scalar && row_by_row && rows.is_some_and(|rows| rows != value.len()) {
                let message = format!("{} rows where arguments before it have {}", value.len(), rows.unwrap_or(0));
                return Err(Error::invalid_argument(message).for_argument(self.name_of(position)));
            }
            if !is_scalar {
                rows.get_or_insert_with(|| value.len());
            }
            columns.push(Column::Array(value));
        }
        let row_count = match rows {
            Some(rows) => rows,
            None if arguments.is_empty() => usize::try_from(block_rows)
                .map_err(|_| Error::invalid_argument(format!("the block has {block_rows} rows")))?,
            None => 1,
        };
        // Only now is it known how many rows a scalar stands for.
        for (column, argument) in columns.iter_mut().zip(arguments) {
            if argument.flags & ARGUMENT_SCALAR != 0
                && let Column::Array(value) = column
            {
                *column = Column::scalar(value.clone(), row_count)?;
            }
        }
        Ok((columns, row_count))
    }
}

/// The next arrays, which are the chunks of an argument, as one array.
fn joined(arrays: &mut impl Iterator<Item = ArrayRef>, argument: &Argument, field: &Field) -> Result<ArrayRef> {
    if argument.flags & !(ARGUMENT_SCALAR | ARGUMENT_CHUNKED) != 0 {
        return Err(Error::invalid_argument(format!("argument flags {:#x} are not known", argument.flags)));
    }
    if argument.flags & ARGUMENT_CHUNKED == 0 && argument.count != 1 {
        return Err(Error::invalid_argument(format!("{} arrays of an argument that is not chunked", argument.count)));
    }
    if argument.count == 1
        && let Some(only) = arrays.next()
    {
        return Ok(only);
    }
    let chunks: Vec<ArrayRef> = arrays.take(argument.count as usize).collect();
    if chunks.is_empty() {
        return Ok(new_empty_array(field.data_type()));
    }
    let parts: Vec<&dyn Array> = chunks.iter().map(AsRef::as_ref).collect();
    Ok(arrow_select::concat::concat(&parts)?)
}
