// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! A program for a pipe: reads flights as an Arrow stream, keeps the late ones, adds columns, writes an Arrow stream.
//!
//! ```sh
//! delays 60 < flights.arrows > late.arrows     # at least an hour and a minute late
//! ```
//!
//! The input is read while the output is written, batch by batch, so the stream may be larger than memory. `dep_delay`,
//! `arr_delay`, `distance` and `air_time` must be there; all columns pass through. Copy it, and write your own plan.

use std::error::Error;
use std::io::{self, BufReader, BufWriter, Write};

use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Schema};
use bowyer::{Config, Engine, Input, Plan, col};

fn main() -> Result<(), Box<dyn Error>> {
    let minutes: i64 = match std::env::args().nth(1) {
        Some(text) => text.parse().map_err(|error| format!("{text}: {error}"))?,
        None => 0,
    };
    let reader = StreamReader::try_new(BufReader::new(io::stdin()), None)?;
    let plan = late(&reader.schema(), minutes);
    let engine = Engine::open(&Config::default())?;
    let result = engine.run(&plan, [("flights", Input::reader(reader))])?;

    let mut writer = StreamWriter::try_new(BufWriter::new(io::stdout().lock()), result.schema().as_ref())?;
    for batch in result {
        writer.write(&batch?)?;
    }
    writer.finish()?;
    writer.get_mut().flush()?;
    Ok(())
}

/// Flights that left more than `minutes` late: the minutes gained in the air, and the speed in miles an hour.
fn late(schema: &Schema, minutes: i64) -> Plan {
    let hours = col("air_time").cast(DataType::Float64) / 60.0;
    Plan::input("flights", schema).filter(col("dep_delay").gt(minutes)).with([
        (col("dep_delay") - col("arr_delay")).named("gained"),
        (col("distance").cast(DataType::Float64) / hours).named("speed"),
    ])
}
