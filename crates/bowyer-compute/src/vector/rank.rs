// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The place of each value among all: as a number, as a share, as a score of the normal distribution.
//!
//! All nulls tie, and so do all NaNs.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt64Array};
use bowyer_core::Result;

use super::sort::sorted_as_asked;
use crate::{Args, Example, Function, Kind, OptionDefault, OptionKind, OptionSpec, Overload};

const SORT_KEYS: OptionSpec = OptionSpec::new(
    "sort_keys",
    OptionKind::Choice(&["ascending", "descending"]),
    OptionDefault::Utf8("ascending"),
    "Which values come first.",
);
const NULL_PLACEMENT: OptionSpec = OptionSpec::new(
    "null_placement",
    OptionKind::Choice(&["at_end", "at_start"]),
    OptionDefault::Null,
    "Where nulls and NaNs go: at the end without it.",
);

/// The functions of this family.
pub const FAMILY: &[Function] = &[
    Function::vector("rank")
        .summary("Numbers the values by their order, from 1.")
        .args(&["values"])
        .options(&[
            SORT_KEYS,
            NULL_PLACEMENT,
            OptionSpec::new(
                "tiebreaker",
                OptionKind::Choice(&["first", "min", "max", "dense"]),
                OptionDefault::Utf8("first"),
                "What equal values get: numbers by their rows, the least or greatest of these, or numbers without gaps.",
            ),
        ])
        .examples(&[
            Example::new(&["int64 [30, 10, 30, null]"], "uint64 [2, 1, 3, 4]"),
            Example::new(&["int64 [30, 10, 30, null]"], "uint64 [2, 1, 2, 4]").with(&[("tiebreaker", "\"min\"")]),
        ])
        .nullability(|_| false)
        .overloads(&[Overload::vector(&[Kind::Any], Kind::UInt64, rank)]),
    Function::vector("rank_quantile")
        .summary("Gives the share of values below each, half of its equals included.")
        .args(&["values"])
        .options(&[SORT_KEYS, NULL_PLACEMENT])
        .examples(&[Example::new(&["int64 [30, 10]"], "double [0.75, 0.25]")])
        .nullability(|_| false)
        .overloads(&[Overload::vector(&[Kind::Any], Kind::Float64, |args| shares(args, |share| share))]),
    Function::vector("rank_normal")
        .summary("Gives the value of the normal distribution that has the share rank_quantile gives below it.")
        .args(&["values"])
        .options(&[SORT_KEYS, NULL_PLACEMENT])
        .examples(&[Example::new(&["int64 [20, 30, 10]"], "double [0, 0.9674215661017014, -0.9674215661017014]")])
        .nullability(|_| false)
        .overloads(&[Overload::vector(&[Kind::Any], Kind::Float64, |args| shares(args, normal))]),
];

fn sorted(args: &Args<'_>) -> Result<(Vec<u32>, Vec<bool>)> {
    let options = args.options();
    let nulls_first = !options.is_null("null_placement")? && options.utf8("null_placement")? == "at_start";
    sorted_as_asked(&args.array(0)?, options.utf8("sort_keys")? == "descending", nulls_first)
}

/// Where each run of equal values begins and ends in the order.
fn ties(differs: &[bool]) -> Vec<(usize, usize)> {
    let mut ties: Vec<(usize, usize)> = Vec::new();
    for (at, differs) in differs.iter().enumerate() {
        match ties.last_mut() {
            Some((_, end)) if !differs => *end = at + 1,
            _ => ties.push((at, at + 1)),
        }
    }
    ties
}

fn rank(args: &Args<'_>) -> Result<ArrayRef> {
    let (rows, differs) = sorted(args)?;
    let tiebreaker = args.options().utf8("tiebreaker")?;
    let mut ranks = vec![0u64; rows.len()];
    for (number, (start, end)) in ties(&differs).into_iter().enumerate() {
        for at in start..end {
            let rank = match tiebreaker {
                "min" => start + 1,
                "max" => end,
                "dense" => number + 1,
                _ => at + 1,
            };
            ranks[rows[at] as usize] = rank as u64;
        }
    }
    Ok(Arc::new(UInt64Array::from(ranks)))
}

fn shares(args: &Args<'_>, of: impl Fn(f64) -> f64) -> Result<ArrayRef> {
    let (rows, differs) = sorted(args)?;
    let mut shares = vec![0.0; rows.len()];
    for (start, end) in ties(&differs) {
        let share = of((start + end) as f64 / 2.0 / rows.len() as f64);
        rows[start..end].iter().for_each(|row| shares[*row as usize] = share);
    }
    Ok(Arc::new(Float64Array::from(shares)))
}

fn polynomial(coefficients: [f64; 8], at: f64) -> f64 {
    coefficients.into_iter().rev().fold(0.0, |value, coefficient| value * at + coefficient)
}

/// The value that a standard normal variable is below with this probability: algorithm AS 241 of M. J. Wichura (1988).
fn normal(probability: f64) -> f64 {
    let distance = probability - 0.5;
    if distance.abs() <= 0.425 {
        let r = 0.180625 - distance * distance;
        return distance * polynomial(CENTRE.0, r) / polynomial(CENTRE.1, r);
    }
    let tail = if distance < 0.0 { probability } else { 1.0 - probability };
    let r = (-tail.ln()).sqrt();
    let value = if r <= 5.0 {
        polynomial(SIDE.0, r - 1.6) / polynomial(SIDE.1, r - 1.6)
    } else {
        polynomial(TAIL.0, r - 5.0) / polynomial(TAIL.1, r - 5.0)
    };
    if distance < 0.0 { -value } else { value }
}

const CENTRE: ([f64; 8], [f64; 8]) = (
    [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_854,
    ],
);
const SIDE: ([f64; 8], [f64; 8]) = (
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        0.000_774_545_014_278_341_4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        0.000_547_593_808_499_534_5,
        1.050_750_071_644_416_9e-9,
    ],
);
const TAIL: ([f64; 8], [f64; 8]) = (
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        0.000_786_869_131_145_613_3,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_7e-15,
    ],
);
