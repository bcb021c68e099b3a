// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The Arrow C Data and C Stream interfaces, checked before they are used.
//!
//! A batch that comes in passes four stations. `schema::import` turns an `ArrowSchema` into fields; a [`Shape`] lists
//! their nodes. [`raw`] walks the `ArrowArray` structs into a flat list of nodes and sized byte ranges: the only place
//! that follows foreign pointers. [`guard`], which has no unsafe code, checks that list against the shape and returns a
//! [`guard::Proof`]. [`import`] builds arrays from the proof, without copying and without checking again.
//!
//! The way out is [`export`], which keeps native buffers alive and names those that lie inside a borrowed block. Who
//! owns what is in [`ownership`]. Nothing here knows of a function or a plan.

#![cfg_attr(test, expect(clippy::duplicate_mod, reason = "what is scheduled is compiled twice"))]

pub mod c;
pub mod copy;
pub mod export;
pub mod guard;
pub mod import;
pub mod ownership;
pub mod raw;
pub mod reject;
pub mod schema;
pub mod shape;
pub mod stream;

pub use import::{Block, Imported, import_block};
pub use reject::{Case, Rejections};
pub use shape::Shape;
