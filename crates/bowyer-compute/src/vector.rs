// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Functions over whole columns: selection, sorting, distinct values.

pub mod cumulative;
pub mod distinct;
pub mod encodings;
pub mod ewm;
pub mod ewm_spread;
pub mod fill;
pub mod interpolate;
pub mod list_items;
pub mod mode;
pub mod pairwise;
pub mod permutation;
pub mod quantile_bins;
pub mod rank;
pub mod repeats;
pub mod rolling;
pub(crate) mod rows;
pub mod selection;
pub mod shift;
pub mod sort;
