// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A bar on standard error while files are read: for people only, and for runs that are worth one.

use std::time::Duration;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use bowyer_io::Scan;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const KNOWN: &str = "{bar:40} {human_pos} of {human_len} rows, {eta} left";
const UNKNOWN: &str = "{spinner} {human_pos} rows, {elapsed}";

/// The bar of all files of a run. It goes when it is dropped.
pub(crate) struct Progress(ProgressBar);

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Progress {
    /// A bar that shows nothing unless standard error is a terminal.
    pub(crate) fn new() -> Self {
        // Ten times a second; what ends before shows nothing.
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(10));
        bar.enable_steady_tick(Duration::from_millis(500));
        Self(bar)
    }

    /// The scan, its rows counted.
    pub(crate) fn watch(&self, scan: Scan) -> Watched {
        let bar = &self.0;
        match (scan.row_count(), bar.length()) {
            (Some(rows), Some(length)) => bar.set_length(length + rows),
            _ => bar.unset_length(),
        }
        let template = if bar.length().is_some() { KNOWN } else { UNKNOWN };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Watched { scan, bar: bar.clone() }
    }

    /// Nothing, but once it is asked for, the bar is gone and the terminal is free.
    pub(crate) fn clear_at_end<T>(&self) -> impl Iterator<Item = T> {
        std::iter::from_fn(|| {
            self.0.finish_and_clear();
            None
        })
    }
}

/// A scan whose rows the bar counts.
pub(crate) struct Watched {
    scan: Scan,
    bar: ProgressBar,
}

impl Iterator for Watched {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.scan.next()?;
        if let Ok(batch) = &batch {
            self.bar.inc(batch.num_rows() as u64);
        }
        Some(batch)
    }
}

impl RecordBatchReader for Watched {
    fn schema(&self) -> SchemaRef {
        self.scan.schema()
    }
}
