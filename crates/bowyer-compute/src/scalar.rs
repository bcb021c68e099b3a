// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Element-wise functions, a file for each family.

pub mod cast;
