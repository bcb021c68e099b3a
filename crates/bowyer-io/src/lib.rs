// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Scans and sinks: the files that a query reads and writes.
//!
//! [`Scan`] reads Arrow IPC files and streams and Parquet files, told by their first bytes, and only the columns and rows that a
//! [`Request`] asks for. [`Sink`] writes Arrow IPC and CSV; [`NewFile`] keeps a file that is not finished out of
//! sight. A [`Stream`] is read as it is. Nothing here knows a plan, and nothing starts a thread: a scan is pulled.

#![forbid(unsafe_code)]

mod contain;
mod fit;
mod footer;
mod format;
mod new_file;
mod prune;
mod scan;
mod sink;
mod stream;

pub use new_file::NewFile;
pub use prune::Bound;
pub use scan::{Request, Scan};
pub use sink::{OutputFormat, Sink};
pub use stream::Stream;
