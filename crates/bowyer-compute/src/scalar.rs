// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Element-wise functions, a file for each family.

pub mod arithmetic;
pub mod boolean;
pub mod cast;
pub mod comparison;
pub(crate) mod string_values;
pub(crate) mod temporal_civil;
pub(crate) mod temporal_zone;
