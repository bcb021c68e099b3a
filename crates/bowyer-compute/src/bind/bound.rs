// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A bound call: what happens for each batch.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use bowyer_core::{Column, Error, Memory, Output, Result, bits};

use crate::aggregate::{Accumulator, AggregateContext, Groups, PartialEvaluation};
use crate::descriptor::{Function, FunctionKind, Implementation, Nulls, Overload};
use crate::{Args, Kernel, Options, VectorKernel, coercion, encoding};

/// A function with its overload, implicit casts and options settled. Cheap to clone, and any thread may call it.
#[derive(Clone)]
pub struct Bound(Arc<Inner>);

struct Inner {
    function: &'static Function,
    overload: &'static Overload,
    /// The types of the columns that it is called with.
    given: Vec<DataType>,
    /// The types that the kernel sees.
    types: Vec<DataType>,
    /// Whether any argument is converted.
    converts: bool,
    /// The argument whose dictionary the kernel may run on instead of the rows.
    dictionary: Option<usize>,
    /// What the kernel gives.
    plain_type: DataType,
    /// What the call gives.
    output_type: DataType,
    nullable: bool,
    fallible: bool,
    options: Options,
    state: Option<Arc<dyn Any + Send + Sync>>,
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.debug_struct("Bound")
            .field("function", &inner.function.name)
            .field("types", &inner.types)
            .field("output_type", &inner.output_type)
            .finish_non_exhaustive()
    }
}

impl Bound {
    #[expect(clippy::too_many_arguments, reason = "one caller, which names each")]
    pub(super) fn new(
        function: &'static Function,
        overload: &'static Overload,
        given: Vec<DataType>,
        types: Vec<DataType>,
        plain_type: DataType,
        nullable: bool,
        options: Options,
        state: Option<Arc<dyn Any + Send + Sync>>,
    ) -> Self {
        let mut dictionaries = given
            .iter()
            .enumerate()
            .filter(|(index, data_type)| matches!(data_type, DataType::Dictionary(..)) && *data_type != &types[*index]);
        let through_values =
            function.kind == FunctionKind::Scalar && function.nulls == Nulls::Propagate && function.deterministic;
        let dictionary = match (dictionaries.next(), dictionaries.next()) {
            (Some((index, _)), None) if through_values => Some(index),
            _ => None,
        };
        // Text of a dictionary stays a dictionary of text.
        let output_type = match (dictionary, given.as_slice()) {
            (Some(_), [DataType::Dictionary(keys, values)])
                if **values == plain_type && matches!(plain_type, DataType::Utf8 | DataType::LargeUtf8) =>
            {
                DataType::Dictionary(keys.clone(), values.clone())
            }
            _ => plain_type.clone(),
        };
        let converts = given != types;
        let cast_fails =
            given.iter().zip(&types).any(|(given, to)| !coercion::holds_every(to, &coercion::decoded(given)));
        let fallible = cast_fails || function.can_fail(&types, &plain_type);
        Self(Arc::new(Inner {
            function,
            overload,
            given,
            types,
            converts,
            dictionary,
            plain_type,
            output_type,
            nullable,
            fallible,
            options,
            state,
        }))
    }

    /// The function.
    #[must_use]
    pub fn function(&self) -> &'static Function {
        self.0.function
    }

    /// The type of the result.
    #[must_use]
    pub fn output_type(&self) -> &DataType {
        &self.0.output_type
    }

    /// Whether the result can hold nulls.
    #[must_use]
    pub fn nullable(&self) -> bool {
        self.0.nullable
    }

    /// Whether a call can fail for what a row of these types holds: the function's kernel or an implicit cast.
    #[must_use]
    pub fn fallible(&self) -> bool {
        self.0.fallible
    }

    /// The types that it was bound for.
    #[must_use]
    pub fn argument_types(&self) -> &[DataType] {
        &self.0.given
    }

    /// The options, defaults included.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// Calls an element-wise function or one over whole columns. When all arguments of an element-wise function are
    /// scalars, so is the result.
    ///
    /// # Errors
    /// Those of the function, `InvalidArgument` for columns of other lengths or types than bound, `MemoryLimit`.
    pub fn call(&self, args: &[Column], row_count: usize, memory: &Memory) -> Result<Column> {
        self.0.call(args, row_count, memory).map_err(|error| error.in_function(self.0.function.name))
    }

    /// An empty accumulator of an aggregate.
    ///
    /// # Errors
    /// `InvalidArgument` when the function is none.
    pub fn accumulator(&self, memory: &Memory) -> Result<Box<dyn Accumulator>> {
        let inner = &self.0;
        let Implementation::Aggregate(new) = inner.overload.implementation else {
            return Err(Error::invalid_argument("it is no aggregate").in_function(inner.function.name));
        };
        let context = AggregateContext {
            types: &inner.types,
            output_type: &inner.plain_type,
            options: &inner.options,
            state: inner.state.as_deref(),
            memory,
        };
        let accumulator = new(&context).map_err(|error| error.in_function(inner.function.name))?;
        Ok(Box::new(Named { bound: self.clone(), memory: memory.clone(), accumulator }))
    }
}

