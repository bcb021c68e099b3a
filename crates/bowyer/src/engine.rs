// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The engine of a Rust program: opened once, shared by all threads.

use std::path::PathBuf;

use arrow_array::Array;
use arrow_schema::{Field, SchemaRef};
use bowyer_core::{Column, Error, Result};
use bowyer_engine::{Control, proto};

use crate::encode;
use crate::expression::Literal;
use crate::input::Input;
use crate::plan::Plan;
use crate::prepared::Prepared;
use crate::run::{QueryOptions, Rows};

/// How an engine is opened. Zero means the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Threads; by default as many as the process may use.
    pub threads: u32,
    /// Limit of all memory; by default half of what the process may use.
    pub memory_limit_bytes: u64,
    /// Limit of each query; by default that of the engine.
    pub query_memory_limit_bytes: u64,
    /// The most rows that all outputs of a query may have together: more fail it with `LimitExceeded`. Any number by default.
    pub max_output_rows: u64,
    /// The same for the bytes that those rows take.
    pub max_output_bytes: u64,
    /// The most rows of a result batch; 65,536 by default.
    pub batch_rows: u32,
    /// Rewrites of plans to leave out, by their names in [`REWRITES`](crate::REWRITES): answers are the same without them.
    pub disabled_rewrites: &'static [&'static str],
    /// Where operators write what does not fit their memory, in files without a name; nowhere by default, and then
    /// reaching a limit is an error.
    pub spill_directory: Option<PathBuf>,
    /// The bytes that may lie there at a time; by default what the disk has.
    pub spill_limit_bytes: u64,
}

/// Threads and memory that queries and functions share. Clones are the same engine.
#[derive(Clone, Debug)]
pub struct Engine(bowyer_engine::Engine);

impl Engine {
    /// Opens an engine.
    ///
    /// # Errors
    /// `InvalidArgument` for a rewrite that does not exist or a directory whose name is not text, `Internal` when threads
    /// do not start.
    pub fn open(config: &Config) -> Result<Self> {
        let spill_directory = config.spill_directory.as_ref().map(|directory| {
            let text = directory.to_str().map(str::to_owned);
            text.ok_or_else(|| Error::invalid_argument(format!("the spill directory {directory:?} is not UTF-8")))
        });
        let config = proto::EngineConfig {
            threads: config.threads,
            memory_limit_bytes: config.memory_limit_bytes,
            query_memory_limit_bytes: config.query_memory_limit_bytes,
            max_output_rows: config.max_output_rows,
            max_output_bytes: config.max_output_bytes,
            batch_rows: config.batch_rows,
            retained_pool_bytes: 0,
            log_records: 0,
            spill_directory: spill_directory.transpose()?.unwrap_or_default(),
            spill_limit_bytes: config.spill_limit_bytes,
            disabled_rewrites: config.disabled_rewrites.iter().map(|&name| name.to_owned()).collect(),
        };
        bowyer_engine::Engine::open(&config).map(Self)
    }

