// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Which of two candidates a value is rounded to.

use arrow_array::ArrowNativeTypeOp;
use arrow_buffer::ArrowNativeType;
use bowyer_core::{Error, Result};

/// A way to round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Down,
    Up,
    TowardsZero,
    TowardsInfinity,
    HalfDown,
    HalfUp,
    HalfTowardsZero,
    HalfTowardsInfinity,
    HalfToEven,
    HalfToOdd,
}

impl Mode {
    pub(super) const NAMES: &[&str] = &[
        "down",
        "up",
        "towards_zero",
        "towards_infinity",
        "half_down",
        "half_up",
        "half_towards_zero",
        "half_towards_infinity",
        "half_to_even",
        "half_to_odd",
    ];

    const ALL: [Self; 10] = [
        Self::Down,
        Self::Up,
        Self::TowardsZero,
        Self::TowardsInfinity,
        Self::HalfDown,
        Self::HalfUp,
        Self::HalfTowardsZero,
        Self::HalfTowardsInfinity,
        Self::HalfToEven,
        Self::HalfToOdd,
    ];

    pub(super) fn of(name: &str) -> Result<Self> {
        let index = Self::NAMES.iter().position(|known| *known == name);
        index.map(|index| Self::ALL[index]).ok_or_else(|| Error::internal("a mode that is not declared"))
    }

    /// Whether to go away from zero, given on which side of zero the value is, how its rest compares with half a
    /// step, and whether the candidate nearer to zero is even.
    #[inline(always)]
    fn goes_away(self, negative: bool, half: std::cmp::Ordering, even: bool) -> bool {
        use std::cmp::Ordering::Equal;
        match self {
            Self::Down => negative,
            Self::Up => !negative,
            Self::TowardsZero => false,
            Self::TowardsInfinity => true,
            _ if half != Equal => half.is_gt(),
            Self::HalfDown => negative,
            Self::HalfUp => !negative,
            Self::HalfTowardsZero => false,
            Self::HalfTowardsInfinity => true,
            Self::HalfToEven => !even,
            Self::HalfToOdd => even,
        }
    }
}

/// The multiple of a positive `multiple` that an integer is rounded to; `None` when it does not fit.
#[inline(always)]
pub(super) fn to_multiple<T: ArrowNativeTypeOp>(value: T, multiple: T, mode: Mode) -> Option<T> {
    let rest = value.mod_wrapping(multiple);
    if rest.is_zero() {
        return Some(value);
    }
    let negative = rest.is_lt(T::ZERO);
    let size = if negative { rest.neg_wrapping() } else { rest };
    let half = size.compare(multiple.sub_wrapping(size));
    let near = value.sub_wrapping(rest);
    let two = T::ONE.add_wrapping(T::ONE);
    let even = value.div_wrapping(multiple).mod_wrapping(two).is_zero();
    if !mode.goes_away(negative, half, even) {
        return Some(near);
    }
    if negative { near.sub_checked(multiple).ok() } else { near.add_checked(multiple).ok() }
}

/// A float that is rounded by scaling it.
pub(super) trait Float: ArrowNativeType {
    fn of(value: f64) -> Self;
    /// Ten to a power; infinite when that is too large.
    fn power(exponent: u64) -> Self;
    /// The value rounded, and whether that overflowed.
    fn to_digits(self, ndigits: i64, scale: Self, mode: Mode) -> (Self, bool);
    /// The value rounded, and whether that overflowed.
    fn to_multiple(self, multiple: Self, mode: Mode) -> (Self, bool);
}

