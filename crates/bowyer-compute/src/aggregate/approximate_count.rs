// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! How many distinct values there are, nearly: HyperLogLog.
//!
//! A group with few values keeps their hashes and is exact; a group with more keeps 4,096 registers, whose estimate has a
//! standard error of 1.6 %. The hashes are those of `hash64`, so sketches of two runs agree.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array};
use bowyer_core::{Charge, Column, Memory, Result};

use super::input::{Input, same};
use super::{Accumulator, AggregateContext, Groups};
use crate::scalar::hash::hashes_of;
use crate::{Example, Function, Kind, Overload};

pub(crate) const FAMILY: &[Function] = &[Function::aggregate("approximate_count_distinct")
    .aliases(&["approx_n_unique"])
    .summary("Estimates how many distinct values there are.")
    .notes("Nulls do not count. Exact up to 256 distinct values, else with a standard error of 1.6 %.")
    .args(&["values"])
    .examples(&[Example::new(&["string [\"a\", \"b\", \"a\", null]"], "scalar int64 2")])
    .nullability(|_| false)
    .overloads(&[Overload::aggregate(&[Kind::Any], Kind::Int64, new)])];

const INDEX_BITS: u32 = 12;
const REGISTERS: usize = 1 << INDEX_BITS;
/// So many hashes are kept as they are.
const EXACT: usize = 256;

fn new(context: &AggregateContext<'_>) -> Result<Box<dyn Accumulator>> {
    Ok(Box::new(Sketches { sketches: vec![], charge: context.memory.charge(0)?, memory: context.memory.clone() }))
}

/// What a group has seen.
#[derive(Clone, Debug)]
enum Sketch {
    /// Distinct hashes, in order.
    Few(Vec<u64>),
    /// The most leading zeros of the hashes of each register, and one.
    Many(Vec<u8>),
}

impl Sketch {
    fn add(&mut self, hash: u64) {
        match self {
            Self::Few(hashes) => {
                if let Err(place) = hashes.binary_search(&hash) {
                    hashes.insert(place, hash);
                }
                if hashes.len() > EXACT {
                    let mut registers = vec![0; REGISTERS];
                    hashes.iter().for_each(|hash| count(&mut registers, *hash));
                    *self = Self::Many(registers);
                }
            }
            Self::Many(registers) => count(registers, hash),
        }
    }

    fn merge(&mut self, other: Self) {
        match (&mut *self, other) {
            (_, Self::Few(hashes)) => hashes.into_iter().for_each(|hash| self.add(hash)),
            (Self::Many(registers), Self::Many(others)) => {
                registers.iter_mut().zip(others).for_each(|(register, other)| *register = (*register).max(other));
            }
            (Self::Few(_), mut many) => {
                let few = std::mem::replace(self, Self::Few(vec![]));
                many.merge(few);
                *self = many;
            }
        }
    }

    fn estimate(&self) -> i64 {
        let registers = match self {
            Self::Few(hashes) => return hashes.len() as i64,
            Self::Many(registers) => registers,
        };
        let count = REGISTERS as f64;
        let sum: f64 = registers.iter().map(|register| (-f64::from(*register)).exp2()).sum();
        let estimate = 0.7213 / (1.0 + 1.079 / count) * count * count / sum;
        let empty = registers.iter().filter(|register| **register == 0).count();
        // While many registers are empty, their number says more.
        let corrected =
            if estimate <= 2.5 * count && empty > 0 { count * (count / empty as f64).ln() } else { estimate };
        corrected.round() as i64
    }

    fn byte_len(&self) -> usize {
        match self {
            Self::Few(hashes) => hashes.capacity() * size_of::<u64>(),
            Self::Many(registers) => registers.capacity(),
        }
    }
}

fn count(registers: &mut [u8], hash: u64) {
    let register = &mut registers[(hash >> (64 - INDEX_BITS)) as usize];
    let zeros = (hash << INDEX_BITS | 1 << (INDEX_BITS - 1)).leading_zeros() as u8 + 1;
    *register = (*register).max(zeros);
}

struct Sketches {
    sketches: Vec<Sketch>,
    charge: Charge,
    memory: Memory,
}

impl Sketches {
    fn grow(&mut self, group_count: usize) {
        if self.sketches.len() < group_count {
            self.sketches.resize(group_count, Sketch::Few(vec![]));
        }
    }

    /// Charges what the sketches hold now.
    fn settle(&mut self) -> Result<()> {
        let held: usize = self.sketches.iter().map(Sketch::byte_len).sum();
        self.charge.resize(held + self.sketches.capacity() * size_of::<Sketch>())
    }
}

impl Accumulator for Sketches {
    fn grows(&self) -> bool {
        true
    }

    fn update(&mut self, args: &[Column], groups: Groups<'_>) -> Result<()> {
        let input = Input::new(args)?;
        self.grow(groups.group_count());
        let hashes = hashes_of(&input.array)?;
        // The hashes of a batch are held only here.
        let held = self.memory.charge(hashes.len() * size_of::<u64>())?;
        let sketches = &mut self.sketches;
        if !input.array.data_type().is_null() {
            input.each_valid(groups, |group, row| sketches[group].add(hashes[row]));
        }
        drop(held);
        self.settle()
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, group_indices: &[u32], group_count: usize) -> Result<()> {
        let other = same::<Self>(other)?;
        self.grow(group_count);
        for (&group, sketch) in group_indices.iter().zip(other.sketches) {
            self.sketches[group as usize].merge(sketch);
        }
        self.settle()
    }

    fn evaluate(&mut self, group_count: usize) -> Result<ArrayRef> {
        self.grow(group_count);
        Ok(Arc::new(
            self.sketches.iter().take(group_count).map(|sketch| Some(sketch.estimate())).collect::<Int64Array>(),
        ))
    }

    fn byte_len(&self) -> usize {
        self.charge.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_are_near_and_merging_changes_nothing() {
        for distinct in [0u64, 1, 256, 257, 5_000, 300_000] {
            let array: ArrayRef = Arc::new((0..distinct as i64).map(Some).collect::<Int64Array>());
            let (mut whole, mut halves) = (Sketch::Few(vec![]), [Sketch::Few(vec![]), Sketch::Few(vec![])]);
            for (row, hash) in hashes_of(&array).unwrap().into_iter().enumerate() {
                whole.add(hash);
                halves[usize::from(row % 3 == 0)].add(hash);
            }
            let [mut one, two] = halves;
            one.merge(two);
            assert_eq!(whole.estimate(), one.estimate());
            let off = (whole.estimate() as f64 - distinct as f64).abs();
            assert!(off <= if distinct <= 256 { 0.0 } else { 0.06 * distinct as f64 }, "{distinct}: {off}");
        }
    }
}
