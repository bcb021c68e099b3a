// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Compiles the contract in `proto/` to Rust types and keeps its descriptor set, in pure Rust: no `protoc` is needed.
//!
//! The descriptors let the engine refuse fields it does not know and read the canonical JSON form.

use std::error::Error;
use std::path::PathBuf;

const FILES: [&str; 4] =
    ["bowyer/v1/schema.proto", "bowyer/v1/plan.proto", "bowyer/v1/engine.proto", "bowyer/v1/worker.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    println!("cargo:rerun-if-changed={}", root.display());
    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true);
    compiler.open_files(FILES)?;
    std::fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    let mut config = prost_build::Config::new();
    config.enable_type_names();
    config.compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
