// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Writes inputs from which the fuzzer begins where it would be long in finding them: whole files, plans and frames.
//!
//! usage: seeds FOLDER     one folder for each target is made in it

use std::fs;
use std::path::Path;

use arbitrary::Unstructured;
use arrow_array::RecordBatch;
use bowyer::{JoinKind, Plan, asc, col, count_all, lit, sum};
use bowyer_engine::plan_to_json;
use bowyer_engine::proto::{WorkerBlock, WorkerRequest};
use bowyer_fuzz::{array, file_schema};
use bowyer_io::{OutputFormat, Sink};
use prost::Message as _;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let folder = std::env::args().nth(1).ok_or("usage: seeds FOLDER")?;
    let put = |target: &str, name: &str, content: &[u8]| -> Outcome {
        let folder = Path::new(&folder).join(target);
        fs::create_dir_all(&folder)?;
        Ok(fs::write(folder.join(name), content)?)
    };
    for (number, file) in files()?.iter().enumerate() {
        put("ipc", &format!("file{number}"), &[&[number as u8], file.as_slice()].concat())?;
    }
    for (number, plan) in plans()?.iter().enumerate() {
        put("plan", &format!("bytes{number}"), &[&[0], plan.as_slice()].concat())?;
        put("plan", &format!("json{number}"), &[&[1], plan_to_json(plan)?.as_bytes()].concat())?;
    }
    for (number, block) in blocks().into_iter().enumerate() {
        put("frame", &format!("block{number}"), &block.encode_to_vec())?;
        let request = WorkerRequest { block: Some(block), ..Default::default() };
        put("frame", &format!("request{number}"), &request.encode_to_vec())?;
    }
    for (target, salt) in [("import", 3_u64), ("call", 5), ("keys", 7)] {
        for number in 0..8_u64 {
            let mut state = salt + number;
            let mut bytes = Vec::new();
            while bytes.len() < 600 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                bytes.push((state >> 56) as u8);
            }
            put(target, &format!("random{number}"), &bytes)?;
        }
    }
    Ok(())
}

/// A stream and a file: an even number is read as a stream.
fn files() -> Outcome<Vec<Vec<u8>>> {
    let schema = file_schema();
    let bytes: Vec<u8> = (0..4000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut u = Unstructured::new(&bytes);
    let columns = schema.fields().iter().map(|field| array(&mut u, field.data_type(), 20));
    let batch = RecordBatch::try_new(schema.clone(), columns.collect::<Result<_, _>>()?)?;
    let mut files = Vec::new();
    for format in [OutputFormat::Stream, OutputFormat::File] {
        let mut sink = Sink::new(format, &schema, Vec::new())?;
        sink.write(&batch)?;
        files.push(sink.finish()?);
    }
    Ok(files)
}

fn plans() -> Outcome<Vec<Vec<u8>>> {
    let schema = file_schema();
    let table = || Plan::input("t", &schema);
    let plans = [
        table().filter(col("i").gt(lit(100_i64))).with([(col("i") + lit(1_i64)).named("w")]),
        table().group_by(["s"], [count_all(), sum("i")]).sort([asc(col("s"))]).limit(10),
        table().join(&table().select(["i"]), JoinKind::Left, [("i", "i")]),
        table().union([&table()]).distinct(["s"]),
    ];
    Ok(plans.iter().map(Plan::to_bytes).collect::<Result<_, _>>()?)
}

/// Three numbers a buffer: place 2 is what the block brings along.
fn blocks() -> Vec<WorkerBlock> {
    let numbers: Vec<u8> = (0..8_u8).flat_map(|number| i64::from(number).to_le_bytes()).collect();
    let integers = WorkerBlock {
        array_count: 1,
        nodes: vec![8, 0, 0, 2, 0],
        buffers: vec![0, 0, 0, 2, 0, 64],
        inlined: numbers.clone(),
        ..Default::default()
    };
    let texts: Vec<u8> = [0_i32, 1, 3].iter().flat_map(|at| at.to_le_bytes()).chain(*b"abc\0").collect();
    let both = WorkerBlock {
        array_count: 2,
        nodes: vec![8, 0, 0, 2, 0, 2, 0, 0, 3, 0],
        buffers: vec![0, 0, 0, 2, 0, 64, 0, 0, 0, 2, 64, 12, 2, 76, 3],
        inlined: [numbers, texts].concat(),
        ..Default::default()
    };
    vec![integers, both]
}
