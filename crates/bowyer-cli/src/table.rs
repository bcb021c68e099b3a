// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Results as tables that people read.

use std::io::Write;

use arrow::util::pretty::pretty_format_batches_with_schema;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bowyer::{Error, Result};

/// The rows that are shown; of the others only the number.
const SHOWN_ROWS: usize = 100;

/// Writes the first rows as a table, and how many there are.
pub(crate) fn write(
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch>>,
    output: &mut impl Write,
) -> Result<()> {
    let (mut shown, mut row_count) = (Vec::new(), 0);
    for batch in batches {
        let batch = batch?;
        if row_count < SHOWN_ROWS {
            shown.push(batch.slice(0, batch.num_rows().min(SHOWN_ROWS - row_count)));
        }
        row_count += batch.num_rows();
    }
    let table = pretty_format_batches_with_schema(schema.clone(), &shown).map_err(Error::from)?;
    writeln!(output, "{table}")?;
    match row_count {
        1 => writeln!(output, "1 row")?,
        all if all > SHOWN_ROWS => writeln!(output, "{all} rows, the first {SHOWN_ROWS} shown")?,
        all => writeln!(output, "{all} rows")?,
    }
    Ok(output.flush()?)
}
