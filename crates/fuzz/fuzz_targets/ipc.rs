// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Arrow IPC streams, IPC files and Parquet files whose bytes the fuzzer writes: batches that hold what their types promise, or an
//! error. The first byte says whether it comes as a stream or as a file.

#![no_main]

use std::fs::File;
use std::io::{Cursor, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::sync::LazyLock;

use arrow_array::Array as _;
use bowyer_fuzz::file_schema;
use bowyer_io::{Request, Scan};
use libfuzzer_sys::fuzz_target;
use rustix::fs::{MemfdFlags, memfd_create};

fn request() -> Request {
    let schema = file_schema();
    let columns = schema.fields().iter().map(|field| field.name().clone()).collect();
    Request { schema, columns, limit: Some(10_000), bounds: Vec::new() }
}

fn read(scan: Scan) {
    for batch in scan.take(100) {
        let Ok(batch) = batch else { return };
        assert_eq!(batch.schema_ref(), &file_schema());
        for column in batch.columns() {
            assert_eq!(column.len(), batch.num_rows());
            bowyer_fuzz::look(column.as_ref());
        }
    }
}

/// Panics of the decoders are contained and make an error; libFuzzer's own hook would end the process before. Any other panic ends it
/// at the target's edge.
static CONTAINED: LazyLock<()> = LazyLock::new(|| std::panic::set_hook(Box::new(|_| {})));

fuzz_target!(|bytes: &[u8]| {
    LazyLock::force(&CONTAINED);
    let Some((form, content)) = bytes.split_first() else { return };
    if form % 2 == 0 {
        if let Ok(scan) = Scan::stream(Cursor::new(content.to_vec()), &request()) {
            read(scan);
        }
        return;
    }
    let Ok(file) = memfd_create("fuzz", MemfdFlags::CLOEXEC) else { return };
    let mut file = File::from(file);
    if file.write_all(content).is_err() {
        return;
    }
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    if let Ok(scan) = Scan::open(Path::new(&path), &request()) {
        read(scan);
    }
});
