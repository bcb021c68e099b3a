// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The C ABI as its callers use it: the corpus of function cases, and queries. One program, because linking it takes longer
//! than running it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test whose set-up fails stops there")]

mod calls;
mod corpus;
mod logs;
mod narrow;
mod queries;
mod sequences;
mod streams;
