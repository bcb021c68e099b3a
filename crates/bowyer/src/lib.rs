// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Bowyer for Rust programs: plans and functions over Arrow record batches.
//!
//! A [`Plan`] says what to compute and holds no data; [`Engine::run`] binds its inputs and gives the result batch by batch.
//!
//! ```
//! use std::sync::Arc;
//! use bowyer::arrow_array::{Int64Array, RecordBatch, StringArray};
//! use bowyer::{Config, Engine, Input, Plan, col, desc, sum};
//!
//! # fn main() -> bowyer::Result<()> {
//! let batch = RecordBatch::try_from_iter([
//!     ("carrier", Arc::new(StringArray::from(vec!["AA", "UA", "AA"])) as _),
//!     ("delay", Arc::new(Int64Array::from(vec![5, 40, 10])) as _),
//! ])?;
//! let engine = Engine::open(&Config::default())?;
//! let plan = Plan::input("flights", &batch.schema())
//!     .filter(col("delay").gt(0))
//!     .group_by([col("carrier")], [sum("delay")])
//!     .sort([desc(col("delay_sum"))]);
//! let result = engine.run(&plan, [("flights", Input::batches(vec![batch]))])?;
//! let batches = result.collect::<bowyer::Result<Vec<_>>>()?;
//! assert_eq!(batches[0].num_rows(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! Single functions go by their names: [`Engine::call`].

#![forbid(unsafe_code)]

mod as_of;
mod encode;
mod engine;
mod expression;
mod input;
mod list_expression;
mod measure;
mod plan;
mod prepared;
mod reshape;
mod run;
mod window;

pub use arrow_array;
pub use arrow_schema;
pub use bowyer_core::{Column, Error, ErrorCode, Result};
pub use bowyer_engine::{REWRITES, ScanBound, plan_from_json, plan_to_json};

pub use as_of::{AsOf, AsOfDirection};
pub use engine::{Config, Engine};
pub use expression::{Expr, Literal, col, function, if_else, lit, parameter};
pub use input::Input;
pub use measure::{
    Measure, count, count_all, count_distinct, first, last, max, mean, measure, median, min, quantile, stddev, sum,
};
pub use plan::{JoinKind, Keep, Plan, Rejects, SortKey, asc, desc};
pub use prepared::{Needs, Prepared};
pub use reshape::{Pivot, Unnest, pivot, unnest};
pub use run::{QueryOptions, Rows, Statistics};
pub use window::{
    Exclusion, Window, cume_dist, dense_rank, first_value, lag, last_value, lead, nth_value, ntile, over, percent_rank,
    rank, row_number,
};

/// The Rust of the README, compiled as a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