    /// Runs a plan.
    ///
    /// # Errors
    /// What is wrong with the plan or its bindings. Errors of the data come from the result.
    pub fn run<'a, I: Into<Input>>(&self, plan: &Plan, inputs: impl IntoIterator<Item = (&'a str, I)>) -> Result<Rows> {
        self.run_with(plan, inputs, QueryOptions::default())
    }

    /// Runs a plan with parameters and limits.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub fn run_with<'a, I: Into<Input>>(
        &self,
        plan: &Plan,
        inputs: impl IntoIterator<Item = (&'a str, I)>,
        options: QueryOptions,
    ) -> Result<Rows> {
        self.run_bytes(&plan.to_bytes()?, inputs, options)
    }

    /// Runs a plan in the contract's form, as [`plan_from_json`](crate::plan_from_json) gives it. Its first output is
    /// read.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub fn run_bytes<'a, I: Into<Input>>(
        &self,
        plan: &[u8],
        inputs: impl IntoIterator<Item = (&'a str, I)>,
        options: QueryOptions,
    ) -> Result<Rows> {
        self.prepare_bytes(plan)?.run(inputs, options)
    }

    /// Binds and optimises a plan, to run it any number of times.
    ///
    /// # Errors
    /// What is wrong with the plan.
    pub fn prepare(&self, plan: &Plan) -> Result<Prepared> {
        self.prepare_bytes(&plan.to_bytes()?)
    }

    /// Binds and optimises a plan in the contract's form.
    ///
    /// # Errors
    /// What is wrong with the plan.
    pub fn prepare_bytes(&self, plan: &[u8]) -> Result<Prepared> {
        self.0.prepare(plan).map(Prepared)
    }

    /// The schema of a plan's result.
    ///
    /// # Errors
    /// What is wrong with the plan.
    pub fn schema(&self, plan: &Plan) -> Result<SchemaRef> {
        self.prepare(plan)?.schema()
    }

    /// A plan as text, line by line: as it was written, as it will run after the rewrites, and the pipelines that run it.
    /// A filter that was split is shown in parts, `filter[2]` and `filter[2]#2`.
    ///
    /// # Errors
    /// What is wrong with the plan.
    pub fn explain(&self, plan: &Plan) -> Result<String> {
        Ok(self.prepare(plan)?.explain())
    }

    /// Runs a plan, drops its rows, and says what each operator did: rows, batches, time on all threads, and the most
    /// memory that it held.
    ///
    /// # Errors
    /// As [`Engine::run`], and the errors of the data.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> bowyer::Result<()> {
    /// use std::sync::Arc;
    /// use bowyer::arrow_array::{Int64Array, RecordBatch};
    /// use bowyer::{Config, Engine, Input, Plan, QueryOptions, col};
    ///
    /// let values = Arc::new(Int64Array::from_iter_values(0..1000)) as _;
    /// let batch = RecordBatch::try_from_iter([("x", values)])?;
    /// let plan = Plan::input("t", &batch.schema()).filter(col("x").lt(10));
    /// let engine = Engine::open(&Config::default())?;
    /// let text = engine.explain_analyze(&plan, [("t", Input::batches(vec![batch]))], QueryOptions::default())?;
    /// let lines: Vec<&str> = text.lines().collect();
    /// assert_eq!(lines[0], "scan[0]: t (x)");
    /// assert!(lines[1].starts_with("    1000 rows, 1 batch, "));
    /// assert_eq!(lines[2], "filter[1]: scan[0] where less(x, 10)");
    /// assert!(lines[3].starts_with("    1000 → 10 rows, 1 → 1 batches, "));
    /// assert!(lines[4].starts_with("query: 1000 rows in, 10 rows out, "));
    /// # Ok(())
    /// # }
    /// ```
    pub fn explain_analyze<'a, I: Into<Input>>(
        &self,
        plan: &Plan,
        inputs: impl IntoIterator<Item = (&'a str, I)>,
        options: QueryOptions,
    ) -> Result<String> {
        let mut rows = self.run_with(plan, inputs, options)?;
        rows.by_ref().try_for_each(|batch| batch.map(drop))?;
        Ok(rows.statistics().analysis)
    }

    /// Calls a function of the manual. An aggregate gives a scalar; long columns are split over the threads.
    ///
    /// # Errors
    /// `NotFound` for its name or an option, `TypeMismatch` for its arguments, and the function's own errors.
    pub fn call<'a>(
        &self,
        function: &str,
        args: &[Column],
        options: impl IntoIterator<Item = (&'a str, Literal)>,
    ) -> Result<Column> {
        let options: Vec<_> = options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let call = proto::FunctionCall { function: function.to_owned(), options: encode::options(&options)? };
        let fields: Vec<Field> = args
            .iter()
            .map(|column| Field::new("", column.data_type().clone(), column.values().is_nullable()))
            .collect();
        let bound = self.0.bind_function(&call, &fields)?;
        let row_count =
            args.iter().find(|column| !column.is_scalar()).or_else(|| args.first()).map_or(0, Column::row_count);
        self.0.call_function(&bound, args, row_count, &Control::new(self.0.memory().clone()))
    }

    /// The bytes of native memory that its queries and their results hold now.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.0.memory().used_bytes()
    }

    /// Cancels what runs and joins the threads.
    pub fn close(&self) {
        self.0.close();
    }
}