macro_rules! floats {
    ($($float:ty)+) => { $(
        impl Float for $float {
            fn of(value: f64) -> Self {
                value as Self
            }

            fn power(exponent: u64) -> Self {
                if let Some(&power) = POWERS.get(exponent as usize) {
                    return power as Self;
                }
                i32::try_from(exponent).map_or(Self::INFINITY, |exponent| {
                    let wide = 10f64.powi(exponent);
                    wide as Self
                })
            }

            #[inline(always)]
            fn to_digits(self, ndigits: i64, scale: Self, mode: Mode) -> (Self, bool) {
                if !self.is_finite() {
                    return (self, false);
                }
                let scaled = if ndigits >= 0 { self * scale } else { self / scale };
                if scaled.floor() == scaled && scaled.is_finite() {
                    return (self, false);
                }
                let whole = <$float as Whole>::whole(scaled, mode);
                let rounded = if ndigits > 0 { whole / scale } else { whole * scale };
                (rounded, !rounded.is_finite())
            }

            #[inline(always)]
            fn to_multiple(self, multiple: Self, mode: Mode) -> (Self, bool) {
                if !self.is_finite() {
                    return (self, false);
                }
                let scaled = self / multiple;
                if scaled.floor() == scaled && scaled.is_finite() {
                    return (self, false);
                }
                let rounded = <$float as Whole>::whole(scaled, mode) * multiple;
                (rounded, !rounded.is_finite())
            }
        }

        impl Whole for $float {
            #[inline(always)]
            fn whole(self, mode: Mode) -> Self {
                use std::cmp::Ordering;
                if mode == Mode::HalfToEven {
                    return self.round_ties_even();
                }
                let near = self.trunc();
                let rest = (self - near).abs();
                let half = rest.partial_cmp(&0.5).unwrap_or(Ordering::Equal);
                // The remainder of floats would be a call of its own; halving is exact.
                let halved = near * 0.5;
                let away = mode.goes_away(self.is_sign_negative(), half, halved.trunc() == halved);
                if away { near + (1.0 as Self).copysign(self) } else { near }
            }
        }
    )+ };
}

/// The powers of ten that a double holds as they are.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

trait Whole {
    fn whole(self, mode: Mode) -> Self;
}

floats!(f32 f64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_decides_as_its_name_says() {
        let values = [3.2, 3.7, -3.2, -3.7, 3.5, 4.5, -3.5, -4.5];
        let expected = [
            [3, 3, -4, -4, 3, 4, -4, -5],
            [4, 4, -3, -3, 4, 5, -3, -4],
            [3, 3, -3, -3, 3, 4, -3, -4],
            [4, 4, -4, -4, 4, 5, -4, -5],
            [3, 4, -3, -4, 3, 4, -4, -5],
            [3, 4, -3, -4, 4, 5, -3, -4],
            [3, 4, -3, -4, 3, 4, -3, -4],
            [3, 4, -3, -4, 4, 5, -4, -5],
            [3, 4, -3, -4, 4, 4, -4, -4],
            [3, 4, -3, -4, 3, 5, -3, -5],
        ];
        for (mode, expected) in Mode::ALL.into_iter().zip(expected) {
            for (value, expected) in values.into_iter().zip(expected) {
                assert_eq!(value.to_digits(0, 1.0, mode), (f64::from(expected), false), "{mode:?} {value}");
                let tenths = (value * 10.0) as i32;
                assert_eq!(to_multiple(tenths, 10, mode), Some(expected * 10), "{mode:?} {value}");
            }
        }
        assert_eq!(to_multiple(127i8, 10, Mode::HalfUp), None);
        assert_eq!(to_multiple(-128i8, 10, Mode::HalfUp), None);
        assert_eq!(to_multiple(255u8, 10, Mode::Down), Some(250));
    }

    #[test]
    fn floats_are_scaled_in_their_own_arithmetic() {
        let round =
            |value: f64, ndigits: i64| value.to_digits(ndigits, f64::power(ndigits.unsigned_abs()), Mode::HalfToEven);
        assert_eq!(round(2.675, 2), (2.68, false));
        assert_eq!(round(1.005, 2), (1.0, false));
        assert_eq!(round(25.0, -1), (20.0, false));
        assert!(round(1.7e308, -308).1 && round(1.0, 400).1);
        assert!(round(f64::NAN, 1).0.is_nan());
        assert_eq!(round(-0.0, 1).0.to_bits(), (-0.0f64).to_bits());
    }
}
