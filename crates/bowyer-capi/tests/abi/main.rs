// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The C ABI as its callers use it: the corpus of function cases, and queries. One program, because linking it takes longer
//! than running it.

mod calls;
mod corpus;
mod queries;