impl Inner {
    fn call(&self, args: &[Column], row_count: usize, memory: &Memory) -> Result<Column> {
        self.check_types(args)?;
        match self.overload.implementation {
            Implementation::Scalar(kernel) => self.call_scalar(kernel, args, row_count, memory),
            Implementation::Vector(kernel) => self.call_vector(kernel, args, row_count, memory),
            Implementation::Aggregate(_) => {
                Err(Error::invalid_argument("an aggregate is called through an accumulator"))
            }
        }
    }

    fn check_types(&self, args: &[Column]) -> Result<()> {
        if args.len() != self.given.len() {
            return Err(Error::invalid_argument(format!(
                "expected {} columns, found {}",
                self.given.len(),
                args.len()
            )));
        }
        for (index, (arg, expected)) in args.iter().zip(&self.given).enumerate() {
            if arg.data_type() != expected {
                let message = format!("bound for {expected}, called with {}", arg.data_type());
                return Err(Error::invalid_argument(message).for_argument(self.argument_name(index)));
            }
        }
        Ok(())
    }

    fn argument_name(&self, index: usize) -> &'static str {
        let names = self.function.args;
        names.get(index).or_else(|| names.last()).copied().unwrap_or("argument")
    }

    fn call_vector(&self, kernel: VectorKernel, args: &[Column], row_count: usize, memory: &Memory) -> Result<Column> {
        let columns = self.convert(args, memory)?;
        Ok(Column::Array(kernel(&self.args(&columns, row_count, memory))?))
    }

    fn call_scalar(&self, kernel: Kernel, args: &[Column], row_count: usize, memory: &Memory) -> Result<Column> {
        for (index, arg) in args.iter().enumerate() {
            if let Column::Array(array) = arg
                && array.len() != row_count
            {
                let message = format!("{} rows where the call has {row_count}", array.len());
                return Err(Error::invalid_argument(message).for_argument(self.argument_name(index)));
            }
        }
        let repeated = !args.is_empty() && args.iter().all(Column::is_scalar);
        if repeated {
            // One row stands for all.
            let args: Vec<_> = args.iter().map(|arg| arg.slice(0, 1)).collect();
            let result = self.call_rows(kernel, &args, 1, memory)?;
            return Column::scalar(result, row_count);
        }
        if let Some(result) = self.call_values(kernel, args, row_count, memory)? {
            return Ok(Column::Array(result));
        }
        self.call_rows(kernel, args, row_count, memory).map(Column::Array)
    }

    /// Calls the kernel on the values of the one dictionary, when the other arguments are the same for each row.
    fn call_values(
        &self,
        kernel: Kernel,
        args: &[Column],
        row_count: usize,
        memory: &Memory,
    ) -> Result<Option<ArrayRef>> {
        let Some(index) = self.dictionary else { return Ok(None) };
        let others_repeat = args.iter().enumerate().all(|(other, arg)| other == index || arg.is_scalar());
        if !others_repeat || row_count == 0 {
            return Ok(None);
        }
        let Some(values) = encoding::dictionary_values(&args[index], self.fallible)? else { return Ok(None) };
        let mut columns = args.to_vec();
        let count = values.row_count();
        columns[index] = values;
        let Ok(results) = self.call_plain(kernel, &columns, count, memory) else {
            // The rows say which of them failed; the values do not.
            return Ok(None);
        };
        let encoded = self.output_type != self.plain_type;
        encoding::through_keys(&args[index], results, encoded).map(Some)
    }

    /// Calls the kernel on plain columns, and encodes the result again if the arguments were.
    fn call_rows(&self, kernel: Kernel, args: &[Column], row_count: usize, memory: &Memory) -> Result<ArrayRef> {
        let result = self.call_plain(kernel, args, row_count, memory)?;
        if self.output_type == self.plain_type { Ok(result) } else { encoding::encode(&result, &self.output_type) }
    }

    fn call_plain(&self, kernel: Kernel, args: &[Column], row_count: usize, memory: &Memory) -> Result<ArrayRef> {
        let columns = self.convert(args, memory)?;
        let validity = match self.function.nulls {
            Nulls::Propagate => match propagated(&columns, memory)? {
                Validity::Rows(validity) => validity,
                Validity::NoRow => return Ok(encoding::nulls(&self.plain_type, row_count)),
            },
            Nulls::Inspect | Nulls::Never => None,
        };
        let mut output = Output::new(self.plain_type.clone(), row_count, validity, memory);
        kernel(&self.args(&columns, row_count, memory), &mut output)?;
        output.finish()
    }

    fn convert<'a>(&self, args: &'a [Column], memory: &Memory) -> Result<Cow<'a, [Column]>> {
        if !self.converts {
            return Ok(Cow::Borrowed(args));
        }
        let converted = args.iter().zip(&self.types).enumerate().map(|(index, (arg, to))| {
            encoding::convert(arg, to, memory).map_err(|error| error.for_argument(self.argument_name(index)))
        });
        Ok(Cow::Owned(converted.collect::<Result<_>>()?))
    }

    fn args<'a>(&'a self, columns: &'a [Column], row_count: usize, memory: &'a Memory) -> Args<'a> {
        Args {
            columns,
            row_count,
            options: &self.options,
            state: self.state.as_deref(),
            output_type: &self.plain_type,
            memory,
        }
    }
}

