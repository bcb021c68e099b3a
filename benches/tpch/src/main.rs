// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Writes TPC-H's eight tables as Arrow IPC files: `tpch-tables SCALE FOLDER`.
//!
//! Text becomes utf8, which is what most programs have; decimals and dates stay what the generator makes of them.

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;

use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::ipc::writer::FileWriter;
use arrow::record_batch::{RecordBatch, RecordBatchReader};
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow, SupplierArrow,
};

const BATCH_ROWS: usize = 1 << 18;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [scale, folder] = arguments.as_slice() else { return Err("usage: tpch-tables SCALE FOLDER".into()) };
    let (scale, folder) = (scale.parse::<f64>()?, Path::new(folder));
    std::fs::create_dir_all(folder)?;
    write(folder, "region", RegionArrow::new(RegionGenerator::new(scale, 1, 1)).with_batch_size(BATCH_ROWS))?;
    write(folder, "nation", NationArrow::new(NationGenerator::new(scale, 1, 1)).with_batch_size(BATCH_ROWS))?;
    write(folder, "supplier", SupplierArrow::new(SupplierGenerator::new(scale, 1, 1)).with_batch_size(BATCH_ROWS))?;
    write(folder, "part", PartArrow::new(PartGenerator::new(scale, 1, 1)).with_batch_size(BATCH_ROWS))?;
    write(folder, "partsupp", PartSuppArrow::new(PartSuppGenerator::new(scale, 1, 1)).with_batch_size(BATCH_ROWS))?;
    write(folder, "customer", CustomerArrow::new(CustomerGenerator::new(scale, 1, 1)).with_batch_size(BATCH_ROWS))?;
    write(folder, "orders", OrderArrow::new(OrderGenerator::new(scale, 1, 1)).with_batch_size(BATCH_ROWS))?;
    write(folder, "lineitem", LineItemArrow::new(LineItemGenerator::new(scale, 1, 1)).with_batch_size(BATCH_ROWS))
}

fn write(folder: &Path, name: &str, batches: impl RecordBatchReader) -> Result<(), Box<dyn Error>> {
    let fields: Vec<Field> = batches.schema().fields().iter().map(|field| plain(field)).collect();
    let schema = Arc::new(Schema::new(fields));
    let file = BufWriter::new(File::create(folder.join(name).with_extension("arrow"))?);
    let mut writer = FileWriter::try_new(file, &schema)?;
    for batch in batches {
        let batch = batch?;
        let columns = batch.columns().iter().zip(schema.fields());
        let columns = columns.map(|(column, field)| cast(column, field.data_type())).collect::<Result<_, _>>()?;
        writer.write(&RecordBatch::try_new(schema.clone(), columns)?)?;
    }
    Ok(writer.finish()?)
}

fn plain(field: &Field) -> Field {
    match field.data_type() {
        DataType::Utf8View => field.clone().with_data_type(DataType::Utf8),
        _ => field.clone(),
    }
}
