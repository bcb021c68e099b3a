// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A plan that is bound and optimised once, and then asked what it needs and run.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use bowyer_core::{Error, Result};
use bowyer_engine::{Bindings, InputBinding, OutputLimit, ScanBound, Source};

use crate::encode;
use crate::input::{Input, Rows as InputRows};
use crate::run::{QueryOptions, Rows};

/// A plan that is ready to run, any number of times.
#[derive(Debug)]
pub struct Prepared(pub(crate) bowyer_engine::Prepared);

/// What a plan needs of one of its inputs. Reading less is enough; reading more is always correct.
#[derive(Clone, Debug, PartialEq)]
pub struct Needs {
    /// The input's name.
    pub input: String,
    /// Its schema, in which batches must come: what is not needed may hold anything.
    pub schema: SchemaRef,
    /// The names of the columns that are needed, in the schema's order.
    pub columns: Vec<String>,
    /// The rows after which nobody reads on; all when absent.
    pub limit: Option<u64>,
    /// Between which values its columns lie in the rows that are kept: rows outside need not be read.
    pub bounds: Vec<ScanBound>,
}

impl Prepared {
    /// What it reads of its inputs, in the plan's order.
    #[must_use]
    pub fn needs(&self) -> Vec<Needs> {
        let scans = self.0.description().scans;
        let scans = scans.into_iter().zip(self.0.scan_bounds());
        let needs = self.0.inputs().iter().zip(scans).map(|(input, (scan, bounds))| Needs {
            input: input.name.clone(),
            schema: input.schema.clone(),
            columns: scan.columns,
            limit: scan.limit,
            bounds: bounds.clone(),
        });
        needs.collect()
    }

    /// The schema of its first output.
    ///
    /// # Errors
    /// `Internal` for a plan without one, which does not get here.
    pub fn schema(&self) -> Result<SchemaRef> {
        let output = self.0.outputs().first().map(|(_, schema)| schema.clone());
        output.ok_or_else(|| Error::internal("a plan without an output"))
    }

    /// The plan as text, line by line: as it was written, as it will run after the rewrites, and the pipelines that run it.
    /// A filter that was split is shown in parts, `filter[2]` and `filter[2]#2`.
    #[must_use]
    pub fn explain(&self) -> String {
        let description = self.0.description();
        let (logical, optimised, physical) = (description.logical, description.optimised, description.physical);
        format!("plan\n{logical}\noptimised\n{optimised}\npipelines\n{physical}")
    }

    /// Runs it. Its first output is read.
    ///
    /// # Errors
    /// What is wrong with the bindings. Errors of the data come from the result.
    pub fn run<'a, I: Into<Input>>(
        &self,
        inputs: impl IntoIterator<Item = (&'a str, I)>,
        options: QueryOptions,
    ) -> Result<Rows> {
        let parameters = options
            .parameters
            .iter()
            .map(|(name, value)| Ok((name.clone(), encode::literal(value)?)))
            .collect::<Result<_>>()?;
        let mut bindings = Bindings {
            parameters,
            batch_rows: options.batch_rows,
            memory_limit: options.memory_limit_bytes,
            output_limit: OutputLimit { rows: options.max_output_rows, bytes: options.max_output_bytes },
            timeout: options.timeout,
            query_id: options.query_id,
            ..Bindings::default()
        };
        let mut readers: Vec<_> = self.0.inputs().iter().map(|_| None).collect();
        for (name, input) in inputs {
            let index = self.0.inputs().iter().position(|known| known.name == name);
            let index = index.ok_or_else(|| Error::not_found(format!("the plan has no input {name:?}")))?;
            let binding = match input.into().0 {
                InputRows::Batches(batches) => {
                    let source = Source::new(self.0.inputs()[index].schema.clone());
                    batches.into_iter().try_for_each(|batch| source.push(batch)).map_err(|mut error| {
                        error.place_mut().input = Some(name.to_owned());
                        error
                    })?;
                    InputBinding::Source(Arc::new(source))
                }
                InputRows::Reader(reader) => {
                    readers[index] = Some(reader);
                    InputBinding::Pushed
                }
            };
            bindings.inputs.push((name.to_owned(), binding));
        }
        Rows::start(&self.0, bindings, readers)
    }
}
