// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The messages of the contract (`proto/bowyer/v1`), generated at build time, and their descriptors.
//!
//! Only types live here. Reading and refusing is in `message`, the JSON form in `json`.

#![expect(missing_docs, reason = "the messages are documented in the contract's files")]
#![expect(clippy::doc_markdown, reason = "the contract's comments are not written for rustdoc")]
#![expect(clippy::large_enum_variant, reason = "the generator makes the variants; there are few relations in a plan")]
#![expect(clippy::use_self, reason = "the generator names a message in its own fields")]

include!(concat!(env!("OUT_DIR"), "/bowyer.v1.rs"));

/// The encoded descriptor set of the contract.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
