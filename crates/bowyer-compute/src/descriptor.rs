// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A function as a constant value: what it is called, what it takes, what it promises, and its kernels.
//!
//! Descriptors are built with `const` methods in family files. The manual, the Go wrappers, the planner and the laws
//! that every function is tested by read them, so what a descriptor claims is checked.

use std::any::Any;

use arrow_schema::DataType;
use bowyer_core::Result;

use crate::{Accumulator, AggregateContext, Argument, Kernel, Kind, OptionSpec, Options, VectorKernel};

/// How a function relates its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    /// Element-wise: row i of the result depends on row i of the arguments alone.
    Scalar,
    /// Sees whole columns; the result may have another length.
    Vector,
    /// Sees groups of rows and gives one value for each.
    Aggregate,
}

/// How a function treats nulls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nulls {
    /// Null where any argument is null, and nowhere else. Values under nulls are never looked at: the binding
    /// computes the validity, kernels do not.
    Propagate,
    /// The kernel looks at nulls itself.
    Inspect,
    /// The kernel looks at nulls itself and its result has none.
    Never,
}

/// How arguments are cast when no overload takes them as they are. Dictionaries and runs are decoded before.
#[derive(Clone, Copy, Debug)]
pub enum Coercion {
    /// Not at all.
    None,
    /// Arguments from this index on are cast to their common type.
    Common(usize),
    /// By a rule of the function: the types to cast to, or `None` when there are none.
    Custom(fn(&[DataType]) -> Option<Vec<DataType>>),
    /// By a rule that comes before any overload is tried: the overloads see what it gives, or nothing for `None`.
    Always(fn(&[DataType]) -> Result<Option<Vec<DataType>>>),
}

/// A call that the manual shows and the tests run, in the notation of the corpus.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The arguments.
    pub args: &'static [&'static str],
    /// The options: names and TOML values.
    pub options: &'static [(&'static str, &'static str)],
    /// The result.
    pub result: &'static str,
}

impl Example {
    /// An example with default options.
    #[must_use]
    pub const fn new(args: &'static [&'static str], result: &'static str) -> Self {
        Self { args, options: &[], result }
    }

    /// The same example with options.
    #[must_use]
    pub const fn with(mut self, options: &'static [(&'static str, &'static str)]) -> Self {
        self.options = options;
        self
    }
}

/// What a call looks like when it is bound.
#[derive(Debug)]
pub struct BindContext<'a> {
    /// The arguments as given: constants are here.
    pub arguments: &'a [Argument],
    /// Their types after implicit casts.
    pub types: &'a [DataType],
    /// The options.
    pub options: &'a Options,
    /// The type of the result.
    pub output_type: &'a DataType,
}