enum Validity {
    /// The rows valid in all arguments; all without a bitmap.
    Rows(Option<NullBuffer>),
    /// One argument is null in every row.
    NoRow,
}

/// Where no argument is null.
fn propagated(columns: &[Column], memory: &Memory) -> Result<Validity> {
    let mut nulls = Vec::with_capacity(columns.len());
    for column in columns {
        match column {
            Column::Scalar { value, .. } if value.logical_null_count() > 0 => return Ok(Validity::NoRow),
            Column::Scalar { .. } => {}
            Column::Array(array) => nulls.push(array.logical_nulls()),
        }
    }
    bits::intersect_nulls(nulls, memory).map(Validity::Rows)
}

/// An accumulator that converts its arguments and names its function in errors.
struct Named {
    bound: Bound,
    memory: Memory,
    accumulator: Box<dyn Accumulator>,
}

impl Named {
    fn named<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| error.in_function(self.bound.0.function.name))
    }
}

impl Accumulator for Named {
    fn grows(&self) -> bool {
        self.accumulator.grows()
    }

    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let inner = &self.bound.0;
        let result = inner
            .check_types(args)
            .and_then(|()| inner.convert(args, &self.memory))
            .and_then(|columns| self.accumulator.update(&columns, groups));
        self.named(result)
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let other: Box<dyn Any> = other;
        let Ok(other) = other.downcast::<Self>() else {
            return Err(Error::internal("accumulators of two calls were merged"));
        };
        let result = self.accumulator.merge(other.accumulator, group_indices, group_count);
        self.named(result)
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        let result = self.accumulator.evaluate(group_count);
        self.named(result)
    }

    fn in_parts(&mut self, group_count: usize) -> Result<Option<Box<dyn PartialEvaluation>>> {
        let function = self.bound.0.function.name;
        let parts = self.accumulator.in_parts(group_count);
        let parts = self.named(parts)?;
        Ok(parts.map(|parts| Box::new(NamedParts { function, parts }) as Box<dyn PartialEvaluation>))
    }

    fn byte_len(&self) -> usize {
        self.accumulator.byte_len()
    }

    fn begin_batch(&mut self, position: u64) {
        self.accumulator.begin_batch(position);
    }

    fn compare_as_keys(&mut self) {
        self.accumulator.compare_as_keys();
    }
}

/// Parts whose errors name the function.
struct NamedParts {
    function: &'static str,
    parts: Box<dyn PartialEvaluation>,
}

impl PartialEvaluation for NamedParts {
    fn shares(&self, count: usize) -> Vec<Range<usize>> {
        self.parts.shares(count)
    }

    fn evaluate(&self, groups: Range<usize>) -> Result<ArrayRef> {
        self.parts.evaluate(groups).map_err(|error| error.in_function(self.function))
    }
}
