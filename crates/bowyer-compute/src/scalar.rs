// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Element-wise functions, a file for each family.

pub mod arithmetic;
pub mod bitwise;
pub mod boolean;
pub mod cast;
pub mod comparison;
pub mod conditional;
pub mod element_extremes;
pub mod list;
pub mod list_aggregates;
pub(crate) mod list_values;
pub mod logarithm;
pub mod membership;
pub mod nested;
pub mod power;
pub mod random;
pub(crate) mod real;
pub mod rounding;
mod select;
pub mod string_case;
pub mod string_codes;
pub mod string_distance;
pub mod string_join;
pub mod string_length;
pub mod string_normalize;
pub mod string_pad;
pub mod string_predicate;
pub(crate) mod string_re2;
pub mod string_replace;
pub mod string_search;
pub mod string_slice;
pub mod string_split;
pub mod string_trim;
pub(crate) mod string_unicode;
pub(crate) mod string_values;
pub(crate) mod temporal_civil;
pub mod temporal_difference;
pub mod temporal_extract;
pub(crate) mod temporal_local;
pub mod temporal_parse;
pub(crate) mod temporal_pattern;
pub mod temporal_print;
pub mod temporal_rounding;
pub mod temporal_timezone;
pub(crate) mod temporal_zone;
pub mod trigonometry;
pub mod unary_arithmetic;
pub mod validity;