/// Compiles what does not change from batch to batch: a pattern, a table. Kernels read it by [`crate::Args::state`].
pub type Prepare = fn(&BindContext<'_>) -> Result<Box<dyn Any + Send + Sync>>;

/// Whether a row can fail, given the types of the arguments after implicit casts and the type of the result.
pub type FallibleFor = fn(&[DataType], &DataType) -> bool;

/// What an overload runs.
#[derive(Clone, Copy, Debug)]
pub enum Implementation {
    /// Writes a value for each row.
    Scalar(Kernel),
    /// Makes an array of whole columns.
    Vector(VectorKernel),
    /// Makes an empty accumulator.
    Aggregate(fn(&AggregateContext<'_>) -> Result<Box<dyn Accumulator>>),
}

/// One way to call a function: kinds of arguments, type of the result, kernel.
#[derive(Clone, Copy, Debug)]
pub struct Overload {
    /// The arguments. The last one repeats when the function is variadic.
    pub args: &'static [Kind],
    /// The result.
    pub output: Kind,
    /// What runs.
    pub implementation: Implementation,
}

impl Overload {
    /// An element-wise overload.
    #[must_use]
    pub const fn new(args: &'static [Kind], output: Kind, kernel: Kernel) -> Self {
        Self { args, output, implementation: Implementation::Scalar(kernel) }
    }

    /// An overload over whole columns.
    #[must_use]
    pub const fn vector(args: &'static [Kind], output: Kind, kernel: VectorKernel) -> Self {
        Self { args, output, implementation: Implementation::Vector(kernel) }
    }

    /// An aggregate overload.
    #[must_use]
    pub const fn aggregate(
        args: &'static [Kind],
        output: Kind,
        new: fn(&AggregateContext<'_>) -> Result<Box<dyn Accumulator>>,
    ) -> Self {
        Self { args, output, implementation: Implementation::Aggregate(new) }
    }

    /// Whether arguments of these types fit.
    #[must_use]
    pub fn accepts(&self, types: &[DataType], variadic: bool) -> bool {
        let fits = if variadic { types.len() + 1 >= self.args.len() } else { types.len() == self.args.len() };
        fits && (0..types.len()).all(|index| {
            self.args.get(index).or_else(|| self.args.last()).is_some_and(|kind| kind.accepts(types, index))
        })
    }
}

/// A named function.
#[derive(Debug)]
pub struct Function {
    /// Its name: pyarrow's where pyarrow has it.
    pub name: &'static str,
    /// Other names that [`crate::find`] knows it by.
    pub aliases: &'static [&'static str],
    /// How it relates its rows.
    pub kind: FunctionKind,
    /// What it does, in one sentence that begins with a verb.
    pub summary: &'static str,
    /// What else a user should know.
    pub notes: &'static str,
    /// The names of its arguments.
    pub args: &'static [&'static str],
    /// The fewest arguments of a function whose last one repeats.
    pub variadic: Option<usize>,
    /// Its options.
    pub options: &'static [OptionSpec],
    /// Calls and their results.
    pub examples: &'static [Example],
    /// How it treats nulls.
    pub nulls: Nulls,
    /// Whether a row of the right types can fail, for some types.
    pub fallible: bool,
    /// The types of arguments and result for which it can; without it, all.
    pub fallible_for: Option<FallibleFor>,
    /// Whether equal arguments give equal results.
    pub deterministic: bool,
    /// The ways to call it; the first that fits is taken.
    pub overloads: &'static [Overload],
    /// How arguments are cast when none fits.
    pub coercion: Coercion,
    /// What is compiled when a call is bound.
    pub prepare: Option<Prepare>,
    /// Whether the result can be null, given which arguments can; without it, as `nulls` says.
    pub nullability: Option<fn(&[bool]) -> bool>,
}

impl Function {
    const fn new(name: &'static str, kind: FunctionKind, nulls: Nulls) -> Self {
        Self {
            name,
            aliases: &[],
            kind,
            summary: "",
            notes: "",
            args: &[],
            variadic: None,
            options: &[],
            examples: &[],
            nulls,
            fallible: false,
            fallible_for: None,
            deterministic: true,
            overloads: &[],
            coercion: Coercion::None,
            prepare: None,
            nullability: None,
        }
    }

    /// An element-wise function; propagates nulls unless said otherwise.
    #[must_use]
    pub const fn scalar(name: &'static str) -> Self {
        Self::new(name, FunctionKind::Scalar, Nulls::Propagate)
    }

    /// A function over whole columns.
    #[must_use]
    pub const fn vector(name: &'static str) -> Self {
        Self::new(name, FunctionKind::Vector, Nulls::Inspect)
    }

    /// An aggregate.
    #[must_use]
    pub const fn aggregate(name: &'static str) -> Self {
        Self::new(name, FunctionKind::Aggregate, Nulls::Inspect)
    }

    /// Other names.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// What it does.
    #[must_use]
    pub const fn summary(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    /// What else a user should know.
    #[must_use]
    pub const fn notes(mut self, notes: &'static str) -> Self {
        self.notes = notes;
        self
    }

    /// The names of its arguments.
    #[must_use]
    pub const fn args(mut self, args: &'static [&'static str]) -> Self {
        self.args = args;
        self
    }

    /// The last argument repeats; at least `minimum` arguments in all.
    #[must_use]
    pub const fn variadic(mut self, minimum: usize) -> Self {
        self.variadic = Some(minimum);
        self
    }

    /// Its options.
    #[must_use]
    pub const fn options(mut self, options: &'static [OptionSpec]) -> Self {
        self.options = options;
        self
    }

    /// Calls and their results.
    #[must_use]
    pub const fn examples(mut self, examples: &'static [Example]) -> Self {
        self.examples = examples;
        self
    }

    /// How it treats nulls.
    #[must_use]
    pub const fn nulls(mut self, nulls: Nulls) -> Self {
        self.nulls = nulls;
        self
    }

    /// A row of the right types can fail.
    #[must_use]
    pub const fn fallible(mut self) -> Self {
        self.fallible = true;
        self
    }

    /// A row can fail for those types of arguments, after implicit casts, and of the result that `rule` names.
    #[must_use]
    pub const fn fallible_for(mut self, rule: FallibleFor) -> Self {
        self.fallible = true;
        self.fallible_for = Some(rule);
        self
    }

    /// Whether a row of these argument types, after implicit casts, can fail.
    #[must_use]
    pub fn can_fail(&self, types: &[DataType], output_type: &DataType) -> bool {
        self.fallible && self.fallible_for.is_none_or(|rule| rule(types, output_type))
    }

    /// Equal arguments may give different results.
    #[must_use]
    pub const fn nondeterministic(mut self) -> Self {
        self.deterministic = false;
        self
    }

    /// The ways to call it.
    #[must_use]
    pub const fn overloads(mut self, overloads: &'static [Overload]) -> Self {
        self.overloads = overloads;
        self
    }

    /// How arguments are cast when no overload fits.
    #[must_use]
    pub const fn coercion(mut self, coercion: Coercion) -> Self {
        self.coercion = coercion;
        self
    }

    /// What is compiled when a call is bound.
    #[must_use]
    pub const fn prepare(mut self, prepare: Prepare) -> Self {
        self.prepare = Some(prepare);
        self
    }

    /// Whether the result can be null, given which arguments can.
    #[must_use]
    pub const fn nullability(mut self, nullability: fn(&[bool]) -> bool) -> Self {
        self.nullability = Some(nullability);
        self
    }
}
