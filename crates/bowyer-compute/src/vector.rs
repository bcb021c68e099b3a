// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Functions over whole columns: selection, sorting, distinct values.

pub mod distinct;
mod rows;
pub mod fill;
pub mod selection;
pub mod sort;
