// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Plans for another engine to answer: SQL, tables as Arrow files, and the rows that are due.
//!
//! A row is a line of JSON. Cells say their kind, because JSON has neither NaN nor bytes: `i` an integer and what is stored
//! as one, `f` a float, `t` text, `b` bytes in hexadecimal digits.

use std::fmt::Write;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_ipc::writer::FileWriter;
use bowyer::arrow_array::RecordBatch;

use crate::cell::{Cell, Row};

/// Where to write them, if anywhere.
pub(crate) fn folder() -> Option<PathBuf> {
    std::env::var_os("BOWYER_FUZZ_FOLDER").map(PathBuf::from)
}

/// Writes the plan of a seed.
pub(crate) fn write(
    folder: &Path,
    seed: u64,
    sql: &str,
    tables: &[RecordBatch; 2],
    rows: &[Row],
) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all(folder)?;
    for (name, table) in ["t", "u"].into_iter().zip(tables) {
        let mut writer =
            FileWriter::try_new(File::create(folder.join(format!("{seed}.{name}.arrow")))?, &table.schema())?;
        writer.write(table)?;
        writer.finish()?;
    }
    let mut lines = String::new();
    for row in rows {
        writeln!(lines, "[{}]", row.iter().map(json).collect::<Vec<_>>().join(","))?;
    }
    std::fs::write(folder.join(format!("{seed}.rows")), lines)?;
    std::fs::write(folder.join(format!("{seed}.sql")), sql)?;
    Ok(())
}

fn json(cell: &Cell) -> String {
    match cell {
        Cell::Null => "null".to_owned(),
        Cell::Bool(value) => value.to_string(),
        Cell::Int(value) => format!("\"i{value}\""),
        Cell::Float(bits) => match f64::from_bits(*bits) {
            value if value.is_nan() => "\"fnan\"".to_owned(),
            value => format!("\"f{value}\""),
        },
        Cell::Text(text) => format!("\"t{text}\""),
        Cell::Bytes(bytes) => format!("\"b{}\"", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        Cell::List(cells) => format!("[{}]", cells.iter().map(json).collect::<Vec<_>>().join(",")),
    }
}
