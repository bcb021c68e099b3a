// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Functions over whole columns: selection, sorting, distinct values.

pub mod distinct;
pub mod fill;
mod rows;
pub mod selection;
pub mod sort;
