// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Numbers of a fixed count of digits, such as the parts of dates and times.

/// The two digits of a number below 100.
#[inline(always)]
pub(crate) fn two(number: i64) -> [u8; 2] {
    let number = number as u8;
    [b'0' + number / 10, b'0' + number % 10]
}

/// The four digits of a number below 10,000.
#[inline(always)]
pub(crate) fn four(number: u64) -> [u8; 4] {
    let number = number as u32;
    let ([a, b], [c, d]) = (two(i64::from(number / 100)), two(i64::from(number % 100)));
    [a, b, c, d]
}

/// Fills all places with the last digits of a number, zeros before them.
#[inline(always)]
pub(crate) fn fill(places: &mut [u8], mut number: u32) {
    for place in places.iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_all_their_digits() {
        assert_eq!((two(7), two(99)), (*b"07", *b"99"));
        assert_eq!((four(42), four(9999)), (*b"0042", *b"9999"));
        let mut places = [0; 6];
        fill(&mut places, 1_234);
        assert_eq!(&places, b"001234");
    }
}
