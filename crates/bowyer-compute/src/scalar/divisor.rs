// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Division of a whole column by one number: a multiplication and a shift for each row.
//!
//! The quotient of a number below 2^63 is the upper part of its product with the divisor's reciprocal, rounded up, when
//! that has 64 bits (Granlund and Montgomery, *Division by Invariant Integers using Multiplication*, 1994). A negative
//! number is divided as its complement: ⌊n/d⌋ = ¬⌊¬n/d⌋.

/// A positive number to divide by, rounding down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Divisor {
    value: i64,
    reciprocal: u64,
    shift: u32,
}

impl Divisor {
    /// Division by `value`; by one where that is not positive.
    pub(crate) fn new(value: i64) -> Self {
        let value = value.max(1);
        let shift = 64 - (value - 1).leading_zeros();
        let reciprocal = (1_u128 << (63 + shift)) / value as u128 + 1;
        Self { value, reciprocal: reciprocal as u64, shift }
    }

    /// The number.
    #[inline(always)]
    pub(crate) fn value(self) -> i64 {
        self.value
    }

    /// The greatest whole number that is not above `number / self`.
    #[inline(always)]
    pub(crate) fn floor(self, number: i64) -> i64 {
        let sign = number >> 63;
        // Twice the number: its product's upper half is then the quotient, but for the shift.
        let product = u128::from(((number ^ sign) as u64) << 1) * u128::from(self.reciprocal);
        ((product >> 64) as u64 >> self.shift) as i64 ^ sign
    }

    /// What is left of `number` after [`Self::floor`], from 0 to below the divisor.
    #[inline(always)]
    pub(crate) fn rest(self, number: i64) -> i64 {
        number.wrapping_sub(self.floor(number).wrapping_mul(self.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_those_of_division() {
        let mut divisors: Vec<i64> =
            (1..200).chain([86_400, 86_400_000_000_000, 146_097, i64::MAX, i64::MAX - 1]).collect();
        divisors.extend((1..63).flat_map(|bit| [(1_i64 << bit) - 1, 1 << bit, (1 << bit) + 1]));
        let mut numbers = vec![0, 1, -1, i64::MAX, i64::MIN, i64::MAX - 1, i64::MIN + 1];
        let mut state = 7_u64;
        for bit in 0..63 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            numbers.extend([1 << bit, -(1 << bit), (1 << bit) - 1, state as i64, state as i64 >> bit]);
        }
        for divisor in divisors {
            let by = Divisor::new(divisor);
            for edge in [divisor, divisor - 1, divisor.wrapping_mul(3), divisor.wrapping_mul(3) - 1, -divisor] {
                numbers.push(edge);
            }
            for &number in &numbers {
                assert_eq!(by.floor(number), number.div_euclid(divisor), "{number} / {divisor}");
                assert_eq!(by.rest(number), number.rem_euclid(divisor), "{number} % {divisor}");
            }
            numbers.truncate(numbers.len() - 5);
        }
    }
}
